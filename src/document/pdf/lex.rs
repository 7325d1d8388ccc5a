//! The syntax of PDF objects (ISO 32000-1, 7.2 and 7.3), read lazily from a window of bytes.
//!
//! Nothing is built: a dictionary or an array is the slice of bytes between its brackets, skipped
//! by counting and looked into when asked. So nesting of any depth costs no stack and no memory,
//! and every call is linear in the window.

use std::borrow::Cow;

use crate::document::Budget;

/// The number and the generation of an indirect object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct ObjectId {
    pub number: u32,
    pub generation: u16,
}

/// A value; what is nested in it stays raw.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Integer(i64),
    Boolean(bool),
    Name(Cow<'a, [u8]>),
    /// The bytes of a string, unescaped; cut to [`Budget::FIELD_BYTES`].
    Text(Vec<u8>),
    Reference(ObjectId),
    Array(Array<'a>),
    Dict(Dict<'a>),
    /// A real number, another keyword, or nothing sensible.
    Other,
}

impl<'a> Value<'a> {
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(n) => Some(*n),
            _ => None,
        }
    }

    pub fn dict(self) -> Option<Dict<'a>> {
        match self {
            Self::Dict(dict) => Some(dict),
            _ => None,
        }
    }

    pub fn reference(&self) -> Option<ObjectId> {
        match self {
            Self::Reference(id) => Some(*id),
            _ => None,
        }
    }

    pub fn is_name(&self, name: &[u8]) -> bool {
        matches!(self, Self::Name(is) if is.as_ref() == name)
    }
}

/// The inside of `[...]`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Array<'a>(&'a [u8]);

impl<'a> Array<'a> {
    pub fn values(self) -> impl Iterator<Item = Value<'a>> {
        let mut lexer = Lexer::new(self.0);
        std::iter::from_fn(move || lexer.value())
    }
}

/// The inside of `<<...>>`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Dict<'a>(&'a [u8]);

