//! Chooses the toolset of a target: the first candidate that is installed and works.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_targets::{Target, Toolset, ToolsetKind};

use crate::model::error::Result;
use crate::model::host_tool::HostTool;
use crate::model::step::{Prepared, Warning};
use serde::{Deserialize, Serialize};

/// The version of a tool that works, if the tool prints one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ToolVersion {
    pub(super) version: Option<String>,
}

/// The result of trying a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Trial<T> {
    /// The tool worked.
    Passed(T),
    /// The tool is installed and failed, with this message.
    Failed(String),
}

/// The machine that tools are searched on.
pub(super) trait Machine {
    /// Finds a program by its name.
    fn find(&self, program: &str) -> Option<PathBuf>;
    /// Finds Zig's program.
    fn zig(&self) -> Result<Option<PathBuf>>;
    /// The directory for the files of a toolset.
    fn directory(&self, set: &Toolset, zig: &Path) -> PathBuf;
    /// Tries a candidate.
    fn try_out(&self, candidate: &Candidate) -> Result<Trial<ToolVersion>>;
}

/// A toolset whose required programs are installed.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// The toolset, with the machine's paths.
    pub(super) set: Toolset,
    /// The installed programs of the toolset, by name.
    pub(super) programs: BTreeMap<String, PathBuf>,
    /// Zig's program, if the toolset is Zig's.
    pub(super) zig: Option<PathBuf>,
}

/// A toolset that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rejected {
    pub(super) set: Toolset,
    pub(super) reason: Reason,
}

/// The reason for not choosing a toolset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reason {
    /// These programs are not installed.
    Missing(Vec<String>),
    /// The program is installed and failed, with this message.
    Broken(PathBuf, String),
}

/// The result of the search.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) chosen: Option<(Candidate, ToolVersion)>,
    /// The toolsets that precede the chosen one.
    pub(super) rejected: Vec<Rejected>,
}

/// Chooses the first of `sets` that is installed and works.
pub(super) fn choose(sets: Vec<Toolset>, machine: &dyn Machine) -> Result<Choice> {
    let mut rejected = Vec::new();
    for set in sets {
        let candidate = match look_up(&set, machine)? {
            Lookup::Installed(candidate) => candidate,
            Lookup::Missing(names) => {
                let reason = Reason::Missing(names);
                rejected.push(Rejected { set, reason });
                continue;
            }
        };
        match machine.try_out(&candidate)? {
            Trial::Passed(version) => {
                return Ok(Choice {
                    chosen: Some((candidate, version)),
                    rejected,
                });
            }
            Trial::Failed(message) => {
                let path = candidate.program().unwrap_or_default();
                let reason = Reason::Broken(path, message);
                rejected.push(Rejected { set, reason });
            }
        }
    }
    Ok(Choice {
        chosen: None,
        rejected,
    })
}

/// The result of looking up a toolset's programs.
enum Lookup {
    Installed(Candidate),
    /// The names of the programs that are not installed.
    Missing(Vec<String>),
}

/// Looks up the toolset's programs on the machine.
fn look_up(set: &Toolset, machine: &dyn Machine) -> Result<Lookup> {
    let is_missing = |name: &&String| machine.find(name).is_none();
    let missing: Vec<_> = set.required.iter().filter(is_missing).cloned().collect();
    if !missing.is_empty() {
        return Ok(Lookup::Missing(missing));
    }
    let zig = match set.kind {
        ToolsetKind::Zig => match machine.zig()? {
            Some(zig) => Some(zig),
            None => return Ok(Lookup::Missing(vec!["zig".to_owned()])),
        },
        _ => None,
    };
    let program = zig.clone().unwrap_or_default();
    let directory = machine.directory(set, &program);
    let set = set
        .clone()
        .relocated(&directory.to_string_lossy(), &program.to_string_lossy());
    let in_variables = set.env.values().filter(|value| may_be_program(value));
    let names = set.required.iter().chain(in_variables);
    let programs = names
        .filter_map(|name| Some((name.clone(), machine.find(name)?)))
        .collect();
    Ok(Lookup::Installed(Candidate { set, programs, zig }))
}

/// Whether a variable's value may be the name of a program.
fn may_be_program(value: &str) -> bool {
    !value.contains(['/', ' ', '=']) && value.chars().any(char::is_alphabetic)
}

/// The families of variables whose values are programs. A variable whose program is not installed
/// is not set: the build tool that reads the variable may know another name.
const PROGRAMS: [&str; 5] = ["CC_", "CXX_", "AR_", "RANLIB_", "CARGO_TARGET_"];

