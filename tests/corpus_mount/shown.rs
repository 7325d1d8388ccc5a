//! What a mount shows, path by path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use unicode_normalization::is_nfc;

use super::sources::{Folders, digests};
use super::support::files_below;

/// The views.
const VIEWS: [&str; 6] = [
    "by-author",
    "by-format",
    "by-hash",
    "by-language",
    "by-title",
    "by-year",
];

/// One path of a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The folder in the view; empty in `by-title`.
    pub folder: String,
    pub name: String,
    pub path: PathBuf,
}

/// The paths of one document, by view.
#[derive(Debug, Default)]
pub struct Paths(BTreeMap<String, Vec<Entry>>);

impl Paths {
    /// Its paths in `view`.
    pub fn in_view(&self, view: &str) -> &[Entry] {
        self.0.get(view).map_or(&[], Vec::as_slice)
    }

    /// Its one path in `view`.
    pub fn only(&self, view: &str) -> &Entry {
        let [entry] = self.in_view(view) else {
            panic!("not one path in {view}: {self:#?}");
        };
        entry
    }

    /// The folders that it lies in in `view`, each of which must hold it once.
    pub fn folders(&self, view: &str) -> BTreeSet<String> {
        let entries = self.in_view(view);
        let folders: BTreeSet<_> = entries.iter().map(|entry| entry.folder.clone()).collect();
        assert_eq!(folders.len(), entries.len(), "twice in a folder: {self:#?}");
        folders
    }

    /// The name that it has at all paths but `by-hash/`.
    pub fn name(&self) -> &str {
        let name = &self.only("by-title").name;
        for view in VIEWS.iter().filter(|view| **view != "by-hash") {
            for entry in self.in_view(view) {
                assert_eq!(&entry.name, name, "{self:#?}");
            }
        }
        name
    }

    /// The folders of all views that follow from what it says.
    pub fn all_folders(&self) -> Folders {
        let only = |view| self.only(view).folder.clone();
        Folders {
            authors: self.folders("by-author"),
            year: only("by-year"),
            language: only("by-language"),
            format: only("by-format"),
        }
    }
}

/// Everything that is listed below `mount`, read to its end, by SHA-256.
pub fn walk(mount: &Path) -> BTreeMap<String, Paths> {
    let files = files_below(mount);
    let mut shown: BTreeMap<String, Paths> = BTreeMap::new();
    for (digest, path) in digests("sha256sum", &files).into_iter().zip(files) {
        let names: Vec<_> = path
            .strip_prefix(mount)
            .unwrap()
            .iter()
            .map(|name| name.to_str().expect("UTF-8"))
            .collect();
        let (view, folder, name) = match names[..] {
            [view, name] => (view, "", name),
            [view, folder, name] => (view, folder, name),
            _ => panic!("no path of a view: {names:?}"),
        };
        assert!(VIEWS.contains(&view), "{names:?}");
        for name in &names {
            assert_sane(name);
        }
        let entry = Entry {
            folder: folder.to_owned(),
            name: name.to_owned(),
            path: path.clone(),
        };
        let paths = shown.entry(digest).or_default();
        paths.0.entry(view.to_owned()).or_default().push(entry);
    }
    shown
}

/// Asserts what holds for every name that is listed.
fn assert_sane(name: &str) {
    assert!(name.len() <= 255, "{} bytes: {name:?}", name.len());
    assert!(is_nfc(name), "not in NFC: {name:?}");
    assert!(!name.contains(char::is_control), "{name:?}");
    assert!(!name.starts_with('.'), "{name:?}");
    assert_eq!(name.trim(), name, "{name:?}");
}
