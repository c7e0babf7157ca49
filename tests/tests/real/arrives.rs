//! All that a build makes arrives where plain cargo would have put it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use cross_core::events::EventKind;
use cross_core::{Artifact, Outcome, Request};
use cross_engine::{Cancel, Invocation, process};
use cross_tests::{Leftovers, Project, engines, on_engines, shell, tool};

use super::TARGET;

const NATIVE: &str = "x86_64-unknown-linux-gnu";
const WINDOWS: &str = "x86_64-pc-windows-gnu";
const WASI: &str = "wasm32-wasip1";

on_engines! { @ the_program_comes_with_its_debug_package sandbox docker }
on_engines! { @ dep_info_names_files_that_make_finds sandbox docker }

/// Two environments, or two toolchains, publish at one place. What a build does not make may be
/// newer there.
#[test]
fn a_build_leaves_what_another_environment_has_published_since() {
    engines::need("sandbox");
    let said = |text: &str| format!("fn main() {{ println!(\"{text}\"); }}\n");
    let mut project = Project::new("app")
        .file("src/lib.rs", "")
        .file("src/main.rs", &said("first"))
        .file("src/bin/other.rs", &said("first"));
    let types = |project: &Project, engine: &str, words: &[&str]| {
        let toolchain = if engine == "host" { "host" } else { "image" };
        let cross = project.cross().engine(engine).toolchain(toolchain);
        let words = words.iter().chain(&["--quiet", "--target", NATIVE]);
        let done = cross.cargo(words.map(std::ffi::OsString::from)).run();
        assert_eq!(done.unwrap_or_else(|error| panic!("{error:?}")).code, 0);
    };
    let published = |project: &Project, path: &str| {
        fs::read(project.path().join("target").join(NATIVE).join(path)).unwrap()
    };
    types(&project, "sandbox", &["build", "--release"]);
    types(&project, "sandbox", &["doc"]);
    project = project
        .file("src/main.rs", &said("second"))
        .file("src/bin/other.rs", &said("second"))
        .file("src/lib.rs", "//! second\n");
    types(&project, "host", &["build", "--release"]);
    types(&project, "host", &["doc"]);
    let files = ["release/app", "release/other", "doc/app/index.html"];
    let newest = files.map(|file| published(&project, file));
    for words in [
        &["build"][..],
        &["check", "--release"],
        &["test", "--no-run"],
    ] {
        types(&project, "sandbox", words);
        let now = files.map(|file| published(&project, file));
        assert!(now == newest, "{words:?}");
    }
    // Only what is named, and that in any case, fresh or not.
    types(&project, "sandbox", &["build", "--release", "--bin", "app"]);
    assert!(published(&project, "release/app") != newest[0]);
    assert!(published(&project, "release/other") == newest[1]);
    types(&project, "host", &["build", "--release"]);
    assert!(published(&project, "release/app") == newest[0]);
}

/// A package with everything that cargo makes: a program, a library in three forms, an example, a
/// test and a build script.
fn shapes() -> Project {
    Project::new("my-app")
        .file("Cargo.toml", MANIFEST)
        .file(
            "src/lib.rs",
            "#[no_mangle]\npub extern \"C\" fn one() -> u32 { 1 }\n",
        )
        .file(
            "src/main.rs",
            "include!(concat!(env!(\"OUT_DIR\"), \"/two.rs\"));\n\
             fn main() { println!(\"{} {TWO}\", my_lib::one()); }\n",
        )
        .file("src/bin/second.rs", "fn main() {}\n")
        .file("examples/show-it.rs", "fn main() {}\n")
        .file("examples/part.rs", "pub fn part() {}\n")
        .file("tests/it.rs", "#[test]\nfn passes() {}\n")
        .file("benches/speed.rs", "#[test]\nfn passes() {}\n")
        .file(
            "build.rs",
            "fn main() {\n\
                 let dir = std::env::var(\"OUT_DIR\").unwrap();\n\
                 std::fs::write(dir + \"/two.rs\", \"const TWO: u32 = 2;\").unwrap();\n\
                 println!(\"cargo:rerun-if-changed=build.rs\");\n\
             }\n",
        )
}

const MANIFEST: &str = r#"[package]
name = "my-app"
version = "0.1.0"
edition = "2021"

[lib]
name = "my_lib"
crate-type = ["lib", "cdylib", "staticlib"]

