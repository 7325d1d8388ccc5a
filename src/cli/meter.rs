//! From what the archive tells of long work to progress on the screen, and from Ctrl-C to its end.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::archive::{self, ImportObserver, Outcome};

use super::exit::Exit;
use super::failure::Failure;
use super::interrupt::Interrupt;
use super::progress::{Progress, ProgressArgs, Unit, say};

/// Hears of long work in bytes, from several threads.
pub struct Meter {
    progress: Progress,
    unit: Unit,
    done: AtomicU64,
    ahead: AtomicU64,
    interrupt: Interrupt,
}

impl Meter {
    /// Begins to listen, to the work and to Ctrl-C.
    pub fn new(args: ProgressArgs, what: &'static str, unit: Unit) -> Result<Self, Failure> {
        let interrupt = Interrupt::listen()
            .map_err(|e| Failure::new(Exit::Failed, "cannot listen for signals", e))?;
        Ok(Self {
            progress: Progress::new(args, what, unit),
            unit,
            done: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            interrupt,
        })
    }

    /// How the command ends that would end with `exit` if nobody had interrupted it. The progress is
    /// shown no longer.
    pub fn end(self, exit: Exit) -> Exit {
        self.interrupt.signal().map_or(exit, Exit::Interrupted)
    }

    fn amount(&self, objects: u64, bytes: u64) -> u64 {
        match self.unit {
            Unit::Bytes => bytes,
            Unit::Items => objects,
        }
    }
}

impl archive::Progress for Meter {
    fn ahead(&self, objects: u64, bytes: u64) {
        self.ahead
            .fetch_add(self.amount(objects, bytes), Ordering::Relaxed);
    }

    fn done(&self, objects: u64, bytes: u64) {
        let amount = self.amount(objects, bytes);
        let done = self.done.fetch_add(amount, Ordering::Relaxed) + amount;
        self.progress.set(done, self.ahead.load(Ordering::Relaxed));
    }

    fn is_cancelled(&self) -> bool {
        self.interrupt.is_raised()
    }
}

/// What an import tells, and how much of it to pass on.
pub struct ImportMeter {
    /// How far it is.
    pub meter: Meter,
    /// Name every file, not only those that were refused.
    pub verbose: bool,
}

impl archive::Progress for ImportMeter {
    fn ahead(&self, objects: u64, bytes: u64) {
        self.meter.ahead(objects, bytes);
    }

    fn done(&self, objects: u64, bytes: u64) {
        self.meter.done(objects, bytes);
    }

    fn is_cancelled(&self) -> bool {
        self.meter.is_cancelled()
    }
}

impl ImportObserver for ImportMeter {
    fn settled(&self, path: &Path, outcome: &Outcome) {
        let path = path.to_string_lossy();
        match outcome {
            Outcome::Refused(reason) => say(&format!("librisfs: refused {path}: {reason}")),
            Outcome::New(_) if self.verbose => say(&format!("new        {path}")),
            Outcome::Duplicate(_) if self.verbose => say(&format!("duplicate  {path}")),
            Outcome::Restored(_) if self.verbose => say(&format!("restored   {path}")),
            Outcome::New(_) | Outcome::Duplicate(_) | Outcome::Restored(_) => {}
        }
    }
}
