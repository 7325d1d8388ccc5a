//! Removing, renaming, making folders: what happens to names in the views.
//!
//! `rm` puts a file into the trash. `mv` changes metadata: to another author's folder, to another name. What
//! happens in the inbox is in `inbox`.

use std::ffi::OsStr;
use std::sync::Arc;

use crate::archive::{
    self, Discard, Fields, FileId, FileRecord, Folder, FolderId, NodeId, is_scratch, read_name,
};
use crate::author;
use crate::book::Metadata;
use crate::language;
use crate::name::{FolderName, UNKNOWN};
use crate::view::{Found, Node, Place};

use super::pending::{Alias, Home, Pending, Phase};
use super::write::{as_listed, new_name, said_by};
use super::{Attributes, Error, FileSystem, INBOX, Inode, Pass, Result, Target};

/// What a rename is to do about what has the new name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfTaken {
    /// Take its place.
    Replace,
    /// Fail (`RENAME_NOREPLACE`).
    Fail,
    /// Change places with it (`RENAME_EXCHANGE`).
    Exchange,
}

/// A name in a folder of a view.
pub(super) struct Spot<'n> {
    pub(super) place: Place,
    pub(super) folder: Folder,
    pub(super) name: &'n str,
}

/// What has a name in a view.
pub(super) enum There {
    Pending(Arc<Pending>),
    File(FileId),
    /// What somebody wrote has the bytes of this file.
    Copy(Alias),
    Folder(Folder),
    Nothing,
}

impl FileSystem {
    /// The file that is listed as `name` in a place, or that an alias leads to.
    pub(super) fn file_in_view(&self, place: Place, name: &str) -> Result<Option<FileId>> {
        match self.tree.look_up(place, name)? {
            Some(Found {
                node: Node::File(stat),
                ..
            }) => Ok(Some(stat.file)),
            Some(_) => Err(Error::IsADirectory),
            None => Ok(self.aliased(place.folder, name)?.map(|alias| alias.file)),
        }
    }

    /// The visible file that an alias leads to.
    pub(super) fn aliased(&self, folder: FolderId, name: &str) -> Result<Option<Alias>> {
        let Some(alias) = self.desk.alias(folder, name) else {
            return Ok(None);
        };
        if self.tree.stat(alias.file)?.is_some() {
            return Ok(Some(alias));
        }
        // Its new bytes may have taken its place in the catalogue, and the path does not lead to them yet.
        if let Some(edit) = self.desk.replacing(alias.file) {
            self.desk.hurry(&edit)?;
        }
        if self.desk.alias(folder, name) != Some(alias) {
            return self.aliased(folder, name);
        }
        self.desk.drop_alias(folder, name);
        Ok(None)
    }

    pub(super) fn there(&self, place: Place, name: &str) -> Result<There> {
        if let Some(pending) = self.desk.named(place.folder, name) {
            if pending.state().phase != Phase::Committing {
                return Ok(There::Pending(pending));
            }
            self.desk.hurry(&pending)?;
        }
        // Every search can be looked into; what is there is what is kept.
        if place.folder == FolderId::SEARCH && !self.catalogue().is_saved(&as_listed(name))? {
            return Ok(There::Nothing);
        }
        Ok(match self.tree.look_up(place, name)? {
            Some(Found {
                node: Node::File(stat),
                ..
            }) => {
                let edit = self.desk.edit_of(stat.file);
                let waits = edit.filter(|edit| edit.state().waits_as_document());
                if waits.is_some_and(|edit| self.desk.hurry(&edit).is_ok()) {
                    return self.there(place, name);
                }
                There::File(stat.file)
            }
            Some(Found {
                node: Node::Directory(_, folder),
                ..
            }) => There::Folder(folder),
            None => match self.aliased(place.folder, name)? {
                None => There::Nothing,
                Some(copy) if copy.is_copy() => There::Copy(copy),
                Some(alias) => There::File(alias.file),
            },
        })
    }

