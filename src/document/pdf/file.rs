//! A PDF file: from its end to its information dictionary, its catalog and its metadata stream.
//!
//! Objects are read from the file one at a time, as they are asked for, and not kept. Where the
//! cross-reference does not lead to an object of the right number, the file is scanned for it, once.

use std::cell::OnceCell;
use std::io::{Cursor, Read};

use super::crypt::Cipher;
use super::lex::{Dict, Lexer, Value};
use super::object::Object;
use super::scan::Scan;
use super::text;
use super::unpack::{Filters, FromFile, Unpacked};
use super::xref::{CrossReference, Place};
use crate::document::{Budget, Source};

/// References followed from one value to another.
const MOST_HOPS: usize = 8;
/// The header is somewhere in these first bytes.
const HEADER_WITHIN_BYTES: usize = 1 << 10;
/// The list of objects at the head of an object stream, at most.
const OBJECT_LIST_BYTES: usize = 1 << 20;
/// One object in an object stream, at most.
const PACKED_OBJECT_BYTES: usize = 256 << 10;
/// Object streams that are searched for an object that no cross-reference places.
const MOST_STREAMS_SEARCHED: usize = 256;

/// An open document.
pub(super) struct PdfFile<'a> {
    source: &'a Source<'a>,
    xref: Option<CrossReference>,
    trailer: Trailer,
    protection: Protection,
    scan: OnceCell<Scan>,
}

/// What trailers say that matters here; the newest that says it. Values, or references to them.
#[derive(Default)]
struct Trailer {
    info: Option<Object>,
    root: Option<Object>,
    encrypt: Option<Object>,
    file_id: Vec<u8>,
}

enum Protection {
    Open,
    Known(Cipher),
    /// Strings and streams cannot be read.
    Closed,
}

impl<'a> PdfFile<'a> {
    /// Opens the document as far as it can be.
    pub fn open(source: &'a Source<'a>) -> Self {
        let xref = CrossReference::read(source, header_at(source));
        let mut this = Self {
            source,
            xref,
            trailer: Trailer::default(),
            protection: Protection::Open,
            scan: OnceCell::new(),
        };
        let trailers = this.xref.as_ref().map_or(&[][..], |xref| &xref.trailers);
        this.trailer = Trailer::newest_of(trailers.iter());
        this.protection = this.protection();
        if this.catalog().is_none() {
            this.trailer = this.scanned_trailer();
            this.protection = this.protection();
        }
        this
    }

    /// The document information dictionary.
    pub fn info(&self) -> Option<Object> {
        let info = self.follow(self.trailer.info.clone()?)?;
        info.dict().is_some().then_some(info)
    }

    /// The catalog.
    pub fn catalog(&self) -> Option<Object> {
        let catalog = self.follow(self.trailer.root.clone()?)?;
        catalog.dict().is_some().then_some(catalog)
    }

    /// The string under `key` in the dictionary `holder`.
    pub fn text(&self, holder: &Object, key: &[u8]) -> Option<String> {
        let object = self.follow(holder.under(key)?)?;
        match object.value()? {
            Value::Text(bytes) => Some(text::decode(&self.open_string(&object, bytes)?)),
            _ => None,
        }
    }

    /// The metadata stream of the document, unpacked: XMP.
    pub fn metadata_stream(&self) -> Option<Vec<u8>> {
        let reference = self.catalog()?.dict()?.reference(b"Metadata")?;
        let stream = self.object(reference.number)?;
        let covered = match &self.protection {
            Protection::Known(cipher) => cipher.covers_metadata,
            Protection::Open | Protection::Closed => false,
        };
        let mut bytes = self.unpacked(&stream, covered)?.take(Budget::PART_BYTES);
        let end = memchr::memmem::find(&bytes, b"endstream");
        bytes.truncate(end.unwrap_or(bytes.len()));
        Some(bytes)
    }

    /// The object `number`, wherever it is.
    fn object(&self, number: u32) -> Option<Object> {
        self.placed(number).or_else(|| self.scanned(number))
    }

    /// The object `number`, where the cross-reference says.
    fn placed(&self, number: u32) -> Option<Object> {
        match self.xref.as_ref()?.place_of(self.source, number)? {
            Place::At(offset) => self.object_at(offset, number),
            Place::Within(stream) => self.packed(&self.unpacked_object(stream)?, number),
        }
    }

    /// The object `number`, where a scan saw it last.
    fn scanned(&self, number: u32) -> Option<Object> {
        let scan = self.scan();
        let written = scan.offset_of(number);
        if let Some(object) = written.and_then(|offset| self.object_at(offset, number)) {
            return Some(object);
        }
        scan.object_streams
            .iter()
            .rev()
            .take(MOST_STREAMS_SEARCHED)
            .take_while(|_| !self.source.budget.is_spent())
            .find_map(|&offset| self.packed(&Object::at(self.source, offset)?, number))
    }

    /// The object `number` if it is not within another: what an object stream may be.
    fn unpacked_object(&self, number: u32) -> Option<Object> {
        let placed = match self.xref.as_ref()?.place_of(self.source, number)? {
            Place::At(offset) => self.object_at(offset, number),
            Place::Within(_) => None,
        };
        placed.or_else(|| self.object_at(self.scan().offset_of(number)?, number))
    }

    /// The object at `offset` if it is the object `number`.
    fn object_at(&self, offset: u64, number: u32) -> Option<Object> {
        Object::at(self.source, offset)
            .filter(|object| object.id.is_some_and(|id| id.number == number))
    }

