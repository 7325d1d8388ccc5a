//! What every catalogue does when it is changed and when that is taken back, whatever database it is in.

use librisfs::book::Metadata;
use librisfs::catalogue::{
    Action, ActionId, Admission, Arrival, Catalogue, Change, Deed, Discard, Fields, FileId,
    FileRecord, FolderId, HashId, Query, Replaces, Seq, Takedown, TrashEntry,
};
use librisfs::hash::BlobId;
use librisfs::name::FolderName;
use librisfs::time::UnixSeconds;

use crate::fixture::{
    Bench, admit, arrival, blob, book, folder, folders, names, places, shown, sql_bytes,
};

/// Runs the suite on what `$open` makes: all of it, for every database.
#[macro_export]
macro_rules! conformance_edit {
    ($open:expr) => {
        $crate::conformance_edit! { $open;
            sets_ids_aside
            an_id_that_somebody_has_is_not_given
            edits_books
            edits_a_book_once_by_the_last_that_names_it
            names_the_file_of_a_book_first_that_is_edited
            edits_nothing_in_the_trash
            renames_an_author
            renames_who_is_unknown
            renames_nobody_who_is_no_longer_in_a_book
            sets_times
            puts_into_the_trash_and_takes_out
            keeps_where_it_was
            a_file_in_the_trash_leaves_its_name_to_others
            pages_the_trash
            empties_the_trash
            hears_of_the_trash_by_hand
            gives_a_file_new_bytes
            new_bytes_may_change_the_book
            the_same_bytes_change_the_time
            bytes_for_what_is_gone_arrive_like_others
            new_bytes_may_be_those_of_another
            new_bytes_that_are_taken_down_replace_nothing
            replaces_among_others_of_a_batch
            pages_the_journal
            takes_each_deed_back
            takes_several_back_at_once
            taking_back_spares_what_others_changed_since
            taking_back_passes_over_what_is_gone
            taking_back_never_takes_the_last_bytes_away
            makes_folders_that_are_shown_though_empty
            counts_no_author_for_a_folder_that_was_made
            tells_followers_of_each_deed
        }
    };
    ($open:expr; $($test:ident)*) => {
        $(#[test]
        fn $test() {
            $crate::conformance_edit::$test(&$open());
        })*
    };
}

fn titled(title: &str) -> Fields {
    Fields {
        title: Some(Some(title.to_owned())),
        ..Fields::default()
    }
}

fn by(author: &str) -> Fields {
    Fields {
        author: Some(Some(author.to_owned())),
        ..Fields::default()
    }
}

fn discard(file: FileId) -> Discard {
    Discard {
        file,
        name: None,
        path: None,
    }
}

/// New bytes for `file`.
fn replacing(file: FileId, blob: BlobId, fields: Fields) -> Arrival {
    Arrival {
        replaces: Some(Replaces { file, fields }),
        mtime: UnixSeconds(1_100_000_000),
        ..arrival(blob, book("what the bytes say", "Nobody"))
    }
}

fn replace(catalogue: &dyn Catalogue, file: FileId, blob: BlobId, fields: Fields) -> FileId {
    admit(catalogue, replacing(file, blob, fields))
}

fn record(catalogue: &dyn Catalogue, file: FileId) -> FileRecord {
    let found = catalogue.record(file).expect("answers");
    found.unwrap_or_else(|| panic!("no {file:?}"))
}

fn metadata(catalogue: &dyn Catalogue, file: FileId) -> Metadata {
    record(catalogue, file).metadata
}

fn trash(catalogue: &dyn Catalogue, file: FileId) {
    assert_eq!(catalogue.trash(&[discard(file)]).expect("trashes"), 1);
}

fn in_trash(catalogue: &dyn Catalogue) -> Vec<TrashEntry> {
    catalogue.trashed(None, 1000).expect("a page")
}

fn trash_names(catalogue: &dyn Catalogue) -> Vec<String> {
    let entries = in_trash(catalogue).into_iter();
    entries.map(|entry| entry.name).collect()
}

fn journal(catalogue: &dyn Catalogue) -> Vec<Action> {
    catalogue.journal(None, 1000).expect("a page")
}

fn deeds(catalogue: &dyn Catalogue) -> Vec<(Deed, u64)> {
    let actions = journal(catalogue).into_iter();
    actions.map(|action| (action.deed, action.files)).collect()
}

fn by_title(catalogue: &dyn Catalogue) -> Vec<String> {
    names(catalogue, FolderId::BY_TITLE)
}

fn hits(catalogue: &dyn Catalogue, words: &str) -> Vec<FileId> {
    let query = Query {
        words: words.to_owned(),
        limit: 1000,
    };
    let found = catalogue.search(&query).expect("answers");
    found.into_iter().map(|hit| hit.file).collect()
}

