//! Builds and tests from within a container.

use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::outer::{
    Outer, TARGET, image, in_containers, inside_socket, make_environment_without_rust,
};

in_containers! {
    a_mounted_project_is_tested_and_built
    a_project_in_the_root_file_system_is_tested
    an_image_is_built_and_used
}

/// The path of the program that a build made, in the container.
fn built(outer: &Outer, dir: &Path) -> Vec<u8> {
    let path = dir
        .join("target")
        .join(TARGET)
        .join("debug")
        .join(outer.unique());
    let copy = outer.project.outer().join("cache/copy");
    outer.shell(&format!("cp {} /cache/copy", path.display()));
    fs::read(copy).unwrap()
}

/// ELF's number of the architecture.
fn machine(program: &[u8]) -> u16 {
    u16::from_le_bytes([program[18], program[19]])
}

const AARCH64: u16 = 183;

fn a_mounted_project_is_tested_and_built(engine: &str) {
    let outer = Outer::start(engine, "mounted");
    let tested = outer.request("test");
    assert_eq!(tested.outcome()["tests"]["passed"], 1, "{}", tested.all);
    // The host's Rust is a mount of the outer container, too.
    make_environment_without_rust(&outer);
    outer.request("mounted-build").outcome();
    let debug = outer
        .project
        .path()
        .join("target")
        .join(TARGET)
        .join("debug");
    let program = debug.join(outer.unique());
    assert_eq!(machine(&fs::read(&program).unwrap()), AARCH64);
    assert_eq!(program.metadata().unwrap().uid(), 0);
    let plan = outer.request("plan");
    let shown = plan.last["shown"].as_str().unwrap();
    let source = format!("src={}", outer.project.path().display());
    assert!(shown.contains(&source), "{shown}");
    assert!(shown.contains("\n# reach: "), "{shown}");
    outer.leaves_nothing();
}

fn a_project_in_the_root_file_system_is_tested(engine: &str) {
    let outer = Outer::start(engine, "within");
    let dir = Path::new("/srv").join(outer.unique());
    outer.shell(&format!(
        "cp -r {} {}; mkdir -p /var/own",
        outer.project_dir().display(),
        dir.display()
    ));
    // A link of the container's means nothing on the engine's machine.
    outer.shell("ln -s /var/own /var/linked");
    let cache = ["--env", "CROSS_CACHE_DIR=/var/linked/cache"];
    let tested = outer.request_in(&dir, &cache, "test");
    assert_eq!(tested.outcome()["tests"]["passed"], 1, "{}", tested.all);
    outer.request_in(&dir, &cache, "build").outcome();
    assert_eq!(machine(&built(&outer, &dir)), AARCH64);
    outer.leaves_nothing();
}

fn an_image_is_built_and_used(engine: &str) {
    let outer = Outer::start(engine, "image");
    // The context and the Dockerfile are sent by the client, so they need no translation.
    let base = image(&outer.engine, &outer.project);
    let dockerfile = format!(
        "FROM {base}\nCOPY word /etc/word\nENV CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER=aarch64-linux-gnu-gcc\n"
    );
    fs::write(outer.project.path().join("Dockerfile"), dockerfile).unwrap();
    fs::write(outer.project.path().join("word"), "nested").unwrap();
    let config = format!(
        "[build]\nnetwork = \"none\"\n[target.{TARGET}]\ndockerfile = {{ file = \"Dockerfile\", context = \".\" }}\n"
    );
    fs::write(outer.project.path().join("Cross.toml"), config).unwrap();
    fs::write(
        outer.project.path().join("build.rs"),
        "fn main() { assert_eq!(std::fs::read_to_string(\"/etc/word\").unwrap(), \"nested\"); }\n",
    )
    .unwrap();
    outer.request("build").outcome();
    outer.leaves_nothing();
}

/// Docker only: rootful podman's socket is root's alone.
#[test]
fn the_files_are_the_users_who_builds() {
    let outer = Outer::start("docker", "owned");
    let socket = inside_socket(&outer.engine);
    let group = outer.exec(&[], &["stat", "-Lc", "%g", socket]).stdout;
    let user = format!("1234:{}", group.trim());
    outer.shell(&format!(
        "chown -R {user} {} /cache; mkdir -m 777 /home/u",
        outer.project_dir().display()
    ));
    let dir = outer.project_dir();
    let options = ["--user", &user, "--env", "HOME=/home/u"];
    outer.request_in(&dir, &options, "build").outcome();
    let below = outer.project.path().join("target");
    for path in [
        below.join("cross"),
        below.join(TARGET).join("debug").join(outer.unique()),
    ] {
        assert_eq!(path.metadata().unwrap().uid(), 1234, "{}", path.display());
    }
    outer.leaves_nothing();
}
