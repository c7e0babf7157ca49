//! The commands that make one call to the library and print its result.

use std::env::consts::ARCH;
use std::fs;
use std::io;
use std::time::SystemTime;

use cross_core::contents::ArchiveRelease;
use cross_core::{
    Cancel, Cross, Request,
    batch::Prefetched,
    plan::Verb,
    targets::{DebianArch, Level, Runner, SupportLevel, Target, TargetEmulator},
};
use serde_json::json;

use crate::cli::{Cargo, Choice, Env, EnvAction, Format, PassedOn, Plan, PlanVerb, Prefetch};
use crate::deb;
use crate::failure::Failure;
use crate::output;
use crate::papers;
use crate::progress::Progress;

/// The name of the package, and of its program.
pub(crate) const PACKAGE: &str = "logsift";

/// Returns the library for the project around the current directory, with the options of the
/// command line.
pub(crate) fn cross(choice: &Choice) -> Result<Cross, Failure> {
    Ok(with(Cross::discover()?, choice))
}

/// Returns `cross` with the options of the command line.
pub(crate) fn with(mut cross: Cross, choice: &Choice) -> Cross {
    if let Some(engine) = &choice.engine {
        cross = cross.engine(engine);
    }
    if let Some(toolchain) = &choice.toolchain {
        cross = cross.toolchain(toolchain);
    }
    cross.offline(choice.offline)
}

/// Returns the `named` targets, or else those of the configuration, without duplicates. An unknown
/// target is an error.
pub(crate) fn targets_of(cross: &Cross, named: &[String]) -> Result<Vec<String>, Failure> {
    let mut targets = named.to_vec();
    if targets.is_empty() {
        let config = cross.config()?;
        targets = config
            .targets()
            .map_or_else(Vec::new, |targets| targets.value.clone());
    }
    if targets.is_empty() {
        let help =
            "list targets as `targets` in `[build]` of Cross.toml, or name one with `--target`";
        return Err(Failure::new("no target is configured or named").with_help(help));
    }
    known(&targets)
}

/// Returns the targets without duplicates. An unknown target is an error.
pub(crate) fn known(targets: &[String]) -> Result<Vec<String>, Failure> {
    let mut known = Vec::new();
    for target in targets {
        Target::parse(target).map_err(|error| {
            let list = match error.suggestions() {
                [] => "; `cargo xtask targets` lists them",
                _ => "",
            };
            Failure::new(error.to_string()).with_help(error.help() + list)
        })?;
        if !known.contains(target) {
            known.push(target.clone());
        }
    }
    Ok(known)
}

/// Returns the date in UTC.
pub(crate) fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// `build`, `test` and `run`. With a port for gdb, the started programs wait for the debugger.
pub(crate) fn cargo(
    verb: Verb,
    args: &Cargo,
    gdb: Option<u16>,
    cancel: &Cancel,
) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let progress = Progress::new(&cross, args.message_format);
    let cross = progress.watch(&cross);
    let mut request = request(&cross, verb, &args.target, &args.passed_on);
    if let Some(port) = gdb {
        request = request.gdb(port);
    }
    let done = request.run_until(cancel);
    progress.close();
    if verb == Verb::Build && args.message_format == Format::Human {
        for program in done
            .as_ref()
            .iter()
            .flat_map(|outcome| outcome.executables())
        {
            output::answer(program.path.display());
        }
    }
    Ok(done.map(drop)?)
}

fn request(cross: &Cross, verb: Verb, target: &str, passed_on: &PassedOn) -> Request {
    let (cargo, args) = passed_on.split();
    let request = match verb {
        Verb::Test => cross.test(target),
        Verb::Run => cross.run(target).stdin(true),
        _ => cross.build(target),
    };
    request.package(PACKAGE).cargo_args(cargo).args(args)
}

