//! What every catalogue does, whatever database it is in.

use std::collections::BTreeSet;
use std::time::Duration;

use librisfs::book::{BookUid, Metadata};
use librisfs::catalogue::{
    Admission, Arrival, Change, Error, FileId, FolderId, HashId, Position, Query, Seq, Takedown,
};
use librisfs::hash::Hash;
use librisfs::name::{Bucket, FileName, Format};
use librisfs::time::UnixSeconds;

use crate::fixture::{
    Bench, admit, arrival, blob, book, entries, epub, folder, folders, leaves, made_blob, names,
    places, position, shown, sql_bytes,
};

/// Runs the suite on what `$open` makes: all of it, for every database.
#[macro_export]
macro_rules! conformance {
    ($open:expr) => {
        $crate::conformance! { $open;
            shows_a_file_in_every_view
            files_what_is_unknown
            views_are_there_when_empty
            keeps_a_blob_once
            keeps_collisions_apart
            tells_equal_names_apart_and_keeps_them
            pages_cover_everything_once
            gives_a_small_folder_with_its_entries
            folders_page_like_entries
            hides_what_is_taken_down
            hides_what_is_taken_down_by_hand
            refuses_what_was_taken_down_before
            shows_only_what_nothing_else_hides
            a_twin_takes_over_in_by_hash
            completes_bare_rows
            completes_rows_in_any_order
            follows_edits_by_hand
            gives_names_by_metadata_alone
            one_blob_in_two_books
            tells_followers
            hears_of_commits
            finds_by_metadata
            finds_records_by_name_and_hash
            counts
            brings_back_what_was_in_the_trash
            a_known_book_gets_another_file
            keeps_the_rows_of_blobs
            reindexing_changes_nothing
            regression_a_twin_takes_over_from_a_file_without_a_book
            regression_a_row_that_becomes_taken_down_hides_at_once
            regression_an_id_set_by_hand_is_not_given_again
            is_sound
        }
    };
    ($open:expr; $($test:ident)*) => {
        $(#[test]
        fn $test() {
            $crate::conformance::$test(&$open());
        })*
    };
}

fn md5_takedown(blob: librisfs::hash::BlobId) -> Takedown {
    Takedown {
        md5: Some(blob.md5),
        ..Takedown::default()
    }
}

fn sha1_takedown(blob: librisfs::hash::BlobId) -> Takedown {
    Takedown {
        sha1: Some(blob.sha1),
        ..Takedown::default()
    }
}

/// Asserts that nothing shows the file.
fn assert_hidden(bench: &impl Bench, file: FileId, name: &str) {
    let catalogue = bench.catalogue();
    let record = catalogue.record(file).expect("answers").expect("a record");
    assert!(!record.is_visible());
    assert_eq!(places(catalogue, file), 0);
    assert_eq!(catalogue.stat(file).expect("answers"), None);
    assert_eq!(catalogue.blob_of(file).expect("answers"), None);
    for folder in leaves(catalogue).into_iter().chain([FolderId::BY_TITLE]) {
        let found = catalogue.entry_named(folder, name).expect("answers");
        assert!(found.is_none_or(|stat| stat.file != file));
    }
    for hash in [Hash::Md5(record.blob.md5), Hash::Sha1(record.blob.sha1)] {
        let found = catalogue.entry_by_hash(&hash).expect("answers");
        assert!(found.is_none_or(|(_, entry)| entry.stat.file != file));
    }
    let words = record.metadata.title.unwrap_or_default();
    let query = Query {
        words: format!("\"{words}\""),
        limit: 1000,
    };
    let hits = catalogue.search(&query).expect("answers");
    assert!(hits.iter().all(|hit| hit.file != file));
}

pub fn shows_a_file_in_every_view(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let metadata = Metadata {
        year: Some(1974),
        language: Some("English".to_owned()),
        publisher: Some("Tor".to_owned()),
        ..book("Good Omens", "Pratchett, Terry & Neil Gaiman")
    };
    let name = FileName::compose(&metadata, &epub());
    let file = admit(catalogue, arrival(blob(1), metadata.clone()));
    let md5 = blob(1).md5.to_string();
    assert_eq!(
        folders(catalogue, FolderId::BY_AUTHOR),
        ["Neil Gaiman", "Terry Pratchett"]
    );
    let places = [
        (FolderId::BY_AUTHOR, "Neil Gaiman"),
        (FolderId::BY_AUTHOR, "Terry Pratchett"),
        (FolderId::BY_YEAR, "1974"),
        (FolderId::BY_LANGUAGE, "en"),
        (FolderId::BY_FORMAT, "epub"),
    ];
    for (view, value) in places {
        let folder = folder(catalogue, view, value);
        assert_eq!(names(catalogue, folder), [name.as_str()], "{value}");
        let stat = catalogue
            .entry_named(folder, name.as_str())
            .expect("answers")
            .expect("found");
        assert_eq!((stat.file, stat.size_bytes, stat.links), (file, 8, 7));
        assert_eq!(stat.mtime, UnixSeconds(1_000_000_000));
        assert_eq!(catalogue.stat(file).expect("answers"), Some(stat));
    }
    assert_eq!(names(catalogue, FolderId::BY_TITLE), [name.as_str()]);
    let by_hash = folder(catalogue, FolderId::BY_HASH, &md5[..2]);
    assert_eq!(by_hash, FolderId::by_hash(blob(1).md5.as_bytes()[0]));
    assert_eq!(names(catalogue, by_hash), [format!("{md5}.epub")]);
    for hash in [Hash::Md5(blob(1).md5), Hash::Sha1(blob(1).sha1)] {
        let found = catalogue.entry_by_hash(&hash).expect("answers");
        let (folder, entry) = found.expect("found");
        assert_eq!((folder, entry.stat.file), (by_hash, file));
        assert_eq!(entry.name, format!("{md5}.epub"));
    }
    let record = catalogue.record(file).expect("answers").expect("a record");
    assert_eq!(
        (record.name, record.metadata, record.blob),
        (name, metadata, blob(1))
    );
    assert!(record.taken_down.is_none() && record.trashed.is_none());
    assert_eq!(catalogue.blob_of(file).expect("answers"), Some(blob(1)));
}

