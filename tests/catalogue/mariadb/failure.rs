//! Servers that go, stall and come back.

use std::time::{Duration, Instant};

use librisfs::catalogue::mariadb::{MariadbCatalogue, Password, Place};
use librisfs::catalogue::{
    Access, Admission, Browse as _, Edit as _, Error, FolderId, Follow as _, Inbox as _,
    Ingest as _, Moved, NodeId, Upkeep as _,
};

use super::proxy::{Loss, Proxy};
use super::{Mariadb, identity, place};
use crate::fixture::{admit, arrival, blob, book, names};
use crate::server::OwnServer;

/// What a call may take that waits for a server in vain: ten seconds, and what a loaded machine adds.
const BOUND: Duration = Duration::from_secs(14);

/// A catalogue on a server of its own.
fn on_own_server() -> (OwnServer, MariadbCatalogue) {
    let own = OwnServer::new();
    own.server().sql("", "CREATE DATABASE books");
    let url = own.server().url("books");
    let catalogue = MariadbCatalogue::create(&place(&url), &Password::default(), &identity());
    (own, catalogue.expect("creates"))
}

#[test]
fn a_server_that_was_restarted_is_found_again() {
    let (mut own, catalogue) = on_own_server();
    let mut watch = catalogue.watch().expect("a watch");
    admit(&catalogue, arrival(blob(1), book("One", "A")));
    own.kill();
    std::thread::scope(|scope| {
        // Both wait for it.
        let reads = scope.spawn(|| names(&catalogue, FolderId::BY_TITLE));
        let writes = scope.spawn(|| admit(&catalogue, arrival(blob(2), book("Two", "A"))));
        own.start();
        let before = reads.join().expect("no panic");
        assert!(before.contains(&"One - A.epub".to_owned()), "{before:?}");
        writes.join().expect("no panic");
    });
    assert_eq!(
        names(&catalogue, FolderId::BY_TITLE),
        ["One - A.epub", "Two - A.epub"]
    );
    // The connection that was lost is an error once at most, and no commit is missed.
    let heard = watch
        .wait(Duration::ZERO)
        .or_else(|_| watch.wait(Duration::from_secs(10)));
    assert!(heard.expect("answers"));
}

#[test]
fn a_server_that_is_gone_or_stalls_is_an_error_in_time() {
    let (mut own, catalogue) = on_own_server();
    let file = admit(&catalogue, arrival(blob(1), book("One", "A")));
    let fails = || {
        let read = || catalogue.stat(file).map(drop);
        let write = || {
            catalogue
                .admit(&[arrival(blob(2), book("Two", "A"))])
                .map(drop)
        };
        std::thread::scope(|scope| {
            // Many at a time: nobody waits for all before.
            let mut all: Vec<_> = (0..3).map(|_| scope.spawn(|| timed(write))).collect();
            all.push(scope.spawn(|| timed(read)));
            for one in all {
                let (outcome, took) = one.join().expect("no panic");
                assert!(
                    matches!(outcome, Err(Error::Unreachable(_) | Error::Busy(_))),
                    "{outcome:?}"
                );
                assert!(took < BOUND, "{took:?}");
            }
        });
    };
    own.freeze(true);
    fails();
    own.freeze(false);
    assert!(catalogue.stat(file).expect("answers").is_some());
    own.kill();
    fails();
    own.start();
    assert!(catalogue.stat(file).expect("answers").is_some());
    let again = catalogue
        .admit(&[arrival(blob(2), book("Two", "A"))])
        .expect("admits");
    assert!(matches!(
        again[..],
        [Admission::New(_) | Admission::Duplicate(_)]
    ));
    assert_eq!(catalogue.statistics().expect("answers").files, 2);
}

fn timed<T>(call: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let outcome = call();
    (outcome, started.elapsed())
}

