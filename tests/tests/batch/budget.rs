//! The job budget of a batch, as its programs see it.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cross_core::{
    batch::{BatchOutcome, JobSharing},
    engine::EnvironmentLocation,
    events::EventKind,
};
use cross_tests::{Project, on_engines};

use crate::{AARCH64, Case, X86_64};

on_engines! { targets_share_their_jobs }
on_engines! { @ a_budget_of_one_is_one_job_at_a_time sandbox }

/// The number of crates with a build script in each target's build.
const CRATES: usize = 2;

/// A build script that records how many such scripts run at the same time, for all targets
/// together.
const COUNTS: &str = r#"
use std::{env, fs, thread, time::Duration};
fn main() {
    let root = env::var("CARGO_MANIFEST_DIR").unwrap() + "/../running";
    let flags = env::var("CARGO_MAKEFLAGS").unwrap();
    let me = format!("{root}/{}-{}", env::var("TARGET").unwrap(), env::var("CARGO_PKG_NAME").unwrap());
    fs::write(&me, "").unwrap();
    thread::sleep(Duration::from_millis(400));
    let count = fs::read_dir(&root).unwrap().count();
    fs::remove_file(&me).unwrap();
    let seen = me.replace("/running/", "/seen/");
    fs::write(seen, format!("{count} {} {flags}", env::var("NUM_JOBS").unwrap())).unwrap();
}
"#;

/// A workspace of crates with this build script.
fn counting() -> Project {
    let names: Vec<_> = (0..CRATES).map(|n| format!("part{n}")).collect();
    let members = names.iter().map(|name| format!("\"{name}\""));
    let members = members.collect::<Vec<_>>().join(", ");
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n";
    let root = format!("{manifest}\n[workspace]\nmembers = [{members}]\n");
    let mut project = Project::new("app")
        .without("Cargo.lock")
        .file("Cargo.toml", &root)
        .file("running/.here", "")
        .file("seen/.here", "")
        .without("running/.here")
        .without("seen/.here")
        .cross_toml("[build]\nwritable = [\"running\", \"seen\"]\n");
    for name in &names {
        project = project
            .file(
                &format!("{name}/Cargo.toml"),
                &manifest.replace("app", name),
            )
            .file(&format!("{name}/src/lib.rs"), "")
            .file(&format!("{name}/build.rs"), COUNTS);
    }
    project
}

/// Returns what the build scripts recorded: the largest number of concurrent scripts, their
/// `NUM_JOBS`, and their `CARGO_MAKEFLAGS`.
fn seen(project: &Path) -> (u32, Vec<String>, Vec<String>) {
    let (mut most, mut told, mut flags) = (0, Vec::new(), Vec::new());
    for entry in fs::read_dir(project.join("seen")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let (count, rest) = text.split_once(' ').unwrap();
        let (jobs, rest) = rest.split_once(' ').unwrap();
        most = most.max(count.parse().unwrap());
        told.push(jobs.to_owned());
        flags.push(rest.to_owned());
    }
    (most, told, flags)
}

fn built(case: &Case, jobs: u32) -> BatchOutcome {
    let batch = case.cross().build_many([X86_64, AARCH64]);
    let outcome = batch
        .each(|request| request.workspace(true))
        .jobs(jobs)
        .run()
        .unwrap();
    if let Some((target, error)) = outcome.failures().next() {
        panic!("{target}: {error}\n{}", case.project.recorder().output());
    }
    assert!(outcome.is_success());
    outcome
}

fn targets_share_their_jobs(engine: &'static str) {
    let (case, most) = within_the_budget(engine, 3);
    assert!(most > 1, "several at once");
    let heard = case.project.recorder().events().into_iter();
    let budgets = heard.filter(|event| matches!(event.kind, EventKind::JobsShared(_)));
    assert_eq!(budgets.count(), 2, "each target's request tells of it");
}

fn a_budget_of_one_is_one_job_at_a_time(engine: &'static str) {
    within_the_budget(engine, 1);
}

/// Checks that at most `jobs` jobs run at once, and returns how many did.
fn within_the_budget(engine: &'static str, jobs: u32) -> (Case, u32) {
    let case = Case::new(counting(), engine);
    let outcome = built(&case, jobs);
    assert_eq!(outcome.budget.sharing, JobSharing::JobServer);
    assert_eq!(
        (outcome.budget.jobs, outcome.budget.at_once),
        (jobs, jobs.min(2))
    );
    let names: Vec<_> = outcome
        .targets
        .iter()
        .map(|target| &*target.target)
        .collect();
    assert_eq!(names, [X86_64, AARCH64], "in the order asked");
    let (most, told, flags) = seen(case.project.path());
    assert_eq!(told, vec![jobs.to_string(); 2 * CRATES]);
    let by_number = flags
        .iter()
        .all(|flag| flag.contains("--jobserver-auth=8,8"));
    assert!(by_number, "{flags:?}");
    assert!(most <= jobs, "{most} at once of {jobs}");
    case.leftovers.are_none();
    (case, most)
}

#[test]
fn test_binaries_get_the_free_jobs_as_threads() {
    let body = "#[test]\nfn says() { println!(\"threads {:?}\", std::env::var(\"RUST_TEST_THREADS\").ok()); }\n";
    let project = Project::new("app").file("src/main.rs", &format!("fn main() {{}}\n{body}"));
    let case = Case::new(project, "sandbox");
    let batch = case.cross().test_many([X86_64]);
    let tested = batch
        .each(|request| request.arg("--nocapture"))
        .jobs(5)
        .run()
        .unwrap();
    let tests = tested.into_result().unwrap().remove(0).tests.unwrap();
    assert_eq!(tests.passed, 1);
    let said = case.project.recorder().output();
    assert!(said.contains("threads Some(\"5\")"), "{said}");
    case.leftovers.are_none();
}

/// Without a pipe, each target gets a share of the budget, and the reason is reported.
#[test]
fn without_a_jobserver_each_target_has_a_share() {
    let mut case = Case::new(counting(), "sandbox");
    let usual = case.cross().build(X86_64).plan().unwrap();
    let EnvironmentLocation::Directory(environment) = usual.environment.location else {
        panic!("it is the sandbox's");
    };
    let cache = case.project.outer().join("elsewhere");
    fs::create_dir(&cache).unwrap();
    symlink(environment.parent().unwrap(), cache.join("environments")).unwrap();
    fs::write(cache.join("jobservers"), "in the way").unwrap();
    case.env = case.env.set("CROSS_CACHE_DIR", cache);
    let outcome = built(&case, 4);
    let JobSharing::Parts {
        each: 2, reason, ..
    } = &outcome.budget.sharing
    else {
        panic!("{:?}", outcome.budget);
    };
    assert!(reason.contains("jobservers"), "{reason}");
    let (_, told, flags) = seen(case.project.path());
    assert_eq!(told, vec!["2"; 2 * CRATES], "as cargo has it");
    assert!(flags.iter().all(|flag| !flag.contains("8,8")), "{flags:?}");
    case.leftovers.are_none();
}
