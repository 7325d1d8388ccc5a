//! Searches as folders.

use mysql::Value;

use super::MariadbCatalogue;
use super::browse::{self, entry};
use super::db::Db;
use super::rows::{sql_id, sql_limit};
use super::search::{Wanted, folder_sets, has_all, lies_in, searched};
use crate::catalogue::query::Search;
use crate::catalogue::{Entry, FileId, FolderId, Result, Searches, Stat};

/// Files read at a time where each must be looked at.
const PAGE: usize = 200;

impl Searches for MariadbCatalogue {
    fn save_search(&self, words: &str) -> Result<bool> {
        Search::parse(words)?;
        self.write(|db| {
            if db.any("SELECT 1 FROM searches WHERE name = ?", (words,))? {
                return Ok(false);
            }
            db.run("INSERT INTO searches (name) VALUES (?)", (words,))?;
            Ok(true)
        })
    }

    fn forget_search(&self, words: &str) -> Result<bool> {
        self.write(|db| Ok(db.run("DELETE FROM searches WHERE name = ?", (words,))? > 0))
    }

    fn is_saved(&self, words: &str) -> Result<bool> {
        self.pool
            .read(|db| db.any("SELECT 1 FROM searches WHERE name = ?", (words,)))
    }

    fn saved_searches(&self, after: &str, limit: usize) -> Result<Vec<String>> {
        self.pool.read(|db| {
            let found = db.rows(
                "SELECT name FROM searches WHERE name > ? ORDER BY name LIMIT ?",
                (after, sql_limit(limit)),
            )?;
            found.iter().map(|row| row.get(0)).collect()
        })
    }

    fn found(&self, words: &str, after: Option<FileId>, limit: usize) -> Result<Vec<Entry>> {
        self.pool.read(|db| found(db, words, after, limit))
    }

    fn found_named(&self, words: &str, name: &str) -> Result<Option<Stat>> {
        self.pool.read(|db| {
            let Some(stat) = browse::own_name(db, FolderId::BY_TITLE, name)? else {
                return Ok(None);
            };
            let first = matching(db, words, Range::only(stat.file), 1)?;
            Ok((!first.is_empty()).then_some(stat))
        })
    }
}

/// Files from `after` on, excluding it, to `last`.
#[derive(Clone, Copy)]
struct Range {
    after: i64,
    last: i64,
}

impl Range {
    fn only(file: FileId) -> Self {
        Self {
            after: sql_id(file) - 1,
            last: sql_id(file),
        }
    }
}

/// The next entries of `by-title` that a search finds, by file.
fn found(db: &Db, words: &str, after: Option<FileId>, limit: usize) -> Result<Vec<Entry>> {
    let range = Range {
        after: after.map_or(0, sql_id),
        last: i64::MAX,
    };
    matching(db, words, range, limit)
}

fn matching(db: &Db, words: &str, mut range: Range, limit: usize) -> Result<Vec<Entry>> {
    let search = Search::parse(words)?;
    let wanted = Wanted::new(&search);
    let mut found = Vec::new();
    if wanted.is_impossible {
        return Ok(found);
    }
    let (sql, values) = sql(db, &search, &wanted)?;
    let page = if wanted.is_checked {
        limit.max(PAGE)
    } else {
        limit
    };
    while found.len() < limit {
        let mut values = values.clone();
        values.extend([
            range.after.into(),
            range.last.into(),
            sql_limit(page).into(),
        ]);
        let rows = db.rows(&sql, values)?;
        let is_end = rows.len() < page;
        for row in &rows {
            let entry = entry(row)?;
            range.after = sql_id(entry.stat.file);
            if !wanted.is_checked || has_all(&searched(row, 7), &search) {
                found.push(entry);
            }
        }
        if is_end {
            break;
        }
    }
    found.truncate(limit);
    Ok(found)
}

/// The question, with its values but for the range and the limit.
fn sql(db: &Db, search: &Search, wanted: &Wanted) -> Result<(String, Vec<Value>)> {
    let (tables, values) = wanted.tables();
    let tables = if tables.is_empty() {
        "entries AS e".to_owned()
    } else {
        format!("{tables} JOIN entries AS e ON e.file = w0.file")
    };
    let (columns, books) = if wanted.is_checked {
        (
            ", substr(b.title, 1, 4096), substr(b.author, 1, 65536), substr(b.publisher, 1, 4096)",
            " JOIN books_to_hashes AS f ON f.id = e.file JOIN books_metadata AS b ON b.id = f.book_id",
        )
    } else {
        ("", "")
    };
    let narrowed: String = folder_sets(db, search)?
        .iter()
        .map(|folders| lies_in("e.file", folders))
        .collect();
    let sql = format!(
        "SELECT e.name, e.file, e.size, e.mtime, e.ctime, e.links, e.bucket{columns} FROM {tables}{books} \
         WHERE e.folder = {} AND e.file > ? AND e.file <= ?{narrowed} ORDER BY e.file LIMIT ?",
        FolderId::BY_TITLE.get()
    );
    Ok((sql, values))
}
