//! Apple's systems: universal binaries, the oldest version of the system, and SDKs.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::path::Path;

use cross_config::Layer;
use cross_core::{
    Artifact, Cross, Error, ErrorKind,
    events::EventKind,
    mach_o::{MachO, Signature},
    object_files::Strip,
    outcome::ArtifactKind,
};
use cross_targets::{SystemVersion, Target};
use cross_tests::Project;

const BOTH: &str = "universal2-apple-darwin";
const ARM: &str = "aarch64-apple-darwin";

const MANIFEST: &str = r#"[package]
name = "app"
version = "0.1.0"
edition = "2021"

[lib]
crate-type = ["cdylib", "staticlib", "rlib"]
"#;

const LIBRARY: &str = "#[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> u32 { 42 }\n";

const PROGRAM: &str = r#"fn main() {
    let thread = std::thread::spawn(|| app::answer());
    println!("{}", thread.join().unwrap());
}
"#;

/// A program with threads, and a library of every kind.
fn project() -> Project {
    Project::new("app")
        .file("Cargo.toml", MANIFEST)
        .file("src/lib.rs", LIBRARY)
        .file("src/main.rs", PROGRAM)
}

/// The library for `project`, with the host's Rust: the distribution has none for these targets.
fn cross(project: &Project) -> Cross {
    project.cross().toolchain("host")
}

fn named<'a>(artifacts: &'a [Artifact], file: &str) -> &'a Artifact {
    let found = artifacts
        .iter()
        .find(|artifact| artifact.path.ends_with(file));
    found.unwrap_or_else(|| panic!("{file} in {artifacts:#?}"))
}

fn machines(path: &Path) -> Vec<String> {
    let all = MachO::read_all(path).unwrap();
    all.into_iter().map(|one| one.machine).collect()
}

