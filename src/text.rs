//! Text as people are shown it: on one line, in NFC, with nothing in it that cannot be seen.
//!
//! Titles, authors and names come out of documents with line breaks, control characters, and
//! characters that only change how others look. Two values that look the same must be the same, and
//! a name must not look like another one. Every value that becomes a name or a folder passes here.
//!
//! Cost: one pass; memory is a small multiple of the text, so callers cut huge values first
//! ([`head`]).

use std::borrow::Cow;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc, is_nfc_quick};

/// `text` in NFC (Unicode Standard Annex #15).
pub fn nfc(text: &str) -> Cow<'_, str> {
    if text.is_ascii() || is_nfc_quick(text.chars()) == IsNormalized::Yes {
        Cow::Borrowed(text)
    } else {
        Cow::Owned(text.nfc().collect())
    }
}

/// Whether `text` is in NFC.
pub fn is_in_nfc(text: &str) -> bool {
    text.is_ascii() || is_nfc(text)
}

/// `text` on one line: runs of white space become one space, outer ones go, what cannot be seen is
/// dropped ([`is_hidden`]), joiners stay where a script needs them; in NFC.
pub fn line(text: &str) -> String {
    // What joins or varies is decided on composed letters, which come together when what stands hidden
    // between their parts is gone.
    let visible = text.chars().filter(|&c| c.is_whitespace() || !is_hidden(c));
    let line = if text.is_ascii() {
        spaced(visible)
    } else {
        spaced(visible.nfc())
    };
    match nfc(&line) {
        Cow::Borrowed(_) => line,
        Cow::Owned(composed) => composed,
    }
}

/// `letters` with single spaces between words, and joiners and variation selectors only where they mean
/// something.
fn spaced(letters: impl Iterator<Item = char>) -> String {
    let mut line = String::new();
    let mut before = None;
    let mut pending_space = false;
    let mut pending_joiner = None;
    for letter in letters {
        if letter.is_whitespace() {
            pending_space = true;
        } else if is_joiner(letter) {
            pending_joiner = before
                .filter(|&c| !pending_space && joins(c))
                .map(|_| letter);
        } else if is_variation_selector(letter) {
            let follows = !pending_space && before.is_some_and(varies);
            if follows && !line.ends_with(is_variation_selector) {
                line.push(letter);
            }
        } else {
            if pending_space {
                if !line.is_empty() {
                    line.push(' ');
                }
            } else if let Some(joiner) = pending_joiner.filter(|_| joins(letter)) {
                line.push(joiner);
            }
            line.push(letter);
            before = Some(letter);
            pending_space = false;
            pending_joiner = None;
        }
    }
    line
}

/// The beginning of `text`, at most `most_bytes` long, cut before a character.
pub fn head(text: &str, most_bytes: usize) -> &str {
    &text[..text.floor_char_boundary(most_bytes)]
}

/// The beginning of `text`, at most `most_bytes` long, without an outer space at its end. It is cut
/// where a reader sees a boundary: not before a mark or a joiner, unless what belongs together is
/// longer than [`CLUSTER_BYTES`].
pub fn cut(text: &str, most_bytes: usize) -> &str {
    let hard = text.floor_char_boundary(most_bytes);
    if hard == text.len() {
        return text.trim_end_matches(is_loose_end);
    }
    let mut end = hard;
    while end > 0 && belongs_to_the_one_before(text, end) {
        end = text.floor_char_boundary(end - 1);
    }
    if end == 0 || hard - end > CLUSTER_BYTES {
        end = hard;
    }
    text[..end].trim_end_matches(is_loose_end)
}

/// More bytes than this are never given up in order to cut between visible characters.
pub const CLUSTER_BYTES: usize = 64;

/// Whether the character at `at` is seen as one with the character before it.
fn belongs_to_the_one_before(text: &str, at: usize) -> bool {
    let next = text[at..].chars().next();
    let previous = text[..at].chars().next_back();
    next.is_some_and(|c| is_combining_mark(c) || is_joiner(c) || is_variation_selector(c))
        || previous == Some(ZERO_WIDTH_JOINER)
}

/// What must not stand at the end of a name.
fn is_loose_end(letter: char) -> bool {
    letter == ' ' || is_joiner(letter)
}

const ZERO_WIDTH_NON_JOINER: char = '\u{200C}';
const ZERO_WIDTH_JOINER: char = '\u{200D}';

/// Whether `letter` only tells its neighbours to join or not to join.
fn is_joiner(letter: char) -> bool {
    matches!(letter, ZERO_WIDTH_NON_JOINER | ZERO_WIDTH_JOINER)
}

/// Whether `letter` chooses a form of the character before it.
fn is_variation_selector(letter: char) -> bool {
    matches!(letter, '\u{FE00}'..='\u{FE0F}' | '\u{E0100}'..='\u{E01EF}' | '\u{180B}'..='\u{180D}' | '\u{180F}')
}

