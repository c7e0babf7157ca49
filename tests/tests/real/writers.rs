//! Several builds of one project at the same time publish whole files and leave nothing else.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use cross_core::Cross;
use cross_engine::{Invocation, process};
use cross_tests::{Leftovers, Project, engines, on_engines, wait_until};

use super::TARGET;

/// The number of builds at the same time.
const WRITERS: usize = 4;
/// Each round publishes a program of another length.
const ROUNDS: usize = 5;

/// The number of rounds of processes, most of which only publish.
const PROCESS_ROUNDS: usize = 80;
/// How many of these rounds pass between two that compile.
const COMPILED: usize = 16;
const OTHER_TARGET: &str = "x86_64-unknown-linux-gnu";
/// How long a build may take.
const PATIENCE: Duration = Duration::from_secs(600);

on_engines! { builds_at_the_same_time_publish_whole_programs }
on_engines! { @ processes_at_the_same_time_publish_whole_programs sandbox }
on_engines! { @ a_killed_publisher_leaves_nothing_after_the_next_run sandbox docker }

fn builds_at_the_same_time_publish_whole_programs(engine: &'static str) {
    engines::need(engine);
    let mut project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    for round in 0..ROUNDS {
        let text = "x".repeat(round * 100_000);
        let main = format!("fn main() {{ println!(\"{{}}\", \"{text}\".len()); }}\n");
        project = project.file("src/main.rs", &main);
        let cross = project.cross().env(leftovers.env()).engine(engine);
        let programs = at_once(&cross);
        assert_is_whole(&programs[0]);
        assert!(programs.iter().all(|program| *program == programs[0]));
        let dir = programs[0].parent().unwrap();
        assert_eq!(temporary_files(dir), [""; 0], "round {round}");
    }
    leftovers.are_none();
}

/// Builds with every writer, and returns the program that each of them published. Each reads it at
/// once, while others may still publish.
fn at_once(cross: &Cross) -> Vec<PathBuf> {
    thread::scope(|scope| {
        let build = || {
            let outcome = cross.build(TARGET).run();
            let outcome = outcome.unwrap_or_else(|error| panic!("{error:?}"));
            let program = outcome.artifacts[0].path.clone();
            assert_is_whole(&program);
            program
        };
        let writers: Vec<_> = (0..WRITERS).map(|_| scope.spawn(build)).collect();
        let programs = writers.into_iter().map(|writer| writer.join().unwrap());
        programs.collect()
    })
}

/// A process of its own that builds the project for `target`. With `alone`, it is the first process
/// of a namespace, so that all of them have one number, as processes in containers may have.
fn caller(
    project: &Project,
    leftovers: &Leftovers,
    engine: &str,
    target: &str,
    alone: bool,
) -> Child {
    let caller = [env!("CARGO_BIN_EXE_caller"), "quiet-build", engine, target];
    let caller = match alone {
        true => Invocation::new("unshare")
            .args(["--pid", "--fork", "--mount-proc"])
            .args(caller),
        false => Invocation::new(caller[0]).args(caller[1..].iter().copied()),
    };
    let env = leftovers.env();
    let variables = env
        .iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    process::command(&caller, &variables.collect())
        .current_dir(project.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits for the end of builds, which must succeed.
#[track_caller]
fn end(callers: Vec<Child>) {
    for caller in callers {
        let output = caller.wait_with_output().unwrap();
        let (out, err) = (
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        assert!(output.status.success(), "{out}{err}");
    }
}

/// A project whose program has another length in each round that compiles.
fn of_round(project: Project, round: usize) -> Project {
    let text = "x".repeat(round * 10_000);
    let main = format!("fn main() {{ println!(\"{{}}\", \"{text}\".len()); }}\n");
    project.file("src/main.rs", &main)
}

fn program_of(project: &Project, target: &str) -> PathBuf {
    project.path().join(format!("target/{target}/debug/app"))
}

/// Builds with processes for one target and for two, with numbers of their own and with equal ones.
/// Whoever reads a program meanwhile finds a whole one.
fn processes_at_the_same_time_publish_whole_programs(engine: &'static str) {
    let mut project = Project::new("app");
    let leftovers = Leftovers::of(&project);
    let programs = [TARGET, OTHER_TARGET].map(|target| program_of(&project, target));
    for round in 0..PROCESS_ROUNDS {
        match round % COMPILED {
            0 => project = of_round(project, round),
            // Everything is published anew, with the directories and what marks them.
            1 => fs::remove_dir_all(project.path().join("target").join(TARGET)).unwrap(),
            _ => programs
                .iter()
                .for_each(|program| fs::remove_file(program).unwrap()),
        }
        let targets = [TARGET, TARGET, OTHER_TARGET];
        let is_done = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_done.load(Ordering::Relaxed) {
                    programs
                        .iter()
                        .filter(|path| path.exists())
                        .for_each(|path| is_whole(path));
                }
            });
            let start = |target| caller(&project, &leftovers, engine, target, round % 2 == 1);
            end(targets.map(start).into());
            is_done.store(true, Ordering::Relaxed);
        });
        for program in &programs {
            assert_is_whole(program);
            let dir = program.parent().unwrap();
            assert_eq!(temporary_files(dir), [""; 0], "round {round}");
            let dep_info = fs::read_to_string(program.with_extension("d")).unwrap();
            assert!(dep_info.ends_with("/src/main.rs\n"), "{dep_info}");
        }
        let tag = fs::read_to_string(project.path().join("target/CACHEDIR.TAG")).unwrap();
        assert!(
            tag.starts_with("Signature: ") && tag.ends_with('\n'),
            "{tag}"
        );
    }
    leftovers.are_none();
}

