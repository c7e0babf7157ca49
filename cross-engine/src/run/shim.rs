//! A program of an environment as a script of the host: what a tool that knows nothing of engines can
//! start in place of a compiler.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use crate::engines::container;
use crate::engines::engine::Engine;
use crate::engines::floor::Profile;
use crate::engines::host_engine;
use crate::process::error::{Result, utf8};
use crate::process::host::Host;
use crate::process::invocation::{Base, Invocation, Value, quoted};
use crate::spec::mount::{Access, arranged};
use crate::spec::run_spec::{Root, RunSpec};

/// Stands for the run's own name, which is known only when the script runs.
const NAME: &str = "CROSS7Qw2NAME";
/// Stands for the directory in which the script was started.
const DIR: &str = "/CROSS7Qw2DIR";
/// Stands for the words by which a container gets variables of the caller's.
const PASSED: &str = "CROSS7Qw2PASSED";

/// A script of the host that runs a program of an environment.
///
/// Whoever starts it needs nothing but `/bin/sh`: it passes on its arguments, its directory, its
/// standard streams and the exit code, and any number of it run side by side. What it starts ends with it
/// and with the process that started it, as everything that [`Engine::run`] starts does; only that
/// a shell has to look whether its starter lives, which it does every second.
///
/// It makes nothing that is missing. Where the environment is gone, it says so with the remedy, and
/// returns 125, which is what container engines return for failures of their own.
#[derive(Clone, Debug)]
pub struct Shim {
    spec: RunSpec,
    passed: Vec<String>,
    directories: Vec<PathBuf>,
    remedy: String,
    reads: bool,
}

impl Shim {
    /// For the command of `spec`, to which the script's arguments are added. The directory of `spec`
    /// does not count: it is the script's, where the mounts show it, else `/`.
    pub fn new(spec: RunSpec) -> Self {
        Shim {
            spec,
            passed: Vec::new(),
            directories: Vec::new(),
            remedy: String::new(),
            reads: false,
        }
    }

    /// Variables of whoever starts the script that reach the program: their names, where `*` at the end
    /// stands for any end. All others stay outside.
    #[must_use]
    pub fn pass_on<I>(mut self, names: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.passed.extend(names.into_iter().map(Into::into));
        self
    }

    /// Directories that are made again where they are gone, because they are mounted.
    #[must_use]
    pub fn directories(mut self, directories: impl IntoIterator<Item = PathBuf>) -> Self {
        self.directories.extend(directories);
        self
    }

    /// What is to be done where the environment is gone.
    #[must_use]
    pub fn remedy(mut self, text: impl Into<String>) -> Self {
        self.remedy = text.into();
        self
    }

    /// Says that the program may read standard input at any time. Of a program of which that is not
    /// said, a container gets standard input only where an argument asks for it (`-`, or `ar -M`): the
    /// client of a container reads all there is, also what was meant for somebody else.
    #[must_use]
    pub fn reads(mut self, yes: bool) -> Self {
        self.reads = yes;
        self
    }

    /// The script's text, for `engine`.
    ///
    /// # Errors
    ///
    /// When the specification is not for this kind of engine, or a path is not UTF-8.
    pub fn script(&self, engine: &Engine, host: &Host) -> Result<String> {
        let lifelines = host.cache.join("lifelines");
        let run = self.invocation(engine, &lifelines)?;
        let mut text = String::from(HEAD);
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
        line(format_args!("{}", seen(&self.spec)?));
        let made = self.directories.iter().chain([&lifelines]);
        let made: Vec<_> = made
            .map(|dir| Ok(quoted(utf8(dir)?).into_owned()))
            .collect::<Result<_>>()?;
        line(format_args!("make_directories {}", made.join(" ")));
        line(format_args!(
            "cross_name={}-$cross_id",
            quoted(&self.spec.name)
        ));
        line(format_args!(
            "cross_held={}/$cross_name",
            quoted(utf8(&lifelines)?)
        ));
        if engine.has_images() && !self.reads {
            line(format_args!("{}", READS_IF_TOLD.trim_end()));
        }
        if let Some(profile) =
            container::profile(engine, &self.spec).filter(|_| engine.has_images())
        {
            line(format_args!("{}", kept(&profile)?));
        }
        text.push_str(HOLD);
        text.push_str("(\n");
        text.push_str(&self.variables(&run));
        text.push_str(CLOSE);
        if let Some(file) = &run.handed {
            text.push_str(&file.opened_by_a_shell("\"$cross_held\""));
        }
        text.push_str("exec \"$cross_program\"");
        for word in &run.args {
            text.push(' ');
            text.push_str(&expression(word));
        }
        text.push_str(" \"$@\"\n)\n");
        text.push_str(TAIL);
        Ok(text)
    }

    /// The engine's command, with what stands for what is not known yet.
    fn invocation(&self, engine: &Engine, lifelines: &Path) -> Result<Invocation> {
        let mut spec = self.spec.clone().stdin(true);
        spec.cwd = DIR.into();
        spec.name = format!("{}-{NAME}", spec.name);
        spec.lifeline = Some(lifelines.join(&spec.name).join("shown"));
        spec.env.retain(|name, _| is_identifier(name));
        if engine.has_images() {
            spec.options.insert(0, PASSED.to_owned());
        }
        engine.invocation(&spec)
    }

