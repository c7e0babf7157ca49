//! Finds tools on this machine and tries them: a small C program is compiled, linked and started.
//!
//! A success is cached with the stamps of all files it depends on, so that a warm request starts no
//! process. A failure is not cached, because the user may fix it at any time.

use std::path::{Path, PathBuf};
use std::time::Duration;

use cross_engine::process::clock;
use cross_engine::process::{self, Output};
use cross_engine::{Cancel, ErrorKind as Kind, FileStamp, Host, Invocation, ProbeCache};
use cross_targets::{HostEmulator, Runner, Toolset, ToolsetKind};
use once_cell::unsync::OnceCell;
use serde::Serialize;

use super::search::{Candidate, Machine, ToolVersion, Trial};
use crate::facts::host_toolset::HostRunner;
use crate::host::files;
use crate::host::toolchain::host_triple;
use crate::model::error::{IoContext as _, MapEngineError as _, Result};
use crate::model::hash::short_hash;
use crate::model::toolchain::Toolchain;

/// The time limit of a probe. Zig compiles a libc when it is called for the first time.
const TIME_LIMIT: Duration = Duration::from_secs(180);

/// The program that is compiled and started. It needs a libc and a loader.
const PROGRAM: &str =
    "#include <stdlib.h>\nint main(void) { return getenv(\"PATH\") ? 42 : 41; }\n";
/// The source that is only compiled, for a target whose programs need more than the compiler to
/// link.
const FUNCTION: &str = "int probe(int value) { return value + 1; }\n";
/// The program's exit code.
const EXIT_CODE: i32 = 42;

/// Prints the path of the Zig from PyPI, or an empty line, and then the directories that change
/// when that package is installed or removed.
const PYTHON: &str = "import os, sys
try:
    import ziglang
    print(os.path.join(os.path.dirname(ziglang.__file__), 'zig'))
except ImportError:
    print()
for directory in sys.path: print(directory)";

