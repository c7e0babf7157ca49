//! Makes the name and blueprint of an environment from a target's recipe.

use cross_engine::{Blueprint, Download};
use cross_targets::{DebianArch, Recipe, Runner, RustSource, Target};
use hmac_sha256::Hash;

use crate::model::error::{Error, ErrorKind, Result};
use crate::model::hash::{hex, short_hash};

/// A recipe, with the name and blueprint of its environment.
#[derive(Clone, Debug)]
pub(crate) struct NamedRecipe {
    pub(crate) recipe: Recipe,
    pub(crate) blueprint: Blueprint,
    pub(crate) sha256: String,
    /// The runner of the target's programs in the environment.
    pub(crate) runner: Runner,
}

/// The user's additions to a target's recipe.
#[derive(Clone, Debug, Default)]
pub(crate) struct Additions {
    pub(crate) suite: Option<String>,
    pub(crate) packages: Vec<String>,
    /// A script that runs as root in the finished root file system.
    pub(crate) pre_build: Option<String>,
    /// Whether commands of the user's run as root in the environment, in `pre-build` or in a
    /// Dockerfile that is based on it.
    pub(crate) command_tools: bool,
    /// Whether the user's SDK completes the recipe.
    pub(crate) sdk: bool,
    /// What runs the target's programs instead of the default runner.
    pub(crate) runner: Option<Runner>,
}

/// The architecture of this machine, and of the native programs in environments that it runs.
pub(crate) fn build_architecture() -> Result<DebianArch> {
    let machine = std::env::consts::ARCH;
    DebianArch::from_rust_arch(machine).ok_or_else(|| {
        Error::new(
            ErrorKind::UnsupportedTarget,
            format!("there are no recipes for machines of the architecture {machine}"),
        )
    })
}

/// The recipe for `target` with the user's additions, named by its hash. `build` is the
/// architecture of the native programs in its environment.
pub(crate) fn named(
    target: Target,
    rust: RustSource,
    additions: &Additions,
    build: DebianArch,
) -> Result<NamedRecipe> {
    let recipe = match (additions.sdk, additions.runner) {
        (true, _) => target.recipe_with_sdk(build, rust),
        (false, Some(runner)) => target.recipe_with_runner(build, rust, runner),
        (false, None) => target.recipe(build, rust),
    };
    let mut recipe = recipe.map_err(|unsupported| {
        Error::new(ErrorKind::UnsupportedTarget, unsupported.to_string())
            .with_help(unsupported.help())
    })?;
    if additions.command_tools {
        recipe = recipe.with_command_tools();
    }
    recipe = recipe.extend_target_packages(additions.packages.iter().cloned());
    if let Some(suite) = &additions.suite {
        recipe = recipe.suite(suite);
    }
    recipe = recipe.extend_commands(additions.pre_build.as_deref().map(as_command));
    let env = [
        ("CROSS_TARGET", Some(target.triple())),
        ("CROSS_DEB_ARCH", target.deb_arch_argument()),
    ];
    let env = env
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    let sha256 = hex(&Hash::hash(recipe.canonical().as_bytes()));
    let name = format!("{}-{}-{}", target.triple(), recipe.suite, &sha256[..12]);
    let architectures =
        std::iter::once(recipe.architecture.to_string()).chain(recipe.foreign.clone());
    let downloads = recipe.downloads.iter();
    let downloads: Vec<_> = downloads
        .map(|file| Download::new(file.name, file.version, file.sha256))
        .collect();
    let blueprint = Blueprint::new(name, &recipe.suite, recipe.packages.clone())
        .architectures(architectures)
        .exclude(recipe.exclude.clone())
        .base(Some(base(&recipe)))
        .commands(recipe.all_commands())
        .command_env(env)
        .describe_commands(downloads, additions.pre_build.clone());
    Ok(NamedRecipe {
        recipe,
        blueprint,
        sha256,
        runner: match (additions.sdk, additions.runner) {
            (true, _) => target.runner_with_sdk(build),
            (false, Some(runner)) => runner,
            (false, None) => target.runner(build),
        },
    })
}

/// The blueprint of the base that the environment of `recipe` shares with others.
fn base(recipe: &Recipe) -> Blueprint {
    let base = recipe.base();
    let hash = short_hash(&base.canonical(), 12);
    let name = format!("{}-{}-{hash}", base.suite, base.architecture);
    Blueprint::new(name, &base.suite, base.packages.clone())
        .architectures([base.architecture.to_string()])
        .exclude(base.exclude)
}

/// The shell script that runs the script of `pre-build`, and names its commands for failures.
pub(super) const RUN_PRE_BUILD: &str = include_str!("pre_build.sh");

/// A command that runs `script` as a program, with the interpreter that its first line names.
fn as_command(script: &str) -> String {
    let quoted = |text: &str| format!("'{}'", text.replace('\'', r"'\''"));
    format!(
        "# pre-build\nprintf %s {} > /cross-pre-build\nprintf %s {} > /cross-run-pre-build\n\
         sh /cross-run-pre-build \"$CROSS_TARGET\"\nrm /cross-pre-build /cross-run-pre-build",
        quoted(script),
        quoted(RUN_PRE_BUILD)
    )
}