#[test]
fn one_call_builds_for_both_processors_of_macs() {
    let project = project();
    let request = cross(&project).build(BOTH).release(true);
    let transcript = request.plan().unwrap().to_string();
    assert!(
        transcript
            .contains("join the files for aarch64-apple-darwin and x86_64-apple-darwin\njoin "),
        "{transcript}"
    );
    let built = request.run().unwrap();
    let directory = project.path().join("target").join(BOTH).join("release");
    let app = built.executables().next().unwrap();
    assert_eq!(app.path, directory.join("app"));
    assert_eq!(app.slices.len(), 2, "{:?}", app.slices);
    assert_eq!(app.companions, [directory.join("app.d")]);
    assert_eq!(app.deployment_target, Some(SystemVersion::new(11, 0, 0)));
    for file in ["app", "libapp.dylib"] {
        let path = &named(&built.artifacts, file).path;
        assert_eq!(machines(path), ["arm64", "x86_64"], "{file}");
        let [arm, intel] = MachO::read_all(path).unwrap().try_into().unwrap();
        assert_eq!(arm.signature, Signature::AdHoc, "{file}");
        assert!(arm.deployment_target > intel.deployment_target, "{file}");
    }
    let archive = std::fs::read(&named(&built.artifacts, "libapp.a").path).unwrap();
    assert_eq!(archive[..8], [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2]);
    // What is Rust's own cannot be joined, and is not published as if it were.
    let rlibs: Vec<_> = built
        .artifacts
        .iter()
        .filter(|artifact| artifact.path.ends_with("libapp.rlib"))
        .collect();
    assert_eq!(rlibs.len(), 2);
    assert!(
        rlibs
            .iter()
            .all(|it| it.path == it.inside && it.path.exists())
    );
    assert!(!directory.join("libapp.rlib").exists());
    // Only what was asked for appears outside.
    assert!(!project.path().join("target").join(ARM).exists());
    let events = project.recorder().events();
    let announced = events.iter().filter_map(|event| match &event.kind {
        EventKind::Artifact(artifact) if artifact.kind == ArtifactKind::Executable => {
            Some(artifact)
        }
        _ => None,
    });
    assert_eq!(announced.collect::<Vec<_>>(), [app]);

    // The same by a command line of cargo's, in another profile.
    let done = cross(&project)
        .cargo(["build", "--target", BOTH])
        .run()
        .unwrap();
    assert_eq!(done.code, 0);
    let app = project.path().join("target").join(BOTH).join("debug/app");
    assert_eq!(machines(&app), ["arm64", "x86_64"]);
    // What was joined is published, though the files that it was made of are not.
    let events = project.recorder().events();
    let warned = events.iter().filter_map(|event| match &event.kind {
        EventKind::Warning { message, .. } => Some(message),
        _ => None,
    });
    assert_eq!(warned.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn what_is_for_one_processor_is_refused_for_both() {
    let project = project();
    let cross = cross(&project);
    for error in [
        cross.test(BOTH).plan().unwrap_err(),
        cross.run(BOTH).plan().unwrap_err(),
        cross.host_tools(BOTH).run().unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::UnsupportedTarget, "{error}");
        assert!(error.help().unwrap().contains(ARM), "{error}");
    }
    // Cargo itself starts one compiler with the caller's arguments.
    let line = |words: &[&str]| {
        let words = [&words[..1], &["--lib", "--target", BOTH], &words[1..]].concat();
        cross.cargo(words).run().unwrap_err()
    };
    for error in [
        cross.rustc(BOTH).arg("-Copt-level=1").plan().unwrap_err(),
        line(&["rustc", "--", "-Copt-level=1"]),
        line(&["rustc", "--crate-type=staticlib"]),
        line(&["rustdoc", "--", "--cfg", "x"]),
    ] {
        assert_eq!(error.kind(), ErrorKind::UnsupportedTarget, "{error}");
        assert!(error.help().unwrap().contains(ARM), "{error}");
    }
    cross.rustc(BOTH).plan().unwrap();
}

#[test]
fn a_variable_of_apples_tools_is_shown_as_the_origin_of_its_value() {
    let project = sdk(project(), "macosx", "14.2", "arm64-macos, x86_64-macos");
    let env = cross_tests::real_env()
        .set("MACOSX_DEPLOYMENT_TARGET", "12.0")
        .set("SDKROOT", project.path().join("sdk"));
    let plan = cross(&project).env(env).build(ARM).plan().unwrap();
    for (key, variable) in [
        ("sdk", "SDKROOT"),
        ("deployment-target", "MACOSX_DEPLOYMENT_TARGET"),
    ] {
        let key = format!("target.{ARM}.{key}");
        let row = plan.explain().iter().find(|row| row.key == key);
        let origin = row.map(|row| row.origin.to_string());
        assert_eq!(origin.as_deref(), Some(variable));
    }
}

#[test]
fn an_empty_variable_asks_for_no_version() {
    let project = project();
    let env = cross_tests::real_env().set("MACOSX_DEPLOYMENT_TARGET", "");
    let plan = cross(&project).env(env).build(ARM).plan().unwrap();
    assert_eq!(plan.deployment_target, None);
    let env = plan.env();
    assert!(!env.contains_key("MACOSX_DEPLOYMENT_TARGET"), "{env:?}");
}

#[test]
fn a_build_script_gives_a_library_the_name_by_which_it_is_loaded() {
    let name = "@rpath/libapp.dylib";
    let script = format!(
        "fn main() {{ println!(\"cargo:rustc-cdylib-link-arg=-Wl,-install_name,{name}\"); }}\n"
    );
    let project = project().file("build.rs", &script);
    let built = cross(&project).build(ARM).run().unwrap();
    let library = std::fs::read(&named(&built.artifacts, "libapp.dylib").path).unwrap();
    let mut parts = library.windows(name.len());
    assert!(parts.any(|part| part == name.as_bytes()));
}

/// Compiles an object for newer phones than those that were asked for, and packs it.
const NEWER: &str = r#"use std::process::Command;

fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let made = Command::new(std::env::var("RUSTC").unwrap())
        .args(["--crate-type=staticlib", "--crate-name=newer", "-Cpanic=abort", "newer.rs"])
        .args(["--target", &std::env::var("TARGET").unwrap(), "--out-dir", &out])
        .env("IPHONEOS_DEPLOYMENT_TARGET", "17.0")
        .status()
        .unwrap();
    assert!(made.success());
    println!("cargo:rustc-link-search=native={out}\ncargo:rustc-link-lib=static=newer");
}
"#;

