//! `librisfs completions`.

use std::io::Write;

use clap::Args;
use clap_complete::Shell;

use super::exit::Exit;
use super::failure::Outcome;
use super::output::Output;

/// Print completions for a shell
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  librisfs completions bash > /usr/share/bash-completion/completions/librisfs
  librisfs completions zsh > /usr/share/zsh/site-functions/_librisfs
  librisfs completions fish > /usr/share/fish/vendor_completions.d/librisfs.fish")]
pub struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Prints the script for `command`.
pub fn run(args: &CompletionsArgs, mut command: clap::Command) -> Outcome {
    // Into memory first: the generator panics where its output cannot be written.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut command, "librisfs", &mut script);
    let mut output = Output::lock();
    output.write_all(&script)?;
    output.finish()?;
    Ok(Exit::Done)
}
