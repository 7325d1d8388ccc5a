//! Whatever is done in whatever order: once settled, the derived data is what making it anew gives.

use std::collections::BTreeSet;

use librisfs::catalogue::{Catalogue, Takedown};
use librisfs::hash::{BlobId, Hash};
use librisfs::name::Format;
use proptest::prelude::*;

use crate::fixture::{Bench, arrival, book, made_blob, shown, sql_bytes};

/// One thing done to a catalogue.
#[derive(Debug, Clone)]
pub enum Operation {
    Admit(Vec<(u8, u8)>),
    TakeDown(u8, bool),
    Lift(u8, bool),
    ByHand(String),
    Settle,
    Reindex,
}

/// Few blobs, so that hashes collide: 9 of them with three MD5s and three SHA-1s.
fn pooled(number: u8) -> BlobId {
    made_blob(number % 3, number / 3 % 3)
}

fn hash(number: u8, by_md5: bool) -> Hash {
    if by_md5 {
        Hash::Md5(pooled(number).md5)
    } else {
        Hash::Sha1(pooled(number).sha1)
    }
}

fn takedown(number: u8, by_md5: bool) -> Takedown {
    let blob = pooled(number);
    Takedown {
        md5: by_md5.then_some(blob.md5),
        sha1: (!by_md5).then_some(blob.sha1),
        ..Takedown::default()
    }
}

/// An edit with another program.
fn by_hand() -> impl Strategy<Value = String> {
    let file = 1024..1034_u32;
    let row = 1..10_u32;
    let text = prop::sample::select(vec!["NULL", "'T1'", "'T2'", "'A; B'", "'B'", "'Été'", "''"]);
    let field = prop::sample::select(vec!["title", "author", "publisher", "language", "format"]);
    prop_oneof![
        4 => (row.clone(), field, text)
            .prop_map(|(row, field, text)| format!("UPDATE books_metadata SET {field} = {text} WHERE id = {row}")),
        1 => (row.clone(), 1990..1993)
            .prop_map(|(row, year)| format!("UPDATE books_metadata SET year = {year} WHERE id = {row}")),
        2 => file.clone().prop_map(|file| format!("UPDATE books_to_hashes SET trashed = 5 WHERE id = {file}")),
        2 => file.clone().prop_map(|file| format!("UPDATE books_to_hashes SET trashed = NULL WHERE id = {file}")),
        1 => file.clone().prop_map(|file| format!("UPDATE books_to_hashes SET name = NULL WHERE id = {file}")),
        1 => (file.clone(), 0..3).prop_map(|(file, mtime)| format!(
            "UPDATE books_to_hashes SET mtime = {mtime} WHERE id = {file}")),
        2 => (file.clone(), row.clone()).prop_map(|(file, row)| format!(
            "UPDATE books_to_hashes SET hash_id = {row} WHERE id = {file}")),
        1 => (file.clone(), row.clone()).prop_map(|(file, row)| format!(
            "UPDATE books_to_hashes SET book_id = {row} WHERE id = {file}")),
        1 => (file.clone(), file.clone()).prop_map(|(file, to)| format!(
            "UPDATE OR IGNORE books_to_hashes SET id = {to} WHERE id = {file}")),
        3 => (file.clone(), row.clone(), row.clone()).prop_map(|(file, book, blob)| format!(
            "INSERT OR IGNORE INTO books_to_hashes (id, book_id, hash_id) VALUES ({file}, {book}, {blob})")),
        2 => file.prop_map(|file| format!("DELETE FROM books_to_hashes WHERE id = {file}")),
        1 => row.clone().prop_map(|row| format!("DELETE FROM books_metadata WHERE id = {row}")),
        1 => row.clone().prop_map(|row| format!("INSERT OR IGNORE INTO books_metadata (id, title) VALUES ({row}, 'T1')")),
        1 => row.clone().prop_map(|row| format!("DELETE FROM books_hashes WHERE id = {row}")),
        2 => (row.clone(), 0..9_u8).prop_map(|(row, number)| {
            let blob = pooled(number);
            let (md5, sha1) = (sql_bytes(blob.md5.as_bytes()), sql_bytes(blob.sha1.as_bytes()));
            format!("INSERT OR IGNORE INTO books_hashes (id, md5, sha1, size) VALUES ({row}, {md5}, {sha1}, 7)")
        }),
        1 => (row, 0..9_u8).prop_map(|(row, number)| format!(
            "UPDATE OR IGNORE books_hashes SET md5 = {} WHERE id = {row}", sql_bytes(pooled(number).md5.as_bytes()))),
        2 => (0..9_u8).prop_map(|number| format!(
            "INSERT INTO deleted_hashes (md5) VALUES ({})", sql_bytes(pooled(number).md5.as_bytes()))),
        1 => (0..9_u8, 0..9_u8).prop_map(|(number, other)| format!(
            "UPDATE deleted_hashes SET md5 = {}, sha1 = {} WHERE id % 2",
            sql_bytes(pooled(number).md5.as_bytes()), sql_bytes(pooled(other).sha1.as_bytes()))),
        2 => Just("DELETE FROM deleted_hashes".to_owned()),
    ]
}

