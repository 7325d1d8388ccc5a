//! `librisfs reindex`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Access, Archive};

use super::exit::Exit;
use super::failure::Outcome;
use super::output::Output;
use super::progress::{Progress, ProgressArgs, Unit};
use super::text::counted;

/// Make all derived tables anew
///
/// Folders, authors and the full-text index are derived from the five tables. This rebuilds them, for
/// example after large changes by hand.
#[derive(Debug, Args)]
#[command(after_help = "Example:
  librisfs reindex ~/archive")]
pub struct ReindexArgs {
    /// The archive
    archive: PathBuf,

    #[command(flatten)]
    progress: ProgressArgs,
}

/// Rebuilds.
pub fn run(args: &ReindexArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    let progress = Progress::new(args.progress, "reindex", Unit::Items);
    let files = archive.reindex(&mut |done, total| progress.set(done, total))?;
    drop(progress);
    let mut output = Output::lock();
    writeln!(output, "indexed {}", counted(files, "file"))?;
    output.finish()?;
    Ok(Exit::Done)
}
