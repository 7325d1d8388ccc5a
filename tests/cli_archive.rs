//! The commands on an archive: what they print, what they refuse, how they end.

mod cli_support;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use cli_support::{World, finish, librisfs, run};
use serde_json::{Value, json};

const ETERNITY: &str = "The End of Eternity - Isaac Asimov (1955).txt";
const DISPOSSESSED: &str = "The Dispossessed - Ursula K. Le Guin (1974).txt";

/// An archive with two books, one of them given twice.
fn small_library() -> World {
    let world = World::new();
    world.file(format!("in/{ETERNITY}"), "Technician Andrew Harlan.\n");
    world.file(format!("in/{DISPOSSESSED}"), "There was a wall.\n");
    world.file(
        format!("in/again/{ETERNITY}"),
        "Technician Andrew Harlan.\n",
    );
    let summary = world
        .import(&[&world.dir.path().join("in")], &["--json"])
        .expect(0)
        .json();
    assert_eq!(
        facts(&summary, &["new", "duplicates", "saved_bytes"]),
        json!([2, 1, 26])
    );
    world
}

/// The values of some fields.
fn facts(object: &Value, fields: &[&str]) -> Value {
    fields.iter().map(|field| object[field].clone()).collect()
}

/// The only file that `show` knows under this hash or name.
fn shown(world: &World, what: &str) -> Value {
    let shown = world.run("show", &[what, "--json"]).expect(0).json();
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(1), "{shown}");
    shown["files"][0].clone()
}

fn text(value: &Value) -> &str {
    value
        .as_str()
        .unwrap_or_else(|| panic!("{value} is no text"))
}

/// The only blob file of the archive whose name begins so.
fn blob_file(world: &World, md5: &str) -> PathBuf {
    let shard = world.archive().join("blobs").join(&md5[..2]);
    fs::read_dir(shard)
        .expect("the shard")
        .flatten()
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.as_bytes().starts_with(md5.as_bytes()))
        })
        .expect("the blob")
}

#[test]
fn init_says_what_to_do_next_and_will_not_do_it_twice() {
    let dir = tempfile::tempdir().expect("a folder");
    let archive = dir.path().join("library");
    let init = |args: &[&str]| finish(librisfs().arg("init").arg(&archive).args(args));
    let made = init(&["--name", "My Books"]).expect(0);
    assert!(
        made.stdout.contains("My Books") && made.stdout.contains("librisfs import"),
        "{}",
        made.stdout
    );
    assert!(archive.join("librisfs.toml").is_file());
    let before = fs::read(archive.join("librisfs.toml")).expect("the configuration");
    init(&[]).expect(1).complains(&["library", "already"]);
    assert_eq!(fs::read(archive.join("librisfs.toml")).ok(), Some(before));

    let full = dir.path().join("full");
    fs::create_dir(&full)
        .and_then(|()| fs::write(full.join("x"), ""))
        .expect("a folder");
    finish(librisfs().arg("init").arg(&full))
        .expect(1)
        .complains(&["full", "empty"]);
    assert_eq!(fs::read_dir(&full).map(Iterator::count).ok(), Some(1));
}

#[test]
fn import_counts_names_what_it_refuses_and_ends_with_3() {
    let world = World::new();
    let good = world.file(DISPOSSESSED, "There was a wall.\n");
    let empty = world.file("empty.txt", "");
    let absent = world.dir.path().join("absent.txt");
    let paths: [&Path; 3] = [&good, &empty, &absent];
    let ran = world.import(&paths, &["--json"]).expect(3);
    let summary = ran.json();
    assert_eq!(
        facts(&summary, &["new", "interrupted", "dry_run"]),
        json!([1, false, false])
    );
    let refused: Vec<_> = summary["refused"]
        .as_array()
        .expect("an array")
        .iter()
        .map(|refusal| text(&refusal["path"]).to_owned())
        .collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    for path in [&empty, &absent] {
        let path = path.to_str().expect("plain");
        assert!(refused.iter().any(|refused| refused == path), "{path}");
        assert!(
            ran.stderr.contains(&format!("librisfs: refused {path}: ")),
            "{}",
            ran.stderr
        );
    }
    let again = world.import(&[&good], &[]).expect(0).stdout;
    assert!(
        again.contains("duplicates") && again.contains("18 B saved"),
        "{again}"
    );
}

