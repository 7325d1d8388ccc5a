//! What is noted of a draft so that it survives the process: one line of JSON.

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::Destination;
use crate::hash::BlobId;

/// What is known of a draft.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::archive) struct Note {
    /// Where it is to go.
    pub(in crate::archive) to: Destination,
    /// Its bytes as they were when it was settled last. If the staged file is gone, they are what the store
    /// has adopted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in crate::archive) blob: Option<BlobId>,
    /// Whether its bytes were made durable once. What was written to them since may be there or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) is_synced: bool,
    /// The run of the system in which that was: as long as it lasts, what was written is there.
    #[serde(default)]
    pub(super) boot: String,
}

impl Note {
    /// A note of now.
    pub(in crate::archive) fn new(to: &Destination, blob: Option<BlobId>, is_synced: bool) -> Self {
        Self {
            to: to.clone(),
            blob,
            is_synced,
            boot: boot().to_owned(),
        }
    }

    /// Whether bytes may be lost that nobody had asked to be made durable, because the system has stopped since.
    pub(super) fn may_be_torn(&self) -> bool {
        !self.is_synced && self.boot != boot()
    }

    /// As one line.
    pub(in crate::archive) fn to_line(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    /// What a line says; `None` if it is of a program that notes something else.
    pub(in crate::archive) fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// This run of the system (random(4)); nothing where it has none.
fn boot() -> &'static str {
    static BOOT: OnceLock<String> = OnceLock::new();
    BOOT.get_or_init(|| {
        let read = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
        read.unwrap_or_default().trim().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::book::Metadata;
    use crate::catalogue::{FileId, NodeId, UnixNanos};
    use crate::hash::BlobHasher;

    #[test]
    fn survives_the_round_trip_in_one_line() {
        let blob = BlobHasher::new().finish();
        let full = Destination {
            name: "Zwei\nZeilen \u{2028} \"und\" mehr.epub".into(),
            given: Metadata {
                author: Some("Ödön\u{0} von Horváth".into()),
                year: Some(-44),
                ..Metadata::default()
            },
            mtime: Some(UnixNanos(-1)),
            ctime: Some(UnixNanos(1)),
            file: FileId::new(5000),
            replaces: FileId::new(6000),
            node: NodeId::new(17),
            must_be: Some(crate::hash::Hash::Sha1(blob.sha1)),
            is_document: true,
        };
        let full = Note::new(&full, Some(blob), true);
        let empty = Note::new(&Destination::default(), None, false);
        assert!(!full.may_be_torn() && !empty.may_be_torn());
        for note in [full, empty] {
            let line = note.to_line().unwrap();
            assert!(!line.contains('\n'));
            assert_eq!(Note::parse(&line), Some(note));
        }
        assert_eq!(Note::parse("{}"), None);
    }
}
