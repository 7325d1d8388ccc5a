//! `librisfs trash`: listing, putting in, taking out, emptying.

mod empty;
mod list;
mod names;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand};
use serde::Serialize;

use crate::archive::{Access, Archive};

use super::failure::{Failure, Outcome};
use super::output::{Output, OutputArgs};
use super::text::counted;
use names::Names;

/// See, restore and empty the trash
///
/// What is removed through a mount goes there, and so do the old bytes of a document that was written to.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs trash ~/archive list
  librisfs trash ~/archive restore 'Emma - Jane Austen (1815).epub'
  librisfs trash ~/archive put ~/books/by-title/Emma*
  librisfs trash ~/archive empty --older-than 30days

To have `librisfs gc` remove what has been there for long, write this into
librisfs.toml in the archive:

  [trash]
  keep_days = 30")]
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
    Put(NamesArgs),
    /// Take documents out of the trash again
    Restore(NamesArgs),
    Empty(empty::EmptyArgs),
}

#[derive(Debug, Args)]
struct NamesArgs {
    /// Names as the mount or `list` shows them, paths in the mount, or hashes
    #[arg(value_name = "NAME", required = true)]
    names: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Does what is asked of the trash.
pub fn run(args: &TrashArgs) -> Outcome {
    let access = match args.what {
        What::List { .. } => Access::ReadOnly,
        What::Put(_) | What::Restore(_) | What::Empty(_) => Access::ReadWrite,
    };
    let archive = Archive::open(&args.archive, access)?;
    match &args.what {
        What::List { output } => list::run(&archive, *output),
        What::Put(args) => put(&archive, args),
        What::Restore(args) => restore(&archive, args),
        What::Empty(args) => empty::run(&archive, args),
    }
}

fn put(archive: &Archive, args: &NamesArgs) -> Outcome {
    let names = Names::in_views(archive, &args.names)?;
    let done = archive.trash(&names.found)?;
    tell("put into the trash", done, &names, args.output)?;
    Ok(names.exit())
}

fn restore(archive: &Archive, args: &NamesArgs) -> Outcome {
    let names = Names::in_trash(archive, &args.names)?;
    let files: Vec<_> = names.found.iter().map(|record| record.file).collect();
    let done = archive.restore(&files)?;
    tell("restored", done, &names, args.output)?;
    Ok(names.exit())
}

#[derive(Debug, Serialize)]
struct DoneJson<'a> {
    documents: usize,
    missing: &'a [String],
}

/// Prints to how many documents it was done, and complains of names that led nowhere.
fn tell(deed: &str, done: usize, names: &Names, args: OutputArgs) -> Result<(), Failure> {
    names.complain();
    let mut output = Output::lock();
    if args.json {
        output.json(&DoneJson {
            documents: done,
            missing: &names.missing,
        })?;
    } else if !names.found.is_empty() || names.missing.is_empty() {
        writeln!(output, "{} {deed}", counted(done as u64, "document"))?;
    }
    output.finish()
}
