//! The trash: files that were removed and can come back.

use std::collections::BTreeSet;

use rusqlite::{Connection, ToSql, params};

use super::journal::Step;
use super::rows::{self, sql_id};
use super::settle;
use crate::catalogue::{Discard, FileId, Result, TrashEntry};
use crate::time::UnixSeconds;

/// Puts files into the trash. Returns those that were not there.
pub(super) fn discard(db: &Connection, files: &[Discard]) -> Result<Vec<Step>> {
    let mut gone = Vec::new();
    for discard in files {
        if discard_one(db, discard)? {
            gone.push(discard.file);
        }
    }
    settle::files(db, gone.iter().copied().collect())?;
    Ok(gone.into_iter().map(Step::File).collect())
}

fn discard_one(db: &Connection, discard: &Discard) -> Result<bool> {
    // Its name is free for others from then on; what it is called in the trash is in its row there.
    let mut statement = db.prepare_cached(
        "UPDATE books_to_hashes SET trashed = unixepoch(), name = NULL WHERE id = ?1 AND trashed IS NULL",
    )?;
    let file = sql_id(discard.file);
    if statement.execute([file])? == 0 {
        return Ok(false);
    }
    if let Some(path) = &discard.path {
        db.prepare_cached("UPDATE trash SET path = ?2 WHERE file = ?1")?
            .execute(params![file, path])?;
    }
    if let Some(name) = &discard.name {
        let mut statement = db.prepare_cached(
            "UPDATE trash SET name = ?2 WHERE file = ?1 AND NOT EXISTS (SELECT 1 FROM trash WHERE name = ?2) \
             AND NOT EXISTS (SELECT 1 FROM inbox WHERE parent = 2 AND name = ?2)",
        )?;
        statement.execute(params![file, name])?;
    }
    Ok(true)
}

/// Takes files out of the trash. Returns those that were there.
pub(super) fn restore(db: &Connection, files: &[FileId]) -> Result<Vec<Step>> {
    let mut statement = db.prepare_cached(
        "UPDATE books_to_hashes SET trashed = NULL WHERE id = ?1 AND trashed IS NOT NULL",
    )?;
    let mut back = Vec::new();
    for file in files {
        if statement.execute([sql_id(*file)])? > 0 {
            back.push(*file);
        }
    }
    settle::files(db, back.iter().copied().collect())?;
    Ok(back.into_iter().map(Step::File).collect())
}

/// Removes files in the trash for good, with the books that no file has any more.
pub(super) fn empty(
    db: &Connection,
    files: Option<&[FileId]>,
    before: Option<UnixSeconds>,
) -> Result<usize> {
    let before = before.map_or(i64::MAX, |before| before.0);
    let chosen: Vec<i64> = if let Some(files) = files {
        files.iter().map(|file| sql_id(*file)).collect()
    } else {
        let mut statement = db.prepare_cached(
            "SELECT id FROM books_to_hashes WHERE trashed IS NOT NULL AND trashed < ?1",
        )?;
        let ids = statement.query_map([before], |row| row.get(0))?;
        ids.collect::<rusqlite::Result<_>>()?
    };
    let mut delete = db.prepare_cached(
        "DELETE FROM books_to_hashes WHERE id = ?1 AND trashed IS NOT NULL AND trashed < ?2 RETURNING book_id, hash_id",
    )?;
    let mut orphan = db.prepare_cached(
        "DELETE FROM books_metadata WHERE id = ?1 AND NOT EXISTS (SELECT 1 FROM books_to_hashes WHERE book_id = ?1)",
    )?;
    let (mut gone, mut blobs) = (BTreeSet::new(), BTreeSet::new());
    for id in chosen {
        let found = delete.query_map(params![id, before], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let found = found.collect::<rusqlite::Result<Vec<(i64, i64)>>>()?;
        if let Some((book, blob)) = found.first() {
            orphan.execute([book])?;
            gone.insert(rows::file_id(id)?);
            blobs.insert(*blob);
        }
    }
    let count = gone.len();
    settle::files(db, gone)?;
    settle::blobs(db, blobs.iter())?;
    Ok(count)
}

/// The next files in the trash.
pub(super) fn page(
    db: &Connection,
    after: Option<FileId>,
    limit: usize,
) -> Result<Vec<TrashEntry>> {
    let mut statement = db.prepare_cached(
        "SELECT file, name, path FROM trash WHERE file > ?1 ORDER BY file LIMIT ?2",
    )?;
    let after = after.map_or(0, sql_id);
    let mut rows = statement.query(params![after, rows::sql_limit(limit)])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.extend(entry(db, row)?);
    }
    Ok(page)
}

/// What the trash has of a file.
pub(super) fn of_file(db: &Connection, file: FileId) -> Result<Option<TrashEntry>> {
    one(db, "file = ?1", sql_id(file))
}

/// The file called so in the trash.
pub(super) fn named(db: &Connection, name: &str) -> Result<Option<TrashEntry>> {
    one(db, "name = ?1", name)
}

fn one(db: &Connection, condition: &str, value: impl ToSql) -> Result<Option<TrashEntry>> {
    let sql = format!("SELECT file, name, path FROM trash WHERE {condition}");
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([value])?;
    match rows.next()? {
        Some(row) => entry(db, row),
        None => Ok(None),
    }
}

fn entry(db: &Connection, row: &rusqlite::Row<'_>) -> Result<Option<TrashEntry>> {
    let file = rows::file_id(row.get(0)?)?;
    let Some(found) = rows::sound(rows::file_row(db, file))?.flatten() else {
        return Ok(None);
    };
    Ok(Some(TrashEntry {
        record: found.into_record(db)?,
        name: row.get(1)?,
        path: row.get(2)?,
    }))
}
