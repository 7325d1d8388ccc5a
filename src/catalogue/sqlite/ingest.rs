//! Taking in what arrives.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::ledger::Ledger;
use super::rows::{self, FileRow};
use super::{SqliteCatalogue, settle};
use crate::book::BookUid;
use crate::catalogue::{Admission, Arrival, Error, FileId, Ingest, Result, derive};
use crate::hash::BlobId;
use crate::time::UnixSeconds;

impl Ingest for SqliteCatalogue {
    fn admissible(&self, blobs: &[BlobId]) -> Result<Vec<Option<Admission>>> {
        let db = self.pool.reader()?;
        blobs.iter().map(|blob| standing(&db, blob)).collect()
    }

    fn admit(&self, arrivals: &[Arrival]) -> Result<Vec<Admission>> {
        self.write(|db| {
            let mut batch = Batch::new(db)?;
            let admissions = arrivals
                .iter()
                .map(|arrival| batch.admit(arrival))
                .collect::<Result<_>>()?;
            batch.finish()?;
            Ok(admissions)
        })
    }
}

/// What the catalogue says of a blob before anything is written.
fn standing(db: &Connection, blob: &BlobId) -> Result<Option<Admission>> {
    if let Some(takedown) = rows::takedown_of(db, blob)? {
        return Ok(Some(Admission::TakenDown(takedown)));
    }
    let Some(hash) = hash_row(db, blob)? else {
        return Ok(None);
    };
    Ok(match file_of(db, hash)? {
        Some((file, false)) => Some(Admission::Duplicate(file)),
        Some((file, true)) => Some(Admission::Restored(file)),
        None => None,
    })
}

/// The row of a blob.
pub(super) fn hash_row(db: &Connection, blob: &BlobId) -> Result<Option<i64>> {
    rows::number(
        db,
        "SELECT id FROM books_hashes WHERE md5 = ?1 AND sha1 = ?2 AND size = ?3",
        params![
            blob.md5.as_bytes().as_slice(),
            blob.sha1.as_bytes().as_slice(),
            rows::sql_size(blob.size_bytes)
        ],
    )
}

/// The earliest file of a blob and whether it is in the trash; one that is not is preferred.
fn file_of(db: &Connection, hash: i64) -> Result<Option<(FileId, bool)>> {
    let mut statement = db.prepare_cached(
        "SELECT id, trashed IS NOT NULL FROM books_to_hashes WHERE hash_id = ?1 \
         ORDER BY trashed IS NOT NULL, id LIMIT 1",
    )?;
    let mut rows = statement.query([hash])?;
    rows.next()?
        .map(|row| Ok((rows::file_id(row.get(0)?)?, row.get(1)?)))
        .transpose()
}

/// A batch that is being taken in.
struct Batch<'c> {
    db: &'c Connection,
    ledger: Ledger<'c>,
    now: UnixSeconds,
    /// The first file made by this batch, and the next.
    first: i64,
    next: i64,
    /// Files whose places depend on others.
    due: BTreeSet<FileId>,
}

impl<'c> Batch<'c> {
    fn new(db: &'c Connection) -> Result<Self> {
        // As SQLite itself counts: an id set by hand is in the table and not in the sequence.
        let given = "SELECT seq FROM sqlite_sequence WHERE name = 'books_to_hashes'";
        let present = "SELECT max(id) FROM books_to_hashes";
        let last = rows::number(db, given, [])?.max(rows::number(db, present, [])?);
        let floor = i64::try_from(FileId::FIRST).unwrap_or(i64::MAX);
        let first = last.map_or(floor, |last| last.saturating_add(1).max(floor));
        Ok(Self {
            db,
            ledger: Ledger::new(db),
            now: UnixSeconds::now(),
            first,
            next: first,
            due: BTreeSet::new(),
        })
    }

    fn admit(&mut self, arrival: &Arrival) -> Result<Admission> {
        if let Some(takedown) = rows::takedown_of(self.db, &arrival.blob)? {
            return Ok(Admission::TakenDown(takedown));
        }
        let Some(hash) = hash_row(self.db, &arrival.blob)? else {
            let hash = self.add_blob(&arrival.blob)?;
            return Ok(Admission::New(self.add_file(arrival, hash)?));
        };
        self.see(hash)?;
        match file_of(self.db, hash)? {
            Some((file, false)) => Ok(Admission::Duplicate(file)),
            Some((file, true)) => {
                self.restore(file)?;
                Ok(Admission::Restored(file))
            }
            None => Ok(Admission::Restored(self.add_file(arrival, hash)?)),
        }
    }