/// `prefetch`: makes, pulls and fetches what `dist` needs from the network.
pub(crate) fn prefetch(args: &Prefetch, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let targets = targets_of(&cross, &args.target)?;
    if args.deb {
        deb::require(&cross, &targets, cancel)?;
    }
    let progress = Progress::new(&cross, Format::Human)
        .keep_output()
        .without_table();
    let watched = progress.watch(&cross);
    let mut requests: Vec<_> = targets.iter().map(|it| watched.build(it)).collect();
    if args.deb {
        for target in deb::packaged(&targets) {
            requests.push(deb::with_tools(&watched, target)?.build(target));
        }
    }
    let done = watched
        .batch(requests)
        .each(|request| request.package(PACKAGE).locked(true))
        .prefetch_until(cancel);
    progress.close();
    let done = done?;
    if !args.choice.offline {
        papers::prefetch(&cross.project()?.root, &targets)?;
    }
    if args.json {
        return answer_json(&done);
    }
    let row = |(n, target): (usize, &Prefetched)| {
        let purposes: Vec<_> = target
            .obtained
            .iter()
            .map(|obtained| obtained.purpose.as_str())
            .collect();
        let seconds = target
            .obtained
            .iter()
            .fold(0.0, |all, obtained| all + obtained.seconds);
        let obtained = match target.was_there() {
            true => "nothing to do".to_owned(),
            false => purposes.join(", "),
        };
        // Behind the targets are the environments that package them.
        let name = match n < targets.len() {
            true => target.target.clone(),
            false => format!("{} --deb", target.target),
        };
        [name, obtained, format!("{seconds:.0}")]
    };
    let rows: Vec<_> = done.targets.iter().enumerate().map(row).collect();
    output::answer(output::table(["target", "obtained", "seconds"], &rows));
    Ok(())
}

/// `plan`: prints the steps of a request, as a shell transcript or as JSON.
pub(crate) fn plan(args: &Plan, cancel: &Cancel) -> Result<(), Failure> {
    let verb = match args.verb {
        PlanVerb::Build => Verb::Build,
        PlanVerb::Test => Verb::Test,
        PlanVerb::Run => Verb::Run,
    };
    let cross = cross(&args.choice)?;
    let plan = request(&cross, verb, &args.target, &args.passed_on).plan_until(cancel)?;
    match args.json {
        true => answer_json(&plan),
        false => {
            output::answer(plan);
            Ok(())
        }
    }
}

/// `config`: prints every effective value and its origin.
pub(crate) fn config(json: bool, schema: bool) -> Result<(), Failure> {
    if schema {
        output::answer(cross_core::config::json_schema().trim_end());
        return Ok(());
    }
    let rows = Cross::discover()?.config()?.explain();
    if json {
        return answer_json(&rows);
    }
    let rows = rows
        .into_iter()
        .map(|row| [row.key, row.value, row.origin.to_string()]);
    let head = ["key", "value", "origin"];
    output::answer(output::table(head, &rows.collect::<Vec<_>>()));
    Ok(())
}

/// `doctor`: prints what works on this machine, and fails if no engine does.
pub(crate) fn doctor(json: bool) -> Result<(), Failure> {
    let report = Cross::discover()?.doctor()?;
    if json {
        answer_json(&report)?;
    } else {
        report.findings.iter().for_each(output::answer);
    }
    match report.is_ready() {
        true => Ok(()),
        false => {
            Err(Failure::new("this machine cannot build yet").with_help("run `cargo xtask setup`"))
        }
    }
}

/// `targets`: lists every target that the library knows, or explains the `named` ones.
pub(crate) fn targets(named: &[String], json: bool) -> Result<(), Failure> {
    match (named, json) {
        ([], true) => answer_json(&Target::all().map(in_json).collect::<Vec<_>>()),
        ([], false) => {
            let rows: Vec<_> = Target::all().map(row_of).collect();
            let head = ["target", "support", "level", "libc", "runner"];
            output::answer(output::table(head, &rows));
            Ok(())
        }
        _ => explain(named, json),
    }
}

fn explain(named: &[String], json: bool) -> Result<(), Failure> {
    let cross = Cross::discover()?;
    let named = known(named)?;
    let texts: Result<Vec<_>, _> = named.iter().map(|target| cross.explain(target)).collect();
    let texts = texts?;
    if !json {
        output::answer(texts.join("\n\n"));
        return Ok(());
    }
    let targets = named.iter().filter_map(|name| Target::parse(name).ok());
    let explained = targets.zip(texts).map(|(target, text)| {
        let mut row = in_json(target);
        row["explanation"] = text.into();
        row
    });
    answer_json(&explained.collect::<Vec<_>>())
}

/// What the JSON has of a target.
fn in_json(target: Target) -> serde_json::Value {
    let facts = target.facts();
    let sdk = facts.sdk.map(|sdk| {
        json!({
            "what": sdk.describe(),
            "variables": sdk.variables(),
            "level": level_with_sdk(target).map(Level::as_str),
        })
    });
    json!({
        "target": target.to_string(),
        "support": support(target),
        "level": facts.level().as_str(),
        "sdk": sdk,
        "missing": facts.lacks(),
        "libc": facts.libc.as_str(),
        "runner": runner(target),
        "tests": facts.tests.as_str(),
    })
}