pub fn files_what_is_unknown(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    admit(catalogue, arrival(blob(1), Metadata::default()));
    for view in [
        FolderId::BY_AUTHOR,
        FolderId::BY_YEAR,
        FolderId::BY_LANGUAGE,
    ] {
        assert_eq!(folders(catalogue, view), ["_unknown"]);
    }
}

pub fn views_are_there_when_empty(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let views = [
        "by-author",
        "by-format",
        "by-hash",
        "by-language",
        "by-title",
        "by-year",
    ];
    for view in views {
        let view = folder(catalogue, FolderId::ROOT, view);
        assert_eq!(folders(catalogue, view), [""; 0]);
        assert_eq!(
            catalogue
                .folder(view)
                .expect("answers")
                .expect("there")
                .children,
            0
        );
    }
    let root = catalogue
        .folder(FolderId::ROOT)
        .expect("answers")
        .expect("there");
    assert_eq!(root.parent, FolderId::ROOT);
    assert_eq!(
        catalogue
            .folder_named(FolderId::BY_HASH, "00")
            .expect("answers"),
        None
    );
    assert_eq!(
        catalogue
            .folder_named(FolderId::BY_AUTHOR, "Nobody")
            .expect("answers"),
        None
    );
}

pub fn keeps_a_blob_once(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let batch = [
        arrival(blob(1), book("One", "A")),
        arrival(blob(1), book("Other", "B")),
        arrival(blob(2), book("Two", "A")),
    ];
    let first = catalogue.admit(&batch).expect("admits");
    let [
        Admission::New(one),
        Admission::Duplicate(same),
        Admission::New(two),
    ] = first[..]
    else {
        panic!("{first:?}");
    };
    assert_eq!(one, same);
    assert_ne!(one, two);
    let again = catalogue.admit(&batch[1..]).expect("admits");
    assert_eq!(
        again,
        [Admission::Duplicate(one), Admission::Duplicate(two)]
    );
    let known = catalogue.admissible(&[blob(2), blob(3)]).expect("answers");
    assert_eq!(known, [Some(Admission::Duplicate(two)), None]);
    assert_eq!(entries(catalogue, FolderId::BY_TITLE).len(), 2);
}

pub fn keeps_collisions_apart(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let (one, twin, same_sha1) = (made_blob(1, 1), made_blob(1, 2), made_blob(3, 1));
    let files = [one, twin, same_sha1].map(|blob| admit(catalogue, arrival(blob, book("T", "A"))));
    let md5s = FolderId::by_hash(1);
    let (md5, sha1) = ("01".repeat(16), "02".repeat(20));
    let expected = [format!("{md5}.epub"), format!("{sha1}.epub")];
    assert_eq!(names(catalogue, md5s), expected);
    for (file, name) in files.iter().zip(&expected) {
        let stat = catalogue
            .entry_named(md5s, name)
            .expect("answers")
            .expect("found");
        assert_eq!(stat.file, *file);
    }
    let find = |hash| {
        let found = catalogue.entry_by_hash(&hash).expect("answers");
        let (_, entry) = found.expect("found");
        (entry.name, entry.stat.file)
    };
    assert_eq!(find(Hash::Md5(one.md5)), (expected[0].clone(), files[0]));
    assert_eq!(find(Hash::Sha1(twin.sha1)), (expected[1].clone(), files[1]));
    assert_eq!(find(Hash::Sha1(one.sha1)).1, files[0], "the earliest");
    let all: BTreeSet<_> = names(catalogue, FolderId::BY_TITLE).into_iter().collect();
    assert_eq!(all.len(), 3);
    for file in files {
        let links = catalogue
            .stat(file)
            .expect("answers")
            .expect("visible")
            .links;
        assert_eq!(links as usize, places(catalogue, file));
    }
}

pub fn tells_equal_names_apart_and_keeps_them(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let plain = FileName::compose(&book("T", "A"), &epub());
    let first = admit(catalogue, arrival(blob(1), book("T", "A")));
    let second = admit(catalogue, arrival(blob(2), book("T", "A")));
    let name = |file| {
        catalogue
            .record(file)
            .expect("answers")
            .expect("a record")
            .name
    };
    assert_eq!(name(first), plain);
    let told_apart = plain.told_apart(&epub(), &blob(2).md5, 8);
    assert_eq!(name(second), told_apart);
    catalogue
        .take_down(&[md5_takedown(blob(1))])
        .expect("takes down");
    catalogue.settle().expect("settles");
    assert_eq!(name(second), told_apart, "a name is stable");
}

