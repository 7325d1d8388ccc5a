//! Deriving again what follows from rows that changed.
//!
//! [`files`] makes the name, the entries and the words of given files what their rows say, and touches
//! nothing that is right already. It is all that admitting, settling and lifting have in common.
//!
//! Within one MD5 the files decide together who has the place in `by-hash`, so whoever gains or loses it is
//! settled along.

use std::collections::{BTreeMap, BTreeSet};

use super::db::{Db, Row as Answer};
use super::ledger::{Ledger, Place, Row};
use super::rows::{self, FileRow, NOT_TAKEN_DOWN, sound};
use crate::catalogue::{Error, FileId, FolderId, Result, derive};
use crate::hash::{BlobId, Md5};
use crate::name::{Bucket, FileName, Format};

/// Notes that are dealt with in one transaction.
const NOTES: usize = 200;

/// Kinds of notes in `unsettled`.
const BOOK: i64 = 1;
const BLOB: i64 = 2;
const FILE: i64 = 3;

/// Deals with the next notes. Returns how many files had something changed.
pub(super) fn some_notes(db: &Db) -> Result<u64> {
    let notes = db.rows(
        "SELECT kind, id FROM unsettled ORDER BY kind, id LIMIT ?",
        (rows::sql_limit(NOTES),),
    )?;
    let mut due = BTreeSet::new();
    for note in notes {
        let (kind, id) = (note.get(0)?, note.get(1)?);
        match kind {
            BOOK => spread(db, "f.book_id = ?", id)?,
            BLOB => spread_blob(db, id)?,
            _ => due.extend(file_note(id)),
        }
        unnote(db, kind, id)?;
    }
    files(db, due)
}

/// Turns a note about something that several files share into notes about those files.
fn spread(db: &Db, condition: &str, id: i64) -> Result<()> {
    let sql = format!(
        "INSERT INTO unsettled (kind, id) SELECT {FILE}, f.id FROM books_to_hashes AS f WHERE {condition} \
         ON DUPLICATE KEY UPDATE kind = {FILE}"
    );
    db.run(&sql, (id,))?;
    Ok(())
}

/// The same for a blob: its files, and those of its MD5 twins.
fn spread_blob(db: &Db, id: i64) -> Result<()> {
    spread(db, "f.hash_id = ?", id)?;
    spread(
        db,
        "f.hash_id IN (SELECT twin.id FROM books_hashes AS h \
         JOIN books_hashes AS twin ON twin.md5 = h.md5 WHERE h.id = ?)",
        id,
    )
}

fn file_note(id: i64) -> Option<FileId> {
    u64::try_from(id).ok().and_then(FileId::new)
}

fn unnote(db: &Db, kind: i64, id: i64) -> Result<()> {
    db.run(
        "DELETE FROM unsettled WHERE kind = ? AND id = ?",
        (kind, id),
    )?;
    Ok(())
}

/// Takes back the note about a book whose files are settled.
pub(super) fn unnote_book(db: &Db, book: i64) -> Result<()> {
    unnote(db, BOOK, book)
}

/// Settles the files of these blobs at once, and those of their MD5 twins.
pub(super) fn blobs<'b>(db: &Db, blobs: impl Iterator<Item = &'b i64>) -> Result<()> {
    let mut due = BTreeSet::new();
    for blob in blobs {
        let files = db.rows(
            "SELECT f.id FROM books_hashes AS h JOIN books_hashes AS twin ON twin.md5 = h.md5 \
             JOIN books_to_hashes AS f ON f.hash_id = twin.id WHERE h.id = ?",
            (*blob,),
        )?;
        for row in files {
            due.extend(file_note(row.get(0)?));
        }
        unnote(db, BLOB, *blob)?;
    }
    files(db, due)?;
    Ok(())
}

/// Makes the derived data of these files right, and of those that they push aside. Returns how many
/// files had something changed.
pub(super) fn files(db: &Db, due: BTreeSet<FileId>) -> Result<u64> {
    let mut batch = Batch::load(db, due)?;
    batch.share_hashes()?;
    let mut ledger = Ledger::new(db);
    let mut touched = 0;
    for (file, row) in &batch.rows {
        let changed = match row {
            Some(row) => settle_one(&mut ledger, db, row, batch.hash_names.get(file))?,
            None => forget_one(&mut ledger, db, *file)?,
        };
        if changed {
            ledger.changed(*file);
            touched += 1;
        }
        unnote(db, FILE, rows::sql_id(*file))?;
    }
    ledger.finish()?;
    Ok(touched)
}

/// Files that are settled together.
struct Batch<'c> {
    db: &'c Db,
    /// The rows; `None` for what cannot be shown.
    rows: BTreeMap<FileId, Option<FileRow>>,
    /// Names in `by-hash` of those that have one.
    hash_names: BTreeMap<FileId, String>,
}

