//! The trash, as the database's own program fills and empties it.

use librisfs::catalogue::FolderId;

use crate::fixture::{Bench, admit, arrival, blob, book, names, places};

/// Runs the suite on what `$open` makes: all of it, for every database.
#[macro_export]
macro_rules! trash_by_program {
    ($open:expr) => {
        $crate::trash_by_program! { $open;
            what_is_trashed_has_a_place_there_at_once
            equal_names_are_told_apart_there
            several_without_a_name_find_one_there
            a_row_that_comes_trashed_is_in_the_trash
        }
    };
    ($open:expr; $($test:ident)*) => {
        $(#[test]
        fn $test() {
            $crate::trash_by_program::$test(&$open());
        })*
    };
}

/// What the table says, in the program's way.
fn trash(bench: &impl Bench) -> String {
    let rows = bench
        .by_program("SELECT name, path FROM trash ORDER BY file")
        .expect("answers");
    rows.trim_end().to_owned()
}

pub fn what_is_trashed_has_a_place_there_at_once(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    bench
        .by_program("UPDATE books_to_hashes SET trashed = 5")
        .expect("trashes");
    assert_eq!(trash(bench), "T - A.epub|by-title/T - A.epub");
    bench
        .by_program("UPDATE books_to_hashes SET trashed = 6")
        .expect("trashes");
    assert_eq!(trash(bench), "T - A.epub|by-title/T - A.epub");
    catalogue.settle().expect("settles");
    assert_eq!(places(catalogue, file), 0);
    bench
        .by_program("UPDATE books_to_hashes SET trashed = NULL")
        .expect("restores");
    assert_eq!(trash(bench), "");
    catalogue.settle().expect("settles");
    assert_eq!(names(catalogue, FolderId::BY_TITLE), ["T - A.epub"]);
    bench
        .by_program("UPDATE books_to_hashes SET trashed = 5")
        .expect("trashes");
    bench
        .by_program("DELETE FROM books_to_hashes")
        .expect("deletes");
    assert_eq!(trash(bench), "");
}

pub fn equal_names_are_told_apart_there(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    for number in 1..4 {
        let file = admit(catalogue, arrival(blob(number), book("T", "A")));
        let sql = format!(
            "UPDATE books_to_hashes SET trashed = 5, name = NULL WHERE id = {}",
            file.get()
        );
        bench.by_program(&sql).expect("trashes");
    }
    let rows = trash(bench);
    assert_eq!(rows.lines().count(), 3);
    assert!(
        rows.lines()
            .all(|row| row.ends_with("|by-title/T - A.epub")),
        "{rows}"
    );
}

pub fn several_without_a_name_find_one_there(bench: &impl Bench) {
    bench.by_program("INSERT INTO books_hashes (md5, sha1, size) VALUES (randomblob(16), randomblob(20), 3); \
         INSERT INTO books_metadata (title) VALUES ('Bare'); \
         INSERT INTO books_to_hashes (book_id, hash_id) VALUES (1, 1), (1, 1); \
         UPDATE books_to_hashes SET trashed = 5",
    )
    .expect("trashes");
    assert_eq!(trash(bench).lines().count(), 2);
    assert_eq!(
        bench.catalogue().trashed(None, 10).expect("a page").len(),
        2
    );
}

pub fn a_row_that_comes_trashed_is_in_the_trash(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let sql = "INSERT INTO books_to_hashes (book_id, hash_id, format, name, trashed) \
               SELECT book_id, hash_id, 'txt', 'By hand.txt', 5 FROM books_to_hashes";
    bench.by_program(sql).expect("inserts");
    assert_eq!(trash(bench), "By hand.txt|by-title/By hand.txt");
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
