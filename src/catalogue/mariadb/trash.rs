//! The trash: files that were removed and can come back.

use std::collections::BTreeSet;

use mysql::Value;

use super::db::{Db, Row};
use super::journal::Step;
use super::rows::{self, sql_id};
use super::settle;
use crate::catalogue::{Discard, FileId, Result, TrashEntry};
use crate::time::UnixSeconds;

/// Puts files into the trash. Returns those that were not there.
pub(super) fn discard(db: &Db, files: &[Discard]) -> Result<Vec<Step>> {
    let mut gone = Vec::new();
    for discard in files {
        if discard_one(db, discard)? {
            gone.push(discard.file);
        }
    }
    settle::files(db, gone.iter().copied().collect())?;
    Ok(gone.into_iter().map(Step::File).collect())
}

fn discard_one(db: &Db, discard: &Discard) -> Result<bool> {
    // Its name is free for others from then on; what it is called in the trash is in its row there.
    let file = sql_id(discard.file);
    let gone = db.run(
        "UPDATE books_to_hashes SET trashed = unix_timestamp(), name = NULL WHERE id = ? AND trashed IS NULL",
        (file,),
    )?;
    if gone == 0 {
        return Ok(false);
    }
    if let Some(path) = &discard.path {
        db.run("UPDATE trash SET path = ? WHERE file = ?", (path, file))?;
    }
    if let Some(name) = &discard.name {
        let taken = db.any("SELECT 1 FROM trash WHERE name = ?", (name,))?
            || db.any("SELECT 1 FROM inbox WHERE parent = 2 AND name = ?", (name,))?;
        if !taken {
            db.run("UPDATE trash SET name = ? WHERE file = ?", (name, file))?;
        }
    }
    Ok(true)
}

/// Takes files out of the trash. Returns those that were there.
pub(super) fn restore(db: &Db, files: &[FileId]) -> Result<Vec<Step>> {
    let mut back = Vec::new();
    for file in files {
        let come = "UPDATE books_to_hashes SET trashed = NULL WHERE id = ? AND trashed IS NOT NULL";
        if db.run(come, (sql_id(*file),))? > 0 {
            back.push(*file);
        }
    }
    settle::files(db, back.iter().copied().collect())?;
    Ok(back.into_iter().map(Step::File).collect())
}

/// Removes files in the trash for good, with the books that no file has any more.
pub(super) fn empty(
    db: &Db,
    files: Option<&[FileId]>,
    before: Option<UnixSeconds>,
) -> Result<usize> {
    let before = before.map_or(i64::MAX, |before| before.0);
    let chosen: Vec<i64> = if let Some(files) = files {
        files.iter().map(|file| sql_id(*file)).collect()
    } else {
        let found = db.rows(
            "SELECT id FROM books_to_hashes WHERE trashed IS NOT NULL AND trashed < ?",
            (before,),
        )?;
        found.iter().map(|row| row.get(0)).collect::<Result<_>>()?
    };
    let (mut gone, mut blobs) = (BTreeSet::new(), BTreeSet::new());
    for id in chosen {
        let found = db.row(
            "DELETE FROM books_to_hashes WHERE id = ? AND trashed IS NOT NULL AND trashed < ? \
             RETURNING book_id, hash_id",
            (id, before),
        )?;
        if let Some(row) = found {
            let book: i64 = row.get(0)?;
            if !db.any("SELECT 1 FROM books_to_hashes WHERE book_id = ?", (book,))? {
                db.run("DELETE FROM books_metadata WHERE id = ?", (book,))?;
            }
            gone.insert(rows::file_id(id)?);
            blobs.insert(row.get(1)?);
        }
    }
    let count = gone.len();
    settle::files(db, gone)?;
    settle::blobs(db, blobs.iter())?;
    Ok(count)
}

/// The next files in the trash.
pub(super) fn page(db: &Db, after: Option<FileId>, limit: usize) -> Result<Vec<TrashEntry>> {
    let found = db.rows(
        "SELECT file, name, path FROM trash WHERE file > ? ORDER BY file LIMIT ?",
        (after.map_or(0, sql_id), rows::sql_limit(limit)),
    )?;
    let mut page = Vec::new();
    for row in found {
        page.extend(entry(db, &row)?);
    }
    Ok(page)
}

/// What the trash has of a file.
pub(super) fn of_file(db: &Db, file: FileId) -> Result<Option<TrashEntry>> {
    one(db, "file = ?", sql_id(file))
}

/// The file called so in the trash.
pub(super) fn named(db: &Db, name: &str) -> Result<Option<TrashEntry>> {
    one(db, "name = ?", name)
}

fn one(db: &Db, condition: &str, value: impl Into<Value>) -> Result<Option<TrashEntry>> {
    let sql = format!("SELECT file, name, path FROM trash WHERE {condition}");
    match db.row(&sql, (value.into(),))? {
        Some(row) => entry(db, &row),
        None => Ok(None),
    }
}

fn entry(db: &Db, row: &Row) -> Result<Option<TrashEntry>> {
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
