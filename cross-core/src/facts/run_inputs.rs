//! The run inputs: the mounts, variables and generated files of a run.

mod cargo;
mod fixed_places;
mod guessed_places;
mod host;
mod runner;
mod shown_sources;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cross_config::{DiagnosticCode, Env, Settings, Sourced, TargetConfig, UserNamespace};
use cross_engine::os;
use cross_engine::{Access, Cancel, Engine, EngineKind, EnvValue, ForeignPrograms, Host, Mount};
use cross_targets::{Target, TargetFacts};

use crate::cargo::carried::{Carried, KeptProgram};
use crate::cargo::cli::configs::Configs;
use crate::cargo::config;
use crate::cargo::workspace::{HostCargo, Workspace};
use crate::facts::cargo_settings;
use crate::facts::environment_spec::EnvironmentSpec;
use crate::facts::seen_places::settle;
use crate::host::places::real_path;
use crate::host::seccomp;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::fixed_paths::FixedPaths;
use crate::model::hash::short_hash;
use crate::model::hash::{TARGET_DIRS, target_dir_key};
use crate::model::redact;
use crate::model::step::{Prepared, Warning};
use crate::model::toolchain::Toolchain;
use crate::request::cross::Cross;
use crate::target::name::{TargetName, env_upper};

use fixed_places::is_reproducible;

/// The `PATH` in the environment, after the toolchain's directory.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// The home directory of a run. The user's home is not visible.
pub(crate) const HOME: &str = "/tmp/home";
/// The host's certificate store on Debian, Ubuntu, Arch and Alpine.
const CERTIFICATES: &str = "/etc/ssl/certs";

/// The names of machines.
const HOSTS: &str = "/etc/hosts";
/// Those of a run that has a loopback interface only.
const LOOPBACK: &str = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n";

/// A wrapper of rustc that does nothing. An empty variable would also disable wrappers, but it
/// disables cargo's cache of rustc's version too, which costs three starts of rustc (40 ms) in
/// every build.
const NO_WRAPPER: &str = "/usr/bin/env";

/// The variables for runs with a network.
pub(crate) const PROXIES: [&str; 8] = [
    "ALL_PROXY",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "NO_PROXY",
    "all_proxy",
    "http_proxy",
    "https_proxy",
    "no_proxy",
];

/// The facts that the run inputs are made from.
pub(crate) struct RunInputsContext<'a> {
    pub(crate) cross: &'a Cross,
    pub(crate) host: &'a Host,
    pub(crate) target: &'a TargetName,
    pub(crate) workspace: &'a Workspace,
    pub(crate) config: &'a TargetConfig,
    pub(crate) settings: &'a Settings,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) env_spec: &'a EnvironmentSpec,
    pub(crate) engine: &'a Engine,
    /// Cargo's configuration.
    pub(crate) configs: &'a Configs,
    pub(crate) cargo: &'a HostCargo,
    pub(crate) cancel: &'a Cancel,
}