[[example]]
name = "part"
crate-type = ["cdylib"]

[profile.dev]
debug = 2
split-debuginfo = "packed"

[profile.release]
strip = true

[profile.dist]
inherits = "release"
strip = false
debug = 2
split-debuginfo = "packed"

[profile.loose]
inherits = "dev"
split-debuginfo = "unpacked"
"#;

/// The files of a target that its user sees, as they would be with cargo alone: relative paths.
/// Cargo's own directories are left out.
fn shown(dir: &Path) -> BTreeSet<PathBuf> {
    const OWN: [&str; 4] = ["deps", "build", "incremental", "native"];
    let mut shown = BTreeSet::new();
    for profile in entries(dir).filter(|path| path.join("deps").is_dir() || path.is_dir()) {
        for path in entries(&profile) {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            if name == "examples" {
                // Those with a hash are cargo's own names of the same files.
                let examples = entries(&path).filter(|path| !is_hashed(path));
                shown.extend(examples);
            } else if !OWN.contains(&name.as_str()) {
                shown.insert(path);
            }
        }
    }
    let relative = |path: PathBuf| path.strip_prefix(dir).unwrap().to_owned();
    shown.into_iter().map(relative).collect()
}

fn entries(dir: &Path) -> impl Iterator<Item = PathBuf> + use<> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let is_hidden = |path: &PathBuf| path.file_name().unwrap().as_encoded_bytes()[0] == b'.';
    entries
        .map(|entry| entry.path())
        .filter(move |path| !is_hidden(path) && !path.ends_with("CACHEDIR.TAG"))
}

fn is_hashed(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    let stem = name.split('.').next().unwrap();
    stem.rsplit_once('-').is_some_and(|(_, hash)| {
        hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// What the cargo in the environment showed of `target`.
fn made_inside(project: &Project, target: &str) -> BTreeSet<PathBuf> {
    let homes: Vec<_> = entries(&project.path().join("target/cross")).collect();
    let [home] = homes.as_slice() else {
        panic!("{homes:?}");
    };
    shown(&home.join(target))
}

/// What is published of `target`.
fn published(project: &Project, target: &str) -> BTreeSet<PathBuf> {
    shown(&project.path().join("target").join(target))
}

fn must(outcome: cross_core::Result<Outcome>) -> Outcome {
    outcome.unwrap_or_else(|error| panic!("{error:?}"))
}

/// Builds everything with a typed request.
fn build(project: &Project, engine: &str, target: &str, profile: &str) -> Outcome {
    let leftovers = Leftovers::of(project);
    let cross = project.cross().env(leftovers.env()).engine(engine);
    let cross = cross.toolchain(toolchain(target));
    let outcome = must(all(cross.build(target), profile).run());
    leftovers.are_none();
    fs::remove_dir(project.outer().join("tmp")).unwrap();
    outcome
}

fn all(request: Request, profile: &str) -> Request {
    request.profile(profile).cargo_args(["--all-targets"])
}

/// The distribution's Rust links no programs for Windows.
fn toolchain(target: &str) -> &'static str {
    match target == WINDOWS {
        true => "host",
        false => "image",
    }
}

/// Runs a cargo command line at the front door.
fn types(project: &Project, engine: &str, target: &str, line: &str) {
    let leftovers = Leftovers::of(project);
    let env = leftovers.env().set("CROSS_BUILD_TARGET", target);
    let env = env.set("CROSS_BUILD_TOOLCHAIN", toolchain(target));
    let cross = [env!("CARGO_BIN_EXE_front-door"), engine];
    let said = shell(project, &env, cross, line);
    assert!(said.exit.success(), "{}\n{}", said.exit, said.stderr);
    leftovers.are_none();
    fs::remove_dir(project.outer().join("tmp")).unwrap();
}

/// Builds with the typed request and at the front door, and compares what arrives with what cargo
/// made.
fn compare(target: &str, profiles: &[&str]) {
    engines::need("sandbox");
    let (typed, door) = (shapes(), shapes());
    for profile in profiles {
        build(&typed, "sandbox", target, profile);
        let line = format!("cross build --all-targets --profile {profile}");
        types(&door, "sandbox", target, &line);
        let expected = made_inside(&typed, target);
        assert!(expected.len() > 8, "{expected:?}");
        assert_eq!(published(&typed, target), expected, "typed, {profile}");
        assert_eq!(published(&door, target), expected, "front door, {profile}");
    }
}

#[test]
fn everything_arrives_for_another_architecture() {
    compare(TARGET, &["dev", "release", "dist"]);
}

#[test]
fn everything_arrives_for_windows() {
    compare(WINDOWS, &["dev", "release"]);
}

#[test]
fn everything_arrives_for_wasi() {
    compare(WASI, &["dev", "release"]);
}

/// Cargo on the host has the same target, so that it can be asked itself.
#[test]
fn a_build_shows_what_cargo_alone_shows() {
    engines::need("sandbox");
    let (typed, door, plain) = (shapes(), shapes(), shapes());
    for profile in ["dev", "release", "dist", "loose"] {
        build(&typed, "sandbox", NATIVE, profile);
        let line = format!("build --all-targets --target {NATIVE} --profile {profile}");
        types(&door, "sandbox", NATIVE, &format!("cross {line}"));
        let cargo = Invocation::new(tool::cargo())
            .args(line.split(' '))
            .cwd(plain.path());
        let variables = cross_tests::real_env();
        let variables = variables
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let said = process::output(&cargo, &variables.collect(), &Cancel::new()).unwrap();
        assert!(said.exit.success(), "{}", said.stderr);
        let expected = published(&plain, NATIVE);
        assert_eq!(published(&typed, NATIVE), expected, "typed, {profile}");
        assert_eq!(published(&door, NATIVE), expected, "front door, {profile}");
    }
}

fn the_program_comes_with_its_debug_package(engine: &'static str) {
    let project = shapes();
    let outcome = build(&project, engine, TARGET, "dist");
    let program = artifact(&outcome, "my-app");
    let package = program.path.with_extension("dwp");
    assert!(
        program.companions.contains(&package),
        "{:?}",
        program.companions
    );
    assert!(fs::metadata(&package).unwrap().len() > 0);
    let library = outcome
        .artifacts
        .iter()
        .find(|it| it.path.ends_with("libmy_lib.so"));
    let package = library.unwrap().path.with_extension("so.dwp");
    assert!(package.is_file(), "{}", package.display());
    for artifact in &outcome.artifacts {
        assert!(
            artifact.companions.iter().all(|path| path.exists()),
            "{artifact:?}"
        );
    }
}

#[track_caller]
fn artifact<'o>(outcome: &'o Outcome, name: &str) -> &'o Artifact {
    let mut artifacts = outcome.executables();
    artifacts.find(|artifact| artifact.name == name).unwrap()
}

