//! Scripts of the host that run a program of an environment. A tool that does not know engines can
//! use one in place of a compiler.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::engines::container;
use crate::engines::engine::Engine;
use crate::engines::host_engine;
use crate::engines::isolation::Profile;
use crate::os::{HAS_CONTAINERS, HAS_SHELL};
use crate::process::cancel::Cancel;
use crate::process::error::{Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::{BaseEnv, EnvValue, Invocation};
use crate::process::script::joined;
use crate::process::shell_text::quoted;
use crate::run::fifo_lifeline::LIFELINES;
use crate::spec::mount::{Access, arrange_mounts};
use crate::spec::run_spec::{Root, RunSpec};

const HEAD: &str = "#!/bin/sh\n# Runs one program of an environment. Made by cross-core.\n";
const FUNCTIONS: &str = include_str!("shim/functions.sh");
const DIRECTORY: &str = include_str!("shim/directory.sh");
const READ_IF_TOLD: &str = include_str!("shim/read_if_told.sh");
const OWNED_BY_PROC: &str = include_str!("shim/owned_by_proc.sh");
const OWNED_BY_PS: &str = include_str!("shim/owned_by_ps.sh");
const WATCH: &str = include_str!("shim/watch.sh");
const HOLD: &str = include_str!("shim/hold.sh");
const HOLD_APART: &str = include_str!("shim/hold_apart.sh");
const CLOSE: &str = include_str!("shim/close.sh");
const VARIABLES: &str = include_str!("shim/variables.sh");
const FINISH: &str = include_str!("shim/finish.sh");

/// The line that makes the run's name unique, where Linux has names to give away and elsewhere.
const ID_OF_PROC: &str = "read -r cross_id </proc/sys/kernel/random/uuid || exit 125";
const ID_OF_RANDOM: &str =
    "cross_id=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \\n') && [ -n \"$cross_id\" ] || exit 125";

/// A placeholder for the run's unique name, which is known only when the script runs.
const NAME: &str = "CROSS7Qw2NAME";
/// A placeholder for the directory in which the script is started.
const DIR: &str = "/CROSS7Qw2DIR";
/// A placeholder for the options that pass the caller's variables to a container.
const PASSED: &str = "CROSS7Qw2PASSED";

/// A script of the host that runs a program of an environment.
///
/// It needs only `/bin/sh`. It passes on its arguments, its directory, its standard streams and the
/// exit code, and any number of instances can run concurrently. What it starts ends with it and
/// with the process that started it, like everything that [`Engine::run`] starts. As a shell has to
/// poll whether its parent is alive, this takes up to a second. Where runs have a kernel of their own,
/// the script removes their container.
///
/// It does not create anything that is missing. If the environment is gone, it prints the remedy
/// and returns 125, like container engines for failures of their own.
#[derive(Clone, Debug)]
pub struct Shim {
    spec: RunSpec,
    passed_variables: Vec<String>,
    directories: Vec<PathBuf>,
    remedy: String,
    hint: String,
    reads_stdin: bool,
}

impl Shim {
    /// Whether processes of this system can start a script: Windows starts no script of a shell.
    pub const IS_SUPPORTED: bool = HAS_SHELL;

    /// Creates a script for the command of `spec`, to which its arguments are added. It runs in the
    /// directory in which it is started if the mounts contain that, and in `/` otherwise. The
    /// directory of `spec` is not used.
    pub fn new(spec: RunSpec) -> Self {
        Shim {
            spec,
            passed_variables: Vec::new(),
            directories: Vec::new(),
            remedy: String::new(),
            hint: String::new(),
            reads_stdin: false,
        }
    }

    /// Sets the names of variables that are passed to the program from the script's environment. A
    /// `*` at the end of a name matches any suffix. Other variables are not passed.
    #[must_use]
    pub fn pass_env<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.passed_variables
            .extend(names.into_iter().map(Into::into));
        self
    }

    /// Sets directories that the script creates if they do not exist, because they are mounted.
    #[must_use]
    pub fn directories(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Self {
        self.directories.extend(directories);
        self
    }

    /// Sets the remedy that is printed if the environment is gone.
    #[must_use]
    pub fn remedy(mut self, text: impl Into<String>) -> Self {
        self.remedy = text.into();
        self
    }

    /// Sets a hint that is printed if a program fails as a test binary does, or could not be
    /// started (status 101, 126 or 127).
    #[must_use]
    pub fn hint(mut self, text: impl Into<String>) -> Self {
        self.hint = text.into();
        self
    }

    /// Sets whether the program may read standard input at any time. Otherwise a container gets
    /// standard input only if an argument asks for it (`-`, or `ar -M`), because a container's
    /// client reads all of it, even if it was meant for another process.
    #[must_use]
    pub fn reads_stdin(mut self, yes: bool) -> Self {
        self.reads_stdin = yes;
        self
    }

    /// Returns the script's text for `engine`. Foreign programs of the specification start one
    /// another as in [`Engine::run`].
    ///
    /// # Errors
    ///
    /// If the specification is not for this kind of engine, a path is not UTF-8, or the engine
    /// cannot be asked whether it registers interpreters.
    pub fn script(&self, engine: &Engine, host: &Host) -> Result<String> {
        self.script_of(engine, host, HAS_CONTAINERS)
    }

    /// The script for a host whose kernel tells of processes in files (`has_proc`), or by `ps` alone.
    fn script_of(&self, engine: &Engine, host: &Host, has_proc: bool) -> Result<String> {
        let lifelines = host.cache.join(LIFELINES);
        let lifelines = Some(lifelines).filter(|_| !engine.own_kernel);
        let spec = engine.with_registrar(self.spec.clone(), host, &Cancel::new())?;
        let run = self.invocation(engine, spec, lifelines.as_deref())?;
        let (id, is_owned) = match has_proc {
            true => (ID_OF_PROC, OWNED_BY_PROC),
            false => (ID_OF_RANDOM, OWNED_BY_PS),
        };
        let mut text = String::from(HEAD);
        text.push_str(&joined([FUNCTIONS, id]));
        text.push('\n');
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = text.write_fmt(words);
            text.push('\n');
        };
        line(format_args!("cross_remedy={}", quoted(&self.remedy)));
        line(format_args!("cross_hint={}", quoted(&self.hint)));
        line(format_args!(
            "cross_program={}",
            quoted(utf8(&run.program)?)
        ));
        match &self.spec.root {
            Root::Directory { path, .. } => {
                let (root, usr) = (utf8(path)?, path.join("usr"));
                line(format_args!(
                    "[ -d {} ] || gone {}",
                    quoted(utf8(&usr)?),
                    quoted(root)
                ));
                line(format_args!("cross_image="));
            }
            Root::Image(image) => line(format_args!("cross_image={}", quoted(image))),
            Root::Host => return Err(host_engine::no_shim()),
        }
        line(format_args!("{}", find_directory(&self.spec)?));
        let created = self.directories.iter().chain(&lifelines);
        let created: Vec<_> = created
            .map(|dir| Ok(quoted(utf8(dir)?).into_owned()))
            .collect::<Result<_>>()?;
        line(format_args!("make_directories {}", created.join(" ")));
        line(format_args!(
            "cross_name={}-$cross_id",
            quoted(&self.spec.name)
        ));
        match &lifelines {
            Some(dir) => line(format_args!(
                "cross_held={}/$cross_name",
                quoted(utf8(dir)?)
            )),
            None => line(format_args!("cross_held=")),
        }
        if engine.has_images() && !self.reads_stdin {
            line(format_args!("{}", joined([READ_IF_TOLD])));
        }
        if let Some(profile) =
            container::profile(engine, &self.spec).filter(|_| engine.has_images())
        {
            line(format_args!("{}", write_profile(&profile)?));
        }
        let hold = if lifelines.is_some() {
            HOLD
        } else {
            HOLD_APART
        };
        text.push_str(&joined([is_owned, WATCH, hold, "("]));
        text.push('\n');
        text.push_str(&self.variables(&run));
        text.push_str(&joined([CLOSE]));
        text.push('\n');
        if let Some(file) = &run.inherited_file {
            text.push_str(&file.opened_by_a_shell("\"$cross_held\""));
        }
        text.push_str("exec \"$cross_program\"");
        for word in &run.args {
            text.push(' ');
            text.push_str(&script_word(word));
        }
        text.push_str(" \"$@\"\n)\n");
        text.push_str(&joined([FINISH]));
        text.push('\n');
        Ok(text)
    }

    /// The engine's command, with placeholders for what is not known yet.
    fn invocation(
        &self,
        engine: &Engine,
        spec: RunSpec,
        lifelines: Option<&Path>,
    ) -> Result<Invocation> {
        let mut spec = spec.stdin(true);
        spec.cwd = DIR.into();
        spec.name = format!("{}-{NAME}", spec.name);
        spec.lifeline_dir = lifelines.map(|dir| dir.join(&spec.name).join("shown"));
        spec.env.retain(|name, _| is_identifier(name));
        if engine.has_images() {
            spec.options.insert(0, PASSED.to_owned());
        }
        engine.invocation(&spec)
    }

    /// The lines that set the command's variables: those of the specification, and those that are
    /// passed on.
    fn variables(&self, run: &Invocation) -> String {
        let patterns = match self.passed_variables.as_slice() {
            // This pattern matches no name.
            [] => "''".to_owned(),
            names => names.join(" | "),
        };
        let other = match run.base {
            BaseEnv::Empty => "unset \"$cross_variable\"",
            BaseEnv::Caller => ":",
        };
        let mut lines = joined([VARIABLES])
            .replace("@PASSED@", &patterns)
            .replace("@OTHER@", other);
        lines.push('\n');
        for (name, value) in &run.env {
            if let EnvValue::Plain(value) | EnvValue::Secret(value) = value {
                let _ = writeln!(lines, "export {name}={}", quoted(value));
            }
        }
        lines
    }
}

