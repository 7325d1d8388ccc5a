//! Edits with the database's own program, which knows nothing of us.

use librisfs::catalogue::{FileId, FolderId, NodeId};
use librisfs::name::FileName;

use crate::fixture::{Bench, admit, arrival, blob, book, epub, names, places, shown, sql_bytes};

/// Runs the suite on what `$open` makes: all of it, for every database.
#[macro_export]
macro_rules! by_program {
    ($open:expr) => {
        $crate::by_program! { $open;
            takedowns_hide_at_once
            takedowns_hide_what_is_in_the_inbox
            a_takedown_that_is_corrected_shows_the_one_and_hides_the_other
            bare_rows_become_files
            what_no_program_of_ours_can_have_written_is_refused
            rows_that_make_no_sense_never_stop_the_others
        }
    };
    ($open:expr; $($test:ident)*) => {
        $(#[test]
        fn $test() {
            $crate::by_program::$test(&$open());
        })*
    };
}

pub fn takedowns_hide_at_once(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let name = FileName::compose(&book("T", "A"), &epub());
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let before = shown(catalogue);
    let md5 = sql_bytes(blob(1).md5.as_bytes());
    let sha1 = sql_bytes(blob(1).sha1.as_bytes());
    let takedowns = [
        format!("(md5) VALUES ({md5})"),
        format!("(sha1) VALUES ({sha1})"),
        format!("(md5, sha1, size, reason) VALUES ({md5}, {sha1}, 8, 'asked')"),
        format!("(md5, deleted_at) VALUES ({md5}, NULL)"),
    ];
    for takedown in takedowns {
        bench
            .by_program(&format!("INSERT INTO deleted_hashes {takedown}"))
            .expect(&takedown);
        assert_eq!(places(catalogue, file), 0, "{takedown}");
        let found = catalogue.entry_named(FolderId::BY_TITLE, name.as_str());
        assert_eq!(found.expect("answers"), None);
        assert_eq!(catalogue.blob_of(file).expect("answers"), None);
        let listed = catalogue.takedowns(None, 10).expect("answers");
        assert!(listed[0].deleted_at.0 > 1_700_000_000, "{takedown}");
        catalogue.settle().expect("settles");
        assert_eq!(places(catalogue, file), 0, "{takedown}");
        bench
            .by_program("DELETE FROM deleted_hashes")
            .expect("lifts");
        catalogue.settle().expect("settles");
        assert_eq!(shown(catalogue), before, "{takedown}");
    }
}

pub fn takedowns_hide_what_is_in_the_inbox(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let (md5, sha1) = (
        sql_bytes(blob(1).md5.as_bytes()),
        sql_bytes(blob(1).sha1.as_bytes()),
    );
    let row = format!(
        "INSERT INTO books_hashes (id, md5, sha1, size) VALUES (1, {md5}, {sha1}, 8); \
         INSERT INTO inbox (parent, name, kind, mtime, ctime, hash_id) VALUES (1, 'f', 2, 0, 0, 1)"
    );
    bench.by_program(&row).expect("inserts");
    let is_shown = || {
        let found = catalogue.node_named(NodeId::INBOX, "f").expect("answers");
        found.is_some()
    };
    assert!(is_shown());
    for takedown in [
        format!("(md5) VALUES ({md5})"),
        format!("(sha1) VALUES ({sha1})"),
    ] {
        bench
            .by_program(&format!("INSERT INTO deleted_hashes {takedown}"))
            .expect(&takedown);
        assert!(!is_shown(), "{takedown}");
        bench
            .by_program("DELETE FROM deleted_hashes")
            .expect("lifts");
        assert!(is_shown(), "{takedown}");
    }
    // Whether it takes that or not.
    let _ = bench.by_program("UPDATE inbox SET name = CAST(x'66ff' AS TEXT) WHERE id = 16");
    assert_eq!(
        catalogue
            .nodes(NodeId::INBOX, None, 10)
            .expect("a page")
            .len(),
        1
    );
}

pub fn a_takedown_that_is_corrected_shows_the_one_and_hides_the_other(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let files = [1, 2].map(|number| {
        let title = format!("T{number}");
        admit(catalogue, arrival(blob(number), book(&title, "A")))
    });
    let bytes = [1, 2].map(|number| sql_bytes(blob(number).md5.as_bytes()));
    bench
        .by_program(&format!(
            "INSERT INTO deleted_hashes (md5) VALUES ({})",
            bytes[0]
        ))
        .expect("hides");
    bench
        .by_program(&format!("UPDATE deleted_hashes SET md5 = {}", bytes[1]))
        .expect("corrects");
    assert_eq!(places(catalogue, files[1]), 0, "at once");
    catalogue.settle().expect("settles");
    assert_eq!(files.map(|file| places(catalogue, file)), [6, 0]);
}

