//! Taking files and folders in.
//!
//! ```text
//! walk ──candidates──▶ intake (several) ──staged──▶ commit ──▶ summary, observer
//! ```
//!
//! One thread walks, several read, hash and describe, and one commits batches: blobs first, made
//! durable together, then rows, in one transaction. While a batch is committed, the next is being read.
//! All queues are bounded, and so are memory and open descriptors, however much is imported.
//!
//! An import that is killed at any point has lost nothing: the user's files are removed, if at all, after
//! their rows are committed; what is staged is cleared away by [`Archive::gc`]; a blob that has no row
//! yet is found in its place by the next import.

mod commit;
mod intake;
mod pipeline;
mod source;
mod walk;

use std::path::{Path, PathBuf};

use crate::catalogue::{FileId, TakedownEntry};

use super::{Archive, Progress, Result};

/// How to import.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportOptions {
    /// Remove each source once its document is safely in the archive.
    pub move_files: bool,
    /// Files worked on at once; `None`: as many as there are cores.
    pub jobs: Option<usize>,
    /// Read and hash only, and say what would happen.
    pub dry_run: bool,
}

/// What became of one file.
#[derive(Debug)]
pub enum Outcome {
    /// The archive did not have its bytes. In a dry run there is no id.
    New(Option<FileId>),
    /// The archive has these bytes as this file. In a dry run they may be of a file before it.
    Duplicate(Option<FileId>),
    /// The archive had these bytes, only not as a file that is shown: they are this file again.
    Restored(FileId),
    /// It was not taken in.
    Refused(Reason),
}

/// Why a file was not taken in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// It has no bytes.
    #[error("it is empty")]
    Empty,
    /// It is no file.
    #[error("it is a {0}, not a file")]
    Special(&'static str),
    /// Another program wrote to it each time that it was read.
    #[error("it changed while it was read; import it again when nobody writes to it")]
    Changed,
    /// It lies in the archive that it was to be imported into.
    #[error("it lies inside the archive")]
    InsideArchive,
    /// It was to be removed, but was named by a symbolic link.
    #[error("it was named by a symbolic link; neither the link nor the file was removed")]
    NamedByLink,
    /// It is taken down.
    #[error("it is taken down{}", notice_of(.0))]
    TakenDown(Box<TakedownEntry>),
    /// The system refused to read it.
    #[error("{0}")]
    Unreadable(std::io::Error),
}

fn notice_of(entry: &TakedownEntry) -> String {
    match (&entry.takedown.notice, &entry.takedown.reason) {
        (Some(notice), Some(reason)) => format!(" by {notice}: {reason}"),
        (Some(notice), None) => format!(" by {notice}"),
        (None, Some(reason)) => format!(": {reason}"),
        (None, None) => String::new(),
    }
}

/// A file that was not taken in.
#[derive(Debug)]
pub struct Refusal {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub reason: Reason,
}

/// Whether a source was removed, and if not, why.
type Removal = std::result::Result<(), Reason>;

/// What an import did. In a dry run: what it would have done.
#[derive(Debug, Default)]
pub struct ImportSummary {
    /// Files whose bytes the archive did not have.
    pub new: u64,
    /// Files whose bytes the archive has.
    pub duplicates: u64,
    /// Files whose bytes the archive had, only not as a file that is shown.
    pub restored: u64,
    /// Blobs that were missing or damaged and were put back from a source.
    pub healed: u64,
    /// Sources removed after their documents were safe.
    pub moved: u64,
    /// Scratch files, desktop litter, sidecars, covers and symbolic links passed over.
    pub skipped: u64,
    /// Files that were not taken in.
    pub refused: Vec<Refusal>,
    /// Sources that could not be removed after their documents were safe.
    pub left: Vec<Refusal>,
    /// Bytes read from sources.
    pub read_bytes: u64,
    /// Bytes added to the blob store.
    pub stored_bytes: u64,
    /// Bytes of duplicates, which were not stored again.
    pub saved_bytes: u64,
    /// Whether it stopped early because it was asked to.
    pub cancelled: bool,
}

/// Hears what becomes of each file, as soon as it is durable.
pub trait ImportObserver: Progress {
    /// What became of the file at `path`.
    fn settled(&self, path: &Path, outcome: &Outcome) {
        let _ = (path, outcome);
    }
}

impl ImportObserver for super::Unobserved {}

impl Archive {
    /// Takes in files, and all files in folders.
    ///
    /// What cannot be taken in is refused by itself and named in the summary. An error ends the import:
    /// what was told to `observer` by then is safe, and the next import goes on from there.
    pub fn import(
        &self,
        paths: &[PathBuf],
        options: &ImportOptions,
        observer: &dyn ImportObserver,
    ) -> Result<ImportSummary> {
        if !options.dry_run {
            self.require_write()?;
        }
        pipeline::run(self, paths, options, observer)
    }
}
