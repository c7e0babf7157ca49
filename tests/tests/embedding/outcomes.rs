//! Outcomes: artifacts, diagnostics, and the result of each test.

use std::path::Path;

use cross_core::ErrorKind;
use cross_core::outcome::{CompiledPackage, TestStatus};
use cross_engine::Invocation;
use cross_tests::{Project, tool};

use crate::{NATIVE, machine};

#[test]
fn an_artifact_has_a_profile_both_its_paths_and_a_checksum() {
    let (machine, project) = (machine(), Project::new("app"));
    let request = machine.cross(&project).build(NATIVE);
    assert_eq!(request.run().unwrap().artifacts[0].sha256, None);
    let built = request.release(true).checksums(true).run().unwrap();
    let [program] = built.artifacts.as_slice() else {
        panic!("{:?}", built.artifacts);
    };
    assert_eq!(program.profile, "release");
    let usual = project
        .path()
        .join("target")
        .join(NATIVE)
        .join("release/app");
    assert_eq!(program.path, usual);
    assert!(
        program
            .inside
            .starts_with(project.path().join("target/cross"))
    );
    assert!(program.inside.is_file(), "mounts are at the host's paths");
    let sum = Invocation::new("sha256sum").arg(usual.to_str().unwrap());
    let sum = tool::stdout(&sum);
    assert_eq!(program.sha256.as_deref(), sum.split(' ').next());
}

#[test]
fn compiler_diagnostics_are_data() {
    let machine = machine();
    let warned = "fn main() {\n    let unused = 1;\n}\n";
    let project = Project::new("app").file("src/main.rs", warned);
    let outcome = machine.cross(&project).build(NATIVE).run().unwrap();
    let said = &outcome.diagnostics[0];
    assert_eq!(
        (said.level.as_str(), said.package.as_str()),
        ("warning", "app")
    );
    assert_eq!(said.code.as_deref(), Some("unused_variables"));
    assert_eq!(said.message, "unused variable: `unused`");
    let place = said.place.as_ref().unwrap();
    assert_eq!(
        (place.file.as_path(), place.line, place.column),
        (Path::new("src/main.rs"), 2, 9)
    );
    assert!(
        said.rendered.contains("let unused = 1;"),
        "{}",
        said.rendered
    );
    // Cargo repeats diagnostics of a fresh build.
    let again = machine.cross(&project).build(NATIVE).run().unwrap();
    assert_eq!(again.diagnostics, outcome.diagnostics);

    let broken = Project::new("app").file("src/main.rs", "fn main() { let _: u8 = \"\"; }\n");
    let error = machine.cross(&broken).build(NATIVE).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CargoFailed);
    let codes: Vec<_> = error
        .compiler_diagnostics()
        .iter()
        .filter_map(|said| said.code.as_deref())
        .collect();
    assert_eq!(codes, ["E0308"]);
}

#[test]
fn each_test_has_a_result() {
    let machine = machine();
    let project = Project::new("app")
        .file("src/main.rs", "fn main() {}\n#[test]\nfn unit() {}\n")
        .file(
            "tests/it.rs",
            "mod deep {\n#[test]\nfn passes() {}\n#[test]\n#[should_panic]\nfn panics() { panic!() }\n\
             #[test]\n#[ig\
             nore = \"slow\"]\nfn is_slow() {}\n}\n",
        );
    let tested = machine.cross(&project).test(NATIVE).run().unwrap();
    let tests = tested.tests.unwrap();
    assert_eq!((tests.passed, tests.failed, tests.ignored), (3, 0, 1));
    let [unit, it] = &tests.binaries[..] else {
        panic!("{:?}", tests.binaries);
    };
    assert!(
        unit.name.starts_with("unittests src/main.rs ("),
        "{}",
        unit.name
    );
    assert!(it.name.starts_with("tests/it.rs ("), "{}", it.name);
    let mut results: Vec<_> = it
        .tests
        .iter()
        .map(|test| (test.name.as_str(), test.status))
        .collect();
    results.sort_by_key(|(name, _)| *name);
    use TestStatus::{Ignored, Passed};
    let expected = [
        ("deep::is_slow", Ignored),
        ("deep::panics", Passed),
        ("deep::passes", Passed),
    ];
    assert_eq!(results, expected);

    let failing = "#[test]\nfn fails() { panic!() }\n";
    let project = Project::new("app").file("tests/it.rs", failing);
    let error = machine.cross(&project).test(NATIVE).run().unwrap_err();
    let tests = error.tests().unwrap();
    let last = &tests.binaries.last().unwrap().tests[0];
    assert_eq!(
        (last.name.as_str(), last.status),
        ("fails", TestStatus::Failed)
    );
}

