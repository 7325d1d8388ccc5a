//! Inode numbers.
//!
//! The kernel keeps them, we keep nothing: a number is taken apart into what it stands for. All are
//! below 2^53, so that programs that hold them in a double see them whole.
//!
//! ```text
//! 1                                          the root
//! 2^10 .. 2^40                               a file: books_to_hashes.id
//! 2^50 | node                                a folder or a file of the inbox
//! 2^51 | file                                a file in the trash
//! 2^51 | 2^50 | file                         what is written down about it there
//! 2^52 | through << 51 | folder << 21 | bucket     a directory; bucket 0 is the whole folder
//! ```

use crate::archive::{FileId, FolderId, NodeId};
use crate::name::Bucket;
use crate::view::{Node, Place};

/// An inode number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inode(pub u64);

/// What an inode number stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A directory.
    Directory(Place),
    /// A file.
    File(FileId),
    /// A folder or a file of the inbox.
    Node(NodeId),
    /// A file in the trash.
    Trashed(FileId),
    /// What is written down about a file in the trash.
    TrashInfo(FileId),
}

const DIRECTORY: u64 = 1 << 52;
const THROUGH_BUCKET: u64 = 1 << 51;
const TRASHED: u64 = 1 << 51;
const NODE: u64 = 1 << 50;
const BUCKET_BITS: u32 = 21;
const BUCKET_MASK: u64 = (1 << BUCKET_BITS) - 1;

impl Inode {
    /// The root of the mount, by the protocol.
    pub const ROOT: Self = Self(1);

    /// The trash that file managers know.
    pub const TRASH: Self = Self(NODE | NodeId::TRASH.get());

    /// What the number stands for; `None` for one that was never given out.
    pub fn target(self) -> Option<Target> {
        if self == Self::ROOT {
            return Some(Target::Directory(Place::ROOT));
        }
        if self.0 & DIRECTORY == 0 {
            let id = self.0 & !TRASHED & !NODE;
            return match (self.0 & TRASHED != 0, self.0 & NODE != 0) {
                (false, false) => FileId::new(id).map(Target::File),
                (false, true) => NodeId::new(id).map(Target::Node),
                (true, false) => FileId::new(id).map(Target::Trashed),
                (true, true) => FileId::new(id).map(Target::TrashInfo),
            };
        }
        let folder = (self.0 & !DIRECTORY & !THROUGH_BUCKET) >> BUCKET_BITS;
        let bucket = u32::try_from(self.0 & BUCKET_MASK).ok()?;
        Some(Target::Directory(Place {
            folder: FolderId::new(u32::try_from(folder).ok()?)?,
            bucket: match bucket {
                0 => None,
                code => Some(Bucket::from_code(code)?),
            },
            through_bucket: self.0 & THROUGH_BUCKET != 0,
        }))
    }

    /// The file that the number stands for, if it is one.
    pub fn file(self) -> Option<FileId> {
        match self.target() {
            Some(Target::File(file)) => Some(file),
            _ => None,
        }
    }

    /// Whether the number is that of a folder of a view, the root aside.
    pub fn is_folder_of_view(self) -> bool {
        self != Self::ROOT && matches!(self.target(), Some(Target::Directory(_)))
    }

    /// Whether the number is that of a folder or a file of the inbox.
    pub fn is_node(self) -> bool {
        matches!(self.target(), Some(Target::Node(_)))
    }

    /// The number of a file in the trash, which is another than it has in the views.
    pub fn of_trashed(file: FileId) -> Self {
        Self(TRASHED | file.get())
    }

    /// The number of what is written down about a file in the trash.
    pub fn of_info(file: FileId) -> Self {
        Self(TRASHED | NODE | file.get())
    }

    /// The number of what a look-up or a listing found.
    pub fn of(node: &Node) -> Self {
        match node {
            Node::Directory(place, _) => (*place).into(),
            Node::File(stat) => stat.file.into(),
        }
    }
}

impl From<FileId> for Inode {
    fn from(file: FileId) -> Self {
        Self(file.get())
    }
}

impl From<NodeId> for Inode {
    fn from(node: NodeId) -> Self {
        Self(NODE | node.get())
    }
}

impl From<Place> for Inode {
    fn from(place: Place) -> Self {
        if place == Place::ROOT {
            return Self::ROOT;
        }
        let folder = u64::from(place.folder.get()) << BUCKET_BITS;
        let bucket = place.bucket.map_or(0, |bucket| u64::from(bucket.code()));
        let through = if place.through_bucket {
            THROUGH_BUCKET
        } else {
            0
        };
        Self(DIRECTORY | through | folder | bucket)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_has_a_number_of_its_own_and_comes_back() {
        let ids = [1, 2, 7, 4_000, FolderId::END - 1];
        let buckets = [None, Some("Apfel"), Some("東京"), Some("1984"), Some("?")];
        let mut seen = std::collections::HashSet::new();
        for id in ids {
            for bucket in buckets {
                for through_bucket in [false, true] {
                    let place = Place {
                        folder: FolderId::new(id).expect("in range"),
                        bucket: bucket.map(Bucket::of),
                        through_bucket,
                    };
                    let inode = Inode::from(place);
                    assert_eq!(inode.target(), Some(Target::Directory(place)));
                    assert!(seen.insert(inode), "{place:?} shares its number");
                    assert!(inode.0 < 1 << 53);
                }
            }
        }
    }

    #[test]
    fn files_keep_their_row_ids() {
        for id in [FileId::FIRST, FileId::END - 1] {
            let file = FileId::new(id).expect("in range");
            assert_eq!(Inode::from(file).0, id);
            assert_eq!(Inode(id).target(), Some(Target::File(file)));
            let (trashed, info) = (Inode::of_trashed(file), Inode::of_info(file));
            assert_eq!(trashed.target(), Some(Target::Trashed(file)));
            assert_eq!(info.target(), Some(Target::TrashInfo(file)));
        }
        for unused in [0, 2, FileId::FIRST - 1, FileId::END] {
            assert_eq!(Inode(unused).target(), None, "{unused}");
        }
    }
}
