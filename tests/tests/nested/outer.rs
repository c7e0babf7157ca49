//! The fixture of the suite: a container from within which the library is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use cross_core::Cancel;
use cross_engine::{
    Engine, EnvironmentLocation, Environments, Host, Invocation, Variables, process,
};
use cross_tests::{Project, ambient, engines, tool, wait_until};
use serde_json::Value;

/// The target of the suite.
pub(crate) const TARGET: &str = "aarch64-unknown-linux-gnu";
/// A program that uses the library.
const CALLER: &str = env!("CARGO_BIN_EXE_caller");
/// The time that an engine may take to end containers.
const GRACE: Duration = Duration::from_secs(15);

/// A container of docker or podman that has a project, and what else the library needs.
#[derive(Debug)]
pub(crate) struct Outer {
    pub(crate) engine: Engine,
    pub(crate) name: String,
    id: String,
    /// The project on the host. The container has it at [`Outer::project_dir`].
    pub(crate) project: Project,
    // Dropped after the container is gone.
    _service: Option<Service>,
}

/// A service of podman's, which ends when this is dropped.
#[derive(Debug)]
struct Service(Child);

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a request in the container came to.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) last: Value,
    pub(crate) all: String,
}

impl Said {
    /// The outcome.
    #[track_caller]
    pub(crate) fn outcome(&self) -> &Value {
        let outcome = &self.last["outcome"];
        assert!(outcome.is_object(), "{}", self.all);
        outcome
    }

    /// Asserts an error of this kind whose message and remedy have these words.
    #[track_caller]
    pub(crate) fn is_error(&self, kind: &str, message: &[&str], help: &[&str]) {
        let error = &self.last["error"];
        assert_eq!(error["kind"], kind, "{}", self.all);
        for (field, words) in [("message", message), ("help", help)] {
            let text = error[field].as_str().unwrap_or_default();
            for word in words {
                assert!(text.contains(word), "{field} without `{word}`: {text}");
            }
        }
    }
}

impl Outer {
    /// Starts a container of `engine` with a project of this name.
    pub(crate) fn start(engine: &str, name: &str) -> Self {
        Outer::of(engine, project(engine, name), &[])
    }