pub fn pages_cover_everything_once(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let titles = ["Ant", "ape", "Bee", "Öl", "東京", "9 lives", "¿Qué?"];
    let arrivals: Vec<Arrival> = (0..105_u64)
        .map(|n| {
            let title = titles[usize::try_from(n).expect("small") % titles.len()];
            arrival(blob(n), book(&format!("{title} {n}"), "Ann"))
        })
        .collect();
    catalogue.admit(&arrivals).expect("admits");
    let ann = folder(catalogue, FolderId::BY_AUTHOR, "Ann");
    for folder in [FolderId::BY_TITLE, ann] {
        let all = entries(catalogue, folder);
        let files: BTreeSet<_> = all.iter().map(|entry| entry.stat.file).collect();
        assert_eq!((all.len(), files.len()), (105, 105));
        assert!(all.is_sorted_by_key(position));
        let buckets = catalogue.buckets(folder, None, 100).expect("answers");
        let names: Vec<_> = buckets.iter().map(|bucket| bucket.name()).collect();
        assert_eq!(names, ["#", "0-9", "A", "B", "O", "東"]);
        let rest = catalogue
            .buckets(folder, Some(buckets[2]), 2)
            .expect("answers");
        assert_eq!(rest, buckets[3..5]);
        let mut in_buckets = Vec::new();
        for bucket in buckets {
            let mut after = Position::default();
            loop {
                let page = catalogue
                    .entries(folder, Some(bucket), after, 4)
                    .expect("a page");
                let Some(last) = page.last() else { break };
                assert!(page.iter().all(|entry| Bucket::of(&entry.name) == bucket));
                after = position(last);
                in_buckets.extend(page);
            }
        }
        assert_eq!(in_buckets, all);
    }
}

pub fn folders_page_like_entries(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let arrivals: Vec<Arrival> = (0..60_u64)
        .map(|n| {
            let initial = char::from(b'A' + u8::try_from(n % 5).expect("small"));
            arrival(blob(n), book("T", &format!("{initial}uthor {n}")))
        })
        .collect();
    catalogue.admit(&arrivals).expect("admits");
    let (mut seen, mut after) = (BTreeSet::new(), Position::default());
    loop {
        let page = catalogue
            .folders(FolderId::BY_AUTHOR, None, after, 7)
            .expect("a page");
        let Some(last) = page.last() else { break };
        after = Position {
            bucket_code: Bucket::of(&last.name).code(),
            id: last.id.get().into(),
        };
        for folder in page {
            assert_eq!((folder.parent, folder.children), (FolderId::BY_AUTHOR, 1));
            assert!(seen.insert(folder.name));
        }
    }
    assert_eq!(seen.len(), 60);
    let buckets = catalogue
        .buckets(FolderId::BY_AUTHOR, None, 100)
        .expect("answers");
    assert_eq!(buckets.len(), 5);
    let page = catalogue
        .folders(
            FolderId::BY_AUTHOR,
            Some(buckets[1]),
            Position::default(),
            100,
        )
        .expect("a page");
    assert_eq!(page.len(), 12);
    assert!(page.iter().all(|folder| folder.name.starts_with('B')));
}

pub fn gives_a_small_folder_with_its_entries(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let arrivals: Vec<Arrival> = (0..5_u64)
        .map(|n| arrival(blob(n), book(&format!("Title {n}"), "Ann")))
        .collect();
    catalogue.admit(&arrivals).expect("admits");
    let ann = folder(catalogue, FolderId::BY_AUTHOR, "Ann");
    let itself = catalogue.folder(ann).expect("answers").expect("is there");
    for few in [5, 1000] {
        let all = Some(entries(catalogue, ann));
        let found = catalogue.small_folder(ann, few).expect("answers");
        assert_eq!(found, Some((itself.clone(), all)), "{few}");
    }
    let found = catalogue.small_folder(ann, 4).expect("answers");
    assert_eq!(found, Some((itself, None)), "it holds more");
    let nobody = FolderId::new(FolderId::END - 1).expect("in range");
    assert_eq!(catalogue.small_folder(nobody, 5).expect("answers"), None);
}

