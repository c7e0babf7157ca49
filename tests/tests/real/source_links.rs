//! Sources that are links out of the workspace.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use cross_core::{Cross, ErrorKind};
use cross_tests::{Project, on_engines, real_env};

use super::TARGET;

on_engines! { @ a_member_may_be_a_link sandbox docker }
on_engines! { @ a_path_dependency_may_be_a_link sandbox docker }
on_engines! { source_files_and_directories_may_be_links }
on_engines! { @ links_may_lead_through_links sandbox docker }
on_engines! { @ a_source_may_be_named_outside_of_the_workspace sandbox }
on_engines! { @ a_link_to_what_is_private_is_refused sandbox docker }
on_engines! { @ a_source_that_no_run_sees_is_named_with_the_remedy sandbox }
on_engines! { @ a_link_that_a_build_could_have_made_is_not_followed sandbox }
on_engines! { what_literals_of_the_sources_name_above_is_seen }

fn on(project: &Project, engine: &str) -> Cross {
    project.cross().engine(engine)
}

#[track_caller]
fn tests_pass(cross: &Cross) {
    let ran = cross.test(TARGET).run();
    let ran = ran.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(ran.tests.unwrap().passed, 1);
}

/// Moves a directory or file of the project out of it, and leaves a link.
fn move_out(project: &Project, path: &str, to: &str) {
    let (from, to) = (project.path().join(path), project.outer().join(to));
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::rename(&from, &to).unwrap();
    symlink(to, from).unwrap();
}

fn a_member_may_be_a_link(engine: &'static str) {
    let project = Project::new("app").with_member_and_path_dependency();
    move_out(&project, "member", "elsewhere/member");
    tests_pass(&on(&project, engine));
}

fn a_path_dependency_may_be_a_link(engine: &'static str) {
    let project = Project::new("app").with_member_and_path_dependency();
    move_out(&project, "../beside", "elsewhere/deep/beside");
    tests_pass(&on(&project, engine));
    // A directory above the dependency may be the link.
    let project = Project::new("app").with_member_and_path_dependency();
    let manifest = fs::read_to_string(project.path().join("Cargo.toml")).unwrap();
    let manifest = manifest.replace("path = \"member\"", "path = \"libs/member\"");
    let manifest = manifest.replace("members = [\"member\"]", "members = [\"libs/*\"]");
    let project = project.file("Cargo.toml", &manifest).file("libs/x", "");
    fs::remove_dir_all(project.path().join("libs")).unwrap();
    fs::create_dir(project.path().join("libs")).unwrap();
    fs::rename(
        project.path().join("member"),
        project.path().join("libs/member"),
    )
    .unwrap();
    move_out(&project, "libs", "elsewhere/libs");
    tests_pass(&on(&project, engine));
}

fn source_files_and_directories_may_be_links(engine: &'static str) {
    let main = "mod generated;\nmod other;\nfn main() {}\n#[test]\nfn all() {\n\
                assert_eq!(generated::value(), other::VALUE);\n\
                assert_eq!(include_str!(\"../data/deep/in/text.txt\"), \"text\");\n}\n";
    let project = Project::new("app")
        .file("src/main.rs", main)
        .file(
            "src/generated/mod.rs",
            "mod inner;\npub use inner::value;\n",
        )
        .file("src/generated/inner.rs", "pub fn value() -> u32 { 7 }\n")
        .file("src/other.rs", "pub const VALUE: u32 = 7;\n")
        .file("data/deep/in/text.txt", "text");
    move_out(&project, "src/generated", "shared/generated");
    move_out(&project, "src/other.rs", "shared/other.rs");
    move_out(&project, "data/deep/in/text.txt", "texts/text");
    tests_pass(&on(&project, engine));
    move_out(&project, "src/main.rs", "shared/main.rs");
    symlink("../app/src/generated", project.outer().join("shared/gen")).unwrap();
    move_out(&project, "data", "texts/data");
    tests_pass(&on(&project, engine));
}

