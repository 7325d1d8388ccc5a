//! `librisfs search`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Access, Archive, Query, SearchHit};

use super::exit::Exit;
use super::failure::Outcome;
use super::output::{Output, OutputArgs};
use super::progress::say;
use super::record::{FileJson, places};
use super::table::{Side, Table};
use super::text::Size;

/// Find documents by their metadata
///
/// Words are looked for in titles, authors and publishers; all must be found. Fields: title:, author:,
/// publisher:, year: (also 1950..1959), format:, language:. An argument with spaces is a phrase.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs search ~/archive foundation asimov
  librisfs search ~/archive author:'le guin' year:1960..1979 format:epub
  librisfs search ~/archive 'left hand of darkness' --json")]
pub struct SearchArgs {
    /// The archive
    archive: PathBuf,

    /// What to look for
    #[arg(required = true)]
    words: Vec<String>,

    /// Show at most so many
    #[arg(long, value_name = "N", default_value = "100")]
    limit: NonZeroUsize,

    #[command(flatten)]
    output: OutputArgs,
}

/// Prints the hits.
pub fn run(args: &SearchArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadOnly)?;
    let limit = args.limit.get();
    let query = Query {
        words: joined(&args.words),
        limit: limit.saturating_add(1),
    };
    let mut hits = archive.search(&query)?;
    let is_cut = hits.len() > limit;
    hits.truncate(limit);
    print(args, &hits)?;
    match hits.len() {
        0 => say("nothing found"),
        shown if is_cut => say(&format!("the first {shown} are shown; --limit shows more")),
        _ => {}
    }
    Ok(Exit::Done)
}

/// The words as one query. The shell took the quotes away: a word with spaces was a phrase.
fn joined(words: &[String]) -> String {
    let quoted: Vec<_> = words.iter().map(|word| quoted(word)).collect();
    quoted.join(" ")
}

fn quoted(word: &str) -> String {
    if !word.contains(char::is_whitespace) || word.contains('"') {
        return word.to_owned();
    }
    match word.split_once(':') {
        Some((field, value)) if !field.contains(char::is_whitespace) => {
            format!("{field}:\"{value}\"")
        }
        _ => format!("\"{word}\""),
    }
}

fn print(args: &SearchArgs, hits: &[SearchHit]) -> Outcome {
    let mut output = Output::lock();
    if args.output.json {
        let mut array = output.json_array()?;
        for hit in hits {
            array.item(&FileJson::from(hit))?;
        }
        array.end()?;
    } else {
        let mut table = Table::new(&[
            ("SIZE", Side::Right),
            ("MD5", Side::Left),
            ("PATH", Side::Left),
        ]);
        for hit in hits {
            let path = places(hit).into_iter().next().unwrap_or_default();
            table.row(&[
                &Size(hit.blob.size_bytes).to_string(),
                &hit.blob.md5.to_string(),
                &path,
            ]);
        }
        table.write(&mut output)?;
    }
    output.finish()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_get_their_quotes_back() {
        for (words, query) in [
            (vec!["foundation", "asimov"], "foundation asimov"),
            (vec!["left hand", "x"], "\"left hand\" x"),
            (vec!["author:le guin"], "author:\"le guin\""),
            (vec!["two towers: part"], "\"two towers: part\""),
            (vec!["author:\"le guin\" x"], "author:\"le guin\" x"),
        ] {
            let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
            assert_eq!(joined(&words), query);
        }
    }
}
