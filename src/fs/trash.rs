//! The trash as file managers know it: `.Trash-<uid>` in the root, with `files` and `info` in it.
//!
//! By <https://specifications.freedesktop.org/trash-spec/latest/>. What is in the archive's own trash is shown in `files`,
//! and what it was in `info`; both are made up from the catalogue. A file of a view that is moved into `files` comes into
//! that trash, one that is moved out of it is restored. What a file manager moves there out of the inbox, and what
//! it writes down about that, are nodes like those of the inbox.
//!
//! It is found and not listed, so that who copies the whole mount does not copy the trash.

use std::fmt::Write as _;

use crate::archive::{
    Discard, FileId, FileRecord, Folder, FolderId, NodeId, Position, Stat, TrashEntry, blob,
};
use crate::name::NAME_MAX_BYTES;

use super::inode::Target;
use super::names::{Spot, There};
use super::pending::Alias;
use super::rename::IfTaken;
use super::write::NodeHandle;
use super::{Attributes, Error, FileSystem, Inode, Line, Result};

/// Names in the trash's own folder, and what they lead to.
const FOLDERS: [(&str, NodeId); 3] = [
    ("files", NodeId::TRASH_FILES),
    ("info", NodeId::TRASH_INFO),
    ("expunged", NodeId::EXPUNGED),
];

/// What the name of a file's description ends with.
const INFO_SUFFIX: &str = ".trashinfo";

/// Entries read at once.
const PAGE: usize = 256;

/// Cookies of what is in the archive's trash are above those of nodes.
pub(super) const TRASHED_COOKIES: u64 = 1 << 60;

/// Most files that are put into the trash with their folder.
const MOST_FILES: u64 = 10_000;

impl FileSystem {
    /// Whether this name in the root is that of the trash: the owner of all that is mounted has one.
    pub(super) fn is_trash(&self, name: &str) -> bool {
        let owner = name.strip_prefix(".Trash-");
        owner.is_some_and(|owner| owner == self.owner_uid.to_string())
    }

    /// What a name leads to in a folder of the trash, if it is no node that was put there.
    pub(super) fn look_up_in_trash(
        &self,
        parent: NodeId,
        name: &str,
    ) -> Result<Option<Attributes>> {
        if parent == NodeId::TRASH {
            let Some((_, id)) = FOLDERS.iter().find(|(fixed, _)| *fixed == name) else {
                return Ok(None);
            };
            return self.node_attributes(*id).map(Some);
        }
        let Some(entry) = self.trashed(parent, name)? else {
            return Ok(None);
        };
        Ok(Some(match parent {
            NodeId::TRASH_INFO => of_info(&entry),
            _ => of_trashed(&entry.record),
        }))
    }

    /// What has a name in `files` or `info` and is in the archive's trash.
    pub(super) fn trashed(&self, parent: NodeId, name: &str) -> Result<Option<TrashEntry>> {
        let name = match parent {
            NodeId::TRASH_FILES => Some(name),
            NodeId::TRASH_INFO => name.strip_suffix(INFO_SUFFIX),
            _ => None,
        };
        let entry = match name {
            Some(name) => self.catalogue().trashed_as(name)?,
            None => None,
        };
        Ok(entry.filter(is_shown))
    }

    /// The folder that a folder of the trash lies in.
    pub(super) fn above_trash(id: NodeId) -> Option<Inode> {
        match id {
            NodeId::TRASH => Some(Inode::ROOT),
            NodeId::TRASH_FILES | NodeId::TRASH_INFO | NodeId::EXPUNGED => {
                Some(NodeId::TRASH.into())
            }
            _ => None,
        }
    }

