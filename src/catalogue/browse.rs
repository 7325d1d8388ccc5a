//! What the mount asks: folders, entries, look-ups.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::book::{BookUid, Metadata};
use crate::hash::{BlobId, Hash};
use crate::name::{Bucket, FileName, FolderName, Format};
use crate::time::UnixSeconds;

use super::{Result, derive};

/// A file: a row of `books_to_hashes`, and its inode number. At least [`FileId::FIRST`], below 2^40.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct FileId(u64);

impl FileId {
    /// The first id that is given out; those below it are kept for other inodes.
    pub const FIRST: u64 = 1024;
    /// One more than the last possible id.
    pub const END: u64 = 1 << 40;

    /// `id`, if it is in range.
    pub fn new(id: u64) -> Option<Self> {
        (Self::FIRST..Self::END).contains(&id).then_some(Self(id))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<FileId> for u64 {
    fn from(id: FileId) -> Self {
        id.0
    }
}

impl TryFrom<u64> for FileId {
    type Error = String;

    fn try_from(id: u64) -> std::result::Result<Self, String> {
        Self::new(id).ok_or_else(|| format!("{id} is no file"))
    }
}

/// A folder of the mount. At least 1, below 2^30; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FolderId(u32);

impl FolderId {
    /// The root.
    pub const ROOT: Self = Self(1);
    /// `by-author/`: holds one folder an author.
    pub const BY_AUTHOR: Self = Self(2);
    /// `by-title/`: holds entries.
    pub const BY_TITLE: Self = Self(3);
    /// `by-format/`: holds one folder a format.
    pub const BY_FORMAT: Self = Self(4);
    /// `by-year/`: holds one folder a year.
    pub const BY_YEAR: Self = Self(5);
    /// `by-language/`: holds one folder a language code.
    pub const BY_LANGUAGE: Self = Self(6);
    /// `by-hash/`: holds the folders `00` to `ff`.
    pub const BY_HASH: Self = Self(7);
    /// `search/`: holds one folder a search.
    pub const SEARCH: Self = Self(8);
    /// Ids from here on are given to searches, for as long as they are remembered.
    pub const FIRST_SEARCH: u32 = 1 << 29;
    /// The first id that is given out; those below it are fixed.
    pub const FIRST_MADE: u32 = 1024;
    /// One more than the last possible id.
    pub const END: u32 = 1 << 30;

    /// The folder of `by-hash/` for MD5s that begin with `byte`: `00/` to `ff/`. Holds entries, all in
    /// one bucket.
    pub const fn by_hash(byte: u8) -> Self {
        Self(16 + byte as u32)
    }

    /// `id`, if it is in range.
    pub fn new(id: u32) -> Option<Self> {
        (1..Self::END).contains(&id).then_some(Self(id))
    }

    /// The number.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// A folder and what a directory's attributes need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder {
    /// Its id.
    pub id: FolderId,
    /// The folder that it lies in; the root lies in itself.
    pub parent: FolderId,
    /// Code of its bucket there ([`Bucket::code`]).
    pub bucket_code: u32,
    /// Its name, a [`crate::name::FolderName`].
    pub name: String,
    /// How many visible entries, or folders that are not empty, it holds.
    pub children: u64,
    /// When an entry last came or went.
    pub mtime: UnixSeconds,
}

impl Folder {
    /// Whether it holds no more than so many things.
    pub fn holds_at_most(&self, few: usize) -> bool {
        usize::try_from(self.children).is_ok_and(|children| children <= few)
    }
}

/// What a file's attributes need.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// The file.
    pub file: FileId,
    /// Size of its blob.
    pub size_bytes: u64,
    /// Modification time.
    pub mtime: UnixSeconds,
    /// Time of the last change of bytes or metadata.
    pub ctime: UnixSeconds,
    /// At how many places the file is.
    pub links: u32,
}

/// One file at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Code of its bucket there ([`Bucket::code`]).
    pub bucket_code: u32,
    /// The name there.
    pub name: String,
    /// Its attributes.
    pub stat: Stat,
}

