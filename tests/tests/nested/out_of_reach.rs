//! What cannot work is a typed error with its remedy.

use std::os::unix::net::UnixListener;

use crate::outer::{Outer, in_containers, project};

in_containers! {
    a_directory_in_memory_is_named_with_the_option_that_mounts_it
    an_engine_that_does_not_have_the_container_is_remote
}

fn a_directory_in_memory_is_named_with_the_option_that_mounts_it(engine: &str) {
    let outer = Outer::of(engine, project(engine, "memory"), &["--tmpfs", "/memory"]);
    let dir = outer.project_dir();
    outer.shell(&format!("cp -r {} /memory/app", dir.display()));
    let said = outer.request_in("/memory/app".as_ref(), &[], "build");
    said.is_error(
        "OutOfReach",
        &["does not see `/memory/app", "tmpfs", "`/memory`"],
        &["-v /memory/app", ":/memory/app"],
    );
}

/// As after the removal of the container by another client, or with another daemon's socket.
fn an_engine_that_does_not_have_the_container_is_remote(engine: &str) {
    let outer = Outer::start(engine, "unknown");
    let real = format!("/usr/local/bin/{engine}");
    // The client as it is, except that nobody knows the container.
    outer.shell(&format!(
        "mkdir /wrapped; printf '#!/bin/sh\\ncase \"$1 $2\" in\\n\"container inspect\") echo \"Error: No such container: \
         $3\" >&2; exit 1;;\\nesac\\nexec {real} \"$@\"\\n' >/wrapped/{engine}; chmod +x /wrapped/{engine}"
    ));
    let path = "--env=PATH=/wrapped:/opt/rust/bin:/usr/local/bin:/usr/bin:/bin";
    let dir = outer.project_dir();
    let plan = outer.request_in(&dir, &[path], "plan");
    let shown = plan.last["shown"].as_str().unwrap();
    let reach = format!("\n# reach: {engine} does not see the caller's files: ");
    assert!(shown.contains(&reach), "{shown}");
    let told = [path, "--env=CROSS_CONTAINER_IN_CONTAINER=1"];
    outer.request_in(&dir, &told, "build").is_error(
        "OutOfReach",
        &["does not have the container"],
        &["-v /var/run/docker.sock", "CROSS_CONTAINER_IN_CONTAINER"],
    );
}

#[test]
fn an_unknown_storage_driver_is_named() {
    let outer = Outer::start("docker", "driver");
    let dir = outer.project_dir();
    outer.shell(&format!(
        "cp -r {} /srv/app; mkdir /wrapped; printf '#!/bin/sh\\ncase \"$1 $2\" in\\n\"container inspect\") \
         /usr/local/bin/docker \"$@\" | sed -e s/overlay2/shelves/g -e s/MergedDir/Elsewhere/;;\\n*) exec \
         /usr/local/bin/docker \"$@\";;\\nesac\\n' >/wrapped/docker; chmod +x /wrapped/docker",
        dir.display()
    ));
    let path = "--env=PATH=/wrapped:/opt/rust/bin:/usr/local/bin:/usr/bin:/bin";
    let options = ["--env=CARGO_HOME=/cache/cargo", path];
    let said = outer.request_in("/srv/app".as_ref(), &options, "build");
    said.is_error(
        "OutOfReach",
        &["`/srv/app", "the storage driver `shelves` is not known"],
        &["-v /srv/app"],
    );
    // What is mounted does not depend on it.
    outer.request_in(&dir, &options, "build").outcome();
}

#[test]
fn a_socket_that_is_missing_or_refuses_is_named() {
    let project = project("docker", "socket");
    let refusing = project.outer().join("refusing.sock");
    drop(UnixListener::bind(&refusing).unwrap());
    let mount = format!("{}:/refusing.sock", refusing.display());
    let outer = Outer::of("docker", project, &["--volume", &mount]);
    let dir = outer.project_dir();
    for socket in ["/nothing.sock", "/refusing.sock"] {
        let host = format!("--env=DOCKER_HOST=unix://{socket}");
        outer.request_in(&dir, &[&host], "build").is_error(
            "EngineUnusable",
            &["docker"],
            &[&format!("-v {socket}:{socket}"), "sandbox"],
        );
    }
}
