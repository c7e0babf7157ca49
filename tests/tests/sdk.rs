//! The ten targets that no distribution supports: with the published image, and with an SDK of the
//! user that completes a recipe.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{
    ErrorKind, Plan,
    engine::EnvironmentLocation,
    events::EventKind,
    plan::{Action, EnvironmentKind},
};
use cross_engine::{Access, EnvValue, Invocation, RunSpec};
use cross_targets::{DebianArch, Level, RustSource, Sdk, Target};
use cross_tests::{Answer, Fakes, Leftovers, Machine, Project, check, tool};

const ILLUMOS: &str = "x86_64-unknown-illumos";
const NDK_PROGRAMS: &str = "toolchains/llvm/prebuilt/linux-x86_64/bin";

fn machine(engine: Fakes) -> Machine {
    Machine::new(env!("CARGO_BIN_EXE_fake-engine"), engine)
}

/// Those that take one. The suite `apple` has Apple's.
fn with_an_sdk() -> Vec<Target> {
    let is_here = |sdk: Sdk| !matches!(sdk, Sdk::Apple { .. });
    let all: Vec<_> = Target::all()
        .filter(|target| target.facts().sdk.is_some_and(is_here))
        .collect();
    assert!(all.len() >= 13, "{all:?}");
    all
}

/// Those that have no recipe without one.
fn served_by_an_sdk() -> Vec<Target> {
    let all: Vec<_> = with_an_sdk()
        .into_iter()
        .filter(|target| target.facts().level() == Level::Sdk)
        .collect();
    assert_eq!(all.len(), 10);
    all
}

/// Plans a build with the distribution's Rust.
fn plan(machine: &Machine, project: &Project, target: Target) -> Plan {
    let cross = machine.cross(project).toolchain("image");
    cross.build(target.to_string()).plan().unwrap()
}

#[test]
fn without_an_sdk_the_published_image_is_used() {
    let project = Project::new("app");
    for target in served_by_an_sdk() {
        let place = format!("ghcr.io/cross-rs/{target}");
        let digest = format!("sha256:{}", "5".repeat(64));
        let facts = serde_json::json!([{
            "Id": "sha256:0", "Os": "linux", "Architecture": "amd64", "Config": {},
            "RepoDigests": [format!("{place}@{digest}")],
        }]);
        let there = machine(Fakes::Docker).rule(
            "docker",
            &["image", "inspect"],
            Answer::says(&format!("{facts}\n")),
        );
        let plan = plan(&there, &project, target);
        let environment = &plan.environment;
        assert_eq!(environment.kind, EnvironmentKind::PublishedImage);
        let image = EnvironmentLocation::Image(format!("{place}:main"));
        assert_eq!((&environment.location, &environment.sdk), (&image, &None));
        assert_eq!(environment.image_digest.as_ref(), Some(&digest));
        let [warning] = plan.warnings.as_slice() else {
            panic!("one warning: {:?}", plan.warnings);
        };
        assert_eq!(warning.code, "published-image");
        let help = warning.help.as_deref().unwrap();
        let pinned = format!("image = \"{place}@{digest}\"");
        assert!(help.contains(&pinned) && help.contains("`sdk`"), "{help}");
    }
}

/// A project with a directory `sdk` that looks like the SDK for `target`.
fn with_sdk(target: Target) -> Project {
    let project = Project::new("app").cross_toml(&format!("[target.{target}]\nsdk = \"sdk\"\n"));
    match target.facts().sdk.unwrap() {
        Sdk::Ndk { clang, .. } => [format!("{clang}24-clang"), "llvm-ar".to_owned()]
            .into_iter()
            .fold(project, |project, name| {
                project.file(&format!("sdk/{NDK_PROGRAMS}/{name}"), "")
            }),
        Sdk::Windows { arch, .. } => ["crt/lib", "sdk/lib/um", "sdk/lib/ucrt"]
            .into_iter()
            .fold(project, |project, libraries| {
                project.file(&format!("sdk/{libraries}/{arch}/any.lib"), "")
            }),
        _ => project
            .file("sdk/usr/include/stdio.h", "")
            .file("sdk/usr/lib/libc.so", ""),
    }
}

