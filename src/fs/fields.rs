//! What folders and names say of a book.

use crate::archive::{Fields, FileId, FileRecord, Folder, FolderId, read_name};
use crate::author;
use crate::book::Metadata;
use crate::name::UNKNOWN;

use super::names::Spot;
use super::write::as_listed;
use super::{FileSystem, Result};

impl FileSystem {
    /// Applies what a folder says to a file that was moved into it.
    pub(super) fn file_into(&self, file: FileId, folder: &Folder) -> Result<()> {
        let record = self.record(file)?;
        let fields = as_fields(
            &said_by(folder).or(record.metadata.clone()),
            &record.metadata,
        );
        if !fields.is_empty() {
            self.catalogue().edit(&[(file, fields)])?;
        }
        Ok(())
    }
}

/// What a folder says of the files that are dropped into it.
pub(super) fn said_by(folder: &Folder) -> Metadata {
    let value = Some(folder.name.clone()).filter(|name| name != UNKNOWN);
    match folder.parent {
        FolderId::BY_AUTHOR => Metadata {
            author: value,
            ..Metadata::default()
        },
        FolderId::BY_LANGUAGE => Metadata {
            language: value,
            ..Metadata::default()
        },
        FolderId::BY_YEAR => Metadata {
            year: value.and_then(|year| year.parse().ok()),
            ..Metadata::default()
        },
        _ => Metadata::default(),
    }
}

/// What a move to another folder and another name says of a book.
pub(super) fn fields_of_move(record: &FileRecord, old: &Spot<'_>, new: &Spot<'_>) -> Fields {
    let mut fields = Fields::default();
    if old.folder.id != new.folder.id {
        fields = fields_of_folder(record, &old.folder, &new.folder);
    }
    if as_listed(old.name) != as_listed(new.name) && as_listed(new.name) != record.name.as_str() {
        let said = read_name(new.name, &record.metadata);
        let differs = |new: &Option<String>, old: &Option<String>| new.is_some() && new != old;
        if differs(&said.title, &record.metadata.title) {
            fields.title = Some(said.title);
        }
        if fields.author.is_none()
            && names_another(said.author.as_deref(), record.metadata.author.as_deref())
        {
            fields.author = Some(said.author);
        }
        if fields.year.is_none() && said.year.is_some() && said.year != record.metadata.year {
            fields.year = Some(said.year);
        }
    }
    fields
}

/// Whether `said` names somebody whom `known` does not begin with: a name shows the first author alone.
fn names_another(said: Option<&str>, known: Option<&str>) -> bool {
    let first = |author: &str| author::split(author).into_iter().next();
    match (said.and_then(first), known.and_then(first)) {
        (Some(said), Some(known)) => said != known,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// What a move from one folder to another says of a book.
fn fields_of_folder(record: &FileRecord, old: &Folder, new: &Folder) -> Fields {
    let mut fields = as_fields(&said_by(new).or(record.metadata.clone()), &record.metadata);
    let becomes_unknown = new.name == UNKNOWN;
    match new.parent {
        FolderId::BY_AUTHOR if becomes_unknown => fields.author = Some(None),
        FolderId::BY_AUTHOR if old.parent == FolderId::BY_AUTHOR => {
            let known = record.metadata.author.as_deref().unwrap_or_default();
            let renamed = author::renamed(known, &old.name, &new.name);
            fields.author = Some(Some(renamed.unwrap_or_else(|| new.name.clone())));
        }
        FolderId::BY_YEAR if becomes_unknown => fields.year = Some(None),
        FolderId::BY_LANGUAGE if becomes_unknown => fields.language = Some(None),
        _ => {}
    }
    fields
}

/// What turns `old` into `new`.
pub(super) fn as_fields(new: &Metadata, old: &Metadata) -> Fields {
    #[expect(
        clippy::option_option,
        reason = "a field that is emptied differs from one that stays"
    )]
    fn changed<T: Clone + PartialEq>(new: Option<&T>, old: Option<&T>) -> Option<Option<T>> {
        (new != old).then(|| new.cloned())
    }
    Fields {
        title: changed(new.title.as_ref(), old.title.as_ref()),
        author: changed(new.author.as_ref(), old.author.as_ref()),
        publisher: changed(new.publisher.as_ref(), old.publisher.as_ref()),
        year: changed(new.year.as_ref(), old.year.as_ref()),
        language: changed(new.language.as_ref(), old.language.as_ref()),
    }
}
