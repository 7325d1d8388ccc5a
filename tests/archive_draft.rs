//! Drafts: written in any order, hashed meanwhile, committed, refused, and left by processes that die.

mod archive_support;

use std::env;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use archive_support::{World, id_of, rows, tree};
use librisfs::archive::{
    Access, Archive, Committed, Destination, Draft, Error, Takedown, Unobserved,
};
use librisfs::blob::Waiting;
use librisfs::book::Metadata;
use librisfs::catalogue::UnixNanos;
use librisfs::hash::Hash;
use proptest::prelude::*;

fn document(name: &str) -> Destination {
    Destination {
        name: name.into(),
        is_document: true,
        ..Destination::default()
    }
}

fn draft_with(archive: &Archive, bytes: &[u8]) -> Arc<Draft> {
    let draft = archive.draft().unwrap();
    draft.write_at(bytes, 0).unwrap();
    Arc::new(draft)
}

fn commit(archive: &Archive, draft: &Arc<Draft>, to: &Destination) -> Result<Committed, Error> {
    let mut outcomes = archive.commit(vec![(Arc::clone(draft), to.clone())]);
    assert_eq!(outcomes.len(), 1);
    outcomes.remove(0)
}

fn read(draft: &Draft) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(draft.size_bytes()).unwrap() + 10];
    let filled = draft.read_at(&mut bytes, 0).unwrap();
    bytes.truncate(filled);
    bytes
}

fn is_staging_empty(archive: &Archive) -> bool {
    archive.blobs().staging().waiting().unwrap() == Waiting::default()
}

mod bytes {
    use super::*;

    #[test]
    fn read_as_they_were_written() {
        let world = World::new();
        let draft = world.archive.draft().unwrap();
        assert_eq!(read(&draft), b"");
        draft.write_at(b"world", 6).unwrap();
        draft.write_at(b"hello", 0).unwrap();
        assert_eq!(read(&draft), b"hello\0world");
        draft.release_descriptor();
        draft.set_len(5).unwrap();
        draft.set_len(7).unwrap();
        assert_eq!(read(&draft), b"hello\0\0");
        assert_eq!(draft.read_at(&mut [0; 4], 7).unwrap(), 0);
        drop(draft);
        assert!(is_staging_empty(&world.archive));
    }

    #[test]
    fn room_holes_and_zeros() {
        let world = World::new();
        let draft = world.archive.draft().unwrap();
        draft.write_at(&vec![7; 65536], 0).unwrap();
        draft.allocate(0, 1 << 20, true).unwrap();
        assert_eq!(draft.size_bytes(), 65536);
        assert!(draft.blocks() >= 2048, "{}", draft.blocks());
        draft.allocate(0, 1 << 18, false).unwrap();
        assert_eq!(draft.size_bytes(), 1 << 18);
        draft.punch_hole(16384, 16384).unwrap();
        let mut expected = vec![7; 65536];
        expected[16384..32768].fill(0);
        expected.resize(1 << 18, 0);
        assert_eq!(draft.seek(0, false).unwrap(), 16384);
        assert_eq!(draft.seek(20000, true).unwrap(), 32768);
        assert!(draft.seek(1 << 20, true).is_err());
        let settled = draft.settle(&document("a.bin")).unwrap();
        assert_eq!(settled, Some(id_of(&expected)));
    }

    #[test]
    fn a_draft_of_a_blob_begins_with_its_bytes() {
        let world = World::new();
        world.source("a.txt", "some bytes");
        world.import();
        let draft = world.archive.draft_of(&id_of(b"some bytes")).unwrap();
        assert_eq!(read(&draft), b"some bytes");
        let same = draft.settle(&document("a.txt")).unwrap();
        assert_eq!(same, Some(id_of(b"some bytes")));
        draft.write_at(b"S", 0).unwrap();
        draft.write_at(b"!", 10).unwrap();
        let other = draft.settle(&document("a.txt")).unwrap();
        assert_eq!(other, Some(id_of(b"Some bytes!")));
        assert_eq!(world.read(b"some bytes").unwrap(), b"some bytes");
    }