    fn see(&self, hash: i64) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("UPDATE books_hashes SET last_seen = ?2 WHERE id = ?1")?;
        statement.execute([hash, self.now.0])?;
        Ok(())
    }

    fn restore(&mut self, file: FileId) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("UPDATE books_to_hashes SET trashed = NULL WHERE id = ?1")?;
        statement.execute([rows::sql_id(file)])?;
        self.due.insert(file);
        Ok(())
    }

    fn add_blob(&self, blob: &BlobId) -> Result<i64> {
        let mut statement = self.db.prepare_cached(
            "INSERT INTO books_hashes (md5, sha1, size, last_seen) VALUES (?1, ?2, ?3, ?4)",
        )?;
        Ok(statement.insert(params![
            blob.md5.as_bytes().as_slice(),
            blob.sha1.as_bytes().as_slice(),
            rows::sql_size(blob.size_bytes),
            self.now.0
        ])?)
    }

    /// The book with this identity, else a new one.
    fn book(&self, arrival: &Arrival) -> Result<i64> {
        let uid = arrival.book.map(|BookUid(uid)| uid.to_vec());
        if let Some(uid) = &uid {
            let known = "SELECT id FROM books_metadata WHERE uid = ?1";
            if let Some(book) = rows::number(self.db, known, [uid])? {
                return Ok(book);
            }
        }
        let mut statement = self.db.prepare_cached(
            "INSERT INTO books_metadata (uid, title, author, publisher, year, language, format, updated) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let metadata = &arrival.metadata;
        Ok(statement.insert(params![
            uid,
            metadata.title,
            metadata.author,
            metadata.publisher,
            metadata.year,
            metadata.language,
            arrival.format.as_str(),
            self.now.0
        ])?)
    }

    fn add_file(&mut self, arrival: &Arrival, hash: i64) -> Result<FileId> {
        let file = u64::try_from(self.next)
            .ok()
            .and_then(FileId::new)
            .ok_or_else(|| Error::Failed("no file id is left".to_owned()))?;
        let book = self.book(arrival)?;
        let mut statement = self.db.prepare_cached(
            "INSERT INTO books_to_hashes (id, book_id, hash_id, format, name, added, mtime) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let name = self.free_name(arrival, file)?;
        statement.execute(params![
            self.next,
            book,
            hash,
            arrival.format.as_str(),
            name,
            self.now.0,
            arrival.mtime.0
        ])?;
        self.next += 1;
        self.place(arrival, file, hash)?;
        Ok(file)
    }

    /// The name for a file that is about to be made of what arrived; `None` where its book's own
    /// metadata decides.
    fn free_name(&self, arrival: &Arrival, file: FileId) -> Result<Option<String>> {
        if arrival.book.is_some() {
            return Ok(None);
        }
        let (metadata, format) = (&arrival.metadata, &arrival.format);
        for name in derive::names(metadata, format, &arrival.blob.md5, file) {
            let taken = "SELECT id FROM books_to_hashes WHERE name = ?1";
            if rows::number(self.db, taken, [name.as_str()])?.is_none() {
                return Ok(Some(name.as_str().to_owned()));
            }
        }
        Ok(None)
    }

    /// Writes the derived data of a new file, here if it depends on no other file.
    fn place(&mut self, arrival: &Arrival, file: FileId, hash: i64) -> Result<()> {
        let twins = "SELECT 1 FROM books_hashes WHERE md5 = ?1 AND id <> ?2 LIMIT 1";
        let md5 = arrival.blob.md5;
        let has_twin =
            rows::number(self.db, twins, params![md5.as_bytes().as_slice(), hash])?.is_some();
        if has_twin || arrival.book.is_some() {
            self.due.insert(file);
            return Ok(());
        }
        let Some(row) = rows::file_row(self.db, file)? else {
            return Ok(());
        };
        self.place_alone(&row)
    }

    fn place_alone(&mut self, row: &FileRow) -> Result<()> {
        let name = settle::right_name(self.db, row)?;
        let owner = [(row.file, row.blob, row.format.clone())];
        let hash_name = derive::hash_names(&owner).pop().map(|(_, name)| name);
        let wanted = settle::wanted_entries(&mut self.ledger, row, &name, hash_name.as_ref())?;
        for (place, entry) in &wanted {
            self.ledger.insert(*place, row.file, entry)?;
        }
        settle::add_words(self.db, row)
    }

    fn finish(self) -> Result<()> {
        self.ledger.finish()?;
        let mut settled = self
            .db
            .prepare_cached("DELETE FROM unsettled WHERE kind = 3 AND id >= ?1 AND id < ?2")?;
        settled.execute([self.first, self.next])?;
        settle::files(self.db, self.due)?;
        Ok(())
    }
}
