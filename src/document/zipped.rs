//! The parts of a zip, within limits, whatever the zip claims.
//!
//! The directory is walked entry by entry and never held, so memory does not grow with the number of
//! entries; no part is unpacked beyond [`Budget::PART_BYTES`]; and every byte fetched is counted, so that no
//! search through the file can go on for long. Bytes before the zip do no harm. A zip without its end (a copy
//! broken off) is read from the front as far as it goes.
//!
//! Of several entries with one name the first in the directory counts. Nothing is ever written anywhere,
//! so entries whose names climb out are entries like others.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::ControlFlow;

use zip::ZipReadOptions;
use zip::read::{Config, read_zipfile_from_stream};
use zip::unstable::read::ZipIterable;

use super::{Budget, Source};

/// What may be fetched to find the directory. Beside the end of the file this reads a few records;
/// a search further than this is for something that is not there.
const SEARCH_BYTES: u64 = 1 << 20;

/// What may be fetched for one walk over the directory: some 500,000 entries.
const WALK_BYTES: u64 = 32 << 20;

/// What may be fetched for one part, packed.
const PACKED_BYTES: u64 = 2 * Budget::PART_BYTES as u64;

/// What may be fetched from the front of a zip that has no directory.
const SALVAGE_BYTES: u64 = 16 << 20;

/// What is asked of a name: whether its part is wanted.
type Wanted<'f> = dyn FnMut(&str) -> bool + 'f;

/// A zip.
pub(super) struct Zip<'a> {
    source: &'a Source<'a>,
    /// None: the end of the zip is missing.
    directory: Option<ZipIterable<Window<'a>>>,
}

impl<'a> Zip<'a> {
    /// The zip in `source`, if there is one: complete with its end, or at least its beginning.
    pub(super) fn open(source: &'a Source<'a>) -> Option<Self> {
        let directory =
            ZipIterable::try_new(Window::new(source, SEARCH_BYTES)?, Config::default()).ok();
        let zip = Self { source, directory };
        (zip.directory.is_some() || begins_like_zip(source)).then_some(zip)
    }

    /// Calls `see` with the name of each entry, until it breaks off or the limits are reached.
    pub(super) fn names(&mut self, see: &mut dyn FnMut(&str) -> ControlFlow<()>) {
        // Wanting none but the last part seen, and dropping it, ends the walk there.
        self.first(&mut |name| see(name).is_break(), |_| ());
    }

    /// The unpacked bytes of the first entry whose name is wanted, at most [`Budget::PART_BYTES`] of them.
    /// What can be read of a damaged part is given.
    pub(super) fn part(&mut self, wanted: &mut Wanted<'_>) -> Option<Vec<u8>> {
        self.first(wanted, unpack)
    }

    /// What `take` makes of the first entry whose name is wanted.
    fn first<T>(
        &mut self,
        wanted: &mut Wanted<'_>,
        take: impl FnOnce(&mut dyn Read) -> T,
    ) -> Option<T> {
        match &mut self.directory {
            Some(directory) => first_by_directory(directory, wanted, take),
            None => first_from_front(self.source, wanted, take),
        }
    }
}

fn first_by_directory<T>(
    directory: &mut ZipIterable<Window<'_>>,
    wanted: &mut Wanted<'_>,
    take: impl FnOnce(&mut dyn Read) -> T,
) -> Option<T> {
    let entries = directory.files().ok()?;
    entries.reader_mut().allowance_bytes = WALK_BYTES;
    let entry = entries
        .map_while(Result::ok)
        .find(|entry| wanted(&String::from_utf8_lossy(entry.name_raw())))?;
    let window = directory.files().ok()?.reader_mut();
    window.allowance_bytes = PACKED_BYTES;
    let options = ZipReadOptions::new().ignore_crc32(true);
    let mut part = entry.with_reader(window, options).ok()?;
    Some(take(&mut part))
}

fn first_from_front<T>(
    source: &Source<'_>,
    wanted: &mut Wanted<'_>,
    take: impl FnOnce(&mut dyn Read) -> T,
) -> Option<T> {
    let mut window = Window::new(source, SALVAGE_BYTES)?;
    while let Ok(Some(mut part)) = read_zipfile_from_stream(&mut window) {
        if wanted(&String::from_utf8_lossy(part.name_raw())) {
            return Some(take(&mut part));
        }
    }
    None
}

fn unpack(part: &mut dyn Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A part that breaks off is worth what came before.
    let _ = part.take(Budget::PART_BYTES as u64).read_to_end(&mut bytes);
    bytes
}

/// Whether the first entry's header stands at the very beginning (APPNOTE.TXT 4.3.7).
fn begins_like_zip(source: &Source<'_>) -> bool {
    source
        .bytes_at(0, 4)
        .is_ok_and(|bytes| bytes == *b"PK\x03\x04")
}

