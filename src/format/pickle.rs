//! A restricted unpickler: it builds tensors and plain data, and executes nothing.
//!
//! A pickle is a program for a stack machine; a general one may call any function. This one knows the opcodes that `torch.save` writes and the few
//! globals of [`GLOBALS`], whose meaning is built in. Any other opcode or global is refused by name. Sizes are bounded by the file's own length, depth and
//! the number of values by [`MAX_DEPTH`] and [`MAX_VALUES`] (a pickle may refer to one list many times over), and a tensor must lie inside its storage.

use super::Dtype;
use crate::{Error, Result, bail};
use std::collections::HashMap;
use std::rc::Rc;

/// Lists in lists in lists: published files nest to about eight.
pub const MAX_DEPTH: usize = 64;
/// Values of the finished tree.
pub const MAX_VALUES: usize = 1 << 22;
/// Values on the stack, in the memo, and containers: a short pickle must not fill the memory.
const MAX_ITEMS: usize = 1 << 23;
/// Bytes of a pickle; the tensors' numbers lie outside of it.
const MAX_PICKLE: usize = 1 << 26;
const MAX_DIMENSIONS: usize = 8;

/// What a pickle holds. Strings and tensors borrow from the file.
#[derive(Clone, Debug, PartialEq)]
pub enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
    List(Vec<Value<'a>>),
    Tuple(Vec<Value<'a>>),
    /// In the order of the file; keys may be anything, and a key set twice stands where it first stood, with the later value.
    Dict(Vec<(Value<'a>, Value<'a>)>),
    Tensor(Rc<Tensor<'a>>),
}

impl<'a> Value<'a> {
    /// The value under a string key of a dict.
    pub fn get(&self, key: &str) -> Option<&Value<'a>> {
        match self {
            Value::Dict(items) => {
                items.iter().find(|(k, _)| matches!(k, Value::Str(k) if *k == key)).map(|(_, value)| value)
            }
            _ => None,
        }
    }
}

/// A view of a storage, checked to lie inside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Tensor<'a> {
    pub dtype: Dtype,
    pub shape: Vec<usize>,
    /// In elements.
    stride: Vec<usize>,
    /// In elements.
    offset: usize,
    storage: &'a [u8],
}

impl<'a> Tensor<'a> {
    /// Elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The elements' bytes, row-major; borrowed where the tensor is contiguous.
    pub fn to_bytes(&self) -> std::borrow::Cow<'a, [u8]> {
        let size = self.dtype.size();
        if self.is_contiguous() {
            return self.storage[self.offset * size..][..self.len() * size].into();
        }
        let mut bytes = Vec::with_capacity(self.len() * size);
        self.for_each_offset(|at| bytes.extend_from_slice(&self.storage[at * size..][..size]));
        bytes.into()
    }

    /// The elements as f64, row-major. Exact except for integers beyond 2^53.
    pub fn to_f64(&self) -> Vec<f64> {
        let size = self.dtype.size();
        let mut numbers = Vec::with_capacity(self.len());
        self.for_each_offset(|at| numbers.push(self.dtype.decode(&self.storage[at * size..][..size])));
        numbers
    }

    fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        self.is_empty()
            || self.shape.iter().zip(&self.stride).rev().all(|(&size, &stride)| {
                let fits = size == 1 || stride == expected;
                expected *= size;
                fits
            })
    }

    fn for_each_offset(&self, mut visit: impl FnMut(usize)) {
        let mut index = vec![0; self.shape.len()];
        for _ in 0..self.len() {
            visit(self.offset + index.iter().zip(&self.stride).map(|(index, stride)| index * stride).sum::<usize>());
            for (at, size) in index.iter_mut().zip(&self.shape).rev() {
                *at += 1;
                if *at < *size {
                    break;
                }
                *at = 0;
            }
        }
    }
}

