//! Which test binaries begin, and with how many threads each: never more in all than the budget.
//!
//! A binary's threads are given once, when it begins. So each has its share of them by how many tests are in its
//! sources, which is all that can be known without starting it: where one binary has nearly all
//! tests it gets nearly all threads, and equal ones run beside each other.

/// The threads of a binary with `weight` of the `total`: at least one, all together more than the budget
/// only by rounding up.
pub(super) fn share(budget: u32, weight: u32, total: u32) -> u32 {
    let (budget, weight) = (u64::from(budget), u64::from(weight));
    let share = (budget * weight).div_ceil(u64::from(total.max(1)));
    u32::try_from(share.clamp(1, budget.max(1))).unwrap_or(u32::MAX)
}

/// The threads of the binaries that begin now: of those that wait, whose `shares` are in order, the first ones.
///
/// Nobody is overtaken, and nobody begins with much less than its share, which it could not make up for later.
/// What the next one cannot use goes to those that begin. While more binaries are to come (`complete` is
/// false), nothing is decided that they could change.
pub(super) fn grants(free: u32, shares: &[u32], complete: bool) -> Vec<u32> {
    let wanted: u32 = shares.iter().sum();
    if !complete && wanted < free {
        return Vec::new();
    }
    let (mut left, mut grants) = (free, Vec::new());
    for share in shares {
        let enough = share - share / 4;
        if left < enough.max(1) {
            break;
        }
        let grant = left.min(*share);
        grants.push(grant);
        left -= grant;
    }
    let count = u32::try_from(grants.len()).unwrap_or(u32::MAX);
    for (n, grant) in (0..).zip(&mut grants) {
        *grant += left / count + u32::from(n < left % count);
    }
    grants
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_as_large_as_what_is_in_it() {
        for (budget, weight, total, expected) in [
            (2, 50, 200, 1),
            (8, 50, 200, 2),
            (16, 500, 515, 16),
            (2, 500, 515, 2),
            (16, 5, 515, 1),
            (4, 1, 1, 4),
            (4, 0, 0, 1),
        ] {
            assert_eq!(
                share(budget, weight, total),
                expected,
                "{weight} of {total}"
            );
        }
    }

    #[test]
    fn what_begins_stays_within_what_is_free() {
        for (free, shares, expected) in [
            // Equal ones beside each other, and one that is alone takes everything.
            (2, &[1, 1, 1, 1][..], &[1, 1][..]),
            (1, &[1, 1], &[1]),
            (8, &[8], &[8]),
            (8, &[2], &[8]),
            // A large one waits for most of its share, and small ones before it use the rest.
            (2, &[1, 2], &[2]),
            (1, &[2, 1], &[]),
            (13, &[15, 1], &[13]),
            (16, &[1, 1, 1, 15], &[1, 1, 1, 13]),
            (0, &[1], &[]),
            (5, &[1, 1, 9], &[3, 2]),
            (3, &[], &[]),
        ] {
            let got = grants(free, shares, true);
            assert_eq!(got, expected, "{free} for {shares:?}");
            assert!(got.iter().sum::<u32>() <= free);
        }
    }

    #[test]
    fn nothing_is_decided_that_who_comes_later_could_change() {
        assert!(grants(4, &[1, 1], false).is_empty());
        assert_eq!(grants(2, &[1, 1], false), [1, 1]);
        assert_eq!(grants(2, &[1, 2], false), [2], "the next is known");
        assert_eq!(grants(4, &[1, 1], true), [2, 2]);
    }
}
