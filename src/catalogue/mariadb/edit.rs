//! Changing metadata, and folders that are made by hand.

use std::collections::{BTreeMap, BTreeSet};

use super::db::Db;
use super::journal::{self, Step};
use super::rows::{self, sql_id};
use super::{MariadbCatalogue, ledger, settle, trash};
use crate::author;
use crate::book::Metadata;
use crate::catalogue::{
    Action, ActionId, Browse, Deed, Discard, Edit, Error, Fields, FileId, Folder, FolderId, Result,
    TrashEntry,
};
use crate::name::{FolderName, UNKNOWN};
use crate::time::UnixSeconds;

impl Edit for MariadbCatalogue {
    fn reserve_files(&self, count: u32) -> Result<FileId> {
        self.write(|db| set_aside(db, count))
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
            let found = db.row(
                "SELECT name FROM folders WHERE id = ? AND parent = ?",
                (folder.get(), FolderId::BY_AUTHOR.get()),
            )?;
            let Some(from) = found.map(|row| row.get::<String>(0)).transpose()? else {
                return Ok(0);
            };
            let mut books = BTreeSet::new();
            let found = db.rows(
                "SELECT DISTINCT f.book_id FROM entries AS e JOIN books_to_hashes AS f ON f.id = e.file \
                 WHERE e.folder = ?",
                (folder.get(),),
            )?;
            for row in found {
                books.insert(row.get::<i64>(0)?);
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
            let set = "UPDATE books_to_hashes SET mtime = ? WHERE id = ?";
            let is_there = db.run(set, (mtime.0, sql_id(file)))? > 0;
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
        self.pool.read(|db| trash::page(db, after, limit))
    }

    fn trash_entry(&self, file: FileId) -> Result<Option<TrashEntry>> {
        self.pool.read(|db| trash::of_file(db, file))
    }

    fn trashed_as(&self, name: &str) -> Result<Option<TrashEntry>> {
        self.pool.read(|db| trash::named(db, name))
    }

    fn journal(&self, before: Option<ActionId>, limit: usize) -> Result<Vec<Action>> {
        self.pool.read(|db| journal::page(db, before, limit))
    }

    fn undo(&self, count: usize) -> Result<Vec<Action>> {
        self.write(|db| journal::undo(db, count))
    }

    fn make_folder(&self, parent: FolderId, name: &FolderName) -> Result<Option<Folder>> {
        let made = self.write(|db| {
            let folder = ledger::find_or_make_folder(db, parent, name)?;
            let empty = "UPDATE folders SET kept = 1 WHERE id = ? AND children = 0";
            if db.run(empty, (folder.get(),))? == 0 {
                return Ok(None);
            }
            ledger::fill(db, &BTreeMap::from([(folder, 1)]))?;
            Ok(Some(folder))
        })?;
        made.map_or(Ok(None), |folder| self.folder(folder))
    }

    fn remove_folder(&self, folder: FolderId) -> Result<bool> {
        self.write(|db| {
            let kept = "SELECT parent, name FROM folders WHERE id = ? AND kept = 1 AND children = 1";
            if let Some(row) = db.row(kept, (folder.get(),))? {
                let (parent, name): (i64, String) = (row.get(0)?, row.get(1)?);
                db.run("UPDATE folders SET kept = 0, children = 0 WHERE id = ?", (folder.get(),))?;
                db.run(
                    "INSERT INTO changes (kind, a, b, name) VALUES (3, ?, ?, ?)",
                    (folder.get(), parent, name),
                )?;
                let less = "UPDATE folders SET children = children - 1, mtime = unix_timestamp() WHERE id = ?";
                db.run(less, (parent,))?;
                return Ok(true);
            }
            let children = "SELECT children FROM folders WHERE id = ?";
            Ok(db.number(children, (folder.get(),))?.unwrap_or(0) == 0)
        })
    }
}

/// Sets ids aside: the returned one and those after it. No other file ever gets them.
pub(super) fn set_aside(db: &Db, count: u32) -> Result<FileId> {
    // Held by this transaction since it began.
    let first = "SELECT next_file FROM state WHERE id = 1";
    let first = db.number(first, ())?.unwrap_or_default();
    let file = rows::file_id(first).map_err(|_| Error::Failed("no file id is left".to_owned()))?;
    db.run(
        "UPDATE state SET next_file = next_file + ? WHERE id = 1",
        (count,),
    )?;
    Ok(file)
}

/// The book of a file that is not in the trash.
fn book_of(db: &Db, file: FileId) -> Result<Option<i64>> {
    db.number(
        "SELECT book_id FROM books_to_hashes WHERE id = ? AND trashed IS NULL",
        (sql_id(file),),
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
    db: &Db,
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
pub(super) fn metadata(db: &Db, book: i64) -> Result<Option<Metadata>> {
    let found = db.row(
        "SELECT title, author, publisher, year, language FROM books_metadata WHERE id = ?",
        (book,),
    )?;
    let Some(row) = found else {
        return Ok(None);
    };
    Ok(Some(Metadata {
        title: rows::text(&row, 0),
        author: rows::text(&row, 1),
        publisher: rows::text(&row, 2),
        year: row
            .get::<Option<i64>>(3)?
            .and_then(|year| year.try_into().ok()),
        language: rows::text(&row, 4),
    }))
}

/// Sets the fields of a book, and makes right what follows from them. `first` is named before the book's other files:
/// it is to have the name that it was moved to.
pub(super) fn set_metadata(
    db: &Db,
    book: i64,
    new: &Metadata,
    first: Option<FileId>,
) -> Result<()> {
    db.run(
        "UPDATE books_metadata SET title = ?, author = ?, publisher = ?, year = ?, language = ?, \
         updated = unix_timestamp() WHERE id = ?",
        (
            &new.title,
            &new.author,
            &new.publisher,
            new.year,
            &new.language,
            book,
        ),
    )?;
    let mut files = BTreeSet::new();
    for row in db.rows("SELECT id FROM books_to_hashes WHERE book_id = ?", (book,))? {
        files.insert(rows::file_id(row.get(0)?)?);
    }
    settle::files(db, first.into_iter().collect())?;
    settle::files(db, files)?;
    settle::unnote_book(db, book)
}
