//! Takedowns on a running mount: promise 4.
//!
//! The clock starts when the takedown is committed, that is when the program that commits it returns,
//! and stops when no path leads to the file any more. The limit is the promise's own, 100 ms.

mod support;

use std::fs;
use std::io::{Read as _, Seek as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use librisfs::hash::BlobId;
use support::{
    Mount, Scratch, blob_at, blob_of, files_below, librisfs, names, run, succeed, wait_until,
};

/// What promise 4 allows on one machine.
const LIMIT: Duration = Duration::from_millis(100);
/// What DESIGN section 2 allows for any other change.
const SETTLED: Duration = Duration::from_secs(1);

const BOOKS: usize = 40;

fn books() -> Scratch {
    let scratch = Scratch::new();
    for n in 0..BOOKS {
        let text = format!("the text of book {n}, {}", "x".repeat(n * 100));
        scratch.write(
            format!("Ann Author - Book {n:02} (19{n:02}).txt"),
            text.as_bytes(),
        );
    }
    scratch.import();
    scratch
}

/// Every path to the blob, listed or not.
fn paths_to(mount: &Mount, blob: &BlobId) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = files_below(mount.path())
        .into_iter()
        .filter(|path| blob_at(path).is_ok_and(|found| found == *blob))
        .collect();
    assert!(paths.len() >= 6, "{paths:?}");
    paths.push(mount.join(format!("by-hash/{}", blob.md5)));
    paths.push(mount.join(format!("by-hash/{}.txt", blob.sha1)));
    paths
}

/// Whether anything still leads to the file: by `stat`, by `open`, or in a listing.
fn is_reachable(paths: &[PathBuf]) -> bool {
    paths.iter().any(|path| {
        let listed = |folder: &Path| {
            fs::read_dir(folder).is_ok_and(|mut entries| {
                entries.any(|entry| {
                    entry.is_ok_and(|entry| Some(&*entry.file_name()) == path.file_name())
                })
            })
        };
        path.symlink_metadata().is_ok()
            || fs::File::open(path).is_ok()
            || path.parent().is_some_and(listed)
    })
}

/// Asserts that nothing leads to the file within the limit, counted from now.
fn assert_vanishes(paths: &[PathBuf], by: &str) {
    let started = Instant::now();
    let mut looked_at = started;
    while is_reachable(paths) {
        // A look that began in time may see it; one that began late may not.
        assert!(
            looked_at.duration_since(started) < LIMIT,
            "{by}: still there after {:?}",
            started.elapsed()
        );
        looked_at = Instant::now();
    }
}

fn text(n: usize) -> Vec<u8> {
    format!("the text of book {n}, {}", "x".repeat(n * 100)).into_bytes()
}

#[test]
fn a_takedown_vanishes_from_warm_caches_and_comes_back_when_lifted() {
    let scratch = books();
    let mount = scratch.mount();
    // Fills the kernel's caches.
    assert_eq!(files_below(&mount.join("by-title")).len(), BOOKS);
    for (n, by) in ["md5", "sha1", "both", "command"].into_iter().enumerate() {
        let blob = blob_of(&text(n));
        let (md5, sha1) = (blob.md5.to_string(), blob.sha1.to_string());
        let paths = paths_to(&mount, &blob);
        assert!(is_reachable(&paths));
        match by {
            "md5" => drop(scratch.sqlite3(&format!("INSERT INTO deleted_hashes (md5) VALUES (x'{md5}')"))),
            "sha1" => drop(scratch.sqlite3(&format!("INSERT INTO deleted_hashes (sha1) VALUES (x'{sha1}')"))),
            "both" => drop(scratch.sqlite3(&format!(
                "INSERT INTO deleted_hashes (md5, sha1, reason) VALUES (x'{md5}', x'{sha1}', 'court order')"
            ))),
            _ => drop(succeed(librisfs().arg("takedown").arg(scratch.archive()).arg(&sha1))),
        }
        assert_vanishes(&paths, by);
        let found = run(librisfs()
            .arg("search")
            .arg(scratch.archive())
            .arg(format!("\"Book {n:02}\"")));
        assert!(
            !String::from_utf8_lossy(&found.stdout).contains(&format!("Book {n:02}")),
            "{by}"
        );
        assert_eq!(
            files_below(&mount.join("by-title")).len(),
            BOOKS - 1,
            "{by}"
        );

        succeed(
            librisfs()
                .arg("takedown")
                .arg(scratch.archive())
                .args(["--lift", &md5, &sha1]),
        );
        let lifted = Instant::now();
        wait_until("it is back", || paths.iter().all(|path| path.exists()));
        assert!(
            lifted.elapsed() < SETTLED,
            "{by}: back after {:?}",
            lifted.elapsed()
        );
        assert_eq!(blob_at(&paths[0]).expect("readable"), blob);
        wait_until("it is listed", || {
            files_below(&mount.join("by-title")).len() == BOOKS
        });
        assert!(
            lifted.elapsed() < SETTLED,
            "{by}: listed after {:?}",
            lifted.elapsed()
        );
    }
}

#[test]
fn what_is_open_may_be_read_to_its_end_unless_it_is_purged() {
    for arguments in [&[][..], &["--no-passthrough"]] {
        let scratch = books();
        let mount = scratch.mount_with(arguments);
        for (n, purge) in [(7, false), (9, true)] {
            let blob = blob_of(&text(n));
            let mut open =
                fs::File::open(mount.join(format!("by-hash/{}", blob.md5))).expect("opens");
            let mut takedown = librisfs();
            takedown
                .arg("takedown")
                .arg(scratch.archive())
                .arg(blob.md5.to_string());
            if purge {
                takedown.arg("--purge");
            }
            succeed(&mut takedown);
            if purge {
                wait_until("the bytes are gone", || {
                    let mut rest = Vec::new();
                    open.rewind().expect("seeks");
                    open.read_to_end(&mut rest).is_err() || rest != text(n)
                });
                let stored = files_below(&scratch.archive().join("blobs"));
                assert!(
                    stored
                        .iter()
                        .all(|path| blob_at(path).expect("readable") != blob)
                );
            } else {
                let mut rest = Vec::new();
                open.read_to_end(&mut rest).expect("reads");
                assert_eq!(rest, text(n), "{arguments:?}");
            }
        }
    }
}

#[test]
fn many_at_once_vanish_as_well() {
    let scratch = books();
    let mount = scratch.mount();
    let listed = files_below(mount.path());
    scratch.sqlite3("INSERT INTO deleted_hashes (sha1) SELECT sha1 FROM books_hashes");
    assert_vanishes(&listed, "all");
    assert_eq!(names(&mount.join("by-author")), [""; 0]);
    assert_eq!(names(mount.path()).len(), 8, "the views stay");
}

#[test]
fn it_cannot_be_imported_again() {
    let scratch = books();
    let blob = blob_of(&text(3));
    succeed(librisfs().arg("takedown").arg(scratch.archive()).args([
        blob.md5.to_string(),
        "--reason".to_owned(),
        "asked for by the heirs".to_owned(),
    ]));
    let again = run(librisfs()
        .arg("import")
        .arg(scratch.archive())
        .arg(scratch.sources()));
    assert_eq!(again.status.code(), Some(3));
    let said = String::from_utf8_lossy(&again.stderr) + String::from_utf8_lossy(&again.stdout);
    assert!(
        said.contains("Book 03") && said.contains("asked for by the heirs"),
        "{said}"
    );
    let mount = scratch.mount();
    assert_eq!(files_below(&mount.join("by-title")).len(), BOOKS - 1);
}