/// A build script that makes a static library with the machine's compiler.
const WITH_LIBRARY: &str = r#"use std::process::Command;

fn main() {
    builder::built();
    let out = std::env::var("OUT_DIR").unwrap();
    let object = format!("{out}/one.o");
    let compile = Command::new("cc").args(["-c", "one.c", "-o", &object]).status().unwrap();
    let archive = format!("{out}/libone.a");
    let pack = Command::new("ar").args(["crs", &archive, &object]).status().unwrap();
    assert!(compile.success() && pack.success());
    println!("cargo:rustc-link-search=native={out}\ncargo:rustc-link-lib=static=one");
}
"#;

#[test]
fn packages_are_those_that_cargo_compiled_for_the_request() {
    let library = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{more}")
    };
    let manifest = library(
        "app",
        "[features]\nextra = [\"member/more\"]\nunused = [\"dep:optional\"]\n\
         [dependencies]\nmember = { path = \"member\" }\nmac = { path = \"mac\" }\n\
         optional = { path = \"optional\", optional = true }\n\
         [target.'cfg(windows)'.dependencies]\nwindows-only = { path = \"windows-only\" }\n\
         [build-dependencies]\nbuilder = { path = \"builder\" }\n\
         [dev-dependencies]\nfor-tests = { path = \"for-tests\" }\n",
    );
    let mut project = Project::new("app")
        .file("Cargo.toml", &manifest)
        .file("build.rs", WITH_LIBRARY)
        .file("src/bin/second.rs", "fn main() {}\n")
        .file("one.c", "int one(void) { return 1; }\n")
        .file(
            "src/main.rs",
            "fn main() { mac::nothing!(); println!(\"{}\", member::member()); }\n",
        )
        .file(
            "mac/Cargo.toml",
            &library("mac", "[lib]\nproc-macro = true\n"),
        )
        .file(
            "mac/src/lib.rs",
            "use proc_macro::TokenStream;\n\
             #[proc_macro]\npub fn nothing(_: TokenStream) -> TokenStream { TokenStream::new() }\n",
        )
        .file(
            "member/Cargo.toml",
            &library(
                "member",
                "[features]\ndefault = [\"std\"]\nstd = []\nmore = []\n",
            ),
        )
        .file("member/src/lib.rs", "pub fn member() -> u32 { 1 }\n")
        .without("Cargo.lock");
    for name in ["optional", "windows-only", "builder", "for-tests"] {
        project = project
            .file(&format!("{name}/Cargo.toml"), &library(name, ""))
            .file(&format!("{name}/src/lib.rs"), "pub fn built() {}\n");
    }
    let machine = machine();
    let cross = machine.cross(&project);
    let packages = |request: cross_core::Request| -> Vec<String> {
        let outcome = request.run().unwrap();
        let line = |package: &CompiledPackage| {
            assert_eq!(
                (package.version.as_str(), &package.source),
                ("0.1.0", &None)
            );
            let host = if package.for_host { " (host)" } else { "" };
            let features = package.features.join(",");
            let libraries = package.native_libraries.iter();
            let libraries: Vec<_> = libraries
                .map(|it| format!("{:?} {} {:?}", it.kind.as_deref(), it.name, it.origin))
                .collect();
            format!("{}{host} [{features}] {libraries:?}", package.name)
        };
        outcome.packages.iter().map(line).collect()
    };
    let built = [
        "app [] [\"Some(\\\"static\\\") one BuildScript\"]",
        "builder (host) [] []",
        "mac (host) [] []",
        "member [default,std] []",
    ];
    assert_eq!(packages(cross.build(NATIVE)), built);
    assert_eq!(packages(cross.build(NATIVE)), built, "also what is fresh");
    let elsewhere = project.outer().join("elsewhere");
    let moved = cross.build(NATIVE).target_dir(&elsewhere);
    assert_eq!(packages(moved), built, "in any target directory");
    let with_feature = packages(cross.build(NATIVE).features(["extra"]));
    assert_eq!(with_feature[0], built[0].replace("[]", "[extra]"));
    assert_eq!(with_feature[3], "member [default,more,std] []");
    let tested = packages(cross.test(NATIVE));
    assert!(tested.contains(&"for-tests [] []".to_owned()), "{tested:?}");
}
