//! What is found without a cross-reference, by looking for the words that objects begin with.
//!
//! For documents that are cut, patched by hand or downloaded in parts. Reads the file once, in steps, at
//! most [`MOST_BYTES`] of it (its head and its tail), within the budget. Memory: 16 bytes an object.

use memchr::memmem;

use super::lex::is_space;
use crate::document::Source;

/// Most bytes of a file that are looked at.
const MOST_BYTES: u64 = 64 << 20;
/// Of these, bytes at the head of a longer file.
const HEAD_BYTES: u64 = 16 << 20;
/// Bytes looked at in one step.
const STEP_BYTES: usize = 1 << 20;
/// Bytes before a step that are looked at again, so that nothing is missed across its edge.
const OVERLAP_BYTES: u64 = 64;
/// Most objects that are kept.
const MOST_OBJECTS: usize = 1 << 18;
/// Most other places that are kept, of each kind.
const MOST_MARKS: usize = 1 << 10;

/// Places in the file, in the order of their offsets.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Offset and number of each object.
    objects: Vec<(u64, u32)>,
    /// Offsets behind the word `trailer`.
    pub trailers: Vec<u64>,
    /// Offsets of cross-reference streams, whose dictionaries are trailers too.
    pub xref_streams: Vec<u64>,
    /// Offsets of object streams.
    pub object_streams: Vec<u64>,
    /// Numbers of objects that look like a catalog.
    pub catalogs: Vec<u32>,
}

impl Scan {
    /// Looks through the file.
    pub fn of(source: &Source<'_>) -> Self {
        let size = source.size_bytes();
        let mut scan = Self::default();
        if size <= MOST_BYTES {
            scan.look_through(source, 0, size);
        } else {
            scan.look_through(source, 0, HEAD_BYTES);
            scan.look_through(source, size - (MOST_BYTES - HEAD_BYTES), size);
        }
        scan
    }

    /// Where the object `number` was written last.
    pub fn offset_of(&self, number: u32) -> Option<u64> {
        self.objects
            .iter()
            .rev()
            .find(|(_, of)| *of == number)
            .map(|(offset, _)| *offset)
    }

    fn look_through(&mut self, source: &Source<'_>, from: u64, to: u64) {
        let mut at = from;
        while at < to && !source.budget.is_spent() {
            let start = at.saturating_sub(OVERLAP_BYTES).max(from);
            let lead = usize::try_from(at - start).unwrap_or(0);
            let Ok(bytes) = source.bytes_at(start, lead + STEP_BYTES) else {
                return;
            };
            if bytes.len() <= lead {
                return;
            }
            self.look_at(&bytes, start, lead);
            at = start + bytes.len() as u64;
        }
    }

    /// Notes what ends in `bytes` behind its first `lead` ones. `start` is the offset of `bytes`.
    fn look_at(&mut self, bytes: &[u8], start: u64, lead: usize) {
        let ends_here = |word: &'static [u8]| {
            memmem::find_iter(bytes, word)
                .map(move |at| at + word.len())
                .filter(move |&end| end > lead)
        };
        for end in ends_here(b"obj") {
            if self.objects.len() < MOST_OBJECTS
                && let Some((at, number)) = header_before(&bytes[..end - 3])
            {
                self.objects.push((start + at as u64, number));
            }
        }
        for end in ends_here(b"trailer") {
            push(&mut self.trailers, start + end as u64);
        }
        for end in ends_here(b"/XRef") {
            // Not the key `/XRefStm` of a trailer.
            if bytes.get(end) != Some(&b'S') {
                push_owner(
                    &mut self.xref_streams,
                    &self.objects,
                    start + end as u64,
                    |o| o.0,
                );
            }
        }
        for end in ends_here(b"/ObjStm") {
            push_owner(
                &mut self.object_streams,
                &self.objects,
                start + end as u64,
                |o| o.0,
            );
        }
        for end in ends_here(b"/Catalog") {
            push_owner(&mut self.catalogs, &self.objects, start + end as u64, |o| {
                o.1
            });
        }
    }
}

/// Keeps the last [`MOST_MARKS`]: what is written later is newer.
fn push<T>(marks: &mut Vec<T>, mark: T) {
    if marks.len() == MOST_MARKS {
        marks.drain(..MOST_MARKS / 2);
    }
    marks.push(mark);
}

/// Keeps what `of` takes from the object that the mark at `offset` belongs to.
fn push_owner<T>(
    marks: &mut Vec<T>,
    objects: &[(u64, u32)],
    offset: u64,
    of: impl Fn(&(u64, u32)) -> T,
) {
    let behind = objects.partition_point(|(at, _)| *at < offset);
    if let Some(owner) = behind.checked_sub(1).and_then(|index| objects.get(index)) {
        push(marks, of(owner));
    }
}

/// Offset and number of the `<number> <generation>` that `bytes` end with.
fn header_before(bytes: &[u8]) -> Option<(usize, u32)> {
    let (generation_at, _) = number_before(bytes)?;
    number_before(&bytes[..generation_at])
}

/// Offset and value of the digits, followed by space, that `bytes` end with.
fn number_before(bytes: &[u8]) -> Option<(usize, u32)> {
    let near = bytes.len().saturating_sub(32);
    let end = near + bytes[near..].iter().rposition(|&b| !is_space(b))? + 1;
    let start = near
        + bytes[near..end]
            .iter()
            .rposition(|b| !b.is_ascii_digit())
            .map_or(0, |at| at + 1);
    let number = std::str::from_utf8(&bytes[start..end]).ok()?.parse().ok()?;
    (end < bytes.len()).then_some((start, number))
}