    #[test]
    fn long_ones_are_hashed_as_they_come() {
        let world = World::new();
        let draft = world.archive.draft().unwrap();
        let piece: Vec<u8> = (0..1_000_003_u32).map(|n| n.to_le_bytes()[1]).collect();
        let mut all = Vec::new();
        for _ in 0..24 {
            draft.write_at(&piece, all.len() as u64).unwrap();
            all.extend_from_slice(&piece);
        }
        let settled = draft.settle(&document("a.bin")).unwrap();
        assert_eq!(settled, Some(id_of(&all)));
        let again = Instant::now();
        assert_eq!(draft.settle(&document("a.bin")).unwrap(), settled);
        assert!(again.elapsed() < Duration::from_millis(100));
        // Appended to, only what is new is hashed.
        draft.write_at(b"end", all.len() as u64).unwrap();
        all.extend_from_slice(b"end");
        let settled = draft.settle(&document("a.bin")).unwrap();
        assert_eq!(settled, Some(id_of(&all)));
    }

    #[test]
    fn written_and_settled_by_many_threads_at_once() {
        let world = World::new();
        let draft = world.archive.draft().unwrap();
        let chunk = 100_000_u64;
        std::thread::scope(|scope| {
            for thread in 0..4_u8 {
                let draft = &draft;
                scope.spawn(move || {
                    for step in 0..12_u64 {
                        let at = (step * 4 + u64::from(thread)) * chunk;
                        draft.write_at(&vec![thread; 100_000], at).unwrap();
                        if step % 5 == u64::from(thread) {
                            draft.settle(&document("a.bin")).unwrap();
                        }
                        let mut some = [9; 100];
                        draft.read_at(&mut some, at).unwrap();
                        assert_eq!(some, [thread; 100]);
                    }
                });
            }
        });
        let expected: Vec<u8> = (0..48_u8)
            .flat_map(|n| std::iter::repeat_n(n % 4, 100_000))
            .collect();
        let settled = draft.settle(&document("a.bin")).unwrap();
        assert_eq!(settled, Some(id_of(&expected)));
    }

    #[derive(Debug, Clone)]
    enum Step {
        Write(u32, u32, u8),
        Append(u32, u8),
        SetLen(u32),
        Punch(u32, u32),
        Settle,
        Release,
        Commit,
    }

    fn step() -> impl Strategy<Value = Step> {
        let most = 3_000_000_u32;
        prop_oneof![
            4 => (0..most, 1..900_000_u32, any::<u8>()).prop_map(|(a, b, c)| Step::Write(a, b, c)),
            8 => (1..900_000_u32, any::<u8>()).prop_map(|(a, b)| Step::Append(a, b)),
            2 => (0..most).prop_map(Step::SetLen),
            1 => Just(Step::SetLen(0)),
            1 => (0..most, 1..900_000_u32).prop_map(|(a, b)| Step::Punch(a, b)),
            3 => Just(Step::Settle),
            1 => Just(Step::Release),
            1 => Just(Step::Commit),
        ]
    }

