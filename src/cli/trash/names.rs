//! The documents that names on the command line lead to.

use std::io::{self, Write};

use crate::archive::{Archive, FileRecord};

use super::super::exit::Exit;
use super::super::failure::Failure;
use super::super::show::wanted;

/// What names lead to, each document once.
pub struct Names {
    /// The documents.
    pub found: Vec<FileRecord>,
    /// The names that led nowhere.
    pub missing: Vec<String>,
    why: &'static str,
    hint: String,
}

impl Names {
    /// Documents that are not in the trash.
    pub fn in_views(archive: &Archive, names: &[String]) -> Result<Self, Failure> {
        let dir = archive.dir().display();
        let mut these = Self {
            found: Vec::new(),
            missing: Vec::new(),
            why: "no document here has this name or this hash",
            hint: format!("`librisfs search {dir} WORDS...` finds by parts"),
        };
        for name in names {
            let mut records = archive.find(wanted(name))?;
            records.retain(|record| record.trashed.is_none());
            these.take(name, records);
        }
        Ok(these)
    }

    /// Documents in the trash.
    pub fn in_trash(archive: &Archive, names: &[String]) -> Result<Self, Failure> {
        let dir = archive.dir().display();
        let mut these = Self {
            found: Vec::new(),
            missing: Vec::new(),
            why: "nothing in the trash has this name or this hash",
            hint: format!("`librisfs trash {dir} list` shows what is there"),
        };
        for name in names {
            let mut records = Vec::new();
            for file in archive.find_trashed(wanted(name))? {
                records.extend(archive.record(file)?);
            }
            these.take(name, records);
        }
        Ok(these)
    }

    fn take(&mut self, name: &str, records: Vec<FileRecord>) {
        if records.is_empty() {
            self.missing.push(name.to_owned());
        }
        for record in records {
            if self.found.iter().all(|found| found.file != record.file) {
                self.found.push(record);
            }
        }
    }

    /// How a command ends that did it to those that were found.
    pub fn exit(&self) -> Exit {
        match (self.found.is_empty(), self.missing.is_empty()) {
            (_, true) => Exit::Done,
            (false, false) => Exit::Partly,
            (true, false) => Exit::Failed,
        }
    }

    /// Names those that led nowhere, on the standard error, and says once what to do.
    pub fn complain(&self) {
        for (nth, name) in self.missing.iter().enumerate() {
            let mut failure = Failure::new(self.exit(), name, self.why);
            if nth + 1 == self.missing.len() {
                failure = failure.hint(&self.hint);
            }
            // Where the standard error is gone, the exit code still tells.
            let _ = write!(io::stderr(), "{failure}");
        }
    }
}
