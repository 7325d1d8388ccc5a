//! What `stat(2)` tells.

use crate::archive::{Folder, InboxNode, NodeKind, Stat, UnixNanos};
use crate::view::Node;

use super::Inode;
use super::pending::{Alias, Pending, Phase};

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A regular file.
    File,
}

/// Attributes of a file or directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attributes {
    /// Its number.
    pub inode: Inode,
    /// `st_ino`, where it is another number than the one that the kernel knows it by.
    pub shown_as: Option<Inode>,
    /// Its kind.
    pub kind: Kind,
    /// `st_size`, in bytes.
    pub size_bytes: u64,
    /// `st_blocks`, in units of 512 bytes.
    pub blocks: u64,
    /// `st_mtime`.
    pub mtime: UnixNanos,
    /// `st_ctime`.
    pub ctime: UnixNanos,
    /// `st_nlink`. A file's is the number of its paths, so that `tar`, `du` and `rsync -H` count it once. A
    /// directory's is 1, which says that its folders are not counted there (as on btrfs).
    pub links: u32,
}

/// Who owns everything in a mount, and who may do what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ownership {
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Permission bits of files.
    pub file_mode: u16,
    /// Permission bits of directories.
    pub directory_mode: u16,
}

/// Bytes of one block of a blob on its disk, as most file systems allocate.
const ALLOCATION_BYTES: u64 = 4096;

impl Attributes {
    /// Attributes of what a look-up or a listing found.
    pub fn of(node: &Node) -> Self {
        let inode = Inode::of(node);
        match node {
            Node::Directory(_, folder) => Self::of_directory(inode, folder),
            Node::File(stat) => Self::of_file(inode, stat),
        }
    }

    /// Attributes of a directory that shows `folder` or a part of it.
    pub fn of_directory(inode: Inode, folder: &Folder) -> Self {
        Self {
            inode,
            shown_as: None,
            kind: Kind::Directory,
            size_bytes: ALLOCATION_BYTES,
            blocks: 0,
            mtime: folder.mtime.into(),
            ctime: folder.mtime.into(),
            links: 1,
        }
    }

    /// Attributes of a file.
    pub fn of_file(inode: Inode, stat: &Stat) -> Self {
        Self {
            inode,
            shown_as: None,
            kind: Kind::File,
            size_bytes: stat.size_bytes,
            blocks: stat.size_bytes.div_ceil(ALLOCATION_BYTES) * (ALLOCATION_BYTES / 512),
            mtime: stat.mtime.into(),
            ctime: stat.ctime.into(),
            links: stat.links,
        }
    }

    /// Attributes of a pending file.
    pub(super) fn of_pending(pending: &Pending) -> Self {
        let state = pending.state();
        let is_somewhere = state.home.is_some() || state.replaces.is_some();
        Self {
            inode: pending.inode,
            // Complete, it is what it will be.
            shown_as: state.shown_as.filter(|_| state.phase == Phase::Open),
            kind: Kind::File,
            size_bytes: pending.draft.size_bytes(),
            blocks: pending.draft.blocks(),
            mtime: state.mtime(),
            ctime: state.changed,
            links: u32::from(is_somewhere),
        }
    }

    /// Attributes of a copy of a file.
    pub(super) fn of_copy(copy: &Alias, stat: &Stat) -> Self {
        let file = Self::of_file(copy.inode, stat);
        Self {
            mtime: copy.mtime.unwrap_or(file.mtime),
            ..file
        }
    }

    /// Attributes of a folder or a file of the inbox.
    pub(super) fn of_node(node: &InboxNode) -> Self {
        let (kind, size_bytes) = match node.kind {
            NodeKind::Folder => (Kind::Directory, ALLOCATION_BYTES),
            NodeKind::File(blob) => (Kind::File, blob.map_or(0, |blob| blob.size_bytes)),
        };
        let blocks = match kind {
            Kind::Directory => 0,
            Kind::File => size_bytes.div_ceil(ALLOCATION_BYTES) * (ALLOCATION_BYTES / 512),
        };
        Self {
            inode: node.id.into(),
            shown_as: None,
            kind,
            size_bytes,
            blocks,
            mtime: node.mtime,
            ctime: node.ctime,
            links: 1,
        }
    }
}
