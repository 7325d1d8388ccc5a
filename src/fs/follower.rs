//! Tells the kernel what it must forget.
//!
//! The kernel keeps names, attributes, listings and pages until told otherwise. One thread follows the
//! catalogue's changes, by whichever process they were made, and tells it exactly what changed. Nothing
//! else is that thread's work, so that nothing can hold up a takedown.
//!
//! A directory may be known to the kernel under four numbers: the folder or its bucket, with or without
//! a bucket in the path to it. All four are told; one that the kernel does not know costs a microsecond.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::archive::{self, Change, FileId, FolderId, NodeId, Position, Seq};
use crate::name::Bucket;
use crate::view::{Place, VIEWS};

use super::watching::on_commits;
use super::{FileSystem, Inode};

/// What the follower says to the kernel.
pub trait Kernel: Send {
    /// Forget what `name` leads to in the directory `parent`.
    fn forget_name(&self, parent: Inode, name: &str);

    /// Forget attributes, pages and the listing of an inode.
    fn forget_inode(&self, inode: Inode);

    /// Wait until those who are reading this directory have taken what they were given.
    fn await_readers(&self, directory: Inode);

    /// Forget every name at once. `false`: this kernel cannot.
    fn forget_all_names(&self) -> bool;

    /// Let go of what is kept open of a file that nobody has open.
    fn let_go(&self, file: FileId);
}

impl<K: Kernel + Sync> Kernel for Arc<K> {
    fn forget_name(&self, parent: Inode, name: &str) {
        (**self).forget_name(parent, name);
    }

    fn forget_inode(&self, inode: Inode) {
        (**self).forget_inode(inode);
    }

    fn await_readers(&self, directory: Inode) {
        (**self).await_readers(directory);
    }

    fn forget_all_names(&self) -> bool {
        (**self).forget_all_names()
    }

    fn let_go(&self, file: FileId) {
        (**self).let_go(file);
    }
}

/// The thread that follows.
pub struct Follower<K> {
    fs: Arc<FileSystem>,
    kernel: K,
    told_to: Seq,
    /// Told while a handler that may have seen the old state was still at work: to be told again.
    untrusted: Vec<Change>,
}

impl<K: Kernel> Follower<K> {
    /// Rows of the log read at once.
    const CHANGES: usize = 4096;
    /// More names than this are forgotten all at once, which costs as much as two.
    const NAMES: usize = 500;
    /// More listings than this are not held back to be forgotten again at the end.
    const LISTINGS: usize = 100_000;
    /// Folders read at once.
    const PAGE: usize = 1000;

    /// A follower that tells of changes from now on. Make it before the kernel can ask anything.
    pub fn new(fs: Arc<FileSystem>, kernel: K) -> archive::Result<Self> {
        let told_to = fs.archive().catalogue().last_change()?;
        Ok(Self {
            fs,
            kernel,
            told_to,
            untrusted: Vec::new(),
        })
    }

    /// Follows until `stop` is set.
    pub fn run(mut self, stop: &AtomicBool) -> archive::Result<()> {
        let mut watch = self.fs.archive().catalogue().watch()?;
        on_commits(&mut *watch, stop, "follow the catalogue", || {
            self.catch_up()
        });
        Ok(())
    }

    /// Tells of all changes so far.
    pub fn catch_up(&mut self) -> archive::Result<()> {
        let mut stale = self.tell_of_relisted();
        loop {
            let catalogue = self.fs.archive().catalogue();
            let (changes, end) = catalogue.changes(self.told_to, Self::CHANGES)?;
            let is_end = end == self.told_to;
            if !is_end || !self.untrusted.is_empty() {
                let all_replied = self.fs.gate().turn();
                let mut news = std::mem::take(&mut self.untrusted);
                news.extend(changes);
                stale.extend(self.tell(&news)?);
                self.told_to = end;
                if !all_replied {
                    self.untrusted = news;
                }
            }
            if is_end || stale.len() > Self::LISTINGS {
                self.forget_listings_again(&stale);
                stale.clear();
            }
            if is_end {
                return Ok(());
            }
        }
    }

    /// Tells of directories that listed something pending which is listed otherwise now, and returns them.
    fn tell_of_relisted(&self) -> HashSet<(FolderId, Bucket)> {
        let relisted = std::mem::take(&mut self.fs.desk.tables().relisted);
        if !relisted.is_empty() {
            if !self.fs.gate().turn() {
                self.fs.desk.tables().relisted.extend(&relisted);
            }
            self.forget_listings(&relisted);
        }
        relisted
    }

