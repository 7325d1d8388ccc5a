//! A mount that many read while much changes: takedowns hold at once and everywhere all the same, what
//! comes is listed, and nothing fails.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use librisfs::archive::{Access, Archive, Takedown};
use librisfs::hash::{BlobId, Hash};
use support::{Mount, Scratch, blob_of, files_below, names, wait_until};

/// What promise 4 allows on one machine.
const HIDDEN: Duration = Duration::from_millis(100);
/// What DESIGN section 2 allows for any other change.
const SHOWN: Duration = Duration::from_secs(1);

const BOOKS: usize = 60;
const ROUNDS: usize = 40;

fn text(n: usize) -> Vec<u8> {
    format!("book {n} {}", "x".repeat(5000 + n)).into_bytes()
}

fn author(n: usize) -> &'static str {
    ["Ann", "Bob", "Cyd", "Dee", "Eve", "Fay", "Gus"][n % 7]
}

fn books() -> Scratch {
    let scratch = Scratch::new();
    for n in 0..BOOKS {
        let name = format!("{} Writer - Book {n:02} (19{n:02}).txt", author(n));
        scratch.write(name, &text(n));
    }
    scratch.import();
    scratch
}

/// The paths of a book, listed or not.
fn paths_of(mount: &Mount, n: usize, blob: &BlobId) -> Vec<PathBuf> {
    let author = author(n);
    let name = format!("Book {n:02} - {author} Writer (19{n:02}).txt");
    let md5 = blob.md5.to_string();
    [
        format!("by-title/{name}"),
        format!("by-author/{author} Writer/{name}"),
        format!("by-year/19{n:02}/{name}"),
        format!("by-format/txt/{name}"),
        format!("by-hash/{}/{md5}.txt", &md5[..2]),
        format!("by-hash/{md5}"),
        format!("by-hash/{}", blob.sha1),
    ]
    .map(|path| mount.join(path))
    .to_vec()
}

/// Walks, stats, opens and reads until told to stop. Every file that is found must open or be gone, and
/// read as itself.
fn client(mount: &Path, stop: &AtomicBool, looks: &AtomicU64, faults: &Mutex<Vec<String>>) {
    let fault = |path: &Path, error: &std::io::Error| {
        if error.raw_os_error() != Some(libc::ENOENT) {
            let mut faults = faults.lock().expect("no panic");
            faults.push(format!("{}: {error}", path.display()));
        }
    };
    while !stop.load(Ordering::Relaxed) {
        for entry in walkdir::WalkDir::new(mount) {
            let path = match &entry {
                Ok(entry) => entry.path(),
                Err(error) => {
                    if let Some((path, error)) = error.path().zip(error.io_error()) {
                        fault(path, error);
                    }
                    continue;
                }
            };
            if path.is_dir() {
                continue;
            }
            match fs::read(path) {
                Ok(bytes) => {
                    let is_whole = bytes.starts_with(b"book ") && bytes.len() >= 5007;
                    assert!(is_whole, "{} reads as something else", path.display());
                }
                Err(error) => fault(path, &error),
            }
            looks.fetch_add(1, Ordering::Relaxed);
            if stop.load(Ordering::Relaxed) {
                return;
            }
        }
    }
}

fn storm(arguments: &[&str]) {
    let scratch = books();
    let mount = scratch.mount_with(arguments);
    let archive = Archive::open(&scratch.archive(), Access::ReadWrite).expect("opens");
    let (stop, looks, faults) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| client(mount.path(), &stop, &looks, &faults));
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..ROUNDS {
                one_round(&mount, &archive, round % BOOKS);
            }
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
    assert!(looks.into_inner() > 1000, "the clients were hardly at work");
    assert_eq!(faults.into_inner().expect("no panic"), [""; 0]);
    let log = mount.log();
    assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
}

