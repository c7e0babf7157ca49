//! What a run sees of the host: mounts, variables and the small files made for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_config::{Env, TargetConfig};
use cross_engine::{Engine, Host, Kind, Mount, Value};
use cross_targets::{Runner, Target};

use crate::cargo_config;
use crate::cross::Cross;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Prepared;
use crate::planner::target_dir_key;
use crate::recipes::{Named, short_hash};
use crate::toolchain::Toolchain;
use crate::workspace::Workspace;

/// Where programs are looked for inside, after the toolchain's.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// A home of its own for every run: the user's is not visible.
const HOME: &str = "/tmp/home";
/// The host's certificate store, where Debian, Ubuntu, Arch and Alpine have it.
const CERTIFICATES: &str = "/etc/ssl/certs";

/// Variables of the caller that reach a run. Everything else stays outside unless the
/// configuration's `env.passthrough` names it.
const ALLOWED: [&str; 16] = [
    "CARGO_INCREMENTAL",
    "CARGO_BUILD_JOBS",
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_TERM_COLOR",
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
const ALLOWED_PREFIXES: [&str; 2] = ["CARGO_PROFILE_", "CARGO_UNSTABLE_"];
/// Variables that matter only where there is a network.
const PROXIES: [&str; 8] = [
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
    pub(crate) target: Target,
    pub(crate) workspace: &'a Workspace,
    pub(crate) config: &'a TargetConfig,
    pub(crate) toolchain: &'a Toolchain,
    pub(crate) named: &'a Named,
    pub(crate) engine: &'a Engine,
}

/// What a run sees.
#[derive(Clone, Debug)]
pub(crate) struct Inside {
    pub(crate) target_dir: PathBuf,
    pub(crate) mounts: Vec<Mount>,
    pub(crate) network_mounts: Vec<Mount>,
    pub(crate) env: BTreeMap<String, Value>,
    pub(crate) network_env: BTreeMap<String, Value>,
    /// What has to be there before.
    pub(crate) prepared: Vec<Prepared>,
}

impl Inside {
    pub(crate) fn new(given: &Given<'_>) -> Result<Self> {
        let key = target_dir_key(&given.named.blueprint.name, given.toolchain);
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
            prepared: vec![
                Prepared::CacheDirectory(target_root.clone()),
                Prepared::Directory(target_dir.clone()),
            ],
            target_dir,
        };
        inside
            .mounts
            .extend(given.workspace.outside.iter().map(Mount::read));
        inside.base_variables(given);
        inside.cargo_home(given)?;
        inside.user(given);
        inside.runner(given);
        inside.callers_variables(given);
        inside.network(given);
        Ok(inside)
    }

    /// Where mounts will be, with and without a network.
    pub(crate) fn mount_targets(&self) -> Vec<&Path> {
        let all = self.mounts.iter().chain(&self.network_mounts);
        all.map(|mount| mount.target.as_path()).collect()
    }

    fn set(&mut self, name: &str, value: impl Into<String>) {
        self.env.insert(name.to_owned(), Value::Plain(value.into()));
    }

    /// A small file of ours, named by its content, mounted read only where it is.
    fn file(&mut self, given: &Given<'_>, name: &str, text: String, executable: bool) -> PathBuf {
        let dir = given.host.cache.join("files").join(short_hash(&text, 12));
        let path = dir.join(name);
        self.prepared.push(Prepared::File {
            path: path.clone(),
            text,
            executable,
        });
        path
    }

    fn base_variables(&mut self, given: &Given<'_>) {
        for (name, value) in &given.named.recipe.env {
            self.set(name, value);
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
    }

    /// Of the user's CARGO_HOME only what was fetched is visible, and what says where from.
    fn cargo_home(&mut self, given: &Given<'_>) -> Result<()> {
        let env = given.cross.environment();
        let path = |name: &str| env.get(name).filter(|v| !v.is_empty()).map(PathBuf::from);
        let home = path("CARGO_HOME")
            .or_else(|| Some(path("HOME")?.join(".cargo")))
            .ok_or_else(|| {
                Error::new(ErrorKind::Io, "there is no CARGO_HOME: HOME is not set")
                    .with_help("set HOME or CARGO_HOME")
            })?;
        self.set("CARGO_HOME", home.display().to_string());
        self.mounts.push(Mount::scratch(&home));
        for part in ["registry", "git"] {
            let dir = home.join(part);
            self.prepared.push(Prepared::Directory(dir.clone()));
            self.mounts.push(Mount::read(dir));
        }
        if let Some(text) = cargo_config::sources_only(&home)? {
            let file = self.file(given, "config.toml", text, false);
            self.mounts
                .push(Mount::read(file).at(home.join("config.toml")));
        }
        Ok(())
    }

    /// A user that is not root has an entry in `/etc/passwd` like any other.
    fn user(&mut self, given: &Given<'_>) {
        let (uid, gid) = given.engine.user;
        let inside_root = uid == 0 || (given.engine.rootless && given.engine.kind != Kind::Sandbox);
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
    /// the emulator works, or the user's command.
    fn runner(&mut self, given: &Given<'_>) {
        let variable = format!("CARGO_TARGET_{}_RUNNER", given.target.env_upper());
        let asked = given.config.runner.as_ref().map(|it| it.value.as_str());
        match (asked, given.named.runner) {
            (Some("native"), _) | (None, Runner::Native | Runner::None) => {}
            (None | Some("qemu-user"), runner) => {
                if let Some(text) = runner_script(&runner) {
                    let name = format!("run-{}", given.target.triple());
                    let file = self.file(given, &name, text, true);
                    self.set(&variable, file.display().to_string());
                    self.mounts.push(Mount::read(file));
                }
            }
            (Some(command), _) => self.set(&variable, command),
        }
    }

    fn callers_variables(&mut self, given: &Given<'_>) {
        let env = given.cross.environment();
        let target = format!("CARGO_TARGET_{}_RUSTFLAGS", given.target.env_upper());
        for (name, value) in readable(env) {
            let allowed = ALLOWED.contains(&name)
                || name == target
                || ALLOWED_PREFIXES
                    .iter()
                    .any(|prefix| name.starts_with(prefix));
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
                    .insert(it.name.clone(), Value::Secret(value.to_owned()));
            }
        }
    }

    fn network(&mut self, given: &Given<'_>) {
        for (name, value) in readable(given.cross.environment()) {
            if PROXIES.contains(&name) {
                // A proxy's address may hold a password.
                let value = Value::Secret(value.to_owned());
                self.network_env.insert(name.to_owned(), value);
            }
        }
        let mut paths = vec![CERTIFICATES];
        if given.engine.kind == Kind::Sandbox {
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
                .insert("SSL_CERT_FILE".to_owned(), Value::Plain(bundle));
        }
    }
}

/// The variables whose name and value are UTF-8.
fn readable(env: &Env) -> impl Iterator<Item = (&str, &str)> {
    env.iter()
        .filter_map(|(name, value)| Some((name.to_str()?, value.to_str()?)))
}

/// The script that starts a program of the target, if it needs one.
fn runner_script(runner: &Runner) -> Option<String> {
    let (program, cpu, prefix) = match runner {
        Runner::QemuUser {
            program,
            cpu,
            prefix,
        } => (*program, *cpu, Some(*prefix)),
        _ => return None,
    };
    let cpu = cpu.map_or(String::new(), |cpu| format!("-cpu {cpu} "));
    let prefix = match prefix {
        Some("/") | None => String::new(),
        Some(prefix) => format!("QEMU_LD_PREFIX=\"${{QEMU_LD_PREFIX:-{prefix}}}\" "),
    };
    Some(format!(
        "#!/bin/sh\n\
         # Starts a program of the target. Made by cross-core.\n\
         command -v {program} >/dev/null || {{\n\
         \x20   echo \"{program} is not in this environment\" >&2\n\
         \x20   exit 127\n\
         }}\n\
         {prefix}exec {program} {cpu}\"$@\"\n"
    ))
}
