//! What a file system call means here: inodes, listings, attributes, errno.
//!
//! Knows nothing of the transport and nothing of the database, so it is tested without a mount. Every
//! call that reads the catalogue for the kernel to keep takes a [`Pass`] of the [`Gate`]; the caller
//! holds it until the reply is sent.
//!
//! Locks: that of the listings under way, that of the walks and that of what has departed, each held for one look-up.

mod attributes;
mod committer;
mod departed;
mod error;
mod fields;
mod folders;
mod follower;
mod gate;
mod guest;
mod inbox;
mod inode;
mod listing;
mod names;
mod pending;
mod rename;
mod search;
mod trash;
mod walks;
mod watching;
mod write;
mod xattr;

use std::ffi::OsStr;
use std::ops::Range;
use std::sync::{Arc, Mutex};

pub use crate::archive::blob::Stamp;
use crate::archive::{self, BlobId, Catalogue, FileId, FileRecord, NodeId, OpenBlob, Space};
use crate::name::NAME_MAX_BYTES;
use crate::view::{Found, Item, Node, Place, Tree};

pub use crate::archive::{Archive, Error as ArchiveError};
pub use attributes::{Attributes, Kind, Ownership};
pub use committer::{Committer, recover};
use departed::Departed;
pub use error::{Error, Result};
pub use follower::{Follower, Kernel};
pub use gate::{Gate, Pass};
pub use inode::{Inode, Target};
use listing::Listings;
use pending::{Desk, Pending};
pub use rename::IfTaken;
pub use walks::Walks;
pub use watching::settle;
pub use write::{NewAttributes, NodeHandle, Open, OpenFor, PendingHandle};
pub use xattr::Xattr;

/// How long the kernel may keep a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Until it is told otherwise.
    UntilTold,
    /// A moment: others may change it, and nobody will tell.
    Briefly,
    /// Not at all: nobody will tell.
    No,
}

/// What a name leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// Something.
    Found(Attributes, Keep),
    /// Nothing, ever: the kernel need not ask again.
    Never,
}

/// One line of a listing.
#[derive(Debug)]
pub struct Line<'a> {
    /// The name.
    pub name: &'a str,
    /// Where the listing goes on after it.
    pub cookie: u64,
    /// What it is.
    pub attributes: Attributes,
}

/// A file that may be opened to be read.
#[derive(Debug, Clone, Copy)]
pub struct Readable {
    /// The file.
    pub file: FileId,
    /// Its blob.
    pub blob: BlobId,
    /// The file that has this blob: another one where somebody wrote a copy of it.
    of: FileId,
}

/// An open file.
pub struct OpenFile {
    /// The file.
    pub file: FileId,
    /// The blob that it had when it was opened.
    pub blob: BlobId,
    /// Its bytes.
    pub bytes: Box<dyn OpenBlob>,
}

impl OpenFile {
    /// Reads; fewer bytes than asked for only at the end.
    pub fn read_at(&self, buffer: &mut [u8], offset: u64) -> Result<usize> {
        Ok(self.bytes.read_at(buffer, offset)?)
    }
}

/// The file system.
pub struct FileSystem {
    archive: Arc<Archive>,
    tree: Tree,
    gate: Gate,
    listings: Listings,
    desk: Desk,
    departed: Departed,
    walks: Walks,
    /// The user whose trash the mount shows.
    owner_uid: u32,
    /// Ids that are set aside for new files.
    file_ids: Mutex<Range<u64>>,
}

impl FileSystem {
    /// The file system of `archive`, as its configuration says. All of it belongs to `owner_uid`.
    pub fn new(archive: Arc<Archive>, owner_uid: u32) -> Self {
        let bucket_threshold = archive.config().mount.bucket_threshold;
        Self {
            tree: Tree::new(Arc::clone(&archive), bucket_threshold),
            archive,
            gate: Gate::default(),
            listings: Listings::default(),
            desk: Desk::new(),
            departed: Departed::default(),
            walks: Walks::default(),
            owner_uid,
            file_ids: Mutex::new(0..0),
        }
    }

    /// The archive.
    pub fn archive(&self) -> &Arc<Archive> {
        &self.archive
    }

    /// The gate that handlers pass through.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Which listings were read.
    pub fn walks(&self) -> &Walks {
        &self.walks
    }

    fn catalogue(&self) -> &dyn Catalogue {
        self.archive.catalogue()
    }

