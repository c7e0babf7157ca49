//! A podman service that sees none of the caller's files.

use std::fs;
use std::io::Read as _;
use std::net::TcpStream;

use cross_core::engine::ContainerReuse;
use cross_core::events::EventKind;
use cross_engine::Invocation;
use cross_tests::{Project, Recorder, engines, real_env, tool, wait_until};

use crate::daemon::{local_image, start_apart};
use crate::{SOON, TARGET};

/// Starts the service, and ends it. Podman cleans up after an `exec` five minutes later, which would
/// make the directory again, unless the process ends that waits for it.
const START: &str = r#"
podman --root "$dir/data" --runroot "$dir/run" system service --time 0 "tcp:127.0.0.1:$port" </dev/null >"$dir/log" 2>&1 &
service=$!
cat >/dev/null
kill "$service"
wait "$service"
for process in /proc/[0-9]*; do
    case $(readlink "$process/exe") in
    */conmon) ! grep -qs "$dir" "$process/cmdline" || kill -9 "${process#/proc/}" ;;
    esac
done
"#;

#[test]
fn a_podman_service_builds_what_it_does_not_see() {
    engines::need("podman");
    let (mut service, port) = start_apart(START, "cross-tests-remote-podman");
    wait_until(SOON, "the server listens", || {
        TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    let address = format!("tcp://127.0.0.1:{port}");
    let copy = "docker save \"$1\" | podman --url \"$2\" load";
    let copy = Invocation::new("sh").args(["-c", copy, "cross", &local_image(), &address]);
    let copied = tool::output(&copy);
    assert!(copied.exit.success(), "{copied:?}");

    let project = Project::new("app");
    let cross = project
        .cross()
        .env(real_env().set("CONTAINER_HOST", &address))
        .engine("podman");
    let outcome = cross.test(TARGET).run().unwrap();
    assert_eq!(outcome.tests.unwrap().passed, 1);
    let again = cross.build(TARGET).run().unwrap();
    assert!(again.executables().next().unwrap().path.exists());

    // A container that is kept there is entered, and sees what changed.
    let recorder = Recorder::default();
    let reuse = ContainerReuse::new();
    let warm = recorder.hear(cross.clone()).reuse_containers(reuse);
    for text in ["one", "two"] {
        let main = format!("fn main() {{}}\n#[test] fn {text}() {{ println!(\"{text}\"); }}\n");
        fs::write(project.path().join("src/main.rs"), main).unwrap();
        let tests = warm.test(TARGET).run().unwrap().tests.unwrap();
        assert_eq!(tests.binaries[0].tests[0].name, text);
        assert!(tests.binaries[0].exit.is_some_and(|exit| exit.success()));
    }
    let count = |is_one: fn(&EventKind) -> bool| {
        let events = recorder.events();
        events.iter().filter(|event| is_one(&event.kind)).count()
    };
    let started = count(|kind| matches!(kind, EventKind::ContainerStarted { .. }));
    let entered = count(|kind| matches!(kind, EventKind::ContainerEntered { .. }));
    assert!(started >= 1 && entered > started, "{started} {entered}");
    drop(warm);

    let volumes = cross.volumes("podman").unwrap();
    assert_eq!(volumes.len(), 3, "{volumes:?}");
    for volume in volumes {
        // The container that was kept ends soon.
        wait_until(SOON, "the volume is removed", || {
            cross.remove_volume("podman", &volume.name).unwrap_or(false)
        });
    }
    drop(service.stdin.take());
    let mut said = String::new();
    service
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert!(said.contains("over"));
    service.wait().unwrap();
}
