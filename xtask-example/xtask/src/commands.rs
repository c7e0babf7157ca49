//! The commands that make one call to the library and print its result.

use std::fs;
use std::io;
use std::time::SystemTime;

use cross_core::{
    Cancel, Cross, Request,
    batch::Prefetched,
    plan::Verb,
    targets::{SupportLevel, Target},
};
use serde_json::json;

use crate::cli::{Cargo, Choice, Env, EnvAction, Format, PassedOn, Plan, PlanVerb, Prefetch};
use crate::failure::Failure;
use crate::ui::{self, Output, Ui};

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
        Target::parse(target)
            .map_err(|error| Failure::new(error.to_string()).with_help(error.help()))?;
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
    let ui = Ui::new(args.message_format, Output::Shown);
    let cross = ui.watch(&cross(&args.choice)?);
    let mut request = request(&cross, verb, &args.target, &args.passed_on);
    if let Some(port) = gdb {
        request = request.gdb(port);
    }
    let done = request.run_until(cancel);
    ui.close();
    if verb == Verb::Build && args.message_format == Format::Human {
        for program in done
            .as_ref()
            .iter()
            .flat_map(|outcome| outcome.executables())
        {
            ui::answer(program.path.display());
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
    let ui = Ui::new(Format::Human, Output::Kept);
    let done = ui
        .watch(&cross)
        .build_many(&targets)
        .each(|request| request.package(PACKAGE).locked(true))
        .prefetch_until(cancel);
    ui.close();
    let done = done?;
    if args.json {
        return answer_json(&done);
    }
    let row = |target: &Prefetched| {
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
        [target.target.clone(), obtained, format!("{seconds:.0}")]
    };
    let rows: Vec<_> = done.targets.iter().map(row).collect();
    ui::answer(ui::table(["target", "obtained", "seconds"], &rows));
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
            ui::answer(plan);
            Ok(())
        }
    }
}

/// `config`: prints every effective value and its origin.
pub(crate) fn config(json: bool, schema: bool) -> Result<(), Failure> {
    if schema {
        ui::answer(cross_core::config::json_schema().trim_end());
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
    ui::answer(ui::table(head, &rows.collect::<Vec<_>>()));
    Ok(())
}

/// `doctor`: prints what works on this machine, and fails if no engine does.
pub(crate) fn doctor(json: bool) -> Result<(), Failure> {
    let report = Cross::discover()?.doctor()?;
    if json {
        answer_json(&report)?;
    } else {
        report.findings.iter().for_each(ui::answer);
    }
    match report.is_ready() {
        true => Ok(()),
        false => {
            Err(Failure::new("this machine cannot build yet").with_help("run `cargo xtask setup`"))
        }
    }
}

/// `targets`: lists every target that the library knows.
pub(crate) fn targets(json: bool) -> Result<(), Failure> {
    let rows = Target::all().map(|target| {
        let facts = target.facts();
        let missing = match facts.support {
            SupportLevel::NotYet { why, .. } => Some(why),
            _ => None,
        };
        let support = match (missing, target.published_image()) {
            (None, _) => "recipe",
            (Some(_), Some(_)) => "published image",
            (Some(_), None) => "not yet",
        };
        (target, support, missing, facts)
    });
    if json {
        let rows = rows.map(|(target, support, missing, facts)| {
            json!({
                "target": target.to_string(),
                "support": support,
                "missing": missing,
                "libc": facts.libc.as_str(),
                "runner": facts.emulator.map(|emulator| emulator.program()),
                "tests": facts.tests.as_str(),
            })
        });
        return answer_json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|(target, support, _, facts)| {
        let runner = facts.emulator.map_or("-", |emulator| emulator.program());
        let [libc, tests] = [facts.libc.as_str(), facts.tests.as_str()];
        [&target.to_string(), support, libc, runner, tests].map(str::to_owned)
    });
    let head = ["target", "support", "libc", "runner", "tests"];
    ui::answer(ui::table(head, &rows.collect::<Vec<_>>()));
    Ok(())
}

/// `env`: lists, makes, sweeps or removes environments, or shows the stock.
pub(crate) fn env(args: &Env, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let engine = args.choice.engine.as_deref().unwrap_or("auto");
    match &args.action {
        None | Some(EnvAction::List) => list_environments(&cross, engine),
        Some(EnvAction::Make { target }) => make_environments(&cross, target, cancel),
        Some(EnvAction::Sweep) => sweep(&cross, engine),
        Some(EnvAction::Stock { remove }) => stock(&cross, *remove),
        Some(EnvAction::Rm { names }) => remove_environments(&cross, engine, names),
    }
}

fn list_environments(cross: &Cross, engine: &str) -> Result<(), Failure> {
    let environments = cross.environments(engine)?.into_iter();
    let rows: Vec<_> = environments
        .map(|environment| {
            let engine = environment.engine.to_string();
            [environment.name, engine, environment.size]
        })
        .collect();
    ui::answer(ui::table(["name", "engine", "size"], &rows));
    Ok(())
}

fn make_environments(cross: &Cross, named: &[String], cancel: &Cancel) -> Result<(), Failure> {
    let ui = Ui::new(Format::Human, Output::Kept);
    let watched = ui.watch(cross);
    for target in targets_of(cross, named)? {
        let plan = watched.build(&target).plan_until(cancel)?;
        let plan = plan.only_environment();
        let name = plan.environment.name.clone();
        let done = plan.execute(cancel);
        ui.close();
        done?;
        ui::answer(name);
    }
    Ok(())
}

fn sweep(cross: &Cross, engine: &str) -> Result<(), Failure> {
    let swept = cross.sweep(engine)?;
    swept.containers.iter().for_each(ui::answer);
    for directory in &swept.directories {
        ui::answer(directory.display());
    }
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
    ui::answer(ui::table(["name", "size"], &rows));
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

fn answer_json(value: &impl serde::Serialize) -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(value);
    ui::answer(text.map_err(|error| Failure::new(format!("cannot be written as JSON: {error}")))?);
    Ok(())
}