impl<'a> Dict<'a> {
    /// The first value under `key`.
    pub fn get(self, key: &[u8]) -> Option<Value<'a>> {
        Lexer::new(self.raw(key)?).value()
    }

    /// The bytes of the first value under `key`.
    pub fn raw(self, key: &[u8]) -> Option<&'a [u8]> {
        let mut lexer = Lexer::new(self.0);
        loop {
            match lexer.token()? {
                Token::Name(name) => {
                    let start = lexer.at;
                    let has_value = lexer.value().is_some();
                    if has_value && unescape_name(name).as_ref() == key {
                        return Some(&self.0[start..lexer.at]);
                    }
                }
                Token::Open(_) => {
                    lexer.skip_to_close();
                }
                _ => {}
            }
        }
    }

    /// The string under `key`.
    pub fn text(self, key: &[u8]) -> Option<Vec<u8>> {
        match self.get(key)? {
            Value::Text(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub fn integer(self, key: &[u8]) -> Option<i64> {
        self.get(key)?.integer()
    }

    pub fn dict(self, key: &[u8]) -> Option<Dict<'a>> {
        self.get(key)?.dict()
    }

    pub fn reference(self, key: &[u8]) -> Option<ObjectId> {
        self.get(key)?.reference()
    }

    /// Whether the value under `key` is the name `name`.
    pub fn names(self, key: &[u8], name: &[u8]) -> bool {
        self.get(key).is_some_and(|value| value.is_name(name))
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bracket {
    Array,
    Dict,
}

enum Token<'a> {
    Open(Bracket),
    Close,
    Name(&'a [u8]),
    Literal(&'a [u8]),
    Hex(&'a [u8]),
    Word(&'a [u8]),
}

/// Reads values one after the other.
pub(super) struct Lexer<'a> {
    bytes: &'a [u8],
    at: usize,
    cut: bool,
}

impl<'a> Lexer<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        let at = 0;
        let cut = false;
        Self { bytes, at, cut }
    }

    /// Offset of the next byte.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether something was still open where the bytes end, so that more bytes would tell more.
    pub fn is_cut(&self) -> bool {
        self.cut || self.at >= self.bytes.len()
    }

    /// The next value; `None` at the end, or at a closing bracket.
    pub fn value(&mut self) -> Option<Value<'a>> {
        Some(match self.token()? {
            Token::Close => return None,
            Token::Name(name) => Value::Name(unescape_name(name)),
            Token::Literal(raw) => Value::Text(unescape_literal(raw)),
            Token::Hex(raw) => Value::Text(unhex(raw)),
            Token::Open(Bracket::Array) => Value::Array(Array(self.skip_to_close())),
            Token::Open(Bracket::Dict) => Value::Dict(Dict(self.skip_to_close())),
            Token::Word(word) => self.number_or_reference(word),
        })
    }

    /// `<number> <generation> obj`.
    pub fn object_header(&mut self) -> Option<ObjectId> {
        let number = self.unsigned()?;
        let generation = self.unsigned()?;
        self.keyword(b"obj").then_some(ObjectId {
            number: u32::try_from(number).ok()?,
            generation: u16::try_from(generation).ok()?,
        })
    }

    /// A number without a sign.
    pub fn unsigned(&mut self) -> Option<u64> {
        self.skip_space();
        let digits = self.run(|b| b.is_ascii_digit());
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// Takes `word` if it comes next; whatever follows it, since `obj<<` is usual.
    pub fn keyword(&mut self, word: &[u8]) -> bool {
        self.skip_space();
        let is_next = self.bytes[self.at..].starts_with(word);
        if is_next {
            self.at += word.len();
        }
        is_next
    }

    fn number_or_reference(&mut self, word: &[u8]) -> Value<'a> {
        let Some(number) = integer(word) else {
            return match word {
                b"true" => Value::Boolean(true),
                b"false" => Value::Boolean(false),
                _ => Value::Other,
            };
        };
        let before = self.at;
        let reference = self.unsigned().and_then(|generation| {
            let is_reference = self.keyword(b"R") && !self.peek().is_some_and(is_regular);
            is_reference.then_some(ObjectId {
                number: u32::try_from(number).ok()?,
                generation: u16::try_from(generation).ok()?,
            })
        });
        reference.map_or_else(
            || {
                self.at = before;
                Value::Integer(number)
            },
            Value::Reference,
        )
    }

    /// The bytes up to the bracket that closes the one just opened, or to the end.
    fn skip_to_close(&mut self) -> &'a [u8] {
        let start = self.at;
        let mut depth = 1_usize;
        loop {
            let before = self.at;
            match self.token() {
                Some(Token::Open(_)) => depth += 1,
                Some(Token::Close) => depth -= 1,
                Some(_) => {}
                None => {
                    self.cut = true;
                    return &self.bytes[start..];
                }
            }
            if depth == 0 {
                return &self.bytes[start..before];
            }
        }
    }

    fn token(&mut self) -> Option<Token<'a>> {
        self.skip_space();
        let byte = self.peek()?;
        self.at += 1;
        Some(match byte {
            b'/' => Token::Name(self.run(is_regular)),
            b'(' => Token::Literal(self.literal()?),
            b'[' => Token::Open(Bracket::Array),
            b'<' if self.take(b'<') => Token::Open(Bracket::Dict),
            b'<' => Token::Hex(self.hex()?),
            b'>' => {
                self.take(b'>');
                Token::Close
            }
            b']' => Token::Close,
            b')' | b'{' | b'}' => Token::Word(&[]),
            _ => {
                self.at -= 1;
                Token::Word(self.run(is_regular))
            }
        })
    }

    fn literal(&mut self) -> Option<&'a [u8]> {
        let start = self.at;
        let mut depth = 1_usize;
        while let Some(byte) = self.peek() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Some(&self.bytes[start..self.at - 1]);
            }
        }
        self.cut = true;
        self.at = self.bytes.len();
        None
    }

    fn hex(&mut self) -> Option<&'a [u8]> {
        let rest = &self.bytes[self.at..];
        if let Some(length) = memchr::memchr(b'>', rest) {
            self.at += length + 1;
            Some(&rest[..length])
        } else {
            self.cut = true;
            self.at = self.bytes.len();
            None
        }
    }

    /// Skips white space and comments.
    pub fn skip_space(&mut self) {
        while let Some(byte) = self.peek() {
            if byte == b'%' {
                self.run(|b| b != b'\r' && b != b'\n');
            } else if is_space(byte) {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    fn run(&mut self, belongs: impl Fn(u8) -> bool) -> &'a [u8] {
        let rest = &self.bytes[self.at..];
        let length = rest.iter().position(|&b| !belongs(b));
        let run = &rest[..length.unwrap_or(rest.len())];
        self.at += run.len();
        run
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }
}

/// White space (ISO 32000-1, table 1).
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, 0 | b'\t' | b'\n' | 0x0c | b'\r' | b' ')
}

fn is_regular(byte: u8) -> bool {
    !is_space(byte)
        && !matches!(
            byte,
            b'(' | b')' | b'<' | b'>' | b'[' | b']' | b'{' | b'}' | b'/' | b'%'
        )
}

fn integer(word: &[u8]) -> Option<i64> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

fn unescape_name(name: &[u8]) -> Cow<'_, [u8]> {
    if !name.contains(&b'#') {
        return Cow::Borrowed(name);
    }
    let mut bytes = Vec::with_capacity(name.len());
    let mut at = 0;
    while let Some(&byte) = name.get(at) {
        let pair = name.get(at + 1..at + 3).map(unhex_pairs);
        match pair {
            Some(Some(escaped)) if byte == b'#' => {
                bytes.push(escaped);
                at += 3;
            }
            _ => {
                bytes.push(byte);
                at += 1;
            }
        }
    }
    Cow::Owned(bytes)
}

fn unhex_pairs(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    Some(hex_digit(*high)? << 4 | hex_digit(*low)?)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte)
        .to_digit(16)
        .and_then(|digit| u8::try_from(digit).ok())
}

/// Digits in pairs; an odd last one counts as the first of `0x?0`, what is no digit is skipped.
fn unhex(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut digits = raw.iter().copied().filter_map(hex_digit);
    while let Some(high) = digits.next() {
        if bytes.len() == Budget::FIELD_BYTES {
            break;
        }
        bytes.push(high << 4 | digits.next().unwrap_or(0));
    }
    bytes
}

