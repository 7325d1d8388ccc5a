//! The command line: one file a command. A command takes its arguments, calls the layer below, and
//! prints; it decides nothing itself.
//!
//! What commands share: [`Exit`] and [`Failure`] (how they end), `output`, `table` and `text` (what they
//! print), `progress` and `meter` (what they show meanwhile), `holders` (who uses a mount).
//!
//! Settings, weakest first: `librisfs.toml` in the archive, the environment (`LIBRISFS_*`), flags.

mod backup;
mod completions;
mod edit;
mod exit;
mod failure;
mod gc;
mod holders;
mod import;
mod init;
mod interrupt;
mod journal;
mod log;
mod man;
mod meter;
mod mount;
mod mounts;
mod output;
mod progress;
mod record;
mod recover;
mod reindex;
mod scrub;
mod search;
mod show;
mod status;
mod table;
mod takedown;
mod text;
mod trash;
mod umount;
mod undo;

use std::ffi::OsString;
use std::io::{self, Write};

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Exit;
pub use failure::Failure;
use failure::Outcome;

/// Mount a document archive as a drive
///
/// An archive keeps documents once each, by the hash of their bytes, with a catalogue of what they are. The
/// mount shows every document by author, title, format, year, language and hash.
#[derive(Debug, Parser)]
#[command(name = "librisfs", version)]
#[command(after_help = "Examples:
  librisfs init ~/archive
  librisfs import ~/archive ~/Documents
  mkdir -p ~/books && librisfs mount ~/archive ~/books
  ls ~/books/by-author

`librisfs COMMAND --help` tells more of a command.")]
struct Program {
    #[command(subcommand)]
    command: Command,

    /// What to log: error, warn, info, debug, trace
    #[arg(long, global = true, env = log::VARIABLE, hide_env_values = true, value_name = "FILTER", help_heading = "Output")]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::InitArgs),
    Import(import::ImportArgs),
    Mount(mount::MountArgs),
    Umount(umount::UmountArgs),
    Mounts(mounts::MountsArgs),
    Status(status::StatusArgs),
    Search(search::SearchArgs),
    Show(show::ShowArgs),
    Edit(edit::EditArgs),
    Undo(undo::UndoArgs),
    Journal(journal::JournalArgs),
    Trash(trash::TrashArgs),
    Takedown(takedown::TakedownArgs),
    Scrub(scrub::ScrubArgs),
    Gc(gc::GcArgs),
    Recover(recover::RecoverArgs),
    Reindex(reindex::ReindexArgs),
    Backup(backup::BackupArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

/// How the process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// With this exit code.
    Code(u8),
    /// By this signal, so that a shell around it stops too; with the exit code where that cannot be.
    Signal(i32, u8),
}

/// Runs the command that `args` name, the first of them the program's name: under the name
/// `mount.librisfs` it is the helper of mount(8).
pub fn run(args: &[OsString]) -> Ending {
    let is_helper = args
        .first()
        .is_some_and(|program| mount::is_helper(program));
    let exit = if is_helper {
        run_helper(args)
    } else {
        run_program(args)
    };
    let code = if is_helper {
        exit.mount_code()
    } else {
        exit.code()
    };
    match exit {
        Exit::Interrupted(signal) if !is_helper => Ending::Signal(signal, code),
        _ => Ending::Code(code),
    }
}

fn run_program(args: &[OsString]) -> Exit {
    match Program::try_parse_from(args) {
        Ok(program) => {
            told(log::start(program.log.as_deref()).and_then(|()| dispatch(&program.command)))
        }
        Err(error) => shown(&error),
    }
}

fn run_helper(args: &[OsString]) -> Exit {
    match mount::HelperArgs::try_parse_from(args) {
        Ok(helper) => told(helper.run()),
        Err(error) => shown(&error),
    }
}

fn dispatch(command: &Command) -> Outcome {
    match command {
        Command::Init(args) => init::run(args),
        Command::Import(args) => import::run(args),
        Command::Mount(args) => mount::run(args),
        Command::Umount(args) => umount::run(args),
        Command::Mounts(args) => mounts::run(args),
        Command::Status(args) => status::run(args),
        Command::Search(args) => search::run(args),
        Command::Show(args) => show::run(args),
        Command::Edit(args) => edit::run(args),
        Command::Undo(args) => undo::run(args),
        Command::Journal(args) => journal::run(args),
        Command::Trash(args) => trash::run(args),
        Command::Takedown(args) => takedown::run(args),
        Command::Scrub(args) => scrub::run(args),
        Command::Gc(args) => gc::run(args),
        Command::Recover(args) => recover::run(args),
        Command::Reindex(args) => reindex::run(args),
        Command::Backup(args) => backup::run(args),
        Command::Completions(args) => completions::run(args, Program::command()),
        Command::Man(args) => man::run(args, Program::command()),
    }
}

/// How a command ended, its message written.
fn told(outcome: Outcome) -> Exit {
    outcome.unwrap_or_else(|failure| {
        // Where the standard error is gone, the exit code still tells.
        let _ = write!(io::stderr(), "{failure}");
        failure.exit()
    })
}

/// Help, version, or what is wrong with the arguments.
fn shown(error: &clap::Error) -> Exit {
    // A reader who left before the end of the help has read enough.
    let _ = error.print();
    if error.use_stderr() {
        Exit::Usage
    } else {
        Exit::Done
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Program::command().debug_assert();
        mount::HelperArgs::command().debug_assert();
    }

    #[test]
    fn every_command_says_what_it_does() {
        for command in Program::command().get_subcommands() {
            assert!(command.get_about().is_some(), "{}", command.get_name());
            for argument in command.get_arguments() {
                assert!(
                    argument.get_help().is_some(),
                    "{} {}",
                    command.get_name(),
                    argument.get_id()
                );
            }
        }
    }
}
