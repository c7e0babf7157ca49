//! Attacks from within a run whose caller is in a container: the inside has no more there than
//! elsewhere, and not the engine's socket.

use std::collections::BTreeMap;
use std::fs;

use crate::outer::{Outer, TARGET, in_containers, project};

in_containers! {
    a_hostile_build_has_no_more_than_elsewhere
}

/// Tries to cross the boundary, and writes what it managed to do into its target directory.
const ATTACK: &str = r#"
use std::fs;
use std::path::Path;

fn main() {
    let mut told = String::new();
    let mut tell = |what: &str, done: bool| told += &format!("{what}={done}\n");
    let manifest = std::env::var("CARGO_MANIFEST_DIR").unwrap();
    tell("writes the sources", fs::write(Path::new(&manifest).join("src/main.rs"), "no").is_ok());
    tell("writes beside the sources", fs::write(Path::new(&manifest).join("new"), "no").is_ok());
    for socket in ["/var/run/docker.sock", "/run/docker.sock", "/run/podman/podman.sock"] {
        tell(socket, std::os::unix::net::UnixStream::connect(socket).is_ok());
    }
    tell("calls the network", std::net::TcpStream::connect(("127.0.0.1", PORT)).is_ok());
    tell("has the secret", std::env::vars().any(|(_, value)| value == "s3cret-decoy"));
    tell("reads the cache", fs::read_dir("/cache/probes-v1").is_ok());
    let outer = ["/srv/outer", "/work/outer", "/outer"];
    tell("sees the outer container", outer.iter().any(|path| Path::new(path).exists()));
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    tell("has capabilities", field("CapEff:").trim_matches('0') != "");
    tell("may get new privileges", field("NoNewPrivs:") != "1");
    tell("has no filter of calls", field("Seccomp:") != "2");
    let processes = fs::read_dir("/proc").unwrap().flatten().filter(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains("caller")
    });
    tell("sees the caller", processes.count() > 0);
    let out = std::env::var("OUT_DIR").unwrap();
    let _ = std::os::unix::fs::symlink("/etc/shadow", Path::new(&out).join("../../../link"));
    let dir = std::env::var("CARGO_TARGET_DIR").unwrap();
    fs::write(Path::new(&dir).join("told"), told).unwrap();
}
"#;

fn a_hostile_build_has_no_more_than_elsewhere(engine: &str) {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let project = project(engine, "hostile").file("build.rs", &ATTACK.replace("PORT", &port));
    let options = ["--env", "SOME_TOKEN=s3cret-decoy"];
    let outer = Outer::of(engine, project, &options);
    outer.shell("mkdir /outer /srv/outer");
    let before = fs::read_to_string(outer.project.path().join("src/main.rs")).unwrap();
    outer.request("build").outcome();
    let cross = outer.project.path().join("target/cross");
    let dir = fs::read_dir(cross).unwrap().next().unwrap().unwrap().path();
    let told = fs::read_to_string(dir.join("told")).unwrap();
    let told: BTreeMap<_, _> = told
        .lines()
        .filter_map(|line| line.split_once('='))
        .collect();
    assert!(told.len() >= 12, "{told:?}");
    let done: Vec<_> = told.iter().filter(|(_, done)| **done != "false").collect();
    assert!(done.is_empty(), "{done:?}");
    let after = fs::read_to_string(outer.project.path().join("src/main.rs")).unwrap();
    assert_eq!(after, before);
    let published = outer.project.path().join("target").join(TARGET);
    assert!(!published.join("debug/link").exists());
    outer.leaves_nothing();
}
