//! Hearing of changes made by others.

use std::time::Duration;

use super::{FileId, FolderId, NodeId, Result};
use crate::name::Bucket;

/// A place in the sequence of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub i64);

/// One thing that a mounted archive must hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An entry left a folder, or has another file, name or attributes now.
    EntryGone {
        /// The folder.
        folder: FolderId,
        /// The bucket in it.
        bucket: Bucket,
        /// The name that was there.
        name: String,
        /// The file that it was.
        file: FileId,
    },
    /// Entries came into a folder.
    EntriesCame {
        /// The folder.
        folder: FolderId,
        /// The bucket in it.
        bucket: Bucket,
    },
    /// A folder became empty and is listed no longer.
    FolderGone {
        /// The folder.
        folder: FolderId,
        /// The folder that it lay in.
        parent: FolderId,
        /// Its name.
        name: String,
    },
    /// A file's attributes, bytes or metadata changed.
    FileChanged {
        /// The file.
        file: FileId,
    },
    /// A node of the inbox is hidden by a takedown.
    NodeHidden {
        /// The node.
        node: NodeId,
        /// The folder that it lies in.
        parent: NodeId,
        /// Its name there.
        name: String,
    },
    /// What a folder of the inbox holds changed: nodes came, went, moved, or are shown again.
    InboxChanged {
        /// The folder.
        folder: NodeId,
    },
    /// More than can be told: everything may have changed.
    Everything,
}

/// Waits for commits. One a thread.
pub trait Watch: Send {
    /// Returns when somebody may have committed since the last call, or when `timeout` has passed.
    /// `true`: look for changes.
    fn wait(&mut self, timeout: Duration) -> Result<bool>;
}

/// Following the sequence of changes.
pub trait Follow: Send + Sync {
    /// The end of the sequence.
    fn last_change(&self) -> Result<Seq>;

    /// The next changes after `after`, at most `limit` of the log's rows, and where they end: the same
    /// place if there are none. [`Change::Everything`] where the log no longer goes back that far.
    fn changes(&self, after: Seq, limit: usize) -> Result<(Vec<Change>, Seq)>;

    /// Completes what rows written by hand lack: uid, name, times, authors, folders, full text. One short
    /// transaction's part of it, so that others can write in between. Returns how many files it touched;
    /// `None` without writing where nothing is due.
    fn settle_some(&self) -> Result<Option<u64>>;

    /// The same until nothing is due. Returns how many files it touched.
    fn settle(&self) -> Result<u64> {
        let mut touched = 0;
        while let Some(files) = self.settle_some()? {
            touched += files;
        }
        Ok(touched)
    }

    /// A watch on commits by any process.
    fn watch(&self) -> Result<Box<dyn Watch>>;
}
