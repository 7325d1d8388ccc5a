//! Changing what is recorded, and taking it back.
//!
//! Every change here is one durable transaction and, where it is not said otherwise, one *action* of the
//! journal: [`Edit::undo`] takes whole actions back, the latest first. Undoing is no action itself.
//!
//! A file in the trash keeps its row, its blob and its book. It has a path that it would be restored to, for
//! people, and a name in the trash, which is unique there.

use serde::{Deserialize, Serialize};

use super::{FileId, FileRecord, Folder, FolderId, Result};
use crate::book::Metadata;
use crate::name::FolderName;
use crate::time::UnixSeconds;

/// New values for some fields of a book: `None` leaves a field as it is, `Some(None)` empties it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fields {
    /// The title.
    pub title: Option<Option<String>>,
    /// The author or authors.
    pub author: Option<Option<String>>,
    /// The publisher.
    pub publisher: Option<Option<String>>,
    /// The year.
    pub year: Option<Option<i32>>,
    /// The language.
    pub language: Option<Option<String>>,
}

impl Fields {
    /// Whether nothing is to change.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// `metadata` with these values.
    #[must_use]
    pub fn applied_to(&self, metadata: &Metadata) -> Metadata {
        fn either<T: Clone>(new: Option<&Option<T>>, old: Option<&T>) -> Option<T> {
            new.map_or_else(|| old.cloned(), Clone::clone)
        }
        Metadata {
            title: either(self.title.as_ref(), metadata.title.as_ref()),
            author: either(self.author.as_ref(), metadata.author.as_ref()),
            publisher: either(self.publisher.as_ref(), metadata.publisher.as_ref()),
            year: either(self.year.as_ref(), metadata.year.as_ref()),
            language: either(self.language.as_ref(), metadata.language.as_ref()),
        }
    }
}

/// An action of the journal. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ActionId(pub i64);

/// What an action did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Deed {
    /// Metadata was changed.
    Edit,
    /// Files were put into the trash.
    Trash,
    /// Files were taken out of the trash.
    Restore,
    /// A file was given new bytes, which are another file from then on; the old one is in the trash.
    Replace,
}

/// One action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Action {
    /// Its number.
    pub id: ActionId,
    /// When.
    pub at: UnixSeconds,
    /// What it did.
    pub deed: Deed,
    /// How many files it did it to.
    pub files: u64,
    /// In words: a file's name, or what was changed from what to what.
    pub summary: String,
    /// When it was taken back.
    pub undone: Option<UnixSeconds>,
}

/// A file in the trash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrashEntry {
    /// The file.
    pub record: FileRecord,
    /// Its name in the trash.
    pub name: String,
    /// Where it was, relative to the mount, for people.
    pub path: String,
}

/// How a file comes into the trash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discard {
    /// The file.
    pub file: FileId,
    /// Its name in the trash; its own without one.
    pub name: Option<String>,
    /// Where it was, relative to the mount; `by-title/` and its name without one.
    pub path: Option<String>,
}

/// Changing what is recorded.
pub trait Edit: Send + Sync {
    /// Sets `count` ids aside, the returned one and those after it: no other file ever gets them.
    fn reserve_files(&self, count: u32) -> Result<FileId>;

    /// Changes the books of files that are not in the trash: each once, by the last that names it. Returns how many books are
    /// different now. Nothing is in the journal if none is.
    fn edit(&self, edits: &[(FileId, Fields)]) -> Result<usize>;

    /// Renames one author in every book that is shown in the folder of that name in `by-author`. `to` is the new
    /// name; in a string of several authors the others stay as they are. Returns how many books are
    /// different now.
    fn rename_author(&self, folder: FolderId, to: &str) -> Result<usize>;

    /// Gives a file another modification time. Not in the journal. `false`: there is no such file.
    fn set_mtime(&self, file: FileId, mtime: UnixSeconds) -> Result<bool>;

    /// Puts files into the trash. Returns how many were not there before.
    fn trash(&self, files: &[Discard]) -> Result<usize>;

    /// Takes files out of the trash. Returns how many were there.
    fn restore(&self, files: &[FileId]) -> Result<usize>;

    /// Removes files that are in the trash for good, and books that no file has any more; with `before`
    /// only those put there before. Their blobs stay until they are collected. Not in the journal, and nothing
    /// takes it back. Returns how many it removed.
    fn empty_trash(&self, files: Option<&[FileId]>, before: Option<UnixSeconds>) -> Result<usize>;

    /// The next files in the trash after `after` by id, at most `limit`; those taken down too.
    fn trashed(&self, after: Option<FileId>, limit: usize) -> Result<Vec<TrashEntry>>;

    /// What the trash has of a file.
    fn trash_entry(&self, file: FileId) -> Result<Option<TrashEntry>>;

    /// The file called so in the trash.
    fn trashed_as(&self, name: &str) -> Result<Option<TrashEntry>>;

    /// The latest actions before `before`, the latest first, at most `limit`.
    fn journal(&self, before: Option<ActionId>, limit: usize) -> Result<Vec<Action>>;

    /// Takes back the latest `count` actions that are not taken back yet, in one transaction. Of an edit, the
    /// fields that were changed again since by others stay as they are. Returns them, the latest first.
    fn undo(&self, count: usize) -> Result<Vec<Action>>;

    /// Makes a folder in a view of folders, shown from now on even when it is empty. `None`: it is shown
    /// already.
    fn make_folder(&self, parent: FolderId, name: &FolderName) -> Result<Option<Folder>>;

    /// Shows a folder no longer when it is empty. `false`: it is not empty.
    fn remove_folder(&self, folder: FolderId) -> Result<bool>;
}
