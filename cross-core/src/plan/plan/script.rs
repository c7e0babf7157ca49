//! A plan as a script for a POSIX shell, for people: it does what the plan does, from an empty cache.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use cross_engine::process::shell_text::word;
use cross_engine::{Invocation, LAYOUT_DESCRIPTOR, LAYOUT_SCRIPT, ReusedContainer, Root, RunSpec};

use crate::model::lock_file::LOCK_FILE;
use crate::model::step::{Action, OutputKind, Published, Step};
use crate::plan::nextest;
use crate::plan::plan::Plan;
use crate::plan::steps::MESSAGE_FORMATS;

const PUBLISH: &str = include_str!("script/publish.sh");
const JOIN: &str = include_str!("script/join.sh");

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "# {} for {}", self.verb, self.target)?;
        writeln!(f, "# engine: {} ({})", self.engine, self.engine_reason)?;
        if !self.engine.reach.is_shared() {
            writeln!(f, "# reach: {} {}", self.engine.kind, self.engine.reach)?;
        }
        let state = if self.environment.exists {
            "exists"
        } else {
            "to be built"
        };
        writeln!(f, "# environment: {} ({state})", self.environment.name)?;
        if let Some(sha256) = &self.environment.contents_sha256 {
            writeln!(f, "# contents: sha256:{sha256}")?;
        }
        for tool in &self.environment.tools {
            writeln!(f, "# {tool}")?;
        }
        match self.engine.is_host() {
            true => writeln!(f, "# toolchain: {}", self.toolchain.in_place())?,
            false => writeln!(f, "# toolchain: {}", self.toolchain)?,
        }
        if let Some(remote) = &self.remote {
            write!(f, "{remote}")?;
        }
        if let Some(tests) = &self.tests {
            writeln!(f, "# tests: {tests}")?;
        }
        for warning in &self.warnings {
            write_comment(f, "warning", &warning.message)?;
            if let Some(help) = &warning.help {
                write_comment(f, "help", help)?;
            }
        }
        // In a shell of its own, a failure ends the script, and not the shell that it is pasted
        // into, which reads all of it before it begins.
        writeln!(f, "\n(set -e")?;
        if self.remote.is_some() {
            let engine = self.engine.kind;
            writeln!(
                f,
                "echo '{engine} does not see these files: `Plan::execute` sends them' >&2; exit 1"
            )?;
        }
        let functions = [
            ("publish", PUBLISH),
            ("join", JOIN),
            ("layout", LAYOUT_SCRIPT),
        ];
        for (name, text) in functions {
            let is_called = |step: &Step| match name {
                "join" => matches!(step.action, Action::Join { .. }),
                "layout" => {
                    matches!(&step.action, Action::Run { spec, .. } if described(&spec.root).is_some())
                }
                _ => publishes(step),
            };
            if self.steps.iter().any(is_called) {
                write!(f, "{}", code_of(text))?;
            }
        }
        // Composed here, not in the plan: only who prints it needs them. The command of each run was
        // composed with the plan, so none fails.
        let filters: BTreeMap<_, _> = self
            .runs()
            .filter(|_| self.remote.is_none())
            .filter_map(|spec| self.engine.filter_script(&spec.clone().stdin(true)).ok()?)
            .collect();
        for write in filters.values() {
            f.write_str(write)?;
        }
        for (n, step) in self.steps.iter().enumerate() {
            writeln!(f, "\n# {}. {}", n + 1, step.purpose)?;
            if let Some(reused) = &step.reused_container {
                write_container(f, reused)?;
            }
            self.write_step(f, step)?;
        }
        match self.runs().any(RunSpec::has_stdin) {
            true => writeln!(f, ")"),
            false => writeln!(f, ") </dev/null"),
        }
    }
}

impl Plan {
    fn write_step(&self, f: &mut fmt::Formatter<'_>, step: &Step) -> fmt::Result {
        if let Some(script) = &step.script {
            return f.write_str(script);
        }
        if let Action::Run { spec, .. } = &step.action {
            if let Some(root) = described(&spec.root) {
                write_layout(f, root, spec)?;
            }
        }
        match (&step.command, &step.action) {
            (Some(command), Action::Run { output, .. }) => {
                writeln!(f, "{}", for_people(command, *output))
            }
            (Some(command), _) => writeln!(f, "{command}"),
            (None, Action::Prepare(entries)) => {
                entries.iter().try_for_each(|entry| writeln!(f, "{entry}"))
            }
            (None, Action::Join { from, to }) => write_call(f, "join", &[to.as_path()], from),
            (None, Action::MakeEnvironment(blueprint)) => {
                let locked = blueprint.locked.as_ref();
                let count = locked.map_or(0, |locked| locked.packages.len());
                writeln!(f, "# from the {count} packages in {LOCK_FILE}")?;
                writeln!(
                    f,
                    "echo 'a locked environment is made by `Plan::prepare`' >&2; exit 1"
                )
            }
            (None, Action::Publish { .. }) => {
                let name = self.products.directory();
                let (from, to) = (self.target_dir.join(name), self.publish_dir.join(name));
                if let Some(Published { profile, stems }) = &step.publishes {
                    let dirs = [&*from.join(profile), &*to.join(profile)];
                    write_call(f, "publish_dir", &dirs, &paths(stems))?;
                }
                let strips = self.steps.iter().find_map(|step| step.strips.clone());
                let deliver = strips.map(|strips| Step::deliver_stripped(strips, &to));
                deliver.map_or(Ok(()), |step| self.write_step(f, &step))
            }
            (None, Action::Mirror { from, to, .. }) => {
                write_call(f, "publish", &[from, to], &self.names())?;
                let (from, to) = (word(&from.join("doc")), word(to));
                writeln!(
                    f,
                    "[ ! -d {from} ] || {{ mkdir -p {to}; cp -R -- {from} {to}; }}"
                )
            }
            (None, Action::Deliver { from, to }) => {
                let dir = word(to.parent().unwrap_or(to));
                let (from, to) = (word(from), word(to));
                writeln!(f, "mkdir -p {dir}\nrm -f -- {to}\ncp -p -- {from} {to}")
            }
            (None, Action::DeliverArtifacts { from, to }) => {
                let strips = step.strips.as_ref();
                let stems = strips.map(|strips| paths(&strips.stems));
                let names = stems.unwrap_or_else(|| self.names());
                if strips.is_some_and(|strips| !strips.keeps_debug) {
                    let stems = names.iter().map(|stem| word(&to.join(stem)));
                    // Of what was stripped before.
                    for stem in stems {
                        writeln!(f, "rm -f -- {stem}.debug {stem}.*.debug")?;
                    }
                }
                write_call(f, "publish_dir", &[from, to], &names)
            }
            (None, Action::CollectProfiles { from }) => {
                writeln!(f, "# the profiles are in {}", word(from))
            }
            (None, _) => Ok(()),
        }
    }

