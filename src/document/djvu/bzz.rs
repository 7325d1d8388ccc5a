//! BZZ, the compression of `DjVu`'s annotations: a Burrows-Wheeler transform, ranked by recency, coded
//! with the ZP coder (`DjVu` 3 specification, section "BZZ").
//!
//! The coder is from a crate; the crate above it has no limit that a caller can set, so the transform
//! is undone here. Memory: five bytes for each of a block, which has at most 4 MiB.

use djvu_zp::ZpDecoder;

use crate::document::Budget;

/// The longest block that writers make (`DjVuLibre`, `MAXBLOCK`).
const MOST_BLOCK_BYTES: usize = 4 << 20;
/// Contexts of the coder for ranks: two choices of three, then seven binary trees.
const CONTEXTS: usize = 6 + 2 + 4 + 8 + 16 + 32 + 64 + 128;
/// The rank that marks the end of the block's text, which is no byte.
const MARKER_RANK: usize = 256;
/// Ranks whose frequencies are counted.
const COUNTED_RANKS: usize = 4;
/// Bytes that the coder may read beyond the end: it looks ahead, and writers leave out what it assumes.
const BEYOND_END_BYTES: usize = 16;
/// How often, in symbols, the end and the budget are looked at.
const CHECK_EVERY: usize = 4096;

/// Unpacks up to `most` bytes; what comes before damage counts.
pub(super) fn unpack(packed: &[u8], most: usize, budget: &Budget) -> Vec<u8> {
    let mut unpacked = Vec::new();
    let Ok(coder) = ZpDecoder::new(packed) else {
        return unpacked;
    };
    let mut blocks = Blocks {
        coder,
        contexts: [0; CONTEXTS],
        budget,
    };
    while unpacked.len() < most
        && let Some(block) = blocks.next_block()
    {
        unpacked.extend(block);
    }
    unpacked.truncate(most);
    unpacked
}

struct Blocks<'a> {
    coder: ZpDecoder<'a>,
    /// Kept from block to block.
    contexts: [u8; CONTEXTS],
    budget: &'a Budget,
}

impl Blocks<'_> {
    /// The text of the next block; `None` at the end and at damage.
    fn next_block(&mut self) -> Option<Vec<u8>> {
        let size = self.plain_bits(24);
        if !(2..=MOST_BLOCK_BYTES).contains(&size) {
            return None;
        }
        let mut speed = 0;
        while speed < 2 && self.coder.decode_passthrough() {
            speed += 1;
        }
        let (column, marker) = self.last_column(size, speed)?;
        undo_transform(&column, marker)
    }

    /// The last column of the sorted rotations, and where the marker is in it.
    fn last_column(&mut self, size: usize, speed: u32) -> Option<(Vec<u8>, usize)> {
        let mut ranks = Ranks::new(speed);
        let mut column = Vec::with_capacity(size);
        let mut marker = None;
        let mut last_rank = 3;
        for at in 0..size {
            if at % CHECK_EVERY == 0 && !self.may_go_on() {
                return None;
            }
            let rank = self.rank(last_rank);
            last_rank = rank;
            if rank == MARKER_RANK {
                marker = Some(at);
                column.push(0);
            } else {
                column.push(ranks.take(rank));
            }
        }
        Some((column, marker?))
    }

    fn may_go_on(&self) -> bool {
        self.coder.synthetic_bytes() <= BEYOND_END_BYTES && !self.budget.is_spent()
    }

    /// The rank of the next symbol: by steps for 0, 1, 2-3, 4-7 and so on, in contexts that depend on
    /// the rank before it.
    fn rank(&mut self, last_rank: usize) -> usize {
        let near = last_rank.min(2);
        if self.coder.decode_bit(&mut self.contexts[near]) {
            return 0;
        }
        if self.coder.decode_bit(&mut self.contexts[3 + near]) {
            return 1;
        }
        let mut at = 6;
        for bits in 1..=7 {
            let lowest = 1 << bits;
            if self.coder.decode_bit(&mut self.contexts[at]) {
                return lowest + self.tree_bits(at, bits);
            }
            at += lowest;
        }
        MARKER_RANK
    }

    /// `bits` bits, each in the context of those before it; the tree's contexts follow `root`.
    fn tree_bits(&mut self, root: usize, bits: u32) -> usize {
        let mut node = 1;
        while node < 1 << bits {
            let bit = self.coder.decode_bit(&mut self.contexts[root + node]);
            node = node << 1 | usize::from(bit);
        }
        node - (1 << bits)
    }

    fn plain_bits(&mut self, bits: u32) -> usize {
        (0..bits).fold(0, |number, _| {
            number << 1 | usize::from(self.coder.decode_passthrough())
        })
    }
}

