//! Renaming in the views, which edits metadata, and between them and the inbox.

use std::ffi::OsStr;
use std::sync::Arc;

use crate::archive::{self, FileId, FolderId, NodeId, is_scratch};

use super::fields::{as_fields, fields_of_move, said_by};
use super::names::{Spot, There};
use super::pending::{Alias, Home, Pending};
use super::write::new_name;
use super::{Error, FileSystem, Inode, Result, Target};

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

impl FileSystem {
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
