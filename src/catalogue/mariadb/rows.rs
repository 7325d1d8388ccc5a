//! From rows to the catalogue's words.
//!
//! Rows may have been written by anybody. Text is taken as far as it is UTF-8 and cut at a length that no
//! honest value has, so that no row costs more than its share; what makes no sense at all is
//! [`Error::BadRow`].

use super::db::{Db, Row};
use crate::book::{BookUid, Metadata};
use crate::catalogue::{
    Error, FileId, FileRecord, Folder, FolderId, NodeId, Result, Stat, Takedown, TakedownEntry,
    TakedownId, derive,
};
use crate::hash::{BlobId, Md5, Sha1};
use crate::name::{FileName, Format};
use crate::time::UnixSeconds;

/// SQL: whether the file `f` of the blob `h` is not hidden.
pub(super) const NOT_TAKEN_DOWN: &str = "NOT EXISTS (SELECT 1 FROM deleted_hashes AS d WHERE d.md5 = h.md5) \
     AND NOT EXISTS (SELECT 1 FROM deleted_hashes AS d WHERE d.sha1 = h.sha1)";

/// SQL: the columns of [`FileRow`], from `f`, `b` and `h` as [`FILE_TABLES`] joins them.
pub(super) const FILE_COLUMNS: &str = "f.id, f.name, substr(f.format, 1, 64), f.added, f.mtime, f.trashed, \
     b.uid, substr(b.title, 1, 4096), substr(b.author, 1, 65536), substr(b.publisher, 1, 4096), b.year, \
     substr(b.language, 1, 64), substr(b.format, 1, 64), b.updated, \
     h.md5, h.sha1, h.size, h.last_seen, \
     EXISTS (SELECT 1 FROM deleted_hashes AS d WHERE d.md5 = h.md5) \
     OR EXISTS (SELECT 1 FROM deleted_hashes AS d WHERE d.sha1 = h.sha1)";

/// SQL: a file, its book and its blob, where there are such.
pub(super) const FILE_TABLES: &str = "books_to_hashes AS f \
     LEFT JOIN books_metadata AS b ON b.id = f.book_id \
     LEFT JOIN books_hashes AS h ON h.id = f.hash_id";

/// A row of `books_to_hashes` with its book and its blob.
#[derive(Debug, Clone)]
pub(super) struct FileRow {
    pub(super) file: FileId,
    pub(super) name: Option<String>,
    pub(super) format: Format,
    pub(super) added: UnixSeconds,
    pub(super) mtime: UnixSeconds,
    pub(super) trashed: Option<UnixSeconds>,
    pub(super) book: BookUid,
    pub(super) metadata: Metadata,
    pub(super) updated: UnixSeconds,
    pub(super) blob: BlobId,
    pub(super) last_seen: UnixSeconds,
    pub(super) taken_down: bool,
}

impl FileRow {
    /// Reads [`FILE_COLUMNS`].
    pub(super) fn read(row: &Row) -> Result<Self> {
        let id: i64 = row.get(0)?;
        let bad = |fault: &str| Error::BadRow {
            table: "books_to_hashes",
            id,
            fault: fault.to_owned(),
        };
        let file = u64::try_from(id)
            .ok()
            .and_then(FileId::new)
            .ok_or_else(|| bad("its id is out of range"))?;
        let uid = row.bytes(6).ok_or_else(|| bad("it has no book"))?;
        let uid = uid
            .try_into()
            .map_err(|_| bad("its book's uid is not 16 bytes"))?;
        if row.is_null(14) {
            return Err(bad("it has no blob"));
        }
        let declared = text(row, 12);
        Ok(Self {
            file,
            name: text(row, 1),
            format: derive::format(text(row, 2).as_deref(), declared.as_deref()),
            added: UnixSeconds(row.get(3)?),
            mtime: UnixSeconds(row.get(4)?),
            trashed: row.get::<Option<i64>>(5)?.map(UnixSeconds),
            book: BookUid(uid),
            metadata: Metadata {
                title: text(row, 7),
                author: text(row, 8),
                publisher: text(row, 9),
                year: row
                    .get::<Option<i64>>(10)?
                    .and_then(|year| year.try_into().ok()),
                language: text(row, 11),
            },
            updated: UnixSeconds(row.get(13)?),
            blob: blob(row, 14)?,
            last_seen: UnixSeconds(row.get(17)?),
            taken_down: flag(row, 18)?,
        })
    }

