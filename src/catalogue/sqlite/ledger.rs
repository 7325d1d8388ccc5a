//! Writing entries, and keeping the books on it.
//!
//! The program is the only one that inserts entries. What it inserts in one transaction is counted here
//! and written to `folders` and `changes` once for each folder, by [`Ledger::finish`]. What leaves is
//! counted by the database's triggers, which serve takedowns made by hand too.

use std::collections::{BTreeMap, HashMap};

use rusqlite::{Connection, params};

use super::rows;
use crate::catalogue::{FileId, FolderId, Result};
use crate::name::{Bucket, FolderName};
use crate::time::UnixSeconds;

/// One file at one place, as `entries` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) size_bytes: u64,
    pub(super) mtime: UnixSeconds,
    pub(super) ctime: UnixSeconds,
    pub(super) links: usize,
}

/// A place: the folder and the bucket in it.
pub(super) type Place = (FolderId, Bucket);

/// The entries written in one transaction.
pub(super) struct Ledger<'c> {
    db: &'c Connection,
    came: BTreeMap<Place, usize>,
    known: HashMap<(FolderId, FolderName), FolderId>,
}

impl<'c> Ledger<'c> {
    /// A ledger with nothing in it.
    pub(super) fn new(db: &'c Connection) -> Self {
        Self {
            db,
            came: BTreeMap::new(),
            known: HashMap::new(),
        }
    }

    /// The folder called `name` in `parent`; made, empty, if there never was one.
    pub(super) fn folder(&mut self, parent: FolderId, name: FolderName) -> Result<FolderId> {
        let key = (parent, name);
        if let Some(id) = self.known.get(&key) {
            return Ok(*id);
        }
        let id = find_or_make_folder(self.db, parent, &key.1)?;
        self.known.insert(key, id);
        Ok(id)
    }

    /// Puts a file in a place where it is not.
    pub(super) fn insert(&mut self, place: Place, file: FileId, row: &Row) -> Result<()> {
        insert_entry(self.db, "entries", place, file, row)?;
        *self.came.entry(place).or_default() += 1;
        Ok(())
    }

    /// Takes a file out of a place.
    pub(super) fn remove(&mut self, place: Place, file: FileId) -> Result<()> {
        let mut statement = self.db.prepare_cached(
            "DELETE FROM entries WHERE folder = ?1 AND bucket = ?2 AND file = ?3",
        )?;
        statement.execute(params![place.0.get(), place.1.code(), rows::sql_id(file)])?;
        Ok(())
    }

    /// Changes what is said of a file at a place where it stays.
    pub(super) fn update(
        &mut self,
        place: Place,
        file: FileId,
        old: &Row,
        new: &Row,
    ) -> Result<()> {
        let (folder, bucket, id) = (place.0.get(), place.1.code(), rows::sql_id(file));
        let mut statement = self.db.prepare_cached(
            "UPDATE entries SET name = ?4, size = ?5, mtime = ?6, ctime = ?7, links = ?8 \
             WHERE folder = ?1 AND bucket = ?2 AND file = ?3",
        )?;
        statement.execute(params![
            folder,
            bucket,
            id,
            new.name,
            rows::sql_size(new.size_bytes),
            new.mtime.0,
            new.ctime.0,
            rows::sql_limit(new.links)
        ])?;
        if old.name != new.name {
            let mut gone = self.db.prepare_cached(
                "INSERT INTO changes (kind, a, b, c, name) VALUES (1, ?1, ?2, ?3, ?4)",
            )?;
            gone.execute(params![folder, bucket, id, old.name])?;
            self.came.entry(place).or_default();
        }
        Ok(())
    }

    /// Notes that a file's attributes, bytes or metadata changed.
    pub(super) fn changed(&mut self, file: FileId) -> Result<()> {
        let mut statement = self
            .db
            .prepare_cached("INSERT INTO changes (kind, a) VALUES (4, ?1)")?;
        statement.execute([rows::sql_id(file)])?;
        Ok(())
    }

    /// Writes down what came.
    pub(super) fn finish(self) -> Result<()> {
        let mut count = self.db.prepare_cached(
            "UPDATE folders SET children = children + ?2, mtime = unixepoch() WHERE id = ?1",
        )?;
        let mut note = self
            .db
            .prepare_cached("INSERT INTO changes (kind, a, b) VALUES (2, ?1, ?2)")?;
        for ((folder, bucket), entries) in self.came {
            note.execute([folder.get(), bucket.code()])?;
            count.execute(params![folder.get(), rows::sql_limit(entries)])?;
        }
        Ok(())
    }
}

/// Inserts one row into `table`, which has the columns of `entries`.
pub(super) fn insert_entry(
    db: &Connection,
    table: &str,
    place: Place,
    file: FileId,
    row: &Row,
) -> Result<()> {
    let sql = format!("INSERT INTO {table} VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
    let mut statement = db.prepare_cached(&sql)?;
    statement.execute(params![
        place.0.get(),
        place.1.code(),
        rows::sql_id(file),
        row.name,
        rows::sql_size(row.size_bytes),
        row.mtime.0,
        row.ctime.0,
        rows::sql_limit(row.links)
    ])?;
    Ok(())
}

/// The folder called `name` in `parent`; made, empty, if there never was one.
pub(super) fn find_or_make_folder(
    db: &Connection,
    parent: FolderId,
    name: &FolderName,
) -> Result<FolderId> {
    let found = rows::number(
        db,
        "SELECT id FROM folders WHERE parent = ?1 AND name = ?2",
        params![parent.get(), name.as_str()],
    )?;
    if let Some(id) = found {
        return rows::folder_id(id);
    }
    let mut make =
        db.prepare_cached("INSERT INTO folders (parent, bucket, name) VALUES (?1, ?2, ?3)")?;
    let bucket = Bucket::of(name.as_str()).code();
    rows::folder_id(make.insert(params![parent.get(), bucket, name.as_str()])?)
}
