//! Finds and tries the tools of a request.

use std::collections::BTreeMap;

use cross_engine::Cancel;
use cross_targets::{Runner, StdAvailability, Target};

use super::context::ToolSearchContext;
use super::missing::Missing;
use super::probe::Probe;
use super::search::{self, Candidate, Trial};
use super::{named, needs_no_c_toolchain};
use crate::cargo::build_std;
use crate::cargo::cli::command::Placement;
use crate::facts::environment_name::build_architecture;
use crate::facts::host_toolset::{HostRunner, HostToolset};
use crate::host::toolchain::host_triple;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::host_tool::HostTool;
use crate::model::step::Verb;
use crate::request::request::Request;

/// Finds and tries the tools that the request needs. One error lists everything that is missing.
///
/// # Errors
///
/// [`ErrorKind::ToolMissing`](crate::ErrorKind::ToolMissing) with every missing or broken tool.
pub(crate) fn find_toolset(
    context: &ToolSearchContext<'_>,
    cancel: &Cancel,
) -> Result<HostToolset> {
    let probe = Probe::new(context.host, context.toolchain, cancel);
    let mut missing = Missing::default();
    if needs_no_c_toolchain(context.target) {
        return toolset_without_c(context, &probe, missing);
    }
    let target = context.target.of_recipe(context.config)?;
    let build = build_architecture()?;
    let mut sets = target.toolsets(build);
    let named = named::linker(context, target)?;
    if let Some(named) = &named {
        sets = named.toolset(target, sets).into_iter().collect();
    }
    if sets.is_empty() {
        return Err(unsupported(target));
    }
    if target.facts().std == StdAvailability::BuildStd && !build_std::is_requested(context.config) {
        return Err(no_std(target));
    }
    let choice = search::choose(sets, &probe)?;
    let mut warnings = choice.warnings(target);
    let Some((candidate, version)) = choice.chosen else {
        let named_by = named.as_ref().map(|named| named.by.as_str());
        missing.compiler(target, &choice.rejected, named_by);
        native_compiler(&probe, target.triple(), &mut missing)?;
        emulator(context, target, None, &probe, &mut missing)?;
        missing.std(context);
        return Err(missing.error(context));
    };
    warnings.extend(candidate.warning(target));
    let mut tools = candidate.tool(version.version);
    tools.extend(native_compiler(&probe, target.triple(), &mut missing)?);
    let identity = format!("{tools:?}\n{:?}", candidate.set.env);
    let emulator = emulator(context, target, Some(&candidate), &probe, &mut missing)?;
    tools.extend(emulator.as_ref().map(HostRunner::tool));
    missing.std(context);
    if missing.any() {
        return Err(missing.error(context));
    }
    let mut env = candidate.env();
    if emulator.is_none() {
        // Nothing reads the variable, and the directory was not tried.
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

/// The error for a target that has no toolset.
fn unsupported(target: Target) -> Error {
    let message = format!("no tools of a host are known to build for {target}");
    Error::new(ErrorKind::UnsupportedTarget, message).with_help(
        "name another engine, and an image, a Dockerfile or an SDK for the target where it needs one",
    )
}

/// The error for a target whose `std` is neither distributed nor built from source.
fn no_std(target: Target) -> Error {
    let message = format!("Rust ships no standard library for {target}");
    Error::new(ErrorKind::Toolchain, message)
        .with_help("set `build-std = true` for the target, with a nightly toolchain")
}

/// Finds the machine's own compiler, which links build scripts and procedural macros. If the target
/// is the machine's own, its compiler has been found already.
fn native_compiler(
    probe: &Probe<'_>,
    triple: &str,
    missing: &mut Missing,
) -> Result<Option<HostTool>> {
    let host = host_triple();
    if triple == host {
        return Ok(None);
    }
    let Ok(own) = Target::parse(&host) else {
        return Ok(None);
    };
    let sets = own.toolsets(build_architecture()?);
    // By default, rustc calls the linker by this name only.
    let sets = sets.into_iter().take(1).collect();
    let choice = search::choose(sets, probe)?;
    match choice.chosen {
        Some((candidate, version)) => {
            let tool = candidate.tool(version.version).pop();
            Ok(tool.map(|tool| HostTool {
                purpose: "C compiler and linker of build scripts".to_owned(),
                ..tool
            }))
        }
        None => {
            missing.compiler(own, &choice.rejected, None);
            Ok(None)
        }
    }
}

/// Finds the emulator of the target's programs, if the request starts any.
fn emulator(
    context: &ToolSearchContext<'_>,
    target: Target,
    compiler: Option<&Candidate>,
    probe: &Probe<'_>,
    missing: &mut Missing,
) -> Result<Option<HostRunner>> {
    let runner = context.config.runner.as_ref();
    let runner = runner.map(|key| key.value.as_str());
    let is_default = matches!(runner, None | Some("" | "qemu-user"));
    let starts = starts(context.request);
    if !is_default || starts == Starts::Nothing || named::has_runner(context, target)? {
        return Ok(None);
    }
    // A request that may not start any program does not fail without an emulator.
    let mut ignored = Missing::default();
    let missing = match starts {
        Starts::Programs => missing,
        _ => &mut ignored,
    };
    let build = build_architecture()?;
    let Some(emulator) = target.host_emulator(build) else {
        let is_native = target.runner(build) == Runner::Native && target.triple() != host_triple();
        if let Some(compiler) = compiler.filter(|_| is_native) {
            if let Trial::Failed(message) = probe.try_program(compiler, None)? {
                missing.libraries(target, &message);
            }
        }
        return Ok(None);
    };
    let Some(found) = probe.emulator(&emulator, target.runner(build)) else {
        missing.emulator(target, &emulator, None);
        return Ok(None);
    };
    let trial = match (compiler, target.runner(build)) {
        (Some(compiler), Runner::QemuUser { .. }) if compiler.set.links => {
            probe.try_program(compiler, Some(&found))?
        }
        _ => probe.try_version(&found)?,
    };
    match trial {
        Trial::Passed(version) => Ok(Some(found.with_version(version.version))),
        Trial::Failed(message) => {
            missing.emulator(target, &emulator, Some((&found.path, &message)));
            Ok(None)
        }
    }
}

/// Whether a request starts programs of the target.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Starts {
    Nothing,
    /// The caller decides later: a shell, or tools for other programs.
    Maybe,
    Programs,
}

fn starts(request: &Request) -> Starts {
    let programs = match request.verb {
        Verb::Test | Verb::Run | Verb::Bench => true,
        Verb::Nextest => request.options.archive.is_none(),
        Verb::Exec if !request.options.on_target => return Starts::Maybe,
        Verb::Exec => true,
        Verb::Cargo => {
            let line = request.options.command_line.as_ref();
            let place = line
                .and_then(|command| command.line.rule())
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

/// Finds the toolset of a target that needs no C toolchain: only the compiler of build scripts.
fn toolset_without_c(
    context: &ToolSearchContext<'_>,
    probe: &Probe<'_>,
    mut missing: Missing,
) -> Result<HostToolset> {
    let triple = context.target.triple();
    let compiler = native_compiler(probe, triple, &mut missing)?;
    let tools: Vec<_> = compiler.into_iter().collect();
    missing.std(context);
    if missing.any() {
        return Err(missing.error(context));
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