#[test]
fn a_static_library_for_phones_runs_on_the_oldest_system_that_is_asked_for() {
    let target = "aarch64-apple-ios";
    let project = Project::new("app")
        .file("Cargo.toml", &MANIFEST.replace("\"cdylib\", ", ""))
        .file("src/lib.rs", LIBRARY)
        .cross_toml(&format!(
            "[target.{target}]\ndeployment-target = \"11.0\"\n"
        ));
    let built = cross(&project).build(target).lib(true).run().unwrap();
    let library = named(&built.artifacts, "libapp.a");
    assert_eq!(
        library.deployment_target,
        Some(SystemVersion::new(11, 0, 0))
    );
    let source = "#![no_std]\n#[unsafe(no_mangle)] extern \"C\" fn newer() -> u32 { 17 }\n\
                  #[panic_handler] fn panic(_: &core::panic::PanicInfo) -> ! { loop {} }\n";
    let project = project
        .file("newer.rs", source)
        .file("build.rs", NEWER)
        .file(
            "src/lib.rs",
            "unsafe extern \"C\" { fn newer() -> u32; }\n\
             #[unsafe(no_mangle)]\npub extern \"C\" fn answer() -> u32 { unsafe { newer() } }\n",
        );
    let error = cross(&project).build(target).lib(true).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentTarget, "{error}");
    let said = error.to_string();
    assert!(said.starts_with("the object `newer."), "{said}");
    assert!(said.contains("needs version 17.0"), "{said}");
}

#[test]
fn programs_run_on_the_oldest_system_that_is_asked_for() {
    let project = project();
    let version = SystemVersion::new(12, 3, 0);
    let asked = |cross: Cross, text: &str| {
        cross.defaults(Layer::embedder("test").deployment_target(text.parse().unwrap()))
    };
    let cross = cross(&project);
    let built = asked(cross.clone(), "12.3").build(BOTH).run().unwrap();
    let app = built.executables().next().unwrap();
    for one in MachO::read_all(&app.path).unwrap() {
        assert_eq!(one.deployment_target, Some(version));
    }
    // There is no macOS for arm64 that is older than 11.
    let built = asked(cross.clone(), "10.13").build(BOTH).run().unwrap();
    let app = built.executables().next().unwrap();
    let all = MachO::read_all(&app.path).unwrap();
    let texts: Vec<_> = all
        .iter()
        .map(|one| one.deployment_target.unwrap().to_string())
        .collect();
    assert_eq!(texts, ["11.0", "10.13"]);

    // The variable of Apple's tools says so, too, and what does not keep to it is an error.
    let env = cross_tests::real_env().set("MACOSX_DEPLOYMENT_TARGET", "11.0");
    let newer = cross.clone().env(env);
    let request = newer
        .build(ARM)
        .rustflags(["-Clink-arg=-mmacosx-version-min=13.0"]);
    assert_eq!(
        request.plan().unwrap().deployment_target,
        Some("11.0".parse().unwrap())
    );
    let error = request.run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeploymentTarget, "{error}");
    let said = error.to_string();
    assert!(
        said.contains("needs version 13.0") && said.contains("11.0 was requested"),
        "{said}"
    );
    let env = cross_tests::real_env().set("MACOSX_DEPLOYMENT_TARGET", "newest");
    let error = cross.clone().env(env).build(ARM).plan().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.to_string().contains("(MACOSX_DEPLOYMENT_TARGET)"),
        "{error}"
    );
}

/// The functions of the system's C library that `std` and the programs here use.
const LIBSYSTEM: &str = include_str!("apple/libsystem.txt");

/// The stub of a library, as the SDKs of Apple's have it: the names in it, and where it is.
fn stub(targets: &str, install_name: &str, symbols: &str) -> String {
    let symbols: Vec<_> = symbols.split_whitespace().collect();
    format!(
        "--- !tapi-tbd\ntbd-version: 4\ntargets: [ {targets} ]\ninstall-name: '{install_name}'\n\
         exports:\n  - targets: [ {targets} ]\n    symbols: [ {} ]\n...\n",
        symbols.join(", ")
    )
}

