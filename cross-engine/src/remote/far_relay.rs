//! The relay of a run on another machine. Its directory there is copied to the owner's as it fills,
//! by a second connection to the run's container, and the owner's orders go the other way. So the
//! owner of a relay need not know where the run is.
//!
//! A run that is only watched gets no orders, and ends without waiting for anybody. What it starts is
//! told in lines of its standard error, which arrive before its end does, and not copied.
//!
//! A command line that runs tests may have the caller's streams, which nobody here reads. The run
//! itself then judges what its test binaries printed.
//!
//! What comes is a claim of hostile programs, as what a local run writes to its relay is: only known
//! names of bounded size are copied, to a directory that is read by the same door.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead, Read as _, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::engines::engine::Engine;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::descriptors::Confined;
use crate::process::error::{Error, ErrorKind, IoContext as _, Result};
use crate::process::host::Host;
use crate::process::invocation::Invocation;
use crate::process::script::{self, joined};
use crate::process::unique_name::unique;
use crate::process::untrusted::{Dir, LineSplitter, limits};
use crate::remote::helper::{self, say};
use crate::run::test_relay::{
    self, ANSWER, KEPT, MESSAGE_LIMIT, NEXT, PROGRAM, STARTED, TOLD, UNSTARTED, WATCHED,
};
use crate::spec::mount::Mount;
use crate::spec::run_spec::{RunSpec, Stdio};

const SETUP: &str = include_str!("relay_setup.sh");
const SERVE: &str = include_str!("relay_serve.sh");

/// How often the owner's orders are looked for.
const ORDERS: Duration = Duration::from_millis(5);
/// How often the run is asked for news: after there were some, and at most.
const NEWS: [Duration; 2] = [Duration::from_millis(20), Duration::from_millis(200)];
/// How much is asked for at once.
const PART: u64 = 1 << 20;
/// How many bytes of messages are read: as many as the binaries of any workspace send.
const MESSAGES: u64 = 4 << 20;
/// The longest line of a list.
const LINE: u64 = 1 << 10;
/// How many files a list has at most.
const FILES: usize = 100_000;
/// The kind of a file in its mode, and that of a regular one.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

/// A relay whose run is on another machine.
pub(crate) struct FarRelay {
    /// The owner's directory.
    dir: PathBuf,
    /// The directory there.
    inside: PathBuf,
    variables: String,
    /// What the run says when it has made the directory, and before what it starts.
    line: String,
    files: test_relay::Files,
    /// How many programs a watched run has started.
    started: AtomicUsize,
}

impl FarRelay {
    /// Takes the relay from `spec`, since its directory is one of this machine. `None` if there is
    /// none that can be copied or told: nobody here reads the streams of a run that has the caller's.
    pub(crate) fn take(spec: &mut RunSpec) -> Result<Option<Self>> {
        let Some((inside, variables)) = spec.relay.take() else {
            return Ok(None);
        };
        let Some(at) = spec.mounts.iter().position(|it| it.target == inside) else {
            return Ok(None);
        };
        let dir = spec.mounts.remove(at).source;
        let files = test_relay::files(&dir)?;
        Ok(files
            .filter(|files| spec.stdio == Stdio::Lines || files.mark == KEPT)
            .map(|files| FarRelay {
                dir,
                inside,
                variables,
                line: unique("cross: the relay is there"),
                files,
                started: AtomicUsize::new(0),
            }))
    }

    /// Whether the run only says what it starts.
    pub(crate) fn is_watched(&self) -> bool {
        self.files.mark == WATCHED
    }

    /// Whether the run judges itself what its test binaries printed, and tells nothing.
    pub(crate) fn is_kept(&self) -> bool {
        self.files.mark == KEPT
    }

