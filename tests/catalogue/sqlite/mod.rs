//! SQLite.

mod crash;
mod opening;
mod versions;

use std::path::PathBuf;
use std::process::Command;

use librisfs::catalogue::Catalogue;
use librisfs::catalogue::sqlite::SqliteCatalogue;
use tempfile::TempDir;

use crate::fixture::{Bench, SHOWN_THOUGH_TAKEN_DOWN, said};

/// A new catalogue in a folder of its own.
pub struct Sqlite {
    pub folder: TempDir,
    pub catalogue: SqliteCatalogue,
}

impl Sqlite {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("catalogue.db");
        let catalogue = SqliteCatalogue::create(&path).expect("creates");
        Self { folder, catalogue }
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("catalogue.db")
    }
}

impl Bench for Sqlite {
    fn catalogue(&self) -> &dyn Catalogue {
        &self.catalogue
    }

    fn by_hand(&self, statements: &str) {
        let other = rusqlite::Connection::open(self.path()).expect("opens");
        let settings = "PRAGMA foreign_keys = OFF; PRAGMA busy_timeout = 10000; BEGIN IMMEDIATE;";
        other.execute_batch(settings).expect("begins");
        other.execute_batch(statements).expect("runs");
        other.execute_batch("COMMIT").expect("commits");
    }

    /// The `sqlite3` program, whose SQLite is older than ours.
    fn by_program(&self, statements: &str) -> Result<String, String> {
        let output = Command::new("sqlite3")
            .args(["-bail", "-cmd", ".timeout 10000"])
            .arg(self.path())
            .arg(statements)
            .output()
            .expect("the sqlite3 program is installed");
        said(&output)
    }

    fn shown_though_taken_down(&self) -> i64 {
        let db = rusqlite::Connection::open(self.path()).expect("opens");
        let shown = db.query_row(SHOWN_THOUGH_TAKEN_DOWN, [], |row| row.get(0));
        shown.expect("answers")
    }

    fn derived(&self) -> Vec<String> {
        let db = rusqlite::Connection::open(self.path()).expect("opens");
        db.execute_batch("CREATE VIRTUAL TABLE temp.found USING fts5vocab (main, words, instance)")
            .expect("creates");
        let queries = [
            "SELECT format('%d %d %d %s %d %d %d %d', folder, bucket, file, name, size, mtime, ctime, links) \
             FROM entries ORDER BY folder, bucket, file",
            "SELECT format('%d %d %d %s %d', id, parent, bucket, name, children) FROM folders \
             WHERE children > 0 OR id > 1000 ORDER BY id",
            "SELECT format('%d %s', id, name) FROM books_to_hashes ORDER BY id",
            "SELECT format('%d %s %d %s', doc, col, offset, term) FROM found ORDER BY doc, col, offset",
            "SELECT format('word row %d', id) FROM words_docsize ORDER BY id",
        ];
        let mut all = Vec::new();
        for query in queries {
            let mut statement = db.prepare(query).expect("prepares");
            let rows = statement
                .query_map([], |row| row.get::<_, String>(0))
                .expect("answers");
            all.extend(rows.map(|row| row.expect("a row")));
        }
        all
    }
}

crate::conformance! { Sqlite::new }
crate::conformance_edit! { Sqlite::new }
crate::conformance_inbox! { Sqlite::new }
crate::random! { Sqlite::new, 48 }
crate::random_inbox! { Sqlite::new, 48 }
crate::by_program! { Sqlite::new }
crate::trash_by_program! { Sqlite::new }
