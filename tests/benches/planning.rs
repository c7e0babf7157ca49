//! The cost of planning: loading the configuration, also one of 2,000 and of 20,000 entries, the
//! lookup of a target, and the plan of a build whose queries are cached, for workspaces of 2, 200
//! and 2,000 packages.
//!
//! ```sh
//! cargo bench --package cross-tests --bench planning
//! ```
//!
//! The machine is a fake one, so that this machine has no influence: its engine answers
//! immediately, and its toolchain and environment exist.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use criterion::{BenchmarkId, Criterion, Throughput};
use cross_config::{Config, Env, Layer, Loader};
use cross_targets::Target;
use cross_tests::{Fakes, Machine, Project};

const TARGET: &str = "aarch64-unknown-linux-gnu";
const SIZES: [usize; 3] = [2, 200, 2000];
const ENTRIES: [usize; 2] = [2_000, 20_000];

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    lookup(&mut criterion);
    configuration(&mut criterion);
    large_configuration(&mut criterion);
    plan(&mut criterion);
    criterion.final_summary();
}

/// A workspace of `packages` libraries, each of which depends on the one before, and a program that
/// depends on the last one. Its configuration has every target.
fn workspace(packages: usize) -> Project {
    let mut project = Project::new("app");
    let locked = |name: &str, dependency: &str| {
        format!("[[package]]\nname = {name:?}\nversion = \"0.1.0\"\n{dependency}\n")
    };
    let mut lock = "version = 4\n\n".to_owned();
    for index in 0..packages {
        let mut dependency = String::new();
        let mut manifest =
            format!("[package]\nname = \"part{index}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n");
        if index > 0 {
            let before = index - 1;
            let path = format!("../part{before}");
            dependency = format!("dependencies = [\"part{before}\"]\n");
            let _ = write!(
                manifest,
                "[dependencies]\npart{before} = {{ path = {path:?} }}\n"
            );
        }
        lock.push_str(&locked(&format!("part{index}"), &dependency));
        project = project
            .file(&format!("parts/part{index}/Cargo.toml"), &manifest)
            .file(&format!("parts/part{index}/src/lib.rs"), "");
    }
    let manifest = format!(
        "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
         [dependencies]\npart{last} = {{ path = \"parts/part{last}\" }}\n\
         [workspace]\nmembers = [\"parts/*\"]\n",
        last = packages - 1
    );
    let mut config = "[build.env]\npassthrough = [\"A\", \"B=c\"]\n".to_owned();
    let triples: BTreeSet<_> = Target::all().map(Target::triple).collect();
    for triple in triples {
        let _ = write!(
            config,
            "[target.{triple:?}]\nbuild-std = false\nenv.passthrough = [\"C\"]\n"
        );
    }
    let dependency = format!("dependencies = [\"part{}\"]\n", packages - 1);
    lock.push_str(&locked("app", &dependency));
    let project = project
        .file("Cargo.toml", &manifest)
        .file("Cargo.lock", &lock);
    project.cross_toml(&config)
}

fn lookup(criterion: &mut Criterion) {
    criterion.bench_function("target lookup", |bench| {
        bench.iter(|| black_box(TARGET).parse::<Target>());
    });
}

fn configuration(criterion: &mut Criterion) {
    let project = workspace(2);
    let env = Env::new().set("CROSS_BUILD_ENV_PASSTHROUGH", "D E");
    let manifest = project.path().join("Cargo.toml");
    let load = || {
        let loader = Loader::new(project.path()).env(&env);
        match loader.package_manifest(&manifest).load() {
            Ok(loaded) => loaded.config.for_target(TARGET),
            Err(error) => panic!("the configuration: {error}"),
        }
    };
    criterion.bench_function("configuration, loaded and merged", |bench| {
        bench.iter(load);
    });
}

/// Names to pass on, and a tenth of the entries are tables of targets that nobody knows.
fn large_configuration(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a configuration");
    group.sample_size(10);
    for entries in ENTRIES {
        let tables = entries / 10;
        let names: Vec<_> = (tables..entries)
            .map(|index| format!("\"N{index}\""))
            .collect();
        let mut text = format!("[build.env]\npassthrough = [{}]\n", names.join(", "));
        for index in 0..tables {
            let _ = write!(text, "[target.a{index}-b-c]\nserial-tests = true\n");
        }
        group.throughput(Throughput::Elements(entries as u64));
        group.bench_function(BenchmarkId::new("entries", entries), |bench| {
            bench.iter(|| {
                let layer = Layer::cross_toml(Path::new("Cross.toml"), &text);
                Config::merge([layer]).for_target(TARGET)
            });
        });
    }
    group.finish();
}

fn plan(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plan of a warm build");
    for packages in SIZES {
        let machine = Machine::new(env!("CARGO_BIN_EXE_fake-engine"), Fakes::Sandbox);
        let project = workspace(packages);
        let cross = machine.cross(&project);
        // The first plan queries cargo. The measured ones use the cache.
        match cross.build(TARGET).plan() {
            Ok(plan) => machine.make_environment(&plan),
            Err(error) => panic!("a plan of {packages} packages: {error}"),
        }
        group.throughput(Throughput::Elements(packages as u64));
        group.bench_function(BenchmarkId::new("packages", packages), |bench| {
            bench.iter(|| {
                cross
                    .build(TARGET)
                    .plan()
                    .is_ok_and(|plan| plan.environment.exists)
            });
        });
    }
    group.finish();
}