    /// Notes what a watched run says in this line of its standard error. Returns what a program
    /// printed before in the same line, or `None` if the line is not the relay's.
    pub(crate) fn hear<'l>(&self, line: &'l str) -> Result<Option<&'l str>> {
        let Some((before, said)) = line.split_once(&self.line) else {
            return Ok(None);
        };
        let n = self.started.load(Ordering::Relaxed);
        match said.trim_start().split_once(' ') {
            Some((PROGRAM, name)) if n < STARTED => {
                self.write(&format!("{n}.{PROGRAM}"), name)?;
                self.started.store(n + 1, Ordering::Relaxed);
            }
            None if said.trim() == UNSTARTED => {
                self.write(&format!("{}.{UNSTARTED}", n.saturating_sub(1)), "")?;
            }
            None if said.is_empty() => self.write(NEXT, "0\n")?,
            _ => {}
        }
        Ok(Some(before))
    }

    fn write(&self, name: &str, text: &str) -> Result<()> {
        let path = self.dir.join(name);
        std::fs::write(&path, text).on("write", &path)
    }

    /// The directory in memory in which the run makes the relay's.
    pub(crate) fn scratch(&self) -> Mount {
        Mount::scratch(self.inside.ancestors().nth(2).unwrap_or(&self.inside))
    }

    /// The words that wrap the run's command.
    pub(crate) fn wrapper(&self) -> Vec<String> {
        let files = &self.files;
        let inside = self.inside.to_string_lossy();
        let words = [
            &self.line,
            &*inside,
            files.cargo,
            files.runner,
            &files.programs,
            files.mark,
            &self.variables,
        ];
        let script = script::words(joined([SETUP])).into_iter();
        script.chain(words.map(str::to_owned)).collect()
    }

    /// Whether the run says in this line that the directory is there.
    pub(crate) fn is_ready(&self, line: &str) -> bool {
        line == self.line
    }

    /// Copies until `stop` says so.
    pub(crate) fn copy(
        &self,
        engine: &Engine,
        container: &str,
        host: &Host,
        stop: &Cancel,
    ) -> Result<()> {
        let serve = Invocation::new(&engine.program)
            .confined(Confined::Nulled)
            .args(["exec", "--interactive", container])
            .args(script::words(joined([SERVE])))
            .arg(&*self.inside.to_string_lossy());
        let mut copy = Copy::new(&self.dir)?;
        let ended = helper::converse(&serve, host, stop, |mut to, mut from| {
            copy.run(&mut to, &mut from, stop)
        })?;
        match ended.said {
            Err(error) if error.kind() != ErrorKind::Unreachable => Err(error),
            _ => Err(helper::lost("follow the tests there", &ended.stderr)),
        }
    }
}

/// What was copied so far.
struct Copy {
    dir: PathBuf,
    opened: Dir,
    told: File,
    messages: LineSplitter,
    answer: Orders,
    /// The binaries that wait to be started.
    waiting: BTreeMap<usize, Orders>,
    /// How many bytes of each file are here.
    copied: BTreeMap<String, u64>,
}

/// The owner's orders in a named pipe.
struct Orders {
    pipe: File,
    lines: LineSplitter,
}

impl Orders {
    fn new(pipe: File) -> Self {
        Orders {
            pipe,
            lines: LineSplitter::with_limit(MESSAGE_LIMIT),
        }
    }

    /// The orders that came since.
    fn read(&mut self) -> Vec<String> {
        let mut bytes = [0; MESSAGE_LIMIT];
        match self.pipe.read(&mut bytes) {
            Ok(read) => self.lines.push(&bytes[..read]),
            // There is nothing.
            Err(_) => Vec::new(),
        }
    }
}

impl Copy {
    fn new(dir: &Path) -> Result<Self> {
        let opened = Dir::open(dir)?;
        Ok(Copy {
            dir: dir.to_owned(),
            told: opened.fifo(TOLD)?,
            messages: LineSplitter::with_limit(MESSAGE_LIMIT),
            answer: Orders::new(opened.fifo(ANSWER)?),
            waiting: BTreeMap::new(),
            copied: BTreeMap::new(),
            opened,
        })
    }

    fn run(&mut self, to: &mut impl Write, from: &mut impl BufRead, stop: &Cancel) -> Result<()> {
        let [often, seldom] = NEWS;
        let (mut pause, mut next) = (often, clock::now());
        while stop.check().is_ok() {
            let orders = self.orders();
            if !orders.is_empty() {
                say(to, orders.as_bytes())?;
                pause = often;
                next = next.min(clock::now() + pause);
            }
            if clock::now() >= next {
                let has_news = self.look(to, from, stop)?;
                pause = if has_news {
                    often
                } else {
                    seldom.min(pause * 3 / 2)
                };
                next = clock::now() + pause;
            }
            thread::sleep(ORDERS);
        }
        Ok(())
    }

    /// The owner's orders since the last question.
    fn orders(&mut self) -> String {
        let mut orders = String::new();
        self.waiting.retain(|n, pipe| {
            let started = pipe.read();
            for threads in &started {
                orders += &format!("go {n} {threads}\n");
            }
            started.is_empty()
        });
        for answer in self.answer.read() {
            orders += &format!("answer {answer}\n");
        }
        orders
    }

