//! How far a draft is hashed, and what may be hashed next.
//!
//! Two *lanes*, MD5 and SHA-1, go through the bytes each at its own pace, on whatever thread. They go as far as
//! the bytes have been written without a gap and nobody is writing. A change of what a lane has claimed
//! already starts both anew; from then on they rest until somebody wants the hash. Pure: no file is read here.

use crate::hash::{BlobId, Md5Hasher, Sha1Hasher};

/// Bytes that a lane takes at a time.
pub(super) const PIECE_BYTES: u64 = 1 << 20;
/// Ranges remembered that were written ahead of a gap.
const MOST_AHEAD: usize = 64;

/// One of the two hashes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    Md5,
    Sha1,
}

impl Lane {
    /// Both.
    pub(super) const BOTH: [Self; 2] = [Self::Md5, Self::Sha1];
}

/// The state of a hash under way.
#[derive(Clone)]
pub(super) enum Hasher {
    Md5(Md5Hasher),
    Sha1(Sha1Hasher),
}

impl Hasher {
    /// Takes in the next bytes.
    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Md5(hasher) => hasher.update(bytes),
            Self::Sha1(hasher) => hasher.update(bytes),
        }
    }
}

/// How far one lane has come.
#[derive(Clone)]
struct Track<H> {
    hasher: H,
    /// Hashed up to here.
    at: u64,
    /// Being hashed, or hashed, up to here.
    claimed: u64,
    /// Whether it waits for a worker or is at one.
    is_queued: bool,
}

impl<H: Default> Track<H> {
    fn new() -> Self {
        Self {
            hasher: H::default(),
            at: 0,
            claimed: 0,
            is_queued: false,
        }
    }

    fn restart(&mut self) {
        *self = Self {
            // A worker that is at it finds out by the epoch and goes on with the new start.
            is_queued: self.is_queued,
            ..Self::new()
        };
    }
}

/// A piece of the bytes, for a lane to take in.
pub(super) struct Claim {
    pub(super) from: u64,
    pub(super) to: u64,
    pub(super) hasher: Hasher,
    epoch: u64,
}

/// How far a draft is written and hashed.
pub(super) struct Hashing {
    size_bytes: u64,
    /// Written without a gap up to here.
    end: u64,
    /// Ranges written beyond `end`, apart from each other and from it.
    ahead: Vec<(u64, u64)>,
    /// Where writes that are under way begin.
    pending: Vec<u64>,
    md5: Track<Md5Hasher>,
    sha1: Track<Sha1Hasher>,
    /// Counts the new starts.
    epoch: u64,
    /// Whether the lanes rest until somebody wants the hash.
    is_late: bool,
    /// Whether somebody wants the hash, and nobody can write.
    is_wanted: bool,
    /// The hash of all bytes, if nothing has changed since.
    known: Option<BlobId>,
}

impl Hashing {
    /// Of a draft of so many bytes, which are `known` or not. The lanes of bytes that were there before
    /// rest until they are wanted.
    pub(super) fn new(size_bytes: u64, known: Option<BlobId>) -> Self {
        Self {
            size_bytes,
            end: size_bytes,
            ahead: Vec::new(),
            pending: Vec::new(),
            md5: Track::new(),
            sha1: Track::new(),
            epoch: 0,
            is_late: size_bytes > 0,
            is_wanted: false,
            known,
        }
    }

    /// The size of the draft.
    pub(super) fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    /// The hash of all bytes, if nothing has changed since it was made.
    pub(super) fn known(&self) -> Option<BlobId> {
        self.known
    }

    /// Somebody is about to change bytes from `offset` on.
    pub(super) fn begin_write(&mut self, offset: u64) {
        self.known = None;
        if offset < self.md5.claimed.max(self.sha1.claimed) {
            self.restart();
            self.is_late = true;
        }
        self.pending.push(offset);
    }