fn run_of(plan: &Plan) -> &RunSpec {
    let mut runs = plan.steps.iter().filter_map(|step| match &step.action {
        Action::Run { spec, .. } => Some(spec),
        _ => None,
    });
    runs.next_back().unwrap()
}

/// Returns the variables of a run that concern the target.
fn target_variables(spec: &RunSpec, target: Target) -> String {
    let (lower, upper) = (target.env_lower(), target.env_upper());
    let is_of_target = |name: &str| {
        name.contains(&lower)
            || name.contains(&upper)
            || ["ANDROID_", "CROSS_"]
                .iter()
                .any(|prefix| name.starts_with(prefix))
    };
    let mut text = String::new();
    for (name, value) in spec.env.iter().filter(|(name, _)| is_of_target(name)) {
        let EnvValue::Plain(value) = value else {
            panic!("{name} is no secret");
        };
        writeln!(text, "{name}={value}").unwrap();
    }
    text
}

#[test]
fn an_sdk_completes_a_recipe() {
    let mut text = String::new();
    for target in with_an_sdk() {
        let (machine, project) = (machine(Fakes::Sandbox), with_sdk(target));
        let plan = plan(&machine, &project, target);
        let (environment, sdk) = (&plan.environment, project.path().join("sdk"));
        assert_eq!(environment.kind, EnvironmentKind::Recipe, "{target}");
        assert_eq!(environment.sdk.as_ref(), Some(&sdk));
        assert_eq!(plan.warnings, []);
        let spec = run_of(&plan);
        let mounted = spec
            .mounts
            .iter()
            .find(|mount| mount.target == sdk)
            .unwrap();
        assert_eq!(mounted.access, Access::Read, "it stays as it is");
        let told = machine
            .redactor(&project)
            .apply(&target_variables(spec, target));
        writeln!(text, "# {target}\n{told}").unwrap();
    }
    check("sdk", &text);
}

#[test]
fn the_sdk_that_is_configured_is_explained() {
    let target = Target::parse("aarch64-linux-android").unwrap();
    let (machine, project) = (machine(Fakes::Sandbox), with_sdk(target));
    let text = machine.cross(&project).explain(target.triple()).unwrap();
    let sdk = project.path().join("sdk");
    let here = format!("Here the SDK is `{}`.", sdk.display());
    assert!(text.ends_with(&here), "{text}");
    let other = machine.cross(&Project::new("app")).explain(target.triple());
    assert!(!other.unwrap().contains("Here the SDK"));
    let broken = project.cross_toml("[target.aarch64-linux-android]\nsdk = \"sdk\n");
    let error = machine.cross(&broken).explain(target.triple());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Config);
    let without_one = machine.cross(&broken).explain("x86_64-unknown-linux-gnu");
    without_one.unwrap();
}

/// `cargo-xwin` keeps its SDK in a directory of its cache.
#[test]
fn xwins_cache_is_found_by_its_variable_and_its_lack_is_told() {
    let target = Target::parse("x86_64-pc-windows-msvc").unwrap();
    let machine = machine(Fakes::Sandbox);
    let project = ["crt/lib", "sdk/lib/um", "sdk/lib/ucrt"]
        .into_iter()
        .fold(Project::new("app"), |project, libraries| {
            project.file(&format!("cache/xwin/{libraries}/x86_64/any.lib"), "")
        });
    let plan = |cache: &str| {
        let env = machine
            .env()
            .set("XWIN_CACHE_DIR", project.path().join(cache));
        let cross = machine.cross(&project).env(env).toolchain("image");
        cross.build(target.to_string()).plan()
    };
    let found = plan("cache").unwrap();
    assert_eq!(
        found.environment.sdk,
        Some(project.path().join("cache/xwin"))
    );
    let error = plan("src").unwrap_err();
    assert!(
        error
            .to_string()
            .contains("it has no crt/lib/x86_64 or crt/lib/x64"),
        "{error}"
    );
    let help = error.help().unwrap();
    assert!(
        help.contains("cargo install xwin --locked") && help.contains("splat"),
        "{help}"
    );
}

