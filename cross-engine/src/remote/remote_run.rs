//! Runs on an engine on another machine: the volumes are filled, and every mount becomes a part of
//! one.
//!
//! What this machine remembers of a volume may be wrong: somebody removed it, or another machine
//! filled it. Asking first would cost every run the start of a container. Instead, the run itself
//! compares the states before it starts the command; if one differs, the volumes are compared for
//! real, and the run starts again.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crate::engines::container;
use crate::engines::engine::{Engine, EngineKind};
use crate::os::{FileFacts, System};
use crate::process::TailLines;
use crate::process::cancel::Cancel;
use crate::process::error::{Error, ErrorKind, Result, utf8};
use crate::process::host::Host;
use crate::process::script::{self, joined};
use crate::process::unique_name::unique;
use crate::process::{self, Exit, Sink, Stream};
use crate::reach::answer::Reach;
use crate::reach::place::part;
use crate::reach::transfer::{Transfer, Tree, VolumeKind};
use crate::remote::event::TransferSink;
use crate::remote::far_relay::FarRelay;
use crate::remote::fill::{Context, Filled};
use crate::remote::helper;
use crate::remote::manifest::{Entry, key};
use crate::remote::record::{self, Settled};
use crate::remote::volume;
use crate::remote::written;
use crate::spec::mount::{Access, Mount, arrange_mounts};
use crate::spec::run_spec::{RunSpec, Stdio};

const CHECK: &str = include_str!("check.sh");

/// Where a run sees the states of volumes.
const STATES_AT: &str = "/run/cross-volumes";

/// Where a run sees the seccomp profile with which it started, if its engine's service reads it.
const PROFILE_AT: &str = "/run/cross-seccomp.json";

/// How often a run starts again because a volume is in another state than it was.
const ATTEMPTS: usize = 5;

/// The first of the exit codes with which an engine's client says that it failed itself.
const FIRST_OF_CLIENTS: i32 = 125;

/// The number of lines of standard error that tell why a connection was lost.
const LAST_LINES: usize = 4;

/// How long a run that cannot be followed may take to end, and how often that is looked at.
const END: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);

impl Engine {
    /// Like [`Engine::run`], on an engine that does not see the caller's files. `transfer` says
    /// which volumes have them.
    ///
    /// # Errors
    ///
    /// As for [`Engine::run`], and [`ErrorKind::Unreachable`] if the connection is lost.
    pub fn run_remote(
        &self,
        spec: &RunSpec,
        transfer: &Transfer,
        host: &Host,
        cancel: &Cancel,
        on_event: &mut TransferSink<'_>,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        let context = Context {
            engine: self,
            spec,
            transfer,
            host,
            cancel,
        };
        context.run(on_event, sink, &mut |engine, placed, attempt, sink| {
            attempt.run(engine, placed, host, sink)
        })
    }
}

/// Starts a run with everything where the engine's machine has it.
pub(crate) type Start<'a> =
    dyn FnMut(&Engine, &RunSpec, &Attempt<'_>, &mut Sink<'_>) -> Result<Exit> + 'a;

/// An attempt to run a command.
pub(crate) struct Attempt<'a> {
    /// Whether a volume was found to have been replaced since the last attempt.
    pub(crate) is_replaced: bool,
    /// Ends the run.
    pub(crate) cancel: &'a Cancel,
    /// Is told the name of the container, before the command starts in it.
    pub(crate) enters: &'a dyn Fn(&str),
}

impl Attempt<'_> {
    /// Runs the command in a container of its own.
    pub(crate) fn run(
        &self,
        engine: &Engine,
        placed: &RunSpec,
        host: &Host,
        sink: &mut Sink<'_>,
    ) -> Result<Exit> {
        let name = unique(&placed.name);
        (self.enters)(&name);
        engine.run_as(&name, placed, host, self.cancel, sink)
    }
}

