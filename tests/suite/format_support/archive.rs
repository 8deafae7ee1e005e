//! A writer of zip files, of pickles and of files like torch's, that can also write wrong ones.

pub struct Entry {
    pub name: String,
    pub data: Vec<u8>,
    /// What the directory claims; the truth by default.
    pub method: u16,
    pub flags: u16,
    pub size: u32,
    pub stored: u32,
    /// Replaces the local header's place.
    pub at: Option<u32>,
    /// The name in the local header.
    pub local_name: String,
}

pub fn entry(name: &str, data: &[u8]) -> Entry {
    let len = data.len() as u32;
    Entry {
        name: name.into(),
        data: data.to_vec(),
        method: 0,
        flags: 0,
        size: len,
        stored: len,
        at: None,
        local_name: name.into(),
    }
}

/// A zip file with these entries, stored as they are.
pub fn zip(entries: &[Entry]) -> Vec<u8> {
    zip_ending(entries, |_| {})
}

/// Numbers of the end record, to be changed.
pub struct End {
    pub entries: u16,
    pub size: u32,
    pub start: u32,
}

pub fn zip_ending(entries: &[Entry], change: impl Fn(&mut End)) -> Vec<u8> {
    let mut out = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let at = entry.at.unwrap_or(out.len() as u32);
        out.extend(b"PK\x03\x04");
        // As torch writes it: the flag says that sizes are in the directory only.
        let flags = (entry.flags | 8).to_le_bytes();
        out.extend([0; 2]);
        out.extend(flags);
        out.extend(entry.method.to_le_bytes());
        out.extend([0; 16]);
        out.extend((entry.local_name.len() as u16).to_le_bytes());
        out.extend([0; 2]);
        out.extend(entry.local_name.as_bytes());
        out.extend(&entry.data);

        directory.extend(b"PK\x01\x02");
        directory.extend([0; 4]);
        directory.extend(flags);
        directory.extend(entry.method.to_le_bytes());
        directory.extend([0; 8]);
        directory.extend(entry.stored.to_le_bytes());
        directory.extend(entry.size.to_le_bytes());
        directory.extend((entry.name.len() as u16).to_le_bytes());
        directory.extend([0; 12]);
        directory.extend(at.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let mut end = End { entries: entries.len() as u16, size: directory.len() as u32, start: out.len() as u32 };
    change(&mut end);
    out.extend(directory);
    out.extend(b"PK\x05\x06");
    out.extend([0; 4]);
    out.extend(end.entries.to_le_bytes());
    out.extend(end.entries.to_le_bytes());
    out.extend(end.size.to_le_bytes());
    out.extend(end.start.to_le_bytes());
    out.extend([0; 2]);
    out
}

/// A file as `torch.save` writes it, with one storage "0".
pub fn torch(pickle: &[u8], storage: &[u8]) -> Vec<u8> {
    zip(&[entry("archive/data.pkl", pickle), entry("archive/byteorder", b"little"), entry("archive/data/0", storage)])
}

/// Opcodes of protocol 2, put together.
#[derive(Clone)]
pub struct Pickle(pub Vec<u8>);

impl Pickle {
    pub fn new() -> Pickle {
        Pickle(b"\x80\x02".to_vec())
    }

    pub fn op(mut self, bytes: &[u8]) -> Pickle {
        self.0.extend(bytes);
        self
    }

    pub fn global(self, module: &str, name: &str) -> Pickle {
        self.op(format!("c{module}\n{name}\n").as_bytes())
    }

    pub fn text(self, text: &str) -> Pickle {
        self.op(b"X").op(&(text.len() as u32).to_le_bytes()).op(text.as_bytes())
    }

    /// LONG1 with eight bytes.
    pub fn int(self, int: i64) -> Pickle {
        self.op(b"\x8a\x08").op(&int.to_le_bytes())
    }

    pub fn ints(mut self, ints: &[i64]) -> Pickle {
        self = self.op(b"(");
        for int in ints {
            self = self.int(*int);
        }
        self.op(b"t")
    }

    pub fn storage(self, kind: &str, key: &str, len: i64) -> Pickle {
        self.op(b"(").text("storage").global("torch", kind).text(key).text("cpu").int(len).op(b"tQ")
    }

    /// A tensor over the float storage "0" of `len` elements.
    pub fn tensor(self, len: i64, offset: i64, shape: &[i64], stride: &[i64]) -> Pickle {
        self.global("torch._utils", "_rebuild_tensor_v2")
            .op(b"(")
            .storage("FloatStorage", "0", len)
            .int(offset)
            .ints(shape)
            .ints(stride)
            .op(b"\x89")
            .global("collections", "OrderedDict")
            .op(b")RtR")
    }

    pub fn stop(self) -> Vec<u8> {
        self.op(b".").0
    }
}
