//! Making, opening, scrubbing, collecting, taking down and backing up archives.

mod archive_support;

use std::fs;

use archive_support::{World, id_of, rows, tree};
use librisfs::archive::{
    Access, Archive, Error, Fault, GcReport, InitOptions, ScrubOptions, Takedown, Unobserved,
};
use librisfs::blob::Presence;
use librisfs::hash::Hash;

fn takedown(bytes: &[u8]) -> Takedown {
    Takedown {
        sha1: Some(id_of(bytes).sha1),
        ..Takedown::default()
    }
}

mod making {
    use super::*;

    fn init(dir: &std::path::Path) -> Result<Archive, Error> {
        Archive::init(dir, &InitOptions::default())
    }

    #[test]
    fn new_and_empty_folders_become_archives() {
        let dir = tempfile::tempdir().unwrap();
        let new = dir.path().join("a/b/new");
        let archive = init(&new).unwrap();
        assert_eq!(archive.name(), "new");
        assert_eq!(archive.dir(), fs::canonicalize(&new).unwrap());
        let empty = dir.path().join("empty");
        fs::create_dir(&empty).unwrap();
        let options = InitOptions {
            name: Some("Bücher".into()),
            ..InitOptions::default()
        };
        assert_eq!(Archive::init(&empty, &options).unwrap().name(), "Bücher");
        let reopened = Archive::open(&empty, Access::ReadOnly).unwrap();
        assert_eq!(reopened.name(), "Bücher");
        let left: Vec<_> = fs::read_dir(dir.path().join("a/b")).unwrap().collect();
        assert_eq!(left.len(), 1, "only the archive is there");
    }

    #[test]
    fn what_is_taken_is_left_alone() {
        let world = World::new();
        let dir = world.archive.dir();
        assert!(matches!(init(dir), Err(Error::AlreadyAnArchive { .. })));
        for inside in ["blobs/new", "new/deep"] {
            let made = init(&dir.join(inside));
            assert!(matches!(made, Err(Error::InsideArchive { .. })), "{inside}");
            assert!(!dir.join(inside).exists());
        }
        let path = world.source("a.txt", "bytes");
        for taken in [&world.sources(), &path] {
            let error = init(taken).err().unwrap();
            assert!(matches!(error, Error::NotEmpty { .. }), "{error}");
            assert!(
                error.to_string().contains(taken.to_str().unwrap()),
                "{error}"
            );
        }
        assert_eq!(tree(&world.sources()).len(), 1);
    }

    #[test]
    fn what_is_no_archive_is_told() {
        let world = World::new();
        let missing = world.dir.path().join("missing");
        for dir in [&missing, &world.sources()] {
            let error = Archive::open(dir, Access::ReadWrite).err().unwrap();
            assert!(matches!(error, Error::NoSuchArchive { .. }), "{error}");
        }
        let config = world.archive.dir().join("librisfs.toml");
        let text = fs::read_to_string(&config).unwrap();
        fs::write(&config, text.replace("format = 1", "format = 99")).unwrap();
        let error = Archive::open(world.archive.dir(), Access::ReadWrite)
            .err()
            .unwrap();
        assert!(matches!(error, Error::TooNew { found: 99, .. }), "{error}");
    }
}

mod takedowns {
    use super::*;

    #[test]
    fn hide_and_are_lifted() {
        let world = World::new();
        world.source("a.txt", "bytes");
        world.import();
        let report = world
            .archive
            .take_down(&[takedown(b"bytes")], false)
            .unwrap();
        assert_eq!((report.recorded, report.hidden.len()), (1, 1));
        assert!(report.purged.is_empty());
        assert_eq!(world.read(b"bytes"), None);
        assert_eq!(world.archive.takedowns(None, 10).unwrap().len(), 1);
        let sha1 = Hash::Sha1(id_of(b"bytes").sha1);
        assert_eq!(world.archive.lift(&[sha1]).unwrap(), 1);
        world.archive.catalogue().settle().unwrap();
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
    }

