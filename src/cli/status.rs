//! `librisfs status`.

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::archive::{Access, Archive, Statistics, Status};

use super::exit::Exit;
use super::failure::Outcome;
use super::output::{Output, OutputArgs};
use super::table::Facts;
use super::text::{Size, count, counted};

/// Say where an archive stands
///
/// Counts, bytes, the room left, and what needs care. What is not there, such as an empty trash, has no line.
///
/// `saved` is what several files of the archive with the same bytes would take more. Copies that an import
/// met and did not take in are not in it: the import's own summary counts those.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs status ~/archive
  librisfs status ~/archive --json | jq .blob_bytes")]
pub struct StatusArgs {
    /// The archive
    archive: PathBuf,

    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the status.
pub fn run(args: &StatusArgs) -> Outcome {
    let status = Archive::open(&args.archive, Access::ReadOnly)?.status()?;
    let mut output = Output::lock();
    if args.output.json {
        output.json(&StatusJson::from(&status))?;
    } else {
        facts(&status).write(&mut output)?;
        for line in needs_care(&status, &args.archive) {
            writeln!(output, "{line}")?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn facts(status: &Status) -> Facts {
    let statistics = &status.statistics;
    let some = |number: u64, told: String| (number > 0).then_some(told);
    let saved = format!("{}, shared by files", Size(statistics.saved_bytes));
    let takedowns = format!(
        "{}, hiding {}",
        count(statistics.takedowns),
        counted(statistics.hidden_blobs, "blob")
    );
    let mut facts = Facts::new();
    facts
        .add("archive", &status.name)
        .add("folder", status.dir.display())
        .add("books", count(statistics.books))
        .add("files", count(statistics.files))
        .add("authors", count(statistics.authors))
        .add(
            "blobs",
            format_args!(
                "{}, {}",
                count(statistics.blobs),
                Size(statistics.blob_bytes)
            ),
        )
        .add_some("saved", some(statistics.saved_bytes, saved))
        .add_some(
            "trash",
            some(statistics.trashed, counted(statistics.trashed, "file")),
        )
        .add_some("takedowns", some(statistics.takedowns, takedowns))
        .add_some(
            "mirrors",
            some(statistics.mirrors, count(statistics.mirrors).to_string()),
        )
        .add("room left", Size(status.space.available_bytes));
    facts
}

/// What somebody should look at, and how.
fn needs_care(status: &Status, archive: &Path) -> Vec<String> {
    let archive = archive.display();
    let mut lines = Vec::new();
    if status.quarantined > 0 {
        let blobs = counted(status.quarantined, "damaged blob");
        lines.push(format!(
            "care: {blobs} in quarantine; import the documents again to heal them (`librisfs scrub {archive}` names them)"
        ));
    }
    if status.drafts > 0 {
        let files = counted(status.drafts, "file");
        lines.push(format!(
            "care: {files} written before a program ended, and not catalogued yet (`librisfs recover {archive}` does that)"
        ));
    }
    if status.staged > 0 {
        let files = counted(status.staged, "file");
        let size = Size(status.staged_bytes);
        lines.push(format!(
            "care: {files} in staging, {size}: of an import under way, or left by one (`librisfs gc {archive}` removes those)"
        ));
    }
    lines
}

#[derive(Debug, Serialize)]
struct StatusJson<'a> {
    name: &'a str,
    id: &'a str,
    dir: String,
    #[serde(flatten)]
    statistics: &'a Statistics,
    total_bytes: u64,
    available_bytes: u64,
    drafts: u64,
    staged: u64,
    staged_bytes: u64,
    quarantined: u64,
}

impl<'a> From<&'a Status> for StatusJson<'a> {
    fn from(status: &'a Status) -> Self {
        Self {
            name: &status.name,
            id: &status.id,
            dir: status.dir.to_string_lossy().into_owned(),
            statistics: &status.statistics,
            total_bytes: status.space.total_bytes,
            available_bytes: status.space.available_bytes,
            drafts: status.drafts,
            staged: status.staged,
            staged_bytes: status.staged_bytes,
            quarantined: status.quarantined,
        }
    }
}