impl Context<'_> {
    /// Fills the volumes, runs the command by `start`, and brings back what it wrote.
    pub(crate) fn run(
        &self,
        on_event: &mut TransferSink<'_>,
        sink: &mut Sink<'_>,
        start: &mut Start<'_>,
    ) -> Result<Exit> {
        let transfer = self.transfer;
        let mut spec = self.engine.with_profile(self.spec)?;
        let relay = FarRelay::take(&mut spec)?;
        let spec = &spec;
        let context = Context { spec, ..*self };
        let trees = used_trees(spec, transfer)?;
        let mut was_replaced = false;
        // A run whose output is not read here cannot say that a volume is in another state.
        let mut distrust = spec.stdio == Stdio::Inherit;
        for _ in 0..ATTEMPTS {
            let filled = context.fill_all(&trees, distrust, on_event)?;
            for tree in &trees {
                note_run(&context, tree)?;
            }
            let stale = unique("cross: a volume is in another state");
            let replaced = format!("{stale} (gone)");
            let placed = place(spec, transfer, &filled, &stale, relay.as_ref())?;
            let places: Vec<_> = filled.iter().map(|it| it.record.place.clone()).collect();
            let must_replace = std::mem::take(&mut was_replaced);
            let mut is_stale = false;
            let mut last = TailLines::new(LAST_LINES);
            // Everything is where the engine sees it.
            let engine = Engine {
                reach: Reach::Shared,
                ..self.engine.clone()
            };
            let mut is_first = true;
            let mut read = |stream: Stream, line: &str| {
                // Some engines say it on the command's standard output.
                let was_first = std::mem::take(&mut is_first);
                let is_replaced = line == replaced || was_first && has_no_directory(line);
                let is_of_engine = stream == Stream::Stderr;
                if is_replaced || is_of_engine && (line == stale || is_missing(line, &places)) {
                    is_stale = true;
                    was_replaced |= is_replaced;
                    return ControlFlow::Continue(());
                }
                if is_of_engine && is_stale && is_advice(line) {
                    return ControlFlow::Continue(());
                }
                if is_of_engine {
                    last.push(line);
                }
                sink(stream, line)
            };
            let ended = follow(&context, relay.as_ref(), &mut read, |attempt, read| {
                let attempt = Attempt {
                    is_replaced: must_replace,
                    ..attempt
                };
                start(&engine, &placed, &attempt, read)
            });
            // A container that others enter later is started without the run's streams.
            let message = ended.as_ref().err().map(Error::to_string);
            is_stale |= message.is_some_and(|message| is_missing(&message, &places));
            if is_stale && !ended.as_ref().is_ok_and(|exit| exit.success()) {
                distrust = true;
                continue;
            }
            let exit = ended?;
            let last = last.text();
            if self.was_lost(exit, &last) {
                return Err(helper::lost("follow what runs there", &last));
            }
            written::bring_back(&context, &filled, on_event)?;
            return Ok(exit);
        }
        Err(Error::new(
            ErrorKind::EngineCannotStart,
            "the volumes on the engine's machine change all the time",
        )
        .with_help("wait until no other program fills or removes them, and run it again"))
    }

    /// Whether the connection was lost, and not the command failed, whose `last` words may be the
    /// same: a client has an exit code that programs rarely have, or its daemon does not answer.
    fn was_lost(&self, exit: Exit, last: &str) -> bool {
        if exit.success() || !helper::is_lost(last) {
            return false;
        }
        let is_of_client = exit.code.is_none_or(|code| code >= FIRST_OF_CLIENTS);
        let asks = volume::command(self.engine).args(["volume", "ls", "--quiet"]);
        let answers = || process::output(&asks, &self.host.variables, self.cancel);
        is_of_client || !answers().is_ok_and(|answer| answer.exit.success())
    }
}

/// Starts a run by `start`, and copies its `relay` while it runs.
fn follow(
    context: &Context<'_>,
    relay: Option<&FarRelay>,
    sink: &mut Sink<'_>,
    start: impl FnOnce(Attempt<'_>, &mut Sink<'_>) -> Result<Exit>,
) -> Result<Exit> {
    // The run ends if nobody follows it any more, and nobody follows a run that has ended.
    let (running, following) = (&context.cancel.child(), &context.cancel.child());
    let container = &Mutex::new(String::new());
    let name = || container.lock().unwrap_or_else(PoisonError::into_inner);
    let enters = |entered: &str| entered.clone_into(&mut name());
    let attempt = Attempt {
        is_replaced: false,
        cancel: running,
        enters: &enters,
    };
    let Some(relay) = relay.filter(|relay| !relay.is_kept()) else {
        return start(attempt, sink);
    };
    if relay.is_watched() {
        return listen(relay, attempt, sink, start);
    }
    thread::scope(|scope| {
        let mut follower = None;
        let ended = start(attempt, &mut |stream, line| {
            if stream == Stream::Stderr && relay.is_ready(line) {
                let entered = name().clone();
                follower.get_or_insert_with(|| {
                    scope.spawn(move || {
                        let (engine, host) = (context.engine, context.host);
                        let lost = relay.copy(engine, &entered, host, following).err()?;
                        // It cannot be followed either if it is about to end.
                        let patience = following.clone().with_deadline(END);
                        while patience.check().is_ok() {
                            thread::sleep(POLL);
                        }
                        let is_lost = following.check().is_ok();
                        if is_lost {
                            running.cancel();
                        }
                        is_lost.then_some(lost)
                    })
                });
                return ControlFlow::Continue(());
            }
            sink(stream, line)
        });
        following.cancel();
        let lost = follower.and_then(|follower| follower.join().ok()).flatten();
        match lost {
            Some(lost) if context.cancel.check().is_ok() => Err(lost),
            _ => ended,
        }
    })
}

