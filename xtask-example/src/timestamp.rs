//! Times at the start of a line: ISO 8601, RFC 3339, syslog and epoch.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// What a time that leaves something out is completed with.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Context {
    /// The offset from UTC of times that name none.
    pub(crate) offset: Offset,
    /// When the line was written at the latest: syslog's times have no year, and get the one that
    /// puts them before this.
    pub(crate) latest: Timestamp,
}

/// How a time was written, which tells what follows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// `Jan  2 03:04:05`, before a host and a program.
    Syslog,
    /// Any other.
    Plain,
}

/// Splits the time off the start of `text`; `None` if there is none.
pub(crate) fn leading<'a>(text: &'a str, context: &Context) -> Option<(Timestamp, Style, &'a str)> {
    let first = *text.as_bytes().first()?;
    if first.is_ascii_alphabetic() {
        let (time, rest) = syslog(text, context)?;
        return Some((time, Style::Syslog, rest));
    }
    if !first.is_ascii_digit() {
        return None;
    }
    let (time, rest) = iso(text, context).or_else(|| epoch(text))?;
    Some((time, Style::Plain, rest))
}

/// `2025-01-02T03:04:05.678+01:00`, with `/` for `-`, a space for `T`, `,` for `.`, and the
/// fraction and offset left out at will.
fn iso<'a>(text: &'a str, context: &Context) -> Option<(Timestamp, &'a str)> {
    let mut cursor = Cursor { rest: text };
    let year = cursor.number(4)?;
    let separator = cursor.one_of("-/")?;
    let month = cursor.number(2)?;
    cursor.one_of(separator)?;
    let day = cursor.number(2)?;
    cursor.one_of("Tt ")?;
    let time = cursor.time_of_day()?;
    let nanosecond = cursor.fraction();
    let offset = cursor.offset().unwrap_or(context.offset);
    let civil = civil(year, month, day, time, nanosecond)?;
    Some((offset.to_timestamp(civil).ok()?, cursor.end_of_word()?))
}

/// `Jan  2 03:04:05` (RFC 3164, 4.1.2).
fn syslog<'a>(text: &'a str, context: &Context) -> Option<(Timestamp, &'a str)> {
    let name = text.get(..3)?;
    let month = MONTHS.iter().position(|month| *month == name)?;
    let month = i32::try_from(month).ok()? + 1;
    let mut cursor = Cursor { rest: &text[3..] };
    cursor.one_of(" ")?;
    let padded = cursor.one_of(" ").is_some();
    let day = match cursor.number(2) {
        Some(day) if !padded => day,
        _ => cursor.number(1)?,
    };
    cursor.one_of(" ")?;
    let time = cursor.time_of_day()?;
    let nanosecond = cursor.fraction();
    let rest = cursor.end_of_word()?;
    let at = |year: i32| {
        let civil = civil(year, month, day, time, nanosecond)?;
        context.offset.to_timestamp(civil).ok()
    };
    // A day of grace: the clock or the offset of the machine that wrote it may be off.
    let latest = context.latest + SignedDuration::from_hours(24);
    let year = i32::from(context.offset.to_datetime(latest).year());
    // 29 February is only in every fourth year, or eighth around 2100.
    let time = (year - 8..=year)
        .rev()
        .filter_map(at)
        .find(|time| *time <= latest)?;
    Some((time, rest))
}

/// Seconds (10 digits, and a fraction at will) or milliseconds (13 digits) since 1970.
fn epoch(text: &str) -> Option<(Timestamp, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let number: i64 = text[..digits].parse().ok()?;
    let mut cursor = Cursor {
        rest: &text[digits..],
    };
    let time = match digits {
        10 => Timestamp::new(number, cursor.fraction()).ok()?,
        13 => Timestamp::from_millisecond(number).ok()?,
        _ => return None,
    };
    Some((time, cursor.end_of_word()?))
}

fn civil(
    year: i32,
    month: i32,
    day: i32,
    time: (i32, i32, i32),
    nanosecond: i32,
) -> Option<DateTime> {
    let small = |number: i32| i8::try_from(number).ok();
    DateTime::new(
        i16::try_from(year).ok()?,
        small(month)?,
        small(day)?,
        small(time.0)?,
        small(time.1)?,
        // A leap second counts as the one before it: civil time has no 60.
        small(if time.2 == 60 { 59 } else { time.2 })?,
        nanosecond,
    )
    .ok()
}