fn changes(catalogue: &dyn Catalogue, after: Seq) -> Vec<Change> {
    catalogue.changes(after, 10_000).expect("answers").0
}

fn last_change(catalogue: &dyn Catalogue) -> Seq {
    catalogue.last_change().expect("answers")
}

/// Asserts that all that is derived was made right along with the change.
fn assert_settled(catalogue: &dyn Catalogue) {
    assert_eq!(
        catalogue.settle_some().expect("answers"),
        None,
        "nothing is due"
    );
    let before = shown(catalogue);
    catalogue.reindex(&mut |_, _| ()).expect("reindexes");
    assert_eq!(shown(catalogue), before, "deriving anew changes nothing");
    assert_eq!(catalogue.check().expect("checks"), [""; 0]);
}

// Ids ------------------------------------------------------------------------------------------------

pub fn sets_ids_aside(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let first = catalogue.reserve_files(3).expect("reserves").get();
    let after = catalogue.reserve_files(1).expect("reserves").get();
    assert!(after >= first + 3);
    let other = admit(catalogue, arrival(blob(1), book("One", "A")));
    assert!(other.get() > after);
    let given = |number: u64| Arrival {
        file: FileId::new(first + number),
        ..arrival(blob(10 + number), book(&format!("Given {number}"), "A"))
    };
    let batch = [
        given(2),
        arrival(blob(2), book("Two", "A")),
        given(0),
        arrival(blob(3), book("Three", "A")),
    ];
    let admissions = catalogue.admit(&batch).expect("admits");
    let ids: Vec<_> = admissions
        .iter()
        .map(|admission| match admission {
            Admission::New(file) => file.get(),
            other => panic!("not new: {other:?}"),
        })
        .collect();
    assert_eq!((ids[0], ids[2]), (first + 2, first));
    assert_eq!((ids[1], ids[3]), (other.get() + 1, other.get() + 2));
    assert_settled(catalogue);
}

pub fn an_id_that_somebody_has_is_not_given(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let taken = admit(catalogue, arrival(blob(1), book("T", "A")));
    let wants_it = Arrival {
        file: Some(taken),
        ..arrival(blob(2), book("U", "A"))
    };
    assert_ne!(admit(catalogue, wants_it), taken);
    assert_eq!(record(catalogue, taken).blob, blob(1));
    assert_settled(catalogue);
}

// Edits ----------------------------------------------------------------------------------------------

pub fn edits_books(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("Old", "Ann Author")));
    bench.by_hand("UPDATE books_metadata SET updated = 5");
    catalogue.settle().expect("settles");
    let fields = Fields {
        title: Some(Some("New".to_owned())),
        author: Some(Some("Bob Writer".to_owned())),
        year: Some(Some(1999)),
        ..Fields::default()
    };
    let edits = [(file, fields.clone())];
    assert_eq!(catalogue.edit(&edits).expect("edits"), 1);
    let expected = Metadata {
        year: Some(1999),
        ..book("New", "Bob Writer")
    };
    let now = record(catalogue, file);
    assert_eq!(now.metadata, expected);
    assert!(now.updated.0 > 1_700_000_000);
    assert_eq!(by_title(catalogue), ["New - Bob Writer (1999).epub"]);
    assert_eq!(folders(catalogue, FolderId::BY_AUTHOR), ["Bob Writer"]);
    assert_eq!(folders(catalogue, FolderId::BY_YEAR), ["1999"]);
    assert_eq!(
        (hits(catalogue, "new"), hits(catalogue, "old")),
        (vec![file], vec![])
    );
    assert_eq!(deeds(catalogue), [(Deed::Edit, 1)]);
    let summary = &journal(catalogue)[0].summary;
    assert!(
        summary.contains("Old") && summary.contains("New"),
        "{summary}"
    );

    assert_eq!(
        catalogue.edit(&edits).expect("edits"),
        0,
        "as it is already"
    );
    assert_eq!(
        catalogue.edit(&[(file, Fields::default())]).expect("edits"),
        0
    );
    assert_eq!(deeds(catalogue).len(), 1);
    let emptied = Fields {
        author: Some(None),
        ..Fields::default()
    };
    assert_eq!(catalogue.edit(&[(file, emptied)]).expect("edits"), 1);
    assert_eq!(folders(catalogue, FolderId::BY_AUTHOR), ["_unknown"]);
    assert_settled(catalogue);
}