fn one_round(mount: &Mount, archive: &Archive, n: usize) {
    let blob = blob_of(&text(n));
    let paths = paths_of(mount, n, &blob);
    let (md5, sha1) = match n % 3 {
        0 => (Some(blob.md5), None),
        1 => (None, Some(blob.sha1)),
        _ => (Some(blob.md5), Some(blob.sha1)),
    };
    let takedown = Takedown {
        md5,
        sha1,
        ..Takedown::default()
    };
    archive.take_down(&[takedown], false).expect("recorded");
    // The promise is about time: at its end nothing may be left.
    std::thread::sleep(HIDDEN);
    for path in &paths {
        assert!(
            path.symlink_metadata().is_err(),
            "{} is there",
            path.display()
        );
        assert!(fs::File::open(path).is_err(), "{} opens", path.display());
    }
    for folder in paths.iter().filter_map(|path| path.parent()) {
        let is_listed = fs::read_dir(folder).is_ok_and(|entries| {
            let mut names = entries.map(|entry| entry.expect("listed").file_name());
            names.any(|name| paths.iter().any(|path| path.file_name() == Some(&name)))
        });
        assert!(!is_listed, "{} lists it", folder.display());
    }

    archive
        .lift(&[Hash::Md5(blob.md5), Hash::Sha1(blob.sha1)])
        .expect("lifted");
    let lifted = Instant::now();
    wait_until("every path is back", || {
        paths.iter().all(|path| path.exists())
    });
    for path in &paths[..5] {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .expect("UTF-8")
            .to_owned();
        let folder = path.parent().expect("in a folder");
        wait_until("it is listed again", || names(folder).contains(&name));
    }
    assert!(
        lifted.elapsed() < SHOWN,
        "back after {:?}",
        lifted.elapsed()
    );
}

#[test]
fn takedowns_hold_among_many_readers() {
    storm(&[]);
}

#[test]
fn takedowns_hold_among_many_readers_without_passthrough() {
    storm(&["--no-passthrough"]);
}

/// Lists a folder until told to stop.
fn lister(folder: &Path, stop: &AtomicBool) {
    while !stop.load(Ordering::Relaxed) {
        assert!(!names(folder).is_empty(), "the rest stays");
    }
}

#[test]
fn no_listing_that_was_under_way_is_kept() {
    const FILES: usize = 1500;
    let scratch = Scratch::new();
    for n in 0..FILES {
        scratch.write(format!("Ann Writer - Book {n:04} (2000).txt"), &text(n));
    }
    scratch.import();
    let mount = scratch.mount();
    let folder = mount.join("by-format/txt");
    let archive = Archive::open(&scratch.archive(), Access::ReadWrite).expect("opens");
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| lister(&folder, &stop));
        }
        let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            // More than are told one by one, and few.
            for (round, count) in [600, 1, 600, 3, 600, 1, 600, 2].into_iter().enumerate() {
                let blobs: Vec<_> = (0..count).map(|n| blob_of(&text(n))).collect();
                let takedowns = blobs.iter().map(|blob| Takedown {
                    md5: Some(blob.md5),
                    ..Takedown::default()
                });
                let takedowns: Vec<_> = takedowns.collect();
                // What the kernel kept of a listing that was under way would stay: nobody tells of it again.
                let shows = |count: usize| {
                    wait_until(&format!("round {round}: {count} are listed"), || {
                        names(&folder).len() == count
                    });
                    for _ in 0..20 {
                        assert_eq!(names(&folder).len(), count, "round {round}");
                    }
                };
                archive.take_down(&takedowns, false).expect("recorded");
                shows(FILES - count);
                let hashes: Vec<_> = blobs.iter().map(|blob| Hash::Md5(blob.md5)).collect();
                archive.lift(&hashes).expect("lifted");
                shows(FILES);
            }
        }));
        stop.store(true, Ordering::Relaxed);
        if let Err(panic) = outcome {
            std::panic::resume_unwind(panic);
        }
    });
}

#[test]
fn a_takedown_does_not_wait_for_edits_of_many_rows() {
    let scratch = Scratch::new();
    for n in 0..3000 {
        scratch.write(format!("Author - Book {n} (2000).txt"), &text(n));
    }
    scratch.import();
    let mount = scratch.mount();
    assert_eq!(files_below(&mount.join("by-title")).len(), 3000);
    let blob = blob_of(&text(2999));
    let paths = [
        mount.join(format!("by-hash/{}", blob.md5)),
        mount.join(format!(
            "by-hash/{}/{}.txt",
            &blob.md5.to_string()[..2],
            blob.md5
        )),
        mount.join("by-format/txt/Book 2999 - Author (2000).txt"),
    ];
    assert!(paths.iter().all(|path| path.exists()));
    scratch.sqlite3("UPDATE books_metadata SET publisher = 'P', year = 2001");
    let started = Instant::now();
    scratch.sqlite3(&format!(
        "INSERT INTO deleted_hashes (md5) VALUES (x'{}')",
        blob.md5
    ));
    assert!(
        started.elapsed() < SHOWN,
        "committed after {:?}",
        started.elapsed()
    );
    std::thread::sleep(HIDDEN);
    let due = scratch.sqlite3("SELECT count(*) FROM unsettled");
    assert_ne!(due.trim(), "0", "too few rows to show it");
    for path in paths {
        assert!(
            path.symlink_metadata().is_err(),
            "{} is there",
            path.display()
        );
    }
}