    pub(super) fn spot<'n>(&self, place: Place, name: &'n OsStr) -> Result<Spot<'n>> {
        let name = new_name(name)?;
        let folder = self.tree.folder(place)?.ok_or(Error::NotFound)?;
        Ok(Spot {
            place,
            folder,
            name,
        })
    }

    /// Removes a file: into the trash, if it is in the catalogue.
    pub fn unlink(&self, parent: Inode, name: &OsStr) -> Result<()> {
        self.require_write()?;
        let place = match parent.target().ok_or(Error::NotFound)? {
            Target::Directory(place) => place,
            Target::Node(node) => return self.unlink_node(node, new_name(name)?),
            _ => return Err(Error::NotADirectory),
        };
        self.unlink_in_view(&self.spot(place, name)?)
    }

    fn unlink_in_view(&self, spot: &Spot<'_>) -> Result<()> {
        match self.there(spot.place, spot.name)? {
            There::Nothing => Err(Error::NotFound),
            There::Folder(_) => Err(Error::IsADirectory),
            There::File(file) => self.discard(spot, file, None),
            There::Copy(_) => {
                self.desk.drop_alias(spot.place.folder, spot.name);
                Ok(())
            }
            There::Pending(pending) => self.unlink_pending(spot, &pending),
        }
    }

    /// A document that is complete and waits for its commit goes to the trash like others.
    fn unlink_pending(&self, spot: &Spot<'_>, pending: &Arc<Pending>) -> Result<()> {
        self.desk.queue_closed(pending);
        let waits = pending.state().waits_as_document();
        if waits
            && let Err(error) = self.desk.hurry(pending)
            && !pending.state().is_failing
        {
            return Err(error);
        }
        if pending.state().phase == Phase::Done {
            return self.unlink_in_view(spot);
        }
        self.desk.tables().make_homeless(pending);
        Ok(())
    }

    /// Puts a file into the trash, where it is called `name` or as it was, and remembers what was known of it in case
    /// that it is being replaced. New bytes that somebody is writing for it have nowhere to go then.
    pub(super) fn discard(&self, spot: &Spot<'_>, file: FileId, name: Option<&str>) -> Result<()> {
        let file = self.without_edit(file)?;
        let record = self.record(file)?;
        self.vacate(spot, &record);
        let path = format!("{}{}", self.tree.path_of(&spot.folder)?, spot.name);
        let discard = Discard {
            file,
            name: name.map(str::to_owned),
            path: Some(path),
        };
        self.catalogue().trash(&[discard])?;
        self.desk.drop_alias(spot.place.folder, spot.name);
        let folder = &spot.folder;
        let key = (folder.parent, folder.name.clone());
        let emptied = (folder.id, std::time::Instant::now());
        self.desk.tables().emptied.put(key, emptied);
        Ok(())
    }

    /// A file, or what its new bytes have made of it, with nothing pending: what was closed is committed, and what
    /// somebody writes to lives as long as it is open. Else it would come back as a document of its own when the file
    /// has gone.
    pub(super) fn without_edit(&self, file: FileId) -> Result<FileId> {
        let Some(edit) = self.desk.replacing(file) else {
            return Ok(file);
        };
        self.desk.queue_closed(&edit);
        let is_closed = matches!(edit.state().phase, Phase::Queued(_) | Phase::Committing);
        if is_closed && let Err(error) = self.desk.hurry(&edit) {
            tracing::warn!("what was written to a file goes with it: {error}");
        }
        if edit.state().phase != Phase::Done {
            self.desk.tables().make_homeless(&edit);
            return Ok(file);
        }
        let own = edit.inode.file();
        let new = own.map_or(Ok(file), |own| self.desk_file(own))?;
        let is_there = self.tree.stat(new)?.is_some();
        Ok(if is_there { new } else { file })
    }

    /// A folder of this name that was emptied a moment ago, or in which nothing is left but what is pending.
    pub(super) fn emptied_lately(&self, parent: FolderId, name: &str) -> Result<Option<Folder>> {
        const LATELY: std::time::Duration = std::time::Duration::from_secs(2);
        if let Some(folder) = self.folder_of_pending(parent, name)? {
            return Ok(Some(folder));
        }
        let key = (parent, name.to_owned());
        let found = self.desk.tables().emptied.get(&key).copied();
        match found.filter(|(_, at)| at.elapsed() < LATELY) {
            Some((id, _)) => Ok(self.catalogue().folder(id)?),
            None => Ok(None),
        }
    }

    /// A folder of this name that something pending is in.
    fn folder_of_pending(&self, parent: FolderId, name: &str) -> Result<Option<Folder>> {
        for id in self.desk.folders() {
            let folder = self.catalogue().folder(id)?;
            if let Some(folder) = folder.filter(|it| it.parent == parent && it.name == name) {
                return Ok(Some(folder));
            }
        }
        Ok(None)
    }

    fn vacate(&self, spot: &Spot<'_>, record: &FileRecord) {
        let key = (spot.place.folder, spot.name.to_owned());
        self.desk.tables().vacated.put(key, record.metadata.clone());
    }

    /// Renames.
    pub fn rename(
        &self,
        from: (Inode, &OsStr),
        to: (Inode, &OsStr),
        if_taken: IfTaken,
    ) -> Result<()> {
        self.require_write()?;
        let target = |inode: Inode| inode.target().ok_or(Error::NotFound);
        let (old, new) = (target(from.0)?, target(to.0)?);
        let both_in_inbox = matches!((old, new), (Target::Node(_), Target::Node(_)));
        if if_taken == IfTaken::Exchange && !both_in_inbox {
            return Err(Error::Invalid("only names in the inbox can be exchanged"));
        }
        if let Target::Node(folder) = old
            && let Some(entry) = self.trashed(folder, new_name(from.1)?)?
        {
            return self.rename_out_of_trash(&entry, (folder, new), new_name(to.1)?, if_taken);
        }
        match (old, new) {
            (Target::Directory(old), Target::Node(NodeId::TRASH_FILES)) => {
                self.rename_into_trash(&self.spot(old, from.1)?, new_name(to.1)?)
            }
            (Target::Directory(old), Target::Directory(new)) => {
                let (old, new) = (self.spot(old, from.1)?, self.spot(new, to.1)?);
                self.rename_in_views(&old, &new, if_taken)
            }
            (Target::Node(old), Target::Node(new)) => {
                self.rename_nodes((old, new_name(from.1)?), (new, new_name(to.1)?), if_taken)
            }
            (Target::Node(old), Target::Directory(new)) => {
                let new = self.spot(new, to.1)?;
                self.rename_out_of_inbox((old, new_name(from.1)?), &new, if_taken)
            }
            (Target::Directory(old), Target::Node(new)) => {
                let old = self.spot(old, from.1)?;
                self.rename_into_inbox(&old, (new, new_name(to.1)?), if_taken)
            }
            _ => Err(Error::NotADirectory),
        }
    }

    fn rename_in_views(&self, old: &Spot<'_>, new: &Spot<'_>, if_taken: IfTaken) -> Result<()> {
        let source = self.there(old.place, old.name)?;
        let taken = self.there(new.place, new.name)?;
        if if_taken == IfTaken::Fail && !matches!(taken, There::Nothing) {
            return Err(Error::Exists);
        }
        // What is complete is replaced as the document that it is to be: else it would depend on the committer's haste
        // whether the new bytes are its own, and whether the old ones are in the trash.
        if let There::Pending(there) = &taken {
            self.desk.queue_closed(there);
            if there.state().waits_as_document() && self.desk.hurry(there).is_ok() {
                return self.rename_in_views(old, new, if_taken);
            }
        }
        // What has the name is out of the committer's reach while it makes way: else it could be a file by then.
        let giving_way = match &taken {
            There::Pending(there) => Some(Arc::clone(there)),
            There::File(there) => self.desk.edit_of(*there),
            _ => None,
        };
        if let Some(there) = &giving_way
            && self.desk.reclaim(there, |_| ())?.is_none()
        {
            return self.rename_in_views(old, new, if_taken);
        }
        let renamed = self.rename_over(source, taken, (old, new), if_taken);
        if let Some(there) = giving_way {
            self.queue_if_closed(&there);
        }
        renamed
    }

    /// Renames `source` to where `taken` is.
    fn rename_over(
        &self,
        source: There,
        taken: There,
        (old, new): (&Spot<'_>, &Spot<'_>),
        if_taken: IfTaken,
    ) -> Result<()> {
        match source {
            There::Nothing => Err(Error::NotFound),
            There::Folder(folder) => self.rename_folder(&folder, new, &taken),
            There::Pending(pending) if self.desk.reclaim(&pending, |_| ())?.is_some() => {
                let renamed = self.rename_pending(&pending, new, taken);
                self.queue_if_closed(&pending);
                renamed
            }
            // It was committed just now, and is a file.
            There::Pending(_) => self.rename_in_views(old, new, if_taken),
            There::File(file) => self.rename_file(file, old, new, taken),
            There::Copy(alias) => self.rename_copy(alias, old, new, taken),
        }
    }

    /// Gives a pending file another name. A file that has it already gets its bytes.
    fn rename_pending(&self, pending: &Arc<Pending>, new: &Spot<'_>, taken: There) -> Result<()> {
        let must_be = self.check_creatable(&new.folder, new.name)?;
        let replaced = match taken {
            There::Folder(_) => return Err(Error::IsADirectory),
            There::File(file) => Some(file),
            There::Pending(there) if there.inode == pending.inode => return Ok(()),
            There::Pending(there) => there.state().replaces,
            There::Nothing | There::Copy(_) => None,
        };
        self.settle_for_name(pending, new.name, must_be, replaced)?;
        let mut tables = self.desk.tables();
        if let Some(replaced) = replaced {
            tables.drop_edit(replaced);
        }
        let known = tables.vacated.pop(&(new.place.folder, new.name.to_owned()));
        tables.aliases.pop(&(new.place.folder, new.name.to_owned()));
        tables.move_home(pending, new.place.folder, new.name);
        let mut state = pending.state();
        state.of_folder = known.unwrap_or_else(|| said_by(&new.folder));
        state.must_be = must_be;
        if let Some(replaced) = replaced {
            state.replaces = Some(replaced);
        }
        let destination = state.destination();
        drop((state, tables));
        Ok(pending.draft.note(&destination)?)
    }

    /// Before a closed scratch file gets the name of a document: its bytes survive from then on, or are refused.
    fn settle_for_name(
        &self,
        pending: &Pending,
        name: &str,
        must_be: Option<crate::hash::Hash>,
        replaced: Option<FileId>,
    ) -> Result<()> {
        if is_scratch(name.as_ref()) || pending.draft.size_bytes() == 0 {
            return Ok(());
        }
        let destination = {
            let mut state = pending.state();
            if state.writers > 0 {
                return Ok(());
            }
            state.must_be = must_be;
            let known = state.destination();
            archive::Destination {
                name: name.to_owned(),
                is_document: true,
                replaces: replaced.or(known.replaces),
                ..known
            }
        };
        self.settle(pending, &destination)
            .inspect_err(|_| pending.state().is_refused = false)
    }

    /// Renames a file of the catalogue, which changes its metadata.
    fn rename_file(
        &self,
        file: FileId,
        old: &Spot<'_>,
        new: &Spot<'_>,
        taken: There,
    ) -> Result<()> {
        let is_closed = new.folder.id == FolderId::ROOT
            || self.tree.is_search(new.folder.id)
            || self.tree.is_by_hash(new.folder.id);
        if is_closed {
            return Err(Error::NotPermitted("nothing can be moved there"));
        }
        if is_scratch(new.name.as_ref()) {
            return self.make_scratch(file, old, new);
        }
        let record = self.record(file)?;
        let fields = match taken {
            There::Folder(_) => return Err(Error::IsADirectory),
            There::Pending(there) => {
                self.desk.tables().make_homeless(&there);
                fields_of_move(&record, old, new)
            }
            There::File(there) if there == file => fields_of_move(&record, old, new),
            There::File(there) => {
                let replaced = self.record(there)?;
                self.discard(new, there, None)?;
                as_fields(&replaced.metadata, &record.metadata)
            }
            There::Nothing | There::Copy(_) => fields_of_move(&record, old, new),
        };
        if !fields.is_empty() {
            self.catalogue().edit(&[(file, fields)])?;
        }
        self.desk.drop_alias(old.place.folder, old.name);
        let alias = Alias::of(file);
        self.desk.add_alias(new.place.folder, new.name, alias);
        Ok(())
    }

    /// Gives a copy another path; the file whose bytes it has stays as it is.
    fn rename_copy(&self, copy: Alias, old: &Spot<'_>, new: &Spot<'_>, taken: There) -> Result<()> {
        self.check_creatable(&new.folder, new.name)?;
        match taken {
            There::Folder(_) => return Err(Error::IsADirectory),
            There::File(there) if there == copy.file => {}
            There::File(there) => self.discard(new, there, None)?,
            There::Pending(there) => self.desk.tables().make_homeless(&there),
            There::Copy(_) | There::Nothing => {}
        }
        self.desk.drop_alias(old.place.folder, old.name);
        self.desk.add_alias(new.place.folder, new.name, copy);
        Ok(())
    }

    /// A file of the catalogue gets a name of work in progress (`X_original`, `X~`): it leaves the views, and what
    /// has the new name is a copy that lives as long as the mount.
    fn make_scratch(&self, file: FileId, old: &Spot<'_>, new: &Spot<'_>) -> Result<()> {
        let file = self.without_edit(file)?;
        let blob = self.catalogue().blob_of(file)?.ok_or(Error::NotFound)?;
        let draft = self.archive.draft_of(&blob)?;
        let record = self.record(file)?;
        if let Some(there) = self.desk.named(new.place.folder, new.name) {
            self.desk.tables().make_homeless(&there);
        }
        let id = self.new_file_id()?;
        let home = Home::View(new.place.folder, new.name.to_owned());
        let mut state = super::pending::State::at(Some(home), Some(id));
        state.mtime = Some(record.mtime.into());
        state.is_dirty = true;
        self.discard(old, file, None)?;
        self.desk.add(id.into(), draft, state);
        Ok(())
    }

    /// Renames an author in all books; a folder that was made and is empty gets another name.
    fn rename_folder(&self, folder: &Folder, new: &Spot<'_>, taken: &There) -> Result<()> {
        if folder.parent == FolderId::SEARCH && new.folder.id == FolderId::SEARCH {
            return self.rename_search(&folder.name, new.name);
        }
        if folder.parent != FolderId::BY_AUTHOR || new.folder.id != FolderId::BY_AUTHOR {
            return Err(Error::NotPermitted(
                "only the folders of authors can be renamed",
            ));
        }
        self.hurry_folder(folder.id)?;
        if let There::Folder(there) = taken {
            self.hurry_folder(there.id)?;
        }
        match taken {
            There::File(_) | There::Copy(_) | There::Pending(_) => {
                return Err(Error::NotADirectory);
            }
            There::Folder(there) if there.id == folder.id => return Ok(()),
            There::Folder(there) if !self.catalogue().remove_folder(there.id)? => {
                return Err(Error::NotEmpty);
            }
            _ => {}
        }
        let is_empty = self.catalogue().remove_folder(folder.id)?;
        if is_empty {
            let name = FolderName::of(new.name);
            self.catalogue().make_folder(FolderId::BY_AUTHOR, &name)?;
        } else {
            self.catalogue().rename_author(folder.id, new.name)?;
        }
        Ok(())
    }

    /// What is complete and waits for its commit in a folder becomes a document before the folder changes.
    fn hurry_folder(&self, folder: FolderId) -> Result<()> {
        for (_, pending) in self.desk.in_folder(folder, 0) {
            if pending.state().waits_as_document() {
                self.desk.hurry(&pending)?;
            }
        }
        Ok(())
    }

    /// Makes a folder to drop into.
    pub fn make_directory(
        &self,
        pass: &Pass<'_>,
        parent: Inode,
        name: &OsStr,
    ) -> Result<Attributes> {
        self.require_write()?;
        let place = match parent.target().ok_or(Error::NotFound)? {
            Target::Directory(place) => place,
            Target::Node(node) => return self.make_node_folder(node, new_name(name)?),
            _ => return Err(Error::NotADirectory),
        };
        let spot = self.spot(place, name)?;
        if spot.folder.id == FolderId::SEARCH {
            return self.save_search(pass, spot.name);
        }
        if !matches!(self.there(place, spot.name)?, There::Nothing) {
            return Err(Error::Exists);
        }
        let folder_name = FolderName::of(spot.name);
        let is_right = match spot.folder.id {
            FolderId::ROOT => return Err(Error::ReadOnly),
            FolderId::BY_AUTHOR => !is_scratch(spot.name.as_ref()),
            FolderId::BY_YEAR => spot
                .name
                .parse::<i32>()
                .is_ok_and(|year| year.to_string() == spot.name),
            FolderId::BY_LANGUAGE => language::code(spot.name).as_deref() == Some(spot.name),
            _ => {
                return Err(Error::NotPermitted(
                    "folders can be made in by-author, by-year and by-language",
                ));
            }
        };
        if !is_right && spot.name != UNKNOWN {
            return Err(Error::Invalid("this is no name for a folder here"));
        }
        let name = if spot.folder.id == FolderId::BY_AUTHOR {
            FolderName::of(&author::natural(folder_name.as_str()))
        } else {
            folder_name
        };
        let made = self.catalogue().make_folder(spot.folder.id, &name)?;
        let folder = made.ok_or(Error::Exists)?;
        Ok(Attributes::of_directory(
            place.child(folder.id).into(),
            &folder,
        ))
    }

    /// Removes a folder that is empty.
    pub fn remove_directory(&self, parent: Inode, name: &OsStr) -> Result<()> {
        self.require_write()?;
        let place = match parent.target().ok_or(Error::NotFound)? {
            Target::Directory(place) => place,
            Target::Node(node) => return self.remove_node_folder(node, new_name(name)?),
            _ => return Err(Error::NotADirectory),
        };
        let spot = self.spot(place, name)?;
        if place == Place::ROOT && (spot.name == INBOX || self.is_trash(spot.name)) {
            return Err(Error::NotPermitted("the inbox and the trash stay"));
        }
        let key = (spot.folder.id, spot.name.to_owned());
        let was_emptied = self.desk.tables().emptied.pop(&key).is_some();
        match self.there(place, spot.name)? {
            // Its last file is gone, and with it the folder.
            There::Nothing if self.folder_of_pending(key.0, spot.name)?.is_some() => {
                Err(Error::NotEmpty)
            }
            There::Nothing if was_emptied => Ok(()),
            There::Nothing => Err(Error::NotFound),
            There::File(_) | There::Copy(_) | There::Pending(_) => Err(Error::NotADirectory),
            There::Folder(folder) if folder.parent == FolderId::SEARCH => {
                self.forget_search(&folder.name)
            }
            There::Folder(folder) => self.remove_empty(&folder),
        }
    }

    fn remove_empty(&self, folder: &Folder) -> Result<()> {
        if folder.parent == FolderId::ROOT {
            return Err(Error::NotPermitted("the views stay"));
        }
        if !self.desk.in_folder(folder.id, 0).is_empty() {
            return Err(Error::NotEmpty);
        }
        if self.catalogue().remove_folder(folder.id)? {
            Ok(())
        } else {
            Err(Error::NotEmpty)
        }
    }

    /// Applies what a folder says to a file that was moved into it.
    pub(super) fn file_into(&self, file: FileId, folder: &Folder) -> Result<()> {
        let record = self.record(file)?;
        let fields = as_fields(
            &said_by(folder).or(record.metadata.clone()),
            &record.metadata,
        );
        if !fields.is_empty() {
            self.catalogue().edit(&[(file, fields)])?;
        }
        Ok(())
    }

    /// A file of the inbox goes to a view: it leaves the inbox, and its document is filed there.
    fn rename_out_of_inbox(
        &self,
        old: (NodeId, &str),
        new: &Spot<'_>,
        if_taken: IfTaken,
    ) -> Result<()> {
        let node = self.settled_node(old.0, old.1)?;
        let file = node
            .file
            .ok_or(Error::NotPermitted("this is no document"))?;
        match self.there(new.place, new.name)? {
            There::Nothing | There::Copy(_) => {}
            There::File(there) if there == file && if_taken == IfTaken::Replace => {}
            _ if if_taken == IfTaken::Fail => return Err(Error::Exists),
            There::File(there) if if_taken == IfTaken::Replace => self.discard(new, there, None)?,
            _ => return Err(Error::NotPermitted("what is there cannot be replaced")),
        }
        self.check_creatable(&new.folder, new.name)?;
        self.file_into(file, &new.folder)?;
        self.depart(&node, 1);
        self.catalogue().remove_node(node.id)?;
        let alias = Alias::of(file);
        self.desk.add_alias(new.place.folder, new.name, alias);
        Ok(())
    }

    /// A file of a view gets a path in the inbox; the document stays in the views under its name.
    fn rename_into_inbox(
        &self,
        old: &Spot<'_>,
        new: (NodeId, &str),
        if_taken: IfTaken,
    ) -> Result<()> {
        let file = match self.there(old.place, old.name)? {
            There::File(file) => file,
            There::Copy(alias) => alias.file,
            There::Pending(pending) if !pending.state().is_scratch() => {
                self.desk.hurry(&pending)?;
                self.file_in_view(old.place, old.name)?
                    .ok_or(Error::NotFound)?
            }
            There::Nothing => return Err(Error::NotFound),
            _ => {
                return Err(Error::NotPermitted(
                    "only documents can be moved into the inbox",
                ));
            }
        };
        self.put_into_inbox(
            &self.record(file)?,
            new.0,
            new.1,
            if_taken == IfTaken::Replace,
        )?;
        self.desk.drop_alias(old.place.folder, old.name);
        Ok(())
    }
}

