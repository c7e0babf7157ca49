//! What the words that libtest's harness is given say of its output.

/// Whether libtest, with these arguments, prints the names of all tests.
pub(crate) fn prints_names(command: &[String]) -> bool {
    reports_results(command) && !is_brief(command)
}

/// Whether one of the words makes libtest print no names.
pub(crate) fn is_brief(words: &[String]) -> bool {
    let mut words = words.iter().map(String::as_str);
    words.any(|word| matches!(word, "--quiet" | "-q" | "--format=terse" | "terse"))
}

/// Whether libtest, with the arguments in this command of cargo's, prints its usual result line.
pub(crate) fn reports_results(command: &[String]) -> bool {
    let args = command.iter().position(|arg| arg == "--");
    args.is_none_or(|at| are_usual(&command[at..]))
}

/// Whether libtest, with these words, prints its usual result line.
pub(crate) fn are_usual(words: &[String]) -> bool {
    !words.iter().any(|arg| {
        matches!(arg.as_str(), "--list" | "--help" | "-h" | "json" | "junit")
            || arg.starts_with("--format=j")
    })
}

/// Whether one of the words makes libtest print JSON.
pub(crate) fn is_json(words: &[String]) -> bool {
    has_format(words, "json")
}

/// Whether libtest prints in a format whose results are not read as its text is.
pub(crate) fn is_other_format(words: &[String]) -> bool {
    is_json(words) || has_format(words, "junit")
}

/// Options of libtest whose value is the next word.
const WITH_VALUE: [&str; 7] = [
    "--color",
    "--format",
    "--logfile",
    "--shuffle-seed",
    "--skip",
    "--test-threads",
    "-Z",
];

/// Whether libtest, with these words, runs the test `name` if it is not ignored.
pub(crate) fn selects(words: &[String], name: &str) -> bool {
    let is_exact = words.iter().any(|word| word == "--exact");
    let matches = |filter: &str| match is_exact {
        true => name == filter,
        false => name.contains(filter),
    };
    let (mut has_filters, mut is_wanted, mut option) = (false, false, "");
    for word in words {
        let skipped = match option {
            "--skip" => Some(&**word),
            _ => word.strip_prefix("--skip="),
        };
        if skipped.is_some_and(matches) {
            return false;
        }
        if option.is_empty() && !word.starts_with('-') {
            has_filters = true;
            is_wanted |= matches(word);
        }
        option = match WITH_VALUE.contains(&word.as_str()) && option.is_empty() {
            true => word,
            false => "",
        };
    }
    is_wanted || !has_filters
}

fn has_format(words: &[String], format: &str) -> bool {
    let given = format!("--format={format}");
    let pairs = words.windows(2);
    let mut pairs = pairs.map(|pair| pair[0] == "--format" && pair[1] == format);
    pairs.any(|is_given| is_given) || words.contains(&given)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_select_tests_as_libtest_does() {
        for (words, name, is_selected) in [
            ("", "a::b", true),
            ("a:", "a::b", true),
            ("c b", "a::b", true),
            ("c", "a::b", false),
            ("--exact b", "a::b", false),
            ("--exact a::b", "a::b", true),
            ("--skip b", "a::b", false),
            ("--skip=b a", "a::b", false),
            ("--skip c --test-threads 1 --nocapture", "a::b", true),
            ("--format pretty a", "a::b", true),
        ] {
            let words: Vec<_> = words.split_whitespace().map(str::to_owned).collect();
            assert_eq!(selects(&words, name), is_selected, "{words:?} {name}");
        }
    }

    #[test]
    fn the_format_is_known_by_the_words() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(is_json(&words("-Zunstable-options --format json")));
        assert!(is_json(&words("--format=json")));
        assert!(!is_json(&words("json --format terse")));
        assert!(is_other_format(&words("--format junit")));
    }
}
