//! One container for several processes.

use std::io::Read as _;
use std::process::{Child, Stdio};
use std::time::Duration;

use cross_core::{Cancel, ContainerReuse};
use cross_engine::{Invocation, process};
use cross_tests::on_engines;

use crate::{Case, SOON, TARGET, said, within};

on_engines! { @ two_processes_at_once_share_one docker podman }

/// Both want it at the same time, and one of them starts it.
fn two_processes_at_once_share_one(engine: &str) {
    let case = Case::new(engine);
    case.cold
        .build(TARGET)
        .plan()
        .unwrap()
        .only_environment()
        .execute(&Cancel::new())
        .unwrap();
    let callers: Vec<Child> = (0..2).map(|_| caller(&case)).collect();
    let said_by: Vec<String> = callers.into_iter().map(ended).collect();
    let both = said_by.concat();
    assert_eq!(both.matches("container-started").count(), 1, "{both}");
    assert_eq!(both.matches("container-entered").count(), 2, "{both}");
    let cross = case.warm(ContainerReuse::across_processes(Duration::from_secs(30)));
    said(&cross, "true");
    assert_eq!(case.started(), [], "a third one finds it");
    let name = case.entered().pop().unwrap();
    assert_eq!(
        both.matches(&format!("\"container\":\"{name}\"")).count(),
        3,
        "{both}"
    );
    case.asked(&["rm", "--force", &name]);
    within(SOON, "it is gone", || !case.has(&name));
}

fn caller(case: &Case) -> Child {
    let words = ["exec", &case.engine, TARGET, "sleep", "2"];
    let caller = Invocation::new(env!("CARGO_BIN_EXE_caller")).args(words);
    let caller = caller.env("CROSS_KEEP_WARM", "30");
    let env = case.leftovers.env();
    let env = env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    process::command(&caller, &env.collect())
        .current_dir(case.project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn ended(mut caller: Child) -> String {
    let mut said = String::new();
    let mut from = caller.stdout.take().unwrap();
    from.read_to_string(&mut said).unwrap();
    assert!(caller.wait().unwrap().success(), "{said}");
    said
}
