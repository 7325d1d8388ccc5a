//! Writing entries, and keeping the books on it.
//!
//! The program is the only one that inserts entries. What it inserts in one transaction is counted here
//! and written to `folders` and `changes` once for each folder, by [`Ledger::finish`]. What leaves is
//! counted by the database's triggers, which serve takedowns made by hand too.
//!
//! Rows are gathered and inserted many at a time: nobody asks for them before the transaction ends.

use std::collections::{BTreeMap, HashMap};

use mysql::Value;

use super::db::{Db, lists};
use super::rows::{self, FileRow};
use super::words;
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

/// The entries and words written in one transaction.
pub(super) struct Ledger<'c> {
    db: &'c Db,
    came: BTreeMap<Place, usize>,
    /// Children that came into folders otherwise.
    filled: BTreeMap<FolderId, usize>,
    known: HashMap<(FolderId, FolderName), FolderId>,
    /// Values of new rows, one row after another.
    entries: Vec<Value>,
    words: Vec<Value>,
    changes: Vec<Value>,
}

impl<'c> Ledger<'c> {
    /// A ledger with nothing in it.
    pub(super) fn new(db: &'c Db) -> Self {
        Self {
            db,
            came: BTreeMap::new(),
            filled: BTreeMap::new(),
            known: HashMap::new(),
            entries: Vec::new(),
            words: Vec::new(),
            changes: Vec::new(),
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
    pub(super) fn insert(&mut self, place: Place, file: FileId, row: &Row) {
        self.entries.extend([
            place.0.get().into(),
            place.1.code().into(),
            rows::sql_id(file).into(),
            row.name.as_str().into(),
            rows::sql_size(row.size_bytes).into(),
            row.mtime.0.into(),
            row.ctime.0.into(),
            rows::sql_limit(row.links).into(),
        ]);
        *self.came.entry(place).or_default() += 1;
    }

    /// Takes a file out of a place.
    pub(super) fn remove(&mut self, place: Place, file: FileId) -> Result<()> {
        self.db.run(
            "DELETE FROM entries WHERE folder = ? AND bucket = ? AND file = ?",
            (place.0.get(), place.1.code(), rows::sql_id(file)),
        )?;
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
        self.db.run(
            "UPDATE entries SET name = ?, size = ?, mtime = ?, ctime = ?, links = ? \
             WHERE folder = ? AND bucket = ? AND file = ?",
            (
                &new.name,
                rows::sql_size(new.size_bytes),
                new.mtime.0,
                new.ctime.0,
                rows::sql_limit(new.links),
                folder,
                bucket,
                id,
            ),
        )?;
        if old.name != new.name {
            self.change(1, folder.into(), bucket.into(), id, Some(&old.name));
            self.came.entry(place).or_default();
        }
        Ok(())
    }

    /// Adds the words of a file that has none yet.
    pub(super) fn add_words(&mut self, row: &FileRow) {
        for (word, fields) in words::of(&row.metadata) {
            self.words.extend([
                word.into_bytes().into(),
                rows::sql_id(row.file).into(),
                fields.bits().into(),
            ]);
        }
    }

    /// Removes the words of a file.
    pub(super) fn forget_words(&mut self, file: FileId) -> Result<()> {
        self.db
            .run("DELETE FROM words WHERE file = ?", (rows::sql_id(file),))?;
        Ok(())
    }

    /// Notes that a file's attributes, bytes or metadata changed.
    pub(super) fn changed(&mut self, file: FileId) {
        self.change(4, rows::sql_id(file), 0, 0, None);
    }

    fn change(&mut self, kind: u8, a: i64, b: i64, c: i64, name: Option<&str>) {
        self.changes
            .extend([kind.into(), a.into(), b.into(), c.into(), name.into()]);
    }

    /// Writes all of it down.
    pub(super) fn finish(mut self) -> Result<()> {
        self.db.insert_all("entries", 8, &self.entries)?;
        self.db.insert_all("words", 3, &self.words)?;
        let mut folders = std::mem::take(&mut self.filled);
        for ((folder, bucket), entries) in std::mem::take(&mut self.came) {
            self.change(2, folder.get().into(), bucket.code().into(), 0, None);
            *folders.entry(folder).or_default() += entries;
        }
        // Views are never filled: they are there when they are empty.
        let mut filled = BTreeMap::new();
        for (parent, bucket) in count(self.db, &folders)? {
            self.change(2, parent.get().into(), bucket, 0, None);
            *filled.entry(parent).or_default() += 1;
        }
        count(self.db, &filled)?;
        self.db
            .insert_all("changes (kind, a, b, c, name)", 5, &self.changes)
    }
}

/// Counts children that came into folders, and has those that were empty come into theirs.
pub(super) fn fill(db: &Db, folders: &BTreeMap<FolderId, usize>) -> Result<()> {
    let came = folders
        .iter()
        .map(|(folder, children)| (*folder, *children));
    let mut ledger = Ledger::new(db);
    ledger.filled.extend(came);
    ledger.finish()
}

/// Counts children that came into folders. Returns the parents of those that were empty, and their buckets there.
fn count(db: &Db, folders: &BTreeMap<FolderId, usize>) -> Result<Vec<(FolderId, i64)>> {
    let mut filled = Vec::new();
    let mut by_count: BTreeMap<usize, Vec<Value>> = BTreeMap::new();
    for (folder, children) in folders.iter().filter(|(_, children)| **children > 0) {
        by_count
            .entry(*children)
            .or_default()
            .push(folder.get().into());
    }
    for (children, ids) in by_count {
        for (list, ids) in lists(&ids) {
            let empty = format!(
                "SELECT parent, bucket FROM folders WHERE id IN ({list}) AND children <= 0 AND parent <> 1"
            );
            for row in db.rows(&empty, ids.clone())? {
                filled.push((rows::folder_id(row.get(0)?)?, row.get(1)?));
            }
            let update = format!(
                "UPDATE folders SET children = children + {children}, mtime = unix_timestamp() WHERE id IN ({list})"
            );
            db.run(&update, ids)?;
        }
    }
    Ok(filled)
}

/// The folder called `name` in `parent`; made, empty, if there never was one.
pub(super) fn find_or_make_folder(
    db: &Db,
    parent: FolderId,
    name: &FolderName,
) -> Result<FolderId> {
    let found = db.number(
        "SELECT id FROM folders WHERE parent = ? AND name = ?",
        (parent.get(), name.as_str()),
    )?;
    if let Some(id) = found {
        return rows::folder_id(id);
    }
    let bucket = Bucket::of(name.as_str()).code();
    rows::folder_id(db.insert(
        "INSERT INTO folders (parent, bucket, name) VALUES (?, ?, ?)",
        (parent.get(), bucket, name.as_str()),
    )?)
}
