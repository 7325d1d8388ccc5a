//! All documents at once.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::corpus_support::{corpus, rows};
use super::escape::{assert_nothing_leaked, assert_nothing_made};
use super::import::{Imported, WORKERS, import};
use super::shown::{Paths, walk};
use super::sources::{Document, Folders, digests, documents};
use super::support::{Mount, Scratch, files_below};

/// What documents may take of memory (DESIGN, promise 6).
const MOST_KIB: u64 = 64 << 10;

/// What a thread that reads documents takes whatever they are: the 1 MiB that it reads at a time, its
/// stack, and what an allocator keeps for a thread.
const WORKER_KIB: u64 = 4 << 10;

#[test]
fn every_document_is_in_its_views_with_its_own_bytes() {
    let corpus = corpus();
    let before = files_below(&corpus);
    let scratch = Scratch::new();
    // Once more by name: what is named is taken as meant, a folder's scratch files are passed over.
    let names = files_below(&corpus.join("hostile/names"));
    let imported = import(
        &scratch,
        &[vec![corpus.join("files"), corpus.join("hostile")], names].concat(),
    );
    assert_import(&imported, &before);

    let documents = documents(&imported_files(&corpus, &before));
    let belonging = documents
        .iter()
        .map(|(sha256, document)| (sha256.as_str(), document.possible_folders()))
        .collect();
    for arguments in [&[][..], &["--no-passthrough"]] {
        let mount = scratch.mount_with(arguments);
        let started = Instant::now();
        let shown = walk(mount.path());
        let time = started.elapsed();
        let peak_kib = peak_kib(mount.daemon.id());
        let paths = files_below(mount.path()).len();
        println!("mount {arguments:?}: {paths} paths read in {time:.1?}, at most {peak_kib} KiB");
        assert_belonging(&shown, &documents, &belonging);
        assert_real_documents(&corpus, &shown);
        assert_collisions(&corpus, &mount, &shown);
        assert!(peak_kib < MOST_KIB, "the mount took {peak_kib} KiB");
        assert_nothing_leaked(&scratch, shown.values());
        let log = mount.log();
        assert!(!log.contains("ERROR") && !log.contains("WARN"), "{log}");
        assert_eq!(mount.unmount(), Some(0));
    }
    assert_nothing_made(&scratch, &corpus);
    assert_eq!(
        files_below(&corpus),
        before,
        "an import changed its sources"
    );
}

/// The files of the corpus that are imported: not those about it.
fn imported_files(corpus: &Path, all: &[PathBuf]) -> Vec<PathBuf> {
    let folders = ["files", "hostile"].map(|folder| corpus.join(folder));
    let is_imported = |path: &&PathBuf| folders.iter().any(|folder| path.starts_with(folder));
    all.iter().filter(is_imported).cloned().collect()
}

/// Asserts that empty files alone were refused, and that the import kept within its memory.
fn assert_import(imported: &Imported, files: &[PathBuf]) {
    let peak_kib = imported.peak_kib;
    println!(
        "import: {:.1?}, at most {peak_kib} KiB, {}",
        imported.time, imported.summary
    );
    let mut refused = imported.refused();
    refused.sort();
    let is_empty = |path: &&PathBuf| fs::metadata(path).unwrap().len() == 0;
    let mut empty: Vec<_> = files
        .iter()
        .filter(is_empty)
        .filter(|path| !path.iter().any(|part| part == ".stamps"))
        .map(|path| (path.clone(), "it is empty".to_owned()))
        .collect();
    empty.sort();
    assert!(!empty.is_empty());
    assert_eq!(refused, empty);
    assert_eq!(imported.status.code(), Some(3), "partly done");
    let most_kib = MOST_KIB + WORKERS * WORKER_KIB;
    assert!(peak_kib < most_kib, "the import took {peak_kib} KiB");
}

/// Asserts that every document, and nothing else, is shown where it belongs.
fn assert_belonging(
    shown: &BTreeMap<String, Paths>,
    documents: &BTreeMap<String, Document>,
    belonging: &BTreeMap<&str, Vec<Folders>>,
) {
    let listed: Vec<_> = shown.keys().collect();
    let expected: Vec<_> = documents.keys().collect();
    assert_eq!(listed, expected, "by SHA-256");
    for (sha256, paths) in shown {
        let document = &documents[sha256];
        let folders = paths.all_folders();
        let belonging = &belonging[sha256.as_str()];
        assert!(
            belonging.contains(&folders),
            "{document:#?} belongs to {belonging:#?} and lies in {folders:#?}"
        );
        let extension = format!(".{}", folders.format);
        assert!(paths.name().ends_with(&extension), "{paths:#?}");
        assert_hash_name(document, documents, paths, &extension);
    }
}

/// Asserts that a document is listed once in `by-hash/`: by its MD5, or else by its SHA-1 if another has
/// that MD5.
fn assert_hash_name(
    document: &Document,
    documents: &BTreeMap<String, Document>,
    paths: &Paths,
    extension: &str,
) {
    let entry = paths.only("by-hash");
    assert_eq!(entry.folder, document.md5[..2], "{entry:#?}");
    let stem = entry.name.strip_suffix(extension);
    let twins = documents.values().filter(|it| it.md5 == document.md5);
    let is_by_sha1 = twins.count() > 1 && stem == Some(document.sha1.as_str());
    assert!(stem == Some(&document.md5) || is_by_sha1, "{entry:#?}");
}

/// Asserts that the documents of the manifest are there, under the MD5 that is written there.
fn assert_real_documents(corpus: &Path, shown: &BTreeMap<String, Paths>) {
    let names = || shown.values().map(|paths| &paths.only("by-hash").name);
    let stems: Vec<_> = names()
        .filter_map(|name| name.split_once('.').map(|(stem, _)| stem))
        .collect();
    for row in rows(&corpus.join("manifest.tsv")) {
        let (md5, path) = (row[0].as_str(), &row[4]);
        assert!(stems.contains(&md5), "{path} is not in by-hash/");
    }
}

/// Asserts that each of two documents with one MD5, or one SHA-1, is reached by the hash that is its own.
fn assert_collisions(corpus: &Path, mount: &Mount, shown: &BTreeMap<String, Paths>) {
    let hostile = corpus.join("hostile");
    let pairs = rows(&hostile.join("collisions.tsv"));
    assert!(pairs.len() >= 8, "{pairs:?}");
    for pair in pairs {
        let other = if pair[0] == "md5" {
            "sha1sum"
        } else {
            "md5sum"
        };
        let files = [&pair[1], &pair[2]].map(|file| hostile.join(file));
        let sha256 = digests("sha256sum", &files);
        assert_ne!(sha256[0], sha256[1], "{pair:?}");
        let names = [0, 1].map(|at| &shown[&sha256[at]].only("by-hash").name);
        assert_ne!(names[0], names[1], "{pair:?}");
        let addresses: Vec<_> = digests(other, &files)
            .iter()
            .map(|digest| mount.join("by-hash").join(digest))
            .collect();
        assert_eq!(digests("sha256sum", &addresses), sha256, "{pair:?}");
    }
}

/// The most memory that a living process has held so far (`VmHWM`, proc(5)).
fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}
