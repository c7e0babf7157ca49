//! What several requests need of the host: each toolchain completed once, all crates fetched at once.

use cross_engine::Invocation;

use crate::model::step::{Action, Step};
use crate::plan::plan::Plan;

/// A command of the host that is run once for several requests.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) step: Step,
    /// The numbers of the requests that need it. The first one's listener hears of it.
    pub(crate) of: Vec<usize>,
    /// The command without what it is merged from.
    key: Invocation,
}

/// Such commands of `plans`, which come with their numbers: toolchains first, since their cargo may be
/// what fetches. Two calls of rustup at once would damage a toolchain, and two of `cargo fetch` wait for
/// each other.
pub(crate) fn of(plans: &[(usize, &Plan)]) -> Vec<Shared> {
    let mut all: Vec<(&Plan, Shared)> = Vec::new();
    for (n, plan) in plans {
        for (step, command) in host_steps(plan) {
            let key = without_targets(command);
            let same = |(first, shared): &&mut (&Plan, Shared)| {
                shared.key == key && first.context.host.variables == plan.context.host.variables
            };
            match all.iter_mut().find(same) {
                Some((_, shared)) => {
                    shared.of.push(*n);
                    merge(&mut shared.step, command);
                }
                None => {
                    let (step, of) = (step.clone(), vec![*n]);
                    all.push((plan, Shared { step, of, key }));
                }
            }
        }
    }
    all.sort_by_key(|(_, shared)| shared.step.is_fetch());
    all.into_iter().map(|(_, shared)| shared).collect()
}

fn host_steps(plan: &Plan) -> impl Iterator<Item = (&Step, &Invocation)> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::Host { command, .. } => Some((step, command)),
        _ => None,
    })
}

/// `cargo fetch` for the targets of `command` too. One that names none fetches for all of them.
fn merge(step: &mut Step, command: &Invocation) {
    if !step.is_fetch() {
        return;
    }
    let (Action::Host { command: ours, .. }, theirs) = (&mut step.action, targets(command)) else {
        return;
    };
    let all = targets(ours);
    if all.is_empty() || theirs.is_empty() {
        *ours = without_targets(ours);
    } else {
        let new = theirs.into_iter().filter(|it| !all.contains(it));
        let words: Vec<_> = new.flat_map(|it| ["--target".to_owned(), it]).collect();
        ours.args.extend(words);
    }
    step.command = Some(ours.clone());
}

/// What follows each `--target`.
fn targets(command: &Invocation) -> Vec<String> {
    let pairs = command.args.windows(2).filter(|pair| pair[0] == "--target");
    pairs.map(|pair| pair[1].clone()).collect()
}

/// A `cargo fetch` without its targets; anything else as it is.
fn without_targets(command: &Invocation) -> Invocation {
    let mut command = command.clone();
    if command.args.first().is_some_and(|it| it == "fetch") {
        let mut rest = std::mem::take(&mut command.args).into_iter();
        while let Some(word) = rest.next() {
            match word.as_str() {
                "--target" => drop(rest.next()),
                _ => command.args.push(word),
            }
        }
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::step::HostFailure;

    fn fetch(words: &str) -> Invocation {
        Invocation::new("cargo").args(words.split(' '))
    }

    fn merged(first: &str, second: &str) -> String {
        let mut step = Step::host("fetch", fetch(first), HostFailure::Fetch);
        merge(&mut step, &fetch(second));
        step.command.unwrap().args.join(" ")
    }

    #[test]
    fn one_fetch_is_for_all_targets_none_of_them_twice() {
        assert_eq!(
            merged(
                "fetch --target a --target host --locked",
                "fetch --target b --target host --locked"
            ),
            "fetch --target a --target host --locked --target b"
        );
    }

    #[test]
    fn a_fetch_for_every_target_is_for_those_of_others_too() {
        for (first, second) in [("fetch", "fetch --target a"), ("fetch --target a", "fetch")] {
            assert_eq!(merged(first, second), "fetch");
        }
    }

    #[test]
    fn only_what_is_the_same_but_for_the_targets_is_merged() {
        let key = |words: &str| without_targets(&fetch(words));
        assert_eq!(key("fetch --target a --locked"), key("fetch --locked"));
        assert_ne!(key("fetch --target a"), key("fetch --locked"));
        let add = "target add --toolchain stable --target";
        assert_eq!(key(add), fetch(add), "rustup's words are its own");
    }
}