/// With unpacked debug information, a program names files that stay where cargo made them.
#[test]
fn unpacked_debug_information_is_where_the_program_says() {
    engines::need("sandbox");
    let project = shapes();
    let outcome = build(&project, "sandbox", NATIVE, "loose");
    let program = &artifact(&outcome, "my-app").path;
    let readelf = ["--debug-dump=info", program.to_str().unwrap()];
    let said = tool::stdout(&Invocation::new("readelf").args(readelf));
    let names = said
        .lines()
        .filter(|line| line.contains("dwo_name") && line.ends_with(".dwo"));
    let names: Vec<_> = names
        .filter_map(|line| line.split(' ').next_back())
        .collect();
    assert!(!names.is_empty(), "{said}");
    assert!(
        names.iter().all(|name| Path::new(name).is_file()),
        "{names:?}"
    );
}

/// Make rebuilds when a source changes, a generated one too, and stops at no file that only the
/// environment has.
fn dep_info_names_files_that_make_finds(engine: &'static str) {
    let script = "fn main() {\n\
            let dir = std::env::var(\"OUT_DIR\").unwrap();\n\
            std::fs::write(dir + \"/two.rs\", \"const TWO: u32 = 2;\").unwrap();\n\
            std::fs::write(\"/tmp/only-inside.h\", \"\").unwrap();\n\
            println!(\"cargo:rerun-if-changed=/tmp/only-inside.h\");\n\
            println!(\"cargo:rerun-if-changed=a b.txt\");\n\
        }\n";
    for door in [false, true] {
        let project = shapes().file("build.rs", script).file("a b.txt", "");
        match door {
            true => types(&project, engine, TARGET, "cross build"),
            false => {
                let leftovers = Leftovers::of(&project);
                must(
                    project
                        .cross()
                        .env(leftovers.env())
                        .engine(engine)
                        .build(TARGET)
                        .run(),
                );
            }
        }
        let makefile = format!(
            "include target/{TARGET}/debug/my-app.d\n\
             $(CURDIR)/target/{TARGET}/debug/my-app:\n\t@echo rebuilt\n"
        );
        let project = project.file("Makefile", &makefile);
        let program = project.path().join(format!("target/{TARGET}/debug/my-app"));
        let make = |why: &str, expected: &str| {
            let make = Invocation::new("make")
                .arg(program.to_str().unwrap())
                .cwd(project.path());
            let said = tool::stdout(&make);
            let is_done = !said.contains("rebuilt");
            assert_eq!(is_done, expected == "done", "{why}: {said}");
        };
        make("nothing changed", "done");
        let dep_info = fs::read_to_string(program.with_extension("d")).unwrap();
        let generated = dep_info
            .split_whitespace()
            .find(|path| path.ends_with("/two.rs"));
        for source in ["src/main.rs", "a b.txt", generated.unwrap()] {
            touch(&project.path().join(source), 60);
            make(source, "rebuilt");
            touch(&project.path().join(source), -3600);
        }
        assert!(!dep_info.contains("only-inside"), "{dep_info}");
    }
}

