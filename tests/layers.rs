//! The layers hold: no arrow in `src/` runs up, and a foreign crate is named in its room only.
//!
//! A *room* is a module right under the crate's root. The sources are read as tokens, so comments and
//! texts do not count and the insides of macros do. A path counts from where it starts: `crate::`,
//! `librisfs::`, as many `super::` as leave the room, or a foreign crate's name.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// Rooms that every other may name.
const VOCABULARY: [&str; 7] = ["author", "book", "hash", "language", "name", "text", "time"];

/// Each room with the rooms below it that it may name, besides itself and the vocabulary.
///
/// `fs` and `view` see the types of `catalogue` and `blob` as `archive` gives them out.
const ROOMS: [(&str, &[&str]); 17] = [
    ("main", &["cli"]),
    ("cli", &["fuse", "sync", "archive"]),
    ("fuse", &["fs", "archive"]),
    ("fs", &["view", "archive"]),
    ("view", &["archive"]),
    ("sync", &["archive"]),
    ("archive", &["catalogue", "blob", "document"]),
    ("catalogue", &[]),
    ("blob", &[]),
    ("document", &[]),
    ("author", &[]),
    ("book", &[]),
    ("hash", &[]),
    ("language", &[]),
    ("name", &[]),
    ("text", &[]),
    ("time", &[]),
];

/// Foreign crates that have a room, by the name that code uses, and the modules that may name them.
///
/// Encrypted PDFs derive their keys with MD5; no blob is identified there.
const FOREIGN: [(&str, &[&str]); 27] = [
    ("aes", &["document::pdf"]),
    ("cbc", &["document::pdf"]),
    ("clap", &["main", "cli"]),
    ("clap_complete", &["cli"]),
    ("clap_mangen", &["cli"]),
    ("djvu_zp", &["document::djvu"]),
    ("encoding_rs", &["document"]),
    ("flate2", &["document"]),
    ("fuser", &["fuse"]),
    ("hayro_syntax", &["document"]),
    ("indicatif", &["main", "cli"]),
    ("inotify", &["catalogue::sqlite"]),
    ("isolang", &["language"]),
    ("md5", &["hash", "document::pdf"]),
    ("memchr", &["document"]),
    ("mysql", &["catalogue::mariadb"]),
    ("object_store", &["blob::object"]),
    ("quick_xml", &["document"]),
    ("rc4", &["document::pdf"]),
    ("rusqlite", &["catalogue::sqlite"]),
    ("sha1", &["hash"]),
    ("sha2", &["document::pdf"]),
    ("tokio", &["blob::object"]),
    ("toml", &["archive"]),
    ("tracing_subscriber", &["main", "cli"]),
    ("unicode_width", &["cli"]),
    ("zip", &["document"]),
];

/// A path as the source writes it: its first names, and the line it starts on.
struct NamedPath {
    segments: Vec<String>,
    /// How many inline modules it stands in.
    depth: usize,
    line: usize,
    /// Whether it is all of an item of a `use`: then a single name is a path, too.
    imported: bool,
}

/// Collects the paths of one file.
#[derive(Default)]
struct Reader {
    found: Vec<NamedPath>,
}

