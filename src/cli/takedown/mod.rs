//! `librisfs takedown`: recording, lifting, listing.

mod notices;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::archive::{Access, Archive, Takedown, TakedownEntry, TakedownReport};
use crate::hash::{BlobId, Hash, Md5, Sha1};

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::{Output, OutputArgs};
use super::progress::say;
use super::record::TakedownJson;
use super::table::{Side, Table};
use super::text::{Size, When, counted};

/// Takedowns fetched at once.
const PAGE: usize = 1000;

/// Take documents down: hidden at once, never served, never accepted again
///
/// A document is hidden if its MD5 or its SHA-1 is on the list, on every path of every mount, whether the
/// archive has it already or not. It is kept until the takedown is lifted, unless --purge destroys it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs takedown ~/archive 9e107d9d372bb6826bd81d3542a419d6 --notice N-7 --reason 'asked by the author'
  librisfs takedown ~/archive --from-file notices.txt
  librisfs takedown ~/archive --lift 9e107d9d372bb6826bd81d3542a419d6
  librisfs takedown ~/archive --list --json

A line of a file is a hash, or `md5 sha1 size`; # begins a comment. If any line is
wrong, all wrong lines are named and nothing is recorded.")]
pub struct TakedownArgs {
    /// The archive
    archive: PathBuf,

    /// MD5 or SHA-1 hashes, in hexadecimal
    #[arg(value_name = "HASH", required_unless_present_any = ["from_file", "list"])]
    hashes: Vec<Hash>,

    /// Why, for the record
    #[arg(long, conflicts_with_all = ["lift", "list"])]
    reason: Option<String>,

    /// A reference to the notice
    #[arg(long, conflicts_with_all = ["lift", "list"])]
    notice: Option<String>,

    /// Read hashes from a file, or from the standard input (-)
    #[arg(long, value_name = "FILE", conflicts_with = "list")]
    from_file: Option<PathBuf>,

    /// Also destroy the bytes, for good, under those too who have them open
    #[arg(long, conflicts_with_all = ["lift", "list"])]
    purge: bool,

    /// Lift the takedowns that name these hashes
    #[arg(long, conflicts_with = "list")]
    lift: bool,

    /// List the takedowns in force
    #[arg(long, conflicts_with = "hashes")]
    list: bool,

    #[command(flatten)]
    output: OutputArgs,
}

/// Records, lifts or lists.
pub fn run(args: &TakedownArgs) -> Outcome {
    let takedowns = asked_for(args)?;
    let access = if args.list {
        Access::ReadOnly
    } else {
        Access::ReadWrite
    };
    let archive = Archive::open(&args.archive, access)?;
    let mut output = Output::lock();
    if args.list {
        list(&archive, args, &mut output)?;
    } else if args.lift {
        lift(&archive, &takedowns, args, &mut output)?;
    } else {
        record(&archive, &takedowns, args, &mut output)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// The takedowns in force that name `hash`.
pub fn naming(archive: &Archive, hash: &Hash) -> Result<Vec<TakedownEntry>, Failure> {
    let mut found = Vec::new();
    for_each(archive, |page| {
        found.extend(
            page.iter()
                .filter(|entry| names(&entry.takedown, hash))
                .cloned(),
        );
        Ok(())
    })?;
    Ok(found)
}

fn names(takedown: &Takedown, hash: &Hash) -> bool {
    match hash {
        Hash::Md5(md5) => takedown.md5.as_ref() == Some(md5),
        Hash::Sha1(sha1) => takedown.sha1.as_ref() == Some(sha1),
    }
}

/// Calls `visit` with the takedowns in force, page by page.
fn for_each(
    archive: &Archive,
    mut visit: impl FnMut(&[TakedownEntry]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut after = None;
    loop {
        let page = archive.takedowns(after, PAGE)?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.id);
        visit(&page)?;
    }
}

/// What the arguments and the file name.
fn asked_for(args: &TakedownArgs) -> Result<Vec<Takedown>, Failure> {
    let mut takedowns: Vec<_> = args.hashes.iter().copied().map(notices::of_hash).collect();
    if let Some(path) = &args.from_file {
        let text = read(path).map_err(|e| Failure::io(path, &e))?;
        let listed = notices::parse(&text).map_err(|bad| {
            let lines: Vec<_> = bad.iter().map(ToString::to_string).collect();
            Failure::usage(
                path.display(),
                "nothing was recorded: some lines are no takedowns",
            )
            .hint(lines.join("\n"))
        })?;
        takedowns.extend(listed);
    }
    for takedown in &mut takedowns {
        takedown.reason.clone_from(&args.reason);
        takedown.notice.clone_from(&args.notice);
    }
    Ok(takedowns)
}

fn read(path: &Path) -> io::Result<String> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        Ok(text)
    } else {
        std::fs::read_to_string(path)
    }
}

