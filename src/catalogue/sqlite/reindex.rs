//! Making all derived data anew.
//!
//! One transaction, so that readers go on with the old data until the new is there, and a crash leaves the
//! old. The log grows by the size of the derived data (some 0.7 GB a million files) and is folded into the
//! database at the end. Memory is bounded: files are gone through in pages, and what must be sorted is sorted
//! by SQLite in temporary files. Every index is filled in its own order or made last.
//!
//! Folders keep their ids and files the names that are right.

use std::num::NonZeroUsize;

use lru::LruCache;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use super::ledger::{self, Row};
use super::rows::{self, FILE_COLUMNS, FILE_TABLES, FileRow};
use super::settle;
use crate::catalogue::{FolderId, Result, derive};
use crate::hash::Md5;
use crate::name::{Bucket, FileName, FolderName};

/// Files read at a time.
const PAGE: usize = 2_000;
/// With more new names than this, the index of names is made anew after them.
const MANY_NAMES: u64 = 20_000;
/// Folders whose ids are remembered.
const FOLDERS: NonZeroUsize = NonZeroUsize::new(50_000).expect("not zero");
/// Page cache while it runs.
const CACHE_KIB: u32 = 48 * 1024;

/// Triggers that would count and note what is made anew here.
const TRIGGERS: &str = "type = 'trigger' AND tbl_name IN ('entries', 'folders', 'books_to_hashes')";

/// Makes all derived data anew. Returns the number of files.
pub(super) fn reindex(writer: &mut Connection, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
    let cache_kib: i64 = writer.query_row("PRAGMA cache_size", [], |row| row.get(0))?;
    writer.pragma_update(None, "cache_size", -i64::from(CACHE_KIB))?;
    let outcome = in_transaction(writer, progress);
    writer.pragma_update(None, "cache_size", cache_kib)?;
    let files = outcome?;
    // Readers may still be in the way of folding the log in; the next commits will do it then.
    writer.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(files)
}

fn in_transaction(writer: &mut Connection, progress: &mut dyn FnMut(u64, u64)) -> Result<u64> {
    let transaction = writer.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let count = rows::number(&transaction, "SELECT count(*) FROM books_to_hashes", [])?;
    let mut rebuild = Rebuild {
        db: &transaction,
        files: count.unwrap_or(0).try_into().unwrap_or(0),
        done: 0,
        progress,
        folders: LruCache::new(FOLDERS),
    };
    rebuild.run()?;
    let files = rebuild.files;
    commit(transaction)?;
    Ok(files)
}

fn commit(transaction: Transaction<'_>) -> Result<()> {
    transaction.execute_batch(
        "DELETE FROM unsettled;
         DELETE FROM changes;
         INSERT INTO changes (kind) VALUES (5);",
    )?;
    transaction.commit()?;
    Ok(())
}

/// A rebuild under way.
struct Rebuild<'r> {
    db: &'r Connection,
    files: u64,
    /// Files gone through, in both passes.
    done: u64,
    progress: &'r mut dyn FnMut(u64, u64),
    folders: LruCache<(FolderId, FolderName), FolderId>,
}