    /// The lines that give the command its variables: those of the specification, and those of the
    /// caller's that are passed on.
    fn variables(&self, run: &Invocation) -> String {
        let patterns = match self.passed.as_slice() {
            // No name is empty.
            [] => "''".to_owned(),
            names => names.join(" | "),
        };
        let other = match run.base {
            Base::Empty => "unset \"$cross_variable\"",
            Base::Caller => ":",
        };
        let mut lines = VARIABLES
            .replace("@PASSED@", &patterns)
            .replace("@OTHER@", other);
        for (name, value) in &run.env {
            if let Value::Plain(value) | Value::Secret(value) = value {
                let _ = writeln!(lines, "export {name}={}", quoted(value));
            }
        }
        lines
    }
}

/// The lines that find the directory: where the mounts show it, as it is called there.
fn seen(spec: &RunSpec) -> Result<String> {
    let mut patterns = Vec::new();
    for mount in arranged(spec.mounts.clone()) {
        if mount.access != Access::Scratch {
            let target = utf8(&mount.target)?.trim_end_matches('/');
            patterns.push(format!("{}/*", quoted(target)));
        }
    }
    let patterns = match patterns.is_empty() {
        true => "''".to_owned(),
        false => patterns.join(" | "),
    };
    Ok(SEEN.replace("@SEEN@", &patterns).trim_end().to_owned())
}

/// The line that makes the file with a container's profile, unless it is there.
fn kept(profile: &Profile) -> Result<String> {
    let path = quoted(utf8(&profile.path)?);
    let home = profile.path.parent().unwrap_or(Path::new("/"));
    let (home, content) = (quoted(utf8(home)?), quoted(&profile.content));
    Ok(format!(
        "[ -e {path} ] || {{ mkdir -p {home} && printf %s {content} >{path}.$$ && mv {path}.$$ {path}; }} || exit 125"
    ))
}

/// A word of the engine's command as a word of the script.
fn expression(word: &str) -> String {
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

/// Whether a shell can have a variable of this name.
fn is_identifier(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What the script says and does; its own variables begin with `cross_`.
const HEAD: &str = r#"#!/bin/sh
# Runs one program of an environment. Made by cross-core.
set -f
refuse() { printf 'cross: %s\nhelp: %s\n' "$1" "$2" >&2; exit 125; }
gone() { refuse "the environment \`$1\` is not there any more" "$cross_remedy"; }
make_directories() { for cross_it; do [ -d "$cross_it" ] || mkdir -p "$cross_it" || exit 125; done; }
read -r cross_id </proc/sys/kernel/random/uuid || exit 125
"#;

/// `$cross_unseen` is the directory that a relative path would be relative to, if the environment has it
/// not. There are no files of the user's in `/`.
const SEEN: &str = r#"cross_dir=$PWD cross_unseen=
case $cross_dir/ in
@SEEN@) ;;
*) cross_dir=$(pwd -P)
    case $cross_dir/ in
    @SEEN@) ;;
    *) cross_unseen=$cross_dir cross_dir=/ ;;
    esac ;;
esac
"#;

const READS_IF_TOLD: &str = r#"cross_reads=
for cross_it; do case $cross_it in - | -M | /dev/stdin) cross_reads=1 ;; esac; done
[ -n "$cross_reads" ] || exec </dev/null
"#;

/// The lifeline is a FIFO that this shell alone holds open. Beside it waits a process that looks every
/// second whether the shell lives and its parent is still the one that started it: if not, the shell is
/// killed, which ends the rest. Nobody else could tidy up after a shell that is killed.
const HOLD: &str = r#"(
    umask 0
    mkdir -m 700 "$cross_held" && mkdir "$cross_held/shown" &&
        mkfifo "$cross_held/shown/life" "$cross_held/shown/begun"
) || exit 125
exec 8<>"$cross_held/shown/life"
echo held >&8
is_owned() {
    while read -r cross_key cross_value; do
        case $cross_key$cross_value in
        State:Z*) return 1 ;;
        PPid:*) [ "$cross_value" = "$PPID" ]; return ;;
        esac
    done <"/proc/$$/status"
    return 1
}
{
    trap '' HUP INT TERM
    trap 'kill -KILL $cross_nap; exit' USR1
    while is_owned; do
        sleep 1 &
        cross_nap=$!
        wait "$cross_nap"
    done
    kill -KILL $$
    rm -rf "$cross_held"
} </dev/null >/dev/null 2>&1 8>&- &
cross_watch=$!
"#;

/// Closes what the script inherited, as far as a shell can name it, and its own lifeline.
const CLOSE: &str = "exec 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-\n";

/// Before the variables of the specification.
const VARIABLES: &str = r#"cross_passed=
IFS='
'
for cross_word in $(export -p); do
    cross_variable=${cross_word#export }
    [ "$cross_variable" != "$cross_word" ] || continue
    cross_variable=${cross_variable%%=*}
    case $cross_variable in
    '' | [0-9]* | *[!A-Za-z0-9_]* | cross_*) ;;
    @PASSED@) cross_passed="$cross_passed --env $cross_variable" ;;
    *) @OTHER@ ;;
    esac
done
IFS=' '
"#;

/// What the shells of some systems say of a process that is ended would only disturb.
const TAIL: &str = r#"cross_status=$?
(
    exec 2>/dev/null
    kill -USR1 "$cross_watch"
    rm -rf "$cross_held"
)
if [ "$cross_status" = 125 ] && [ -n "$cross_image" ]; then
    "$cross_program" image inspect "$cross_image" >/dev/null 2>&1 || gone "$cross_image"
fi
if [ "$cross_status" != 0 ] && [ -n "$cross_unseen" ]; then
    echo "cross: the directory \`$cross_unseen\` is not visible in the environment: paths relative to it mean nothing there" >&2
fi
exit "$cross_status"
"#;

#[cfg(test)]
mod tests;
