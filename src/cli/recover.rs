//! `librisfs recover`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::archive::{
    Access, Archive, Committed, Leftover, RecoverReport, TakedownEntry, Unrecovered,
};

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::meter::Meter;
use super::output::{Output, OutputArgs};
use super::progress::{ProgressArgs, Unit};
use super::table::Facts;
use super::text::{Clean, Size, counted};

/// Take in files that were written before a program ended
///
/// What a mount was told to keep, and had not catalogued when it was killed. A mount does this itself when it
/// starts. What cannot be taken in stays, and is named with the reason: then this command exits with 3.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs recover ~/archive
  librisfs recover ~/archive --list
  librisfs recover ~/archive --discard draft.epub")]
pub struct RecoverArgs {
    /// The archive
    archive: PathBuf,

    /// Only list them
    #[arg(long, short, conflicts_with = "discard")]
    list: bool,

    /// Remove them for good: by name, or as the list calls them
    #[arg(long, value_name = "NAME", num_args = 1..)]
    discard: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    progress: ProgressArgs,
}

/// Recovers, lists or discards, and prints what became of each.
pub fn run(args: &RecoverArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    if args.list {
        let waiting = archive.leftovers()?;
        print(args, &ReportJson::waiting(&waiting))?;
        return Ok(Exit::Done);
    }
    if !args.discard.is_empty() {
        let discarded = archive.discard_leftovers(&args.discard)?;
        print(args, &ReportJson::discarded(&discarded))?;
        return require_all(args, &discarded);
    }
    let meter = Meter::new(args.progress, "recover", Unit::Bytes)?;
    let report = archive.recover(&meter)?;
    let exit = meter.end(if report.kept.is_empty() {
        Exit::Done
    } else {
        Exit::Partly
    });
    print(args, &ReportJson::from(&report))?;
    Ok(exit)
}

/// An error if one of the names was of nothing.
fn require_all(args: &RecoverArgs, discarded: &[Leftover]) -> Outcome {
    let is_there = |name: &String| {
        discarded
            .iter()
            .any(|one| *name == one.id || Some(name) == one.name.as_ref())
    };
    match args.discard.iter().find(|name| !is_there(name)) {
        None => Ok(Exit::Done),
        Some(name) => Err(
            Failure::new(Exit::Failed, name, "no such file waits here").hint(format_args!(
                "`librisfs recover --list {}` names those that do",
                args.archive.display()
            )),
        ),
    }
}

fn print(args: &RecoverArgs, report: &ReportJson) -> Result<(), Failure> {
    let mut output = Output::lock();
    if args.output.json {
        output.json(report)?;
    } else {
        for file in &report.files {
            let name = Clean(file.name.as_deref().unwrap_or(&file.id));
            write!(output, "{}: {name}, {}", file.what, Size(file.size_bytes))?;
            match &file.why {
                Some(why) => writeln!(output, ": {}", Clean(why))?,
                None => writeln!(output)?,
            }
        }
        facts(report).write(&mut output)?;
    }
    output.finish()
}

fn facts(report: &ReportJson) -> Facts {
    let mut facts = Facts::new();
    if report.interrupted {
        facts.add("interrupted", "the rest waits");
    }
    for (label, what) in [
        ("taken in", What::TakenIn),
        ("refused", What::Refused),
        ("discarded", What::Discarded),
        ("waiting", What::Waiting),
    ] {
        let files = report.files.iter().filter(|file| file.what == what);
        let number = files.count() as u64;
        let is_told = number > 0 || what == What::Waiting;
        facts.add_some(label, is_told.then(|| counted(number, "file")));
    }
    facts
}

#[derive(Debug, Serialize)]
struct ReportJson {
    interrupted: bool,
    files: Vec<FileJson>,
}

#[derive(Debug, Serialize)]
struct FileJson {
    id: String,
    name: Option<String>,
    size_bytes: u64,
    path: String,
    what: What,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum What {
    TakenIn,
    Refused,
    Discarded,
    Waiting,
}

impl std::fmt::Display for What {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::TakenIn => "taken in",
            Self::Refused => "refused",
            Self::Discarded => "discarded",
            Self::Waiting => "waiting",
        })
    }
}

impl ReportJson {
    fn waiting(leftovers: &[Leftover]) -> Self {
        Self::all(leftovers, What::Waiting)
    }

    fn discarded(leftovers: &[Leftover]) -> Self {
        Self::all(leftovers, What::Discarded)
    }

    fn all(leftovers: &[Leftover], what: What) -> Self {
        let files = leftovers.iter().map(|one| FileJson::of(one, what, None));
        Self {
            interrupted: false,
            files: files.collect(),
        }
    }
}

impl From<&RecoverReport> for ReportJson {
    fn from(report: &RecoverReport) -> Self {
        let settled = report.settled.iter().map(|(leftover, committed)| {
            let (what, why) = told(committed);
            FileJson::of(leftover, what, why)
        });
        let kept = report.kept.iter().map(|Unrecovered { leftover, reason }| {
            FileJson::of(leftover, What::Waiting, Some(reason.clone()))
        });
        Self {
            interrupted: report.cancelled,
            files: settled.chain(kept).collect(),
        }
    }
}

impl FileJson {
    fn of(leftover: &Leftover, what: What, why: Option<String>) -> Self {
        Self {
            id: leftover.id.clone(),
            name: leftover.name.clone(),
            size_bytes: leftover.size_bytes,
            path: leftover.path.to_string_lossy().into_owned(),
            what,
            why,
        }
    }
}

/// What became of a file, and why, if that is not plain.
fn told(committed: &Committed) -> (What, Option<String>) {
    match committed {
        Committed::Document { is_new: false, .. } => {
            (What::TakenIn, Some("the archive had these bytes".into()))
        }
        Committed::Document { .. } | Committed::Plain | Committed::Empty => (What::TakenIn, None),
        Committed::TakenDown(entry) => (What::Refused, Some(takedown(entry))),
        Committed::OtherHash => {
            let why = "its bytes have another hash than its name says";
            (What::Refused, Some(why.into()))
        }
        Committed::Gone => {
            let why = "the file of the inbox was removed";
            (What::Refused, Some(why.into()))
        }
    }
}

fn takedown(entry: &TakedownEntry) -> String {
    match &entry.takedown.notice {
        Some(notice) => format!("it is taken down by {notice}"),
        None => "it is taken down".to_owned(),
    }
}