    /// The bytes from `offset` on are changed, `len` of them, as far as is known. `size_bytes`: of the file
    /// now, where it is not what follows from that.
    pub(super) fn end_write(&mut self, offset: u64, len: u64, size_bytes: Option<u64>) {
        if let Some(at) = self.pending.iter().position(|begun| *begun == offset) {
            self.pending.swap_remove(at);
        }
        if len > 0 {
            let to = offset.saturating_add(len);
            self.size_bytes = self.size_bytes.max(to);
            self.written(offset, to);
        }
        self.size_bytes = size_bytes.unwrap_or(self.size_bytes);
    }

    fn written(&mut self, from: u64, to: u64) {
        if from <= self.end {
            self.end = self.end.max(to);
        } else if self.ahead.len() < MOST_AHEAD {
            self.ahead.push((from, to));
        }
        while let Some(at) = self.ahead.iter().position(|(from, _)| *from <= self.end) {
            let (_, to) = self.ahead.swap_remove(at);
            self.end = self.end.max(to);
        }
    }

    /// The file has another size now. Nobody is writing.
    pub(super) fn set_len(&mut self, size_bytes: u64) {
        if size_bytes == self.size_bytes {
            return;
        }
        self.known = None;
        if size_bytes < self.md5.claimed.max(self.sha1.claimed) {
            self.restart();
            self.is_late = true;
        }
        if size_bytes == 0 {
            // What comes now comes in order again, most likely.
            self.is_late = false;
        }
        self.end = self.end.min(size_bytes);
        self.ahead.retain_mut(|(from, to)| {
            *to = size_bytes.min(*to);
            from < to
        });
        self.size_bytes = size_bytes;
    }

    /// Forgets what was hashed.
    pub(super) fn restart(&mut self) {
        self.epoch += 1;
        self.md5.restart();
        self.sha1.restart();
    }

    /// Somebody wants the hash of all bytes, whether or not they were ever written; nobody can write
    /// until it is [`finished`](Self::finish).
    pub(super) fn want(&mut self) {
        self.end = self.size_bytes;
        self.ahead.clear();
        self.is_wanted = true;
    }

    /// The hash of all bytes, if both lanes are through. `give_up`: an answer is wanted no longer.
    pub(super) fn finish(&mut self, give_up: bool) -> Option<BlobId> {
        if give_up {
            self.is_wanted = false;
        }
        let is_through = self.md5.at == self.size_bytes && self.sha1.at == self.size_bytes;
        if !is_through || give_up {
            return None;
        }
        self.is_wanted = false;
        self.is_late = false;
        self.known = Some(BlobId {
            md5: self.md5.hasher.clone().finish(),
            sha1: self.sha1.hasher.clone().finish(),
            size_bytes: self.size_bytes,
        });
        self.known
    }

    /// How far the lanes may go.
    fn goal(&self) -> u64 {
        if self.is_wanted {
            return self.size_bytes;
        }
        if self.is_late {
            return 0;
        }
        let begun = self.pending.iter().min().copied().unwrap_or(u64::MAX);
        self.end.min(begun)
    }

    /// Bytes that the slower lane is behind what it could have hashed.
    pub(super) fn lag_bytes(&self) -> u64 {
        let slower = self.md5.at.min(self.sha1.at);
        self.goal().saturating_sub(slower)
    }

    /// Whether a lane is at a worker or waits for one.
    pub(super) fn is_queued(&self) -> bool {
        self.md5.is_queued || self.sha1.is_queued
    }

    /// Lanes that are to be given to a worker now, and are from now on.
    pub(super) fn enqueue(&mut self) -> Vec<Lane> {
        let goal = self.goal();
        let least = if self.is_wanted { 1 } else { PIECE_BYTES };
        let mut lanes = Vec::new();
        for lane in Lane::BOTH {
            let (at, is_queued) = match lane {
                Lane::Md5 => (self.md5.at, &mut self.md5.is_queued),
                Lane::Sha1 => (self.sha1.at, &mut self.sha1.is_queued),
            };
            if !*is_queued && goal >= at + least {
                *is_queued = true;
                lanes.push(lane);
            }
        }
        lanes
    }

