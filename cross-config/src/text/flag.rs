//! Yes and no as text: one strict rule for every boolean variable.

/// What a text must be to be a flag, for messages.
pub(crate) const WANTED: &str = "`true` or `false` (or `1`, `0`, `yes`, `no`, `on`, `off`)";

/// `true`, `1`, `yes`, `on`, or `false`, `0`, `no`, `off`, in upper or lower case; the empty text is
/// `false`. Anything else is no flag: guessing what it means would be wrong half of the time.
pub(crate) fn read(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "" | "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn a_flag_is_said_in_a_closed_set_of_words() {
        for yes in ["true", "1", "yes", "on", "TRUE", " Yes "] {
            assert_eq!(read(yes), Some(true), "{yes}");
        }
        for no in ["false", "0", "no", "off", "No", "", " "] {
            assert_eq!(read(no), Some(false), "{no}");
        }
        for neither in ["2", "-1", "y", "enabled", "maybe", "truefalse"] {
            assert_eq!(read(neither), None, "{neither}");
        }
    }
}
