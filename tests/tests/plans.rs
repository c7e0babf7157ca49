//! Plans: they are complete data, write nothing, and start few processes.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

#[path = "plans/architecture.rs"]
mod architecture;
#[path = "plans/boundary.rs"]
mod boundary;
#[path = "plans/remote.rs"]
mod remote;
#[path = "plans/reproducible.rs"]
mod reproducible;
#[path = "plans/runners.rs"]
mod runners;
#[path = "plans/scripts.rs"]
mod scripts;
#[path = "plans/wasm_bindgen.rs"]
mod wasm_bindgen;

use std::collections::BTreeSet;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use cross_core::{
    Plan, Request,
    plan::{Action, OutputKind, Verb},
};
use cross_engine::{Access, Network, RunSpec};
use cross_tests::{
    Answer, Call, Fakes, Machine, Project, Redactor, TARGETS, Tree, check, schema, tool,
};
use serde_json::Value;

const VERBS: [Verb; 3] = [Verb::Build, Verb::Test, Verb::Run];
const AARCH64: &str = "aarch64-unknown-linux-gnu";

fn machine(engine: Fakes) -> Machine {
    Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine)
}

fn request(machine: &Machine, project: &Project, verb: Verb, target: &str) -> Request {
    let cross = machine.cross(project);
    match verb {
        Verb::Build => cross.build(target),
        Verb::Test => cross.test(target),
        Verb::Run => cross.run(target),
        other => panic!("{other} has no plans here"),
    }
}

/// Plans with an existing environment.
fn plan_with_environment(machine: &Machine, project: &Project, verb: Verb, target: &str) -> Plan {
    let request = request(machine, project, verb, target);
    let plan = request.plan().unwrap();
    if plan.environment.exists {
        return plan;
    }
    machine.make_environment(&plan);
    request.plan().unwrap()
}

/// Returns the directory of the snapshots for this user. An unprivileged user gets an entry in
/// `/etc/passwd`, and runs podman rootless.
fn snapshot_user() -> &'static str {
    if tool::is_root() { "root" } else { "user" }
}

fn redactor(machine: &Machine, project: &Project) -> Redactor {
    let meta = project.path().metadata().unwrap();
    let (uid, gid) = (meta.uid(), meta.gid());
    machine
        .redactor(project)
        .text(&format!("{uid}:{gid}"), "UID:GID")
        .text(&format!("user:x:{uid}:{gid}:"), "USER")
        .text(&format!("user:x:{gid}:\\n"), "GROUP")
        .text("/etc/ssl/certs/ca-certificates.crt", "CERTIFICATES")
        .text(&format!("{} tests at once", processors()), "JOBS")
        .text(&format!("\"jobs\": {}", processors()), "JOBS")
}

/// Returns the default number of jobs.
fn processors() -> usize {
    std::thread::available_parallelism().unwrap().get()
}

/// Removes the files that a run with a network gets from this machine, which have their own test.
fn without_network_files(mut text: String) -> String {
    for path in ["/etc/ssl/certs", "/etc/resolv.conf", "/etc/hosts"] {
        let Ok(real) = Path::new(path).canonicalize() else {
            continue;
        };
        let real = real.display();
        for argument in [
            format!("--ro-bind {real} {path} "),
            format!("--mount type=bind,src={real},dst={path},readonly "),
        ] {
            text = text.replace(&argument, "");
        }
    }
    for argument in [
        "SSL_CERT_FILE=[CERTIFICATES] ",
        "--env 'SSL_CERT_FILE=[CERTIFICATES]' ",
        "--env SSL_CERT_FILE=[CERTIFICATES] ",
    ] {
        text = text.replace(argument, "");
    }
    text
}

/// Replaces what restricts the runs, which other suites check.
fn without_filters(text: &str) -> String {
    let (mut lines, mut is_filter) = (Vec::new(), false);
    for line in text.lines() {
        match line {
            "fi" if is_filter => {
                is_filter = false;
                lines.push("[FILTER]");
            }
            _ if is_filter => continue,
            _ => is_filter = line.starts_with("if [ ! -e ") && line.contains("/cache/filters/"),
        }
        lines.push(line);
    }
    lines.join("\n") + "\n"
}