pub fn hides_what_is_taken_down(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let takedowns = [
        (1, md5_takedown(blob(1))),
        (2, sha1_takedown(blob(2))),
        (
            3,
            Takedown {
                sha1: Some(blob(3).sha1),
                ..md5_takedown(blob(3))
            },
        ),
    ];
    for (number, takedown) in &takedowns {
        let metadata = book(&format!("Title {number}"), &format!("Author {number}"));
        let name = FileName::compose(&metadata, &epub());
        let file = admit(catalogue, arrival(blob(*number), metadata.clone()));
        let before = shown(catalogue);
        let outcome = catalogue
            .take_down(std::slice::from_ref(takedown))
            .expect("takes down");
        assert_eq!(outcome, (1, vec![blob(*number)]));
        assert_hidden(bench, file, name.as_str());
        assert_eq!(catalogue.settle().expect("settles"), 0);
        assert_hidden(bench, file, name.as_str());
        let again = catalogue
            .take_down(std::slice::from_ref(takedown))
            .expect("answers");
        assert_eq!(again, (0, vec![blob(*number)]));
        for admission in [
            catalogue
                .admit(&[arrival(blob(*number), metadata)])
                .expect("answers")
                .pop(),
            catalogue
                .admissible(&[blob(*number)])
                .expect("answers")
                .pop()
                .flatten(),
        ] {
            let Some(Admission::TakenDown(entry)) = admission else {
                panic!("{admission:?}");
            };
            assert_eq!(&entry.takedown, takedown);
        }
        let hashes = [Hash::Md5(blob(*number).md5), Hash::Sha1(blob(*number).sha1)];
        assert_eq!(catalogue.lift(&hashes).expect("lifts"), 1);
        assert_eq!(shown(catalogue), before, "lifting shows it again at once");
    }
    assert_eq!(catalogue.takedowns(None, 10).expect("answers"), []);
}

pub fn hides_what_is_taken_down_by_hand(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let columns = [
        ("md5", sql_bytes(blob(1).md5.as_bytes())),
        ("sha1", sql_bytes(blob(1).sha1.as_bytes())),
    ];
    let name = FileName::compose(&book("T", "A"), &epub());
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    for (column, bytes) in columns {
        bench.by_hand(&format!(
            "INSERT INTO deleted_hashes ({column}) VALUES ({bytes})"
        ));
        assert_hidden(bench, file, name.as_str());
        assert_eq!(folders(catalogue, FolderId::BY_AUTHOR), [""; 0]);
        bench.by_hand("DELETE FROM deleted_hashes");
        catalogue.settle().expect("settles");
        assert_eq!(places(catalogue, file), 6);
    }
}

pub fn refuses_what_was_taken_down_before(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let outcome = catalogue.take_down(&[md5_takedown(blob(1)), sha1_takedown(blob(2))]);
    assert_eq!(outcome.expect("takes down"), (2, vec![]));
    let batch = [1, 2, 3].map(|number| arrival(blob(number), book("T", "A")));
    let admissions = catalogue.admit(&batch).expect("answers");
    assert!(matches!(
        admissions[..],
        [
            Admission::TakenDown(_),
            Admission::TakenDown(_),
            Admission::New(_)
        ]
    ));
    assert_eq!(catalogue.statistics().expect("answers").blobs, 1);
    let page = catalogue.takedowns(None, 1).expect("answers");
    assert_eq!(page.len(), 1);
    let rest = catalogue.takedowns(Some(page[0].id), 10).expect("answers");
    assert_eq!(rest[0].takedown, sha1_takedown(blob(2)));
    assert!(catalogue.take_down(&[Takedown::default()]).is_err());
}

pub fn shows_only_what_nothing_else_hides(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    catalogue
        .take_down(&[md5_takedown(blob(1)), sha1_takedown(blob(1))])
        .expect("takes down");
    assert_eq!(catalogue.lift(&[Hash::Md5(blob(1).md5)]).expect("lifts"), 1);
    assert_eq!(places(catalogue, file), 0);
    assert_eq!(
        catalogue.lift(&[Hash::Sha1(blob(1).sha1)]).expect("lifts"),
        1
    );
    assert_eq!(places(catalogue, file), 6);
}

pub fn a_twin_takes_over_in_by_hash(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    admit(catalogue, arrival(made_blob(1, 1), book("One", "A")));
    let twin = admit(catalogue, arrival(made_blob(1, 2), book("Two", "A")));
    let before = shown(catalogue);
    catalogue
        .take_down(&[sha1_takedown(made_blob(1, 1))])
        .expect("takes down");
    catalogue.settle().expect("settles");
    let md5 = "01".repeat(16);
    assert_eq!(
        names(catalogue, FolderId::by_hash(1)),
        [format!("{md5}.epub")]
    );
    let (_, entry) = catalogue
        .entry_by_hash(&Hash::Md5(made_blob(1, 1).md5))
        .expect("answers")
        .expect("the twin");
    assert_eq!(entry.stat.file, twin);
    catalogue
        .lift(&[Hash::Sha1(made_blob(1, 1).sha1)])
        .expect("lifts");
    assert_eq!(shown(catalogue), before);
}

/// Rows as somebody writes them who knows the tables alone.
const BARE: &str = "INSERT INTO books_hashes (id, md5, sha1, size) VALUES \
        (70, x'70707070707070707070707070707070', x'7070707070707070707070707070707070707070', 5); \
    INSERT INTO books_metadata (id, title, author, year, format) VALUES (70, 'Bare', 'Bo Ok', 1999, 'pdf'); \
    INSERT INTO books_to_hashes (id, book_id, hash_id) VALUES (5000, 70, 70)";

fn bare() -> FileId {
    FileId::new(5000).expect("in range")
}