fn links_may_lead_through_links(engine: &'static str) {
    let main = "mod a;\nfn main() {}\n#[test]\nfn all() { assert_eq!(a::VALUE, 7); }\n";
    let project = Project::new("app")
        .file("src/main.rs", main)
        .file(
            "../store/v2/a.rs",
            "pub const VALUE: u32 = include!(\"b.in\");\n",
        )
        .file("../data/b", "7");
    let outer = project.outer();
    symlink("v2", outer.join("store/current")).unwrap();
    symlink(outer.join("store/current"), outer.join("latest")).unwrap();
    symlink(outer.join("data/b"), outer.join("store/v2/b.in")).unwrap();
    symlink("../../latest", project.path().join("src/a")).unwrap();
    symlink("a.rs", outer.join("store/v2/mod.rs")).unwrap();
    tests_pass(&on(&project, engine));
}

fn a_source_may_be_named_outside_of_the_workspace(engine: &'static str) {
    let project = Project::new("app");
    let manifest = fs::read_to_string(project.path().join("Cargo.toml")).unwrap();
    let bin = "\n[[bin]]\nname = \"app\"\npath = \"../common/main.rs\"\n";
    let main = "mod part;\nfn main() {}\n#[test]\nfn all() { assert!(part::YES) }\n";
    let project = project
        .file("Cargo.toml", &(manifest + bin))
        .file("../common/main.rs", main)
        .file("../common/part.rs", "pub const YES: bool = true;\n");
    tests_pass(&on(&project, engine));
}

fn a_source_that_no_run_sees_is_named_with_the_remedy(engine: &'static str) {
    let project = Project::new("app").file("../texts/text", "");
    let named = project.outer().join("texts/text");
    let main = format!("const TEXT: &str = include_str!({named:?});\nfn main() {{}}\n");
    let project = project.file("src/main.rs", &main);
    let error = on(&project, engine).build(TARGET).run().unwrap_err();
    let help = error.help().unwrap_or_default();
    let text = project.outer().join("texts/text");
    assert!(help.contains(shown(&text)), "{help}");
    assert!(help.contains("env.volumes"), "{help}");
}

/// A home with secrets, beside the project.
fn with_home(project: &Project, engine: &str) -> Cross {
    let home = project.outer().join("home");
    for dir in [".ssh", "cargo/registry", "code"] {
        fs::create_dir_all(home.join(dir)).unwrap();
    }
    fs::write(home.join(".ssh/id"), "secret").unwrap();
    fs::write(home.join("cargo/credentials.toml"), "").unwrap();
    let env = real_env();
    let cache = env.get("CROSS_CACHE_DIR").map(PathBuf::from);
    let users = || Path::new(env.get("HOME").unwrap()).join(".cache/cross-core");
    let cache = cache.unwrap_or_else(users);
    let env = env
        .set("HOME", &home)
        .set("CROSS_CACHE_DIR", cache)
        .set("CARGO_HOME", home.join("cargo"));
    project.cross().env(env).engine(engine)
}

fn a_link_to_what_is_private_is_refused(engine: &'static str) {
    for (link, to, reason) in [
        ("src/home", "home", "the home directory is there"),
        ("src/above", "", "the home directory"),
        ("src/key.rs", "home/.ssh/id", "private"),
        ("member", "home/.ssh", "private"),
        ("src/cargo", "home/cargo", "the cargo home"),
        ("src/token", "home/cargo/credentials.toml", "the cargo home"),
    ] {
        let project = Project::new("app");
        let cross = with_home(&project, engine);
        symlink(project.outer().join(to), project.path().join(link)).unwrap();
        if link == "member" {
            let manifest = fs::read_to_string(project.path().join("Cargo.toml")).unwrap();
            let home = project.outer().join("home/.ssh");
            fs::create_dir_all(home.join("src")).unwrap();
            fs::write(home.join("src/lib.rs"), "").unwrap();
            let member = manifest.replace("\"app\"", "\"member\"");
            fs::write(home.join("Cargo.toml"), member).unwrap();
            let root = manifest + "\n[workspace]\nmembers = [\"member\"]\n";
            fs::write(project.path().join("Cargo.toml"), root).unwrap();
        }
        let Err(error) = cross.build(TARGET).plan() else {
            panic!("{link} is followed");
        };
        assert_eq!(error.kind(), ErrorKind::Config, "{link}: {error}");
        let text = error.to_string();
        assert!(text.contains(reason) && text.contains(link), "{text}");
        assert!(error.help().is_some());
    }
    // What else is in the home is a directory like any other.
    let main = "include!(\"part.rs\");\n#[test]\nfn all() {}\n";
    let project = Project::new("app").file("src/main.rs", main);
    let cross = with_home(&project, engine);
    let code = project.outer().join("home/code/part.rs");
    fs::write(&code, "fn main() {}\n").unwrap();
    symlink(code, project.path().join("src/part.rs")).unwrap();
    tests_pass(&cross);
}

