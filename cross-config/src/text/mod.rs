//! Helpers for text: flags, shell words and misspelled names.

pub(crate) mod flag;
pub(crate) mod nearest;
pub(crate) mod shell_words;