/// The mounts, variables and generated files of a run.
#[derive(Clone, Debug)]
pub(crate) struct RunInputs {
    pub(crate) target_dir: PathBuf,
    /// What the files in it are compiled for besides the toolchain, equal on all machines.
    pub(crate) compiled_for: String,
    /// The user's `CARGO_HOME`, of which only parts are visible.
    pub(crate) cargo_home: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) network_mounts: Vec<Mount>,
    /// The mounts of a run that has a loopback interface only.
    pub(crate) loopback_mounts: Vec<Mount>,
    pub(crate) env: BTreeMap<String, EnvValue>,
    pub(crate) network_env: BTreeMap<String, EnvValue>,
    /// The variables of `env` that the image's own variables override.
    pub(crate) yielding: BTreeSet<String>,
    /// The container's seccomp profile, if the engine's default profile is too strict.
    pub(crate) seccomp: Option<PathBuf>,
    /// The programs of the target, if an emulator has to start those that they start.
    pub(crate) foreign_programs: Option<ForeignPrograms>,
    /// The files and directories that are created before the run.
    pub(crate) prepared: Vec<Prepared>,
    /// The warnings about cargo's configuration, the repository and sources that a run does not
    /// see.
    pub(crate) warnings: Vec<Warning>,
    /// The linkers and runners of cargo's configuration that a variable of the image may override.
    pub(crate) programs: Vec<KeptProgram>,
    /// Whether nothing in the environment starts programs of the target, and the runner says so.
    pub(crate) starts_nothing: bool,
    /// What of the command line names a runner of the target.
    pub(crate) runner: Option<String>,
    /// The packages and sources outside of their workspaces' directories.
    pub(crate) named_sources: Vec<PathBuf>,
    /// What literals and relative links of the sources name outside of them.
    pub(crate) guessed_sources: Vec<PathBuf>,
    /// Where runs see directories of the host, if not at their paths.
    pub(crate) fixed: FixedPaths,
}

/// A generated file in the cache, in a directory named by a hash of the content.
pub(crate) fn kept_file(
    host: &Host,
    name: &str,
    text: String,
    executable: bool,
) -> (PathBuf, Prepared) {
    let dir = host.cache.join("files").join(short_hash(&text, 12));
    let path = dir.join(name);
    let file = Prepared::File {
        path: path.clone(),
        text,
        executable,
    };
    (path, file)
}

impl RunInputs {
    /// The inputs that every run has: the target directory.
    fn of_target_dir(context: &RunInputsContext<'_>) -> Result<Self> {
        let compiled_for = compiled_for(context);
        let mut made_for = compiled_for.clone();
        if let Some(sdk) = &context.env_spec.sdk {
            // Cargo's records have the paths of what was linked.
            made_for += &format!("\n{}", sdk.places());
        }
        let key = target_dir_key(&made_for, context.toolchain);
        // Inside, it is where it really is: what is written through a link may not be visible.
        let target_root = real_path(&context.workspace.target_directory);
        let target_dir = target_root
            .join(TARGET_DIRS)
            .join(format!("{}-{key}", context.target.triple()));
        Ok(RunInputs {
            mounts: Vec::new(),
            env: BTreeMap::new(),
            network_mounts: Vec::new(),
            loopback_mounts: Vec::new(),
            network_env: BTreeMap::new(),
            yielding: BTreeSet::new(),
            seccomp: None,
            foreign_programs: None,
            prepared: vec![
                Prepared::CacheDirectory(target_root),
                Prepared::Directory(target_dir.clone()),
            ],
            cargo_home: context.cross.cargo_home()?,
            target_dir,
            compiled_for,
            warnings: Vec::new(),
            programs: Vec::new(),
            starts_nothing: false,
            runner: None,
            named_sources: Vec::new(),
            guessed_sources: Vec::new(),
            fixed: FixedPaths::default(),
        })
    }

    pub(crate) fn new(context: &RunInputsContext<'_>) -> Result<Self> {
        if let Some(toolset) = context.env_spec.host_toolset() {
            return RunInputs::on_host(context, toolset);
        }
        let sdk = context.env_spec.sdk.as_ref();
        let mut inputs = RunInputs::of_target_dir(context)?;
        inputs.mounts = vec![Mount::write(&inputs.target_dir), Mount::scratch(HOME)];
        let carried = inputs.carried(context);
        let read = inputs.sources(context, &carried)?;
        inputs.base_variables(context);
        let shows_runner = carried.shows_runner;
        if carried.shows_build_dir {
            let dir = inputs.target_dir.display().to_string();
            inputs.set("CARGO_BUILD_BUILD_DIR", dir);
        }
        inputs.cargo_home(context, carried)?;
        inputs.user(context);
        inputs.runner(context)?;
        if shows_runner {
            inputs.override_runner(context);
        }
        if context.env_spec.image().is_some() {
            inputs.image(context);
        }
        inputs.nix_store(context)?;
        inputs.volumes(context)?;
        inputs.callers_variables(context, read);
        inputs.deployment_target(context);
        inputs.fix_variables(context)?;
        inputs.network(context);
        if let Some(sdk) = sdk {
            inputs.mounts.push(sdk.mount());
            sdk.env
                .iter()
                .for_each(|(name, path)| inputs.set(name, path));
        }
        inputs.hide_cargo_home();
        inputs.mounts = settle(inputs.mounts);
        Ok(inputs)
    }