    fn model_write(model: &mut Vec<u8>, at: usize, bytes: &[u8]) {
        if model.len() < at + bytes.len() {
            model.resize(at + bytes.len(), 0);
        }
        model[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn run(archive: &Archive, steps: &[Step]) {
        let to = document("a.bin");
        let draft = Arc::new(archive.draft().unwrap());
        let mut model: Vec<u8> = Vec::new();
        for step in steps {
            match *step {
                Step::Write(at, len, fill) => {
                    let bytes = vec![fill; len as usize];
                    draft.write_at(&bytes, u64::from(at)).unwrap();
                    model_write(&mut model, at as usize, &bytes);
                }
                Step::Append(len, fill) => {
                    let bytes = vec![fill; len as usize];
                    draft.write_at(&bytes, model.len() as u64).unwrap();
                    model.extend_from_slice(&bytes);
                }
                Step::SetLen(len) => {
                    draft.set_len(u64::from(len)).unwrap();
                    model.resize(len as usize, 0);
                }
                Step::Punch(at, len) => {
                    draft.punch_hole(u64::from(at), u64::from(len)).unwrap();
                    let at = (at as usize).min(model.len());
                    let to = (at + len as usize).min(model.len());
                    model[at..to].fill(0);
                }
                Step::Settle => {
                    let blob = (!model.is_empty()).then(|| id_of(&model));
                    assert_eq!(draft.settle(&to).unwrap(), blob);
                }
                Step::Release => draft.release_descriptor(),
                Step::Commit => {
                    commit(archive, &draft, &to).unwrap();
                    if !model.is_empty() {
                        assert!(archive.blobs().open(&id_of(&model)).is_ok());
                    }
                }
            }
            assert_eq!(draft.size_bytes(), model.len() as u64);
        }
        let blob = (!model.is_empty()).then(|| id_of(&model));
        assert_eq!(draft.settle(&to).unwrap(), blob);
        assert!(read(&draft) == model, "other bytes than were written");
    }

    #[test]
    fn whatever_is_done_to_them_their_hash_is_that_of_what_is_there() {
        let world = World::new();
        let config = ProptestConfig {
            cases: 24,
            failure_persistence: None,
            ..ProptestConfig::default()
        };
        proptest!(config, |(steps in prop::collection::vec(step(), 1..14))| {
            run(&world.archive, &steps);
        });
        for row in rows(&world.archive) {
            let bytes = fs::read(world.place(&row.blob)).unwrap();
            assert_eq!(id_of(&bytes), row.blob, "a blob was written to");
        }
    }
}

mod committing {
    use super::*;

    #[test]
    fn a_new_document_is_catalogued_and_described() {
        let world = World::new();
        let draft = draft_with(&world.archive, b"bytes of a book");
        let to = Destination {
            given: Metadata {
                author: Some("Given Author".into()),
                ..Metadata::default()
            },
            mtime: Some(UnixNanos(1_500_000_000_999_999_999)),
            ..document("Some Title.txt")
        };
        let committed = commit(&world.archive, &draft, &to).unwrap();
        let record = world.record_of(b"bytes of a book");
        let file = record.file;
        assert_eq!(committed, Committed::Document { file, is_new: true });
        assert_eq!(record.metadata.title.as_deref(), Some("Some Title"));
        assert_eq!(record.metadata.author.as_deref(), Some("Given Author"));
        assert_eq!(record.mtime.0, 1_500_000_000);
        assert_eq!(world.read(b"bytes of a book").unwrap(), b"bytes of a book");
        assert_eq!(read(&draft), b"bytes of a book");
        assert!(!draft.is_noted());
        assert!(is_staging_empty(&world.archive));
        let mode = fs::metadata(world.place(&record.blob)).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::mode(&mode.permissions());
        assert_eq!(mode & 0o777, 0o444);
    }

    #[test]
    fn a_duplicate_is_the_file_that_is_there() {
        let world = World::new();
        world.source("a.txt", "bytes");
        world.import();
        let file = world.record_of(b"bytes").file;
        let draft = draft_with(&world.archive, b"bytes");
        let committed = commit(&world.archive, &draft, &document("b.txt")).unwrap();
        let is_new = false;
        assert_eq!(committed, Committed::Document { file, is_new });
        assert_eq!(read(&draft), b"bytes");
        assert!(is_staging_empty(&world.archive));
    }

    #[test]
    fn what_is_written_afterwards_is_another_draft() {
        let world = World::new();
        let draft = draft_with(&world.archive, b"first");
        commit(&world.archive, &draft, &document("a.txt")).unwrap();
        draft.release_descriptor();
        assert_eq!(read(&draft), b"first");
        draft.write_at(b"F", 0).unwrap();
        assert_eq!(read(&draft), b"First");
        assert_eq!(world.read(b"first").unwrap(), b"first");
        commit(&world.archive, &draft, &document("a.txt")).unwrap();
        assert_eq!(world.read(b"First").unwrap(), b"First");
    }

    #[test]
    fn what_is_taken_down_is_refused_and_gone() {
        let world = World::new();
        let takedown = Takedown {
            md5: Some(id_of(b"bytes").md5),
            notice: Some("N-1".into()),
            ..Takedown::default()
        };
        world.archive.take_down(&[takedown], false).unwrap();
        let draft = draft_with(&world.archive, b"bytes");
        let committed = commit(&world.archive, &draft, &document("a.txt")).unwrap();
        let Committed::TakenDown(entry) = committed else {
            panic!("{committed:?}");
        };
        assert_eq!(entry.takedown.notice.as_deref(), Some("N-1"));
        assert_eq!(read(&draft), b"");
        assert!(!draft.is_noted());
        assert!(!world.place(&id_of(b"bytes")).exists());
        drop(draft);
        assert!(is_staging_empty(&world.archive));
    }

    #[test]
    fn other_bytes_than_the_hash_says_are_refused() {
        let world = World::new();
        for (bytes, is_taken) in [(&b"other"[..], false), (b"bytes", true)] {
            let draft = draft_with(&world.archive, bytes);
            let to = Destination {
                must_be: Some(Hash::Sha1(id_of(b"bytes").sha1)),
                ..document("a.txt")
            };
            let committed = commit(&world.archive, &draft, &to).unwrap();
            assert_eq!(committed != Committed::OtherHash, is_taken);
            assert_eq!(world.place(&id_of(bytes)).exists(), is_taken);
        }
    }

    #[test]
    fn nothing_comes_of_an_empty_one() {
        let world = World::new();
        let draft = Arc::new(world.archive.draft().unwrap());
        assert_eq!(draft.settle(&document("a.txt")).unwrap(), None);
        assert!(!draft.is_noted());
        let committed = commit(&world.archive, &draft, &document("a.txt")).unwrap();
        assert_eq!(committed, Committed::Empty);
        assert!(rows(&world.archive).is_empty());
    }

    #[test]
    fn many_at_once_and_the_same_one_twice() {
        let world = World::new();
        let drafts: Vec<_> = (0..20)
            .map(|n| draft_with(&world.archive, format!("document {n}").as_bytes()))
            .collect();
        let mut batch: Vec<_> = (0..20)
            .map(|n| (Arc::clone(&drafts[n]), document(&format!("{n}.txt"))))
            .collect();
        batch.push(batch[3].clone());
        let outcomes = world.archive.commit(batch);
        assert_eq!(outcomes.len(), 21);
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(rows(&world.archive).len(), 20);
        assert!(is_staging_empty(&world.archive));
    }

    #[test]
    fn an_error_keeps_the_bytes_and_hits_no_others() {
        let world = World::new();
        let shard = |bytes: &[u8]| world.place(&id_of(bytes)).parent().unwrap().to_owned();
        // A file where the shard of one should be: it cannot be placed, the others can.
        let shard = shard(b"unlucky");
        fs::remove_dir(&shard).unwrap();
        fs::write(&shard, "in the way").unwrap();
        let unlucky = draft_with(&world.archive, b"unlucky");
        let lucky = draft_with(&world.archive, b"lucky");
        let outcomes = world.archive.commit(vec![
            (Arc::clone(&unlucky), document("unlucky.txt")),
            (Arc::clone(&lucky), document("lucky.txt")),
        ]);
        assert!(outcomes[0].is_err());
        assert!(outcomes[1].is_ok());
        assert!(unlucky.is_noted());
        assert!(!lucky.is_noted());
        assert_eq!(read(&unlucky), b"unlucky");
        fs::remove_file(&shard).unwrap();
        commit(&world.archive, &unlucky, &document("unlucky.txt")).unwrap();
        assert_eq!(world.read(b"unlucky").unwrap(), b"unlucky");
    }

    /// The catalogue's file, made unwritable in its database's own way, so that blobs are placed and
    /// rows are not.
    fn refuse_rows(archive: &Archive, refuse: bool) {
        let catalogue = archive.dir().join("catalogue.sqlite");
        let connection = rusqlite::Connection::open(catalogue).unwrap();
        connection
            .execute_batch(if refuse {
                "CREATE TRIGGER refuse BEFORE INSERT ON books_hashes
                 BEGIN SELECT RAISE(ABORT, 'refused by the test'); END;"
            } else {
                "DROP TRIGGER refuse;"
            })
            .unwrap();
    }

    #[test]
    fn bytes_that_are_placed_without_rows_are_kept() {
        let world = World::new();
        refuse_rows(&world.archive, true);
        let draft = draft_with(&world.archive, b"bytes");
        let error = commit(&world.archive, &draft, &document("a.txt")).unwrap_err();
        assert!(error.to_string().contains("refused by the test"), "{error}");
        assert!(draft.is_noted());
        assert!(world.place(&id_of(b"bytes")).exists());
        world.archive.gc(false, &Unobserved).unwrap();
        assert_eq!(read(&draft), b"bytes");

        // Written to meanwhile, the blob stays as it is.
        draft.write_at(b"B", 0).unwrap();
        assert_eq!(fs::read(world.place(&id_of(b"bytes"))).unwrap(), b"bytes");
        assert!(draft.is_noted());
        commit(&world.archive, &draft, &document("a.txt")).unwrap_err();
        refuse_rows(&world.archive, false);
        commit(&world.archive, &draft, &document("a.txt")).unwrap();
        assert_eq!(world.read(b"Bytes").unwrap(), b"Bytes");
        assert!(is_staging_empty(&world.archive));
        world.archive.gc(false, &Unobserved).unwrap();
        assert!(!world.place(&id_of(b"bytes")).exists());
    }

    #[test]
    fn bytes_that_are_placed_without_rows_are_recovered() {
        let world = World::new();
        let dir = world.archive.dir().to_owned();
        let dead = Archive::open(&dir, Access::ReadWrite).unwrap();
        let draft = draft_with(&dead, b"bytes");
        refuse_rows(&dead, true);
        commit(&dead, &draft, &document("a.txt")).unwrap_err();
        drop((draft, dead));
        refuse_rows(&world.archive, false);
        world.archive.gc(false, &Unobserved).unwrap();
        assert_eq!(world.archive.status().unwrap().drafts, 1);
        let report = world.archive.recover(&Unobserved).unwrap();
        assert_eq!((report.settled.len(), report.kept.len()), (1, 0));
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
        assert_eq!(tree(&dir.join("staging")).len(), 0);
    }
}

mod leftovers {
    use super::*;

    const ARCHIVE: &str = "LIBRISFS_TEST_ARCHIVE";

    /// Not a test by itself: the process that the tests below start and kill.
    #[test]
    #[ignore = "run by the other tests as a process of its own"]
    fn child() {
        let dir = env::var_os(ARCHIVE).unwrap();
        let archive = Archive::open(Path::new(&dir), Access::ReadWrite).unwrap();
        let settled = draft_with(&archive, b"settled");
        settled.settle(&document("before.txt")).unwrap();
        settled.note(&document("settled.txt")).unwrap();
        let synced = draft_with(&archive, b"synced");
        synced.sync(&document("synced.txt")).unwrap();
        let scratch = draft_with(&archive, b"scratch");
        let to = Destination {
            is_document: false,
            ..document("scratch.tmp")
        };
        scratch.settle(&to).unwrap();
        let unsettled = draft_with(&archive, b"unsettled");
        let removed = draft_with(&archive, b"removed");
        removed.settle(&document("removed.txt")).unwrap();
        removed.forget().unwrap();
        let committed = draft_with(&archive, b"committed");
        commit(&archive, &committed, &document("committed.txt")).unwrap();
        println!("\nready");
        std::thread::sleep(Duration::from_mins(10));
        drop((settled, synced, scratch, unsettled, removed));
    }

    /// A process that has settled drafts, killed.
    fn killed(world: &World) {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "leftovers::child", "--ignored", "--nocapture"])
            .env(ARCHIVE, world.archive.dir())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let is_ready = lines.map_while(Result::ok).any(|line| line == "ready");
        // While it lives, nobody touches what it has.
        assert!(is_ready);
        assert_eq!(world.archive.leftovers().unwrap(), []);
        let report = world.archive.recover(&Unobserved).unwrap();
        assert!(report.settled.is_empty() && report.kept.is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    fn names(world: &World) -> Vec<String> {
        let leftovers = world.archive.leftovers().unwrap();
        let mut names: Vec<_> = leftovers.into_iter().filter_map(|one| one.name).collect();
        names.sort();
        names
    }

    #[test]
    fn what_was_settled_survives_a_kill_and_a_collection() {
        let world = World::new();
        killed(&world);
        let expected = ["scratch.tmp", "settled.txt", "synced.txt"];
        assert_eq!(names(&world), expected);
        let gc = world.archive.gc(false, &Unobserved).unwrap();
        assert_eq!(gc.leftovers, 2, "the unsettled and the removed one");
        assert_eq!(names(&world), expected);

        let report = world.archive.recover(&Unobserved).unwrap();
        assert_eq!(report.settled.len(), 2);
        for bytes in [&b"settled"[..], b"synced", b"committed"] {
            assert_eq!(world.read(bytes).unwrap(), bytes);
        }
        assert_eq!(rows(&world.archive).len(), 3);
        assert_eq!(report.kept.len(), 1);
        let kept = &report.kept[0];
        assert_eq!(kept.leftover.name.as_deref(), Some("scratch.tmp"));
        assert_eq!(fs::read(&kept.leftover.path).unwrap(), b"scratch");

        let again = world.archive.recover(&Unobserved).unwrap();
        assert_eq!((again.settled.len(), again.kept.len()), (0, 1));
        let none = world.archive.discard_leftovers(&["nothing".into()]);
        assert_eq!(none.unwrap(), []);
        let name = "scratch.tmp".to_owned();
        let gone = world.archive.discard_leftovers(&[name]).unwrap();
        assert_eq!(gone.len(), 1);
        assert_eq!(world.archive.leftovers().unwrap(), []);
        assert_eq!(tree(&world.archive.dir().join("staging")).len(), 0);
    }

    #[test]
    fn what_was_settled_survives_an_end_in_good_order() {
        let world = World::new();
        let other = Archive::open(world.archive.dir(), Access::ReadWrite).unwrap();
        let draft = draft_with(&other, b"bytes");
        draft.settle(&document("a.txt")).unwrap();
        drop((draft, other));
        assert_eq!(names(&world), ["a.txt"]);
        world.archive.recover(&Unobserved).unwrap();
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
    }

    #[test]
    fn what_was_written_after_settling_is_recovered_too() {
        let world = World::new();
        let other = Archive::open(world.archive.dir(), Access::ReadWrite).unwrap();
        let draft = draft_with(&other, b"bytes");
        draft.settle(&document("a.txt")).unwrap();
        draft.write_at(b" and more", 5).unwrap();
        drop((draft, other));
        world.archive.recover(&Unobserved).unwrap();
        assert_eq!(world.read(b"bytes and more").unwrap(), b"bytes and more");
    }

    #[test]
    fn what_a_power_cut_has_torn_stays_aside() {
        let world = World::new();
        let other = Archive::open(world.archive.dir(), Access::ReadWrite).unwrap();
        let blob = id_of(b"bytes");
        let note = |name: &str| {
            format!(
                r#"{{"to":{{"name":"{name}","is_document":true}},"blob":"{blob}","boot":"another"}}"#
            )
        };
        for (name, bytes) in [("whole.txt", &b"bytes"[..]), ("torn.txt", &[0; 5])] {
            let (staged, file) = other.blobs().staging().create_draft().unwrap();
            file.write_all_at(bytes, 0).unwrap();
            staged.note(&note(name)).unwrap();
        }
        drop(other);
        let report = world.archive.recover(&Unobserved).unwrap();
        assert_eq!((report.settled.len(), report.kept.len()), (1, 1));
        assert_eq!(names(&world), ["torn.txt"]);
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
    }

    /// What is synced is promised; what is written on is there or not, as with any file.
    #[test]
    fn what_was_synced_is_recovered_whatever_was_written_on() {
        let world = World::new();
        let other = Archive::open(world.archive.dir(), Access::ReadWrite).unwrap();
        let staging = other.blobs().staging();
        let draft = draft_with(&other, b"bytes");
        draft.sync(&document("log.txt")).unwrap();
        draft.write_at(b" and more", 5).unwrap();
        draft.note(&document("renamed.txt")).unwrap();
        let note = staging.all_notes().unwrap().remove(0);
        draft.settle(&document("renamed.txt")).unwrap();
        assert!(staging.all_notes().unwrap()[0].contains("\"is_synced\":true"));
        draft.forget().unwrap();

        // The same, in another run of the system.
        let (before, after) = note.split_once("\"boot\":\"").unwrap();
        let (staged, file) = staging.create_draft().unwrap();
        file.write_all_at(b"bytes and m", 0).unwrap();
        staged
            .note(&format!("{before}\"boot\":\"another {after}"))
            .unwrap();
        drop((draft, staged, other));
        let report = world.archive.recover(&Unobserved).unwrap();
        assert_eq!((report.settled.len(), report.kept.len()), (1, 0));
        assert_eq!(world.read(b"bytes and m").unwrap(), b"bytes and m");
    }

    #[test]
    fn a_note_that_nobody_understands_stays() {
        let world = World::new();
        let other = Archive::open(world.archive.dir(), Access::ReadWrite).unwrap();
        let (staged, _file) = other.blobs().staging().create_draft().unwrap();
        staged.note("{\"of\":\"the future\"}").unwrap();
        drop((staged, other));
        let report = world.archive.recover(&Unobserved).unwrap();
        assert_eq!(report.kept.len(), 1);
        assert_eq!(report.kept[0].leftover.name, None);
        let id = report.kept[0].leftover.id.clone();
        assert_eq!(world.archive.discard_leftovers(&[id]).unwrap().len(), 1);
        assert_eq!(world.archive.leftovers().unwrap(), []);
    }
}

mod inbox {
    use super::*;
    use librisfs::catalogue::{InboxNode, Moved, NodeId, NodeKind};

    fn node(world: &World, name: &str) -> InboxNode {
        let catalogue = world.archive.catalogue();
        match catalogue.make_node(NodeId::INBOX, name, false).unwrap() {
            Moved::Done(node) => node,
            other => panic!("{other:?}"),
        }
    }

    fn kind(world: &World, node: &InboxNode) -> NodeKind {
        let node = world.archive.catalogue().node(node.id).unwrap();
        node.unwrap().kind
    }

    fn to(node: &InboxNode) -> Destination {
        Destination {
            node: Some(node.id),
            ..document(&node.name)
        }
    }

    fn put(world: &World, node: &InboxNode, bytes: &[u8]) -> Committed {
        let draft = draft_with(&world.archive, bytes);
        commit(&world.archive, &draft, &to(node)).unwrap()
    }

    #[test]
    fn a_document_in_it_is_catalogued_too() {
        let world = World::new();
        let node = node(&world, "a.txt");
        put(&world, &node, b"bytes");
        assert_eq!(kind(&world, &node), NodeKind::File(Some(id_of(b"bytes"))));
        assert_eq!(world.read(b"bytes").unwrap(), b"bytes");
    }

    #[test]
    fn new_bytes_replace_the_document_that_was_its_own() {
        let world = World::new();
        let node = node(&world, "a.txt");
        put(&world, &node, b"old bytes");
        put(&world, &node, b"new bytes");
        assert!(world.record_of(b"old bytes").trashed.is_some());
        assert_eq!(world.read(b"new bytes").unwrap(), b"new bytes");
    }

    #[test]
    fn new_bytes_leave_a_document_that_another_has_too() {
        let world = World::new();
        let (one, other) = (node(&world, "a.txt"), node(&world, "b.txt"));
        put(&world, &one, b"old bytes");
        put(&world, &other, b"old bytes");
        put(&world, &one, b"new bytes");
        assert!(world.record_of(b"old bytes").is_visible());
        assert!(world.record_of(b"new bytes").is_visible());
    }

    #[test]
    fn what_is_no_document_is_kept_and_not_catalogued() {
        let world = World::new();
        let node = node(&world, "a.part");
        let draft = draft_with(&world.archive, b"bytes");
        let to = Destination {
            is_document: false,
            ..to(&node)
        };
        let committed = commit(&world.archive, &draft, &to).unwrap();
        assert_eq!(committed, Committed::Plain);
        assert_eq!(kind(&world, &node), NodeKind::File(Some(id_of(b"bytes"))));
        world.archive.gc(false, &Unobserved).unwrap();
        assert!(world.place(&id_of(b"bytes")).exists());
    }

    #[test]
    fn emptied_removed_and_taken_down() {
        let world = World::new();
        let node = node(&world, "a.txt");
        put(&world, &node, b"bytes");
        let empty = Arc::new(world.archive.draft().unwrap());
        let committed = commit(&world.archive, &empty, &to(&node)).unwrap();
        assert_eq!(committed, Committed::Empty);
        assert_eq!(kind(&world, &node), NodeKind::File(None));

        let takedown = Takedown {
            md5: Some(id_of(b"forbidden").md5),
            ..Takedown::default()
        };
        world.archive.take_down(&[takedown], false).unwrap();
        let committed = put(&world, &node, b"forbidden");
        assert!(matches!(committed, Committed::TakenDown(_)));
        assert_eq!(kind(&world, &node), NodeKind::File(None));

        world.archive.catalogue().remove_node(node.id).unwrap();
        assert_eq!(put(&world, &node, b"late"), Committed::Gone);
        drop(empty);
        assert!(is_staging_empty(&world.archive));
    }

    #[test]
    fn what_was_settled_for_it_is_recovered() {
        let world = World::new();
        let node = node(&world, "a.txt");
        let other = Archive::open(world.archive.dir(), Access::ReadWrite).unwrap();
        let draft = draft_with(&other, b"bytes");
        draft.settle(&to(&node)).unwrap();
        drop((draft, other));
        world.archive.recover(&Unobserved).unwrap();
        assert_eq!(kind(&world, &node), NodeKind::File(Some(id_of(b"bytes"))));
    }

    #[test]
    fn a_sidecar_beside_it_describes_it() {
        let world = World::new();
        let opf = "<package><metadata><dc:creator>Someone Else</dc:creator></metadata></package>";
        let sidecar = node(&world, "metadata.opf");
        let draft = draft_with(&world.archive, opf.as_bytes());
        let to_sidecar = Destination {
            is_document: false,
            ..to(&sidecar)
        };
        commit(&world.archive, &draft, &to_sidecar).unwrap();
        put(&world, &node(&world, "a.bin"), b"bytes");
        let author = world.record_of(b"bytes").metadata.author;
        assert_eq!(author.as_deref(), Some("Someone Else"));
    }
}