/// The bytes, ordered by how recently and how often they came.
struct Ranks {
    order: [u8; 256],
    counts: [u32; COUNTED_RANKS],
    increment: u32,
    speed: u32,
}

impl Ranks {
    fn new(speed: u32) -> Self {
        Self {
            order: std::array::from_fn(|byte| byte.to_le_bytes()[0]),
            counts: [0; COUNTED_RANKS],
            increment: 4,
            speed,
        }
    }

    /// The byte of this rank, which then moves up.
    fn take(&mut self, rank: usize) -> u8 {
        let byte = self.order[rank];
        self.increment += self.increment >> self.speed;
        if self.increment > 0x1000_0000 {
            self.increment >>= 24;
            for count in &mut self.counts {
                *count >>= 24;
            }
        }
        let before = self.counts.get(rank).copied().unwrap_or(0);
        let count = self.increment + before;
        let mut to = rank;
        while to >= COUNTED_RANKS {
            self.order[to] = self.order[to - 1];
            to -= 1;
        }
        while to > 0 && count >= self.counts[to - 1] {
            self.order[to] = self.order[to - 1];
            self.counts[to] = self.counts[to - 1];
            to -= 1;
        }
        self.order[to] = byte;
        self.counts[to] = count;
        byte
    }
}

/// The text whose sorted rotations end in `column`, of which the row `marker` ends in the marker.
fn undo_transform(column: &[u8], marker: usize) -> Option<Vec<u8>> {
    // Row 0 begins with the marker, which sorts before every byte.
    let mut next_row = [1_u32; 256];
    let mut counts = [0_u32; 256];
    let mut same_before = vec![0_u32; column.len()];
    for (row, &byte) in column.iter().enumerate() {
        if row != marker {
            let count = &mut counts[usize::from(byte)];
            same_before[row] = *count;
            *count += 1;
        }
    }
    let mut first = 1;
    for (start, count) in next_row.iter_mut().zip(counts) {
        *start = first;
        first += count;
    }
    let mut text = vec![0; column.len() - 1];
    let mut row = 0;
    for place in text.iter_mut().rev() {
        let byte = *column.get(row)?;
        *place = byte;
        if row == marker {
            return None;
        }
        row = usize::try_from(next_row[usize::from(byte)] + same_before[row]).ok()?;
    }
    (row == marker).then_some(text)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// `(metadata (author "D One") (title "Déjà Vu") (year "1998"))`, packed by another program.
    pub(in super::super) const PACKED: [u8; 57] = [
        0xff, 0xff, 0xc1, 0xfe, 0xb5, 0xd4, 0x74, 0x3a, 0x1e, 0xa0, 0x72, 0x53, 0xda, 0xe2, 0xdd,
        0x7c, 0xd0, 0xa2, 0xf7, 0xe8, 0x88, 0xca, 0x64, 0x54, 0xef, 0xd2, 0xf7, 0x8b, 0x81, 0xbd,
        0x66, 0x7b, 0x8b, 0xf5, 0xf2, 0x88, 0x7b, 0xfa, 0xdd, 0xdf, 0xff, 0x14, 0x1c, 0x12, 0x7f,
        0x07, 0xb1, 0xe9, 0xa7, 0x21, 0x18, 0xbe, 0x99, 0x60, 0x86, 0xcc, 0x1f,
    ];

    #[test]
    fn unpacks() {
        let text = "(metadata (author \"D One\") (title \"Déjà Vu\") (year \"1998\"))";
        let budget = Budget::default();
        assert_eq!(unpack(&PACKED, 1000, &budget), text.as_bytes());
        assert_eq!(unpack(&PACKED, 9, &budget), b"(metadata");
    }

    #[test]
    fn any_cut_and_any_byte_is_survived() {
        let budget = Budget::default();
        for length in 0..PACKED.len() {
            assert!(unpack(&PACKED[..length], 1000, &budget).len() <= 1000);
        }
        for at in 0..PACKED.len() {
            for byte in [0, 0x55, 0xff] {
                let mut bad = PACKED;
                bad[at] = byte;
                assert!(unpack(&bad, 1000, &budget).len() <= 1000);
            }
        }
    }
}