    /// The lane has left its worker.
    pub(super) fn dequeued(&mut self, lane: Lane) {
        match lane {
            Lane::Md5 => self.md5.is_queued = false,
            Lane::Sha1 => self.sha1.is_queued = false,
        }
    }

    /// The next piece of the lane.
    pub(super) fn claim(&mut self, lane: Lane) -> Option<Claim> {
        let goal = self.goal();
        let (at, claimed, hasher) = match lane {
            Lane::Md5 => {
                let hasher = Hasher::Md5(self.md5.hasher.clone());
                (self.md5.at, &mut self.md5.claimed, hasher)
            }
            Lane::Sha1 => {
                let hasher = Hasher::Sha1(self.sha1.hasher.clone());
                (self.sha1.at, &mut self.sha1.claimed, hasher)
            }
        };
        let to = goal.min(at + PIECE_BYTES);
        if to <= at {
            return None;
        }
        *claimed = to;
        Some(Claim {
            from: at,
            to,
            hasher,
            epoch: self.epoch,
        })
    }

    /// A piece has been taken in. If the lane was started anew meanwhile, or another has taken the same
    /// piece in, that was for nothing.
    pub(super) fn claimed(&mut self, claim: Claim) {
        if claim.epoch != self.epoch {
            return;
        }
        match claim.hasher {
            Hasher::Md5(hasher) if self.md5.at == claim.from => {
                (self.md5.hasher, self.md5.at) = (hasher, claim.to);
            }
            Hasher::Sha1(hasher) if self.sha1.at == claim.from => {
                (self.sha1.hasher, self.sha1.at) = (hasher, claim.to);
            }
            Hasher::Md5(_) | Hasher::Sha1(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(hashing: &mut Hashing, offset: u64, len: u64) {
        hashing.begin_write(offset);
        hashing.end_write(offset, len, None);
    }

    #[test]
    fn bytes_in_order_are_hashed_as_they_come() {
        let mut hashing = Hashing::new(0, None);
        write(&mut hashing, 0, 100);
        assert!(hashing.enqueue().is_empty(), "too little to begin with");
        write(&mut hashing, 100, 2 * PIECE_BYTES);
        assert_eq!(hashing.enqueue(), Lane::BOTH);
        assert!(hashing.enqueue().is_empty(), "they are queued");
        let claim = hashing.claim(Lane::Md5).unwrap();
        assert_eq!((claim.from, claim.to), (0, PIECE_BYTES));
    }

    #[test]
    fn a_gap_is_waited_for() {
        let mut hashing = Hashing::new(0, None);
        write(&mut hashing, 200, 100);
        write(&mut hashing, 100, 100);
        assert_eq!(hashing.lag_bytes(), 0);
        write(&mut hashing, 0, 100);
        assert_eq!(hashing.lag_bytes(), 300);
        assert_eq!(hashing.size_bytes(), 300);
    }

    #[test]
    fn what_is_being_written_is_not_hashed() {
        let mut hashing = Hashing::new(0, None);
        write(&mut hashing, 0, 100);
        hashing.begin_write(50);
        assert_eq!(hashing.claim(Lane::Sha1).unwrap().to, 50);
        hashing.end_write(50, 10, None);
        hashing.claim(Lane::Md5).unwrap();
        assert_eq!(hashing.lag_bytes(), 100);
    }

    #[test]
    fn changing_what_is_claimed_starts_anew_and_rests() {
        let mut hashing = Hashing::new(0, None);
        write(&mut hashing, 0, 100);
        let claim = hashing.claim(Lane::Md5).unwrap();
        write(&mut hashing, 99, 1);
        hashing.claimed(claim);
        assert_eq!((hashing.md5.at, hashing.lag_bytes()), (0, 0));
        hashing.want();
        assert_eq!(hashing.lag_bytes(), 100);
    }

    #[test]
    fn emptied_it_is_as_new() {
        let mut hashing = Hashing::new(100, None);
        assert_eq!(hashing.lag_bytes(), 0);
        hashing.set_len(0);
        write(&mut hashing, 0, 10);
        assert_eq!(hashing.lag_bytes(), 10);
    }
}