    /// What `name` leads to in `parent`. `.` and `..` are asked by `open_by_handle_at(2)` and NFS servers.
    pub fn look_up(&self, pass: &Pass<'_>, parent: Inode, name: &OsStr) -> Result<Lookup> {
        if name == "." || name == ".." {
            let inode = if name == "." {
                parent
            } else {
                self.above(parent)?
            };
            return Ok(Lookup::Found(
                self.attributes(pass, inode, false)?,
                Keep::No,
            ));
        }
        if name.len() > NAME_MAX_BYTES {
            return Err(Error::NameTooLong);
        }
        let Some(name) = name.to_str() else {
            return Ok(Lookup::Never);
        };
        match parent.target().ok_or(Error::NotFound)? {
            Target::Directory(place) => self.look_up_in_view(pass, place, name),
            Target::Node(node) => {
                let attributes = self.look_up_node(node, name)?;
                let keep = match attributes.inode.target() {
                    Some(Target::Node(_)) => Keep::Briefly,
                    _ => Keep::No,
                };
                Ok(Lookup::Found(attributes, keep))
            }
            Target::File(_) | Target::Trashed(_) | Target::TrashInfo(_) => {
                Err(Error::NotADirectory)
            }
        }
    }

    fn look_up_in_view(&self, pass: &Pass<'_>, place: Place, name: &str) -> Result<Lookup> {
        if place == Place::ROOT && name == INBOX {
            let inbox = self.attributes(pass, NodeId::INBOX.into(), false)?;
            return Ok(Lookup::Found(inbox, Keep::UntilTold));
        }
        if place == Place::ROOT && self.is_trash(name) {
            let trash = self.attributes(pass, NodeId::TRASH.into(), false)?;
            return Ok(Lookup::Found(trash, Keep::UntilTold));
        }
        if let Some(pending) = self.desk.named(place.folder, name) {
            return Ok(Lookup::Found(Attributes::of_pending(&pending), Keep::No));
        }
        // A copy may have been moved to such a name.
        if !can_be_shown(name) && self.desk.alias(place.folder, name).is_none() {
            return Ok(Lookup::Never);
        }
        let Some(Found { node, listed_name }) = self.tree.look_up(place, name)? else {
            let Some(alias) = self.aliased(place.folder, name)? else {
                let folder = self.emptied_lately(place.folder, name)?;
                let folder = folder.ok_or(Error::NotFound)?;
                let inode = place.child(folder.id).into();
                return Ok(Lookup::Found(
                    Attributes::of_directory(inode, &folder),
                    Keep::No,
                ));
            };
            let stat = self.tree.stat(alias.file)?.ok_or(Error::NotFound)?;
            let attributes = if alias.is_copy() {
                Attributes::of_copy(&alias, &stat)
            } else {
                self.of_file_or_edit(place, &stat)
            };
            return Ok(Lookup::Found(attributes, Keep::No));
        };
        let attributes = match &node {
            Node::File(stat) => self.of_file_or_edit(place, stat),
            Node::Directory(..) => Attributes::of(&node),
        };
        let keep = if listed_name
            && attributes.inode == Inode::of(&node)
            && !self.tree.is_search(place.folder)
        {
            Keep::UntilTold
        } else {
            Keep::No
        };
        Ok(Lookup::Found(attributes, keep))
    }

    /// The attributes of a file, or of the new bytes that are being written for it. In `by-hash` a file keeps its
    /// bytes, unless it was just there that a writer opened it.
    fn of_file_or_edit(&self, place: Place, stat: &archive::Stat) -> Attributes {
        let file = || Attributes::of_file(stat.file.into(), stat);
        let Some(edit) = self.desk.edit_of(stat.file) else {
            return file();
        };
        if !self.tree.is_by_hash(place.folder) {
            return Attributes::of_pending(&edit);
        }
        let blob = self.catalogue().blob_of(stat.file);
        let mut state = edit.state();
        if state.handles > 0 || state.is_dirty {
            return file();
        }
        state.must_be = blob
            .ok()
            .flatten()
            .map(|blob| crate::hash::Hash::Sha1(blob.sha1));
        drop(state);
        Attributes::of_pending(&edit)
    }

    /// The file that an inode stands for.
    fn desk_file(&self, file: FileId) -> Result<FileId> {
        let (now, successor) = self.desk.stands_for(file);
        match successor {
            Some(successor) if self.tree.stat(file)?.is_none() => Ok(successor),
            _ => Ok(now),
        }
    }