/// Probes of this machine.
pub(super) struct Probe<'a> {
    host: &'a Host,
    toolchain: &'a Toolchain,
    memory: ProbeCache,
    cancel: Cancel,
    zig: OnceCell<Option<PathBuf>>,
}

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

    /// Finds the emulator by its names, and the first directory that has libraries for it.
    pub(super) fn emulator(&self, emulator: &HostEmulator, runner: Runner) -> Option<HostRunner> {
        let path = emulator.names.iter().find_map(|name| self.find(name))?;
        let libraries = emulator
            .prefixes
            .iter()
            .find(|(_, libc)| Path::new(libc).exists());
        let cpu = match runner {
            Runner::QemuUser { cpu, .. } => cpu,
            _ => None,
        };
        Some(HostRunner {
            name: emulator.names.first().cloned().unwrap_or_default(),
            path,
            prefix: libraries.map(|(dir, _)| dir.clone()),
            libc: libraries.map(|(_, libc)| PathBuf::from(libc)),
            args: cpu
                .into_iter()
                .flat_map(|cpu| ["-cpu", cpu])
                .map(str::to_owned)
                .collect(),
            version: None,
        })
    }

    /// Tries whether a program compiled by `compiler` starts, in `emulator` if there is one.
    pub(super) fn try_program(
        &self,
        compiler: &Candidate,
        emulator: Option<&HostRunner>,
    ) -> Result<Trial<ToolVersion>> {
        let mut stamps = stamps_of(compiler);
        if let Some(emulator) = emulator {
            stamps.push(FileStamp::of(&emulator.path));
            stamps.extend(emulator.libc.as_ref().map(FileStamp::of));
        }
        let key = format!("{} {emulator:?}", key_of(compiler));
        self.cached("run", &key, stamps, || {
            let dir = self.scratch()?;
            let program = match self.compile(compiler, dir.path())? {
                Trial::Passed(program) => program,
                Trial::Failed(message) => return Ok(Trial::Failed(message)),
            };
            let output = match self.start(&run_in(emulator, &program))? {
                Trial::Passed(output) => output,
                // The program exists, so the kernel found no loader for it.
                Trial::Failed(_) if emulator.is_none() => {
                    let message = "the kernel finds no loader for it".to_owned();
                    return Ok(Trial::Failed(message));
                }
                Trial::Failed(message) => return Ok(Trial::Failed(message)),
            };
            Ok(match (output.exit.code, emulator) {
                (Some(EXIT_CODE), Some(emulator)) => {
                    Trial::Passed(self.version(&emulator.path, &["--version"])?)
                }
                (Some(EXIT_CODE), None) => Trial::Passed(ToolVersion { version: None }),
                _ => Trial::Failed(format!(
                    "it did not start a program: {}",
                    failure_message(&output)
                )),
            })
        })
    }

    /// Tries whether an emulator prints its version. For emulators whose programs a C compiler
    /// alone cannot link.
    pub(super) fn try_version(&self, emulator: &HostRunner) -> Result<Trial<ToolVersion>> {
        let key = emulator.path.display().to_string();
        self.cached("answer", &key, vec![FileStamp::of(&emulator.path)], || {
            let run = Invocation::new(&emulator.path).arg("--version");
            Ok(match self.start(&run)? {
                Trial::Passed(output) if output.exit.success() => Trial::Passed(ToolVersion {
                    version: first_line(&output),
                }),
                Trial::Passed(output) => Trial::Failed(failure_message(&output)),
                Trial::Failed(message) => Trial::Failed(message),
            })
        })
    }

    /// Returns the cached result, or tries now and caches a success.
    fn cached<T: Serialize + serde::de::DeserializeOwned>(
        &self,
        kind: &str,
        key: &str,
        stamps: Vec<FileStamp>,
        try_now: impl FnOnce() -> Result<Trial<T>>,
    ) -> Result<Trial<T>> {
        let name = format!("host-{kind}-{}", short_hash(key, 16));
        if let Some(result) = self.memory.get(&name, key) {
            return Ok(Trial::Passed(result));
        }
        let time = clock::unix_time();
        let trial = try_now()?;
        if let Trial::Passed(result) = &trial {
            self.memory.insert(&name, key, stamps, time, result);
        }
        Ok(trial)
    }

    /// Compiles the program, or only an object file, and returns its path.
    fn compile(&self, candidate: &Candidate, dir: &Path) -> Result<Trial<PathBuf>> {
        let Some(compiler) = candidate.compiler() else {
            return Ok(Trial::Failed("it is not a compiler".to_owned()));
        };
        files::prepare(&candidate.prepared())?;
        let (source, output_file) = (dir.join("probe.c"), dir.join("probe"));
        let links = candidate.set.links;
        files::write(&source, if links { PROGRAM } else { FUNCTION }, false)?;
        let (name, value) = self.zig_cache();
        let run = Invocation::new(compiler)
            .args((!links).then_some("-c"))
            .arg(source.to_string_lossy())
            .args(["-o", &output_file.to_string_lossy()])
            .cwd(dir)
            .env(name, value);
        Ok(match self.start(&run)? {
            Trial::Failed(message) => Trial::Failed(message),
            Trial::Passed(output) if !output.exit.success() => {
                Trial::Failed(failure_message(&output))
            }
            Trial::Passed(_) => {
                // Mingw's compiler adds the extension of Windows.
                let windows_file = output_file.with_extension("exe");
                let mut files = [output_file, windows_file].into_iter();
                match files.find(|file| file.exists()) {
                    Some(file) => Trial::Passed(file),
                    None => Trial::Failed("it succeeded without an output file".to_owned()),
                }
            }
        })
    }

    /// The variable for Zig's cache, which is shared by all targets.
    pub(super) fn zig_cache(&self) -> (String, String) {
        let dir = self.host.cache.join("zig").display().to_string();
        ("ZIG_GLOBAL_CACHE_DIR".to_owned(), dir)
    }

    /// The first line that the program prints, if it succeeds.
    fn version(&self, program: &Path, arguments: &[&str]) -> Result<ToolVersion> {
        let run = Invocation::new(program).args(arguments.iter().copied());
        Ok(ToolVersion {
            version: match self.start(&run)? {
                Trial::Passed(output) if output.exit.success() => first_line(&output),
                _ => None,
            },
        })
    }

    /// Runs a program of this machine. The trial fails if the program cannot be started.
    fn start(&self, run: &Invocation) -> Result<Trial<Output>> {
        let cancel = self.cancel.clone().with_deadline(TIME_LIMIT);
        match process::output(run, &self.host.variables, &cancel) {
            Ok(output) => Ok(Trial::Passed(output)),
            Err(error) => match error.kind() {
                Kind::ToolMissing | Kind::Io => Ok(Trial::Failed(error.to_string())),
                Kind::Deadline if self.cancel.check().is_ok() => Ok(Trial::Failed(format!(
                    "it did not finish within {} s",
                    TIME_LIMIT.as_secs()
                ))),
                _ => Err(error).map_engine_error(),
            },
        }
    }

    /// Creates a temporary directory in the cache. Programs are started there, which some
    /// directories for temporary files forbid.
    fn scratch(&self) -> Result<tempfile::TempDir> {
        let cache = &self.host.cache;
        std::fs::create_dir_all(cache).on("create directory", cache)?;
        tempfile::tempdir_in(cache).on("create a directory in", cache)
    }

    /// The C runtime's start file, which the compiler links into every program. It is removed with
    /// the libc's package.
    fn start_file(&self, compiler: &Path) -> Result<Option<PathBuf>> {
        let run = Invocation::new(compiler).arg("-print-file-name=crt1.o");
        let Trial::Passed(output) = self.start(&run)? else {
            return Ok(None);
        };
        let path = first_line(&output).map(PathBuf::from);
        Ok(path.filter(|path| path.is_absolute()))
    }
}

