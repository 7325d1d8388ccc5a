//! The tree that the mount shows: from paths to places in the catalogue, and back.
//!
//! Nothing is kept here: every answer is asked of the catalogue, one probe or one page each, so there
//! is nothing to go stale. What can be decided without the catalogue is in `place` and `hash_name`.

mod hash_name;
mod place;
mod search;

use std::sync::Arc;

use crate::archive::{self, Archive, Catalogue, Entry, FileId, Folder, FolderId, Position, Stat};
use crate::author;
use crate::name::{Bucket, FolderName, normal_form};

use hash_name::HashName;
pub use place::{Place, VIEWS};
use search::{Searches, is_query};

/// What a look-up found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The thing.
    pub node: Node,
    /// Whether it was asked for by the name under which it is listed. Other names lead to it too (NFD,
    /// `Last, First`, a bare hash), but nobody will hear when they lead elsewhere.
    pub listed_name: bool,
}

/// A file or a directory, with what its attributes need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A directory.
    Directory(Place, Folder),
    /// A file.
    File(Stat),
}

/// One thing in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name there.
    pub name: String,
    /// Where a listing goes on after it: unique in its directory, and above [`Item::FIRST_COOKIE`].
    pub cookie: u64,
    /// The thing.
    pub node: Node,
}

impl Item {
    /// Cookies up to here are left for `.` and `..`.
    pub const FIRST_COOKIE: u64 = 2;
}

impl From<Entry> for Item {
    fn from(entry: Entry) -> Self {
        Self {
            name: entry.name,
            cookie: cookie(entry.bucket_code, entry.stat.file.get()),
            node: Node::File(entry.stat),
        }
    }
}

/// Bits of a cookie that hold a file's or folder's id; the bucket's code is above them.
const ID_BITS: u32 = 40;

/// The views of one archive.
pub struct Tree {
    archive: Arc<Archive>,
    bucket_threshold: u64,
    searches: Searches,
}

impl Tree {
    /// The views of `archive`. Folders with more than `bucket_threshold` things are shown as buckets; none
    /// are, if it is 0.
    pub fn new(archive: Arc<Archive>, bucket_threshold: u64) -> Self {
        Self {
            archive,
            bucket_threshold,
            searches: Searches::default(),
        }
    }

    fn catalogue(&self) -> &dyn Catalogue {
        self.archive.catalogue()
    }

    /// What `name` leads to in `parent`.
    pub fn look_up(&self, parent: Place, name: &str) -> archive::Result<Option<Found>> {
        let normal = normal_form(name);
        if parent.folder == FolderId::SEARCH {
            return self.search_named(&normal);
        }
        let found = match self.listed(parent, &normal)? {
            Some(node) => Some((node, normal == name)),
            None => self.unlisted(parent, &normal)?.map(|node| (node, false)),
        };
        Ok(found.map(|(node, listed_name)| Found { node, listed_name }))
    }

    /// What is listed, or would be if the folder were not shown as buckets, as `name` in `parent`.
    fn listed(&self, parent: Place, name: &str) -> archive::Result<Option<Node>> {
        if is_query(parent.folder) {
            return self.found_in(parent.folder, name);
        }
        if let Some(bucket) = self.bucket_shown_as(parent, name)? {
            return Ok(Some(bucket));
        }
        if parent
            .bucket
            .is_some_and(|bucket| bucket != Bucket::of(name))
        {
            return Ok(None);
        }
        if place::holds_folders(parent.folder) {
            let folder = self.catalogue().folder_named(parent.folder, name)?;
            return Ok(folder.map(|folder| Node::Directory(parent.child(folder.id), folder)));
        }
        let stat = self.catalogue().entry_named(parent.folder, name)?;
        Ok(stat.map(Node::File))
    }

    /// What `name` leads to in `parent` though it is never listed there.
    fn unlisted(&self, parent: Place, name: &str) -> archive::Result<Option<Node>> {
        if let Some(hash_name) = HashName::parse(name) {
            let entry = self.by_hash(parent, &hash_name)?;
            return Ok(entry.map(|entry| Node::File(entry.stat)));
        }
        if parent.folder != FolderId::BY_AUTHOR {
            return Ok(None);
        }
        let natural = FolderName::of(&author::natural(name));
        if natural.as_str() == name {
            return Ok(None);
        }
        self.listed(Place::of(FolderId::BY_AUTHOR), natural.as_str())
    }

