//! `librisfs trash ARCHIVE empty`.

use std::io::{self, BufRead, IsTerminal, Write};
use std::time::Duration;

use clap::Args;

use crate::archive::{Archive, FileId, FileRecord};
use crate::time::UnixSeconds;

use super::super::exit::Exit;
use super::super::failure::{Failure, Outcome};
use super::super::output::OutputArgs;
use super::super::text::{Size, counted};
use super::list;
use super::names::Names;
use super::tell;

/// Remove what is in the trash for good; `gc` then frees the room
#[derive(Debug, Args)]
pub struct EmptyArgs {
    /// Only what has been in the trash for longer than this: 30days, 12h
    #[arg(long, value_name = "AGE", value_parser = humantime::parse_duration)]
    older_than: Option<Duration>,

    /// Do not ask, on a terminal, whether to do it
    #[arg(long, short)]
    yes: bool,

    /// Only these: names as `list` shows them, or hashes
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    #[command(flatten)]
    output: OutputArgs,
}

/// Empties the trash, or a part of it, and prints how many went.
pub fn run(archive: &Archive, args: &EmptyArgs) -> Outcome {
    let before = args.older_than.map(ago);
    let names = Names::in_trash(archive, &args.names)?;
    let is_asked = !args.yes && io::stdin().is_terminal();
    let chosen = match (args.names.is_empty(), is_asked) {
        (true, false) => None,
        // Those that were counted and no others: more may come while the question stands.
        (true, true) => Some(Chosen::of_all(archive, before)?),
        (false, _) => Some(Chosen::of(&names.found, before)),
    };
    if let Some(chosen) = chosen.as_ref().filter(|chosen| !chosen.files.is_empty())
        && is_asked
    {
        confirm(chosen)?;
    }
    let files = chosen.as_ref().map(|chosen| chosen.files.as_slice());
    let done = archive.empty_trash(files, before)?;
    tell("removed for good", done, &names, args.output)?;
    Ok(names.exit())
}

/// The moment that was so long ago.
fn ago(age: Duration) -> UnixSeconds {
    let seconds = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
    UnixSeconds(UnixSeconds::now().0.saturating_sub(seconds))
}

/// What is to be removed.
#[derive(Debug, Default)]
struct Chosen {
    files: Vec<FileId>,
    bytes: u64,
}

impl Chosen {
    /// All that was put into the trash before `before`.
    fn of_all(archive: &Archive, before: Option<UnixSeconds>) -> Result<Self, Failure> {
        let mut chosen = Self::default();
        list::for_each(archive, |page| {
            for entry in page {
                chosen.add(&entry.record, before);
            }
            Ok(())
        })?;
        Ok(chosen)
    }

    /// Those of `records`.
    fn of(records: &[FileRecord], before: Option<UnixSeconds>) -> Self {
        let mut chosen = Self::default();
        for record in records {
            chosen.add(record, before);
        }
        chosen
    }

    fn add(&mut self, record: &FileRecord, before: Option<UnixSeconds>) {
        let is_old = |trashed| before.is_none_or(|before| trashed < before);
        if record.trashed.is_some_and(is_old) {
            self.files.push(record.file);
            self.bytes += record.blob.size_bytes;
        }
    }
}

/// Asks on the terminal; an error unless the answer is yes.
fn confirm(chosen: &Chosen) -> Result<(), Failure> {
    let documents = counted(chosen.files.len() as u64, "document");
    let size = Size(chosen.bytes);
    let _ = write!(
        io::stderr(),
        "Remove {documents} ({size}) for good? Nothing takes this back. [y/N] "
    );
    let mut answer = String::new();
    io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Failure::new(Exit::Failed, "standard input", e))?;
    if is_yes(&answer) {
        return Ok(());
    }
    let why = "nothing was removed: it was not confirmed";
    Err(Failure::new(Exit::Failed, "trash empty", why).hint("--yes does it without asking"))
}

fn is_yes(answer: &str) -> bool {
    ["y", "yes"].contains(&answer.trim().to_lowercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_yes_is_a_yes() {
        for (answer, yes) in [
            ("y\n", true),
            (" YES \n", true),
            ("", false),
            ("\n", false),
            ("n\n", false),
            ("yesterday\n", false),
        ] {
            assert_eq!(is_yes(answer), yes, "{answer:?}");
        }
    }

    #[test]
    fn an_age_beyond_all_times_is_before_all() {
        assert!(ago(Duration::MAX) < UnixSeconds(0));
        assert!(ago(Duration::ZERO) <= UnixSeconds::now());
    }
}
