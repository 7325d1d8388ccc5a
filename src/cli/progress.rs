//! Progress on the standard error: a bar on a terminal, plain lines elsewhere, nothing where it is quick
//! or unwanted.
//!
//! Lock order: [`CURRENT`] is held while a line is written, and nothing else is locked under it.

use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use clap::Args;
use clap::builder::FalseyValueParser;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::text::{Clean, Size, count};

/// Work shorter than this shows no progress.
const QUICK: Duration = Duration::from_secs(1);

/// Time between two plain lines.
const LINE_EVERY: Duration = Duration::from_secs(5);

/// The bar on the terminal, which every other line has to make room for.
static CURRENT: Mutex<Option<ProgressBar>> = Mutex::new(None);

/// Whether to show progress.
#[derive(Debug, Clone, Copy, Args)]
pub struct ProgressArgs {
    /// Show no progress
    #[arg(
        long,
        short,
        env = "LIBRISFS_QUIET",
        hide_env_values = true,
        value_parser = FalseyValueParser::new(),
        help_heading = "Output"
    )]
    pub quiet: bool,
}

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Bytes.
    Bytes,
    /// Things.
    Items,
}

/// The progress of one piece of work. May be told from several threads.
pub struct Progress {
    what: &'static str,
    unit: Unit,
    started: Instant,
    shown: Shown,
}

enum Shown {
    Nothing,
    /// The bar is hidden until the work has taken [`QUICK`].
    Bar(ProgressBar),
    /// When the last line was written.
    Lines(Mutex<Option<Instant>>),
}

impl Progress {
    /// Begins. `what` is shown before the figures: `import`.
    pub fn new(args: ProgressArgs, what: &'static str, unit: Unit) -> Self {
        let shown = if args.quiet {
            Shown::Nothing
        } else if io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden())
                .with_message(what)
                .with_style(style(unit, false));
            *current() = Some(bar.clone());
            Shown::Bar(bar)
        } else {
            Shown::Lines(Mutex::new(None))
        };
        Self {
            what,
            unit,
            started: Instant::now(),
            shown,
        }
    }

    /// `done` of `total` is done; a `total` of 0 is one that is not known.
    pub fn set(&self, done: u64, total: u64) {
        match &self.shown {
            Shown::Nothing => {}
            Shown::Bar(bar) => self.draw(bar, done, total),
            Shown::Lines(last) => self.line_if_due(last, done, total),
        }
    }

    fn draw(&self, bar: &ProgressBar, done: u64, total: u64) {
        if bar.length().unwrap_or(0) != total {
            bar.set_style(style(self.unit, total > 0));
            bar.set_length(total);
        }
        bar.set_position(done);
        if bar.is_hidden() && self.started.elapsed() >= QUICK {
            bar.set_draw_target(ProgressDrawTarget::stderr());
        }
    }

    fn line_if_due(&self, last: &Mutex<Option<Instant>>, done: u64, total: u64) {
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        let due = last.map_or(self.started + QUICK, |last| last + LINE_EVERY);
        if Instant::now() >= due {
            *last = Some(Instant::now());
            let figures = figures(self.unit, done, total, self.started.elapsed());
            say(&format!("{}: {figures}", self.what));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Shown::Bar(bar) = &self.shown {
            bar.finish_and_clear();
            *current() = None;
        }
    }
}

/// Writes one line to the standard error, above the bar if there is one. That nobody may be reading is
/// no reason to stop working.
pub fn say(line: &str) {
    with_bar_aside(|| {
        let _ = writeln!(io::stderr(), "{}", Clean(line));
    });
}

/// The standard error for the log: whole lines, above the bar.
pub struct AboveBar;

impl Write for AboveBar {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        with_bar_aside(|| io::stderr().write_all(bytes))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn with_bar_aside<T>(write: impl FnOnce() -> T) -> T {
    match current().as_ref() {
        Some(bar) => bar.suspend(write),
        None => write(),
    }
}

fn current() -> MutexGuard<'static, Option<ProgressBar>> {
    CURRENT.lock().unwrap_or_else(PoisonError::into_inner)
}

fn style(unit: Unit, total_known: bool) -> ProgressStyle {
    let template = match (unit, total_known) {
        (Unit::Bytes, true) => {
            "{msg} [{bar:30}] {bytes} of {total_bytes}, {bytes_per_sec}, {eta} left"
        }
        (Unit::Bytes, false) => "{msg} {spinner} {bytes}, {bytes_per_sec}",
        (Unit::Items, true) => {
            "{msg} [{bar:30}] {human_pos} of {human_len}, {per_sec:0}, {eta} left"
        }
        (Unit::Items, false) => "{msg} {spinner} {human_pos}, {per_sec:0}",
    };
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

/// `1.2 GiB of 3.4 GiB, 120.0 MiB/s, 18 seconds left`
fn figures(unit: Unit, done: u64, total: u64, elapsed: Duration) -> String {
    let show = |number: u64| match unit {
        Unit::Bytes => Size(number).to_string(),
        Unit::Items => count(number).to_string(),
    };
    let millis = elapsed.as_millis().max(1);
    let rate = u128::from(done) * 1000 / millis;
    let rate = u64::try_from(rate).unwrap_or(u64::MAX);
    let of_total = (total > 0).then(|| format!(" of {}", show(total)));
    let left = total
        .saturating_sub(done)
        .checked_div(rate)
        .filter(|_| total > done)
        .map(|seconds| format!(", {} left", HumanDuration(Duration::from_secs(seconds))));
    format!(
        "{}{}, {}/s{}",
        show(done),
        of_total.unwrap_or_default(),
        show(rate),
        left.unwrap_or_default()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one() {
        for unit in [Unit::Bytes, Unit::Items] {
            for known in [true, false] {
                let bar = ProgressBar::with_draw_target(Some(10), ProgressDrawTarget::hidden());
                bar.set_style(style(unit, known));
                bar.set_position(3);
            }
        }
    }

    #[test]
    fn plain_lines_tell_rate_and_time_left() {
        let ten = Duration::from_secs(10);
        for (unit, done, total, text) in [
            (Unit::Items, 0, 0, "0, 0/s"),
            (Unit::Items, 5000, 0, "5,000, 500/s"),
            (
                Unit::Items,
                5000,
                6000,
                "5,000 of 6,000, 500/s, 2 seconds left",
            ),
            (Unit::Items, 6000, 6000, "6,000 of 6,000, 600/s"),
            (Unit::Items, 1, 6000, "1 of 6,000, 0/s"),
            (
                Unit::Bytes,
                10 << 20,
                20 << 20,
                "10.0 MiB of 20.0 MiB, 1.0 MiB/s, 10 seconds left",
            ),
        ] {
            assert_eq!(figures(unit, done, total, ten), text);
        }
    }
}