/// Starts a run by `start`, and notes what it says to its `relay`.
fn listen(
    relay: &FarRelay,
    attempt: Attempt<'_>,
    sink: &mut Sink<'_>,
    start: impl FnOnce(Attempt<'_>, &mut Sink<'_>) -> Result<Exit>,
) -> Result<Exit> {
    let mut failed = None;
    let ended = start(attempt, &mut |stream, line| {
        let heard = match stream {
            Stream::Stderr => relay.hear(line),
            _ => Ok(None),
        };
        match heard {
            Ok(None) => sink(stream, line),
            Ok(Some("")) => ControlFlow::Continue(()),
            Ok(Some(before)) => sink(stream, before),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    failed.map_or(ended, Err)
}

/// Notes that a run may write to the volume of `tree`, so that what was fetched may be old.
fn note_run(context: &Context<'_>, tree: &Tree) -> Result<()> {
    if tree.kind != VolumeKind::Target {
        return Ok(());
    }
    let (engine, host) = (context.engine, context.host);
    let settled = match record::settled(engine, host, &tree.volume) {
        Settled::Yes => Settled::BeforeThisRun,
        _ => Settled::No,
    };
    record::settle(engine, host, &tree.volume, settled)
}

impl Engine {
    /// The run with its seccomp profile among the files that are sent, if it is not the client that
    /// reads it.
    fn with_profile(&self, spec: &RunSpec) -> Result<RunSpec> {
        let spec = spec.clone();
        if self.kind != EngineKind::Podman {
            return Ok(spec);
        }
        let ours = container::profile(self, &spec);
        if let Some(profile) = &ours {
            profile.write()?;
        }
        let path = ours.map(|profile| profile.path).or(spec.seccomp.clone());
        Ok(match path {
            Some(path) => {
                let mount = Mount::read(&path).at(PROFILE_AT);
                spec.seccomp(Some(path)).mounts([mount])
            }
            None => spec,
        })
    }
}

/// The trees that the mounts of `spec` are in.
fn used_trees<'t>(spec: &RunSpec, transfer: &'t Transfer) -> Result<Vec<&'t Tree>> {
    let mut trees = BTreeMap::new();
    for mount in &spec.mounts {
        if mount.access != Access::Scratch {
            let tree = tree_of(&mount.source, transfer)?;
            trees.insert(tree.volume.as_str(), tree);
        }
    }
    Ok(trees.into_values().collect())
}

fn tree_of<'t>(path: &Path, transfer: &'t Transfer) -> Result<&'t Tree> {
    transfer.tree_of(path).ok_or_else(|| {
        let message = format!("`{}` has no place on the engine's machine", path.display());
        Error::new(ErrorKind::Path, message).with_help("use an absolute path")
    })
}

/// The run with everything where the engine's machine has it.
fn place(
    spec: &RunSpec,
    transfer: &Transfer,
    filled: &[Filled],
    stale: &str,
    relay: Option<&FarRelay>,
) -> Result<RunSpec> {
    let mut placed = spec.clone();
    placed.mounts = arrange_mounts(spec.mounts.clone());
    placed.apart = Some(identities(&placed.mounts, transfer, filled));
    for mount in &mut placed.mounts {
        if mount.access == Access::Scratch {
            continue;
        }
        let volume = &tree_of(&mount.source, transfer)?.volume;
        let of_mount = filled.iter().find(|filled| filled.volume == *volume);
        if let Some(filled) = of_mount {
            let source = filled.record.place.join(part(&mount.source));
            mount.source = System::HERE.for_linux(&source);
        }
    }
    let has_profile = |mount: &&Mount| mount.target == Path::new(PROFILE_AT);
    if let Some(mount) = placed.mounts.iter().find(has_profile) {
        placed.seccomp = Some(mount.source.clone());
    }
    let mut words: Vec<String> = script::words(joined([CHECK])).into();
    words.push(stale.to_owned());
    for (n, filled) in filled.iter().enumerate() {
        let at = format!("{STATES_AT}/{n}");
        let state = System::HERE.for_linux(&filled.record.place.join("now"));
        placed.mounts.push(Mount::read(state).at(&at));
        words.extend([at, filled.record.state.clone()]);
    }
    for dir in &spec.emptied {
        words.extend([utf8(dir)?.to_owned(), String::new()]);
    }
    words.push("--".to_owned());
    if let Some(relay) = relay {
        words.extend(relay.wrapper());
        placed.relay_scratch = Some(relay.scratch());
    }
    words.append(&mut placed.command);
    placed.command = words;
    // It is a file of this machine.
    placed.jobserver = None;
    Ok(placed)
}

