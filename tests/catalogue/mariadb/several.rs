//! Several hosts on one database: catalogues that were opened separately, and programs that know nothing of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use librisfs::catalogue::{
    Admission, Browse as _, Change, Edit as _, Fields, FileId, FolderId, Follow as _, Inbox as _,
    Ingest as _, Moved, NodeId, Takedown, Takedowns as _,
};
use librisfs::hash::Hash;
use mysql::prelude::Queryable as _;

use librisfs::catalogue::mariadb::MariadbCatalogue;

use super::Mariadb;
use crate::fixture::{Bench, admit, arrival, blob, book, entries, names, sql_bytes};

fn takedown(number: u64) -> Takedown {
    Takedown {
        md5: Some(blob(number).md5),
        ..Takedown::default()
    }
}

/// Asserts that what is derived is right, and that nothing is shown that is taken down.
fn assert_sound(bench: &Mariadb) {
    bench.catalogue.settle().expect("settles");
    assert_eq!(bench.shown_though_taken_down(), 0);
    let settled = bench.derived();
    bench.spoil();
    librisfs::catalogue::Upkeep::reindex(&bench.catalogue, &mut |_, _| ()).expect("reindexes");
    assert_eq!(settled, bench.derived());
}

#[test]
fn what_many_bring_at_once_is_kept_once_under_different_names() {
    let bench = Mariadb::new();
    what_many_bring_at_once_is_kept_once_under_different_names_on(
        &bench,
        &[bench.opened(), bench.opened()],
    );
}

pub fn what_many_bring_at_once_is_kept_once_under_different_names_on(
    bench: &Mariadb,
    hosts: &[MariadbCatalogue; 2],
) {
    const BLOBS: u64 = 24;
    let start = Barrier::new(4);
    let outcomes: Vec<(u64, Admission)> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4_u64)
            .map(|thread| {
                let (host, start) = (&hosts[usize::from(thread % 2 == 0)], &start);
                scope.spawn(move || {
                    start.wait();
                    let mut seen = Vec::new();
                    // Each brings all blobs, in an order of its own, a few at a time; all have one title.
                    let order: Vec<u64> = (0..BLOBS)
                        .map(|n| {
                            (n * [1, 5, 7, 11][usize::try_from(thread).expect("small")] + thread)
                                % BLOBS
                        })
                        .collect();
                    for some in order.chunks(3) {
                        let batch: Vec<_> = some
                            .iter()
                            .map(|n| arrival(blob(*n), book("Same", "Author")))
                            .collect();
                        let admitted = host.admit(&batch).expect("admits");
                        seen.extend(some.iter().copied().zip(admitted));
                    }
                    seen
                })
            })
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    let mut files: BTreeMap<u64, BTreeSet<FileId>> = BTreeMap::new();
    let mut new = BTreeMap::new();
    for (number, admission) in outcomes {
        let file = match admission {
            Admission::New(file) => {
                *new.entry(number).or_insert(0) += 1;
                file
            }
            Admission::Duplicate(file) => file,
            other => panic!("{other:?}"),
        };
        files.entry(number).or_default().insert(file);
    }
    assert!(
        new.len() == 24 && new.values().all(|times| *times == 1),
        "{new:?}"
    );
    assert!(files.values().all(|files| files.len() == 1), "{files:?}");
    let shown: BTreeSet<_> = names(&hosts[0], FolderId::BY_TITLE).into_iter().collect();
    assert_eq!(shown.len(), 24);
    let author = hosts[1]
        .folder_named(FolderId::BY_AUTHOR, "Author")
        .expect("answers")
        .expect("there");
    assert_eq!(author.children, 24);
    assert_sound(bench);
}

#[test]
fn a_takedown_and_an_arrival_at_once_never_show_the_blob() {
    let bench = Mariadb::new();
    a_takedown_and_an_arrival_at_once_never_show_the_blob_on(
        &bench,
        &[bench.opened(), bench.opened()],
    );
}