pub fn bare_rows_become_files(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    bench.by_program("INSERT INTO books_hashes (md5, sha1, size) VALUES (randomblob(16), randomblob(20), 3); \
         INSERT INTO books_metadata (uid, title, year, format, updated) VALUES (NULL, 'Bare', 1999, 'pdf', NULL); \
         INSERT INTO books_to_hashes (book_id, hash_id, added, mtime) VALUES (1, 1, NULL, NULL)",
    )
    .expect("inserts");
    assert_eq!(catalogue.settle().expect("settles"), 1);
    assert_eq!(names(catalogue, FolderId::BY_TITLE), ["Bare (1999).pdf"]);
    bench
        .by_program("UPDATE books_metadata SET title = 'Dressed', author = 'Some One'")
        .expect("edits");
    catalogue.settle().expect("settles");
    assert_eq!(
        names(catalogue, FolderId::BY_TITLE),
        ["Dressed - Some One (1999).pdf"]
    );
    let name = bench
        .by_program("SELECT name FROM books_to_hashes")
        .expect("answers");
    assert_eq!(name.trim_end(), "Dressed - Some One (1999).pdf");
    bench
        .by_program(
            "DELETE FROM books_to_hashes; DELETE FROM books_metadata; DELETE FROM books_hashes",
        )
        .expect("deletes");
    assert_eq!(names(catalogue, FolderId::BY_TITLE), [""; 0]);
    catalogue.settle().expect("settles");
    assert_eq!(catalogue.check().expect("checks"), [""; 0]);
}

pub fn what_no_program_of_ours_can_have_written_is_refused(bench: &impl Bench) {
    let cases = [
        "INSERT INTO deleted_hashes (md5) VALUES ('d41d8cd98f00b204e9800998ecf8427e')",
        "INSERT INTO deleted_hashes (md5) VALUES (x'00')",
        "INSERT INTO deleted_hashes (size) VALUES (1)",
        "INSERT INTO books_hashes (md5, sha1, size) VALUES (x'00', randomblob(20), 1)",
        "INSERT INTO books_hashes (md5, sha1, size) VALUES (randomblob(16), randomblob(20), -1)",
        "INSERT INTO books_metadata (uid) VALUES (x'00')",
        "INSERT INTO books_to_hashes (id, book_id, hash_id) VALUES (7, 1, 1)",
    ];
    for sql in cases {
        let said = bench.by_program(sql).expect_err(sql);
        let why = ["TEXT", "CHECK", "CONSTRAINT", "too long"];
        assert!(why.iter().any(|why| said.contains(why)), "{sql}: {said}");
    }
}

pub fn rows_that_make_no_sense_never_stop_the_others(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    admit(catalogue, arrival(blob(1), book("Good", "A")));
    bench.by_program("PRAGMA ignore_check_constraints = ON; \
         INSERT INTO books_to_hashes (id, book_id, hash_id) VALUES (2000, 77, 1), (2001, 1, 77), (7, 1, 1); \
         INSERT INTO books_hashes (id, md5, sha1, size) VALUES (9, x'00', x'', -5); \
         INSERT INTO books_to_hashes (id, book_id, hash_id) VALUES (2002, 1, 9); \
         INSERT INTO books_metadata (id, title, author, year, language, format) \
             VALUES (9, CAST(x'fffe00' AS TEXT), hex(zeroblob(200000)), 9223372036854775807, '', '../../etc'); \
         INSERT INTO books_to_hashes (id, book_id, hash_id, format, mtime) \
             VALUES (2003, 9, 1, 'a/b', -9223372036854775807); \
         UPDATE books_metadata SET title = 'Better' WHERE id = 1",
    )
    .expect("inserts");
    catalogue.settle().expect("settles");
    let shown_names = names(catalogue, FolderId::BY_TITLE);
    assert!(
        shown_names.contains(&"Better - A.epub".to_owned()),
        "{shown_names:?}"
    );
    let odd = FileId::new(2003).expect("in range");
    assert_eq!(places(catalogue, odd), 5, "shown as far as it makes sense");
    for broken in [2000, 2001, 2002] {
        let file = FileId::new(broken).expect("in range");
        assert_eq!(places(catalogue, file), 0);
        assert!(catalogue.record(file).is_err());
    }
    let before = shown(catalogue);
    catalogue.reindex(&mut |_, _| ()).expect("reindexes");
    assert_eq!(shown(catalogue), before);
}