pub fn completes_bare_rows(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    bench.by_hand(BARE);
    assert_eq!(places(catalogue, bare()), 0);
    assert_eq!(catalogue.settle().expect("settles"), 1);
    assert_eq!(
        catalogue.settle().expect("settles"),
        0,
        "nothing more is due"
    );
    let record = catalogue
        .record(bare())
        .expect("answers")
        .expect("a record");
    assert_eq!(record.name.as_str(), "Bare - Bo Ok (1999).pdf");
    assert!(record.added.0 > 1_700_000_000 && record.updated.0 > 1_700_000_000);
    assert_ne!(record.book, BookUid([0; 16]));
    assert_eq!(places(catalogue, bare()), 6);
    let hits = catalogue.search(&Query {
        words: "bare".to_owned(),
        limit: 5,
    });
    assert_eq!(hits.expect("answers").len(), 1);
    let next = admit(catalogue, arrival(blob(1), book("T", "A")));
    assert!(next > bare(), "ids are never given twice");
}

pub fn completes_rows_in_any_order(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let mut statements: Vec<&str> = BARE.split("; ").collect();
    statements.rotate_right(1);
    for statement in statements {
        bench.by_hand(statement);
        catalogue.settle().expect("settles");
    }
    assert_eq!(places(catalogue, bare()), 6);
}

pub fn follows_edits_by_hand(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    bench.by_hand(BARE);
    catalogue.settle().expect("settles");
    let cases: [(&str, FolderId, &str, &str); 5] = [
        (
            "UPDATE books_metadata SET title = 'New' WHERE id = 70",
            FolderId::BY_AUTHOR,
            "Bo Ok",
            "New - Bo Ok (1999).pdf",
        ),
        (
            "UPDATE books_metadata SET author = 'X; Y' WHERE id = 70",
            FolderId::BY_AUTHOR,
            "Y",
            "New - X et al. (1999).pdf",
        ),
        (
            "UPDATE books_metadata SET year = 2001 WHERE id = 70",
            FolderId::BY_YEAR,
            "2001",
            "New - X et al. (2001).pdf",
        ),
        (
            "UPDATE books_metadata SET language = 'fr' WHERE id = 70",
            FolderId::BY_LANGUAGE,
            "fr",
            "New - X et al. (2001).pdf",
        ),
        (
            "UPDATE books_to_hashes SET format = 'epub' WHERE id = 5000",
            FolderId::BY_FORMAT,
            "epub",
            "New - X et al. (2001).epub",
        ),
    ];
    for (statement, view, folder_name, name) in cases {
        bench.by_hand(statement);
        assert_eq!(catalogue.settle().expect("settles"), 1, "{statement}");
        assert_eq!(names(catalogue, FolderId::BY_TITLE), [name]);
        let folder = folder(catalogue, view, folder_name);
        assert_eq!(names(catalogue, folder), [name]);
        let stat = catalogue
            .entry_named(folder, name)
            .expect("answers")
            .expect("found");
        assert_eq!(stat.links as usize, places(catalogue, bare()));
    }
    assert_eq!(
        folders(catalogue, FolderId::BY_AUTHOR),
        ["X", "Y"],
        "the old folder is gone"
    );
    let old = catalogue.search(&Query {
        words: "bare".to_owned(),
        limit: 5,
    });
    assert_eq!(old.expect("answers").len(), 0);
    bench.by_hand("UPDATE books_to_hashes SET trashed = 5 WHERE id = 5000");
    catalogue.settle().expect("settles");
    assert_hidden(bench, bare(), "New - X et al. (2001).epub");
    bench.by_hand("UPDATE books_to_hashes SET trashed = NULL WHERE id = 5000");
    catalogue.settle().expect("settles");
    assert_eq!(places(catalogue, bare()), 7);
    bench.by_hand("DELETE FROM books_to_hashes WHERE id = 5000");
    assert_eq!(places(catalogue, bare()), 0);
    catalogue.settle().expect("settles");
    assert_eq!(catalogue.record(bare()).expect("answers"), None);
    let gone = catalogue.search(&Query {
        words: "new".to_owned(),
        limit: 5,
    });
    assert_eq!(gone.expect("answers").len(), 0);
    assert_eq!(leaves(catalogue), [FolderId::BY_TITLE]);
}

pub fn gives_names_by_metadata_alone(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    bench.by_hand(BARE);
    for name in ["a/b", "", "Chosen.pdf"] {
        bench.by_hand(&format!(
            "UPDATE books_to_hashes SET name = '{name}' WHERE id = 5000"
        ));
        catalogue.settle().expect("settles");
        assert_eq!(
            names(catalogue, FolderId::BY_TITLE),
            ["Bare - Bo Ok (1999).pdf"]
        );
    }
}

pub fn one_blob_in_two_books(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    bench.by_hand(BARE);
    bench.by_hand(
        "INSERT INTO books_to_hashes (id, book_id, hash_id) VALUES (5001, 70, 70), (5002, 70, 70)",
    );
    catalogue.settle().expect("settles");
    let all: BTreeSet<_> = names(catalogue, FolderId::BY_TITLE).into_iter().collect();
    assert_eq!(all.len(), 3);
    let by_hash = FolderId::by_hash(0x70);
    assert_eq!(entries(catalogue, by_hash).len(), 1);
    for gone in [5000, 5001] {
        bench.by_hand(&format!("DELETE FROM books_to_hashes WHERE id = {gone}"));
        catalogue.settle().expect("settles");
        let left = entries(catalogue, by_hash);
        assert_eq!(left[0].stat.file.get(), gone + 1, "the next takes over");
        assert_eq!(
            left[0].stat.links as usize,
            places(catalogue, left[0].stat.file)
        );
    }
    bench.by_hand("INSERT INTO books_to_hashes (id, book_id, hash_id) VALUES (4000, 70, 70)");
    catalogue.settle().expect("settles");
    assert_eq!(
        entries(catalogue, by_hash)[0].stat.file.get(),
        4000,
        "the earliest has it"
    );
    let pushed = FileId::new(5002).expect("in range");
    let links = catalogue
        .stat(pushed)
        .expect("answers")
        .expect("visible")
        .links;
    assert_eq!(links as usize, places(catalogue, pushed));
}