pub fn a_takedown_and_an_arrival_at_once_never_show_the_blob_on(
    bench: &Mariadb,
    [one, other]: &[MariadbCatalogue; 2],
) {
    for round in 0..20 {
        let both = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                both.wait();
                let outcome = one
                    .admit(&[arrival(blob(round), book("Title", "A"))])
                    .expect("answers");
                assert!(matches!(
                    outcome[..],
                    [Admission::New(_) | Admission::TakenDown(_)]
                ));
            });
            scope.spawn(|| {
                // By this program, and by hand: in a transaction that has looked at the tables before.
                if round % 2 == 0 {
                    both.wait();
                    other.take_down(&[takedown(round)]).expect("takes down");
                } else {
                    let mut by_hand = bench.connection();
                    by_hand.query_drop("BEGIN").expect("begins");
                    by_hand
                        .query_drop("SELECT * FROM books_hashes, books_to_hashes, entries")
                        .expect("looks");
                    both.wait();
                    let md5 = sql_bytes(blob(round).md5.as_bytes());
                    by_hand
                        .query_drop(format!("INSERT INTO deleted_hashes (md5) VALUES ({md5})"))
                        .expect("takes down");
                    by_hand.query_drop("COMMIT").expect("commits");
                }
            });
        });
        assert_eq!(bench.shown_though_taken_down(), 0, "round {round}");
        assert_eq!(entries(one, FolderId::BY_TITLE), []);
    }
    assert_sound(bench);
}

#[test]
fn everything_at_once_stays_sound() {
    let bench = Mariadb::new();
    everything_at_once_stays_sound_on(&bench, &[bench.opened(), bench.opened()]);
}

pub fn everything_at_once_stays_sound_on(bench: &Mariadb, hosts: &[MariadbCatalogue; 2]) {
    for number in 0..10 {
        admit(
            &bench.catalogue,
            arrival(
                blob(number),
                book(&format!("Title {}", number % 3), "Ann; Bob"),
            ),
        );
    }
    let file = |number: u64| FileId::new(FileId::FIRST + number % 10).expect("in range");
    let fields = |title: String| Fields {
        title: Some(Some(title)),
        ..Fields::default()
    };
    std::thread::scope(|scope| {
        for (at, host) in hosts.iter().enumerate() {
            let at = at as u64;
            scope.spawn(move || {
                for number in 0..15 {
                    host.edit(&[(file(number * 3 + at), fields(format!("New {}", number % 2)))])
                        .expect("edits");
                    host.admit(&[arrival(blob(100 + number), book("Title 1", "Cy"))])
                        .expect("admits");
                    host.settle().expect("settles");
                }
            });
            scope.spawn(move || {
                for number in 0..15 {
                    host.take_down(&[takedown(number)]).expect("takes down");
                    host.lift(&[Hash::Md5(blob(number + 3).md5)])
                        .expect("lifts");
                    host.restore(&[file(number)]).expect("restores");
                    let discard = librisfs::catalogue::Discard {
                        file: file(number + 1),
                        name: None,
                        path: None,
                    };
                    host.trash(&[discard]).expect("discards");
                }
            });
        }
    });
    assert_sound(bench);
    let mut seen = BTreeSet::new();
    for action in bench.catalogue.journal(None, 1000).expect("a page") {
        assert!(seen.insert(action.id));
    }
    let all: Vec<_> = bench.catalogue.undo(1000).expect("undoes");
    assert_eq!(all.len(), seen.len());
    assert_sound(bench);
}

