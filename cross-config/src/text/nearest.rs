//! The known name that is most similar to a misspelled one.

use cross_targets::edit_distance;

/// Returns the candidate with the smallest edit distance to `word`, if it is similar enough.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (edit_distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_is_the_closest_and_never_far() {
        let names = ["target", "targets", "engine"];
        assert_eq!(nearest("tagets", names), Some("targets"));
        assert_eq!(nearest("engin", names), Some("engine"));
        assert_eq!(nearest("zzz", names), None);
    }
}