    /// The entry that `name` leads to, where `parent` is `by-hash/` or the folder in it that the blob is
    /// listed in.
    fn by_hash(&self, parent: Place, name: &HashName<'_>) -> archive::Result<Option<Entry>> {
        let found = self.catalogue().entry_by_hash(&name.hash)?;
        let is_here = |folder| parent.folder == FolderId::BY_HASH || parent.folder == folder;
        Ok(found
            .filter(|(folder, entry)| is_here(*folder) && name.fits(&entry.name))
            .map(|(_, entry)| entry))
    }

    /// The bucket of `parent` that is shown as `name`, if it is shown as buckets and this one holds
    /// something.
    fn bucket_shown_as(&self, parent: Place, name: &str) -> archive::Result<Option<Node>> {
        let Some(bucket) = Bucket::shown_as(name) else {
            return Ok(None);
        };
        let Some(folder) = self.catalogue().folder(parent.folder)? else {
            return Ok(None);
        };
        if parent.bucket.is_some() || !self.has_buckets(&folder) {
            return Ok(None);
        }
        let place = parent.bucket(bucket);
        let is_empty = self.page(place, 0, 1)?.is_empty();
        Ok((!is_empty).then_some(Node::Directory(place, folder)))
    }

    /// The folder of a place that was found before: `None` where nothing of it is left.
    pub fn folder(&self, place: Place) -> archive::Result<Option<Folder>> {
        if is_query(place.folder) {
            return Ok(self.search_of(place.folder));
        }
        Ok(self.catalogue().folder(place.folder)?)
    }

    /// The same and, where all that `place` holds are entries and they are fewer than `limit`, these: what
    /// [`Tree::page`] would answer at the start. In one question, since most folders are small and all of
    /// them are asked for by whoever walks through a view.
    pub fn start(
        &self,
        place: Place,
        limit: usize,
    ) -> archive::Result<Option<(Folder, Option<Vec<Item>>)>> {
        let holds_entries = place.bucket.is_none()
            && !place::holds_folders(place.folder)
            && !self.is_search(place.folder);
        if !holds_entries {
            return Ok(self.folder(place)?.map(|folder| (folder, None)));
        }
        let few = limit.saturating_sub(1);
        let found = self.catalogue().small_folder(place.folder, few)?;
        Ok(found.map(|(folder, entries)| {
            let entries = entries.filter(|_| !self.has_buckets(&folder));
            let items = entries.map(|entries| entries.into_iter().map(Item::from).collect());
            (folder, items)
        }))
    }

    /// The directory that `place` lies in; `None` where nothing is left of it. The root lies in itself.
    pub fn parent(&self, place: Place) -> archive::Result<Option<Place>> {
        if place.bucket.is_some() {
            return Ok(Some(place.whole()));
        }
        Ok(self.folder(place)?.map(|folder| place.above(&folder)))
    }

    /// Whether a folder is `by-hash/` or lies in it.
    pub fn is_by_hash(&self, folder: FolderId) -> bool {
        let shards = FolderId::by_hash(0)..=FolderId::by_hash(u8::MAX);
        folder == FolderId::BY_HASH || shards.contains(&folder)
    }

    /// The path of a folder from the root of the mount, with a slash at its end; that of the root is empty.
    pub fn path_of(&self, folder: &Folder) -> archive::Result<String> {
        let mut path = String::new();
        let mut folder = folder.clone();
        while folder.id != FolderId::ROOT {
            path.insert(0, '/');
            path.insert_str(0, &folder.name);
            match self.folder(Place::of(folder.parent))? {
                Some(parent) => folder = parent,
                None => break,
            }
        }
        Ok(path)
    }

    /// A file that was found before: `None` where it is hidden now.
    pub fn stat(&self, file: FileId) -> archive::Result<Option<Stat>> {
        Ok(self.catalogue().stat(file)?)
    }

    /// A file at no place: hidden, or in the trash. `None` where there is no such file any more.
    pub fn stat_of_hidden(&self, file: FileId) -> archive::Result<Option<Stat>> {
        let record = self.catalogue().record(file)?;
        Ok(record.map(|record| Stat {
            file,
            size_bytes: record.blob.size_bytes,
            mtime: record.mtime,
            ctime: record.updated.max(record.added),
            links: 0,
        }))
    }

    /// Whether `folder` is shown as buckets.
    fn has_buckets(&self, folder: &Folder) -> bool {
        let under_by_hash = folder.id == FolderId::BY_HASH || folder.parent == FolderId::BY_HASH;
        self.bucket_threshold > 0 && folder.children > self.bucket_threshold && !under_by_hash
    }