pub fn edits_a_book_once_by_the_last_that_names_it(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let one = admit(catalogue, arrival(blob(1), book("T", "A")));
    let uid = Some(record(catalogue, one).book);
    let two = admit(
        catalogue,
        Arrival {
            book: uid,
            ..arrival(blob(2), Metadata::default())
        },
    );
    let other = admit(catalogue, arrival(blob(3), book("Other", "A")));
    let edits = [
        (one, titled("First")),
        (other, titled("Else")),
        (two, titled("Last")),
    ];
    assert_eq!(catalogue.edit(&edits).expect("edits"), 2);
    for (file, title) in [(one, "Last"), (two, "Last"), (other, "Else")] {
        assert_eq!(metadata(catalogue, file).title.as_deref(), Some(title));
    }
    assert_eq!(deeds(catalogue), [(Deed::Edit, 2)]);
    assert_settled(catalogue);
}

pub fn names_the_file_of_a_book_first_that_is_edited(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let one = admit(catalogue, arrival(blob(1), book("T", "A")));
    let uid = Some(record(catalogue, one).book);
    let two = admit(
        catalogue,
        Arrival {
            book: uid,
            ..arrival(blob(2), Metadata::default())
        },
    );
    for (file, title) in [(two, "U"), (one, "V"), (two, "W")] {
        catalogue.edit(&[(file, titled(title))]).expect("edits");
        let name = record(catalogue, file).name.to_string();
        assert_eq!(name, format!("{title} - A.epub"));
    }
    assert_settled(catalogue);
}

pub fn edits_nothing_in_the_trash(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    trash(catalogue, file);
    let nobody = FileId::new(999_999).expect("in range");
    let edits = [(file, titled("U")), (nobody, titled("U"))];
    assert_eq!(catalogue.edit(&edits).expect("edits"), 0);
    assert_eq!(metadata(catalogue, file), book("T", "A"));
    assert_eq!(deeds(catalogue), [(Deed::Trash, 1)]);
}

pub fn renames_an_author(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let alone = admit(catalogue, arrival(blob(1), book("One", "Pratchett, Terry")));
    let both = "Pratchett, Terry; Gaiman, Neil";
    let shared = admit(catalogue, arrival(blob(2), book("Two", both)));
    let other = admit(catalogue, arrival(blob(3), book("Three", "Neil Gaiman")));
    let from = folder(catalogue, FolderId::BY_AUTHOR, "Terry Pratchett");
    assert_eq!(
        catalogue.rename_author(from, "Sir Terry").expect("renames"),
        2
    );
    assert_eq!(
        folders(catalogue, FolderId::BY_AUTHOR),
        ["Neil Gaiman", "Sir Terry"]
    );
    let author = |file| metadata(catalogue, file).author.expect("an author");
    assert_eq!(author(alone), "Sir Terry");
    assert_eq!(
        author(shared),
        "Sir Terry; Gaiman, Neil",
        "the other stays as he is"
    );
    assert_eq!(author(other), "Neil Gaiman");
    assert_eq!(deeds(catalogue), [(Deed::Edit, 2)]);
    assert_settled(catalogue);

    assert_eq!(
        catalogue.rename_author(from, "X").expect("renames"),
        0,
        "nobody is there"
    );
    let title = FolderId::BY_TITLE;
    assert_eq!(
        catalogue.rename_author(title, "X").expect("renames"),
        0,
        "no author"
    );
    assert_eq!(catalogue.undo(1).expect("undoes").len(), 1);
    assert_eq!(
        (author(alone), author(shared)),
        ("Pratchett, Terry".to_owned(), both.to_owned())
    );
    assert_settled(catalogue);
}

pub fn renames_who_is_unknown(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let files = [None, Some("; ;"), Some("et al.")].map(|author| {
        let metadata = Metadata {
            author: author.map(str::to_owned),
            ..book("T", "")
        };
        let number = author.map_or(0, str::len) as u64;
        admit(catalogue, arrival(blob(number), metadata))
    });
    let unknown = folder(catalogue, FolderId::BY_AUTHOR, "_unknown");
    assert_eq!(
        catalogue
            .rename_author(unknown, "Ann Author")
            .expect("renames"),
        3
    );
    for file in files {
        assert_eq!(
            metadata(catalogue, file).author.as_deref(),
            Some("Ann Author")
        );
    }
    assert_settled(catalogue);
}

pub fn renames_nobody_who_is_no_longer_in_a_book(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "Ann Author")));
    let from = folder(catalogue, FolderId::BY_AUTHOR, "Ann Author");
    bench.by_hand("UPDATE books_metadata SET author = 'Bob Writer'");
    assert_eq!(
        catalogue.rename_author(from, "Someone").expect("renames"),
        0
    );
    assert_eq!(
        metadata(catalogue, file).author.as_deref(),
        Some("Bob Writer")
    );
}

