//! Reproducible builds: the same bytes in two directories, as two users and on two engines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use cross_core::ErrorKind;
use cross_tests::{FOREIGN, PlainUser, Project, engines};

/// What the project makes: a program, a shared and a static library.
const MADE: [&str; 3] = ["debug/app", "debug/libapp.so", "debug/libapp.a"];

/// A project that names its paths in every way: by macros, debug information, C code, a build
/// script, a procedural macro, and code that a build script writes.
fn naming_paths(dir: &str) -> Project {
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap();
    let with_cc = |name: &str| {
        let begin = format!("[[package]]\nname = \"{name}\"\n");
        let at = lock.find(&begin).unwrap();
        let end = lock[at + 1..].find("[[package]]").unwrap() + at + 1;
        lock[at..end].to_owned()
    };
    let crates = ["cc", "find-msvc-tools", "shlex"].map(with_cc).concat();
    let own = "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"cc\",\n \
               \"named\",\n]\n\n[[package]]\nname = \"named\"\nversion = \"0.1.0\"\n\n";
    Project::in_dir("app", &format!("{dir}/app"))
        .file("Cargo.lock", &format!("{own}{crates}"))
        .file(
            "Cargo.toml",
            "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [lib]\ncrate-type = [\"rlib\", \"cdylib\", \"staticlib\"]\n\
             [dependencies]\nnamed = { path = \"../named\" }\n\
             [build-dependencies]\ncc = \"1.2\"\n",
        )
        .file("Cross.toml", "[build]\nreproducible = true\n")
        .file(
            "../named/Cargo.toml",
            "[package]\nname = \"named\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
             [lib]\nproc-macro = true\n",
        )
        .file(
            "../named/src/lib.rs",
            "use proc_macro::TokenStream;\n\
             #[proc_macro]\npub fn here(_: TokenStream) -> TokenStream {\n\
                 let dir = std::env::var(\"CARGO_MANIFEST_DIR\").unwrap();\n\
                 format!(\"{dir:?}\").parse().unwrap()\n}\n",
        )
        .file("../VERSION", "7")
        .file("src/bytes", "bytes")
        .file(
            "src/lib.rs",
            "include!(concat!(env!(\"OUT_DIR\"), \"/made.rs\"));\n\
             extern \"C\" { fn of_c() -> *const std::ffi::c_char; }\n\
             #[no_mangle]\npub extern \"C\" fn words() -> usize { all().len() }\n\
             #[inline(never)]\nfn of_c_code() -> String {\n\
                 unsafe { std::ffi::CStr::from_ptr(of_c()) }.to_str().unwrap().to_owned()\n}\n\
             pub fn all() -> Vec<String> {\n\
                 let bytes = String::from_utf8_lossy(include_bytes!(\"bytes\")).into_owned();\n\
                 [file!(), env!(\"OUT_DIR\"), env!(\"CARGO_MANIFEST_DIR\"), MADE, MADE_FILE, AROUND,\n\
                  include_str!(\"../../VERSION\"), named::here!()]\n\
                     .map(str::to_owned).into_iter().chain([of_c_code(), bytes]).collect()\n}\n",
        )
        .file(
            "src/main.rs",
            "fn main() {\n    let all = app::all();\n    println!(\"{}\", all.join(\"\\n\"));\n\
                 if all.is_empty() { panic!(\"{}\", file!()) }\n}\n\
             #[test]\nfn paths_are_there() {\n\
                 assert!(std::path::Path::new(env!(\"CARGO_MANIFEST_DIR\")).is_dir());\n}\n\
             #[test]\nfn another() {}\n",
        )
        .file(
            "src/of_c.c",
            "const char *of_c(void) { return __FILE__ \" \" __DATE__ \" \" __TIME__; }\n",
        )
        .file(
            "build.rs",
            r#"fn main() {
    let out = std::env::var("OUT_DIR").unwrap();
    let mut around: Vec<String> = std::env::vars()
        .filter(|(name, _)| !name.starts_with("CARGO_") && name != "_")
        .filter(|(name, _)| !["NUM_JOBS", "RUST_BACKTRACE", "TERM"].contains(&&**name))
        .filter(|(name, _)| !name.to_lowercase().ends_with("_proxy"))
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    around.sort();
    around.push(std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap());
    let here = std::env::current_dir().unwrap();
    let text = format!(
        "pub const MADE: &str = {out:?};\npub const MADE_FILE: &str = file!();\npub const AROUND: &str = {:?};\n",
        format!("{} {around:?}", here.display()),
    );
    std::fs::write(format!("{out}/made.rs"), text).unwrap();
    cc::Build::new().file("src/of_c.c").file(here.join("src/of_c2.c")).compile("of_c");
}
"#,
        )
        .file("src/of_c2.c", "const char *of_c2(void) { return __FILE__; }\n")
}

