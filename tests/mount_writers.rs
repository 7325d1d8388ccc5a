//! Many writers at once: the same bytes and different ones.

mod support;

use std::fs;
use std::io::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use support::{Scratch, librisfs, succeed, wait_until};

/// Writers at once.
const WRITERS: usize = 64;
/// How long they write, unless `LIBRISFS_SOAK_SECONDS` says otherwise.
const SECONDS: u64 = 3;

fn status(scratch: &Scratch) -> serde_json::Value {
    let said = succeed(librisfs().args(["status", "--json"]).arg(scratch.archive()));
    serde_json::from_str(&said).expect("JSON")
}

/// Resident memory of a process, in KiB.
fn resident_kib(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it lives");
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .expect("told");
    line.split_whitespace()
        .nth(1)
        .and_then(|kib| kib.parse().ok())
        .expect("a number")
}

#[test]
fn counts_are_exact_and_nothing_is_left() {
    let seconds = std::env::var("LIBRISFS_SOAK_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = Duration::from_secs(seconds.unwrap_or(SECONDS));
    let scratch = Scratch::new();
    let mount = scratch.mount();
    let started = Instant::now();
    let rounds = AtomicU64::new(0);
    let most = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            let (mount, rounds, most) = (&mount, &rounds, &most);
            scope.spawn(move || {
                let mut round = 0;
                // As many rounds as the slowest can, so that the counts are known.
                while started.elapsed() < until {
                    let place = if writer % 2 == 0 { "by-title" } else { "inbox" };
                    let same = mount.join(place).join(format!("same {writer} {round}.txt"));
                    let mut file = fs::File::create(same).expect("made");
                    file.write_all(format!("the same of round {round}\n").as_bytes())
                        .expect("written");
                    drop(file);
                    let own = mount.join(place).join(format!("own {writer} {round}.txt"));
                    fs::write(own, format!("writer {writer}, round {round}\n")).expect("written");
                    round += 1;
                }
                rounds.fetch_add(round, Ordering::Relaxed);
                most.fetch_max(round, Ordering::Relaxed);
            });
        }
    });
    let (rounds, most) = (rounds.into_inner(), most.into_inner());
    let expected = rounds + most;
    wait_until("all is committed", || {
        let now = status(&scratch);
        now["staged"] == 0 && now["drafts"] == 0 && now["files"] == expected
    });
    let now = status(&scratch);
    assert_eq!(
        (&now["blobs"], &now["trashed"]),
        (&expected.into(), &0.into()),
        "{now}"
    );
    let memory = resident_kib(mount.daemon.id());
    assert!(memory < 256 << 10, "{memory} KiB after {rounds} rounds");
    println!("{rounds} rounds of {WRITERS} writers, {expected} files, {memory} KiB");
    assert!(!mount.log().contains("ERROR"), "{}", mount.log());
    assert_eq!(mount.unmount(), Some(0));
}
