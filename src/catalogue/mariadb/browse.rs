//! Folders, entries, look-ups.

use mysql::Value;

use super::MariadbCatalogue;
use super::db::{Db, Row};
use super::rows::{self, FILE_COLUMNS, FILE_TABLES, FOLDER_COLUMNS, FileRow, NOT_TAKEN_DOWN};
use crate::catalogue::{
    Browse, Entry, FileId, FileRecord, Folder, FolderId, Position, Result, Stat, derive,
};
use crate::hash::{BlobId, Hash};
use crate::name::{Bucket, normal_form};

/// Most files that one name or hash is answered with.
const MOST_RECORDS: usize = 10_000;

impl Browse for MariadbCatalogue {
    fn folder(&self, id: FolderId) -> Result<Option<Folder>> {
        let sql = format!("SELECT {FOLDER_COLUMNS} FROM folders WHERE id = ?");
        self.pool.read(|db| one_folder(db, &sql, (id.get(),)))
    }

    fn folder_named(&self, parent: FolderId, name: &str) -> Result<Option<Folder>> {
        let sql = format!(
            "SELECT {FOLDER_COLUMNS} FROM folders \
             WHERE parent = ? AND name = ? AND id <> 1 AND (children > 0 OR parent = 1)"
        );
        self.pool
            .read(|db| one_folder(db, &sql, (parent.get(), name)))
    }

    fn entry_named(&self, folder: FolderId, name: &str) -> Result<Option<Stat>> {
        self.pool.read(|db| match own_name(db, folder, name)? {
            Some(stat) => Ok(Some(stat)),
            None => hash_name(db, folder, name),
        })
    }

    fn entry_by_hash(&self, hash: &Hash) -> Result<Option<(FolderId, Entry)>> {
        let (column, bytes) = hash_column(hash);
        let sql = format!(
            "SELECT e.name, e.file, e.size, e.mtime, e.ctime, e.links, e.bucket, e.folder FROM books_hashes AS h \
             STRAIGHT_JOIN books_to_hashes AS f ON f.hash_id = h.id \
             STRAIGHT_JOIN entries AS e ON e.file = f.id AND e.folder BETWEEN ? AND ? \
             WHERE h.{column} = ? AND {NOT_TAKEN_DOWN} ORDER BY f.id LIMIT 1"
        );
        let (first, last) = (FolderId::by_hash(0).get(), FolderId::by_hash(u8::MAX).get());
        self.pool.read(|db| {
            let found = db.row(&sql, (first, last, bytes))?;
            found
                .map(|row| Ok((rows::folder_id(row.get(7)?)?, entry(&row)?)))
                .transpose()
        })
    }

    fn entries(
        &self,
        folder: FolderId,
        bucket: Option<Bucket>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        const COLUMNS: &str =
            "SELECT name, file, size, mtime, ctime, links, bucket FROM entries WHERE folder = ?";
        let within = format!("{COLUMNS} AND bucket = ? AND file > ? ORDER BY bucket, file LIMIT ?");
        let beyond =
            format!("{COLUMNS} AND bucket > ? AND bucket <= ? ORDER BY bucket, file LIMIT ?");
        self.pool.read(|db| {
            two_ranges(
                db,
                [&within, &beyond],
                folder,
                range(bucket, after),
                limit,
                entry,
            )
        })
    }

    fn folders(
        &self,
        folder: FolderId,
        bucket: Option<Bucket>,
        after: Position,
        limit: usize,
    ) -> Result<Vec<Folder>> {
        let columns = format!(
            "SELECT {FOLDER_COLUMNS} FROM folders WHERE children > 0 AND id <> 1 AND parent = ?"
        );
        let within = format!("{columns} AND bucket = ? AND id > ? ORDER BY bucket, id LIMIT ?");
        let beyond =
            format!("{columns} AND bucket > ? AND bucket <= ? ORDER BY bucket, id LIMIT ?");
        self.pool.read(|db| {
            two_ranges(
                db,
                [&within, &beyond],
                folder,
                range(bucket, after),
                limit,
                rows::folder,
            )
        })
    }

    fn buckets(
        &self,
        folder: FolderId,
        after: Option<Bucket>,
        limit: usize,
    ) -> Result<Vec<Bucket>> {
        self.pool.read(|db| {
            let mut last = after.map_or(-1, |bucket| i64::from(bucket.code()));
            let mut buckets = Vec::new();
            // One probe a bucket, however many entries lie between.
            while buckets.len() < limit {
                let of_entries = db.number(
                    "SELECT bucket FROM entries WHERE folder = ? AND bucket > ? ORDER BY bucket LIMIT 1",
                    (folder.get(), last),
                )?;
                let next = match of_entries {
                    Some(code) => Some(code),
                    None => db.number(
                        "SELECT bucket FROM folders \
                         WHERE children > 0 AND parent = ? AND id <> 1 AND bucket > ? ORDER BY bucket LIMIT 1",
                        (folder.get(), last),
                    )?,
                };
                let Some(code) = next else { break };
                buckets.extend(u32::try_from(code).ok().and_then(Bucket::from_code));
                last = code;
            }
            Ok(buckets)
        })
    }

    fn stat(&self, file: FileId) -> Result<Option<Stat>> {
        let sql = "SELECT file, size, mtime, ctime, links FROM entries WHERE file = ? LIMIT 1";
        self.pool
            .read(|db| one_stat(db, sql, (rows::sql_id(file),)))
    }