pub fn sets_times(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let mtime = UnixSeconds(1_234_567_890);
    assert!(catalogue.set_mtime(file, mtime).expect("sets"));
    let stat = catalogue.stat(file).expect("answers").expect("is shown");
    assert_eq!((stat.mtime, record(catalogue, file).mtime), (mtime, mtime));
    let nobody = FileId::new(999_999).expect("in range");
    assert!(!catalogue.set_mtime(nobody, mtime).expect("sets"));
    assert_eq!(journal(catalogue), []);
    assert_settled(catalogue);
}

// Trash ----------------------------------------------------------------------------------------------

pub fn puts_into_the_trash_and_takes_out(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let other = admit(catalogue, arrival(blob(2), book("U", "A")));
    let before = shown(catalogue);
    assert_eq!(
        catalogue
            .trash(&[discard(file), discard(file)])
            .expect("trashes"),
        1
    );
    assert_eq!(
        catalogue.trash(&[discard(file)]).expect("trashes"),
        0,
        "it is there"
    );
    assert_eq!((places(catalogue, file), places(catalogue, other)), (0, 6));
    assert_eq!(catalogue.blob_of(file).expect("answers"), None);
    assert_eq!(hits(catalogue, "author:a"), [other]);
    let entries = in_trash(catalogue);
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    assert_eq!(
        (entry.record.file, entry.name.as_str()),
        (file, "T - A.epub")
    );
    assert_eq!(entry.path, "by-title/T - A.epub");
    assert!(entry.record.trashed.is_some());
    assert_eq!(
        catalogue
            .trashed_as("T - A.epub")
            .expect("answers")
            .as_ref(),
        Some(entry)
    );
    assert_eq!(catalogue.trashed_as("U - A.epub").expect("answers"), None);
    assert_settled(catalogue);

    assert_eq!(catalogue.restore(&[file, other]).expect("restores"), 1);
    assert_eq!(catalogue.restore(&[file]).expect("restores"), 0);
    assert_eq!((shown(catalogue), in_trash(catalogue)), (before, vec![]));
    assert_eq!(deeds(catalogue), [(Deed::Restore, 1), (Deed::Trash, 1)]);
    assert_settled(catalogue);
}

pub fn keeps_where_it_was(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let files = [1, 2].map(|n| admit(catalogue, arrival(blob(n), book(&format!("T{n}"), "A"))));
    for file in files {
        let discard = Discard {
            file,
            name: Some("mine".to_owned()),
            path: Some("by-author/A/mine".to_owned()),
        };
        assert_eq!(catalogue.trash(&[discard]).expect("trashes"), 1);
    }
    let entries = in_trash(catalogue);
    assert_eq!(entries[0].name, "mine");
    assert_ne!(entries[1].name, "mine", "names in the trash are unique");
    for entry in entries {
        assert_eq!(entry.path, "by-author/A/mine");
        let found = catalogue.trashed_as(&entry.name).expect("answers");
        assert_eq!(found, Some(entry));
    }
}

pub fn a_file_in_the_trash_leaves_its_name_to_others(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let files = [1, 2, 3].map(|number| {
        let file = admit(catalogue, arrival(blob(number), book("T", "A")));
        assert_eq!(by_title(catalogue), ["T - A.epub"]);
        trash(catalogue, file);
        file
    });
    let names = trash_names(catalogue);
    assert_eq!(names[0], "T - A.epub");
    assert!(names[1] != names[0] && names[2] != names[0] && names[1] != names[2]);
    assert_eq!(catalogue.restore(&files).expect("restores"), 3);
    assert_eq!(by_title(catalogue).len(), 3);
    assert_settled(catalogue);
}

pub fn pages_the_trash(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let files: Vec<_> = (0..5)
        .map(|n| admit(catalogue, arrival(blob(n), book(&format!("T{n}"), "A"))))
        .collect();
    let discards: Vec<_> = files.iter().rev().map(|file| discard(*file)).collect();
    assert_eq!(catalogue.trash(&discards).expect("trashes"), 5);
    assert_eq!(deeds(catalogue), [(Deed::Trash, 5)]);
    let takedown = Takedown {
        md5: Some(blob(3).md5),
        ..Takedown::default()
    };
    catalogue.take_down(&[takedown]).expect("takes down");
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = catalogue.trashed(after, 2).expect("a page");
        let Some(last) = page.last() else { break };
        after = Some(last.record.file);
        seen.extend(page.iter().map(|entry| entry.record.file));
    }
    assert_eq!(seen, files, "those taken down too");
    catalogue.restore(&files).expect("restores");
    assert_eq!(places(catalogue, files[3]), 0);
    assert_settled(catalogue);
}

