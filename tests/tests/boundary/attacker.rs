//! The fixture of the suite: a hostile crate, and the user who compiles it.
//!
//! The library is used by a process of its own (`caller`), so that a test can be another user, hold
//! descriptors open, measure the caller's memory, and kill it. The crate writes what it managed to
//! do inside to a file in its target directory. The tests look outside for the harm.

use std::cell::Cell;
use std::fs;
use std::io::{BufReader, Read as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use cross_core::Env;
use cross_engine::Invocation;
use cross_engine::process::{self, clock};
use cross_tests::{PlainUser, Project, ambient, tool};

use crate::report::{Lines, Said, Told};
use crate::seat::{self, Elsewhere, Place, Seat};

/// The target of the suite. Its programs need no emulator, and its system calls have known numbers.
pub(crate) const TARGET: &str = "x86_64-unknown-linux-gnu";
/// The text of every secret: in variables, and in files that nobody may read or write.
pub(crate) const SECRET: &str = "s3cret-decoy";
/// A program that uses the library.
const CALLER: &str = env!("CARGO_BIN_EXE_caller");
/// One that is nothing but its front door.
const FRONT_DOOR: &str = env!("CARGO_BIN_EXE_front-door");
/// The functions that every attack can use.
const PRELUDE: &str = include_str!("inside/prelude.rs");
/// The time after which a caller is considered to hang.
const PATIENCE: Duration = Duration::from_secs(600);
/// The memory, in KiB, at which a caller is ended before it harms the machine.
const TOO_MUCH_MEMORY: u64 = 1 << 20;

/// The user's own files, each with [`SECRET`] in it.
const DECOYS: [(&str, &str); 7] = [
    (
        ".ssh/id_ed25519",
        "-----BEGIN OPENSSH PRIVATE KEY-----\n@\n",
    ),
    (".ssh/authorized_keys", "ssh-ed25519 AAAA @\n"),
    (".cargo/credentials.toml", "[registry]\ntoken = \"@\"\n"),
    (".netrc", "machine example.invalid password @\n"),
    (".git-credentials", "https://me:@@example.invalid\n"),
    (".aws/credentials", "[default]\naws_secret_access_key = @\n"),
    (
        ".docker/config.json",
        "{\"auths\":{\"example.invalid\":{\"auth\":\"@\"}}}\n",
    ),
];

/// A hostile crate in the workspace of a user who has something to lose.
#[derive(Debug)]
pub(crate) struct Attack {
    pub(crate) seat: Seat,
    pub(crate) project: Project,
    user: Option<PlainUser>,
    env: Env,
    descriptors: String,
    wrapper: Vec<String>,
    settled: Cell<bool>,
    /// What the engine has of it.
    elsewhere: Elsewhere,
    patience: Duration,
}

impl Attack {
    /// A crate `app` that does nothing yet, of the user of `seat`, whose home has the decoys.
    pub(crate) fn on(seat: Seat) -> Self {
        let user = (!seat.is_root()).then(PlainUser::get);
        let project = Project::new("app").file(
            "src/main.rs",
            "fn main() {\n    println!(\"an honest program\");\n}\n",
        );
        let outer = project.outer();
        fs::set_permissions(outer, fs::Permissions::from_mode(0o755)).unwrap();
        let home = outer.join("home");
        for (path, text) in DECOYS {
            let path = home.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = text.replacen('@', SECRET, 1);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        fs::create_dir_all(outer.join("tmp")).unwrap();
        let (bin, cache) = match &user {
            Some(user) => {
                let path = user.env().get("PATH").unwrap().to_str().unwrap().to_owned();
                let cache = user.home().join(".cache/cross-core");
                (path.split(':').next().unwrap().into(), cache)
            }
            None => (tool::cargo().parent().unwrap().to_owned(), cache()),
        };
        let path = format!(
            "{}:/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin",
            bin.display()
        );
        let env = Env::new()
            .set("PATH", path)
            .set("HOME", home)
            .set("USER", "somebody")
            .set("TMPDIR", outer.join("tmp"))
            .set("CROSS_CACHE_DIR", cache);
        let env = match seat.place {
            Place::Remote => env.set("CROSS_REMOTE", "1"),
            Place::Same | Place::Nested => env,
        };
        Attack {
            seat,
            project,
            user,
            env,
            descriptors: String::new(),
            wrapper: Vec::new(),
            settled: Cell::new(false),
            elsewhere: Elsewhere::default(),
            patience: PATIENCE,
        }
    }

    /// Writes a file of the workspace.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.project = self.project.file(path, text);
        self.settled.set(false);
        self
    }

    /// A file of Rust that can do what the prelude can.
    pub(crate) fn hostile(self, path: &str, body: &str) -> Self {
        let text = format!("{PRELUDE}\n{body}");
        self.file(path, &text)
    }

    /// A build script with this body.
    pub(crate) fn build_script(self, body: &str) -> Self {
        let main = format!("fn main() {{\n{body}\n}}\n");
        self.hostile("build.rs", &main)
    }

    /// A program with this body, and a test with the same.
    pub(crate) fn program_and_test(self, body: &str) -> Self {
        let text = format!(
            "fn main() {{\n    attack();\n}}\n#[test]\nfn attacks() {{\n    attack();\n}}\n\
             fn attack() {{\n{body}\n}}\n"
        );
        self.hostile("src/main.rs", &text)
    }

    /// Sets a variable of the caller's.
    pub(crate) fn set(mut self, name: &str, value: &str) -> Self {
        self.env = self.env.set(name, value);
        self
    }

    /// The caller has what this redirection of a shell opens.
    pub(crate) fn redirected(mut self, redirection: &str) -> Self {
        self.descriptors.push(' ');
        self.descriptors.push_str(redirection);
        self
    }

    /// The caller is started by these words.
    pub(crate) fn started_by(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(|&word| word.to_owned()).collect();
        self
    }

    /// The caller is taken to hang after so long.
    pub(crate) fn patience(mut self, seconds: u64) -> Self {
        self.patience = Duration::from_secs(seconds);
        self
    }

    /// The home directory of whoever compiles.
    pub(crate) fn home(&self) -> PathBuf {
        self.project.outer().join("home")
    }

    /// A path beside the workspace.
    pub(crate) fn beside(&self, path: &str) -> PathBuf {
        self.project.outer().join(path)
    }

    /// A path in the workspace.
    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.project.path().join(path)
    }

    /// Where the target's files appear.
    pub(crate) fn published(&self) -> PathBuf {
        self.path("target").join(TARGET).join("debug")
    }

    /// The target directory of what was built inside.
    #[track_caller]
    pub(crate) fn target_dir(&self) -> PathBuf {
        let dirs = fs::read_dir(self.path("target/cross")).unwrap();
        let mut dirs: Vec<_> = dirs.map(|dir| dir.unwrap().path()).collect();
        assert_eq!(dirs.len(), 1, "{dirs:?}");
        dirs.remove(0)
    }

    /// The user's number.
    pub(crate) fn uid(&self) -> u32 {
        self.user.as_ref().map_or(0, PlainUser::id)
    }

    /// Gives everything to the user, with copies of the programs that they start. What a test makes
    /// afterwards stays root's.
    pub(crate) fn settle(&self) {
        if self.settled.replace(true) {
            return;
        }
        for program in [CALLER, FRONT_DOOR] {
            let copy = self.copy_of(program);
            if !copy.exists() {
                // In a process of its own: what another thread starts would inherit the open file,
                // and a program that is open for writing does not start.
                self.host("cp", &[program, copy.to_str().unwrap()]);
            }
        }
        let uid = self.uid();
        if uid != 0 {
            self.host("chown", &["-hR", &format!("{uid}:{uid}"), "."]);
        }
    }

    /// Where the user has `program`.
    fn copy_of(&self, program: &str) -> PathBuf {
        self.beside(Path::new(program).file_name().unwrap().to_str().unwrap())
    }

    /// Runs a command of the host beside the workspace, as root.
    #[track_caller]
    pub(crate) fn host(&self, program: &str, args: &[&str]) -> String {
        tool::stdout(
            &Invocation::new(program)
                .args(args.iter().copied())
                .cwd(self.project.outer()),
        )
    }

    /// Runs git in `dir`, which is beside the workspace.
    #[track_caller]
    pub(crate) fn git(&self, dir: &Path, args: &[&str]) -> String {
        let git = Invocation::new("git")
            .args(["-c", "user.name=me", "-c", "user.email=me@example.invalid"])
            .args(["-c", "init.defaultBranch=main", "-c", "safe.directory=*"])
            .args(args.iter().copied())
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .cwd(dir);
        tool::stdout(&git)
    }

    /// Runs `verb` to its end: `build`, `test`, `run` or `plan`, with `@` and seconds if it has a
    /// deadline.
    pub(crate) fn run(&self, verb: &str) -> Said {
        self.start(verb).ended(self)
    }

    /// Runs a cargo command line to its end, by the program that is nothing but a front door.
    pub(crate) fn front_door(&self, words: &[&str]) -> Said {
        let mut args = vec![self.seat.engine];
        args.extend(words);
        self.start_program(FRONT_DOOR, &args).ended(self)
    }

    /// Starts `verb` and does not wait for it.
    pub(crate) fn start(&self, verb: &str) -> Running {
        self.start_program(CALLER, &[verb, self.seat.engine, TARGET])
    }

    fn start_program(&self, program: &str, args: &[&str]) -> Running {
        self.settle();
        // Each of these words becomes the next, so that the child is the caller itself.
        let mut words = vec![
            "sh".to_owned(),
            "-c".to_owned(),
            format!("exec{}; exec \"$@\"", self.descriptors),
            "sh".to_owned(),
        ];
        words.extend(self.wrapper.iter().cloned());
        if let Some(user) = &self.user {
            let (setpriv, id) = (tool::on_path("setpriv"), user.id());
            words.push(setpriv.to_str().unwrap().to_owned());
            words.extend([format!("--reuid={id}"), format!("--regid={id}")]);
            words.push("--clear-groups".to_owned());
        }
        if self.seat.place == Place::Nested {
            let toolchain = tool::cargo();
            let toolchain = toolchain.parent().unwrap().parent().unwrap();
            let dirs =
                [self.project.outer(), toolchain, &cache()].map(|dir| dir.display().to_string());
            words.extend(seat::in_container(
                self.elsewhere.container(),
                &self.env,
                &self.project,
                &dirs,
            ));
        }
        words.push(self.copy_of(program).to_str().unwrap().to_owned());
        words.extend(args.iter().map(|&arg| arg.to_owned()));
        let variables = self.env.iter();
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let command = Invocation::new(words.remove(0)).args(words);
        let mut child = process::command(&command, &variables.collect())
            .current_dir(self.project.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (out, err) = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
        Running {
            child,
            started: clock::now(),
            lines: [collect(out), collect(err)],
        }
    }

    /// What the crate told of itself so far.
    pub(crate) fn told(&self) -> Told {
        let mut told = Told::new();
        let dirs = fs::read_dir(self.path("target/cross"))
            .into_iter()
            .flatten();
        let mut dirs: Vec<_> = dirs.map(|dir| dir.unwrap().path()).collect();
        if self.seat.place == Place::Remote {
            let places = self.elsewhere.places_of_target(&self.project, &self.env);
            let there = |dir: &PathBuf| {
                let dir = dir.strip_prefix("/").unwrap().to_owned();
                places
                    .clone()
                    .into_iter()
                    .map(move |place| Path::new(&place).join("tree").join(&dir))
            };
            dirs = dirs.iter().flat_map(there).collect();
        }
        for dir in dirs {
            let text = fs::read_to_string(dir.join("told")).unwrap_or_default();
            for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
                told.entry(key.to_owned())
                    .or_default()
                    .push(value.to_owned());
            }
        }
        told
    }

    /// Asserts that no decoy was changed, and that neither a copy of one nor a link to one is
    /// published.
    #[track_caller]
    pub(crate) fn decoys_are_safe(&self) {
        for (path, text) in DECOYS {
            let path = self.home().join(path);
            let meta = path.symlink_metadata().unwrap();
            assert!(
                meta.is_file() && meta.nlink() == 1,
                "{} is another file, or has another name",
                path.display()
            );
            let now = fs::read_to_string(&path).unwrap();
            let before = text.replacen('@', SECRET, 1);
            assert_eq!(now, before, "{} was changed", path.display());
        }
        let found = leaks(&self.path("target").join(TARGET));
        assert!(found.is_empty(), "published: {found:?}");
    }

    /// Every file below the workspace, without following links.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let (mut files, mut dirs) = (Vec::new(), vec![self.project.path().to_owned()]);
        while let Some(dir) = dirs.pop() {
            for entry in fs::read_dir(&dir).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    dirs.push(entry.path());
                }
                files.push(entry.path());
            }
        }
        files
    }
}