impl Rebuild<'_> {
    fn run(&mut self) -> Result<()> {
        let triggers = take_schema(self.db, TRIGGERS)?;
        self.db.execute_batch(
            "CREATE TEMP TABLE renamed (file INTEGER PRIMARY KEY, name TEXT);
             CREATE TEMP TABLE losers (file INTEGER PRIMARY KEY);
             CREATE TEMP TABLE shared_md5s (md5 BLOB PRIMARY KEY) WITHOUT ROWID;
             CREATE TEMP TABLE shared_hashes (file INTEGER PRIMARY KEY, name TEXT);
             CREATE TEMP TABLE placed (folder, bucket, file, name, size, mtime, ctime, links);
             CREATE TEMP TABLE counted (folder INTEGER PRIMARY KEY, entries INTEGER);",
        )?;
        self.names()?;
        self.shared_hashes()?;
        self.places()?;
        self.entries()?;
        self.counts()?;
        self.db.execute_batch(
            "DROP TABLE renamed; DROP TABLE losers; DROP TABLE shared_md5s;
             DROP TABLE shared_hashes; DROP TABLE placed; DROP TABLE counted;",
        )?;
        self.db.execute_batch(&triggers)?;
        Ok(())
    }

    /// Gives every file a right name.
    fn names(&mut self) -> Result<()> {
        let mut renamed = 0;
        self.each_file(&mut |this, row| {
            // In the trash it leaves its name to others.
            let is_right = row.trashed.is_some()
                || row.name.as_deref().is_some_and(|name| {
                    FileName::from_stored(name.to_owned()).is_some()
                        && derive::is_right(
                            name,
                            &row.metadata,
                            &row.format,
                            &row.blob.md5,
                            row.file,
                        )
                });
            if !is_right {
                let name = FileName::compose(&row.metadata, &row.format);
                this.db
                    .prepare_cached("INSERT INTO renamed VALUES (?1, ?2)")?
                    .execute(params![rows::sql_id(row.file), name.as_str()])?;
                renamed += 1;
            }
            Ok(())
        })?;
        if renamed > MANY_NAMES {
            self.rename_many()?;
        }
        let left = if renamed > MANY_NAMES {
            "losers"
        } else {
            "renamed"
        };
        self.rename_each(left)
    }

    /// Gives all new names at once, where nobody else wants the same; the others are left without.
    fn rename_many(&self) -> Result<()> {
        let index = take_schema(self.db, "name = 'books_to_hashes_name'")?;
        self.db.execute_batch(
            "UPDATE books_to_hashes SET name = renamed.name FROM renamed
             WHERE renamed.file = books_to_hashes.id;
             INSERT INTO losers SELECT id FROM (
                 SELECT id, row_number() OVER (
                     PARTITION BY name
                     ORDER BY id IN (SELECT file FROM renamed), id
                 ) AS turn
                 FROM books_to_hashes WHERE name IS NOT NULL
             ) WHERE turn > 1 ORDER BY id;
             UPDATE books_to_hashes SET name = NULL WHERE id IN (SELECT file FROM losers);",
        )?;
        self.db.execute_batch(&index)?;
        Ok(())
    }

    /// Finds a free name for each file in `table`.
    fn rename_each(&self, table: &str) -> Result<()> {
        let mut statement = self
            .db
            .prepare(&format!("SELECT file FROM {table} ORDER BY file"))?;
        let mut due = statement.query([])?;
        while let Some(due) = due.next()? {
            let file = rows::file_id(due.get(0)?)?;
            if let Some(row) = rows::file_row(self.db, file)? {
                let name = settle::right_name(self.db, &row)?;
                settle::set_name(self.db, file, &name)?;
            }
        }
        Ok(())
    }

    /// Finds the names in `by-hash` where several files share a blob, or several blobs an MD5.
    fn shared_hashes(&self) -> Result<()> {
        self.db.execute_batch(
            "INSERT INTO shared_md5s SELECT md5 FROM books_hashes GROUP BY md5 HAVING count(*) > 1;
             INSERT OR IGNORE INTO shared_md5s SELECT h.md5 FROM (
                 SELECT hash_id FROM books_to_hashes GROUP BY hash_id HAVING count(*) > 1
             ) AS shared JOIN books_hashes AS h ON h.id = shared.hash_id;
             INSERT INTO shared_hashes SELECT f.id, NULL FROM shared_md5s AS s
             JOIN books_hashes AS h ON h.md5 = s.md5 JOIN books_to_hashes AS f ON f.hash_id = h.id;",
        )?;
        let mut statement = self.db.prepare("SELECT md5 FROM shared_md5s")?;
        let mut name = self
            .db
            .prepare("UPDATE shared_hashes SET name = ?2 WHERE file = ?1")?;
        let mut md5s = statement.query([])?;
        while let Some(row) = md5s.next()? {
            let Ok(md5) = Md5::try_from(row.get::<_, Vec<u8>>(0)?.as_slice()) else {
                continue;
            };
            for (file, owned) in settle::hash_names(self.db, &md5)? {
                name.execute(params![rows::sql_id(file), owned])?;
            }
        }
        Ok(())
    }

    /// Writes down, in the order of files, where each visible file belongs, and its words.
    fn places(&mut self) -> Result<()> {
        self.db
            .execute("INSERT INTO words (words) VALUES ('delete-all')", [])?;
        self.each_file(&mut |this, row| {
            if row.is_visible() {
                this.place(row)?;
                settle::add_words(this.db, row)?;
            }
            Ok(())
        })
    }

    fn place(&mut self, row: &FileRow) -> Result<()> {
        let Some(name) = row.name.clone().and_then(FileName::from_stored) else {
            return Ok(());
        };
        let bucket = Bucket::of(name.as_str());
        let mut places = vec![(FolderId::BY_TITLE, bucket)];
        for (view, folder) in derive::folders(&row.metadata, &row.format) {
            places.push((self.folder(view, folder)?, bucket));
        }
        let hash_name = self.hash_name(row)?;
        let mut entry = Row {
            name: name.as_str().to_owned(),
            size_bytes: row.blob.size_bytes,
            mtime: row.mtime,
            ctime: row.ctime(),
            links: places.len() + usize::from(hash_name.is_some()),
        };
        for place in places {
            ledger::insert_entry(self.db, "placed", place, row.file, &entry)?;
        }
        if let Some(name) = hash_name {
            entry.name = name;
            let place = settle::hash_place(&row.blob.md5);
            ledger::insert_entry(self.db, "placed", place, row.file, &entry)?;
        }
        Ok(())
    }

    fn folder(&mut self, view: FolderId, name: FolderName) -> Result<FolderId> {
        let key = (view, name);
        if let Some(id) = self.folders.get(&key) {
            return Ok(*id);
        }
        let id = ledger::find_or_make_folder(self.db, view, &key.1)?;
        self.folders.put(key, id);
        Ok(id)
    }

    /// The name in `by-hash` of a visible file, if the place is its own.
    fn hash_name(&self, row: &FileRow) -> Result<Option<String>> {
        let mut statement = self
            .db
            .prepare_cached("SELECT name FROM shared_hashes WHERE file = ?1")?;
        let mut rows = statement.query([rows::sql_id(row.file)])?;
        if let Some(shared) = rows.next()? {
            return Ok(shared.get(0)?);
        }
        let owner = [(row.file, row.blob, row.format.clone())];
        Ok(derive::hash_names(&owner).pop().map(|(_, name)| name))
    }

    /// Fills `entries` in its own order.
    fn entries(&self) -> Result<()> {
        let index = take_schema(self.db, "type = 'index' AND name = 'entries_file'")?;
        let table: String = self.db.query_row(
            "SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = 'entries'",
            [],
            |row| row.get(0),
        )?;
        self.db.execute_batch(&format!(
            "DROP TABLE entries;
             {table};
             INSERT INTO entries SELECT * FROM placed ORDER BY folder, bucket, file;
             {index}"
        ))?;
        Ok(())
    }

    /// Counts what each folder holds.
    fn counts(&self) -> Result<()> {
        self.db.execute_batch(
            "INSERT INTO counted SELECT folder, count(*) FROM entries GROUP BY folder;
             UPDATE folders SET mtime = unixepoch(),
                 children = kept + coalesce((SELECT entries FROM counted WHERE folder = id), 0)
             WHERE (parent <> 1 OR id = 3) AND children IS NOT
                 kept + coalesce((SELECT entries FROM counted WHERE folder = id), 0);
             DELETE FROM counted;
             INSERT INTO counted SELECT parent, count(*) FROM folders
                 WHERE parent <> 1 AND children > 0 GROUP BY parent;
             UPDATE folders SET mtime = unixepoch(),
                 children = coalesce((SELECT entries FROM counted WHERE folder = id), 0)
             WHERE parent = 1 AND id NOT IN (1, 3) AND children IS NOT
                 coalesce((SELECT entries FROM counted WHERE folder = id), 0);",
        )?;
        Ok(())
    }

    /// Calls `work` with every file that makes sense, in the order of ids.
    fn each_file(&mut self, work: &mut dyn FnMut(&mut Self, &FileRow) -> Result<()>) -> Result<()> {
        let mut after = 0;
        loop {
            let page = self.page(after)?;
            let Some((last, _)) = page.last() else {
                return Ok(());
            };
            after = *last;
            for row in page.iter().filter_map(|(_, row)| row.as_ref()) {
                work(self, row)?;
            }
            self.done += page.len() as u64;
            (self.progress)(self.done / 2, self.files);
        }
    }

    /// The next files, those that make no sense as `None`.
    fn page(&self, after: i64) -> Result<Vec<(i64, Option<FileRow>)>> {
        let sql = format!(
            "SELECT {FILE_COLUMNS} FROM {FILE_TABLES} WHERE f.id > ?1 ORDER BY f.id LIMIT {PAGE}"
        );
        let mut statement = self.db.prepare_cached(&sql)?;
        let mut rows = statement.query([after])?;
        let mut page = Vec::with_capacity(PAGE);
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            page.push((id, rows::sound(FileRow::read(row))?));
        }
        Ok(page)
    }
}

/// Drops the triggers or indexes that `condition` holds for. Returns the SQL that makes them again.
fn take_schema(db: &Connection, condition: &str) -> Result<String> {
    let mut statement = db.prepare(&format!(
        "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND {condition}"
    ))?;
    let found = statement
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<Vec<(String, String, String)>>>()?;
    let mut sql = String::new();
    for (kind, name, made) in found {
        db.execute_batch(&format!("DROP {kind} {name}"))?;
        sql.push_str(&made);
        sql.push_str(";\n");
    }
    Ok(sql)
}
