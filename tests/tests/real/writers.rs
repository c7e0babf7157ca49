//! Several builds of one project at the same time publish whole files and leave nothing else.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;

use cross_core::Cross;
use cross_tests::{Leftovers, Project, engines, on_engines};

use super::TARGET;

/// The number of builds at the same time.
const WRITERS: usize = 4;
/// Each round publishes a program of another length.
const ROUNDS: usize = 5;

on_engines! { builds_at_the_same_time_publish_whole_programs }

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