pub fn empties_the_trash(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let [gone, sibling, old, young, kept] =
        [1, 2, 3, 4, 5].map(|n| admit(catalogue, arrival(blob(n), book(&format!("T{n}"), "A"))));
    bench.by_hand(&format!(
        "UPDATE books_to_hashes SET book_id = (SELECT book_id FROM books_to_hashes WHERE id = {}) WHERE id = {}",
        gone.get(),
        sibling.get()
    ));
    catalogue.settle().expect("settles");
    for file in [gone, old, young] {
        trash(catalogue, file);
    }
    let old_id = old.get();
    bench.by_hand(&format!(
        "UPDATE books_to_hashes SET trashed = 100 WHERE id = {old_id}"
    ));
    let actions = journal(catalogue);
    let before = Some(UnixSeconds(200));
    let only =
        |files: &[FileId], before| catalogue.empty_trash(Some(files), before).expect("empties");
    assert_eq!(only(&[kept], None), 0, "it is not in the trash");
    assert_eq!(only(&[young], before), 0, "it came later");
    assert_eq!(only(&[gone, gone], None), 1);
    assert_eq!(catalogue.record(gone).expect("answers"), None);
    assert_eq!(
        metadata(catalogue, sibling).title.as_deref(),
        Some("T1"),
        "the book stays"
    );
    assert_eq!(catalogue.empty_trash(None, before).expect("empties"), 1);
    assert_eq!(catalogue.record(old).expect("answers"), None);
    assert_eq!(catalogue.empty_trash(None, None).expect("empties"), 1);
    assert_eq!((in_trash(catalogue), journal(catalogue)), (vec![], actions));
    let statistics = catalogue.statistics().expect("counts");
    // The second book lost its only file by hand, which no trash emptied.
    assert_eq!(
        (statistics.files, statistics.books, statistics.trashed),
        (2, 3, 0)
    );
    let rows = catalogue.blobs(HashId(0), 10).expect("a page");
    let free: Vec<_> = rows
        .iter()
        .filter(|row| !row.referenced)
        .map(|row| row.blob)
        .collect();
    assert_eq!(
        free,
        [1, 3, 4].map(blob),
        "the bytes wait for the collector"
    );
    assert_settled(catalogue);
}

pub fn hears_of_the_trash_by_hand(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    bench.by_hand("UPDATE books_to_hashes SET trashed = 5");
    catalogue.settle().expect("settles");
    assert_eq!(trash_names(catalogue), ["T - A.epub"]);
    assert_eq!(catalogue.restore(&[file]).expect("restores"), 1);
    trash(catalogue, file);
    bench.by_hand("UPDATE books_to_hashes SET trashed = NULL");
    catalogue.settle().expect("settles");
    assert_eq!(
        (trash_names(catalogue), places(catalogue, file)),
        (vec![], 6)
    );
    trash(catalogue, file);
    bench.by_hand("DELETE FROM books_to_hashes");
    assert_eq!(trash_names(catalogue), [""; 0]);
}

// Arrivals that replace ------------------------------------------------------------------------------

pub fn gives_a_file_new_bytes(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let old = admit(catalogue, arrival(blob(1), book("T", "A")));
    let book_uid = record(catalogue, old).book;
    let reserved = catalogue.reserve_files(1).expect("reserves");
    let new = Arrival {
        file: Some(reserved),
        ..replacing(old, blob(2), Fields::default())
    };
    assert_eq!(admit(catalogue, new), reserved);
    let now = record(catalogue, reserved);
    assert_eq!(
        (now.blob, now.book, now.name.as_str()),
        (blob(2), book_uid, "T - A.epub")
    );
    assert_eq!(
        (now.metadata, now.mtime),
        (book("T", "A"), UnixSeconds(1_100_000_000))
    );
    assert_eq!(
        (places(catalogue, reserved), places(catalogue, old)),
        (6, 0)
    );
    let entry = &in_trash(catalogue)[0];
    assert_eq!(
        (entry.record.file, entry.path.as_str()),
        (old, "by-title/T - A.epub")
    );
    assert_eq!(deeds(catalogue), [(Deed::Replace, 1)]);
    assert_eq!(hits(catalogue, "t"), [reserved]);
    assert_settled(catalogue);
}

