//! What every reader does to the values that it found, before anybody else sees them.
//!
//! Invariant of what leaves here: one line as [`text::line`] makes it, at most
//! [`Budget::FIELD_BYTES`] long, absent rather than empty; a year that a calendar can have shown.

use std::time::{SystemTime, UNIX_EPOCH};

use super::Budget;
use crate::book::Metadata;
use crate::text;

/// Years that programs write for "unknown": calibre (101), .NET (1).
const UNKNOWN_YEARS: [i32; 2] = [1, 101];

/// The earliest year that is taken from a text that is not a date by form, such as `July 1999`:
/// before printing, four digits are more likely something else.
const EARLIEST_LOOSE_YEAR: i32 = 1400;

/// What stands between several authors; `author::split` divides there first, so that
/// `Le Guin, Ursula K.` stays one of them.
const BETWEEN_AUTHORS: &str = "; ";

/// `text` on one line, with nothing in it that cannot be seen ([`text::line`]), as long as a field may be.
pub(super) fn line(text: &str) -> Option<String> {
    // White space that collapses is not counted.
    let line = text::line(text::head(text, 4 * Budget::FIELD_BYTES));
    let cut = text::cut(&line, Budget::FIELD_BYTES);
    (!cut.is_empty()).then(|| cut.to_owned())
}

/// Several authors as one string; as many as fit into one field, none of them in part.
pub(super) fn authors<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> Option<String> {
    let mut joined: Option<String> = None;
    for name in names.into_iter().filter_map(|name| line(name.as_ref())) {
        match &mut joined {
            None => joined = Some(name),
            Some(joined) => {
                if joined.len() + BETWEEN_AUTHORS.len() + name.len() > Budget::FIELD_BYTES {
                    break;
                }
                joined.push_str(BETWEEN_AUTHORS);
                joined.push_str(&name);
            }
        }
    }
    joined
}

/// The year in a date as documents write it: `1984-01-01T00:00:00Z`, `2011/07`, `20110705`, `July 1999`.
///
/// Nothing of a date before the common era, of a year with more than four digits, or of a year that
/// means "unknown".
pub(super) fn year(date: &str) -> Option<i32> {
    let date = date.trim();
    let leading = date.bytes().take_while(u8::is_ascii_digit).count();
    let found = match leading {
        4 | 8 => date[..4].parse().ok(),
        _ if date.starts_with('-') => None,
        _ => loose_year(date),
    };
    found.filter(|&year| is_plausible(year))
}

/// The first number of exactly four digits in `text` that can be a year.
fn loose_year(text: &str) -> Option<i32> {
    text.split(|c: char| !c.is_ascii_digit())
        .filter(|digits| digits.len() == 4)
        .filter_map(|digits| digits.parse().ok())
        .find(|&year| year >= EARLIEST_LOOSE_YEAR && is_plausible(year))
}

/// Whether something can have been published in `year`: up to the next one, which publishers
/// print early.
fn is_plausible(year: i32) -> bool {
    (1..=this_year() + 1).contains(&year) && !UNKNOWN_YEARS.contains(&year)
}

/// The current year of the common era; off by hours around New Year, which is no matter here.
fn this_year() -> i32 {
    const MEAN_YEAR_SECONDS: u64 = 31_556_952;
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |span| span.as_secs());
    1970 + i32::try_from(seconds / MEAN_YEAR_SECONDS).unwrap_or(0)
}

/// `metadata` with every field in the form that this module promises.
pub(super) fn tidy(metadata: Metadata) -> Metadata {
    let tidy = |field: Option<String>| field.as_deref().and_then(line);
    Metadata {
        title: tidy(metadata.title),
        author: tidy(metadata.author),
        publisher: tidy(metadata.publisher),
        year: metadata.year.filter(|&year| is_plausible(year)),
        language: tidy(metadata.language),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_tidy_line() {
        let table = [
            ("  The\n\tTitle ", Some("The Title")),
            ("nul\0 and bell\u{7}", Some("nul and bell")),
            ("\u{feff}mark", Some("mark")),
            ("no\u{a0}break", Some("no break")),
            (" \n\u{0} ", None),
            ("", None),
        ];
        for (given, expected) in table {
            assert_eq!(line(given).as_deref(), expected, "{given:?}");
        }
    }

    #[test]
    fn a_long_value_is_cut_at_a_character() {
        let cut = line(&"я".repeat(Budget::FIELD_BYTES)).unwrap();
        assert_eq!(cut.len(), Budget::FIELD_BYTES);
        let cut = line(&format!("a{}", "я".repeat(Budget::FIELD_BYTES))).unwrap();
        assert_eq!(cut.len(), Budget::FIELD_BYTES - 1);
    }

    #[test]
    fn authors_are_joined_whole() {
        assert_eq!(
            authors(["Le Guin, Ursula K.", " ", "Ann  Other"]).as_deref(),
            Some("Le Guin, Ursula K.; Ann Other")
        );
        assert_eq!(authors(["", "\n"]), None);
        let many = authors((0..1000).map(|n| format!("Author {n}"))).unwrap();
        assert!(many.len() <= Budget::FIELD_BYTES);
        assert!(many.ends_with(|c: char| c.is_ascii_digit()));
    }

    #[test]
    fn years_are_read_from_dates() {
        let table = [
            ("1984-01-01T00:00:00Z", Some(1984)),
            ("2011/07", Some(2011)),
            ("20110705", Some(2011)),
            ("2011-02-30", Some(2011)),
            ("0800-12-25", Some(800)),
            ("July 1999", Some(1999)),
            ("c. 1605", Some(1605)),
            ("June 25, 2008 [eBook #11]", Some(2008)),
            ("0101-01-01T00:00:00+00:00", None),
            ("0001-01-01", None),
            ("-0044-03-15", None),
            ("99999-01-01", None),
            ("9999-01-01", None),
            ("0000", None),
            ("MMXI", None),
            ("19841", None),
            ("№ 1234 of a list", None),
            ("", None),
        ];
        for (given, expected) in table {
            assert_eq!(year(given), expected, "{given:?}");
        }
    }
}
