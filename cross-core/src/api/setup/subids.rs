//! Subordinate ids: the ranges of user and group ids for the containers of an unprivileged user.

/// The size of a user's range, which is `useradd`'s default.
const COUNT: u64 = 65_536;
/// The first id of the first range, which is `useradd`'s default.
const FIRST: u64 = 100_000;

/// Whether `text`, the content of `/etc/subuid` or `/etc/subgid`, assigns a range to the user. Its
/// lines are `name-or-id:first:count`.
pub(super) fn has_range(text: &str, user: &str, uid: Option<u32>) -> bool {
    let uid = uid.map(|uid| uid.to_string());
    text.lines().any(|line| {
        let owner = line.split(':').next().unwrap_or_default().trim();
        owner == user || Some(owner) == uid.as_deref()
    })
}

/// The first range after all that `texts` assign, as `first-last`, skipping `assigned` ranges.
pub(super) fn free_range(texts: [&str; 2], assigned: u64) -> String {
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
    let first = ends.max().unwrap_or(FIRST).max(FIRST) + assigned * COUNT;
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
    fn a_free_range_follows_the_last_one() {
        assert_eq!(free_range(["", ""], 0), "100000-165535");
        let (uids, gids) = (
            "dev:100000:65536\n",
            "dev:100000:65536\nx:200000:65536\nbroken\n",
        );
        assert_eq!(free_range([uids, gids], 0), "265536-331071");
        assert_eq!(free_range([uids, gids], 1), "331072-396607");
    }
}
