//! What every blob store must keep, asked of each of them; and what staging must keep.

use std::fs;
use std::io::Write;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use librisfs::blob::{
    Adopted, BlobStore, Error, Found, LocalStore, ObjectOptions, ObjectStore, Presence, Staged,
    Staging, Waiting,
};
use librisfs::hash::{BlobHasher, BlobId};

mod s3_support;

use s3_support::Server;

type Overwrite = Box<dyn Fn(&BlobId, &[u8])>;

/// A store under test, and how to damage it behind its back.
struct Bench {
    _server: Option<Server>,
    _dir: tempfile::TempDir,
    store: Box<dyn BlobStore>,
    /// Whether what quarantine has told of is still there.
    is_kept: Box<dyn Fn(&Path) -> bool>,
    /// Replaces the bytes of a blob.
    overwrite: Overwrite,
    /// Puts two things into the store that are no blobs.
    litter: Box<dyn Fn()>,
}

fn local() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let blobs = dir.path().join("blobs");
    let store = LocalStore::create(
        blobs.clone(),
        dir.path().join("quarantine"),
        Staging::new(dir.path().join("staging")),
    )
    .unwrap();
    let shards = blobs.clone();
    Bench {
        _server: None,
        _dir: dir,
        store: Box::new(store),
        is_kept: Box::new(Path::exists),
        overwrite: Box::new(move |blob, bytes| {
            let name = blob.to_string();
            let path = shards.join(&name[..2]).join(&name);
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }),
        litter: Box::new(move || {
            fs::write(blobs.join("README"), b"no blob").unwrap();
            fs::write(blobs.join("00").join("README"), b"no blob").unwrap();
        }),
    }
}

/// A store on an S3 server of its own, or on the one that `LIBRISFS_TEST_BLOBS` names.
fn object(prefix: &str) -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    s3_support::write_keys(&keys);
    let (server, prefix, url) = if let Ok(base) = std::env::var("LIBRISFS_TEST_BLOBS") {
        let own = dir.path().file_name().unwrap().to_str().unwrap();
        let prefix = own.trim_start_matches('.').to_owned();
        (
            None,
            prefix.clone(),
            s3_support::with_prefix(&base, &prefix),
        )
    } else {
        let server = Server::start();
        let url = server.url(prefix);
        (Some(server), prefix.to_owned(), url)
    };
    let raw = std::rc::Rc::new(s3_support::Raw::of(&url));
    let staging = dir.path().join("staging");
    fs::create_dir(&staging).unwrap();
    let options = ObjectOptions {
        url: url.parse().unwrap(),
        credentials: Some(keys),
        cache: dir.path().join("cache"),
        cache_bytes: 64 << 20,
    };
    let store = ObjectStore::open(options, Staging::new(staging)).unwrap();
    let cache = dir.path().join("cache/whole");
    let (keeper, writer, litterer) = (raw.clone(), raw.clone(), raw);
    let key = move |name: &str| {
        let slash = if prefix.is_empty() { "" } else { "/" };
        format!("{prefix}{slash}{name}")
    };
    let key_of = key.clone();
    Bench {
        _server: server,
        _dir: dir,
        store: Box::new(store),
        is_kept: Box::new(move |told| {
            let key = told.to_str().unwrap().strip_prefix("s3://archive/");
            keeper.exists(key.unwrap())
        }),
        overwrite: Box::new(move |blob, bytes| {
            let name = blob.to_string();
            let _ = fs::remove_file(cache.join(&name));
            writer.put(&key_of(&format!("{}/{name}", &name[..2])), bytes);
        }),
        litter: Box::new(move || {
            for name in ["README", "00/README"] {
                litterer.put(&key(name), b"no blob");
            }
        }),
    }
}

/// Asks `claim` of every store.
fn of_each(claim: impl Fn(&Bench, &dyn BlobStore)) {
    let mut benches = vec![local(), object("library/main")];
    if std::env::var_os("LIBRISFS_TEST_BLOBS").is_none() {
        benches.push(object(""));
    }
    for bench in &benches {
        claim(bench, &*bench.store);
    }
}

fn id_of(bytes: &[u8]) -> BlobId {
    let mut hasher = BlobHasher::new();
    hasher.update(bytes);
    hasher.finish()
}

fn stage(store: &dyn BlobStore, bytes: &[u8]) -> (Staged, BlobId) {
    let (staged, mut file) = store.staging().create().unwrap();
    file.write_all(bytes).unwrap();
    (staged, id_of(bytes))
}

fn put(store: &dyn BlobStore, bytes: &[u8]) -> BlobId {
    let mut batch = [stage(store, bytes)];
    store.adopt(&mut batch).unwrap();
    batch[0].1
}

fn bytes_of(store: &dyn BlobStore, blob: &BlobId) -> Vec<u8> {
    let open = store.open(blob).unwrap();
    let mut bytes = vec![0; usize::try_from(open.size_bytes()).unwrap() + 10];
    let read = open.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(read);
    bytes
}

