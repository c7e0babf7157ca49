//! What a run sees of the host: mounts, variables and the small files made for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use cross_config::{Env, Settings, Sourced, TargetConfig, UserNamespace};
use cross_engine::{Engine, EngineKind, EnvValue, Host, Mount};
use cross_targets::Runner;

use crate::cargo_config;
use crate::cross::Cross;
use crate::debugger;
use crate::definition::Definition;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Prepared;
use crate::planner::target_dir_key;
use crate::recipes::short_hash;
use crate::runner;
use crate::seccomp;
use crate::target_name::{TargetName, env_upper};
use crate::toolchain::{Toolchain, host_triple};
use crate::workspace::Workspace;

/// Where programs are looked for inside, after the toolchain's.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A home of its own for every run: the user's is not visible.
pub(crate) const HOME: &str = "/tmp/home";
/// The host's certificate store, where Debian, Ubuntu, Arch and Alpine have it.
const CERTIFICATES: &str = "/etc/ssl/certs";

/// A wrapper around rustc that adds nothing. An empty one would do too, but makes cargo forget what it knows of
/// rustc: three more starts of it in every build, 40 ms.
const NO_WRAPPER: &str = "/usr/bin/env";

/// Variables of the caller that reach a run. Everything else stays outside unless the
/// configuration's `env.passthrough` names it.
const ALLOWED: [&str; 16] = [
    "CARGO_BUILD_RUSTDOCFLAGS",
    "CARGO_INCREMENTAL",
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_RUSTFLAGS",
    "LANG",
    "LC_ALL",
    "NO_COLOR",
    "QEMU_STRACE",
    "RUSTDOCFLAGS",
    "RUSTFLAGS",
    "RUST_BACKTRACE",
    "RUST_LOG",
    "RUST_TEST_THREADS",
    "RUST_TEST_NOCAPTURE",
    "SOURCE_DATE_EPOCH",
    "TERM",
];
/// Families of such variables.
const ALLOWED_PREFIXES: [&str; 4] = ["CARGO_PROFILE_", "CARGO_TERM_", "CARGO_UNSTABLE_", "CROSS_"];
/// Variables of these families that this library sets itself, or that mean something on the host.
const OURS: [&str; 7] = [
    "CROSS_CACHE_DIR",
    debugger::PORT,
    "CROSS_RUNNER",
    "CROSS_RUSTC_MAJOR_VERSION",
    "CROSS_RUSTC_MINOR_VERSION",
    "CROSS_RUSTC_PATCH_VERSION",
    "CROSS_RUST_SYSROOT",
];
/// Variables that matter only where there is a network.
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

/// What the description is made from.
pub(crate) struct Given<'a> {
    pub(crate) cross: &'a Cross,
    pub(crate) host: &'a Host,
    pub(crate) target: &'a TargetName,
    pub(crate) workspace: &'a Workspace,
    pub(crate) config: &'a TargetConfig,
    pub(crate) settings: &'a Settings,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) definition: &'a Definition,
    pub(crate) engine: &'a Engine,
}

/// What a run sees.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    pub(crate) target_dir: PathBuf,
    /// The user's, of which only parts are seen.
    pub(crate) cargo_home: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) network_mounts: Vec<Mount>,
    pub(crate) env: BTreeMap<String, EnvValue>,
    pub(crate) network_env: BTreeMap<String, EnvValue>,
    /// Variables of `env` that are only what an image of the user's lacks: its own of the same name
    /// hold.
    pub(crate) yielding: BTreeSet<String>,
    /// The profile of the container's system calls, where the engine's usual one will not do.
    pub(crate) seccomp: Option<PathBuf>,
    /// What has to be there before.
    pub(crate) prepared: Vec<Prepared>,
}

/// A small file of ours in the cache, in a directory named by its content.
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