#[test]
fn a_dry_run_changes_nothing() {
    let world = World::new();
    let file = world.file(ETERNITY, "x");
    let ran = world
        .import(&[&file], &["--dry-run", "--verbose", "--json"])
        .expect(0);
    assert_eq!(facts(&ran.json(), &["dry_run", "new"]), json!([true, 1]));
    assert!(
        ran.stderr.contains("new") && ran.stderr.contains(ETERNITY),
        "{}",
        ran.stderr
    );
    assert_eq!(
        world.run("status", &["--json"]).expect(0).json()["files"],
        0
    );
}

#[test]
fn moving_removes_the_source() {
    let world = World::new();
    let file = world.file(ETERNITY, "x");
    let summary = world
        .import(&[&file], &["--move", "--json"])
        .expect(0)
        .json();
    assert_eq!(facts(&summary, &["new", "moved"]), json!([1, 1]));
    assert!(!file.exists());
}

#[test]
fn paths_that_are_no_utf8_are_taken_and_named() {
    let world = World::new();
    let file = world.file(OsStr::from_bytes(b"caf\xe9 - X (1999).txt"), "bytes");
    let empty = world.file(OsStr::from_bytes(b"empty\xe9.txt"), "");
    let ran = world.import(&[&file, &empty], &["--json"]).expect(3);
    assert_eq!(ran.json()["new"], 1);
    assert!(ran.stderr.contains("empty\u{fffd}.txt"), "{}", ran.stderr);

    let dir = tempfile::tempdir().expect("a folder");
    let archive = dir.path().join(OsStr::from_bytes(b"\xff"));
    finish(librisfs().arg("init").arg(&archive)).expect(0);
    let status = finish(librisfs().arg("status").arg(&archive).arg("--json"))
        .expect(0)
        .json();
    assert!(text(&status["dir"]).ends_with('\u{fffd}'), "{status}");
}

#[test]
fn status_counts() {
    let world = small_library();
    let status = world.run("status", &["--json"]).expect(0).json();
    let fields = [
        "files",
        "blobs",
        "blob_bytes",
        "trashed",
        "takedowns",
        "staged",
        "quarantined",
    ];
    assert_eq!(facts(&status, &fields), json!([2, 2, 44, 0, 0, 0, 0]));
    assert!(status["available_bytes"].as_u64() > Some(0), "{status}");
    let told = world.run("status", &[]).expect(0).stdout;
    for line in ["files      2", "blobs      2, 44 B"] {
        assert!(told.contains(line), "no `{line}` in\n{told}");
    }
    assert!(!told.contains("care:"), "{told}");
}

#[test]
fn show_finds_by_name_and_by_either_hash() {
    let world = small_library();
    let by_name = shown(&world, ETERNITY);
    assert_eq!(
        facts(
            &by_name,
            &[
                "name",
                "title",
                "author",
                "year",
                "format",
                "size_bytes",
                "visible"
            ]
        ),
        json!([
            ETERNITY,
            "The End of Eternity",
            "Isaac Asimov",
            1955,
            "txt",
            26,
            true
        ])
    );
    for hash in ["md5", "sha1"] {
        assert_eq!(shown(&world, text(&by_name[hash])), by_name);
        assert_eq!(shown(&world, &text(&by_name[hash]).to_uppercase()), by_name);
    }
    let md5 = text(&by_name["md5"]);
    let paths: Vec<_> = by_name["paths"]
        .as_array()
        .expect("an array")
        .iter()
        .map(text)
        .collect();
    assert_eq!(
        paths,
        [
            format!("by-title/{ETERNITY}"),
            format!("by-author/Isaac Asimov/{ETERNITY}"),
            format!("by-format/txt/{ETERNITY}"),
            format!("by-year/1955/{ETERNITY}"),
            format!("by-language/_unknown/{ETERNITY}"),
            format!("by-hash/{}/{md5}.txt", &md5[..2]),
        ]
    );
    let told = world.run("show", &[ETERNITY]).expect(0).stdout;
    assert!(told.contains("size              26 B (26 bytes)"), "{told}");
    world
        .run("show", &["no such book"])
        .expect(1)
        .complains(&["no such book", "librisfs search"]);
}

