//! Power cuts: what was promised is there afterwards, and nothing reads as other bytes than those of its hash.
//!
//! An archive lies on a disk that keeps a record of all writes and flushes. People work with it, and a ledger keeps
//! what they were promised and when. Then the disk is made as it would be if the power had been cut at some moment:
//! what was flushed is there, what was not is there, lost, or torn. The archive is started on that and compared with
//! the ledger.
//!
//! `LIBRISFS_POWER_CUTS` is how many cuts are tried (`all`: each that can differ), and `LIBRISFS_POWER_CUT_SEED` what
//! they are chosen by. The record differs from run to run, as threads do.

mod check;
mod cuts;
mod disk;
mod ledger;
#[path = "../support/mod.rs"]
mod support;
mod system;
mod workload;

use std::collections::BTreeSet;
use std::env;
use std::os::unix::fs::symlink;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use check::{Recovery, complaints};
use cuts::{Cut, Replay, draw};
use disk::{Record, RecordedDisk};
use ledger::Ledger;
use support::{Account, Scratch, succeed};
use workload::{Work, text};

/// Cuts of an everyday run.
const EVERYDAY: usize = 32;
/// Of so many restarts one is cut, too.
const ONE_IN: u64 = 4;
/// Cuts tried at once.
const AT_ONCE: usize = 2;

/// The archive's folder on its disk.
const ARCHIVE: &str = "archive";

/// Mounts a disk with these bytes; the archive on it is that of `scratch`.
fn archive_disk(bytes: Vec<u8>, scratch: &Scratch) -> RecordedDisk {
    let disk = RecordedDisk::mount(bytes, &scratch.root().join("disk"), scratch.root());
    symlink(disk.folder().join(ARCHIVE), scratch.archive()).expect("made");
    disk
}

/// Has an archive made on a disk and something done with it.
fn recorded(work: impl FnOnce(&Scratch, &RecordedDisk) -> Ledger) -> (Record, Ledger) {
    system::start();
    let scratch = Scratch::without_archive(Account::Root);
    let base = disk::ext4(&scratch.root().join("image"));
    let disk = archive_disk(base, &scratch);
    succeed(
        scratch
            .librisfs_with(&["init"])
            .arg(disk.folder().join(ARCHIVE)),
    );
    let ledger = work(&scratch, &disk);
    (disk.into_record(), ledger)
}

fn seed() -> u64 {
    let given = env::var("LIBRISFS_POWER_CUT_SEED");
    given.map_or_else(
        |_| draw(u64::from(std::process::id()), 0),
        |seed| seed.parse().expect("LIBRISFS_POWER_CUT_SEED is a number"),
    )
}

/// The cuts that this run is to try: half of them at the moments when something is promised.
fn chosen(record: &Record, ledger: &Ledger, seed: u64) -> Vec<Cut> {
    let moments: BTreeSet<usize> = ledger.promises.iter().map(|one| one.from).collect();
    let at_promises = cuts::lost_at(moments);
    let others = cuts::before_flushes(record, ledger.born, seed);
    println!(
        "{} events, {} + {} cuts, seed {seed}",
        record.events.len(),
        at_promises.len(),
        others.len()
    );
    let most = match env::var("LIBRISFS_POWER_CUTS") {
        Err(_) => EVERYDAY,
        Ok(all) if all == "all" => usize::MAX,
        Ok(most) => most
            .parse()
            .expect("LIBRISFS_POWER_CUTS is a number or `all`"),
    };
    let mut chosen = cuts::sample(&at_promises, most.div_ceil(2), seed);
    chosen.extend(cuts::sample(&others, most / 2, seed));
    chosen.sort();
    chosen
}

