//! Importing files into an archive.

mod archive_support;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use archive_support::{World, id_of, rows, tree};
use librisfs::archive::{
    Archive, ImportObserver, ImportOptions, Outcome, Progress, Reason, ScrubOptions, Takedown,
    Unobserved,
};
use librisfs::blob::{Presence, Waiting};

fn reasons(summary: &librisfs::archive::ImportSummary) -> Vec<(String, String)> {
    let mut reasons: Vec<_> = summary
        .refused
        .iter()
        .map(|refusal| {
            let name = refusal.path.file_name().unwrap().to_string_lossy();
            (name.into_owned(), refusal.reason.to_string())
        })
        .collect();
    reasons.sort();
    reasons
}

fn is_staging_empty(world: &World) -> bool {
    world.archive.blobs().staging().waiting().unwrap() == Waiting::default()
}

#[test]
fn files_come_in_and_read_back() {
    let world = World::new();
    let long: Vec<u8> = (0..600_000_u32).flat_map(u32::to_le_bytes).collect();
    let sources = [
        ("Jane Austen - Emma (1815).txt", b"Emma Woodhouse".to_vec()),
        ("folder/short.txt", b"short".to_vec()),
        ("folder/exactly.bin", vec![7; 1 << 20]),
        ("folder/one more.bin", vec![7; (1 << 20) + 1]),
        ("long.bin", long),
    ];
    for (name, bytes) in &sources {
        world.source(name, bytes);
    }
    let before = tree(&world.sources());
    let summary = world.import();
    assert_eq!(summary.new, 5);
    let bytes: u64 = sources.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    assert_eq!(summary.read_bytes, bytes);
    assert_eq!(summary.stored_bytes, bytes);
    for (name, bytes) in &sources {
        assert_eq!(world.read(bytes).as_ref(), Some(bytes), "{name}");
        let mode = world.place(&id_of(bytes)).metadata().unwrap().mode();
        assert_eq!(mode & 0o222, 0, "{name} can be written to");
    }
    let emma = world.record_of(b"Emma Woodhouse");
    assert_eq!(emma.metadata.title.as_deref(), Some("Emma"));
    assert_eq!(emma.format.as_str(), "txt");
    assert_eq!(tree(&world.sources()), before);
    assert!(is_staging_empty(&world));
}

#[test]
fn the_modification_time_is_kept() {
    let world = World::new();
    let path = world.source("old.txt", "old");
    let then = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let file = OpenOptions::new().append(true).open(&path).unwrap();
    file.set_modified(then).unwrap();
    world.import();
    assert_eq!(world.record_of(b"old").mtime.0, 1_000_000_000);
}

#[test]
fn duplicates_are_stored_once() {
    let world = World::new();
    world.source("a.txt", "same");
    world.source("b.txt", "same");
    world.source("c.txt", "other");
    let summary = world.import();
    assert_eq!((summary.new, summary.duplicates), (2, 1));
    assert_eq!(summary.saved_bytes, 4);
    let again = world.import();
    assert_eq!((again.new, again.duplicates), (0, 3));
    assert_eq!((again.stored_bytes, again.saved_bytes), (0, 13));
    assert_eq!(rows(&world.archive).len(), 2);
    assert!(is_staging_empty(&world));
}

#[test]
fn a_dry_run_changes_nothing() {
    let world = World::new();
    world.source("known.txt", "known");
    world.import();
    world.source("a.txt", "same");
    world.source("b.txt", "same");
    let before = tree(&world.archive.dir().join("blobs"));
    let options = ImportOptions {
        dry_run: true,
        move_files: true,
        jobs: Some(2),
    };
    let summary = world.import_with(&options).unwrap();
    assert_eq!((summary.new, summary.duplicates), (1, 2));
    assert_eq!((summary.stored_bytes, summary.saved_bytes), (4, 9));
    assert_eq!(tree(&world.archive.dir().join("blobs")), before);
    assert_eq!(rows(&world.archive).len(), 1);
    assert_eq!(tree(&world.sources()).len(), 3);
}