    /// The object `number` out of an object stream (ISO 32000-1, 7.5.7).
    fn packed(&self, stream: &Object, number: u32) -> Option<Object> {
        let dict = stream.dict()?;
        let count = dict.integer(b"N")?;
        let first = usize::try_from(dict.integer(b"First")?).ok()?;
        if first > OBJECT_LIST_BYTES {
            return None;
        }
        let mut unpacked = self.unpacked(stream, true)?;
        let list = unpacked.take(first);
        let offset = offset_in_list(&list, count, number)?;
        if !unpacked.skip(offset) {
            return None;
        }
        Object::first_in(&unpacked.take(PACKED_OBJECT_BYTES))
    }

    /// The content of `stream`, which is encrypted if `covered` and the document is.
    fn unpacked<'s>(&'s self, stream: &Object, covered: bool) -> Option<Unpacked<'s>> {
        let dict = stream.dict()?;
        let filters = Filters::of(dict)?;
        let mut packed = FromFile::new(self.source, stream.stream_at?);
        let budget = &self.source.budget;
        match (&self.protection, stream.id) {
            (Protection::Known(cipher), Some(id)) if covered && !filters.are_own_crypt() => {
                let most = self.length(dict).unwrap_or(Budget::PART_BYTES);
                let mut bytes = Vec::new();
                let read = (&mut packed)
                    .take(most.min(Budget::PART_BYTES) as u64)
                    .read_to_end(&mut bytes);
                read.ok()?;
                let opened = Cursor::new(cipher.open_stream(id, bytes));
                Some(Unpacked::new(opened, &filters, budget))
            }
            (Protection::Closed, _) if covered => None,
            _ => Some(Unpacked::new(packed, &filters, budget)),
        }
    }

    /// The length of a stream as its dictionary says. Not looked for in object streams, since their own
    /// lengths would be looked for in turn.
    fn length(&self, dict: Dict<'_>) -> Option<usize> {
        let length = match dict.get(b"Length")? {
            Value::Reference(id) => self.unpacked_object(id.number)?.value()?.integer(),
            value => value.integer(),
        };
        length
            .and_then(|length| usize::try_from(length).ok())
            .filter(|&length| length > 0)
    }

    /// `object`, or what it refers to.
    fn follow(&self, mut object: Object) -> Option<Object> {
        for _ in 0..MOST_HOPS {
            match object.value()? {
                Value::Reference(id) => object = self.object(id.number)?,
                _ => return Some(object),
            }
        }
        None
    }

    fn open_string(&self, holder: &Object, bytes: Vec<u8>) -> Option<Vec<u8>> {
        match (&self.protection, holder.id) {
            (Protection::Known(cipher), Some(id)) => Some(cipher.open_string(id, bytes)),
            (Protection::Closed, _) => None,
            _ => Some(bytes),
        }
    }

    fn protection(&self) -> Protection {
        let Some(encrypt) = self.trailer.encrypt.clone() else {
            return Protection::Open;
        };
        let encrypt = self.follow(encrypt);
        let dict = encrypt.as_ref().and_then(Object::dict);
        dict.and_then(|dict| Cipher::of(dict, &self.trailer.file_id))
            .map_or(Protection::Closed, Protection::Known)
    }

    fn scan(&self) -> &Scan {
        self.scan.get_or_init(|| Scan::of(self.source))
    }

    fn scanned_trailer(&self) -> Trailer {
        let scan = self.scan();
        let tables = scan
            .trailers
            .iter()
            .rev()
            .filter_map(|&at| Object::bare_at(self.source, at));
        let streams = scan
            .xref_streams
            .iter()
            .rev()
            .filter_map(|&at| Object::at(self.source, at));
        let trailers: Vec<Object> = tables.take(2).chain(streams.take(2)).collect();
        let mut trailer = Trailer::newest_of(trailers.iter());
        if trailer.root.is_none()
            && let Some(number) = scan.catalogs.last()
        {
            trailer.root = Object::first_in(format!("{number} 0 R").as_bytes());
        }
        trailer
    }
}

impl Trailer {
    /// What `trailers`, newest first, say.
    fn newest_of<'t>(trailers: impl Iterator<Item = &'t Object>) -> Self {
        let mut newest = Self::default();
        for trailer in trailers {
            let Some(dict) = trailer.dict() else { continue };
            newest.info = newest.info.or_else(|| trailer.under(b"Info"));
            newest.root = newest.root.or_else(|| trailer.under(b"Root"));
            newest.encrypt = newest.encrypt.or_else(|| trailer.under(b"Encrypt"));
            if newest.file_id.is_empty()
                && let Some(Value::Array(id)) = dict.get(b"ID")
                && let Some(Value::Text(bytes)) = id.values().next()
            {
                newest.file_id = bytes;
            }
        }
        newest
    }
}

/// The offset, from the first object on, of the object `number` in the list of an object stream.
fn offset_in_list(list: &[u8], count: i64, number: u32) -> Option<u64> {
    let mut lexer = Lexer::new(list);
    for _ in 0..count {
        let of = lexer.unsigned()?;
        let offset = lexer.unsigned()?;
        if of == u64::from(number) {
            return Some(offset);
        }
    }
    None
}

/// Where the header is: most offsets count from there.
fn header_at(source: &Source<'_>) -> u64 {
    let head = source
        .bytes_at(0, HEADER_WITHIN_BYTES + 5)
        .unwrap_or_default();
    memchr::memmem::find(&head, b"%PDF-").map_or(0, |at| at as u64)
}
