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
    /// `st_blksize`, a power of two: what programs read at once, of a file's bytes or of a directory's names.
    pub io_bytes: u32,
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
/// What programs are to read and write of a file at once: a program that copies takes pieces of this size.
const COPY_BYTES: u32 = 1 << 20;
/// What the kernel asks for with one name of a directory and its attributes, about.
const LINE_BYTES: u64 = 256;
/// What is read of a directory at once, at least and at most. The C library takes no less than the one and no more
/// than the other (glibc's `opendir`), and for each request the kernel sets up as much memory, whatever the answer:
/// a mebibyte takes it longer than the request itself.
const LISTING_BYTES: (u64, u64) = (1 << 15, 1 << 20);

/// `st_blocks` of a file of so many bytes.
fn blocks(size_bytes: u64) -> u64 {
    size_bytes.div_ceil(ALLOCATION_BYTES) * (ALLOCATION_BYTES / 512)
}

/// What is to be read at once of a directory that holds so many things.
fn listing_bytes(things: u64) -> u32 {
    let (least, most) = LISTING_BYTES;
    let bytes = things.saturating_mul(LINE_BYTES).clamp(least, most);
    bytes.next_power_of_two().try_into().unwrap_or(COPY_BYTES)
}

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
            io_bytes: listing_bytes(folder.children),
        }
    }

    /// Those of the lines `.` and `..` of a listing.
    pub(super) fn of_dots(inode: Inode) -> Self {
        Self {
            inode,
            shown_as: None,
            kind: Kind::Directory,
            size_bytes: ALLOCATION_BYTES,
            blocks: 0,
            mtime: UnixNanos::default(),
            ctime: UnixNanos::default(),
            links: 1,
            io_bytes: listing_bytes(0),
        }
    }

    /// Attributes of a file.
    pub fn of_file(inode: Inode, stat: &Stat) -> Self {
        Self {
            inode,
            shown_as: None,
            kind: Kind::File,
            size_bytes: stat.size_bytes,
            blocks: blocks(stat.size_bytes),
            mtime: stat.mtime.into(),
            ctime: stat.ctime.into(),
            links: stat.links,
            io_bytes: COPY_BYTES,
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
            io_bytes: COPY_BYTES,
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
        let (blocks, io_bytes) = match kind {
            // How much a folder of the inbox holds is not known here.
            Kind::Directory => (0, listing_bytes(0)),
            Kind::File => (blocks(size_bytes), COPY_BYTES),
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
            io_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_directory_is_read_in_few_requests_and_a_small_one_costs_little_memory() {
        for (things, bytes) in [
            (0, 1 << 15),
            (100, 1 << 15),
            (1_000, 1 << 18),
            (2_000, 1 << 19),
            (5_000, 1 << 20),
            (u64::MAX, 1 << 20),
        ] {
            assert_eq!(listing_bytes(things), bytes, "{things}");
        }
    }
}