    /// The next things of `place` after the one with the cookie `after`, at most `limit`; fewer are the end.
    ///
    /// Whether a listing gives buckets or what is in them is decided at its start, and told by its cookies
    /// from then on, so that it stays so when the folder grows or shrinks meanwhile.
    pub fn page(&self, place: Place, after: u64, limit: usize) -> archive::Result<Vec<Item>> {
        let started = (after > Item::FIRST_COOKIE).then_some(after);
        if place == Place::ROOT {
            return self.page_of_views(started, limit);
        }
        if place.folder == FolderId::SEARCH {
            return self.page_of_searches(started, limit);
        }
        if is_query(place.folder) {
            return self.page_of_found(place.folder, started, limit);
        }
        let gives_buckets = match started {
            _ if place.bucket.is_some() => false,
            Some(cookie) => is_of_bucket(cookie),
            None => {
                let folder = self.catalogue().folder(place.folder)?;
                folder.is_some_and(|folder| self.has_buckets(&folder))
            }
        };
        if gives_buckets {
            self.page_of_buckets(place, started, limit)
        } else if place::holds_folders(place.folder) {
            self.page_of_folders(place, started, limit)
        } else {
            self.page_of_entries(place, started, limit)
        }
    }

    /// The views, empty ones too.
    fn page_of_views(&self, after: Option<u64>, limit: usize) -> archive::Result<Vec<Item>> {
        let last = position(after).id;
        let left = VIEWS
            .into_iter()
            .filter(|view| u64::from(view.get()) > last);
        let mut items = Vec::new();
        for view in left.take(limit) {
            if let Some(folder) = self.catalogue().folder(view)? {
                items.push(Item {
                    name: folder.name.clone(),
                    // Any bucket will do that keeps it apart from the cookies of `.` and `..`.
                    cookie: cookie(1, view.get().into()),
                    node: Node::Directory(Place::of(view), folder),
                });
            }
        }
        Ok(items)
    }

    fn page_of_buckets(
        &self,
        place: Place,
        after: Option<u64>,
        limit: usize,
    ) -> archive::Result<Vec<Item>> {
        let Some(folder) = self.catalogue().folder(place.folder)? else {
            return Ok(Vec::new());
        };
        let after = after
            .and_then(|cookie| u32::try_from(cookie >> ID_BITS).ok())
            .and_then(Bucket::from_code);
        let buckets = self.catalogue().buckets(place.folder, after, limit)?;
        let items = buckets.into_iter().map(|bucket| Item {
            name: bucket.name(),
            cookie: cookie(bucket.code(), 0),
            node: Node::Directory(place.bucket(bucket), folder.clone()),
        });
        Ok(items.collect())
    }

    fn page_of_folders(
        &self,
        place: Place,
        after: Option<u64>,
        limit: usize,
    ) -> archive::Result<Vec<Item>> {
        let folders =
            self.catalogue()
                .folders(place.folder, place.bucket, position(after), limit)?;
        let items = folders.into_iter().map(|folder| Item {
            name: folder.name.clone(),
            cookie: cookie(folder.bucket_code, folder.id.get().into()),
            node: Node::Directory(place.child(folder.id), folder),
        });
        Ok(items.collect())
    }

    fn page_of_entries(
        &self,
        place: Place,
        after: Option<u64>,
        limit: usize,
    ) -> archive::Result<Vec<Item>> {
        let entries =
            self.catalogue()
                .entries(place.folder, place.bucket, position(after), limit)?;
        Ok(entries.into_iter().map(Item::from).collect())
    }
}

/// Packs a position into a cookie: below 2^61, so that no `off_t` overflows. That of a bucket has the id 0.
fn cookie(bucket_code: u32, id: u64) -> u64 {
    u64::from(bucket_code) << ID_BITS | id
}

/// Whether a cookie is that of a bucket.
fn is_of_bucket(cookie: u64) -> bool {
    cookie & ((1 << ID_BITS) - 1) == 0
}

/// The position that a cookie stands for; the start without one.
fn position(after: Option<u64>) -> Position {
    after.map_or_else(Position::default, |cookie| Position {
        bucket_code: u32::try_from(cookie >> ID_BITS).unwrap_or(u32::MAX),
        id: cookie & ((1 << ID_BITS) - 1),
    })
}