pub fn new_bytes_may_change_the_book(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let old = admit(catalogue, arrival(blob(1), book("T", "A")));
    let new = replace(catalogue, old, blob(2), titled("U"));
    assert_eq!(metadata(catalogue, new), book("U", "A"));
    assert_eq!(by_title(catalogue), ["U - A.epub"]);
    assert_eq!(deeds(catalogue), [(Deed::Replace, 1)], "one file");
    assert_settled(catalogue);
    assert_eq!(catalogue.undo(1).expect("undoes").len(), 1);
    assert_eq!(
        metadata(catalogue, old),
        book("T", "A"),
        "the whole action is taken back"
    );
    assert_eq!(by_title(catalogue), ["T - A.epub"]);
    assert_settled(catalogue);
}

pub fn the_same_bytes_change_the_time(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let again = replacing(file, blob(1), Fields::default());
    let admissions = catalogue.admit(&[again]).expect("admits");
    assert_eq!(admissions, [Admission::Duplicate(file)]);
    let stat = catalogue.stat(file).expect("answers").expect("is shown");
    assert_eq!(stat.mtime, UnixSeconds(1_100_000_000));
    assert_eq!((journal(catalogue), in_trash(catalogue)), (vec![], vec![]));
    assert_settled(catalogue);
}

pub fn bytes_for_what_is_gone_arrive_like_others(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    trash(catalogue, file);
    let nobody = FileId::new(999_999).expect("in range");
    for (number, gone) in [(2, file), (3, nobody)] {
        let new = replace(catalogue, gone, blob(number), titled("not applied"));
        assert_eq!(
            metadata(catalogue, new),
            book("what the bytes say", "Nobody")
        );
    }
    assert_eq!(deeds(catalogue), [(Deed::Trash, 1)]);
    assert_settled(catalogue);
}

pub fn new_bytes_may_be_those_of_another(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let one = admit(catalogue, arrival(blob(1), book("One", "A")));
    let two = admit(catalogue, arrival(blob(2), book("Two", "A")));
    let new = replace(catalogue, one, blob(2), Fields::default());
    assert_eq!(
        (record(catalogue, new).blob, record(catalogue, two).blob),
        (blob(2), blob(2))
    );
    assert_eq!(by_title(catalogue), ["One - A.epub", "Two - A.epub"]);
    assert_settled(catalogue);
}

pub fn new_bytes_that_are_taken_down_replace_nothing(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let md5 = sql_bytes(blob(2).md5.as_bytes());
    bench.by_hand(&format!("INSERT INTO deleted_hashes (md5) VALUES ({md5})"));
    let refused = replacing(file, blob(2), titled("U"));
    let admissions = catalogue.admit(&[refused]).expect("answers");
    assert!(matches!(admissions.as_slice(), [Admission::TakenDown(_)]));
    assert_eq!(
        (places(catalogue, file), metadata(catalogue, file)),
        (6, book("T", "A"))
    );
    assert_eq!((in_trash(catalogue), journal(catalogue)), (vec![], vec![]));
}

pub fn replaces_among_others_of_a_batch(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let one = admit(catalogue, arrival(blob(1), book("One", "A")));
    let two = admit(catalogue, arrival(blob(2), book("Two", "B")));
    let batch = [
        arrival(blob(10), book("Ten", "A")),
        replacing(one, blob(11), by("B")),
        arrival(blob(12), book("Twelve", "B")),
        replacing(two, blob(13), Fields::default()),
        arrival(blob(11), book("Again", "C")),
    ];
    let admissions = catalogue.admit(&batch).expect("admits");
    let Admission::New(first) = admissions[1] else {
        panic!("{admissions:?}");
    };
    assert_eq!(admissions[4], Admission::Duplicate(first));
    assert_eq!(deeds(catalogue), [(Deed::Replace, 1), (Deed::Replace, 1)]);
    let expected = [
        "One - B.epub",
        "Ten - A.epub",
        "Twelve - B.epub",
        "Two - B.epub",
    ];
    assert_eq!(by_title(catalogue), expected);
    assert_settled(catalogue);
}

// Journal --------------------------------------------------------------------------------------------

pub fn pages_the_journal(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    for title in ["U", "V", "W", "X"] {
        catalogue.edit(&[(file, titled(title))]).expect("edits");
    }
    let all = journal(catalogue);
    assert!(all.is_sorted_by(|one, other| one.id > other.id));
    let (mut seen, mut before) = (Vec::new(), None::<ActionId>);
    loop {
        let page = catalogue.journal(before, 3).expect("a page");
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        seen.extend(page);
    }
    assert_eq!((seen.len(), &seen), (4, &all));
}

