//! Blobs in an object store: how they come there, and what happens when the store or a process stops.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use librisfs::archive::{Access, Archive, ImportOptions, InitOptions, ScrubOptions, Unobserved};
use librisfs::blob::{Adopted, BlobStore, Error, ObjectStore, Presence};

mod s3_support;

use s3_support::{
    BOUND, KEY_ID, MIB, Raw, SECRET, Server, World, blob_of, files, noise, put, read, stage,
    wait_until,
};

#[test]
fn a_large_blob_comes_and_goes_in_parts() {
    let world = World::new();
    let bytes = noise(20 << 20, 1);
    let brought = world.machine("a", 1 << 30);
    let blob = put(&brought, &bytes);
    assert_eq!(brought.presence(&blob).unwrap(), Presence::Whole);
    let reads = world.machine("b", 1 << 30);
    assert!(read(&reads, &blob, 0, bytes.len()) == bytes);
    // Parts have an ETag that is no MD5: it must be told all the same that they are these bytes.
    let before = world.server.sent_bytes();
    let mut again = [stage(&reads, &bytes)];
    assert_eq!(reads.adopt(&mut again).unwrap(), [Adopted::Present]);
    assert!(world.server.sent_bytes() - before < MIB);
}

#[test]
fn a_store_that_stops_is_an_error_and_heals_by_itself() {
    let mut world = World::new();
    let store = world.machine("a", 1 << 30);
    let bytes = noise(3 << 20, 40);
    let blob = put(&world.machine("b", 1 << 30), &bytes);
    let attempt = |what: &dyn Fn() -> Result<(), Error>| {
        let started = Instant::now();
        let error = what().unwrap_err();
        assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
        assert!(matches!(error, Error::Unreachable { .. }), "{error}");
        let told = error.to_string();
        assert!(!told.contains(KEY_ID) && !told.contains(SECRET), "{told}");
    };
    // It is gone, then it hangs.
    for is_frozen in [false, true] {
        if is_frozen {
            world.server.freeze(true);
        } else {
            world.server.stop();
        }
        let mut batch: Vec<_> = (0..40)
            .map(|n| stage(&store, &noise(100, 41 + n)))
            .collect();
        let batch_of = std::cell::RefCell::new(&mut batch);
        attempt(&|| store.open(&blob).map(drop));
        attempt(&|| store.adopt(&mut batch_of.borrow_mut()[..]).map(drop));
        attempt(&|| store.presence(&blob).map(drop));
        attempt(&|| store.walk(&mut |_| panic!("it cannot be listed")));
        if is_frozen {
            world.server.freeze(false);
        } else {
            world.server.start_again();
        }
        wait_until("it can be read again", || store.open(&blob).is_ok());
        assert!(read(&store, &blob, 0, bytes.len()) == bytes);
        wait_until("it takes again", || store.adopt(&mut batch).is_ok());
        for (_, blob) in &batch {
            assert_eq!(store.presence(blob).unwrap(), Presence::Whole);
            store.remove(blob).unwrap();
        }
        store.remove(&blob).unwrap();
        put(&store, &bytes);
        fs::remove_dir_all(world.dir.path().join("a/cache")).unwrap();
    }
}

#[test]
fn a_store_that_is_away_for_a_moment_is_not_noticed() {
    let mut world = World::new();
    let bytes = noise(100, 42);
    let blob = put(&world.machine("a", 1 << 30), &bytes);
    let store = world.machine("b", 1 << 30);
    world.server.stop();
    thread::scope(|scope| {
        let reads = scope.spawn(|| read(&store, &blob, 0, 100));
        world.server.start_again();
        assert!(reads.join().unwrap() == bytes);
    });
}

