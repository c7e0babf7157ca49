//! Connections that are lost, and containers that are removed: nothing half-written appears, and
//! the next call goes on.

use std::fs;

use cross_core::ErrorKind;
use cross_core::events::EventKind;
use cross_tests::{Project, Recorder};

use crate::proxy::Proxy;
use crate::{Case, TARGET, daemon};

/// Builds through a connection that is cut at the first event that `when` accepts, and once more
/// when it is mended.
fn build_with_a_cut(project: Project, when: fn(&EventKind) -> bool) -> Case {
    let proxy = Proxy::start(daemon().port);
    let case = Case::new(project).at(&proxy.address);
    let recorder = Recorder::default();
    let of_listener = proxy.clone();
    let cross = case.cross().on_event({
        let recorder = recorder.clone();
        move |event| {
            if recorder.output().is_empty() && when(&event.kind) {
                of_listener.cut();
            }
        }
    });
    let error = cross.build(TARGET).run().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    assert!(
        error.help().unwrap().contains("run it again"),
        "{:?}",
        error.help()
    );
    let published = case
        .project
        .path()
        .join("target")
        .join(TARGET)
        .join("debug/app");
    assert!(!published.exists());
    proxy.mend();
    let built = case.build();
    assert!(!fs::read(built.program()).unwrap().is_empty());
    let again = case.build();
    assert_eq!((again.sent, again.compiled), (0, false));
    case
}

#[test]
fn a_connection_that_is_lost_while_sending() {
    build_with_a_cut(
        Project::new("app").file("big", &"0123456789abcdef".repeat(8 << 20)),
        |kind| matches!(kind, EventKind::Sent { bytes, of, .. } if bytes < of),
    );
}

#[test]
fn a_connection_that_is_lost_while_building() {
    let slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(2)) }";
    build_with_a_cut(
        Project::new("app").file("build.rs", slow),
        |kind| matches!(kind, EventKind::Output { line, .. } if line.contains("Compiling app")),
    );
}

#[test]
fn a_connection_that_is_lost_while_fetching() {
    build_with_a_cut(Project::new("app"), |kind| {
        matches!(kind, EventKind::Fetched { .. } | EventKind::Compiled { .. })
    });
}

#[test]
fn a_container_that_is_removed_meanwhile() {
    let slow = "fn main() { std::thread::sleep(std::time::Duration::from_secs(20)) }";
    let case = Case::new(Project::new("app").file("build.rs", slow));
    let (daemon, outer) = (case.daemon, case.volumes());
    let cross = case.cross().on_event(move |event| {
        if matches!(&event.kind, EventKind::Output { line, .. } if line.contains("Compiling app")) {
            let names = daemon.docker(&["ps", "--format", "{{.Names}} {{.Mounts}}"]);
            for name in names.lines().filter_map(|line| line.split(' ').next()) {
                let mounts = daemon.inspect(name);
                if outer.iter().any(|volume| mounts.contains(volume.as_str())) {
                    daemon.docker(&["rm", "--force", name]);
                }
            }
        }
    });
    let error = cross.build(TARGET).run().unwrap_err();
    assert!(
        matches!(
            error.kind(),
            ErrorKind::CargoFailed | ErrorKind::Killed | ErrorKind::Unreachable
        ),
        "{:?} {error}",
        error.kind()
    );
    case.write("build.rs", "fn main() {}");
    assert!(case.build().compiled);
}
