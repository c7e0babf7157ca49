//! Crashes of programs leave no file behind, whatever limit the caller has.

use std::fs;
use std::path::{Path, PathBuf};

use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, on_engines, tool};

use super::TARGET;

on_engines! { a_crash_leaves_no_core_file }

/// A program that crashes in the way and the directory that it is told.
const MAIN: &str = "use std::env::set_current_dir;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    set_current_dir(&args[2]).unwrap();
    match args[1].as_str() {
        \"abort\" => std::process::abort(),
        \"overflow\" => println!(\"{}\", deep(1)),
        _ => unsafe { std::ptr::null_mut::<u8>().write_volatile(1) },
    }
}
fn deep(n: u64) -> u64 {
    let here = std::hint::black_box([n; 512]);
    deep(n + 1) + here[7]
}
#[test]
fn aborts() {
    set_current_dir(std::env::var(\"WRITABLE\").unwrap()).unwrap();
    std::process::abort();
}
";

fn a_crash_leaves_no_core_file(engine: &'static str) {
    engines::need(engine);
    // As `ulimit -c unlimited` in the caller's shell.
    let this = std::process::id().to_string();
    let raise = Invocation::new("prlimit").args(["--core=unlimited:unlimited", "--pid", &this]);
    tool::stdout(&raise);
    let project = Project::new("app")
        .file("src/main.rs", MAIN)
        .file("out/.keep", "")
        .cross_toml("[build]\nwritable = [\"out\"]\n[build.env]\npassthrough = [\"WRITABLE\"]\n");
    let leftovers = Leftovers::of(&project);
    let out = project.path().join("out");
    for target in [TARGET, "x86_64-unknown-linux-gnu"] {
        let env = leftovers.env().set("WRITABLE", &out);
        let cross = project.cross().env(env).engine(engine);
        cross.test(target).run().unwrap_err();
        for how in ["abort", "overflow", "null"] {
            for dir in [&out, &project.path().join("target/cross")] {
                let dir = dir.to_str().unwrap();
                cross.run(target).args([how, dir]).run().unwrap_err();
            }
        }
    }
    let left = files_below(project.path());
    let is_core = |path: &&PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy();
        name == "core" || name.starts_with("core.") || name.ends_with(".core")
    };
    let cores: Vec<_> = left.iter().filter(is_core).collect();
    assert!(cores.is_empty(), "{cores:?}");
}

fn files_below(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().flatten();
    let below = entries.flat_map(|entry| match entry.file_type().unwrap().is_dir() {
        true => files_below(&entry.path()),
        false => vec![entry.path()],
    });
    below.collect()
}
