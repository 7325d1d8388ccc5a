//! Nodes of the inbox that are made and not in the database yet.
//!
//! A copy makes thousands of them, and a transaction each would cost more than the copy. Here they wait for the next
//! change that takes the connection for writing, and come into the database with that. Until then those who ask
//! are answered from here first: a node stays here until it can be read there.
//!
//! Locks: the nursery's own, held while a question is put to the database at most; never while waiting for the
//! connection that writes. That one is taken first by whoever [begins to keep](Nursery::begin_keeping).
//!
//! Memory: some 200 bytes a node, up to [`Nursery::MOST`].

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::catalogue::{InboxNode, NodeId, NodeKind, UnixNanos};

/// The nodes.
#[derive(Debug, Default)]
pub(super) struct Nursery(Mutex<Young>);

/// What is in it.
#[derive(Debug, Default)]
pub(super) struct Young {
    nodes: BTreeMap<NodeId, InboxNode>,
    names: HashMap<NodeId, HashMap<String, NodeId>>,
    /// When something last came into a folder that is in the database.
    touched: HashMap<NodeId, UnixNanos>,
    /// Those that are being kept: they change in the database only.
    leaving: HashSet<NodeId>,
    /// Numbers that are set aside for the next ones.
    ids: Range<u64>,
}

/// What is to be kept.
#[derive(Debug, Default)]
pub(super) struct Leaving {
    /// Nodes, each after its folder.
    pub(super) nodes: Vec<InboxNode>,
    /// When something last came into folders of the database.
    pub(super) touched: Vec<(NodeId, UnixNanos)>,
}

impl Leaving {
    /// Whether there is nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.nodes.is_empty() && self.touched.is_empty()
    }
}

impl Nursery {
    /// Most nodes. Whoever makes one more waits for the others to be kept.
    pub(super) const MOST: usize = 1 << 14;

    /// The nodes, for a moment.
    pub(super) fn young(&self) -> MutexGuard<'_, Young> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All that is to be kept, by one who holds the connection for writing.
    pub(super) fn begin_keeping(&self) -> Leaving {
        let mut young = self.young();
        young.leaving = young.nodes.keys().copied().collect();
        Leaving {
            nodes: young.nodes.values().cloned().collect(),
            touched: young.touched.iter().map(|(id, at)| (*id, *at)).collect(),
        }
    }

    /// They are in the database now, or that failed.
    pub(super) fn end_keeping(&self, leaving: Leaving, are_kept: bool) {
        let mut young = self.young();
        young.leaving.clear();
        if !are_kept {
            return;
        }
        for node in leaving.nodes {
            young.remove(&node);
        }
        for (folder, at) in leaving.touched {
            if young.touched.get(&folder) == Some(&at) {
                young.touched.remove(&folder);
            }
        }
    }
}