    /// Lets the image's own variables override those in `yielding`.
    pub(crate) fn yield_to(&mut self, image: &BTreeMap<String, String>) {
        let is_set = |name: &str| image.contains_key(name) || self.env.contains_key(name);
        let overridden = self.programs.iter().filter(|it| is_set(&it.variable));
        self.warnings
            .extend(overridden.map(cargo_settings::overridden));
        yield_to(&mut self.env, &self.yielding, image);
        keep_proxies(&mut self.network_env, image);
        self.yielding.clear();
    }

    /// The targets of all mounts, including those for runs with a network.
    pub(crate) fn mount_targets(&self) -> Vec<PathBuf> {
        let all = self.mounts.iter().chain(&self.network_mounts);
        all.map(|mount| self.fixed.inside(&mount.target)).collect()
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env
            .insert(name.to_owned(), EnvValue::Plain(value.into()));
    }

    /// Adds a generated file, and returns its path.
    fn file(
        &mut self,
        context: &RunInputsContext<'_>,
        name: &str,
        text: String,
        executable: bool,
    ) -> PathBuf {
        let (path, file) = kept_file(context.host, name, text, executable);
        self.prepared.push(file);
        path
    }

    fn base_variables(&mut self, context: &RunInputsContext<'_>) {
        let recipe = context.env_spec.recipe();
        for (name, value) in recipe.iter().flat_map(|named| &named.recipe.env) {
            self.set(name, value);
        }
        self.override_host_settings(context);
        if context.env_spec.image().is_some() {
            self.yielding.extend(self.env.keys().cloned());
            self.yielding.insert("PATH".to_owned());
        }
        let path = match context.toolchain.sysroot() {
            Some(sysroot) => {
                self.mounts.push(Mount::read(sysroot));
                format!("{}:{PATH}", sysroot.join("bin").display())
            }
            None => PATH.to_owned(),
        };
        self.set("PATH", path);
        self.set("HOME", HOME);
        self.set("CARGO_TARGET_DIR", self.target_dir.display().to_string());
        self.set("CARGO_NET_OFFLINE", "true");
        if context.env_spec.zigbuild_target().is_some() {
            // Zig compiles libc and the compiler's runtime once, which takes many seconds. The Zig
            // of a recipe has its own cache.
            let cache = self.target_dir.join("zig-cache").display().to_string();
            self.set("XDG_CACHE_HOME", cache);
        }
    }

    /// Tells all compilers the oldest version of Apple's system that programs have to run on. An
    /// empty variable asks for none, and they would read a version in it.
    pub(super) fn deployment_target(&mut self, context: &RunInputsContext<'_>) {
        let facts = context.target.known().map(Target::facts);
        let Some(name) = facts.and_then(TargetFacts::deployment_variable) else {
            return;
        };
        let is_empty = context.cross.environment().get_str(name) == Some("");
        match context.env_spec.deployment_target {
            Some(version) => self.set(name, version.to_string()),
            None if is_empty && context.env_spec.host_toolset().is_some() => {
                self.env.insert(name.to_owned(), EnvValue::Unset);
            }
            None => self
                .env
                .retain(|own, value| own != name || !has_no_text(value)),
        }
    }

