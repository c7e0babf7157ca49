//! Quotes output and names in messages: printable, and no longer than a reader reads.

use std::borrow::Cow;

use crate::model::printable::{beginning, printable};

/// The maximum length of quoted output in a message, in bytes.
pub(super) const QUOTED: usize = 1 << 10;
/// The maximum number of names that a message lists.
pub(super) const LISTED: usize = 20;

/// Output that a message quotes: its beginning, with its control characters escaped.
pub(super) fn quoted(text: &str) -> Cow<'_, str> {
    printable(beginning(text, QUOTED))
}

/// Joins names for a message, and truncates a long list.
pub(super) fn listed<'a>(names: impl ExactSizeIterator<Item = &'a str>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let mut listed: Vec<_> = names.take(LISTED).map(quoted).collect();
    if more > 0 {
        listed.push(Cow::Owned(format!("{more} more")));
    }
    listed.join(", ")
}
