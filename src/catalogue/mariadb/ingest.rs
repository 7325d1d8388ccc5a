//! Taking in what arrives.

use std::collections::BTreeSet;

use mysql::Value;

use super::db::{Db, lists};
use super::journal::{self, Step};
use super::ledger::Ledger;
use super::rows::{self, FileRow};
use super::{MariadbCatalogue, edit, settle, trash};
use crate::book::BookUid;
use crate::catalogue::{
    Admission, Arrival, Deed, Discard, Error, Fields, FileId, Ingest, Result, derive,
};
use crate::hash::BlobId;
use crate::time::UnixSeconds;

impl Ingest for MariadbCatalogue {
    fn admissible(&self, blobs: &[BlobId]) -> Result<Vec<Option<Admission>>> {
        self.pool
            .read(|db| blobs.iter().map(|blob| standing(db, blob)).collect())
    }

    fn admit(&self, arrivals: &[Arrival]) -> Result<Vec<Admission>> {
        self.write(|db| {
            let mut batch = Batch::new(db);
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
fn standing(db: &Db, blob: &BlobId) -> Result<Option<Admission>> {
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
pub(super) fn hash_row(db: &Db, blob: &BlobId) -> Result<Option<i64>> {
    db.number(
        "SELECT id FROM books_hashes WHERE md5 = ? AND sha1 = ? AND size = ?",
        (
            blob.md5.as_bytes().as_slice(),
            blob.sha1.as_bytes().as_slice(),
            rows::sql_size(blob.size_bytes),
        ),
    )
}

/// Makes the row of a blob that has none.
pub(super) fn add_blob(db: &Db, blob: &BlobId, now: UnixSeconds) -> Result<i64> {
    db.insert(
        "INSERT INTO books_hashes (md5, sha1, size, last_seen) VALUES (?, ?, ?, ?)",
        (
            blob.md5.as_bytes().as_slice(),
            blob.sha1.as_bytes().as_slice(),
            rows::sql_size(blob.size_bytes),
            now.0,
        ),
    )
}

/// The earliest file of a blob and whether it is in the trash; one that is not is preferred.
fn file_of(db: &Db, hash: i64) -> Result<Option<(FileId, bool)>> {
    let row = db.row(
        "SELECT id, trashed IS NOT NULL FROM books_to_hashes WHERE hash_id = ? \
         ORDER BY trashed IS NOT NULL, id LIMIT 1",
        (hash,),
    )?;
    row.map(|row| Ok((rows::file_id(row.get(0)?)?, rows::flag(&row, 1)?)))
        .transpose()
}

/// A batch that is being taken in.
struct Batch<'c> {
    db: &'c Db,
    ledger: Ledger<'c>,
    now: UnixSeconds,
    /// The files made by this batch.
    made: Vec<FileId>,
    /// Files whose places depend on others.
    due: BTreeSet<FileId>,
    /// What was done to each file that got new bytes, and to its book.
    replaced: Vec<Vec<Step>>,
}

impl<'c> Batch<'c> {
    fn new(db: &'c Db) -> Self {
        Self {
            db,
            ledger: Ledger::new(db),
            now: UnixSeconds::now(),
            made: Vec::new(),
            due: BTreeSet::new(),
            replaced: Vec::new(),
        }
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
            self.db.run(
                "UPDATE books_to_hashes SET mtime = ? WHERE id = ?",
                (arrival.mtime.0, rows::sql_id(old.file)),
            )?;
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
        let book = "SELECT book_id FROM books_to_hashes WHERE id = ?";
        let book = self.db.number(book, (rows::sql_id(old.file),))?;
        let book = book.ok_or_else(|| Error::Failed("the file has no book".to_owned()))?;
        let discard = Discard {
            file: old.file,
            name: None,
            path: None,
        };
        trash::discard(self.db, &[discard])?;
        let edited = self.edit_along(book, fields)?;
        let file = self.new_id(arrival)?;
        // It keeps the name if it is right.
        self.insert_file(arrival, file, book, hash, old.name.as_deref())?;
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
            let taken = "SELECT 1 FROM books_to_hashes WHERE id = ?";
            if !self.db.any(taken, (rows::sql_id(file),))? {
                return Ok(file);
            }
        }
        edit::set_aside(self.db, 1)
    }

    fn insert_file(
        &self,
        arrival: &Arrival,
        file: FileId,
        book: i64,
        hash: i64,
        name: Option<&str>,
    ) -> Result<()> {
        self.db.run(
            "INSERT INTO books_to_hashes (id, book_id, hash_id, format, name, added, mtime) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                rows::sql_id(file),
                book,
                hash,
                arrival.format.as_str(),
                name,
                self.now.0,
                arrival.mtime.0,
            ),
        )?;
        Ok(())
    }

    fn see(&self, hash: i64) -> Result<()> {
        self.db.run(
            "UPDATE books_hashes SET last_seen = ? WHERE id = ?",
            (self.now.0, hash),
        )?;
        Ok(())
    }

    fn restore(&mut self, file: FileId) -> Result<()> {
        self.db.run(
            "UPDATE books_to_hashes SET trashed = NULL WHERE id = ?",
            (rows::sql_id(file),),
        )?;
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
            let known = "SELECT id FROM books_metadata WHERE uid = ?";
            if let Some(book) = self.db.number(known, (uid,))? {
                return Ok(book);
            }
        }
        let metadata = &arrival.metadata;
        self.db.insert(
            "INSERT INTO books_metadata (uid, title, author, publisher, year, language, format, updated) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                // Without one, a trigger gives it.
                uid.unwrap_or_default(),
                &metadata.title,
                &metadata.author,
                &metadata.publisher,
                metadata.year,
                &metadata.language,
                arrival.format.as_str(),
                self.now.0,
            ),
        )
    }

    fn add_file(&mut self, arrival: &Arrival, hash: i64) -> Result<FileId> {
        let file = self.new_id(arrival)?;
        let book = self.book(arrival)?;
        let name = self.free_name(arrival, file)?;
        self.insert_file(arrival, file, book, hash, name.as_deref())?;
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
            let taken = "SELECT 1 FROM books_to_hashes WHERE name = ?";
            if !self.db.any(taken, (name.as_str(),))? {
                return Ok(Some(name.as_str().to_owned()));
            }
        }
        Ok(None)
    }

    /// Writes the derived data of a new file, here if it depends on no other file.
    fn place(&mut self, arrival: &Arrival, file: FileId, hash: i64) -> Result<()> {
        let twins = "SELECT 1 FROM books_hashes WHERE md5 = ? AND id <> ? LIMIT 1";
        let has_twin = self
            .db
            .any(twins, (arrival.blob.md5.as_bytes().as_slice(), hash))?;
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
            self.ledger.insert(*place, row.file, entry);
        }
        self.ledger.add_words(row);
        Ok(())
    }

    fn finish(self) -> Result<()> {
        self.ledger.finish()?;
        let made: Vec<Value> = self
            .made
            .iter()
            .map(|file| rows::sql_id(*file).into())
            .collect();
        for (list, files) in lists(&made) {
            let sql = format!("DELETE FROM unsettled WHERE kind = 3 AND id IN ({list})");
            self.db.run(&sql, files)?;
        }
        settle::files(self.db, self.due)?;
        for steps in self.replaced {
            journal::write(self.db, Deed::Replace, &steps)?;
        }
        Ok(())
    }
}
