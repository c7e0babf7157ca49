//! Plain data that every layer speaks of: errors, outcomes, test summaries and steps.

pub(crate) mod error;
pub(crate) mod outcome;
pub(crate) mod test_summary;
