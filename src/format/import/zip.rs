//! The entries of a zip file as `torch.save` writes it: stored, not compressed.
//!
//! The `zip` crate reads the directory and checks that every local header agrees with it. Here an entry becomes a slice of the
//! file's own bytes. Nothing is copied, and nothing is allocated for a size that the file only claims.

use crate::{Error, Result, bail};
use std::collections::BTreeMap;
use std::io::Cursor;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

/// The bytes of each entry by its name.
///
/// # Errors
/// A file that is damaged or cut off; entries that overlap, share a name, or are compressed or encrypted; directory and local
/// headers that differ.
pub(super) fn entries(bytes: &[u8]) -> Result<BTreeMap<String, &[u8]>> {
    let damaged = |error: ZipError| Error::invalid(format!("the zip file is damaged or was cut off: {error}"));
    let config = Config { archive_offset: ArchiveOffset::Known(0) };
    let mut archive = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(damaged)?;
    archive.validate_header_consistency().map_err(damaged)?;
    let directory = archive.central_directory_start();
    let mut entries = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_raw(index).map_err(damaged)?;
        let Ok(name) = std::str::from_utf8(entry.name_raw()) else {
            bail!("the zip file has an entry whose name is not text");
        };
        if entry.encrypted() {
            bail!("the zip file's entry {name} is encrypted");
        }
        if entry.compression() != CompressionMethod::Stored || entry.size() != entry.compressed_size() {
            bail!(
                "the zip file's entry {name} is compressed; save the checkpoint with torch.save, which stores entries as they are"
            );
        }
        let data = entry.data_start().and_then(|start| {
            let end = start.checked_add(entry.size()).filter(|&end| end <= directory)?;
            bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
        });
        match data {
            Some(data) => entries.insert(name.to_string(), data),
            None => bail!("the zip file's entry {name} ({} bytes) does not fit the file", entry.size()),
        };
    }
    Ok(entries)
}
