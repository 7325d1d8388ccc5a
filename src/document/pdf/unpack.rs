//! The bytes of a stream: read from the file as they are asked for, and unpacked on the way.
//!
//! Only Flate and its predictors are followed: what cross-references, object streams and metadata are
//! packed with. The other filters are for images and for mail.
//!
//! Memory: a few buffers, whatever a stream unpacks to. Time: every step looks at the budget, so that a
//! bomb ends with it.

use std::io::{self, Read};

use flate2::read::ZlibDecoder;

use super::lex::{Dict, Value};
use crate::document::{Budget, Source};

/// The longest row that a predictor may have, in bytes.
const MOST_ROW_BYTES: u64 = 1 << 16;
/// Filters on one stream that are followed. More than one is already rare.
const MOST_FILTERS: usize = 4;
/// Bytes read from the file at a time.
const STEP_BYTES: usize = 32 << 10;

/// The file's bytes from an offset on.
pub(super) struct FromFile<'a> {
    source: &'a Source<'a>,
    at: u64,
}

impl<'a> FromFile<'a> {
    pub fn new(source: &'a Source<'a>, at: u64) -> Self {
        Self { source, at }
    }
}

impl Read for FromFile<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.source.budget.is_spent() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        let bytes = self
            .source
            .bytes_at(self.at, buffer.len().min(STEP_BYTES))?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

/// A stream's content, unpacked as it is read.
pub(super) struct Unpacked<'a> {
    inner: Box<dyn Read + 'a>,
    budget: &'a Budget,
}

impl<'a> Unpacked<'a> {
    /// `packed` behind its `filters`.
    pub fn new(packed: impl Read + 'a, filters: &Filters, budget: &'a Budget) -> Self {
        let mut inner: Box<dyn Read + 'a> = Box::new(packed);
        for filter in &filters.0 {
            inner = match filter {
                Filter::Crypt => inner,
                Filter::Flate(None) => Box::new(ZlibDecoder::new(inner)),
                Filter::Flate(Some(predictor)) => {
                    Box::new(Rows::new(ZlibDecoder::new(inner), *predictor))
                }
            };
        }
        Self { inner, budget }
    }

    /// The next bytes, up to `most`; fewer where the stream ends or is damaged.
    pub fn take(&mut self, most: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut step = vec![0; STEP_BYTES.min(most)];
        while bytes.len() < most {
            let want = step.len().min(most - bytes.len());
            match self.read(&mut step[..want]) {
                0 => break,
                n => bytes.extend_from_slice(&step[..n]),
            }
        }
        bytes
    }

    /// Leaves out the next `count` bytes; whether there were so many.
    pub fn skip(&mut self, mut count: u64) -> bool {
        let mut step = vec![0; STEP_BYTES];
        while count > 0 {
            let want = usize::try_from(count).map_or(step.len(), |left| left.min(step.len()));
            match self.read(&mut step[..want]) {
                0 => return false,
                n => count -= n as u64,
            }
        }
        true
    }

    /// Bytes read; none at the end, at damage and when the budget is spent.
    fn read(&mut self, buffer: &mut [u8]) -> usize {
        loop {
            if self.budget.is_spent() {
                return 0;
            }
            match self.inner.read(buffer) {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                other => return other.unwrap_or(0),
            }
        }
    }
}

/// The filters of a stream, in the order in which they are undone.
pub(super) struct Filters(Vec<Filter>);

enum Filter {
    /// A crypt filter of the stream's own: in practice `Identity`, for metadata left in the clear.
    Crypt,
    Flate(Option<Predictor>),
}

impl Filters {
    /// The filters that the dictionary of a stream names; `None` if one of them is not followed here.
    pub fn of(dict: Dict<'_>) -> Option<Self> {
        let names = one_or_many(dict.get(b"Filter"));
        let mut parameters = one_or_many(dict.get(b"DecodeParms")).into_iter();
        if names.len() > MOST_FILTERS {
            return None;
        }
        let filters = names.into_iter().map(|name| {
            let parameters = parameters.next().and_then(Value::dict);
            let Value::Name(name) = name else { return None };
            match name.as_ref() {
                b"FlateDecode" | b"Fl" => match parameters {
                    Some(dict) if Predictor::is_in(dict) => {
                        Some(Filter::Flate(Some(Predictor::of(dict)?)))
                    }
                    _ => Some(Filter::Flate(None)),
                },
                b"Crypt" => Some(Filter::Crypt),
                _ => None,
            }
        });
        filters.collect::<Option<_>>().map(Self)
    }