#[test]
fn what_cannot_be_imported_is_named() {
    let world = World::new();
    world.source("good.txt", "good");
    world.source("empty.txt", "");
    rustix::fs::mkfifoat(
        rustix::fs::CWD,
        world.sources().join("pipe.txt"),
        rustix::fs::Mode::RWXU,
    )
    .unwrap();
    let paths = [world.sources(), world.dir.path().join("missing.txt")];
    let summary = world
        .archive
        .import(&paths, &ImportOptions::default(), &Unobserved)
        .unwrap();
    assert_eq!(summary.new, 1);
    let reasons = reasons(&summary);
    let names: Vec<_> = reasons.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["empty.txt", "missing.txt", "pipe.txt"]);
    assert_eq!(reasons[0].1, "it is empty");
    assert!(reasons[1].1.contains("No such file"), "{}", reasons[1].1);
    assert_eq!(reasons[2].1, "it is a pipe, not a file");
}

#[test]
fn takedowns_are_refused_and_leave_nothing() {
    let world = World::new();
    world.source("bad.txt", "bad");
    let takedown = Takedown {
        md5: Some(id_of(b"bad").md5),
        notice: Some("N-17".into()),
        ..Takedown::default()
    };
    world.archive.take_down(&[takedown], false).unwrap();
    for options in [false, true].map(|move_files| ImportOptions {
        move_files,
        ..ImportOptions::default()
    }) {
        let summary = world.import_with(&options).unwrap();
        let expected = ("bad.txt".to_owned(), "it is taken down by N-17".to_owned());
        assert_eq!(reasons(&summary), [expected]);
    }
    assert!(world.sources().join("bad.txt").exists());
    assert!(rows(&world.archive).is_empty());
    assert!(tree(&world.archive.dir().join("blobs")).is_empty());
    assert!(is_staging_empty(&world));
}

#[test]
fn a_sidecar_describes_and_is_no_book() {
    let world = World::new();
    world.source("Austen/Emma/x.txt", "Emma Woodhouse");
    world.source("Austen/Emma/cover.jpg", "picture");
    world.source(
        "Austen/Emma/metadata.opf",
        r#"<package xmlns="http://www.idpf.org/2007/opf" version="2.0">
             <metadata xmlns:dc="http://purl.org/dc/elements/1.1/">
               <dc:title>Emma</dc:title><dc:creator>Jane Austen</dc:creator>
             </metadata></package>"#,
    );
    let summary = world.import();
    assert_eq!((summary.new, summary.skipped), (1, 2));
    let metadata = world.record_of(b"Emma Woodhouse").metadata;
    assert_eq!(metadata.title.as_deref(), Some("Emma"));
    assert_eq!(metadata.author.as_deref(), Some("Jane Austen"));
}

#[test]
fn missing_and_cut_blobs_are_healed() {
    let world = World::new();
    for move_files in [false, true] {
        let (one, two) = (format!("one {move_files}"), format!("two {move_files}"));
        world.source("one.txt", &one);
        world.source("two.txt", &two);
        world.import();
        fs::remove_file(world.place(&id_of(one.as_bytes()))).unwrap();
        world.damage(&id_of(two.as_bytes()), b"cut");
        let options = ImportOptions {
            move_files,
            ..ImportOptions::default()
        };
        let summary = world.import_with(&options).unwrap();
        assert_eq!((summary.duplicates, summary.healed), (2, 2));
        assert_eq!(summary.moved, if move_files { 2 } else { 0 });
        for bytes in [&one, &two] {
            assert_eq!(world.read(bytes.as_bytes()).unwrap(), bytes.as_bytes());
        }
    }
    assert_eq!(world.archive.blobs().quarantined().unwrap(), 2);
}

