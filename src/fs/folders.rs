//! Folders of the views: making, removing and renaming them.

use std::ffi::OsStr;

use crate::archive::{Folder, FolderId, is_scratch};
use crate::author;
use crate::language;
use crate::name::{FolderName, UNKNOWN};
use crate::view::Place;

use super::names::{Spot, There};
use super::write::new_name;
use super::{Attributes, Error, FileSystem, INBOX, Inode, Pass, Result, Target};

impl FileSystem {
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

    /// Renames an author in all books; a folder that was made and is empty gets another name.
    pub(super) fn rename_folder(
        &self,
        folder: &Folder,
        new: &Spot<'_>,
        taken: &There,
    ) -> Result<()> {
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
}
