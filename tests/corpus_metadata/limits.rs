//! No document, however made, costs more than DESIGN's promise 6 allows: 64 MiB and 2 s.
//!
//! Each hostile document of `scripts/corpus` (in `target/corpus` or `$LIBRISFS_CORPUS`) is described by a
//! process of its own, this test's program again, which measures itself. So one that overflows the stack or
//! takes all memory is named, and its memory is not hidden in what an earlier one had left.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use librisfs::document::describe;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::corpus_support::corpus;

/// What one document may take (DESIGN, promise 6).
const MOST_MEMORY_KIB: u64 = 64 << 10;
const MOST_TIME: Duration = Duration::from_secs(2);

/// Where the process that describes one document finds its path.
const DOCUMENT: &str = "LIBRISFS_TEST_DOCUMENT";

/// What that process prints before its figures.
const FIGURES: &str = "described, in milliseconds and KiB:";

#[test]
fn no_document_costs_more_than_promised() {
    let corpus = corpus();
    let mut documents = Vec::new();
    documents_below(&corpus.join("hostile"), &mut documents);
    documents_below(&corpus.join("files"), &mut documents);
    assert!(documents.len() > 300, "only {} documents", documents.len());
    let figures: Vec<_> = documents
        .iter()
        .map(|path| (describe_apart(path), path))
        .collect();

    let slowest = figures.iter().max_by_key(|((time, _), _)| *time).unwrap();
    let largest = figures
        .iter()
        .max_by_key(|((_, memory), _)| *memory)
        .unwrap();
    println!("{} documents", figures.len());
    println!("longest: {:?}, {}", slowest.0.0, slowest.1.display());
    println!("most memory: {} KiB, {}", largest.0.1, largest.1.display());
    for ((time, memory_kib), path) in figures {
        let path = path.display();
        assert!(time <= MOST_TIME, "{path}: {time:?}");
        assert!(memory_kib <= MOST_MEMORY_KIB, "{path}: {memory_kib} KiB");
    }
}

fn documents_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            documents_below(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// Time and peak memory, in KiB, of describing the document in a process of its own.
fn describe_apart(document: &Path) -> (Duration, u64) {
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "limits::describe_one_document",
            "--ignored",
            "--nocapture",
        ])
        .env(DOCUMENT, document)
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    let figures: Vec<u64> = printed
        .lines()
        .find_map(|line| line.split_once(FIGURES))
        .map(|(_, figures)| {
            figures
                .split_whitespace()
                .map(|it| it.parse().unwrap())
                .collect()
        })
        .unwrap_or_default();
    let [milliseconds, memory_kib] = figures[..] else {
        let said = String::from_utf8_lossy(&output.stderr);
        panic!("{}: {}\n{said}", document.display(), output.status);
    };
    (Duration::from_millis(milliseconds), memory_kib)
}

#[test]
#[ignore = "run by no_document_costs_more_than_promised, once for each document"]
fn describe_one_document() {
    let path = PathBuf::from(std::env::var_os(DOCUMENT).expect("the document to describe"));
    // Well above what is allowed: a failure names the document, and the machine stays usable.
    let limit = Some(1 << 30);
    setrlimit(
        Resource::As,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    )
    .unwrap();
    let file = File::open(&path).unwrap();
    let before_kib = peak_memory_kib();
    let start = Instant::now();
    let description = describe(&file, path.file_name().unwrap(), None);
    let time = start.elapsed();
    let memory_kib = peak_memory_kib() - before_kib;
    println!("\n{FIGURES} {} {memory_kib}", time.as_millis());
    println!("{description:?}");
}

/// The most memory that this process has held so far (`VmHWM`, proc(5)).
fn peak_memory_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}
