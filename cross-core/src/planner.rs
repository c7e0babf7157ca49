//! From a request and facts to a plan. The facts are probed once, then everything is pure.

use std::path::{Path, PathBuf};

use cross_config::{Network as ConfigNetwork, TargetConfig};
use cross_engine::{Cancel, Environments, Host, Needs, Network, Root, RunSpec, Selected};
use cross_targets::{RustSource, Target};

use crate::cross::Cross;
use crate::error::{EngineContext as _, Result};
use crate::inside::{self, Inside};
use crate::plan::{
    Action, EnvironmentRef, HostFailure, OutputKind, PLAN_SCHEMA_VERSION, Plan, Step, Verb, Warning,
};
use crate::recipes::{self, Additions, Named, short_hash};
use crate::request::{Options, Request};
use crate::toolchain::{self, Toolchain, ToolchainSource, Wanted, host_triple};
use crate::workspace::{self, HostCargo, Workspace};

/// Everything a plan depends on besides the request: each probed once.
struct Facts {
    host: Host,
    target: Target,
    cargo: HostCargo,
    workspace: Workspace,
    config: TargetConfig,
    warnings: Vec<Warning>,
    selected: Selected,
    toolchain: Toolchain,
    named: Named,
    environment_exists: bool,
    /// The root as it is now, for showing the commands.
    root: Root,
    inside: Inside,
}

/// Plans `request`.
pub(crate) fn plan(request: &Request, cancel: &Cancel) -> Result<Plan> {
    let facts = probe(request, cancel)?;
    compose(request, facts)
}

/// The read-only probes. At most three processes on a warm build: cargo's metadata, the engine's
/// version, and for a container CLI the image.
fn probe(request: &Request, cancel: &Cancel) -> Result<Facts> {
    let cross = &request.cross;
    let target = Cross::target(&request.target)?;
    let host = cross.host()?;
    let cargo = cross.host_cargo()?;
    let triples = [target.triple(), &host_triple()];
    let workspace = workspace::probe(&cargo, &triples, &host, cancel)?;
    let loaded = cross.load_config(
        &workspace.root,
        workspace.package_manifest.as_deref(),
        request.layer(),
    )?;
    let config = loaded.config.for_target(&request.target);
    let wanted = config
        .toolchain
        .as_ref()
        .map_or("host", |it| it.value.as_str());
    let toolchain = toolchain::find(&Wanted::of(wanted), cross.dir(), &host)?;
    let rust = match toolchain.source {
        ToolchainSource::Image => RustSource::Packaged,
        _ => RustSource::External,
    };
    let additions = Additions {
        suite: config.suite.as_ref().map(|it| it.value.clone()),
        packages: config.packages.iter().map(|it| it.value.clone()).collect(),
    };
    let named = recipes::named(target, rust, &additions)?;
    let engine = config
        .engine
        .as_ref()
        .map_or("auto", |it| it.value.as_str());
    let mut selected = cross.select(engine, Needs::Recipe, &host, cancel)?;
    if let Some(it) = config.engine.as_ref().filter(|it| it.value != "auto") {
        selected.reason = format!("named by {}", it.origin);
    }
    let environments = Environments::new(&selected.engine, &host);
    let name = &named.blueprint.name;
    let environment_exists = environments.exists(name, cancel).engine()?;
    let inside = Inside::new(&inside::Given {
        cross,
        host: &host,
        target,
        workspace: &workspace,
        config: &config,
        toolchain: &toolchain,
        named: &named,
        engine: &selected.engine,
    })?;
    let root = if environment_exists {
        environments.root(name, &inside.mount_targets()).engine()?
    } else {
        environments.unread_root(name)
    };
    Ok(Facts {
        target,
        cargo,
        workspace,
        config,
        warnings: loaded.warnings.iter().map(warning).collect(),
        selected,
        toolchain,
        named,
        environment_exists,
        root,
        inside,
        host,
    })
}

fn warning(diagnostic: &cross_config::Diagnostic) -> Warning {
    Warning {
        code: diagnostic.code.as_str().to_owned(),
        message: diagnostic.to_string(),
    }
}

/// The steps, from facts alone.
fn compose(request: &Request, facts: Facts) -> Result<Plan> {
    let mut steps = Vec::new();
    steps.extend(install_std(&facts));
    if !facts.environment_exists {
        steps.push(make_environment(&facts)?);
    }
    steps.push(Step {
        purpose: "prepare directories and files".to_owned(),
        action: Action::Prepare(facts.inside.prepared.clone()),
        command: None,
    });
    if facts.workspace.needs_fetch {
        steps.push(fetch(&facts, &request.options));
    }
    steps.extend(runs(request, &facts)?);
    let environments = Environments::new(&facts.selected.engine, &facts.host);
    Ok(Plan {
        schema_version: PLAN_SCHEMA_VERSION,
        verb: request.verb,
        target: facts.target.to_string(),
        environment: EnvironmentRef {
            location: environments.location(&facts.named.blueprint.name),
            name: facts.named.blueprint.name.clone(),
            recipe_sha256: facts.named.sha256.clone(),
            suite: facts.named.recipe.suite.clone(),
            exists: facts.environment_exists,
        },
        engine_reason: facts.selected.reason.clone(),
        target_dir: facts.inside.target_dir.clone(),
        publish_dir: facts.workspace.target_directory.clone(),
        workspace_root: facts.workspace.root.clone(),
        engine: facts.selected.engine,
        toolchain: facts.toolchain,
        steps,
        warnings: facts.warnings,
        cross: request.cross.clone(),
    })
}