    /// The file that a change is meant for: what an inode stands for, or what has taken its place since the kernel looked
    /// the path up.
    fn file_to_change(&self, file: FileId) -> Result<FileId> {
        let file = self.desk_file(file)?;
        match self.desk.took_place_of(file) {
            Some(successor) if self.tree.stat(file)?.is_none() => Ok(successor),
            _ => Ok(file),
        }
    }

    /// The attributes of a thing that was found before. A file that somebody has open has them even when it
    /// is hidden by now: what is open may be read to its end. Where a path still leads to what has gone, the
    /// kernel is to look it up once more.
    pub fn attributes(&self, _pass: &Pass<'_>, inode: Inode, is_open: bool) -> Result<Attributes> {
        if let Some(pending) = self.desk.get(inode) {
            return Ok(Attributes::of_pending(&pending));
        }
        match inode.target().ok_or(Error::NotFound)? {
            Target::Directory(place) => {
                let folder = self.tree.folder(place)?.ok_or(Error::NotFound)?;
                self.require_present(&folder)?;
                Ok(Attributes::of_directory(inode, &folder))
            }
            Target::Node(node) => self.node_attributes(node),
            target @ (Target::Trashed(_) | Target::TrashInfo(_)) => self.trash_attributes(target),
            Target::File(file) => {
                let file = self.desk_file(file)?;
                let stat = match self.tree.stat(file)? {
                    None if is_open => self.tree.stat_of_hidden(file)?,
                    stat => stat,
                };
                let mut attributes = Attributes::of_file(inode, &stat.ok_or(Error::Stale)?);
                if let Some((_, copy)) = self.desk.copy(inode) {
                    attributes.mtime = copy.mtime.unwrap_or(attributes.mtime);
                }
                Ok(attributes)
            }
        }
    }

    /// Whether the kernel may keep the attributes of an inode until it is told otherwise.
    pub fn keeps_attributes(&self, inode: Inode) -> Keep {
        if self.desk.is_volatile(inode) {
            return Keep::No;
        }
        match inode.target() {
            Some(Target::Node(_)) => Keep::Briefly,
            Some(Target::Directory(place)) if self.tree.is_search(place.folder) => Keep::No,
            Some(Target::Trashed(_) | Target::TrashInfo(_)) => Keep::No,
            _ => Keep::UntilTold,
        }
    }

    /// Whether somebody tells the kernel when a name in this directory leads elsewhere: not in a search, which holds
    /// something else with any change.
    pub fn tells_of_names(&self, directory: Inode) -> bool {
        !matches!(directory.target(), Some(Target::Directory(place)) if self.tree.is_search(place.folder))
    }