/// Sets the time of a file to `seconds` from now.
fn touch(path: &Path, seconds: i64) {
    let time = format!("{seconds} seconds");
    let touch = Invocation::new("touch").args(["--date", &time, path.to_str().unwrap()]);
    tool::stdout(&touch);
}

/// Cargo's report of the times is where cargo alone puts it.
#[test]
fn reports_of_times_arrive() {
    engines::need("sandbox");
    let (typed, door) = (Project::new("app"), Project::new("app"));
    types(&door, "sandbox", TARGET, "cross build --timings");
    let leftovers = Leftovers::of(&typed);
    let cross = typed.cross().env(leftovers.env()).engine("sandbox");
    must(cross.build(TARGET).cargo_args(["--timings"]).run());
    for project in [typed, door] {
        let report = project
            .path()
            .join("target/cargo-timings/cargo-timing.html");
        assert!(fs::metadata(&report).unwrap().len() > 0);
    }
}

/// What the user asked rustc for is where cargo puts it.
#[test]
fn what_emit_makes_arrives() {
    engines::need("sandbox");
    for door in [false, true] {
        for (select, emit, name) in [
            ("--bin=my-app", "asm", "my_app-*.s"),
            ("--bin=second", "llvm-ir", "second-*.ll"),
            ("--lib", "asm", "my_lib*.s"),
        ] {
            let project = shapes();
            if door {
                let line = format!("cross rustc {select} -- --emit {emit}");
                types(&project, "sandbox", TARGET, &line);
            } else {
                let leftovers = Leftovers::of(&project);
                let cross = project.cross().env(leftovers.env()).engine("sandbox");
                let request = cross
                    .rustc(TARGET)
                    .cargo_args([select])
                    .args(["--emit", emit]);
                must(request.run());
            }
            let deps = project.path().join(format!("target/{TARGET}/debug/deps"));
            let (start, end) = name.split_once('*').unwrap();
            let found = entries(&deps).any(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                name.starts_with(start) && name.ends_with(end)
            });
            assert!(
                found,
                "{select} {emit}: {:?}",
                entries(&deps).collect::<Vec<_>>()
            );
        }
    }
}

/// Tests need the programs of their package, which cargo shows its user as after a build.
#[test]
fn programs_that_tests_need_arrive() {
    engines::need("sandbox");
    for (number, door) in ["cross test", "cross test --no-run", "cross bench --no-run"]
        .into_iter()
        .enumerate()
    {
        let (typed, by_hand) = (shapes(), shapes());
        let leftovers = Leftovers::of(&typed);
        let cross = typed.cross().env(leftovers.env()).engine("sandbox");
        let outcome = must(match number {
            0 | 1 => cross.test(TARGET).run(),
            _ => cross.bench(TARGET).run(),
        });
        for artifact in &outcome.artifacts {
            assert!(artifact.path.is_file(), "{artifact:?}");
        }
        types(&by_hand, "sandbox", TARGET, door);
        let expected = made_inside(&typed, TARGET);
        assert!(!expected.is_empty());
        assert_eq!(published(&typed, TARGET), expected, "typed, {door}");
        assert_eq!(published(&by_hand, TARGET), expected, "{door}");
    }
}

