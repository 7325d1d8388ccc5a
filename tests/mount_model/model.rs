//! What the inbox must look like: a local folder, and which states each of its files has had.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use librisfs::archive::{has_extension, is_scratch};

/// The states of a file, the latest last.
#[derive(Debug, Default)]
struct Versions {
    all: Vec<Vec<u8>>,
    /// A kill takes it back to this one or to a later one.
    safe: usize,
    /// Whether it was closed as it is where it is a document.
    is_document: bool,
}

/// The local folder.
pub struct Twin {
    root: PathBuf,
    /// By inode number.
    versions: HashMap<u64, Versions>,
    /// The bytes that any file has had.
    pub ever: HashSet<Vec<u8>>,
}

impl Twin {
    /// An empty one at `root`.
    pub fn new(root: PathBuf) -> Self {
        fs::create_dir(&root).expect("made");
        Self {
            root,
            versions: HashMap::new(),
            ever: HashSet::new(),
        }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// All that is in it, sorted, as paths below it.
    pub fn paths(&self) -> Vec<PathBuf> {
        let below = walkdir::WalkDir::new(&self.root)
            .min_depth(1)
            .sort_by_file_name();
        below
            .into_iter()
            .map(|entry| {
                let path = entry.expect("walkable").into_path();
                path.strip_prefix(&self.root).expect("below it").to_owned()
            })
            .collect()
    }

    /// It and its folders.
    pub fn folders(&self) -> Vec<PathBuf> {
        let folders = self.paths().into_iter();
        let folders = folders.filter(|path| self.root.join(path).is_dir());
        std::iter::once(PathBuf::new()).chain(folders).collect()
    }

    /// A file was made: nothing is known of what had its number before.
    pub fn made(&mut self, inode: u64) {
        self.versions.remove(&inode);
    }

    /// A file may have other bytes than before.
    pub fn changed(&mut self, file: &Path) -> u64 {
        let inode = fs::metadata(file).expect("there").ino();
        let bytes = fs::read(file).expect("readable");
        let versions = self.versions.entry(inode).or_default();
        if versions.all.is_empty() {
            // It was empty when it was made.
            versions.all.push(Vec::new());
        }
        if versions.all.last() != Some(&bytes) {
            self.ever.insert(bytes.clone());
            versions.is_document = false;
            versions.all.push(bytes);
        }
        inode
    }

    /// From now on a kill leaves a file as it is.
    pub fn is_safe(&mut self, inode: u64) {
        if let Some(versions) = self.versions.get_mut(&inode) {
            versions.safe = versions.all.len().saturating_sub(1);
        }
    }

    /// Nobody writes to a file any more.
    pub fn was_closed(&mut self, inode: u64) {
        let path = self
            .paths()
            .into_iter()
            .find(|path| self.inode(path) == inode);
        let is_document = path.is_some_and(|path| is_document(&path));
        if let Some(versions) = self.versions.get_mut(&inode) {
            versions.is_document = is_document;
        }
    }

    /// Something was renamed. Work in progress that is closed becomes a document by that; what lies below, or is called
    /// otherwise, may be none any more.
    pub fn was_renamed(&mut self, old: &Path, new: &Path, is_open: impl Fn(u64) -> bool) {
        for path in self.paths() {
            let inode = self.inode(&path);
            let Some(versions) = self.versions.get_mut(&inode) else {
                continue;
            };
            let is_document = is_document(&path);
            let is_safe = versions.safe + 1 == versions.all.len();
            let was_work = old.file_name().is_some_and(is_scratch);
            if path == *new && was_work && is_document && is_safe && !is_open(inode) {
                versions.is_document = !old.parent().is_some_and(is_plain);
            } else {
                versions.is_document &= is_document;
            }
        }
    }

    fn inode(&self, path: &Path) -> u64 {
        fs::metadata(self.root.join(path)).expect("there").ino()
    }

    /// The bytes that must be in the views, those of `open` files aside.
    pub fn documents(&self, open: &[u64]) -> Vec<Vec<u8>> {
        let inodes = self.paths().into_iter().map(|path| self.inode(&path));
        let versions = inodes
            .filter(|inode| !open.contains(inode))
            .filter_map(|inode| self.versions.get(&inode));
        let documents = versions.filter(|versions| versions.is_document);
        let bytes = documents.filter_map(|versions| versions.all.last());
        bytes.filter(|bytes| !bytes.is_empty()).cloned().collect()
    }

    /// How many states a file has had.
    pub fn age(&self, inode: u64) -> usize {
        self.versions
            .get(&inode)
            .map_or(0, |versions| versions.all.len())
    }

    /// The states of a file from the one that it had at this age.
    pub fn since(&self, inode: u64, age: usize) -> &[Vec<u8>] {
        let versions = self.versions.get(&inode);
        versions.map_or(&[], |versions| &versions.all[age.saturating_sub(1)..])
    }

    /// Whether a kill may change something.
    pub fn is_unsafe(&self) -> bool {
        self.versions
            .values()
            .any(|versions| versions.safe + 1 < versions.all.len())
    }

    /// After a kill a file has these bytes. An error if it may not.
    pub fn settle(&mut self, path: &Path, found: &[u8]) -> Result<(), String> {
        let file = self.root.join(path);
        let inode = fs::metadata(&file).expect("there").ino();
        let Some(versions) = self.versions.get(&inode) else {
            return Ok(());
        };
        if !versions.all[versions.safe..]
            .iter()
            .any(|bytes| bytes == found)
        {
            return Err(format!(
                "{} has {} bytes, which are none of those that it may have after a kill",
                path.display(),
                found.len()
            ));
        }
        write_in_place(&file, found).expect("written");
        Ok(())
    }

    /// All that there is, is safe.
    pub fn all_is_safe(&mut self) {
        self.versions.clear();
        for path in self.paths() {
            let file = self.root.join(path);
            if file.is_file() {
                let inode = self.changed(&file);
                self.is_safe(inode);
            }
        }
    }
}

fn write_in_place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let file = fs::OpenOptions::new()
        .write(true)
        .truncate(true)
        .open(path)?;
    io::Write::write_all(&mut &file, bytes)
}

/// Whether what is closed at this path, below the inbox, becomes a document soon.
fn is_document(path: &Path) -> bool {
    !is_plain(path) && has_extension(path.file_name().expect("a name"))
}

/// Whether it is, or lies in, work in progress.
fn is_plain(path: &Path) -> bool {
    path.iter().any(is_scratch)
}
