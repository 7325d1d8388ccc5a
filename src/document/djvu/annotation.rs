//! The annotations that hold metadata, out of the list of S-expressions that all annotations are.
//!
//! One pass; of nesting only its depth is kept.

use std::borrow::Cow;

use crate::document::Budget;

/// What `(metadata (key "value") ...)` and `(xmp "...")` say.
#[derive(Debug, Default)]
pub(super) struct Annotations {
    entries: Vec<(String, String)>,
    xmp: Option<String>,
}

/// Most entries of `metadata` that are kept.
const MOST_ENTRIES: usize = 1_000;

enum Token<'a> {
    Open,
    Close,
    Symbol(&'a [u8]),
    Text(String),
}

impl Annotations {
    /// Reads all annotations in `bytes`. What cannot be read is passed over.
    pub fn of(bytes: &[u8]) -> Self {
        let mut this = Self::default();
        let mut depth = 0_usize;
        // The symbols that the lists of the first and the second level begin with.
        let mut heads: [Cow<'_, [u8]>; 2] = Default::default();
        let mut is_head = false;
        let mut rest = bytes;
        while let Some(token) = next(&mut rest) {
            let was_head = std::mem::take(&mut is_head);
            match token {
                Token::Open => {
                    depth += 1;
                    is_head = true;
                    if let Some(head) = heads.get_mut(depth - 1) {
                        *head = Cow::default();
                    }
                }
                Token::Close => depth = depth.saturating_sub(1),
                Token::Symbol(symbol) if was_head => {
                    if let Some(head) = heads.get_mut(depth - 1) {
                        *head = Cow::Borrowed(symbol);
                    }
                }
                Token::Symbol(_) => {}
                Token::Text(text) => this.take(depth, &heads, text),
            }
        }
        this
    }

    /// The first value under `key`, which is in lower case; keys count in any case.
    pub fn metadata(&self, key: &str) -> Option<&str> {
        let entry = self.entries.iter().find(|(is, _)| is == key);
        entry.map(|(_, value)| value.as_str())
    }

    /// The XMP packet.
    pub fn xmp(&self) -> Option<&str> {
        self.xmp.as_deref()
    }

    fn take(&mut self, depth: usize, heads: &[Cow<'_, [u8]>; 2], mut text: String) {
        match (depth, heads[0].as_ref()) {
            (1, b"xmp") => {
                self.xmp.get_or_insert(text);
            }
            (2, b"metadata") if self.entries.len() < MOST_ENTRIES => {
                text.truncate(text.floor_char_boundary(Budget::FIELD_BYTES));
                let key = String::from_utf8_lossy(&heads[1]).to_lowercase();
                self.entries.push((key, text));
            }
            _ => {}
        }
    }
}

/// Takes the next token from `rest`.
fn next<'a>(rest: &mut &'a [u8]) -> Option<Token<'a>> {
    *rest = rest.trim_ascii_start();
    let (first, after) = rest.split_first()?;
    match first {
        b'(' => {
            *rest = after;
            Some(Token::Open)
        }
        b')' => {
            *rest = after;
            Some(Token::Close)
        }
        b'"' => {
            *rest = after;
            Some(Token::Text(text(rest)))
        }
        _ => {
            let is_end = |b: &u8| b.is_ascii_whitespace() || matches!(b, b'(' | b')' | b'"');
            let length = rest.iter().position(is_end).unwrap_or(rest.len());
            let (symbol, after) = rest.split_at(length);
            *rest = after;
            Some(Token::Symbol(symbol))
        }
    }
}

/// Takes a string up to its closing quote, or to the end, with C's escapes resolved.
fn text(rest: &mut &[u8]) -> String {
    let mut bytes = Vec::new();
    let mut source = rest.iter().copied().peekable();
    let mut taken = 0;
    while let Some(byte) = source.next() {
        taken += 1;
        match byte {
            b'"' => break,
            b'\\' => {
                let Some(escaped) = source.next() else { break };
                taken += 1;
                match escaped {
                    b'n' => bytes.push(b'\n'),
                    b'r' => bytes.push(b'\r'),
                    b't' => bytes.push(b'\t'),
                    b'a' | b'b' | b'f' | b'v' => bytes.push(b' '),
                    b'\n' => {}
                    digit @ b'0'..=b'7' => {
                        let mut code = u32::from(digit - b'0');
                        for _ in 0..2 {
                            let Some(digit) = source.next_if(|b| (b'0'..=b'7').contains(b)) else {
                                break;
                            };
                            taken += 1;
                            code = code * 8 + u32::from(digit - b'0');
                        }
                        bytes.push(code.to_le_bytes()[0]);
                    }
                    other => bytes.push(other),
                }
            }
            other => bytes.push(other),
        }
    }
    *rest = &rest[taken..];
    String::from_utf8_lossy(&bytes).into_owned()
}
