//! What there is on this machine and whether it works: a tiny C program is compiled, linked, and started.
//!
//! What worked is remembered with the stamps of all files it depends on, so that a warm request starts
//! nothing. What did not is tried again, since somebody may be mending it.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_engine::process::{self, Output};
use cross_engine::{Cancel, ErrorKind as Kind, FileStamp, Host, Invocation, ProbeCache, clock};
use cross_targets::{HostEmulator, Runner, Toolset, ToolsetKind};
use serde::{Deserialize, Serialize};

use super::search::{Candidate, Emulator, Machine};
use crate::error::{EngineContext as _, IoContext as _, Result};
use crate::files;
use crate::recipes::short_hash;
use crate::toolchain::{Toolchain, host_triple};

/// What a probe is patient for: Zig compiles a libc when it is called for the first time.
const PATIENCE: Duration = Duration::from_secs(180);

/// What is compiled: it needs a libc to link, and a loader to start.
const PROGRAM: &str =
    "#include <stdlib.h>\nint main(void) { return getenv(\"PATH\") ? 42 : 41; }\n";
/// What is compiled where a program needs more than the compiler to be linked.
const FUNCTION: &str = "int probe(int value) { return value + 1; }\n";
/// What the program returns.
const RETURNED: i32 = 42;

/// Where PyPI's Zig is, if it is anywhere, and the directories that change when it comes or goes.
const PYTHON: &str = "import os, sys
try:
    import ziglang
    print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))
except ImportError:
    print()
for directory in sys.path: print(directory)";

/// What something that works said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) version: Option<String>,
}

/// The machine that is asked.
pub(super) struct Probe<'a> {
    host: &'a Host,
    toolchain: &'a Toolchain,
    memory: ProbeCache,
    cancel: Cancel,
    zig: OnceCell<Option<PathBuf>>,
}

type Tested<T> = std::result::Result<T, String>;

impl<'a> Probe<'a> {
    pub(super) fn new(host: &'a Host, toolchain: &'a Toolchain, cancel: &Cancel) -> Self {
        Probe {
            host,
            toolchain,
            memory: ProbeCache::in_cache(&host.cache),
            cancel: cancel.clone(),
            zig: OnceCell::new(),
        }
    }

    /// The emulator by the first of its names, and the first place where libraries for it are.
    pub(super) fn emulator(&self, wanted: &HostEmulator, runner: Runner) -> Option<Emulator> {
        let path = wanted.names.iter().find_map(|name| self.find(name))?;
        let place = wanted
            .prefixes
            .iter()
            .find(|(_, libc)| Path::new(libc).exists());
        let cpu = match runner {
            Runner::QemuUser { cpu, .. } => cpu,
            _ => None,
        };
        Some(Emulator {
            name: wanted.names.first().cloned().unwrap_or_default(),
            path,
            prefix: place.map(|(dir, _)| dir.clone()),
            libc: place.map(|(_, libc)| PathBuf::from(libc)),
            args: cpu
                .into_iter()
                .flat_map(|cpu| ["-cpu", cpu])
                .map(str::to_owned)
                .collect(),
            version: None,
        })
    }

    /// Whether a program that `compiler` made starts, in `emulator` where it needs one.
    pub(super) fn runs(
        &self,
        compiler: &Candidate,
        emulator: Option<&Emulator>,
    ) -> Result<Tested<Answer>> {
        let mut stamps = stamps_of(compiler);
        stamps.extend(
            emulator
                .into_iter()
                .flat_map(|it| [Some(&it.path), it.libc.as_ref()])
                .flatten()
                .map(FileStamp::of),
        );
        let key = format!("{} {emulator:?}", key_of(compiler));
        self.remembered("run", &key, stamps, || {
            let dir = self.scratch()?;
            let program = match self.compile(compiler, dir.path())? {
                Ok(program) => program,
                Err(said) => return Ok(Err(said)),
            };
            let run = match emulator {
                None => Invocation::new(program),
                Some(it) => {
                    let run = Invocation::new(&it.path).args(it.args.iter().cloned());
                    let run = it
                        .prefix
                        .iter()
                        .fold(run, |run, dir| run.env("QEMU_LD_PREFIX", dir));
                    run.arg(program.to_string_lossy())
                }
            };
            let said = match self.start(&run)? {
                Ok(said) => said,
                // It is there: what is not is what the kernel starts it with.
                Err(_) if emulator.is_none() => {
                    return Ok(Err("the kernel finds no loader for it".to_owned()));
                }
                Err(error) => return Ok(Err(error)),
            };
            Ok(match said.exit.code {
                Some(RETURNED) => Ok(match emulator {
                    Some(it) => self.version(&it.path, &["--version"])?,
                    None => Answer { version: None },
                }),
                _ => Err(format!("it did not start a program: {}", told(&said))),
            })
        })
    }