    #[test]
    fn a_purge_destroys_the_bytes_wherever_they_are() {
        let world = World::new();
        world.source("a.txt", "bytes");
        world.source("b.txt", "other");
        world.import();
        let open = world.archive.blobs().open(&id_of(b"bytes")).unwrap();
        world.archive.blobs().quarantine(&id_of(b"bytes")).unwrap();
        world.import();
        world
            .archive
            .take_down(&[takedown(b"bytes")], false)
            .unwrap();
        let report = world
            .archive
            .take_down(&[takedown(b"bytes")], true)
            .unwrap();
        assert_eq!((report.recorded, report.purged.len()), (0, 1));
        assert!(open.read_at(&mut [0; 5], 0).is_err());
        assert_eq!(world.archive.blobs().quarantined().unwrap(), 0);
        assert_eq!(world.read(b"other").unwrap(), b"other");
        let scrub = world
            .archive
            .scrub(&ScrubOptions::default(), &Unobserved)
            .unwrap();
        assert!(scrub.is_clean());
        assert_eq!((scrub.purged, scrub.intact), (1, 1));
    }

    #[test]
    fn a_purge_reaches_blobs_without_rows() {
        let world = World::new();
        world.source("a.txt", "bytes");
        world.import();
        fs::create_dir_all(world.place(&id_of(b"orphan")).parent().unwrap()).unwrap();
        fs::write(world.place(&id_of(b"orphan")), "orphan").unwrap();
        let report = world
            .archive
            .take_down(&[takedown(b"orphan")], true)
            .unwrap();
        assert_eq!(report.purged, [id_of(b"orphan")]);
        assert!(!world.place(&id_of(b"orphan")).exists());
    }
}

mod scrubbing {
    use super::*;

    /// An archive with one blob of each fault.
    fn damaged() -> World {
        let world = World::new();
        for name in ["good", "gone", "short", "wrong", "strange"] {
            world.source(&format!("{name}.txt"), name);
        }
        world.import();
        fs::remove_file(world.place(&id_of(b"gone"))).unwrap();
        world.damage(&id_of(b"short"), b"sho");
        world.damage(&id_of(b"wrong"), b"wrung");
        fs::remove_file(world.place(&id_of(b"strange"))).unwrap();
        fs::create_dir(world.place(&id_of(b"strange"))).unwrap();
        fs::write(world.place(&id_of(b"orphan")), "orphan").unwrap();
        fs::write(world.archive.dir().join("blobs/stray"), "stray").unwrap();
        world
    }

    #[test]
    fn names_every_fault_and_the_files_that_have_it() {
        let world = damaged();
        let report = world
            .archive
            .scrub(&ScrubOptions::default(), &Unobserved)
            .unwrap();
        assert!(!report.is_clean());
        assert_eq!((report.intact, report.unreferenced), (1, 1));
        assert_eq!(report.damaged.len(), 4);
        for found in &report.damaged {
            assert_eq!(found.files.len(), 1);
            assert_eq!(found.quarantined, None);
            let is_as_expected = match found.files[0].name.as_str() {
                "gone.txt" => found.fault == Fault::Missing,
                "short.txt" => found.fault == Fault::WrongSize { found_bytes: 3 },
                "wrong.txt" => {
                    let found_blob = id_of(b"wrung");
                    found.fault == Fault::WrongBytes { found: found_blob }
                }
                "strange.txt" => matches!(found.fault, Fault::WrongSize { .. }),
                other => panic!("{other}"),
            };
            assert!(is_as_expected, "{found:?}");
        }
        assert_eq!(report.strays.len(), 2);
    }

    #[test]
    fn repairing_makes_room_for_healing() {
        let world = damaged();
        let options = ScrubOptions {
            repair: true,
            jobs: Some(3),
            ..ScrubOptions::default()
        };
        let report = world.archive.scrub(&options, &Unobserved).unwrap();
        let moved = report.damaged.iter().filter(|d| d.quarantined.is_some());
        assert_eq!(moved.count(), 3);
        assert_eq!(world.archive.status().unwrap().quarantined, 3);
        let summary = world.import();
        assert_eq!((summary.duplicates, summary.healed), (5, 4));
        let again = world.archive.scrub(&options, &Unobserved).unwrap();
        assert!(again.is_clean());
        assert_eq!(again.intact, 5);
    }

    #[test]
    fn a_damaged_file_says_what_to_do() {
        let world = damaged();
        let file = world.record_of(b"gone").file;
        let error = world.archive.open_file(file).err().unwrap().to_string();
        for part in ["gone.txt", &id_of(b"gone").to_string(), "librisfs scrub"] {
            assert!(error.contains(part), "{error}");
        }
    }

