//! Folders, entries, look-ups.

use rusqlite::{Connection, params};

use super::SqliteCatalogue;
use super::rows::{self, FILE_COLUMNS, FILE_TABLES, FOLDER_COLUMNS, FileRow, NOT_TAKEN_DOWN};
use crate::catalogue::{
    Browse, Entry, FileId, FileRecord, Folder, FolderId, Position, Result, Stat, derive,
};
use crate::hash::{BlobId, Hash};
use crate::name::{Bucket, normal_form};

/// Most files that one name or hash is answered with.
const MOST_RECORDS: usize = 10_000;

impl Browse for SqliteCatalogue {
    fn folder(&self, id: FolderId) -> Result<Option<Folder>> {
        let db = self.pool.reader()?;
        let mut statement = db.prepare_cached(&folder_by_id())?;
        let mut rows = statement.query([id.get()])?;
        rows.next()?.map(rows::folder).transpose()
    }

    fn small_folder(
        &self,
        id: FolderId,
        few: usize,
    ) -> Result<Option<(Folder, Option<Vec<Entry>>)>> {
        let db = self.pool.reader()?;
        let mut statement = db.prepare_cached(&folder_by_id())?;
        // Until these rows are dropped the connection sees the state that they are of, and need not look for another.
        let mut rows = statement.query([id.get()])?;
        let Some(folder) = rows.next()?.map(rows::folder).transpose()? else {
            return Ok(None);
        };
        let entries = if folder.holds_at_most(few) {
            Some(entry_page(&db, id, None, Position::default(), few)?)
        } else {
            None
        };
        Ok(Some((folder, entries)))
    }