/// A source as a reader that fetches blocks, counts them, and fails when the allowance or the budget is spent.
///
/// The end of the file is held from the start and costs nothing: the zip's end record is searched there, back
/// and forth, and a hostile comment makes that search long.
#[derive(Debug)]
struct Window<'a> {
    source: &'a Source<'a>,
    position: u64,
    block: Vec<u8>,
    block_start: u64,
    tail: Vec<u8>,
    tail_start: u64,
    allowance_bytes: u64,
}

impl<'a> Window<'a> {
    /// How much is fetched at once.
    const BLOCK_BYTES: usize = 32 << 10;

    /// An end record with the longest comment, and the ZIP64 locator before it.
    const TAIL_BYTES: usize = (64 << 10) + 64;

    /// None if the source cannot be read.
    fn new(source: &'a Source<'a>, allowance_bytes: u64) -> Option<Self> {
        let tail_start = source.size_bytes().saturating_sub(Self::TAIL_BYTES as u64);
        Some(Self {
            source,
            position: 0,
            block: Vec::new(),
            block_start: 0,
            tail: source.bytes_at(tail_start, Self::TAIL_BYTES).ok()?,
            tail_start,
            allowance_bytes,
        })
    }

    /// What is held from the position on.
    fn held(&self) -> &[u8] {
        let from = |start: u64, bytes: &'_ [u8]| {
            let skip = usize::try_from(self.position.checked_sub(start)?).ok()?;
            (skip < bytes.len()).then_some(skip)
        };
        if let Some(skip) = from(self.tail_start, &self.tail) {
            return &self.tail[skip..];
        }
        from(self.block_start, &self.block).map_or(&[], |skip| &self.block[skip..])
    }

    fn fetch(&mut self) -> io::Result<()> {
        if self.allowance_bytes == 0 {
            return Err(io::Error::other(
                "reads more than a zip of this kind is worth",
            ));
        }
        let most =
            Self::BLOCK_BYTES.min(usize::try_from(self.allowance_bytes).unwrap_or(usize::MAX));
        self.block = self.source.bytes_at(self.position, most)?;
        self.block_start = self.position;
        self.allowance_bytes -= self.block.len() as u64;
        Ok(())
    }
}

impl Read for Window<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.source.budget.is_spent() {
            return Err(io::Error::from(io::ErrorKind::TimedOut));
        }
        if self.held().is_empty() && self.position < self.source.size_bytes() {
            self.fetch()?;
        }
        let held = self.held();
        let count = held.len().min(out.len());
        out[..count].copy_from_slice(&held[..count]);
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Window<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.source.size_bytes().checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{file_of, zip_of};
    use super::*;

    /// The entries' names, and the bytes of the part called `wanted`.
    fn look(bytes: &[u8], wanted: &str) -> Option<(Vec<String>, Option<Vec<u8>>)> {
        let file = file_of(bytes);
        let source = Source::new(&file).unwrap();
        let mut zip = Zip::open(&source)?;
        let mut names = Vec::new();
        zip.names(&mut |name| {
            names.push(name.to_owned());
            ControlFlow::Continue(())
        });
        Some((names, zip.part(&mut |name| name == wanted)))
    }

    #[test]
    fn parts_are_found_by_name() {
        let zip = zip_of(&[("a", b"one"), ("b/c", b"two")]);
        let (names, part) = look(&zip, "b/c").unwrap();
        assert_eq!(names, ["a", "b/c"]);
        assert_eq!(part.as_deref(), Some(&b"two"[..]));
        assert_eq!(look(&zip, "c").unwrap().1, None);
    }

    #[test]
    fn bytes_before_and_after_do_no_harm() {
        let zip = zip_of(&[("a", b"one")]);
        let framed = [&[7; 5000][..], &zip, b"\0after"].concat();
        assert_eq!(look(&framed, "a").unwrap().1.as_deref(), Some(&b"one"[..]));
    }

    #[test]
    fn a_zip_without_its_end_is_read_from_the_front() {
        let mut zip = zip_of(&[("a", b"one"), ("b", b"two")]);
        zip.truncate(zip.len() - 10);
        let (names, part) = look(&zip, "b").unwrap();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(part.as_deref(), Some(&b"two"[..]));
    }

    #[test]
    fn no_part_is_unpacked_whole() {
        let zip = zip_of(&[("bomb", &vec![0; 3 * Budget::PART_BYTES])]);
        assert_eq!(
            look(&zip, "bomb").unwrap().1.unwrap().len(),
            Budget::PART_BYTES
        );
    }

    #[test]
    fn a_comment_full_of_end_records_is_no_burden() {
        let mut zip = zip_of(&[("a", b"one")]);
        zip.truncate(zip.len() - 2);
        zip.extend(u16::MAX.to_le_bytes());
        zip.extend(b"PK\x05\x06".repeat(usize::from(u16::MAX) / 4));
        zip.extend(b"xxx");
        assert_eq!(look(&zip, "a").unwrap().1.as_deref(), Some(&b"one"[..]));
    }

    #[test]
    fn what_is_no_zip_is_refused() {
        for bytes in [&b""[..], b"PK", b"%PDF-1.4", &vec![0; 100_000]] {
            assert!(look(bytes, "a").is_none(), "{}", bytes.len());
        }
    }
}