#[test]
fn each_sdk_has_its_own_target_directory() {
    let target = Target::parse(ILLUMOS).unwrap();
    let (machine, project) = (machine(Fakes::Sandbox), with_sdk(target));
    let here = plan(&machine, &project, target);
    let other = project.outer().join("other");
    tool::stdout(&Invocation::new("cp").args([
        "-r",
        project.path().join("sdk").to_str().unwrap(),
        other.to_str().unwrap(),
    ]));
    let toml = format!("[target.{target}]\nsdk = \"../other\"\n");
    let there = plan(&machine, &project.cross_toml(&toml), target);
    assert_eq!(here.environment.name, there.environment.name);
    assert_ne!(here.target_dir, there.target_dir);
}

#[test]
fn an_export_tells_that_the_sdk_is_not_in_the_archive() {
    let target = Target::parse(ILLUMOS).unwrap();
    // What fetches the crates runs in the environment.
    let machine = machine(Fakes::Sandbox).rule("bwrap", &["fetch"], Answer::says(""));
    let project = with_sdk(target).file("sdk/etc/release", "OmniOS r151054");
    machine.make_environment(&plan(&machine, &project, target));
    let cross = machine.cross(&project).toolchain("image");
    let cross = project.recorder().hear(cross);
    let archive = project.outer().join("offline.tar");
    cross.export([ILLUMOS], &archive).run().unwrap();
    assert!(archive.is_file());
    let events = project.recorder().events();
    let mut warnings = events.iter().filter_map(|event| match &event.kind {
        EventKind::Warning {
            code,
            message,
            help,
            ..
        } if code == "not-exported" => Some((message, help)),
        _ => None,
    });
    let (message, help) = warnings.next().unwrap();
    let sdk = project.path().join("sdk").display().to_string();
    for said in [ILLUMOS, sdk.as_str(), "etc/release "] {
        assert!(message.contains(said), "{message}");
    }
    assert!(help.as_ref().unwrap().contains("the key `sdk`"), "{help:?}");
    assert_eq!(warnings.next(), None);
}

/// The scripts of the recipe for `triple` in a directory. Each of the `fakes` is a program that
/// prints its name and its arguments.
struct Scripts(tempfile::TempDir);

impl Scripts {
    fn of(triple: &str, fakes: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let target = Target::parse(triple).unwrap();
        let recipe = target
            .recipe_with_sdk(DebianArch::Amd64, RustSource::External)
            .unwrap();
        for file in &recipe.files {
            write_program(&at(dir.path(), &file.path), &file.text);
        }
        for name in fakes {
            let text = "#!/bin/sh\nprintf '%s' \"${0##*/}\"\nprintf ' [%s]' \"$@\"\n";
            write_program(&dir.path().join(name), text);
        }
        Scripts(dir)
    }

    /// Runs the script at `path` with `variables`, and returns its output.
    fn output(&self, variables: &[String], path: &str, arguments: &[&str]) -> String {
        let bin = self.0.path().join("bin");
        let path_variable = format!("PATH={}:/usr/bin:/bin", bin.display());
        let script = at(self.0.path(), path);
        let command = Invocation::new("env")
            .args([path_variable])
            .args(variables.to_vec())
            .args([script.to_str().unwrap()])
            .args(arguments.to_vec());
        tool::stdout(&command).trim_end().to_owned()
    }
}

/// Returns the absolute `path` below `root`.
fn at(root: &Path, path: &str) -> PathBuf {
    root.join(path.trim_start_matches('/'))
}

