//! Editing, the trash, the journal and undo, by commands.

mod cli_support;

use std::fs;
use std::process::Command;

use cli_support::{Ran, World, finish};
use serde_json::{Value, json};

const EMMA: &str = "Emma - Jane Austen (1815).txt";
const WALDEN: &str = "Walden - Henry David Thoreau (1854).txt";

/// An archive with two books.
fn small_library() -> World {
    let world = World::new();
    world.file(format!("in/{EMMA}"), "Emma Woodhouse, handsome.\n");
    world.file(format!("in/{WALDEN}"), "When I wrote.\n");
    world.import(&[&world.dir.path().join("in")], &[]).expect(0);
    world
}

fn trash(world: &World, args: &[&str]) -> Ran {
    world.run("trash", args)
}

/// The names in the trash.
fn trashed(world: &World) -> Vec<String> {
    let list = trash(world, &["list", "--json"]).expect(0).json();
    let entries = list.as_array().expect("an array");
    let name = |entry: &Value| entry["name"].as_str().map(str::to_owned);
    entries.iter().filter_map(name).collect()
}

/// The only file that `show` knows under this name or hash.
fn shown(world: &World, what: &str) -> Value {
    let shown = world.run("show", &[what, "--json"]).expect(0).json();
    assert_eq!(shown["files"].as_array().map(Vec::len), Some(1), "{shown}");
    shown["files"][0].clone()
}

fn sql(world: &World, statement: &str) {
    let done = Command::new("sqlite3")
        .arg(world.archive().join("catalogue.sqlite"))
        .arg(statement)
        .status()
        .expect("the sqlite3 program");
    assert!(done.success());
}

#[test]
fn an_edit_tells_what_was_and_what_is() {
    let world = small_library();
    let edit = |args: &[&str]| world.run("edit", args);
    let told = edit(&[EMMA, "title=Emma: A Novel", "year=1816", "publisher=Murray"]).expect(0);
    assert_eq!(
        told.stdout,
        "Emma - Jane Austen (1815).txt -> Emma: A Novel - Jane Austen (1816).txt\n  \
         title: Emma -> Emma: A Novel\n  publisher: (none) -> Murray\n  year: 1815 -> 1816\n"
    );
    let name = "Emma: A Novel - Jane Austen (1816).txt";
    let told = edit(&[name, "publisher="]).expect(0).stdout;
    assert_eq!(told, format!("{name}\n  publisher: Murray -> (none)\n"));

    let same = edit(&[name, "year=1816"]).expect(0);
    assert_eq!(same.stdout, "");
    assert!(same.stderr.contains("nothing to change"), "{}", same.stderr);

    let told = edit(&[name, "year=", "--json"]).expect(0).json();
    assert_eq!(told[0]["changed"], true);
    assert_eq!(
        [&told[0]["name_before"], &told[0]["name"]],
        [name, "Emma: A Novel - Jane Austen.txt"]
    );
    assert_eq!(
        [&told[0]["before"]["year"], &told[0]["after"]["year"]],
        [&json!(1816), &Value::Null]
    );
}

#[test]
fn a_document_is_named_by_path_or_hash_too() {
    let world = small_library();
    let md5 = shown(&world, EMMA)["md5"].as_str().unwrap().to_owned();
    let in_mount = format!("/books/by-year/1815/{EMMA}");
    let by_hash = format!("by-hash/{}/{md5}.txt", &md5[..2]);
    for (what, publisher) in [(&in_mount, "A"), (&md5, "B"), (&by_hash, "C")] {
        let change = format!("publisher={publisher}");
        world.run("edit", &[what, &change]).expect(0);
        assert_eq!(shown(&world, &md5)["publisher"], publisher);
    }
}

#[test]
fn what_cannot_be_edited_says_what_to_do() {
    let world = small_library();
    world
        .run("edit", &["Nobody.txt", "year=1"])
        .expect(1)
        .complains(&["Nobody.txt", "librisfs search"]);
    trash(&world, &["put", EMMA]).expect(0);
    world
        .run("edit", &[EMMA, "year=1"])
        .expect(1)
        .complains(&["in the trash", "restore"]);
    world
        .run("edit", &[WALDEN, "language=klingonese"])
        .expect(2);
    assert_eq!(shown(&world, WALDEN)["language"], Value::Null);
}

