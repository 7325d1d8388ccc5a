//! One indirect object or trailer, read from its place in the file.

use super::lex::{Dict, Lexer, ObjectId, Value};
use crate::document::Source;

/// Sizes of the window that an object is read through; the next is tried where one was too small.
const WINDOWS_BYTES: [usize; 3] = [4 << 10, 32 << 10, 256 << 10];
/// Room behind a dictionary for the word that begins its stream.
const STREAM_WORD_BYTES: usize = 32;

/// A value with what is needed to understand it.
#[derive(Debug, Clone)]
pub(super) struct Object {
    bytes: Vec<u8>,
    /// The number it carries itself. `None` for a trailer, and for an object out of an object stream: their
    /// strings are not encrypted one by one.
    pub id: Option<ObjectId>,
    /// Where its stream begins, if it has one.
    pub stream_at: Option<u64>,
}

impl Object {
    /// The object whose header is at `offset`.
    pub fn at(source: &Source<'_>, offset: u64) -> Option<Self> {
        Self::read(source, offset, true)
    }

    /// The value at `offset`, without a header.
    pub fn bare_at(source: &Source<'_>, offset: u64) -> Option<Self> {
        Self::read(source, offset, false)
    }

    /// The first value in `bytes`.
    pub fn first_in(bytes: &[u8]) -> Option<Self> {
        let mut lexer = Lexer::new(bytes);
        lexer.value()?;
        Some(Self {
            bytes: bytes[..lexer.position()].to_vec(),
            id: None,
            stream_at: None,
        })
    }

    /// What stands under `key` in the dictionary that this object is, as an object of its own.
    pub fn under(&self, key: &[u8]) -> Option<Self> {
        Some(Self {
            bytes: self.dict()?.raw(key)?.to_vec(),
            id: self.id,
            stream_at: None,
        })
    }

    pub fn value(&self) -> Option<Value<'_>> {
        Lexer::new(&self.bytes).value()
    }

    pub fn dict(&self) -> Option<Dict<'_>> {
        self.value()?.dict()
    }

    fn read(source: &Source<'_>, offset: u64, has_header: bool) -> Option<Self> {
        WINDOWS_BYTES.into_iter().find_map(|window| {
            let is_last = Some(&window) == WINDOWS_BYTES.last();
            let bytes = source.bytes_at(offset, window).ok()?;
            let is_all = is_last || bytes.len() < window;
            Self::parse(bytes, offset, has_header, is_all)
        })
    }

    /// The value in `bytes`; `None` also where they may be too few and are not all.
    fn parse(mut bytes: Vec<u8>, offset: u64, has_header: bool, is_all: bool) -> Option<Self> {
        let mut lexer = Lexer::new(&bytes);
        let id = if has_header {
            Some(lexer.object_header()?)
        } else {
            None
        };
        let start = lexer.position();
        let is_dict = matches!(lexer.value()?, Value::Dict(_));
        let end = lexer.position();
        if !is_all && (lexer.is_cut() || end + STREAM_WORD_BYTES > bytes.len()) {
            return None;
        }
        let has_stream = is_dict && lexer.keyword(b"stream");
        let line_end = match &bytes[lexer.position()..] {
            [b'\r', b'\n', ..] => 2,
            [b'\n' | b'\r', ..] => 1,
            _ => 0,
        };
        let stream_at = has_stream.then_some(offset + (lexer.position() + line_end) as u64);
        bytes.truncate(end);
        bytes.drain(..start);
        Some(Self {
            bytes,
            id,
            stream_at,
        })
    }
}
