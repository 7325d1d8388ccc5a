//! Text strings and dates of PDF (ISO 32000-2, 7.9.2.2 and 7.9.4).

use encoding_rs::{UTF_16BE, UTF_16LE};

use crate::document::fields;

/// The text of a string: UTF-16 or UTF-8 if it begins with their mark, else `PDFDocEncoding`.
///
/// Many writers put UTF-8 without its mark. Bytes above 127 that make valid UTF-8 are next to
/// never meant as `PDFDocEncoding`, so they are read as UTF-8.
pub(super) fn decode(bytes: &[u8]) -> String {
    match bytes {
        [0xfe, 0xff, rest @ ..] => {
            without_language(&UTF_16BE.decode_without_bom_handling(even(rest)).0)
        }
        [0xff, 0xfe, rest @ ..] => {
            without_language(&UTF_16LE.decode_without_bom_handling(even(rest)).0)
        }
        [0xef, 0xbb, 0xbf, rest @ ..] => without_language(&String::from_utf8_lossy(rest)),
        _ => match std::str::from_utf8(bytes) {
            Ok(text) if !text.is_ascii() => text.to_owned(),
            _ => bytes.iter().map(|&byte| pdf_doc(byte)).collect(),
        },
    }
}

/// The year of a date such as `D:20010203040506Z`, or of one in any other form.
///
/// Some writers made `191` and the years since 2000 of the years from 2000 on, counting years
/// since 1900 behind a fixed `19`: their `D:19103...` is one digit longer than a right date.
pub(in crate::document) fn year(date: &str) -> Option<i32> {
    let date = date.trim();
    let date = date.strip_prefix("D:").unwrap_or(date);
    match date.bytes().take_while(u8::is_ascii_digit).count() {
        13 | 15 if date.starts_with("191") => fields::year(&format!("20{}", &date[3..5])),
        0..4 => fields::year(date),
        _ => fields::year(&date[..4]),
    }
}

/// UTF-16 without half a unit at its end.
fn even(bytes: &[u8]) -> &[u8] {
    &bytes[..bytes.len() & !1]
}

/// The text without escape sequences that name its language: `ESC en US ESC`.
fn without_language(text: &str) -> String {
    text.split('\u{1b}').step_by(2).collect()
}

/// A character of `PDFDocEncoding` (ISO 32000-1, annex D.3); undefined ones are U+FFFD.
fn pdf_doc(byte: u8) -> char {
    const LOW: [char; 8] = [
        '\u{2d8}', '\u{2c7}', '\u{2c6}', '\u{2d9}', '\u{2dd}', '\u{2db}', '\u{2da}', '\u{2dc}',
    ];
    const HIGH: [char; 33] = [
        '•', '†', '‡', '…', '—', '–', 'ƒ', '⁄', '‹', '›', '−', '‰', '„', '“', '”', '‘', '’', '‚',
        '™', 'ﬁ', 'ﬂ', 'Ł', 'Œ', 'Š', 'Ÿ', 'Ž', 'ı', 'ł', 'œ', 'š', 'ž', '\u{fffd}', '€',
    ];
    match byte {
        0x18..=0x1f => LOW[usize::from(byte - 0x18)],
        0x80..=0xa0 => HIGH[usize::from(byte - 0x80)],
        0x7f | 0xad => '\u{fffd}',
        _ => char::from(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn encodings() {
        for (bytes, text) in [
            (&b"plain"[..], "plain"),
            (b"Caf\xe9 \x84 \xa0", "Café — €"),
            (b"\xfe\xff\x04\x1c\x04\x38\x04\x40", "Мир"),
            (b"\xff\xfe\x1c\x04\x38\x04\x40\x04", "Мир"),
            (b"\xfe\xff\x00A\x00", "A"),
            (b"\xfe\xff\xd8\x00\x00A", "\u{fffd}A"),
            (b"\xfe\xff\x00\x1b\x00e\x00n\x00\x1b\x00H\x00i", "Hi"),
            (b"\xef\xbb\xbfPr\xc3\xa9face", "Préface"),
            (b"Pr\xc3\xa9face", "Préface"),
            (b"\x1a\x93", "\u{2c6}ﬁ"),
        ] {
            assert_eq!(decode(bytes), text, "{bytes:x?}");
        }
    }

    #[test]
    fn years() {
        for (date, expected) in [
            ("D:20010203040506Z", Some(2001)),
            ("D:2001", Some(2001)),
            ("20010203", Some(2001)),
            ("D:191020304050607", Some(2002)),
            ("2023-07-27T12:00:00Z", Some(2023)),
            ("Mon Jan  1 12:00:00 2001", Some(2001)),
            ("1/2/1999 10:11:12", Some(1999)),
            ("D:99999999999999Z", None),
            ("D:00000101000000Z", None),
            ("D:-1", None),
            ("", None),
            ("été 05", None),
        ] {
            assert_eq!(year(date), expected, "{date}");
        }
    }
}