    /// Starts a container with `project` and further options for `run`.
    pub(crate) fn of(engine: &str, project: Project, options: &[&str]) -> Self {
        let engine = engines::need(engine);
        let beside = project.outer().to_owned();
        fs::create_dir(beside.join("cache")).unwrap();
        let (service, socket) = match engine.kind.name() {
            "podman" => {
                let socket = beside.join("podman.sock");
                (Some(Service::start(&engine, &socket)), socket)
            }
            _ => (None, docker_socket()),
        };
        let unique = project.path().file_name().unwrap();
        let unique = unique.to_str().unwrap().to_owned();
        let name = format!("outer-{unique}");
        let rust = tool::cargo();
        let rust = rust.parent().unwrap().parent().unwrap().display();
        let program = engine.program.display();
        let inside = inside_socket(&engine);
        let mut run = Invocation::new(&engine.program)
            .args([
                "run",
                "--detach",
                "--rm",
                "--network",
                "none",
                "--name",
                &name,
            ])
            .args(["--env", "CROSS_CACHE_DIR=/cache", "--env", "HOME=/root"])
            .args(["--env", "MOUNTED_RUST=/opt/rust"])
            .args(["--env", "PATH=/opt/rust/bin:/usr/local/bin:/usr/bin:/bin"]);
        let mounts = [
            format!("{}:{inside}", socket.display()),
            format!("{rust}:/opt/rust:ro"),
            format!("{CALLER}:/usr/local/bin/caller:ro"),
            format!("{program}:/usr/local/bin/{}:ro", engine.kind.program()),
            format!("{}:/work/{unique}", project.path().display()),
            format!("{}:/cache", beside.join("cache").display()),
        ];
        for mount in &mounts {
            run = run.args(["--volume", mount]);
        }
        if engine.kind.name() == "podman" {
            let libraries = format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH);
            run = run
                .args(["--env", &format!("CONTAINER_HOST=unix://{inside}")])
                .args(["--env", "LD_LIBRARY_PATH=/libraries"])
                .args(["--volume", &format!("{libraries}:/libraries:ro")])
                .args(["--volume", "/etc/containers:/etc/containers:ro"]);
        }
        let run = run
            .args(options.iter().copied())
            .arg(image(&engine, &project))
            .args(["sleep", "infinity"]);
        let id = tool::stdout(&run).trim().to_owned();
        Outer {
            engine,
            name,
            id,
            project,
            _service: service,
        }
    }

    /// The name of the project, its program and the container, which is unique on the machine.
    pub(crate) fn unique(&self) -> &str {
        self.project.path().file_name().unwrap().to_str().unwrap()
    }

    /// The directory of the project in the container.
    pub(crate) fn project_dir(&self) -> PathBuf {
        Path::new("/work").join(self.project.path().file_name().unwrap())
    }

    /// Runs a command in the container, with these options for `exec`.
    pub(crate) fn exec(&self, options: &[&str], words: &[&str]) -> process::Output {
        tool::output(&self.exec_command(options, words))
    }

    fn exec_command(&self, options: &[&str], words: &[&str]) -> Invocation {
        Invocation::new(&self.engine.program)
            .arg("exec")
            .args(options.iter().copied())
            .arg(&self.name)
            .args(words.iter().copied())
    }

    /// Runs a shell script in the container.
    #[track_caller]
    pub(crate) fn shell(&self, script: &str) {
        let output = self.exec(&[], &["sh", "-ec", script]);
        assert!(output.exit.success(), "{script}: {}", output.stderr);
    }

    /// Makes a request for the project from within the container.
    pub(crate) fn request(&self, verb: &str) -> Said {
        self.request_in(&self.project_dir(), &[], verb)
    }

    /// Makes a request for the project in `dir`, with these options for `exec`.
    pub(crate) fn request_in(&self, dir: &Path, options: &[&str], verb: &str) -> Said {
        let dir = ["--workdir", dir.to_str().unwrap()];
        let words = ["caller", verb, self.engine.kind.name(), TARGET];
        said(&self.exec(&[&dir, options].concat(), &words))
    }

    /// Starts a request and does not wait for it.
    pub(crate) fn begin(&self, verb: &str, words: &[&str]) -> Child {
        let dir = self.project_dir();
        let dir = ["--workdir", dir.to_str().unwrap()];
        let caller = ["caller", verb, self.engine.kind.name(), TARGET];
        let command = self.exec_command(&dir, &[&caller, words].concat());
        let variables: Variables = ambient::variables().collect();
        process::command(&command, &variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }

    /// Kills the container.
    pub(crate) fn kill(&self) {
        tool::stdout(&Invocation::new(&self.engine.program).args(["kill", &self.name]));
    }

    /// The names of the containers that were started from within this one.
    pub(crate) fn inner(&self) -> Vec<String> {
        let label = format!("label=org.cross-core.outer={}", self.id);
        let list = Invocation::new(&self.engine.program).args([
            "ps",
            "--all",
            "--format",
            "{{.Names}}",
            "--filter",
            &label,
        ]);
        let listed = tool::stdout(&list);
        listed.lines().map(str::to_owned).collect()
    }

    /// The processes that were started from within the container, except the container's own.
    pub(crate) fn processes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).replace('\0', " ");
            // The engine and the test have the name of the container on their command lines.
            if line.replace(&self.name, "").contains(self.unique()) && !line.contains(" exec ") {
                found.push(line.trim_end().to_owned());
            }
        }
        found
    }

    /// The library's cache in the container, as the host has it.
    pub(crate) fn cache(&self) -> PathBuf {
        self.project.outer().join("cache")
    }

    /// Waits until nothing is left of what was started from within the container.
    #[track_caller]
    pub(crate) fn leaves_nothing(&self) {
        wait_until(GRACE, "no inner container", || self.inner().is_empty());
        wait_until(GRACE, "no process", || self.processes().is_empty());
        for dir in ["lifelines", "relays", "jobservers", "reused"] {
            let dir = self.cache().join(dir);
            let files: Vec<_> = fs::read_dir(&dir).into_iter().flatten().flatten().collect();
            assert!(files.is_empty(), "{files:?}");
        }
    }
}

