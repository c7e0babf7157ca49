//! Which of the tools that could serve are taken: the first that is there and works.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cross_targets::{Target, Toolset, ToolsetKind};

use crate::model::error::Result;
use crate::model::host_tool::HostTool;
use crate::model::step::{Prepared, Warning};
use serde::{Deserialize, Serialize};

/// What something that works said of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Answer {
    pub(super) version: Option<String>,
}

/// What a machine is asked while tools are chosen.
pub(super) trait Machine {
    /// The program that is called so.
    fn find(&self, program: &str) -> Option<PathBuf>;
    /// Zig's program.
    fn zig(&self) -> Result<Option<PathBuf>>;
    /// Where the files of a set go.
    fn directory(&self, set: &Toolset, zig: &Path) -> PathBuf;
    /// Whether what was found works; else what it said.
    fn works(&self, candidate: &Candidate) -> Result<std::result::Result<Answer, String>>;
}

/// The way to a choice.
pub(super) struct Search<'a> {
    pub(super) probe: &'a dyn Machine,
}

/// Tools that are there.
#[derive(Clone, Debug)]
pub(super) struct Candidate {
    /// As the machine has them: with its own paths.
    pub(super) set: Toolset,
    /// The programs of the set's variables that are there, by name.
    pub(super) programs: BTreeMap<String, PathBuf>,
    /// Zig's program, where the set is Zig's.
    pub(super) zig: Option<PathBuf>,
}

/// A set that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    pub(super) set: Toolset,
    pub(super) why: Why,
}

/// Why a set was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// None of these is there.
    Lacks(Vec<String>),
    /// It is there, and said this when it was tried.
    Broken(PathBuf, String),
}

/// What came of the search.
#[derive(Debug)]
pub(super) struct Choice {
    pub(super) chosen: Option<(Candidate, Answer)>,
    /// Those that come before it.
    pub(super) tried: Vec<Tried>,
}

/// Takes the first of `sets` that is there and works.
pub(super) fn choose(sets: Vec<Toolset>, search: &Search<'_>) -> Result<Choice> {
    let mut tried = Vec::new();
    for set in sets {
        let candidate = match candidate(&set, search.probe)? {
            Ok(candidate) => candidate,
            Err(names) => {
                let why = Why::Lacks(names);
                tried.push(Tried { set, why });
                continue;
            }
        };
        match search.probe.works(&candidate)? {
            Ok(answer) => {
                return Ok(Choice {
                    chosen: Some((candidate, answer)),
                    tried,
                });
            }
            Err(said) => {
                let path = candidate.program().unwrap_or_default();
                let why = Why::Broken(path, said);
                tried.push(Tried { set, why });
            }
        }
    }
    Ok(Choice {
        chosen: None,
        tried,
    })
}

/// The set with the machine's paths, or the names of what it lacks.
fn candidate(
    set: &Toolset,
    machine: &dyn Machine,
) -> Result<std::result::Result<Candidate, Vec<String>>> {
    let is_missing = |name: &&String| machine.find(name).is_none();
    let missing: Vec<_> = set.required.iter().filter(is_missing).cloned().collect();
    if !missing.is_empty() {
        return Ok(Err(missing));
    }
    let zig = match set.kind {
        ToolsetKind::Zig => match machine.zig()? {
            Some(zig) => Some(zig),
            None => return Ok(Err(vec!["zig".to_owned()])),
        },
        _ => None,
    };
    let program = zig.clone().unwrap_or_default();
    let directory = machine.directory(set, &program);
    let set = set
        .clone()
        .relocated(&directory.to_string_lossy(), &program.to_string_lossy());
    let of_variables = set.env.values().filter(|value| is_name(value));
    let names = set.required.iter().chain(of_variables);
    let programs = names
        .filter_map(|name| Some((name.clone(), machine.find(name)?)))
        .collect();
    Ok(Ok(Candidate { set, programs, zig }))
}

/// Whether a variable's value could be a program that is looked for by its name.
fn is_name(value: &str) -> bool {
    !value.contains(['/', ' ', '=']) && value.chars().any(char::is_alphabetic)
}

/// The families of variables whose values are programs. What is not there is left to whoever calls it,
/// who may know another name.
const PROGRAMS: [&str; 5] = ["CC_", "CXX_", "AR_", "RANLIB_", "CARGO_TARGET_"];

impl Candidate {
    /// The variables, with programs by their paths.
    pub(super) fn env(&self) -> BTreeMap<String, String> {
        let mut env = BTreeMap::new();
        for (name, value) in &self.set.env {
            let is_program = PROGRAMS.iter().any(|family| name.starts_with(family));
            let found = self.programs.get(value);
            match (found, is_program && is_name(value)) {
                (Some(path), true) => env.insert(name.clone(), path.display().to_string()),
                (None, true) => None,
                _ => env.insert(name.clone(), value.clone()),
            };
        }
        env
    }

    /// The files of the set.
    pub(super) fn prepared(&self) -> Vec<Prepared> {
        let files = self.set.files.iter().map(|file| Prepared::File {
            path: PathBuf::from(&file.path),
            text: file.text.clone(),
            executable: file.executable,
        });
        files.collect()
    }

    /// What compiles, as it is started.
    pub(super) fn compiler(&self) -> Option<PathBuf> {
        let compiler = self.set.compiler.as_ref()?;
        let found = self.programs.get(compiler).cloned();
        Some(found.unwrap_or_else(|| PathBuf::from(compiler)))
    }