/// Whether `letter` belongs to a script whose spelling needs joiners (Arabic, the Indic and South-East
/// Asian scripts, Mongolian), or to emoji. Between other letters a joiner only hides a difference.
fn joins(letter: char) -> bool {
    matches!(u32::from(letter),
        0x0600..=0x109F | 0x1780..=0x1CFF | 0x2600..=0x27BF | 0xA800..=0xABFF | 0xFB50..=0xFEFC
        | 0x1_0A00..=0x1_1FFF | 0x1_E900..=0x1_E95F | 0x1_F000..=0x1_FAFF)
}

/// Whether `letter` can have several forms of one meaning: the scripts that join, ideographs, symbols.
fn varies(letter: char) -> bool {
    joins(letter) || letter >= '\u{2000}'
}

/// Whether `letter` shows nothing of itself and no name may hold it: control characters, what changes
/// the direction of others, zero-width and filler characters (`Default_Ignorable_Code_Point` of the
/// Unicode Character Database, less joiners and variation selectors), and noncharacters.
pub fn is_hidden(letter: char) -> bool {
    let code = u32::from(letter);
    if is_joiner(letter) || is_variation_selector(letter) {
        return false;
    }
    letter.is_control()
        || code & 0xFFFE == 0xFFFE
        || matches!(code,
            0x00AD | 0x034F | 0x061C | 0x115F..=0x1160 | 0x17B4..=0x17B5 | 0x180E
            | 0x200B..=0x200F | 0x2028..=0x202E | 0x2060..=0x206F | 0x3164 | 0xFDD0..=0xFDEF
            | 0xFEFF | 0xFFA0 | 0xFFF0..=0xFFFB | 0x1_BCA0..=0x1_BCA3 | 0x1_D173..=0x1_D17A
            | 0xE_0000..=0xE_0FFF)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[rustfmt::skip]
    const LINES: &[(&str, &str)] = &[
        ("", ""),
        ("plain", "plain"),
        (" \t two\r\n  words\u{3000}", "two words"),
        ("nul\0 bell\u{7}s \u{85}next", "nul bells next"),
        ("\u{202E}drawkcab\u{202C}", "drawkcab"),
        ("\u{2066}iso\u{2069}\u{200B}la\u{FEFF}te\u{AD}d", "isolated"),
        ("non\u{FFFF}char\u{FDD0}acter", "noncharacter"),
        ("E\u{301}mile", "Émile"),
        ("e\u{200B}\u{301}", "é"),
        ("Ti\u{200D}tle", "Title"),
        ("می\u{200C}خواهم", "می\u{200C}خواهم"),
        ("می\u{200C} خواهم\u{200C}", "می خواهم"),
        ("क्\u{200D}ष", "क्\u{200D}ष"),
        ("👩\u{200D}🚀", "👩\u{200D}🚀"),
        ("\u{200D}start", "start"),
        ("a\u{200D}\u{200D}b", "ab"),
        ("葛\u{E0100}城", "葛\u{E0100}城"),
        ("\u{FE0F}a\u{FE0F} \u{FE0F}b", "a b"),
        ("❤\u{FE0F}\u{200D}🔥", "❤\u{FE0F}\u{200D}🔥"),
    ];

    #[test]
    fn lines_show_what_they_hold() {
        for &(given, shown) in LINES {
            assert_eq!(line(given), shown, "{given:?}");
        }
    }

    #[test]
    fn cuts_where_a_reader_sees_a_boundary() {
        for (text, most_bytes, left) in [
            ("abc", 3, "abc"),
            ("abc", 2, "ab"),
            ("aя", 2, "a"),
            ("a bc", 2, "a"),
            ("nx\u{304}y", 3, "n"),
            ("a👩\u{200D}🚀", 8, "a"),
            ("a👩\u{200D}🚀", 5, "a"),
            ("a👩\u{200D}🚀", 12, "a👩\u{200D}🚀"),
            ("abc", 0, ""),
        ] {
            assert_eq!(cut(text, most_bytes), left, "{text:?} to {most_bytes}");
        }
        let heap = format!("a{}", "\u{304}".repeat(200));
        assert_eq!(cut(&heap, 101).len(), 101);
    }

    proptest! {
        #[test]
        fn lines_keep_their_form(text in "(\\PC|[\\x00-\\x20\u{200B}-\u{200F}\u{202E}\u{301}\u{FEFF}\u{6CC}]){0,40}") {
            let once = line(&text);
            prop_assert_eq!(&line(&once), &once);
            prop_assert!(is_in_nfc(&once));
            prop_assert!(!once.chars().any(is_hidden));
            prop_assert!(!once.starts_with(' ') && !once.ends_with(' ') && !once.contains("  "));
        }

        #[test]
        fn cuts_keep_the_limit(text in "[a ♥я\u{304}\u{200D}👩]{0,60}", most_bytes in 0_usize..80) {
            let left = cut(&text, most_bytes);
            prop_assert!(text.starts_with(left));
            prop_assert!(left.len() <= most_bytes);
        }
    }
}