#[test]
fn no_change_is_missed_whoever_makes_it() {
    let bench = Mariadb::new();
    let (one, other, follower) = (bench.opened(), bench.opened(), bench.opened());
    let start = follower.last_change().expect("answers");
    let done = AtomicBool::new(false);
    let mut after = start;
    let mut heard = Vec::new();
    std::thread::scope(|scope| {
        let writers = [
            scope.spawn(|| {
                for number in 0..20 {
                    admit(
                        &one,
                        arrival(blob(number), book(&format!("One {number}"), "A")),
                    );
                }
            }),
            scope.spawn(|| {
                for number in 0..20 {
                    other
                        .make_node(NodeId::INBOX, &format!("n{number}"), true)
                        .expect("makes");
                }
            }),
            scope.spawn(|| {
                let mut by_hand = bench.connection();
                for number in 0..20 {
                    by_hand
                        .query_drop(format!("INSERT INTO searches VALUES ('s{number}')"))
                        .expect("inserts");
                }
            }),
        ];
        scope.spawn(|| {
            for writer in writers {
                writer.join().expect("no panic");
            }
            done.store(true, Ordering::SeqCst);
        });
        loop {
            let is_last = done.load(Ordering::SeqCst);
            let (changes, end) = follower.changes(after, 7).expect("answers");
            assert_eq!(
                usize::try_from(end.0 - after.0).ok(),
                Some(changes.len()),
                "the numbers have no gaps"
            );
            let is_end = end == after;
            after = end;
            heard.extend(changes);
            if is_end && is_last {
                break;
            }
        }
    });
    assert!(!heard.contains(&Change::Everything));
    let count =
        |is_it: &dyn Fn(&Change) -> bool| heard.iter().filter(|change| is_it(change)).count();
    assert_eq!(
        count(&|change| matches!(
            change,
            Change::InboxChanged {
                folder: NodeId::INBOX
            }
        )),
        20
    );
    assert_eq!(
        count(&|change| matches!(
            change,
            Change::EntriesCame {
                folder: FolderId::SEARCH,
                ..
            }
        )),
        20
    );
    assert_eq!(
        count(&|change| matches!(
            change,
            Change::EntriesCame {
                folder: FolderId::BY_TITLE,
                ..
            }
        )),
        20
    );
}

#[test]
fn a_change_on_one_host_is_heard_on_another() {
    let bench = Mariadb::new();
    let other = bench.opened();
    let mut watch = other.watch().expect("a watch");
    let start = other.last_change().expect("answers");
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| watch.wait(Duration::from_secs(10)).expect("answers"));
        admit(&bench.catalogue, arrival(blob(1), book("T", "A")));
        assert!(waiting.join().expect("no panic"));
    });
    assert!(!other.changes(start, 100).expect("answers").0.is_empty());
    assert_eq!(names(&other, FolderId::BY_TITLE), ["T - A.epub"]);
}

#[test]
fn ids_and_names_are_given_to_one_alone() {
    let bench = Mariadb::new();
    ids_and_names_are_given_to_one_alone_on(&bench, &[bench.opened(), bench.opened()]);
}

pub fn ids_and_names_are_given_to_one_alone_on(bench: &Mariadb, hosts: &[MariadbCatalogue; 2]) {
    let taken: Vec<(Vec<u64>, Vec<bool>)> = std::thread::scope(|scope| {
        let threads: Vec<_> = hosts
            .iter()
            .map(|host| {
                scope.spawn(move || {
                    (0..15)
                        .map(|number| {
                            let first = host.reserve_files(3).expect("sets aside").get();
                            let name = format!("n{number}");
                            let made = host
                                .make_node(NodeId::INBOX, &name, false)
                                .expect("answers");
                            assert!(matches!(made, Moved::Done(_) | Moved::Taken));
                            (first, matches!(made, Moved::Done(_)))
                        })
                        .unzip()
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .collect()
    });
    let mut ids: Vec<u64> = taken.iter().flat_map(|(ids, _)| ids.clone()).collect();
    ids.sort_unstable();
    assert!(ids.windows(2).all(|pair| pair[1] - pair[0] >= 3), "{ids:?}");
    for number in 0..15 {
        let made = taken.iter().filter(|(_, made)| made[number]).count();
        assert_eq!(made, 1, "n{number}");
    }
    let nodes = bench.catalogue.nodes(NodeId::INBOX, None, 100);
    assert_eq!(nodes.expect("a page").len(), 15);
}
