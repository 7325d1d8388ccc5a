//! `librisfs undo`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Access, Archive};

use super::exit::Exit;
use super::failure::Outcome;
use super::journal;
use super::output::{Output, OutputArgs};
use super::progress::say;

/// Take back the latest changes
///
/// Each change is what one command or one operation of a mount did: the rename of an author's folder is one,
/// however many books it touched. What others changed since stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs undo ~/archive
  librisfs undo ~/archive 3
  librisfs journal ~/archive       shows what would be taken back")]
pub struct UndoArgs {
    /// The archive
    archive: PathBuf,

    /// How many changes
    #[arg(value_name = "N", default_value = "1")]
    count: NonZeroUsize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Takes changes back, and prints them.
pub fn run(args: &UndoArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    let undone = archive.undo(args.count.get())?;
    let mut output = Output::lock();
    if args.output.json {
        output.json(&undone)?;
    } else {
        journal::table(&undone).write(&mut output)?;
    }
    output.finish()?;
    if undone.is_empty() {
        say("there is nothing to take back");
    }
    Ok(Exit::Done)
}
