//! The seats of an attack: where and as whom it is compiled.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use cross_core::{Cancel, Cross, Env, engine::EnvironmentLocation};
use cross_engine::{Invocation, VolumeKind};
use cross_tests::{Project, engines, tool};

use crate::attacker::TARGET;
use crate::report::Said;

/// Where and as whom an attack is compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Seat {
    pub(crate) engine: &'static str,
    is_root: bool,
    pub(crate) place: Place,
    number: usize,
}

/// Where the engine sees the files of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Where the user has them.
    Same,
    /// Where the host of the user's container has them.
    Nested,
    /// In volumes, as on another machine.
    Remote,
}

impl Seat {
    pub(crate) fn sandbox_as_root() -> Self {
        Seat::of("sandbox", true, 0)
    }

    pub(crate) fn sandbox_as_user() -> Self {
        Seat::of("sandbox", false, 1)
    }

    pub(crate) fn docker() -> Self {
        Seat::of("docker", true, 2)
    }

    pub(crate) fn podman() -> Self {
        Seat::of("podman", true, 3)
    }

    /// In a container of docker's that has its socket.
    pub(crate) fn nested() -> Self {
        Seat {
            place: Place::Nested,
            ..Seat::of("docker", true, 4)
        }
    }

    /// With a docker that is told to see none of the files.
    pub(crate) fn remote() -> Self {
        Seat {
            place: Place::Remote,
            ..Seat::of("docker", true, 5)
        }
    }

    #[track_caller]
    fn of(engine: &'static str, is_root: bool, number: usize) -> Self {
        engines::need(engine);
        assert!(
            tool::is_root(),
            "this suite needs root, which becomes each of the users"
        );
        Seat {
            engine,
            is_root,
            place: Place::Same,
            number,
        }
    }

    pub(crate) fn is_sandbox(self) -> bool {
        self.engine == "sandbox"
    }

    pub(crate) fn is_root(self) -> bool {
        self.is_root
    }
}

/// Declares the tests of a file, each on some seats: `forged: docker podman;` makes the tests
/// `forged::docker` and `forged::podman`. A name without seats is tried on the first
/// four.
///
/// Where an attack meets the same mechanism on every seat, it is tried on one sandbox and in one
/// container, and the next attack of the file on the other two. `nested` and `remote` are for what
/// reaches the engine or comes back on another way there.
macro_rules! on_seats {
    ($($name:ident $(: $($seat:ident)+)?;)+) => {
        $($crate::seat::on_seats!(@ $name $($($seat)+)?);)+
    };
    (@ $name:ident) => {
        $crate::seat::on_seats!(@ $name sandbox_as_root sandbox_as_user docker podman);
    };
    (@ $name:ident $($seat:ident)+) => {
        mod $name {
            $(
                #[test]
                fn $seat() {
                    super::$name($crate::seat::Seat::$seat());
                }
            )+
        }
    };
}
pub(crate) use on_seats;

/// What each seat said, for tests that look at one run.
#[derive(Debug, Default)]
pub(crate) struct Shared([OnceLock<Said>; 6]);

impl Shared {
    pub(crate) const fn new() -> Self {
        Shared([const { OnceLock::new() }; 6])
    }

    /// What the run on `seat` said: the first test who asks runs it.
    pub(crate) fn of(&self, seat: Seat, run: impl FnOnce() -> Said) -> &Said {
        self.0[seat.number].get_or_init(run)
    }
}

/// What this machine's docker has of an attack, removed when this is dropped: the container of the
/// user, and volumes.
#[derive(Debug, Default)]
pub(crate) struct Elsewhere {
    container: OnceLock<String>,
    volumes: RefCell<BTreeSet<String>>,
}

impl Elsewhere {
    /// The name of the user's container.
    pub(crate) fn container(&self) -> &str {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        self.container.get_or_init(|| {
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            format!("boundary-{}-{number}", std::process::id())
        })
    }

    /// Where docker has the target directories of a project.
    pub(crate) fn places_of_target(&self, project: &Project, env: &Env) -> Vec<PathBuf> {
        let cross = Cross::at(project.path())
            .env(env.clone())
            .engine("docker")
            .toolchain("image");
        let plan = cross.build(TARGET).plan().unwrap();
        let mut places = Vec::new();
        for tree in plan.remote.unwrap().transfer.trees {
            if tree.kind == VolumeKind::Target {
                places.push(place_of_volume(&tree.volume));
            }
            self.volumes.borrow_mut().insert(tree.volume);
        }
        places
    }
}

impl Drop for Elsewhere {
    fn drop(&mut self) {
        let docker = |words: &[&str]| {
            tool::output(&Invocation::new("docker").args(words.iter().copied()));
        };
        if let Some(container) = self.container.get() {
            docker(&["rm", "--force", container]);
        }
        for volume in self.volumes.borrow().iter() {
            docker(&["volume", "rm", volume]);
        }
    }
}

fn place_of_volume(name: &str) -> PathBuf {
    let words = ["volume", "inspect", "--format", "{{.Mountpoint}}", name];
    let place = tool::output(&Invocation::new("docker").args(words)).stdout;
    place.trim().into()
}

/// The words that begin a command in a container which has these directories and docker's socket.
pub(crate) fn in_container(
    name: &str,
    env: &Env,
    project: &Project,
    dirs: &[String],
) -> Vec<String> {
    let cross = project.cross().engine("docker").toolchain("image");
    let plan = cross.build(TARGET).plan().unwrap();
    let image = match plan.environment.location.clone() {
        EnvironmentLocation::Image(image) => image,
        other => panic!("{other:?}"),
    };
    plan.only_environment().execute(&Cancel::new()).unwrap();
    let docker = tool::on_path("docker").display().to_string();
    let words = ["run", "--rm", "--network", "none", "--name", name];
    let mut words: Vec<String> = std::iter::once(docker.as_str())
        .chain(words)
        .map(str::to_owned)
        .collect();
    let socket = "/var/run/docker.sock:/var/run/docker.sock".to_owned();
    let client = format!("{docker}:/usr/local/bin/docker:ro");
    let mounts = dirs.iter().map(|dir| format!("{dir}:{dir}"));
    for mount in mounts.chain([socket, client]) {
        words.extend(["--volume".to_owned(), mount]);
    }
    for (name, _) in env.iter() {
        words.extend(["--env".to_owned(), name.to_str().unwrap().to_owned()]);
    }
    words.extend([
        "--workdir".to_owned(),
        project.path().display().to_string(),
        image,
    ]);
    words
}