impl Reader {
    /// Reads `tokens`, which stand in `depth` inline modules.
    fn read(&mut self, tokens: TokenStream, depth: usize) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            let keyword = word(&tokens[at]);
            // Not the `use<'a>` of a captured lifetime.
            let captures = tokens.get(at + 1).is_some_and(|next| is_punct(next, '<'));
            if keyword.as_deref() == Some("use") && !captures {
                at = self.read_use(&tokens, at + 1, depth);
            } else if let Some((body, next)) = inline_module(&tokens, at) {
                self.read(body, depth + 1);
                at = next;
            } else if let TokenTree::Group(group) = &tokens[at] {
                self.read(group.stream(), depth);
                at += 1;
            } else if keyword.is_some() {
                at = self.read_path(&tokens, at, depth);
            } else {
                at += 1;
            }
        }
    }

    /// Reads the path that starts at `at`; returns where to go on.
    fn read_path(&mut self, tokens: &[TokenTree], at: usize, depth: usize) -> usize {
        let (segments, next) = segments(tokens, at);
        self.found.push(NamedPath {
            segments,
            depth,
            line: tokens[at].span().start().line,
            imported: false,
        });
        next
    }

    /// Reads the tree of a `use` from `at` to its `;`; returns where to go on.
    fn read_use(&mut self, tokens: &[TokenTree], at: usize, depth: usize) -> usize {
        let end = tokens[at..]
            .iter()
            .position(|token| is_punct(token, ';'))
            .map_or(tokens.len(), |n| at + n);
        self.read_tree(&tokens[at..end], &[], depth);
        end
    }

    /// Reads the comma-separated items of a `use`, each under `prefix`.
    fn read_tree(&mut self, tokens: &[TokenTree], prefix: &[String], depth: usize) {
        for item in tokens.split(|token| is_punct(token, ',')) {
            let start = item
                .iter()
                .position(|token| !is_punct(token, ':'))
                .unwrap_or(item.len());
            let Some(first) = item.get(start) else {
                continue;
            };
            let (own, next) = segments(item, start);
            let whole: Vec<String> = prefix.iter().cloned().chain(own).collect();
            match item.get(next) {
                Some(TokenTree::Group(group)) => {
                    let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                    self.read_tree(&inner, &whole, depth);
                }
                rest => {
                    let glob = rest.is_some_and(|token| is_punct(token, '*'));
                    let star = glob.then(|| "*".to_owned());
                    self.found.push(NamedPath {
                        segments: whole.into_iter().chain(star).collect(),
                        depth,
                        line: first.span().start().line,
                        imported: true,
                    });
                }
            }
        }
    }
}

/// The name that `token` is, raw or not.
fn word(token: &TokenTree) -> Option<String> {
    match token {
        TokenTree::Ident(ident) => {
            let text = ident.to_string();
            Some(text.strip_prefix("r#").map_or(text.clone(), str::to_owned))
        }
        _ => None,
    }
}

/// Whether `token` is the mark `mark`.
fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// Whether `::` stands at `at`.
fn is_path_mark(tokens: &[TokenTree], at: usize) -> bool {
    tokens.len() > at + 1 && is_punct(&tokens[at], ':') && is_punct(&tokens[at + 1], ':')
}

/// The names from `at`, as far as `::` joins them, and the first token after them and a last `::`.
fn segments(tokens: &[TokenTree], at: usize) -> (Vec<String>, usize) {
    let mut names = Vec::new();
    let mut at = at;
    while let Some(name) = tokens.get(at).and_then(word) {
        names.push(name);
        at += 1;
        if !is_path_mark(tokens, at) {
            break;
        }
        at += 2;
    }
    (names, at)
}

/// The body of the `mod name { … }` at `at`, and what comes after it.
fn inline_module(tokens: &[TokenTree], at: usize) -> Option<(TokenStream, usize)> {
    if word(&tokens[at])? != "mod" {
        return None;
    }
    match tokens.get(at + 2)? {
        TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
            Some((group.stream(), at + 3))
        }
        _ => None,
    }
}

/// The module that a file under `src` is: `catalogue/sqlite/mod.rs` is `["catalogue", "sqlite"]`.
fn module_of(file: &str) -> Vec<String> {
    let path = file.strip_suffix(".rs").unwrap_or(file);
    let mut names: Vec<String> = path.split('/').map(str::to_owned).collect();
    if names
        .last()
        .is_some_and(|last| last == "mod" || last == "lib")
    {
        names.pop();
    }
    names
}

