//! The bytes of a draft and how far they are hashed: what the hashing threads share with those who write.
//!
//! Locks: that of [`Hashing`] and that of [`Bytes`] are never held at once, and neither while hashing.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::bytes::Bytes;
use super::hashing::{Claim, Hashing, Lane, PIECE_BYTES};
use super::workers::Workers;
use crate::archive::Result;
use crate::blob;
use crate::hash::BlobId;

/// What is left to hash is hashed on the spot if it is not more than this.
const FEW_BYTES: u64 = 256 << 10;
/// A writer that is farther ahead of the hashes waits.
const LEAD_BYTES: u64 = 16 << 20;
/// Longest wait of a writer, each time that it writes.
const LEAD_TIME: Duration = Duration::from_secs(1);
/// How often to look at what should have been told.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// The bytes of a draft, and how far they are hashed.
pub(super) struct Core {
    pub(super) bytes: Bytes,
    hashing: Mutex<Progress>,
    moved: Condvar,
}

/// How far the hashes are, and what went wrong on the way.
pub(super) struct Progress {
    pub(super) hashing: Hashing,
    failure: Option<crate::archive::Error>,
}

impl Core {
    /// Of these bytes.
    pub(super) fn new(bytes: Bytes, hashing: Hashing) -> Self {
        Self {
            bytes,
            hashing: Mutex::new(Progress {
                hashing,
                failure: None,
            }),
            moved: Condvar::new(),
        }
    }

    /// How far the hashes are.
    pub(super) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.hashing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the next piece of a lane. `false`: there is none, and the lane has left the queue.
    pub(super) fn work(&self, lane: Lane, buffer: &mut [u8]) -> bool {
        let Some(claim) = self.claim_or_leave(lane) else {
            return false;
        };
        let outcome = self.take_in(claim, buffer);
        let mut progress = self.progress();
        let goes_on = outcome.is_ok();
        match outcome {
            Ok(claim) => progress.hashing.claimed(claim),
            Err(error) => {
                progress.hashing.dequeued(lane);
                progress.failure = Some(error);
            }
        }
        self.moved.notify_all();
        goes_on
    }

    fn claim_or_leave(&self, lane: Lane) -> Option<Claim> {
        let mut progress = self.progress();
        let claim = progress.hashing.claim(lane);
        if claim.is_none() {
            progress.hashing.dequeued(lane);
            self.moved.notify_all();
        }
        claim
    }

    fn take_in(&self, mut claim: Claim, buffer: &mut [u8]) -> Result<Claim> {
        let open = self.bytes.reader_once()?;
        let mut at = claim.from;
        while at < claim.to {
            let wanted = usize::try_from(claim.to - at).unwrap_or(usize::MAX);
            let most = wanted.min(buffer.len());
            let filled = open.read_at(&mut buffer[..most], at)?;
            if filled == 0 {
                let cut = std::io::ErrorKind::UnexpectedEof.into();
                return Err(blob::Error::io("a file being written", cut).into());
            }
            claim.hasher.update(&buffer[..filled]);
            at += filled as u64;
        }
        Ok(claim)
    }

    /// Gives the lanes that have something to do to the workers.
    pub(super) fn enqueue(self: &Arc<Self>, workers: &Workers) {
        let lanes = self.progress().hashing.enqueue();
        for lane in lanes {
            workers.hash(self, lane);
        }
    }

    /// Waits, for a while, until the hashes are not too far behind.
    pub(super) fn let_hashes_catch_up(&self) {
        let until = Instant::now() + LEAD_TIME;
        let mut progress = self.progress();
        while progress.hashing.lag_bytes() > LEAD_BYTES && progress.failure.is_none() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let woken = self.moved.wait_timeout(progress, left.min(LOOK_EVERY));
            progress = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Hashes what is not hashed yet. Nobody may write meanwhile. `None`: there are no bytes.
    pub(super) fn hash_rest(self: &Arc<Self>, workers: Option<&Workers>) -> Result<Option<BlobId>> {
        let mut progress = self.progress();
        if progress.hashing.size_bytes() == 0 {
            return Ok(None);
        }
        if let Some(known) = progress.hashing.known() {
            return Ok(Some(known));
        }
        progress.failure = None;
        progress.hashing.want();
        loop {
            if let Some(error) = progress.failure.take() {
                progress.hashing.finish(true);
                progress.hashing.restart();
                return Err(error);
            }
            if let Some(blob) = progress.hashing.finish(false) {
                return Ok(Some(blob));
            }
            let is_little = progress.hashing.lag_bytes() <= FEW_BYTES;
            let by_others = workers.filter(|_| !is_little || progress.hashing.is_queued());
            drop(progress);
            match by_others {
                Some(workers) => self.enqueue(workers),
                None => self.hash_here(),
            }
            progress = self.progress();
            if by_others.is_some() && progress.hashing.lag_bytes() > 0 && progress.failure.is_none()
            {
                let woken = self.moved.wait_timeout(progress, LOOK_EVERY);
                progress = woken.unwrap_or_else(PoisonError::into_inner).0;
            }
        }
    }

    fn hash_here(&self) {
        let most = self.progress().hashing.lag_bytes().min(PIECE_BYTES);
        let mut buffer = vec![0; usize::try_from(most).unwrap_or(0)];
        for lane in Lane::BOTH {
            while self.work(lane, &mut buffer) {}
        }
    }
}