/// What compiled can write to the target directory and to `writable` directories.
fn a_link_that_a_build_could_have_made_is_not_followed(engine: &'static str) {
    let project = Project::new("app").cross_toml("[build]\nwritable = [\"out\"]\n");
    let secret = project.outer().join("secret");
    fs::create_dir_all(&secret).unwrap();
    fs::create_dir_all(project.path().join("out")).unwrap();
    let cross = on(&project, engine);
    let built = cross.build(TARGET).run().unwrap();
    let inside = built.artifacts[0].inside.parent().unwrap().to_owned();
    symlink(&secret, project.path().join("out/link")).unwrap();
    symlink(&secret, inside.join("link")).unwrap();
    // Not even where the target directory is another one now.
    let env = real_env();
    let moved = cross.clone().env(env.set("CARGO_TARGET_DIR", "elsewhere"));
    for cross in [cross, moved] {
        let plan = cross.build(TARGET).plan().unwrap().to_string();
        assert!(!plan.contains(shown(&secret)), "{plan}");
    }
    // Nor once the directory is not writable any more.
    let project = project.cross_toml("");
    let literal = "fn f() { include!(\"../../secret/x.rs\") }\n";
    let project = project
        .file("out/written.rs", literal)
        .file("../secret/x.rs", "");
    let plan = on(&project, engine)
        .build(TARGET)
        .plan()
        .unwrap()
        .to_string();
    assert!(!plan.contains(shown(&secret)), "{plan}");
}

/// As in a repository with parts in several languages.
fn what_literals_of_the_sources_name_above_is_seen(engine: &'static str) {
    let build = r#"fn main() {
        println!("cargo:rerun-if-changed=../proto/main.proto");
        let text = std::fs::read_to_string("../proto/main.proto").unwrap();
        let other = std::fs::read_to_string("../proto/other.proto").unwrap();
        let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../assets");
        let asset = std::fs::read_to_string(std::path::Path::new(dir).join("deep/a")).unwrap();
        println!("cargo:rustc-env=READ={text}{other}{asset}");
    }"#;
    let main = "#[path = \"../../shared/mod.rs\"]\nmod shared;\nfn main() {}\n#[test]\nfn all() {\n\
                assert_eq!(env!(\"READ\"), \"123\");\nassert_eq!(include_str!(\"../../VERSION\"), \"4\");\n\
                assert_eq!(include!(\"../../shared/five.in\"), shared::inner::FIVE);\n}\n";
    let project = Project::new("app")
        .file("build.rs", build)
        .file("src/main.rs", main)
        .file("../proto/main.proto", "1")
        .file("../proto/other.proto", "2")
        .file("../assets/deep/a", "3")
        .file("../VERSION", "4")
        .file("../shared/mod.rs", "pub mod inner;\n")
        .file("../shared/inner.rs", "pub const FIVE: u32 = 5;\n")
        .file("../shared/five.in", "5")
        .file("../unnamed/secret", "");
    let cross = on(&project, engine);
    tests_pass(&cross);
    let plan = cross.build(TARGET).plan().unwrap().to_string();
    assert!(!plan.contains("unnamed"), "{plan}");
}

fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}