/// The row of a target in the table for people.
fn row_of(target: Target) -> [String; 5] {
    let facts = target.facts();
    let level = match (facts.level(), level_with_sdk(target)) {
        (level, None) => level.as_str().to_owned(),
        (Level::Sdk, Some(more)) => format!("{} with sdk", more.as_str()),
        (level, Some(more)) => format!("{}; {} with sdk", level.as_str(), more.as_str()),
    };
    [
        target.to_string(),
        support(target).to_owned(),
        level,
        facts.libc.as_str().to_owned(),
        runner(target).unwrap_or("-").to_owned(),
    ]
}

fn support(target: Target) -> &'static str {
    match (target.facts().support, target.published_image()) {
        (SupportLevel::Recipe | SupportLevel::Libraries { .. }, _) => "recipe",
        (_, Some(_)) => "published image",
        (_, None) => "not yet",
    }
}

fn level_with_sdk(target: Target) -> Option<Level> {
    target.level_with_sdk(DebianArch::from_rust_arch(ARCH)?)
}

/// What starts programs of the target on this machine. `None` if nothing does.
fn runner(target: Target) -> Option<&'static str> {
    let emulator = target.facts().emulator.map(TargetEmulator::program);
    match DebianArch::from_rust_arch(ARCH).map(|build| target.runner(build)) {
        Some(Runner::Native) => Some("native"),
        Some(Runner::None) => None,
        _ => emulator,
    }
}

/// `env`: lists, makes, sweeps or removes environments, or shows the stock.
pub(crate) fn env(args: &Env, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let engine = args.choice.engine.as_deref().unwrap_or("auto");
    match &args.action {
        None | Some(EnvAction::List) => list_environments(&cross, engine),
        Some(EnvAction::Make { target }) => make_environments(&cross, target, cancel),
        Some(EnvAction::Show { target, json }) => show_environment(&cross, target, *json),
        Some(EnvAction::Volumes { remove }) => volumes(&cross, engine, remove),
        Some(EnvAction::Sweep) => sweep(&cross, engine),
        Some(EnvAction::Stock { remove }) => stock(&cross, *remove),
        Some(EnvAction::Rm { names }) => remove_environments(&cross, engine, names),
    }
}

fn list_environments(cross: &Cross, engine: &str) -> Result<(), Failure> {
    let environments = cross.environments(engine)?;
    for environment in &environments {
        if let Some(damage) = &environment.damage {
            let (name, engine) = (&environment.name, environment.engine);
            output::warning(format!(
                "the environment `{name}` is damaged: {damage}; `cargo xtask env rm {name} --engine \
                 {engine}` removes it, and the next build makes it again"
            ));
        }
    }
    let rows: Vec<_> = environments
        .into_iter()
        .map(|environment| {
            let engine = environment.engine.to_string();
            let contents = environment.contents.map(|contents| contents.sha256());
            let contents = contents.map_or("-".to_owned(), |sha256| sha256[..12].to_owned());
            let size = match environment.damage {
                Some(_) => "damaged".to_owned(),
                None => environment.size,
            };
            [environment.name, engine, size, contents]
        })
        .collect();
    output::answer(output::table(["name", "engine", "size", "contents"], &rows));
    Ok(())
}

fn make_environments(cross: &Cross, named: &[String], cancel: &Cancel) -> Result<(), Failure> {
    let progress = Progress::new(cross, Format::Human).keep_output();
    let watched = progress.watch(cross);
    for target in targets_of(cross, named)? {
        let plan = watched.build(&target).plan_until(cancel)?;
        let plan = plan.only_environment();
        let name = plan.environment.name.clone();
        let done = plan.execute(cancel);
        progress.close();
        done?;
        output::answer(name);
    }
    Ok(())
}

fn show_environment(cross: &Cross, target: &str, json: bool) -> Result<(), Failure> {
    let contents = cross.contents(target)?;
    if json {
        return answer_json(&contents);
    }
    output::answer(format!("contents: sha256:{}", contents.sha256()));
    if let Some(image) = &contents.image {
        let name = image.digest.as_ref().unwrap_or(&image.id);
        output::answer(format!("image: {name} ({})", image.platform));
    }
    for release in &contents.releases {
        let ArchiveRelease {
            origin,
            codename,
            version,
            date,
            sha256,
            ..
        } = release;
        output::answer(format!(
            "release: {origin} {codename} {version} of {date}, sha256:{sha256}"
        ));
    }
    for file in &contents.downloads {
        output::answer(format!(
            "download: {} {}, sha256:{}",
            file.name, file.version, file.sha256
        ));
    }
    if let Some(script) = &contents.pre_build {
        output::answer("pre-build: commands of yours, which may have added more:");
        for line in script.lines() {
            output::answer(format!("  {line}"));
        }
    }
    let rows = contents.packages.into_iter().map(|package| {
        let sha256 = package.sha256.unwrap_or_else(|| "-".to_owned());
        let state = if package.removed { "removed" } else { "" };
        [
            package.name,
            package.architecture,
            package.version,
            package.source,
            sha256,
            state.to_owned(),
        ]
    });
    let head = ["package", "architecture", "version", "source", "sha256", ""];
    output::answer(output::table(head, &rows.collect::<Vec<_>>()));
    Ok(())
}

