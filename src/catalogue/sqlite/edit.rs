//! Changing metadata, and folders that are made by hand.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, params};

use super::journal::{self, Step};
use super::rows::{self, sql_id};
use super::{SqliteCatalogue, ledger, settle, trash};
use crate::author;
use crate::book::Metadata;
use crate::catalogue::{
    Action, ActionId, Browse, Deed, Discard, Edit, Fields, FileId, Folder, FolderId, Result,
    TrashEntry,
};
use crate::name::{FolderName, UNKNOWN};
use crate::time::UnixSeconds;

impl Edit for SqliteCatalogue {
    fn reserve_files(&self, count: u32) -> Result<FileId> {
        self.write(|db| {
            let first = next_file(db)?;
            let last = first.saturating_add(i64::from(count) - 1);
            db.prepare_cached(
                "UPDATE sqlite_sequence SET seq = ?1 WHERE name = 'books_to_hashes'",
            )?
            .execute([last])?;
            rows::file_id(first)
        })
    }

    fn edit(&self, edits: &[(FileId, Fields)]) -> Result<usize> {
        self.write(|db| {
            let mut books = BTreeMap::new();
            for (file, fields) in edits {
                if let Some(book) = book_of(db, *file)? {
                    books.insert(book, (*file, fields));
                }
            }
            let books = books.into_iter();
            let books = books.map(|(book, (file, fields))| (book, Some(file), fields));
            change_books(db, books, |fields, old| fields.applied_to(old))
        })
    }

    fn rename_author(&self, folder: FolderId, to: &str) -> Result<usize> {
        self.write(|db| {
            let name = "SELECT name FROM folders WHERE id = ?1 AND parent = ?2";
            let mut statement = db.prepare_cached(name)?;
            let mut found = statement.query(params![folder.get(), FolderId::BY_AUTHOR.get()])?;
            let Some(from) = found.next()?.map(|row| row.get::<_, String>(0)).transpose()? else {
                return Ok(0);
            };
            let mut books = BTreeSet::new();
            let mut statement = db.prepare_cached(
                "SELECT DISTINCT f.book_id FROM entries AS e JOIN books_to_hashes AS f ON f.id = e.file \
                 WHERE e.folder = ?1",
            )?;
            let mut rows = statement.query([folder.get()])?;
            while let Some(row) = rows.next()? {
                books.insert(row.get::<_, i64>(0)?);
            }
            let books = books.into_iter().map(|book| (book, None, ()));
            change_books(db, books, |(), old| Metadata {
                author: author_renamed(old.author.as_deref(), &from, to),
                ..old.clone()
            })
        })
    }

    fn set_mtime(&self, file: FileId, mtime: UnixSeconds) -> Result<bool> {
        self.write(|db| {
            let mut statement =
                db.prepare_cached("UPDATE books_to_hashes SET mtime = ?2 WHERE id = ?1")?;
            let is_there = statement.execute(params![sql_id(file), mtime.0])? > 0;
            settle::files(db, BTreeSet::from([file]))?;
            Ok(is_there)
        })
    }

    fn trash(&self, files: &[Discard]) -> Result<usize> {
        self.write(|db| {
            let gone = trash::discard(db, files)?;
            journal::write(db, Deed::Trash, &gone)?;
            Ok(gone.len())
        })
    }

    fn restore(&self, files: &[FileId]) -> Result<usize> {
        self.write(|db| {
            let back = trash::restore(db, files)?;
            journal::write(db, Deed::Restore, &back)?;
            Ok(back.len())
        })
    }

    fn empty_trash(&self, files: Option<&[FileId]>, before: Option<UnixSeconds>) -> Result<usize> {
        self.write(|db| trash::empty(db, files, before))
    }

    fn trashed(&self, after: Option<FileId>, limit: usize) -> Result<Vec<TrashEntry>> {
        trash::page(&*self.pool.reader()?, after, limit)
    }

    fn trash_entry(&self, file: FileId) -> Result<Option<TrashEntry>> {
        trash::of_file(&*self.pool.reader()?, file)
    }

    fn trashed_as(&self, name: &str) -> Result<Option<TrashEntry>> {
        trash::named(&*self.pool.reader()?, name)
    }

    fn journal(&self, before: Option<ActionId>, limit: usize) -> Result<Vec<Action>> {
        journal::page(&*self.pool.reader()?, before, limit)
    }

    fn undo(&self, count: usize) -> Result<Vec<Action>> {
        self.write(|db| journal::undo(db, count))
    }

