//! What is read of an object store: what is fetched, what is kept of it, and how much.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use librisfs::blob::{BlobStore, Error, ObjectStore, Presence};
use librisfs::hash::BlobId;

mod s3_support;

use s3_support::{MIB, Server, World, disk_bytes, noise, put, read, wait_until};

#[test]
fn only_the_pieces_that_are_read_are_fetched() {
    let world = World::new();
    let bytes = noise(24 << 20, 2);
    let blob = put(&world.machine("a", 1 << 30), &bytes);
    let store = world.machine("b", 1 << 30);
    let before = world.server.sent_bytes();
    let open = store.open(&blob).unwrap();
    assert!(open.backing().is_none());
    let mut part = vec![0; 4096];
    open.read_at(&mut part, 0).unwrap();
    assert!(part == bytes[..4096]);
    open.read_at(&mut part, 17 << 20).unwrap();
    assert!(part == bytes[17 << 20..][..4096]);
    let fetched = world.server.sent_bytes() - before;
    assert!((2 * MIB..3 * MIB).contains(&fetched), "{fetched}");
    assert!(world.cached("b").is_empty());
}

#[test]
fn readers_of_one_piece_fetch_it_once() {
    let world = World::new();
    let bytes = noise(4 << 20, 3);
    let blob = put(&world.machine("a", 1 << 30), &bytes);
    let store = world.machine("b", 1 << 30);
    let before = world.server.sent_bytes();
    let start = Barrier::new(8);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                start.wait();
                assert!(read(&store, &blob, 0, 1 << 20) == bytes[..1 << 20]);
            });
        }
    });
    let fetched = world.server.sent_bytes() - before;
    // Who reads in order may have had all the others fetched ahead, too, each once.
    assert!((MIB..5 * MIB).contains(&fetched), "{fetched}");
}

#[test]
fn what_is_whole_is_read_without_the_store() {
    let mut world = World::new();
    let (large, small) = (noise(5 << 20, 4), noise(1000, 5));
    let brings = world.machine("a", 1 << 30);
    let (large_blob, small_blob) = (put(&brings, &large), put(&brings, &small));
    let store = world.machine("b", 1 << 30);
    let open = store.open(&large_blob).unwrap();
    let mut at = 0;
    let mut part = vec![0; 128 << 10];
    while at < large.len() {
        let filled = open.read_at(&mut part, at as u64).unwrap();
        assert!(part[..filled] == large[at..at + filled]);
        at += filled;
    }
    wait_until("it is verified and kept", || world.cached("b").len() == 1);
    wait_until("the kernel may read it", || open.backing().is_some());
    // One of a single piece is whole when it is opened.
    assert!(store.open(&small_blob).unwrap().backing().is_some());
    world.server.stop();
    assert!(read(&store, &large_blob, 0, large.len()) == large);
    assert!(read(&store, &small_blob, 0, small.len()) == small);
    // What was brought here is kept here, too.
    assert!(read(&brings, &large_blob, 0, large.len()) == large);
}

#[test]
fn other_bytes_are_never_kept() {
    let world = World::new();
    let (mut large, small) = (noise(3 << 20, 6), noise(1000, 7));
    let brings = world.machine("a", 1 << 30);
    let (large_blob, small_blob) = (put(&brings, &large), put(&brings, &small));
    large[2 << 20] ^= 1;
    let overwrite = |blob: &BlobId, bytes: &[u8]| {
        world.server.overwrite(&Server::key_of("p", blob), bytes);
    };
    overwrite(&large_blob, &large);
    overwrite(&small_blob, &noise(1000, 8));
    let store = world.machine("b", 1 << 30);
    let is_wrong = |error| matches!(error, Error::WrongBytes { .. });
    assert!(store.open(&small_blob).err().is_some_and(is_wrong));
    let open = store.open(&large_blob).unwrap();
    let mut bytes = vec![0; large.len()];
    // It is known when all has come.
    let _ = open.read_at(&mut bytes, 0);
    wait_until("it is found out", || {
        let read = open.read_at(&mut bytes, 0);
        assert!(read.is_err() || bytes == large);
        read.err().is_some_and(is_wrong)
    });
    assert!(world.cached("b").is_empty());
}

