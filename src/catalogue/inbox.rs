//! The inbox: a tree of paths, as they were given.
//!
//! A *node* is a folder or a file of the inbox. It has a number of its own, which stays when it is moved, and its own
//! modification time. A file's bytes are a blob like any other; an empty file has none. The tree says nothing of
//! what a document is: a file that is one is in the catalogue's own tables too, and the node remembers as
//! which.
//!
//! Names are as given, byte for byte: UTF-8, at most 255 bytes, neither `.` nor `..`, without `/` or NUL. Nodes whose blob is taken down
//! are hidden: no answer here has them, but their names stay taken.
//!
//! Changes of the tree are atomic and survive the process; only [`Inbox::fill`] and [`Inbox::sync`] make durable, them and
//! all that came before.

use serde::{Deserialize, Serialize};

use super::{FileId, Result, TakedownEntry};
use crate::hash::BlobId;

/// The number of a node. Below 2^40; never given twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u64", try_from = "u64")]
pub struct NodeId(u64);

impl NodeId {
    /// The inbox itself, a folder that lies in itself.
    pub const INBOX: Self = Self(1);
    /// A folder beside the inbox for what file managers put into the trash out of the inbox.
    pub const TRASH_FILES: Self = Self(2);
    /// A folder for what they write down about that.
    pub const TRASH_INFO: Self = Self(3);
    /// The folder that these two are shown in: a file manager's trash.
    pub const TRASH: Self = Self(4);
    /// A folder in it for what is being removed for good.
    pub const EXPUNGED: Self = Self(5);
    /// The first number that is given out.
    pub const FIRST: u64 = 16;
    /// One more than the last possible number.
    pub const END: u64 = 1 << 40;

    /// `id`, if it is in range.
    pub fn new(id: u64) -> Option<Self> {
        (1..Self::END).contains(&id).then_some(Self(id))
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl From<NodeId> for u64 {
    fn from(id: NodeId) -> Self {
        id.0
    }
}

impl TryFrom<u64> for NodeId {
    type Error = String;

    fn try_from(id: u64) -> std::result::Result<Self, String> {
        Self::new(id).ok_or_else(|| format!("{id} is no node"))
    }
}

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// A folder.
    Folder,
    /// A file, and its bytes unless it is empty.
    File(Option<BlobId>),
}

/// A time as the inbox keeps it: nanoseconds since 1970, from the year 1677 to 2262.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UnixNanos(pub i64);

impl UnixNanos {
    /// The clock's time.
    pub fn now() -> Self {
        std::time::SystemTime::now().into()
    }
}

impl From<std::time::SystemTime> for UnixNanos {
    /// Saturates where the time is out of range.
    fn from(time: std::time::SystemTime) -> Self {
        let nanos = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
        Self(match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => nanos(after),
            Err(before) => -nanos(before.duration()),
        })
    }
}

impl From<UnixNanos> for std::time::SystemTime {
    fn from(time: UnixNanos) -> Self {
        let span = std::time::Duration::from_nanos(time.0.unsigned_abs());
        let epoch = std::time::UNIX_EPOCH;
        if time.0 < 0 {
            epoch - span
        } else {
            epoch + span
        }
    }
}

impl From<UnixNanos> for crate::time::UnixSeconds {
    /// Rounds down to the second.
    fn from(time: UnixNanos) -> Self {
        Self(time.0.div_euclid(1_000_000_000))
    }
}

impl From<crate::time::UnixSeconds> for UnixNanos {
    /// Saturates where the time is out of range.
    fn from(time: crate::time::UnixSeconds) -> Self {
        Self(time.0.saturating_mul(1_000_000_000))
    }
}

/// A folder or a file of the inbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxNode {
    /// Its number.
    pub id: NodeId,
    /// The folder that it lies in.
    pub parent: NodeId,
    /// Its name there.
    pub name: String,
    /// What it is.
    pub kind: NodeKind,
    /// Its modification time.
    pub mtime: UnixNanos,
    /// When anything of it last changed.
    pub ctime: UnixNanos,
    /// The document of the catalogue that its bytes became when they arrived.
    pub file: Option<FileId>,
}

