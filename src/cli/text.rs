//! Numbers, times and foreign text, as people read them.

use std::fmt;
use std::time::SystemTime;

use crate::time::UnixSeconds;

/// Text from outside, safe on a terminal: control characters, which could move the cursor, change
/// colours or reverse the line, are shown as `U+FFFD`.
pub struct Clean<'a>(pub &'a str);

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .chars()
            .map(|c| if is_unsafe(c) { '\u{fffd}' } else { c })
            .try_for_each(|c| fmt::Write::write_char(f, c))
    }
}

/// Controls, line and paragraph separators, and the bidirectional overrides of Unicode (UAX #9).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number of bytes as `512 B`, `1.2 GiB`.
pub struct Size(pub u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
        if self.0 < 1024 {
            return write!(f, "{} B", self.0);
        }
        let tenths = |power: usize| {
            let unit = 1_u128 << (10 * (power + 1));
            (u128::from(self.0) * 10 + unit / 2) / unit
        };
        let power = (0..UNITS.len() - 1)
            .find(|&power| tenths(power) < 10_240)
            .unwrap_or(UNITS.len() - 1);
        let tenths = tenths(power);
        write!(f, "{}.{} {}", tenths / 10, tenths % 10, UNITS[power])
    }
}

/// A number with its thousands apart: `1,234,567`.
pub fn count(number: u64) -> impl fmt::Display {
    indicatif::HumanCount(number)
}

/// A number and its noun, in the right form: `1 file`, `2 files`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A time in UTC as `2026-11-23T02:04:29Z` (RFC 3339), or `@` and the seconds where no calendar of ours
/// reaches.
pub struct When(pub UnixSeconds);

impl When {
    /// 9999-12-31T23:59:59Z, the last second of RFC 3339.
    const LAST: i64 = 253_402_300_799;
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let UnixSeconds(seconds) = self.0;
        if (0..=Self::LAST).contains(&seconds) {
            humantime::format_rfc3339_seconds(SystemTime::from(self.0)).fmt(f)
        } else {
            write!(f, "@{seconds}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal_and_never_1024() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            (1_048_575, "1.0 MiB"),
            (1_288_490_189, "1.2 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(Size(bytes).to_string(), text);
        }
    }

    #[test]
    fn times_beyond_the_calendar_are_numbers() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_399_469, "2026-11-23T02:04:29Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "@253402300800"),
            (-1, "@-1"),
            (i64::MIN, "@-9223372036854775808"),
        ] {
            assert_eq!(When(UnixSeconds(seconds)).to_string(), text);
        }
    }

    #[test]
    fn nothing_foreign_reaches_the_terminal() {
        assert_eq!(Clean("Łódź 東京 é").to_string(), "Łódź 東京 é");
        assert_eq!(
            Clean("a\x1b]0;x\x07\u{9b}b\u{202e}c\n").to_string(),
            "a\u{fffd}]0;x\u{fffd}\u{fffd}b\u{fffd}c\u{fffd}"
        );
    }

    #[test]
    fn nouns_agree_with_their_numbers() {
        assert_eq!(counted(0, "file"), "0 files");
        assert_eq!(counted(1, "file"), "1 file");
        assert_eq!(counted(1234, "file"), "1,234 files");
    }
}
