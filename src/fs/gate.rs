//! Keeps answers computed before a commit from reaching the kernel after it was told of the commit.
//!
//! The kernel keeps names and attributes until it is told to forget them. A handler that read the
//! catalogue just before a takedown, and replies just after the kernel was told, would have it kept for
//! good. So handlers pass through a gate, and whoever tells the kernel first [turns](Gate::turn) it: then
//! every handler that may have seen the old state has replied.
//!
//! Cost: three atomic operations a request. Handlers never wait for the gate; the last to leave wakes who turns it.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The gate. Only one thread turns it.
#[derive(Debug, Default)]
pub struct Gate {
    generation: AtomicU64,
    inside: [AtomicUsize; 2],
    /// Whether somebody waits for a side to become empty.
    is_awaited: AtomicBool,
    /// Held to look whether a side is empty and to tell that it is, so that the one cannot miss the other.
    turning: Mutex<()>,
    emptied: Condvar,
}

/// A handler's passage, from before its first question to after its reply.
#[derive(Debug)]
pub struct Pass<'a> {
    gate: &'a Gate,
    generation: u64,
}

impl Gate {
    /// Longest wait for handlers that were inside when the gate turned.
    const PATIENCE: Duration = Duration::from_millis(50);

    /// Lets a handler in.
    pub fn enter(&self) -> Pass<'_> {
        loop {
            let generation = self.generation.load(Ordering::SeqCst);
            self.side(generation).fetch_add(1, Ordering::SeqCst);
            if self.generation.load(Ordering::SeqCst) == generation {
                return Pass {
                    gate: self,
                    generation,
                };
            }
            self.leave(generation);
        }
    }

    /// Waits until those who are inside have left; new ones come in meanwhile. `false`: somebody may still
    /// be inside after `PATIENCE`, held up by a disk or a server; then tell the kernel, and turn and tell
    /// again later.
    pub fn turn(&self) -> bool {
        let deadline = Instant::now() + Self::PATIENCE;
        let old = self.generation.load(Ordering::SeqCst);
        // Those whom an earlier turn gave up on stand where newcomers are to go.
        if !self.empties(old + 1, deadline) {
            return false;
        }
        self.generation.store(old + 1, Ordering::SeqCst);
        self.empties(old, deadline)
    }

    fn empties(&self, generation: u64, deadline: Instant) -> bool {
        let is_empty = || self.side(generation).load(Ordering::SeqCst) == 0;
        if is_empty() {
            return true;
        }
        // In this order, and the other way round where one leaves: one of the two sees what the other did.
        self.is_awaited.store(true, Ordering::SeqCst);
        let mut turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
        let mut has_emptied = is_empty();
        while !has_emptied {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            let woken = self.emptied.wait_timeout(turning, left);
            turning = woken.unwrap_or_else(PoisonError::into_inner).0;
            has_emptied = is_empty();
        }
        self.is_awaited.store(false, Ordering::SeqCst);
        has_emptied
    }

    fn leave(&self, generation: u64) {
        let before = self.side(generation).fetch_sub(1, Ordering::SeqCst);
        if before == 1 && self.is_awaited.load(Ordering::SeqCst) {
            let _turning = self.turning.lock().unwrap_or_else(PoisonError::into_inner);
            self.emptied.notify_all();
        }
    }

    fn side(&self, generation: u64) -> &AtomicUsize {
        &self.inside[usize::from(generation % 2 == 1)]
    }
}

impl Pass<'_> {
    /// The number of turns before this handler came in: what was read under another number is stale.
    pub fn generation(&self) -> u64 {
        self.generation
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.leave(self.generation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn turning_waits_for_those_inside_and_not_for_newcomers() {
        let gate = Arc::new(Gate::default());
        let old = gate.enter();
        let turner = {
            let gate = Arc::clone(&gate);
            std::thread::spawn(move || gate.turn())
        };
        while gate.generation.load(Ordering::SeqCst) == old.generation() {
            std::thread::yield_now();
        }
        let new = gate.enter();
        assert_ne!(new.generation(), old.generation());
        drop(old);
        assert!(turner.join().expect("no panic"));
        drop(new);
    }

    #[test]
    fn a_stuck_handler_is_not_forgotten() {
        let gate = Gate::default();
        let stuck = gate.enter();
        assert!(!gate.turn());
        assert!(!gate.turn(), "it is still inside");
        drop(stuck);
        assert!(gate.turn());
    }
}
