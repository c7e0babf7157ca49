//! The volumes: listed, removed, full, shared.

use std::thread;

use cross_tests::Project;

use crate::{Case, TARGET};

#[test]
fn volumes_are_listed_and_what_is_removed_is_sent_again() {
    let case = Case::new(Project::new("app"));
    assert!(case.build().compiled);
    let mine = case.volumes();
    let listed = case.cross().volumes("docker").unwrap();
    for name in &mine {
        let volume = listed.iter().find(|volume| volume.name == *name).unwrap();
        assert!(volume.used.is_some());
        assert!(volume.root.starts_with(case.project.path()), "{volume:?}");
    }
    for name in &mine {
        assert!(case.cross().remove_volume("docker", name).unwrap());
        assert!(!case.cross().remove_volume("docker", name).unwrap());
    }
    let again = case.build();
    assert!(again.compiled && again.sent > 0 && again.fetched > 0);
    // Behind the library's back, one and then the other.
    for name in &mine {
        case.daemon.docker(&["volume", "rm", name]);
        assert!(case.build().compiled, "{name}");
    }
    let other = cross_tests::tool::output(&cross_engine::Invocation::new("docker").args([
        "--host",
        &case.address,
        "volume",
        "create",
        "not-ours",
    ]));
    assert!(other.exit.success());
    assert!(!case.cross().remove_volume("docker", "not-ours").unwrap());
    case.daemon.docker(&["volume", "rm", "not-ours"]);
}

#[test]
fn a_full_volume_is_told_with_its_remedy() {
    let case = Case::new(Project::new("app").file("big", &"x".repeat(1 << 20)));
    let sources = case
        .volumes()
        .into_iter()
        .find(|name| name.contains("sources"))
        .unwrap();
    let small = [
        "--opt",
        "type=tmpfs",
        "--opt",
        "device=tmpfs",
        "--opt",
        "o=size=256k",
    ];
    case.daemon
        .docker(&[&["volume", "create"], &small[..], &[&sources]].concat());
    let error = case.cross().build(TARGET).run().unwrap_err();
    assert!(error.to_string().contains("full"), "{error}");
    assert!(error.help().unwrap().contains("free some space"));
    assert_eq!(case.containers(), [""; 0]);
    case.daemon.docker(&["volume", "rm", &sources]);
    assert!(case.build().compiled);
}

#[test]
fn two_callers_share_a_daemon_and_a_project() {
    let case = Case::new(Project::new("app"));
    let other = Case::new(Project::new("other"));
    thread::scope(|scope| {
        let builds: Vec<_> = [&case, &case, &other]
            .map(|case| scope.spawn(|| case.cross().build(TARGET).run()))
            .into();
        for build in builds {
            build.join().unwrap().unwrap();
        }
    });
    // A caller that was killed while it filled a volume has left a container that never began.
    let sources = case
        .volumes()
        .into_iter()
        .find(|name| name.contains("sources"))
        .unwrap();
    let image = case.daemon.docker(&["images", "--quiet"]);
    let image = image.lines().next().unwrap();
    let name = format!("{sources}-filled");
    case.daemon
        .docker(&["create", "--name", &name, image, "true"]);
    case.daemon.docker(&["start", "--attach", &name]);
    case.write("src/main.rs", "fn main() { println!(\"again\"); }\n");
    assert!(case.build().compiled);
    // One that nobody fills any more keeps its volume from being removed.
    let label = "org.cross-core.run=1";
    case.daemon
        .docker(&["create", "--label", label, "--name", &name, image, "true"]);
    case.daemon.docker(&["start", "--attach", &name]);
    let swept = case.cross().sweep("docker").unwrap();
    assert!(swept.containers.contains(&name), "{swept:?}");
}

#[test]
fn an_environment_is_made_on_the_daemon() {
    let case = Case::new(
        Project::new("app")
            .cross_toml(&format!("[target.{TARGET}]\npre-build = [\"echo made >/made\"]\n"))
            .file(
                "build.rs",
                "fn main() { assert_eq!(std::fs::read_to_string(\"/made\").unwrap(), \"made\\n\"); }",
            ),
    );
    assert!(case.build().compiled);
}
