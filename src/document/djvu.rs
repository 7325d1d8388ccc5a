//! Metadata out of `DjVu`: the `(metadata ...)` and `(xmp ...)` annotations (`DjVu` 3 specification; djvused(1)).
//!
//! A document of several pages keeps its annotations in a part that its pages share (`DJVI`), others with
//! their first page. Only the heads of the chunks are read on the way there, two levels deep. Of two
//! annotations the one found first counts; `metadata` is stronger than XMP.

mod annotation;
mod bzz;

use super::pdf::year;
use super::{Budget, Source, useful, xmp};
use crate::book::Metadata;
use annotation::Annotations;

/// Bytes of a chunk's head: its name and its length.
const HEAD_BYTES: u64 = 8;
/// Most chunks that are passed on the way. The largest documents have some thousand pages.
const MOST_CHUNKS: usize = 1 << 15;
/// Most bytes of a packed annotation.
const MOST_PACKED_BYTES: usize = 1 << 20;

/// What a `DjVu` document says of itself.
pub(super) fn read(source: &Source<'_>) -> Metadata {
    let mut walk = Walk {
        source,
        chunks_left: MOST_CHUNKS,
        found: Metadata::default(),
    };
    // `AT&T` is in front of the form in files, but left out by some old writers.
    let start = if source.bytes_at(0, 4).is_ok_and(|head| head == b"AT&T") {
        4
    } else {
        0
    };
    if let Some(form) = walk.chunk_at(start, source.size_bytes()) {
        walk.document(&form);
    }
    walk.found
}

/// A chunk of the file.
struct Chunk {
    name: [u8; 4],
    /// What a form is: the first four bytes in it.
    kind: [u8; 4],
    /// Offset of its content.
    at: u64,
    /// Offset of the byte behind it.
    end: u64,
}

impl Chunk {
    fn is_form(&self, kind: [u8; 4]) -> bool {
        &self.name == b"FORM" && self.kind == kind
    }

    /// Where the chunks of a form begin, behind its kind.
    fn inside(&self) -> u64 {
        self.at + 4
    }
}

struct Walk<'a> {
    source: &'a Source<'a>,
    chunks_left: usize,
    found: Metadata,
}

impl Walk<'_> {
    fn document(&mut self, form: &Chunk) {
        if form.is_form(*b"DJVU") {
            self.page(form);
        } else if form.is_form(*b"DJVM") {
            self.pages(form);
        }
    }

    /// The shared parts and the first page.
    fn pages(&mut self, document: &Chunk) {
        let mut at = document.inside();
        let mut is_first_page = true;
        while let Some(part) = self.chunk_at(at, document.end) {
            at = after(&part);
            let is_shared = part.is_form(*b"DJVI");
            let is_page = part.is_form(*b"DJVU");
            if is_shared || (is_page && std::mem::take(&mut is_first_page)) {
                self.page(&part);
            }
        }
    }

    /// The annotations of one page or shared part.
    fn page(&mut self, page: &Chunk) {
        let mut at = page.inside();
        while let Some(chunk) = self.chunk_at(at, page.end) {
            at = after(&chunk);
            if let Some(annotations) = self.annotations(&chunk) {
                let found = std::mem::take(&mut self.found);
                self.found = found.or(self.read_annotations(&annotations));
            }
        }
    }

    /// The text of a chunk of annotations, if `chunk` is one.
    fn annotations(&self, chunk: &Chunk) -> Option<Vec<u8>> {
        let most = match &chunk.name {
            b"ANTa" => Budget::PART_BYTES,
            b"ANTz" => MOST_PACKED_BYTES,
            _ => return None,
        };
        let length = usize::try_from(chunk.end - chunk.at).unwrap_or(most);
        let bytes = self.source.bytes_at(chunk.at, length.min(most)).ok()?;
        Some(if &chunk.name == b"ANTz" {
            bzz::unpack(&bytes, Budget::PART_BYTES, &self.source.budget)
        } else {
            bytes
        })
    }

    fn read_annotations(&self, text: &[u8]) -> Metadata {
        let annotations = Annotations::of(text);
        let field = |key| annotations.metadata(key).map(str::to_owned);
        let said = Metadata {
            title: field("title"),
            author: field("author"),
            publisher: field("publisher"),
            year: ["year", "date", "creationdate"]
                .into_iter()
                .filter_map(|key| annotations.metadata(key))
                .find_map(year),
            language: field("language"),
        };
        let xmp = annotations
            .xmp()
            .map(|packet| xmp::read(packet.as_bytes(), &self.source.budget).into_metadata())
            .unwrap_or_default();
        useful(said).or(useful(xmp))
    }

    /// The chunk whose head is at `at`, cut to `end`.
    fn chunk_at(&mut self, at: u64, end: u64) -> Option<Chunk> {
        if self.source.budget.is_spent() || at.checked_add(HEAD_BYTES)? > end {
            return None;
        }
        self.chunks_left = self.chunks_left.checked_sub(1)?;
        let head = self.source.bytes_at(at, 12).ok()?;
        let name = head.get(..4)?.try_into().ok()?;
        let length = u32::from_be_bytes(head.get(4..8)?.try_into().ok()?);
        let kind = head.get(8..12).and_then(|kind| kind.try_into().ok());
        Some(Chunk {
            name,
            kind: kind.unwrap_or_default(),
            at: at + HEAD_BYTES,
            end: end.min(at + HEAD_BYTES + u64::from(length)),
        })
    }
}

/// Where the next chunk begins: at an even offset.
fn after(chunk: &Chunk) -> u64 {
    chunk.end + chunk.end % 2
}

#[cfg(test)]
mod tests;
