//! Which folders of the views the kernel has been told of: to tell it of others is in vain.
//!
//! A document that arrives changes a dozen folders and buckets, most of which nobody has looked into. Numbers are
//! noted before the reply that tells of them, so a thread that has turned the gate finds all that were told by
//! handlers which may have seen the old state.
//!
//! Memory: 16 bytes a folder, up to [`Known::MOST`]; from then on all count as known until the mount ends.

use std::collections::HashSet;
use std::sync::{PoisonError, RwLock};

use crate::fs::Inode;

/// The folders.
#[derive(Debug, Default)]
pub(super) struct Known(RwLock<Folders>);

#[derive(Debug, Default)]
struct Folders {
    told: HashSet<Inode>,
    /// Whether there were too many to remember.
    is_all: bool,
}

impl Known {
    /// Most folders that are remembered.
    const MOST: usize = 1 << 16;

    /// Notes that the kernel is about to be told of an inode.
    pub(super) fn add(&self, inode: Inode) {
        if !inode.is_folder_of_view() || self.has(inode) {
            return;
        }
        let mut folders = self.0.write().unwrap_or_else(PoisonError::into_inner);
        if folders.told.len() >= Self::MOST {
            *folders = Folders {
                told: HashSet::new(),
                is_all: true,
            };
        } else {
            folders.told.insert(inode);
        }
    }

    /// Whether the kernel may know an inode.
    pub(super) fn has(&self, inode: Inode) -> bool {
        if !inode.is_folder_of_view() {
            return true;
        }
        let folders = self.0.read().unwrap_or_else(PoisonError::into_inner);
        folders.is_all || folders.told.contains(&inode)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::{FileId, NodeId};

    /// A folder of a view, as the head of `fs/inode.rs` draws it.
    fn folder(id: u64) -> Inode {
        let inode = Inode((1 << 52) | (id << 21));
        assert!(inode.is_folder_of_view());
        inode
    }

    #[test]
    fn a_folder_is_known_once_it_was_told_of() {
        let known = Known::default();
        assert!(!known.has(folder(2000)));
        known.add(folder(2000));
        assert!(known.has(folder(2000)));
        assert!(!known.has(folder(2001)));
    }

    #[test]
    fn what_is_no_folder_of_a_view_always_is() {
        let known = Known::default();
        let file = FileId::new(FileId::FIRST).expect("in range");
        for inode in [Inode::ROOT, NodeId::INBOX.into(), file.into()] {
            assert!(known.has(inode));
        }
    }

    #[test]
    fn too_many_are_all() {
        let known = Known::default();
        for id in 0..=Known::MOST as u64 {
            known.add(folder(2000 + id));
        }
        assert!(known.has(folder(1999)));
    }
}
