//! The examples in README and docs run, and print what they say they print.
//!
//! Each document is run from top to bottom by one shell, in a home folder of its own that holds
//! `Documents` (see [`library`]), with `librisfs` in its path. Written so:
//!
//! - In a block of `console` a line after `$ ` is a command. Lines up to the next one are what it prints; none
//!   makes no claim. `...` stands for any text, a line of `...` alone for any lines.
//! - A command must succeed, unless `$ echo $?` follows.
//! - `<!-- run: COMMAND -->` is run and not shown.
//! - `<!-- not run: REASON -->` right before a block leaves it out.

mod library;
mod script;
#[path = "../support/mariadb.rs"]
mod server;
mod session;

use std::fs;
use std::path::Path;

use script::Step;

/// Runs the examples of one document; all that is wrong with them.
fn faults(name: &str, text: &str) -> Vec<String> {
    faults_with(name, text, &[])
}

/// The same with these variables in the environment.
fn faults_with(name: &str, text: &str, environment: &[(&str, &str)]) -> Vec<String> {
    let steps = match script::steps(text) {
        Ok(steps) => steps,
        Err(fault) => return vec![format!("{name}: {fault}")],
    };
    let home = tempfile::tempdir().expect("a scratch folder");
    library::build(&home.path().join("Documents"));
    let outcomes = session::run(home.path(), &steps, environment);
    let mut faults = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        let place = format!("{name}:{}: $ {}", step.line, step.command);
        let Some(outcome) = outcomes.get(at) else {
            faults.push(format!("{place}\n  was not reached"));
            break;
        };
        let status_is_shown = steps.get(at + 1).is_some_and(Step::shows_status);
        if outcome.status != 0 && !status_is_shown {
            faults.push(format!(
                "{place}\n  exit code {}:\n{}",
                outcome.status, outcome.output
            ));
        } else if !script::agrees(&step.expected, &outcome.output) {
            let expected = step.expected.join("\n");
            faults.push(format!(
                "{place}\n  expected:\n{expected}\n  printed:\n{}",
                outcome.output
            ));
        }
    }
    faults
}

/// Runs the examples of a document of the project.
fn check(name: &str) {
    check_with(name, &[]);
}

fn check_with(name: &str, environment: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
    let faults = faults_with(name, &text, environment);
    assert!(faults.is_empty(), "\n{}", faults.join("\n\n"));
}

#[test]
fn readme() {
    check("README.md");
}

#[test]
fn catalogue() {
    check("docs/catalogue.md");
}

#[test]
fn editing() {
    check("docs/editing.md");
}

#[test]
fn layout() {
    check("docs/layout.md");
}

#[test]
fn many_machines() {
    let socket = server::shared().socket();
    check_with("docs/many-machines.md", &[("MARIADB_SOCKET", &socket)]);
}

#[test]
fn mounting() {
    check("docs/mounting.md");
}

#[test]
fn takedowns() {
    check("docs/takedowns.md");
}

#[test]
fn every_document_with_examples_is_run() {
    let run = [
        "catalogue.md",
        "editing.md",
        "layout.md",
        "many-machines.md",
        "mounting.md",
        "takedowns.md",
    ];
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    for entry in fs::read_dir(docs).expect("docs can be listed") {
        let path = entry.expect("docs can be listed").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let Ok(text) = fs::read_to_string(&path) else {
            continue; // a picture
        };
        let examples = text.lines().any(|line| line == script::FENCE);
        assert!(
            !examples || run.contains(&name.as_ref()),
            "{name} has examples and no test"
        );
    }
}

#[test]
fn planted_faults_are_found() {
    let block = |body: &str| format!("{}\n{body}\n```\n", script::FENCE);
    let table = [
        (block("$ echo one\ntwo"), "expected"),
        (block("$ echo one\n$ false\n$ echo two"), "exit code 1"),
        (block("$ echo one\none\ntwo"), "expected"),
        (block("$ exit 0\n$ echo one"), "was not reached"),
        (
            block("prints without a command"),
            "before the first command",
        ),
        (format!("{}\n$ true\n", script::FENCE), "never ends"),
        (
            format!("<!-- not run: -->\n{}", block("$ true")),
            "without a reason",
        ),
        (
            format!("<!-- not run: slow -->\n\ntext\n{}", block("$ true")),
            "no block follows",
        ),
        (block("$ librisfs no-such-command"), "exit code"),
    ];
    for (text, expected) in table {
        let found = faults("planted", &text).join("\n");
        assert!(found.contains(expected), "{text}\nfound: {found}");
    }
}

#[test]
fn good_examples_pass() {
    let text = "text\n<!-- run: mkdir made -->\n```console\n$ cd made; x=1\n$ echo $x; pwd\n1\n.../made\n\
                $ false\n$ echo $?\n1\n$ printf 'a\\nb\\nc\\n'\na\n...\nc\n```\n\
                <!-- not run: needs root -->\n```console\n$ exit 7\n```\n\
                ```console\n$ ls ~/Documents | wc -l\n...\n```\n";
    assert_eq!(faults("good", text), Vec::<String>::new());
}