    /// Calls `take` with the lines of a folder of the trash that are no nodes in it, those with cookies up to `after` aside.
    /// `false`: it wants no more.
    pub(super) fn read_trash(
        &self,
        folder: NodeId,
        after: u64,
        take: &mut dyn FnMut(&Line<'_>) -> bool,
    ) -> Result<bool> {
        if folder == NodeId::TRASH {
            for (n, (name, id)) in (1..).zip(FOLDERS) {
                let line = Line {
                    name,
                    cookie: TRASHED_COOKIES + n,
                    attributes: self.node_attributes(id)?,
                };
                if line.cookie > after && !take(&line) {
                    return Ok(false);
                }
            }
        }
        if !matches!(folder, NodeId::TRASH_FILES | NodeId::TRASH_INFO) {
            return Ok(true);
        }
        let mut last = after.checked_sub(TRASHED_COOKIES).and_then(FileId::new);
        loop {
            let page = self.catalogue().trashed(last, PAGE)?;
            for entry in page.iter().filter(|entry| is_shown(entry)) {
                let (name, attributes) = match folder {
                    NodeId::TRASH_INFO => (info_name(entry), of_info(entry)),
                    _ => (entry.name.clone(), of_trashed(&entry.record)),
                };
                let line = Line {
                    name: &name,
                    cookie: TRASHED_COOKIES + entry.record.file.get(),
                    attributes,
                };
                if name.len() <= NAME_MAX_BYTES && !take(&line) {
                    return Ok(false);
                }
            }
            match page.last() {
                Some(entry) if page.len() == PAGE => last = Some(entry.record.file),
                _ => return Ok(true),
            }
        }
    }

    /// The attributes of a file in the trash, or of its description.
    pub(super) fn trash_attributes(&self, target: Target) -> Result<Attributes> {
        match target {
            Target::TrashInfo(file) => Ok(of_info(&self.trash_entry(file)?)),
            Target::Trashed(file) => Ok(of_trashed(&self.trash_entry(file)?.record)),
            Target::Directory(_) | Target::File(_) | Target::Node(_) => Err(Error::NotFound),
        }
    }

    /// Opens a file in the trash, or its description, to be read.
    pub(super) fn open_trashed(&self, target: Target) -> Result<NodeHandle> {
        match target {
            Target::TrashInfo(file) => {
                let text = Text(info_text(&self.trash_entry(file)?));
                Ok(NodeHandle::new(Inode::of_info(file), Some(Box::new(text))))
            }
            Target::Trashed(file) => {
                let record = self.trash_entry(file)?.record;
                let bytes = self.archive.blobs().open(&record.blob)?;
                Ok(NodeHandle::new(Inode::of_trashed(file), Some(bytes)))
            }
            Target::Directory(_) | Target::File(_) | Target::Node(_) => Err(Error::NotFound),
        }
    }

    /// What the trash has of a file. The path may lead to something else by now.
    fn trash_entry(&self, file: FileId) -> Result<TrashEntry> {
        let entry = self.catalogue().trash_entry(file)?;
        entry.filter(is_shown).ok_or(Error::Stale)
    }

    /// Fails where a node may not get this name: something in the archive's trash has it, or it stays for good.
    pub(super) fn require_free_in_trash(&self, parent: NodeId, name: &str) -> Result<()> {
        match self.look_up_in_trash(parent, name)? {
            Some(_) => Err(Error::Exists),
            None => Ok(()),
        }
    }

    /// Removes from the trash for good. `false`: this is no matter of the archive's trash.
    pub(super) fn unlink_in_trash(&self, parent: NodeId, name: &str) -> Result<bool> {
        let Some(entry) = self.trashed(parent, name)? else {
            return Ok(false);
        };
        // The description goes with what it describes.
        if parent == NodeId::TRASH_FILES {
            self.expunge(entry.record.file)?;
        }
        Ok(true)
    }

    fn expunge(&self, file: FileId) -> Result<()> {
        self.catalogue().empty_trash(Some(&[file]), None)?;
        Ok(())
    }

    /// Moves something of a view into the trash, where it is called `name`.
    pub(super) fn rename_into_trash(&self, old: &Spot<'_>, name: &str) -> Result<()> {
        self.require_free_in_trash(NodeId::TRASH_FILES, name)?;
        let is_node = self.catalogue().node_named(NodeId::TRASH_FILES, name)?;
        if is_node.is_some() {
            return Err(Error::Exists);
        }
        match self.there(old.place, old.name)? {
            There::Nothing => return Err(Error::NotFound),
            There::File(file) => self.discard(old, file, Some(name))?,
            There::Copy(_) => self.desk.drop_alias(old.place.folder, old.name),
            There::Folder(folder) => self.trash_folder(old, &folder)?,
            There::Pending(pending) if pending.state().waits_as_document() => {
                self.desk.hurry(&pending)?;
                let file = self.file_in_view(old.place, old.name)?;
                self.discard(old, file.ok_or(Error::NotFound)?, Some(name))?;
            }
            There::Pending(_) => {
                return Err(Error::NotPermitted(
                    "work in progress has no place in the trash: remove it",
                ));
            }
        }
        // What the file manager wrote down is known here.
        let info = format!("{name}{INFO_SUFFIX}");
        if let Some(node) = self.catalogue().node_named(NodeId::TRASH_INFO, &info)? {
            self.drop_pending_node(node.id);
            self.catalogue().remove_node(node.id)?;
        }
        Ok(())
    }

    /// Puts all files of a folder into the trash, as one action, and lets the folder go.
    fn trash_folder(&self, spot: &Spot<'_>, folder: &Folder) -> Result<()> {
        let views = [
            FolderId::BY_AUTHOR,
            FolderId::BY_YEAR,
            FolderId::BY_LANGUAGE,
        ];
        if !views.contains(&folder.parent) {
            return Err(Error::NotPermitted("this folder stays"));
        }
        if folder.children > MOST_FILES {
            return Err(Error::NotPermitted(
                "so many files go to the trash only one by one",
            ));
        }
        for (_, pending) in self.desk.in_folder(folder.id, 0) {
            if !pending.state().waits_as_document() {
                return Err(Error::NotEmpty);
            }
            self.desk.hurry(&pending)?;
        }
        let path = self.tree.path_of(folder)?;
        let (mut discards, mut after) = (Vec::new(), Position::default());
        loop {
            let page = self.catalogue().entries(folder.id, None, after, PAGE)?;
            let Some(last) = page.last() else { break };
            after = Position {
                bucket_code: last.bucket_code,
                id: last.stat.file.get(),
            };
            for entry in &page {
                discards.push(Discard {
                    file: self.without_edit(entry.stat.file)?,
                    name: None,
                    path: Some(format!("{path}{}", entry.name)),
                });
            }
        }
        self.catalogue().trash(&discards)?;
        self.catalogue().remove_folder(folder.id)?;
        self.desk.drop_alias(spot.place.folder, spot.name);
        self.desk.tables().in_trash.put(folder.id, ());
        Ok(())
    }

    /// Moves a file of the archive's trash out of one of its folders: it is restored to a view or to the inbox, or
    /// removed for good.
    pub(super) fn rename_out_of_trash(
        &self,
        entry: &TrashEntry,
        (from, to): (NodeId, Target),
        name: &str,
        if_taken: IfTaken,
    ) -> Result<()> {
        if if_taken == IfTaken::Exchange {
            return Err(Error::Invalid("names in the trash cannot be exchanged"));
        }
        let file = entry.record.file;
        match to {
            _ if from != NodeId::TRASH_FILES => {
                Err(Error::NotPermitted("descriptions in the trash stay"))
            }
            Target::Directory(place) => {
                let spot = self.spot(place, name.as_ref())?;
                self.restore_to_view(entry, &spot, if_taken)
            }
            Target::Node(NodeId::EXPUNGED) => self.expunge(file),
            Target::Node(folder) if Self::above_trash(folder).is_none() => {
                self.restore(file)?;
                let replace = if_taken == IfTaken::Replace;
                self.put_into_inbox(&self.record(file)?, folder, name, replace)
            }
            _ => Err(Error::NotPermitted("names in the trash stay")),
        }
    }

    fn restore_to_view(&self, entry: &TrashEntry, new: &Spot<'_>, if_taken: IfTaken) -> Result<()> {
        let must_be = self.check_creatable(&new.folder, new.name)?;
        if must_be.is_some_and(|hash| !entry.record.blob.has(&hash)) {
            return Err(Error::OtherHash(entry.record.blob));
        }
        match self.there(new.place, new.name)? {
            There::Nothing | There::Copy(_) => {}
            There::Folder(_) => return Err(Error::IsADirectory),
            _ if if_taken == IfTaken::Fail => return Err(Error::Exists),
            There::File(there) => self.discard(new, there, None)?,
            There::Pending(there) if self.desk.reclaim(&there, |_| ())?.is_some() => {
                self.desk.tables().make_homeless(&there);
            }
            // It was committed just now, and is a file.
            There::Pending(_) => return self.restore_to_view(entry, new, if_taken),
        }
        let file = entry.record.file;
        self.restore(file)?;
        self.file_into(file, &new.folder)?;
        self.desk
            .add_alias(new.place.folder, new.name, Alias::of(file));
        Ok(())
    }

    fn restore(&self, file: FileId) -> Result<()> {
        match self.catalogue().restore(&[file])? {
            0 => Err(Error::NotFound),
            _ => Ok(()),
        }
    }
}

/// Whether the mount shows it: what is taken down is nowhere, nor is what no file can be called.
fn is_shown(entry: &TrashEntry) -> bool {
    let name = &entry.name;
    let is_name = !matches!(name.as_str(), "" | "." | "..")
        && name.len() <= NAME_MAX_BYTES
        && !name.contains(['/', '\0']);
    is_name && entry.record.taken_down.is_none()
}

/// Attributes of a file in the trash.
fn of_trashed(record: &FileRecord) -> Attributes {
    let stat = Stat {
        file: record.file,
        size_bytes: record.blob.size_bytes,
        mtime: record.mtime,
        ctime: record.trashed.unwrap_or(record.added),
        links: 1,
    };
    Attributes::of_file(Inode::of_trashed(record.file), &stat)
}

/// Attributes of the description of a file in the trash.
fn of_info(entry: &TrashEntry) -> Attributes {
    let since = entry.record.trashed.unwrap_or(entry.record.added);
    let stat = Stat {
        file: entry.record.file,
        size_bytes: info_text(entry).len() as u64,
        mtime: since,
        ctime: since,
        links: 1,
    };
    Attributes::of_file(Inode::of_info(entry.record.file), &stat)
}

/// What the description of a file in the trash is called.
fn info_name(entry: &TrashEntry) -> String {
    format!("{}{INFO_SUFFIX}", entry.name)
}

/// The description of a file in the trash: where it was, relative to the mount, and since when it is here.
fn info_text(entry: &TrashEntry) -> String {
    let path = escaped(&entry.path);
    let since = entry.record.trashed.unwrap_or(entry.record.added).local();
    format!("[Trash Info]\nPath={path}\nDeletionDate={since}\n")
}

/// A path as in a URL (RFC 3986, section 2): all but unreserved characters and `/` as `%xx`.
fn escaped(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            text.push(byte.into());
        } else {
            // Nothing can go wrong in memory.
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}

/// Text that is read like a blob.
struct Text(String);

impl blob::OpenBlob for Text {
    fn size_bytes(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> blob::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let rest = self.0.as_bytes().get(start..).unwrap_or_default();
        let n = rest.len().min(buffer.len());
        buffer[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }

    fn backing(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn paths_are_written_as_in_a_url() {
        assert_eq!(
            escaped("by-title/Größe & Maß (2001).epub"),
            "by-title/Gr%C3%B6%C3%9Fe%20%26%20Ma%C3%9F%20%282001%29.epub"
        );
    }
}