    fn folder_named(&self, parent: FolderId, name: &str) -> Result<Option<Folder>> {
        let db = self.pool.reader()?;
        let sql = format!(
            "SELECT {FOLDER_COLUMNS} FROM folders \
             WHERE parent = ?1 AND name = ?2 AND id <> 1 AND (children > 0 OR parent = 1)"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query(params![parent.get(), name])?;
        rows.next()?.map(rows::folder).transpose()
    }

    fn entry_named(&self, folder: FolderId, name: &str) -> Result<Option<Stat>> {
        let db = self.pool.reader()?;
        match own_name(&db, folder, name)? {
            Some(stat) => Ok(Some(stat)),
            None => hash_name(&db, folder, name),
        }
    }

    fn entry_by_hash(&self, hash: &Hash) -> Result<Option<(FolderId, Entry)>> {
        let db = self.pool.reader()?;
        let (column, bytes) = match hash {
            Hash::Md5(md5) => ("md5", md5.as_bytes().as_slice()),
            Hash::Sha1(sha1) => ("sha1", sha1.as_bytes().as_slice()),
        };
        let sql = format!(
            "SELECT e.name, e.file, e.size, e.mtime, e.ctime, e.links, e.bucket, e.folder FROM books_hashes AS h \
             CROSS JOIN books_to_hashes AS f ON f.hash_id = h.id \
             CROSS JOIN entries AS e ON e.file = f.id AND e.folder BETWEEN ?2 AND ?3 \
             WHERE h.{column} = ?1 AND {NOT_TAKEN_DOWN} ORDER BY f.id LIMIT 1"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let (first, last) = (FolderId::by_hash(0).get(), FolderId::by_hash(u8::MAX).get());
        let mut rows = statement.query(params![bytes, first, last])?;
        let found = rows.next()?;
        found
            .map(|row| Ok((rows::folder_id(row.get(7)?)?, entry(row)?)))
            .transpose()
    }

    fn entries(
        &self,
        folder: FolderId,
        bucket: Option<Bucket>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        entry_page(&*self.pool.reader()?, folder, bucket, after, limit)
    }

    fn folders(
        &self,
        folder: FolderId,
        bucket: Option<Bucket>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Folder>> {
        let db = self.pool.reader()?;
        let (from, last) = range(bucket, after);
        let mut page = Vec::new();
        let within = "bucket = ?2 AND id > ?3";
        let beyond = "bucket > ?2 AND bucket <= ?3";
        folder_page(
            &db,
            folder,
            within,
            (from.0.into(), from.1),
            limit,
            &mut page,
        )?;
        folder_page(
            &db,
            folder,
            beyond,
            (from.0.into(), last.into()),
            limit,
            &mut page,
        )?;
        Ok(page)
    }

    fn buckets(
        &self,
        folder: FolderId,
        after: Option<Bucket>,
        limit: usize,
    ) -> Result<Vec<Bucket>> {
        let db = self.pool.reader()?;
        let mut last = after.map_or(-1, |bucket| i64::from(bucket.code()));
        let mut buckets = Vec::new();
        // One probe a bucket, however many entries lie between.
        while buckets.len() < limit {
            let entry = "SELECT min(bucket) FROM entries WHERE folder = ?1 AND bucket > ?2";
            let of_entries = rows::number(&db, entry, params![folder.get(), last])?;
            let next = match of_entries {
                Some(code) => Some(code),
                None => rows::number(
                    &db,
                    "SELECT min(bucket) FROM folders \
                     WHERE children > 0 AND parent = ?1 AND id <> 1 AND bucket > ?2",
                    params![folder.get(), last],
                )?,
            };
            let Some(code) = next else { break };
            buckets.extend(u32::try_from(code).ok().and_then(Bucket::from_code));
            last = code;
        }
        Ok(buckets)
    }

    fn stat(&self, file: FileId) -> Result<Option<Stat>> {
        let db = self.pool.reader()?;
        let mut statement = db.prepare_cached(
            "SELECT file, size, mtime, ctime, links FROM entries WHERE file = ?1 LIMIT 1",
        )?;
        let mut rows = statement.query([rows::sql_id(file)])?;
        rows.next()?.map(|row| rows::stat(row, 0)).transpose()
    }

    fn blob_of(&self, file: FileId) -> Result<Option<BlobId>> {
        let db = self.pool.reader()?;
        let sql = format!(
            "SELECT h.md5, h.sha1, h.size FROM books_to_hashes AS f \
             JOIN books_hashes AS h ON h.id = f.hash_id \
             WHERE f.id = ?1 AND f.trashed IS NULL AND {NOT_TAKEN_DOWN}"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let mut rows = statement.query([rows::sql_id(file)])?;
        rows.next()?.map(|row| rows::blob(row, 0)).transpose()
    }

    fn record(&self, file: FileId) -> Result<Option<FileRecord>> {
        let db = self.pool.reader()?;
        rows::file_row(&db, file)?
            .map(|row| row.into_record(&db))
            .transpose()
    }

    fn records_of(&self, hash_or_name: &str) -> Result<Vec<FileRecord>> {
        let db = self.pool.reader()?;
        let name = normal_form(hash_or_name);
        let mut found = files_where(&db, "f.name = ?1", &*name)?;
        found.extend(files_where(
            &db,
            "f.id = (SELECT file FROM trash WHERE name = ?1)",
            &*name,
        )?);
        match hash_or_name.parse() {
            Ok(Hash::Md5(md5)) => {
                found.extend(files_where(&db, "h.md5 = ?1", md5.as_bytes().as_slice())?);
            }
            Ok(Hash::Sha1(sha1)) => {
                found.extend(files_where(&db, "h.sha1 = ?1", sha1.as_bytes().as_slice())?);
            }
            Err(_) => {}
        }
        found.sort_by_key(|row| row.file);
        found.dedup_by_key(|row| row.file);
        found.into_iter().map(|row| row.into_record(&db)).collect()
    }
}

/// SQL: the folder `?1`.
fn folder_by_id() -> String {
    format!("SELECT {FOLDER_COLUMNS} FROM folders WHERE id = ?1")
}

/// The next entries of a folder.
fn entry_page(
    db: &Connection,
    folder: FolderId,
    bucket: Option<Bucket>,
    after: Position,
    limit: usize,
) -> Result<Vec<Entry>> {
    let (from, last) = range(bucket, after);
    let mut statement = db.prepare_cached(
        "SELECT name, file, size, mtime, ctime, links, bucket FROM entries \
         WHERE folder = ?1 AND (bucket, file) > (?2, ?3) AND bucket <= ?4 \
         ORDER BY bucket, file LIMIT ?5",
    )?;
    let mut rows = statement.query(params![
        folder.get(),
        from.0,
        from.1,
        last,
        rows::sql_limit(limit)
    ])?;
    let mut page = Vec::new();
    while let Some(row) = rows.next()? {
        page.push(entry(row)?);
    }
    Ok(page)
}

/// What a listing goes on from, and the last bucket that belongs in it.
fn range(bucket: Option<Bucket>, after: Position) -> ((u32, i64), u32) {
    let after_id = after.id.try_into().unwrap_or(i64::MAX);
    match bucket {
        None => ((after.bucket_code, after_id), u32::MAX),
        Some(only) if after.bucket_code < only.code() => ((only.code(), -1), only.code()),
        Some(only) => ((after.bucket_code, after_id), only.code()),
    }
}

/// Fills `page` up to `limit` with the folders that a condition on `?2` and `?3` holds for. A page takes two
/// conditions: SQLite would look for `(bucket, id) > (?, ?)` from the beginning of the bucket, since the id is
/// the row's.
fn folder_page(
    db: &Connection,
    parent: FolderId,
    condition: &str,
    values: (i64, i64),
    limit: usize,
    page: &mut Vec<Folder>,
) -> Result<()> {
    let sql = format!(
        "SELECT {FOLDER_COLUMNS} FROM folders \
         WHERE children > 0 AND parent = ?1 AND {condition} AND id <> 1 \
         ORDER BY bucket, id LIMIT ?4"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let room = rows::sql_limit(limit.saturating_sub(page.len()));
    let mut rows = statement.query(params![parent.get(), values.0, values.1, room])?;
    while let Some(row) = rows.next()? {
        page.push(rows::folder(row)?);
    }
    Ok(())
}

pub(super) fn entry(row: &rusqlite::Row<'_>) -> Result<Entry> {
    Ok(Entry {
        name: row.get(0)?,
        stat: rows::stat(row, 1)?,
        bucket_code: row.get(6)?,
    })
}

/// The entry of a file under its own name.
pub(super) fn own_name(db: &Connection, folder: FolderId, name: &str) -> Result<Option<Stat>> {
    let sql = format!(
        "SELECT e.file, e.size, e.mtime, e.ctime, e.links FROM books_to_hashes AS f \
         CROSS JOIN entries AS e ON e.folder = ?1 AND e.bucket = ?2 AND e.file = f.id \
         CROSS JOIN books_hashes AS h ON h.id = f.hash_id \
         WHERE f.name = ?3 AND e.name = ?3 AND {NOT_TAKEN_DOWN}"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query(params![folder.get(), Bucket::of(name).code(), name])?;
    rows.next()?.map(|row| rows::stat(row, 0)).transpose()
}

/// The entry of a file in a folder of `by-hash`.
fn hash_name(db: &Connection, folder: FolderId, name: &str) -> Result<Option<Stat>> {
    let stem = name.split(['.', '-']).next().unwrap_or_default();
    let (column, bytes) = match stem.parse() {
        Ok(Hash::Md5(md5)) => ("md5", md5.as_bytes().to_vec()),
        Ok(Hash::Sha1(sha1)) => ("sha1", sha1.as_bytes().to_vec()),
        Err(_) => return Ok(None),
    };
    let sql = format!(
        "SELECT e.file, e.size, e.mtime, e.ctime, e.links FROM books_hashes AS h \
         CROSS JOIN books_to_hashes AS f ON f.hash_id = h.id \
         CROSS JOIN entries AS e ON e.folder = ?1 AND e.bucket = ?2 AND e.file = f.id \
         WHERE h.{column} = ?3 AND e.name = ?4 AND {NOT_TAKEN_DOWN} LIMIT 1"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let bucket = derive::hash_bucket().code();
    let mut rows = statement.query(params![folder.get(), bucket, bytes, name])?;
    rows.next()?.map(|row| rows::stat(row, 0)).transpose()
}

/// The files that a condition holds for; those that make no sense are left out.
fn files_where(
    db: &Connection,
    condition: &str,
    value: impl rusqlite::ToSql,
) -> Result<Vec<FileRow>> {
    let sql = format!(
        "SELECT {FILE_COLUMNS} FROM {FILE_TABLES} WHERE {condition} ORDER BY f.id LIMIT {MOST_RECORDS}"
    );
    let mut statement = db.prepare_cached(&sql)?;
    let mut rows = statement.query([value])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.extend(rows::sound(FileRow::read(row))?);
    }
    Ok(found)
}
