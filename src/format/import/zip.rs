//! The stored (uncompressed) entries of a zip file, found by its central directory.
//!
//! `torch.save` writes such files: sizes stand in the central directory only (local headers hold zeros and data
//! descriptors follow), with zip64 records even in small files. Everything is checked against the file's length before
//! it is used: no entry may lie beyond the central directory, overlap another, bear another's name, be compressed or
//! encrypted.

use crate::{Result, bail};
use std::collections::BTreeMap;

const END: &[u8; 4] = b"PK\x05\x06";
const END64: &[u8; 4] = b"PK\x06\x06";
const LOCATOR64: &[u8; 4] = b"PK\x06\x07";
const CENTRAL: &[u8; 4] = b"PK\x01\x02";
const LOCAL: &[u8; 4] = b"PK\x03\x04";

/// Bytes of a zip file's records without their variable parts.
const END_LEN: usize = 22;
const END64_LEN: usize = 56;
const LOCATOR64_LEN: usize = 20;
const CENTRAL_LEN: usize = 46;
const LOCAL_LEN: usize = 30;

/// The entries of an archive, by name; an entry's bytes lie in the file's buffer.
#[derive(Debug)]
pub(super) struct Archive<'a> {
    pub entries: BTreeMap<&'a str, &'a [u8]>,
}

impl<'a> Archive<'a> {
    /// # Errors
    /// Says what is wrong, and names the entry.
    pub fn open(bytes: &'a [u8]) -> Result<Archive<'a>> {
        let directory = directory(bytes)?;
        let mut records = bytes.get(..directory.end).unwrap_or_default();
        records = &records[directory.start..];

        let mut entries = BTreeMap::new();
        let mut ranges = Vec::new();
        for _ in 0..directory.entries {
            let (record, rest) = central_record(records)?;
            records = rest;
            let range = locate(bytes, &record, directory.start)?;
            if entries.insert(record.name, &bytes[range.data..range.end]).is_some() {
                bail!("the zip file has two entries named {}", record.name);
            }
            ranges.push((range.start, range.end, record.name));
        }
        if !records.is_empty() {
            bail!("the zip file's directory is longer than its {} entries", directory.entries);
        }
        ranges.sort_unstable();
        for pair in ranges.windows(2) {
            if pair[0].1 > pair[1].0 {
                bail!("the zip file's entries {} and {} overlap", pair[0].2, pair[1].2);
            }
        }
        Ok(Archive { entries })
    }
}

struct Directory {
    start: usize,
    end: usize,
    entries: u64,
}

fn directory(bytes: &[u8]) -> Result<Directory> {
    // The end record is last, but for a comment of at most 65535 bytes.
    let earliest = bytes.len().saturating_sub(END_LEN + u16::MAX as usize);
    let at = (earliest..=bytes.len().saturating_sub(END_LEN)).rev().find(|&at| {
        bytes[at..].starts_with(END)
            && u16_at(bytes, at + 20).is_some_and(|comment| at + END_LEN + comment as usize == bytes.len())
    });
    let Some(at) = at else {
        bail!("the file is not a zip file, or it was cut off: it has no end-of-directory record");
    };
    let field16 = |offset| u16_at(bytes, at + offset).unwrap_or_default() as u64;
    let field32 = |offset| u32_at(bytes, at + offset).unwrap_or_default() as u64;
    if field16(4) != 0 || field16(6) != 0 || field16(8) != field16(10) {
        bail!("the zip file is one part of several; this program reads whole ones");
    }
    let (mut entries, mut size, mut start) = (field16(10), field32(12), field32(16));
    if entries == u16::MAX as u64 || size == u32::MAX as u64 || start == u32::MAX as u64 {
        let end64 = end64(bytes, at)?;
        let field64 = |offset| u64_at(bytes, end64 + offset).unwrap_or_default();
        (entries, size, start) = (field64(32), field64(40), field64(48));
    }
    match start.checked_add(size) {
        // The entries can be no more than the directory has room for.
        Some(end) if end <= at as u64 && entries <= size / CENTRAL_LEN as u64 => {
            Ok(Directory { start: start as usize, end: end as usize, entries })
        }
        _ => bail!("the zip file's directory ({entries} entries in {size} bytes at {start}) does not fit the file"),
    }
}

/// Where the zip64 end record lies, by its locator just before the end record.
fn end64(bytes: &[u8], end: usize) -> Result<usize> {
    let found = end.checked_sub(LOCATOR64_LEN).filter(|&at| bytes[at..].starts_with(LOCATOR64)).and_then(|at| {
        let record = usize::try_from(u64_at(bytes, at + 8)?).ok()?;
        let fits = record.checked_add(END64_LEN)? <= at && bytes[record..].starts_with(END64);
        fits.then_some(record)
    });
    match found {
        Some(record) => Ok(record),
        None => bail!("the zip file's 64-bit end record is missing or damaged"),
    }
}

struct Record<'a> {
    name: &'a str,
    size: u64,
    local: u64,
}

