//! Making folders and files of the inbox, fast and for good.
//!
//! A node that is made waits for the next change of the catalogue (see [`Inbox::make_node_soon`](crate::catalogue::Inbox)).
//! Until that comes a note in staging keeps it, which costs a tenth of a transaction. What a killed process has left so
//! [`Archive::recover`] makes again.
//!
//! Lock: its own, held while a note is written, and before any of the catalogue's.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Archive, InboxNode, Moved, NodeId, NodeKind, Result, UnixNanos};
use crate::blob::Inherited;

/// Nodes whose notes stand, and the numbers of these.
#[derive(Default)]
pub(super) struct NotedNodes(Mutex<HashMap<NodeId, u64>>);

impl NotedNodes {
    fn table(&self) -> MutexGuard<'_, HashMap<NodeId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is noted of a node: all that it takes to make it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct NodeNote {
    made: NodeId,
    parent: NodeId,
    name: String,
    is_folder: bool,
    mtime: UnixNanos,
}

impl NodeNote {
    fn of(node: &InboxNode) -> Self {
        Self {
            made: node.id,
            parent: node.parent,
            name: node.name.clone(),
            is_folder: node.kind == NodeKind::Folder,
            mtime: node.mtime,
        }
    }

    fn node(self) -> InboxNode {
        InboxNode {
            id: self.made,
            parent: self.parent,
            name: self.name,
            kind: if self.is_folder {
                NodeKind::Folder
            } else {
                NodeKind::File(None)
            },
            mtime: self.mtime,
            ctime: self.mtime,
            file: None,
        }
    }
}

/// Whether this line is the note of a node.
pub(super) fn is_of_node(line: &str) -> bool {
    serde_json::from_str::<NodeNote>(line).is_ok()
}

impl Archive {
    /// Makes a folder or an empty file in the folder `parent` of the inbox. It survives the process.
    pub fn make_node(
        &self,
        parent: NodeId,
        name: &str,
        is_folder: bool,
    ) -> Result<Moved<InboxNode>> {
        let made = self.catalogue.make_node_soon(parent, name, is_folder)?;
        if let Moved::Done(node) = &made
            && self.catalogue.is_young(node.id)
        {
            self.note_node(node)?;
        }
        Ok(made)
    }

    fn note_node(&self, node: &InboxNode) -> Result<()> {
        let noted = match serde_json::to_string(&NodeNote::of(node)) {
            Ok(line) => self.blobs.staging().note(&line),
            // It cannot be said in a line: then it is kept at once.
            Err(_) => return Ok(self.catalogue.keep_nodes()?),
        };
        self.noted_nodes.table().insert(node.id, noted?);
        Ok(())
    }

    /// A node is about to be removed, and is not to come back.
    pub fn forget_node(&self, id: NodeId) -> Result<()> {
        match self.noted_nodes.table().remove(&id) {
            Some(number) => Ok(self.blobs.staging().forget(&[number])?),
            None => Ok(()),
        }
    }

    /// Brings all nodes that were made into the catalogue, and takes their notes back.
    pub fn keep_nodes(&self) -> Result<()> {
        self.catalogue.keep_nodes()?;
        let mut noted = self.noted_nodes.table();
        let mut over = Vec::new();
        noted.retain(|id, number| {
            let is_young = self.catalogue.is_young(*id);
            if !is_young {
                over.push(*number);
            }
            is_young
        });
        if over.is_empty() {
            return Ok(());
        }
        Ok(self.blobs.staging().forget(&over)?)
    }

    /// Makes the nodes again that a dead process has noted, each after its folder. Returns what else it has noted.
    pub(super) fn recover_nodes(&self, session: &Inherited) -> Result<Vec<(u64, String)>> {
        let mut others = Vec::new();
        for (number, line) in session.noted() {
            match serde_json::from_str::<NodeNote>(&line) {
                Ok(note) => {
                    self.catalogue.make_again(&note.node())?;
                    session.forget(number)?;
                }
                Err(_) => others.push((number, line)),
            }
        }
        Ok(others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::draft::Note;

    #[test]
    fn notes_of_nodes_and_of_drafts_are_told_apart() {
        let node = InboxNode {
            id: NodeId::new(17).unwrap(),
            parent: NodeId::INBOX,
            name: "Zwei\nZeilen".into(),
            kind: NodeKind::Folder,
            mtime: UnixNanos(5),
            ctime: UnixNanos(5),
            file: None,
        };
        let line = serde_json::to_string(&NodeNote::of(&node)).unwrap();
        assert!(!line.contains('\n') && is_of_node(&line));
        assert_eq!(Note::parse(&line), None);
        let read: NodeNote = serde_json::from_str(&line).unwrap();
        assert_eq!(read.node(), node);
        let draft = Note::new(&crate::archive::Destination::default(), None, false);
        assert!(!is_of_node(&draft.to_line().unwrap()));
    }
}