fn write_program(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_ndks_own_compiler_is_started() {
    let [clang, cxx, ar] = [
        "armv7a-linux-androideabi24-clang",
        "armv7a-linux-androideabi24-clang++",
        "llvm-ar",
    ];
    let fakes = [clang, cxx, ar].map(|name| format!("ndk dir/{NDK_PROGRAMS}/{name}"));
    let fakes: Vec<_> = fakes.iter().map(String::as_str).collect();
    let scripts = Scripts::of("armv7-linux-androideabi", &fakes);
    let ndk = scripts.0.path().join("ndk dir");
    let variables = [
        format!("ANDROID_NDK_HOME={}", ndk.display()),
        "CROSS_ANDROID_API=24".to_owned(),
    ];
    for (script, program) in [("clang", clang), ("clang++", cxx), ("ar", ar)] {
        let path = format!("/usr/local/bin/armv7a-linux-androideabi-{script}");
        let said = scripts.output(&variables, &path, &["-c", "a b.c"]);
        assert_eq!(said, format!("{program} [-c] [a b.c]"));
    }
}

#[test]
fn clang_gets_the_target_and_the_sysroot() {
    let scripts = Scripts::of("x86_64-unknown-dragonfly", &["bin/clang"]);
    let said = scripts.output(
        &["CROSS_SYSROOT=/a root".to_owned()],
        "/usr/local/bin/cross-cc",
        &["--target=x86_64-unknown-dragonfly6", "-c", "a b.c"],
    );
    assert_eq!(
        said,
        "clang [--target=x86_64-unknown-dragonfly] [--sysroot=/a root] \
         [--start-no-unused-arguments] [-fuse-ld=lld] [--end-no-unused-arguments] [-c] [a b.c]"
    );
}

#[test]
fn solaris_linker_options_are_translated_for_lld() {
    let scripts = Scripts::of("sparcv9-sun-solaris", &["bin/ld.lld"]);
    let said = scripts.output(
        &[],
        "/usr/gnu/bin/ld",
        &[
            "-m",
            "elf64_sparc_sol2",
            "crtbegin.o",
            "a b.o",
            "-M",
            "/list",
            "-z",
            "ignore",
            "-lgcc_s",
            "-lc",
            "-lgcc",
            "crtend.o",
        ],
    );
    assert_eq!(
        said,
        "ld.lld [--dynamic-linker=/lib/sparcv9/ld.so.1] [-m] [elf64_sparc] [a b.o] \
         [--version-script] [/list] [-z] [nokeep-text-section-prefix] [-lgcc_s] [-lc]"
    );
}

/// Makes an illumos root file system whose C library has one function, and links with it.
const LINK: &str = "#!/bin/sh
set -e
cross-cc -c program.c -o out/program.o
cross-cc out/program.o -o out/program
readelf --wide --file-header --program-headers --dynamic out/program
cross-cc -c program.c -o out/other.o
llvm-ar rcs out/libother.a out/other.o
";

/// Makes the sysroot beforehand, because mounts are read-only.
const SYSROOT: &str = "#!/bin/sh
set -e
lib=sdk/usr/lib/amd64
mkdir -p $lib sdk/usr/include
echo 'int answer(void);' >sdk/usr/include/answer.h
echo 'int main(void); void _start(void) { main(); }' | gcc -c -xc - -o $lib/crt1.o
for name in crti crtn values-Xa values-xpg6; do gcc -c -xc /dev/null -o $lib/$name.o; done
echo 'int answer(void) { return 42; }' | gcc -shared -nostdlib -fPIC -Wl,-soname,libc.so.1 -xc - -o $lib/libc.so
gcc -shared -nostdlib -fPIC -Wl,-soname,libgcc_s.so.1 -xc /dev/null -o $lib/libgcc_s.so
";

#[test]
fn c_is_compiled_and_linked_against_a_sysroot_in_the_sandbox() {
    let project = Project::new("app")
        .cross_toml(&format!(
            "[build]\nwritable = [\"out\"]\n[target.{ILLUMOS}]\nsdk = \"sdk\"\n"
        ))
        .file("out/README", "")
        .file("make-sysroot", SYSROOT)
        .file("link", LINK)
        .file(
            "program.c",
            "#include <answer.h>\n#ifndef __sun\n#error no illumos\n#endif\nint main(void) { return answer(); }\n",
        );
    let leftovers = Leftovers::of(&project);
    let script = Invocation::new("sh")
        .args(["make-sysroot"])
        .cwd(project.path());
    tool::stdout(&script);
    let cross = project
        .cross()
        .env(leftovers.env())
        .engine("sandbox")
        .toolchain("host");
    let linked = cross.exec(ILLUMOS, ["sh", "link"]).capture(true).run();
    let linked = linked.unwrap_or_else(|error| panic!("{error}\n{}", project.recorder().output()));
    let said = linked.stdout.unwrap();
    for part in [
        "Class:                             ELF64",
        "Advanced Micro Devices X86-64",
        "Requesting program interpreter: /lib/amd64/ld.so.1]",
        "Shared library: [libc.so.1]",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    assert!(project.path().join("out/libother.a").exists());
    leftovers.are_none();
}
