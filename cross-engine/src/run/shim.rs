//! Scripts of the host that run a program of an environment. A tool that does not know engines can
//! use one in place of a compiler.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::engines::container;
use crate::engines::engine::Engine;
use crate::engines::host_engine;
use crate::engines::isolation::Profile;
use crate::process::error::{Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::{BaseEnv, EnvValue, Invocation, quoted};
use crate::process::script::joined;
use crate::run::fifo_lifeline::LIFELINES;
use crate::spec::mount::{Access, arrange_mounts};
use crate::spec::run_spec::{Root, RunSpec};

const HEAD: &str = "#!/bin/sh\n# Runs one program of an environment. Made by cross-core.\n";
const FUNCTIONS: &str = include_str!("shim/functions.sh");
const DIRECTORY: &str = include_str!("shim/directory.sh");
const READ_IF_TOLD: &str = include_str!("shim/read_if_told.sh");
const HOLD: &str = include_str!("shim/hold.sh");
const CLOSE: &str = include_str!("shim/close.sh");
const VARIABLES: &str = include_str!("shim/variables.sh");
const FINISH: &str = include_str!("shim/finish.sh");

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
/// poll whether its parent is alive, this takes up to a second.
///
/// It does not create anything that is missing. If the environment is gone, it prints the remedy
/// and returns 125, like container engines for failures of their own.
#[derive(Clone, Debug)]
pub struct Shim {
    spec: RunSpec,
    passed_variables: Vec<String>,
    directories: Vec<PathBuf>,
    remedy: String,
    reads_stdin: bool,
}

impl Shim {
    /// Creates a script for the command of `spec`, to which its arguments are added. It runs in the
    /// directory in which it is started if the mounts contain that, and in `/` otherwise. The
    /// directory of `spec` is not used.
    pub fn new(spec: RunSpec) -> Self {
        Shim {
            spec,
            passed_variables: Vec::new(),
            directories: Vec::new(),
            remedy: String::new(),
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

    /// Sets whether the program may read standard input at any time. Otherwise a container gets
    /// standard input only if an argument asks for it (`-`, or `ar -M`), because a container's
    /// client reads all of it, even if it was meant for another process.
    #[must_use]
    pub fn reads_stdin(mut self, yes: bool) -> Self {
        self.reads_stdin = yes;
        self
    }

    /// Returns the script's text for `engine`.
    ///
    /// # Errors
    ///
    /// If the specification is not for this kind of engine, or a path is not UTF-8.
    pub fn script(&self, engine: &Engine, host: &Host) -> Result<String> {
        let lifelines = host.cache.join(LIFELINES);
        let run = self.invocation(engine, &lifelines)?;
        let mut text = String::from(HEAD);
        text.push_str(&joined([FUNCTIONS]));
        text.push('\n');
        let mut line = |words: std::fmt::Arguments<'_>| {
            // Writing to a String cannot fail.
            let _ = text.write_fmt(words);
            text.push('\n');
        };
        line(format_args!("cross_remedy={}", quoted(&self.remedy)));
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
        let created = self.directories.iter().chain([&lifelines]);
        let created: Vec<_> = created
            .map(|dir| Ok(quoted(utf8(dir)?).into_owned()))
            .collect::<Result<_>>()?;
        line(format_args!("make_directories {}", created.join(" ")));
        line(format_args!(
            "cross_name={}-$cross_id",
            quoted(&self.spec.name)
        ));
        line(format_args!(
            "cross_held={}/$cross_name",
            quoted(utf8(&lifelines)?)
        ));
        if engine.has_images() && !self.reads_stdin {
            line(format_args!("{}", joined([READ_IF_TOLD])));
        }
        if let Some(profile) =
            container::profile(engine, &self.spec).filter(|_| engine.has_images())
        {
            line(format_args!("{}", write_profile(&profile)?));
        }
        text.push_str(&joined([HOLD, "("]));
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
    fn invocation(&self, engine: &Engine, lifelines: &Path) -> Result<Invocation> {
        let mut spec = self.spec.clone().stdin(true);
        spec.cwd = DIR.into();
        spec.name = format!("{}-{NAME}", spec.name);
        spec.lifeline_dir = Some(lifelines.join(&spec.name).join("shown"));
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
mod tests;