pub fn takes_each_deed_back(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let start = shown(catalogue);
    catalogue.edit(&[(file, titled("U"))]).expect("edits");
    let edited = by_title(catalogue);
    trash(catalogue, file);
    catalogue.restore(&[file]).expect("restores");
    let new = replace(catalogue, file, blob(2), Fields::default());
    let undo = |deed| {
        let undone = catalogue.undo(1).expect("undoes");
        assert_eq!(
            undone.iter().map(|action| action.deed).collect::<Vec<_>>(),
            [deed]
        );
        assert!(undone[0].undone.is_some());
        assert_settled(catalogue);
    };
    undo(Deed::Replace);
    assert_eq!(
        (by_title(catalogue), places(catalogue, new)),
        (edited.clone(), 0)
    );
    assert_eq!(
        in_trash(catalogue)[0].record.file,
        new,
        "nothing is lost by taking back"
    );
    undo(Deed::Restore);
    assert_eq!((places(catalogue, file), in_trash(catalogue).len()), (0, 2));
    undo(Deed::Trash);
    assert_eq!(by_title(catalogue), edited);
    undo(Deed::Edit);
    let ctimes_aside = |shown: Vec<(FolderId, u64, Vec<librisfs::catalogue::Entry>)>| -> Vec<_> {
        let lines = shown.into_iter();
        lines
            .map(|(folder, children, entries)| {
                let names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
                (folder, children, names)
            })
            .collect()
    };
    assert_eq!(ctimes_aside(shown(catalogue)), ctimes_aside(start));
    assert_eq!(catalogue.undo(1).expect("undoes"), [], "nothing is left");
    assert_eq!(deeds(catalogue).len(), 4, "undoing is no action");
    assert!(
        journal(catalogue)
            .iter()
            .all(|action| action.undone.is_some())
    );
}

pub fn takes_several_back_at_once(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    for title in ["U", "V", "W"] {
        catalogue.edit(&[(file, titled(title))]).expect("edits");
    }
    let title = || metadata(catalogue, file).title.expect("a title");
    let undone = catalogue.undo(2).expect("undoes");
    assert!(
        undone.len() == 2 && undone[0].id > undone[1].id,
        "{undone:?}"
    );
    assert_eq!(title(), "U");
    assert_eq!(catalogue.undo(0).expect("undoes"), []);
    assert_eq!(catalogue.undo(100).expect("undoes").len(), 1);
    assert_eq!(title(), "T");
    assert_settled(catalogue);
}

pub fn taking_back_spares_what_others_changed_since(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let fields = Fields {
        year: Some(Some(1999)),
        ..titled("U")
    };
    catalogue.edit(&[(file, fields)]).expect("edits");
    bench.by_hand("UPDATE books_metadata SET title = 'By hand'");
    catalogue.settle().expect("settles");
    catalogue.undo(1).expect("undoes");
    assert_eq!(metadata(catalogue, file), book("By hand", "A"));
    assert_settled(catalogue);
}

pub fn taking_back_passes_over_what_is_gone(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let [file, kept] =
        [1, 2].map(|n| admit(catalogue, arrival(blob(n), book(&format!("T{n}"), "A"))));
    let edits = [(file, titled("U1")), (kept, titled("U2"))];
    catalogue.edit(&edits).expect("edits");
    trash(catalogue, file);
    assert_eq!(catalogue.empty_trash(None, None).expect("empties"), 1);
    assert_eq!(catalogue.undo(2).expect("undoes").len(), 2);
    assert_eq!(catalogue.record(file).expect("answers"), None);
    assert_eq!(metadata(catalogue, kept).title.as_deref(), Some("T2"));
    assert_settled(catalogue);
}

pub fn taking_back_never_takes_the_last_bytes_away(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let old = admit(catalogue, arrival(blob(1), book("T", "A")));
    let new = replace(catalogue, old, blob(2), titled("U"));
    assert_eq!(catalogue.empty_trash(None, None).expect("empties"), 1);
    assert_eq!(catalogue.undo(1).expect("undoes").len(), 1);
    assert_eq!(
        places(catalogue, new),
        6,
        "there is nothing to have in its place"
    );
    assert_eq!(
        metadata(catalogue, new),
        book("U", "A"),
        "the whole action is passed over"
    );
    assert_settled(catalogue);
}

// Folders --------------------------------------------------------------------------------------------