/// The cache of who runs the tests.
fn cache() -> PathBuf {
    let home = || PathBuf::from(ambient::variable("HOME").unwrap()).join(".cache");
    match ambient::variable("CROSS_CACHE_DIR") {
        Some(dir) => dir.into(),
        None => ambient::variable("XDG_CACHE_HOME")
            .map_or_else(home, PathBuf::from)
            .join("cross-core"),
    }
}

/// What below `dir` is a link, is no file, or has the secret in it.
fn leaks(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(leaks(&path));
        } else if !kind.is_file() || holds_secret(&path) {
            found.push(path);
        }
    }
    found
}

fn holds_secret(path: &Path) -> bool {
    let text = fs::read(path).unwrap();
    let secret = SECRET.as_bytes();
    text.windows(secret.len()).any(|part| part == secret)
}

/// A caller that runs.
#[derive(Debug)]
pub(crate) struct Running {
    child: Child,
    started: Instant,
    lines: [JoinHandle<Lines>; 2],
}

impl Running {
    /// Kills the caller, and nobody else.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, which is brought about if it takes too long or too much memory.
    pub(crate) fn ended(mut self, attack: &Attack) -> Said {
        let (mut memory_kib, mut was_killed) = (0, None);
        let status = loop {
            memory_kib = memory_kib.max(peak_of(self.child.id()));
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if memory_kib > TOO_MUCH_MEMORY {
                was_killed = Some(format!("it had {memory_kib} KiB of memory"));
            } else if self.started.elapsed() > attack.patience {
                was_killed = Some(format!("it went on for {:?}", attack.patience));
            }
            if was_killed.is_some() {
                self.kill();
                break self.child.wait().unwrap();
            }
            thread::sleep(Duration::from_millis(10));
        };
        let took = self.started.elapsed();
        let [out, err] = self.lines.map(|reader| reader.join().unwrap());
        Said {
            success: status.success(),
            was_killed,
            memory_kib,
            took,
            out,
            err,
            told: attack.told(),
        }
    }
}

/// The most memory that a process had so far, in KiB.
fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse().ok());
    number.unwrap_or(0)
}

/// Reads a stream to its end in a thread of its own.
fn collect(stream: impl std::io::Read + Send + 'static) -> JoinHandle<Lines> {
    thread::spawn(move || {
        let (mut stream, mut lines) = (BufReader::new(stream), Lines::default());
        let mut buffer = vec![0; 1 << 16];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            lines.add(&buffer[..count]);
        }
        lines.end();
        lines
    })
}