fn contents(store: &dyn BlobStore) -> (Vec<BlobId>, Vec<PathBuf>) {
    let (mut blobs, mut strays) = (Vec::new(), Vec::new());
    store
        .walk(&mut |found| {
            match found {
                Found::Blob { blob, .. } => blobs.push(blob),
                Found::Stray(path) => strays.push(path),
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    (blobs, strays)
}

fn nothing_waits(store: &dyn BlobStore) -> bool {
    store.staging().waiting().unwrap() == Waiting::default()
}

#[test]
fn adopted_bytes_read_back() {
    of_each(|_, store| {
        for count in [1_u32, 4, 5, 300] {
            let bytes = |n: u32| format!("{count} {n}").into_bytes();
            let mut batch: Vec<_> = (0..count).map(|n| stage(store, &bytes(n))).collect();
            let adopted = store.adopt(&mut batch).unwrap();
            assert_eq!(adopted, vec![Adopted::New; batch.len()]);
            for (n, (_, blob)) in (0..count).zip(&batch) {
                assert_eq!(bytes_of(store, blob), bytes(n));
                assert_eq!(store.presence(blob).unwrap(), Presence::Whole);
            }
        }
        assert_eq!(contents(store).0.len(), 310);
        assert!(nothing_waits(store));
    });
}

#[test]
fn reads_stay_within_the_blob() {
    of_each(|_, store| {
        let blob = put(store, b"0123456789");
        let open = store.open(&blob).unwrap();
        for (offset, most, expected) in [
            (3, 4, &b"3456"[..]),
            (8, 10, b"89"),
            (10, 10, b""),
            (u64::MAX, 10, b""),
        ] {
            let mut buffer = vec![0; most];
            let read = open.read_at(&mut buffer, offset).unwrap();
            assert_eq!(&buffer[..read], expected, "at {offset}");
        }
    });
}

#[test]
fn the_same_bytes_are_kept_once() {
    of_each(|_, store| {
        let blob = put(store, b"same");
        let mut batch = [b"same", b"more", b"more"].map(|bytes| stage(store, bytes));
        assert_eq!(
            store.adopt(&mut batch).unwrap(),
            [Adopted::Present, Adopted::New, Adopted::Present]
        );
        assert_eq!(bytes_of(store, &blob), b"same");
        assert_eq!(contents(store).0.len(), 2);
        assert!(nothing_waits(store));
    });
}

#[test]
fn bytes_of_another_size_are_replaced_and_kept_aside() {
    of_each(|bench, store| {
        let blob = put(store, b"whole");
        (bench.overwrite)(&blob, b"cut");
        let cut = Presence::WrongSize { found_bytes: 3 };
        assert_eq!(store.presence(&blob).unwrap(), cut);
        assert!(matches!(
            store.open(&blob),
            Err(Error::WrongSize { found_bytes: 3, .. })
        ));
        let adopted = store.adopt(&mut [stage(store, b"whole")]).unwrap();
        assert_eq!(adopted, [Adopted::Replaced]);
        assert_eq!(bytes_of(store, &blob), b"whole");
        assert_eq!(store.quarantined().unwrap(), 1);
    });
}

#[test]
fn other_bytes_of_the_right_size_are_replaced_and_kept_aside() {
    of_each(|bench, store| {
        let blob = put(store, b"whole");
        (bench.overwrite)(&blob, b"WHOLE");
        assert_eq!(store.presence(&blob).unwrap(), Presence::Whole);
        let adopted = store.adopt(&mut [stage(store, b"whole")]).unwrap();
        assert_eq!(adopted, [Adopted::Replaced]);
        assert_eq!(bytes_of(store, &blob), b"whole");
        assert_eq!(store.quarantined().unwrap(), 1);
    });
}

#[test]
fn bytes_destroyed_under_a_reader_are_an_error() {
    of_each(|_, store| {
        let blob = put(store, b"0123456789");
        let open = store.open(&blob).unwrap();
        store.destroy(&blob).unwrap();
        assert!(open.read_at(&mut [0; 10], 0).is_err());
    });
}

#[test]
fn removed_blobs_are_missing_but_read_on() {
    of_each(|_, store| {
        let blob = put(store, b"bytes");
        let reader = store.open(&blob).unwrap();
        assert!(store.remove(&blob).unwrap());
        assert!(!store.remove(&blob).unwrap());
        assert_eq!(store.presence(&blob).unwrap(), Presence::Missing);
        assert!(matches!(store.open(&blob), Err(Error::Missing(b)) if b == blob));
        let mut buffer = [0; 5];
        assert_eq!(reader.read_at(&mut buffer, 0).unwrap(), 5);
        assert_eq!(&buffer, b"bytes");
    });
}

#[test]
fn destroying_reaches_quarantine_too() {
    of_each(|bench, store| {
        let blob = put(store, b"bytes");
        let kept = store.quarantine(&blob).unwrap();
        let other = put(store, b"other");
        let other_kept = store.quarantine(&other).unwrap();
        put(store, b"bytes");
        assert_eq!(store.quarantined().unwrap(), 2);
        assert!(store.destroy(&blob).unwrap());
        assert!(!store.destroy(&blob).unwrap());
        assert_eq!(store.presence(&blob).unwrap(), Presence::Missing);
        assert!(!(bench.is_kept)(&kept));
        assert!((bench.is_kept)(&other_kept));
    });
}

#[test]
fn quarantine_keeps_all_that_it_is_given() {
    of_each(|_, store| {
        let blob = put(store, b"bytes");
        let first = store.quarantine(&blob).unwrap();
        put(store, b"bytes");
        let second = store.quarantine(&blob).unwrap();
        assert_ne!(first, second);
        assert!(matches!(store.quarantine(&blob), Err(Error::Missing(_))));
        assert!(contents(store).0.is_empty());
    });
}

#[test]
fn strays_are_told_from_blobs() {
    of_each(|bench, store| {
        let blob = put(store, b"bytes");
        (bench.litter)();
        let (blobs, strays) = contents(store);
        assert_eq!(blobs, [blob]);
        assert_eq!(strays.len(), 2);
    });
}

#[test]
fn the_visitor_can_end_the_walk() {
    of_each(|_, store| {
        put(store, b"one");
        put(store, b"two");
        let mut visits = 0;
        let answer = store.walk(&mut |_| {
            visits += 1;
            ControlFlow::Break(())
        });
        answer.unwrap();
        assert_eq!(visits, 1);
    });
}

#[test]
fn a_failed_batch_can_be_offered_again() {
    of_each(|_, store| {
        let bytes = |n: u32| n.to_string().into_bytes();
        let mut batch: Vec<_> = (0..9).map(|n| stage(store, &bytes(n))).collect();
        fs::remove_file(batch[5].0.path()).unwrap();
        assert!(store.adopt(&mut batch).is_err());
        batch[5] = stage(store, &bytes(5));
        let adopted = store.adopt(&mut batch).unwrap();
        // Of the others, some may have been brought by the first attempt.
        assert_eq!(adopted[5], Adopted::New);
        for (n, (_, blob)) in (0..).zip(&batch) {
            assert_eq!(bytes_of(store, blob), bytes(n));
        }
    });
}

#[test]
fn room_is_told() {
    of_each(|_, store| {
        let space = store.space().unwrap();
        assert!(space.total_bytes > 0);
        assert!(space.available_bytes <= space.total_bytes);
    });
}

mod staging {
    use super::*;

    #[test]
    fn what_is_dropped_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let staging = Staging::new(dir.path().to_owned());
        let (staged, mut file) = staging.create().unwrap();
        file.write_all(b"bytes").unwrap();
        let one = Waiting { files: 1, bytes: 5 };
        assert_eq!(staging.waiting().unwrap(), one);
        drop(staged);
        assert_eq!(staging.waiting().unwrap(), Waiting::default());
        drop(staging);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }

    #[test]
    fn only_what_the_dead_left_is_cleared() {
        let dir = tempfile::tempdir().unwrap();
        let living = Staging::new(dir.path().to_owned());
        let (_staged, mut file) = living.create().unwrap();
        file.write_all(b"alive").unwrap();
        let dead = dir.path().join("4194305-1");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("lock"), b"").unwrap();
        fs::write(dead.join("0"), b"left").unwrap();
        fs::create_dir(dir.path().join("4194305-2")).unwrap();

        let left = Waiting { files: 1, bytes: 4 };
        assert_eq!(living.clear_leftovers(true).unwrap(), left);
        assert!(dead.join("0").exists());
        assert_eq!(living.clear_leftovers(false).unwrap(), left);
        assert_eq!(living.clear_leftovers(false).unwrap(), Waiting::default());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(living.waiting().unwrap(), Waiting { files: 1, bytes: 5 });
    }

    #[test]
    fn a_link_is_given_only_where_nobody_else_can_write() {
        let dir = tempfile::tempdir().unwrap();
        let staging_dir = dir.path().join("staging");
        fs::create_dir(&staging_dir).unwrap();
        let staging = Staging::new(staging_dir);
        let source = dir.path().join("source");
        fs::write(&source, b"bytes").unwrap();
        let link = || staging.link(&fs::File::open(&source).unwrap()).unwrap();

        let staged = link().expect("a file of one name that nobody writes to");
        assert!(staged.is_undisturbed());
        assert_eq!(fs::read(staged.path()).unwrap(), b"bytes");
        assert!(link().is_none(), "it has two names now");
        drop(staged);
        assert!(source.exists());

        let writer = fs::OpenOptions::new().append(true).open(&source).unwrap();
        assert!(link().is_none(), "somebody writes to it");
        drop(writer);
        assert!(link().is_some());

        fs::hard_link(&source, dir.path().join("second name")).unwrap();
        assert!(link().is_none(), "it has two names");
        assert_eq!(staging.waiting().unwrap(), Waiting::default());
    }

    #[test]
    fn a_link_on_another_file_system_is_not_given() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
        let source = elsewhere.path().join("source");
        fs::write(&source, b"bytes").unwrap();
        let source = fs::File::open(&source).unwrap();
        let staging = Staging::new(dir.path().to_owned());
        assert!(staging.link(&source).unwrap().is_none());
    }
}