/// The smallest SDK in the layout of Apple's: headers, stubs of the C library, and one framework.
/// `name` is what it calls itself, `targets` what its libraries are for.
fn sdk(project: Project, name: &str, version: &str, targets: &str) -> Project {
    let framework = "sdk/System/Library/Frameworks/CoreFoundation.framework";
    let path = "/System/Library/Frameworks/CoreFoundation.framework/CoreFoundation";
    let c_library = stub(targets, "/usr/lib/libSystem.B.dylib", LIBSYSTEM);
    let settings = format!(
        r#"{{"CanonicalName":"{name}{version}","Version":"{version}","MaximumDeploymentTarget":"{version}.99"}}"#
    );
    project
        .file("sdk/SDKSettings.json", &settings)
        .file("sdk/usr/include/stdint.h", "typedef unsigned int uint32_t;\n")
        .file("sdk/usr/lib/libSystem.tbd", &c_library)
        .file("sdk/usr/lib/libc.tbd", &c_library)
        .file("sdk/usr/lib/libm.tbd", &c_library)
        .file(
            &format!("{framework}/Headers/CoreFoundation.h"),
            "#include <stdint.h>\ntypedef const void *CFTypeRef;\nCFTypeRef CFRetain(CFTypeRef it);\n",
        )
        .file(
            &format!("{framework}/CoreFoundation.tbd"),
            &stub(targets, path, "_CFRetain"),
        )
}

/// A program whose C code calls a framework.
fn with_framework() -> Project {
    Project::new("app")
        .file(
            "src/main.rs",
            "#[link(name = \"CoreFoundation\", kind = \"framework\")]\nunsafe extern \"C\" {}\n\
             unsafe extern \"C\" { fn retained() -> u32; }\n\
             fn main() { std::thread::spawn(|| println!(\"{}\", unsafe { retained() })).join().unwrap(); }\n",
        )
        .file(
            "src/retained.c",
            "#include <CoreFoundation/CoreFoundation.h>\n\
             uint32_t retained(void) { return CFRetain(0) == 0; }\n",
        )
        .file("build.rs", BUILD_SCRIPT)
}

/// Compiles the C file as the crate cc does, which the tests do without.
const BUILD_SCRIPT: &str = r#"use std::process::Command;

fn main() {
    let target = std::env::var("TARGET").unwrap().replace('-', "_");
    let out = std::env::var("OUT_DIR").unwrap();
    let program = |name: &str| Command::new(std::env::var(format!("{name}_{target}")).unwrap());
    let object = format!("{out}/retained.o");
    let compile = program("CC").args(["-c", "src/retained.c", "-o", &object]).status().unwrap();
    let archive = format!("{out}/libretained.a");
    let pack = program("AR").args(["crs", &archive, &object]).status().unwrap();
    assert!(compile.success() && pack.success());
    println!("cargo:rustc-link-search=native={out}\ncargo:rustc-link-lib=static=retained");
}
"#;

/// A program, and what loads it.
fn is_linked_with_the_framework(app: &Artifact, machines: &[&str]) {
    let all = MachO::read_all(&app.path).unwrap();
    let found: Vec<_> = all.iter().map(|one| one.machine.as_str()).collect();
    assert_eq!(found, machines);
    for one in all {
        let has = |name: &str| one.libraries.iter().any(|library| library.ends_with(name));
        assert!(
            has("CoreFoundation.framework/CoreFoundation"),
            "{:?}",
            one.libraries
        );
        assert!(has("libSystem.B.dylib"), "{:?}", one.libraries);
        // Phones start only what their owner's identity signs.
        let needs_signature =
            app.path.to_str().unwrap().contains("-darwin") && one.machine == "arm64";
        assert!(!needs_signature || one.signature == Signature::AdHoc);
    }
}

#[test]
fn frameworks_link_with_an_sdk_of_the_users() {
    let project = sdk(
        with_framework(),
        "macosx",
        "14.2",
        "arm64-macos, x86_64-macos",
    )
    .cross_toml(&format!(
        "[target.{BOTH}]\nsdk = \"sdk\"\ndeployment-target = \"12.0\"\n"
    ));
    let built = cross(&project).build(BOTH).run().unwrap();
    let app = built.executables().next().unwrap();
    is_linked_with_the_framework(app, &["arm64", "x86_64"]);
    assert_eq!(app.deployment_target, Some(SystemVersion::new(12, 0, 0)));
    assert_eq!(built.environment.sdk, Some(project.path().join("sdk")));

    // Debug information in a directory of its own belongs to the program.
    let packed = cross(&project)
        .build(BOTH)
        .config("profile.dev.split-debuginfo=\"packed\"")
        .run()
        .unwrap();
    let app = packed.executables().next().unwrap();
    let debug = app.path.with_extension("dSYM");
    assert!(app.companions.contains(&debug), "{:?}", app.companions);
    let dwarf = debug.join("Contents/Resources/DWARF");
    let file = std::fs::read_dir(&dwarf).unwrap().next().unwrap().unwrap();
    assert_eq!(machines(&file.path()), ["arm64", "x86_64"]);
}

