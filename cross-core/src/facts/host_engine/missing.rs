//! Everything that a host lacks for a request, in one error.

use std::path::{Path, PathBuf};

use cross_targets::{HostEmulator, Target, Toolset, ToolsetKind};

use super::search::{Tried, Why};
use super::{ToolSearchContext, lacking_std};
use crate::model::error::{Error, ErrorKind};
use crate::model::host_tool::MissingTool;
use crate::model::step::Verb;

/// How Zig gets onto a machine without anybody's rights.
const INSTALL_ZIG: &str = "python3 -m pip install ziglang";

/// What is missing, as it is found out.
#[derive(Debug, Default)]
pub(super) struct Missing(Vec<MissingTool>);

impl Missing {
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// No compiler for `target`: what was tried.
    pub(super) fn compiler(&mut self, target: Target, tried: &[Tried], named_by: Option<&str>) {
        let named = named_by.map_or_else(String::new, |by| format!(" (named by {by})"));
        let mut missing = MissingTool {
            purpose: format!("C compiler and linker for {}{named}", target.triple()),
            looked_for: Vec::new(),
            broken: Vec::new(),
            packages: Vec::new(),
            command: None,
        };
        for Tried { set, why } in tried {
            match why {
                Why::Lacks(names) => missing.looked_for.extend(names.iter().cloned()),
                Why::Broken(path, said) => missing.broken.push((path.clone(), said.clone())),
            }
            missing.remedy(set);
        }
        self.0.push(missing);
    }

    /// No emulator, or one that does not work.
    pub(super) fn emulator(
        &mut self,
        target: Target,
        wanted: &HostEmulator,
        broken: Option<(&PathBuf, &String)>,
    ) {
        let mut packages = wanted.packages.clone();
        let lacks_libc = !wanted
            .prefixes
            .iter()
            .any(|(_, libc)| Path::new(libc).exists());
        if let (Some(arch), true) = (
            target.facts().debian_arch,
            lacks_libc && !wanted.prefixes.is_empty(),
        ) {
            if broken.is_some() {
                // That is most probably why.
                packages.clear();
            }
            packages.push(format!("libc6-{arch}-cross"));
        }
        self.0.push(MissingTool {
            purpose: format!("emulator for {}", target.triple()),
            looked_for: match broken {
                Some(_) => Vec::new(),
                None => wanted.names.clone(),
            },
            broken: broken
                .map(|(path, said)| (path.clone(), said.clone()))
                .into_iter()
                .collect(),
            packages,
            command: None,
        });
    }

    /// Programs of the target are this machine's own, and do not start: `said` why.
    pub(super) fn libraries(&mut self, target: Target, said: &str) {
        let arch = target.facts().debian_arch;
        let names = ["libc6", "libgcc-s1", "libstdc++6"];
        let of_arch = |arch: &str| names.map(|name| format!("{name}:{arch}")).to_vec();
        self.0.push(MissingTool {
            purpose: format!("loader and libraries for {} ({said})", target.triple()),
            looked_for: Vec::new(),
            broken: Vec::new(),
            packages: arch.map(of_arch).unwrap_or_default(),
            command: None,
        });
    }

    /// The target's `std`, where something else is missing too, or nobody here can install it: where
    /// rustup can, doing so is a step of the plan.
    pub(super) fn std(&mut self, given: &ToolSearchContext<'_>) {
        let Some(arguments) = lacking_std(given).filter(|_| given.completes) else {
            return;
        };
        let rustup = given.host.find_program("rustup");
        if !self.any() && rustup.is_some() {
            return;
        }
        let looked_for = match rustup {
            Some(_) => Vec::new(),
            None => vec!["rustup".to_owned()],
        };
        self.0.push(MissingTool {
            purpose: format!(
                "standard library for {} in the toolchain",
                given.target.triple()
            ),
            looked_for,
            broken: Vec::new(),
            packages: Vec::new(),
            command: Some(format!("rustup {}", arguments.join(" "))),
        });
    }

    /// All of it as one error.
    pub(super) fn error(self, given: &ToolSearchContext<'_>) -> Error {
        let verb = match given.request.verb {
            Verb::Exec | Verb::Cargo => "serve",
            verb => verb.as_str(),
        };
        let triple = given.target.triple();
        let mut message = format!("the host lacks what it takes to {verb} for {triple}:");
        for one in &self.0 {
            message += &format!("\n  {one}");
        }
        let help = self.help();
        Error::new(ErrorKind::ToolMissing, message)
            .with_help(help)
            .with_missing(self.0)
    }

    /// What to do about all of it, in as few steps as will do.
    fn help(&self) -> String {
        let mut packages: Vec<&str> = Vec::new();
        for package in self.0.iter().flat_map(|it| &it.packages) {
            if !packages.contains(&package.as_str()) {
                packages.push(package);
            }
        }
        let mut steps = Vec::new();
        if !packages.is_empty() {
            steps.push(format!("install {} (Debian's names)", packages.join(" ")));
        }
        for missing in &self.0 {
            let Some(command) = &missing.command else {
                continue;
            };
            steps.push(match missing.packages.is_empty() {
                true => format!("run `{command}`"),
                false => format!("or for the compiler run `{command}`"),
            });
        }
        steps.push(
            "or name another engine, which brings them all: `sandbox`, `docker`, `podman`"
                .to_owned(),
        );
        steps.join("; ")
    }
}

impl MissingTool {
    /// How tools of this kind get there. Of several names for one compiler, the first one's packages do.
    fn remedy(&mut self, set: &Toolset) {
        if set.kind == ToolsetKind::Zig {
            self.command = Some(INSTALL_ZIG.to_owned());
        }
        if self.packages.is_empty() {
            self.packages.clone_from(&set.packages);
        }
    }
}

#[cfg(test)]
mod tests {
    use cross_targets::DebianArch;

    use super::*;

    #[test]
    fn one_text_names_what_is_missing_and_what_is_broken() {
        let target = Target::parse("aarch64-unknown-linux-gnu").unwrap();
        let sets = target.toolsets(DebianArch::Amd64);
        let said = "cannot execute `cc1` (exit status 1)".to_owned();
        let tried: Vec<_> = sets
            .into_iter()
            .zip([
                Why::Broken("/usr/bin/aarch64-linux-gnu-gcc".into(), said),
                Why::Lacks(vec!["zig".to_owned()]),
            ])
            .map(|(set, why)| Tried { set, why })
            .collect();
        let mut missing = Missing::default();
        missing.compiler(target, &tried, None);
        let mut wanted = target.host_emulator(DebianArch::Amd64).unwrap();
        wanted.prefixes.clear();
        missing.emulator(target, &wanted, None);
        let shown: Vec<_> = missing.0.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "C compiler and linker for aarch64-unknown-linux-gnu: `/usr/bin/aarch64-linux-gnu-gcc` is \
                 there and does not work: cannot execute `cc1` (exit status 1); `zig` not there",
                "emulator for aarch64-unknown-linux-gnu: `qemu-aarch64-static`, `qemu-aarch64` not there",
            ]
        );
        assert_eq!(
            missing.help(),
            "install gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user (Debian's \
             names); or for the compiler run `python3 -m pip install ziglang`; or name another engine, which brings them all: `sandbox`, \
             `docker`, `podman`"
        );
    }
}