pub fn makes_folders_that_are_shown_though_empty(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let new = |name: &str| {
        let answer = catalogue.make_folder(FolderId::BY_AUTHOR, &FolderName::of(name));
        answer.expect("makes")
    };
    let made = new("Ann Author").expect("is new");
    assert_eq!(
        (made.parent, made.name.as_str()),
        (FolderId::BY_AUTHOR, "Ann Author")
    );
    assert_eq!(new("Ann Author"), None, "it is shown already");
    let view = || folders(catalogue, FolderId::BY_AUTHOR);
    let authors = || catalogue.statistics().expect("counts").authors;
    assert_eq!((view(), authors()), (vec!["Ann Author".to_owned()], 0));
    assert_eq!(names(catalogue, made.id), [""; 0]);
    assert_settled(catalogue);

    let file = admit(catalogue, arrival(blob(1), book("T", "Ann Author")));
    assert_eq!(authors(), 1);
    assert!(
        !catalogue.remove_folder(made.id).expect("answers"),
        "it is not empty"
    );
    assert_settled(catalogue);
    trash(catalogue, file);
    assert_eq!(
        (view(), authors()),
        (vec!["Ann Author".to_owned()], 0),
        "it stays"
    );
    assert_settled(catalogue);
    assert!(catalogue.remove_folder(made.id).expect("answers"));
    assert_eq!(view(), [""; 0]);
    assert!(
        catalogue.remove_folder(made.id).expect("answers"),
        "it is empty"
    );
    assert_eq!(
        new("Ann Author").map(|folder| folder.id),
        Some(made.id),
        "it keeps its id"
    );
    assert_eq!(
        journal(catalogue).len(),
        1,
        "folders are not in the journal"
    );
    assert_settled(catalogue);
}

pub fn counts_no_author_for_a_folder_that_was_made(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    admit(catalogue, arrival(blob(1), book("T", "Ann Author")));
    for name in ["_unknown", "Bob Writer"] {
        let made = catalogue.make_folder(FolderId::BY_AUTHOR, &FolderName::of(name));
        assert!(made.expect("makes").is_some());
        assert_eq!(catalogue.statistics().expect("counts").authors, 1, "{name}");
    }
    let unknown = Metadata {
        author: None,
        ..book("U", "")
    };
    admit(catalogue, arrival(blob(2), unknown));
    assert_eq!(catalogue.statistics().expect("counts").authors, 1);
}

// Followers ------------------------------------------------------------------------------------------

pub fn tells_followers_of_each_deed(bench: &impl Bench) {
    let catalogue = bench.catalogue();
    let file = admit(catalogue, arrival(blob(1), book("T", "A")));
    let by_a = folder(catalogue, FolderId::BY_AUTHOR, "A");
    let left = |heard: &[Change], name: &str, whose: FileId| {
        heard.iter().any(|change| {
            matches!(change, Change::EntryGone { folder, name: gone, file, .. }
                if *folder == by_a && gone == name && *file == whose)
        })
    };
    let came = |heard: &[Change], place: FolderId| {
        heard
            .iter()
            .any(|change| matches!(change, Change::EntriesCame { folder, .. } if *folder == place))
    };
    let hear = |deed: &mut dyn FnMut()| {
        let start = last_change(catalogue);
        deed();
        changes(catalogue, start)
    };
    let changed = Change::FileChanged { file };
    let edited = hear(&mut || {
        let _ = catalogue.edit(&[(file, titled("U"))]).expect("edits");
    });
    assert!(left(&edited, "T - A.epub", file) && came(&edited, by_a) && edited.contains(&changed));
    let touched = hear(&mut || {
        let _ = catalogue.set_mtime(file, UnixSeconds(7)).expect("sets");
    });
    assert_eq!(touched, std::slice::from_ref(&changed));
    let trashed = hear(&mut || trash(catalogue, file));
    assert!(left(&trashed, "U - A.epub", file) && trashed.contains(&changed));
    assert!(trashed.contains(&Change::FolderGone {
        folder: by_a,
        parent: FolderId::BY_AUTHOR,
        name: "A".to_owned(),
    }));
    let restored = hear(&mut || {
        let _ = catalogue.restore(&[file]).expect("restores");
    });
    assert!(came(&restored, by_a) && came(&restored, FolderId::BY_AUTHOR));
    assert!(restored.contains(&changed));
    let replaced = hear(&mut || {
        let _ = replace(catalogue, file, blob(2), Fields::default());
    });
    assert!(left(&replaced, "U - A.epub", file) && came(&replaced, by_a));
    let undone = hear(&mut || {
        let _ = catalogue.undo(1).expect("undoes");
    });
    assert!(came(&undone, by_a));

    let mut made = None;
    let name = FolderName::of("Made");
    let heard = hear(&mut || {
        made = catalogue
            .make_folder(FolderId::BY_AUTHOR, &name)
            .expect("makes");
    });
    assert!(came(&heard, FolderId::BY_AUTHOR));
    let made = made.expect("is new").id;
    let heard = hear(&mut || assert!(catalogue.remove_folder(made).expect("removes")));
    assert!(heard.contains(&Change::FolderGone {
        folder: made,
        parent: FolderId::BY_AUTHOR,
        name: "Made".to_owned(),
    }));
}