#[test]
fn the_trash_gives_back_what_it_was_given() {
    let world = small_library();
    let empty = trash(&world, &["list"]).expect(0);
    assert_eq!(empty.stdout, "");
    assert!(empty.stderr.contains("the trash is empty"));
    let told = trash(&world, &["put", EMMA, EMMA]).expect(0).stdout;
    assert_eq!(told, "1 document put into the trash\n");
    assert_eq!(trashed(&world), [EMMA]);
    assert_eq!(shown(&world, EMMA)["visible"], false);
    let listed = trash(&world, &["list"]).expect(0).stdout;
    assert!(listed.contains(&format!("by-title/{EMMA}")), "{listed}");

    let told = trash(&world, &["restore", EMMA, "--json"]).expect(0).json();
    assert_eq!(told, json!({"documents": 1, "missing": []}));
    assert_eq!(trashed(&world), [""; 0]);
    assert_eq!(shown(&world, EMMA)["visible"], true);
}

#[test]
fn names_that_lead_nowhere_are_named_and_end_with_3() {
    let world = small_library();
    let partly = trash(&world, &["put", EMMA, "x.txt", "y.txt"]).expect(3);
    assert_eq!(partly.stdout, "1 document put into the trash\n");
    partly.complains(&[
        "x.txt: no document",
        "y.txt: no document",
        "librisfs search",
    ]);
    let partly = trash(&world, &["restore", "--json", EMMA, WALDEN]).expect(3);
    assert_eq!(partly.json(), json!({"documents": 1, "missing": [WALDEN]}));
    let none = trash(&world, &["restore", "x.txt", "y.txt"]).expect(1);
    assert_eq!(none.stdout, "");
    none.complains(&["x.txt: nothing in the trash", "y.txt: nothing", "list"]);
    trash(&world, &["empty", "x.txt"]).expect(1);
    assert_eq!(trashed(&world), [""; 0]);
}

#[test]
fn emptying_takes_what_is_named_or_old_and_nothing_else() {
    let world = small_library();
    let md5 = shown(&world, WALDEN)["md5"].as_str().unwrap().to_owned();
    trash(&world, &["put", EMMA, WALDEN]).expect(0);
    let told = trash(&world, &["empty", "--older-than", "1h"]).expect(0);
    assert_eq!(told.stdout, "0 documents removed for good\n");
    let named = trash(&world, &["empty", "--older-than", "1h", EMMA]).expect(0);
    assert_eq!(named.stdout, "0 documents removed for good\n");
    assert_eq!(trashed(&world).len(), 2);

    sql(&world, "UPDATE books_to_hashes SET trashed = 1");
    let told = trash(&world, &["empty", "--older-than", "1h", EMMA]).expect(0);
    assert_eq!(told.stdout, "1 document removed for good\n");
    assert_eq!(trashed(&world), [WALDEN]);
    let told = trash(&world, &["empty", "--yes", "--json"])
        .expect(0)
        .json();
    assert_eq!(told, json!({"documents": 1, "missing": []}));
    let freed = world.run("gc", &["--json"]).expect(0).json();
    assert_eq!([&freed["blobs"], &freed["rows"]], [2, 2]);
    world.run("show", &[&md5]).expect(1);
}

/// `script` of util-linux gives the program a terminal.
fn on_a_terminal(world: &World, args: &str, answer: &str) -> Ran {
    let program = env!("CARGO_BIN_EXE_librisfs");
    let archive = world.archive();
    let line = format!("'{program}' trash '{}' {args}", archive.display());
    let typed = world.file("typed", answer);
    let mut script = Command::new("script");
    script
        .args(["--quiet", "--return", "--command", &line, "/dev/null"])
        .stdin(fs::File::open(typed).expect("what is typed"));
    finish(&mut script)
}

