//! The podman configuration that a restricted machine needs.
//!
//! Podman asks for limits that only a root with `CAP_SYS_RESOURCE` may set, and its default
//! runtime, crun, refuses machines that use both cgroup versions. On other machines neither
//! matters, and nothing is written.

use super::limits::Limits;

/// The limit that podman asks for, for open files and processes, if its configuration sets none.
const PODMAN_DEFAULT_LIMIT: u64 = 1 << 20;
/// The highest limit for processes that is written. The limits of the next session may be lower
/// than those of this one, and this is enough for containers.
const MAX_PROCESSES: u64 = 1 << 15;

/// Our file. Podman reads it after the machine's own files and before the user's.
pub(super) const DROP_IN: &str = "/etc/containers/containers.conf.d/50-cross-core.conf";

/// The keys of podman's configuration that a set-up depends on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PodmanConfig {
    pub(super) runtime: Option<String>,
    pub(super) ulimits: Option<Vec<String>>,
}

/// The facts that decide which settings podman needs.
#[derive(Clone, Debug)]
pub(crate) struct PodmanMachine {
    /// Whether podman runs as root. Only then it does not lower its limits to those allowed.
    pub(super) as_root: bool,
    pub(super) limits: Limits,
    /// Whether both cgroup versions have controllers.
    pub(super) hybrid_cgroups: bool,
    /// Whether crun is installed or will be. It is podman's default runtime then.
    pub(super) crun: bool,
}

/// The settings that podman's configuration lacks for containers to start.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shortfall {
    /// The limits to set.
    pub(super) ulimits: Option<Vec<String>>,
    /// Whether the runtime has to be runc.
    pub(super) runc: bool,
}

impl PodmanConfig {
    /// Merges files in the order in which podman reads them: the last one to set a key wins. A file
    /// that is not TOML is ignored, because podman itself reports it.
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

    /// The hard limit that it sets: `nofile=soft:hard`, or one number for both.
    fn hard(&self, name: &str) -> Option<u64> {
        self.ulimits.as_ref()?.iter().find_map(|word| {
            let values = word.strip_prefix(name)?.strip_prefix('=')?;
            values.rsplit(':').next()?.parse().ok()
        })
    }
}

impl PodmanMachine {
    /// The settings that `config` lacks on this machine.
    pub(super) fn shortfall(&self, config: &PodmanConfig) -> Shortfall {
        let default_is_crun = config.runtime.is_none() && self.crun;
        let uses_crun = default_is_crun || config.runtime.as_deref() == Some("crun");
        Shortfall {
            ulimits: self.ulimits_needed(config),
            runc: self.hybrid_cgroups && uses_crun,
        }
    }

    fn ulimits_needed(&self, config: &PodmanConfig) -> Option<Vec<String>> {
        if !self.as_root || self.limits.may_raise {
            return None;
        }
        // `host`, which newer versions know, keeps the limits of this process.
        let keeps_limits = |limits: &Vec<String>| limits.iter().any(|word| word == "host");
        if config.ulimits.as_ref().is_some_and(keeps_limits) {
            return None;
        }
        let asked = |name| config.hard(name).unwrap_or(PODMAN_DEFAULT_LIMIT);
        let Limits { nofile, nproc, .. } = self.limits;
        if asked("nofile") <= nofile && asked("nproc") <= nproc {
            return None;
        }
        let (nofile, nproc) = (nofile.min(PODMAN_DEFAULT_LIMIT), nproc.min(MAX_PROCESSES));
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

    /// Why podman's containers cannot start.
    pub(crate) fn why(&self) -> String {
        let limits = "root may not raise limits here (no CAP_SYS_RESOURCE), and podman asks for more than there is";
        let runtime = "both cgroup versions are in use here, which podman's runtime crun refuses";
        match (&self.ulimits, self.runc) {
            (Some(_), true) => format!("{limits}; {runtime}"),
            (Some(_), false) => limits.to_owned(),
            (None, _) => runtime.to_owned(),
        }
    }

    /// The lines of a containers.conf that add the settings.
    pub(crate) fn text(&self) -> String {
        let mut text = String::from("# Written by the set-up of cross-core.\n");
        if let Some(limits) = &self.ulimits {
            let words: Vec<_> = limits.iter().map(|word| format!("\"{word}\"")).collect();
            text.push_str(&format!(
                "[containers]\n# Podman would ask for {PODMAN_DEFAULT_LIMIT} of each, which is more than this machine allows.\n\
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
        let shortfall = restricted().shortfall(&PodmanConfig::default());
        let text = shortfall.text();
        assert!(text.contains(r#"default_ulimits = ["nofile=20000:20000", "nproc=32768:32768"]"#));
        assert!(text.contains(r#"runtime = "runc""#));
        // The text adds exactly the missing settings.
        let config = PodmanConfig::merged([text.as_str()]);
        assert!(restricted().shortfall(&config).is_none(), "{text}");
    }

    #[test]
    fn an_unrestricted_machine_needs_nothing() {
        let mut machine = restricted();
        machine.hybrid_cgroups = false;
        machine.limits.may_raise = true;
        assert!(machine.shortfall(&PodmanConfig::default()).is_none());
        machine.limits.may_raise = false;
        assert!(!machine.shortfall(&PodmanConfig::default()).is_none());
        // The podman of an unprivileged user lowers its limits to those allowed.
        machine.as_root = false;
        assert!(machine.shortfall(&PodmanConfig::default()).is_none());
    }

    #[test]
    fn an_unprivileged_user_needs_runc_too() {
        let mut machine = restricted();
        machine.as_root = false;
        let shortfall = machine.shortfall(&PodmanConfig::default());
        assert!(shortfall.runc && shortfall.ulimits.is_none());
        machine.crun = false;
        assert!(machine.shortfall(&PodmanConfig::default()).is_none());
    }

    #[test]
    fn the_last_file_wins_and_too_high_limits_are_found() {
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
        let shortfall = restricted().shortfall(&config);
        assert!(shortfall.ulimits.is_some() && !shortfall.runc);
        let host = PodmanConfig::merged(["[containers]\ndefault_ulimits = [\"host\"]"]);
        assert!(restricted().shortfall(&host).ulimits.is_none());
    }
}