/// Starts the archive after a power cut, and now and then cuts the power again meanwhile.
fn try_cut(disk: Vec<u8>, ledger: &Ledger, moment: usize, seed: u64) -> Vec<String> {
    let by = if seed.is_multiple_of(2) {
        Recovery::Mount
    } else {
        Recovery::Command
    };
    let (mut said, restart) = complaints(disk, ledger, moment, by);
    if said.is_empty() && draw(seed, 1).is_multiple_of(ONE_IN) {
        let all = cuts::before_flushes(&restart, 0, seed);
        for cut in cuts::sample(&all, 1, seed) {
            let (again, _) = complaints(Replay::of(&restart).after(cut), ledger, moment, by);
            said.extend(again.into_iter().map(|one| format!("then {cut:?}: {one}")));
        }
    }
    said
}

#[test]
fn after_a_power_cut_all_that_was_promised_is_there() {
    let (record, ledger) = recorded(workload::all);
    let seed = seed();
    let cuts = chosen(&record, &ledger, seed);
    let replay = Mutex::new(Replay::of(&record));
    let next = AtomicUsize::new(0);
    let wrong = Mutex::new(Vec::new());
    let try_some = || {
        loop {
            let (index, cut, disk) = {
                let mut replay = replay.lock().expect("nobody panicked");
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(cut) = cuts.get(index) else { return };
                (index, *cut, replay.after(*cut))
            };
            if index.is_multiple_of(100) {
                println!("{index} of {} cuts are tried", cuts.len());
            }
            let said = try_cut(disk, &ledger, cut.at, draw(seed, index));
            if !said.is_empty() {
                let said = format!("{cut:?}:\n{}\n", said.join("\n"));
                println!("{said}");
                wrong.lock().expect("nobody panicked").push(said);
            }
        }
    };
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(try_some);
        }
    });
    let wrong = wrong.into_inner().expect("nobody panicked");
    let (tried, wrong) = (cuts.len(), wrong.len());
    assert_eq!(wrong, 0, "of {tried} power cuts, by seed {seed}; see above");
}

/// What is open, and not in the catalogue, is as it was when it was synced.
#[test]
fn what_is_open_is_as_it_was_synced() {
    let (record, ledger) = recorded(|scratch, disk| {
        let mount = scratch.mount();
        let mut work = Work::begin(scratch, disk, &mount);
        let open = work.open_files();
        work.ledger.born = disk.position();
        let ledger = work.ledger;
        drop(open);
        assert_eq!(mount.unmount(), Some(0));
        ledger
    });
    let cut = cuts::lost_at([ledger.born])[0];
    let disk = Replay::of(&record).after(cut);
    let (said, _) = complaints(disk, &ledger, cut.at, Recovery::Mount);
    assert_eq!(said, [""; 0]);
}

/// The tests above can fail: the same disk is complained of if it has lied about a flush, or has changed a byte.
#[test]
fn a_disk_that_lies_is_noticed() {
    let (path, bytes) = ("by-title/Kept.txt", text("Kept", 500));
    let mut before = 0;
    let (record, ledger) = recorded(|scratch, disk| {
        let mount = scratch.mount();
        let mut work = Work::begin(scratch, disk, &mount);
        before = disk.position();
        work.put(path, &bytes);
        let ledger = work.ledger;
        assert_eq!(mount.unmount(), Some(0));
        ledger
    });
    let moment = ledger.promises[0].from;
    let mut replay = Replay::of(&record);
    let moments = [before, moment, record.events.len()];
    let disks: Vec<_> = cuts::lost_at(moments)
        .into_iter()
        .map(|cut| replay.after(cut))
        .collect();
    let [lying, honest, end] = disks.try_into().expect("three");
    let by = Recovery::Command;

    assert_eq!(complaints(honest, &ledger, moment, by).0, [""; 0]);
    let said = complaints(lying, &ledger, moment, by).0.join("\n");
    assert!(said.contains(path), "{said}");

    let mut changed = end.clone();
    let places = memchr::memmem::find_iter(&end, &bytes[..4096]);
    for place in places {
        changed[place] ^= 1;
    }
    let said = complaints(changed, &ledger, moment, by).0.join("\n");
    assert!(
        said.contains("reads as") && said.contains("scrub"),
        "{said}"
    );
}