fn transcripts_of(engine: Fakes) {
    let (machine, project) = (machine(engine), Project::new("app"));
    let redactor = redactor(&machine, &project);
    for target in TARGETS {
        let mut text = String::new();
        for verb in VERBS {
            let plan = plan_with_environment(&machine, &project, verb, target);
            every_form_has_the_same_steps(&plan);
            text.push_str(&redactor.apply(&plan.to_string()));
            text.push('\n');
        }
        let name = format!("plans/{}/{}-{target}", snapshot_user(), engine.name());
        check(&name, &without_network_files(without_filters(&text)));
    }
}

/// Checks that `Display`, the serialised form and the value have the same steps and commands.
fn every_form_has_the_same_steps(plan: &Plan) {
    let (text, json) = (plan.to_string(), serde_json::to_value(plan).unwrap());
    assert_eq!(
        json["schema_version"],
        cross_core::plan::PLAN_SCHEMA_VERSION
    );
    assert_eq!(json["verb"], plan.verb.as_str());
    assert_eq!(json["target"], plan.target);
    let schema = serde_json::from_str(&cross_core::plan::json_schema()).unwrap();
    assert_eq!(schema::mismatch(&schema, &json), None);
    let steps = json["steps"].as_array().unwrap();
    assert_eq!(steps.len(), plan.steps.len());
    for (n, (step, said)) in plan.steps.iter().zip(steps).enumerate() {
        let heading = format!("\n# {}. {}\n", n + 1, step.purpose);
        assert!(text.contains(&heading), "{heading} in {text}");
        assert_eq!(said["purpose"], step.purpose);
        match &step.command {
            Some(command) => {
                // For people, cargo prints text.
                let shown = command.to_string().replace(" --message-format=json", "");
                assert!(text.contains(&format!("\n{shown}\n")), "{shown}");
                let args: Vec<_> = said["command"]["args"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|arg| arg.as_str().unwrap())
                    .collect();
                assert_eq!(args, command.args);
            }
            None => assert_eq!(said["command"], Value::Null),
        }
    }
    let commands: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| step.command.as_ref())
        .collect();
    assert_eq!(plan.commands().collect::<Vec<_>>(), commands);
}

#[test]
fn transcripts_of_the_sandbox() {
    transcripts_of(Fakes::Sandbox);
}

#[test]
fn transcripts_of_docker() {
    transcripts_of(Fakes::Docker);
}

#[test]
fn transcripts_of_podman() {
    transcripts_of(Fakes::Podman);
}

#[test]
fn serialised_plans_are_stable() {
    for engine in Fakes::ENGINES {
        let (machine, project) = (machine(engine), Project::new("app"));
        for verb in VERBS {
            let mut plan =
                serde_json::to_value(plan_with_environment(&machine, &project, verb, AARCH64))
                    .unwrap();
            remove_network_files(&mut plan);
            plan["engine"]["user"] = "whoever runs the test".into();
            let text = serde_json::to_string_pretty(&plan).unwrap();
            let name = format!("plans/{}/{}-{verb}-json", snapshot_user(), engine.name());
            check(&name, &redactor(&machine, &project).apply(&text));
        }
    }
}

/// Removes the network files of this machine from a serialised plan: their mounts, and the same
/// mounts in the argv.
fn remove_network_files(plan: &mut Value) {
    for step in plan["steps"].as_array_mut().unwrap() {
        let Some(spec) = step["action"].get_mut("run").map(|run| &mut run["spec"]) else {
            continue;
        };
        spec["env"].as_object_mut().unwrap().remove("SSL_CERT_FILE");
        let own = ["/etc/ssl/certs", "/etc/resolv.conf", "/etc/hosts"];
        spec["mounts"]
            .as_array_mut()
            .unwrap()
            .retain(|mount| !own.contains(&mount["target"].as_str().unwrap()));
        let command = step["command"].as_object_mut().unwrap();
        command.insert("args".to_owned(), "as in the transcript".into());
        command["env"]
            .as_object_mut()
            .unwrap()
            .remove("SSL_CERT_FILE");
    }
}