impl Young {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.nodes.len()
    }

    /// The node with this number.
    pub(super) fn node(&self, id: NodeId) -> Option<&InboxNode> {
        self.nodes.get(&id)
    }

    /// The node called so in a folder.
    pub(super) fn named(&self, parent: NodeId, name: &str) -> Option<&InboxNode> {
        self.nodes.get(self.names.get(&parent)?.get(name)?)
    }

    /// Those in a folder after the number `after`, at most `limit`.
    pub(super) fn in_folder(
        &self,
        parent: NodeId,
        after: Option<NodeId>,
        limit: usize,
    ) -> Vec<InboxNode> {
        let ids = self.names.get(&parent).into_iter();
        let mut ids: Vec<_> = ids
            .flat_map(HashMap::values)
            .filter(|id| after.is_none_or(|after| **id > after))
            .collect();
        ids.sort_unstable();
        ids.truncate(limit);
        ids.into_iter()
            .filter_map(|id| self.nodes.get(id).cloned())
            .collect()
    }

    /// A node of the database as it is with what came into it since.
    pub(super) fn refresh(&self, mut node: InboxNode) -> InboxNode {
        if let Some(at) = self.touched.get(&node.id) {
            node.mtime = node.mtime.max(*at);
            node.ctime = node.ctime.max(*at);
        }
        node
    }

    /// Takes a number that was set aside; `None`: there is none left.
    pub(super) fn next_id(&mut self) -> Option<NodeId> {
        self.ids.next().and_then(NodeId::new)
    }

    /// Sets numbers aside.
    pub(super) fn set_aside(&mut self, ids: Range<u64>) {
        self.ids = ids;
    }

    /// Adds a node.
    pub(super) fn add(&mut self, node: InboxNode) {
        if let Some(parent) = self
            .nodes
            .get_mut(&node.parent)
            .filter(|parent| !self.leaving.contains(&parent.id))
        {
            (parent.mtime, parent.ctime) = (node.mtime, node.mtime);
        } else {
            self.touched.insert(node.parent, node.mtime);
        }
        let names = self.names.entry(node.parent).or_default();
        names.insert(node.name.clone(), node.id);
        self.nodes.insert(node.id, node);
    }

    /// Gives a file another modification time. `false`: it is not here, or is about to leave.
    pub(super) fn touch(&mut self, id: NodeId, mtime: UnixNanos, now: UnixNanos) -> bool {
        match self.nodes.get_mut(&id) {
            Some(node) if node.kind != NodeKind::Folder && !self.leaving.contains(&id) => {
                (node.mtime, node.ctime) = (mtime, now);
                true
            }
            _ => false,
        }
    }

    fn remove(&mut self, node: &InboxNode) {
        self.nodes.remove(&node.id);
        if let Some(names) = self.names.get_mut(&node.parent) {
            names.remove(&node.name);
            if names.is_empty() {
                self.names.remove(&node.parent);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: u64, parent: NodeId, name: &str, kind: NodeKind) -> InboxNode {
        let at = UnixNanos(i64::try_from(id).expect("small"));
        InboxNode {
            id: NodeId::new(id).expect("in range"),
            parent,
            name: name.to_owned(),
            kind,
            mtime: at,
            ctime: at,
            file: None,
        }
    }

    fn folder(id: u64, name: &str) -> InboxNode {
        node(id, NodeId::INBOX, name, NodeKind::Folder)
    }

    #[test]
    fn what_is_kept_leaves_and_what_came_meanwhile_stays() {
        let nursery = Nursery::default();
        let first = folder(20, "first");
        nursery.young().add(first.clone());
        let leaving = nursery.begin_keeping();
        assert_eq!(leaving.nodes.as_slice(), std::slice::from_ref(&first));
        nursery
            .young()
            .add(node(21, first.id, "in it", NodeKind::File(None)));
        assert_eq!(nursery.young().node(first.id), Some(&first));
        nursery.end_keeping(leaving, true);
        let young = nursery.young();
        assert_eq!((young.len(), young.node(first.id)), (1, None));
        // What came into it since is to be told to the database.
        assert_eq!(young.refresh(first).mtime, UnixNanos(21));
        drop(young);
        assert_eq!(nursery.begin_keeping().touched.len(), 1);
    }

    #[test]
    fn what_could_not_be_kept_stays() {
        let nursery = Nursery::default();
        nursery.young().add(folder(20, "first"));
        let leaving = nursery.begin_keeping();
        nursery.end_keeping(leaving, false);
        assert!(nursery.young().named(NodeId::INBOX, "first").is_some());
        assert_eq!(nursery.begin_keeping().nodes.len(), 1);
    }

    #[test]
    fn one_that_leaves_is_not_changed_here() {
        let nursery = Nursery::default();
        let file = node(20, NodeId::INBOX, "file", NodeKind::File(None));
        nursery.young().add(file.clone());
        let (mtime, now) = (UnixNanos(1), UnixNanos(2));
        assert!(nursery.young().touch(file.id, mtime, now));
        let leaving = nursery.begin_keeping();
        assert!(!nursery.young().touch(file.id, mtime, now));
        nursery.end_keeping(leaving, true);
        assert!(!nursery.young().touch(file.id, mtime, now));
    }
}