#[test]
fn the_cache_keeps_its_bound() {
    let world = World::new();
    let bound = 8 * MIB;
    let brings = world.machine("a", 1 << 30);
    let large = noise(24 << 20, 100);
    let large_blob = put(&brings, &large);
    let contents: Vec<_> = (0..24).map(|n| noise(900 << 10, 10 + n)).collect();
    let blobs: Vec<_> = contents.iter().map(|bytes| put(&brings, bytes)).collect();
    let store = world.machine("b", bound);
    let cache = world.dir.path().join("b/cache");
    let check = || {
        let used = disk_bytes(&cache);
        assert!(used <= bound, "{used}");
    };
    for (blob, bytes) in blobs.iter().zip(&contents) {
        assert!(read(&store, blob, 0, bytes.len()) == *bytes);
        // The first is used all the time, so that it stays.
        assert!(read(&store, &blobs[0], 0, 10) == contents[0][..10]);
        check();
    }
    assert!(cache.join("whole").join(blobs[0].to_string()).exists());
    assert!(!cache.join("whole").join(blobs[1].to_string()).exists());
    // One that is larger than the cache is read in pieces, which make room for each other.
    let open = store.open(&large_blob).unwrap();
    let mut part = vec![0; 256 << 10];
    for at in (0..large.len()).step_by(part.len()) {
        open.read_at(&mut part, at as u64).unwrap();
        assert!(part == large[at..][..part.len()], "at {at}");
        check();
    }
    // A second machine's process fills the same folder.
    let other = world.machine("b", bound);
    thread::scope(|scope| {
        for store in [&store, &other] {
            scope.spawn(|| {
                for (blob, bytes) in blobs.iter().zip(&contents) {
                    assert!(read(store, blob, 0, bytes.len()) == *bytes);
                    check();
                }
            });
        }
    });
}

#[test]
#[ignore = "a part of a_process_killed_while_it_reads_leaves_nothing_wrong"]
fn reads_until_it_is_killed() {
    let of = |name: &str| std::env::var(name).unwrap();
    let options = librisfs::blob::ObjectOptions {
        url: of("TEST_URL").parse().unwrap(),
        credentials: Some(of("TEST_KEYS").into()),
        cache: PathBuf::from(of("TEST_DIR")).join("cache"),
        cache_bytes: 1 << 30,
    };
    let staging = librisfs::blob::Staging::new(PathBuf::from(of("TEST_DIR")).join("staging"));
    let store = ObjectStore::open(options, staging).unwrap();
    let open = store.open(&of("TEST_BLOB").parse().unwrap()).unwrap();
    open.read_at(&mut vec![0; 3 << 20], 0).unwrap();
    fs::write(PathBuf::from(of("TEST_DIR")).join("reads"), "").unwrap();
    loop {
        thread::park();
    }
}

#[test]
fn a_process_killed_while_it_reads_leaves_nothing_wrong() {
    let world = World::new();
    let bytes = noise(6 << 20, 60);
    let blob = put(&world.machine("a", 1 << 30), &bytes);
    let dir = world.dir.path().join("b");
    fs::create_dir_all(dir.join("staging")).unwrap();
    let mut reader = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "reads_until_it_is_killed", "--ignored"])
        .env("TEST_URL", world.server.url("p"))
        .env("TEST_KEYS", world.server.keys())
        .env("TEST_DIR", &dir)
        .env("TEST_BLOB", blob.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_until("it reads", || dir.join("reads").exists());
    reader.kill().unwrap();
    reader.wait().unwrap();
    assert_eq!(world.partial("b").len(), 1);
    assert!(world.cached("b").is_empty());
    let store = world.machine("b", 1 << 30);
    assert!(read(&store, &blob, 0, bytes.len()) == bytes);
    wait_until("it is whole", || world.cached("b").len() == 1);
    wait_until("what the dead left is gone", || {
        world.partial("b").is_empty()
    });
    let open = store.open(&blob).unwrap();
    open.drop_cache();
    assert_eq!(fs::read(&world.cached("b")[0]).unwrap(), bytes);
}

#[test]
fn a_purge_destroys_what_other_machines_have_when_they_list() {
    let world = World::new();
    let (one, other) = (world.machine("a", 1 << 30), world.machine("b", 1 << 30));
    let bytes = noise(3 << 20, 70);
    let blob = put(&one, &bytes);
    assert!(read(&other, &blob, 0, bytes.len()) == bytes);
    wait_until("it is whole", || world.cached("b").len() == 1);
    let reader = other.open(&blob).unwrap();
    assert!(one.destroy(&blob).unwrap());
    assert!(world.cached("a").is_empty());
    assert_eq!(other.presence(&blob).unwrap(), Presence::Missing);
    other
        .walk(&mut |_| std::ops::ControlFlow::Continue(()))
        .unwrap();
    assert!(world.cached("b").is_empty());
    assert!(reader.read_at(&mut [0; 10], 0).is_err());
}

#[test]
fn a_purge_destroys_pieces_that_another_process_reads() {
    let world = World::new();
    let bytes = noise(8 << 20, 71);
    let blob = put(&world.machine("a", 1 << 30), &bytes);
    let (one, other) = (world.machine("b", 1 << 30), world.machine("b", 1 << 30));
    let reader = other.open(&blob).unwrap();
    reader.read_at(&mut [0; 10], 0).unwrap();
    assert!(one.destroy(&blob).unwrap());
    assert!(reader.read_at(&mut [0; 10], 0).is_err());
    assert!(reader.read_at(&mut [0; 10], 5 << 20).is_err());
}