impl Candidate {
    /// The variables, with the paths of programs.
    pub(super) fn env(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        for (name, value) in &self.set.env {
            let is_program = PROGRAMS.iter().any(|family| name.starts_with(family));
            let found = self.programs.get(value);
            match (found, is_program && may_be_program(value)) {
                (Some(path), true) => env.insert(name.clone(), path.display().to_string()),
                (None, true) => None,
                _ => env.insert(name.clone(), value.clone()),
            };
        }
        env
    }

    /// The files of the toolset.
    pub(super) fn prepared(&self) -> Vec<Prepared> {
        let files = self.set.files.iter().map(|file| Prepared::File {
            path: PathBuf::from(&file.path),
            text: file.text.clone(),
            executable: file.executable,
        });
        files.collect()
    }

    /// The compiler's path.
    pub(super) fn compiler(&self) -> Option<PathBuf> {
        let compiler = self.set.compiler.as_ref()?;
        let found = self.programs.get(compiler).cloned();
        Some(found.unwrap_or_else(|| PathBuf::from(compiler)))
    }

    /// The main program of the toolset: Zig, or the first required program.
    pub(super) fn program(&self) -> Option<PathBuf> {
        let required = self.set.required.first();
        let required = || self.programs.get(required?).cloned();
        self.zig.clone().or_else(required)
    }

    /// The toolset as a listed tool; none if rustc finds its own linker.
    pub(super) fn tool(&self, version: Option<String>) -> Vec<HostTool> {
        let purpose = match self.set.kind {
            ToolsetKind::RustLld => "linker",
            _ => "C compiler and linker",
        };
        let tool = self.program().map(|path| HostTool {
            purpose: purpose.to_owned(),
            path,
            version,
        });
        tool.into_iter().collect()
    }

    /// The warning for a toolset without a C compiler.
    pub(super) fn warning(&self, target: Target) -> Option<Warning> {
        self.set.compiler.is_none().then(|| Warning {
            code: "no-c-compiler".to_owned(),
            message: format!(
                "this host has no C compiler for {}: only crates without C can be built",
                target.triple()
            ),
            help: Some(match (target.facts().zig, target.facts().lacks()) {
                (_, Some(why)) => format!("{}: {why}", target.triple()),
                (Some(_), None) => "install Zig (`python3 -m pip install ziglang`)".to_owned(),
                (None, None) => format!("install {}", target.facts().cross_packages.join(" ")),
            }),
        })
    }
}

impl Choice {
    /// The warnings for broken toolsets that precede the chosen one.
    pub(super) fn warnings(&self, target: Target) -> Vec<Warning> {
        let Some((chosen, _)) = &self.chosen else {
            return Vec::new();
        };
        let chosen = chosen.program().unwrap_or_else(|| "rust-lld".into());
        let broken = self
            .rejected
            .iter()
            .filter_map(|rejected| match &rejected.reason {
                Reason::Broken(path, message) => Some(Warning {
                    code: "broken-host-tool".to_owned(),
                    message: format!(
                        "`{}` cannot build for {}: {message}; `{}` is used instead",
                        path.display(),
                        target.triple(),
                        chosen.display()
                    ),
                    help: Some("install it again, or remove it".to_owned()),
                }),
                Reason::Missing(_) => None,
            });
        broken.collect()
    }
}

#[cfg(test)]
#[cfg(unix)]
pub(super) mod tests {
    use cross_targets::DebianArch;

    use super::*;

    /// A machine with these programs, of which some fail with a message.
    #[derive(Default)]
    struct FakeMachine {
        installed: Vec<&'static str>,
        zig: bool,
        broken: Vec<(&'static str, &'static str)>,
    }

    impl Machine for FakeMachine {
        fn find(&self, program: &str) -> Option<PathBuf> {
            let installed = self.installed.contains(&program);
            installed.then(|| Path::new("/usr/bin").join(program))
        }

        fn zig(&self) -> Result<Option<PathBuf>> {
            Ok(self.zig.then(|| "/opt/zig".into()))
        }

        fn directory(&self, _: &Toolset, _: &Path) -> PathBuf {
            "/cache/files/x".into()
        }

        fn try_out(&self, candidate: &Candidate) -> Result<Trial<ToolVersion>> {
            let program = candidate.program().unwrap_or_default();
            let broken = self.broken.iter();
            let mut broken = broken.filter(|(name, _)| program.ends_with(name));
            Ok(match broken.next() {
                Some((_, message)) => Trial::Failed((*message).to_owned()),
                None => Trial::Passed(ToolVersion {
                    version: Some("1".to_owned()),
                }),
            })
        }
    }

