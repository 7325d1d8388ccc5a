//! From bytes to text, whatever the bytes are and however little their declaration is worth.
//!
//! Never fails: what cannot be decoded becomes U+FFFD. The text is at most three times as long as the
//! bytes.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};

/// How far into a document its declaration is looked for, in bytes.
const DECLARATION_BYTES: usize = 1024;

/// `bytes` as text, by their byte order mark, else by what they look like, else by the encoding that
/// they declare (`<?xml encoding=...?>`, `<meta charset=...>`), else as UTF-8.
pub(super) fn decode_markup(bytes: &[u8]) -> Cow<'_, str> {
    if let Some((encoding, mark_bytes)) = Encoding::for_bom(bytes) {
        return decode_as(encoding, &bytes[mark_bytes..]);
    }
    let encoding = match bytes {
        [b'<', 0, ..] => UTF_16LE,
        [0, b'<', ..] => UTF_16BE,
        _ => declared(bytes).unwrap_or(UTF_8),
    };
    decode_as(encoding, bytes)
}

/// `bytes` as plain text, by their byte order mark, else as UTF-8 or Latin text.
pub(super) fn decode_text(bytes: &[u8]) -> Cow<'_, str> {
    match Encoding::for_bom(bytes) {
        Some((encoding, mark_bytes)) => decode_as(encoding, &bytes[mark_bytes..]),
        None => decode_as(UTF_8, bytes),
    }
}

fn decode_as<'a>(encoding: &'static Encoding, bytes: &'a [u8]) -> Cow<'a, str> {
    if encoding == UTF_8 {
        return decode_utf8(bytes);
    }
    encoding.decode_without_bom_handling(bytes).0
}

/// UTF-8 that may end in the middle of a character, hold stray bytes, or be Latin text in truth.
///
/// It is Latin text (windows-1252) if it is not UTF-8 and no letter of it would be.
fn decode_utf8(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => return Cow::Borrowed(text),
        Err(error) if error.error_len().is_none() => {
            let whole = &bytes[..error.valid_up_to()];
            return String::from_utf8_lossy(whole);
        }
        Err(_) => {}
    }
    let lossy = String::from_utf8_lossy(bytes);
    let has_utf8_letters = lossy
        .chars()
        .any(|c| !c.is_ascii() && c != char::REPLACEMENT_CHARACTER);
    if has_utf8_letters {
        return lossy;
    }
    WINDOWS_1252.decode_without_bom_handling(bytes).0
}

/// The encoding that ASCII-compatible markup declares near its start.
///
/// A declaration of UTF-16 in bytes that can be read to find it is a lie: nothing then.
fn declared(bytes: &[u8]) -> Option<&'static Encoding> {
    let head = &bytes[..bytes.len().min(DECLARATION_BYTES)];
    let end = head.iter().position(|&byte| byte == b'>');
    let xml = head
        .starts_with(b"<?xml")
        .then(|| label_after(&head[..end.unwrap_or(head.len())], b"encoding"))
        .flatten();
    let label = xml.or_else(|| label_after(head, b"charset"))?;
    Encoding::for_label(label).filter(|&encoding| encoding != UTF_16LE && encoding != UTF_16BE)
}

/// The value in `key = "value"`, with or without quotes.
fn label_after<'a>(head: &'a [u8], key: &[u8]) -> Option<&'a [u8]> {
    let at = head
        .windows(key.len())
        .position(|window| window.eq_ignore_ascii_case(key))?;
    let rest = head[at + key.len()..].trim_ascii_start();
    let rest = rest.strip_prefix(b"=")?.trim_ascii_start();
    let rest = rest
        .strip_prefix(b"\"")
        .or(rest.strip_prefix(b"'"))
        .unwrap_or(rest);
    let end = rest
        .iter()
        .position(|byte| !byte.is_ascii_alphanumeric() && !b"-_:.".contains(byte))?;
    Some(&rest[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_is_decoded_by_mark_shape_or_declaration() {
        let utf16 = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>()
        };
        let table: &[(&[u8], &str)] = &[
            (b"<a>plain</a>", "<a>plain</a>"),
            ("\u{feff}<a>я</a>".as_bytes(), "<a>я</a>"),
            (&utf16("\u{feff}<a>я</a>"), "<a>я</a>"),
            (&utf16("<a>я</a>"), "<a>я</a>"),
            (
                b"<?xml version='1.0' encoding='windows-1251'?>\xff",
                "<?xml version='1.0' encoding='windows-1251'?>я",
            ),
            (
                b"<?xml encoding = \"KOI8-R\" ?>\xd1",
                "<?xml encoding = \"KOI8-R\" ?>я",
            ),
            (
                b"<html><meta charset=windows-1251>\xff",
                "<html><meta charset=windows-1251>я",
            ),
            (b"<?xml encoding='utf-16'?>x", "<?xml encoding='utf-16'?>x"),
            (
                b"<?xml encoding='no-such'?>x",
                "<?xml encoding='no-such'?>x",
            ),
        ];
        for (bytes, text) in table {
            assert_eq!(decode_markup(bytes), *text, "{}", bytes.escape_ascii());
        }
    }

    #[test]
    fn broken_utf8_keeps_what_can_be_read() {
        let table: &[(&[u8], &str)] = &[
            (b"Jos\xe9 Garc\xeda", "José García"),
            ("José \u{e9}".as_bytes(), "José é"),
            (b"Jos\xc3\xa9 \xff x", "José \u{fffd} x"),
            (b"cut \xc3", "cut "),
        ];
        for (bytes, text) in table {
            assert_eq!(decode_text(bytes), *text, "{}", bytes.escape_ascii());
        }
    }
}
