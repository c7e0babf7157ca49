//! What podman's configuration has to say on a restricted machine, and what it says.
//!
//! Podman asks for limits that only a root with `CAP_SYS_RESOURCE` may set, and its default runtime,
//! crun, refuses machines that use both cgroup versions. On a usual machine neither matters, so
//! nothing is written there.

use super::limits::Limits;

/// The limit podman asks for where its configuration names none, for open files and processes.
const PODMAN_WISH: u64 = 1 << 20;
/// The most that is written for processes: the limits of the next session may be lower than this
/// one's, and this is plenty.
const ENOUGH_PROCESSES: u64 = 1 << 15;

/// Our file: read by podman after the machine's own, before the user's.
pub(super) const DROP_IN: &str = "/etc/containers/containers.conf.d/50-cross-core.conf";

/// The keys of podman's configuration that matter here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodmanConfig {
    pub(super) runtime: Option<String>,
    pub(super) ulimits: Option<Vec<String>>,
}

/// What of the machine decides what podman's configuration has to say.
#[derive(Clone, Debug)]
pub(crate) struct PodmanMachine {
    /// Whether podman runs as root, and so does not lower its wishes to what is allowed.
    pub(super) as_root: bool,
    pub(super) limits: Limits,
    /// Whether both cgroup versions have controllers.
    pub(super) hybrid_cgroups: bool,
    /// Whether crun is installed or will be: where it is, it is the default.
    pub(super) crun: bool,
}

/// What podman's configuration lacks for containers to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shortfall {
    /// The limits to name.
    pub(super) ulimits: Option<Vec<String>>,
    /// Whether the runtime has to be runc.
    pub(super) runc: bool,
}

impl PodmanConfig {
    /// The configuration of files given in the order in which podman reads them: the last to name a
    /// key holds. A file that is not TOML says nothing here; podman itself complains about it.
    pub(super) fn merged<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut merged = PodmanConfig::default();
        for text in texts {
            let Ok(table) = text.parse::<toml::Table>() else {
                continue;
            };
            let key = |section: &str, key: &str| table.get(section)?.get(key).cloned();
            if let Some(toml::Value::String(runtime)) = key("engine", "runtime") {
                merged.runtime = Some(runtime);
            }
            if let Some(toml::Value::Array(limits)) = key("containers", "default_ulimits") {
                let words = limits.iter().filter_map(toml::Value::as_str);
                merged.ulimits = Some(words.map(str::to_owned).collect());
            }
        }
        merged
    }

    /// The hard limit it names: `nofile=soft:hard`, or one number for both.
    fn hard(&self, name: &str) -> Option<u64> {
        self.ulimits.as_ref()?.iter().find_map(|word| {
            let values = word.strip_prefix(name)?.strip_prefix('=')?;
            values.rsplit(':').next()?.parse().ok()
        })
    }
}

impl PodmanMachine {
    /// What `config` lacks on this machine.
    pub(super) fn lacks(&self, config: &PodmanConfig) -> Shortfall {
        let default_is_crun = config.runtime.is_none() && self.crun;
        let crun = default_is_crun || config.runtime.as_deref() == Some("crun");
        Shortfall {
            ulimits: self.ulimits_needed(config),
            runc: self.hybrid_cgroups && crun,
        }
    }

    fn ulimits_needed(&self, config: &PodmanConfig) -> Option<Vec<String>> {
        if !self.as_root || self.limits.may_raise {
            return None;
        }
        // `host`, which newer podmans know, asks for no more than there is.
        let host = |limits: &Vec<String>| limits.iter().any(|word| word == "host");
        if config.ulimits.as_ref().is_some_and(host) {
            return None;
        }
        let asked = |name| config.hard(name).unwrap_or(PODMAN_WISH);
        let Limits { nofile, nproc, .. } = self.limits;
        if asked("nofile") <= nofile && asked("nproc") <= nproc {
            return None;
        }
        let (nofile, nproc) = (nofile.min(PODMAN_WISH), nproc.min(ENOUGH_PROCESSES));
        Some(vec![
            format!("nofile={nofile}:{nofile}"),
            format!("nproc={nproc}:{nproc}"),
        ])
    }
}

