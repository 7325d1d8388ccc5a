//! Ways in which an archive could lose the last good copy of something, or spoil what is not its own.

mod archive_support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use archive_support::{World, id_of};
use librisfs::archive::{
    Archive, ImportObserver, ImportOptions, Progress, Takedown, TakedownReport, Unobserved,
};

/// Other bytes of the same length.
fn other(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ 1).collect()
}

/// Puts the only file of the archive into the trash, as `sqlite3` would.
fn trash(world: &World) {
    let done = Command::new("sqlite3")
        .arg(world.archive.dir().join("catalogue.sqlite"))
        .arg("UPDATE books_to_hashes SET trashed = 1")
        .status()
        .expect("the sqlite3 program");
    assert!(done.success());
    world.archive.catalogue().settle().unwrap();
}

fn take_down(archive: &Archive, bytes: &[u8], purge: bool) -> TakedownReport {
    let takedown = Takedown {
        md5: Some(id_of(bytes).md5),
        ..Takedown::default()
    };
    archive.take_down(&[takedown], purge).unwrap()
}

/// What a kill leaves between the placing of a blob and the removal of the moved source: one file under
/// both names.
fn link_into_place(world: &World, source: &Path, bytes: &[u8]) {
    fs::hard_link(source, world.place(&id_of(bytes))).unwrap();
    fs::set_permissions(source, Permissions::from_mode(0o444)).unwrap();
}

#[test]
fn a_damaged_blob_in_the_trash_does_not_cost_the_good_source() {
    for move_files in [false, true] {
        let world = World::new();
        let bytes = b"the only good copy";
        world.source("a.txt", bytes);
        world.import();
        trash(&world);
        world.damage(&id_of(bytes), &other(bytes));
        let options = ImportOptions {
            move_files,
            ..ImportOptions::default()
        };
        let summary = world.import_with(&options).unwrap();
        assert_eq!((summary.restored, summary.healed), (1, 1));
        assert_eq!(world.read(bytes).as_deref(), Some(&bytes[..]));
        assert_eq!(world.archive.status().unwrap().quarantined, 1);
    }
}

#[test]
fn a_damaged_blob_without_a_row_gets_none() {
    let world = World::new();
    let bytes = b"placed by an import that was killed";
    world.source("a.txt", bytes);
    fs::write(world.place(&id_of(bytes)), other(bytes)).unwrap();
    world.import();
    assert_eq!(world.read(bytes).as_deref(), Some(&bytes[..]));
}

#[test]
fn a_blob_that_a_killed_move_left_shared_becomes_the_archives_own() {
    for has_row in [false, true] {
        let world = World::new();
        let bytes = b"one file under two names";
        let source = world.source("a.txt", bytes);
        if has_row {
            world.import();
            fs::remove_file(world.place(&id_of(bytes))).unwrap();
        }
        link_into_place(&world, &source, bytes);
        world.import();
        fs::set_permissions(&source, Permissions::from_mode(0o644)).unwrap();
        fs::write(&source, other(bytes)).unwrap();
        assert_eq!(world.read(bytes).as_deref(), Some(&bytes[..]), "{has_row}");
        assert_eq!(world.place(&id_of(bytes)).metadata().unwrap().nlink(), 1);
    }
}

#[test]
fn a_purge_does_not_empty_a_users_file() {
    let world = World::new();
    let bytes = b"one file under two names";
    let source = world.source("a.txt", bytes);
    link_into_place(&world, &source, bytes);
    assert_eq!(take_down(&world.archive, bytes, true).purged.len(), 1);
    assert_eq!(fs::read(&source).unwrap(), bytes);
    assert!(!world.place(&id_of(bytes)).exists());
}

/// Takes everything down when the second file is read: the first has been found admissible by then.
struct TakesDown<'a> {
    world: &'a World,
    documents: &'a [&'a [u8]],
    has_read_one: AtomicBool,
}

impl Progress for TakesDown<'_> {
    fn done(&self, _: u64, bytes: u64) {
        if bytes > 0 && self.has_read_one.swap(true, Ordering::SeqCst) {
            for document in self.documents {
                take_down(&self.world.archive, document, false);
            }
        }
    }
}

impl ImportObserver for TakesDown<'_> {}

#[test]
fn a_takedown_between_hashing_and_committing_spares_the_moved_source() {
    let world = World::new();
    let documents: [&[u8]; 2] = [b"the first", b"the second"];
    let sources = documents.map(|bytes| {
        let name = String::from_utf8_lossy(bytes).into_owned();
        world.source(&name, bytes)
    });
    let options = ImportOptions {
        move_files: true,
        jobs: Some(1),
        ..ImportOptions::default()
    };
    let observer = TakesDown {
        world: &world,
        documents: &documents,
        has_read_one: AtomicBool::new(false),
    };
    let summary = world
        .archive
        .import(&[world.sources()], &options, &observer)
        .unwrap();
    assert_eq!((summary.refused.len(), summary.moved), (2, 0));
    for (source, bytes) in sources.iter().zip(documents) {
        assert_eq!(fs::read(source).unwrap(), bytes, "{}", source.display());
        assert!(!world.place(&id_of(bytes)).exists());
        assert_eq!(source.metadata().unwrap().mode() & 0o200, 0o200);
    }
}

/// A folder that shows another one, unmounted at the end.
struct Bind<'a>(&'a Path);

impl<'a> Bind<'a> {
    fn mount(from: &Path, to: &'a Path) -> Self {
        fs::create_dir(to).unwrap();
        let mounted = Command::new("mount")
            .arg("--bind")
            .args([from, to])
            .status()
            .expect("the mount program");
        assert!(
            mounted.success(),
            "this test makes a bind mount, which takes root"
        );
        Self(to)
    }
}

impl Drop for Bind<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

#[test]
fn an_archive_under_another_name_is_not_moved_into_itself() {
    let world = World::new();
    let bytes = b"kept once";
    world.source("a.txt", bytes);
    world.import();
    let elsewhere = world.dir.path().join("elsewhere");
    let _bind = Bind::mount(&world.archive.dir().join("blobs"), &elsewhere);
    let options = ImportOptions {
        move_files: true,
        ..ImportOptions::default()
    };
    let summary = world
        .archive
        .import(std::slice::from_ref(&elsewhere), &options, &Unobserved)
        .unwrap();
    assert_eq!(summary.moved, 0);
    assert_eq!(world.read(bytes).as_deref(), Some(&bytes[..]));
}
