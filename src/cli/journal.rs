//! `librisfs journal`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Access, Action, Archive, Deed};

use super::exit::Exit;
use super::failure::Outcome;
use super::output::{Output, OutputArgs};
use super::table::{Side, Table};
use super::text::When;

/// Show what was changed, the latest first
///
/// Edits, moves, removals and restores, by commands and through mounts. `librisfs undo` takes them back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs journal ~/archive
  librisfs journal ~/archive --limit 5 --json")]
pub struct JournalArgs {
    /// The archive
    archive: PathBuf,

    /// Show at most so many
    #[arg(long, value_name = "N", default_value = "50")]
    limit: NonZeroUsize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the latest actions.
pub fn run(args: &JournalArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadOnly)?;
    let actions = archive.journal(None, args.limit.get())?;
    let mut output = Output::lock();
    if args.output.json {
        output.json(&actions)?;
    } else {
        table(&actions).write(&mut output)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

/// Actions as lines for people.
pub(super) fn table(actions: &[Action]) -> Table {
    let mut table = Table::new(&[
        ("WHEN", Side::Left),
        ("WHAT", Side::Left),
        ("OF", Side::Left),
    ]);
    for action in actions {
        let undone = if action.undone.is_some() {
            ", undone"
        } else {
            ""
        };
        table.row(&[
            &When(action.at).to_string(),
            &format!("{}{undone}", deed(action.deed)),
            &action.summary,
        ]);
    }
    table
}

fn deed(deed: Deed) -> &'static str {
    match deed {
        Deed::Edit => "edited",
        Deed::Trash => "to the trash",
        Deed::Restore => "restored",
        Deed::Replace => "new bytes",
    }
}