#[test]
fn an_upload_that_hangs_ends() {
    let world = World::new();
    let store = world.machine("a", 1 << 30);
    world.server.let_through(10 << 20);
    let bytes = noise(30 << 20, 43);
    let mut batch = [stage(&store, &bytes)];
    let answer = store.adopt(&mut batch);
    assert!(
        matches!(answer, Err(Error::Unreachable { .. })),
        "{answer:?}"
    );
    assert!(batch[0].0.is_here());
    world.server.let_through(u64::MAX);
    wait_until("it takes again", || store.adopt(&mut batch).is_ok());
    assert!(read(&world.machine("b", 1 << 30), &batch[0].1, 0, bytes.len()) == bytes);
}

#[test]
fn a_process_killed_while_it_brings_leaves_no_object() {
    let world = World::new();
    let bytes = noise(64 << 20, 44);
    let source = world.dir.path().join("source.bin");
    fs::write(&source, &bytes).unwrap();
    world.server.let_through(40 << 20);
    let mut import = world.import("archive", &source);
    wait_until("it is in the middle", || {
        world.server.received_bytes() > 40 << 20
    });
    import.kill().unwrap();
    import.wait().unwrap();
    world.server.let_through(u64::MAX);
    let blob = blob_of(&bytes);
    let store = world.machine("b", 1 << 30);
    assert_eq!(store.presence(&blob).unwrap(), Presence::Missing);
    assert!(world.import("archive", &source).wait().unwrap().success());
    assert!(read(&store, &blob, 0, bytes.len()) == bytes);
}

#[test]
fn two_processes_that_bring_the_same_are_one_blob() {
    let world = World::new();
    let sources = world.dir.path().join("sources");
    fs::create_dir(&sources).unwrap();
    let contents: Vec<_> = (0..20).map(|n| noise(20_000, 50 + n)).collect();
    let large = noise(10 << 20, 90);
    for (n, bytes) in contents.iter().chain([&large]).enumerate() {
        fs::write(sources.join(format!("{n}.bin")), bytes).unwrap();
    }
    let mut imports = ["one", "two"].map(|archive| world.import(archive, &sources));
    for import in &mut imports {
        assert!(import.wait().unwrap().success());
    }
    let store = world.machine("b", 1 << 30);
    let mut found = 0;
    let walked = store.walk(&mut |_| {
        found += 1;
        std::ops::ControlFlow::Continue(())
    });
    walked.unwrap();
    assert_eq!(found, contents.len() + 1);
    for bytes in contents.iter().chain([&large]) {
        assert!(read(&store, &blob_of(bytes), 0, bytes.len()) == *bytes);
    }
}

/// Reads a part of a blob, says so, and never ends. For the test below.
#[test]
fn an_archive_keeps_its_blobs_in_a_store() {
    let world = World::new();
    let dir = world.dir.path().join("archive");
    let init = World::librisfs()
        .arg("init")
        .arg(&dir)
        .args(["--blobs", &world.server.url("p")])
        .status();
    assert!(init.unwrap().success());
    assert!(!dir.join("blobs").exists());
    let config = dir.join("librisfs.toml");
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("[blobs]") && !text.contains(SECRET));
    // Without the environment: a file that the configuration names.
    let keys = format!("credentials = {:?}\n", world.server.keys());
    fs::write(
        &config,
        text.replace("[blobs]\n", &format!("[blobs]\n{keys}")),
    )
    .unwrap();

    let sources = world.dir.path().join("sources");
    fs::create_dir(&sources).unwrap();
    for n in 0..5 {
        fs::write(sources.join(format!("{n}.txt")), format!("text {n}")).unwrap();
    }
    let archive = Archive::open(&dir, Access::ReadWrite).unwrap();
    let moves = ImportOptions {
        move_files: true,
        ..ImportOptions::default()
    };
    let import = || archive.import(std::slice::from_ref(&sources), &moves, &Unobserved);
    let summary = import().unwrap();
    assert_eq!((summary.new, summary.moved), (5, 5));
    assert!(files(&sources).is_empty());
    fs::write(sources.join("again.txt"), "text 3").unwrap();
    let summary = import().unwrap();
    assert_eq!((summary.duplicates, summary.moved), (1, 1));
    assert_eq!(archive.status().unwrap().quarantined, 0);

    // A scrub looks at the store, whatever the cache has.
    let blob = blob_of(b"text 3");
    world
        .server
        .overwrite(&Server::key_of("p", &blob), b"rot! 3");
    let scrub = |repair| {
        let options = ScrubOptions {
            repair,
            ..ScrubOptions::default()
        };
        archive.scrub(&options, &Unobserved).unwrap()
    };
    let report = scrub(true);
    assert_eq!((report.intact, report.damaged.len()), (4, 1));
    assert!(report.damaged[0].quarantined.is_some());
    assert_eq!(archive.status().unwrap().quarantined, 1);
    fs::write(sources.join("again.txt"), "text 3").unwrap();
    assert_eq!(import().unwrap().healed, 1);
    assert!(scrub(false).is_clean());
    assert_eq!(archive.gc(false, &Unobserved).unwrap().blobs, 0);
}

