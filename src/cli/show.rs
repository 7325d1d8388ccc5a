//! `librisfs show`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::archive::{Access, Archive, FileRecord, TakedownEntry};
use crate::hash::Hash;

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::{Output, OutputArgs};
use super::record::{self, FileJson, TakedownJson};
use super::takedown::naming;

/// Show all that is recorded of a document
///
/// Its metadata and hashes, where it is in the mount, whether it is hidden and why. A hash that is taken
/// down is explained even where the archive never had it.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs show ~/archive 'Foundation - Isaac Asimov (1951).epub'
  librisfs show ~/archive ~/books/by-year/1951/Foundation*
  librisfs show ~/archive 9e107d9d372bb6826bd81d3542a419d6 --json")]
pub struct ShowArgs {
    /// The archive
    archive: PathBuf,

    /// An MD5, a SHA-1, a file's name as the mount shows it, or a path in the mount
    #[arg(value_name = "HASH-OR-NAME")]
    what: String,

    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the records.
pub fn run(args: &ShowArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadOnly)?;
    let what = wanted(&args.what);
    let records = archive.find(what)?;
    let takedowns = match what.parse::<Hash>() {
        Ok(hash) => naming(&archive, &hash)?,
        Err(_) => Vec::new(),
    };
    if records.is_empty() && takedowns.is_empty() {
        let hint = format!(
            "`librisfs search {} WORDS...` finds by parts",
            args.archive.display()
        );
        let why = "no document here has this name or this hash";
        return Err(Failure::new(Exit::Failed, &args.what, why).hint(hint));
    }
    print(args, &records, &takedowns)
}

/// The name or the hash that is meant: the last part of a path, since no name has a `/` in it, and without
/// its extension if it is then a hash, as below `by-hash/`.
pub(super) fn wanted(what: &str) -> &str {
    let name = what.rsplit('/').next().unwrap_or(what);
    match name.split_once('.') {
        Some((stem, _)) if stem.parse::<Hash>().is_ok() => stem,
        _ => name,
    }
}

#[derive(Debug, Serialize)]
struct ShowJson {
    files: Vec<FileJson>,
    takedowns: Vec<TakedownJson>,
}

fn print(args: &ShowArgs, records: &[FileRecord], takedowns: &[TakedownEntry]) -> Outcome {
    let mut output = Output::lock();
    if args.output.json {
        output.json(&ShowJson {
            files: records.iter().map(FileJson::from).collect(),
            takedowns: takedowns.iter().map(TakedownJson::from).collect(),
        })?;
    } else {
        for (nth, record) in records.iter().enumerate() {
            if nth > 0 {
                writeln!(output)?;
            }
            record::facts(record).write(&mut output)?;
        }
        for entry in takedowns.iter().filter(|_| records.is_empty()) {
            writeln!(
                output,
                "not in the archive; taken down {}",
                record::why(entry)
            )?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_in_the_mount_name_their_files() {
        let md5 = "9e107d9d372bb6826bd81d3542a419d6";
        for (what, name) in [
            ("A - B (1951).epub", "A - B (1951).epub"),
            ("/home/me/books/by-year/1951/A.epub", "A.epub"),
            ("by-author/X/A.tar.gz", "A.tar.gz"),
            (md5, md5),
            (&format!("by-hash/9e/{md5}.epub"), md5),
            (&format!("{md5}0.epub"), &format!("{md5}0.epub")),
        ] {
            assert_eq!(wanted(what), name);
        }
    }
}
