//! Collects the tools that a host lacks for a request, and reports them in one error.

use std::path::{Path, PathBuf};

use cross_targets::{HostEmulator, Target, Toolset, ToolsetKind};

use super::context::{ToolSearchContext, lacking_std};
use super::search::{Reason, Rejected};
use crate::model::error::{Error, ErrorKind};
use crate::model::host_tool::MissingTool;
use crate::model::step::Verb;

/// The command that installs Zig without root.
const INSTALL_ZIG: &str = "python3 -m pip install ziglang";

/// The missing tools, in the order in which they were searched.
#[derive(Debug, Default)]
pub(super) struct Missing(Vec<MissingTool>);

impl Missing {
    pub(super) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Adds the compiler for `target`, whose candidates were all rejected. `named_by` is the origin
    /// of the linker that the user named.
    pub(super) fn compiler(
        &mut self,
        target: Target,
        rejected: &[Rejected],
        named_by: Option<&str>,
    ) {
        let named = named_by.map_or_else(String::new, |by| format!(" (named by {by})"));
        let mut missing = MissingTool {
            purpose: format!("C compiler and linker for {}{named}", target.triple()),
            looked_for: Vec::new(),
            broken: Vec::new(),
            packages: Vec::new(),
            command: None,
        };
        for Rejected { set, reason } in rejected {
            match reason {
                Reason::Missing(names) => missing.looked_for.extend(names.iter().cloned()),
                Reason::Broken(path, message) => {
                    missing.broken.push((path.clone(), message.clone()));
                }
            }
            missing.remedy(set);
        }
        self.0.push(missing);
    }

    /// Adds the emulator for `target`. `broken` is an emulator that is installed and failed, with
    /// its message.
    pub(super) fn emulator(
        &mut self,
        target: Target,
        emulator: &HostEmulator,
        broken: Option<(&PathBuf, &String)>,
    ) {
        let mut packages = emulator.packages.clone();
        let mut prefixes = emulator.prefixes.iter();
        let lacks_libc = !prefixes.any(|(_, libc)| Path::new(libc).exists());
        if let (Some(arch), true) = (
            target.facts().debian_arch,
            lacks_libc && !emulator.prefixes.is_empty(),
        ) {
            if broken.is_some() {
                // The missing libc is the most likely cause.
                packages.clear();
            }
            packages.push(format!("libc6-{arch}-cross"));
        }
        self.0.push(MissingTool {
            purpose: format!("emulator for {}", target.triple()),
            looked_for: match broken {
                Some(_) => Vec::new(),
                None => emulator.names.clone(),
            },
            broken: broken
                .map(|(path, message)| (path.clone(), message.clone()))
                .into_iter()
                .collect(),
            packages,
            command: None,
        });
    }

    /// Adds the loader and libraries of a target whose programs this machine can run without an
    /// emulator, but failed to start with this message.
    pub(super) fn libraries(&mut self, target: Target, message: &str) {
        let arch = target.facts().debian_arch;
        let names = ["libc6", "libgcc-s1", "libstdc++6"];
        let of_arch = |arch: &str| names.map(|name| format!("{name}:{arch}")).to_vec();
        self.0.push(MissingTool {
            purpose: format!("loader and libraries for {} ({message})", target.triple()),
            looked_for: Vec::new(),
            broken: Vec::new(),
            packages: arch.map(of_arch).unwrap_or_default(),
            command: None,
        });
    }

    /// Adds the target's `std`, if something else is missing too or rustup is not installed.
    /// Otherwise a step of the plan installs it with rustup.
    pub(super) fn std(&mut self, context: &ToolSearchContext<'_>) {
        let Some(arguments) = lacking_std(context).filter(|_| context.completes) else {
            return;
        };
        let rustup = context.host.find_program("rustup");
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
                context.target.triple()
            ),
            looked_for,
            broken: Vec::new(),
            packages: Vec::new(),
            command: Some(format!("rustup {}", arguments.join(" "))),
        });
    }

    /// The error that lists everything that is missing.
    pub(super) fn error(self, context: &ToolSearchContext<'_>) -> Error {
        let verb = match context.request.verb {
            Verb::Exec | Verb::Cargo => "serve",
            verb => verb.as_str(),
        };
        let triple = context.target.triple();
        let mut message = format!("the host lacks tools to {verb} for {triple}:");
        for missing in &self.0 {
            message += &format!("\n  {missing}");
        }
        let help = self.help();
        Error::new(ErrorKind::ToolMissing, message)
            .with_help(help)
            .with_missing(self.0)
    }

    /// The remedy, with all packages in one command.
    fn help(&self) -> String {
        let mut packages: Vec<&str> = Vec::new();
        for package in self.0.iter().flat_map(|missing| &missing.packages) {
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
            "or use an engine that provides all tools: `sandbox`, `docker`, `podman`".to_owned(),
        );
        steps.join("; ")
    }
}

impl MissingTool {
    /// Adds the remedy for a toolset: the packages of the first toolset, or the command that
    /// installs Zig.
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
    fn one_message_lists_missing_and_broken_tools() {
        let target = Target::parse("aarch64-unknown-linux-gnu").unwrap();
        let sets = target.toolsets(DebianArch::Amd64);
        let message = "cannot execute `cc1` (exit status 1)".to_owned();
        let rejected: Vec<_> = sets
            .into_iter()
            .zip([
                Reason::Broken("/usr/bin/aarch64-linux-gnu-gcc".into(), message),
                Reason::Missing(vec!["zig".to_owned()]),
            ])
            .map(|(set, reason)| Rejected { set, reason })
            .collect();
        let mut missing = Missing::default();
        missing.compiler(target, &rejected, None);
        let mut emulator = target.host_emulator(DebianArch::Amd64).unwrap();
        emulator.prefixes.clear();
        missing.emulator(target, &emulator, None);
        let shown: Vec<_> = missing.0.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "C compiler and linker for aarch64-unknown-linux-gnu: `/usr/bin/aarch64-linux-gnu-gcc` \
                 does not work: cannot execute `cc1` (exit status 1); `zig` not found",
                "emulator for aarch64-unknown-linux-gnu: `qemu-aarch64-static`, `qemu-aarch64` not found",
            ]
        );
        assert_eq!(
            missing.help(),
            "install gcc-aarch64-linux-gnu g++-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user (Debian's \
             names); or for the compiler run `python3 -m pip install ziglang`; or use an \
             engine that provides all tools: `sandbox`, `docker`, `podman`"
        );
    }
}
