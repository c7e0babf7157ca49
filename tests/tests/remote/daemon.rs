//! A docker daemon that sees none of the tests' files, as one on another machine would.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Mutex, OnceLock};

use cross_core::engine::EnvironmentLocation;
use cross_engine::{Invocation, process};
use cross_tests::{Project, ambient, engines, tool};

use crate::TARGET;

/// The beginning of the script of a server, in a mount namespace in which the directories of the
/// caller are empty. `$1` is the server's directory, `$2` its port, and the others are the hidden
/// directories. A script goes on until standard input ends: when the suite does, however that is.
const HEAD: &str = r#"
dir=$1 port=$2
shift 2
# A signal to the whole process group ends `cat`, and then what is below it is done.
trap : INT TERM HUP
mkdir -p "$dir"
for hidden; do [ ! -d "$hidden" ] || mount -t tmpfs none "$hidden"; done
"#;

/// Starts the daemon, and ends it with its containers.
///
/// It names the bridge of this machine's daemon, since one without a bridge removes that one.
const START: &str = r#"
echo '{}' >"$dir/config.json"
dockerd --config-file "$dir/config.json" --data-root "$dir/data" --exec-root "$dir/exec" \
    --pidfile "$dir/pid" --host "tcp://127.0.0.1:$port" --bridge docker0 --iptables=false \
    --ip-masq=false --ip-forward=false </dev/null >"$dir/log" 2>&1 &
daemon=$!
until docker --host "tcp://127.0.0.1:$port" version >/dev/null 2>&1; do
    kill -0 "$daemon" 2>/dev/null || { echo "failed: $(tail -n 3 "$dir/log")"; exit 1; }
    sleep 0.1
done
echo ready
cat >/dev/null
docker --host "tcp://127.0.0.1:$port" ps --quiet | xargs -r docker --host "tcp://127.0.0.1:$port" kill >/dev/null 2>&1
kill "$daemon"
wait "$daemon"
"#;

/// The end of the script of a server.
const TAIL: &str = r#"
cd /
for left in $(grep -o " $dir[^ ]*" /proc/self/mounts | sort -r); do umount -l "$left"; done
rm -rf "$dir"
echo over
"#;

/// The daemon of this suite.
pub(crate) struct Daemon {
    /// Its address, as for `DOCKER_HOST`.
    pub(crate) address: String,
    /// Its port on the loopback interface.
    pub(crate) port: u16,
    _process: Mutex<(Child, ChildStdin)>,
}

/// The daemon of this suite, with the environment of [`TARGET`]. It ends with the suite's process.
pub(crate) fn daemon() -> &'static Daemon {
    static DAEMON: OnceLock<Daemon> = OnceLock::new();
    DAEMON.get_or_init(Daemon::start)
}

impl Daemon {
    fn start() -> Self {
        engines::need("docker");
        let (mut child, port) = start_apart(START, "cross-tests-remote");
        let mut said = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut said)
            .unwrap();
        assert_eq!(said.trim(), "ready");
        let stdin = child.stdin.take().unwrap();
        let daemon = Daemon {
            address: format!("tcp://127.0.0.1:{port}"),
            port,
            _process: Mutex::new((child, stdin)),
        };
        daemon.load_environment();
        daemon
    }

    /// Copies the environment from the daemon of this machine, which takes less time than to make
    /// it.
    fn load_environment(&self) {
        let image = local_image();
        let copy = "docker save \"$1\" | docker --host \"$2\" load";
        let copy = Invocation::new("sh").args(["-c", copy, "cross", &image, &self.address]);
        assert!(tool::output(&copy).exit.success());
    }

    /// What docker says of a container, which may be gone meanwhile.
    pub(crate) fn inspect(&self, name: &str) -> String {
        let inspect = ["--host", &self.address, "inspect", name];
        tool::output(&Invocation::new("docker").args(inspect)).stdout
    }

    /// The output of docker's client with these arguments.
    pub(crate) fn docker(&self, args: &[&str]) -> String {
        let docker = Invocation::new("docker").args(["--host", &self.address]);
        let output = tool::output(&docker.args(args.iter().copied()));
        assert!(output.exit.success(), "{args:?}: {}", output.stderr);
        output.stdout
    }
}

/// Starts a server by `script`, between [`HEAD`] and [`TAIL`], with a directory named `name`.
/// Returns it and its port on the loopback interface.
pub(crate) fn start_apart(script: &str, name: &str) -> (Child, u16) {
    let free = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let dir = format!("/var/lib/{name}-{}", std::process::id());
    let port_word = port.to_string();
    let script = [HEAD, script, TAIL].concat();
    let start = Invocation::new("unshare")
        .args(["--mount", "sh", "-c", &script, "cross", &dir, &port_word])
        .args(hidden());
    let server = process::command(&start, &ambient::variables().collect())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn();
    (server.unwrap(), port)
}

/// The directories of the caller that an engine on another machine would not have.
fn hidden() -> [String; 3] {
    let home = ambient::variables()
        .find(|(name, _)| name == "HOME")
        .unwrap()
        .1;
    [
        ambient::temporary().display().to_string(),
        home.into_string().unwrap(),
        env!("CARGO_MANIFEST_DIR").to_owned(),
    ]
}

/// The image of the environment of [`TARGET`] in the store of this machine's docker, made if need
/// be.
pub(crate) fn local_image() -> String {
    let project = Project::new("app");
    let plan = project
        .cross()
        .engine("docker")
        .build(TARGET)
        .plan()
        .unwrap();
    if !plan.environment.exists {
        plan.clone()
            .only_environment()
            .execute(&cross_core::Cancel::new())
            .unwrap();
    }
    match plan.environment.location {
        EnvironmentLocation::Image(image) => image,
        other => panic!("{other:?}"),
    }
}
