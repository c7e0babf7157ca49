//! The conditions `cfg(…)` of cargo's configuration, decided for a target as cargo decides them.

use std::path::PathBuf;
use std::str::FromStr;

use cargo_platform::{Cfg, Platform};
use cross_engine::process::clock;
use cross_engine::{Cancel, FileStamp, Host, Invocation, ProbeCache, process};
use once_cell::unsync::OnceCell;

use crate::cargo::workspace::HostCargo;
use crate::model::hash::short_hash;

/// What rustc sets for a target. It is asked once, and only if there is a condition.
pub(crate) struct TargetCfgs {
    rustc: PathBuf,
    query: Invocation,
    target: String,
    cfgs: OnceCell<Option<Vec<Cfg>>>,
}

impl TargetCfgs {
    /// The cfgs of `target`, a triple or the path of a specification.
    pub(crate) fn new(cargo: &HostCargo, target: String) -> Self {
        let rustc = cargo.program.with_file_name("rustc");
        let query = Invocation::new(&rustc).args(["--print", "cfg", "--target", &target]);
        TargetCfgs {
            query: query.cwd(&cargo.dir),
            rustc,
            target,
            cfgs: OnceCell::new(),
        }
    }

    /// Whether `name`, the name of a table of targets, is a condition such as `cfg(unix)` that
    /// holds. What nobody can decide holds: the host's rustc may not know the target.
    pub(crate) fn hold_in(&self, name: &str, host: &Host, cancel: &Cancel) -> bool {
        if !name.starts_with("cfg(") {
            return false;
        }
        let Ok(platform) = Platform::from_str(name) else {
            return true;
        };
        let cfgs = self.cfgs.get_or_init(|| self.ask(host, cancel));
        let Some(cfgs) = cfgs else {
            return true;
        };
        platform.matches(&self.target, cfgs)
    }

    fn ask(&self, host: &Host, cancel: &Cancel) -> Option<Vec<Cfg>> {
        let (memory, key) = (ProbeCache::in_cache(&host.cache), self.query.to_string());
        let name = format!("cfgs-{}", short_hash(&key, 16));
        let known: Option<String> = memory.get(&name, &key);
        let text = match known {
            Some(text) => text,
            None => {
                let time = clock::unix_time();
                let output = process::output(&self.query, &host.variables, cancel).ok()?;
                if !output.exit.success() {
                    return None;
                }
                let files = [self.rustc.clone(), self.target.clone().into()];
                let stamps = files.map(FileStamp::of).into();
                memory.insert(&name, &key, stamps, time, &output.stdout);
                output.stdout
            }
        };
        let lines = text.lines();
        Some(lines.filter_map(|line| Cfg::from_str(line).ok()).collect())
    }
}