/// The lines that find the directory inside, if the mounts contain it.
fn find_directory(spec: &RunSpec) -> Result<String> {
    let mut patterns = Vec::new();
    for mount in arrange_mounts(spec.mounts.clone()) {
        if mount.access != Access::Scratch {
            let target = utf8(&mount.target)?.trim_end_matches('/');
            patterns.push(format!("{}/*", quoted(target)));
        }
    }
    let patterns = match patterns.is_empty() {
        true => "''".to_owned(),
        false => patterns.join(" | "),
    };
    Ok(joined([DIRECTORY]).replace("@SEEN@", &patterns))
}

/// Returns the line that writes the file of a container's profile, unless it exists.
fn write_profile(profile: &Profile) -> Result<String> {
    let path = quoted(utf8(&profile.path)?);
    let dir = profile.path.parent().unwrap_or(Path::new("/"));
    let (dir, content) = (quoted(utf8(dir)?), quoted(&profile.content));
    Ok(format!(
        "[ -e {path} ] || {{ mkdir -p {dir} && printf %s {content} >{path}.$$ && mv {path}.$$ {path}; }} || exit 125"
    ))
}

/// Converts a word of the engine's command to a word of the script.
fn script_word(word: &str) -> String {
    match word {
        PASSED => return "$cross_passed".to_owned(),
        DIR => return "\"$cross_dir\"".to_owned(),
        _ => {}
    }
    let parts = word.split(NAME).map(|part| match part {
        "" => String::new(),
        part => quoted(part).into_owned(),
    });
    match parts.collect::<Vec<_>>().join("\"$cross_id\"") {
        empty if empty.is_empty() => "''".to_owned(),
        word => word,
    }
}

/// Whether a shell variable can have this name.
fn is_identifier(name: &str) -> bool {
    !name.starts_with(|first: char| first.is_ascii_digit())
        && !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
}

#[cfg(test)]
#[cfg(unix)]
mod tests;
