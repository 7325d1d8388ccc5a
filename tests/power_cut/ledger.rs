//! What was promised, and from when until when.

use std::collections::BTreeSet;
use std::fmt;

use librisfs::hash::BlobId;

use crate::support::blob_of;

/// What somebody may rely on.
#[derive(Debug, Clone)]
pub enum What {
    /// A path in the mount leads to one of these bytes.
    Reads(String, Vec<BlobId>),
    /// A path in the mount leads to bytes that begin so.
    Begins(String, Vec<u8>),
    /// These bytes are a document.
    Document(BlobId),
    /// These bytes are at a path on the disk, or are a document.
    Somewhere(String, BlobId),
    /// There is a folder.
    Folder(String),
    /// There is nothing.
    Absent(String),
    /// A file of this name is in the trash.
    InTrash(String),
    /// These bytes are nowhere, and do not come in.
    TakenDown(Vec<u8>),
}

impl fmt::Display for What {
    /// Without the bytes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reads(path, blobs) => write!(f, "{path} is to read as one of {blobs:?}"),
            Self::Begins(path, bytes) => {
                write!(
                    f,
                    "{path} is to begin with what was synced, {} bytes",
                    bytes.len()
                )
            }
            Self::Document(blob) => write!(f, "{blob} is to be a document"),
            Self::Somewhere(path, blob) => {
                write!(f, "{blob} is to be at {path} on the disk, or a document")
            }
            Self::Folder(path) => write!(f, "{path} is to be a folder"),
            Self::Absent(path) => write!(f, "{path} is not to be there"),
            Self::InTrash(name) => write!(f, "{name} is to be in the trash"),
            Self::TakenDown(bytes) => write!(f, "{} is to stay out", blob_of(bytes)),
        }
    }
}

/// What is so at each moment of the record from `from` to `until`, with both.
#[derive(Debug)]
pub struct Promise {
    pub what: What,
    pub from: usize,
    pub until: usize,
}

/// The number of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number(usize);

/// All promises.
#[derive(Debug, Default)]
pub struct Ledger {
    pub promises: Vec<Promise>,
    /// From when on there is an archive.
    pub born: usize,
    written: BTreeSet<BlobId>,
}

impl Ledger {
    /// Nothing is promised but that there is an archive.
    pub fn begin(now: usize) -> Self {
        Self {
            born: now,
            ..Self::default()
        }
    }

    /// It is so from now on.
    pub fn promise(&mut self, now: usize, what: What) -> Number {
        self.promises.push(Promise {
            what,
            from: now,
            until: usize::MAX,
        });
        Number(self.promises.len() - 1)
    }

    /// Now something begins that will end it.
    pub fn end(&mut self, now: usize, number: Number) {
        self.promises[number.0].until = now;
    }

    /// Somebody writes a file of these bytes.
    pub fn writes(&mut self, bytes: &[u8]) -> BlobId {
        let blob = blob_of(bytes);
        self.written.insert(blob);
        blob
    }

    /// Whether a file at this path in the inbox may have such bytes at all. One that grows may have any.
    pub fn may_read(&self, path: &str, blob: &BlobId) -> bool {
        let grows = |promise: &Promise| matches!(&promise.what, What::Begins(at, _) if at == path);
        blob.size_bytes == 0 || self.written.contains(blob) || self.promises.iter().any(grows)
    }

    /// What is promised at a moment.
    pub fn at(&self, moment: usize) -> impl Iterator<Item = &What> {
        let holds = move |promise: &&Promise| promise.from <= moment && moment <= promise.until;
        self.promises
            .iter()
            .filter(holds)
            .map(|promise| &promise.what)
    }
}
