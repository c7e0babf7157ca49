//! Subordinate ids: the ranges of user and group ids that a plain user's containers are made of.

/// How many ids a user gets: the number that `useradd` gives.
const COUNT: u64 = 65_536;
/// Where the ranges begin: the first that `useradd` gives.
const FIRST: u64 = 100_000;

/// Whether `text`, of `/etc/subuid` or `/etc/subgid`, gives a range to the user. Its lines are
/// `name-or-id:first:count`.
pub(super) fn has_range(text: &str, user: &str, uid: Option<u32>) -> bool {
    let uid = uid.map(|uid| uid.to_string());
    text.lines().any(|line| {
        let owner = line.split(':').next().unwrap_or_default().trim();
        owner == user || Some(owner) == uid.as_deref()
    })
}

/// The first range that nobody has in any of `texts`, as `first-last`, skipping `taken` ranges.
pub(super) fn free_range(texts: [&str; 2], taken: u64) -> String {
    let ends = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter_map(|line| {
            let mut fields = line
                .split(':')
                .skip(1)
                .map(|field| field.trim().parse::<u64>());
            let (first, count) = (fields.next()?.ok()?, fields.next()?.ok()?);
            Some(first.saturating_add(count))
        });
    let first = ends.max().unwrap_or(FIRST).max(FIRST) + taken * COUNT;
    format!("{first}-{}", first + COUNT - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_belongs_to_a_name_or_a_number() {
        let text = "dev:100000:65536\n1002:165536:65536\n";
        assert!(has_range(text, "dev", Some(1001)));
        assert!(has_range(text, "other", Some(1002)));
        assert!(!has_range(text, "de", Some(100)));
        assert!(!has_range("", "dev", Some(1001)));
    }

    #[test]
    fn a_free_range_follows_the_last() {
        assert_eq!(free_range(["", ""], 0), "100000-165535");
        let (uids, gids) = (
            "dev:100000:65536\n",
            "dev:100000:65536\nx:200000:65536\nbroken\n",
        );
        assert_eq!(free_range([uids, gids], 0), "265536-331071");
        assert_eq!(free_range([uids, gids], 1), "331072-396607");
    }
}