#[test]
fn what_was_committed_is_known_though_the_answer_is_lost() {
    let bench = Mariadb::new();
    let proxy = Proxy::before(&bench.database.server.socket());
    let url = format!(
        "mysql://root@localhost/{}?socket={}",
        bench.database.name,
        proxy.socket()
    );
    let place: Place = url.parse().expect("a URL");
    let catalogue =
        MariadbCatalogue::open(&place, &Password::default(), Access::ReadWrite).expect("opens");
    for (number, loss) in [(1, Loss::Answer), (2, Loss::Commit), (3, Loss::Nothing)] {
        let title = format!("Title {number}");
        proxy.lose(loss);
        // It would be a duplicate if it were taken in twice.
        let file = admit(&catalogue, arrival(blob(number), book(&title, "A")));
        proxy.lose(loss);
        let made = catalogue
            .make_node(NodeId::INBOX, &title, false)
            .expect("makes");
        assert!(matches!(made, Moved::Done(_)), "{loss:?}: {made:?}");
        proxy.lose(loss);
        let first = catalogue.reserve_files(5).expect("sets aside");
        assert_eq!(
            first.get(),
            file.get() + 1,
            "{loss:?}: no id is set aside twice"
        );
    }
    assert_eq!(catalogue.statistics().expect("answers").files, 3);
    assert_eq!(
        catalogue
            .nodes(NodeId::INBOX, None, 10)
            .expect("a page")
            .len(),
        3
    );
}

#[test]
fn a_transaction_that_another_stops_runs_again() {
    use mysql::prelude::Queryable as _;
    let bench = Mariadb::new();
    let file = admit(&bench.catalogue, arrival(blob(1), book("One", "A")));
    let mut other = bench.connection();
    // It holds the book, and waits for the state; the catalogue holds the state, and waits for the book: a deadlock.
    other.query_drop("BEGIN").expect("begins");
    other
        .query_drop("UPDATE books_hashes SET last_seen = 1")
        .expect("locks");
    std::thread::scope(|scope| {
        let sees = scope.spawn(|| bench.catalogue.admit(&[arrival(blob(1), book("One", "A"))]));
        // What takes so long waits for the lock.
        let waits = "SELECT count(*) FROM information_schema.processlist \
            WHERE db = database() AND info LIKE 'UPDATE books_hashes SET last_seen%' AND time_ms > 20";
        let mut third = bench.connection();
        let started = Instant::now();
        while third.query_first::<i64, _>(waits).expect("answers") == Some(0) {
            assert!(started.elapsed() < BOUND, "it never waits");
            // The server renews this table only for who has not asked for a tenth of a second.
            std::thread::sleep(Duration::from_millis(150));
        }
        let outcome = other.query_drop("UPDATE books_metadata SET title = 'Two'");
        // One of them was stopped; it is ours to run again.
        if outcome.is_ok() {
            other.query_drop("COMMIT").expect("commits");
        }
        let admitted = sees.join().expect("no panic").expect("admits");
        assert_eq!(admitted, [Admission::Duplicate(file)]);
    });
}

#[test]
fn a_wrong_password_is_told_and_not_shown() {
    let mut own = OwnServer::new();
    own.server().sql(
        "",
        "CREATE DATABASE books; CREATE USER reader@localhost IDENTIFIED BY 'RIGHT-ONE'; \
         GRANT ALL ON books.* TO reader@localhost",
    );
    let by_socket = own.server().url("books").replace("root@", "reader@");
    let by_port = own.url_by_port("reader", "books");
    for (url, wrong) in [
        (&by_socket, "WRONG-ONE"),
        (&by_port, "WRONG-ONE"),
        (&by_port, ""),
    ] {
        let refusal = MariadbCatalogue::create(&place(url), &Password::new(wrong), &identity());
        let said = refusal.err().expect("refused").to_string();
        assert!(
            said.contains("LIBRISFS_MYSQL_PASSWORD") && !said.contains("-ONE"),
            "{said}"
        );
    }
    let right = Password::new("RIGHT-ONE");
    let catalogue =
        MariadbCatalogue::create(&place(&by_port), &right, &identity()).expect("creates");
    admit(&catalogue, arrival(blob(1), book("One", "A")));
    let other =
        MariadbCatalogue::open(&place(&by_socket), &right, Access::ReadOnly).expect("opens");
    assert_eq!(names(&other, FolderId::BY_TITLE), ["One - A.epub"]);
    own.kill();
    let nobody = MariadbCatalogue::open(&place(&by_port), &right, Access::ReadOnly);
    assert!(matches!(nobody.err(), Some(Error::Unreachable(_))));
}
