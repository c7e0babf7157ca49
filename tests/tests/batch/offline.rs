//! Batches without a network: missing things are named before anything runs, and a prefetch fetches
//! all of them.

use cross_core::events::{Event, EventKind};
use cross_core::{ErrorKind, Plan, plan::Action};
use cross_engine::{EnvValue, Invocation, Network};
use cross_tests::{Answer, Fakes, Machine, Project, Recorder, on_engines, tool};

use crate::{AARCH64, Case, X86_64};

on_engines! { @ after_a_prefetch_no_network_is_needed sandbox }

fn machine(engine: Fakes) -> Machine {
    Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine)
}

/// A manifest with a small dependency from a registry.
const DEPENDS: &str = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                       [dependencies]\ncfg-if = \"1\"\n";

fn depending() -> Project {
    let uses = "cfg_if::cfg_if! { if #[cfg(unix)] { fn main() { println!(\"unix\"); } } }\n#[test]\nfn passes() {}\n";
    Project::new("app")
        .without("Cargo.lock")
        .file("Cargo.toml", DEPENDS)
        .file("src/main.rs", uses)
}

/// Checks that no step of the plan uses a network.
fn assert_offline(plan: &Plan) {
    for step in &plan.steps {
        match &step.action {
            Action::Run { spec, .. } => {
                assert_eq!(spec.network, Network::None, "{}", step.purpose);
                let offline = spec.env.get("CARGO_NET_OFFLINE");
                assert_eq!(offline, Some(&EnvValue::Plain("true".into())));
            }
            Action::Prepare(_) | Action::Mirror { .. } | Action::Publish { .. } => {}
            other => panic!("{}: {other:?}", step.purpose),
        }
    }
}

#[test]
fn everything_missing_is_named_with_its_remedy() {
    let machine = machine(Fakes::Sandbox).program("rustup");
    let project = depending();
    let cross = machine.cross(&project).offline(true);
    let error = cross.clippy(AARCH64).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline, "{error}");
    let said = error.to_string();
    for missing in [
        "component add clippy",
        "the environment `aarch64-",
        "crates (cargo: ",
        "cfg-if",
    ] {
        assert!(said.contains(missing), "{missing}: {said}");
    }
    assert!(error.help().unwrap().contains("Cross::prefetch"));
    let of_request = machine.cross(&project).clippy(AARCH64).offline(true);
    assert_eq!(of_request.plan().unwrap_err().to_string(), said);
    let exec = cross
        .exec(AARCH64, ["true"])
        .plan()
        .unwrap_err()
        .to_string();
    assert!(
        exec.contains("the environment") && !exec.contains("crates"),
        "{exec}"
    );
}

#[test]
fn an_image_that_would_be_pulled_is_named() {
    let absent = Answer::fails(1, "Error: No such image");
    let machine = machine(Fakes::Docker).rule("docker", &["image", "inspect"], absent);
    let project = Project::new("app")
        .cross_toml("[target.aarch64-unknown-linux-gnu]\nimage = \"registry.invalid/mine:1\"\n");
    let error = machine
        .cross(&project)
        .offline(true)
        .build(AARCH64)
        .plan()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Offline, "{error}");
    assert!(
        error
            .to_string()
            .contains("the image `registry.invalid/mine:1`"),
        "{error}"
    );
    assert!(
        machine
            .calls_of("docker")
            .iter()
            .all(|call| !call.has("pull"))
    );
}

#[test]
fn a_complete_machine_needs_no_network() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    let online = machine.cross(&project);
    machine.make_environment(&online.build(AARCH64).plan().unwrap());
    let offline = online.offline(true);
    for request in [
        offline.build(AARCH64),
        offline.test(AARCH64),
        offline.run(AARCH64),
    ] {
        assert_offline(&request.plan().unwrap());
    }
}

/// A console has a line for each target until it hears of its end.
#[test]
fn a_prefetch_says_of_each_target_that_it_ended() {
    let (machine, project) = (machine(Fakes::Sandbox), Project::new("app"));
    let recorder = Recorder::default();
    let cross = recorder.hear(machine.cross(&project));
    for target in [AARCH64, X86_64] {
        machine.make_environment(&cross.build(target).plan().unwrap());
    }
    cross.prefetch([AARCH64, X86_64]).unwrap();
    let ended = |event: Event| match event.kind {
        EventKind::Finished { error, .. } => Some((event.target, error)),
        _ => None,
    };
    let mut ended: Vec<_> = recorder.events().into_iter().filter_map(ended).collect();
    ended.sort();
    let expected = [AARCH64, X86_64].map(|target| (target.to_owned(), None::<String>));
    assert_eq!(ended, expected, "each once, and without an error");
}

/// Cargo can write a lock file without a network.
#[test]
fn a_missing_lock_file_takes_no_network() {
    let machine = machine(Fakes::Sandbox);
    let project = Project::new("app").without("Cargo.lock");
    let online = machine.cross(&project);
    machine.make_environment(&online.build(AARCH64).plan().unwrap());
    let plan = online.offline(true).build(AARCH64).plan().unwrap();
    let fetch = plan
        .commands()
        .find(|command| command.args.contains(&"fetch".to_owned()));
    assert!(
        fetch.unwrap().args.contains(&"--offline".to_owned()),
        "{plan}"
    );
}

/// Uses an empty cargo home.
fn after_a_prefetch_no_network_is_needed(engine: &'static str) {
    let mut case = Case::new(depending(), engine);
    let home = case.project.outer().join("cargo-home");
    std::fs::create_dir(&home).unwrap();
    case.env = case.env.set("CARGO_HOME", home.to_str().unwrap());
    let cross = case.cross();
    let before = cross
        .clone()
        .offline(true)
        .build(AARCH64)
        .plan()
        .unwrap_err();
    assert_eq!(before.kind(), ErrorKind::Offline, "{before}");

    let there = cross.prefetch([AARCH64, X86_64]).unwrap();
    let targets: Vec<_> = there.targets.iter().map(|target| &*target.target).collect();
    assert_eq!(targets, [AARCH64, X86_64]);
    for target in &there.targets {
        let obtained: Vec<_> = target
            .obtained
            .iter()
            .map(|obtained| &*obtained.purpose)
            .collect();
        assert_eq!(obtained, ["fetch dependencies"], "once for both");
        assert!(target.environment.exists && !target.was_there());
    }
    let again = cross.prefetch([AARCH64, X86_64]).unwrap();
    assert!(
        again.targets.iter().all(|target| target.was_there()),
        "{again:?}"
    );

    let offline = cross.offline(true);
    for target in [AARCH64, X86_64] {
        assert_offline(&offline.test(target).plan().unwrap());
    }
    let said = without_a_network(&case, "offline-test", AARCH64);
    assert!(said.contains("\"passed\":1"), "{said}");
    case.leftovers.are_none();
}

/// Runs another process without a network that tests the project, and returns its output.
fn without_a_network(case: &Case, verb: &str, target: &str) -> String {
    let caller = env!("CARGO_BIN_EXE_caller");
    let mut unshare = Invocation::new("unshare").arg("--net");
    if !tool::is_root() {
        unshare = unshare.arg("--map-root-user");
    }
    let variables = case.env.iter();
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let command = unshare
        .args([caller, verb, case.engine, target])
        .cwd(case.project.path());
    let said =
        cross_engine::process::output(&command, &variables.collect(), &cross_core::Cancel::new());
    let said = said.unwrap();
    assert!(said.exit.success(), "{}{}", said.stdout, said.stderr);
    said.stdout
}
