//! The host commands that several requests of a batch share: each toolchain is completed once, and
//! all crates are fetched at once.

use cross_engine::Invocation;

use crate::model::step::{Action, Step};
use crate::plan::plan::Plan;

/// A host command that is run once for several requests.
#[derive(Clone, Debug)]
pub(crate) struct SharedStep {
    pub(crate) step: Step,
    /// The indices of the requests that need it. The listener of the first one gets its events.
    pub(crate) requests: Vec<usize>,
    /// The command without its targets. Commands with equal keys are merged.
    key: Invocation,
}

/// Collects the host commands of `plans`, each of which comes with the index of its request.
///
/// Toolchains come first, because a fetch may use a cargo that has to be completed. No two commands
/// run at once: two rustups would damage a toolchain, and a second `cargo fetch` would wait for the
/// first.
pub(crate) fn collect(plans: &[(usize, &Plan)]) -> Vec<SharedStep> {
    let mut all: Vec<(&Plan, SharedStep)> = Vec::new();
    for (index, plan) in plans {
        for (step, command) in host_steps(plan) {
            let key = without_targets(command);
            let is_same = |(first, shared): &&mut (&Plan, SharedStep)| {
                shared.key == key && first.context.host.variables == plan.context.host.variables
            };
            match all.iter_mut().find(is_same) {
                Some((_, shared)) => {
                    shared.requests.push(*index);
                    merge(&mut shared.step, command);
                }
                None => {
                    let (step, requests) = (step.clone(), vec![*index]);
                    let shared = SharedStep {
                        step,
                        requests,
                        key,
                    };
                    all.push((plan, shared));
                }
            }
        }
    }
    all.sort_by_key(|(_, shared)| shared.step.is_host_fetch());
    all.into_iter().map(|(_, shared)| shared).collect()
}

fn host_steps(plan: &Plan) -> impl Iterator<Item = (&Step, &Invocation)> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::Host { command, .. } => Some((step, command)),
        _ => None,
    })
}

/// Adds the targets of `command` to a `cargo fetch`. A fetch that names no target fetches for all
/// targets, and so does the merged one.
fn merge(step: &mut Step, command: &Invocation) {
    if !step.is_host_fetch() {
        return;
    }
    let Action::Host {
        command: merged, ..
    } = &mut step.action
    else {
        return;
    };
    let (present, additional) = (targets(merged), targets(command));
    if present.is_empty() || additional.is_empty() {
        *merged = without_targets(merged);
    } else {
        let new = additional
            .into_iter()
            .filter(|name| !present.contains(name));
        let args: Vec<_> = new.flat_map(|name| ["--target".to_owned(), name]).collect();
        merged.args.extend(args);
    }
    step.command = Some(merged.clone());
}

/// The values of each `--target`.
fn targets(command: &Invocation) -> Vec<String> {
    let pairs = command.args.windows(2).filter(|pair| pair[0] == "--target");
    pairs.map(|pair| pair[1].clone()).collect()
}

/// A `cargo fetch` without its targets. Any other command is returned as it is.
fn without_targets(command: &Invocation) -> Invocation {
    let mut command = command.clone();
    if command.args.first().is_some_and(|arg| arg == "fetch") {
        let mut args = std::mem::take(&mut command.args).into_iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--target" => drop(args.next()),
                _ => command.args.push(arg),
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
    fn merged_fetches_name_each_target_once() {
        assert_eq!(
            merged(
                "fetch --target a --target host --locked",
                "fetch --target b --target host --locked"
            ),
            "fetch --target a --target host --locked --target b"
        );
    }

    #[test]
    fn a_fetch_without_targets_covers_the_targets_of_others() {
        for (first, second) in [("fetch", "fetch --target a"), ("fetch --target a", "fetch")] {
            assert_eq!(merged(first, second), "fetch");
        }
    }

    #[test]
    fn only_fetches_that_differ_in_their_targets_are_merged() {
        let key = |words: &str| without_targets(&fetch(words));
        assert_eq!(key("fetch --target a --locked"), key("fetch --locked"));
        assert_ne!(key("fetch --target a"), key("fetch --locked"));
        let add = "target add --toolchain stable --target";
        assert_eq!(key(add), fetch(add), "other commands keep their targets");
    }
}
