//! The list of what must not be shown.

use serde::Serialize;

use crate::hash::{BlobId, Hash, Md5, Sha1};
use crate::time::UnixSeconds;

use super::Result;

/// A row of `deleted_hashes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct TakedownId(pub i64);

/// A takedown to be recorded. At least one hash is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Takedown {
    /// The MD5, if the notice names it.
    pub md5: Option<Md5>,
    /// The SHA-1, if the notice names it.
    pub sha1: Option<Sha1>,
    /// The size, if known. It does not decide what is hidden.
    pub size_bytes: Option<u64>,
    /// Why.
    pub reason: Option<String>,
    /// A reference to the notice.
    pub notice: Option<String>,
}

/// A takedown in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakedownEntry {
    /// Its row.
    pub id: TakedownId,
    /// When it was recorded.
    pub deleted_at: UnixSeconds,
    /// What it says.
    pub takedown: Takedown,
}

/// Recording, lifting and listing takedowns. Each change is one durable transaction, and hides or
/// shows in that same transaction what it names.
pub trait Takedowns: Send + Sync {
    /// Records takedowns; one that is in force already (the same hashes) is not recorded twice. Returns
    /// how many are new and the blobs that the archive holds under any of them.
    fn take_down(&self, takedowns: &[Takedown]) -> Result<(usize, Vec<BlobId>)>;

    /// Removes every row that names one of `hashes`, and shows again what nothing else hides. Returns
    /// the number of rows removed.
    fn lift(&self, hashes: &[Hash]) -> Result<usize>;

    /// The next rows after `after` by id, at most `limit`.
    fn takedowns(&self, after: Option<TakedownId>, limit: usize) -> Result<Vec<TakedownEntry>>;
}