#[test]
fn a_plan_includes_the_making_of_its_environment() {
    for (engine, maker) in [
        (Fakes::Sandbox, "mmdebstrap --variant=apt"),
        (Fakes::Docker, "docker build --force-rm --label"),
        (Fakes::Podman, "podman build --label"),
    ] {
        let machine = machine(engine).rule(
            engine.name(),
            &["image", "inspect"],
            Answer::fails(1, "Error: No such image\n"),
        );
        let project = Project::new("app").without("Cargo.lock");
        let plan = request(&machine, &project, Verb::Test, AARCH64)
            .plan()
            .unwrap();
        assert!(!plan.environment.exists);
        let purposes: Vec<_> = plan
            .steps
            .iter()
            .map(|step| step.purpose.as_str())
            .collect();
        assert_eq!(
            purposes,
            [
                "make the environment",
                "prepare directories and files",
                "fetch dependencies",
                "compile the tests",
                "publish the artifacts",
                "run the tests"
            ],
            "{engine:?}"
        );
        every_form_has_the_same_steps(&plan);
        let making = plan.steps[0].command.as_ref().unwrap().to_string();
        assert!(making.contains(maker), "{making}");
        let name = format!("plans/{}/{}-cold", snapshot_user(), engine.name());
        let making = redactor(&machine, &project).apply(&making);
        check(&name, &making);
    }
}

#[test]
fn a_locked_request_neither_fetches_nor_builds_unlocked() {
    let (machine, project) = (
        machine(Fakes::Sandbox),
        Project::new("app").without("Cargo.lock"),
    );
    let plan = request(&machine, &project, Verb::Run, AARCH64)
        .locked(true)
        .plan()
        .unwrap();
    let cargos: Vec<_> = plan
        .commands()
        .map(ToString::to_string)
        .filter(|line| !line.contains("mmdebstrap"))
        .collect();
    assert_eq!(cargos.len(), 3, "fetch, build, run");
    assert!(
        cargos
            .iter()
            .all(|line| line.ends_with(" --locked") || line.contains(" --locked "))
    );
}

/// The files that a plan may write: notes of cargo, and the cache of the library.
const ALLOWED: [&str; 4] = [
    ".global-cache",
    ".package-cache",
    ".rustc_info.json",
    "cache/probes-v1",
];

/// Returns the files of the project and the machine.
fn all_files(machine: &Machine, project: &Project) -> Tree {
    let parts = ["cargo", "cache", "home", "rustup"].map(|part| machine.path(part));
    let mut dirs: Vec<&Path> = parts.iter().map(PathBuf::as_path).collect();
    dirs.push(project.outer());
    Tree::of(&dirs)
}

#[test]
fn a_plan_writes_nothing_into_the_project() {
    for engine in Fakes::ENGINES {
        let machine = machine(engine);
        let project = Project::new("app").without("Cargo.lock").file(
            "target/CACHEDIR.TAG",
            "Signature: 8a477f597d28d172789f06886806bc55\n",
        );
        let before = all_files(&machine, &project);
        request(&machine, &project, Verb::Build, AARCH64)
            .plan()
            .unwrap();
        let changes = before.changed_files(&all_files(&machine, &project));
        let is_note = |path: &PathBuf| {
            let text = path.to_string_lossy();
            ALLOWED.iter().any(|note| text.contains(note))
        };
        assert!(changes.iter().all(is_note), "{engine:?}: {changes:#?}");
    }
}

#[test]
fn a_repeated_plan_writes_nothing_at_all() {
    for engine in Fakes::ENGINES {
        let (machine, project) = (machine(engine), Project::new("app"));
        for verb in VERBS {
            plan_with_environment(&machine, &project, verb, AARCH64);
            let before = all_files(&machine, &project);
            let plan = request(&machine, &project, verb, AARCH64).plan().unwrap();
            let _ = (plan.to_string(), serde_json::to_string(&plan).unwrap());
            let changes = before.changes(&all_files(&machine, &project));
            assert!(changes.is_empty(), "{engine:?} {verb}: {changes:#?}");
        }
    }
}

/// Checks that at most three processes were started, and none twice.
fn assert_few_and_different(calls: &[Call], when: &str) {
    let lines: Vec<_> = calls.iter().map(Call::line).collect();
    let different: BTreeSet<_> = lines.iter().collect();
    assert!(lines.len() <= 3, "{when}: {lines:#?}");
    assert_eq!(different.len(), lines.len(), "{when}: {lines:#?}");
}

#[test]
fn a_plan_starts_at_most_three_processes_and_none_twice() {
    for engine in Fakes::ENGINES {
        let (machine, project) = (machine(engine), Project::new("app"));
        request(&machine, &project, Verb::Test, AARCH64)
            .plan()
            .unwrap();
        let mut first = machine.calls();
        // Cargo caches its own queries to rustc.
        first.retain(|call| call.program != "rustc");
        assert_few_and_different(&first, &format!("first plan, {engine:?}"));
        assert!(first.iter().any(|call| call.program == "cargo"));
        plan_with_environment(&machine, &project, Verb::Test, AARCH64);
        for verb in VERBS {
            machine.forget();
            request(&machine, &project, verb, AARCH64).plan().unwrap();
            assert_few_and_different(&machine.calls(), &format!("warm {verb}, {engine:?}"));
        }
    }
}