impl Inside {
    pub(crate) fn new(given: &Given<'_>) -> Result<Self> {
        if let Some(equipment) = given.definition.equipment() {
            return Inside::on_host(given, equipment);
        }
        let sdk = given.definition.sdk.as_ref();
        // What is linked with another SDK is another program.
        let name = match sdk {
            Some(sdk) => format!("{}\n{}", given.definition.name(), sdk.path.display()),
            None => given.definition.name(),
        };
        let key = target_dir_key(&name, given.toolchain);
        let target_root = &given.workspace.target_directory;
        let target_dir = target_root
            .join("cross")
            .join(format!("{}-{key}", given.target.triple()));
        let mut inside = Inside {
            mounts: vec![
                Mount::write(&given.workspace.root),
                Mount::write(&target_dir),
                Mount::scratch(HOME),
            ],
            env: BTreeMap::new(),
            network_mounts: Vec::new(),
            network_env: BTreeMap::new(),
            yielding: BTreeSet::new(),
            seccomp: None,
            prepared: vec![
                Prepared::CacheDirectory(target_root.clone()),
                Prepared::Directory(target_dir.clone()),
            ],
            cargo_home: given.cross.cargo_home()?,
            target_dir,
        };
        inside
            .mounts
            .extend(given.workspace.outside.iter().map(Mount::read));
        inside.base_variables(given);
        inside.cargo_home(given)?;
        inside.user(given);
        inside.runner(given)?;
        if given.definition.image().is_some() {
            inside.image(given);
        }
        inside.nix_store(given)?;
        inside.volumes(given)?;
        inside.callers_variables(given);
        inside.network(given);
        if let Some(sdk) = sdk {
            inside.mounts.push(sdk.mount());
            sdk.env
                .iter()
                .for_each(|(name, path)| inside.set(name, path));
        }
        Ok(inside)
    }

    /// Lets the image's own variables hold where they should.
    pub(crate) fn yield_to(&mut self, image: &BTreeMap<String, String>) {
        yield_to(&mut self.env, &self.yielding, image);
        self.yielding.clear();
    }

    /// Where mounts will be, with and without a network.
    pub(crate) fn mount_targets(&self) -> Vec<&Path> {
        let all = self.mounts.iter().chain(&self.network_mounts);
        all.map(|mount| mount.target.as_path()).collect()
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env
            .insert(name.to_owned(), EnvValue::Plain(value.into()));
    }

    /// A small file of ours, named by its content, mounted read only where it is.
    fn file(&mut self, given: &Given<'_>, name: &str, text: String, executable: bool) -> PathBuf {
        let (path, file) = kept_file(given.host, name, text, executable);
        self.prepared.push(file);
        path
    }