/// Runs the pickle. `storage` finds a storage's bytes by its key.
///
/// # Errors
/// Names the opcode, global or tensor that is refused, and where.
pub fn read<'a>(pickle: &'a [u8], storage: &dyn Fn(&str) -> Option<&'a [u8]>) -> Result<Value<'a>> {
    if pickle.len() > MAX_PICKLE {
        bail!("the pickle has {} bytes; at most {MAX_PICKLE} are taken", pickle.len());
    }
    let mut machine = Machine {
        rest: pickle,
        len: pickle.len(),
        storage,
        stack: Vec::new(),
        memo: HashMap::new(),
        objects: Vec::new(),
    };
    let root = machine.run()?;
    let mut left = MAX_VALUES;
    machine.tree(&root, 0, &mut left)
}

/// The functions and types that a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Global {
    OrderedDict,
    RebuildTensor,
    RebuildParameter,
    Size,
    Storage(Dtype),
}

const GLOBALS: &[(&str, &str, Global)] = &[
    ("collections", "OrderedDict", Global::OrderedDict),
    ("torch._utils", "_rebuild_tensor_v2", Global::RebuildTensor),
    ("torch._utils", "_rebuild_parameter", Global::RebuildParameter),
    ("torch", "Size", Global::Size),
    ("torch", "DoubleStorage", Global::Storage(Dtype::F64)),
    ("torch", "FloatStorage", Global::Storage(Dtype::F32)),
    ("torch", "HalfStorage", Global::Storage(Dtype::F16)),
    ("torch", "BFloat16Storage", Global::Storage(Dtype::BF16)),
    ("torch", "LongStorage", Global::Storage(Dtype::I64)),
    ("torch", "IntStorage", Global::Storage(Dtype::I32)),
    ("torch", "ShortStorage", Global::Storage(Dtype::I16)),
    ("torch", "CharStorage", Global::Storage(Dtype::I8)),
    ("torch", "ByteStorage", Global::Storage(Dtype::U8)),
    ("torch", "BoolStorage", Global::Storage(Dtype::Bool)),
];