#[test]
fn search_lists_hits_with_their_paths() {
    let world = small_library();
    let search = |words: &[&str]| world.run("search", words).expect(0);
    let names = |words: &[&str]| -> Vec<String> {
        let hits = search(&[words, &["--json"]].concat()).json();
        let hits = hits.as_array().expect("an array");
        hits.iter()
            .map(|hit| text(&hit["name"]).to_owned())
            .collect()
    };
    assert_eq!(names(&["asimov"]), [ETERNITY]);
    assert_eq!(
        names(&["author:le guin", "year:1970..1979"]),
        [DISPOSSESSED]
    );
    assert_eq!(names(&["format:txt"]).len(), 2);
    assert_eq!(names(&["nobody"]), [""; 0]);
    let table = search(&["eternity"]).stdout;
    assert!(table.starts_with("SIZE  MD5"), "{table}");
    assert!(
        table.trim_end().ends_with(&format!("by-title/{ETERNITY}")),
        "{table}"
    );
    assert!(search(&["nobody"]).stderr.contains("nothing found"));
    let first = search(&["format:txt", "--limit", "1"]);
    assert_eq!(first.stdout.lines().count(), 2);
    assert!(first.stderr.contains("--limit"), "{}", first.stderr);
    world
        .run("search", &["year:x"])
        .expect(2)
        .complains(&["year:x"]);
}

#[test]
fn a_takedown_hides_refuses_and_can_be_lifted() {
    let world = small_library();
    let md5 = text(&shown(&world, ETERNITY)["md5"]).to_owned();
    let args = [
        md5.as_str(),
        "--reason",
        "asked by the author",
        "--notice",
        "N-7",
    ];
    let told = world.run("takedown", &args).expect(0).stdout;
    assert!(
        told.contains(ETERNITY) && told.contains("recorded 1 takedown, hiding 1 blob"),
        "{told}"
    );
    let again = world.run("takedown", &[&md5]).expect(0).stdout;
    assert!(
        again.contains("recorded 0 takedowns (1 in force before)"),
        "{again}"
    );

    let hidden = shown(&world, &md5);
    assert_eq!(facts(&hidden, &["visible", "paths"]), json!([false, []]));
    assert_eq!(
        facts(&hidden["taken_down"], &["md5", "reason", "notice"]),
        json!([md5, "asked by the author", "N-7"])
    );
    assert_eq!(
        world.run("search", &["asimov", "--json"]).expect(0).json(),
        json!([])
    );
    let list = world
        .run("takedown", &["--list", "--json"])
        .expect(0)
        .json();
    assert_eq!(
        facts(&list[0], &["md5", "sha1", "notice"]),
        json!([md5, null, "N-7"])
    );
    let table = world.run("takedown", &["--list"]).expect(0).stdout;
    assert!(table.contains("asked by the author"), "{table}");

    let source = world.dir.path().join("in").join(ETERNITY);
    let refused = world.import(&[&source], &["--json"]).expect(3).json();
    assert!(
        text(&refused["refused"][0]["reason"]).contains("N-7"),
        "{refused}"
    );

    let lifted = world
        .run("takedown", &["--lift", &md5, "--json"])
        .expect(0)
        .json();
    assert_eq!(lifted, json!({"lifted": 1}));
    assert_eq!(shown(&world, &md5)["visible"], true);
    world
        .run("takedown", &["--lift", &md5])
        .expect(1)
        .complains(&["no takedown", "--list"]);
}

#[test]
fn a_hash_that_never_came_is_explained() {
    let world = World::new();
    let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    world.run("takedown", &[sha1, "--notice", "N-8"]).expect(0);
    let told = world.run("show", &[sha1]).expect(0).stdout;
    assert!(
        told.contains("not in the archive; taken down") && told.contains("N-8"),
        "{told}"
    );
    world
        .run("show", &["d41d8cd98f00b204e9800998ecf8427e"])
        .expect(1);
}

#[test]
fn a_purge_destroys_the_bytes() {
    let world = small_library();
    let file = shown(&world, DISPOSSESSED);
    let (md5, sha1) = (text(&file["md5"]), text(&file["sha1"]));
    let blob = blob_file(&world, md5);
    let report = world
        .run("takedown", &[sha1, "--purge", "--json"])
        .expect(0)
        .json();
    assert_eq!(report["purged"][0]["md5"], md5);
    assert!(!blob.exists());
    let scrub = world.run("scrub", &["--json"]).expect(0).json();
    assert_eq!(
        facts(&scrub, &["clean", "purged", "intact"]),
        json!([true, 1, 1])
    );
}

