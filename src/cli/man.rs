//! `librisfs man`: manual pages, made from the same words as `--help`.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::{Args, Command};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::exit::Exit;
use super::failure::{Failure, Outcome};
use super::output::Output;

/// Exit codes, as the manual gives them.
const EXIT_CODES: &[(&str, &str)] = &[
    ("0", "Done."),
    ("1", "Failed; the message says what and why."),
    ("2", "The arguments make no sense."),
    (
        "3",
        "Partly done: some inputs were refused, and each was named.",
    ),
    ("10", "There is no archive at that place."),
    ("11", "Somebody else holds what is needed: locked, or busy."),
    ("12", "The archive was made by a newer librisfs."),
    (
        "130, 143",
        "Interrupted, in good order; what was done is kept.",
    ),
];

/// Variables, as the manual gives them. Flags win over them, and they win over librisfs.toml.
const VARIABLES: &[(&str, &str)] = &[
    (
        "LIBRISFS_LOG",
        "What to log: error, warn (the default), info, debug, trace.",
    ),
    (
        "LIBRISFS_MOUNT_OPTIONS",
        "Mount options as -o takes them, followed before -o and flags.",
    ),
    ("LIBRISFS_JOBS", "Files worked on at once."),
    ("LIBRISFS_QUIET", "If set to true, show no progress."),
    ("NO_COLOR", "If set, use no colours."),
];

/// Write manual pages
///
/// Prints the page of the program or of one command, or writes all pages into a folder.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs man | man -l -
  librisfs man import | man -l -
  librisfs man --dir /usr/share/man/man1")]
pub struct ManArgs {
    /// The command whose page to print [default: that of the program]
    #[arg(conflicts_with = "dir")]
    command: Option<String>,

    /// Write all pages into this folder
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// Prints a page of `program`, or writes all.
pub fn run(args: &ManArgs, program: Command) -> Outcome {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    match &args.dir {
        Some(dir) => {
            fs::create_dir_all(dir).map_err(|e| Failure::io(dir, &e))?;
            for command in all(&program) {
                let path = dir.join(format!("{}.1", title(command)));
                let written = page(command).and_then(|text| fs::write(&path, text));
                written.map_err(|e| Failure::io(&path, &e))?;
            }
        }
        None => print(&program, args.command.as_deref())?,
    }
    Ok(Exit::Done)
}

fn print(program: &Command, name: Option<&str>) -> Result<(), Failure> {
    let command = match name {
        None => program,
        Some(name) => program.find_subcommand(name).ok_or_else(|| {
            Failure::usage("man", format_args!("there is no command `{name}`"))
                .hint("see `librisfs --help`")
        })?,
    };
    let mut output = Output::lock();
    output.write_all(&page(command)?)?;
    output.finish()
}

/// The program and its commands.
fn all(program: &Command) -> impl Iterator<Item = &Command> {
    let commands = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    std::iter::once(program).chain(commands)
}

/// `librisfs-import`
fn title(command: &Command) -> &str {
    command
        .get_display_name()
        .unwrap_or_else(|| command.get_name())
}

/// One page in roff.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let source = concat!("librisfs ", env!("CARGO_PKG_VERSION"));
    let examples = command.get_after_help().map(ToString::to_string);
    let man = Man::new(command.clone())
        .source(source)
        .manual("librisfs manual");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    man.render_options_section(&mut text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut text)?;
    }
    if let Some(examples) = examples {
        examples_section(&examples).to_writer(&mut text)?;
    }
    definitions("EXIT STATUS", EXIT_CODES).to_writer(&mut text)?;
    definitions("ENVIRONMENT", VARIABLES).to_writer(&mut text)?;
    Ok(text)
}

/// The text below the options of `--help`, its lines kept as they are.
fn examples_section(text: &str) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", ["EXAMPLES AND NOTES"]);
    roff.control("nf", []);
    for line in text.lines() {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    roff
}

fn definitions(heading: &str, pairs: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::default();
    roff.control("SH", [heading]);
    for (term, meaning) in pairs {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
    roff
}
