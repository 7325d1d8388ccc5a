//! A direct dependency is a decision: it has a line in `docs/dependencies.md` that says why, and a place
//! in the allow-list of `deny.toml`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The text of a file of the project.
fn text(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// A file of the project as TOML.
fn table(path: &str) -> toml::Table {
    text(path).parse().unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// Names of all direct dependencies, those of tests and builds too.
fn declared() -> BTreeSet<String> {
    let manifest = table("Cargo.toml");
    ["dependencies", "dev-dependencies", "build-dependencies"]
        .iter()
        .filter_map(|section| manifest.get(*section)?.as_table())
        .flat_map(toml::Table::keys)
        .cloned()
        .collect()
}

/// Names in the first column of the tables of `docs/dependencies.md`, and the empty cells found.
fn explained() -> (BTreeSet<String>, Vec<String>) {
    let mut names = BTreeSet::new();
    let mut empty = Vec::new();
    for line in text("docs/dependencies.md").lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let Some(name) = cells
            .get(1)
            .and_then(|cell| cell.strip_prefix('`')?.strip_suffix('`'))
        else {
            continue;
        };
        names.insert(name.to_owned());
        // Five cells between the outer bars.
        if cells.len() != 7 || cells[1..6].iter().any(|cell| cell.is_empty()) {
            empty.push(name.to_owned());
        }
    }
    (names, empty)
}

#[test]
fn every_direct_dependency_is_explained() {
    let (explained, empty) = explained();
    let declared = declared();
    assert!(declared.contains("fuser"), "Cargo.toml is not read");
    assert_eq!(
        declared, explained,
        "left: Cargo.toml, right: docs/dependencies.md"
    );
    assert!(empty.is_empty(), "lines with an empty cell: {empty:?}");
}

#[test]
fn every_direct_dependency_is_allowed() {
    let deny = table("deny.toml");
    let allowed: BTreeSet<&str> = deny["bans"]["allow"]
        .as_array()
        .expect("[bans] allow is a list")
        .iter()
        .filter_map(toml::Value::as_str)
        .collect();
    let missing: Vec<String> = declared()
        .into_iter()
        .filter(|name| !allowed.contains(name.as_str()))
        .collect();
    assert!(missing.is_empty(), "not in deny.toml: {missing:?}");
}