    /// Whether the mount shows it.
    pub(super) fn is_visible(&self) -> bool {
        self.trashed.is_none() && !self.taken_down
    }

    /// Time of the last change that the catalogue knows of.
    pub(super) fn ctime(&self) -> UnixSeconds {
        self.added.max(self.updated)
    }

    /// The record; a name that is still due is the one that will be tried first.
    pub(super) fn into_record(self, db: &Db) -> Result<FileRecord> {
        let taken_down = if self.taken_down {
            takedown_of(db, &self.blob)?
        } else {
            None
        };
        let name = self
            .name
            .and_then(FileName::from_stored)
            .unwrap_or_else(|| FileName::compose(&self.metadata, &self.format));
        Ok(FileRecord {
            file: self.file,
            name,
            format: self.format,
            blob: self.blob,
            book: self.book,
            metadata: self.metadata,
            added: self.added,
            mtime: self.mtime,
            updated: self.updated,
            last_seen: self.last_seen,
            trashed: self.trashed,
            taken_down,
        })
    }
}

/// The file with this id; `None` if there is none, [`Error::BadRow`] if it cannot be shown.
pub(super) fn file_row(db: &Db, file: FileId) -> Result<Option<FileRow>> {
    let sql = format!("SELECT {FILE_COLUMNS} FROM {FILE_TABLES} WHERE f.id = ?");
    let row = db.row(&sql, (sql_id(file),))?;
    row.as_ref().map(FileRow::read).transpose()
}

/// The takedown that hides a blob.
pub(super) fn takedown_of(db: &Db, blob: &BlobId) -> Result<Option<TakedownEntry>> {
    const COLUMNS: &str =
        "SELECT id, md5, sha1, size, deleted_at, reason, notice FROM deleted_hashes";
    let by_md5 = format!("{COLUMNS} WHERE md5 = ? ORDER BY id LIMIT 1");
    if let Some(row) = db.row(&by_md5, (blob.md5.as_bytes().as_slice(),))? {
        return takedown(&row).map(Some);
    }
    let by_sha1 = format!("{COLUMNS} WHERE sha1 = ? ORDER BY id LIMIT 1");
    let row = db.row(&by_sha1, (blob.sha1.as_bytes().as_slice(),))?;
    row.as_ref().map(takedown).transpose()
}

/// Reads a takedown: id, md5, sha1, size, `deleted_at`, reason, notice.
pub(super) fn takedown(row: &Row) -> Result<TakedownEntry> {
    let id: i64 = row.get(0)?;
    let bad = |error: crate::hash::NotAHash| Error::BadRow {
        table: "deleted_hashes",
        id,
        fault: error.to_string(),
    };
    let md5 = row.get::<Option<Vec<u8>>>(1)?;
    let sha1 = row.get::<Option<Vec<u8>>>(2)?;
    Ok(TakedownEntry {
        id: TakedownId(id),
        deleted_at: UnixSeconds(row.get(4)?),
        takedown: Takedown {
            md5: md5
                .map(|md5| Md5::try_from(&md5[..]))
                .transpose()
                .map_err(bad)?,
            sha1: sha1
                .map(|sha1| Sha1::try_from(&sha1[..]))
                .transpose()
                .map_err(bad)?,
            size_bytes: row
                .get::<Option<i64>>(3)?
                .and_then(|size| size.try_into().ok()),
            reason: text(row, 5),
            notice: text(row, 6),
        },
    })
}