    fn chosen(target: &str, machine: &FakeMachine) -> Choice {
        let sets = Target::parse(target).unwrap().toolsets(DebianArch::Amd64);
        choose(sets, machine).unwrap()
    }

    const ARM: &str = "aarch64-unknown-linux-gnu";

    #[test]
    fn the_distributions_compiler_is_chosen_with_its_installed_tools() {
        let installed = vec![
            "aarch64-linux-gnu-gcc",
            "aarch64-linux-gnu-ar",
            "pkg-config",
        ];
        let choice = chosen(
            ARM,
            &FakeMachine {
                installed,
                zig: true,
                ..FakeMachine::default()
            },
        );
        let (candidate, _) = choice.chosen.unwrap();
        let env = candidate.env();
        let variable = |name: &str| env.get(name).map(String::as_str);
        let gcc = Some("/usr/bin/aarch64-linux-gnu-gcc");
        assert_eq!(
            variable("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER"),
            gcc
        );
        assert_eq!(variable("CC_aarch64_unknown_linux_gnu"), gcc);
        let ar = Some("/usr/bin/aarch64-linux-gnu-ar");
        assert_eq!(variable("AR_aarch64_unknown_linux_gnu"), ar);
        assert_eq!(
            variable("CXX_aarch64_unknown_linux_gnu"),
            None,
            "it is not installed"
        );
        assert_eq!(variable("PKG_CONFIG_ALLOW_CROSS"), Some("1"));
        assert!(choice.rejected.is_empty());
    }

    #[test]
    fn a_broken_toolset_is_skipped_with_a_warning() {
        let machine = FakeMachine {
            installed: vec!["aarch64-linux-gnu-gcc"],
            zig: true,
            broken: vec![("aarch64-linux-gnu-gcc", "cannot execute `cc1`")],
        };
        let choice = chosen(ARM, &machine);
        let warnings = choice.warnings(Target::parse(ARM).unwrap());
        assert_eq!(
            warnings[0].message,
            "`/usr/bin/aarch64-linux-gnu-gcc` cannot build for aarch64-unknown-linux-gnu: cannot execute \
             `cc1`; `/opt/zig` is used instead"
        );
        let (candidate, _) = choice.chosen.unwrap();
        assert_eq!(candidate.compiler(), Some("/cache/files/x/cross-cc".into()));
    }

    #[test]
    fn a_target_without_a_distributions_compiler_uses_zig_or_rusts_linker() {
        let target = "aarch64-unknown-linux-musl";
        let installed = vec!["rust-lld"];
        let (lld, _) = chosen(
            target,
            &FakeMachine {
                installed,
                ..FakeMachine::default()
            },
        )
        .chosen
        .unwrap();
        assert_eq!(
            lld.env()["CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER"],
            "/usr/bin/rust-lld"
        );
        let warning = lld.warning(Target::parse(target).unwrap()).unwrap();
        assert_eq!(warning.code, "no-c-compiler");
        let (zig, _) = chosen(
            target,
            &FakeMachine {
                zig: true,
                ..FakeMachine::default()
            },
        )
        .chosen
        .unwrap();
        assert_eq!(zig.set.kind, ToolsetKind::Zig);
    }

    /// Rust builds libraries for some targets without any tool of the machine.
    #[test]
    fn a_missing_c_compiler_is_named_or_what_its_row_lacks() {
        let mut warned = 0;
        for target in Target::all() {
            let sets = target.toolsets(DebianArch::Amd64);
            let choice = choose(sets, &FakeMachine::default()).unwrap();
            let warning = choice.chosen.and_then(|(it, _)| it.warning(target));
            let Some(help) = warning.and_then(|warning| warning.help) else {
                continue;
            };
            match target.facts().lacks() {
                Some(why) => assert!(help.contains(why), "{target}: {help}"),
                None => assert!(help.len() > "install ".len(), "{target}: {help}"),
            }
            warned += 1;
        }
        assert!(warned > 20, "{warned}");
    }

    #[test]
    fn every_missing_program_is_listed() {
        let choice = chosen("x86_64-unknown-linux-musl", &FakeMachine::default());
        assert!(choice.chosen.is_none());
        let rejected = choice.rejected.into_iter();
        let reasons: Vec<_> = rejected.map(|rejected| rejected.reason).collect();
        let names = ["x86_64-linux-musl-gcc", "zig", "rust-lld"];
        let expected = names.map(|name| Reason::Missing(vec![name.to_owned()]));
        assert_eq!(reasons, expected);
    }
}