/// Takes a time apart from left to right.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    /// A number of exactly `digits` digits.
    fn number(&mut self, digits: usize) -> Option<i32> {
        let text = self.rest.get(..digits)?;
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        self.rest = &self.rest[digits..];
        text.parse().ok()
    }

    /// One of these ASCII characters, as a string.
    fn one_of(&mut self, characters: &str) -> Option<&'a str> {
        let text = self.rest.get(..1)?;
        if !characters.contains(text) {
            return None;
        }
        self.rest = &self.rest[1..];
        Some(text)
    }

    /// `03:04:05`
    fn time_of_day(&mut self) -> Option<(i32, i32, i32)> {
        let hour = self.number(2)?;
        self.one_of(":")?;
        let minute = self.number(2)?;
        self.one_of(":")?;
        Some((hour, minute, self.number(2)?))
    }

    /// `.678` or `,678` as nanoseconds; 0 without one. Digits after the ninth are dropped.
    fn fraction(&mut self) -> i32 {
        let Some(tail) = self.rest.strip_prefix(['.', ',']) else {
            return 0;
        };
        let digits = tail.bytes().take_while(u8::is_ascii_digit).count();
        if digits == 0 {
            return 0;
        }
        self.rest = &tail[digits..];
        let padded = tail[..digits].bytes().chain(std::iter::repeat(b'0'));
        padded
            .take(9)
            .fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0'))
    }

    /// `Z`, `UTC`, `+01:00`, `+0100` or `+01`, also after one space. Takes nothing if there is
    /// none.
    fn offset(&mut self) -> Option<Offset> {
        let text = self.rest.strip_prefix(' ').unwrap_or(self.rest);
        for name in ["Z", "z", "UTC"] {
            if let Some(rest) = text.strip_prefix(name) {
                let rest = Cursor { rest }.end_of_word()?;
                self.rest = rest;
                return Some(Offset::UTC);
            }
        }
        let mut cursor = Cursor { rest: text };
        let sign = if cursor.one_of("+-")? == "-" { -1 } else { 1 };
        let hours = cursor.number(2)?;
        cursor.one_of(":");
        let minutes = cursor.number(2).unwrap_or(0);
        let offset = Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok()?;
        self.rest = cursor.end_of_word()?;
        Some(offset)
    }

    /// The rest, if what was taken is not the start of a longer word or number.
    fn end_of_word(self) -> Option<&'a str> {
        match self.rest.chars().next() {
            Some(next) if next.is_alphanumeric() => None,
            _ => Some(self.rest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            offset: Offset::UTC,
            latest: "2025-03-01T00:00:00Z".parse().unwrap(),
        }
    }

    #[track_caller]
    fn check(text: &str, time: &str, rest: &str) {
        let (found, _, tail) = leading(text, &context()).expect("a time");
        assert_eq!((found.to_string().as_str(), tail), (time, rest), "{text}");
    }

    #[test]
    fn iso_with_offsets_and_fractions() {
        check("2025-01-02T03:04:05Z x", "2025-01-02T03:04:05Z", " x");
        check(
            "2025-01-02T03:04:05.678+01:00",
            "2025-01-02T02:04:05.678Z",
            "",
        );
        check(
            "2025-01-02 03:04:05,678 x",
            "2025-01-02T03:04:05.678Z",
            " x",
        );
        check("2025-01-02 03:04:05 -0530 x", "2025-01-02T08:34:05Z", " x");
        check("2025-01-02 03:04:05 UTC x", "2025-01-02T03:04:05Z", " x");
        check(
            "2025/01/02 03:04:05 [error]",
            "2025-01-02T03:04:05Z",
            " [error]",
        );
        check(
            "2025-01-02T03:04:05.1234567899Z",
            "2025-01-02T03:04:05.123456789Z",
            "",
        );
    }

    #[test]
    fn a_leap_second_is_not_lost() {
        check("2016-12-31T23:59:60Z", "2016-12-31T23:59:59Z", "");
    }

    #[test]
    fn words_after_a_time_are_not_taken_for_an_offset() {
        check(
            "2025-01-02 03:04:05 Zone x",
            "2025-01-02T03:04:05Z",
            " Zone x",
        );
        check("2025-01-02 03:04:05 -- x", "2025-01-02T03:04:05Z", " -- x");
    }

    #[test]
    fn the_assumed_offset_completes_times_without_one() {
        let context = Context {
            offset: Offset::constant(2),
            ..context()
        };
        let hour = |text| leading(text, &context).unwrap().0.to_string();
        assert_eq!(hour("2025-01-02 03:04:05"), "2025-01-02T01:04:05Z");
        assert_eq!(hour("2025-01-02 03:04:05Z"), "2025-01-02T03:04:05Z");
        assert_eq!(hour("Jan  2 03:04:05"), "2025-01-02T01:04:05Z");
    }

    #[test]
    fn syslog_takes_the_last_year_that_is_not_in_the_future() {
        check("Feb 28 23:00:00 host", "2025-02-28T23:00:00Z", " host");
        check("Mar  1 12:00:00 host", "2025-03-01T12:00:00Z", " host");
        check("Dec 31 23:59:59 host", "2024-12-31T23:59:59Z", " host");
        check("Feb 29 01:00:00 host", "2024-02-29T01:00:00Z", " host");
        let (_, style, _) = leading("Jan  2 03:04:05 h", &context()).unwrap();
        assert_eq!(style, Style::Syslog);
    }

    #[test]
    fn epoch_in_seconds_and_milliseconds() {
        check("1735787045 x", "2025-01-02T03:04:05Z", " x");
        check("1735787045.25 x", "2025-01-02T03:04:05.25Z", " x");
        check("1735787045123 x", "2025-01-02T03:04:05.123Z", " x");
    }

    #[test]
    fn what_only_resembles_a_time_is_none() {
        for text in [
            "",
            "12345 items",
            "17357870451 x",
            "1735787045abc",
            "2025-13-02T03:04:05Z",
            "2025-01-02",
            "2025-01/02 03:04:05",
            "2025-01-02T03:04:61Z",
            "January 2 03:04:05",
            "Mär  1 00:00:00",
            "été",
        ] {
            assert!(leading(text, &context()).is_none(), "{text}");
        }
    }
}