    /// Calls `take` with the lines of a directory after the cookie `after`, 0 for the start, until it returns
    /// `false` or the directory ends.
    pub fn read_directory(
        &self,
        pass: &Pass<'_>,
        inode: Inode,
        after: u64,
        take: &mut dyn FnMut(&Line<'_>) -> bool,
    ) -> Result<()> {
        let mut all = None;
        if after < Item::FIRST_COOKIE {
            let above;
            (above, all) = self.start_listing(inode)?;
            if !read_dots(inode, above, after, take) {
                return Ok(());
            }
        }
        if let Some(Target::Node(node)) = inode.target() {
            return self.read_node_folder(node, after, take);
        }
        let place = directory(inode)?;
        if after < PENDING_COOKIES {
            let after = after.max(Item::FIRST_COOKIE);
            let mut goes_on = true;
            self.listings
                .read(&self.tree, pass, place, after, all, &mut |item| {
                    goes_on = take(&Line {
                        name: &item.name,
                        cookie: item.cookie,
                        attributes: Attributes::of(&item.node),
                    });
                    goes_on
                })?;
            if !goes_on {
                return Ok(());
            }
        }
        self.read_unlisted(pass, place, after.saturating_sub(PENDING_COOKIES), take)
    }

    /// The lines that the catalogue has not: the inbox, and what is pending in a folder.
    fn read_unlisted(
        &self,
        pass: &Pass<'_>,
        place: Place,
        after: u64,
        take: &mut dyn FnMut(&Line<'_>) -> bool,
    ) -> Result<()> {
        if place == Place::ROOT && after == 0 {
            let attributes = self.attributes(pass, NodeId::INBOX.into(), false)?;
            let cookie = PENDING_COOKIES + 1;
            take(&Line {
                name: INBOX,
                cookie,
                attributes,
            });
        }
        for (name, pending) in self.desk.in_folder(place.folder, after) {
            let is_elsewhere = place
                .bucket
                .is_some_and(|bucket| bucket != crate::name::Bucket::of(&name));
            if is_elsewhere || pending.state().replaces.is_some() {
                continue;
            }
            let line = Line {
                name: &name,
                cookie: PENDING_COOKIES + pending.inode.0,
                attributes: Attributes::of_pending(&pending),
            };
            if !take(&line) {
                break;
            }
        }
        Ok(())
    }

    /// The directory that a directory lies in and, where it is small, what it holds.
    fn start_listing(&self, inode: Inode) -> Result<(Inode, Option<Vec<Item>>)> {
        let Some(Target::Directory(place)) = inode.target() else {
            return Ok((self.above(inode)?, None));
        };
        let (folder, items) = self
            .tree
            .start(place, listing::PAGE_ITEMS)?
            .ok_or(Error::NotFound)?;
        self.require_present(&folder)?;
        let above = place.above(&folder).into();
        self.walks.listed(inode, above);
        Ok((above, items))
    }

    /// Sends whoever comes by way of a folder that has gone to look its path up once more.
    fn require_present(&self, folder: &archive::Folder) -> Result<()> {
        if folder.children == 0 && self.desk.went_to_trash(folder.id) {
            return Err(Error::Stale);
        }
        Ok(())
    }

    /// The directory that a directory lies in.
    fn above(&self, inode: Inode) -> Result<Inode> {
        if let Some(Target::Node(id)) = inode.target() {
            if let Some(above) = Self::above_trash(id) {
                return Ok(above);
            }
            let node = self.catalogue().node(id)?;
            return Ok(match id {
                NodeId::INBOX => Inode::ROOT,
                _ => node.ok_or(Error::NotFound)?.parent.into(),
            });
        }
        let place = directory(inode)?;
        Ok(self.tree.parent(place)?.ok_or(Error::NotFound)?.into())
    }

    fn record(&self, file: FileId) -> Result<FileRecord> {
        let record = self.archive.catalogue().record(file)?;
        record.filter(FileRecord::is_visible).ok_or(Error::NotFound)
    }

    /// Opens a file that may be read.
    pub fn open_to_read(&self, readable: &Readable) -> Result<OpenFile> {
        let Readable { file, blob, of } = *readable;
        let bytes = self.archive.open_bytes(of, &blob)?.ok_or(Error::Stale)?;
        Ok(OpenFile { file, blob, bytes })
    }

    /// What tells the bytes that [`open_to_read`](Self::open_to_read) would open from what was open before.
    pub fn stamp(&self, readable: &Readable) -> Option<Stamp> {
        self.archive.blobs().stamp(&readable.blob)
    }

    /// Room in the blob store.
    pub fn space(&self) -> Result<Space> {
        Ok(self.archive.blobs().space()?)
    }
}

/// The lines `.` and `..`; `false` if `take` wants no more. Nobody reads their attributes: the kernel takes from such
/// a line the number and the kind only (`fuse_direntplus_link` in fs/fuse/readdir.c).
fn read_dots(
    inode: Inode,
    above: Inode,
    after: u64,
    take: &mut dyn FnMut(&Line<'_>) -> bool,
) -> bool {
    let dots = [(".", 1, inode), ("..", Item::FIRST_COOKIE, above)];
    dots.into_iter().all(|(name, cookie, inode)| {
        cookie <= after
            || take(&Line {
                name,
                cookie,
                attributes: Attributes::of_dots(inode),
            })
    })
}

/// The place of a directory's inode.
fn directory(inode: Inode) -> Result<Place> {
    match inode.target() {
        Some(Target::Directory(place)) => Ok(place),
        Some(_) => Err(Error::NotADirectory),
        None => Err(Error::NotFound),
    }
}

/// The name of the inbox in the root.
const INBOX: &str = "inbox";

/// Cookies of what the catalogue does not list are above all others.
const PENDING_COOKIES: u64 = 1 << 61;

/// Whether a thing of this name could be listed anywhere. File managers ask for `.hidden`, `.Trash` and
/// the like in every folder; names in an archive never begin with a dot.
fn can_be_shown(name: &str) -> bool {
    !name.starts_with('.')
}