    /// Overrides settings that name programs of the host. The workspace's `.cargo/config.toml` is
    /// visible in the environment, but the linker, rustc and wrappers that it names are not.
    fn override_host_settings(&mut self, context: &RunInputsContext<'_>) {
        self.set("RUSTC", "rustc");
        self.set("RUSTDOC", "rustdoc");
        if config::may_name_a_wrapper(context.cross.dir(), &self.cargo_home) {
            self.set("RUSTC_WRAPPER", NO_WRAPPER);
            self.set("RUSTC_WORKSPACE_WRAPPER", NO_WRAPPER);
        }
        self.toolchain_libraries(context);
        if context.env_spec.recipe().is_some() {
            let host = env_upper(&context.env_spec.platform(context.engine).triple);
            let linker = format!("CARGO_TARGET_{host}_LINKER");
            self.env
                .entry(linker)
                .or_insert_with(|| EnvValue::Plain("cc".to_owned()));
        }
    }

    /// Sets the variables that the scripts in images of the `cross` project read.
    fn image(&mut self, context: &RunInputsContext<'_>) {
        let runner = context.config.runner.as_ref();
        self.set("CROSS_RUNNER", runner.map_or("", |key| key.value.as_str()));
        if let Some(sysroot) = context.toolchain.sysroot() {
            self.set("CROSS_RUST_SYSROOT", sysroot.display().to_string());
        }
        // Without these variables, the scripts call rustc.
        let version = context.toolchain.version.as_deref().unwrap_or_default();
        let numbers = version
            .split(['.', '-'])
            .filter(|number| !number.is_empty());
        for (part, number) in ["MAJOR", "MINOR", "PATCH"].into_iter().zip(numbers) {
            self.set(&format!("CROSS_RUSTC_{part}_VERSION"), number);
        }
        if context
            .target
            .known()
            .is_some_and(|known| known.needs_seccomp_profile())
        {
            let profile = self.file(context, "seccomp.json", seccomp::profile(), false);
            self.seccomp = Some(profile);
        }
    }

    /// Mounts the Nix store read-only. The toolchain's programs may be there.
    fn nix_store(&mut self, context: &RunInputsContext<'_>) -> Result<()> {
        let default = Path::new("/nix/store");
        let store = match &context.settings.nix_store {
            Some(setting) if !setting.value.is_dir() => {
                let store = setting.value.display();
                let message = format!("the Nix store `{store}` does not exist");
                let help = format!("correct or unset {}", setting.origin);
                return Err(Error::new(ErrorKind::Config, message).with_help(help));
            }
            Some(setting) => setting.value.as_path(),
            None if default.is_dir() => default,
            None => return Ok(()),
        };
        self.mounts.push(Mount::read(store));
        Ok(())
    }

    /// Mounts the configured volumes, each with a variable that holds its path.
    fn volumes(&mut self, context: &RunInputsContext<'_>) -> Result<()> {
        let env = context.cross.environment();
        for Sourced {
            value: volume,
            origin,
            ..
        } in &context.config.volumes
        {
            let in_variable = || env.get(&volume.name).filter(|path| !path.is_empty());
            let in_variable = || in_variable().map(PathBuf::from);
            let Some(path) = volume.path.clone().or_else(in_variable) else {
                self.warnings.push(Warning {
                    code: DiagnosticCode::NoEffect.as_str().to_owned(),
                    message: format!(
                        "`{}` in `env.volumes` ({origin}) has no effect: the variable is not set",
                        volume.name
                    ),
                    help: Some(format!(
                        "set {0} to a directory, or write the directory: `\"{0}=/path\"`",
                        volume.name
                    )),
                });
                continue;
            };
            let path = context.cross.dir().join(path);
            let source = os::canonical(&path).map_err(|error| {
                Error::io("mount the volume", &path, error).with_help(format!(
                    "create it, or correct `{}` in `env.volumes` ({origin})",
                    volume.name
                ))
            })?;
            self.set(&volume.name, path.display().to_string());
            self.mounts.push(Mount::write(source).at(path));
        }
        Ok(())
    }

