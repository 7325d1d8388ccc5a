//! Counts, blobs, backup, check.

use std::path::Path;

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, Row, params};

use super::rows::{self, NOT_TAKEN_DOWN};
use super::{SqliteCatalogue, ingest, reindex, search};
use crate::catalogue::{
    BlobRow, Error, FolderId, HashId, Query, Result, SearchHit, Statistics, Upkeep,
};
use crate::hash::BlobId;
use crate::name::UNKNOWN;
use crate::time::UnixSeconds;

/// Pages copied by one step of a backup.
const BACKUP_PAGES: i32 = 1_000;

impl Upkeep for SqliteCatalogue {
    fn statistics(&self) -> Result<Statistics> {
        let mut db = self.pool.reader()?;
        let snapshot = db.snapshot()?;
        statistics(&snapshot)
    }

    fn search(&self, query: &Query) -> Result<Vec<SearchHit>> {
        search::search(&*self.pool.reader()?, query)
    }

    fn blobs(&self, after: HashId, limit: usize) -> Result<Vec<BlobRow>> {
        let db = self.pool.reader()?;
        let mut statement = db.prepare_cached(&blob_sql("h.id > ?1 ORDER BY h.id LIMIT ?2"))?;
        let mut rows = statement.query([after.0, rows::sql_limit(limit)])?;
        let mut page = Vec::new();
        while let Some(row) = rows.next()? {
            page.push(blob_row(row)?);
        }
        Ok(page)
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<BlobRow>> {
        let db = self.pool.reader()?;
        let Some(id) = ingest::hash_row(&db, blob)? else {
            return Ok(None);
        };
        let mut statement = db.prepare_cached(&blob_sql("h.id = ?1"))?;
        let mut rows = statement.query([id])?;
        rows.next()?.map(blob_row).transpose()
    }

    fn mark_seen(&self, blobs: &[HashId]) -> Result<()> {
        self.write(|db| {
            let now = UnixSeconds::now().0;
            let mut statement =
                db.prepare_cached("UPDATE books_hashes SET last_seen = ?2 WHERE id = ?1")?;
            for HashId(id) in blobs {
                statement.execute([*id, now])?;
            }
            Ok(())
        })
    }

    fn forget_blobs(&self, blobs: &[HashId]) -> Result<Vec<BlobId>> {
        self.write(|db| {
            let mut statement = db.prepare_cached(
                "DELETE FROM books_hashes WHERE id = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM books_to_hashes WHERE hash_id = ?1) \
                 AND NOT EXISTS (SELECT 1 FROM inbox WHERE hash_id = ?1) \
                 RETURNING md5, sha1, size",
            )?;
            let mut gone = Vec::new();
            for HashId(id) in blobs {
                let mut rows = statement.query([id])?;
                while let Some(row) = rows.next()? {
                    gone.push(rows::blob(row, 0)?);
                }
            }
            Ok(gone)
        })
    }

    fn reindex(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
        reindex::reindex(&mut *self.pool.writer()?, progress)
    }

    fn backup(&self, dest: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
        let mut source = self.pool.reader()?;
        let snapshot = source.snapshot()?;
        backup(&snapshot, dest, progress)
    }

    fn check(&self) -> Result<Vec<String>> {
        // Fresh, because the full text's own check trusts what an older connection remembers of it, and
        // finds faults that are none once others have written.
        let db = self.pool.fresh_reader()?;
        let mut statement = db.prepare("PRAGMA integrity_check(100)")?;
        let found = statement.query_map([], |row| row.get::<_, String>(0))?;
        let mut faults = found.collect::<rusqlite::Result<Vec<_>>>()?;
        faults.retain(|fault| fault != "ok");
        let mut statement = db.prepare("PRAGMA foreign_key_check")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()?
            && faults.len() < 100
        {
            let (table, id, parent): (String, Option<i64>, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            let id = id.unwrap_or_default();
            faults.push(format!(
                "{table} row {id} names a row of {parent} that is not there"
            ));
        }
        Ok(faults)
    }
}

fn blob_sql(condition: &str) -> String {
    format!(
        "SELECT h.id, h.md5, h.sha1, h.size, h.last_seen, {NOT_TAKEN_DOWN}, \
         EXISTS (SELECT 1 FROM books_to_hashes WHERE hash_id = h.id) \
         OR EXISTS (SELECT 1 FROM inbox WHERE hash_id = h.id) \
         FROM books_hashes AS h WHERE {condition}"
    )
}

fn blob_row(row: &Row<'_>) -> Result<BlobRow> {
    Ok(BlobRow {
        id: HashId(row.get(0)?),
        blob: rows::blob(row, 1)?,
        last_seen: UnixSeconds(row.get(4)?),
        taken_down: !row.get::<_, bool>(5)?,
        referenced: row.get(6)?,
    })
}

fn statistics(db: &Connection) -> Result<Statistics> {
    let count = |sql: &str| -> Result<u64> {
        let found = rows::number(db, sql, [])?.unwrap_or(0);
        Ok(found.try_into().unwrap_or(0))
    };
    let children = |folder: FolderId| {
        count(&format!(
            "SELECT children FROM folders WHERE id = {}",
            folder.get()
        ))
    };
    let nameless = rows::number(
        db,
        "SELECT children > 0 FROM folders WHERE parent = ?1 AND name = ?2",
        params![FolderId::BY_AUTHOR.get(), UNKNOWN],
    )?;
    let made = rows::number(
        db,
        "SELECT count(*) FROM folders WHERE parent = ?1 AND kept = 1 AND children = 1 AND name <> ?2",
        params![FolderId::BY_AUTHOR.get(), UNKNOWN],
    )?
    .unwrap_or(0);
    let authors = children(FolderId::BY_AUTHOR)?.saturating_sub(made.try_into().unwrap_or(0));
    Ok(Statistics {
        books: count("SELECT count(*) FROM books_metadata")?,
        files: children(FolderId::BY_TITLE)?,
        authors: authors.saturating_sub(u64::from(nameless == Some(1))),
        blobs: count("SELECT count(*) FROM books_hashes")?,
        blob_bytes: count("SELECT sum(size) FROM books_hashes")?,
        saved_bytes: count(
            "SELECT sum((shared.files - 1) * h.size) FROM \
             (SELECT hash_id, count(*) AS files FROM books_to_hashes GROUP BY hash_id HAVING files > 1) \
             AS shared JOIN books_hashes AS h ON h.id = shared.hash_id",
        )?,
        trashed: count("SELECT count(*) FROM books_to_hashes WHERE trashed IS NOT NULL")?,
        takedowns: count("SELECT count(*) FROM deleted_hashes")?,
        hidden_blobs: count(
            "SELECT count(*) FROM (SELECT h.id FROM deleted_hashes AS d JOIN books_hashes AS h ON h.md5 = d.md5 \
             UNION SELECT h.id FROM deleted_hashes AS d JOIN books_hashes AS h ON h.sha1 = d.sha1)",
        )?,
        mirrors: count("SELECT count(*) FROM mirrors_status")?,
    })
}

/// Copies what `source` sees, an open read transaction, to the new file `dest`. The copy needs no log
/// beside it.
fn backup(source: &Connection, dest: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<()> {
    let place = dest.display();
    if dest.exists() {
        return Err(Error::Failed(format!("{place} exists already")));
    }
    let mut partial = dest.as_os_str().to_owned();
    partial.push(".part");
    let partial = Path::new(&partial);
    let io = |error: std::io::Error| Error::Failed(format!("{place}: {error}"));
    match std::fs::remove_file(partial) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io(error)),
        _ => {}
    }
    let mut copy = Connection::open(partial)?;
    {
        let backup = Backup::new(source, &mut copy)?;
        loop {
            let step = backup.step(BACKUP_PAGES)?;
            let parts = backup.progress();
            let part = |pages: i32| u64::try_from(pages).unwrap_or(0);
            progress(
                part(parts.pagecount - parts.remaining),
                part(parts.pagecount),
            );
            if step == StepResult::Done {
                break;
            }
        }
    }
    copy.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    copy.close().map_err(|(_, error)| Error::from(error))?;
    std::fs::File::open(partial)
        .and_then(|file| file.sync_all())
        .map_err(io)?;
    std::fs::rename(partial, dest).map_err(io)?;
    let folder = dest
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty());
    std::fs::File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(io)
}
