//! `librisfs trash ARCHIVE list`.

use serde::Serialize;

use crate::archive::{Archive, TrashEntry};
use crate::time::UnixSeconds;

use super::super::exit::Exit;
use super::super::failure::{Failure, Outcome};
use super::super::output::{Output, OutputArgs};
use super::super::progress::say;
use super::super::table::{Side, Table};
use super::super::text::{Size, When};

/// Entries read, and printed as one table, at once.
const PAGE: usize = 1000;

#[derive(Debug, Serialize)]
struct EntryJson<'a> {
    name: &'a str,
    path: &'a str,
    trashed: Option<UnixSeconds>,
    taken_down: bool,
    size_bytes: u64,
    md5: String,
    sha1: String,
}

impl<'a> From<&'a TrashEntry> for EntryJson<'a> {
    fn from(entry: &'a TrashEntry) -> Self {
        let record = &entry.record;
        Self {
            name: &entry.name,
            path: &entry.path,
            trashed: record.trashed,
            taken_down: record.taken_down.is_some(),
            size_bytes: record.blob.size_bytes,
            md5: record.blob.md5.to_string(),
            sha1: record.blob.sha1.to_string(),
        }
    }
}

/// Prints what is in the trash.
pub fn run(archive: &Archive, args: OutputArgs) -> Outcome {
    let mut output = Output::lock();
    let mut is_empty = true;
    if args.json {
        let mut array = output.json_array()?;
        for_each(archive, |page| {
            is_empty = false;
            page.iter()
                .try_for_each(|entry| array.item(&EntryJson::from(entry)))
        })?;
        array.end()?;
    } else {
        for_each(archive, |page| {
            is_empty = false;
            Ok(table_of(page).write(&mut output)?)
        })?;
    }
    output.finish()?;
    if is_empty {
        say("the trash is empty");
    }
    Ok(Exit::Done)
}

/// Calls `visit` with what is in the trash, page by page.
pub fn for_each(
    archive: &Archive,
    mut visit: impl FnMut(&[TrashEntry]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = archive.trashed(after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.record.file);
        visit(&page)?;
    }
}

fn table_of(page: &[TrashEntry]) -> Table {
    let mut table = Table::new(&[
        ("SIZE", Side::Right),
        ("REMOVED", Side::Left),
        ("NAME", Side::Left),
        ("FROM", Side::Left),
    ]);
    for entry in page {
        let trashed = entry.record.trashed.map(|time| When(time).to_string());
        table.row(&[
            &Size(entry.record.blob.size_bytes).to_string(),
            &trashed.unwrap_or_default(),
            &entry.name,
            &entry.path,
        ]);
    }
    table
}