/// Builds for several targets start at once in a project that was never built.
#[test]
fn first_builds_for_several_targets_share_a_project() {
    engines::need("sandbox");
    for _ in 0..3 {
        let project = Project::new("app");
        let leftovers = Leftovers::of(&project);
        let targets = [TARGET, OTHER_TARGET, TARGET, OTHER_TARGET];
        let start = |target| caller(&project, &leftovers, "sandbox", target, false);
        end(targets.map(start).into());
        for target in [TARGET, OTHER_TARGET] {
            assert_is_whole(&program_of(&project, target));
        }
        assert!(project.path().join("target/CACHEDIR.TAG").is_file());
        leftovers.are_none();
    }
}

/// Kills a process while it copies a program of 300 MB.
fn a_killed_publisher_leaves_nothing_after_the_next_run(engine: &'static str) {
    let main = "static DATA: [u8; 300 << 20] = [1; 300 << 20];\n\
        fn main() { println!(\"{}\", DATA[std::env::args().count()]); }\n";
    let project = Project::new("app").file("src/main.rs", main);
    let leftovers = Leftovers::of(&project);
    let program = program_of(&project, TARGET);
    let dir = program.parent().unwrap();
    let mut publisher = caller(&project, &leftovers, engine, TARGET, false);
    // On a file system that shares blocks, the copy is there at once.
    wait_until(PATIENCE, "a copy begins", || {
        program.exists() || dir.is_dir() && !temporary_files(dir).is_empty()
    });
    publisher.kill().unwrap();
    publisher.wait().unwrap();
    if program.exists() {
        assert_is_whole(&program);
    }
    fs::write(dir.join(".cross-0123456789abcdef"), "half of a program").unwrap();
    end(vec![caller(&project, &leftovers, engine, TARGET, false)]);
    assert_is_whole(&program);
    assert_eq!(temporary_files(dir), [""; 0]);
    // A link with such a name is none of this library's files.
    let victim = project.path().join("victim");
    fs::write(&victim, "whole").unwrap();
    symlink(&victim, dir.join(".cross-0123456789abcdef")).unwrap();
    fs::remove_file(&program).unwrap();
    end(vec![caller(&project, &leftovers, engine, TARGET, false)]);
    assert_eq!(fs::read(&victim).unwrap(), b"whole");
    fs::remove_file(dir.join(".cross-0123456789abcdef")).unwrap();
    leftovers.are_none();
}

/// Checks a program that others may remove or replace meanwhile.
fn is_whole(program: &Path) {
    if let Ok(bytes) = fs::read(program) {
        assert!(bytes.starts_with(b"\x7fELF"), "{} bytes", bytes.len());
        assert_eq!(object_end(&bytes), bytes.len());
    }
}

/// Checks that a program is neither empty nor cut.
#[track_caller]
fn assert_is_whole(program: &Path) {
    let bytes = fs::read(program).unwrap();
    assert!(bytes.starts_with(b"\x7fELF"), "{} bytes", bytes.len());
    assert_eq!(object_end(&bytes), bytes.len());
}

/// Returns the end of an ELF program by its own header: that of the section headers, which a linker
/// writes last.
fn object_end(bytes: &[u8]) -> usize {
    let number = |at: usize, size: usize| {
        let field = bytes.get(at..at + size).unwrap_or_default();
        field
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | usize::from(*byte))
    };
    let (offset, size, count) = (number(0x28, 8), number(0x3a, 2), number(0x3c, 2));
    offset + size * count
}

/// The files in `dir` that only a publish in progress has.
fn temporary_files(dir: &Path) -> Vec<String> {
    let names = fs::read_dir(dir).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(".cross-")).collect()
}
