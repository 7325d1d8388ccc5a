//! What the parts cost by themselves: `cargo bench --bench parts`. The whole, on a mount and beside other
//! programs, is measured by `scripts/bench`.

use std::hint::black_box;
use std::ops::Range;
use std::sync::Arc;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use librisfs::archive::{Archive, FileId, FolderId, InitOptions};
use librisfs::book::Metadata;
use librisfs::catalogue::Arrival;
use librisfs::hash::{BlobHasher, BlobId, Md5Hasher, Sha1Hasher};
use librisfs::name::{Bucket, FileName, FolderName, Format, normal_form};
use librisfs::time::UnixSeconds;
use librisfs::view::{Place, Tree};

/// Books in the archive that is asked.
const BOOKS: u64 = 20_000;
/// What a commit takes at once, about.
const BATCH: u64 = 256;
/// Entries in a page of a listing.
const PAGE: usize = 1000;

fn metadata(number: u64) -> Metadata {
    Metadata {
        title: Some(format!("Été à l’île, tome {number}")),
        author: Some(format!("Anna Кузнецова; Boris Author {}", number / 3)),
        year: i32::try_from(1900 + number % 120).ok(),
        language: Some("fr".into()),
        publisher: None,
    }
}

fn format() -> Format {
    Format::new("epub").expect("a format")
}

fn arrival(number: u64) -> Arrival {
    let mut hasher = BlobHasher::new();
    hasher.update(&number.to_le_bytes());
    Arrival {
        blob: hasher.finish(),
        metadata: metadata(number),
        format: format(),
        mtime: UnixSeconds(1_700_000_000),
        book: None,
        file: None,
        replaces: None,
    }
}

fn arrivals(numbers: Range<u64>) -> Vec<Arrival> {
    numbers.map(arrival).collect()
}

/// An archive of [`BOOKS`] rows, in a folder that goes with it. Nothing lies in its blob store.
fn archive() -> (tempfile::TempDir, Archive) {
    let folder = tempfile::tempdir().expect("a scratch folder");
    let archive =
        Archive::init(&folder.path().join("archive"), &InitOptions::default()).expect("an archive");
    for first in (0..BOOKS).step_by(5000) {
        let batch = arrivals(first..first + 5000);
        archive.catalogue().admit(&batch).expect("a batch");
    }
    (folder, archive)
}

fn hashing(criterion: &mut Criterion) {
    let bytes = vec![0xa5; 1 << 20];
    let mut group = criterion.benchmark_group("hash 1 MiB");
    group.throughput(Throughput::Bytes(bytes.len() as u64));
    group.bench_function("MD5", |bencher| {
        bencher.iter(|| {
            let mut hasher = Md5Hasher::default();
            hasher.update(black_box(&bytes));
            hasher.finish()
        });
    });
    group.bench_function("SHA-1", |bencher| {
        bencher.iter(|| {
            let mut hasher = Sha1Hasher::default();
            hasher.update(black_box(&bytes));
            hasher.finish()
        });
    });
    group.bench_function("both in one pass", |bencher| {
        bencher.iter(|| {
            let mut hasher = BlobHasher::new();
            hasher.update(black_box(&bytes));
            hasher.finish()
        });
    });
    group.finish();
}

fn naming(criterion: &mut Criterion) {
    let (metadata, format) = (metadata(7), format());
    let name = FileName::compose(&metadata, &format);
    let mut group = criterion.benchmark_group("name");
    group.bench_function("of a file", |bencher| {
        bencher.iter(|| FileName::compose(black_box(&metadata), &format));
    });
    group.bench_function("of a folder", |bencher| {
        bencher.iter(|| FolderName::of(black_box("Anna Кузнецова")));
    });
    group.bench_function("normal form", |bencher| {
        bencher.iter(|| normal_form(black_box(name.as_str())));
    });
    group.bench_function("bucket", |bencher| {
        bencher.iter(|| Bucket::of(black_box(name.as_str())));
    });
    group.finish();
}

/// Calls `ask` with one book after the other, in no order.
fn asked(bencher: &mut criterion::Bencher<'_>, mut ask: impl FnMut(u64)) {
    let mut number = 0;
    bencher.iter(|| {
        number = (number + 7919) % BOOKS;
        ask(number);
    });
}

fn looking_up(criterion: &mut Criterion) {
    let (_folder, archive) = archive();
    let archive = Arc::new(archive);
    let tree = Tree::new(Arc::clone(&archive), 2000);
    let names: Vec<_> = (0..BOOKS)
        .map(|number| FileName::compose(&metadata(number), &format()))
        .collect();
    let blobs: Vec<BlobId> = (0..BOOKS).map(|number| arrival(number).blob).collect();
    let at = |number: u64| usize::try_from(number).expect("an index");
    let by_title = Place::of(FolderId::BY_TITLE);

    let mut group = criterion.benchmark_group("look-up");
    group.bench_function("by title", |bencher| {
        asked(bencher, |number| {
            let found = tree.look_up(by_title, names[at(number)].as_str());
            assert!(found.expect("an answer").is_some());
        });
    });
    group.bench_function("by hash", |bencher| {
        asked(bencher, |number| {
            let hash = blobs[at(number)].sha1.to_string();
            let found = tree.look_up(Place::of(FolderId::BY_HASH), &hash);
            assert!(found.expect("an answer").is_some());
        });
    });
    group.bench_function("of nothing", |bencher| {
        bencher.iter(|| tree.look_up(by_title, black_box("nothing of this name")));
    });
    group.bench_function("attributes", |bencher| {
        asked(bencher, |number| {
            let file = FileId::new(FileId::FIRST + number).expect("an id");
            assert!(tree.stat(file).expect("an answer").is_some());
        });
    });
    group.finish();

    let bucket = by_title.bucket(Bucket::of(names[0].as_str()));
    let mut group = criterion.benchmark_group("listing");
    group.throughput(Throughput::Elements(PAGE as u64));
    group.bench_function("page of 1,000", |bencher| {
        bencher.iter(|| {
            let page = tree.page(bucket, 0, PAGE).expect("a page");
            assert_eq!(page.len(), PAGE);
        });
    });
    group.finish();

    let mut group = criterion.benchmark_group("takedown check");
    group.bench_function("at open", |bencher| {
        asked(bencher, |number| {
            let file = FileId::new(FileId::FIRST + number).expect("an id");
            assert!(
                archive
                    .catalogue()
                    .blob_of(file)
                    .expect("an answer")
                    .is_some()
            );
        });
    });
    group.throughput(Throughput::Elements(BATCH));
    group.bench_function("of a batch of 256", |bencher| {
        let batch = &blobs[..at(BATCH)];
        bencher.iter(|| archive.catalogue().admissible(black_box(batch)));
    });
    group.finish();
}

fn ingesting(criterion: &mut Criterion) {
    let (_folder, archive) = archive();
    let mut next = BOOKS;
    let mut group = criterion.benchmark_group("ingest");
    group.throughput(Throughput::Elements(BATCH));
    group.sample_size(20);
    group.bench_function("a batch of 256", |bencher| {
        bencher.iter_batched(
            || {
                next += BATCH;
                arrivals(next - BATCH..next)
            },
            |batch: Vec<Arrival>| archive.catalogue().admit(&batch).expect("a batch"),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(parts, hashing, naming, looking_up, ingesting);
criterion_main!(parts);
