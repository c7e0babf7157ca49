//! An archive, and a machine without a network that builds from it alone.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use cross_core::export::PartKind;
use cross_core::{Cancel, Cross, Env, ErrorKind};
use cross_engine::{Destination, ExportSource, export, import};
use cross_tests::{Leftovers, Project, SmallDisk, shell};

const TARGET: &str = "aarch64-unknown-linux-gnu";

/// A project with one dependency, which the machine's cargo has or fetches.
fn project() -> Project {
    let manifest = "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                    [dependencies]\nitoa = \"1\"\n";
    let main = "fn main() { println!(\"{}\", itoa::Buffer::new().format(7)) }\n\n\
                #[test]\nfn seven() { assert_eq!(itoa::Buffer::new().format(7), \"7\") }\n";
    Project::new("app")
        .file("Cargo.toml", manifest)
        .file("src/main.rs", main)
        .without("Cargo.lock")
        .cross_toml("[build]\ntoolchain = \"host\"\n")
}

/// The sandbox with rustup's toolchain.
fn sandbox(project: &Project, env: Env) -> Cross {
    project.cross().engine("sandbox").toolchain("host").env(env)
}

/// Another machine: its directories are empty.
struct Machine {
    cache: PathBuf,
    cargo_home: PathBuf,
    rustup_home: PathBuf,
    env: Env,
}

impl Machine {
    fn of(project: &Project, leftovers: &Leftovers) -> Self {
        let home = |name: &str| project.outer().join(name);
        let (cache, cargo_home, rustup_home) = (home("cache"), home("cargo"), home("rustup"));
        let env = leftovers
            .env()
            .set("CROSS_CACHE_DIR", &cache)
            .set("CARGO_HOME", &cargo_home)
            .set("RUSTUP_HOME", &rustup_home);
        Machine {
            cache,
            cargo_home,
            rustup_home,
            env,
        }
    }

    fn cross(&self, project: &Project) -> Cross {
        sandbox(project, self.env.clone())
    }

    /// The files and directories of the machine.
    fn files(&self) -> usize {
        fn count(dir: &Path) -> usize {
            let entries = fs::read_dir(dir).into_iter().flatten().flatten();
            let mut all = 0;
            for entry in entries.filter(|entry| entry.file_name() != "locks") {
                let is_dir = entry.file_type().unwrap().is_dir();
                all += 1 + if is_dir { count(&entry.path()) } else { 0 };
            }
            all
        }
        let homes = [&self.cache, &self.cargo_home, &self.rustup_home];
        homes.into_iter().map(|home| count(home)).sum()
    }
}

#[test]
fn a_machine_without_a_network_builds_and_tests_from_an_archive_alone() {
    let project = project();
    let leftovers = Leftovers::of(&project);
    let archive = project.outer().join("offline.tar");
    let here = sandbox(&project, leftovers.env());
    let exported = here
        .export([TARGET], &archive)
        .toolchains(true)
        .run()
        .unwrap();
    let of = |kind: PartKind| exported.parts.iter().filter(move |part| part.kind == kind);
    assert_eq!(of(PartKind::Environment).count(), 1);
    let toolchain = of(PartKind::Toolchain).next().unwrap().name.clone();
    assert!(of(PartKind::Crate).any(|part| part.name.contains("/itoa-1.")));
    assert_eq!(exported.bytes, archive.metadata().unwrap().len());

    let machine = Machine::of(&project, &leftovers);
    let there = machine.cross(&project);
    let error = there
        .import(&archive)
        .expect("0".repeat(64))
        .run()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive, "{error}");
    assert_eq!(machine.files(), 0, "nothing is placed of another archive");
    let imported = there
        .import(&archive)
        .expect(&exported.sha256)
        .run()
        .unwrap();
    assert!(imported.parts.iter().all(|part| !part.was_there));

    // Nothing has a route there, and its host's cargo is the one of the archive.
    let env = machine.env.clone().set("RUSTUP_TOOLCHAIN", &toolchain);
    let front_door = env!("CARGO_BIN_EXE_front-door");
    let line = format!(
        "unshare --map-root-user --net sh -c \
         'test \"$(grep -c : /proc/net/dev)\" = 1 && exec {front_door} sandbox test --target {TARGET}'"
    );
    let output = shell(&project, &env, [front_door, "sandbox"], &line);
    assert!(output.exit.success(), "{}{}", output.stdout, output.stderr);
    assert!(
        output.stdout.contains("test seven ... ok"),
        "{}",
        output.stdout
    );
    leftovers.are_none();
}

#[test]
fn an_engine_with_images_is_refused_before_anything_is_made() {
    let project = project();
    let archive = project.outer().join("offline.tar");
    let cross = project.cross().engine("docker");
    let error = cross.export([TARGET], &archive).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Archive, "{error}");
    assert!(error.help().unwrap().contains("sandbox"));
    assert!(!archive.exists());
    let error = project.cross().export([""; 0], &archive).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Request, "{error}");
}

#[test]
fn a_full_disk_leaves_nothing_of_an_archive() {
    let project = Project::new("app");
    let toolchain = project.outer().join("toolchain");
    fs::create_dir_all(toolchain.join("bin")).unwrap();
    for n in 0..64 {
        fs::write(toolchain.join("bin").join(n.to_string()), n.to_string()).unwrap();
    }
    let large = fs::File::create(toolchain.join("bin/large")).unwrap();
    large.set_len(8 << 20).unwrap();
    let archive = project.outer().join("offline.tar");
    let sources = [ExportSource::new(PartKind::Toolchain, "stable", &toolchain)];
    let cancel = Cancel::new();
    let progress = &mut |_, _| ControlFlow::Continue(());
    let full = SmallDisk::at(project.outer().join("full"), "size=4m");
    let error = export(
        &sources,
        "amd64",
        &full.path().join("x.tar"),
        &cancel,
        progress,
    )
    .unwrap_err();
    assert_eq!(error.kind(), cross_engine::ErrorKind::Io, "{error}");
    assert!(error.to_string().contains("x.tar"), "{error}");
    assert_eq!(
        fs::read_dir(full.path()).unwrap().count(),
        0,
        "nothing is left"
    );
    export(&sources, "amd64", &archive, &cancel, progress).unwrap();
    // The first has too few bytes, which is known before, and the second too few files.
    for (options, why) in [
        ("size=4m", "which has"),
        ("size=64m,nr_inodes=40", "cannot"),
    ] {
        let small = SmallDisk::at(project.outer().join("rustup"), options);
        let cache = project.outer().join("cache");
        let to = Destination::new(cache, project.outer().join("cargo"), small.path());
        let error = import(&archive, "amd64", None, &to, &cancel, progress).unwrap_err();
        assert_eq!(error.kind(), cross_engine::ErrorKind::Io, "{error}");
        assert!(error.to_string().contains(why), "{error}");
        assert!(error.help().unwrap().contains("free some space"), "{error}");
        assert_eq!(
            fs::read_dir(small.path()).unwrap().count(),
            0,
            "nothing is left"
        );
    }
}
