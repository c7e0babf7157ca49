//! Points in time as a user types them: a date, a time, or how long ago.

use anyhow::{Context as _, Result};
use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{Span, SpanRelativeTo, Timestamp};

/// Reads `2025-01-02`, `2025-01-02 03:04`, RFC 3339, or a duration before `now` such as `90m` or
/// `1d 12h`. Without an offset, UTC is meant.
pub(crate) fn parse(text: &str, now: Timestamp) -> Result<Timestamp> {
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    if let Ok(civil) = text.parse::<DateTime>() {
        return Ok(Offset::UTC.to_timestamp(civil)?);
    }
    ago(text, now).with_context(|| {
        format!("`{text}` is no time: write 2025-01-02, 2025-01-02T03:04:05Z, 90m or 7d")
    })
}

fn ago(text: &str, now: Timestamp) -> Result<Timestamp> {
    let span: Span = text.parse()?;
    let duration = span.to_duration(SpanRelativeTo::days_are_24_hours())?;
    Ok(now.checked_sub(duration)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Option<String> {
        let now = "2025-03-01T12:00:00Z".parse().unwrap();
        parse(text, now).ok().map(|time| time.to_string())
    }

    #[test]
    fn dates_and_times_are_utc_unless_they_say() {
        assert_eq!(at("2025-01-02").as_deref(), Some("2025-01-02T00:00:00Z"));
        assert_eq!(
            at("2025-01-02 03:04").as_deref(),
            Some("2025-01-02T03:04:00Z")
        );
        assert_eq!(
            at("2025-01-02T03:04:05+01:00").as_deref(),
            Some("2025-01-02T02:04:05Z")
        );
    }

    #[test]
    fn durations_count_back_from_now() {
        assert_eq!(at("90m").as_deref(), Some("2025-03-01T10:30:00Z"));
        assert_eq!(at("1d 12h").as_deref(), Some("2025-02-28T00:00:00Z"));
        assert_eq!(at("1w").as_deref(), Some("2025-02-22T12:00:00Z"));
    }

    #[test]
    fn anything_else_is_refused_with_examples() {
        assert_eq!(at("1 month"), None);
        let error = parse("yesterday", Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(
            error.to_string().contains("2025-01-02T03:04:05Z"),
            "{error}"
        );
    }
}