/// New bytes for a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// The file.
    pub node: NodeId,
    /// Its bytes, which lie in the blob store, synced; `None`: it is empty now.
    pub blob: Option<BlobId>,
    /// Its modification time.
    pub mtime: UnixNanos,
    /// When it changed last.
    pub ctime: UnixNanos,
    /// The document that the bytes are in the catalogue, if they are one.
    pub file: Option<FileId>,
}

/// What became of a filling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// The file has the bytes.
    Done,
    /// There is no such file any more.
    Gone,
    /// The bytes are taken down, and the file is as it was.
    TakenDown(TakedownEntry),
}

/// What became of a change of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved<T> {
    /// It was made.
    Done(T),
    /// There is no such node, or no such folder to move it to.
    Gone,
    /// Something is in the way; for a removal: the folder is not empty.
    Taken,
    /// A folder would take the place of a file, or a file that of a folder.
    OtherKind,
    /// A folder would come to lie in itself.
    Loop,
}

/// The tree of the inbox.
pub trait Inbox: Send + Sync {
    /// The node with this number.
    fn node(&self, id: NodeId) -> Result<Option<InboxNode>>;

    /// The node called so in the folder `parent`.
    fn node_named(&self, parent: NodeId, name: &str) -> Result<Option<InboxNode>>;

    /// The next nodes of the folder after `after` by number, at most `limit`.
    fn nodes(&self, parent: NodeId, after: Option<NodeId>, limit: usize) -> Result<Vec<InboxNode>>;

    /// Makes a folder or an empty file ([`NodeKind::File`] with `None`) in the folder `parent`.
    fn make_node(&self, parent: NodeId, name: &str, is_folder: bool) -> Result<Moved<InboxNode>>;

    /// The same for a node that need not survive the process yet. It does so after the next change of another kind, or
    /// [`Inbox::keep_nodes`]. All questions here are answered as if it did already, and
    /// those of other processes from then on.
    fn make_node_soon(
        &self,
        parent: NodeId,
        name: &str,
        is_folder: bool,
    ) -> Result<Moved<InboxNode>> {
        self.make_node(parent, name, is_folder)
    }

    /// Whether a node does not survive the process yet.
    fn is_young(&self, id: NodeId) -> bool {
        let _ = id;
        false
    }

    /// Makes all nodes survive the process.
    fn keep_nodes(&self) -> Result<()> {
        Ok(())
    }

    /// Makes a folder or an empty file again that another process had made by [`Inbox::make_node_soon`] and told of. Nothing is
    /// done where its number is known. Where its folder is no more it lies in the inbox itself, and where its name is taken
    /// it has a similar one.
    fn make_again(&self, node: &InboxNode) -> Result<()> {
        let _ = node;
        Ok(())
    }

    /// Removes a file, or an empty folder. What the catalogue has of its bytes stays.
    fn remove_node(&self, id: NodeId) -> Result<Moved<()>>;

    /// Gives a node another name or folder. With `replace`, a file takes the place of a file that is there and an empty
    /// folder is replaced by a folder, as rename(2) says; the node replaced is returned.
    fn move_node(
        &self,
        id: NodeId,
        parent: NodeId,
        name: &str,
        replace: bool,
    ) -> Result<Moved<Option<InboxNode>>>;

    /// Lets two nodes change places (`RENAME_EXCHANGE` of renameat2(2)).
    fn exchange_nodes(&self, one: NodeId, other: NodeId) -> Result<Moved<()>>;

    /// Gives a node another modification time. `false`: there is no such node.
    fn touch_node(&self, id: NodeId, mtime: UnixNanos) -> Result<bool>;

    /// Gives files their bytes, in one durable transaction. Answers in the order of `fillings`.
    fn fill(&self, fillings: &[Filling]) -> Result<Vec<Filled>>;

    /// The same in a transaction that survives the process, and is durable only after [`Inbox::sync`].
    fn fill_quickly(&self, fillings: &[Filling]) -> Result<Vec<Filled>> {
        self.fill(fillings)
    }

    /// Makes all changes so far durable.
    fn sync(&self) -> Result<()>;

    /// Whether any node other than `except` is the document `file`.
    fn is_in_inbox(&self, file: FileId, except: NodeId) -> Result<bool>;
}
