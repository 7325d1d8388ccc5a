//! The inbox, and the folders beside it that file managers use as their trash.
//!
//! Its tree is the catalogue's, its bytes are blobs, and what is being written is pending under the number of its
//! node. Others may change it too, so the kernel keeps its names and attributes for [`super::Keep::Briefly`] only.

use crate::archive::{
    FileRecord, Filled, Filling, InboxNode, Moved, NodeId, NodeKind, UnixNanos, is_scratch,
};

use super::pending::Home;
use super::rename::IfTaken;
use super::trash::TRASHED_COOKIES;
use super::{Attributes, Error, FileSystem, Line, Result};

/// Nodes read at once.
const PAGE_NODES: usize = 512;

/// Cookies of nodes are above those of `.` and `..`.
const NODE_COOKIES: u64 = 16;

impl FileSystem {
    /// A node. The path that led to it may lead to something else by now.
    pub(super) fn node(&self, id: NodeId) -> Result<InboxNode> {
        self.catalogue().node(id)?.ok_or(Error::Stale)
    }

    /// The attributes of a node of which nothing is pending, or which has gone while the kernel knows it.
    pub(super) fn node_attributes(&self, id: NodeId) -> Result<Attributes> {
        match self.catalogue().node(id)? {
            Some(node) => Ok(Attributes::of_node(&node)),
            None => self.departed.attributes(id).ok_or(Error::Stale),
        }
    }

    pub(super) fn attributes_of(&self, node: &InboxNode) -> Attributes {
        match self.desk.get(node.id.into()) {
            Some(pending) => Attributes::of_pending(&pending),
            None => Attributes::of_node(node),
        }
    }

    /// What a name leads to in a folder of the inbox.
    pub(super) fn look_up_node(&self, parent: NodeId, name: &str) -> Result<Attributes> {
        if let Some(found) = self.look_up_in_trash(parent, name)? {
            return Ok(found);
        }
        let found = self.catalogue().node_named(parent, name)?;
        Ok(self.attributes_of(&found.ok_or(Error::NotFound)?))
    }