impl Shortfall {
    pub(crate) fn is_none(&self) -> bool {
        *self == Shortfall::default()
    }

    /// Why podman's containers cannot start without it.
    pub(crate) fn why(&self) -> String {
        let limits = "root may not raise limits here (no CAP_SYS_RESOURCE), and podman asks for more than there is";
        let runtime = "both cgroup versions are in use here, which podman's runtime crun refuses";
        match (&self.ulimits, self.runc) {
            (Some(_), true) => format!("{limits}; {runtime}"),
            (Some(_), false) => limits.to_owned(),
            (None, _) => runtime.to_owned(),
        }
    }

    /// The lines of a containers.conf that make it good.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("# Written by the set-up of cross-core.\n");
        if let Some(limits) = &self.ulimits {
            let words: Vec<_> = limits.iter().map(|word| format!("\"{word}\"")).collect();
            text.push_str(&format!(
                "[containers]\n# Podman would ask for {PODMAN_WISH} of each, which is more than this machine allows.\n\
                 default_ulimits = [{}]\n",
                words.join(", ")
            ));
        }
        if self.runc {
            text.push_str(
                "[engine]\n# Both cgroup versions are in use here, which crun refuses.\nruntime = \"runc\"\n",
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restricted() -> PodmanMachine {
        PodmanMachine {
            as_root: true,
            limits: Limits {
                nofile: 20_000,
                nproc: 96_365,
                may_raise: false,
            },
            hybrid_cgroups: true,
            crun: true,
        }
    }

    #[test]
    fn a_restricted_root_needs_limits_and_runc() {
        let lacks = restricted().lacks(&PodmanConfig::default());
        let text = lacks.text();
        assert!(text.contains(r#"default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]"#));
        assert!(text.contains(r#"runtime = "runc""#));
        // What is written is what was lacking.
        let config = PodmanConfig::merged([text.as_str()]);
        assert!(restricted().lacks(&config).is_none(), "{text}");
    }

    #[test]
    fn a_usual_machine_needs_nothing() {
        let mut machine = restricted();
        machine.hybrid_cgroups = false;
        machine.limits.may_raise = true;
        assert!(machine.lacks(&PodmanConfig::default()).is_none());
        machine.limits.may_raise = false;
        assert!(!machine.lacks(&PodmanConfig::default()).is_none());
        // A plain user's podman takes what the limits allow.
        machine.as_root = false;
        assert!(machine.lacks(&PodmanConfig::default()).is_none());
    }

    #[test]
    fn a_plain_user_needs_runc_too() {
        let mut machine = restricted();
        machine.as_root = false;
        let lacks = machine.lacks(&PodmanConfig::default());
        assert!(lacks.runc && lacks.ulimits.is_none());
        machine.crun = false;
        assert!(machine.lacks(&PodmanConfig::default()).is_none());
    }

    #[test]
    fn the_last_file_holds_and_too_much_is_seen() {
        let config = PodmanConfig::merged([
            "[engine]\nruntime = \"runc\"\n[containers]\ndefault_ulimits = [\"nofile=1024\"]",
            "not toml at all",
            "[containers]\ndefault_ulimits = [\"nofile=1024:65536\", \"nproc=100:200\"]",
        ]);
        assert_eq!(config.runtime.as_deref(), Some("runc"));
        assert_eq!(
            (config.hard("nofile"), config.hard("nproc")),
            (Some(65536), Some(200))
        );
        let lacks = restricted().lacks(&config);
        assert!(lacks.ulimits.is_some() && !lacks.runc);
        let host = PodmanConfig::merged(["[containers]\ndefault_ulimits = [\"host\"]"]);
        assert!(restricted().lacks(&host).ulimits.is_none());
    }
}