    /// The program that the set is made around: behind a script, what the script starts.
    pub(super) fn program(&self) -> Option<PathBuf> {
        let required = self.set.required.first();
        let required = || self.programs.get(required?).cloned();
        self.zig.clone().or_else(required)
    }

    /// As it is listed; nothing where Rust's own linker is found by rustc itself.
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

    /// That C cannot be compiled, where it cannot.
    pub(super) fn warning(&self, target: Target) -> Option<Warning> {
        self.set.compiler.is_none().then(|| Warning {
            code: "no-c-compiler".to_owned(),
            message: format!(
                "this host has no C compiler for {}: only crates without C can be built",
                target.triple()
            ),
            help: Some(match target.facts().zig {
                Some(_) => "install Zig (`python3 -m pip install ziglang`)".to_owned(),
                None => format!("install {}", target.facts().cross_packages.join(" ")),
            }),
        })
    }
}

impl Choice {
    /// What is there and does not work, where something else does.
    pub(super) fn warnings(&self, target: Target) -> Vec<Warning> {
        let Some((taken, _)) = &self.chosen else {
            return Vec::new();
        };
        let taken = taken.program().unwrap_or_else(|| "rust-lld".into());
        let broken = self.tried.iter().filter_map(|it| match &it.why {
            Why::Broken(path, said) => Some(Warning {
                code: "broken-host-tool".to_owned(),
                message: format!(
                    "`{}` is there and cannot build for {}: {said}; `{}` is used",
                    path.display(),
                    target.triple(),
                    taken.display()
                ),
                help: Some("install it again, or remove it".to_owned()),
            }),
            Why::Lacks(_) => None,
        });
        broken.collect()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use cross_targets::DebianArch;

    use super::*;

    /// A machine of facts: which programs there are, and what each says when it is tried.
    #[derive(Default)]
    struct Facts {
        there: Vec<&'static str>,
        zig: bool,
        broken: Vec<(&'static str, &'static str)>,
    }

    impl Machine for Facts {
        fn find(&self, program: &str) -> Option<PathBuf> {
            let there = self.there.contains(&program);
            there.then(|| Path::new("/usr/bin").join(program))
        }

        fn zig(&self) -> Result<Option<PathBuf>> {
            Ok(self.zig.then(|| "/opt/zig".into()))
        }

        fn directory(&self, _: &Toolset, _: &Path) -> PathBuf {
            "/cache/files/x".into()
        }

        fn works(&self, candidate: &Candidate) -> Result<std::result::Result<Answer, String>> {
            let program = candidate.program().unwrap_or_default();
            let broken = self.broken.iter();
            let mut broken = broken.filter(|(name, _)| program.ends_with(name));
            Ok(match broken.next() {
                Some((_, said)) => Err((*said).to_owned()),
                None => Ok(Answer {
                    version: Some("1".to_owned()),
                }),
            })
        }
    }

    fn chosen(target: &str, machine: &Facts) -> Choice {
        let sets = Target::parse(target).unwrap().toolsets(DebianArch::Amd64);
        choose(sets, &Search { probe: machine }).unwrap()
    }

    const ARM: &str = "aarch64-unknown-linux-gnu";

    #[test]
    fn the_distributions_compiler_is_taken_with_what_is_there_of_its_tools() {
        let there = vec![
            "aarch64-linux-gnu-gcc",
            "aarch64-linux-gnu-ar",
            "pkg-config",
        ];
        let choice = chosen(
            ARM,
            &Facts {
                there,
                zig: true,
                ..Facts::default()
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
            "it is not there"
        );
        assert_eq!(variable("PKG_CONFIG_ALLOW_CROSS"), Some("1"));
        assert!(choice.tried.is_empty());
    }

    #[test]
    fn what_is_broken_is_passed_over_and_told() {
        let machine = Facts {
            there: vec!["aarch64-linux-gnu-gcc"],
            zig: true,
            broken: vec![("aarch64-linux-gnu-gcc", "cannot execute `cc1`")],
        };
        let choice = chosen(ARM, &machine);
        let warnings = choice.warnings(Target::parse(ARM).unwrap());
        assert_eq!(
            warnings[0].message,
            "`/usr/bin/aarch64-linux-gnu-gcc` is there and cannot build for aarch64-unknown-linux-gnu: \
             cannot execute `cc1`; `/opt/zig` is used"
        );
        let (candidate, _) = choice.chosen.unwrap();
        assert_eq!(candidate.compiler(), Some("/cache/files/x/cross-cc".into()));
    }

    #[test]
    fn what_no_distribution_has_is_zigs_or_rusts_own() {
        let target = "aarch64-unknown-linux-musl";
        let there = vec!["rust-lld"];
        let (lld, _) = chosen(
            target,
            &Facts {
                there,
                ..Facts::default()
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
            &Facts {
                zig: true,
                ..Facts::default()
            },
        )
        .chosen
        .unwrap();
        assert_eq!(zig.set.kind, ToolsetKind::Zig);
    }

    #[test]
    fn everything_that_was_looked_for_is_told() {
        let choice = chosen("x86_64-unknown-linux-musl", &Facts::default());
        assert!(choice.chosen.is_none());
        let lacks: Vec<_> = choice.tried.into_iter().map(|it| it.why).collect();
        let names = ["x86_64-linux-musl-gcc", "zig", "rust-lld"];
        assert_eq!(lacks, names.map(|name| Why::Lacks(vec![name.to_owned()])));
    }
}
