//! The documents as they lie in the corpus, by their bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use librisfs::author;
use librisfs::document::describe;
use librisfs::language;
use librisfs::name::{FolderName, UNKNOWN};

use super::support::run;

/// A document: bytes, and the files that hold them.
#[derive(Debug)]
pub struct Document {
    pub paths: Vec<PathBuf>,
    pub md5: String,
    pub sha1: String,
}

/// What documents say of where they belong: the folders of the views.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct Folders {
    pub authors: BTreeSet<String>,
    pub year: String,
    pub language: String,
    pub format: String,
}

impl Document {
    /// Where it belongs, by any of its files: the first that is imported decides, and that may be any.
    pub fn possible_folders(&self) -> Vec<Folders> {
        self.paths.iter().map(|path| folders_of(path)).collect()
    }
}

/// The documents in `files`, by SHA-256. Empty files are none.
pub fn documents(files: &[PathBuf]) -> BTreeMap<String, Document> {
    let files: Vec<_> = files
        .iter()
        .filter(|path| fs::metadata(path).unwrap().len() > 0)
        .collect();
    let all = ["sha256sum", "md5sum", "sha1sum"].map(|program| digests(program, &files));
    let [sha256, md5, sha1] = &all;
    let mut documents: BTreeMap<String, Document> = BTreeMap::new();
    for (at, path) in files.into_iter().enumerate() {
        let document = documents
            .entry(sha256[at].clone())
            .or_insert_with(|| Document {
                paths: Vec::new(),
                md5: md5[at].clone(),
                sha1: sha1[at].clone(),
            });
        document.paths.push(path.clone());
    }
    documents
}

/// The digests that `program`, one of coreutils, gives for `files`, in their order.
pub fn digests<P: AsRef<Path>>(program: &str, files: &[P]) -> Vec<String> {
    // As many as fit into a command line for certain.
    const MOST_AT_ONCE: usize = 200;
    let mut digests = Vec::with_capacity(files.len());
    for some in files.chunks(MOST_AT_ONCE) {
        let paths = some.iter().map(|path| path.as_ref().as_os_str());
        // Each record ends with NUL, so that no name is escaped.
        let output = run(Command::new(program)
            .args(["--zero", "--"].map(OsStr::new))
            .args(paths));
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program}: {said}");
        let records = output.stdout.split(|byte| *byte == 0);
        digests.extend(records.filter(|record| !record.is_empty()).map(|record| {
            let digest = record.split(|byte| *byte == b' ').next().unwrap();
            String::from_utf8(digest.to_vec()).unwrap()
        }));
    }
    assert_eq!(digests.len(), files.len());
    digests
}

fn folders_of(path: &Path) -> Folders {
    let described = describe(&File::open(path).unwrap(), path.file_name().unwrap(), None);
    let metadata = described.metadata;
    let people = metadata.author.as_deref().map(author::split);
    let authors = folder_names(people.unwrap_or_default());
    let or_unknown = |value: Option<String>| value.unwrap_or_else(|| UNKNOWN.to_owned());
    Folders {
        authors: if authors.is_empty() {
            folder_names([UNKNOWN])
        } else {
            authors
        },
        year: or_unknown(metadata.year.map(|year| year.to_string())),
        language: or_unknown(metadata.language.as_deref().and_then(language::code)),
        format: described.format.to_string(),
    }
}

/// These people as folders.
pub fn folder_names<S: AsRef<str>>(people: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    people
        .into_iter()
        .map(|person| FolderName::of(person.as_ref()).to_string())
        .collect()
}