    /// Whether the stream has a crypt filter of its own, instead of the document's.
    pub fn are_own_crypt(&self) -> bool {
        self.0.iter().any(|filter| matches!(filter, Filter::Crypt))
    }
}

/// The values of an array, a little more than are followed, or the one value.
fn one_or_many(value: Option<Value<'_>>) -> Vec<Value<'_>> {
    match value {
        None => Vec::new(),
        Some(Value::Array(array)) => array.values().take(MOST_FILTERS + 1).collect(),
        Some(value) => vec![value],
    }
}

/// How rows were changed before they were packed (ISO 32000-1, 7.4.4.4).
#[derive(Clone, Copy)]
struct Predictor {
    row_bytes: usize,
    pixel_bytes: usize,
    is_png: bool,
}

impl Predictor {
    /// Whether `parameters` name a predictor other than none.
    fn is_in(parameters: Dict<'_>) -> bool {
        parameters.integer(b"Predictor").unwrap_or(1) > 1
    }

    /// The predictor that `parameters` name, if it can be followed.
    fn of(parameters: Dict<'_>) -> Option<Self> {
        let number =
            |key: &[u8], default| u64::try_from(parameters.integer(key).unwrap_or(default)).ok();
        let kind = number(b"Predictor", 1)?;
        let component_bits = number(b"BitsPerComponent", 8)?;
        let pixel_bits = number(b"Colors", 1)?.checked_mul(component_bits)?;
        let row_bytes = pixel_bits.checked_mul(number(b"Columns", 1)?)?.div_ceil(8);
        let is_png = kind >= 10;
        let is_followed = is_png || component_bits == 8;
        if !is_followed || !(1..=MOST_ROW_BYTES).contains(&row_bytes) {
            return None;
        }
        Some(Self {
            row_bytes: usize::try_from(row_bytes).ok()?,
            pixel_bytes: usize::try_from(pixel_bits.div_ceil(8)).ok()?,
            is_png,
        })
    }
}

/// Takes a predictor back, row by row.
struct Rows<R> {
    inner: R,
    predictor: Predictor,
    above: Vec<u8>,
    row: Vec<u8>,
    taken: usize,
}

impl<R: Read> Rows<R> {
    fn new(inner: R, predictor: Predictor) -> Self {
        Self {
            inner,
            predictor,
            above: vec![0; predictor.row_bytes],
            row: vec![0; predictor.row_bytes],
            taken: predictor.row_bytes,
        }
    }

    /// Reads one row; whether there was a whole one.
    fn next_row(&mut self) -> io::Result<bool> {
        // TIFF's predictor for whole bytes is PNG's first, without a byte that says so.
        let mut kind = [1];
        if self.predictor.is_png && self.inner.read(&mut kind)? == 0 {
            return Ok(false);
        }
        std::mem::swap(&mut self.above, &mut self.row);
        match self.inner.read_exact(&mut self.row) {
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        undo_png(
            kind[0],
            &mut self.row,
            &self.above,
            self.predictor.pixel_bytes,
        );
        self.taken = 0;
        Ok(true)
    }
}

impl<R: Read> Read for Rows<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.taken == self.row.len() && !self.next_row()? {
            return Ok(0);
        }
        let left = &self.row[self.taken..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.taken += count;
        Ok(count)
    }
}

/// Adds to each byte of `row` what was predicted for it (PNG specification, section 9).
fn undo_png(kind: u8, row: &mut [u8], above: &[u8], pixel_bytes: usize) {
    for at in 0..row.len() {
        let before = at.checked_sub(pixel_bytes);
        let left = before.map_or(0, |before| row[before]);
        let upper_left = before.map_or(0, |before| above[before]);
        let predicted = match kind {
            1 => left,
            2 => above[at],
            3 => u8::midpoint(left, above[at]),
            4 => paeth(left, above[at], upper_left),
            _ => 0,
        };
        row[at] = row[at].wrapping_add(predicted);
    }
}

/// Whichever neighbour is nearest to `left + above - upper_left`.
fn paeth(left: u8, above: u8, upper_left: u8) -> u8 {
    let estimate = i16::from(left) + i16::from(above) - i16::from(upper_left);
    [left, above, upper_left]
        .into_iter()
        .min_by_key(|&neighbour| (estimate - i16::from(neighbour)).abs())
        .unwrap_or(left)
}
