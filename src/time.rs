//! Points in time, as the catalogue keeps them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::Serialize;

/// Whole seconds since 1970-01-01 00:00 UTC; negative before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
#[serde(transparent)]
pub struct UnixSeconds(pub i64);

impl UnixSeconds {
    /// The clock's time.
    pub fn now() -> Self {
        SystemTime::now().into()
    }
}

impl UnixSeconds {
    /// `2026-11-23T01:37:00`, in the time zone of this machine.
    pub fn local(self) -> String {
        let timestamp = jiff::Timestamp::from_second(self.0).unwrap_or_default();
        let local = jiff::tz::TimeZone::system().to_datetime(timestamp);
        local.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }
}

impl fmt::Display for UnixSeconds {
    /// `2026-11-23T01:37:00Z` (RFC 3339); plain seconds for times outside the years 1970 to 9999.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// 9999-12-31T23:59:59Z.
        const LAST: i64 = 253_402_300_799;
        if (0..=LAST).contains(&self.0) {
            humantime::format_rfc3339_seconds((*self).into()).fmt(f)
        } else {
            self.0.fmt(f)
        }
    }
}

impl From<SystemTime> for UnixSeconds {
    /// Rounds down to the second.
    fn from(time: SystemTime) -> Self {
        let seconds = |span: Duration| i64::try_from(span.as_secs()).unwrap_or(i64::MAX);
        Self(match time.duration_since(UNIX_EPOCH) {
            Ok(after) => seconds(after),
            Err(before) => {
                let before = before.duration();
                -seconds(before) - i64::from(before.subsec_nanos() > 0)
            }
        })
    }
}

impl From<UnixSeconds> for SystemTime {
    /// Saturates to the epoch where the system cannot hold the time.
    fn from(time: UnixSeconds) -> Self {
        let span = Duration::from_secs(time.0.unsigned_abs());
        let shifted = if time.0 < 0 {
            UNIX_EPOCH.checked_sub(span)
        } else {
            UNIX_EPOCH.checked_add(span)
        };
        shifted.unwrap_or(UNIX_EPOCH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_down_on_both_sides_of_the_epoch() {
        let at = |millis: i64| {
            let span = Duration::from_millis(millis.unsigned_abs());
            UnixSeconds::from(if millis < 0 {
                UNIX_EPOCH - span
            } else {
                UNIX_EPOCH + span
            })
            .0
        };
        assert_eq!(at(1_999), 1);
        assert_eq!(at(-1), -1);
        assert_eq!(at(-2_000), -2);
    }

    #[test]
    fn shown_in_utc_where_there_is_a_calendar_for_it() {
        for (seconds, shown) in [
            (0, "1970-01-01T00:00:00Z"),
            (1_795_397_820, "2026-11-23T01:37:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (253_402_300_800, "253402300800"),
            (-1, "-1"),
            (i64::MIN, "-9223372036854775808"),
        ] {
            assert_eq!(UnixSeconds(seconds).to_string(), shown);
        }
    }

    #[test]
    fn survives_the_round_trip() {
        for seconds in [-4_000_000_000, -1, 0, 1, 4_000_000_000] {
            let time = UnixSeconds(seconds);
            assert_eq!(UnixSeconds::from(SystemTime::from(time)), time);
        }
    }
}