impl Drop for Outer {
    fn drop(&mut self) {
        let inner = self.inner();
        let remove = Invocation::new(&self.engine.program).args(["rm", "--force", &self.name]);
        tool::output(&remove.args(inner));
        // An engine that is taken for another machine's has volumes of the project.
        let project = self.project_dir().display().to_string();
        let list = ["volume", "ls", "--filter", "label=org.cross-core.root"];
        let format = ["--format", "{{.Name}} {{.Labels}}"];
        let list = Invocation::new(&self.engine.program)
            .args(list)
            .args(format);
        let listed = tool::output(&list).stdout;
        let ours = listed.lines().filter(|line| line.contains(&project));
        for name in ours.filter_map(|line| line.split(' ').next()) {
            tool::output(&Invocation::new(&self.engine.program).args(["volume", "rm", name]));
        }
    }
}

impl Service {
    fn start(engine: &Engine, socket: &Path) -> Self {
        let address = format!("unix://{}", socket.display());
        let command =
            Invocation::new(&engine.program).args(["system", "service", "--time=0", &address]);
        let variables: Variables = ambient::variables().collect();
        let service = process::command(&command, &variables)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let service = Service(service);
        wait_until(GRACE, "podman's socket", || socket.exists());
        service
    }
}

/// What `output` of the caller says.
fn said(output: &process::Output) -> Said {
    let last = output.stdout.lines().last().unwrap_or_default();
    Said {
        last: serde_json::from_str(last).unwrap_or_default(),
        all: format!("{}\n{}", output.stdout, output.stderr),
    }
}

/// A project whose name begins with `name`, and is unique on the machine.
pub(crate) fn project(engine: &str, name: &str) -> Project {
    let name = format!("{name}-{engine}-{}", std::process::id());
    Project::new(&name).cross_toml("[build]\nnetwork = \"none\"\n")
}

/// Makes the environment for requests that mount a Rust of their own.
pub(crate) fn make_environment_without_rust(outer: &Outer) {
    let rust = tool::cargo();
    let rust = rust.parent().unwrap().parent().unwrap().to_str().unwrap();
    let cross = outer
        .project
        .cross()
        .engine(outer.engine.kind)
        .toolchain(rust);
    let plan = cross.build(TARGET).plan().unwrap();
    plan.only_environment().execute(&Cancel::new()).unwrap();
}

/// The image of the outer container: the environment in which its requests run.
pub(crate) fn image(engine: &Engine, project: &Project) -> String {
    let cross = project.cross().engine(engine.kind);
    let plan = cross.build(TARGET).plan().unwrap();
    let environment = plan.environment.name.clone();
    plan.only_environment().execute(&Cancel::new()).unwrap();
    let host = Host::new(ambient::variables().collect(), "/nonexistent");
    match Environments::new(engine, &host).location(&environment) {
        EnvironmentLocation::Image(image) => image,
        other => panic!("{other:?}"),
    }
}

/// The socket of docker's daemon.
fn docker_socket() -> PathBuf {
    let address = ambient::variable("DOCKER_HOST").unwrap_or_default();
    let address = address.to_string_lossy().into_owned();
    let path = address
        .strip_prefix("unix://")
        .unwrap_or("/var/run/docker.sock");
    path.into()
}

/// Where the container has the socket.
pub(crate) fn inside_socket(engine: &Engine) -> &'static str {
    match engine.kind.name() {
        "podman" => "/run/podman/podman.sock",
        _ => "/var/run/docker.sock",
    }
}

/// Makes a test in docker's container and one in podman's.
macro_rules! in_containers {
    ($($name:ident)*) => {
        $(mod $name {
            #[test]
            fn docker() {
                super::$name("docker");
            }

            #[test]
            fn podman() {
                super::$name("podman");
            }
        })*
    };
}
pub(crate) use in_containers;