#[test]
fn a_list_is_recorded_whole_or_not_at_all() {
    let world = small_library();
    let file = shown(&world, ETERNITY);
    let line = format!(
        "{} {} {}",
        text(&file["md5"]),
        text(&file["sha1"]),
        file["size_bytes"]
    );
    let bad = world.file("bad", format!("{line}\nzzz\n# fine\n1 2 3 4\n"));
    let record = |path: &Path| finish(world.command("takedown", &["--from-file"]).arg(path));
    record(&bad)
        .expect(2)
        .complains(&["bad", "nothing was recorded", "line 2", "zzz", "line 4"]);
    assert_eq!(
        world
            .run("takedown", &["--list", "--json"])
            .expect(0)
            .json(),
        json!([])
    );
    record(&world.dir.path().join("absent"))
        .expect(1)
        .complains(&["absent", "No such file"]);
    record(&world.file("not-text", b"\xff\xfe"))
        .expect(1)
        .complains(&["not-text"]);

    let good = world.file("good", format!("# notice\n{line}\n"));
    let mut from_stdin = world.command("takedown", &["--from-file", "-", "--json"]);
    from_stdin.stdin(fs::File::open(good).expect("the list"));
    let report = finish(&mut from_stdin).expect(0).json();
    assert_eq!(facts(&report, &["recorded"]), json!([1]));
    assert_eq!(report["hidden"][0]["names"], json!([ETERNITY]));
}

#[test]
fn scrub_names_damage_and_ends_with_1() {
    let world = small_library();
    let clean = world.run("scrub", &["--json"]).expect(0).json();
    assert_eq!(
        facts(&clean, &["clean", "intact", "read_bytes"]),
        json!([true, 2, 44])
    );

    let md5 = text(&shown(&world, ETERNITY)["md5"]).to_owned();
    let blob = blob_file(&world, &md5);
    fs::remove_file(&blob)
        .and_then(|()| fs::write(&blob, "Technician Andrew Harlot.\n"))
        .expect("damage");
    let told = world.run("scrub", &[]).expect(1).stdout;
    for part in ["damaged:", &md5, ETERNITY, "--repair"] {
        assert!(told.contains(part), "no `{part}` in\n{told}");
    }
    let repaired = world.run("scrub", &["--repair", "--json"]).expect(1).json();
    assert_eq!(
        facts(&repaired["damaged"][0], &["md5", "names"]),
        json!([md5, [ETERNITY]])
    );
    assert!(Path::new(text(&repaired["damaged"][0]["quarantined"])).exists());

    let care = world.run("status", &[]).expect(0).stdout;
    assert!(
        care.contains("care: 1 damaged blob in quarantine"),
        "{care}"
    );
    let source = world.dir.path().join("in").join(ETERNITY);
    assert_eq!(
        world.import(&[&source], &["--json"]).expect(0).json()["healed"],
        1
    );
    world.run("scrub", &["-q"]).expect(0);
}

#[test]
fn gc_reindex_and_backup_leave_the_books_alone() {
    let world = small_library();
    let stray =
        world
            .archive()
            .join("blobs/00")
            .join(format!("00{}-{}-1", "0".repeat(30), "0".repeat(40)));
    fs::write(&stray, "x").expect("a blob that no row names");
    let planned = world.run("gc", &["--dry-run", "--json"]).expect(0).json();
    assert_eq!(
        facts(&planned, &["dry_run", "blobs", "blob_bytes"]),
        json!([true, 1, 1])
    );
    assert!(stray.exists());
    let did = world.run("gc", &["--json"]).expect(0).json();
    assert_eq!(
        facts(&did, &["dry_run", "blobs", "rows"]),
        json!([false, 1, 0])
    );
    assert!(!stray.exists());

    let told = world.run("reindex", &[]).expect(0).stdout;
    assert_eq!(told, "indexed 2 files\n");
    assert_eq!(shown(&world, ETERNITY)["visible"], true);

    let dest = world.dir.path().join("copy");
    let backup = || finish(world.command("backup", &[]).arg(&dest));
    backup().expect(0);
    backup().expect(1).complains(&["copy"]);
    fs::rename(world.archive().join("blobs"), dest.join("blobs")).expect("the blobs");
    let status = finish(librisfs().arg("status").arg(&dest).arg("--json"))
        .expect(0)
        .json();
    assert_eq!(status["files"], 2);
}

