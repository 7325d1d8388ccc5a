//! Counts, blobs, backup, check.

use std::path::Path;

use super::db::{Db, Row};
use super::rows::{self, NOT_TAKEN_DOWN};
use super::{MariadbCatalogue, ingest, reindex, search};
use crate::catalogue::{
    BlobRow, Error, FolderId, HashId, Query, Result, SearchHit, Statistics, Upkeep,
};
use crate::hash::BlobId;
use crate::name::UNKNOWN;
use crate::time::UnixSeconds;

/// Most faults that a check names.
const MOST_FAULTS: usize = 100;

impl Upkeep for MariadbCatalogue {
    fn statistics(&self) -> Result<Statistics> {
        self.pool.read_slowly(statistics)
    }

    fn search(&self, query: &Query) -> Result<Vec<SearchHit>> {
        self.pool.read(|db| search::search(db, query))
    }

    fn blobs(&self, after: HashId, limit: usize) -> Result<Vec<BlobRow>> {
        let sql = blob_sql("h.id > ? ORDER BY h.id LIMIT ?");
        self.pool.read(|db| {
            let found = db.rows(&sql, (after.0, rows::sql_limit(limit)))?;
            found.iter().map(blob_row).collect()
        })
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<BlobRow>> {
        let sql = blob_sql("h.id = ?");
        self.pool.read(|db| {
            let Some(id) = ingest::hash_row(db, blob)? else {
                return Ok(None);
            };
            db.row(&sql, (id,))?.as_ref().map(blob_row).transpose()
        })
    }

    fn mark_seen(&self, blobs: &[HashId]) -> Result<()> {
        self.write(|db| {
            let now = UnixSeconds::now().0;
            for HashId(id) in blobs {
                db.run(
                    "UPDATE books_hashes SET last_seen = ? WHERE id = ?",
                    (now, id),
                )?;
            }
            Ok(())
        })
    }

    fn forget_blobs(&self, blobs: &[HashId]) -> Result<Vec<BlobId>> {
        self.write(|db| {
            let mut gone = Vec::new();
            for HashId(id) in blobs {
                let needed = db.any(
                    "SELECT 1 FROM books_to_hashes WHERE hash_id = ? LIMIT 1",
                    (id,),
                )? || db
                    .any("SELECT 1 FROM inbox WHERE hash_id = ? LIMIT 1", (id,))?;
                if needed {
                    continue;
                }
                let delete = "DELETE FROM books_hashes WHERE id = ? RETURNING md5, sha1, size";
                for row in db.rows(delete, (id,))? {
                    gone.push(rows::blob(&row, 0)?);
                }
            }
            Ok(gone)
        })
    }

    fn reindex(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        reindex::reindex(&self.pool, progress)
    }

    fn backup(&self, dest: &Path, _progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        Err(Error::Failed(format!(
            "{}: the catalogue is in MariaDB, whose own program copies it while it is in use: \
             `mariadb-dump --single-transaction --triggers DATABASE`",
            dest.display()
        )))
    }

    fn check(&self) -> Result<Vec<String>> {
        let db = self.pool.own_slow()?;
        let mut faults = Vec::new();
        for table in TABLES {
            // What it says: the table, what was done, of what kind this is, and the text.
            for row in db.rows(&format!("CHECK TABLE {table}"), ())? {
                let (kind, text): (String, String) = (row.get(2)?, row.get(3)?);
                if !(kind == "status" && text == "OK" || kind == "note") {
                    faults.push(format!("{table}: {text}"));
                }
            }
        }
        for (column, parent) in [("book_id", "books_metadata"), ("hash_id", "books_hashes")] {
            let sql = format!(
                "SELECT f.id FROM books_to_hashes AS f LEFT JOIN {parent} AS p ON p.id = f.{column} \
                 WHERE p.id IS NULL ORDER BY f.id LIMIT {MOST_FAULTS}"
            );
            for row in db.rows(&sql, ())? {
                let id: i64 = row.get(0)?;
                faults.push(format!(
                    "books_to_hashes row {id} names a row of {parent} that is not there"
                ));
            }
        }
        faults.truncate(MOST_FAULTS);
        Ok(faults)
    }
}

/// Every table of a catalogue.
const TABLES: [&str; 17] = [
    "state",
    "writers",
    "books_hashes",
    "books_metadata",
    "books_to_hashes",
    "mirrors_status",
    "deleted_hashes",
    "folders",
    "entries",
    "words",
    "changes",
    "unsettled",
    "trash",
    "journal",
    "journal_steps",
    "searches",
    "inbox",
];

fn blob_sql(condition: &str) -> String {
    format!(
        "SELECT h.id, h.md5, h.sha1, h.size, h.last_seen, {NOT_TAKEN_DOWN}, \
         EXISTS (SELECT 1 FROM books_to_hashes WHERE hash_id = h.id) \
         OR EXISTS (SELECT 1 FROM inbox WHERE hash_id = h.id) \
         FROM books_hashes AS h WHERE {condition}"
    )
}

fn blob_row(row: &Row) -> Result<BlobRow> {
    Ok(BlobRow {
        id: HashId(row.get(0)?),
        blob: rows::blob(row, 1)?,
        last_seen: UnixSeconds(row.get(4)?),
        taken_down: !rows::flag(row, 5)?,
        referenced: rows::flag(row, 6)?,
    })
}

fn statistics(db: &Db) -> Result<Statistics> {
    let count = |sql: &str| -> Result<u64> {
        let found = db.number(sql, ())?.unwrap_or(0);
        Ok(found.try_into().unwrap_or(0))
    };
    let children = |folder: FolderId| {
        count(&format!(
            "SELECT children FROM folders WHERE id = {}",
            folder.get()
        ))
    };
    let nameless = db.number(
        "SELECT children > 0 FROM folders WHERE parent = ? AND name = ?",
        (FolderId::BY_AUTHOR.get(), UNKNOWN),
    )?;
    let made = db.number(
        "SELECT count(*) FROM folders WHERE parent = ? AND kept = 1 AND children = 1 AND name <> ?",
        (FolderId::BY_AUTHOR.get(), UNKNOWN),
    )?
    .unwrap_or(0);
    let authors = children(FolderId::BY_AUTHOR)?.saturating_sub(made.try_into().unwrap_or(0));
    Ok(Statistics {
        books: count("SELECT count(*) FROM books_metadata")?,
        files: children(FolderId::BY_TITLE)?,
        authors: authors.saturating_sub(u64::from(nameless == Some(1))),
        blobs: count("SELECT count(*) FROM books_hashes")?,
        blob_bytes: count("SELECT CAST(sum(size) AS SIGNED) FROM books_hashes")?,
        saved_bytes: count(
            "SELECT CAST(sum((shared.files - 1) * h.size) AS SIGNED) FROM \
             (SELECT hash_id, count(*) AS files FROM books_to_hashes GROUP BY hash_id HAVING files > 1) \
             AS shared JOIN books_hashes AS h ON h.id = shared.hash_id",
        )?,
        trashed: count("SELECT count(*) FROM books_to_hashes WHERE trashed IS NOT NULL")?,
        takedowns: count("SELECT count(*) FROM deleted_hashes")?,
        hidden_blobs: count(
            "SELECT count(*) FROM (SELECT h.id FROM deleted_hashes AS d JOIN books_hashes AS h ON h.md5 = d.md5 \
             UNION SELECT h.id FROM deleted_hashes AS d JOIN books_hashes AS h ON h.sha1 = d.sha1) AS hidden",
        )?,
        mirrors: count("SELECT count(*) FROM mirrors_status")?,
    })
}
