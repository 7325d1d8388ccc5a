//! What a draft says of itself, and what changes of a book whose file gets new bytes.

use std::ffi::OsStr;
use std::fs::File;
use std::time::SystemTime;

use super::bytes::Bytes;
use super::{Destination, Draft};
use crate::archive::{Archive, Result};
use crate::blob;
use crate::book::Metadata;
use crate::catalogue::{Arrival, Fields, FileId, InboxNode, NodeKind, Replaces, UnixNanos};
use crate::document;
use crate::hash::BlobId;

/// What a file beside documents is called that describes them.
const SIDECAR: &str = "metadata.opf";

/// What changes of a book: each field of which `new` says something else than `old`, and what was `given`. A
/// document that says nothing takes nothing away.
fn changes(old: &Metadata, new: &Metadata, given: &Metadata) -> Fields {
    let mut changes = Fields::default();
    macro_rules! compare {
        ($($field:ident),*) => {$(
            if given.$field.is_some() {
                changes.$field = Some(given.$field.clone());
            } else if new.$field.is_some() && old.$field != new.$field {
                changes.$field = Some(new.$field.clone());
            }
        )*};
    }
    compare!(title, author, publisher, year, language);
    changes
}

/// The modification time that a file is to have.
pub(super) fn mtime(to: &Destination) -> UnixNanos {
    to.mtime.unwrap_or_else(|| SystemTime::now().into())
}

impl Archive {
    /// What the catalogue is to be told of a draft with the bytes `blob`, which is to become the bytes of
    /// `node`, if it is one of the inbox.
    pub(super) fn arrival_of(
        &self,
        draft: &Draft,
        to: &Destination,
        blob: &BlobId,
        node: Option<&InboxNode>,
    ) -> Result<Arrival> {
        let sidecar = node.map_or(Ok(None), |node| self.sidecar_of(node))?;
        let name = OsStr::new(&to.name);
        let description = document::describe(&self.file_of(draft, blob)?, name, sidecar.as_ref());
        let target = match to.replaces {
            Some(file) => Some(file),
            None => node.map_or(Ok(None), |node| self.replaced_by(node))?,
        };
        let replaces = match target {
            None => None,
            Some(file) => {
                let old = self.old_metadata(file, blob, name, sidecar.as_ref())?;
                let old = old.as_ref().unwrap_or(&description.metadata);
                Some(Replaces {
                    file,
                    fields: changes(old, &description.metadata, &to.given),
                })
            }
        };
        Ok(Arrival {
            blob: *blob,
            metadata: to.given.clone().or(description.metadata),
            format: description.format,
            mtime: mtime(to).into(),
            book: None,
            file: to.file,
            replaces,
        })
    }

    /// A descriptor on the bytes of a draft.
    fn file_of(&self, draft: &Draft, blob: &BlobId) -> Result<File> {
        if let Some(file) = draft.core.bytes.reader()?.to_file() {
            return Ok(file);
        }
        // They are in a store that has no local files.
        self.copy_of(blob)
    }

    /// A descriptor on a copy of a blob.
    fn copy_of(&self, blob: &BlobId) -> Result<File> {
        let copy = Bytes::copy_of(std::sync::Arc::clone(&self.blobs), blob)?;
        let file = copy.reader()?.to_file();
        file.ok_or_else(|| blob::Error::Missing(*blob).into())
    }

    /// A descriptor on a blob, or a copy of it, if it is there and whole.
    fn blob_file(&self, blob: &BlobId) -> Option<File> {
        let open = self.blobs.open(blob).ok()?;
        match open.backing() {
            Some(file) => file.try_clone_to_owned().ok().map(File::from),
            None => self.copy_of(blob).ok(),
        }
    }

    /// What lies beside a file of the inbox to describe it.
    fn sidecar_of(&self, node: &InboxNode) -> Result<Option<File>> {
        if node.name == SIDECAR {
            return Ok(None);
        }
        let sidecar = self.catalogue.node_named(node.parent, SIDECAR)?;
        Ok(match sidecar.map(|sidecar| sidecar.kind) {
            Some(NodeKind::File(Some(blob))) => self.blob_file(&blob),
            _ => None,
        })
    }

    /// The document that a file of the inbox was, if it is that still and no other file there is.
    fn replaced_by(&self, node: &InboxNode) -> Result<Option<FileId>> {
        let (Some(file), NodeKind::File(Some(old))) = (node.file, node.kind) else {
            return Ok(None);
        };
        let is_its_own = self.catalogue.blob_of(file)? == Some(old)
            && !self.catalogue.is_in_inbox(file, node.id)?;
        Ok(is_its_own.then_some(file))
    }

    /// What the bytes that a visible file has say of it. `None`: the same as `blob`, because they are the
    /// same, or nobody can tell.
    fn old_metadata(
        &self,
        file: FileId,
        blob: &BlobId,
        name: &OsStr,
        sidecar: Option<&File>,
    ) -> Result<Option<Metadata>> {
        let old = self.catalogue.blob_of(file)?.filter(|old| old != blob);
        let bytes = old.and_then(|old| self.blob_file(&old));
        Ok(bytes.map(|bytes| document::describe(&bytes, name, sidecar).metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_document_now_says_otherwise_changes() {
        let old = Metadata {
            title: Some("Title".into()),
            author: Some("Author".into()),
            year: Some(1900),
            ..Metadata::default()
        };
        let new = Metadata {
            title: Some("Title".into()),
            author: Some("Another".into()),
            language: Some("de".into()),
            ..Metadata::default()
        };
        let given = Metadata {
            title: Some("Given".into()),
            ..Metadata::default()
        };
        let changes = changes(&old, &new, &given);
        assert_eq!(
            changes,
            Fields {
                title: Some(Some("Given".into())),
                author: Some(Some("Another".into())),
                publisher: None,
                year: None,
                language: Some(Some("de".into())),
            }
        );
    }
}
