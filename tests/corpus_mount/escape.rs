//! That documents which try to reach out of themselves do not.

use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use memchr::memmem;

use super::support::{Scratch, files_below};
use super::{import, shown::Paths};

/// The name that every file begins with which a hostile document tries to make.
const MADE_BY_A_DOCUMENT: &[u8] = b"h-pwned";

/// Asserts that no document made a file: not where it could have been led by its own words, nor beside
/// the archive.
pub fn assert_nothing_made(scratch: &Scratch, corpus: &Path) {
    let working_folder = import::working_folder(scratch);
    let is_empty = fs::read_dir(&working_folder).unwrap().next().is_none();
    assert!(is_empty, "made in {}", working_folder.display());
    let here = std::env::current_dir().unwrap();
    let (archive, hostile) = (scratch.archive(), corpus.join("hostile"));
    let folders = [&here, &archive, &hostile, Path::new("/tmp")]
        .into_iter()
        .flat_map(Path::ancestors);
    for folder in folders {
        // What may not be listed here may not be written to either.
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let name = entry.unwrap().file_name();
            let is_made = name.as_bytes().starts_with(MADE_BY_A_DOCUMENT);
            assert!(!is_made, "{} in {}", name.display(), folder.display());
        }
    }
}

/// Asserts that no byte of the system's list of users, which documents ask for, is in the catalogue, in
/// anything said of the import or the mount, or in a name.
pub fn assert_nothing_leaked<'a>(scratch: &Scratch, shown: impl IntoIterator<Item = &'a Paths>) {
    let users = fs::read("/etc/passwd").unwrap();
    let secrets: Vec<_> = users
        .split(|byte| *byte == b'\n')
        .filter(|line| line.len() > 8)
        .map(memmem::Finder::new)
        .collect();
    assert!(!secrets.is_empty());
    let assert_clean = |text: &[u8], place: &Path| {
        let is_leaked = secrets.iter().any(|secret| secret.find(text).is_some());
        assert!(
            !is_leaked,
            "a line of /etc/passwd is in {}",
            place.display()
        );
    };
    // Blobs are what was imported, whatever that says.
    let mut kept = files_below(&scratch.archive());
    kept.retain(|path| !path.starts_with(scratch.archive().join("blobs")));
    assert!(kept.contains(&scratch.archive().join("catalogue.sqlite")));
    kept.extend([import::log(scratch), scratch.root().join("mount.log")]);
    for path in kept {
        assert_clean(&fs::read(&path).unwrap(), &path);
    }
    for paths in shown {
        for entry in paths.in_view("by-author") {
            let names = format!("{}\n{}", entry.folder, entry.name);
            assert_clean(names.as_bytes(), &entry.path);
        }
    }
}