#[test]
fn a_restored_file_is_a_file_again() {
    let world = World::new();
    world.source("a.txt", "bytes");
    world.import();
    let file = world.record_of(b"bytes").file.get();
    sqlite(
        &world,
        &format!("DELETE FROM books_to_hashes WHERE id = {file}"),
    );
    world.archive.catalogue().settle().unwrap();
    let summary = world.import();
    assert_eq!((summary.new, summary.restored), (0, 1));
    assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
}

fn sqlite(world: &World, sql: &str) {
    let status = std::process::Command::new("sqlite3")
        .arg(world.archive.dir().join("catalogue.sqlite"))
        .arg(sql)
        .status()
        .expect("the sqlite3 program");
    assert!(status.success());
}

mod moving {
    use super::*;

    #[test]
    fn takes_the_file_itself_where_it_can() {
        let world = World::new();
        let path = world.source("a.txt", "bytes");
        let inode = path.metadata().unwrap().ino();
        let summary = world.move_in();
        assert_eq!((summary.new, summary.moved), (1, 1));
        assert!(!path.exists());
        let meta = world.place(&id_of(b"bytes")).metadata().unwrap();
        assert_eq!(meta.ino(), inode);
        assert_eq!(meta.nlink(), 1);
        assert_eq!(meta.permissions().mode() & 0o777, 0o444);
        assert!(is_staging_empty(&world));
    }

    #[test]
    fn copies_what_others_can_write_to() {
        let world = World::new();
        let path = world.source("a.txt", "bytes");
        let second = world.dir.path().join("second name");
        fs::hard_link(&path, &second).unwrap();
        let open = world.source("open.txt", "open");
        let mut writer = OpenOptions::new().append(true).open(&open).unwrap();
        let summary = world.move_in();
        assert_eq!((summary.new, summary.moved), (2, 2));
        assert!(!path.exists() && !open.exists());
        fs::write(&second, "XXXXX").unwrap();
        writer.write_all(b"more").unwrap();
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
        assert_eq!(world.read(b"open").unwrap(), b"open");
    }

    #[test]
    fn copies_from_another_file_system() {
        let world = World::new();
        let elsewhere = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = elsewhere.path().join("a.txt");
        fs::write(&path, "bytes").unwrap();
        let options = ImportOptions {
            move_files: true,
            ..ImportOptions::default()
        };
        let paths = [elsewhere.path().to_owned()];
        let summary = world.archive.import(&paths, &options, &Unobserved).unwrap();
        assert_eq!((summary.new, summary.moved), (1, 1));
        assert!(!path.exists());
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
    }

    #[test]
    fn leaves_what_is_named_by_a_symbolic_link() {
        let world = World::new();
        let path = world.source("a.txt", "bytes");
        let link = world.dir.path().join("link.txt");
        symlink(&path, &link).unwrap();
        let options = ImportOptions {
            move_files: true,
            ..ImportOptions::default()
        };
        for outcome in ["new", "duplicate"] {
            let paths = [link.clone()];
            let summary = world.archive.import(&paths, &options, &Unobserved).unwrap();
            assert_eq!(summary.left.len(), 1, "{outcome}");
            assert!(path.exists() && link.exists(), "{outcome}");
        }
        let meta = path.metadata().unwrap();
        assert_ne!(
            meta.ino(),
            world.place(&id_of(b"bytes")).metadata().unwrap().ino()
        );
    }

    #[test]
    fn removes_a_duplicate_only_if_the_stored_bytes_are_right() {
        let world = World::new();
        world.source("a.txt", "bytes");
        world.import();
        world.damage(&id_of(b"bytes"), b"BYTES");
        let summary = world.move_in();
        assert_eq!(
            (summary.duplicates, summary.moved, summary.healed),
            (1, 1, 1)
        );
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
        assert_eq!(world.archive.blobs().quarantined().unwrap(), 1);
        assert!(tree(&world.sources()).is_empty());
    }

