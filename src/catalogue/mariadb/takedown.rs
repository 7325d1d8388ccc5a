//! The list of what must not be shown.

use std::collections::BTreeMap;

use super::browse::hash_column;
use super::db::Db;
use super::rows::{self, sql_limit};
use super::{MariadbCatalogue, settle};
use crate::catalogue::{Error, Result, Takedown, TakedownEntry, TakedownId, Takedowns};
use crate::hash::{BlobId, Hash};

impl Takedowns for MariadbCatalogue {
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
                    db.run("DELETE FROM deleted_hashes WHERE id = ?", (entry.id.0,))?;
                    removed += 1;
                    shown.extend(rows_under(db, &entry.takedown)?);
                }
            }
            settle::blobs(db, shown.values())?;
            Ok(removed)
        })
    }

    fn takedowns(&self, after: Option<TakedownId>, limit: usize) -> Result<Vec<TakedownEntry>> {
        let after = after.map_or(i64::MIN, |TakedownId(id)| id);
        self.pool.read(|db| {
            let found = db.rows(
                "SELECT id, md5, sha1, size, deleted_at, reason, notice FROM deleted_hashes \
                 WHERE id > ? ORDER BY id LIMIT ?",
                (after, sql_limit(limit)),
            )?;
            found.iter().map(rows::takedown).collect()
        })
    }
}

/// Writes a takedown down; `false` if one with the same hashes is in force.
fn record(db: &Db, takedown: &Takedown) -> Result<bool> {
    if takedown.md5.is_none() && takedown.sha1.is_none() {
        return Err(Error::Failed(
            "a takedown must name an MD5 or a SHA-1".to_owned(),
        ));
    }
    let (md5, sha1) = hashes(takedown);
    let present = match md5 {
        Some(md5) => db.any(
            "SELECT id FROM deleted_hashes WHERE md5 = ? AND sha1 <=> ?",
            (md5, sha1),
        )?,
        None => db.any(
            "SELECT id FROM deleted_hashes WHERE sha1 = ? AND md5 IS NULL",
            (sha1,),
        )?,
    };
    if present {
        return Ok(false);
    }
    db.run(
        "INSERT INTO deleted_hashes (md5, sha1, size, reason, notice) VALUES (?, ?, ?, ?, ?)",
        (
            md5,
            sha1,
            takedown.size_bytes.map(rows::sql_size),
            &takedown.reason,
            &takedown.notice,
        ),
    )?;
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
fn rows_under(db: &Db, takedown: &Takedown) -> Result<Vec<(BlobId, i64)>> {
    let (md5, sha1) = hashes(takedown);
    let mut found = Vec::new();
    for (column, hash) in [("md5", md5), ("sha1", sha1)] {
        let sql = format!("SELECT md5, sha1, size, id FROM books_hashes WHERE {column} = ?");
        for row in db.rows(&sql, (hash,))? {
            found.push((rows::blob(&row, 0)?, row.get(3)?));
        }
    }
    Ok(found)
}

/// The takedowns that name a hash.
fn naming(db: &Db, hash: &Hash) -> Result<Vec<TakedownEntry>> {
    let (column, bytes) = hash_column(hash);
    let sql = format!(
        "SELECT id, md5, sha1, size, deleted_at, reason, notice FROM deleted_hashes WHERE {column} = ?"
    );
    db.rows(&sql, (bytes,))?
        .iter()
        .map(rows::takedown)
        .collect()
}