    fn blob_of(&self, file: FileId) -> Result<Option<BlobId>> {
        let sql = format!(
            "SELECT h.md5, h.sha1, h.size FROM books_to_hashes AS f \
             JOIN books_hashes AS h ON h.id = f.hash_id \
             WHERE f.id = ? AND f.trashed IS NULL AND {NOT_TAKEN_DOWN}"
        );
        self.pool.read(|db| {
            let row = db.row(&sql, (rows::sql_id(file),))?;
            row.map(|row| rows::blob(&row, 0)).transpose()
        })
    }

    fn record(&self, file: FileId) -> Result<Option<FileRecord>> {
        self.pool.read(|db| {
            rows::file_row(db, file)?
                .map(|row| row.into_record(db))
                .transpose()
        })
    }

    fn records_of(&self, hash_or_name: &str) -> Result<Vec<FileRecord>> {
        self.pool.read(|db| records_of(db, hash_or_name))
    }
}

fn records_of(db: &Db, hash_or_name: &str) -> Result<Vec<FileRecord>> {
    let name = normal_form(hash_or_name);
    let mut found = files_where(db, "f.name = ?", &*name)?;
    found.extend(files_where(
        db,
        "f.id = (SELECT file FROM trash WHERE name = ?)",
        &*name,
    )?);
    if let Ok(hash) = hash_or_name.parse() {
        let (column, bytes) = hash_column(&hash);
        found.extend(files_where(db, &format!("h.{column} = ?"), bytes)?);
    }
    found.sort_by_key(|row| row.file);
    found.dedup_by_key(|row| row.file);
    found.into_iter().map(|row| row.into_record(db)).collect()
}

/// The column that has such hashes, and the hash for SQL.
pub(super) fn hash_column(hash: &Hash) -> (&'static str, &[u8]) {
    match hash {
        Hash::Md5(md5) => ("md5", md5.as_bytes()),
        Hash::Sha1(sha1) => ("sha1", sha1.as_bytes()),
    }
}

fn one_folder(db: &Db, sql: &str, values: impl Into<mysql::Params>) -> Result<Option<Folder>> {
    db.row(sql, values)?.as_ref().map(rows::folder).transpose()
}

fn one_stat(db: &Db, sql: &str, values: impl Into<mysql::Params>) -> Result<Option<Stat>> {
    let row = db.row(sql, values)?;
    row.map(|row| rows::stat(&row, 0)).transpose()
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

/// A page of up to `limit` of what lies in a folder: the rest of a bucket, then the buckets beyond. It takes two statements:
/// MariaDB would look for `(bucket, id) > (?, ?)` from the beginning of the folder.
fn two_ranges<T>(
    db: &Db,
    [within, beyond]: [&str; 2],
    folder: FolderId,
    ((bucket, id), last): ((u32, i64), u32),
    limit: usize,
    read: impl Fn(&Row) -> Result<T>,
) -> Result<Vec<T>> {
    let mut page = Vec::new();
    for row in db.rows(within, (folder.get(), bucket, id, rows::sql_limit(limit)))? {
        page.push(read(&row)?);
    }
    let room = limit.saturating_sub(page.len());
    if room > 0 && bucket < last {
        for row in db.rows(beyond, (folder.get(), bucket, last, rows::sql_limit(room)))? {
            page.push(read(&row)?);
        }
    }
    Ok(page)
}

pub(super) fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        name: row.get(0)?,
        stat: rows::stat(row, 1)?,
        bucket_code: row.get(6)?,
    })
}

/// The entry of a file under its own name.
pub(super) fn own_name(db: &Db, folder: FolderId, name: &str) -> Result<Option<Stat>> {
    let sql = format!(
        "SELECT e.file, e.size, e.mtime, e.ctime, e.links FROM books_to_hashes AS f \
         STRAIGHT_JOIN entries AS e ON e.folder = ? AND e.bucket = ? AND e.file = f.id \
         STRAIGHT_JOIN books_hashes AS h ON h.id = f.hash_id \
         WHERE f.name = ? AND e.name = ? AND {NOT_TAKEN_DOWN}"
    );
    one_stat(
        db,
        &sql,
        (folder.get(), Bucket::of(name).code(), name, name),
    )
}

/// The entry of a file in a folder of `by-hash`.
fn hash_name(db: &Db, folder: FolderId, name: &str) -> Result<Option<Stat>> {
    let stem = name.split(['.', '-']).next().unwrap_or_default();
    let Ok(hash) = stem.parse() else {
        return Ok(None);
    };
    let (column, bytes) = hash_column(&hash);
    let sql = format!(
        "SELECT e.file, e.size, e.mtime, e.ctime, e.links FROM books_hashes AS h \
         STRAIGHT_JOIN books_to_hashes AS f ON f.hash_id = h.id \
         STRAIGHT_JOIN entries AS e ON e.folder = ? AND e.bucket = ? AND e.file = f.id \
         WHERE h.{column} = ? AND e.name = ? AND {NOT_TAKEN_DOWN} LIMIT 1"
    );
    let bucket = derive::hash_bucket().code();
    one_stat(db, &sql, (folder.get(), bucket, bytes, name))
}

/// The files that a condition holds for; those that make no sense are left out.
fn files_where(db: &Db, condition: &str, value: impl Into<Value>) -> Result<Vec<FileRow>> {
    let sql = format!(
        "SELECT {FILE_COLUMNS} FROM {FILE_TABLES} WHERE {condition} ORDER BY f.id LIMIT {MOST_RECORDS}"
    );
    let mut found = Vec::new();
    for row in db.rows(&sql, (value.into(),))? {
        found.extend(rows::sound(FileRow::read(&row))?);
    }
    Ok(found)
}