    /// Begins to open a file for writing while it is being imported.
    struct Writer(PathBuf);

    impl Progress for Writer {
        fn done(&self, _: u64, bytes: u64) {
            if bytes > 0 {
                let mut file = OpenOptions::new();
                file.append(true).custom_flags(libc::O_NONBLOCK);
                let refusal = file.open(&self.0).unwrap_err();
                assert_eq!(refusal.raw_os_error(), Some(libc::EWOULDBLOCK));
            }
        }
    }

    impl ImportObserver for Writer {}

    #[test]
    fn what_somebody_begins_to_write_to_is_parted_from_the_blob() {
        let world = World::new();
        let path = world.source("a.txt", "bytes");
        let options = ImportOptions {
            move_files: true,
            ..ImportOptions::default()
        };
        let paths = [path.clone()];
        let writer = Writer(path.clone());
        let summary = world.archive.import(&paths, &options, &writer).unwrap();
        assert_eq!((summary.new, summary.moved), (1, 0));
        assert!(matches!(summary.left[0].reason, Reason::Changed));
        let mode = path.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o200, 0o200, "its owner can write to it again");
        fs::write(&path, "other bytes").unwrap();
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
        assert!(is_staging_empty(&world));
    }

    /// Renames a file while it is being imported.
    struct Renamer(PathBuf, PathBuf);

    impl Progress for Renamer {
        fn done(&self, _: u64, bytes: u64) {
            if bytes > 0 {
                fs::rename(&self.0, &self.1).unwrap();
            }
        }
    }

    impl ImportObserver for Renamer {}

    #[test]
    fn what_cannot_be_removed_is_parted_from_the_blob() {
        let world = World::new();
        let path = world.source("a.txt", "bytes");
        let new = world.dir.path().join("new name");
        let options = ImportOptions {
            move_files: true,
            ..ImportOptions::default()
        };
        let renamer = Renamer(path.clone(), new.clone());
        let summary = world.archive.import(&[path], &options, &renamer).unwrap();
        assert_eq!((summary.new, summary.moved, summary.left.len()), (1, 0, 1));
        fs::set_permissions(&new, fs::Permissions::from_mode(0o644)).unwrap();
        fs::write(&new, "other bytes").unwrap();
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
    }

    #[test]
    fn two_of_the_same_bytes_both_go() {
        let world = World::new();
        for name in ["a.txt", "b.txt", "c.txt"] {
            world.source(name, "same");
        }
        let summary = world.move_in();
        assert_eq!((summary.new, summary.duplicates, summary.moved), (1, 2, 3));
        assert!(tree(&world.sources()).is_empty());
        assert_eq!(world.read(b"same").unwrap(), b"same");
    }

    #[test]
    fn what_is_refused_stays() {
        let world = World::new();
        world.source("empty.txt", "");
        world.source(".hidden", "hidden");
        let summary = world.move_in();
        assert_eq!(
            (summary.refused.len(), summary.skipped, summary.moved),
            (1, 1, 0)
        );
        assert_eq!(tree(&world.sources()).len(), 2);
    }
}

/// Writes to a file each time that bytes of it have been read, `times` times.
struct Meddler {
    path: PathBuf,
    left: Mutex<u32>,
}

impl Progress for Meddler {
    fn done(&self, _: u64, bytes: u64) {
        let mut left = self.left.lock().unwrap();
        if bytes > 0 && *left > 0 {
            *left -= 1;
            let mut file = OpenOptions::new().append(true).open(&self.path).unwrap();
            file.write_all(b"!").unwrap();
        }
    }
}

impl ImportObserver for Meddler {}

