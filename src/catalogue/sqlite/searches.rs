//! Searches as folders.

use rusqlite::{Connection, params};

use super::SqliteCatalogue;
use super::browse::{self, entry};
use super::rows::{self, sql_id, sql_limit};
use super::search::{folder_sets, match_expression};
use crate::catalogue::query::Search;
use crate::catalogue::{Entry, FileId, FolderId, Result, Searches, Stat};

impl Searches for SqliteCatalogue {
    fn save_search(&self, words: &str) -> Result<bool> {
        Search::parse(words)?;
        self.write(|db| {
            let mut insert = db.prepare_cached(
                "INSERT INTO searches (name) SELECT ?1 WHERE NOT EXISTS (SELECT 1 FROM searches WHERE name = ?1)",
            )?;
            Ok(insert.execute([words])? > 0)
        })
    }

    fn forget_search(&self, words: &str) -> Result<bool> {
        self.write(|db| {
            let mut delete = db.prepare_cached("DELETE FROM searches WHERE name = ?1")?;
            Ok(delete.execute([words])? > 0)
        })
    }

    fn is_saved(&self, words: &str) -> Result<bool> {
        let db = self.pool.reader()?;
        Ok(rows::number(&db, "SELECT 1 FROM searches WHERE name = ?1", [words])?.is_some())
    }

    fn saved_searches(&self, after: &str, limit: usize) -> Result<Vec<String>> {
        let db = self.pool.reader()?;
        let mut statement =
            db.prepare_cached("SELECT name FROM searches WHERE name > ?1 ORDER BY name LIMIT ?2")?;
        let names = statement.query_map(params![after, sql_limit(limit)], |row| row.get(0))?;
        Ok(names.collect::<rusqlite::Result<_>>()?)
    }

    fn found(&self, words: &str, after: Option<FileId>, limit: usize) -> Result<Vec<Entry>> {
        found(&*self.pool.reader()?, words, after, limit)
    }

    fn found_named(&self, words: &str, name: &str) -> Result<Option<Stat>> {
        let db = self.pool.reader()?;
        let Some(stat) = browse::own_name(&db, FolderId::BY_TITLE, name)? else {
            return Ok(None);
        };
        let before = FileId::new(stat.file.get() - 1);
        let first = found(&db, words, before, 1)?;
        Ok(first
            .first()
            .is_some_and(|entry| entry.stat.file == stat.file)
            .then_some(stat))
    }
}

/// The next entries of `by-title` that a search finds, by file.
fn found(db: &Connection, words: &str, after: Option<FileId>, limit: usize) -> Result<Vec<Entry>> {
    let search = Search::parse(words)?;
    let mut sql =
        String::from("SELECT e.name, e.file, e.size, e.mtime, e.ctime, e.links, e.bucket FROM ");
    sql.push_str(if search.words.is_empty() {
        "entries AS e WHERE ?1 IS ?1 AND e.file > ?2"
    } else {
        "words CROSS JOIN entries AS e ON e.file = words.rowid WHERE words MATCH ?1 AND words.rowid > ?2"
    });
    sql = format!("{sql} AND e.folder = {}", FolderId::BY_TITLE.get());
    for folders in folder_sets(db, &search)? {
        sql.push_str(
            " AND EXISTS (SELECT 1 FROM entries AS within WHERE within.file = e.file AND within.folder IN (",
        );
        sql.push_str(&folders);
        sql.push_str("))");
    }
    sql.push_str(" ORDER BY e.file LIMIT ?3");
    let mut statement = db.prepare(&sql)?;
    let expression = match_expression(&search.words);
    let mut rows = statement.query(params![
        expression,
        after.map_or(0, sql_id),
        sql_limit(limit)
    ])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(entry(row)?);
    }
    Ok(page)
}