#[test]
fn only_an_engine_without_a_stamp_is_queried_again() {
    for (engine, expected) in [
        (Fakes::Sandbox, &[][..]),
        (Fakes::Docker, &["docker version", "docker image"][..]),
        (Fakes::Podman, &["podman image"][..]),
    ] {
        let (machine, project) = (machine(engine), Project::new("app"));
        plan_with_environment(&machine, &project, Verb::Build, AARCH64);
        machine.forget();
        request(&machine, &project, Verb::Build, AARCH64)
            .plan()
            .unwrap();
        let asked: Vec<_> = machine
            .calls()
            .iter()
            .map(|call| format!("{} {}", call.program, call.args[0]))
            .collect();
        assert_eq!(asked, expected, "{engine:?}");
    }
}

#[test]
fn a_changed_project_is_queried_again() {
    let (machine, mut project) = (machine(Fakes::Sandbox), Project::new("app"));
    let plan = |project: &Project| plan_with_environment(&machine, project, Verb::Build, AARCH64);
    assert!(plan(&project).warnings.is_empty());
    let target = project.path().join("elsewhere");
    project = project.file(
        ".cargo/config.toml",
        &format!("[build]\ntarget-dir = {:?}\n", target.to_string_lossy()),
    );
    assert_eq!(plan(&project).publish_dir, target);
    project = project.without(".cargo/config.toml");
    assert_eq!(plan(&project).publish_dir, project.path().join("target"));
    project = project.with_member_and_path_dependency();
    let sees_beside = |plan: &Plan| {
        specs(plan).all(|(spec, _)| {
            spec.mounts
                .iter()
                .any(|mount| mount.target.ends_with("beside"))
        })
    };
    assert!(sees_beside(&plan(&project)));
}

#[test]
fn an_engine_is_queried_once_for_a_cross_and_its_requests() {
    let (machine, project) = (machine(Fakes::Podman), Project::new("app"));
    let cross = machine.cross(&project);
    cross.build(AARCH64).plan().unwrap();
    cross.clone().test(TARGETS[3]).plan().unwrap();
    let asked = machine.calls_of("podman");
    let asked = asked.iter().filter(|call| call.has("version")).count();
    assert_eq!(asked, 1);
}

#[test]
fn queries_have_no_standard_input() {
    for engine in Fakes::ENGINES {
        let (machine, project) = (machine(engine), Project::new("app"));
        plan_with_environment(&machine, &project, Verb::Build, AARCH64);
        for call in machine.calls() {
            assert_ne!(call.stdin, "other", "{}", call.line());
        }
    }
}

#[test]
fn no_secret_is_shown_anywhere() {
    const TOKEN: &str = "s3cret-of-the-user";
    const PASSWORD: &str = "pr0xy-password";
    for engine in Fakes::ENGINES {
        let machine = machine(engine)
            .set("APP_TOKEN", TOKEN)
            .set(
                "HTTPS_PROXY",
                &format!("http://me:{PASSWORD}@proxy.invalid"),
            )
            .set("UNRELATED_TOKEN", TOKEN)
            .set("CARGO_REGISTRY_TOKEN", TOKEN);
        let project = Project::new("app").cross_toml(
            "[build.env]\npassthrough = [\"APP_TOKEN\", \"OTHER=s3cret-of-the-user\"]\n",
        );
        for verb in VERBS {
            let plan = plan_with_environment(&machine, &project, verb, AARCH64);
            let forms = [
                plan.to_string(),
                format!("{plan:?}"),
                format!("{plan:#?}"),
                serde_json::to_string(&plan).unwrap(),
                plan.commands()
                    .flat_map(|command| command.args.clone())
                    .collect(),
                format!("{:?}", machine.cross(&project)),
            ];
            for form in forms {
                assert!(!form.contains(TOKEN), "{engine:?} {verb}: {form}");
                assert!(!form.contains(PASSWORD), "{engine:?} {verb}: {form}");
            }
            let names = specs(&plan).flat_map(|(spec, _)| spec.env.keys());
            let names: BTreeSet<_> = names.map(String::as_str).collect();
            assert!(names.contains("APP_TOKEN") && names.contains("OTHER"));
            assert!(!names.contains("UNRELATED_TOKEN"));
            assert!(!names.contains("CARGO_REGISTRY_TOKEN"));
        }
    }
}