pub fn tells_followers(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let start = catalogue.last_change().expect("answers");
    assert_eq!(
        catalogue.changes(start, 10).expect("answers"),
        (vec![], start)
    );
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let (came, after) = catalogue.changes(start, 1000).expect("answers");
    let by_a = folder(catalogue, FolderId::BY_AUTHOR, "A");
    let name = FileName::compose(&book("T", "A"), &epub()).to_string();
    let bucket = Bucket::of(&name);
    let in_view = (FolderId::BY_AUTHOR, Bucket::of("A"));
    for (folder, bucket) in [(FolderId::BY_TITLE, bucket), in_view, (by_a, bucket)] {
        let change = Change::EntriesCame { folder, bucket };
        assert!(came.contains(&change), "{folder:?}");
    }
    let (head, middle) = catalogue.changes(start, 2).expect("answers");
    let (tail, end) = catalogue.changes(middle, 1000).expect("answers");
    assert_eq!((head.len(), [head, tail].concat(), end), (2, came, after));

    bench.by_hand(&format!(
        "INSERT INTO deleted_hashes (md5) VALUES ({})",
        sql_bytes(blob(1).md5.as_bytes())
    ));
    let (gone, after) = catalogue.changes(after, 1000).expect("answers");
    assert!(gone.contains(&Change::EntryGone {
        folder: by_a,
        bucket,
        name,
        file
    }));
    assert!(gone.contains(&Change::FolderGone {
        folder: by_a,
        parent: FolderId::BY_AUTHOR,
        name: "A".to_owned(),
    }));
    catalogue.settle().expect("settles");
    let (rest, after) = catalogue.changes(after, 1000).expect("answers");
    assert_eq!(rest, [], "settling has nothing to add");

    bench.by_hand("DELETE FROM deleted_hashes");
    catalogue.settle().expect("settles");
    bench.by_hand("UPDATE books_metadata SET title = 'U'");
    let after = catalogue.changes(after, 1000).expect("answers").1;
    catalogue.settle().expect("settles");
    let (renamed, after) = catalogue.changes(after, 1000).expect("answers");
    let old = FileName::compose(&book("T", "A"), &epub()).to_string();
    assert!(renamed.contains(&Change::EntryGone {
        folder: by_a,
        bucket,
        name: old,
        file
    }));
    assert!(renamed.contains(&Change::EntriesCame {
        folder: by_a,
        bucket: Bucket::of("U")
    }));
    assert!(renamed.contains(&Change::FileChanged { file }));

    bench.by_hand("UPDATE books_metadata SET title = 'U'");
    assert_eq!(catalogue.settle().expect("settles"), 0, "nothing changed");
    assert_eq!(
        catalogue.changes(after, 1000).expect("answers"),
        (vec![], after)
    );
    let beyond = catalogue.changes(Seq(after.0 + 1000), 10).expect("answers");
    assert_eq!(beyond, (vec![Change::Everything], after));
}

pub fn hears_of_commits(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let mut watch = catalogue.watch().expect("a watch");
    assert!(!watch.wait(Duration::ZERO).expect("answers"));
    bench.by_hand(BARE);
    assert!(watch.wait(Duration::from_secs(10)).expect("answers"));
    assert!(!watch.wait(Duration::from_millis(1)).expect("answers"));
    catalogue.settle().expect("settles");
    assert!(
        watch.wait(Duration::from_secs(10)).expect("answers"),
        "own commits too"
    );
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| watch.wait(Duration::from_secs(10)).expect("answers"));
        catalogue
            .take_down(&[md5_takedown(made_blob(0x70, 0))])
            .expect("takes down");
        assert!(waiting.join().expect("no panic"));
    });
}