    fn make_folder(&self, parent: FolderId, name: &FolderName) -> Result<Option<Folder>> {
        let made = self.write(|db| {
            let folder = ledger::find_or_make_folder(db, parent, name)?;
            let mut statement = db.prepare_cached(
                "UPDATE folders SET kept = 1, children = children + 1, mtime = unixepoch() \
                 WHERE id = ?1 AND children = 0",
            )?;
            let is_new = statement.execute([folder.get()])? > 0;
            Ok(is_new.then_some(folder))
        })?;
        made.map_or(Ok(None), |folder| self.folder(folder))
    }

    fn remove_folder(&self, folder: FolderId) -> Result<bool> {
        self.write(|db| {
            let mut statement = db.prepare_cached(
                "UPDATE folders SET kept = 0, children = 0 WHERE id = ?1 AND kept = 1 AND children = 1",
            )?;
            if statement.execute([folder.get()])? > 0 {
                return Ok(true);
            }
            let children = "SELECT children FROM folders WHERE id = ?1";
            Ok(rows::number(db, children, [folder.get()])?.unwrap_or(0) == 0)
        })
    }
}

/// The id that the next file gets. SQLite counts in the same way: an id set by hand is in the table and not in
/// the sequence.
pub(super) fn next_file(db: &Connection) -> Result<i64> {
    let given = "SELECT seq FROM sqlite_sequence WHERE name = 'books_to_hashes'";
    let present = "SELECT max(id) FROM books_to_hashes";
    let last = rows::number(db, given, [])?.max(rows::number(db, present, [])?);
    let floor = i64::try_from(FileId::FIRST).unwrap_or(i64::MAX);
    Ok(last.map_or(floor, |last| last.saturating_add(1).max(floor)))
}

/// The book of a file that is not in the trash.
fn book_of(db: &Connection, file: FileId) -> Result<Option<i64>> {
    rows::number(
        db,
        "SELECT book_id FROM books_to_hashes WHERE id = ?1 AND trashed IS NULL",
        [sql_id(file)],
    )
}

/// The author or authors of a book after a renaming; as they are where nobody is called so.
fn author_renamed(author: Option<&str>, from: &str, to: &str) -> Option<String> {
    let people = author.map_or_else(Vec::new, author::split);
    if people.is_empty() && from == UNKNOWN {
        return Some(to.to_owned());
    }
    let renamed = author.and_then(|author| author::renamed(author, from, to));
    renamed.or_else(|| author.map(str::to_owned))
}

/// Changes books, as one action, each by the file that is named first, if one is. Returns how many are different now.
fn change_books<T>(
    db: &Connection,
    books: impl Iterator<Item = (i64, Option<FileId>, T)>,
    change: impl Fn(&T, &Metadata) -> Metadata,
) -> Result<usize> {
    let mut steps = Vec::new();
    for (book, first, what) in books {
        let Some(old) = metadata(db, book)? else {
            continue;
        };
        let new = change(&what, &old);
        if new != old {
            set_metadata(db, book, &new, first)?;
            steps.push(Step::Edit {
                book,
                before: old,
                after: new,
            });
        }
    }
    journal::write(db, Deed::Edit, &steps)?;
    Ok(steps.len())
}

/// The fields of a book.
pub(super) fn metadata(db: &Connection, book: i64) -> Result<Option<Metadata>> {
    let mut statement = db.prepare_cached(
        "SELECT title, author, publisher, year, language FROM books_metadata WHERE id = ?1",
    )?;
    let mut found = statement.query([book])?;
    let Some(row) = found.next()? else {
        return Ok(None);
    };
    Ok(Some(Metadata {
        title: rows::text(row, 0)?,
        author: rows::text(row, 1)?,
        publisher: rows::text(row, 2)?,
        year: row
            .get::<_, Option<i64>>(3)?
            .and_then(|year| year.try_into().ok()),
        language: rows::text(row, 4)?,
    }))
}

/// Sets the fields of a book, and makes right what follows from them. `first` is named before the book's other files:
/// it is to have the name that it was moved to.
pub(super) fn set_metadata(
    db: &Connection,
    book: i64,
    new: &Metadata,
    first: Option<FileId>,
) -> Result<()> {
    let mut statement = db.prepare_cached(
        "UPDATE books_metadata SET title = ?2, author = ?3, publisher = ?4, year = ?5, language = ?6, \
         updated = unixepoch() WHERE id = ?1",
    )?;
    statement.execute(params![
        book,
        new.title,
        new.author,
        new.publisher,
        new.year,
        new.language
    ])?;
    let mut statement = db.prepare_cached("SELECT id FROM books_to_hashes WHERE book_id = ?1")?;
    let mut files = BTreeSet::new();
    let mut rows = statement.query([book])?;
    while let Some(row) = rows.next()? {
        files.insert(rows::file_id(row.get(0)?)?);
    }
    settle::files(db, first.into_iter().collect())?;
    settle::files(db, files)?;
    settle::unnote_book(db, book)
}
