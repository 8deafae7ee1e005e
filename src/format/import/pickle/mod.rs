//! A restricted unpickler: it builds tensors and plain data, and executes nothing.
//!
//! A pickle is a program for a stack machine; a general one may call any function. This one knows the opcodes that
//! `torch.save` writes and a few globals (`machine::GLOBALS`), whose meaning is built in. Any other opcode or global is
//! refused by name. Sizes are bounded by the file's own length, depth and the number of values by [`MAX_DEPTH`] and
//! [`MAX_VALUES`] (a pickle may refer to one list many times over), and a tensor must be inside its storage.

mod machine;
mod opcode;
mod tensor;

use crate::{Result, bail};
use machine::Machine;
use std::rc::Rc;

pub use tensor::Tensor;

/// Depth of nested lists, tuples and dicts. Published files nest about eight deep.
pub const MAX_DEPTH: usize = 64;
/// Number of values in the finished tree.
pub const MAX_VALUES: usize = 1 << 22;
/// Bytes of a pickle; the tensors' numbers are stored outside of it.
const MAX_PICKLE: usize = 1 << 26;

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
    /// In the order of the file. Keys may be any value. A key that is set twice keeps its first place and its last value.
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

/// Runs the pickle. `storage` finds a storage's bytes by its key.
///
/// # Errors
/// Names the opcode, global or tensor that is refused, and where.
pub fn read<'a>(pickle: &'a [u8], storage: &dyn Fn(&str) -> Option<&'a [u8]>) -> Result<Value<'a>> {
    if pickle.len() > MAX_PICKLE {
        bail!("the pickle has {} bytes; at most {MAX_PICKLE} are read", pickle.len());
    }
    let mut machine = Machine::new(pickle, storage);
    let root = machine.run()?;
    let mut left = MAX_VALUES;
    machine.tree(&root, 0, &mut left)
}
