//! `cache-key`: what a CI system needs to know to cache what targets need: their environments, cargo's
//! downloads, and what was compiled.

use std::collections::BTreeSet;

use cross_core::Cancel;

use crate::archive::sha256;
use crate::cli::CacheKey;
use crate::commands::{cross, targets_of};
use crate::dist;
use crate::failure::Failure;
use crate::output;

pub(crate) fn run(args: &CacheKey, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let (mut keys, mut paths) = (Vec::new(), BTreeSet::new());
    for target in targets_of(&cross, &args.target)? {
        // The plan of what `dist` builds.
        let request = dist::common(cross.build(&target));
        let plan = request.plan_until(cancel)?;
        keys.push(plan.cache_key()?);
        paths.extend(plan.cache_paths()?);
    }
    if args.paths {
        paths.iter().for_each(|path| output::answer(path.display()));
        return Ok(());
    }
    let key = combined(&keys);
    output::answer(match args.prefix {
        true => parts(&key).0,
        false => &key,
    });
    Ok(())
}

/// One key for all of them.
fn combined(keys: &[String]) -> String {
    match keys {
        [one] => one.clone(),
        _ => {
            let parts = keys.iter().map(|key| parts(key));
            let (prefixes, locks): (Vec<_>, BTreeSet<_>) = parts.unzip();
            let all = sha256(prefixes.join("\n").as_bytes());
            // Cargo.lock is the same for all.
            let lock: String = locks.into_iter().collect();
            format!("cross-{}-targets-{}-{lock}", keys.len(), &all[..12])
        }
    }
}

/// The key up to the part that changes with Cargo.lock, and that part.
fn parts(key: &str) -> (&str, &str) {
    key.split_at(key.rfind('-').map_or(key.len(), |at| at + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_targets_have_one_key_that_any_of_them_changes() {
        let key = |target: &str, lock: &str| format!("cross-{target}-0123-{lock}");
        assert_eq!(combined(&[key("a-b", "9")]), "cross-a-b-0123-9");
        let both = combined(&[key("a", "9"), key("b", "9")]);
        assert!(
            both.starts_with("cross-2-targets-") && both.ends_with("-9"),
            "{both}"
        );
        let other = combined(&[key("a", "9"), key("c", "9")]);
        assert_ne!(parts(&both).0, parts(&other).0);
        let locked = combined(&[key("a", "8"), key("b", "8")]);
        assert_eq!(
            parts(&both).0,
            parts(&locked).0,
            "the prefix is what restores"
        );
        assert_ne!(both, locked);
    }
}