    /// Calls `take` with the lines of a folder of the inbox after the cookie `after`, those of `.` and `..` aside.
    pub(super) fn read_node_folder(
        &self,
        id: NodeId,
        after: u64,
        take: &mut dyn FnMut(&Line<'_>) -> bool,
    ) -> Result<()> {
        let goes_on = after >= TRASHED_COOKIES || self.read_nodes(id, after, take)?;
        if goes_on {
            self.read_trash(id, after, take)?;
        }
        Ok(())
    }

    /// The lines of nodes; `false` if `take` wants no more.
    fn read_nodes(
        &self,
        id: NodeId,
        after: u64,
        take: &mut dyn FnMut(&Line<'_>) -> bool,
    ) -> Result<bool> {
        let mut last = after.checked_sub(NODE_COOKIES).and_then(NodeId::new);
        loop {
            let page = self.catalogue().nodes(id, last, PAGE_NODES)?;
            for node in &page {
                let line = Line {
                    name: &node.name,
                    cookie: node.id.get() + NODE_COOKIES,
                    attributes: self.attributes_of(node),
                };
                if !take(&line) {
                    return Ok(false);
                }
            }
            match page.last() {
                Some(node) if page.len() == PAGE_NODES => last = Some(node.id),
                _ => return Ok(true),
            }
        }
    }

    /// Makes a folder in the inbox.
    pub(super) fn make_node_folder(&self, parent: NodeId, name: &str) -> Result<Attributes> {
        self.require_free_in_trash(parent, name)?;
        let made = self.archive.make_node(parent, name, true)?;
        Ok(Attributes::of_node(&moved(made)?))
    }

    /// Removes a path of the inbox. Its document stays.
    pub(super) fn unlink_node(&self, parent: NodeId, name: &str) -> Result<()> {
        if self.unlink_in_trash(parent, name)? {
            return Ok(());
        }
        let node = self.node_named(parent, name)?;
        if node.kind == NodeKind::Folder {
            return Err(Error::IsADirectory);
        }
        self.depart(&node, 0);
        if let Some(pending) = self.desk.get(node.id.into()) {
            self.desk.queue_closed(&pending);
        }
        let document = self.await_document(&node);
        moved(self.catalogue().remove_node(node.id)?)?;
        if !document {
            self.drop_pending_node(node.id);
        }
        Ok(())
    }

    /// What was written completely and waits for its commit becomes a document before its path goes.
    ///
    /// Tells whether it is one.
    fn await_document(&self, node: &InboxNode) -> bool {
        let Some(pending) = self.desk.get(node.id.into()) else {
            return false;
        };
        let is_document = pending.state().waits_as_document();
        // What cannot be committed now can be removed all the same.
        is_document && (self.desk.hurry(&pending).is_ok() || !pending.state().is_failing)
    }

    /// What is pending of a node that is no more lives as long as it is open.
    pub(super) fn drop_pending_node(&self, id: NodeId) {
        let Some(pending) = self.desk.get(id.into()) else {
            return;
        };
        // Its bytes were to survive a power cut: they may go only after the path, or it would be there and empty.
        if pending.state().is_synced
            && pending.draft.is_noted()
            && let Err(error) = self.catalogue().sync()
        {
            tracing::warn!("what was removed in the inbox may be there after a power cut: {error}");
        }
        self.desk.tables().make_homeless(&pending);
    }

    /// Removes an empty folder of the inbox.
    pub(super) fn remove_node_folder(&self, parent: NodeId, name: &str) -> Result<()> {
        if parent == NodeId::TRASH && self.look_up_in_trash(parent, name)?.is_some() {
            return Err(Error::NotPermitted("the folders of the trash stay"));
        }
        let node = self.node_named(parent, name)?;
        if node.kind != NodeKind::Folder {
            return Err(Error::NotADirectory);
        }
        self.depart(&node, 0);
        moved_or(self.catalogue().remove_node(node.id)?, Error::NotEmpty)
    }

    pub(super) fn node_named(&self, parent: NodeId, name: &str) -> Result<InboxNode> {
        let found = self.catalogue().node_named(parent, name)?;
        found.ok_or(Error::NotFound)
    }

    /// Renames within the inbox.
    pub(super) fn rename_nodes(
        &self,
        old: (NodeId, &str),
        new: (NodeId, &str),
        if_taken: IfTaken,
    ) -> Result<()> {
        self.require_free_in_trash(new.0, new.1)?;
        if new.0 == NodeId::TRASH_FILES {
            // A document is one before its path comes into the trash.
            self.await_document(&self.node_named(old.0, old.1)?);
        }
        let node = self.reclaimed_node(old)?;
        let renamed = match if_taken {
            IfTaken::Exchange => self.exchange_nodes(&node, old, new),
            _ => self.rename_node(&node, new, if_taken),
        };
        self.give_back(&node);
        renamed
    }

    /// Lets the committer have what is pending of a node again.
    fn give_back(&self, node: &InboxNode) {
        if let Some(pending) = self.desk.get(node.id.into()) {
            self.queue_if_closed(&pending);
        }
    }

    fn exchange_nodes(
        &self,
        node: &InboxNode,
        old: (NodeId, &str),
        new: (NodeId, &str),
    ) -> Result<()> {
        let other = self.reclaimed_node(new)?;
        let exchanged = self
            .catalogue()
            .exchange_nodes(node.id, other.id)
            .map_err(Error::from)
            .and_then(moved)
            .and_then(|()| self.node_was_renamed(node, new))
            .and_then(|()| self.node_was_renamed(&other, old));
        self.give_back(&other);
        exchanged
    }

    /// A file or folder whose pending bytes the committer leaves alone until they are queued anew.
    fn reclaimed_node(&self, (folder, name): (NodeId, &str)) -> Result<InboxNode> {
        let node = self.node_named(folder, name)?;
        if let Some(pending) = self.desk.get(node.id.into())
            && self.desk.reclaim(&pending, |_| ())?.is_none()
        {
            // It was committed just now: its bytes are others than were read above.
            return self.node_named(folder, name);
        }
        Ok(node)
    }

    fn rename_node(&self, node: &InboxNode, new: (NodeId, &str), if_taken: IfTaken) -> Result<()> {
        let replace = if_taken == IfTaken::Replace;
        if replace && let Some(there) = self.catalogue().node_named(new.0, new.1)? {
            self.depart(&there, 0);
        }
        let answer = self.catalogue().move_node(node.id, new.0, new.1, replace)?;
        let replaced = match answer {
            Moved::Taken if replace => return Err(Error::NotEmpty),
            Moved::OtherKind if node.kind == NodeKind::Folder => return Err(Error::NotADirectory),
            Moved::OtherKind => return Err(Error::IsADirectory),
            answer => moved(answer)?,
        };
        if let Some(replaced) = replaced {
            self.drop_pending_node(replaced.id);
            self.take_over(node, &replaced)?;
        }
        self.node_was_renamed(node, new)
    }

    /// What was written to take the place of a file is its new bytes: the document stays one.
    fn take_over(&self, node: &InboxNode, replaced: &InboxNode) -> Result<()> {
        let (Some(pending), Some(file)) = (self.desk.get(node.id.into()), replaced.file) else {
            return Ok(());
        };
        if !self.catalogue().is_in_inbox(file, replaced.id)? {
            pending.state().replaces = Some(file);
        }
        Ok(())
    }

    /// What is pending of a node learns its new name, and what was no document by its old name may be one now.
    fn node_was_renamed(&self, node: &InboxNode, (folder, name): (NodeId, &str)) -> Result<()> {
        let is_plain = self.is_plain(folder, name)?;
        let becomes_document =
            is_scratch(node.name.as_ref()) && !is_scratch(name.as_ref()) && !is_plain;
        let has_bytes = matches!(node.kind, NodeKind::File(Some(_)));
        let is_to_commit = becomes_document && has_bytes && node.file.is_none();
        let mut pending = self.desk.get(node.id.into());
        if pending.is_none() && is_to_commit {
            pending = Some(self.pending_node(node.id, false)?);
        }
        let Some(pending) = pending else {
            return Ok(());
        };
        let destination = {
            let _tables = self.desk.tables();
            let mut state = pending.state();
            state.home = Some(Home::Inbox(node.id, name.to_owned()));
            state.is_plain = is_plain;
            state.is_dirty |= is_to_commit;
            state.changed = UnixNanos::now();
            state.destination()
        };
        Ok(pending.draft.note(&destination)?)
    }

    /// Whether a file of this name in this folder is no document: it lies below a folder of work in progress
    /// (`.git`), or is what calibre keeps beside its books.
    pub(super) fn is_plain(&self, folder: NodeId, name: &str) -> Result<bool> {
        const BESIDE_BOOKS: [&str; 4] = [
            "cover.jpg",
            "metadata.db",
            "metadata.opf",
            "metadata_db_prefs_backup.json",
        ];
        if BESIDE_BOOKS.contains(&name) {
            return Ok(true);
        }
        let mut id = folder;
        while let Some(above) = self.catalogue().node(id)? {
            if is_scratch(above.name.as_ref()) {
                return Ok(true);
            }
            if above.parent == id {
                // What a file manager put into its trash is no document either.
                return Ok(id != NodeId::INBOX);
            }
            id = above.parent;
        }
        Ok(false)
    }

    /// A file of the inbox, after what is pending of it is committed.
    pub(super) fn settled_node(&self, parent: NodeId, name: &str) -> Result<InboxNode> {
        let node = self.node_named(parent, name)?;
        if let Some(pending) = self.desk.get(node.id.into()) {
            if pending.state().writers > 0 {
                return Err(Error::Busy);
            }
            self.desk.hurry(&pending)?;
            return self.node_named(parent, name);
        }
        Ok(node)
    }

    /// Gives a document a path in the inbox.
    pub(super) fn put_into_inbox(
        &self,
        record: &FileRecord,
        parent: NodeId,
        name: &str,
        replace: bool,
    ) -> Result<()> {
        let made = self.catalogue().make_node(parent, name, false)?;
        let node = match made {
            Moved::Taken if replace => self.node_named(parent, name)?.id,
            made => moved(made)?.id,
        };
        let filling = Filling {
            node,
            blob: Some(record.blob),
            mtime: record.mtime.into(),
            ctime: UnixNanos::now(),
            file: Some(record.file),
        };
        let filled = self.catalogue().fill(&[filling])?;
        match filled.first() {
            Some(Filled::Done) => Ok(()),
            _ => Err(Error::NotFound),
        }
    }
}

/// What a change of the tree came to.
fn moved<T>(answer: Moved<T>) -> Result<T> {
    moved_or(answer, Error::Exists)
}

/// The same, with the error where something is in the way.
fn moved_or<T>(answer: Moved<T>, taken: Error) -> Result<T> {
    match answer {
        Moved::Done(done) => Ok(done),
        Moved::Gone => Err(Error::NotFound),
        Moved::Taken => Err(taken),
        Moved::OtherKind => Err(Error::NotADirectory),
        Moved::Loop => Err(Error::Invalid("a folder cannot lie in itself")),
    }
}