/// What is wrong with the file `file` (a path under `src`) of this text.
fn faults(file: &str, text: &str) -> Vec<String> {
    let module = module_of(file);
    let Some(room) = module.first() else {
        return Vec::new(); // lib.rs names every room and uses none
    };
    let Some((_, below)) = ROOMS.iter().find(|(name, _)| name == room) else {
        return vec![format!("src/{file}: `{room}` is no room of the plan")];
    };
    let tokens = match TokenStream::from_str(text) {
        Ok(tokens) => tokens,
        Err(e) => return vec![format!("src/{file}: {e}")],
    };
    let mut reader = Reader::default();
    reader.read(tokens, 0);
    reader
        .found
        .iter()
        .filter_map(|path| {
            let why = wrong_room(path, &module, below).or_else(|| wrong_crate(path, &module))?;
            let written = path.segments.join("::");
            Some(format!("src/{file}:{}: `{written}`: {why}", path.line))
        })
        .collect()
}

/// Why `path` may not stand in `module`, which may name the rooms `below`, if it names a room.
fn wrong_room(path: &NamedPath, module: &[String], below: &[&str]) -> Option<String> {
    let target = match path.segments.first()?.as_str() {
        "crate" | "librisfs" => path.segments.get(1)?,
        "super" | "self" => {
            let names = &path.segments;
            let from = usize::from(names[0] == "self");
            let ups = names[from..].iter().take_while(|name| *name == "super");
            let ups = ups.count();
            if ups < module.len() + path.depth {
                return None; // stays in the room
            }
            names.get(from + ups)?
        }
        _ => return None,
    };
    let own = &module[0];
    let allowed = |room: &str| room == own || below.contains(&room) || VOCABULARY.contains(&room);
    (!allowed(target)).then(|| {
        if ROOMS.iter().any(|(room, _)| room == target) {
            format!("no arrow runs from {own} to {target}")
        } else {
            "name things by their room".to_owned()
        }
    })
}

/// Why `path` may not stand in `module`, if it names a foreign crate that has a room.
fn wrong_crate(path: &NamedPath, module: &[String]) -> Option<String> {
    if path.segments.len() < 2 && !path.imported {
        return None; // a variable or a field of that name
    }
    let (name, rooms) = FOREIGN.iter().find(|(name, _)| *name == path.segments[0])?;
    let here = module.join("::");
    let within = |room: &str| {
        here.strip_prefix(room)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    };
    (!rooms.iter().any(|room| within(room)))
        .then(|| format!("{name} is named in {} only", rooms.join(", ")))
}

