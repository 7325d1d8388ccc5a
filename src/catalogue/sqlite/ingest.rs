//! Taking in what arrives.

use std::collections::BTreeSet;

use rusqlite::{Connection, params};

use super::journal::{self, Step};
use super::ledger::Ledger;
use super::rows::{self, FileRow};
use super::{SqliteCatalogue, edit, settle, trash};
use crate::book::BookUid;
use crate::catalogue::{
    Admission, Arrival, Deed, Discard, Error, Fields, FileId, Ingest, Result, derive,
};
use crate::hash::BlobId;
use crate::time::UnixSeconds;

impl Ingest for SqliteCatalogue {
    fn admissible(&self, blobs: &[BlobId]) -> Result<Vec<Option<Admission>>> {
        let db = self.pool.reader()?;
        blobs.iter().map(|blob| standing(&db, blob)).collect()
    }

    fn admit(&self, arrivals: &[Arrival]) -> Result<Vec<Admission>> {
        self.write(|db| admit(db, arrivals))
    }

    fn admit_quickly(&self, arrivals: &[Arrival]) -> Result<Vec<Admission>> {
        self.write_quickly(|db| admit(db, arrivals))
    }
}

fn admit(db: &Connection, arrivals: &[Arrival]) -> Result<Vec<Admission>> {
    let mut batch = Batch::new(db)?;
    let admissions = arrivals
        .iter()
        .map(|arrival| batch.admit(arrival))
        .collect::<Result<_>>()?;
    batch.finish()?;
    Ok(admissions)
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

/// Makes the row of a blob that has none.
pub(super) fn add_blob(db: &Connection, blob: &BlobId, now: UnixSeconds) -> Result<i64> {
    let mut statement = db.prepare_cached(
        "INSERT INTO books_hashes (md5, sha1, size, last_seen) VALUES (?1, ?2, ?3, ?4)",
    )?;
    Ok(statement.insert(params![
        blob.md5.as_bytes().as_slice(),
        blob.sha1.as_bytes().as_slice(),
        rows::sql_size(blob.size_bytes),
        now.0
    ])?)
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
    /// The id of the next file that has none set aside.
    next: i64,
    /// The files made by this batch.
    made: Vec<FileId>,
    /// Files whose places depend on others.
    due: BTreeSet<FileId>,
    /// What was done to each file that got new bytes, and to its book.
    replaced: Vec<Vec<Step>>,
}

impl<'c> Batch<'c> {
    fn new(db: &'c Connection) -> Result<Self> {
        Ok(Self {
            db,
            ledger: Ledger::new(db),
            now: UnixSeconds::now(),
            next: edit::next_file(db)?,
            made: Vec::new(),
            due: BTreeSet::new(),
            replaced: Vec::new(),
        })
    }

    fn admit(&mut self, arrival: &Arrival) -> Result<Admission> {
        if let Some(takedown) = rows::takedown_of(self.db, &arrival.blob)? {
            return Ok(Admission::TakenDown(takedown));
        }
        if let Some(replaces) = &arrival.replaces
            && let Some(old) = rows::sound(rows::file_row(self.db, replaces.file))?.flatten()
            && old.trashed.is_none()
        {
            return self.replace(arrival, &old, &replaces.fields);
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

    /// Gives a file new bytes: they are a file of the same book, and the old one goes to the trash.
    fn replace(&mut self, arrival: &Arrival, old: &FileRow, fields: &Fields) -> Result<Admission> {
        if old.blob == arrival.blob {
            let mut statement = self
                .db
                .prepare_cached("UPDATE books_to_hashes SET mtime = ?2 WHERE id = ?1")?;
            statement.execute([rows::sql_id(old.file), arrival.mtime.0])?;
            self.due.insert(old.file);
            return Ok(Admission::Duplicate(old.file));
        }
        let hash = match hash_row(self.db, &arrival.blob)? {
            Some(hash) => {
                self.see(hash)?;
                hash
            }
            None => self.add_blob(&arrival.blob)?,
        };
        let book = "SELECT book_id FROM books_to_hashes WHERE id = ?1";
        let book = rows::number(self.db, book, [rows::sql_id(old.file)])?;
        let book = book.ok_or_else(|| Error::Failed("the file has no book".to_owned()))?;
        let discard = Discard {
            file: old.file,
            name: None,
            path: None,
        };
        trash::discard(self.db, &[discard])?;
        let edited = self.edit_along(book, fields)?;
        let file = self.new_id(arrival)?;
        let mut statement = self.db.prepare_cached(
            "INSERT INTO books_to_hashes (id, book_id, hash_id, format, name, added, mtime) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        statement.execute(params![
            rows::sql_id(file),
            book,
            hash,
            arrival.format.as_str(),
            // It keeps it if it is right.
            old.name,
            self.now.0,
            arrival.mtime.0
        ])?;
        self.due.insert(file);
        let replaced = Step::Replaced {
            old: old.file,
            new: file,
        };
        self.replaced
            .push(std::iter::once(replaced).chain(edited).collect());
        Ok(Admission::New(file))
    }

    /// Changes a book along with its bytes; what was done, if anything was.
    fn edit_along(&self, book: i64, fields: &Fields) -> Result<Option<Step>> {
        let Some(before) = edit::metadata(self.db, book)? else {
            return Ok(None);
        };
        let after = fields.applied_to(&before);
        if after == before {
            return Ok(None);
        }
        edit::set_metadata(self.db, book, &after, None)?;
        Ok(Some(Step::Edit {
            book,
            before,
            after,
        }))
    }

    /// The id of a new file: the one set aside for it, unless somebody has it.
    fn new_id(&mut self, arrival: &Arrival) -> Result<FileId> {
        if let Some(file) = arrival.file {
            let taken = "SELECT 1 FROM books_to_hashes WHERE id = ?1";
            if rows::number(self.db, taken, [rows::sql_id(file)])?.is_none() {
                return Ok(file);
            }
        }
        let next = u64::try_from(self.next).ok().and_then(FileId::new);
        self.next += 1;
        next.ok_or_else(|| Error::Failed("no file id is left".to_owned()))
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
        add_blob(self.db, blob, self.now)
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
        let file = self.new_id(arrival)?;
        let book = self.book(arrival)?;
        let mut statement = self.db.prepare_cached(
            "INSERT INTO books_to_hashes (id, book_id, hash_id, format, name, added, mtime) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?;
        let name = self.free_name(arrival, file)?;
        statement.execute(params![
            rows::sql_id(file),
            book,
            hash,
            arrival.format.as_str(),
            name,
            self.now.0,
            arrival.mtime.0
        ])?;
        self.made.push(file);
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
            .prepare_cached("DELETE FROM unsettled WHERE kind = 3 AND id = ?1")?;
        for file in self.made {
            settled.execute([rows::sql_id(file)])?;
        }
        settle::files(self.db, self.due)?;
        for steps in self.replaced {
            journal::write(self.db, Deed::Replace, &steps)?;
        }
        Ok(())
    }
}