    #[test]
    fn intact_blobs_are_marked_as_seen() {
        let world = World::new();
        world.source("a.txt", "bytes");
        world.import();
        let status = std::process::Command::new("sqlite3")
            .arg(world.archive.dir().join("catalogue.sqlite"))
            .arg("UPDATE books_hashes SET last_seen = 1")
            .status()
            .expect("the sqlite3 program");
        assert!(status.success());
        let nothing = ScrubOptions {
            sample_percent: 0.0,
            ..ScrubOptions::default()
        };
        let report = world.archive.scrub(&nothing, &Unobserved).unwrap();
        assert_eq!(report.intact, 0);
        assert_eq!(rows(&world.archive)[0].last_seen.0, 1);
        world
            .archive
            .scrub(&ScrubOptions::default(), &Unobserved)
            .unwrap();
        assert!(rows(&world.archive)[0].last_seen.0 > 1);
    }
}

mod collecting {
    use super::*;

    #[test]
    fn removes_what_nothing_needs_and_nothing_else() {
        let world = World::new();
        for name in ["kept", "hidden", "unneeded"] {
            world.source(&format!("{name}.txt"), name);
        }
        world.import();
        world
            .archive
            .take_down(&[takedown(b"hidden")], false)
            .unwrap();
        let unneeded = world.record_of(b"unneeded").file.get();
        let status = std::process::Command::new("sqlite3")
            .arg(world.archive.dir().join("catalogue.sqlite"))
            .arg(format!("DELETE FROM books_to_hashes WHERE id = {unneeded}"))
            .status()
            .expect("the sqlite3 program");
        assert!(status.success());
        fs::write(world.place(&id_of(b"orphan")), "orphan").unwrap();
        let dead = world.archive.dir().join("staging/1-1");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join("lock"), "").unwrap();
        fs::write(dead.join("0"), "left").unwrap();

