//! The commands that hand one question to the library and show what it answers.

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

/// The package, and the program, that all of this is for.
pub(crate) const PACKAGE: &str = "logsift";

/// The library for the project around the current directory, with what the command line overrides.
pub(crate) fn cross(choice: &Choice) -> Result<Cross, Failure> {
    Ok(with(Cross::discover()?, choice))
}

/// `cross` with what the command line overrides.
pub(crate) fn with(mut cross: Cross, choice: &Choice) -> Cross {
    if let Some(engine) = &choice.engine {
        cross = cross.engine(engine);
    }
    if let Some(toolchain) = &choice.toolchain {
        cross = cross.toolchain(toolchain);
    }
    cross.offline(choice.offline)
}

/// The targets that were `named`, else those of the configuration; none twice, all of them known.
pub(crate) fn targets_of(cross: &Cross, named: &[String]) -> Result<Vec<String>, Failure> {
    let mut targets = named.to_vec();
    if targets.is_empty() {
        let config = cross.config()?;
        targets = config
            .targets()
            .map_or_else(Vec::new, |it| it.value.clone());
    }
    if targets.is_empty() {
        let help = "list them as `targets` in `[build]` of Cross.toml, or name one with `--target`";
        return Err(Failure::new("there is no target to work for").with_help(help));
    }
    known(&targets)
}

/// These targets, none twice; an error if one of them is not known.
pub(crate) fn known(targets: &[String]) -> Result<Vec<String>, Failure> {
    let mut known = Vec::new();
    for target in targets {
        Target::parse(target).map_err(|it| Failure::new(it.to_string()).with_help(it.help()))?;
        if !known.contains(target) {
            known.push(target.clone());
        }
    }
    Ok(known)
}

/// The date, in UTC.
pub(crate) fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// `build`, `test` and `run`; what is run waits for gdb on a port that is named.
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
        for program in done.as_ref().iter().flat_map(|it| it.executables()) {
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

/// `prefetch`: what `dist` needs from elsewhere is made, pulled and fetched.
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
    let row = |it: &Prefetched| {
        let purposes: Vec<_> = it.obtained.iter().map(|it| it.purpose.as_str()).collect();
        let seconds = it.obtained.iter().fold(0.0, |all, it| all + it.seconds);
        let obtained = match it.was_there() {
            true => "all was there".to_owned(),
            false => purposes.join(", "),
        };
        [it.target.clone(), obtained, format!("{seconds:.0}")]
    };
    let rows: Vec<_> = done.targets.iter().map(row).collect();
    ui::answer(ui::table(["target", "obtained", "seconds"], &rows));
    Ok(())
}

/// `plan`: what would be done, as a shell transcript or as JSON.
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

/// `config`: every value that holds, and where it was said.
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
    let head = ["key", "value", "said by"];
    ui::answer(ui::table(head, &rows.collect::<Vec<_>>()));
    Ok(())
}

/// `doctor`: fails if nothing could be built here.
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

/// `targets`: every target the library knows.
pub(crate) fn targets(json: bool) -> Result<(), Failure> {
    let rows = Target::all().map(|target| {
        let facts = target.facts();
        let missing = match facts.support {
            SupportLevel::NotYet { why } => Some(why),
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
                "runner": facts.emulator.map(|it| it.program()),
                "tests": facts.tests.as_str(),
            })
        });
        return answer_json(&rows.collect::<Vec<_>>());
    }
    let rows = rows.map(|(target, support, _, facts)| {
        let runner = facts.emulator.map_or("-", |it| it.program());
        let [libc, tests] = [facts.libc.as_str(), facts.tests.as_str()];
        [&target.to_string(), support, libc, runner, tests].map(str::to_owned)
    });
    let head = ["target", "support", "libc", "runner", "tests"];
    ui::answer(ui::table(head, &rows.collect::<Vec<_>>()));
    Ok(())
}

/// `env`: the environments that are there, made, or removed.
pub(crate) fn env(args: &Env, cancel: &Cancel) -> Result<(), Failure> {
    let cross = cross(&args.choice)?;
    let engine = args.choice.engine.as_deref().unwrap_or("auto");
    match &args.action {
        None | Some(EnvAction::List) => {
            let rows = cross.environments(engine)?.into_iter();
            let rows = rows.map(|it| [it.name, it.engine.to_string(), it.size]);
            ui::answer(ui::table(
                ["name", "engine", "size"],
                &rows.collect::<Vec<_>>(),
            ));
        }
        Some(EnvAction::Make { target }) => {
            let ui = Ui::new(Format::Human, Output::Kept);
            let watched = ui.watch(&cross);
            for target in targets_of(&cross, target)? {
                let plan = watched
                    .build(&target)
                    .plan_until(cancel)?
                    .only_environment();
                let name = plan.environment.name.clone();
                let done = plan.execute(cancel);
                ui.close();
                done?;
                ui::answer(name);
            }
        }
        Some(EnvAction::Sweep) => {
            let swept = cross.sweep(engine)?;
            swept.containers.iter().for_each(ui::answer);
            let directories = swept.directories.iter();
            directories.for_each(|it| ui::answer(it.display()));
        }
        Some(EnvAction::Stock { remove }) => {
            let stock = match remove {
                true => cross.remove_stock()?,
                false => cross.stock()?,
            };
            let bases = stock.bases.into_iter();
            let rows = bases.chain([("packages".to_owned(), stock.packages)]);
            let rows = rows.map(|(name, bytes)| [name, format!("{}MB", bytes / 1_000_000)]);
            ui::answer(ui::table(["name", "size"], &rows.collect::<Vec<_>>()));
        }
        Some(EnvAction::Rm { names }) => {
            for name in names {
                if !cross.remove_environment(engine, name)? {
                    let help = "`cargo xtask env list` has the names";
                    return Err(
                        Failure::new(format!("there is no environment `{name}`")).with_help(help)
                    );
                }
            }
        }
    }
    Ok(())
}

/// `clean`: what `dist` and the library keep in the target directory. Environments stay: see `env`.
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
