//! Catalogues of earlier versions become the present one when they are opened for writing.

use std::path::{Path, PathBuf};

use librisfs::catalogue::sqlite::{Access, SqliteCatalogue};
use librisfs::catalogue::{
    Browse, Edit, Fields, FileId, FolderId, Follow, Inbox, Ingest, NodeId, Upkeep,
};
use tempfile::TempDir;

use super::Sqlite;
use crate::fixture::{arrival, blob, book, folder, names, shown};

const FIRST_STEP: &str = include_str!("../../../src/catalogue/sqlite/migrations/0001.sql");

/// Rows of the first version: a file that is shown, and two in the trash of which one has no name.
const ROWS: &str = "
    INSERT INTO books_hashes (md5, sha1, size)
        VALUES (zeroblob(16), zeroblob(20), 3), (x'01000000000000000000000000000000', zeroblob(20), 3);
    INSERT INTO books_metadata (title, author) VALUES ('Shown', 'Ann Author'), ('Thrown', 'Bob Writer');
    INSERT INTO books_to_hashes (book_id, hash_id, format, name, trashed) VALUES
        (1, 1, 'epub', 'Shown - Ann Author.epub', NULL),
        (2, 2, 'epub', 'Thrown - Bob Writer.epub', 5),
        (2, 2, 'epub', NULL, 6);
";

/// A catalogue of version 1.
fn first_version() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("catalogue.db");
    let db = rusqlite::Connection::open(&path).expect("opens");
    db.execute_batch(FIRST_STEP).expect("runs");
    db.execute_batch(ROWS).expect("runs");
    db.pragma_update(None, "application_id", 0x4c46_5363)
        .expect("sets");
    db.pragma_update(None, "user_version", 1).expect("sets");
    drop(db);
    (folder, path)
}

fn open(path: &Path) -> SqliteCatalogue {
    SqliteCatalogue::open(path, Access::ReadWrite).expect("opens")
}

#[test]
fn the_first_version_is_not_read_as_it_is() {
    let (_place, path) = first_version();
    assert!(SqliteCatalogue::open(&path, Access::ReadOnly).is_err());
    drop(open(&path));
    assert!(SqliteCatalogue::open(&path, Access::ReadOnly).is_ok());
}

#[test]
fn the_first_version_keeps_what_it_had() {
    let (_place, path) = first_version();
    let catalogue = open(&path);
    catalogue.settle().expect("settles");
    let title = || names(&catalogue, FolderId::BY_TITLE);
    assert_eq!(title(), ["Shown - Ann Author.epub"]);
    let trash = catalogue.trashed(None, 10).expect("a page");
    assert_eq!(trash.len(), 2);
    assert_eq!(trash[0].path, "by-title/Thrown - Bob Writer.epub");
    let new = Sqlite::new();
    let root = |catalogue: &SqliteCatalogue| {
        let found = catalogue.folder(FolderId::ROOT).expect("answers");
        found.expect("is there").children
    };
    assert_eq!(root(&catalogue), root(&new.catalogue));
    let search = folder(&catalogue, FolderId::ROOT, "search");
    assert_eq!(search, FolderId::SEARCH);
    assert!(catalogue.node(NodeId::INBOX).expect("answers").is_some());
    assert_eq!(catalogue.check().expect("checks"), [""; 0]);
    let before = shown(&catalogue);
    catalogue.reindex(&mut |_, _| ()).expect("reindexes");
    assert_eq!(shown(&catalogue), before);
}

#[test]
fn the_first_version_can_be_changed_like_a_new_one() {
    let (_place, path) = first_version();
    let catalogue = open(&path);
    catalogue.settle().expect("settles");
    let file = FileId::new(FileId::FIRST).expect("in range");
    let fields = Fields {
        title: Some(Some("Other".to_owned())),
        ..Fields::default()
    };
    assert_eq!(catalogue.edit(&[(file, fields)]).expect("edits"), 1);
    let trashed: Vec<_> = catalogue
        .trashed(None, 10)
        .expect("a page")
        .into_iter()
        .map(|entry| entry.record.file)
        .collect();
    assert_eq!(catalogue.restore(&trashed).expect("restores"), 2);
    catalogue
        .admit(&[arrival(blob(9), book("New", "A"))])
        .expect("admits");
    assert_eq!(names(&catalogue, FolderId::BY_TITLE).len(), 4);
    assert_eq!(catalogue.undo(10).expect("undoes").len(), 2);
    let left = ["New - A.epub", "Shown - Ann Author.epub"];
    assert_eq!(names(&catalogue, FolderId::BY_TITLE), left);
}
