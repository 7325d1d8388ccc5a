//! `librisfs edit`.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::archive::{Access, Archive, Fields, FileRecord};
use crate::book::Metadata;
use crate::language;

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::{Output, OutputArgs};
use super::progress::say;
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

    #[command(flatten)]
    output: OutputArgs,
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

/// Changes the record, and prints what was and what is.
pub fn run(args: &EditArgs) -> Outcome {
    let archive = Archive::open(&args.archive, Access::ReadWrite)?;
    let records = found(&archive, args)?;
    let fields = fields(&args.changes);
    let edits: Vec<_> = records
        .iter()
        .map(|record| (record.file, fields.clone()))
        .collect();
    archive.edit(&edits)?;
    let mut edited = Vec::new();
    for old in &records {
        if let Some(new) = archive.record(old.file)? {
            edited.push(EditedJson::of(old, &new));
        }
    }
    print(args, &edited)?;
    Ok(Exit::Done)
}

/// The documents that are meant.
fn found(archive: &Archive, args: &EditArgs) -> Result<Vec<FileRecord>, Failure> {
    let what = wanted(&args.what);
    let mut records = archive.find(what)?;
    records.retain(|record| record.trashed.is_none());
    if !records.is_empty() {
        return Ok(records);
    }
    let dir = args.archive.display();
    Err(if archive.find_trashed(what)?.is_empty() {
        let why = "no document here has this name or this hash";
        Failure::new(Exit::Failed, &args.what, why).hint(format_args!(
            "`librisfs search {dir} WORDS...` finds by parts"
        ))
    } else {
        Failure::new(Exit::Failed, &args.what, "this document is in the trash").hint(format_args!(
            "take it out first: `librisfs trash {dir} restore NAME`"
        ))
    })
}

/// A document before and after.
#[derive(Debug, Serialize)]
struct EditedJson {
    changed: bool,
    name_before: String,
    name: String,
    before: Metadata,
    after: Metadata,
}

impl EditedJson {
    fn of(old: &FileRecord, new: &FileRecord) -> Self {
        Self {
            changed: old.metadata != new.metadata,
            name_before: old.name.to_string(),
            name: new.name.to_string(),
            before: old.metadata.clone(),
            after: new.metadata.clone(),
        }
    }
}

fn print(args: &EditArgs, edited: &[EditedJson]) -> Result<(), Failure> {
    let mut output = Output::lock();
    if args.output.json {
        output.json(&edited)?;
    } else {
        for one in edited.iter().filter(|one| one.changed) {
            print_one(one, &mut output)?;
        }
    }
    output.finish()?;
    if !edited.iter().any(|one| one.changed) {
        say("nothing to change: it is recorded so already");
    }
    Ok(())
}

/// The name before and after, then each field that is different.
fn print_one(one: &EditedJson, output: &mut Output) -> Result<(), Failure> {
    if one.name_before == one.name {
        writeln!(output, "{}", Clean(&one.name))?;
    } else {
        let (before, after) = (Clean(&one.name_before), Clean(&one.name));
        writeln!(output, "{before} -> {after}")?;
    }
    for (field, before, after) in differences(&one.before, &one.after) {
        writeln!(output, "  {field}: {} -> {}", Clean(&before), Clean(&after))?;
    }
    Ok(())
}

/// The fields that are different: their names, the values before, the values after.
fn differences(before: &Metadata, after: &Metadata) -> Vec<(&'static str, String, String)> {
    let values = |of: &Metadata| {
        [
            ("title", of.title.clone()),
            ("author", of.author.clone()),
            ("publisher", of.publisher.clone()),
            ("year", of.year.map(|year| year.to_string())),
            ("language", of.language.clone()),
        ]
    };
    let shown = |value: Option<String>| value.unwrap_or_else(|| "(none)".to_owned());
    values(before)
        .into_iter()
        .zip(values(after))
        .filter(|(before, after)| before != after)
        .map(|((field, before), (_, after))| (field, shown(before), shown(after)))
        .collect()
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

    #[test]
    fn fields_that_are_different_are_named() {
        let before = Metadata {
            title: Some("A".to_owned()),
            year: Some(-44),
            ..Metadata::default()
        };
        let after = Metadata {
            title: Some("A".to_owned()),
            publisher: Some("P".to_owned()),
            ..Metadata::default()
        };
        let told = |field, before: &str, after: &str| (field, before.to_owned(), after.to_owned());
        assert_eq!(
            differences(&before, &after),
            [
                told("publisher", "(none)", "P"),
                told("year", "-44", "(none)")
            ]
        );
        assert_eq!(differences(&before, &before), []);
    }
}
