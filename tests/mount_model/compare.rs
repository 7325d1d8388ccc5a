//! Comparing the mount with its model.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use librisfs::archive::is_scratch;

use crate::deeds::World;
use crate::library::{Facts, Shown, abridged};
use crate::support::{blob_of, wait_until};

/// How long a view may take to show what is committed: a second, by the contract, and as much again for a slow machine.
const SHOWN_WITHIN: Duration = Duration::from_millis(1500);

/// What lies at a path.
#[derive(Debug, PartialEq, Eq)]
enum Thing {
    Folder,
    File(Vec<u8>),
}

/// The attribute that identifies a book.
const BOOK: &str = "user.librisfs.book";

impl World {
    /// The inbox is as its model, now.
    pub fn compare(&self) {
        let mounted = things_below(&self.inbox());
        let twin = things_below(self.twin.root());
        let names = |things: &[(String, Thing)]| -> Vec<String> {
            things.iter().map(|(name, _)| name.clone()).collect()
        };
        assert_eq!(
            names(&mounted),
            names(&twin),
            "what is in the inbox, and should be"
        );
        for ((path, mounted), (_, twin)) in mounted.iter().zip(&twin) {
            assert!(
                mounted == twin,
                "{path} in the inbox is {}, not {}",
                told(mounted),
                told(twin)
            );
        }
    }

    /// The views are as the model, when all is committed.
    pub fn compare_views(&mut self) {
        wait_until("all that was closed is committed", || {
            self.is_staging_settled()
        });
        let started = Instant::now();
        while let Err(error) = self.try_compare_views() {
            assert!(started.elapsed() < SHOWN_WITHIN, "{error}");
            std::thread::sleep(Duration::from_millis(2));
        }
        self.library.settled();
    }

    fn try_compare_views(&mut self) -> Result<(), String> {
        let shown = self.shown_in_titles().map_err(|error| error.to_string())?;
        let bytes: Vec<_> = counted(shown.iter().map(|shown| &shown.bytes));
        let is_ours = |shown: &Shown| self.library.ever.contains(&shown.bytes);
        let (ours, others): (Vec<_>, Vec<_>) = shown.into_iter().partition(is_ours);
        self.library.compare(&ours)?;
        let others: BTreeSet<_> = others.into_iter().map(|shown| shown.bytes).collect();
        if let Some(alien) = others.iter().find(|bytes| !self.twin.ever.contains(*bytes)) {
            return Err(format!(
                "`{}` is shown, and nobody wrote it",
                abridged(alien)
            ));
        }
        let open: Vec<_> = self.written_to().collect();
        let mut documents = self.twin.documents(&open).into_iter();
        if let Some(missing) = documents.find(|bytes| !others.contains(bytes)) {
            return Err(format!(
                "`{}` is in the inbox, and not in the views",
                abridged(&missing)
            ));
        }
        for view in ["by-author", "by-format"] {
            let found = self.bytes_in(view).map_err(|error| error.to_string())?;
            let found: Vec<_> = counted(found.iter());
            if found != bytes {
                return Err(format!(
                    "{view} shows {}, by-title {}",
                    told_all(&found),
                    told_all(&bytes)
                ));
            }
        }
        let once: Vec<_> = bytes.into_iter().map(|(bytes, _)| bytes).collect();
        self.compare_hashes(&once)
    }

    /// `by-hash` has all that is shown, once.
    fn compare_hashes(&self, expected: &[Vec<u8>]) -> Result<(), String> {
        let found = self
            .bytes_in("by-hash")
            .map_err(|error| error.to_string())?;
        let found = counted(found.iter());
        if found.iter().any(|(_, count)| *count > 1) {
            return Err("by-hash shows bytes twice".to_owned());
        }
        let found: Vec<_> = found.into_iter().map(|(bytes, _)| bytes).collect();
        if found == expected {
            Ok(())
        } else {
            Err("by-hash shows others than by-title".to_owned())
        }
    }

    /// The documents in `by-title`.
    fn shown_in_titles(&self) -> io::Result<Vec<Shown>> {
        let mut shown = Vec::new();
        for entry in fs::read_dir(self.mounted().join("by-title"))? {
            let path = entry?.path();
            if is_scratch(path.file_name().expect("a name")) {
                continue;
            }
            let xattr = |name: &str| -> io::Result<String> {
                let mut value = vec![0; 1 << 10];
                match rustix::fs::getxattr(&path, name, &mut value[..]) {
                    Ok(count) => Ok(String::from_utf8_lossy(&value[..count]).into_owned()),
                    // Only what is committed has a book, and is asked for the rest.
                    Err(rustix::io::Errno::NODATA) if name != BOOK => Ok(String::new()),
                    Err(error) => Err(error.into()),
                }
            };
            let book = xattr(BOOK)?;
            shown.push(Shown {
                bytes: fs::read(&path)?,
                facts: Facts {
                    title: xattr("user.dublincore.title")?,
                    author: xattr("user.dublincore.creator")?,
                },
                book,
            });
        }
        Ok(shown)
    }

    /// The bytes of all documents below a view; in `by-hash` they are those of the name.
    fn bytes_in(&self, view: &str) -> io::Result<Vec<Vec<u8>>> {
        let mut found = Vec::new();
        for entry in walkdir::WalkDir::new(self.mounted().join(view)) {
            let entry = entry?;
            if !entry.file_type().is_file() || is_scratch(entry.file_name()) {
                continue;
            }
            let bytes = fs::read(entry.path())?;
            if view == "by-hash" {
                let name = entry.file_name().to_str().expect("UTF-8");
                let md5 = blob_of(&bytes).md5.to_string();
                assert!(
                    name.starts_with(&md5),
                    "by-hash/{name} reads as {}",
                    abridged(&bytes)
                );
            }
            found.push(bytes);
        }
        Ok(found)
    }

    /// Compares at the end.
    pub fn finish(&mut self) {
        self.compare();
        self.compare_views();
        self.remount();
        self.compare_views();
        let log = self.mounted().log();
        assert!(!log.contains("ERROR"), "{log}");
    }
}

/// Some bytes, and how often each comes, in a few words.
fn told_all(counts: &[(Vec<u8>, usize)]) -> String {
    let told = counts
        .iter()
        .map(|(bytes, count)| format!("\n  {count} times {}", abridged(bytes)));
    told.collect()
}

/// How often each comes, sorted.
fn counted<'b>(all: impl Iterator<Item = &'b Vec<u8>>) -> Vec<(Vec<u8>, usize)> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one.clone()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

/// All that lies below a folder, sorted. A size must be that of the bytes.
fn things_below(folder: &Path) -> Vec<(String, Thing)> {
    let entries = walkdir::WalkDir::new(folder)
        .min_depth(1)
        .sort_by_file_name();
    let entries = entries.into_iter().map(|entry| entry.expect("walkable"));
    entries
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).expect("below it");
            let thing = if entry.file_type().is_dir() {
                Thing::Folder
            } else {
                let bytes = fs::read(entry.path())
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let size = fs::metadata(entry.path()).expect("there").len();
                assert_eq!(bytes.len() as u64, size, "{}", path.display());
                Thing::File(bytes)
            };
            (path.to_str().expect("UTF-8").to_owned(), thing)
        })
        .collect()
}

/// A thing in a few words.
fn told(thing: &Thing) -> String {
    match thing {
        Thing::Folder => "a folder".to_owned(),
        Thing::File(bytes) => abridged(bytes),
    }
}
