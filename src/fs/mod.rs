//! What a file system call means here: inodes, listings, attributes, errno.
//!
//! Knows nothing of the transport and nothing of the database, so it is tested without a mount. Every
//! call that reads the catalogue for the kernel to keep takes a [`Pass`] of the [`Gate`]; the caller
//! holds it until the reply is sent.
//!
//! Lock: that of the listings under way, held for one look-up.

mod attributes;
mod error;
mod follower;
mod gate;
mod inode;
mod listing;
mod watching;
mod xattr;

use std::ffi::OsStr;
use std::sync::Arc;

use crate::archive::{self, BlobId, FileId, FileRecord, OpenBlob, Space};
use crate::name::NAME_MAX_BYTES;
use crate::view::{Found, Item, Place, Tree};

pub use crate::archive::{Archive, Error as ArchiveError};
pub use attributes::{Attributes, Kind, Ownership};
pub use error::{Error, Result};
pub use follower::{Follower, Kernel};
pub use gate::{Gate, Pass};
pub use inode::{Inode, Target};
use listing::Listings;
pub use watching::settle;
pub use xattr::Xattr;

/// How long the kernel may keep a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Until it is told otherwise.
    UntilTold,
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

/// An open file.
pub struct OpenFile {
    /// The file.
    pub file: FileId,
    /// The blob that it had when it was opened.
    pub blob: BlobId,
    /// Its bytes.
    pub bytes: Box<dyn OpenBlob>,
}

/// The file system.
pub struct FileSystem {
    archive: Arc<Archive>,
    tree: Tree,
    gate: Gate,
    listings: Listings,
}

