//! What the tables about the hostile documents say must come out, as the mount shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::corpus_support::{bytes_of_hex, corpus, key, people, rows};
use super::escape::{assert_nothing_leaked, assert_nothing_made};
use super::import::{Imported, import};
use super::shown::{Paths, walk};
use super::sources::{digests, folder_names};
use super::support::{Mount, Scratch, files_below};

/// A mount of a part of the hostile documents.
struct Part {
    hostile: PathBuf,
    imported: Imported,
    shown: BTreeMap<String, Paths>,
    mount: Mount,
    scratch: Scratch,
}

impl Part {
    /// Of the documents in `folder`, all named, so that none is passed over.
    fn of(folder: &str) -> Self {
        let hostile = corpus().join("hostile");
        let scratch = Scratch::new();
        let imported = import(&scratch, &files_below(&hostile.join(folder)));
        let mount = scratch.mount();
        let shown = walk(mount.path());
        Self {
            hostile,
            imported,
            shown,
            mount,
            scratch,
        }
    }

    /// What is shown of a document.
    fn shown_of(&self, file: impl AsRef<Path>) -> &Paths {
        let path = self.hostile.join(file);
        let digest = digests("sha256sum", &[&path]).remove(0);
        self.shown
            .get(&digest)
            .unwrap_or_else(|| panic!("{} is not shown", path.display()))
    }
}

/// An extended attribute of a file, empty where it has none.
fn attribute(path: &Path, name: &str) -> String {
    let mut value = [0; 1 << 14];
    match rustix::fs::getxattr(path, name, &mut value) {
        Ok(length) => String::from_utf8(value[..length].to_vec()).unwrap(),
        Err(rustix::io::Errno::NODATA) => String::new(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

#[test]
fn file_names_become_the_folders_that_their_rows_name() {
    let part = Part::of("names");
    assert_eq!(part.imported.status.code(), Some(0));
    let rows = rows(&part.hostile.join("names.tsv"));
    let made: Vec<_> = rows.iter().filter(|row| row[5] == "made").collect();
    assert!(made.len() > 50, "{}", made.len());
    assert_eq!(part.shown.len(), made.len());
    for row in made {
        let [hex, what, authors, title, year, ..] = row.as_slice() else {
            panic!("a short row: {row:?}");
        };
        let name = bytes_of_hex(hex);
        let paths = part.shown_of(Path::new("names").join(OsStr::from_bytes(&name)));
        if !authors.is_empty() {
            let folders: BTreeSet<_> = paths
                .folders("by-author")
                .iter()
                .map(|it| key(it))
                .collect();
            assert_eq!(folders, people(authors.split('|')), "{what}: {paths:#?}");
        }
        if !title.is_empty() {
            let path = &paths.only("by-title").path;
            let found = attribute(path, "user.dublincore.title");
            assert_eq!(key(&found), key(title), "{what}: {paths:#?}");
        }
        if !year.is_empty() {
            assert_eq!(&paths.only("by-year").folder, year, "{what}: {paths:#?}");
        }
    }
}

#[test]
fn each_author_gets_the_folder_that_the_row_names() {
    let part = Part::of("authors");
    assert_eq!(part.imported.status.code(), Some(0));
    for row in rows(&part.hostile.join("authors.tsv")) {
        let [file, given, expected] = row.as_slice() else {
            panic!("a short row: {row:?}");
        };
        let folders = part.shown_of(file).folders("by-author");
        let expected = match expected.as_str() {
            "ambiguous" => continue,
            "" => folder_names(["_unknown"]),
            people => folder_names(people.split('|')),
        };
        assert_eq!(folders, expected, "{file}: {given:?}");
    }
}

#[test]
fn odd_titles_and_authors_give_one_entry_in_each_view() {
    // Its ampersand stands between two.
    const TWO_AUTHORS: &str = "author-27.epub";
    let part = Part::of("titles");
    assert_eq!(part.imported.status.code(), Some(0));
    for path in files_below(&part.hostile.join("titles")) {
        let name = path.file_name().unwrap().to_str().unwrap();
        let paths = part.shown_of(&path);
        for view in ["by-title", "by-format", "by-year", "by-language", "by-hash"] {
            paths.only(view);
        }
        let authors = paths.folders("by-author").len();
        match name {
            "thousand-authors.epub" => assert!(authors > 100, "{authors} authors"),
            TWO_AUTHORS => assert_eq!(authors, 2, "{paths:#?}"),
            _ => assert_eq!(authors, 1, "{paths:#?}"),
        }
    }
    assert_nothing_made(&part.scratch, &corpus());
    assert_nothing_leaked(&part.scratch, part.shown.values());
    assert_eq!(part.mount.unmount(), Some(0));
}

#[test]
fn names_that_are_nearly_the_same_hide_nothing() {
    let part = Part::of("unicode");
    assert_eq!(part.imported.summary["duplicates"], 1, "copy-of-same-0");
    assert_eq!(part.shown.len(), 7);
    let author = |file: &str| part.shown_of(file).only("by-author").folder.clone();
    let names = |files: &[&str]| -> BTreeSet<String> {
        let names = files.iter().map(|file| part.shown_of(file).name());
        names.map(str::to_owned).collect()
    };

    let composed = ["unicode/nfc.epub", "unicode/nfd.epub"];
    assert_eq!(composed.map(author), ["Émile Zola", "Émile Zola"]);
    assert_eq!(names(&composed).len(), 2);

    let cases = ["unicode/case-a.epub", "unicode/case-b.epub"];
    assert_eq!(cases.map(author), ["jane roe", "Jane Roe"]);
    let expected = ["same title - jane roe.epub", "Same Title - Jane Roe.epub"];
    assert_eq!(names(&cases), expected.map(str::to_owned).into());

    let same = [
        "unicode/same-0.epub",
        "unicode/same-1.epub",
        "unicode/same-2.epub",
    ];
    assert_eq!(same.map(author), ["John Doe"; 3]);
    assert_eq!(names(&same).len(), 3);
    assert!(names(&same).contains("Collected Works - John Doe.epub"));
}