    /// Whether an emulator answers at all, where what it runs cannot be made by a C compiler alone.
    pub(super) fn answers(&self, emulator: &Emulator) -> Result<Tested<Answer>> {
        let key = emulator.path.display().to_string();
        self.remembered("answer", &key, vec![FileStamp::of(&emulator.path)], || {
            let ask = Invocation::new(&emulator.path).arg("--version");
            Ok(match self.start(&ask)? {
                Ok(said) if said.exit.success() => Ok(Answer {
                    version: first_line(&said),
                }),
                Ok(said) => Err(told(&said)),
                Err(error) => Err(error),
            })
        })
    }

    /// What was answered before, or what `ask` answers now.
    fn remembered<T: Serialize + serde::de::DeserializeOwned>(
        &self,
        what: &str,
        key: &str,
        stamps: Vec<FileStamp>,
        ask: impl FnOnce() -> Result<Tested<T>>,
    ) -> Result<Tested<T>> {
        let name = format!("host-{what}-{}", short_hash(key, 16));
        if let Some(answer) = self.memory.get(&name, key) {
            return Ok(Ok(answer));
        }
        let asked = clock::unix_time();
        let answer = ask()?;
        if let Ok(answer) = &answer {
            self.memory.insert(&name, key, stamps, asked, answer);
        }
        Ok(answer)
    }

    /// Compiles the program, or what stands for it, and returns where it is.
    fn compile(&self, candidate: &Candidate, dir: &Path) -> Result<Tested<PathBuf>> {
        let Some(compiler) = candidate.compiler() else {
            return Ok(Err("it compiles nothing".to_owned()));
        };
        files::prepare(&candidate.prepared())?;
        let (source, made) = (dir.join("probe.c"), dir.join("probe"));
        let links = candidate.set.links;
        files::write(&source, if links { PROGRAM } else { FUNCTION }, false)?;
        let only = (!links).then_some("-c");
        let mut run = Invocation::new(compiler)
            .args(only)
            .arg(source.to_string_lossy());
        run = run.args(["-o", &made.to_string_lossy()]).cwd(dir);
        let (name, value) = self.zig_cache();
        run = run.env(name, value);
        Ok(match self.start(&run)? {
            Ok(said) if !said.exit.success() => Err(told(&said)),
            Err(error) => Err(error),
            // Mingw's adds the ending that Windows wants.
            Ok(_) => match [made.clone(), made.with_extension("exe")]
                .into_iter()
                .find(|it| it.exists())
            {
                Some(made) => Ok(made),
                None => Err("it succeeded and made nothing".to_owned()),
            },
        })
    }

    /// Where Zig keeps what it compiles once, for all targets.
    pub(super) fn zig_cache(&self) -> (String, String) {
        let dir = self.host.cache.join("zig").display().to_string();
        ("ZIG_GLOBAL_CACHE_DIR".to_owned(), dir)
    }

    fn version(&self, program: &Path, words: &[&str]) -> Result<Answer> {
        let ask = Invocation::new(program).args(words.iter().copied());
        let said = self.start(&ask)?;
        let said = said.ok().filter(|said| said.exit.success());
        Ok(Answer {
            version: said.as_ref().and_then(first_line),
        })
    }

    /// Runs a program of this machine. That it cannot be started is what it has to say.
    fn start(&self, run: &Invocation) -> Result<Tested<Output>> {
        let patient = self.cancel.clone().with_deadline(PATIENCE);
        match process::output(run, &self.host.variables, &patient) {
            Ok(said) => Ok(Ok(said)),
            Err(error) => match error.kind() {
                Kind::ToolMissing | Kind::Io => Ok(Err(error.to_string())),
                Kind::Deadline if self.cancel.check().is_ok() => Ok(Err(format!(
                    "it does not answer within {} s",
                    PATIENCE.as_secs()
                ))),
                _ => Err(error).engine(),
            },
        }
    }

    /// Programs are started there, which not every directory for temporary files allows.
    fn scratch(&self) -> Result<tempfile::TempDir> {
        let cache = &self.host.cache;
        std::fs::create_dir_all(cache).on("create directory", cache)?;
        tempfile::tempdir_in(cache).on("create a directory in", cache)
    }

    /// The file that a compiler begins every program with: when a libc's package goes, so does it.
    fn start_file(&self, compiler: &Path) -> Result<Option<PathBuf>> {
        let ask = Invocation::new(compiler).arg("-print-file-name=crt1.o");
        let said = self.start(&ask)?.ok();
        let line = said.as_ref().and_then(first_line).map(PathBuf::from);
        Ok(line.filter(|path| path.is_absolute()))
    }
}

