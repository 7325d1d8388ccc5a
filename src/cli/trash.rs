//! `librisfs trash`.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::archive::{Access, Archive, FileId, TrashEntry};
use crate::time::UnixSeconds;

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::{Output, OutputArgs};
use super::show::wanted;
use super::table::{Side, Table};
use super::text::{Size, When, counted};

/// Entries read at once.
const PAGE: usize = 1000;

/// See, restore and empty the trash
///
/// What is removed through a mount goes there, and so do the old bytes of a document that was written to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs trash ~/archive list
  librisfs trash ~/archive restore 'Emma - Jane Austen (1815).epub'
  librisfs trash ~/archive put ~/books/by-title/Emma*
  librisfs trash ~/archive empty --older-than 30days")]
pub struct TrashArgs {
    /// The archive
    archive: PathBuf,

    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// List what is in the trash
    List {
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Put documents into the trash
    Put {
        /// Names as the mount shows them, paths in the mount, or hashes
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Take documents out of the trash again
    Restore {
        /// Names as `list` shows them, or hashes
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Remove what is in the trash for good; `gc` then frees the room
    Empty {
        /// Only what has been in the trash for longer than this: 30days, 12h
        #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
        older_than: Option<Duration>,

        /// Only these: names as `list` shows them, or hashes
        names: Vec<String>,
    },
}

#[derive(Debug, Serialize)]
struct EntryJson<'a> {
    name: &'a str,
    path: &'a str,
    trashed: Option<UnixSeconds>,
    size_bytes: u64,
    md5: String,
    sha1: String,
}

/// Does what is asked of the trash.
pub fn run(args: &TrashArgs) -> Outcome {
    let access = match args.what {
        What::List { .. } => Access::ReadOnly,
        _ => Access::ReadWrite,
    };
    let archive = Archive::open(&args.archive, access)?;
    match &args.what {
        What::List { output } => list(&archive, *output),
        What::Put { names } => put(&archive, names),
        What::Restore { names } => restore(&archive, names),
        What::Empty { older_than, names } => empty(&archive, *older_than, names),
    }
}

fn list(archive: &Archive, args: OutputArgs) -> Outcome {
    let mut output = Output::lock();
    if args.json {
        let mut array = output.json_array()?;
        each(archive, |entry| array.item(&json(entry)))?;
        array.end()?;
    } else {
        let mut table = Table::new(&[
            ("SIZE", Side::Right),
            ("REMOVED", Side::Left),
            ("NAME", Side::Left),
            ("FROM", Side::Left),
        ]);
        each(archive, |entry| {
            let trashed = entry.record.trashed.map(|time| When(time).to_string());
            table.row(&[
                &Size(entry.record.blob.size_bytes).to_string(),
                &trashed.unwrap_or_default(),
                &entry.name,
                &entry.path,
            ]);
            Ok(())
        })?;
        table.write(&mut output)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

fn each(
    archive: &Archive,
    mut tell: impl FnMut(&TrashEntry) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = archive.trashed(after, PAGE)?;
        page.iter().try_for_each(&mut tell)?;
        match page.last() {
            Some(last) => after = Some(last.record.file),
            None => return Ok(()),
        }
    }
}

fn json(entry: &TrashEntry) -> EntryJson<'_> {
    EntryJson {
        name: &entry.name,
        path: &entry.path,
        trashed: entry.record.trashed,
        size_bytes: entry.record.blob.size_bytes,
        md5: entry.record.blob.md5.to_string(),
        sha1: entry.record.blob.sha1.to_string(),
    }
}

fn put(archive: &Archive, names: &[String]) -> Outcome {
    let mut found = Vec::new();
    let exit = for_each_name(
        names,
        "no document here has this name or this hash",
        |name| {
            let mut records = archive.find(wanted(name))?;
            records.retain(|record| record.trashed.is_none());
            let is_there = !records.is_empty();
            found.extend(records);
            Ok(is_there)
        },
    )?;
    let done = archive.trash(&found)?;
    say(&format!(
        "{} put into the trash",
        counted(done as u64, "document")
    ))?;
    Ok(exit)
}

fn restore(archive: &Archive, names: &[String]) -> Outcome {
    let (files, exit) = in_trash(archive, names)?;
    let done = archive.restore(&files)?;
    say(&format!("{} restored", counted(done as u64, "document")))?;
    Ok(exit)
}

fn empty(archive: &Archive, older_than: Option<Duration>, names: &[String]) -> Outcome {
    let before = older_than.map(|age| {
        let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
        UnixSeconds(UnixSeconds::now().0.saturating_sub(seconds))
    });
    let (files, exit) = in_trash(archive, names)?;
    let chosen = (!names.is_empty()).then_some(files.as_slice());
    let done = archive.empty_trash(chosen, before)?;
    say(&format!(
        "{} removed for good",
        counted(done as u64, "document")
    ))?;
    Ok(exit)
}

/// The files in the trash that are meant.
fn in_trash(archive: &Archive, names: &[String]) -> Result<(Vec<FileId>, Exit), Failure> {
    let mut files = Vec::new();
    let exit = for_each_name(
        names,
        "nothing in the trash has this name or this hash",
        |name| {
            let found = archive.find_trashed(wanted(name))?;
            let is_there = !found.is_empty();
            files.extend(found);
            Ok(is_there)
        },
    )?;
    Ok((files, exit))
}

/// Looks each name up; names that lead nowhere are told of, and make the exit code 3, or 1 if there is no other.
fn for_each_name(
    names: &[String],
    why: &str,
    mut look_up: impl FnMut(&str) -> Result<bool, Failure>,
) -> Result<Exit, Failure> {
    let mut missing = Vec::new();
    for name in names {
        if !look_up(name)? {
            missing.push(name);
        }
    }
    if !missing.is_empty() && missing.len() == names.len() {
        return Err(Failure::new(Exit::Failed, missing[0], why));
    }
    for name in &missing {
        eprint!("{}", Failure::new(Exit::Partly, name, why));
    }
    Ok(if missing.is_empty() {
        Exit::Done
    } else {
        Exit::Partly
    })
}

fn say(line: &str) -> Result<(), Failure> {
    let mut output = Output::lock();
    writeln!(output, "{line}")?;
    output.finish()
}
