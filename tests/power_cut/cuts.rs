//! Power cuts: what is on a disk afterwards.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use crate::disk::{Event, Record, SECTOR_BYTES};

/// What becomes of writes that no flush has come after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unflushed {
    /// All are lost.
    Lost,
    /// All are on the disk.
    Kept,
    /// Some are, and some only in part, by this seed.
    Some(u64),
}

/// A power cut after so many events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cut {
    pub at: usize,
    pub unflushed: Unflushed,
}

/// A number that depends on the seed and on nothing else.
pub fn draw(seed: u64, number: usize) -> u64 {
    let mut hasher = DefaultHasher::new();
    (seed, number).hash(&mut hasher);
    hasher.finish()
}

/// The cuts at these moments that take all that they can.
pub fn lost_at(moments: impl IntoIterator<Item = usize>) -> Vec<Cut> {
    let lost = |at| Cut {
        at,
        unflushed: Unflushed::Lost,
    };
    moments.into_iter().map(lost).collect()
}

/// The cuts before each flush after the event `born`, in every way: between them nothing else can be lost.
pub fn before_flushes(record: &Record, born: usize, seed: u64) -> Vec<Cut> {
    let is_flush = |at: &usize| matches!(record.events[*at], Event::Flush);
    let flushes = (born..record.events.len()).filter(is_flush);
    let in_every_way = |at| {
        let some = Unflushed::Some(draw(seed, at));
        let ways = [Unflushed::Lost, Unflushed::Kept, some];
        ways.map(|unflushed| Cut { at, unflushed })
    };
    flushes.flat_map(in_every_way).collect()
}

/// So many of these cuts, from everywhere among them.
pub fn sample(cuts: &[Cut], most: usize, seed: u64) -> Vec<Cut> {
    let strata = most.min(cuts.len());
    let begin = |stratum: usize| stratum * cuts.len() / strata;
    let of_each = (0..strata).map(|stratum| {
        let stratum_of = &cuts[begin(stratum)..begin(stratum + 1)];
        let width = u64::try_from(stratum_of.len()).expect("few");
        stratum_of[usize::try_from(draw(seed, stratum) % width).expect("few")]
    });
    of_each.collect()
}

/// The disk of a record as time goes by.
pub struct Replay<'r> {
    record: &'r Record,
    /// What is on the disk for certain.
    flushed: Vec<u8>,
    /// The event that follows those which are.
    next: usize,
}

impl<'r> Replay<'r> {
    pub fn of(record: &'r Record) -> Self {
        Self {
            record,
            flushed: record.base.clone(),
            next: 0,
        }
    }

    /// What is on the disk after a cut, which must not be before the last one that was asked for.
    pub fn after(&mut self, cut: Cut) -> Vec<u8> {
        let past = &self.record.events[..cut.at];
        let is_flush = |event: &Event| matches!(event, Event::Flush);
        let certain = past.iter().rposition(is_flush).map_or(0, |last| last + 1);
        assert!(self.next <= certain, "time goes forwards");
        for event in &past[self.next..certain] {
            apply(&mut self.flushed, event, |_| true);
        }
        self.next = certain;
        let mut bytes = self.flushed.clone();
        for (at, event) in past.iter().enumerate().skip(certain) {
            apply(&mut bytes, event, |sector| cut.unflushed.keeps(at, sector));
        }
        bytes
    }
}

impl Unflushed {
    /// Whether a sector of a write is kept.
    fn keeps(self, write: usize, sector: usize) -> bool {
        match self {
            Self::Lost => false,
            Self::Kept => true,
            Self::Some(seed) => match draw(seed, write) % 4 {
                0 => false,
                1 => draw(draw(seed, write), sector).is_multiple_of(2),
                _ => true,
            },
        }
    }
}

/// Brings to the disk those sectors of a write that are kept.
fn apply(disk: &mut [u8], event: &Event, keeps: impl Fn(usize) -> bool) {
    let Event::Write(offset, bytes) = event else {
        return;
    };
    let place = disk[*offset..].chunks_mut(SECTOR_BYTES);
    for (sector, (to, from)) in place.zip(bytes.chunks(SECTOR_BYTES)).enumerate() {
        if keeps(sector) {
            to[..from.len()].copy_from_slice(from);
        }
    }
}