    /// Copies what is new, and then passes on the messages about it. Returns whether there is any.
    fn look(
        &mut self,
        to: &mut impl Write,
        from: &mut impl BufRead,
        stop: &Cancel,
    ) -> Result<bool> {
        say(to, b"look\n")?;
        let listed = hear_list(from)?;
        let mut wanted = Vec::new();
        let mut order = String::new();
        for (name, size) in listed {
            let Some(limit) = limit_of(&name) else {
                continue;
            };
            let copied = self.copied.get(&name).copied();
            let length = size.min(limit).saturating_sub(copied.unwrap_or(0));
            if length > 0 || copied.is_none() {
                let mut begin = copied.unwrap_or(0);
                let end = begin + length;
                while begin < end {
                    let length = PART.min(end - begin);
                    order += &format!("get {name} {begin} {length}\n");
                    begin += length;
                }
                wanted.push((name, length));
            }
        }
        say(to, order.as_bytes())?;
        let mut told = Vec::new();
        for (name, length) in &wanted {
            *self.copied.entry(name.clone()).or_default() += length;
            if name == TOLD {
                from.take(*length).read_to_end(&mut told).map_err(lost)?;
                continue;
            }
            let path = self.dir.join(name);
            let file = File::options().create(true).append(true).open(&path);
            let mut file = file.on("write", &path)?;
            let copied = std::io::copy(&mut from.take(*length), &mut file);
            if copied.on("write", &path)? < *length {
                return Err(helper::lost("follow the tests there", ""));
            }
        }
        for line in self.messages.push(&told) {
            self.tell(&line, stop)?;
        }
        Ok(!wanted.is_empty())
    }

    /// Passes on a message.
    fn tell(&mut self, line: &str, stop: &Cancel) -> Result<()> {
        if let Some((word, n)) = line.split_once(' ') {
            if let (true, Ok(n)) = (["ready", "started"].contains(&word), n.parse::<usize>()) {
                // A shell tells of a program before it opens the program's files.
                for ending in ["out", "err"] {
                    let path = self.dir.join(format!("{n}.{ending}"));
                    let file = File::options().create(true).append(true).open(&path);
                    file.on("write", &path)?;
                }
                // A binary that the owner did not expect has none.
                if let Ok(pipe) = self.opened.fifo(&format!("{n}.go")) {
                    self.waiting.insert(n, Orders::new(pipe));
                }
            }
        }
        let line = format!("{line}\n");
        while let Err(error) = self.told.write_all(line.as_bytes()) {
            let is_full = error.kind() == std::io::ErrorKind::WouldBlock;
            if !is_full || stop.check().is_err() {
                return Err(Error::io("write", &self.dir.join(TOLD), error));
            }
            thread::sleep(ORDERS);
        }
        Ok(())
    }
}

/// Reads the names and sizes of the regular files there, those of the messages first.
fn hear_list(from: &mut impl BufRead) -> Result<Vec<(String, u64)>> {
    let mut listed = Vec::new();
    for _ in 0..FILES {
        let mut line = String::new();
        let read = from.take(LINE).read_line(&mut line);
        if !matches!(read, Ok(1..)) || !line.ends_with('\n') {
            return Err(helper::lost("follow the tests there", ""));
        }
        if line == ".\n" {
            return Ok(listed);
        }
        let mut words = line.trim_end().split(' ');
        let mode = words.next().and_then(|it| u32::from_str_radix(it, 16).ok());
        let size = words.next().and_then(|it| it.parse().ok());
        let (Some(mode), Some(size), Some(name)) = (mode, size, words.next()) else {
            continue;
        };
        if mode & KIND == REGULAR {
            listed.push((name.to_owned(), size));
        }
    }
    let message = format!("the relay of the tests has more than {FILES} files");
    Err(Error::new(ErrorKind::Untrusted, message).with_help(
        "something that ran in the environment made them: look into the project's tests",
    ))
}

/// How many bytes of the file with this name are copied, if it is one of a relay's: one more than its
/// reader takes, so that it says what is wrong.
fn limit_of(name: &str) -> Option<u64> {
    match name {
        TOLD => return Some(MESSAGES),
        NEXT => return Some(limits::RECORD),
        _ => {}
    }
    let (n, ending) = name.split_once('.')?;
    let is_number = (1..=6).contains(&n.len()) && n.bytes().all(|byte| byte.is_ascii_digit());
    let limit = match ending {
        "out" | "err" => limits::TEST_OUTPUT,
        "list" => limits::SOURCE,
        PROGRAM | "words" | UNSTARTED => limits::RECORD,
        _ => return None,
    };
    is_number.then_some(limit + 1)
}