impl Machine for Probe<'_> {
    fn find(&self, program: &str) -> Option<PathBuf> {
        if program == "rust-lld" {
            let sysroot = self.toolchain.sysroot()?;
            let bin = sysroot.join("lib/rustlib").join(host_triple()).join("bin");
            let own = self.host.find_program(bin.join(program));
            return own.or_else(|| self.host.find_program(program));
        }
        self.host.find_program(program)
    }

    fn zig(&self) -> Result<Option<PathBuf>> {
        if let Some(known) = self.zig.get() {
            return Ok(known.clone());
        }
        let found = match self.find("zig") {
            Some(zig) => Some(zig),
            None => self.pythons_zig()?,
        };
        Ok(self.zig.get_or_init(|| found).clone())
    }

    /// Named by what is in it, so that an old one is never changed.
    fn directory(&self, set: &Toolset, zig: &Path) -> PathBuf {
        let content = format!("{:?} {}", set.files, zig.display());
        let dir = self.host.cache.join("files").join(short_hash(&content, 12));
        // Compilers are called from anywhere.
        std::path::absolute(&dir).unwrap_or(dir)
    }

    fn works(&self, candidate: &Candidate) -> Result<Tested<Answer>> {
        let Some(program) = candidate.program() else {
            return Ok(Ok(Answer { version: None }));
        };
        let mut stamps = stamps_of(candidate);
        let (key, is_gcc) = (
            key_of(candidate),
            candidate.set.kind == ToolsetKind::Distribution,
        );
        if let Some(answer) = self.memory.get(&entry(&key), &key) {
            return Ok(Ok(answer));
        }
        let asked = clock::unix_time();
        if candidate.compiler().is_some() {
            let dir = self.scratch()?;
            if let Err(said) = self.compile(candidate, dir.path())? {
                return Ok(Err(said));
            }
        }
        let words: &[&str] = match candidate.set.kind {
            ToolsetKind::Zig => &["version"],
            ToolsetKind::RustLld => &["-flavor", "gnu", "--version"],
            _ => &["--version"],
        };
        let answer = self.version(&program, words)?;
        if answer.version.is_none() && candidate.compiler().is_none() {
            return Ok(Err("it does not say its version".to_owned()));
        }
        if is_gcc && candidate.set.links {
            stamps.extend(self.start_file(&program)?.map(FileStamp::of));
        }
        self.memory
            .insert(&entry(&key), &key, stamps, asked, &answer);
        Ok(Ok(answer))
    }
}

impl Probe<'_> {
    /// The Zig that `python3 -m ziglang` would start, found without being started by Python each time.
    fn pythons_zig(&self) -> Result<Option<PathBuf>> {
        let Some(python) = self.find("python3") else {
            return Ok(None);
        };
        let key = format!("zig of {}", python.display());
        if let Some(known) = self.memory.get(&entry(&key), &key) {
            return Ok(known);
        }
        let asked = clock::unix_time();
        let ask = Invocation::new(&python).args(["-c", PYTHON]).cwd("/");
        let Ok(said) = self.start(&ask)? else {
            return Ok(None);
        };
        let mut lines = said.stdout.lines();
        let zig = lines.next().map(PathBuf::from);
        let zig = zig.and_then(|path| self.host.find_program(path));
        let directories = lines.map(Path::new).filter(|dir| dir.is_absolute());
        let stamps = directories.chain([python.as_path()]).chain(zig.as_deref());
        let stamps = stamps.map(FileStamp::of).collect();
        self.memory.insert(&entry(&key), &key, stamps, asked, &zig);
        Ok(zig)
    }
}

/// The name of what is remembered for `key`.
fn entry(key: &str) -> String {
    format!("host-{}", short_hash(key, 16))
}

/// What an answer is about: which programs, and how they are called.
fn key_of(candidate: &Candidate) -> String {
    let Candidate { set, programs, zig } = candidate;
    format!("{:?} {programs:?} {zig:?}", set.compiler)
}

fn stamps_of(candidate: &Candidate) -> Vec<FileStamp> {
    let programs = candidate.programs.values();
    programs.chain(&candidate.zig).map(FileStamp::of).collect()
}

fn first_line(said: &Output) -> Option<String> {
    let line = said.stdout.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// What a failed command has to say, in one line: its first error, else the last thing it said.
fn told(said: &Output) -> String {
    let lines = || {
        said.stderr
            .lines()
            .chain(said.stdout.lines())
            .map(str::trim)
    };
    let lines = || lines().filter(|line| !line.is_empty());
    let error = lines().find(|line| line.contains("error"));
    match error.or_else(|| lines().next_back()) {
        Some(line) => format!("{line} ({})", said.exit),
        None => format!("{} and no word", said.exit),
    }
}
