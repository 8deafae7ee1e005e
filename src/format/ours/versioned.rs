//! The JSON head of a file of ours: it states its version first of all.

use crate::{Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Reads `json`, the head of a `kind` of file ("model", "circuit", "bridge") in its `version`. The other fields may change with the version,
/// so that it is looked at first.
///
/// # Errors
/// No version, another version, or fields that this version does not have.
pub(super) fn read<T: DeserializeOwned>(kind: &str, version: u64, json: &[u8]) -> Result<T> {
    #[derive(Deserialize)]
    struct Version {
        format_version: u64,
    }
    match serde_json::from_slice(json) {
        Ok(Version { format_version }) if format_version == version => {}
        Ok(Version { format_version }) => bail!(
            "the {kind} file has format version {format_version}; this program reads version {version}, so a newer one is needed"
        ),
        Err(error) => bail!("this is not a {kind} file, or it does not state its format version: {error}"),
    }
    match serde_json::from_slice(json) {
        Ok(head) => Ok(head),
        Err(error) => bail!("the {kind} file is not one this program can read: {error}"),
    }
}