    /// Tells of changes. Returns the directories whose listings are stale.
    fn tell(&self, news: &[Change]) -> archive::Result<HashSet<(FolderId, Bucket)>> {
        let is_name = |change: &&Change| matches!(change, Change::EntryGone { .. });
        let many = news.iter().filter(is_name).count() > Self::NAMES;
        let names_gone = many && self.kernel.forget_all_names();
        let mut directories = HashSet::new();
        let mut files = HashSet::new();
        let mut nodes = HashSet::new();
        for change in news {
            match change {
                Change::EntryGone {
                    folder,
                    bucket,
                    name,
                    file,
                } => {
                    if !names_gone {
                        self.forget_name(*folder, *bucket, name);
                    }
                    files.insert(*file);
                    directories.insert((*folder, *bucket));
                }
                Change::EntriesCame { folder, bucket } => {
                    directories.insert((*folder, *bucket));
                }
                Change::FolderGone { parent, name, .. } => {
                    let bucket = Bucket::of(name);
                    if !names_gone {
                        self.forget_name(*parent, bucket, name);
                    }
                    directories.insert((*parent, bucket));
                }
                Change::FileChanged { file } => {
                    files.insert(*file);
                }
                Change::NodeHidden { node, parent, name } => {
                    self.kernel.forget_name((*parent).into(), name);
                    self.kernel.forget_inode((*node).into());
                    self.kernel.forget_inode((*parent).into());
                }
                Change::InboxChanged { folder } => {
                    nodes.insert(*folder);
                }
                Change::Everything => self.forget_everything()?,
            }
        }
        for node in nodes {
            self.kernel.forget_inode(node.into());
        }
        if !files.is_empty() {
            // Any of them may have come into the trash, or left it.
            for folder in [NodeId::TRASH_FILES, NodeId::TRASH_INFO] {
                self.kernel.forget_inode(folder.into());
            }
        }
        for file in files {
            self.kernel.let_go(file);
            self.kernel.forget_inode(file.into());
        }
        self.forget_listings(&directories);
        Ok(directories)
    }

    /// Forgets a name in a folder and in its bucket.
    fn forget_name(&self, folder: FolderId, bucket: Bucket, name: &str) {
        for place in places(folder, bucket) {
            self.kernel.forget_name(place.into(), name);
        }
    }

    /// Forgets the listings and times of folders and of buckets in them.
    fn forget_listings(&self, directories: &HashSet<(FolderId, Bucket)>) {
        for (folder, bucket) in directories {
            for place in places(*folder, *bucket) {
                self.kernel.forget_inode(place.into());
            }
        }
    }

    /// The same, behind those who were reading one just then: they may have filled the kernel's copy with
    /// what they were given before.
    fn forget_listings_again(&self, directories: &HashSet<(FolderId, Bucket)>) {
        for (folder, bucket) in directories {
            for place in places(*folder, *bucket) {
                self.kernel.await_readers(place.into());
                self.kernel.forget_inode(place.into());
            }
        }
    }

    /// Forgets every name and every listing. With a view's name go all names below it; listings have to be
    /// told of one by one, since a directory that somebody is in stays.
    fn forget_everything(&self) -> archive::Result<()> {
        for view in VIEWS {
            if let Some(view) = self.fs.archive().catalogue().folder(view)? {
                self.kernel.forget_name(Inode::ROOT, &view.name);
                self.forget_listings_below(view.id)?;
            }
        }
        Ok(())
    }

    fn forget_listings_below(&self, parent: FolderId) -> archive::Result<()> {
        let catalogue = self.fs.archive().catalogue();
        self.forget_listings_of(parent)?;
        let mut after = Position::default();
        loop {
            let folders = catalogue.folders(parent, None, after, Self::PAGE)?;
            let Some(last) = folders.last() else {
                return Ok(());
            };
            after = Position {
                bucket_code: last.bucket_code,
                id: last.id.get().into(),
            };
            for folder in &folders {
                self.forget_listings_of(folder.id)?;
            }
        }
    }

    fn forget_listings_of(&self, folder: FolderId) -> archive::Result<()> {
        let catalogue = self.fs.archive().catalogue();
        let buckets = catalogue.buckets(folder, None, usize::MAX)?;
        // The folder itself, whatever is in it.
        let any = [Bucket::of("")];
        let directories = buckets.into_iter().chain(any);
        let directories = directories.map(|bucket| (folder, bucket)).collect();
        self.forget_listings(&directories);
        self.forget_listings_again(&directories);
        Ok(())
    }
}

/// The places that show what `folder` holds in `bucket`.
pub(super) fn places(folder: FolderId, bucket: Bucket) -> [Place; 4] {
    let whole = Place::of(folder);
    let through = Place {
        through_bucket: true,
        ..whole
    };
    [whole, whole.bucket(bucket), through, through.bucket(bucket)]
}
