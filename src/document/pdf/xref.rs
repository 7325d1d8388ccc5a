//! The cross-reference: where each object is (ISO 32000-1, 7.5.4 and 7.5.8).
//!
//! Only the heads of the sections are kept, newest first. An entry is read from the file when it is
//! looked up: at a computed offset in a table, by unpacking up to its row in a stream. So the memory does
//! not depend on the number of objects, and a claim of 10^9 entries costs nothing.

use std::collections::HashSet;

use super::lex::{Dict, Lexer, Value};
use super::object::Object;
use super::unpack::{Filters, FromFile, Unpacked};
use crate::document::Source;

/// Sections that are followed; a document has one for each time it was saved incrementally.
const MOST_SECTIONS: usize = 512;
/// Runs of numbers in all sections.
const MOST_RUNS: usize = 1 << 16;
/// Bytes of one entry of a table.
const ENTRY_BYTES: u64 = 20;
/// How far from the end the last `startxref` is sought.
const TAIL_BYTES: u64 = 4 << 10;

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Place {
    /// At this offset in the file.
    At(u64),
    /// In the object stream with this number.
    Within(u32),
}

/// The sections of a document.
pub(super) struct CrossReference {
    sections: Vec<Section>,
    /// Trailers, newest first, with those of the sections that have one.
    pub trailers: Vec<Object>,
    /// What is added to every offset: the junk before the header, where offsets do not count it.
    shift: u64,
}

enum Section {
    Table(Vec<Run>),
    Stream {
        at: u64,
        filters: Filters,
        runs: Vec<Run>,
        widths: [usize; 3],
    },
}

/// Entries of `count` objects from number `first` on.
struct Run {
    first: u64,
    count: u64,
    /// In a table the offset of the first entry, in a stream the number of its row.
    at: u64,
}

impl Run {
    fn index_of(&self, number: u64) -> Option<u64> {
        number
            .checked_sub(self.first)
            .filter(|&index| index < self.count)
    }
}

impl CrossReference {
    /// The cross-reference that the end of the file points to; `None` if it cannot be followed.
    /// `header_at` is the offset of the header.
    pub fn read(source: &Source<'_>, header_at: u64) -> Option<Self> {
        let start = last_startxref(source)?;
        [0, header_at]
            .into_iter()
            .find_map(|shift| Self::follow(source, start, shift))
    }

    /// Where the object `number` is, by the newest section that knows it.
    pub fn place_of(&self, source: &Source<'_>, number: u32) -> Option<Place> {
        let place = self
            .sections
            .iter()
            .take_while(|_| !source.budget.is_spent())
            .find_map(|section| section.place_of(source, u64::from(number)))?;
        Some(match place {
            Place::At(offset) => Place::At(offset.checked_add(self.shift)?),
            within @ Place::Within(_) => within,
        })
    }

    fn follow(source: &Source<'_>, start: u64, shift: u64) -> Option<Self> {
        let mut this = Self {
            sections: Vec::new(),
            trailers: Vec::new(),
            shift,
        };
        let mut seen = HashSet::new();
        let mut next = vec![start];
        let mut runs_left = MOST_RUNS;
        while let Some(at) = next.pop() {
            let may_go_on = this.sections.len() < MOST_SECTIONS && !source.budget.is_spent();
            if !may_go_on || !seen.insert(at) {
                continue;
            }
            let Some((section, trailer)) = at
                .checked_add(shift)
                .and_then(|at| Section::read(source, at, &mut runs_left))
            else {
                continue;
            };
            let dict = trailer.dict()?;
            let offset = |key: &[u8]| dict.integer(key).and_then(|at| u64::try_from(at).ok());
            // The last one pushed is read first: what a hybrid table hides is newer than what is before it.
            next.extend(offset(b"Prev"));
            next.extend(offset(b"XRefStm"));
            this.sections.push(section);
            // Trailers may be large; the newest few say all.
            if this.trailers.len() < 4 {
                this.trailers.push(trailer);
            }
        }
        (!this.sections.is_empty()).then_some(this)
    }
}

impl Section {
    /// The section at `at` and its trailer.
    fn read(source: &Source<'_>, at: u64, runs_left: &mut usize) -> Option<(Self, Object)> {
        let head = source.bytes_at(at, 64).ok()?;
        let mut lexer = Lexer::new(&head);
        if lexer.keyword(b"xref") {
            Self::read_table(source, at + lexer.position() as u64, runs_left)
        } else {
            Self::read_stream(source, at, runs_left)
        }
    }

