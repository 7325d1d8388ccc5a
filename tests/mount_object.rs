//! A mount whose blobs are in an object store: reading, writing, and a store that goes away and comes back.

use std::fs;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::process::Command;
use std::time::{Duration, Instant};

mod s3_support;
mod support;

use s3_support::{KEY_ID, SECRET, Server, noise};
use support::{Account, Mount, Scratch, blob_at, blob_of, librisfs, names, succeed, wait_until};

/// Longest wait for a store that does not answer.
const BOUND: Duration = Duration::from_secs(10);

/// An archive on a server of its own, with the keys in a file that its configuration names.
fn archive(server: &Server) -> Scratch {
    let scratch = Scratch::without_archive(Account::Root);
    succeed(
        librisfs()
            .env("AWS_ACCESS_KEY_ID", KEY_ID)
            .env("AWS_SECRET_ACCESS_KEY", SECRET)
            .arg("init")
            .arg(scratch.archive())
            .args(["--blobs", &server.url("p")]),
    );
    let config = scratch.archive().join("librisfs.toml");
    let text = fs::read_to_string(&config).expect("there");
    let named = format!("[blobs]\ncredentials = '{}'\n", server.keys().display());
    fs::write(&config, text.replace("[blobs]\n", &named)).expect("written");
    scratch
}

fn is_listed(mount: &Mount, name: &str) -> bool {
    names(&mount.join("by-title")).contains(&name.to_owned())
}

/// Forgets what was read so far, here and in the kernel.
fn mount_afresh(scratch: &Scratch, mount: Mount) -> Mount {
    assert_eq!(mount.unmount(), Some(0));
    fs::remove_dir_all(scratch.archive().join("cache")).expect("there");
    scratch.mount()
}

#[test]
fn what_is_written_is_read_from_the_store() {
    let server = Server::start();
    let scratch = archive(&server);
    let mount = scratch.mount();
    let (small, large) = (noise(5000, 1), noise(12 << 20, 2));
    fs::write(mount.join("by-title/Small.bin"), &small).expect("written");
    fs::write(mount.join("by-author/Somebody/Large.bin"), &large)
        .or_else(|_| {
            fs::create_dir(mount.join("by-author/Somebody"))?;
            fs::write(mount.join("by-author/Somebody/Large.bin"), &large)
        })
        .expect("written");
    let name = "Large - Somebody.bin";
    wait_until("both are committed", || {
        is_listed(&mount, "Small.bin") && is_listed(&mount, name)
    });
    let mount = mount_afresh(&scratch, mount);
    let path = mount.join("by-title").join(name);
    // A part of it costs a part of it.
    let before = server.sent_bytes();
    let file = fs::File::open(&path).expect("opened");
    let mut part = vec![0; 4096];
    file.read_exact_at(&mut part, 9 << 20).expect("read");
    assert!(part == large[9 << 20..][..4096]);
    let fetched = server.sent_bytes() - before;
    assert!(fetched < 4 << 20, "{fetched}");
    assert_eq!(blob_at(&path).expect("read"), blob_of(&large));
    assert_eq!(
        blob_at(&mount.join("by-title/Small.bin")).expect("read"),
        blob_of(&small)
    );
    // What is whole here needs no store.
    let whole = scratch.archive().join("cache/whole");
    wait_until("both are whole", || names(&whole).len() == 2);
    drop(file);
    let before = server.sent_bytes();
    assert_eq!(blob_at(&path).expect("read"), blob_of(&large));
    assert_eq!(server.sent_bytes(), before);
    let table = fs::read_to_string("/proc/self/mountinfo").expect("there");
    assert!(!table.contains(SECRET) && !mount.log().contains(SECRET));
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn a_store_that_goes_away_is_an_error_and_heals_without_a_remount() {
    let mut server = Server::start();
    let scratch = archive(&server);
    scratch.write("Old.bin", &noise(3 << 20, 3));
    scratch.write("Other.bin", &noise(3 << 20, 4));
    scratch.import();
    fs::remove_dir_all(scratch.archive().join("cache")).expect("there");
    let mount = scratch.mount();
    let old = mount.join("by-title/Old.bin");
    server.stop();

    let started = Instant::now();
    let error = fs::read(&old).expect_err("it cannot be read");
    assert_eq!(error.raw_os_error(), Some(libc::EIO));
    assert!(started.elapsed() < BOUND, "{:?}", started.elapsed());
    assert!(mount.log().contains("cannot be reached"), "{}", mount.log());
    assert!(!mount.log().contains(KEY_ID) && !mount.log().contains(SECRET));
    // Names and attributes are of the catalogue, and what is written waits.
    assert_eq!(names(&mount.join("by-title")), ["Old.bin", "Other.bin"]);
    let new = noise(100_000, 5);
    fs::write(mount.join("by-title/New.bin"), &new).expect("it waits in staging");
    assert_eq!(
        blob_at(&mount.join("by-title/New.bin")).expect("read"),
        blob_of(&new)
    );

    server.start_again();
    wait_until("it can be read", || match fs::read(&old) {
        Ok(bytes) => bytes == noise(3 << 20, 3),
        Err(error) => {
            assert_eq!(error.raw_os_error(), Some(libc::EIO));
            false
        }
    });
    let stored = Server::key_of("p", &blob_of(&new));
    let raw = s3_support::Raw::of(&server.url(""));
    wait_until("what waited is brought", || raw.exists(&stored));
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn a_killed_daemon_loses_nothing_that_was_closed() {
    let mut server = Server::start();
    let scratch = archive(&server);
    let mut mount = scratch.mount();
    let bytes = noise(2 << 20, 6);
    server.stop();
    fs::write(mount.join("by-title/Kept.bin"), &bytes).expect("closed");
    mount.daemon.kill().expect("our child");
    mount.daemon.wait().expect("our child");
    succeed(Command::new("umount").arg("-l").arg(mount.path()));
    drop(mount);
    server.start_again();
    let mount = scratch.mount();
    wait_until("it is there", || is_listed(&mount, "Kept.bin"));
    assert_eq!(
        blob_at(&mount.join("by-title/Kept.bin")).expect("read"),
        blob_of(&bytes)
    );
    assert_eq!(mount.unmount(), Some(0));
}

#[test]
fn a_purge_reaches_those_who_read() {
    let server = Server::start();
    let scratch = archive(&server);
    let bytes = noise(6 << 20, 7);
    scratch.write("Gone.bin", &bytes);
    scratch.import();
    fs::remove_dir_all(scratch.archive().join("cache")).expect("there");
    let mount = scratch.mount();
    let file = fs::File::open(mount.join("by-title/Gone.bin")).expect("opened");
    let mut part = [0; 4096];
    file.read_exact_at(&mut part, 0).expect("read");
    succeed(
        librisfs()
            .arg("takedown")
            .arg(scratch.archive())
            .arg(blob_of(&bytes).md5.to_string())
            .arg("--purge"),
    );
    wait_until("it is hidden", || names(&mount.join("by-title")).is_empty());
    let read: io::Result<()> = file.read_exact_at(&mut part, 5 << 20);
    assert!(read.is_err());
    drop(file);
    let raw = s3_support::Raw::of(&server.url(""));
    assert!(!raw.exists(&Server::key_of("p", &blob_of(&bytes))));
    let cached = walkdir::WalkDir::new(scratch.archive().join("cache"));
    let files = cached.into_iter().filter_map(Result::ok);
    assert_eq!(files.filter(|entry| entry.file_type().is_file()).count(), 0);
    assert_eq!(mount.unmount(), Some(0));
}