pub fn finds_by_metadata(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let one = Metadata {
        year: Some(1951),
        language: Some("eng".to_owned()),
        publisher: Some("Gnome Press".to_owned()),
        ..book("Foundation", "Isaac Asimov")
    };
    let two = Metadata {
        year: Some(1952),
        language: Some("French".to_owned()),
        ..book("Foundation and Empire", "Isaac Asimov")
    };
    let three = book("L'Étranger", "Albert Camus");
    for (number, metadata) in [one, two, three].into_iter().enumerate() {
        let mut arrival = arrival(blob(number as u64), metadata);
        if number == 1 {
            arrival.format = Format::new("pdf").expect("a format");
        }
        admit(catalogue, arrival);
    }
    let cases: [(&str, &[u64]); 18] = [
        ("foundation", &[0, 1]),
        ("FOUNDATION empire", &[1]),
        ("\"foundation and\"", &[1]),
        ("\"and foundation\"", &[]),
        ("author:asimov year:1950..1951", &[0]),
        ("year:1950..1959", &[0, 1]),
        ("year:1953..", &[]),
        ("title:asimov", &[]),
        ("publisher:gnome", &[0]),
        ("etranger", &[2]),
        ("author:\"albert camus\"", &[2]),
        ("format:pdf", &[1]),
        ("format:pdf format:epub asimov", &[0, 1]),
        ("format:djvu", &[]),
        ("language:en", &[0]),
        ("language:fr empire", &[1]),
        ("foundation NOT empire", &[]),
        ("found", &[]),
    ];
    for (words, expected) in cases {
        let query = Query {
            words: words.to_owned(),
            limit: 10,
        };
        let hits = catalogue.search(&query).expect(words);
        let found: BTreeSet<_> = hits.iter().map(|hit| hit.blob).collect();
        let expected: BTreeSet<_> = expected.iter().map(|number| blob(*number)).collect();
        assert_eq!(found, expected, "{words}");
    }
    for words in [
        "\"",
        "*",
        "a\" OR title:\"",
        "{title}: x",
        "^a",
        "a AND",
        "NEAR(a b)",
        "-a",
    ] {
        let query = Query {
            words: words.to_owned(),
            limit: 10,
        };
        match catalogue.search(&query) {
            Ok(_) | Err(Error::BadQuery { .. }) => {}
            Err(error) => panic!("{words}: {error}"),
        }
    }
    let one = catalogue.search(&Query {
        words: "foundation".to_owned(),
        limit: 1,
    });
    assert_eq!(one.expect("answers").len(), 1);
}

pub fn finds_records_by_name_and_hash(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("Café", "A")));
    catalogue
        .take_down(&[md5_takedown(blob(1))])
        .expect("takes down");
    let name = FileName::compose(&book("Café", "A"), &epub()).to_string();
    let decomposed = name.replace('é', "e\u{301}");
    let md5 = blob(1).md5.to_string().to_uppercase();
    for what in [name, decomposed, md5, blob(1).sha1.to_string()] {
        let found = catalogue.records_of(&what).expect("answers");
        assert_eq!(found.len(), 1, "{what}");
        assert_eq!(found[0].file, file);
        assert!(found[0].taken_down.is_some());
    }
    assert_eq!(catalogue.records_of("nothing").expect("answers"), []);
}

pub fn counts(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    for number in 0..4 {
        admit(
            catalogue,
            arrival(blob(number), book("T", &format!("Author {number}"))),
        );
    }
    admit(catalogue, arrival(blob(4), Metadata::default()));
    catalogue
        .take_down(&[md5_takedown(blob(0)), md5_takedown(blob(99))])
        .expect("takes down");
    bench.by_hand(
        "UPDATE books_to_hashes SET trashed = 5 WHERE id = 1025; \
         INSERT INTO books_to_hashes (book_id, hash_id) VALUES (3, 3)",
    );
    catalogue.settle().expect("settles");
    let statistics = catalogue.statistics().expect("answers");
    assert_eq!(statistics.books, 5);
    assert_eq!(statistics.files, 4);
    assert_eq!(statistics.authors, 2);
    assert_eq!(
        (
            statistics.blobs,
            statistics.blob_bytes,
            statistics.saved_bytes
        ),
        (5, 40, 8)
    );
    assert_eq!(
        (
            statistics.trashed,
            statistics.takedowns,
            statistics.hidden_blobs
        ),
        (1, 2, 1)
    );
    assert_eq!(statistics.mirrors, 0);
}

pub fn brings_back_what_was_in_the_trash(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let before = shown(catalogue);
    bench.by_hand("UPDATE books_to_hashes SET trashed = 5");
    catalogue.settle().expect("settles");
    let known = catalogue.admissible(&[blob(1)]).expect("answers");
    assert_eq!(known, [Some(Admission::Restored(file))]);
    let again = catalogue
        .admit(&[arrival(blob(1), book("X", "Y"))])
        .expect("admits");
    assert_eq!(again, [Admission::Restored(file)]);
    assert_eq!(shown(catalogue), before);
    bench.by_hand("DELETE FROM books_to_hashes");
    let again = catalogue
        .admit(&[arrival(blob(1), book("X", "Y"))])
        .expect("admits");
    let [Admission::Restored(new)] = again[..] else {
        panic!("{again:?}")
    };
    assert!(new > file);
    catalogue.settle().expect("settles");
    assert_eq!(places(catalogue, new), 6);
}

pub fn a_known_book_gets_another_file(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let uid = BookUid([9; 16]);
    let one = Arrival {
        book: Some(uid),
        ..arrival(blob(1), book("T", "A"))
    };
    let two = Arrival {
        book: Some(uid),
        format: Format::new("pdf").expect("a format"),
        ..arrival(blob(2), book("Ignored", "B"))
    };
    let files = [one, two].map(|arrival| admit(catalogue, arrival));
    let records = files.map(|file| catalogue.record(file).expect("answers").expect("a record"));
    assert!(records.iter().all(|record| record.book == uid));
    assert_eq!(records[1].metadata.title.as_deref(), Some("T"));
    let pdf = FileName::compose(&book("T", "A"), &records[1].format);
    assert_eq!(records[1].name, pdf);
    assert_eq!(catalogue.statistics().expect("answers").books, 1);
    assert_eq!(places(catalogue, files[1]), 6);
}