/// Resolves `\n`, `\(`, `\ddd`, continued lines and line ends (ISO 32000-1, 7.3.4.2).
fn unescape_literal(raw: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = raw.iter().copied().peekable();
    while let Some(byte) = rest.next() {
        if bytes.len() == Budget::FIELD_BYTES {
            break;
        }
        match byte {
            b'\r' => {
                rest.next_if_eq(&b'\n');
                bytes.push(b'\n');
            }
            b'\\' => match rest.next() {
                Some(b'n') => bytes.push(b'\n'),
                Some(b'r') => bytes.push(b'\r'),
                Some(b't') => bytes.push(b'\t'),
                Some(b'b') => bytes.push(8),
                Some(b'f') => bytes.push(0x0c),
                Some(b'\r') => {
                    rest.next_if_eq(&b'\n');
                }
                Some(b'\n') | None => {}
                Some(digit @ b'0'..=b'7') => {
                    let mut code = u32::from(digit - b'0');
                    for _ in 0..2 {
                        let Some(digit) = rest.next_if(|b| (b'0'..=b'7').contains(b)) else {
                            break;
                        };
                        code = code * 8 + u32::from(digit - b'0');
                    }
                    // Of a code above 255 the high bits are ignored, as the standard says.
                    bytes.push(code.to_le_bytes()[0]);
                }
                Some(other) => bytes.push(other),
            },
            other => bytes.push(other),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(source: &str) -> Vec<u8> {
        match Lexer::new(source.as_bytes()).value() {
            Some(Value::Text(bytes)) => bytes,
            other => panic!("{source}: {other:?}"),
        }
    }

    #[test]
    fn strings() {
        for (source, bytes) in [
            ("(plain)", &b"plain"[..]),
            ("(a (nested (deep)) b)", b"a (nested (deep)) b"),
            (r"(\(\)\\)", br"()\"),
            (r"(\101\60\0601)", b"A001"),
            (r"(\777)", b"\xff"),
            ("(one\\\r\ntwo\r\nthree)", b"onetwo\nthree"),
            (r"(a\", b""),
            ("<48 65 6C6c6F>", b"Hello"),
            ("<4A6F6>", b"Jo`"),
            ("<zz>", b""),
            ("()", b""),
        ] {
            if source == r"(a\" {
                assert_eq!(Lexer::new(source.as_bytes()).value(), None);
            } else {
                assert_eq!(text(source), bytes, "{source}");
            }
        }
        assert_eq!(
            text(&format!("({})", "x".repeat(9_000))).len(),
            Budget::FIELD_BYTES
        );
    }

    #[test]
    fn values_under_keys() {
        let source = b"<</A 1/B[1 2 R]/C 7 0 R/D<</A 2>>%c >>\n/E(>>)/#46 -3/G true/H 4 0 Rx/I/J/A 9>> after";
        let mut lexer = Lexer::new(source);
        let Some(Value::Dict(dict)) = lexer.value() else {
            panic!("no dictionary")
        };
        assert!(!lexer.is_cut());
        assert_eq!(dict.integer(b"A"), Some(1));
        let id = ObjectId {
            number: 7,
            generation: 0,
        };
        assert_eq!(dict.reference(b"C"), Some(id));
        assert_eq!(dict.dict(b"D").and_then(|d| d.integer(b"A")), Some(2));
        assert_eq!(dict.get(b"E"), Some(Value::Text(b">>".to_vec())));
        assert_eq!(dict.integer(b"F"), Some(-3));
        assert_eq!(dict.get(b"G"), Some(Value::Boolean(true)));
        assert_eq!(dict.integer(b"H"), Some(4));
        assert!(dict.names(b"I", b"J"));
        assert_eq!(dict.get(b"K"), None);
    }

    #[test]
    fn any_depth_is_skipped() {
        let deep = format!(
            "<</X{}{}/Title(Deep)>>",
            "[".repeat(100_000),
            "]".repeat(100_000)
        );
        let dict = Lexer::new(deep.as_bytes()).value().and_then(Value::dict);
        assert_eq!(
            dict.and_then(|d| d.get(b"Title")),
            Some(Value::Text(b"Deep".to_vec()))
        );
        let open = format!("<</Title(Kept)/X{}", "<</A".repeat(100_000));
        let mut lexer = Lexer::new(open.as_bytes());
        let dict = lexer.value().and_then(Value::dict);
        assert!(lexer.is_cut());
        assert_eq!(
            dict.and_then(|d| d.get(b"Title")),
            Some(Value::Text(b"Kept".to_vec()))
        );
    }

    #[test]
    fn headers_of_objects() {
        for (source, number) in [
            ("12 0 obj", Some(12)),
            (" \n3 65535 obj<<", Some(3)),
            ("1 0 R", None),
            ("4294967296 0 obj", None),
            ("obj", None),
        ] {
            let id = Lexer::new(source.as_bytes()).object_header();
            assert_eq!(id.map(|id| id.number), number, "{source}");
        }
    }
}
