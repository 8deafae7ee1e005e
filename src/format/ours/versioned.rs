//! The JSON header of our files, which states the version of the format.

use crate::{Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Reads the header `json` of a `kind` of file ("model", "circuit", "bridge"). Other fields may change with the version, so the version
/// is checked first.
///
/// # Errors
/// No version, another version, or fields that this version does not have.
pub(super) fn read<T: DeserializeOwned>(kind: &str, version: u64, json: &str) -> Result<T> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u64,
    }
    match serde_json::from_str(json) {
        Ok(Version { format_version }) if format_version == version => {}
        Ok(Version { format_version }) => bail!(
            "the {kind} file has format version {format_version}; this program reads version {version}; use a program of that format version"
        ),
        Err(error) => bail!("this is not a {kind} file, or it does not state its format version: {error}"),
    }
    match serde_json::from_str(json) {
        Ok(head) => Ok(head),
        Err(error) => bail!("the {kind} file is not one this program can read: {error}"),
    }
}