#[test]
fn on_a_terminal_emptying_asks() {
    let world = small_library();
    trash(&world, &["put", EMMA, WALDEN]).expect(0);
    for answer in ["n\n", "\n"] {
        let asked = on_a_terminal(&world, "empty", answer).expect(1).stdout;
        assert!(
            asked.contains("Remove 2 documents (40 B) for good?"),
            "{asked}"
        );
        assert!(asked.contains("nothing was removed"), "{asked}");
        assert_eq!(trashed(&world).len(), 2);
    }
    let none = on_a_terminal(&world, "empty --older-than 1h", "")
        .expect(0)
        .stdout;
    assert!(!none.contains("Remove"), "{none}");
    let named = on_a_terminal(&world, &format!("empty '{EMMA}'"), "y\n")
        .expect(0)
        .stdout;
    assert!(named.contains("Remove 1 document (26 B)"), "{named}");
    assert_eq!(trashed(&world), [WALDEN]);
    let told = on_a_terminal(&world, "empty --yes", "").expect(0).stdout;
    assert!(!told.contains("Remove"), "{told}");
    assert_eq!(trashed(&world), [""; 0]);
}

#[test]
fn the_latest_changes_are_taken_back_first() {
    let world = small_library();
    world.run("edit", &[EMMA, "year=1816"]).expect(0);
    trash(&world, &["put", WALDEN]).expect(0);
    let journal = world.run("journal", &["--json"]).expect(0).json();
    let deeds: Vec<_> = journal
        .as_array()
        .unwrap()
        .iter()
        .map(|a| &a["deed"])
        .collect();
    assert_eq!(deeds, ["trash", "edit"]);
    let latest = world
        .run("journal", &["--limit", "1", "--json"])
        .expect(0)
        .json();
    assert_eq!(latest.as_array().map(Vec::len), Some(1));

    let undone = world.run("undo", &[]).expect(0).stdout;
    assert!(
        undone.contains("to the trash, undone") && undone.contains("Walden"),
        "{undone}"
    );
    assert_eq!(shown(&world, WALDEN)["visible"], true);
    let undone = world.run("undo", &["5", "--json"]).expect(0).json();
    assert_eq!(undone.as_array().map(Vec::len), Some(1));
    assert_eq!(undone[0]["deed"], "edit");
    assert_eq!(shown(&world, EMMA)["year"], 1815);

    let nothing = world.run("undo", &[]).expect(0);
    assert_eq!(nothing.stdout, "");
    assert!(nothing.stderr.contains("nothing to take back"));
    let journal = world.run("journal", &[]).expect(0).stdout;
    assert_eq!(journal.matches("undone").count(), 2, "{journal}");
}

#[test]
fn the_trash_is_kept_for_as_long_as_the_archive_says() {
    let world = small_library();
    trash(&world, &["put", EMMA, WALDEN]).expect(0);
    let emma = "(SELECT file FROM trash WHERE name LIKE 'Emma%')";
    sql(
        &world,
        &format!("UPDATE books_to_hashes SET trashed = 1 WHERE id = {emma}"),
    );
    let kept = world.run("gc", &["--json"]).expect(0).json();
    assert_eq!([&kept["expired"], &kept["blobs"]], [0, 0]);

    let path = world.archive().join("librisfs.toml");
    let text = fs::read_to_string(&path).expect("the configuration");
    let text = text.replace("keep_days = 0", "keep_days = 30");
    fs::write(&path, text).expect("the configuration");
    let planned = world.run("gc", &["--dry-run"]).expect(0).stdout;
    assert!(
        planned.contains("kept long enough  1 document in the trash, 26 B"),
        "{planned}"
    );
    assert_eq!(trashed(&world).len(), 2);
    let did = world.run("gc", &["--json"]).expect(0).json();
    assert_eq!(
        [&did["expired"], &did["expired_bytes"], &did["blobs"]],
        [1, 26, 1]
    );
    assert_eq!(trashed(&world), [WALDEN]);
}
