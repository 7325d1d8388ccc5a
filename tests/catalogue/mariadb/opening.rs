//! Making and opening.

use librisfs::catalogue::mariadb::{MariadbCatalogue, Password};
use librisfs::catalogue::{Access, Browse as _, Error, FolderId, Follow as _, Ingest as _};

use super::{Mariadb, identity, place};
use crate::fixture::{Bench as _, admit, arrival, blob, book, names};
use crate::server;

fn create(url: &str) -> Result<MariadbCatalogue, Error> {
    MariadbCatalogue::create(&place(url), &Password::default(), &identity())
}

fn open(url: &str, access: Access) -> Result<MariadbCatalogue, Error> {
    MariadbCatalogue::open(&place(url), &Password::default(), access)
}

#[test]
fn what_was_made_opens_again() {
    let bench = Mariadb::new();
    admit(&bench.catalogue, arrival(blob(1), book("One", "A")));
    let opened = bench.opened();
    assert_eq!(opened.identity(), &identity());
    assert_eq!(names(&opened, FolderId::BY_TITLE), ["One - A.epub"]);
}

#[test]
fn nothing_is_made_where_something_is() {
    let bench = Mariadb::new();
    let said = create(&bench.database.url())
        .err()
        .expect("refused")
        .to_string();
    assert!(said.contains("--join"), "{said}");
    let database = server::shared().database();
    database.sql("CREATE TABLE shop (a INT)");
    let said = create(&database.url()).err().expect("refused").to_string();
    assert!(said.contains("an empty database"), "{said}");
    assert_eq!(database.sql("SHOW TABLES"), "shop\n");
}

#[test]
fn two_who_make_one_at_once_do_not_mix() {
    let database = server::shared().database();
    let outcomes = std::thread::scope(|scope| {
        let makes = [(), ()].map(|()| scope.spawn(|| create(&database.url()).is_ok()));
        makes.map(|make| make.join().expect("no panic"))
    });
    assert_eq!(outcomes.iter().filter(|made| **made).count(), 1);
}

#[test]
fn what_is_not_there_is_missing() {
    let database = server::shared().database();
    let nowhere = server::shared().url("test_no_such_database");
    for url in [database.url(), nowhere] {
        for access in [Access::ReadOnly, Access::ReadWrite] {
            assert!(
                matches!(open(&url, access), Err(Error::Missing { .. })),
                "{url}"
            );
        }
    }
    assert_eq!(database.sql("SHOW TABLES"), "");
}

#[test]
fn a_newer_one_is_refused_also_while_it_is_open() {
    let bench = Mariadb::new();
    admit(&bench.catalogue, arrival(blob(1), book("One", "A")));
    bench.by_hand("UPDATE state SET version = 99");
    for access in [Access::ReadOnly, Access::ReadWrite] {
        let refusal = open(&bench.database.url(), access);
        assert!(matches!(refusal, Err(Error::TooNew { found: 99, .. })));
    }
    let refusal = bench.catalogue.admit(&[arrival(blob(2), book("Two", "A"))]);
    assert!(
        matches!(refusal, Err(Error::TooNew { found: 99, .. })),
        "{refusal:?}"
    );
}

#[test]
fn one_that_was_made_half_way_is_made_whole() {
    let bench = Mariadb::new();
    // As it is when the program dies before the last trigger.
    bench.database.sql("DROP TRIGGER inbox_deleted; DROP TRIGGER books_hashes_deleted; UPDATE state SET version = -1");
    let again = create(&bench.database.url()).expect("goes on");
    admit(&again, arrival(blob(1), book("One", "A")));
    bench
        .database
        .sql("DROP TRIGGER inbox_deleted; UPDATE state SET version = -1");
    let opened = bench.opened();
    assert_eq!(names(&opened, FolderId::BY_TITLE), ["One - A.epub"]);
    assert!(
        bench
            .database
            .sql("SHOW TRIGGERS LIKE 'inbox'")
            .contains("inbox_deleted")
    );
}

#[test]
fn one_that_is_open_for_reading_is_only_read() {
    let bench = Mariadb::new();
    admit(&bench.catalogue, arrival(blob(1), book("One", "A")));
    bench.by_hand("UPDATE books_metadata SET title = 'Two'");
    let reading = open(&bench.database.url(), Access::ReadOnly).expect("opens");
    assert_eq!(reading.settle_some().expect("answers"), None);
    assert_eq!(names(&reading, FolderId::BY_TITLE), ["One - A.epub"]);
    let refusal = reading.admit(&[arrival(blob(2), book("Two", "A"))]);
    assert!(
        refusal
            .expect_err("refused")
            .to_string()
            .contains("for reading only")
    );
    assert!(
        reading
            .stat(librisfs::catalogue::FileId::new(1024).expect("in range"))
            .expect("answers")
            .is_some()
    );
}