impl<'c> Batch<'c> {
    fn load(db: &'c Db, due: BTreeSet<FileId>) -> Result<Self> {
        let rows = due
            .into_iter()
            .map(|file| Ok((file, sound_row(db, file)?)))
            .collect::<Result<_>>()?;
        Ok(Self {
            db,
            rows,
            hash_names: BTreeMap::new(),
        })
    }

    /// Finds out who has the places in `by-hash`, and adds those that gain or lose one.
    fn share_hashes(&mut self) -> Result<()> {
        let mut md5s = BTreeSet::new();
        for (file, row) in &self.rows {
            match row {
                Some(row) => md5s.extend([row.blob.md5]),
                None => md5s.extend(md5_of(self.db, *file)?),
            }
        }
        for md5 in md5s {
            let wanted = hash_names(self.db, &md5)?;
            let present = present_hash_names(self.db, &md5)?;
            let moved = wanted
                .iter()
                .filter(|(file, name)| present.get(file) != Some(name))
                .chain(
                    present
                        .iter()
                        .filter(|(file, _)| !wanted.contains_key(file)),
                );
            for (file, _) in moved {
                if !self.rows.contains_key(file) {
                    self.rows.insert(*file, sound_row(self.db, *file)?);
                }
            }
            self.hash_names.extend(wanted);
        }
        Ok(())
    }
}

/// The MD5 of a file that cannot be shown, if it has one: it may have had the place of others.
fn md5_of(db: &Db, file: FileId) -> Result<Option<Md5>> {
    let row = db.row(
        "SELECT h.md5 FROM books_to_hashes AS f JOIN books_hashes AS h ON h.id = f.hash_id WHERE f.id = ?",
        (rows::sql_id(file),),
    )?;
    Ok(row.and_then(|row| Md5::try_from(row.bytes(0)?).ok()))
}

/// The row of a file; `None` where there is none or it makes no sense.
fn sound_row(db: &Db, file: FileId) -> Result<Option<FileRow>> {
    Ok(sound(rows::file_row(db, file))?.flatten())
}

/// Who should have a place in `by-hash` for this MD5, and under which name.
pub(super) fn hash_names(db: &Db, md5: &Md5) -> Result<BTreeMap<FileId, String>> {
    let sql = format!(
        "SELECT h.md5, h.sha1, h.size, f.id, substr(f.format, 1, 64), substr(b.format, 1, 64) \
         FROM books_hashes AS h JOIN books_to_hashes AS f ON f.id = ( \
             SELECT min(own.id) FROM books_to_hashes AS own \
             JOIN books_metadata AS book ON book.id = own.book_id AND octet_length(book.uid) = 16 \
             WHERE own.hash_id = h.id AND own.trashed IS NULL AND own.id BETWEEN {} AND {}) \
         JOIN books_metadata AS b ON b.id = f.book_id \
         WHERE h.md5 = ? AND {NOT_TAKEN_DOWN} ORDER BY f.id",
        FileId::FIRST,
        FileId::END - 1
    );
    let mut owners = Vec::new();
    for row in db.rows(&sql, (md5.as_bytes().as_slice(),))? {
        owners.extend(sound(owner(&row))?);
    }
    Ok(derive::hash_names(&owners).into_iter().collect())
}

fn owner(row: &Answer) -> Result<(FileId, BlobId, Format)> {
    let (detected, declared) = (rows::text(row, 4), rows::text(row, 5));
    let format = derive::format(detected.as_deref(), declared.as_deref());
    Ok((rows::file_id(row.get(3)?)?, rows::blob(row, 0)?, format))
}

/// Who has one now.
fn present_hash_names(db: &Db, md5: &Md5) -> Result<BTreeMap<FileId, String>> {
    let (folder, bucket) = hash_place(md5);
    let found = db.rows(
        "SELECT e.file, e.name FROM books_hashes AS h \
         STRAIGHT_JOIN books_to_hashes AS f ON f.hash_id = h.id \
         STRAIGHT_JOIN entries AS e ON e.folder = ? AND e.bucket = ? AND e.file = f.id \
         WHERE h.md5 = ?",
        (folder.get(), bucket.code(), md5.as_bytes().as_slice()),
    )?;
    let mut present = BTreeMap::new();
    for row in found {
        present.insert(rows::file_id(row.get(0)?)?, row.get(1)?);
    }
    Ok(present)
}

/// The place in `by-hash` of blobs with this MD5.
pub(super) fn hash_place(md5: &Md5) -> Place {
    (FolderId::by_hash(md5.as_bytes()[0]), derive::hash_bucket())
}

/// Makes one file's derived data right. Returns whether anything was not.
fn settle_one(
    ledger: &mut Ledger<'_>,
    db: &Db,
    row: &FileRow,
    hash_name: Option<&String>,
) -> Result<bool> {
    // In the trash it leaves its name to others.
    let name = match row.trashed {
        Some(_) => None,
        None => Some(right_name(db, row)?),
    };
    let renamed = name
        .as_ref()
        .is_some_and(|name| row.name.as_deref() != Some(name.as_str()));
    let mut wanted = BTreeMap::new();
    if let Some(name) = &name {
        if renamed {
            set_name(db, row.file, name)?;
        }
        if row.is_visible() {
            wanted = wanted_entries(ledger, row, name, hash_name)?;
        }
    }
    let moved = replace_entries(ledger, row.file, &present_entries(db, row.file)?, &wanted)?;
    set_words(ledger, row)?;
    Ok(renamed || moved)
}

