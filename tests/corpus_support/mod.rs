//! What tests on the test documents share: where they are, the tables about them, and how values are
//! compared.
//!
//! `scripts/corpus` makes them, in `target/corpus` or `$LIBRISFS_CORPUS`.

#![allow(dead_code, reason = "each test program uses a part")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use librisfs::author;
use unicode_normalization::UnicodeNormalization;

/// The absolute path of the corpus. A missing one fails the test.
pub fn corpus() -> PathBuf {
    let by_default = || Path::new(env!("CARGO_MANIFEST_DIR")).join("target/corpus");
    let corpus = std::env::var_os("LIBRISFS_CORPUS").map_or_else(by_default, PathBuf::from);
    assert!(
        corpus.join("manifest.tsv").is_file() && corpus.join("hostile/hostile.tsv").is_file(),
        "no test documents in {}: make them with scripts/corpus",
        corpus.display()
    );
    fs::canonicalize(corpus).unwrap()
}

/// The rows of a table, without its heading.
pub fn rows(table: &Path) -> Vec<Vec<String>> {
    let text = fs::read_to_string(table).unwrap();
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

/// The bytes of a file name, which `names.tsv` holds in hexadecimal.
pub fn bytes_of_hex(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
        .collect()
}

/// What of a text counts when readers are compared: its letters and digits, without case and width.
pub fn key(text: &str) -> String {
    let folded: String = text.nfkc().filter(|c| c.is_alphanumeric()).collect();
    folded.to_lowercase().replace('ß', "ss")
}

/// The people in a list of author strings.
pub fn people<S: AsRef<str>>(authors: impl IntoIterator<Item = S>) -> BTreeSet<String> {
    authors
        .into_iter()
        .flat_map(|author| author::split(author.as_ref()))
        .map(|person| key(&person))
        .collect()
}
