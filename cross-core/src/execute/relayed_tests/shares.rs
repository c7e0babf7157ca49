//! Divides the thread budget between test binaries.
//!
//! A binary gets its threads once, when it starts. Each binary therefore gets a share by the number
//! of tests in its sources, which is all that is known before it runs. A binary with nearly all
//! tests gets nearly all threads, and binaries of equal size run side by side.

/// Returns the threads of a binary with `weight` of the `total`, at least one. The sum of all
/// shares exceeds the budget only by rounding up.
pub(super) fn share(budget: u32, weight: u32, total: u32) -> u32 {
    let (budget, weight) = (u64::from(budget), u64::from(weight));
    let share = (budget * weight).div_ceil(u64::from(total.max(1)));
    u32::try_from(share.clamp(1, budget.max(1))).unwrap_or(u32::MAX)
}

/// Returns the threads of the binaries that start now: the first ones of those that wait, whose
/// `shares` are in order.
///
/// Binaries start in order. None starts with much less than its share, because it cannot get more
/// threads later. Threads that the next binary cannot use go to those that start. While more
/// binaries are expected (`complete` is false), only grants that they cannot change are made.
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
    fn shares_are_proportional_to_the_weight() {
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
    fn grants_do_not_exceed_the_free_threads() {
        for (free, shares, expected) in [
            // Equal binaries start together, and a single binary takes all threads.
            (2, &[1, 1, 1, 1][..], &[1, 1][..]),
            (1, &[1, 1], &[1]),
            (8, &[8], &[8]),
            (8, &[2], &[8]),
            // A large binary waits for most of its share, and small ones before it use the rest.
            (2, &[1, 2], &[2]),
            (1, &[2, 1], &[]),
            (13, &[15, 1], &[13]),
            (16, &[1, 1, 1, 15], &[1, 1, 1, 13]),
            (0, &[1], &[]),
            (5, &[1, 1, 9], &[3, 2]),
            (3, &[], &[]),
        ] {
            let grants = grants(free, shares, true);
            assert_eq!(grants, expected, "{free} for {shares:?}");
            assert!(grants.iter().sum::<u32>() <= free);
        }
    }

    #[test]
    fn no_grant_is_made_that_a_later_binary_could_change() {
        assert!(grants(4, &[1, 1], false).is_empty());
        assert_eq!(grants(2, &[1, 1], false), [1, 1]);
        assert_eq!(grants(2, &[1, 2], false), [2], "the next binary is known");
        assert_eq!(grants(4, &[1, 1], true), [2, 2]);
    }
}
