//! The engine `host`: a target's tools found on this machine, tried, and given to cargo by the variables that
//! an environment has.
//!
//! Candidates and their variables are the rows' (`cross_targets::Toolset`); what is chosen of them is decided
//! in [`search`] from what is there, and what [`probe`] saw of it.

mod keys;
mod missing;
mod named;
mod probe;
mod search;

use std::collections::BTreeMap;

use cross_config::TargetConfig;
use cross_engine::{Cancel, Host, Network, Root, RunSpec};
use cross_targets::{Runner, StdAvailability, Target};

pub(crate) use keys::check as check_keys;
use missing::Missing;
use probe::Probe;
use search::{Candidate, Search};

use crate::cargo::build_std;
use crate::cargo::cli::command::Placement;
use crate::facts::environment_name::build_architecture;
use crate::facts::host_toolset::{HostRunner, HostToolset};
use crate::host::toolchain::{self, host_triple};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::host_tool::HostTool;
use crate::model::step::Verb;
use crate::model::toolchain::Toolchain;
use crate::request::request::Request;
use crate::target::name::TargetName;

/// The engine's name in configuration and on command lines.
pub(crate) const NAME: &str = "host";

/// `spec` as it will be: where it runs on the host, nothing of the host is out of sight, nor its network.
pub(crate) fn as_it_is(mut spec: RunSpec) -> RunSpec {
    if spec.root == Root::Host {
        spec.mounts.clear();
        spec.network = Network::Host;
    }
    spec
}

/// Whether the configuration names this engine.
pub(crate) fn is_asked(config: &TargetConfig) -> bool {
    config.engine.as_ref().is_some_and(|it| it.value == NAME)
}

/// What decides which tools are looked for.
pub(crate) struct ToolSearchContext<'a> {
    pub(crate) request: &'a Request,
    pub(crate) target: &'a TargetName,
    pub(crate) config: &'a TargetConfig,
    pub(crate) toolchain: &'a Toolchain,
    /// Whether rustup has to complete the toolchain.
    pub(crate) completes: bool,
    pub(crate) host: &'a Host,
}

/// Finds and tries what the request needs, and says everything at once that is missing.
///
/// # Errors
///
/// [`ErrorKind::ToolMissing`](crate::ErrorKind::ToolMissing) with every missing or broken tool.
pub(crate) fn equip(given: &ToolSearchContext<'_>, cancel: &Cancel) -> Result<HostToolset> {
    let probe = Probe::new(given.host, given.toolchain, cancel);
    let mut missing = Missing::default();
    if links_itself(given.target) {
        return unknown(given, &probe, missing);
    }
    let target = given.target.of_recipe(given.config)?;
    let build = build_architecture()?;
    let mut sets = target.toolsets(build);
    let named = named::linker(given, target)?;
    if let Some(named) = &named {
        sets = named.toolset(target, sets).into_iter().collect();
    }
    if sets.is_empty() {
        return Err(unsupported(target));
    }
    if target.facts().std == StdAvailability::BuildStd && !build_std::is_asked(given.config) {
        return Err(unbuilt(target));
    }
    let choice = search::choose(sets, &Search { probe: &probe })?;
    let mut warnings = choice.warnings(target);
    let Some((candidate, said)) = choice.chosen else {
        let named_by = named.as_ref().map(|it| it.by.as_str());
        missing.compiler(target, &choice.tried, named_by);
        native(&probe, target.triple(), &mut missing)?;
        emulator(given, target, None, &probe, &mut missing)?;
        missing.std(given);
        return Err(missing.error(given));
    };
    warnings.extend(candidate.warning(target));
    let mut tools = candidate.tool(said.version.clone());
    tools.extend(native(&probe, target.triple(), &mut missing)?);
    let identity = format!("{tools:?}\n{:?}", candidate.set.env);
    let emulator = emulator(given, target, Some(&candidate), &probe, &mut missing)?;
    tools.extend(emulator.as_ref().map(HostRunner::tool));
    missing.std(given);
    if missing.any() {
        return Err(missing.error(given));
    }
    let mut env = candidate.env();
    if emulator.is_none() {
        // Nobody reads it, and whether it is right was not tried.
        env.remove("QEMU_LD_PREFIX");
    }
    if candidate.zig.is_some() {
        env.extend([probe.zig_cache()]);
    }
    Ok(HostToolset {
        env,
        prepared: candidate.prepared(),
        tools,
        emulator,
        warnings,
        identity,
    })
}

/// The error for a target that no tools of a distribution, of Zig's or of Rust's build for.
fn unsupported(target: Target) -> Error {
    let message = format!("no tools that a host could have are known to build for {target}");
    Error::new(ErrorKind::UnsupportedTarget, message).with_help(
        "name another engine, and an image, a Dockerfile or an SDK for the target where it needs one",
    )
}

/// The error for a target whose `std` nobody ships, and that is not asked to be built.
fn unbuilt(target: Target) -> Error {
    let message = format!("Rust ships no standard library for {target}");
    Error::new(ErrorKind::Toolchain, message)
        .with_help("set `build-std = true` for the target, with a nightly toolchain")
}

