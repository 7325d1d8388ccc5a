//! The list of what must not be shown.

use std::collections::BTreeMap;

use rusqlite::{Connection, params};

use super::rows::{self, sql_limit};
use super::{SqliteCatalogue, settle};
use crate::catalogue::{Error, Result, Takedown, TakedownEntry, TakedownId, Takedowns};
use crate::hash::{BlobId, Hash};

impl Takedowns for SqliteCatalogue {
    fn take_down(&self, takedowns: &[Takedown]) -> Result<(usize, Vec<BlobId>)> {
        self.write(|db| {
            let mut new = 0;
            let mut held = BTreeMap::new();
            for takedown in takedowns {
                new += usize::from(record(db, takedown)?);
                held.extend(rows_under(db, takedown)?);
            }
            // The triggers have hidden them; their MD5 twins may have to move.
            settle::blobs(db, held.values())?;
            Ok((new, held.into_keys().collect()))
        })
    }

    fn lift(&self, hashes: &[Hash]) -> Result<usize> {
        self.write(|db| {
            let mut removed = 0;
            let mut shown = BTreeMap::new();
            for hash in hashes {
                for entry in naming(db, hash)? {
                    removed += db
                        .prepare_cached("DELETE FROM deleted_hashes WHERE id = ?1")?
                        .execute([entry.id.0])?;
                    shown.extend(rows_under(db, &entry.takedown)?);
                }
            }
            settle::blobs(db, shown.values())?;
            Ok(removed)
        })
    }

    fn takedowns(&self, after: Option<TakedownId>, limit: usize) -> Result<Vec<TakedownEntry>> {
        let db = self.pool.reader()?;
        let mut statement = db.prepare_cached(
            "SELECT id, md5, sha1, size, deleted_at, reason, notice FROM deleted_hashes \
             WHERE id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let after = after.map_or(i64::MIN, |TakedownId(id)| id);
        let mut rows = statement.query([after, sql_limit(limit)])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(rows::takedown(row)?);
        }
        Ok(page)
    }
}

/// Writes a takedown down; `false` if one with the same hashes is in force.
fn record(db: &Connection, takedown: &Takedown) -> Result<bool> {
    if takedown.md5.is_none() && takedown.sha1.is_none() {
        return Err(Error::Failed(
            "a takedown must name an MD5 or a SHA-1".to_owned(),
        ));
    }
    let (md5, sha1) = hashes(takedown);
    // `IS` alone would not use the indexes, which leave NULL out.
    let present = match (md5, sha1) {
        (Some(md5), sha1) => rows::number(
            db,
            "SELECT id FROM deleted_hashes WHERE md5 = ?1 AND sha1 IS ?2",
            params![md5, sha1],
        )?,
        (None, sha1) => rows::number(
            db,
            "SELECT id FROM deleted_hashes WHERE sha1 = ?1 AND md5 IS NULL",
            params![sha1],
        )?,
    };
    if present.is_some() {
        return Ok(false);
    }
    let mut statement = db.prepare_cached(
        "INSERT INTO deleted_hashes (md5, sha1, size, reason, notice) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    statement.execute(params![
        md5,
        sha1,
        takedown.size_bytes.map(rows::sql_size),
        takedown.reason,
        takedown.notice
    ])?;
    Ok(true)
}

/// The hashes of a takedown, for SQL.
fn hashes(takedown: &Takedown) -> (Option<&[u8]>, Option<&[u8]>) {
    (
        takedown.md5.as_ref().map(|md5| md5.as_bytes().as_slice()),
        takedown
            .sha1
            .as_ref()
            .map(|sha1| sha1.as_bytes().as_slice()),
    )
}

/// The blobs that a takedown names, and their rows.
fn rows_under(db: &Connection, takedown: &Takedown) -> Result<Vec<(BlobId, i64)>> {
    let (md5, sha1) = hashes(takedown);
    let mut found = Vec::new();
    for (column, hash) in [("md5", md5), ("sha1", sha1)] {
        let sql = format!("SELECT md5, sha1, size, id FROM books_hashes WHERE {column} = ?1");
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([hash])?;
        while let Some(row) = rows.next()? {
            found.push((rows::blob(row, 0)?, row.get(3)?));
        }
    }
    Ok(found)
}

/// The takedowns that name a hash.
fn naming(db: &Connection, hash: &Hash) -> Result<Vec<TakedownEntry>> {
    let (column, bytes) = match hash {
        Hash::Md5(md5) => ("md5", md5.as_bytes().as_slice()),
        Hash::Sha1(sha1) => ("sha1", sha1.as_bytes().as_slice()),
    };
    let sql = format!(
        "SELECT id, md5, sha1, size, deleted_at, reason, notice FROM deleted_hashes WHERE {column} = ?1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([bytes])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(rows::takedown(row)?);
    }
    Ok(found)
}