#[test]
fn what_is_newer_or_misspelt_is_refused() {
    let world = World::new();
    let path = world.archive().join("librisfs.toml");
    let text = fs::read_to_string(&path).expect("the configuration");
    fs::write(&path, text.replace("format = 1", "format = 99")).expect("a newer one");
    world
        .run("status", &[])
        .expect(12)
        .complains(&["99", "newer librisfs"]);
    fs::write(&path, format!("frobnicate = 1\n{text}")).expect("a misspelt one");
    world
        .run("status", &[])
        .expect(1)
        .complains(&["librisfs.toml", "frobnicate"]);
}

#[test]
fn a_busy_catalogue_is_11() {
    let world = World::new();
    let other = rusqlite::Connection::open(world.archive().join("catalogue.sqlite"))
        .expect("the catalogue");
    other
        .execute_batch("BEGIN IMMEDIATE")
        .expect("the write lock");
    let hash = "d41d8cd98f00b204e9800998ecf8427e";
    world
        .run("takedown", &[hash])
        .expect(11)
        .complains(&["busy"]);
    other
        .execute_batch("ROLLBACK")
        .expect("the lock is given back");
    world.run("takedown", &[hash]).expect(0);
}

#[test]
fn environment_beats_defaults_and_flags_beat_the_environment() {
    let world = World::new();
    let file = world.file(ETERNITY, "x");
    let import = |variable: &str, args: &[&str]| {
        finish(
            world
                .command("import", args)
                .arg(&file)
                .env("LIBRISFS_JOBS", variable),
        )
    };
    import("none", &[]).expect(2);
    import("2", &[]).expect(0);
    let quiet = |value: &str| finish(world.command("gc", &[]).env("LIBRISFS_QUIET", value));
    for value in ["1", "true", "0", ""] {
        quiet(value).expect(0);
    }
    let log = finish(librisfs().arg("mounts").env("LIBRISFS_LOG", "=nonsense="));
    log.expect(2).complains(&["=nonsense="]);
    run(&["--log", "debug", "mounts"]).expect(0);
}

#[test]
fn recover_takes_in_what_a_dead_program_left() {
    use librisfs::archive::{Access, Archive, Destination};

    let world = small_library();
    let names = ["one.txt", "two.txt", "scratch.part"];
    let dead = Archive::open(&world.archive(), Access::ReadWrite).expect("the archive");
    for name in names {
        let draft = dead.draft().expect("a draft");
        draft.write_at(name.as_bytes(), 0).expect("room");
        let to = Destination {
            name: name.into(),
            is_document: name != "scratch.part",
            ..Destination::default()
        };
        draft.settle(&to).expect("its hash");
    }
    drop(dead);
    let status = world.run("status", &[]).expect(0).stdout;
    assert!(
        status.contains("care: 3 files written before a program ended"),
        "{status}"
    );
    let listed = world.run("recover", &["--list", "--json"]).expect(0).json();
    let files = listed["files"].as_array().expect("files");
    let listed: Vec<_> = files.iter().map(|file| text(&file["name"])).collect();
    assert_eq!(listed, names);

    world
        .run("recover", &["--discard", "two.txt", "three.txt"])
        .expect(1)
        .complains(&["three.txt", "recover --list"]);
    let told = world.run("recover", &[]).expect(3).stdout;
    assert!(told.contains("taken in: one.txt, 7 B\n"), "{told}");
    assert!(
        told.contains("waiting: scratch.part, 12 B: it was work in progress"),
        "{told}"
    );
    assert_eq!(shown(&world, "one.txt")["visible"], true);
    let told = world.run("recover", &["--discard", "scratch.part"]);
    assert!(told.expect(0).stdout.contains("discarded: scratch.part"));
    let nothing = world.run("recover", &[]).expect(0).stdout;
    assert_eq!(nothing, "waiting  0 files\n");
}