/// Removes what was derived from a file that is no more. Returns whether there was anything.
fn forget_one(ledger: &mut Ledger<'_>, db: &Db, file: FileId) -> Result<bool> {
    ledger.forget_words(file)?;
    replace_entries(ledger, file, &present_entries(db, file)?, &BTreeMap::new())
}

/// The name that a file has, or gets.
pub(super) fn right_name(db: &Db, row: &FileRow) -> Result<FileName> {
    let (metadata, format, md5) = (&row.metadata, &row.format, &row.blob.md5);
    if let Some(name) = row.name.clone().and_then(FileName::from_stored)
        && derive::is_right(name.as_str(), metadata, format, md5, row.file)
    {
        return Ok(name);
    }
    for name in derive::names(metadata, format, md5, row.file) {
        let holder = db.number(
            "SELECT id FROM books_to_hashes WHERE name = ?",
            (name.as_str(),),
        )?;
        if holder.is_none_or(|holder| holder == rows::sql_id(row.file)) {
            return Ok(name);
        }
    }
    let id = rows::sql_id(row.file);
    Err(Error::Failed(format!("no name is left for file {id}")))
}

/// Gives a file its name.
pub(super) fn set_name(db: &Db, file: FileId, name: &FileName) -> Result<()> {
    db.run(
        "UPDATE books_to_hashes SET name = ? WHERE id = ?",
        (name.as_str(), rows::sql_id(file)),
    )?;
    Ok(())
}

/// Where a visible file is to be, and what is said of it there.
pub(super) fn wanted_entries(
    ledger: &mut Ledger<'_>,
    row: &FileRow,
    name: &FileName,
    hash_name: Option<&String>,
) -> Result<BTreeMap<Place, Row>> {
    let bucket = Bucket::of(name.as_str());
    let mut places = vec![(FolderId::BY_TITLE, bucket)];
    for (view, folder) in derive::folders(&row.metadata, &row.format) {
        places.push((ledger.folder(view, folder)?, bucket));
    }
    let entry = Row {
        name: name.as_str().to_owned(),
        size_bytes: row.blob.size_bytes,
        mtime: row.mtime,
        ctime: row.ctime(),
        links: places.len() + usize::from(hash_name.is_some()),
    };
    let by_hash = hash_name.map(|name| {
        let name = name.clone();
        (
            hash_place(&row.blob.md5),
            Row {
                name,
                ..entry.clone()
            },
        )
    });
    Ok(places
        .into_iter()
        .map(|place| (place, entry.clone()))
        .chain(by_hash)
        .collect())
}

/// Where a file is.
fn present_entries(db: &Db, file: FileId) -> Result<BTreeMap<Place, Row>> {
    let found = db.rows(
        "SELECT folder, bucket, name, size, mtime, ctime, links FROM entries WHERE file = ?",
        (rows::sql_id(file),),
    )?;
    let mut present = BTreeMap::new();
    for row in found {
        let folder = rows::folder_id(row.get(0)?)?;
        let code: u32 = row.get(1)?;
        let bucket = Bucket::from_code(code).ok_or_else(|| Error::BadRow {
            table: "entries",
            id: rows::sql_id(file),
            fault: format!("{code} is no bucket; `reindex` makes it anew"),
        })?;
        let stat = Row {
            name: row.get(2)?,
            size_bytes: row.get::<i64>(3)?.try_into().unwrap_or(0),
            mtime: crate::time::UnixSeconds(row.get(4)?),
            ctime: crate::time::UnixSeconds(row.get(5)?),
            links: row.get::<i64>(6)?.try_into().unwrap_or(0),
        };
        present.insert((folder, bucket), stat);
    }
    Ok(present)
}

/// Turns the entries of a file from `present` to `wanted`. Returns whether they differed.
fn replace_entries(
    ledger: &mut Ledger<'_>,
    file: FileId,
    present: &BTreeMap<Place, Row>,
    wanted: &BTreeMap<Place, Row>,
) -> Result<bool> {
    for place in present.keys().filter(|place| !wanted.contains_key(place)) {
        ledger.remove(*place, file)?;
    }
    for (place, row) in wanted {
        match present.get(place) {
            None => ledger.insert(*place, file, row),
            Some(old) if old != row => ledger.update(*place, file, old, row)?,
            Some(_) => {}
        }
    }
    Ok(present != wanted)
}

/// Makes the words of a file those of its metadata; none if it is not visible.
fn set_words(ledger: &mut Ledger<'_>, row: &FileRow) -> Result<()> {
    ledger.forget_words(row.file)?;
    if row.is_visible() {
        ledger.add_words(row);
    }
    Ok(())
}
