//! `librisfs import`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::archive::{Access, Archive, ImportOptions, ImportSummary, Refusal};

use super::exit::Exit;
use super::failure::Outcome;
use super::meter::{ImportMeter, Meter};
use super::output::{Output, OutputArgs};
use super::progress::{ProgressArgs, Unit, say};
use super::table::Facts;
use super::text::{Size, counted};

/// Take files and folders into an archive
///
/// Each file is hashed, stored once and catalogued by what it says of itself. Running it again goes on
/// where it stopped. Refused files are named with the reason, and the exit code is 3. The first Ctrl-C
/// finishes the files under way, prints the summary and ends as interrupted (130); the second ends at
/// once, which loses nothing either.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs import ~/archive ~/Documents ~/Downloads/book.epub
  librisfs import ~/archive /media/stick --move        sources go once they are safe
  librisfs import ~/archive ~/Documents -nv            what would happen to each file?")]
pub struct ImportArgs {
    /// The archive
    archive: PathBuf,

    /// Files and folders to take in
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,

    /// Remove each source once its document is safely in the archive
    #[arg(long = "move")]
    move_files: bool,

    /// Files worked on at once [default: one a core]
    #[arg(
        long,
        short,
        value_name = "N",
        env = "LIBRISFS_JOBS",
        hide_env_values = true
    )]
    jobs: Option<NonZeroUsize>,

    /// Read and hash only, and say what would happen
    #[arg(long, short = 'n')]
    dry_run: bool,

    /// Name every file, not only those that were refused
    #[arg(long, short)]
    verbose: bool,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    progress: ProgressArgs,
}

/// Imports, and prints the summary.
pub fn run(args: &ImportArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    let observer = ImportMeter {
        meter: Meter::new(args.progress, "import", Unit::Bytes)?,
        verbose: args.verbose,
    };
    let options = ImportOptions {
        move_files: args.move_files,
        jobs: args.jobs.map(NonZeroUsize::get),
        dry_run: args.dry_run,
    };
    let summary = archive.import(&args.paths, &options, &observer)?;
    let exit = observer.meter.end(exit_of(&summary));
    for left in &summary.left {
        say(&format!(
            "librisfs: not removed {}: {}",
            left.path.display(),
            left.reason
        ));
    }
    print(args, &summary)?;
    Ok(exit)
}

fn exit_of(summary: &ImportSummary) -> Exit {
    if summary.refused.is_empty() && summary.left.is_empty() {
        Exit::Done
    } else {
        Exit::Partly
    }
}

fn print(args: &ImportArgs, summary: &ImportSummary) -> Outcome {
    let mut output = Output::lock();
    if args.output.json {
        output.json(&SummaryJson::new(summary, args.dry_run))?;
    } else {
        facts(summary, args.dry_run).write(&mut output)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// The summary for people; what did not happen is left out, but for what every import is about.
fn facts(summary: &ImportSummary, dry_run: bool) -> Facts {
    let some = |number: u64| (number > 0).then(|| counted(number, "file"));
    let len = |refusals: &[Refusal]| some(refusals.len() as u64);
    let mut facts = Facts::new();
    if dry_run {
        facts.add("dry run", "nothing was changed; this would have been done");
    }
    if summary.cancelled {
        facts.add("interrupted", "run the same command again to go on");
    }
    facts
        .add(
            "new",
            format_args!(
                "{}, {}",
                counted(summary.new, "file"),
                Size(summary.stored_bytes)
            ),
        )
        .add(
            "duplicates",
            format_args!(
                "{}, {} saved",
                counted(summary.duplicates, "file"),
                Size(summary.saved_bytes)
            ),
        )
        .add_some("restored", some(summary.restored))
        .add_some(
            "healed",
            (summary.healed > 0).then(|| counted(summary.healed, "blob")),
        )
        .add_some("sources removed", some(summary.moved))
        .add_some("sources left", len(&summary.left))
        .add_some("passed over", some(summary.skipped))
        .add_some("refused", len(&summary.refused))
        .add("read", Size(summary.read_bytes));
    facts
}

#[derive(Debug, Serialize)]
struct SummaryJson {
    dry_run: bool,
    interrupted: bool,
    new: u64,
    duplicates: u64,
    restored: u64,
    healed: u64,
    moved: u64,
    skipped: u64,
    read_bytes: u64,
    stored_bytes: u64,
    saved_bytes: u64,
    refused: Vec<RefusalJson>,
    left: Vec<RefusalJson>,
}

#[derive(Debug, Serialize)]
struct RefusalJson {
    path: String,
    reason: String,
}

impl From<&Refusal> for RefusalJson {
    fn from(refusal: &Refusal) -> Self {
        Self {
            path: refusal.path.to_string_lossy().into_owned(),
            reason: refusal.reason.to_string(),
        }
    }
}

impl SummaryJson {
    fn new(summary: &ImportSummary, dry_run: bool) -> Self {
        Self {
            dry_run,
            interrupted: summary.cancelled,
            new: summary.new,
            duplicates: summary.duplicates,
            restored: summary.restored,
            healed: summary.healed,
            moved: summary.moved,
            skipped: summary.skipped,
            read_bytes: summary.read_bytes,
            stored_bytes: summary.stored_bytes,
            saved_bytes: summary.saved_bytes,
            refused: summary.refused.iter().map(RefusalJson::from).collect(),
            left: summary.left.iter().map(RefusalJson::from).collect(),
        }
    }
}
