//! What a command says when it cannot go on: `librisfs: <what>: <why>`, then what to do.

use std::fmt;
use std::io;
use std::path::Path;

use crate::archive::{self, blob, catalogue};
use crate::fuse;

use super::exit::Exit;
use super::text::Clean;

/// Why a command stopped.
#[derive(Debug)]
pub enum Failure {
    /// Something to tell the user.
    Told(Box<Told>),
    /// Nobody reads the output any longer (`| head`): a quiet success.
    OutputClosed,
}

/// The parts of a message.
#[derive(Debug)]
pub struct Told {
    exit: Exit,
    message: String,
    hint: Option<String>,
}

impl Failure {
    /// `what` could not be done, because of `why`.
    pub fn new(exit: Exit, what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::said(exit, format_args!("{what}: {why}"))
    }

    /// A message that already says what and why.
    fn said(exit: Exit, message: impl fmt::Display) -> Self {
        Self::Told(Box::new(Told {
            exit,
            message: without_errno(&message.to_string()),
            hint: None,
        }))
    }

    /// Arguments that make no sense.
    pub fn usage(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::new(Exit::Usage, what, why)
    }

    /// What the system said of `path`.
    pub fn io(path: &Path, error: &io::Error) -> Self {
        Self::new(Exit::Failed, path.display(), error)
    }

    /// The same, saying what to do. One line for each line of `hint`.
    #[must_use]
    pub fn hint(mut self, hint: impl fmt::Display) -> Self {
        if let Self::Told(told) = &mut self {
            told.hint = Some(hint.to_string());
        }
        self
    }

    /// How the command ends.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Told(told) => told.exit,
            Self::OutputClosed => Exit::Done,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Told(told) = self else {
            return Ok(());
        };
        writeln!(f, "librisfs: {}", Clean(&told.message))?;
        told.hint
            .iter()
            .flat_map(|hint| hint.lines())
            .try_for_each(|line| writeln!(f, "  {}", Clean(line)))
    }
}

impl From<archive::Error> for Failure {
    fn from(error: archive::Error) -> Self {
        let exit = Exit::from(&error);
        match error {
            archive::Error::NoSuchArchive { dir } => {
                let dir = dir.display();
                Self::new(exit, &dir, "there is no archive here (no librisfs.toml)")
                    .hint(format_args!("make one with `librisfs init {dir}`"))
            }
            archive::Error::TooNew { dir, found, known } => {
                let why =
                    format!("the archive has format {found}, this program knows up to {known}");
                Self::new(exit, dir.display(), why).hint("install a newer librisfs")
            }
            archive::Error::Busy { dir, lock } => {
                let why = format!(
                    "the archive is busy: another librisfs holds {}",
                    lock.display()
                );
                Self::new(exit, dir.display(), why).hint("try again when it is done")
            }
            archive::Error::Config { path, fault } => {
                Self::new(exit, path.display(), "the configuration is wrong").hint(fault)
            }
            archive::Error::AlreadyAnArchive { dir } => {
                Self::new(exit, dir.display(), "this is an archive already")
                    .hint("use it as it is, or name another folder")
            }
            error @ (archive::Error::Blob(blob::Error::Full { .. })
            | archive::Error::Catalogue(catalogue::Error::Full(_))) => Self::said(exit, error)
                .hint("make room and run the same command again: what was done is kept"),
            error => Self::said(exit, error),
        }
    }
}

impl From<fuse::Error> for Failure {
    fn from(error: fuse::Error) -> Self {
        match error {
            fuse::Error::Archive(error) => error.into(),
            error @ fuse::Error::Busy { .. } => Self::said(Exit::Busy, error),
            error => Self::said(Exit::Failed, error),
        }
    }
}

/// An error of the standard output, the only thing that commands write to with `?`.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::OutputClosed,
            _ => Self::new(Exit::Failed, "standard output", error),
        }
    }
}

/// The message without the numbers that Rust puts behind what the system said: `(os error 2)`.
fn without_errno(message: &str) -> String {
    let mut parts = message.split(" (os error ");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once(')') {
            Some((number, rest)) if number.bytes().all(|b| b.is_ascii_digit()) => plain += rest,
            _ => plain = plain + " (os error " + part,
        }
    }
    plain
}

/// What a command answers.
pub type Outcome = Result<Exit, Failure>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_say_nothing_are_left_out() {
        for (said, told) in [
            (
                "a: No such file (os error 2): see b",
                "a: No such file: see b",
            ),
            ("x (os error 5)", "x"),
            ("x (os error of mine)", "x (os error of mine)"),
            ("plain", "plain"),
        ] {
            assert_eq!(without_errno(said), told);
        }
    }

    #[test]
    fn one_line_then_what_to_do() {
        let failure = Failure::new(Exit::Failed, "a\nb", "no\x1b[31m").hint("try this\nor that");
        assert_eq!(
            failure.to_string(),
            "librisfs: a\u{fffd}b: no\u{fffd}[31m\n  try this\n  or that\n"
        );
    }

    #[test]
    fn a_closed_pipe_is_a_quiet_success() {
        let failure = Failure::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(failure.exit(), Exit::Done);
        assert_eq!(failure.to_string(), "");
        let full = Failure::from(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit(), Exit::Failed);
    }
}
