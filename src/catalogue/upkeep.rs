//! Status, search, scrub, gc, reindex, backup.

use std::path::Path;

use serde::Serialize;

use crate::hash::BlobId;
use crate::time::UnixSeconds;

use super::{FileRecord, Result};

/// A row of `books_hashes`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct HashId(pub i64);

/// A blob as the catalogue has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlobRow {
    /// The row.
    pub id: HashId,
    /// The blob.
    pub blob: BlobId,
    /// When it was last known present and intact.
    pub last_seen: UnixSeconds,
    /// Whether it is taken down.
    pub taken_down: bool,
    /// Whether any file, trashed ones too, or any node of the inbox has it.
    pub referenced: bool,
}

/// Counts and sums over the whole catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Statistics {
    /// Books.
    pub books: u64,
    /// Visible files.
    pub files: u64,
    /// Authors with at least one visible file.
    pub authors: u64,
    /// Blobs.
    pub blobs: u64,
    /// Sum of the blobs' sizes.
    pub blob_bytes: u64,
    /// Bytes that files sharing a blob would take more, if each had its own.
    pub saved_bytes: u64,
    /// Files in the trash.
    pub trashed: u64,
    /// Rows of `deleted_hashes`.
    pub takedowns: u64,
    /// Blobs that a takedown hides.
    pub hidden_blobs: u64,
    /// Rows of `mirrors_status`.
    pub mirrors: u64,
}

/// A search over the metadata of visible files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Words and fields as the user wrote them: `asimov year:1950..1959 format:epub "foundation and empire"`.
    pub words: String,
    /// At most so many hits.
    pub limit: usize,
}

/// One hit, the best first.
pub type SearchHit = FileRecord;

/// Work on the whole archive. Nothing here is asked on behalf of a waiting reader.
pub trait Upkeep: Send + Sync {
    /// Counts and sums. May take seconds on a large catalogue.
    fn statistics(&self) -> Result<Statistics>;

    /// Visible files whose metadata matches.
    fn search(&self, query: &Query) -> Result<Vec<SearchHit>>;

    /// The next blobs after `after` by row, at most `limit`.
    fn blobs(&self, after: HashId, limit: usize) -> Result<Vec<BlobRow>>;

    /// The row of a blob.
    fn blob(&self, blob: &BlobId) -> Result<Option<BlobRow>>;

    /// Notes that blobs were found present and intact now.
    fn mark_seen(&self, blobs: &[HashId]) -> Result<()>;

    /// Removes the rows of blobs that no file and no node of the inbox has. A row that one has by now stays.
    /// Returns the blobs whose rows went.
    fn forget_blobs(&self, blobs: &[HashId]) -> Result<Vec<BlobId>>;

    /// Makes all derived data anew from the five tables. `progress` hears of files done and files in all.
    fn reindex(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64>;

    /// Writes a consistent copy to the new file `dest` while others go on. `progress` hears of parts done
    /// and parts in all.
    fn backup(&self, dest: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()>;

    /// Checks the database's own structure; returns what is wrong with it, nothing if all is well.
    fn check(&self) -> Result<Vec<String>>;
}