impl FileSystem {
    /// The file system of `archive`, as its configuration says.
    pub fn new(archive: Arc<Archive>) -> Self {
        let bucket_threshold = archive.config().mount.bucket_threshold;
        Self {
            tree: Tree::new(Arc::clone(&archive), bucket_threshold),
            archive,
            gate: Gate::default(),
            listings: Listings::default(),
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

    /// What `name` leads to in `parent`. `.` and `..` are asked by `open_by_handle_at(2)` and NFS servers.
    pub fn look_up(&self, pass: &Pass<'_>, parent: Inode, name: &OsStr) -> Result<Lookup> {
        if name == "." {
            return Ok(Lookup::Found(
                self.attributes(pass, parent, false)?,
                Keep::No,
            ));
        }
        let parent = directory(parent)?;
        if name == ".." {
            let above = Inode::from(self.tree.parent(parent)?.ok_or(Error::NotFound)?);
            return Ok(Lookup::Found(
                self.attributes(pass, above, false)?,
                Keep::No,
            ));
        }
        if name.len() > NAME_MAX_BYTES {
            return Err(Error::NameTooLong);
        }
        let Some(name) = name.to_str().filter(|name| can_be_shown(name)) else {
            return Ok(Lookup::Never);
        };
        let Found { node, listed_name } =
            self.tree.look_up(parent, name)?.ok_or(Error::NotFound)?;
        let keep = if listed_name {
            Keep::UntilTold
        } else {
            Keep::No
        };
        Ok(Lookup::Found(Attributes::of(&node), keep))
    }

    /// The attributes of a thing that was found before. A file that somebody has open has them even when it
    /// is hidden by now: what is open may be read to its end.
    pub fn attributes(&self, _pass: &Pass<'_>, inode: Inode, is_open: bool) -> Result<Attributes> {
        match inode.target().ok_or(Error::NotFound)? {
            Target::Directory(place) => {
                let folder = self.tree.folder(place)?.ok_or(Error::NotFound)?;
                Ok(Attributes::of_directory(inode, &folder))
            }
            Target::File(file) => {
                let stat = match self.tree.stat(file)? {
                    None if is_open => self.tree.stat_of_hidden(file)?,
                    stat => stat,
                };
                Ok(Attributes::of_file(inode, &stat.ok_or(Error::NotFound)?))
            }
        }
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
        let place = directory(inode)?;
        if after < Item::FIRST_COOKIE && !self.read_dots(pass, inode, after, take)? {
            return Ok(());
        }
        let after = after.max(Item::FIRST_COOKIE);
        self.listings
            .read(&self.tree, pass, place, after, &mut |item| {
                take(&Line {
                    name: &item.name,
                    cookie: item.cookie,
                    attributes: Attributes::of(&item.node),
                })
            })?;
        Ok(())
    }

    /// The lines `.` and `..`; `false` if `take` wants no more.
    fn read_dots(
        &self,
        pass: &Pass<'_>,
        inode: Inode,
        after: u64,
        take: &mut dyn FnMut(&Line<'_>) -> bool,
    ) -> Result<bool> {
        let above = self.above(directory(inode)?)?;
        for (name, cookie, inode) in [(".", 1, inode), ("..", Item::FIRST_COOKIE, above)] {
            let attributes = self.attributes(pass, inode, false)?;
            let line = Line {
                name,
                cookie,
                attributes,
            };
            if cookie > after && !take(&line) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The directory that a directory lies in.
    fn above(&self, place: Place) -> Result<Inode> {
        Ok(self.tree.parent(place)?.ok_or(Error::NotFound)?.into())
    }

    /// Opens a file that may be opened now. Asks the takedowns.
    pub fn open(&self, inode: Inode) -> Result<OpenFile> {
        let file = file(inode)?;
        let (blob, bytes) = self.archive.open_file(file)?.ok_or(Error::NotFound)?;
        Ok(OpenFile { file, blob, bytes })
    }

    /// The value of an extended attribute.
    pub fn xattr(&self, inode: Inode, name: &OsStr) -> Result<Vec<u8>> {
        let xattr = name
            .to_str()
            .and_then(Xattr::named)
            .ok_or(Error::NoAttribute)?;
        let Ok(file) = file(inode) else {
            return Err(Error::NoAttribute);
        };
        let value = xattr.value(&self.record(file)?);
        value.map(String::into_bytes).ok_or(Error::NoAttribute)
    }

    /// The names of a file's extended attributes, each ended by NUL.
    pub fn xattr_names(&self, inode: Inode) -> Result<Vec<u8>> {
        let Ok(file) = file(inode) else {
            return Ok(Vec::new());
        };
        let record = self.record(file)?;
        let has = |xattr: &Xattr| xattr.value(&record).is_some();
        let names = Xattr::ALL.into_iter().filter(has);
        Ok(names
            .flat_map(|xattr| [xattr.name().as_bytes(), b"\0"].concat())
            .collect())
    }

    fn record(&self, file: FileId) -> Result<FileRecord> {
        let record = self
            .archive
            .catalogue()
            .record(file)
            .map_err(archive::Error::from)?;
        record.filter(FileRecord::is_visible).ok_or(Error::NotFound)
    }

    /// Room in the blob store.
    pub fn space(&self) -> Result<Space> {
        Ok(self.archive.blobs().space().map_err(archive::Error::from)?)
    }
}

/// The place of a directory's inode.
fn directory(inode: Inode) -> Result<Place> {
    match inode.target() {
        Some(Target::Directory(place)) => Ok(place),
        Some(Target::File(_)) => Err(Error::NotADirectory),
        None => Err(Error::NotFound),
    }
}

/// The file of a file's inode.
fn file(inode: Inode) -> Result<FileId> {
    match inode.target() {
        Some(Target::File(file)) => Ok(file),
        Some(Target::Directory(_)) => Err(Error::IsADirectory),
        None => Err(Error::NotFound),
    }
}

/// Whether a thing of this name could be listed anywhere. File managers ask for `.hidden`, `.Trash` and
/// the like in every folder; names in an archive never begin with a dot.
fn can_be_shown(name: &str) -> bool {
    !name.starts_with('.')
}