/// What a build script leaves beside cargo's files is not lost without a word.
#[test]
fn what_does_not_arrive_is_named() {
    engines::need("sandbox");
    let script = "fn main() {\n\
            let dir = std::env::var(\"OUT_DIR\").unwrap();\n\
            std::fs::write(dir.clone() + \"/two.rs\", \"const TWO: u32 = 2;\").unwrap();\n\
            std::fs::write(dir.clone() + \"/../../../my.h\", \"\").unwrap();\n\
            std::fs::create_dir_all(dir + \"/../../../assets\").unwrap();\n\
        }\n";
    let project = shapes().file("build.rs", script);
    build(&project, "sandbox", TARGET, "dev");
    let warned = project
        .recorder()
        .events()
        .into_iter()
        .any(|event| match event.kind {
            EventKind::Warning { code, message, .. } => {
                code == "not-published" && message.contains("my.h") && message.contains("assets")
            }
            _ => false,
        });
    assert!(warned);
}

/// The messages of the warnings about what is not published.
fn unpublished(project: &Project) -> Vec<String> {
    let events = project.recorder().events().into_iter();
    let messages = events.filter_map(|event| match event.kind {
        EventKind::Warning { code, message, .. } if code == "not-published" => Some(message),
        _ => None,
    });
    messages.collect()
}

/// Cargo may call a program as its manifest says with a feature that is unstable.
#[test]
fn an_artifact_with_a_name_of_its_own_arrives() {
    engines::need("sandbox");
    let manifest = "cargo-features = [\"different-binary-name\"]\n[package]\nname = \"app\"\n\
        version = \"0.1.0\"\nedition = \"2021\"\n\
        [[bin]]\nname = \"app\"\npath = \"src/main.rs\"\nfilename = \"app.renamed-1\"\n";
    let project = Project::new("app").file("Cargo.toml", manifest);
    let project = project.cross_toml("[build.env]\npassthrough = [\"RUSTC_BOOTSTRAP=1\"]\n");
    let leftovers = Leftovers::of(&project);
    let env = leftovers.env().set("RUSTC_BOOTSTRAP", "1");
    let cross = project.cross().env(env).engine("sandbox");
    let outcome = must(cross.build(TARGET).run());
    let path = project
        .path()
        .join("target")
        .join(TARGET)
        .join("debug/app.renamed-1");
    let [artifact] = &outcome.artifacts[..] else {
        panic!("{:?}", outcome.artifacts)
    };
    assert_eq!(artifact.path, path);
    std::fs::remove_file(&path).unwrap();
    let line = cross.cargo(["build", "--target", TARGET]).run().unwrap();
    assert_eq!(line.code, 0);
    assert!(path.is_file(), "{:?}", unpublished(&project));
}

/// A manifest may choose another target for its package.
#[test]
fn an_artifact_for_another_target_is_named() {
    engines::need("sandbox");
    let manifest = format!(
        "cargo-features = [\"per-package-target\"]\n[package]\nname = \"app\"\nversion = \"0.1.0\"\n\
         edition = \"2021\"\nforced-target = \"{NATIVE}\"\n"
    );
    let project = Project::new("app").file("Cargo.toml", &manifest);
    let project = project.cross_toml("[build.env]\npassthrough = [\"RUSTC_BOOTSTRAP=1\"]\n");
    let leftovers = Leftovers::of(&project);
    let env = leftovers.env().set("RUSTC_BOOTSTRAP", "1");
    let cross = project.cross().env(env).engine("sandbox");
    let expected =
        format!("{NATIVE}/debug/app`: not published, since it is built for another target");
    let outcome = must(cross.build(TARGET).run());
    assert!(outcome.artifacts.is_empty(), "{:?}", outcome.artifacts);
    let told = unpublished(&project);
    assert!(told.len() == 1 && told[0].contains(&expected), "{told:?}");
    let line = cross.cargo(["build", "--target", TARGET]).run().unwrap();
    assert_eq!(line.code, 0);
    let told = unpublished(&project);
    assert!(told.len() == 2 && told[1].contains(&expected), "{told:?}");
}