#[derive(Debug, Serialize)]
struct RecordJson {
    recorded: usize,
    hidden: Vec<BlobJson>,
    purged: Vec<BlobJson>,
}

#[derive(Debug, Serialize)]
struct BlobJson {
    md5: String,
    sha1: String,
    size_bytes: u64,
    names: Vec<String>,
}

fn record(
    archive: &Archive,
    takedowns: &[Takedown],
    args: &TakedownArgs,
    output: &mut Output,
) -> Result<(), Failure> {
    let report = archive.take_down(takedowns, args.purge)?;
    let json = RecordJson {
        recorded: report.recorded,
        hidden: named(archive, &report.hidden)?,
        purged: named(archive, &report.purged)?,
    };
    if args.output.json {
        return output.json(&json);
    }
    print_record(&report, &json, takedowns.len(), output)
}

fn print_record(
    report: &TakedownReport,
    json: &RecordJson,
    asked: usize,
    output: &mut Output,
) -> Result<(), Failure> {
    let columns = [
        ("SIZE", Side::Right),
        ("MD5", Side::Left),
        ("NAME", Side::Left),
    ];
    let known = asked.saturating_sub(report.recorded);
    let mut table = Table::new(&columns);
    for blob in &json.hidden {
        let name = blob
            .names
            .first()
            .map_or("(not a file any longer)", String::as_str);
        table.row(&[&Size(blob.size_bytes).to_string(), &blob.md5, name]);
        for name in blob.names.iter().skip(1) {
            table.row(&["", "", name]);
        }
    }
    table.write(output)?;
    write!(
        output,
        "recorded {}",
        counted(report.recorded as u64, "takedown")
    )?;
    if known > 0 {
        write!(output, " ({known} in force before)")?;
    }
    write!(
        output,
        ", hiding {}",
        counted(report.hidden.len() as u64, "blob")
    )?;
    if !report.purged.is_empty() {
        write!(
            output,
            ", destroyed {}",
            counted(report.purged.len() as u64, "blob")
        )?;
    }
    Ok(writeln!(output)?)
}

/// The blobs, with the names of the files that have them.
fn named(archive: &Archive, blobs: &[BlobId]) -> Result<Vec<BlobJson>, Failure> {
    blobs
        .iter()
        .map(|blob| {
            let records = archive.find(&blob.md5.to_string())?;
            let same = records.iter().filter(|record| record.blob == *blob);
            Ok(BlobJson {
                md5: blob.md5.to_string(),
                sha1: blob.sha1.to_string(),
                size_bytes: blob.size_bytes,
                names: same.map(|record| record.name.to_string()).collect(),
            })
        })
        .collect()
}

#[derive(Debug, Serialize)]
struct LiftJson {
    lifted: usize,
}

fn lift(
    archive: &Archive,
    takedowns: &[Takedown],
    args: &TakedownArgs,
    output: &mut Output,
) -> Result<(), Failure> {
    let hashes: Vec<_> = takedowns
        .iter()
        .flat_map(|takedown| [takedown.md5.map(Hash::Md5), takedown.sha1.map(Hash::Sha1)])
        .flatten()
        .collect();
    let lifted = archive.lift(&hashes)?;
    if lifted == 0 {
        let hint = format!("see `librisfs takedown {} --list`", args.archive.display());
        return Err(Failure::new(
            Exit::Failed,
            "takedown --lift",
            "no takedown names these hashes",
        )
        .hint(hint));
    }
    if args.output.json {
        return output.json(&LiftJson { lifted });
    }
    Ok(writeln!(
        output,
        "lifted {}",
        counted(lifted as u64, "takedown")
    )?)
}

fn list(archive: &Archive, args: &TakedownArgs, output: &mut Output) -> Result<(), Failure> {
    if args.output.json {
        let mut array = output.json_array()?;
        for_each(archive, |page| {
            page.iter()
                .try_for_each(|entry| array.item(&TakedownJson::from(entry)))
        })?;
        return array.end();
    }
    let mut is_empty = true;
    for_each(archive, |page| {
        is_empty = false;
        Ok(table_of(page).write(output)?)
    })?;
    if is_empty {
        say("nothing is taken down");
    }
    Ok(())
}

fn table_of(page: &[TakedownEntry]) -> Table {
    let mut table =
        Table::new(&["SINCE", "MD5", "SHA1", "NOTICE", "REASON"].map(|name| (name, Side::Left)));
    for TakedownEntry {
        deleted_at,
        takedown,
        ..
    } in page
    {
        let dash = || "-".to_owned();
        table.row(&[
            &When(*deleted_at).to_string(),
            &takedown.md5.as_ref().map_or_else(dash, Md5::to_string),
            &takedown.sha1.as_ref().map_or_else(dash, Sha1::to_string),
            takedown.notice.as_deref().unwrap_or("-"),
            takedown.reason.as_deref().unwrap_or("-"),
        ]);
    }
    table
}
