//! The catalogue: five public tables, what is derived from them, and the questions asked of them.
//!
//! [`Catalogue`] is the boundary that every database fits behind. It speaks the vocabulary of
//! archives (files, books, blobs, folders, takedowns) and never that of a database: no SQL, no row, no
//! connection crosses it. It is five smaller traits, by who asks:
//!
//! - [`Browse`]: the mount. Folders, entries, look-ups. Cheap: one index probe or one page each.
//! - [`Ingest`]: what arrives. Batches, each one transaction.
//! - [`Takedowns`]: the list of what must not be shown.
//! - [`Follow`]: who must hear of changes made by others.
//! - [`Upkeep`]: status, search, scrub, gc, reindex, backup.
//!
//! # Folders and entries
//!
//! The mount's tree is derived data: a *folder* is a directory with a stable [`FolderId`]; it holds
//! either folders or *entries*, and an entry is one file at one place. The root and the views have
//! fixed ids ([`FolderId::ROOT`] and so on). Listings run in the order of ([`Bucket`](crate::name::Bucket),
//! id), which no change of a name can disturb within a bucket, so that a page can go on from any
//! [`Position`].
//!
//! # Hiding
//!
//! A file is *visible* if it is not in the trash and no row of `deleted_hashes` names its MD5 or its
//! SHA-1. Entries exist for visible files only; the database's own triggers see to that when a
//! takedown is committed, by whatever program. A look-up asks `deleted_hashes` again.
//!
//! # Settling
//!
//! Rows written by hand lack what is derived from them. Triggers note them in `changes`;
//! [`Follow::settle`] completes them.

mod browse;
mod derive;
mod edit;
mod follow;
mod inbox;
mod ingest;
mod query;
mod searches;
mod takedown;
mod upkeep;

pub mod mariadb;
pub mod sqlite;

pub use browse::{Browse, Entry, FileId, FileRecord, Folder, FolderId, Position, Stat};
pub use edit::{Action, ActionId, Deed, Discard, Edit, Fields, TrashEntry};
pub use follow::{Change, Follow, Seq, Watch};
pub use inbox::{Filled, Filling, Inbox, InboxNode, Moved, NodeId, NodeKind, UnixNanos};
pub use ingest::{Admission, Arrival, Ingest, Replaces};
pub use searches::Searches;
pub use takedown::{Takedown, TakedownEntry, TakedownId, Takedowns};
pub use upkeep::{BlobRow, HashId, Query, SearchHit, Statistics, Upkeep};

/// What a catalogue is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading only: nothing is written, not even what is due.
    ReadOnly,
    /// Reading and writing.
    ReadWrite,
}

/// Everything that is asked of a database.
pub trait Catalogue:
    Browse + Ingest + Takedowns + Follow + Upkeep + Edit + Inbox + Searches
{
}

impl<T: Browse + Ingest + Takedowns + Follow + Upkeep + Edit + Inbox + Searches> Catalogue for T {}

/// Why the catalogue could not answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// There is no catalogue at that place.
    #[error("no catalogue at {place}")]
    Missing {
        /// Where it was looked for.
        place: String,
    },
    /// The catalogue was made by a newer program.
    #[error(
        "the catalogue at {place} has version {found}, this program knows versions up to {known}: install a newer librisfs"
    )]
    TooNew {
        /// The catalogue.
        place: String,
        /// Its version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// Others hold the catalogue for longer than we wait.
    #[error("the catalogue is busy: {0}")]
    Busy(String),
    /// The disk that the catalogue is on is full.
    #[error("no space left for the catalogue: {0}")]
    Full(String),
    /// The database cannot be reached.
    #[error("the catalogue cannot be reached: {0}")]
    Unreachable(String),
    /// A row that no program of ours can have written.
    #[error("{table} row {id}: {fault}")]
    BadRow {
        /// The table.
        table: &'static str,
        /// The row's id.
        id: i64,
        /// What is wrong with it.
        fault: String,
    },
    /// A search that cannot be parsed.
    #[error("cannot search for `{query}`: {fault}")]
    BadQuery {
        /// The words.
        query: String,
        /// What is wrong with them.
        fault: String,
    },
    /// Any other refusal of the database.
    #[error("the catalogue failed: {0}")]
    Failed(String),
}

/// What the catalogue answers.
pub type Result<T> = std::result::Result<T, Error>;