/// The first record of a directory and what follows it.
fn central_record(records: &[u8]) -> Result<(Record<'_>, &[u8])> {
    if records.len() < CENTRAL_LEN || !records.starts_with(CENTRAL) {
        bail!("the zip file's directory is cut off or damaged");
    }
    let field16 = |offset| u16_at(records, offset).unwrap_or_default();
    let field32 = |offset| u32_at(records, offset).unwrap_or_default() as u64;
    let [name, extra, comment] = [28, 30, 32].map(|offset| field16(offset) as usize);
    let Some(variable) = records[CENTRAL_LEN..].get(..name + extra + comment) else {
        bail!("the zip file's directory is cut off or damaged");
    };
    let Ok(name_text) = std::str::from_utf8(&variable[..name]) else {
        bail!("the zip file has an entry whose name is not text");
    };
    let (flags, method) = (field16(8), field16(10));
    if flags & 1 != 0 {
        bail!("the zip file's entry {name_text} is encrypted");
    }
    if method != 0 {
        bail!(
            "the zip file's entry {name_text} is compressed; torch stores entries as they are, so save the checkpoint with torch.save"
        );
    }
    let wide = Wide { size: field32(24), stored: field32(20), local: field32(42) }
        .widen(&variable[name..name + extra])
        .ok_or_else(|| crate::Error::invalid(format!("the zip file's entry {name_text} has a damaged 64-bit size")))?;
    if wide.size != wide.stored {
        bail!("the zip file's entry {name_text} claims {} bytes but {} stored ones", wide.size, wide.stored);
    }
    let record = Record { name: name_text, size: wide.size, local: wide.local };
    Ok((record, &records[CENTRAL_LEN + variable.len()..]))
}

/// The fields of a directory record that may be kept in its zip64 extra field, in that field's order.
struct Wide {
    size: u64,
    stored: u64,
    local: u64,
}

impl Wide {
    fn widen(mut self, mut extra: &[u8]) -> Option<Wide> {
        const ALL: u64 = u32::MAX as u64;
        if self.size != ALL && self.stored != ALL && self.local != ALL {
            return Some(self);
        }
        while extra.len() >= 4 {
            let len = u16_at(extra, 2)? as usize;
            let body = extra.get(4..4 + len)?;
            if u16_at(extra, 0)? == 1 {
                let mut at = 0;
                for field in [&mut self.size, &mut self.stored, &mut self.local] {
                    if *field == ALL {
                        *field = u64_at(body, at)?;
                        at += 8;
                    }
                }
                return Some(self);
            }
            extra = &extra[4 + len..];
        }
        None
    }
}

struct Range {
    start: usize,
    data: usize,
    end: usize,
}

/// Where an entry's local header and data lie; all of it must come before the directory.
fn locate(bytes: &[u8], record: &Record, directory: usize) -> Result<Range> {
    let found = usize::try_from(record.local).ok().and_then(|start| {
        let local = bytes[..directory].get(start..)?;
        local.starts_with(LOCAL).then_some(())?;
        let (name, extra) = (u16_at(local, 26)? as usize, u16_at(local, 28)? as usize);
        let data = LOCAL_LEN + name + extra;
        let end = data.checked_add(usize::try_from(record.size).ok()?)?;
        let fits = end <= local.len() && &local[LOCAL_LEN..LOCAL_LEN + name] == record.name.as_bytes();
        fits.then_some(Range { start, data: start + data, end: start + end })
    });
    match found {
        Some(range) => Ok(range),
        None => bail!(
            "the zip file's entry {} ({} bytes at {}) does not lie in the file, or its local header names another",
            record.name,
            record.size,
            record.local
        ),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(at..)?.first_chunk()?))
}