pub fn keeps_the_rows_of_blobs(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    for number in 0..5 {
        admit(catalogue, arrival(blob(number), book("T", "A")));
    }
    catalogue
        .take_down(&[md5_takedown(blob(3))])
        .expect("takes down");
    bench.by_hand("DELETE FROM books_to_hashes WHERE id IN (1024, 1025); UPDATE books_hashes SET last_seen = 7");
    catalogue.settle().expect("settles");
    let first = catalogue.blobs(HashId::default(), 2).expect("answers");
    let rest = catalogue.blobs(first[1].id, 100).expect("answers");
    let rows = [first, rest].concat();
    assert_eq!(rows.len(), 5);
    let facts: Vec<_> = rows
        .iter()
        .map(|row| (row.referenced, row.taken_down))
        .collect();
    let expected = [
        (false, false),
        (false, false),
        (true, false),
        (true, true),
        (true, false),
    ];
    assert_eq!(facts, expected);
    assert_eq!(catalogue.blob(&blob(3)).expect("answers"), Some(rows[3]));
    assert_eq!(catalogue.blob(&blob(9)).expect("answers"), None);
    catalogue.mark_seen(&[rows[0].id]).expect("marks");
    let seen = catalogue
        .blob(&blob(0))
        .expect("answers")
        .expect("there")
        .last_seen;
    assert!(seen.0 > 1_700_000_000);
    let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
    assert_eq!(
        catalogue.forget_blobs(&ids).expect("forgets"),
        [blob(0), blob(1)]
    );
    assert_eq!(
        catalogue
            .blobs(HashId::default(), 100)
            .expect("answers")
            .len(),
        3
    );
}

pub fn reindexing_changes_nothing(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    for number in 0..30_u8 {
        let metadata = book(
            &format!("Title {}", number % 7),
            &format!("A {}; B", number % 5),
        );
        admit(catalogue, arrival(made_blob(number % 9, number), metadata));
    }
    catalogue
        .take_down(&[sha1_takedown(made_blob(0, 4))])
        .expect("takes down");
    catalogue.settle().expect("settles");
    let before = shown(catalogue);
    let after = catalogue.last_change().expect("answers");
    let mut heard = Vec::new();
    let files = catalogue
        .reindex(&mut |done, all| heard.push((done, all)))
        .expect("reindexes");
    assert_eq!(files, 30);
    assert_eq!(heard.last(), Some(&(30, 30)));
    assert_eq!(shown(catalogue), before);
    assert!(
        catalogue
            .changes(after, 10)
            .expect("answers")
            .0
            .contains(&Change::Everything)
    );
    assert_eq!(catalogue.settle().expect("settles"), 0);
    let hits = catalogue.search(&Query {
        words: "title".to_owned(),
        limit: 100,
    });
    assert_eq!(hits.expect("answers").len(), 29);
    admit(catalogue, arrival(blob(1), book("More", "A 1")));
    assert_eq!(entries(catalogue, FolderId::BY_TITLE).len(), 30);
}

pub fn regression_a_twin_takes_over_from_a_file_without_a_book(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    admit(catalogue, arrival(made_blob(1, 1), book("One", "A")));
    let twin = admit(catalogue, arrival(made_blob(1, 2), book("Two", "A")));
    bench.by_hand("DELETE FROM books_metadata WHERE title = 'One'");
    catalogue.settle().expect("settles");
    let left = entries(catalogue, FolderId::by_hash(1));
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].name, format!("{}.epub", "01".repeat(16)));
    assert_eq!(left[0].stat.file, twin);
}

pub fn regression_a_row_that_becomes_taken_down_hides_at_once(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let files = [1, 2, 3].map(|number| {
        let title = format!("T{number}");
        admit(catalogue, arrival(blob(number), book(&title, "A")))
    });
    catalogue
        .take_down(&[md5_takedown(blob(3)), md5_takedown(made_blob(9, 9))])
        .expect("takes down");
    bench.by_hand(&format!(
        "UPDATE books_to_hashes SET hash_id = 3 WHERE id = {}; \
         UPDATE books_hashes SET md5 = {} WHERE id = 2",
        files[0].get(),
        sql_bytes(made_blob(9, 9).md5.as_bytes())
    ));
    assert_eq!(files.map(|file| places(catalogue, file)), [0, 0, 0]);
}

pub fn regression_an_id_set_by_hand_is_not_given_again(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let first = admit(catalogue, arrival(blob(1), book("T", "A")));
    bench.by_hand("UPDATE books_to_hashes SET id = 1025");
    let second = admit(catalogue, arrival(blob(2), book("U", "A")));
    catalogue.settle().expect("settles");
    assert_eq!((first.get(), second.get()), (1024, 1026));
    assert_eq!(
        names(catalogue, FolderId::BY_TITLE),
        ["T - A.epub", "U - A.epub"]
    );
}

pub fn is_sound(bench: &impl Bench) {
    admit(bench.catalogue(), arrival(blob(1), book("T", "A")));
    assert_eq!(bench.catalogue().check().expect("checks"), [""; 0]);
}