    /// Mounts the parts of the user's `CARGO_HOME` that builds need: fetched crates, and the
    /// configuration that holds in the environment.
    fn cargo_home(&mut self, context: &RunInputsContext<'_>, carried: Carried) -> Result<()> {
        let home = self.cargo_home.clone();
        self.set("CARGO_HOME", home.display().to_string());
        self.mounts.push(Mount::scratch(&home));
        for part in ["registry", "git"] {
            let dir = home.join(part);
            self.prepared.push(Prepared::Directory(dir.clone()));
            self.mounts.push(Mount::read(dir));
        }
        if !carried.text.is_empty() {
            let file = self.file(context, "config.toml", carried.text, false);
            self.mounts
                .push(Mount::read(file).at(home.join("config.toml")));
        }
        let mut secret = context.workspace.secret_registries.iter().next().cloned();
        if context.workspace.uses_registry {
            secret = secret.or(carried.secret_replacement);
        }
        match secret {
            Some(url) => Err(unreachable_registry(&url)),
            None => Ok(()),
        }
    }

    /// Hides the cargo home wherever a mount of what is around it would show it: it holds
    /// credentials.
    fn hide_cargo_home(&mut self) {
        let home = real_path(&self.cargo_home);
        let around = |mount: &&Mount| mount.access != Access::Scratch;
        let shown = self.mounts.iter().filter(around).filter_map(|mount| {
            let inner = home.strip_prefix(real_path(&mount.source)).ok()?;
            let is_below = !inner.as_os_str().is_empty();
            is_below.then(|| Mount::scratch(mount.target.join(inner)))
        });
        let hidden: Vec<_> = shown.collect();
        self.mounts.extend(hidden);
    }

    /// Adds an entry in `/etc/passwd` for a user that is not root.
    fn user(&mut self, context: &RunInputsContext<'_>) {
        let (uid, gid) = context.engine.user;
        let is_root =
            uid == 0 || (context.engine.rootless && context.engine.kind != EngineKind::Sandbox);
        let name = if is_root { "root" } else { "user" };
        self.set("USER", name);
        if is_root {
            return;
        }
        let passwd =
            format!("root:x:0:0:root:/root:/bin/sh\nuser:x:{uid}:{gid}:user:{HOME}:/bin/sh\n");
        let group = format!("root:x:0:\nuser:x:{gid}:\n");
        for (name, text) in [("passwd", passwd), ("group", group)] {
            let file = self.file(context, name, text, false);
            self.mounts
                .push(Mount::read(file).at(Path::new("/etc").join(name)));
        }
    }

    /// Adds the mounts and variables for runs with a network.
    fn network(&mut self, context: &RunInputsContext<'_>) {
        for (name, value) in utf8_variables(context.cross.environment()) {
            if PROXIES.contains(&name) {
                // A password in a proxy's address stays outside: `passthrough` passes it on.
                let value = EnvValue::Secret(redact::strip(value).into_owned());
                self.network_env.insert(name.to_owned(), value);
            }
        }
        let mut paths = vec![CERTIFICATES];
        if context.engine.kind == EngineKind::Sandbox {
            paths.extend(["/etc/resolv.conf", HOSTS]);
            // Containers have such a file of their engine.
            let file = self.file(context, "hosts", LOOPBACK.to_owned(), false);
            self.loopback_mounts.push(Mount::read(file).at(HOSTS));
        }
        for path in paths {
            // A symbolic link would be dangling in the environment.
            if let Ok(real) = os::canonical(Path::new(path)) {
                self.network_mounts.push(Mount::read(real).at(path));
            }
        }
        let bundle = format!("{CERTIFICATES}/ca-certificates.crt");
        if Path::new(&bundle).exists() {
            self.network_env
                .insert("SSL_CERT_FILE".to_owned(), EnvValue::Plain(bundle));
        }
    }
}