    fn read_table(
        source: &Source<'_>,
        mut at: u64,
        runs_left: &mut usize,
    ) -> Option<(Self, Object)> {
        let mut runs = Vec::new();
        loop {
            let head = source.bytes_at(at, 64).ok()?;
            let mut lexer = Lexer::new(&head);
            if lexer.keyword(b"trailer") {
                let trailer = Object::bare_at(source, at + lexer.position() as u64)?;
                trailer.dict()?;
                return Some((Self::Table(runs), trailer));
            }
            let first = lexer.unsigned()?;
            let count = lexer.unsigned()?;
            lexer.skip_space();
            let entries_at = at + lexer.position() as u64;
            at = entries_at.checked_add(count.checked_mul(ENTRY_BYTES)?)?;
            *runs_left = runs_left.checked_sub(1)?;
            if at > source.size_bytes() || source.budget.is_spent() {
                return None;
            }
            runs.push(Run {
                first,
                count,
                at: entries_at,
            });
        }
    }

    fn read_stream(source: &Source<'_>, at: u64, runs_left: &mut usize) -> Option<(Self, Object)> {
        let object = Object::at(source, at)?;
        let dict = object.dict()?;
        let section = Self::Stream {
            at: object.stream_at?,
            filters: Filters::of(dict)?,
            runs: stream_runs(dict, runs_left)?,
            widths: widths(dict)?,
        };
        Some((section, object))
    }

    fn place_of(&self, source: &Source<'_>, number: u64) -> Option<Place> {
        match self {
            Self::Table(runs) => runs.iter().find_map(|run| {
                let at = run.at + run.index_of(number)? * ENTRY_BYTES;
                let entry = source.bytes_at(at, 18).ok()?;
                let offset = std::str::from_utf8(entry.get(..10)?).ok()?.parse().ok()?;
                (entry.get(17) == Some(&b'n')).then_some(Place::At(offset))
            }),
            Self::Stream {
                at,
                filters,
                runs,
                widths,
            } => runs.iter().find_map(|run| {
                let row = run.at.checked_add(run.index_of(number)?)?;
                let row_bytes = widths.iter().sum::<usize>();
                let packed = FromFile::new(source, *at);
                let mut rows = Unpacked::new(packed, filters, &source.budget);
                if !rows.skip(row.checked_mul(row_bytes as u64)?) {
                    return None;
                }
                place_in_row(&rows.take(row_bytes), *widths)
            }),
        }
    }
}

/// `/W`: the bytes of each column.
fn widths(dict: Dict<'_>) -> Option<[usize; 3]> {
    let Value::Array(array) = dict.get(b"W")? else {
        return None;
    };
    let mut columns = array.values().map(|value| {
        let width = usize::try_from(value.integer()?).ok()?;
        (width <= 8).then_some(width)
    });
    let widths = [columns.next()??, columns.next()??, columns.next()??];
    (widths[1] > 0).then_some(widths)
}

/// `/Index`, or all numbers below `/Size`.
fn stream_runs(dict: Dict<'_>, runs_left: &mut usize) -> Option<Vec<Run>> {
    let number = |value: Value<'_>| u64::try_from(value.integer()?).ok();
    let Some(Value::Array(index)) = dict.get(b"Index") else {
        let count = number(dict.get(b"Size")?)?;
        return Some(vec![Run {
            first: 0,
            count,
            at: 0,
        }]);
    };
    let mut numbers = index.values().map_while(number);
    let mut runs = Vec::new();
    let mut at = 0_u64;
    while let (Some(first), Some(count)) = (numbers.next(), numbers.next()) {
        *runs_left = runs_left.checked_sub(1)?;
        runs.push(Run { first, count, at });
        at = at.checked_add(count)?;
    }
    Some(runs)
}

fn place_in_row(row: &[u8], widths: [usize; 3]) -> Option<Place> {
    let (kind, rest) = row.split_at_checked(widths[0])?;
    let (field, rest) = rest.split_at_checked(widths[1])?;
    rest.split_at_checked(widths[2])?;
    let number = |bytes: &[u8]| {
        bytes
            .iter()
            .fold(0_u64, |n, &byte| n << 8 | u64::from(byte))
    };
    match if kind.is_empty() { 1 } else { number(kind) } {
        1 => Some(Place::At(number(field))),
        2 => Some(Place::Within(u32::try_from(number(field)).ok()?)),
        _ => None,
    }
}

/// The offset that the last `startxref` names.
fn last_startxref(source: &Source<'_>) -> Option<u64> {
    const WORD: &[u8] = b"startxref";
    let from = source.size_bytes().saturating_sub(TAIL_BYTES);
    let tail = source
        .bytes_at(from, usize::try_from(TAIL_BYTES).ok()?)
        .ok()?;
    let at = memchr::memmem::rfind(&tail, WORD)?;
    Lexer::new(&tail[at + WORD.len()..]).unsigned()
}
