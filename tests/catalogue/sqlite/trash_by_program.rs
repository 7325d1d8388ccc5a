//! The trash, as the `sqlite3` program fills and empties it.

use librisfs::catalogue::FolderId;

use super::Sqlite;
use super::by_program::sqlite3;
use crate::fixture::{Bench, admit, arrival, blob, book, names, places};

/// What the table says, in the program's way.
fn trash(bench: &Sqlite) -> String {
    let rows = sqlite3(bench, "SELECT name, path FROM trash ORDER BY file").expect("answers");
    rows.trim_end().to_owned()
}

#[test]
fn what_is_trashed_has_a_place_there_at_once() {
    let bench = Sqlite::new();
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    sqlite3(&bench, "UPDATE books_to_hashes SET trashed = 5").expect("trashes");
    assert_eq!(trash(&bench), "T - A.epub|by-title/T - A.epub");
    sqlite3(&bench, "UPDATE books_to_hashes SET trashed = 6").expect("trashes");
    assert_eq!(trash(&bench), "T - A.epub|by-title/T - A.epub");
    catalogue.settle().expect("settles");
    assert_eq!(places(catalogue, file), 0);
    sqlite3(&bench, "UPDATE books_to_hashes SET trashed = NULL").expect("restores");
    assert_eq!(trash(&bench), "");
    catalogue.settle().expect("settles");
    assert_eq!(names(catalogue, FolderId::BY_TITLE), ["T - A.epub"]);
    sqlite3(&bench, "UPDATE books_to_hashes SET trashed = 5").expect("trashes");
    sqlite3(&bench, "DELETE FROM books_to_hashes").expect("deletes");
    assert_eq!(trash(&bench), "");
}

#[test]
fn equal_names_are_told_apart_there() {
    let bench = Sqlite::new();
    let catalogue = bench.catalogue();
    for number in 1..4 {
        let file = admit(catalogue, arrival(blob(number), book("T", "A")));
        let sql = format!(
            "UPDATE books_to_hashes SET trashed = 5, name = NULL WHERE id = {}",
            file.get()
        );
        sqlite3(&bench, &sql).expect("trashes");
    }
    let rows = trash(&bench);
    assert_eq!(rows.lines().count(), 3);
    assert!(
        rows.lines()
            .all(|row| row.ends_with("|by-title/T - A.epub")),
        "{rows}"
    );
}

#[test]
fn several_without_a_name_find_one_there() {
    let bench = Sqlite::new();
    sqlite3(
        &bench,
        "INSERT INTO books_hashes (md5, sha1, size) VALUES (randomblob(16), randomblob(20), 3); \
         INSERT INTO books_metadata (title) VALUES ('Bare'); \
         INSERT INTO books_to_hashes (book_id, hash_id) VALUES (1, 1), (1, 1); \
         UPDATE books_to_hashes SET trashed = 5",
    )
    .expect("trashes");
    assert_eq!(trash(&bench).lines().count(), 2);
    assert_eq!(
        bench.catalogue().trashed(None, 10).expect("a page").len(),
        2
    );
}

#[test]
fn a_row_that_comes_trashed_is_in_the_trash() {
    let bench = Sqlite::new();
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let sql = "INSERT INTO books_to_hashes (book_id, hash_id, format, name, trashed) \
               SELECT book_id, hash_id, 'txt', 'By hand.txt', 5 FROM books_to_hashes";
    sqlite3(&bench, sql).expect("inserts");
    assert_eq!(trash(&bench), "By hand.txt|by-title/By hand.txt");
    catalogue.settle().expect("settles");
    let entry = catalogue.trashed_as("By hand.txt").expect("answers");
    let entry = entry.expect("is there");
    assert_ne!(entry.record.file, file);
    assert_eq!(
        catalogue.trash_entry(entry.record.file).expect("answers"),
        Some(entry)
    );
    assert_eq!(catalogue.trash_entry(file).expect("answers"), None);
}
