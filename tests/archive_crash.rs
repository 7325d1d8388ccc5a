//! Imports that are killed, and imports onto a disk that is full.

mod archive_support;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use archive_support::{World, id_of, rows, tree};
use librisfs::archive::{Access, Archive, ImportOptions, InitOptions, ScrubOptions, Unobserved};
use librisfs::blob::Waiting;

const ARCHIVE: &str = "LIBRISFS_TEST_ARCHIVE";
const SOURCES: &str = "LIBRISFS_TEST_SOURCES";
const MOVES: &str = "LIBRISFS_TEST_MOVES";

/// Not a test by itself: the process that the tests below start and kill.
#[test]
#[ignore = "run by the other tests as a process of its own"]
fn child() {
    let archive = Archive::open(Path::new(&env::var_os(ARCHIVE).unwrap()), Access::ReadWrite);
    let options = ImportOptions {
        move_files: env::var_os(MOVES).is_some(),
        ..ImportOptions::default()
    };
    let sources = [PathBuf::from(env::var_os(SOURCES).unwrap())];
    archive
        .unwrap()
        .import(&sources, &options, &Unobserved)
        .unwrap();
}

fn start_import(world: &World, move_files: bool) -> Child {
    let mut command = Command::new(env::current_exe().unwrap());
    command
        .args(["--exact", "child", "--ignored"])
        .env(ARCHIVE, world.archive.dir())
        .env(SOURCES, world.sources())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if move_files {
        command.env(MOVES, "1");
    }
    command.spawn().unwrap()
}

/// A number below `end` that differs from call to call.
fn any_below(end: u64) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(0) % end
}

fn killed_again_and_again(move_files: bool) {
    let world = World::new();
    let files = 1200_u64;
    let bytes = |n: u64| format!("document {} {}", n % 1000, "x".repeat(2000)).into_bytes();
    for n in 0..files {
        world.source(&format!("{}/{n}.txt", n % 7), bytes(n));
    }
    let mut kills = 0;
    let blobs = world.archive.dir().join("blobs");
    for _ in 0..12 {
        let spared = any_below(1000);
        let mut import = start_import(&world, move_files);
        let mut is_done = false;
        while !is_done && (tree(&blobs).len() as u64) < spared {
            is_done = import.try_wait().unwrap().is_some();
        }
        // The moment of the kill is the point of the test, not a state to wait for.
        std::thread::sleep(Duration::from_millis(any_below(30)));
        is_done |= import.try_wait().unwrap().is_some();
        import.kill().unwrap();
        import.wait().unwrap();
        kills += u32::from(!is_done);
        // What a killed import has moved is in the archive, byte for byte.
        let sources = tree(&world.sources());
        for row in rows(&world.archive) {
            assert!(world.place(&row.blob).exists(), "{} has no blob", row.blob);
        }
        if !move_files {
            assert_eq!(sources.len() as u64, files);
        }
    }
    assert!(kills > 0, "every import was done before its kill");
    let summary = if move_files {
        world.move_in()
    } else {
        world.import()
    };
    let (refused, left) = (&summary.refused, &summary.left);
    assert!(
        refused.is_empty() && left.is_empty(),
        "{refused:?}, {left:?}"
    );
    assert_eq!(rows(&world.archive).len(), 1000);
    for n in 0..1000 {
        assert_eq!(world.read(&bytes(n)).unwrap(), bytes(n));
    }
    if move_files {
        assert!(tree(&world.sources()).is_empty());
    }
    world.archive.gc(false, &Unobserved).unwrap();
    let staging = world.archive.blobs().staging();
    assert_eq!(staging.waiting().unwrap(), Waiting::default());
    let scrub = world
        .archive
        .scrub(&ScrubOptions::default(), &Unobserved)
        .unwrap();
    assert!(scrub.is_clean());
    assert_eq!((scrub.intact, scrub.unreferenced), (1000, 0));
}

#[test]
fn an_import_that_is_killed_has_lost_nothing() {
    killed_again_and_again(false);
}

#[test]
fn a_move_that_is_killed_has_lost_nothing() {
    killed_again_and_again(true);
}

/// A file system of a few MiB, unmounted at the end.
struct SmallDisk {
    dir: PathBuf,
}

impl SmallDisk {
    fn mount(dir: &Path, mebibytes: u32) -> Self {
        fs::create_dir(dir).unwrap();
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "librisfs-test"])
            .arg(dir)
            .status()
            .expect("the mount program");
        assert!(
            mounted.success(),
            "this test mounts a tmpfs, which takes root"
        );
        Self { dir: dir.into() }
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
    }
}

#[test]
fn a_full_disk_is_told_and_harms_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(&dir.path().join("disk"), 16);
    let archive = Archive::init(&disk.dir.join("archive"), &InitOptions::default()).unwrap();
    let sources = dir.path().join("in");
    fs::create_dir(&sources).unwrap();
    let bytes = |n: u8| vec![n; 1_500_000];
    for n in 0..20 {
        fs::write(sources.join(format!("{n}.bin")), bytes(n)).unwrap();
    }
    let paths = [sources.clone()];
    let error = archive
        .import(&paths, &ImportOptions::default(), &Unobserved)
        .unwrap_err();
    assert!(error.is_full(), "{error}");
    assert!(error.to_string().contains("no space left"), "{error}");

    let staging = archive.blobs().staging();
    assert_eq!(staging.waiting().unwrap(), Waiting::default());
    let scrub = archive
        .scrub(&ScrubOptions::default(), &Unobserved)
        .unwrap();
    assert!(scrub.is_clean());
    assert_eq!(tree(&sources).len(), 20);

    let remount = Command::new("mount")
        .args(["-o", "remount,size=64m"])
        .arg(&disk.dir)
        .status()
        .unwrap();
    assert!(remount.success());
    let summary = archive
        .import(&paths, &ImportOptions::default(), &Unobserved)
        .unwrap();
    assert_eq!(summary.new + summary.duplicates, 20);
    for n in 0..20 {
        let blob = id_of(&bytes(n));
        assert!(archive.blobs().open(&blob).is_ok());
    }
}
