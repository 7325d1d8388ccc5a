//! `librisfs edit`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;

use crate::archive::{Access, Archive, Fields};
use crate::language;

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::Output;
use super::show::wanted;
use super::text::Clean;

/// Change what is recorded of a document
///
/// The document is at its new name and in its new folders at once, in a mounted archive too. `librisfs undo`
/// takes it back.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs edit ~/archive 'Fondation - Isaac Asimov.epub' title=Foundation year=1951
  librisfs edit ~/archive ~/books/by-title/Emma.epub 'author=Austen, Jane'
  librisfs edit ~/archive 9e107d9d372bb6826bd81d3542a419d6 publisher=

Fields: title, author, publisher, year, language. A field without a value is emptied.
Several authors are separated by ` & `.")]
pub struct EditArgs {
    /// The archive
    archive: PathBuf,

    /// A file's name as the mount shows it, a path in the mount, an MD5 or a SHA-1
    #[arg(value_name = "NAME")]
    what: String,

    /// What to change
    #[arg(value_name = "FIELD=VALUE", required = true, value_parser = parse_change)]
    changes: Vec<Change>,
}

/// One field and its new value.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Title(Option<String>),
    Author(Option<String>),
    Publisher(Option<String>),
    Year(Option<i32>),
    Language(Option<String>),
}

fn parse_change(text: &str) -> Result<Change, String> {
    let (field, value) = text
        .split_once('=')
        .ok_or("write FIELD=VALUE, such as year=1951")?;
    let value = Some(value.trim())
        .filter(|value| !value.is_empty())
        .map(str::to_owned);
    Ok(match field {
        "title" => Change::Title(value),
        "author" => Change::Author(value),
        "publisher" => Change::Publisher(value),
        "year" => Change::Year(value.map(|year| parse_year(&year)).transpose()?),
        "language" => {
            if let Some(language) = &value
                && language::code(language).is_none()
            {
                return Err(format!(
                    "`{language}` is no language; write a code or an English name, such as en or French"
                ));
            }
            Change::Language(value)
        }
        other => {
            return Err(format!(
                "`{other}` is no field; there are title, author, publisher, year, language"
            ));
        }
    })
}

fn parse_year(year: &str) -> Result<i32, String> {
    year.parse()
        .map_err(|_| format!("`{year}` is no year; write 1951, or -44 for 44 BC"))
}

fn fields(changes: &[Change]) -> Fields {
    let mut fields = Fields::default();
    for change in changes.iter().cloned() {
        match change {
            Change::Title(value) => fields.title = Some(value),
            Change::Author(value) => fields.author = Some(value),
            Change::Publisher(value) => fields.publisher = Some(value),
            Change::Year(value) => fields.year = Some(value),
            Change::Language(value) => fields.language = Some(value),
        }
    }
    fields
}

/// Changes the record, and prints the names before and after.
pub fn run(args: &EditArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    let mut records = archive.find(wanted(&args.what))?;
    records.retain(|record| record.trashed.is_none());
    if records.is_empty() {
        let hint = format!(
            "`librisfs search {} WORDS...` finds by parts",
            args.archive.display()
        );
        let why = "no document here has this name or this hash";
        return Err(Failure::new(Exit::Failed, &args.what, why).hint(hint));
    }
    let fields = fields(&args.changes);
    let edits: Vec<_> = records
        .iter()
        .map(|record| (record.file, fields.clone()))
        .collect();
    let changed = archive.edit(&edits)?;
    let mut output = Output::lock();
    if changed == 0 {
        writeln!(output, "nothing to change: it is recorded so already")?;
    }
    for old in &records {
        let new = archive.record(old.file)?;
        let new = new.map_or_else(|| old.name.to_string(), |new| new.name.to_string());
        if new != old.name.as_str() {
            writeln!(output, "{} -> {}", Clean(old.name.as_str()), Clean(&new))?;
        } else if changed > 0 {
            writeln!(output, "{}: changed", Clean(&new))?;
        }
    }
    output.finish()?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_read() {
        for (text, change) in [
            ("title=A = B", Change::Title(Some("A = B".to_owned()))),
            ("publisher=", Change::Publisher(None)),
            ("year=-44", Change::Year(Some(-44))),
            (
                "language=French",
                Change::Language(Some("French".to_owned())),
            ),
        ] {
            assert_eq!(parse_change(text), Ok(change), "{text}");
        }
        for (text, said) in [
            ("title", "FIELD=VALUE"),
            ("format=epub", "no field"),
            ("year=soon", "no year"),
            ("language=klingonese", "no language"),
        ] {
            let error = parse_change(text).expect_err(text);
            assert!(error.contains(said), "{error}");
        }
    }
}