/// Reads a blob from three columns from `first` on: md5, sha1, size.
pub(super) fn blob(row: &Row, first: usize) -> Result<BlobId> {
    let bad = |fault: String| Error::BadRow {
        table: "books_hashes",
        id: 0,
        fault,
    };
    let bytes = |at| row.get::<Vec<u8>>(at);
    let size: i64 = row.get(first + 2)?;
    Ok(BlobId {
        md5: Md5::try_from(&bytes(first)?[..]).map_err(|error| bad(error.to_string()))?,
        sha1: Sha1::try_from(&bytes(first + 1)?[..]).map_err(|error| bad(error.to_string()))?,
        size_bytes: size
            .try_into()
            .map_err(|_| bad(format!("a size of {size} bytes")))?,
    })
}

/// Reads attributes from five columns from `first` on: file, size, mtime, ctime, links.
pub(super) fn stat(row: &Row, first: usize) -> Result<Stat> {
    let number = |at| row.get::<i64>(at);
    Ok(Stat {
        file: file_id(number(first)?)?,
        size_bytes: number(first + 1)?.try_into().unwrap_or(0),
        mtime: UnixSeconds(number(first + 2)?),
        ctime: UnixSeconds(number(first + 3)?),
        links: number(first + 4)?.try_into().unwrap_or(1),
    })
}

/// SQL: the columns of [`folder`].
pub(super) const FOLDER_COLUMNS: &str = "id, parent, name, children, mtime, bucket";

/// Reads a folder.
pub(super) fn folder(row: &Row) -> Result<Folder> {
    Ok(Folder {
        id: folder_id(row.get(0)?)?,
        parent: folder_id(row.get(1)?)?,
        name: row.get(2)?,
        children: row.get::<i64>(3)?.try_into().unwrap_or(0),
        mtime: UnixSeconds(row.get(4)?),
        bucket_code: row.get(5)?,
    })
}

/// Leaves a row that makes no sense out, with a warning, so that it never stops the others.
pub(super) fn sound<T>(row: Result<T>) -> Result<Option<T>> {
    match row {
        Ok(row) => Ok(Some(row)),
        Err(Error::BadRow { table, id, fault }) => {
            tracing::warn!("{table} row {id} is left out: {fault}");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

/// A file's id from a row.
pub(super) fn file_id(id: i64) -> Result<FileId> {
    u64::try_from(id)
        .ok()
        .and_then(FileId::new)
        .ok_or_else(|| Error::BadRow {
            table: "books_to_hashes",
            id,
            fault: "its id is out of range".to_owned(),
        })
}

/// A folder's id from a row.
pub(super) fn folder_id(id: i64) -> Result<FolderId> {
    u32::try_from(id)
        .ok()
        .and_then(FolderId::new)
        .ok_or_else(|| Error::BadRow {
            table: "folders",
            id,
            fault: "its id is out of range".to_owned(),
        })
}

/// A node's number from a row.
pub(super) fn node_id(id: i64) -> Result<NodeId> {
    u64::try_from(id)
        .ok()
        .and_then(NodeId::new)
        .ok_or_else(|| Error::BadRow {
            table: "inbox",
            id,
            fault: "its id is out of range".to_owned(),
        })
}

/// A file's id for SQL.
pub(super) fn sql_id(file: FileId) -> i64 {
    file.get().try_into().unwrap_or(i64::MAX)
}

/// A node's number for SQL.
pub(super) fn sql_node(node: NodeId) -> i64 {
    node.get().try_into().unwrap_or(i64::MAX)
}

/// A size for SQL.
pub(super) fn sql_size(size_bytes: u64) -> i64 {
    size_bytes.try_into().unwrap_or(i64::MAX)
}

/// A count of rows for SQL.
pub(super) fn sql_limit(limit: usize) -> i64 {
    limit.try_into().unwrap_or(i64::MAX)
}

/// Text that is not empty, as far as it is UTF-8.
pub(super) fn text(row: &Row, at: usize) -> Option<String> {
    let bytes = row.bytes(at).filter(|bytes| !bytes.is_empty());
    bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned())
}

/// What is so or not.
pub(super) fn flag(row: &Row, at: usize) -> Result<bool> {
    Ok(row.get::<i64>(at)? != 0)
}