/// What tells the mounted sources from others at the same paths. A container that has a file or a
/// directory mounted does not see the one that replaces it. The other volumes replace nothing,
/// except as a whole, which a run notices.
fn identities(mounts: &[Mount], transfer: &Transfer, filled: &[Filled]) -> String {
    let mut text = String::new();
    for mount in mounts {
        let tree = transfer.tree_of(&mount.source);
        let Some(tree) = tree.filter(|tree| tree.kind == VolumeKind::Sources) else {
            continue;
        };
        let of_tree = filled.iter().find(|filled| filled.volume == tree.volume);
        let entries = of_tree.map(|filled| &filled.record.manifest.entries);
        let entry = entries.and_then(|entries| entries.get(&key(&mount.source)));
        if let Some(Entry::File {
            hash,
            size,
            modified,
            ..
        }) = entry
        {
            text += &format!("{hash}:{size}:{modified} ");
        } else if let Ok(facts) = FileFacts::at(&mount.source) {
            let (device, inode) = facts.identity();
            text += &format!("{device}:{inode} ");
        }
    }
    text
}

/// Whether an engine says that a container which runs has lost the directory in which a command
/// would start. The messages are those of runc and crun.
fn has_no_directory(line: &str) -> bool {
    let texts = [
        "current working directory is outside",
        "chdir to cwd",
        "chdir: No such file",
    ];
    line.contains("OCI runtime") && texts.iter().any(|text| line.contains(text))
}

/// Whether a client says this after it has said what is wrong.
fn is_advice(line: &str) -> bool {
    line.is_empty() || line.starts_with("See '") || line.starts_with("Run '")
}

/// Whether an engine says that a part of a volume is not there.
fn is_missing(line: &str, places: &[PathBuf]) -> bool {
    let is_about = |place: &PathBuf| line.contains(&*place.to_string_lossy());
    (line.contains("does not exist") || line.contains("o such file or directory"))
        && places.iter().any(is_about)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::remote::record::Record;
    use crate::spec::run_spec::Root;

    #[test]
    fn every_mount_becomes_a_part_of_a_volume() {
        let transfer = Transfer::new([
            Tree::new("s", VolumeKind::Sources, "/"),
            Tree::new("t", VolumeKind::Target, "/w/target/cross/x-1"),
        ]);
        let spec = RunSpec::new(Root::Image("i".into()), "/w", ["cargo", "build"])
            .mounts([
                Mount::read("/w"),
                Mount::write("/w/target/cross/x-1"),
                Mount::scratch("/tmp/home"),
                Mount::read("/c/files/1/passwd").at("/etc/passwd"),
            ])
            .emptied(["/w/target/cross/x-1/raw-profiles".into()]);
        let filled = ["s", "t"].map(|volume| Filled {
            record: Record {
                state: format!("state-{volume}"),
                place: format!("/v/{volume}").into(),
                ..Record::default()
            },
            volume: volume.to_owned(),
        });
        let placed = place(&spec, &transfer, &filled, "stale", None).unwrap();
        let shown: Vec<_> = placed
            .mounts
            .iter()
            .map(|it| format!("{} {}", it.source.display(), it.target.display()))
            .collect();
        assert_eq!(
            shown,
            [
                "/v/s/tree/c/files/1/passwd /etc/passwd",
                "/tmp/home /tmp/home",
                "/v/s/tree/w /w",
                "/v/t/tree/w/target/cross/x-1 /w/target/cross/x-1",
                "/v/s/now /run/cross-volumes/0",
                "/v/t/now /run/cross-volumes/1",
            ]
        );
        let words: Vec<_> = placed.command[4..].iter().map(String::as_str).collect();
        assert_eq!(
            words,
            [
                "stale",
                "/run/cross-volumes/0",
                "state-s",
                "/run/cross-volumes/1",
                "state-t",
                "/w/target/cross/x-1/raw-profiles",
                "",
                "--",
                "cargo",
                "build"
            ]
        );
    }
}