fn sweep(cross: &Cross, engine: &str) -> Result<(), Failure> {
    let swept = cross.sweep(engine)?;
    swept.containers.iter().for_each(output::answer);
    swept.volumes.iter().for_each(output::answer);
    for directory in &swept.directories {
        output::answer(directory.display());
    }
    Ok(())
}

fn volumes(cross: &Cross, engine: &str, remove: &[String]) -> Result<(), Failure> {
    for name in remove {
        if !cross.remove_volume(engine, name)? {
            let failure = Failure::new(format!("there is no volume `{name}`"));
            return Err(failure.with_help("`cargo xtask env volumes` lists the names"));
        }
    }
    let volumes = cross.volumes(engine)?.into_iter();
    let rows: Vec<_> = volumes
        .map(|volume| {
            let root = volume.root.display().to_string();
            [volume.name, volume.kind.to_string(), root]
        })
        .collect();
    output::answer(output::table(["name", "kind", "for"], &rows));
    Ok(())
}

fn stock(cross: &Cross, remove: bool) -> Result<(), Failure> {
    let stock = match remove {
        true => cross.remove_stock()?,
        false => cross.stock()?,
    };
    let packages = ("packages".to_owned(), stock.packages);
    let rows: Vec<_> = stock
        .bases
        .into_iter()
        .chain([packages])
        .map(|(name, bytes)| [name, format!("{}MB", bytes / 1_000_000)])
        .collect();
    output::answer(output::table(["name", "size"], &rows));
    Ok(())
}

fn remove_environments(cross: &Cross, engine: &str, names: &[String]) -> Result<(), Failure> {
    for name in names {
        if !cross.remove_environment(engine, name)? {
            let failure = Failure::new(format!("there is no environment `{name}`"));
            return Err(failure.with_help("`cargo xtask env list` lists the names"));
        }
    }
    Ok(())
}

/// `clean`: removes what `dist` and the library keep in the target directory. `env rm` removes
/// environments.
pub(crate) fn clean() -> Result<(), Failure> {
    let target = Cross::discover()?.project()?.target_directory;
    for dir in ["dist", "cross"].map(|name| target.join(name)) {
        match fs::remove_dir_all(&dir) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Failure::io("remove", &dir, &error));
            }
            _ => {}
        }
    }
    Ok(())
}

pub(crate) fn answer_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value);
    output::answer(
        text.map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))?,
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(target: &str) -> String {
        let [_, _, level, _, _] = row_of(Target::parse(target).unwrap());
        level
    }

    #[test]
    fn a_level_says_what_the_sdk_adds() {
        assert_eq!(level("x86_64-unknown-linux-gnu"), "tests");
        assert_eq!(level("aarch64-apple-darwin"), "builds");
        assert_eq!(level("aarch64-apple-ios"), "libraries; builds with sdk");
        assert_eq!(level("aarch64-linux-android"), "builds with sdk");
        let ios = in_json(Target::parse("aarch64-apple-ios").unwrap());
        assert_eq!(ios["sdk"]["level"], "builds");
        assert_eq!(ios["sdk"]["variables"], json!(["SDKROOT"]));
        assert_eq!(ios["level"], "libraries");
    }

    #[cfg(target_arch = "x86_64")]
    #[test]
    fn the_runner_is_that_of_this_machine() {
        for (target, expected) in [
            ("x86_64-unknown-linux-gnu", Some("native")),
            ("i586-unknown-linux-musl", Some("native")),
            ("aarch64-unknown-linux-gnu", Some("qemu-aarch64-static")),
            ("x86_64-pc-windows-gnu", Some("/usr/lib/wine/wine64")),
            ("aarch64-apple-darwin", None),
        ] {
            assert_eq!(runner(Target::parse(target).unwrap()), expected, "{target}");
        }
        assert_eq!(level("x86_64-pc-windows-msvc"), "libraries; tests with sdk");
    }
}