fn lost(_: std::io::Error) -> Error {
    helper::lost("follow the tests there", "")
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::io::BufReader;
    use std::process::Stdio;

    use super::*;
    use crate::process;
    use crate::process::invocation::Variables;
    use crate::run::test_relay::{RelayMessage, RelayMode, TestExit, TestRelay};
    use crate::spec::run_spec::Root;

    #[test]
    fn only_what_a_relay_has_is_copied() {
        let list = "81a4 7 told\n81a4 1 0.out\n11b6 0 0.go\na1ff 11 0.err\n81a4 x 1.out\n81a4 3 ../../etc/passwd\n.\n";
        let listed = hear_list(&mut list.as_bytes()).unwrap();
        let names: Vec<_> = listed.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["told", "0.out", "../../etc/passwd"]);
        let copied = |name| limit_of(name).is_some();
        assert!(copied("told") && copied("12.list") && copied("next"));
        for name in [
            "../../etc/passwd",
            "x.out",
            ".out",
            "0.go",
            "0.sh",
            "cargo",
            "answer",
        ] {
            assert!(!copied(name), "{name}");
        }
        let error = hear_list(&mut "81a4 7 told\n".as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unreachable);
    }

    /// A run of two binaries in a place that only its shell sees.
    #[test]
    fn orders_go_there_and_what_is_printed_there_comes_here() {
        let (cache, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let host = Host::new(path, cache.path());
        let program = there.path().join("program");
        std::os::unix::fs::symlink("/bin/echo", &program).unwrap();
        let relay = TestRelay::new(&host, &[&program, &program], RelayMode::SideBySide).unwrap();
        let cargo = "$CARGO_TARGET_T_RUNNER $0 first; $CARGO_TARGET_T_RUNNER $0 second";
        let command = ["sh", "-c", cargo, program.to_str().unwrap()];
        let mut spec = RunSpec::new(Root::Image("i".into()), "/", command);
        spec = spec.relay(relay.directory(), "CARGO_TARGET_T_RUNNER", None);
        let mut far = FarRelay::take(&mut spec).unwrap().unwrap();
        assert!(spec.mounts.is_empty());
        far.inside = there.path().join("relay/shown");

        let [first, rest @ ..] = &[far.wrapper(), spec.command].concat()[..] else {
            panic!("a command");
        };
        let run = Invocation::new(first).args(rest.iter().cloned());
        let mut run = process::command(&run, &host.variables);
        let run = run.stderr(Stdio::piped()).stdin(Stdio::null()).spawn();
        let mut run = run.unwrap();
        let mut said = BufReader::new(run.stderr.take().unwrap()).lines();
        assert!(far.is_ready(&said.next().unwrap().unwrap()));
        let stop = Cancel::new();
        thread::scope(|scope| {
            let copying = scope.spawn(|| {
                let serve = script::command(joined([SERVE])).arg(far.inside.to_str().unwrap());
                let mut copy = Copy::new(&far.dir).unwrap();
                helper::converse(&serve, &host, &stop, |mut to, mut from| {
                    copy.run(&mut to, &mut from, &stop)
                })
            });
            for n in [0, 1] {
                assert_eq!(relay.receive(), RelayMessage::Ready(n));
                assert_eq!(relay.program(n).unwrap(), program);
                relay.start(n, 1).unwrap();
            }
            let mut ended = Vec::new();
            while ended.len() < 2 {
                if let RelayMessage::Ended(n, exit) = relay.receive() {
                    assert!(exit.success());
                    let output = relay.output(n, process::Stream::Stdout).unwrap();
                    ended.push((n, output.text(100).unwrap()));
                }
            }
            ended.sort();
            assert_eq!(
                ended,
                [(0, "first\n".to_owned()), (1, "second\n".to_owned())]
            );
            for n in [0, 1] {
                let turn = said.next().unwrap().unwrap();
                assert_eq!(TestRelay::parse_turn(&turn), Some(("", n)));
                relay.finish_turn(TestExit::exited(3)).unwrap();
            }
            assert_eq!(run.wait().unwrap().code(), Some(3));
            stop.cancel();
            assert!(copying.join().unwrap().is_err());
        });
    }

    #[test]
    fn a_watched_run_says_what_it_starts_among_what_it_prints() {
        let (cache, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let host = Host::new(path, cache.path());
        let relay = TestRelay::new(&host, &[], RelayMode::Watched).unwrap();
        let cargo = "printf 'half a line ' >&2; $CARGO_TARGET_T_RUNNER /bin/echo";
        let setup = RunSpec::new(Root::Image("i".into()), "/", ["sh", "-c", cargo, "cargo"]);
        let setup = setup.relay(relay.directory(), "CARGO_TARGET_T_RUNNER", None);
        let mut inherits = setup.clone().stdio(crate::spec::run_spec::Stdio::Inherit);
        assert!(FarRelay::take(&mut inherits).unwrap().is_none());
        assert!(inherits.mounts.is_empty() && inherits.relay.is_none());

        // The second run of the relay's cargo has a runner that is not there.
        for (runner, programs, lacks) in [("", 1, false), ("no-such-runner", 2, true)] {
            let mut spec = setup.clone();
            let mut far = FarRelay::take(&mut spec).unwrap().unwrap();
            assert!(far.is_watched());
            far.inside = there.path().join(format!("relay-{programs}/shown"));
            far.started = AtomicUsize::new(programs - 1);
            let run = [far.wrapper(), spec.command].concat();
            let run = Invocation::new(&run[0]).args(run[1..].iter().cloned());
            let run = run.env("CARGO_TARGET_T_RUNNER", runner);
            let output = process::output(&run, &host.variables, &Cancel::new()).unwrap();
            let mut rest = String::new();
            for line in output.stderr.lines() {
                rest += far.hear(line).unwrap().unwrap_or(line);
            }
            assert!(rest.starts_with("half a line "), "{rest}");
            assert!(!rest.contains("relay is there"), "{rest}");
            let started = relay.started().unwrap().unwrap();
            assert_eq!(started.len(), programs);
            assert_eq!(started[programs - 1], Path::new("echo"));
            assert_eq!(relay.lacks_runner(programs - 1).unwrap(), lacks);
        }
        // A run may not fill the disk of its owner.
        let mut spec = setup;
        let far = FarRelay::take(&mut spec).unwrap().unwrap();
        far.started.store(STARTED, Ordering::Relaxed);
        let line = format!("{} program more", far.line);
        assert_eq!(far.hear(&line).unwrap(), Some(""));
        assert!(!far.dir.join(format!("{STARTED}.program")).exists());
    }

    /// The programs print their words.
    #[test]
    fn a_run_judges_itself_what_its_test_binaries_printed() {
        let (cache, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let path = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let host = Host::new(path, cache.path());
        for name in ["it-1", "ends-1", "own-1"] {
            std::os::unix::fs::symlink("/bin/echo", there.path().join(name)).unwrap();
        }
        let crates = ["it", "ends"].map(Path::new);
        let judged = |n: usize, lines: &[&str]| {
            let relay = TestRelay::new(&host, &crates, RelayMode::Kept).unwrap();
            let start =
                |line: &&str| format!("$CARGO_TARGET_T_RUNNER {}/{line}; ", there.path().display());
            let cargo: String = lines.iter().map(start).collect();
            let mut spec =
                RunSpec::new(Root::Image("i".into()), "/", ["sh", "-c", &cargo, "cargo"]);
            spec = spec.relay(relay.directory(), "CARGO_TARGET_T_RUNNER", None);
            spec = spec.stdio(crate::spec::run_spec::Stdio::Inherit);
            let mut far = FarRelay::take(&mut spec).unwrap().unwrap();
            far.inside = there.path().join(format!("relay-{n}/shown"));
            let run = [far.wrapper(), spec.command].concat();
            let run = Invocation::new(&run[0]).args(run[1..].iter().cloned());
            let output = process::output(&run, &host.variables, &Cancel::new()).unwrap();
            (output.exit.code, output.stderr)
        };
        let result = "it-1 'test result: ok. 1 passed'";
        let (code, said) = judged(0, &["ends-1 running 1 test", result]);
        assert_eq!(code, Some(101));
        assert!(
            said.contains("    ends-1\n") && !said.contains("it-1"),
            "{said}"
        );
        let usual = [
            result,
            "own-1 mine",
            "ends-1 --list",
            "ends-1 --format json",
        ];
        assert_eq!(judged(1, &usual), (Some(0), String::new()));
        // What cargo says stays.
        assert_eq!(
            judged(2, &["ends-1 running", "own-1 mine; exit 4"]).0,
            Some(4)
        );
    }
}