#[test]
fn a_source_that_changes_is_read_again_once() {
    for (times, taken) in [(1, true), (2, false)] {
        let world = World::new();
        let path = world.source("a.txt", "bytes");
        let meddler = Meddler {
            path: path.clone(),
            left: Mutex::new(times),
        };
        let paths = [path];
        let options = ImportOptions::default();
        let summary = world.archive.import(&paths, &options, &meddler).unwrap();
        if taken {
            assert_eq!(summary.new, 1);
            assert_eq!(world.read(b"bytes!").unwrap(), b"bytes!");
        } else {
            assert!(matches!(summary.refused[0].reason, Reason::Changed));
            assert!(rows(&world.archive).is_empty());
        }
        assert!(is_staging_empty(&world));
    }
}

/// Asks for an end after some files.
struct Impatient {
    patience: u64,
    settled: AtomicU64,
}

impl Progress for Impatient {
    fn is_cancelled(&self) -> bool {
        self.settled.load(Ordering::SeqCst) >= self.patience
    }
}

impl ImportObserver for Impatient {
    fn settled(&self, _: &Path, _: &Outcome) {
        self.settled.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn an_import_that_is_cancelled_goes_on_later() {
    let world = World::new();
    let files = 3000;
    for n in 0..files {
        world.source(&format!("{n}.txt"), n.to_string());
    }
    let impatient = Impatient {
        patience: 1,
        settled: AtomicU64::new(0),
    };
    let paths = [world.sources()];
    let options = ImportOptions::default();
    let first = world.archive.import(&paths, &options, &impatient).unwrap();
    assert!(first.cancelled);
    assert!(first.new > 0 && first.new < files, "{}", first.new);
    assert_eq!(impatient.settled.load(Ordering::SeqCst), first.new);
    let second = world.import();
    assert_eq!(first.new + second.new, files);
    assert_eq!(second.duplicates, first.new);
    assert!(is_staging_empty(&world));
}

#[test]
fn the_archive_is_not_imported_into_itself() {
    let world = World::new();
    world.source("a.txt", "bytes");
    world.import();
    let paths = [world.dir.path().to_owned()];
    let options = ImportOptions::default();
    let summary = world.archive.import(&paths, &options, &Unobserved).unwrap();
    assert_eq!(
        (summary.duplicates, summary.new, summary.skipped),
        (1, 0, 1)
    );
    let blob = world.place(&id_of(b"bytes"));
    let summary = world
        .archive
        .import(&[blob], &options, &Unobserved)
        .unwrap();
    assert!(matches!(summary.refused[0].reason, Reason::InsideArchive));
}

#[test]
fn several_imports_at_once_agree() {
    let world = World::new();
    for n in 0..300 {
        world.source(&format!("{n}.txt"), format!("{}", n % 200));
    }
    let totals = Mutex::new((0, 0));
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                let archive =
                    Archive::open(world.archive.dir(), librisfs::archive::Access::ReadWrite)
                        .unwrap();
                let paths = [world.sources()];
                let summary = archive
                    .import(&paths, &ImportOptions::default(), &Unobserved)
                    .unwrap();
                let mut totals = totals.lock().unwrap();
                totals.0 += summary.new;
                totals.1 += summary.duplicates;
            });
        }
        scope.spawn(|| {
            for _ in 0..10 {
                world.archive.gc(false, &Unobserved).unwrap();
            }
        });
    });
    assert_eq!(totals.into_inner().unwrap(), (200, 700));
    for row in rows(&world.archive) {
        let presence = world.archive.blobs().presence(&row.blob).unwrap();
        assert_eq!(presence, Presence::Whole);
    }
    assert!(
        world
            .archive
            .scrub(&ScrubOptions::default(), &Unobserved)
            .unwrap()
            .is_clean()
    );
}

#[test]
fn a_read_only_archive_takes_nothing() {
    let world = World::new();
    world.source("a.txt", "bytes");
    let dir = world.archive.dir();
    let archive = Archive::open(dir, librisfs::archive::Access::ReadOnly).unwrap();
    let paths = [world.sources()];
    let error = archive.import(&paths, &ImportOptions::default(), &Unobserved);
    assert!(error.unwrap_err().to_string().contains("reading only"));
}