    /// What the files of the products are called, without their endings.
    fn names(&self) -> Vec<PathBuf> {
        paths(&self.products.file_stems())
    }
}

fn paths(names: &[String]) -> Vec<PathBuf> {
    names.iter().map(PathBuf::from).collect()
}

/// The command as a person starts it: cargo and nextest print text, where the library reads JSON.
fn for_people(command: &Invocation, output: OutputKind) -> Cow<'_, Invocation> {
    let formats = MESSAGE_FORMATS.iter().map(std::slice::from_ref);
    let json: Vec<&[&str]> = match output {
        OutputKind::CargoMessages => formats.collect(),
        OutputKind::Nextest => vec![&nextest::JSON],
        _ => Vec::new(),
    };
    let found = json.into_iter().find_map(|words| {
        let mut windows = command.args.windows(words.len());
        Some((windows.position(|args| args == words)?, words.len()))
    });
    let Some((at, count)) = found else {
        return Cow::Borrowed(command);
    };
    let mut command = command.clone();
    command.args.drain(at..at + count);
    Cow::Owned(command)
}

/// Whether a step copies products to where the user finds them.
fn publishes(step: &Step) -> bool {
    matches!(
        step.action,
        Action::Publish { .. } | Action::Mirror { .. } | Action::DeliverArtifacts { .. }
    )
}

/// The root file system whose entries are read when the script runs, because a mount lies inside a
/// directory that only its packages decide.
fn described(root: &Root) -> Option<&Path> {
    match root {
        Root::Directory { path, layout } if layout.is_described() => Some(path),
        _ => None,
    }
}

/// Writes the lines that open the arguments for the entries of `root` as the descriptor that the
/// next command reads. The file has no name by then.
fn write_layout(f: &mut fmt::Formatter<'_>, root: &Path, spec: &RunSpec) -> fmt::Result {
    let targets = spec.mounts.iter().map(|mount| mount.target.clone());
    writeln!(f, "layout=$(mktemp)")?;
    let (root, targets) = (word(root), targets.map(|path| word(&path)));
    let targets = targets.collect::<Vec<_>>().join(" ");
    writeln!(f, "layout {root} {targets} >\"$layout\"")?;
    writeln!(
        f,
        "exec {LAYOUT_DESCRIPTOR}<\"$layout\"; rm -f -- \"$layout\""
    )
}

/// The lines of a script that are no comments.
fn code_of(script: &str) -> String {
    let lines = script.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

/// Writes the call of a function of the script.
fn write_call(
    f: &mut fmt::Formatter<'_>,
    function: &str,
    first: &[&Path],
    rest: &[PathBuf],
) -> fmt::Result {
    f.write_str(function)?;
    let words = first
        .iter()
        .copied()
        .chain(rest.iter().map(PathBuf::as_path));
    for path in words {
        write!(f, " {}", word(path))?;
    }
    writeln!(f)
}

/// Writes a comment, which may have several lines.
fn write_comment(f: &mut fmt::Formatter<'_>, kind: &str, text: &str) -> fmt::Result {
    writeln!(f, "# {kind}: {}", text.replace('\n', "\n#   "))
}

/// Writes the lines before a command that enters a reused container.
fn write_container(f: &mut fmt::Formatter<'_>, reused: &ReusedContainer) -> fmt::Result {
    let ReusedContainer {
        container, start, ..
    } = reused;
    if reused.running {
        return writeln!(f, "# in the reused container {container}, which is running");
    }
    writeln!(
        f,
        "# in the reused container {container}; if it is not running, start it first:"
    )?;
    // A container whose lifeline is its standard input needs an input that stays open.
    match start.args.iter().any(|arg| arg == "--interactive") {
        true => writeln!(f, "sleep infinity | {start} &"),
        false => writeln!(f, "{start}"),
    }
}
