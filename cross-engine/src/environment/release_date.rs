//! The date of a release of a package archive.

/// The seconds of a day.
const DAY: u64 = 24 * 60 * 60;

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// The seconds since 1970 of a date in the format of `Release` files: `Sat, 17 May 2025 09:47:33
/// UTC`.
pub(crate) fn parse(date: &str) -> Option<u64> {
    let words: Vec<_> = date.split_whitespace().collect();
    let [_, day, month, year, time, "UTC" | "+0000" | "GMT"] = words[..] else {
        return None;
    };
    let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
    let (day, year): (u64, u64) = (day.parse().ok()?, year.parse().ok()?);
    let time: Vec<u64> = time
        .split(':')
        .map(|part| part.parse().ok())
        .collect::<Option<_>>()?;
    let [hours, minutes, seconds] = time[..] else {
        return None;
    };
    let is_date = (1970..10_000).contains(&year) && (1..=31).contains(&day);
    let is_time = hours < 24 && minutes < 60 && seconds < 61;
    (is_date && is_time)
        .then(|| days(year, month, day) * DAY + hours * 3600 + minutes * 60 + seconds)
}

/// The beginning of the day after `seconds` since 1970, as archives of snapshots name it:
/// `20250518T000000Z`.
pub(crate) fn next_day(seconds: u64) -> String {
    let wanted = seconds / DAY + 1;
    let year = (1970..)
        .take_while(|year| days(*year, 1, 1) <= wanted)
        .last();
    let year = year.unwrap_or(1970);
    let month = (1..=12)
        .take_while(|month| days(year, *month, 1) <= wanted)
        .last();
    let month = month.unwrap_or(1);
    let day = wanted - days(year, month, 1) + 1;
    format!("{year:04}{month:02}{day:02}T000000Z")
}

/// The days from 1970-01-01 to a date.
fn days(year: u64, month: u64, day: u64) -> u64 {
    // Years begin in March, so that the day of a leap year is the last one.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let since_zero =
        365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day - 1;
    since_zero - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_releases_are_read() {
        assert_eq!(parse("Thu, 01 Jan 1970 00:00:00 UTC"), Some(0));
        assert_eq!(parse("Sat, 17 May 2025 09:47:33 UTC"), Some(1_747_475_253));
        assert_eq!(
            parse("Thu, 29 Feb 2024 23:59:59 +0000"),
            Some(1_709_251_199)
        );
        for text in [
            "",
            "Sat, 17 May 2025 09:47:33",
            "Sat, 17 Mai 2025 09:47:33 UTC",
            "a b c d e UTC",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_snapshot_is_of_the_day_after() {
        for (date, day) in [
            ("Sat, 17 May 2025 09:47:33 UTC", "20250518T000000Z"),
            ("Wed, 31 Dec 2025 09:47:33 UTC", "20260101T000000Z"),
            ("Wed, 28 Feb 2024 00:00:00 UTC", "20240229T000000Z"),
        ] {
            assert_eq!(next_day(parse(date).unwrap()), day);
        }
    }
}