/// What a move to another folder and another name says of a book.
fn fields_of_move(record: &FileRecord, old: &Spot<'_>, new: &Spot<'_>) -> Fields {
    let mut fields = Fields::default();
    if old.folder.id != new.folder.id {
        fields = fields_of_folder(record, &old.folder, &new.folder);
    }
    if as_listed(old.name) != as_listed(new.name) && as_listed(new.name) != record.name.as_str() {
        let said = read_name(new.name, &record.metadata);
        let differs = |new: &Option<String>, old: &Option<String>| new.is_some() && new != old;
        if differs(&said.title, &record.metadata.title) {
            fields.title = Some(said.title);
        }
        if fields.author.is_none()
            && names_another(said.author.as_deref(), record.metadata.author.as_deref())
        {
            fields.author = Some(said.author);
        }
        if fields.year.is_none() && said.year.is_some() && said.year != record.metadata.year {
            fields.year = Some(said.year);
        }
    }
    fields
}

/// Whether `said` names somebody whom `known` does not begin with: a name shows the first author alone.
fn names_another(said: Option<&str>, known: Option<&str>) -> bool {
    let first = |author: &str| author::split(author).into_iter().next();
    match (said.and_then(first), known.and_then(first)) {
        (Some(said), Some(known)) => said != known,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// What a move from one folder to another says of a book.
fn fields_of_folder(record: &FileRecord, old: &Folder, new: &Folder) -> Fields {
    let mut fields = as_fields(&said_by(new).or(record.metadata.clone()), &record.metadata);
    let becomes_unknown = new.name == UNKNOWN;
    match new.parent {
        FolderId::BY_AUTHOR if becomes_unknown => fields.author = Some(None),
        FolderId::BY_AUTHOR if old.parent == FolderId::BY_AUTHOR => {
            let known = record.metadata.author.as_deref().unwrap_or_default();
            let renamed = author::renamed(known, &old.name, &new.name);
            fields.author = Some(Some(renamed.unwrap_or_else(|| new.name.clone())));
        }
        FolderId::BY_YEAR if becomes_unknown => fields.year = Some(None),
        FolderId::BY_LANGUAGE if becomes_unknown => fields.language = Some(None),
        _ => {}
    }
    fields
}

/// What turns `old` into `new`.
fn as_fields(new: &Metadata, old: &Metadata) -> Fields {
    #[expect(
        clippy::option_option,
        reason = "a field that is emptied differs from one that stays"
    )]
    fn changed<T: Clone + PartialEq>(new: Option<&T>, old: Option<&T>) -> Option<Option<T>> {
        (new != old).then(|| new.cloned())
    }
    Fields {
        title: changed(new.title.as_ref(), old.title.as_ref()),
        author: changed(new.author.as_ref(), old.author.as_ref()),
        publisher: changed(new.publisher.as_ref(), old.publisher.as_ref()),
        year: changed(new.year.as_ref(), old.year.as_ref()),
        language: changed(new.language.as_ref(), old.language.as_ref()),
    }
}