/// A point in a listing: everything up to and including it has been given out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Position {
    /// Code of the bucket of the last one given out ([`Bucket::code`]).
    pub bucket_code: u32,
    /// Its id: of the file, or of the folder.
    pub id: u64,
}

/// All that is recorded of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileRecord {
    /// The file.
    pub file: FileId,
    /// Its name.
    pub name: FileName,
    /// The format of its bytes.
    pub format: Format,
    /// Its blob.
    pub blob: BlobId,
    /// Its book.
    pub book: BookUid,
    /// What is known of its book.
    pub metadata: Metadata,
    /// When it came into the archive.
    pub added: UnixSeconds,
    /// Its modification time.
    pub mtime: UnixSeconds,
    /// When its metadata last changed.
    pub updated: UnixSeconds,
    /// When its blob was last known present and intact.
    pub last_seen: UnixSeconds,
    /// When it was put into the trash.
    pub trashed: Option<UnixSeconds>,
    /// The takedown that hides it.
    pub taken_down: Option<super::TakedownEntry>,
}

impl FileRecord {
    /// The folders, by view and name, in which the mount shows it under its name, if it shows it; `by-title`
    /// and `by-hash` aside.
    pub fn folders(&self) -> BTreeSet<(FolderId, FolderName)> {
        derive::folders(&self.metadata, &self.format)
    }

    /// Whether the mount shows it.
    pub fn is_visible(&self) -> bool {
        self.trashed.is_none() && self.taken_down.is_none()
    }
}

/// Reading for the mount. Every answer is about visible files unless it says otherwise.
pub trait Browse: Send + Sync {
    /// The folder, also when it is empty; `None` if there never was one.
    fn folder(&self, id: FolderId) -> Result<Option<Folder>>;

    /// The folder and, where it holds at most `few` things, the entries in it; both as they were at one moment, where
    /// the catalogue can tell that in one question.
    fn small_folder(
        &self,
        id: FolderId,
        few: usize,
    ) -> Result<Option<(Folder, Option<Vec<Entry>>)>> {
        let Some(folder) = self.folder(id)? else {
            return Ok(None);
        };
        let entries = if folder.holds_at_most(few) {
            Some(self.entries(id, None, Position::default(), few)?)
        } else {
            None
        };
        Ok(Some((folder, entries)))
    }

    /// The folder called `name` in `parent`, if it is not empty or is a view. `name` is in NFC.
    fn folder_named(&self, parent: FolderId, name: &str) -> Result<Option<Folder>>;

    /// The entry called `name` in `folder`. `name` is in NFC. Asks `deleted_hashes`.
    fn entry_named(&self, folder: FolderId, name: &str) -> Result<Option<Stat>>;

    /// The visible file with this hash, the earliest where there are several, under its name in its
    /// folder of `by-hash/`. Asks `deleted_hashes`.
    fn entry_by_hash(&self, hash: &Hash) -> Result<Option<(FolderId, Entry)>>;

    /// The next entries of `folder` after `after`, at most `limit`, in order; of one bucket only where
    /// one is named. An empty page is the end.
    fn entries(
        &self,
        folder: FolderId,
        bucket: Option<Bucket>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Entry>>;

    /// The same for the folders in `folder` that are not empty.
    fn folders(
        &self,
        folder: FolderId,
        bucket: Option<Bucket>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Folder>>;

    /// The buckets of `folder` that hold something, after `after`, in order.
    fn buckets(&self, folder: FolderId, after: Option<Bucket>, limit: usize)
    -> Result<Vec<Bucket>>;

    /// A visible file's attributes.
    fn stat(&self, file: FileId) -> Result<Option<Stat>>;

    /// The blob of a visible file, for opening it. Asks `deleted_hashes`.
    fn blob_of(&self, file: FileId) -> Result<Option<BlobId>>;

    /// All that is recorded of a file, visible or not.
    fn record(&self, file: FileId) -> Result<Option<FileRecord>>;

    /// Files with this name, or with a blob of this hash, visible or not.
    fn records_of(&self, hash_or_name: &str) -> Result<Vec<FileRecord>>;
}