/// The files that were made below `target`, with their names.
fn made(project: &Project) -> Vec<(&'static str, Vec<u8>)> {
    let dir = project.path().join("target").join(FOREIGN);
    let read = |name: &'static str| (name, fs::read(dir.join(name)).unwrap());
    MADE.map(read).into()
}

/// Texts of at least eight characters.
fn texts(bytes: &[u8]) -> Vec<String> {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let parts = bytes.split(|byte| !is_text(byte));
    let parts = parts.filter(|part| part.len() >= 8);
    parts
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .collect()
}

#[track_caller]
fn are_equal(one: &[(&str, Vec<u8>)], other: &[(&str, Vec<u8>)], what: &str) {
    for ((name, one), (_, other)) in one.iter().zip(other) {
        if one != other {
            let [one, other] = [texts(one), texts(other)];
            let differ = one.iter().zip(&other).find(|(one, other)| one != other);
            panic!("{what}: {name} differs: {differ:#?}");
        }
    }
}

fn contains(bytes: &[u8], text: &Path) -> bool {
    let text = text.to_str().unwrap().as_bytes();
    bytes.windows(text.len()).any(|part| part == text)
}

#[test]
fn two_directories_two_users_and_two_engines_make_the_same_bytes() {
    engines::need("sandbox");
    engines::need("docker");
    let first = naming_paths("here");
    let outcome = first
        .cross()
        .engine("sandbox")
        .build(FOREIGN)
        .run()
        .unwrap();
    let warnings: Vec<_> = outcome.artifacts.iter().map(|it| &it.path).collect();
    let expected = made(&first);
    for (name, bytes) in &expected {
        assert!(
            contains(bytes, Path::new("/cross/project/app")),
            "{name} names its paths"
        );
        assert!(
            !contains(bytes, first.outer()),
            "{name} names paths of the host: {warnings:?}"
        );
    }

    let second = naming_paths("a directory/with a longer name");
    second
        .cross()
        .engine("docker")
        .build(FOREIGN)
        .run()
        .unwrap();
    are_equal(&expected, &made(&second), "docker in another directory");

    let third = naming_paths("x");
    let user = PlainUser::get();
    let caller = user.owns(&third, Path::new(env!("CARGO_BIN_EXE_caller")));
    let said = user.run(
        &user.env(),
        third.path(),
        &[&caller, "build", "sandbox", FOREIGN],
    );
    assert!(said["outcome"].is_object(), "{said}");
    are_equal(&expected, &made(&third), "another user");
}

