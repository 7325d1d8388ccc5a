//! Files and folders of the inbox whose path has gone, for as long as the kernel knows their number.
//!
//! Who has one open may ask for its attributes, and the kernel asks before it reads for them.
//!
//! Lock: its own, held for one look-up.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::archive::{InboxNode, NodeId};

use super::inode::Target;
use super::{Attributes, FileSystem, Inode};

/// The last attributes of each.
#[derive(Default)]
pub(super) struct Departed(Mutex<HashMap<NodeId, Attributes>>);

impl Departed {
    fn table(&self) -> MutexGuard<'_, HashMap<NodeId, Attributes>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The attributes of a node that has gone.
    pub(super) fn attributes(&self, id: NodeId) -> Option<Attributes> {
        self.table().get(&id).copied()
    }
}

impl FileSystem {
    /// A node is about to go. `links`: how many paths are left of it.
    pub(super) fn depart(&self, node: &InboxNode, links: u32) {
        let last = Attributes {
            links,
            ..self.attributes_of(node)
        };
        self.departed.table().insert(node.id, last);
        if let Err(error) = self.archive.forget_node(node.id) {
            tracing::warn!("`{}` may come back: {error}", node.name);
        }
    }

    /// The kernel has nothing of an inode any more.
    pub fn forget(&self, inode: Inode) {
        if let Some(Target::Node(id)) = inode.target() {
            self.departed.table().remove(&id);
        }
    }
}