/// The command that runs `program`, in `emulator` if there is one.
fn run_in(emulator: Option<&HostRunner>, program: &Path) -> Invocation {
    let Some(emulator) = emulator else {
        return Invocation::new(program);
    };
    let mut run = Invocation::new(&emulator.path).args(emulator.args.iter().cloned());
    if let Some(prefix) = &emulator.prefix {
        run = run.env("QEMU_LD_PREFIX", prefix);
    }
    run.arg(program.to_string_lossy())
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
        let zig = self.zig.get_or_try_init(|| match self.find("zig") {
            Some(zig) => Ok(Some(zig)),
            None => self.zig_from_pypi(),
        })?;
        Ok(zig.clone())
    }

    /// The name is a hash of the contents, so that existing files are never changed.
    fn directory(&self, set: &Toolset, zig: &Path) -> PathBuf {
        let content = format!("{:?} {}", set.files, zig.display());
        let dir = self.host.cache.join("files").join(short_hash(&content, 12));
        // Compilers are called from any directory.
        std::path::absolute(&dir).unwrap_or(dir)
    }

    fn try_out(&self, candidate: &Candidate) -> Result<Trial<ToolVersion>> {
        let Some(program) = candidate.program() else {
            return Ok(Trial::Passed(ToolVersion { version: None }));
        };
        let mut stamps = stamps_of(candidate);
        let key = key_of(candidate);
        if let Some(version) = self.memory.get(&entry(&key), &key) {
            return Ok(Trial::Passed(version));
        }
        let time = clock::unix_time();
        if candidate.compiler().is_some() {
            let dir = self.scratch()?;
            if let Trial::Failed(message) = self.compile(candidate, dir.path())? {
                return Ok(Trial::Failed(message));
            }
        }
        let arguments: &[&str] = match candidate.set.kind {
            ToolsetKind::Zig => &["version"],
            ToolsetKind::RustLld => &["-flavor", "gnu", "--version"],
            _ => &["--version"],
        };
        let version = self.version(&program, arguments)?;
        if version.version.is_none() && candidate.compiler().is_none() {
            return Ok(Trial::Failed("it prints no version".to_owned()));
        }
        if candidate.set.kind == ToolsetKind::Distribution && candidate.set.links {
            stamps.extend(self.start_file(&program)?.map(FileStamp::of));
        }
        self.memory
            .insert(&entry(&key), &key, stamps, time, &version);
        Ok(Trial::Passed(version))
    }
}

impl Probe<'_> {
    /// Finds the Zig that `python3 -m ziglang` would start, so that Python is not started for each
    /// call of Zig.
    fn zig_from_pypi(&self) -> Result<Option<PathBuf>> {
        let Some(python) = self.find("python3") else {
            return Ok(None);
        };
        let key = format!("zig of {}", python.display());
        if let Some(known) = self.memory.get(&entry(&key), &key) {
            return Ok(known);
        }
        let time = clock::unix_time();
        let run = Invocation::new(&python).args(["-c", PYTHON]).cwd("/");
        let Trial::Passed(output) = self.start(&run)? else {
            return Ok(None);
        };
        let mut lines = output.stdout.lines();
        let zig = lines.next().map(PathBuf::from);
        let zig = zig.and_then(|path| self.host.find_program(path));
        let directories = lines.map(Path::new).filter(|dir| dir.is_absolute());
        let stamps = directories.chain([python.as_path()]).chain(zig.as_deref());
        let stamps = stamps.map(FileStamp::of).collect();
        self.memory.insert(&entry(&key), &key, stamps, time, &zig);
        Ok(zig)
    }
}

/// The name of the cache entry for `key`.
fn entry(key: &str) -> String {
    format!("host-{}", short_hash(key, 16))
}

/// The cache key of a candidate: its programs and how they are called.
fn key_of(candidate: &Candidate) -> String {
    let Candidate { set, programs, zig } = candidate;
    format!("{:?} {programs:?} {zig:?}", set.compiler)
}

/// The stamps of the candidate's programs.
fn stamps_of(candidate: &Candidate) -> Vec<FileStamp> {
    let programs = candidate.programs.values();
    programs.chain(&candidate.zig).map(FileStamp::of).collect()
}

fn first_line(output: &Output) -> Option<String> {
    let line = output.stdout.lines().next()?.trim();
    (!line.is_empty()).then(|| line.to_owned())
}

/// The message of a failed command in one line: its first error, else its last line of output.
fn failure_message(output: &Output) -> String {
    let lines = output.stderr.lines().chain(output.stdout.lines());
    let lines: Vec<_> = lines
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let error = lines.iter().find(|line| line.contains("error"));
    match error.or(lines.last()) {
        Some(line) => format!("{line} ({})", output.exit),
        None => format!("{} without any output", output.exit),
    }
}
