//! `librisfs gc`.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::archive::{Access, Archive, GcReport};

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::meter::Meter;
use super::output::{Output, OutputArgs};
use super::progress::{ProgressArgs, Unit};
use super::table::Facts;
use super::text::{Size, count, counted};

/// Remove what nothing needs
///
/// Blobs that no document has, and what crashed programs left in staging. Documents in the trash and
/// documents taken down keep their bytes; where `librisfs.toml` says how long the trash is kept
/// (`keep_days` under `[trash]`), what has been there for longer is removed for good first. Safe while the archive is mounted or imported into.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs gc ~/archive --dry-run
  librisfs gc ~/archive")]
pub struct GcArgs {
    /// The archive
    archive: PathBuf,

    /// Only count what would be removed; the bytes of documents in the trash are counted with these
    #[arg(long, short = 'n')]
    dry_run: bool,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    progress: ProgressArgs,
}

#[derive(Debug, Serialize)]
struct ReportJson {
    dry_run: bool,
    interrupted: bool,
    expired: u64,
    expired_bytes: u64,
    rows: u64,
    blobs: u64,
    blob_bytes: u64,
    leftovers: u64,
    leftover_bytes: u64,
}

/// Collects, and prints what went.
pub fn run(args: &GcArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    let meter = Meter::new(args.progress, "gc", Unit::Items)?;
    let report = archive.gc(args.dry_run, &meter)?;
    let exit = meter.end(Exit::Done);
    print(args, &report)?;
    Ok(exit)
}

fn print(args: &GcArgs, report: &GcReport) -> Result<(), Failure> {
    let mut output = Output::lock();
    if args.output.json {
        output.json(&ReportJson {
            dry_run: args.dry_run,
            interrupted: report.cancelled,
            expired: report.expired,
            expired_bytes: report.expired_bytes,
            rows: report.rows,
            blobs: report.blobs,
            blob_bytes: report.blob_bytes,
            leftovers: report.leftovers,
            leftover_bytes: report.leftover_bytes,
        })?;
    } else {
        facts(args, report).write(&mut output)?;
    }
    output.finish()
}

fn facts(args: &GcArgs, report: &GcReport) -> Facts {
    let mut facts = Facts::new();
    if args.dry_run {
        facts.add("dry run", "nothing was removed; this would have been");
    }
    if report.expired > 0 {
        let files = counted(report.expired, "document");
        let size = Size(report.expired_bytes);
        facts.add(
            "kept long enough",
            format_args!("{files} in the trash, {size}"),
        );
    }
    facts
        .add(
            "unused blobs",
            format_args!("{}, {}", count(report.blobs), Size(report.blob_bytes)),
        )
        .add("unused rows", count(report.rows))
        .add(
            "left in staging",
            format_args!(
                "{}, {}",
                counted(report.leftovers, "file"),
                Size(report.leftover_bytes)
            ),
        );
    facts
}