    fn base_variables(&mut self, given: &Given<'_>) {
        let recipe = given.definition.recipe();
        for (name, value) in recipe.iter().flat_map(|named| &named.recipe.env) {
            self.set(name, value);
        }
        self.undo_hosts_settings(given);
        if given.definition.image().is_some() {
            self.yielding.extend(self.env.keys().cloned());
            self.yielding.insert("PATH".to_owned());
        }
        let path = match given.toolchain.sysroot() {
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
        if given.definition.zigbuild_target().is_some() {
            // What Zig compiles once (libc, the compiler's runtime) takes it many seconds. A recipe's
            // Zig looks after itself.
            let cache = self.target_dir.join("zig-cache").display().to_string();
            self.set("XDG_CACHE_HOME", cache);
        }
    }

    /// A workspace's own `.cargo/config.toml` is seen inside. What it says of the host's linker, of
    /// rustc and of wrappers around it is about programs that are not there.
    fn undo_hosts_settings(&mut self, given: &Given<'_>) {
        self.set("RUSTC", "rustc");
        self.set("RUSTDOC", "rustdoc");
        if cargo_config::may_name_a_wrapper(given.cross.dir(), &self.cargo_home) {
            self.set("RUSTC_WRAPPER", NO_WRAPPER);
            self.set("RUSTC_WORKSPACE_WRAPPER", NO_WRAPPER);
        }
        if given.definition.recipe().is_some() {
            let host = env_upper(&host_triple());
            let linker = format!("CARGO_TARGET_{host}_LINKER");
            self.env
                .entry(linker)
                .or_insert_with(|| EnvValue::Plain("cc".to_owned()));
        }
    }

    /// What the scripts in images of the `cross` project read.
    fn image(&mut self, given: &Given<'_>) {
        let runner = given.config.runner.as_ref();
        self.set("CROSS_RUNNER", runner.map_or("", |it| it.value.as_str()));
        if let Some(sysroot) = given.toolchain.sysroot() {
            self.set("CROSS_RUST_SYSROOT", sysroot.display().to_string());
        }
        // Where it is not known, their scripts ask rustc.
        let version = given.toolchain.version.as_deref().unwrap_or_default();
        let numbers = version.split(['.', '-']).filter(|it| !it.is_empty());
        for (part, number) in ["MAJOR", "MINOR", "PATCH"].into_iter().zip(numbers) {
            self.set(&format!("CROSS_RUSTC_{part}_VERSION"), number);
        }
        if given
            .target
            .known()
            .is_some_and(|it| it.needs_seccomp_profile())
        {
            let profile = self.file(given, "seccomp.json", seccomp::PROFILE.to_owned(), false);
            self.seccomp = Some(profile);
        }
    }

    /// The Nix store, where programs of the workspace's toolchain may live. What compiles has no
    /// reason to write there.
    fn nix_store(&mut self, given: &Given<'_>) -> Result<()> {
        let usual = Path::new("/nix/store");
        let store = match &given.settings.nix_store {
            Some(it) if !it.value.is_dir() => {
                let message = format!("the Nix store `{}` does not exist", it.value.display());
                let help = format!("correct or unset {}", it.origin);
                return Err(Error::new(ErrorKind::Config, message).with_help(help));
            }
            Some(it) => it.value.as_path(),
            None if usual.is_dir() => usual,
            None => return Ok(()),
        };
        self.mounts.push(Mount::read(store));
        Ok(())
    }

    /// The directories that the configuration makes visible, each with a variable that names it.
    fn volumes(&mut self, given: &Given<'_>) -> Result<()> {
        let env = given.cross.environment();
        for Sourced {
            value: volume,
            origin,
            ..
        } in &given.config.volumes
        {
            let named = || env.get(&volume.name).map(PathBuf::from);
            let Some(path) = volume.path.clone().or_else(named) else {
                continue;
            };
            let path = given.cross.dir().join(path);
            let source = path.canonicalize().map_err(|error| {
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

    /// Of the user's CARGO_HOME only what was fetched is visible, and what says where from.
    fn cargo_home(&mut self, given: &Given<'_>) -> Result<()> {
        let home = self.cargo_home.clone();
        self.set("CARGO_HOME", home.display().to_string());
        self.mounts.push(Mount::scratch(&home));
        for part in ["registry", "git"] {
            let dir = home.join(part);
            self.prepared.push(Prepared::Directory(dir.clone()));
            self.mounts.push(Mount::read(dir));
        }
        // Cargo reads the files of the directories above the workspace too.
        let above = given.workspace.root.ancestors().skip(1);
        let above = above
            .map(|dir| dir.join(".cargo"))
            .filter(|dir| *dir != home);
        for dir in std::iter::once(home.clone()).chain(above) {
            if let Some(text) = cargo_config::sources_only(&dir)? {
                let file = self.file(given, "config.toml", text, false);
                let there = dir.join("config.toml");
                self.mounts.push(Mount::read(file).at(there));
            }
        }
        Ok(())
    }

    /// A user that is not root has an entry in `/etc/passwd` like any other.
    fn user(&mut self, given: &Given<'_>) {
        let (uid, gid) = given.engine.user;
        let inside_root =
            uid == 0 || (given.engine.rootless && given.engine.kind != EngineKind::Sandbox);
        let name = if inside_root { "root" } else { "user" };
        self.set("USER", name);
        if inside_root {
            return;
        }
        let passwd =
            format!("root:x:0:0:root:/root:/bin/sh\nuser:x:{uid}:{gid}:user:{HOME}:/bin/sh\n");
        let group = format!("root:x:0:\nuser:x:{gid}:\n");
        for (name, text) in [("passwd", passwd), ("group", group)] {
            let file = self.file(given, name, text, false);
            self.mounts
                .push(Mount::read(file).at(Path::new("/etc").join(name)));
        }
    }

    /// How cargo starts programs of the target: a script of ours, so that any environment that has
    /// the emulator works, or the user's command. An image's own runner holds before ours.
    fn runner(&mut self, given: &Given<'_>) -> Result<()> {
        let variable = given.target.runner_variable();
        let is_image = given.definition.image().is_some();
        let asked = given.config.runner.as_ref();
        let text = asked
            .map(|it| it.value.as_str())
            .filter(|it| !it.is_empty());
        let runner = given.definition.runner(given.target);
        let has_machine = matches!(runner, Runner::QemuSystem(_));
        match (text, asked) {
            (Some("native"), _) => {}
            (Some(runner::QEMU_SYSTEM), Some(asked)) if !has_machine => {
                if !is_image {
                    let message = format!(
                        "no recipe has the runner `qemu-system` for {} ({})",
                        given.target.triple(),
                        asked.origin
                    );
                    let help = "use `qemu-user`, or an image that has it";
                    return Err(Error::new(ErrorKind::Config, message).with_help(help));
                }
            }
            (None | Some("qemu-user" | runner::QEMU_SYSTEM), _) => {
                if let Some(text) = runner::script(&runner) {
                    let name = format!("run-{}", given.target.triple());
                    let file = self.file(given, &name, text, true);
                    self.set(&variable, file.display().to_string());
                    self.mounts.push(Mount::read(file));
                    if is_image {
                        self.yielding.insert(variable);
                    }
                }
            }
            (Some(command), _) => self.set(&variable, command),
        }
        Ok(())
    }

    fn callers_variables(&mut self, given: &Given<'_>) {
        let env = given.cross.environment();
        let target = given.target.env_upper();
        let target = ["RUSTFLAGS", "RUSTDOCFLAGS"].map(|it| format!("CARGO_TARGET_{target}_{it}"));
        // Where crates come from; what opens the door there stays outside.
        let is_index =
            |name: &str| name.starts_with("CARGO_REGISTRIES_") && name.ends_with("_INDEX");
        for (name, value) in readable(env) {
            let allowed = is_callers(name) || is_index(name) || target.iter().any(|it| it == name);
            if allowed {
                self.set(name, value);
            }
        }
        for entry in &given.config.passthrough {
            let it = &entry.value;
            let value = it.value.as_deref().or_else(|| env.get_str(&it.name));
            if let Some(value) = value {
                // What a project passes on may be a token.
                self.env
                    .insert(it.name.clone(), EnvValue::Secret(value.to_owned()));
            }
        }
    }

    fn network(&mut self, given: &Given<'_>) {
        for (name, value) in readable(given.cross.environment()) {
            if PROXIES.contains(&name) {
                // A proxy's address may hold a password.
                let value = EnvValue::Secret(value.to_owned());
                self.network_env.insert(name.to_owned(), value);
            }
        }
        let mut paths = vec![CERTIFICATES];
        if given.engine.kind == EngineKind::Sandbox {
            paths.extend(["/etc/resolv.conf", "/etc/hosts"]);
        }
        for path in paths {
            // A link would be looked up inside, where it leads nowhere.
            if let Ok(real) = Path::new(path).canonicalize() {
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

/// Takes out of `env` what yields to the variables of an image; programs are looked for where the
/// image says, after the toolchain's.
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

/// Whether a run sees the caller's variable `name` because its name is on the list.
pub(crate) fn is_callers(name: &str) -> bool {
    let mut families = ALLOWED_PREFIXES.iter();
    let listed = ALLOWED.contains(&name) || families.any(|prefix| name.starts_with(prefix));
    listed && !OURS.contains(&name)
}

/// The list, for what is started later by somebody else: `*` at the end of a name stands for any end.
pub(crate) fn callers() -> impl Iterator<Item = String> {
    let families = ALLOWED_PREFIXES.iter().map(|prefix| format!("{prefix}*"));
    ALLOWED.iter().map(|&name| name.to_owned()).chain(families)
}

/// The user namespace of a container: the host's unless said otherwise, so that files have the
/// caller's owner where a docker daemon remaps users. Podman's own default is that.
pub(crate) fn user_namespace(settings: &Settings, engine: &Engine) -> Option<String> {
    match &settings.user_namespace.value {
        UserNamespace::None => None,
        UserNamespace::Named(name) => Some(name.clone()),
        _ => (engine.kind == EngineKind::Docker).then(|| "host".to_owned()),
    }
}

/// The variables whose name and value are UTF-8.
fn readable(env: &Env) -> impl Iterator<Item = (&str, &str)> {
    env.iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
}
