//! Making, opening, following, copying.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use librisfs::catalogue::sqlite::{Access, SqliteCatalogue};
use librisfs::catalogue::{
    Browse, Change, Error, FolderId, Follow, Ingest, Seq, Takedowns, Upkeep,
};

use super::Sqlite;
use crate::fixture::{Bench, admit, arrival, blob, book, names, shown};

#[test]
fn refuses_what_is_no_catalogue() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("x.db");
    let open = |access| SqliteCatalogue::open(&path, access).map(|_| ());
    for access in [Access::ReadOnly, Access::ReadWrite] {
        assert!(matches!(open(access), Err(Error::Missing { .. })));
        assert!(!path.exists());
    }
    std::fs::write(
        &path,
        "something else, long enough to be looked at ".repeat(99),
    )
    .expect("writes");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        assert!(matches!(open(access), Err(Error::Failed(_))));
    }
    assert!(
        SqliteCatalogue::create(&path).is_err(),
        "nothing is overwritten"
    );
    std::fs::remove_file(&path).expect("removes");
    let other = rusqlite::Connection::open(&path).expect("opens");
    other.execute_batch("CREATE TABLE t (a)").expect("creates");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        assert!(matches!(open(access), Err(Error::Failed(_))));
    }
}

#[test]
fn refuses_what_is_too_new() {
    let bench = Sqlite::new();
    bench.by_hand("PRAGMA user_version = 99");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let refusal = SqliteCatalogue::open(&bench.path(), access).map(|_| ());
        assert!(
            matches!(refusal, Err(Error::TooNew { found: 99, .. })),
            "{refusal:?}"
        );
    }
}

#[test]
fn reads_beside_a_writer() {
    let bench = Sqlite::new();
    let reader = SqliteCatalogue::open(&bench.path(), Access::ReadOnly).expect("opens");
    let mut watch = reader.watch().expect("a watch");
    admit(bench.catalogue(), arrival(blob(1), book("T", "A")));
    assert!(watch.wait(Duration::from_secs(10)).expect("answers"));
    assert_eq!(shown(&reader), shown(bench.catalogue()));
    bench.by_hand("UPDATE books_metadata SET title = 'U'");
    assert_eq!(reader.settle().expect("does nothing"), 0);
    assert!(reader.admit(&[arrival(blob(2), book("T", "A"))]).is_err());
    assert!(reader.take_down(&[]).is_err());
    bench.catalogue().settle().expect("settles");
    assert_eq!(names(&reader, FolderId::BY_TITLE), ["U - A.epub"]);
}

#[test]
fn reads_where_nothing_can_be_written() {
    let Sqlite { folder, catalogue } = Sqlite::new();
    admit(&catalogue, arrival(blob(1), book("T", "A")));
    let expected = shown(&catalogue);
    drop(catalogue);
    let path = folder.path().join("catalogue.db");
    let files = || std::fs::read_dir(folder.path()).expect("lists").count();
    assert_eq!(files(), 1, "the log is folded in by the last to close");
    let read_only = ReadOnlyMount::of(folder.path());
    let there = read_only.path().join("catalogue.db");
    let reader = SqliteCatalogue::open(&there, Access::ReadOnly).expect("opens");
    assert_eq!(shown(&reader), expected);
    assert!(SqliteCatalogue::open(&there, Access::ReadWrite).is_err());
    assert_eq!(files(), 1, "nothing is made");

    // The same disk, written to elsewhere after all.
    let mut watch = reader.watch().expect("a watch");
    assert!(!watch.wait(Duration::ZERO).expect("answers"));
    let writer = SqliteCatalogue::open(&path, Access::ReadWrite).expect("opens");
    admit(&writer, arrival(blob(2), book("U", "A")));
    assert!(watch.wait(Duration::from_secs(10)).expect("answers"));
    assert_eq!(shown(&reader), shown(&writer));
}

/// A view of a folder through which nothing can be written.
struct ReadOnlyMount(tempfile::TempDir);

impl ReadOnlyMount {
    fn of(folder: &std::path::Path) -> Self {
        let place = tempfile::tempdir().expect("a folder");
        let run = |arguments: &[&std::ffi::OsStr]| {
            let status = std::process::Command::new("mount").args(arguments).status();
            assert!(
                status.expect("mount is installed").success(),
                "{arguments:?}"
            );
        };
        run(&["--bind".as_ref(), folder.as_ref(), place.path().as_ref()]);
        run(&[
            "-o".as_ref(),
            "remount,bind,ro".as_ref(),
            place.path().as_ref(),
        ]);
        Self(place)
    }

