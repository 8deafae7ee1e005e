//! Files of `torch.save`: a zip of a pickle and the storages of its tensors.

use super::pickle::{self, Value};
use super::zip::entries;
use crate::{Result, bail};

/// Whether a file looks like one of `torch.save` (since torch 1.6).
pub fn is_zip(bytes: &[u8]) -> bool {
    bytes.starts_with(b"PK\x03\x04")
}

/// The value that was saved. The archive's prefix is free (`archive/`, `final_model/`).
///
/// # Errors
/// When the zip or its pickle is damaged, or the pickle asks for more than tensors and plain data.
pub fn read(bytes: &[u8]) -> Result<Value<'_>> {
    if !is_zip(bytes) {
        bail!(
            "this is not a zip file of torch.save; a file of a torch older than 1.6 can be saved again with a newer one"
        );
    }
    let entries = entries(bytes)?;
    let mut pickles = entries.keys().filter_map(|name| {
        let prefix = name.strip_suffix("data.pkl")?;
        (prefix.is_empty() || prefix.ends_with('/')).then_some(prefix)
    });
    let prefix = match (pickles.next(), pickles.next()) {
        (Some(prefix), None) => prefix,
        (None, _) => bail!("the zip file has no data.pkl, so torch.save did not write it"),
        (Some(_), Some(_)) => bail!("the zip file has more than one data.pkl, so torch.save did not write it"),
    };
    let entry = |name: &str| entries.get(&format!("{prefix}{name}")).copied();
    if let Some(order) = entry("byteorder")
        && order != b"little"
    {
        bail!("the zip file's byteorder is not little; save the checkpoint again on a little-endian machine");
    }
    pickle::read(entry("data.pkl").unwrap_or_default(), &|key| entry(&format!("data/{key}")))
}
