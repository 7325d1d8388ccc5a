//! Parses the command line, runs the command, exits with its code.

use std::process::ExitCode;

use librisfs::cli::{self, Ending};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    match cli::run(&args) {
        Ending::Code(code) => ExitCode::from(code),
        Ending::Signal(signal, code) => {
            // Returns only where the signal cannot be raised; the code tells the same.
            let _ = signal_hook::low_level::emulate_default_handler(signal);
            ExitCode::from(code)
        }
    }
}
