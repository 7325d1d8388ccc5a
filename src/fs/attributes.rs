//! What `stat(2)` tells.

use crate::archive::{Folder, Stat};
use crate::time::UnixSeconds;
use crate::view::Node;

use super::Inode;

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
    /// Its kind.
    pub kind: Kind,
    /// `st_size`, in bytes.
    pub size_bytes: u64,
    /// `st_blocks`, in units of 512 bytes.
    pub blocks: u64,
    /// `st_mtime`.
    pub mtime: UnixSeconds,
    /// `st_ctime`.
    pub ctime: UnixSeconds,
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
            kind: Kind::Directory,
            size_bytes: ALLOCATION_BYTES,
            blocks: 0,
            mtime: folder.mtime,
            ctime: folder.mtime,
            links: 1,
        }
    }

    /// Attributes of a file.
    pub fn of_file(inode: Inode, stat: &Stat) -> Self {
        Self {
            inode,
            kind: Kind::File,
            size_bytes: stat.size_bytes,
            blocks: stat.size_bytes.div_ceil(ALLOCATION_BYTES) * (ALLOCATION_BYTES / 512),
            mtime: stat.mtime,
            ctime: stat.ctime,
            links: stat.links,
        }
    }
}
