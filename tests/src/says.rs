//! What a text has to say.

/// Checks that `text` contains all `words`.
///
/// # Panics
///
/// If one is missing.
#[track_caller]
pub fn says(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "`{word}` in: {text}");
    }
}
