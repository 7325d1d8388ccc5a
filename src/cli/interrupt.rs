//! Ctrl-C while work is under way: the first asks it to stop in good order, the second kills.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::flag;

/// The signals that ask for an end.
const SIGNALS: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];

/// What the kernel says of this process (`proc_pid_status(5)`).
const STATUS: &str = "/proc/self/status";

/// Hears of signals from its creation to the end of the process.
#[derive(Clone)]
pub struct Interrupt {
    raised: Arc<AtomicBool>,
    signal: Arc<AtomicUsize>,
}

impl Interrupt {
    /// Starts to listen. A signal that is ignored stays so: `nohup`, and `&` in a script, ask for that.
    pub fn listen() -> io::Result<Self> {
        let interrupt = Self {
            raised: Arc::new(AtomicBool::new(false)),
            signal: Arc::new(AtomicUsize::new(0)),
        };
        let ignored = ignored_signals(&fs::read_to_string(STATUS)?);
        for signal in SIGNALS
            .into_iter()
            .filter(|signal| !is_in(ignored, *signal))
        {
            // In this order: the second signal finds the flag that the first one set.
            flag::register_conditional_default(signal, Arc::clone(&interrupt.raised))?;
            let number = usize::try_from(signal).unwrap_or(0);
            flag::register_usize(signal, Arc::clone(&interrupt.signal), number)?;
            flag::register(signal, Arc::clone(&interrupt.raised))?;
        }
        Ok(interrupt)
    }

    /// Whether there was a signal.
    pub fn is_raised(&self) -> bool {
        self.raised.load(Ordering::SeqCst)
    }

    /// The signal, if there was one.
    pub fn signal(&self) -> Option<i32> {
        let signal = i32::try_from(self.signal.load(Ordering::SeqCst)).ok()?;
        (self.is_raised() && signal != 0).then_some(signal)
    }
}

/// The mask of ignored signals in the text of [`STATUS`]; empty where there is none.
fn ignored_signals(status: &str) -> u64 {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or(0)
}

/// Whether `mask` has the bit of `signal`, the lowest being that of signal 1.
fn is_in(mask: u64, signal: i32) -> bool {
    u32::try_from(signal - 1)
        .ok()
        .and_then(|bit| mask.checked_shr(bit))
        .is_some_and(|rest| rest & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_is_ignored() {
        let mask = ignored_signals("SigBlk:\t0000000000000002\nSigIgn:\t0000000000001001\n");
        assert!(is_in(mask, SIGHUP));
        assert!(!is_in(mask, SIGINT) && !is_in(mask, 0) && !is_in(mask, 99));
        assert_eq!(ignored_signals("Name:\tx\n"), 0);
    }
}