#[test]
fn what_a_store_needs_is_said() {
    let world = World::new();
    let dir = world.dir.path().join("archive");
    let init = |url: &str, with_keys: bool| {
        let mut command = World::librisfs();
        if !with_keys {
            command.env_remove("AWS_ACCESS_KEY_ID");
        }
        let output = command
            .arg("init")
            .arg(&dir)
            .args(["--blobs", url])
            .stderr(Stdio::piped())
            .output()
            .unwrap();
        assert!(!dir.exists());
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(!told.contains("hush") && !told.contains(SECRET), "{told}");
        (output.status.code().unwrap(), told)
    };
    let (code, told) = init("s3://AKID:hush@bucket/p", true);
    assert!(
        code == 2 && told.contains("AWS_SECRET_ACCESS_KEY"),
        "{told}"
    );
    let (code, told) = init(&world.server.url("p"), false);
    assert!(code == 1 && told.contains("AWS_ACCESS_KEY_ID"), "{told}");
    Raw::of(&world.server.url("")).put("taken/archive", b"00000000000000000000000000000000");
    let (code, told) = init(&world.server.url("taken"), true);
    assert!(code == 1 && told.contains("another archive"), "{told}");
    let other = world.server.url("p").replace("archive", "nowhere");
    let (code, told) = init(&other, true);
    assert!(code == 1 && told.contains("bucket"), "{told}");
    let keys = world.dir.path().join("other-keys");
    fs::write(
        &keys,
        format!("aws_access_key_id = {KEY_ID}\naws_secret_access_key = hush\n"),
    )
    .unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o600)).unwrap();
    let options = librisfs::blob::ObjectOptions {
        url: world.server.url("p").parse().unwrap(),
        credentials: Some(keys),
        cache: dir.join("cache"),
        cache_bytes: MIB,
    };
    let staging = librisfs::blob::Staging::new(dir.join("staging"));
    let told = ObjectStore::open(options, staging)
        .unwrap()
        .check()
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("keys") && !told.contains("hush") && !told.contains(KEY_ID),
        "{told}"
    );
    let refused = Archive::init(
        &dir,
        &InitOptions {
            blobs: Some("ftp://x".into()),
            ..InitOptions::default()
        },
    );
    assert!(refused.is_err() && !dir.exists());
}

#[test]
fn many_are_brought_at_once_and_in_order() {
    let world = World::new();
    let store = Arc::new(world.machine("a", 1 << 30));
    let mut batch: Vec<_> = (0..100)
        .map(|n| stage(&*store, &noise(500, 200 + n)))
        .collect();
    let adopted = store.adopt(&mut batch).unwrap();
    assert_eq!(adopted, [Adopted::New; 100]);
    let mut half: Vec<_> = (50..150)
        .map(|n| stage(&*store, &noise(500, 200 + n)))
        .collect();
    let adopted = store.adopt(&mut half).unwrap();
    assert_eq!(adopted[..50], [Adopted::Present; 50]);
    assert_eq!(adopted[50..], [Adopted::New; 50]);
    assert!(half.iter().all(|(staged, _)| !staged.is_here()));
}