pub fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        4 => prop::collection::vec((0..9_u8, 0..4_u8), 1..6).prop_map(Operation::Admit),
        1 => (0..9_u8, any::<bool>()).prop_map(|(number, by_md5)| Operation::TakeDown(number, by_md5)),
        2 => (0..9_u8, any::<bool>()).prop_map(|(number, by_md5)| Operation::Lift(number, by_md5)),
        8 => by_hand().prop_map(Operation::ByHand),
        3 => Just(Operation::Settle),
        1 => Just(Operation::Reindex),
    ]
}

fn run(bench: &impl Bench, operation: &Operation) {
    let catalogue = bench.catalogue();
    match operation {
        Operation::Admit(arrivals) => {
            let arrivals: Vec<_> = arrivals
                .iter()
                .map(|(number, title)| {
                    let mut arrival = arrival(pooled(*number), book(&format!("T{title}"), "A"));
                    if number % 2 == 0 {
                        arrival.format = Format::new("pdf").expect("a format");
                    }
                    arrival
                })
                .collect();
            catalogue.admit(&arrivals).expect("admits");
        }
        Operation::TakeDown(number, by_md5) => {
            catalogue
                .take_down(&[takedown(*number, *by_md5)])
                .expect("takes down");
        }
        Operation::Lift(number, by_md5) => {
            catalogue.lift(&[hash(*number, *by_md5)]).expect("lifts");
        }
        Operation::ByHand(statement) => bench.by_hand(statement),
        Operation::Settle => {
            catalogue.settle().expect("settles");
        }
        Operation::Reindex => {
            catalogue.reindex(&mut |_, _| ()).expect("reindexes");
        }
    }
}

/// Asserts that a listing says of each file at how many places it is, and no name twice.
fn assert_consistent(catalogue: &dyn Catalogue) {
    let shown = shown(catalogue);
    let mut files = Vec::new();
    for (_, children, entries) in &shown {
        assert_eq!(*children, entries.len() as u64);
        let names: BTreeSet<_> = entries.iter().map(|entry| &entry.name).collect();
        assert_eq!(names.len(), entries.len(), "{entries:?}");
        files.extend(entries.iter().map(|entry| entry.stat));
    }
    for stat in &files {
        let places = files.iter().filter(|other| other.file == stat.file).count();
        assert_eq!(places, stat.links as usize, "{stat:?}");
    }
}

/// Runs operations, and compares what is derived then with what making it anew gives.
pub fn settled_is_what_reindexing_gives(bench: &impl Bench, operations: &[Operation]) {
    for operation in operations {
        run(bench, operation);
        assert_eq!(bench.shown_though_taken_down(), 0);
    }
    bench.catalogue().settle().expect("settles");
    assert_eq!(bench.shown_though_taken_down(), 0);
    assert_consistent(bench.catalogue());
    let settled = bench.derived();
    bench.spoil();
    bench
        .catalogue()
        .reindex(&mut |_, _| ())
        .expect("reindexes");
    assert_eq!(settled, bench.derived());
}

/// Runs random operations on what `$open` makes.
#[macro_export]
macro_rules! random {
    ($open:expr, $cases:expr) => {
        proptest::proptest! {
            #![proptest_config(proptest::prelude::ProptestConfig { cases: $cases, ..Default::default() })]

            #[test]
            fn settled_is_what_reindexing_gives(
                operations in proptest::collection::vec($crate::random::operation(), 1..30)
            ) {
                $crate::random::settled_is_what_reindexing_gives(&$open(), &operations);
            }
        }
    };
}
