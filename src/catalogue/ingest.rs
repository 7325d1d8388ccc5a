//! What arrives.

use crate::book::{BookUid, Metadata};
use crate::hash::BlobId;
use crate::name::Format;
use crate::time::UnixSeconds;

use super::{Fields, FileId, Result, TakedownEntry};

/// A blob that lies in the blob store, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Its identity.
    pub blob: BlobId,
    /// What it is.
    pub metadata: Metadata,
    /// The format of its bytes.
    pub format: Format,
    /// The modification time that the file is to have.
    pub mtime: UnixSeconds,
    /// The book's identity, where it has one already.
    pub book: Option<BookUid>,
    /// The id that the file is to have if it becomes one, set aside before ([`super::Edit::reserve_files`]).
    pub file: Option<FileId>,
    /// The file whose new bytes these are.
    pub replaces: Option<Replaces>,
}

/// A file that gets new bytes: a new file of the same book takes over its name, and it goes to the trash.
/// Where it has these bytes already it stays, with the new modification time, and counts as a duplicate. Where it is
/// no more, or in the trash, the bytes arrive like others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replaces {
    /// The file.
    pub file: FileId,
    /// What changes of its book with its bytes.
    pub fields: Fields,
}

/// What became, or would become, of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// The archive did not have it.
    New(FileId),
    /// The archive has a file of these bytes that is not in the trash.
    Duplicate(FileId),
    /// The archive had these bytes only in the trash, or no longer as a file: they are a file again.
    Restored(FileId),
    /// It is taken down, and refused.
    TakenDown(TakedownEntry),
}

/// Writing for what arrives.
pub trait Ingest: Send + Sync {
    /// Says of each blob, without writing, whether it is taken down, and else whether a file has it.
    /// `None`: it would be new.
    fn admissible(&self, blobs: &[BlobId]) -> Result<Vec<Option<Admission>>>;

    /// Takes a batch in, in one durable transaction: rows, names and folders. The blobs must lie in
    /// the store, synced. A blob that is already there gets its `last_seen` anew and nothing else; one
    /// that is taken down is refused and no row of it is written. Answers in the order of `arrivals`.
    fn admit(&self, arrivals: &[Arrival]) -> Result<Vec<Admission>>;

    /// The same in a transaction that survives the process, and is durable only after [`super::Inbox::sync`].
    fn admit_quickly(&self, arrivals: &[Arrival]) -> Result<Vec<Admission>> {
        self.admit(arrivals)
    }
}
