//! The log: `tracing` to the standard error, filtered by `LIBRISFS_LOG`.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

use super::failure::Failure;
use super::progress::AboveBar;

/// The variable that filters the log: `info`, `debug`, `librisfs::archive=trace,warn`.
pub const VARIABLE: &str = "LIBRISFS_LOG";

/// What is logged where nothing else is said. `fuser` warns whenever a mount was unmounted by anybody
/// but itself, which is the ordinary way.
const DEFAULT: &str = "warn,fuser=error";

/// Starts the log with `filter`. The first call in a process counts.
pub fn start(filter: Option<&str>) -> Result<(), Failure> {
    let filter = filter
        .filter(|filter| !filter.is_empty())
        .unwrap_or(DEFAULT);
    let filter = EnvFilter::try_new(filter).map_err(|e| {
        Failure::usage(format!("log filter `{filter}`"), e)
            .hint("use error, warn, info, debug or trace, or see the tracing-subscriber manual")
    })?;
    let _already_started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(wants_colour())
        .with_writer(|| AboveBar)
        .try_init();
    Ok(())
}

/// Whether the standard error is a terminal and nobody asked for plain text (<https://no-color.org>).
fn wants_colour() -> bool {
    io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}
