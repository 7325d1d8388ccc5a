//! Making all derived data anew.
//!
//! Files are gone through in pages, each one transaction that makes right what is not, so that readers see nothing in between
//! and other hosts write meanwhile. What belongs to no file goes, and at the end folders are counted anew.
//!
//! Folders keep their ids and files the names that are right.

use std::collections::BTreeSet;

use super::db::Db;
use super::pool::Pool;
use super::{rows, settle};
use crate::catalogue::{Error, FileId, Result};

/// Files in one transaction.
const PAGE: usize = 100;

/// Makes all derived data anew. Returns the number of files.
pub(super) fn reindex(pool: &Pool, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
    let files = pool.read_slowly(|db| db.number("SELECT count(*) FROM books_to_hashes", ()))?;
    let files = files.unwrap_or(0).try_into().unwrap_or(0);
    while pool.write(settle::some_notes)? > 0 || pool.read(has_notes)? {}
    for table in ["entries", "words"] {
        remove_strays(pool, table)?;
    }
    let (mut after, mut done) = (0, 0);
    loop {
        let page = pool.read(|db| page(db, after))?;
        let Some(last) = page.last() else { break };
        after = *last;
        settle_page(pool, &page)?;
        done += page.len() as u64;
        progress(done.min(files), files);
    }
    pool.write_slowly(finish)?;
    Ok(files)
}

fn has_notes(db: &Db) -> Result<bool> {
    db.any("SELECT 1 FROM unsettled LIMIT 1", ())
}

fn page(db: &Db, after: i64) -> Result<Vec<i64>> {
    let sql = "SELECT id FROM books_to_hashes WHERE id > ? ORDER BY id LIMIT ?";
    let found = db.rows(sql, (after, rows::sql_limit(PAGE)))?;
    found.iter().map(|row| row.get(0)).collect()
}

fn settle_page(pool: &Pool, ids: &[i64]) -> Result<()> {
    let files: BTreeSet<FileId> = ids
        .iter()
        .filter_map(|id| rows::file_id(*id).ok())
        .collect();
    loop {
        match pool.write(|db| settle::files(db, files.clone())) {
            // What makes no sense is made anew.
            Err(Error::BadRow {
                table: "entries",
                id,
                ..
            }) => {
                pool.write(|db| db.run("DELETE FROM entries WHERE file = ?", (id,)))?;
            }
            outcome => return outcome.map(drop),
        }
    }
}

/// Removes the rows of files that are not there.
fn remove_strays(pool: &Pool, table: &str) -> Result<()> {
    let sql = format!(
        "SELECT DISTINCT d.file FROM {table} AS d LEFT JOIN books_to_hashes AS f ON f.id = d.file \
         WHERE f.id IS NULL LIMIT {PAGE}"
    );
    loop {
        let strays = pool.read_slowly(|db| db.rows(&sql, ()))?;
        if strays.is_empty() {
            return Ok(());
        }
        let delete = format!("DELETE FROM {table} WHERE file = ?");
        pool.write(|db| {
            for row in &strays {
                db.run(&delete, (row.get::<i64>(0)?,))?;
            }
            Ok(())
        })?;
    }
}

/// Counts what each folder holds, and tells followers that anything may be different.
fn finish(db: &Db) -> Result<()> {
    db.run(
        "UPDATE folders AS d LEFT JOIN (SELECT folder, count(*) AS held FROM entries GROUP BY folder) AS c \
         ON c.folder = d.id SET d.children = d.kept + coalesce(c.held, 0), d.mtime = unix_timestamp() \
         WHERE (d.parent <> 1 OR d.id = 3) AND d.children <> d.kept + coalesce(c.held, 0)",
        (),
    )?;
    db.run(
        "UPDATE folders AS d LEFT JOIN (SELECT parent, count(*) AS held FROM folders \
         WHERE parent <> 1 AND children > 0 GROUP BY parent) AS c \
         ON c.parent = d.id SET d.children = coalesce(c.held, 0), d.mtime = unix_timestamp() \
         WHERE d.parent = 1 AND d.id NOT IN (1, 3) AND d.children <> coalesce(c.held, 0)",
        (),
    )?;
    db.run("DELETE FROM changes", ())?;
    db.run("INSERT INTO changes (kind) VALUES (5)", ())?;
    Ok(())
}
