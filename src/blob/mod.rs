//! The blob store: bytes, kept once each, by their hashes.
//!
//! [`BlobStore`] is the boundary that every store fits behind. Bytes come in by way of [`Staging`], a
//! folder on a local disk: written there, hashed, then [`adopted`](BlobStore::adopt), which makes them
//! durable before it returns. A row may name a blob only after that. A blob's place is made from its
//! [`BlobId`] and nothing else, and what lies there is never written to again.

mod lease;
mod local;
mod object;
mod staging;

use std::ops::ControlFlow;
use std::os::fd::BorrowedFd;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use serde::Serialize;

use crate::hash::BlobId;

pub use local::LocalStore;
pub use object::{NotAStore, ObjectOptions, ObjectStore, StoreUrl};
pub use staging::{Inherited, Staged, Staging, Waiting};

/// The mode of a blob's file, less the umask: nobody writes to it again.
const BLOB_MODE: u32 = 0o444;

/// Why the store could not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store has no such blob.
    #[error("blob {0} is missing from the store")]
    Missing(BlobId),
    /// What lies at the blob's place cannot be it.
    #[error("blob {blob} is {found_bytes} bytes long in the store")]
    WrongSize {
        /// The blob.
        blob: BlobId,
        /// The size of what lies there.
        found_bytes: u64,
    },
    /// What lies at the blob's place has its size and other bytes.
    #[error("blob {blob} has the bytes of {found} in the store")]
    WrongBytes {
        /// The blob.
        blob: BlobId,
        /// What its bytes are.
        found: Box<BlobId>,
    },
    /// The object store does not answer.
    #[error("the object store {store} cannot be reached: {why}")]
    Unreachable {
        /// Its URL.
        store: String,
        /// What happened.
        why: String,
    },
    /// The object store refuses, or cannot be used as it is configured.
    #[error("the object store {store}: {fault}")]
    Store {
        /// Its URL.
        store: String,
        /// What it says, or what is wrong.
        fault: String,
    },
    /// The disk is full.
    #[error("no space left on {}", path.display())]
    Full {
        /// What was being written.
        path: PathBuf,
    },
    /// A write that had seemed to succeed did not reach the disk.
    #[error("the disk failed to keep what was written to {}: look at the system's log", path.display())]
    Lost {
        /// What was to be kept.
        path: PathBuf,
    },
    /// Any other refusal of the system.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

impl Error {
    /// What the system said of `path`.
    pub fn io(path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        let path = path.into();
        match source.raw_os_error() {
            Some(libc::ENOSPC | libc::EDQUOT) => Self::Full { path },
            _ => Self::Io { path, source },
        }
    }
}

/// What the store answers.
pub type Result<T> = std::result::Result<T, Error>;

/// What became of bytes that were adopted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adopted {
    /// The store did not have them.
    New,
    /// The store had the same bytes; one copy of the two is gone.
    Present,
    /// What lay in their place were other bytes; they are in quarantine now, and these in their place.
    Replaced,
}

/// What lies at a blob's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A blob of the right size.
    Whole,
    /// Nothing.
    Missing,
    /// Something of another size.
    WrongSize {
        /// Its size.
        found_bytes: u64,
    },
}

/// Room in the store, as `statfs(2)` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Space {
    /// Bytes in all.
    pub total_bytes: u64,
    /// Bytes free.
    pub free_bytes: u64,
    /// Bytes free for an ordinary user, the reserve aside.
    pub available_bytes: u64,
    /// Inodes in all.
    pub total_inodes: u64,
    /// Inodes free.
    pub free_inodes: u64,
}

impl Space {
    /// What is kept free for rows and notes where they lie on the same disk as what is written: a disk that is full of
    /// blobs must let their rows be written, and be removed.
    pub fn reserve_bytes(total_bytes: u64) -> u64 {
        const MOST_BYTES: u64 = 16 << 20;
        MOST_BYTES.min(total_bytes / 8)
    }
}

/// What tells a file that a blob is kept in from any other, and from the same one with other bytes: device, inode and
/// modification time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    file: (u64, u64, i64, i64),
    is_copy: bool,
}