/// The machine's own compiler, which links build scripts and procedural macros. Where it is the target's,
/// that has been looked for already.
fn native(probe: &Probe<'_>, triple: &str, missing: &mut Missing) -> Result<Option<HostTool>> {
    let host = host_triple();
    if triple == host {
        return Ok(None);
    }
    let Ok(own) = Target::parse(&host) else {
        return Ok(None);
    };
    let sets = own.toolsets(build_architecture()?);
    // rustc calls it by no other name, unless it is told so.
    let sets = sets.into_iter().take(1).collect();
    let choice = search::choose(sets, &Search { probe })?;
    match choice.chosen {
        Some((candidate, said)) => Ok(candidate.tool(said.version).pop().map(|tool| HostTool {
            purpose: "C compiler and linker of build scripts".to_owned(),
            ..tool
        })),
        None => {
            missing.compiler(own, &choice.tried, None);
            Ok(None)
        }
    }
}

/// What starts programs of the target, where the request starts any.
fn emulator(
    given: &ToolSearchContext<'_>,
    target: Target,
    compiler: Option<&Candidate>,
    probe: &Probe<'_>,
    missing: &mut Missing,
) -> Result<Option<HostRunner>> {
    let asked = given.config.runner.as_ref().map(|it| it.value.as_str());
    let by_us = matches!(asked, None | Some("" | "qemu-user"));
    let starts = starts(given.request);
    if !by_us || starts == Starts::Nothing || named::has_runner(given, target)? {
        return Ok(None);
    }
    // Who only looks around may go without.
    let mut unheard = Missing::default();
    let missing = match starts {
        Starts::Programs => missing,
        _ => &mut unheard,
    };
    let build = build_architecture()?;
    let Some(wanted) = target.host_emulator(build) else {
        let runs_itself =
            target.runner(build) == Runner::Native && target.triple() != host_triple();
        if let Some(compiler) = compiler.filter(|_| runs_itself) {
            if let Err(said) = probe.runs(compiler, None)? {
                missing.libraries(target, &said);
            }
        }
        return Ok(None);
    };
    let Some(found) = probe.emulator(&wanted, target.runner(build)) else {
        missing.emulator(target, &wanted, None);
        return Ok(None);
    };
    let tried = match (compiler, target.runner(build)) {
        (Some(compiler), Runner::QemuUser { .. }) if compiler.set.links => {
            probe.runs(compiler, Some(&found))?
        }
        _ => probe.answers(&found)?,
    };
    match tried {
        Ok(answer) => Ok(Some(found.with_version(answer.version))),
        Err(said) => {
            missing.emulator(target, &wanted, Some((&found.path, &said)));
            Ok(None)
        }
    }
}

/// What a request starts of the target's.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starts {
    Nothing,
    /// What the caller chooses later: a shell, tools for other programs.
    Perhaps,
    Programs,
}

fn starts(request: &Request) -> Starts {
    let programs = match request.verb {
        Verb::Test | Verb::Run | Verb::Bench => true,
        Verb::Nextest => request.options.archive.is_none(),
        Verb::Exec if !request.options.on_target => return Starts::Perhaps,
        Verb::Exec => true,
        Verb::Cargo => {
            let line = request.options.line.as_ref();
            let place = line
                .and_then(|asked| asked.line.rule())
                .map(|rule| rule.place);
            matches!(
                place,
                Some(Placement::Environment {
                    runs_programs: true,
                    ..
                })
            )
        }
        _ => false,
    };
    match programs {
        true => Starts::Programs,
        false => Starts::Nothing,
    }
}

/// Whether a target that has no row is one that rustc links with its own linker, without a C library.
pub(crate) fn links_itself(target: &TargetName) -> bool {
    let triple = target.triple();
    let own = triple.contains("-none") || triple == "wasm32-unknown-unknown";
    target.known().is_none() && target.argument() == triple && own
}

/// What there is for such a target: nothing to find but what build scripts need.
fn unknown(
    given: &ToolSearchContext<'_>,
    probe: &Probe<'_>,
    mut missing: Missing,
) -> Result<HostToolset> {
    let triple = given.target.triple();
    let tools: Vec<_> = native(probe, triple, &mut missing)?.into_iter().collect();
    missing.std(given);
    if missing.any() {
        return Err(missing.error(given));
    }
    Ok(HostToolset {
        identity: format!("{tools:?}"),
        tools,
        env: BTreeMap::new(),
        prepared: Vec::new(),
        emulator: None,
        warnings: Vec::new(),
    })
}

/// The target whose `std` rustup may have to install.
pub(crate) fn shipped(target: &TargetName) -> Option<&str> {
    let known = target.known().map(|it| it.triple());
    known.or_else(|| links_itself(target).then(|| target.triple()))
}

/// What rustup has to add before the target's `std` is there.
fn lacking_std(given: &ToolSearchContext<'_>) -> Option<Vec<String>> {
    let needs = toolchain::Needs {
        triple: shipped(given.target),
        build_std: build_std::is_asked(given.config),
        clippy: false,
    };
    let missing = given.toolchain.missing(&needs);
    missing.into_iter().next().map(|it| it.arguments)
}