/// What lies on the stack. Containers lie in [`Machine::objects`], because a pickle fills them after it has stored references to them.
#[derive(Clone)]
enum Item<'a> {
    Mark,
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(&'a str),
    Object(usize),
    Tensor(Rc<Tensor<'a>>),
    Global(Global),
    Storage { dtype: Dtype, bytes: &'a [u8] },
}

enum Object<'a> {
    List(Vec<Item<'a>>),
    Tuple(Vec<Item<'a>>),
    Dict(Vec<(Item<'a>, Item<'a>)>),
}

struct Machine<'a, 's> {
    rest: &'a [u8],
    len: usize,
    storage: &'s dyn Fn(&str) -> Option<&'a [u8]>,
    stack: Vec<Item<'a>>,
    memo: HashMap<u32, Item<'a>>,
    objects: Vec<Object<'a>>,
}

impl<'a> Machine<'a, '_> {
    fn run(&mut self) -> Result<Item<'a>> {
        loop {
            let at = self.len - self.rest.len();
            let opcode = self.take(1)?[0];
            if opcode == b'.' {
                let root = self.pop()?;
                return match self.stack.is_empty() {
                    true => Ok(root),
                    false => Err(self.wrong("it ends with more than one value")),
                };
            }
            self.step(opcode, at)?;
            if self.stack.len().max(self.memo.len()).max(self.objects.len()) > MAX_ITEMS {
                return Err(self.wrong("it holds more values than any model does"));
            }
        }
    }

    fn step(&mut self, opcode: u8, at: usize) -> Result<()> {
        match opcode {
            b'\x80' => match self.take(1)?[0] {
                2..=5 => {}
                version => bail!("the pickle has protocol {version}; torch.save writes 2 to 5"),
            },
            b'\x95' => drop(self.take(8)?), // FRAME: the length of what follows, for readers that stream
            b'(' => self.stack.push(Item::Mark),
            b'N' => self.stack.push(Item::None),
            b'\x88' => self.stack.push(Item::Bool(true)),
            b'\x89' => self.stack.push(Item::Bool(false)),
            b'K' => {
                let int = self.take(1)?[0];
                self.stack.push(Item::Int(int as i64));
            }
            b'M' => {
                let int = u16::from_le_bytes(self.array()?);
                self.stack.push(Item::Int(int as i64));
            }
            b'J' => {
                let int = i32::from_le_bytes(self.array()?);
                self.stack.push(Item::Int(int as i64));
            }
            b'\x8a' => self.long()?,
            b'G' => {
                let float = f64::from_be_bytes(self.array()?);
                self.stack.push(Item::Float(float));
            }
            b'X' => {
                let len = u32::from_le_bytes(self.array()?) as usize;
                self.text(len)?;
            }
            b'\x8c' => {
                let len = self.take(1)?[0] as usize;
                self.text(len)?;
            }
            b']' => self.push_object(Object::List(Vec::new())),
            b'}' => self.push_object(Object::Dict(Vec::new())),
            b')' => self.push_object(Object::Tuple(Vec::new())),
            b't' => {
                let items = self.pop_to_mark()?;
                self.push_object(Object::Tuple(items));
            }
            b'\x85'..=b'\x87' => {
                let count = (opcode - b'\x84') as usize;
                let mut items = Vec::new();
                for _ in 0..count {
                    items.push(self.pop()?);
                }
                items.reverse();
                self.push_object(Object::Tuple(items));
            }
            b'a' => {
                let item = self.pop()?;
                self.append(vec![item])?;
            }
            b'e' => {
                let items = self.pop_to_mark()?;
                self.append(items)?;
            }
            b's' => {
                let value = self.pop()?;
                let key = self.pop()?;
                self.set_items(vec![key, value])?;
            }
            b'u' => {
                let items = self.pop_to_mark()?;
                self.set_items(items)?;
            }
            b'q' => {
                let index = self.take(1)?[0] as u32;
                self.put(index)?;
            }
            b'r' => {
                let index = u32::from_le_bytes(self.array()?);
                self.put(index)?;
            }
            b'\x94' => self.put(self.memo.len() as u32)?,
            b'h' => {
                let index = self.take(1)?[0] as u32;
                self.get(index)?;
            }
            b'j' => {
                let index = u32::from_le_bytes(self.array()?);
                self.get(index)?;
            }
            b'c' => {
                let module = self.line()?;
                let name = self.line()?;
                self.global(module, name)?;
            }
            b'\x93' => match (self.pop()?, self.pop()?) {
                (Item::Str(name), Item::Str(module)) => self.global(module, name)?,
                _ => return Err(self.wrong("a global's name is not text")),
            },
            b'Q' => self.persistent()?,
            b'R' => self.reduce()?,
            b'b' => self.build()?,
            _ => bail!(
                "the pickle uses {} at byte {at}, which this program refuses: it builds tensors and plain data only",
                opcode_name(opcode)
            ),
        }
        Ok(())
    }

    fn wrong(&self, what: &str) -> Error {
        Error::invalid(format!("the pickle is damaged before byte {}: {what}", self.len - self.rest.len()))
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.wrong("it was cut off")),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.take(N)?.try_into().expect("take returns what is asked for"))
    }

    fn line(&mut self) -> Result<&'a str> {
        let Some(end) = self.rest.iter().position(|&byte| byte == b'\n') else {
            return Err(self.wrong("it was cut off"));
        };
        let line = self.take(end)?;
        self.take(1)?;
        std::str::from_utf8(line).map_err(|_| self.wrong("a name is not text"))
    }

    fn text(&mut self, len: usize) -> Result<()> {
        let text = self.take(len)?;
        let text = std::str::from_utf8(text).map_err(|_| self.wrong("a string is not text"))?;
        self.stack.push(Item::Str(text));
        Ok(())
    }

    /// LONG1: a little-endian two's complement integer of up to 8 bytes.
    fn long(&mut self) -> Result<()> {
        let len = self.take(1)?[0] as usize;
        if len > 8 {
            return Err(self.wrong("an integer has more than 64 bits"));
        }
        let bytes = self.take(len)?;
        let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
        let mut wide = if negative { [0xff; 8] } else { [0; 8] };
        wide[..len].copy_from_slice(bytes);
        self.stack.push(Item::Int(i64::from_le_bytes(wide)));
        Ok(())
    }

    fn push_object(&mut self, object: Object<'a>) {
        self.objects.push(object);
        self.stack.push(Item::Object(self.objects.len() - 1));
    }

    fn pop(&mut self) -> Result<Item<'a>> {
        match self.stack.pop() {
            None => Err(self.wrong("it takes a value from an empty stack")),
            Some(Item::Mark) => Err(self.wrong("it takes a mark for a value")),
            Some(item) => Ok(item),
        }
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Item<'a>>> {
        match self.stack.iter().rposition(|item| matches!(item, Item::Mark)) {
            Some(mark) => {
                let items = self.stack.split_off(mark + 1);
                self.stack.pop();
                Ok(items)
            }
            None => Err(self.wrong("it asks for a mark that is not there")),
        }
    }

    /// The container on top of the stack, which stays there.
    fn top(&mut self) -> Result<&mut Object<'a>> {
        match self.stack.last() {
            Some(Item::Object(at)) => Ok(&mut self.objects[*at]),
            _ => Err(self.wrong("it adds items to what is no container")),
        }
    }

    fn append(&mut self, items: Vec<Item<'a>>) -> Result<()> {
        match self.top()? {
            Object::List(list) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(self.wrong("it appends to what is no list")),
        }
    }

    fn set_items(&mut self, items: Vec<Item<'a>>) -> Result<()> {
        if !items.len().is_multiple_of(2) {
            return Err(self.wrong("it sets a key without a value"));
        }
        let mut items = items.into_iter();
        match self.top()? {
            Object::Dict(dict) => {
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    dict.push((key, value));
                }
                Ok(())
            }
            _ => Err(self.wrong("it sets items of what is no dict")),
        }
    }

    fn put(&mut self, index: u32) -> Result<()> {
        let item = self.pop()?;
        self.memo.insert(index, item.clone());
        self.stack.push(item);
        Ok(())
    }

    fn get(&mut self, index: u32) -> Result<()> {
        match self.memo.get(&index) {
            Some(item) => self.stack.push(item.clone()),
            None => return Err(self.wrong("it recalls a value that it never stored")),
        }
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str) -> Result<()> {
        match GLOBALS.iter().find(|global| (global.0, global.1) == (module, name)) {
            Some((_, _, global)) => {
                self.stack.push(Item::Global(*global));
                Ok(())
            }
            None => bail!(
                "the pickle asks for {}.{}, which this program refuses: it builds tensors and plain data only",
                printable(module),
                printable(name)
            ),
        }
    }

    fn tuple(&self, item: &Item<'a>) -> Option<&[Item<'a>]> {
        match item {
            Item::Object(at) => match &self.objects[*at] {
                Object::Tuple(items) => Some(items),
                _ => None,
            },
            _ => None,
        }
    }

    /// BINPERSID: a storage, as `("storage", type, key, device, elements)`.
    fn persistent(&mut self) -> Result<()> {
        let id = self.pop()?;
        let Some(
            [Item::Str("storage"), Item::Global(Global::Storage(dtype)), Item::Str(key), Item::Str(_), Item::Int(len)],
        ) = self.tuple(&id)
        else {
            return Err(self.wrong("a storage is not described as torch does it"));
        };
        let (dtype, key, len) = (*dtype, *key, *len);
        let Some(bytes) = (self.storage)(key) else {
            bail!("the pickle refers to the storage \"{}\", which the file does not hold", printable(key));
        };
        if usize::try_from(len).ok().and_then(|len| len.checked_mul(dtype.size())) != Some(bytes.len()) {
            bail!("the storage {key} should hold {len} {} numbers, but has {} bytes", dtype.name(), bytes.len());
        }
        self.stack.push(Item::Storage { dtype, bytes });
        Ok(())
    }

    fn reduce(&mut self) -> Result<()> {
        let arguments = self.pop()?;
        let callee = self.pop()?;
        let (Item::Global(global), Some(arguments)) = (callee, self.tuple(&arguments)) else {
            return Err(self.wrong("it calls what is no function"));
        };
        match (global, arguments) {
            (Global::OrderedDict, []) => self.push_object(Object::Dict(Vec::new())),
            (Global::Size, [sizes]) if self.tuple(sizes).is_some() => {
                let sizes = sizes.clone();
                self.stack.push(sizes);
            }
            (Global::RebuildParameter, [Item::Tensor(tensor), ..]) => {
                let tensor = tensor.clone();
                self.stack.push(Item::Tensor(tensor));
            }
            (Global::RebuildTensor, [Item::Storage { dtype, bytes }, Item::Int(offset), shape, stride, ..]) => {
                let tensor = self.tensor(*dtype, bytes, *offset, shape, stride)?;
                self.stack.push(Item::Tensor(Rc::new(tensor)));
            }
            _ => return Err(self.wrong("it calls a function with arguments that torch does not pass")),
        }
        Ok(())
    }

    fn tensor(
        &self,
        dtype: Dtype,
        storage: &'a [u8],
        offset: i64,
        shape: &Item<'a>,
        stride: &Item<'a>,
    ) -> Result<Tensor<'a>> {
        let sizes = |item| -> Option<Vec<usize>> {
            let sizes = self.tuple(item).filter(|sizes| sizes.len() <= MAX_DIMENSIONS)?;
            let size = |size: &Item| match size {
                Item::Int(size) => usize::try_from(*size).ok(),
                _ => None,
            };
            sizes.iter().map(size).collect()
        };
        let (Some(shape), Some(stride), Ok(offset)) = (sizes(shape), sizes(stride), usize::try_from(offset)) else {
            return Err(self.wrong("a tensor's shape, strides or offset are not sizes, or too many"));
        };
        if shape.len() != stride.len() {
            return Err(self.wrong("a tensor's shape and strides do not fit each other"));
        }
        let elements = storage.len() / dtype.size();
        let len = shape.iter().try_fold(1usize, |len, &size| len.checked_mul(size));
        // One past the last element that the view reaches; a view of nothing reaches nothing.
        let reach = match len {
            Some(0) => Some(0),
            Some(_) => shape
                .iter()
                .zip(&stride)
                .try_fold(offset.checked_add(1), |reach, (&size, &stride)| {
                    Some(reach.and_then(|reach| reach.checked_add((size - 1).checked_mul(stride)?)))
                })
                .flatten(),
            None => None,
        };
        // A view that repeats elements (stride 0) could claim any size.
        match (len, reach) {
            (Some(len), Some(reach)) if reach <= elements && len <= elements => {
                Ok(Tensor { dtype, shape, stride, offset: if len == 0 { 0 } else { offset }, storage })
            }
            _ => bail!(
                "a tensor of shape {shape:?}, strides {stride:?} and offset {offset} does not lie in its storage of {elements} elements"
            ),
        }
    }

    /// BUILD: only `OrderedDict`'s attribute `_metadata`, which is dropped.
    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        let metadata_only = match state {
            Item::Object(at) => match &self.objects[at] {
                Object::Dict(items) => matches!(items[..], [(Item::Str("_metadata"), _)]),
                _ => false,
            },
            _ => false,
        };
        if !metadata_only || !matches!(self.top()?, Object::Dict(_)) {
            bail!("the pickle sets attributes (BUILD) other than a state dict's _metadata, which this program refuses");
        }
        Ok(())
    }

    /// The tree under `item`; `left` is how many more values it may have.
    fn tree(&self, item: &Item<'a>, depth: usize, left: &mut usize) -> Result<Value<'a>> {
        if *left == 0 {
            bail!("the pickle unfolds to more than {MAX_VALUES} values");
        }
        if depth > MAX_DEPTH {
            bail!("the pickle nests more than {MAX_DEPTH} deep");
        }
        *left -= 1;
        Ok(match item {
            Item::None => Value::None,
            Item::Bool(value) => Value::Bool(*value),
            Item::Int(value) => Value::Int(*value),
            Item::Float(value) => Value::Float(*value),
            Item::Str(value) => Value::Str(value),
            Item::Tensor(tensor) => Value::Tensor(tensor.clone()),
            Item::Object(at) => match &self.objects[*at] {
                Object::List(items) => Value::List(self.trees(items, depth, left)?),
                Object::Tuple(items) => Value::Tuple(self.trees(items, depth, left)?),
                Object::Dict(items) => Value::Dict(self.dict(items, depth, left)?),
            },
            Item::Mark | Item::Global(_) | Item::Storage { .. } => {
                bail!("the pickle holds a function or a bare storage where a value is expected")
            }
        })
    }

    fn trees(&self, items: &[Item<'a>], depth: usize, left: &mut usize) -> Result<Vec<Value<'a>>> {
        items.iter().map(|item| self.tree(item, depth + 1, left)).collect()
    }

    fn dict(
        &self,
        items: &[(Item<'a>, Item<'a>)],
        depth: usize,
        left: &mut usize,
    ) -> Result<Vec<(Value<'a>, Value<'a>)>> {
        let mut places: HashMap<&str, usize> = HashMap::new();
        let mut out: Vec<(Value, Value)> = Vec::new();
        for (key, value) in items {
            let value = self.tree(value, depth + 1, left)?;
            let key = self.tree(key, depth + 1, left)?;
            match key {
                Value::Str(text) => match places.get(text) {
                    Some(&place) => out[place].1 = value,
                    None => {
                        places.insert(text, out.len());
                        out.push((key, value));
                    }
                },
                _ => out.push((key, value)),
            }
        }
        Ok(out)
    }
}

/// A name from a file, fit to be shown.
fn printable(text: &str) -> String {
    text.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}

/// Python's name of an opcode (pickletools), for errors.
fn opcode_name(opcode: u8) -> String {
    let name = match opcode {
        b'0' => "POP",
        b'1' => "POP_MARK",
        b'2' => "DUP",
        b'F' => "FLOAT",
        b'I' => "INT",
        b'L' => "LONG",
        b'\x8b' => "LONG4",
        b'S' => "STRING",
        b'T' => "BINSTRING",
        b'U' => "SHORT_BINSTRING",
        b'V' => "UNICODE",
        b'\x8d' => "BINUNICODE8",
        b'B' => "BINBYTES",
        b'C' => "SHORT_BINBYTES",
        b'\x8e' => "BINBYTES8",
        b'\x96' => "BYTEARRAY8",
        b'\x97' => "NEXT_BUFFER",
        b'\x98' => "READONLY_BUFFER",
        b'l' => "LIST",
        b'd' => "DICT",
        b'p' => "PUT",
        b'g' => "GET",
        b'P' => "PERSID",
        b'i' => "INST",
        b'o' => "OBJ",
        b'\x81' => "NEWOBJ",
        b'\x92' => "NEWOBJ_EX",
        b'\x82' => "EXT1",
        b'\x83' => "EXT2",
        b'\x84' => "EXT4",
        b'\x8f' => "EMPTY_SET",
        b'\x90' => "ADDITEMS",
        b'\x91' => "FROZENSET",
        _ => return format!("the unknown opcode 0x{opcode:02x}"),
    };
    format!("the opcode {name}")
}