/// All Rust files under `folder`, as paths from `root`.
fn sources(root: &Path, folder: &Path, found: &mut Vec<String>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    for entry in entries {
        let path: PathBuf = entry.expect("a folder of ours can be listed").path();
        if path.is_dir() {
            sources(root, &path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            let below = path.strip_prefix(root).expect("found under the root");
            found.push(below.to_str().expect("our names are UTF-8").to_owned());
        }
    }
}

#[test]
fn no_arrow_runs_up() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    sources(&root, &root, &mut files);
    files.sort();
    assert!(files.iter().any(|file| file == "lib.rs"), "src is not read");
    let mut report = String::new();
    for file in &files {
        let text = fs::read_to_string(root.join(file)).unwrap_or_else(|e| panic!("{file}: {e}"));
        for fault in faults(file, &text) {
            let _ = writeln!(report, "{fault}");
        }
    }
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn the_plan_itself_runs_down() {
    for (at, (room, below)) in ROOMS.iter().enumerate() {
        for lower in *below {
            let found = ROOMS.iter().position(|(name, _)| name == lower);
            assert!(found.is_some_and(|n| n > at), "{room} -> {lower}");
        }
    }
}

#[test]
fn planted_faults_are_found() {
    let table: [(&str, &str, &str); 21] = [
        ("fs/mod.rs", "use crate::fuse::Session;", "from fs to fuse"),
        (
            "fs/mod.rs",
            "use crate::{view::Place, fuse};",
            "from fs to fuse",
        ),
        (
            "fs/mod.rs",
            "use crate::{view::{self, A}, catalogue::{B, C}};",
            "from fs to catalogue",
        ),
        (
            "fs/inode.rs",
            "fn f() -> crate::catalogue::Error { todo!() }",
            "from fs to catalogue",
        ),
        (
            "view/mod.rs",
            "fn f() { g(super::blob::open()) }",
            "from view to blob",
        ),
        (
            "view/path.rs",
            "use super::super::blob::A;",
            "from view to blob",
        ),
        (
            "view/path.rs",
            "mod tests { use super::super::super::fs::A; }",
            "from view to fs",
        ),
        (
            "blob/local.rs",
            "pub(in crate::blob) use crate::catalogue::A;",
            "from blob to catalogue",
        ),
        (
            "catalogue/sqlite/pool.rs",
            "const A: u8 = crate::blob::A;",
            "from catalogue to blob",
        ),
        (
            "hash.rs",
            "macro_rules! a { () => { $crate::cli::run() } }",
            "from hash to cli",
        ),
        ("archive/mod.rs", "use crate::*;", "by their room"),
        ("archive/mod.rs", "use crate::Archive;", "by their room"),
        (
            "main.rs",
            "fn main() { librisfs::archive::open(); }",
            "from main to archive",
        ),
        (
            "fs/mod.rs",
            "fn f(e: fuser::Errno) {}",
            "fuser is named in fuse only",
        ),
        ("fs/mod.rs", "use fuser;", "fuser is named in fuse only"),
        (
            "fs/mod.rs",
            "use {std::fs, ::fuser as f};",
            "fuser is named in fuse only",
        ),
        (
            "catalogue/mod.rs",
            "impl From<rusqlite::Error> for E {}",
            "catalogue::sqlite only",
        ),
        (
            "catalogue/sqlite2.rs",
            "use rusqlite::Connection;",
            "catalogue::sqlite only",
        ),
        (
            "archive/mod.rs",
            "fn f() { warn!(\"{}\", md5::compute(x)) }",
            "md5 is named in hash, document::pdf only",
        ),
        ("log.rs", "", "is no room of the plan"),
        ("fs/mod.rs", "fn f() {", "src/fs/mod.rs"),
    ];
    for (file, text, expected) in table {
        let found = faults(file, text).join("\n");
        assert!(found.contains(expected), "{file}: {text}\nfound: {found}");
    }
}

#[test]
fn what_is_allowed_is_not_reported() {
    let table: [(&str, &str); 14] = [
        ("lib.rs", "pub mod cli; pub mod fuse;"),
        ("main.rs", "use librisfs::cli; fn main() { cli::run() }"),
        (
            "cli/mount.rs",
            "use crate::{archive::Archive, fuse::{self, Options}, hash::Md5};",
        ),
        (
            "fuse/mod.rs",
            "use fuser::{FileAttr, Session}; use crate::fs::Fs;",
        ),
        (
            "fs/mod.rs",
            "// crate::fuse\n/// crate::fuse\nfn f() { \"crate::fuse::X\"; 'c'; }",
        ),
        (
            "view/path.rs",
            "use super::Place; mod tests { use super::*; use super::super::Place; }",
        ),
        ("view/mod.rs", "use crate::archive::catalogue::Entry;"),
        (
            "catalogue/sqlite/pool.rs",
            "use rusqlite::Connection; use super::super::Error;",
        ),
        ("catalogue/sqlite.rs", "use rusqlite::{params, Connection};"),
        ("hash.rs", "use md5::{Digest, Md5}; use sha1::Sha1;"),
        (
            "blob/mod.rs",
            "fn f(id: BlobId) { let md5 = id.md5; crate::hash::md5(sha1, md5) }",
        ),
        (
            "archive/mod.rs",
            "pub(crate) use crate::catalogue; pub(super) fn f() {}",
        ),
        (
            "document/epub.rs",
            "use super::{xml, super::book::Metadata}; use zip::ZipArchive;",
        ),
        ("name.rs", "use crate::book::Metadata;"),
    ];
    for (file, text) in table {
        assert_eq!(faults(file, text), Vec::<String>::new(), "{file}: {text}");
    }
}
