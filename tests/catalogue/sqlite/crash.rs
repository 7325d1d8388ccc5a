//! A process that is killed while it admits has lost nothing that it was told is in.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use librisfs::catalogue::sqlite::{Access, SqliteCatalogue};
use librisfs::catalogue::{Admission, Arrival, Browse, Follow, Ingest, Upkeep};

use super::Sqlite;
use crate::fixture::{arrival, blob, book, places, shown};

/// Tells the child which catalogue to write to, and from which number on.
const CATALOGUE: &str = "LIBRISFS_TEST_CRASH_CATALOGUE";
const FROM: &str = "LIBRISFS_TEST_CRASH_FROM";

/// The part of the child; does nothing unless it is told to.
#[test]
#[ignore = "run by what_was_acknowledged_survives"]
fn admits_until_killed() {
    let Some(path) = std::env::var_os(CATALOGUE) else {
        return;
    };
    let mut number: u64 = std::env::var(FROM)
        .ok()
        .and_then(|from| from.parse().ok())
        .expect("a number");
    let catalogue = SqliteCatalogue::open(Path::new(&path), Access::ReadWrite).expect("opens");
    loop {
        let batch: Vec<Arrival> = (number..number + 3)
            .map(|number| arrival(blob(number), book(&format!("T{}", number % 50), "A; B")))
            .collect();
        catalogue.admit(&batch).expect("admits");
        number += 3;
        println!("\nadmitted {number}");
        std::io::stdout().flush().expect("tells");
    }
}

#[test]
fn what_was_acknowledged_survives() {
    let bench = Sqlite::new();
    let mut acknowledged = 0;
    for batches in [1, 7, 40, 3] {
        acknowledged = kill_after(&bench.path(), acknowledged, batches);
        let catalogue = SqliteCatalogue::open(&bench.path(), Access::ReadWrite).expect("opens");
        assert_eq!(catalogue.check().expect("checks"), [""; 0]);
        let blobs: Vec<_> = (0..acknowledged).map(blob).collect();
        for admission in catalogue.admissible(&blobs).expect("answers") {
            let Some(Admission::Duplicate(_)) = admission else {
                panic!("lost: {admission:?}");
            };
        }
        assert_eq!(
            catalogue.settle().expect("settles"),
            0,
            "nothing was left half done"
        );
        let before = shown(&catalogue);
        catalogue.reindex(&mut |_, _| ()).expect("reindexes");
        assert_eq!(shown(&catalogue), before);
        let last = catalogue.records_of(&blob(acknowledged - 1).md5.to_string());
        let last = last.expect("answers").pop().expect("a record").file;
        assert_eq!(places(&catalogue, last), 7);
    }
}

/// Runs a child until it has admitted so many batches, kills it, and returns what it last acknowledged.
fn kill_after(path: &Path, from: u64, batches: usize) -> u64 {
    let mut child = Command::new(std::env::current_exe().expect("a path"))
        .args([
            "--exact",
            "sqlite::crash::admits_until_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(CATALOGUE, path)
        .env(FROM, from.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .expect("starts");
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let mut numbers = output
        .lines()
        .map_while(Result::ok)
        .filter_map(|line| line.strip_prefix("admitted ")?.parse().ok());
    let mut last: u64 = numbers.nth(batches - 1).expect("the child admits");
    child.kill().expect("kills");
    // What it told before it died was acknowledged too.
    last = numbers.last().unwrap_or(last);
    child.wait().expect("is dead");
    last
}
