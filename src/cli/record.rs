//! One file of the archive, as `show` and `search` print it.

use serde::Serialize;

use crate::archive::{FileRecord, FolderId, TakedownEntry};
use crate::hash::{Md5, Sha1};
use crate::time::UnixSeconds;

use super::table::Facts;
use super::text::{Size, When};

/// Where a file is in a mount, the best known place first. Each path resolves at any size of its folder.
pub fn places(record: &FileRecord) -> Vec<String> {
    let name = &record.name;
    let md5 = record.blob.md5.to_string();
    let mut places = vec![format!("by-title/{name}")];
    for (view, folder) in record.folders() {
        let view = match view {
            FolderId::BY_AUTHOR => "by-author",
            FolderId::BY_FORMAT => "by-format",
            FolderId::BY_YEAR => "by-year",
            FolderId::BY_LANGUAGE => "by-language",
            _ => continue,
        };
        places.push(format!("{view}/{folder}/{name}"));
    }
    places.push(format!("by-hash/{}/{md5}.{}", &md5[..2], record.format));
    places
}

/// A takedown as JSON.
#[derive(Debug, Serialize)]
pub struct TakedownJson {
    id: i64,
    md5: Option<String>,
    sha1: Option<String>,
    size_bytes: Option<u64>,
    deleted_at: UnixSeconds,
    reason: Option<String>,
    notice: Option<String>,
}

impl From<&TakedownEntry> for TakedownJson {
    fn from(entry: &TakedownEntry) -> Self {
        let takedown = &entry.takedown;
        Self {
            id: entry.id.0,
            md5: takedown.md5.as_ref().map(Md5::to_string),
            sha1: takedown.sha1.as_ref().map(Sha1::to_string),
            size_bytes: takedown.size_bytes,
            deleted_at: entry.deleted_at,
            reason: takedown.reason.clone(),
            notice: takedown.notice.clone(),
        }
    }
}

/// A file as JSON.
#[derive(Debug, Serialize)]
pub struct FileJson {
    id: u64,
    name: String,
    title: Option<String>,
    author: Option<String>,
    publisher: Option<String>,
    year: Option<i32>,
    language: Option<String>,
    format: String,
    md5: String,
    sha1: String,
    size_bytes: u64,
    book: String,
    added: UnixSeconds,
    mtime: UnixSeconds,
    updated: UnixSeconds,
    last_seen: UnixSeconds,
    visible: bool,
    trashed: Option<UnixSeconds>,
    taken_down: Option<TakedownJson>,
    paths: Vec<String>,
}

impl From<&FileRecord> for FileJson {
    fn from(record: &FileRecord) -> Self {
        let metadata = record.metadata.clone();
        Self {
            id: record.file.get(),
            name: record.name.to_string(),
            title: metadata.title,
            author: metadata.author,
            publisher: metadata.publisher,
            year: metadata.year,
            language: metadata.language,
            format: record.format.to_string(),
            md5: record.blob.md5.to_string(),
            sha1: record.blob.sha1.to_string(),
            size_bytes: record.blob.size_bytes,
            book: record.book.to_string(),
            added: record.added,
            mtime: record.mtime,
            updated: record.updated,
            last_seen: record.last_seen,
            visible: record.is_visible(),
            trashed: record.trashed,
            taken_down: record.taken_down.as_ref().map(TakedownJson::from),
            paths: places_if_visible(record),
        }
    }
}

/// Where a file can be found: nowhere, if it is hidden.
fn places_if_visible(record: &FileRecord) -> Vec<String> {
    if record.is_visible() {
        places(record)
    } else {
        Vec::new()
    }
}

/// All that is recorded of a file, for people.
pub fn facts(record: &FileRecord) -> Facts {
    let metadata = &record.metadata;
    let mut facts = Facts::new();
    facts
        .add("name", &record.name)
        .add_some("title", metadata.title.as_ref())
        .add_some("author", metadata.author.as_ref())
        .add_some("publisher", metadata.publisher.as_ref())
        .add_some("year", metadata.year)
        .add_some("language", metadata.language.as_ref())
        .add("format", &record.format)
        .add(
            "size",
            format_args!(
                "{} ({} bytes)",
                Size(record.blob.size_bytes),
                record.blob.size_bytes
            ),
        )
        .add("md5", record.blob.md5)
        .add("sha1", record.blob.sha1)
        .add("added", When(record.added))
        .add("modified", When(record.mtime))
        .add("last seen intact", When(record.last_seen))
        .add_some(
            "in the trash",
            record.trashed.map(|at| format!("since {}", When(at))),
        )
        .add_some("taken down", record.taken_down.as_ref().map(why));
    for (nth, place) in places_if_visible(record).into_iter().enumerate() {
        facts.add(if nth == 0 { "paths" } else { "" }, place);
    }
    facts
}

/// `2026-11-23T02:04:29Z, notice N-7: asked by the author`
pub fn why(entry: &TakedownEntry) -> String {
    let notice = entry
        .takedown
        .notice
        .iter()
        .map(|notice| format!(", notice {notice}"));
    let reason = entry
        .takedown
        .reason
        .iter()
        .map(|reason| format!(": {reason}"));
    std::iter::once(When(entry.deleted_at).to_string())
        .chain(notice)
        .chain(reason)
        .collect()
}