#[test]
fn programs_of_phones_link_with_an_sdk_and_without_one_the_error_says_how_to_make_it() {
    let target = "aarch64-apple-ios";
    let project = with_framework();
    let error = cross(&project).build(target).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SdkMissing, "{error}");
    says_what_is_missing_and_how_to_give_it(&error);
    let c = "fn main() {\n    let cc = std::env::var(\"CC_aarch64_apple_ios\").unwrap();\n    \
             let end = std::process::Command::new(&cc).status().unwrap();\n    \
             assert!(end.success(), \"{cc} failed\");\n}\n";
    let c = Project::new("c").file("build.rs", c).file("src/lib.rs", "");
    let error = cross(&c).build(target).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SdkMissing, "{error}");
    says_what_is_missing_and_how_to_give_it(&error);
    // An SDK for another system is in the variable.
    let mac = sdk(Project::new("mac"), "macosx", "14.2", "arm64-macos");
    let env = cross_tests::real_env().set("SDKROOT", mac.path().join("sdk"));
    let error = cross(&project).env(env).build(target).run().unwrap_err();
    let help = error.help().unwrap();
    assert!(help.contains("SDKROOT is not used"), "{help}");
    assert!(help.contains("calls itself `macosx14.2`"), "{help}");
    let project = sdk(project, "iphoneos", "17.2", "arm64-ios")
        .cross_toml(&format!("[target.{target}]\nsdk = \"sdk\"\n"));
    let built = cross(&project).build(target).run().unwrap();
    is_linked_with_the_framework(built.executables().next().unwrap(), &["arm64"]);
}

#[test]
fn what_is_not_signed_is_stripped() {
    let project = Project::new("app").file("src/lib.rs", "");
    let plan = |target: &str, strip| cross(&project).build(target).strip(strip).plan();
    for target in ["x86_64-apple-darwin", "aarch64-apple-ios"] {
        let plan = plan(target, Strip::Debug).unwrap();
        let steps = plan.to_string();
        assert!(steps.contains("strip the programs"), "{steps}");
        let error = self::cross(&project)
            .build(target)
            .strip(Strip::Split)
            .plan();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("keeps the debug information"), "{error}");
    }
    for target in [ARM, BOTH] {
        let error = plan(target, Strip::Debug).unwrap_err();
        assert!(error.to_string().contains("is signed when it is linked"));
    }
}

/// A program and C code get the sentence of the target's row, and then how to give an SDK.
fn says_what_is_missing_and_how_to_give_it(error: &Error) {
    let help = error.help().unwrap();
    let why = Target::parse("aarch64-apple-ios").unwrap().facts().lacks();
    let missing = help.find(why.unwrap()).expect(help);
    let how = help.find("xcrun --sdk iphoneos --show-sdk-path");
    assert!(missing < how.expect(help), "{help}");
    assert!(help.contains("`sdk = \"<directory>\"`"), "{help}");
    assert_eq!(help.matches("xcrun --sdk").count(), 1, "{help}");
}

#[test]
fn a_framework_without_an_sdk_is_an_error_that_says_how_to_make_one() {
    let project = with_framework().file("build.rs", "fn main() {}\n").file(
        "src/main.rs",
        "#[link(name = \"CoreFoundation\", kind = \"framework\")]\nunsafe extern \"C\" {}\nfn main() {}\n",
    );
    let error = cross(&project).build(ARM).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::SdkMissing, "{error}");
    let help = error.help().unwrap();
    assert!(help.contains("the framework `CoreFoundation`"), "{help}");
    assert!(
        help.contains("xcrun --sdk macosx --show-sdk-path"),
        "{help}"
    );
}