/// A literal of the sources may name a directory that nothing reads. What is read through a literal
/// or a link is beside the project.
#[test]
fn a_directory_that_a_literal_names_by_chance_changes_no_byte() {
    engines::need("sandbox");
    let build = |dir: &str, has_dist: bool| {
        let project = Project::in_dir("app", dir)
            .file("Cross.toml", "[build]\nreproducible = true\n")
            .file("../shared/words", "beside")
            .file(
                "build.rs",
                "const OUT: &str = \"../dist\";\nfn main() { assert!(!OUT.is_empty()) }\n",
            )
            .file(
                "src/main.rs",
                "fn main() {\n    println!(\"{} {} {}\", file!(), env!(\"CARGO_MANIFEST_DIR\"),\n\
                     include_str!(\"../../shared/words\"));\n\
                     println!(\"{}\", include_str!(\"words\"))\n}\n",
            );
        symlink("../../shared/words", project.path().join("src/words")).unwrap();
        let project = match has_dist {
            true => project.file("../dist/app.tar", "yesterday's"),
            false => project,
        };
        let cross = project.cross().engine("sandbox");
        cross.build(FOREIGN).run().unwrap();
        fs::read(project.path().join("target").join(FOREIGN).join(MADE[0])).unwrap()
    };
    let without = build("app", false);
    assert!(contains(&without, Path::new("/cross/project")));
    let with = build("deep/below/others/app", true);
    assert!(
        without == with,
        "with an unrelated directory, at another depth"
    );
}

/// A project with a crate in the directory `vendor`, as `cargo vendor` says to configure it.
fn vendored(dir: &str, vendor: &str) -> Project {
    let manifest = |name: &str, more: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"1.0.0\"\nedition = \"2021\"\n{more}")
    };
    let crates_io = "registry+https://github.com/rust-lang/crates.io-index";
    let lock = format!(
        "version = 4\n\n[[package]]\nname = \"app\"\nversion = \"1.0.0\"\n\
         dependencies = [\n \"itoa\",\n]\n\n\
         [[package]]\nname = \"itoa\"\nversion = \"1.0.0\"\nsource = \"{crates_io}\"\n"
    );
    let config = format!(
        "[source.crates-io]\nreplace-with = \"vendored\"\n\
         [source.vendored]\ndirectory = \"{vendor}\"\n"
    );
    let place = "pub fn place() -> &'static str { concat!(file!(), \" \", env!(\"CARGO_MANIFEST_DIR\")) }\n";
    Project::in_dir("app", dir)
        .file("Cross.toml", "[build]\nreproducible = true\n")
        .file(
            "Cargo.toml",
            &manifest("app", "[dependencies]\nitoa = \"1\"\n"),
        )
        .file("Cargo.lock", &lock)
        .file(
            "src/main.rs",
            "fn main() { println!(\"{}\", itoa::place()) }\n",
        )
        .file(".cargo/config.toml", &config)
        .file(&format!("{vendor}/itoa/Cargo.toml"), &manifest("itoa", ""))
        .file(&format!("{vendor}/itoa/src/lib.rs"), place)
        .file(
            &format!("{vendor}/itoa/.cargo-checksum.json"),
            "{\"files\":{}}",
        )
}

#[test]
fn crates_in_a_directory_beside_the_project_change_no_byte() {
    engines::need("sandbox");
    let build = |dir: &str| {
        let project = vendored(dir, "../vendor");
        let built = project.cross().engine("sandbox").build(FOREIGN).run();
        built.unwrap_or_else(|error| panic!("{error}: {:?}", error.help()));
        let program = project.path().join("target").join(FOREIGN).join(MADE[0]);
        let program = fs::read(program).unwrap();
        assert!(contains(&program, Path::new("/cross/vendor/itoa")));
        assert!(
            !contains(&program, project.outer()),
            "it names the host's directories"
        );
        program
    };
    let first = build("app");
    assert!(
        first == build("deep/below/others/app"),
        "in another directory"
    );

    let far = vendored("a/b/c/app", "../../../../vendor");
    let error = far.cross().engine("sandbox").build(FOREIGN).plan();
    let error = error.map(|plan| plan.to_string()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.to_string().contains("leads nowhere from"), "{error}");
    assert!(error.help().unwrap().contains("beside it"), "{error}");
}