/// What makes compiled files unfit for another environment besides the toolchain, without the
/// paths of this machine.
fn compiled_for(context: &RunInputsContext<'_>) -> String {
    let mut name = context.env_spec.full_name();
    if is_reproducible(context) {
        // The same files are seen at other paths.
        name += "\nreproducible";
    }
    name
}

/// Cargo knows fetched crates by the address that they come from, with all that is in it.
fn unreachable_registry(url: &str) -> Error {
    let message = format!(
        "crates come from `{url}`, and user names, passwords and tokens in an address do not reach an \
         environment: cargo would not find the crates there"
    );
    Error::new(ErrorKind::Config, message).with_help(
        "take them out of the address: `cargo login`, a variable `CARGO_REGISTRIES_<NAME>_TOKEN` or a \
         credential provider gives them to the host's cargo",
    )
}

/// Removes the variables in `yielding` that the image sets. In `PATH`, the image's directories
/// follow the toolchain's.
pub(crate) fn yield_to(
    env: &mut BTreeMap<String, EnvValue>,
    yielding: &BTreeSet<String>,
    image: &BTreeMap<String, String>,
) {
    for (name, theirs) in image.iter().filter(|(name, _)| yielding.contains(*name)) {
        match env.get_mut(name) {
            Some(EnvValue::Plain(ours)) if name == "PATH" => *ours = ours.replace(PATH, theirs),
            _ => drop(env.remove(name)),
        }
    }
}

/// Names the proxies that the image sets, unless the caller has others. What is not named is empty
/// in docker, whose client has proxies of its own.
pub(crate) fn keep_proxies(env: &mut BTreeMap<String, EnvValue>, image: &BTreeMap<String, String>) {
    for (name, value) in image
        .iter()
        .filter(|(name, _)| PROXIES.contains(&name.as_str()))
    {
        env.entry(name.clone())
            .or_insert_with(|| EnvValue::Secret(value.clone()));
    }
}

/// The user namespace of a container. The default for docker is the host's, so that files belong to
/// the caller even if the daemon remaps users. It is podman's own default.
pub(crate) fn user_namespace(settings: &Settings, engine: &Engine) -> Option<String> {
    match &settings.user_namespace.value {
        UserNamespace::None => None,
        UserNamespace::Named(name) => Some(name.clone()),
        _ => (engine.kind == EngineKind::Docker).then(|| "host".to_owned()),
    }
}

/// Whether it is empty.
fn has_no_text(value: &EnvValue) -> bool {
    matches!(value, EnvValue::Plain(text) | EnvValue::Secret(text) if text.is_empty())
}

/// The variables whose name and value are UTF-8.
fn utf8_variables(env: &Env) -> impl Iterator<Item = (&str, &str)> {
    env.iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_images_proxies_are_kept_unless_the_caller_has_others() {
        let variables = |all: &[(&str, &str)]| -> BTreeMap<String, String> {
            let own = |(name, value): &(&str, &str)| (name.to_string(), value.to_string());
            all.iter().map(own).collect()
        };
        let mut env = BTreeMap::from([(
            "http_proxy".to_owned(),
            EnvValue::Plain("http://a.invalid".to_owned()),
        )]);
        let image = variables(&[
            ("http_proxy", "http://b.invalid"),
            ("NO_PROXY", "c.invalid"),
            ("CC", "gcc"),
        ]);
        keep_proxies(&mut env, &image);
        let names: Vec<_> = env.keys().map(String::as_str).collect();
        assert_eq!(names, ["NO_PROXY", "http_proxy"]);
        assert_eq!(
            env["http_proxy"],
            EnvValue::Plain("http://a.invalid".to_owned())
        );
        assert_eq!(env["NO_PROXY"], EnvValue::Secret("c.invalid".to_owned()));
    }
}