    fn path(&self) -> &std::path::Path {
        self.0.path()
    }
}

impl Drop for ReadOnlyMount {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount")
            .arg("-l")
            .arg(self.0.path())
            .status();
    }
}

#[test]
fn forgets_changes_that_are_long_past() {
    let bench = Sqlite::new();
    let catalogue = bench.catalogue();
    admit(catalogue, arrival(blob(1), book("T", "A")));
    bench.by_hand(
        "WITH RECURSIVE n (i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 250000) \
         INSERT INTO changes (kind, a) SELECT 4, 1024 FROM n",
    );
    let kept = || {
        let (mut after, mut count) = (catalogue.last_change().expect("answers").0 - 200_000, 0);
        loop {
            let (page, end) = catalogue.changes(Seq(after), 50_000).expect("answers");
            if page.is_empty() {
                return count;
            }
            count += page.len();
            after = end.0;
        }
    };
    for number in 2..8 {
        admit(catalogue, arrival(blob(number), book("T", "A")));
    }
    assert_eq!(kept(), 200_000);
    let (page, end) = catalogue.changes(Seq(0), 10).expect("answers");
    assert_eq!(
        (page, end),
        (
            vec![Change::Everything],
            catalogue.last_change().expect("answers")
        )
    );
}

#[test]
fn a_copy_is_whole_and_needs_nothing_beside_it() {
    let bench = Sqlite::new();
    let catalogue = bench.catalogue();
    for number in 0..50 {
        admit(
            catalogue,
            arrival(blob(number), book(&format!("T{number}"), "A")),
        );
    }
    let copy = bench.folder.path().join("copy").join("c.db");
    assert!(
        catalogue.backup(&copy, &mut |_, _| ()).is_err(),
        "no such folder"
    );
    std::fs::create_dir(copy.parent().expect("a parent")).expect("creates");
    let mut heard = Vec::new();
    catalogue
        .backup(&copy, &mut |done, all| heard.push((done, all)))
        .expect("copies");
    let (done, all) = heard.last().copied().expect("hears");
    assert!(done == all && all > 0);
    assert!(
        catalogue.backup(&copy, &mut |_, _| ()).is_err(),
        "nothing is overwritten"
    );
    let files = std::fs::read_dir(copy.parent().expect("a parent"))
        .expect("lists")
        .count();
    assert_eq!(files, 1);
    std::fs::set_permissions(&copy, Permissions::from_mode(0o444)).expect("sets");
    let opened = SqliteCatalogue::open(&copy, Access::ReadOnly).expect("opens");
    assert_eq!(shown(&opened), shown(catalogue));
    assert_eq!(opened.check().expect("checks"), [""; 0]);
}

#[test]
fn readers_go_on_while_all_is_made_anew() {
    let bench = Sqlite::new();
    for number in 0..300 {
        let title = format!("T{number}");
        admit(bench.catalogue(), arrival(blob(number), book(&title, "A")));
    }
    let before = shown(bench.catalogue());
    bench
        .catalogue
        .reindex(&mut |_, _| assert_eq!(shown(bench.catalogue()), before))
        .expect("reindexes");
    assert_eq!(shown(bench.catalogue()), before);
    assert_eq!(
        bench
            .catalogue
            .folder(FolderId::BY_TITLE)
            .expect("answers")
            .expect("there")
            .children,
        300
    );
}

#[test]
fn reindex_mends_what_was_destroyed() {
    let bench = Sqlite::new();
    let catalogue = bench.catalogue();
    for number in 0..20_u64 {
        let author = format!("A{}", number % 3);
        admit(
            catalogue,
            arrival(blob(number), book(&format!("T{}", number % 4), &author)),
        );
    }
    let before = shown(catalogue);
    bench.by_hand("DELETE FROM entries WHERE file % 2; UPDATE folders SET children = 7; UPDATE entries SET name = 'x', links = 0");
    assert_ne!(shown(catalogue), before);
    catalogue.reindex(&mut |_, _| ()).expect("reindexes");
    assert_eq!(shown(catalogue), before);
}