fn specs(plan: &Plan) -> impl Iterator<Item = (&RunSpec, OutputKind)> {
    plan.steps.iter().filter_map(|step| match &step.action {
        Action::Run { spec, output, .. } => Some((spec, *output)),
        _ => None,
    })
}

#[test]
fn the_network_can_be_configured() {
    for (said, expected) in [
        ("none", Network::None),
        ("host", Network::Host),
        ("default", Network::Default),
    ] {
        let project = Project::new("app").cross_toml(&format!("[build]\nnetwork = \"{said}\"\n"));
        let machine = machine(Fakes::Docker);
        let plan = plan_with_environment(&machine, &project, Verb::Test, AARCH64);
        assert!(
            specs(&plan).all(|(spec, _)| spec.network == expected),
            "{said}"
        );
    }
}

#[test]
fn only_the_target_directory_is_writable_and_cargo_home_is_not_mounted_whole() {
    for engine in Fakes::ENGINES {
        let machine = machine(engine);
        let project = Project::in_dir("app", "space in äöü, \"quotes\"/app")
            .with_member_and_path_dependency();
        let plan = plan_with_environment(&machine, &project, Verb::Test, AARCH64);
        for (spec, _) in specs(&plan) {
            let of = |access: Access| spec.mounts.iter().filter(move |it| it.access == access);
            assert!(of(Access::Write).all(|it| it.source == plan.target_dir));
            assert!(of(Access::Write).count() == 1, "{engine:?}");
            assert!(of(Access::Read).any(|it| it.target == project.path()));
            let beside = project.path().with_file_name("beside");
            assert!(
                of(Access::Read).any(|mount| mount.target == beside),
                "{engine:?}"
            );
            let home = machine.path("cargo");
            assert!(
                of(Access::Scratch).any(|mount| mount.target == home),
                "{engine:?}"
            );
            assert!(!of(Access::Read).any(|mount| home.starts_with(&mount.source)));
            assert_eq!(spec.cwd, project.path());
        }
    }
}

#[test]
fn a_dependencys_metadata_is_not_read() {
    let machine = machine(Fakes::Docker);
    let project = Project::new("app").with_member_and_path_dependency().file(
        "../beside/Cargo.toml",
        "[package]\nname = \"beside\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [package.metadata.cross.build]\nnetwork = \"host\"\nengine = \"/bin/evil\"\n\
         [workspace]\n[workspace.metadata.cross.build]\npackages = [\"evil\"]\n",
    );
    let project = project.file("../beside/Cross.toml", "[build]\npackages = [\"evil\"]\n");
    let plan = plan_with_environment(&machine, &project, Verb::Build, AARCH64);
    assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    assert_eq!(plan.engine.kind.name(), "docker");
    assert!(specs(&plan).all(|(spec, _)| spec.network == Network::None));
    let plain = plan_with_environment(&machine, &Project::new("app"), Verb::Build, AARCH64);
    assert_eq!(
        plan.environment, plain.environment,
        "nothing was added to the recipe"
    );
}

#[test]
fn the_same_request_has_the_same_plan() {
    let (machine, project) = (machine(Fakes::Docker), Project::new("app"));
    let plan = || plan_with_environment(&machine, &project, Verb::Run, AARCH64).to_string();
    assert_eq!(plan(), plan());
}

#[test]
fn two_machines_do_not_affect_each_other() {
    let machines = [
        machine(Fakes::Sandbox),
        machine(Fakes::Podman).set("COLOUR", "blue"),
    ];
    let projects = [
        Project::new("one"),
        Project::new("two").cross_toml("[build.env]\npassthrough = [\"COLOUR\"]\n"),
    ];
    let plan_all = |n: usize| {
        let (machine, project): (&Machine, &Project) = (&machines[n], &projects[n]);
        for target in TARGETS {
            let plan = machine.cross(project).test(target).plan().unwrap();
            assert_eq!(plan.engine.kind.name(), ["sandbox", "podman"][n]);
            assert!(plan.engine.program.starts_with(machine.path("bin")));
            assert_eq!(plan.workspace_root, project.path());
            let coloured = specs(&plan).all(|(spec, _)| spec.env.contains_key("COLOUR"));
            assert_eq!(coloured, n == 1);
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| plan_all(0));
        scope.spawn(|| plan_all(1));
    });
}
