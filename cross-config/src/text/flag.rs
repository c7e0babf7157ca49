//! Flags: the values of boolean variables.

/// The accepted values, for messages.
pub(crate) const EXPECTED: &str = "`true` or `false` (or `1`, `0`, `yes`, `no`, `on`, `off`)";

/// Parses `true`, `1`, `yes` or `on`, and `false`, `0`, `no` or `off`, in upper or lower case. The
/// empty text is `false`. Other text is rejected instead of guessed.
pub(crate) fn parse(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Some(true),
        "" | "false" | "0" | "no" | "off" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_flag_is_said_in_a_closed_set_of_words() {
        for yes in ["true", "1", "yes", "on", "TRUE", " Yes "] {
            assert_eq!(parse(yes), Some(true), "{yes}");
        }
        for no in ["false", "0", "no", "off", "No", "", " "] {
            assert_eq!(parse(no), Some(false), "{no}");
        }
        for neither in ["2", "-1", "y", "enabled", "maybe", "truefalse"] {
            assert_eq!(parse(neither), None, "{neither}");
        }
    }
}