        let counted = world.archive.gc(true, &Unobserved).unwrap();
        let expected = GcReport {
            rows: 1,
            blobs: 2,
            blob_bytes: 14,
            leftovers: 1,
            leftover_bytes: 4,
            ..GcReport::default()
        };
        assert_eq!(counted, expected);
        assert!(world.place(&id_of(b"orphan")).exists());
        assert_eq!(world.archive.gc(false, &Unobserved).unwrap(), expected);
        assert_eq!(
            world.archive.gc(false, &Unobserved).unwrap(),
            GcReport::default()
        );
        let left = tree(&world.archive.dir().join("blobs"));
        assert_eq!(left.len(), 2);
        let blobs = world.archive.blobs();
        for bytes in [&b"kept"[..], b"hidden"] {
            assert_eq!(blobs.presence(&id_of(bytes)).unwrap(), Presence::Whole);
        }
        assert!(!dead.exists());
    }

    /// An archive that keeps the trash for so many days, with files trashed at the beginning of time but one.
    fn with_trash(keep_days: u32) -> World {
        let mut world = World::new();
        for name in ["old", "hidden", "shared", "new"] {
            world.source(&format!("{name}.txt"), name);
        }
        world.import();
        world.archive.trash(&[world.record_of(b"new")]).unwrap();
        let old = ["old", "hidden", "shared"].map(|name| world.record_of(name.as_bytes()).file);
        let [old, hidden, shared] = old.map(librisfs::archive::FileId::get);
        // A second file has the bytes of `shared`, and is not in the trash.
        let sql = format!(
            "UPDATE books_to_hashes SET trashed = 1 WHERE id IN ({old}, {hidden}, {shared});
             INSERT INTO books_to_hashes (book_id, hash_id, format)
             SELECT book_id, hash_id, format FROM books_to_hashes WHERE id = {shared};"
        );
        let status = std::process::Command::new("sqlite3")
            .arg(world.archive.dir().join("catalogue.sqlite"))
            .arg(sql)
            .status()
            .expect("the sqlite3 program");
        assert!(status.success());
        world
            .archive
            .take_down(&[takedown(b"hidden")], false)
            .unwrap();
        let config = world.archive.dir().join("librisfs.toml");
        let text = fs::read_to_string(&config).unwrap();
        let text = text.replace("keep_days = 0", &format!("keep_days = {keep_days}"));
        fs::write(&config, text).unwrap();
        world.archive = Archive::open(world.archive.dir(), Access::ReadWrite).unwrap();
        assert_eq!(world.archive.config().trash.keep_days, keep_days);
        world
    }

    fn trashed(world: &World) -> Vec<String> {
        let entries = world.archive.trashed(None, 10).unwrap();
        let mut names: Vec<_> = entries.into_iter().map(|entry| entry.name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_in_the_trash_for_long_goes_first() {
        let world = with_trash(30);
        let counted = world.archive.gc(true, &Unobserved).unwrap();
        let expired = GcReport {
            expired: 2,
            expired_bytes: 9,
            ..GcReport::default()
        };
        assert_eq!(counted, expired);
        assert_eq!(trashed(&world).len(), 4);

        let report = world.archive.gc(false, &Unobserved).unwrap();
        let removed = GcReport {
            rows: 1,
            blobs: 1,
            blob_bytes: 3,
            ..expired
        };
        assert_eq!(report, removed);
        assert_eq!(trashed(&world), ["hidden.txt", "new.txt"]);
        let blobs = world.archive.blobs();
        for bytes in [&b"hidden"[..], b"shared", b"new"] {
            assert_eq!(blobs.presence(&id_of(bytes)).unwrap(), Presence::Whole);
        }
        assert_eq!(blobs.presence(&id_of(b"old")).unwrap(), Presence::Missing);
        assert_eq!(
            world.archive.gc(false, &Unobserved).unwrap(),
            GcReport::default()
        );
    }

    #[test]
    fn without_a_setting_the_trash_is_kept() {
        let world = with_trash(0);
        assert_eq!(
            world.archive.gc(false, &Unobserved).unwrap(),
            GcReport::default()
        );
        assert_eq!(trashed(&world).len(), 4);
    }
}

#[test]
fn status_counts() {
    let world = World::new();
    world.source("a.txt", "bytes");
    world.source("b.txt", "more");
    world.import();
    let status = world.archive.status().unwrap();
    assert_eq!(
        (status.statistics.files, status.statistics.blob_bytes),
        (2, 9)
    );
    assert_eq!((status.staged, status.quarantined), (0, 0));
    assert_eq!(status.dir, world.archive.dir());
}

#[test]
fn a_backup_with_the_blobs_is_an_archive() {
    let world = World::new();
    world.source("a.txt", "bytes");
    world.import();
    let dest = world.dir.path().join("backup");
    world.archive.backup(&dest, &mut |_, _| {}).unwrap();
    let error = world.archive.backup(&dest, &mut |_, _| {}).unwrap_err();
    assert!(matches!(error, Error::NotEmpty { .. }), "{error}");
    for part in ["blobs", "staging", "quarantine"] {
        fs::rename(world.archive.dir().join(part), dest.join(part)).unwrap();
    }
    let restored = Archive::open(&dest, Access::ReadWrite).unwrap();
    let report = restored
        .scrub(&ScrubOptions::default(), &Unobserved)
        .unwrap();
    assert!(report.is_clean());
    assert_eq!(report.intact, 1);
    assert_eq!(restored.config(), world.archive.config());
}

#[test]
fn blobs_of_one_md5_stay_two() {
    // Wang and Yu, 2004: two messages of 128 bytes with one MD5.
    let pair = [
        "d131dd02c5e6eec4693d9a0698aff95c2fcab58712467eab4004583eb8fb7f8955ad340609f4b30283e488832571415a085125e8f7cdc99fd91dbdf280373c5bd8823e3156348f5bae6dacd436c919c6dd53e2b487da03fd02396306d248cda0e99f33420f577ee8ce54b67080a80d1ec69821bcb6a8839396f9652b6ff72a70",
        "d131dd02c5e6eec4693d9a0698aff95c2fcab50712467eab4004583eb8fb7f8955ad340609f4b30283e4888325f1415a085125e8f7cdc99fd91dbd7280373c5bd8823e3156348f5bae6dacd436c919c6dd53e23487da03fd02396306d248cda0e99f33420f577ee8ce54b67080280d1ec69821bcb6a8839396f965ab6ff72a70",
    ]
    .map(|hex| {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect::<Vec<u8>>()
    });
    assert_eq!(id_of(&pair[0]).md5, id_of(&pair[1]).md5);
    let world = World::new();
    world.source("one.bin", &pair[0]);
    world.source("two.bin", &pair[1]);
    assert_eq!(world.import().new, 2);
    for bytes in &pair {
        assert_eq!(world.read(bytes).as_ref(), Some(bytes));
    }
}
