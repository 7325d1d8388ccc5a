//! What has a name in the views, and removing it: `rm` puts a file into the trash.
//!
//! Renaming is in `rename`, folders are in `folders`, and what happens in the inbox is in `inbox`.

use std::ffi::OsStr;
use std::sync::Arc;

use crate::archive::{Discard, FileId, FileRecord, Folder, FolderId};
use crate::view::{Found, Node, Place};

use super::pending::{Alias, Pending, Phase};
use super::write::{as_listed, new_name};
use super::{Error, FileSystem, Inode, Result, Target};

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

    fn vacate(&self, spot: &Spot<'_>, record: &FileRecord) {
        let key = (spot.place.folder, spot.name.to_owned());
        self.desk.tables().vacated.put(key, record.metadata.clone());
    }
}