/// The target's `std` for a toolchain of the host, where it lacks it.
fn install_std(facts: &Facts) -> Option<Step> {
    let ToolchainSource::Host { name, .. } = &facts.toolchain.source else {
        return None;
    };
    let triple = facts.target.triple();
    if facts.toolchain.has_std(triple) {
        return None;
    }
    let command = cross_engine::Invocation::new("rustup").args([
        "target",
        "add",
        "--toolchain",
        name.as_str(),
        triple,
    ]);
    Some(host_step(
        "install the target's std",
        command,
        HostFailure::Toolchain,
    ))
}

fn make_environment(facts: &Facts) -> Result<Step> {
    let blueprint = &facts.named.blueprint;
    let environments = Environments::new(&facts.selected.engine, &facts.host);
    Ok(Step {
        purpose: "make the environment".to_owned(),
        command: Some(environments.making(blueprint).engine()?),
        action: Action::MakeEnvironment(blueprint.clone()),
    })
}

fn fetch(facts: &Facts, options: &Options) -> Step {
    let mut command = facts.cargo.command("fetch");
    for triple in [facts.target.triple(), &host_triple()] {
        command = command.args(["--target", triple]);
    }
    if options.locked {
        command = command.arg("--locked");
    }
    host_step("fetch dependencies", command, HostFailure::Fetch)
}

fn host_step(purpose: &str, command: cross_engine::Invocation, failure: HostFailure) -> Step {
    Step {
        purpose: purpose.to_owned(),
        command: Some(command.clone()),
        action: Action::Host { command, failure },
    }
}

/// The runs of the verb. What compiles has no network; what runs programs has the engine's usual
/// one, unless the configuration says otherwise.
fn runs(request: &Request, facts: &Facts) -> Result<Vec<Step>> {
    let options = &request.options;
    let compile = |verb: &str, extra: &[&str], purpose: &str| {
        let mut command = facts.cargo_in(verb, options);
        command.push("--message-format=json".to_owned());
        command.extend(extra.iter().map(|arg| (*arg).to_owned()));
        facts.run(
            purpose,
            command,
            Network::None,
            OutputKind::CargoMessages,
            false,
        )
    };
    let execute = |verb: &str, purpose: &str, output: OutputKind| {
        let mut command = facts.cargo_in(verb, options);
        if verb == "run" {
            command.push("--quiet".to_owned());
        }
        if !options.trailing.is_empty() {
            command.push("--".to_owned());
            command.extend(options.trailing.iter().cloned());
        }
        facts.run(purpose, command, Network::Default, output, options.stdin)
    };
    let program = match options.capture {
        true => OutputKind::Captured,
        false => OutputKind::Program,
    };
    let publish = Step {
        purpose: "publish the artifacts".to_owned(),
        action: Action::Publish,
        command: None,
    };
    Ok(match request.verb {
        Verb::Build => vec![compile("build", &[], "compile")?, publish],
        Verb::Check => vec![compile("check", &[], "check")?],
        Verb::Test => vec![
            compile("test", &["--no-run"], "compile the tests")?,
            execute("test", "run the tests", OutputKind::Tests)?,
        ],
        Verb::Run => vec![
            compile("build", &[], "compile")?,
            publish,
            execute("run", "run the program", program)?,
        ],
    })
}

impl Facts {
    fn cargo_in(&self, verb: &str, options: &Options) -> Vec<String> {
        let mut command = vec!["cargo".to_owned(), verb.to_owned()];
        if let Some(manifest) = &self.cargo.manifest {
            command.extend(["--manifest-path".to_owned(), manifest.display().to_string()]);
        }
        command.extend(["--target".to_owned(), self.target.triple().to_owned()]);
        if options.locked {
            command.push("--locked".to_owned());
        }
        command.extend(options.cargo.iter().cloned());
        command
    }

    fn run(
        &self,
        purpose: &str,
        command: Vec<String>,
        usual: Network,
        output: OutputKind,
        stdin: bool,
    ) -> Result<Step> {
        let network = self
            .config
            .network
            .as_ref()
            .map_or(usual, |it| match it.value {
                ConfigNetwork::None => Network::None,
                ConfigNetwork::Host => Network::Host,
                _ => Network::Default,
            });
        let mut mounts = self.inside.mounts.clone();
        let mut env = self.inside.env.clone();
        if network != Network::None {
            mounts.extend(self.inside.network_mounts.iter().cloned());
            env.extend(self.inside.network_env.clone());
        }
        let spec = RunSpec::new(self.root.clone(), self.cwd(), command)
            .mounts(mounts)
            .env(env)
            .network(network)
            .name(format!("cross-{}", self.target.triple()))
            .stdin(stdin);
        Ok(Step {
            purpose: purpose.to_owned(),
            command: Some(self.selected.engine.invocation(&spec).engine()?),
            action: Action::Run { spec, output },
        })
    }

    /// The request's directory where the environment sees it, else the workspace's root.
    fn cwd(&self) -> PathBuf {
        let dir: &Path = &self.cargo.dir;
        if dir.starts_with(&self.workspace.root) {
            dir.to_owned()
        } else {
            self.workspace.root.clone()
        }
    }
}

/// The key of a target directory: everything that makes compiled host artifacts incompatible.
pub(crate) fn target_dir_key(environment: &str, toolchain: &Toolchain) -> String {
    short_hash(&format!("{environment}\n{}", toolchain.identity()), 8)
}