impl Stamp {
    /// That of a file.
    fn of(meta: &std::fs::Metadata) -> Self {
        Self {
            file: (meta.dev(), meta.ino(), meta.mtime(), meta.mtime_nsec()),
            is_copy: false,
        }
    }

    /// That of a file of a cache.
    fn of_copy(meta: &std::fs::Metadata) -> Self {
        Self {
            is_copy: true,
            ..Self::of(meta)
        }
    }

    /// Whether the file may be removed at any time to make room, and takes its room as long as somebody holds it.
    pub fn is_copy(&self) -> bool {
        self.is_copy
    }
}

/// An open blob.
pub trait OpenBlob: Send + Sync {
    /// Its size.
    fn size_bytes(&self) -> u64;

    /// Reads into `buffer` from `offset`; fewer bytes than asked for only at the end.
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize>;

    /// A descriptor on a local file of exactly these bytes, if there is one: the kernel may read from it
    /// by itself.
    fn backing(&self) -> Option<BorrowedFd<'_>>;

    /// That of the file behind [`backing`](Self::backing).
    fn stamp(&self) -> Option<Stamp> {
        None
    }

    /// Drops what is cached of it, so that the next reads come from the medium.
    fn drop_cache(&self) {}
}

/// One thing found in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// A blob, and the size that it has.
    Blob {
        /// The blob.
        blob: BlobId,
        /// The size of what lies there.
        found_bytes: u64,
    },
    /// Something that is no blob.
    Stray(PathBuf),
}

/// Keeps blobs.
pub trait BlobStore: Send + Sync {
    /// Where bytes wait until they are adopted.
    fn staging(&self) -> &Staging;

    /// Whether blobs are files that a user's path may lead to, and a user's file can become one by a link.
    fn keeps_files(&self) -> bool;

    /// Makes staged bytes blobs. All of the batch is durable when it returns, the cost of which is paid
    /// once a batch. What the store has already is compared, byte by byte or by what the store says of its
    /// bytes. Answers in the order of `batch`. After an error each one's bytes are in the store or
    /// still staged, never lost, and staged ones may be offered again.
    fn adopt(&self, batch: &mut [(Staged, BlobId)]) -> Result<Vec<Adopted>>;

    /// Removes staged bytes that are those of `blob`, which is durable in the store. `false`: the store has not these bytes
    /// there, or cannot tell cheaply; they are as they were, to be adopted.
    fn yield_to_present(&self, staged: &mut Staged, blob: &BlobId) -> Result<bool> {
        let _ = (staged, blob);
        Ok(false)
    }

    /// Opens a blob of the right size.
    fn open(&self, blob: &BlobId) -> Result<Box<dyn OpenBlob>>;

    /// The stamp that the blob would have if it were opened now. `None`: it has none, or cannot be opened.
    fn stamp(&self, blob: &BlobId) -> Option<Stamp> {
        let _ = blob;
        None
    }

    /// What lies at the blob's place, without reading it.
    fn presence(&self, blob: &BlobId) -> Result<Presence>;

    /// Removes a blob. Whoever has it open may go on reading what is on a local disk. `false`: there was none.
    fn remove(&self, blob: &BlobId) -> Result<bool>;

    /// Removes a blob and its bytes, also under those who have it open, and what quarantine has of it.
    /// `false`: there was none.
    fn destroy(&self, blob: &BlobId) -> Result<bool>;

    /// Moves what lies at the blob's place out of the way, for a person to look at. Returns where to.
    fn quarantine(&self, blob: &BlobId) -> Result<PathBuf>;

    /// How many things are in quarantine.
    fn quarantined(&self) -> Result<u64>;

    /// Calls `visit` with everything in the store, one shard after the other, in no order within, until
    /// it answers `Break`.
    fn walk(&self, visit: &mut dyn FnMut(Found) -> ControlFlow<()>) -> Result<()>;

    /// Room in the store.
    fn space(&self) -> Result<Space>;
}
