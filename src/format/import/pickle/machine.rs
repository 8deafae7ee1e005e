//! The stack machine that runs a pickle.

use super::opcode::{opcode_name, printable};
use super::tensor::{MAX_DIMENSIONS, Tensor};
use super::{MAX_DEPTH, MAX_VALUES, Value};
use crate::format::Dtype;
use crate::{Error, Result, bail};
use std::collections::HashMap;
use std::rc::Rc;

/// Values on the stack, in the memo, and containers: a short pickle must not fill the memory.
const MAX_ITEMS: usize = 1 << 23;

/// The functions and types that a pickle may name.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Global {
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

/// A value on the stack. Containers are in [`Machine::objects`], because a pickle stores references to them before it fills them.
#[derive(Clone)]
pub(super) enum Item<'a> {
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

pub(super) struct Machine<'a, 's> {
    rest: &'a [u8],
    len: usize,
    storage: &'s dyn Fn(&str) -> Option<&'a [u8]>,
    stack: Vec<Item<'a>>,
    memo: HashMap<u32, Item<'a>>,
    objects: Vec<Object<'a>>,
}

impl<'a, 's> Machine<'a, 's> {
    /// `storage` finds a storage's bytes by its key.
    pub fn new(pickle: &'a [u8], storage: &'s dyn Fn(&str) -> Option<&'a [u8]>) -> Self {
        let (stack, memo, objects) = (Vec::new(), HashMap::new(), Vec::new());
        Machine { rest: pickle, len: pickle.len(), storage, stack, memo, objects }
    }

    /// Runs to the end; the pickle's value.
    pub fn run(&mut self) -> Result<Item<'a>> {
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
            _ => Err(self.wrong("it adds items to a value that is not a container")),
        }
    }

    fn append(&mut self, items: Vec<Item<'a>>) -> Result<()> {
        match self.top()? {
            Object::List(list) => {
                list.extend(items);
                Ok(())
            }
            _ => Err(self.wrong("it appends to a value that is not a list")),
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
            _ => Err(self.wrong("it sets items of a value that is not a dict")),
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
            return Err(self.wrong("it calls a value that is not a function"));
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
                let (Some(shape), Some(stride), Ok(offset)) =
                    (self.sizes(shape), self.sizes(stride), usize::try_from(*offset))
                else {
                    return Err(self.wrong("a tensor's shape, strides or offset are not sizes, or too many"));
                };
                let tensor = Tensor::new(*dtype, shape, stride, offset, bytes)?;
                self.stack.push(Item::Tensor(Rc::new(tensor)));
            }
            _ => return Err(self.wrong("it calls a function with arguments that torch does not pass")),
        }
        Ok(())
    }

    /// A tuple of non-negative integers.
    fn sizes(&self, item: &Item<'a>) -> Option<Vec<usize>> {
        let sizes = self.tuple(item).filter(|sizes| sizes.len() <= MAX_DIMENSIONS)?;
        let size = |size: &Item| match size {
            Item::Int(size) => usize::try_from(*size).ok(),
            _ => None,
        };
        sizes.iter().map(size).collect()
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
    pub fn tree(&self, item: &Item<'a>, depth: usize, left: &mut usize) -> Result<Value<'a>> {
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
