use super::*;
use crate::engines::engine::EngineKind;
use crate::process::cancel::Cancel;
use crate::process::invocation::Variables;
use crate::process::{self, Output};
use crate::spec::mount::Mount;
use crate::spec::rootfs_layout::RootfsLayout;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

/// A fake engine that prints its arguments, except the lifeline's, and its environment, and then
/// runs the test's script.
const FAKE: &str = r#"#!/bin/sh
case $1$2 in imageinspect) exit 1 ;; esac
for word; do case $word in *own\ *) ;; *) printf '%s|' "$word" ;; esac; done
echo
/usr/bin/env | /usr/bin/sort | /bin/grep -E '^(SET|GIVEN|FAMILY_X|SECRET)='
/bin/cat
"#;

struct Case {
    dir: tempfile::TempDir,
    engine: Engine,
}

impl Case {
    fn new(kind: EngineKind, ends: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("engine");
        fs::write(&program, format!("{FAKE}{ends}\n")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        for made in ["root/usr", "it's $HOME"] {
            fs::create_dir_all(dir.path().join(made)).unwrap();
        }
        let engine = Engine {
            kind,
            program,
            version: String::new(),
            rootless: true,
            architecture: "amd64".into(),
            user: (1000, 1000),
            isolation: Default::default(),
        };
        Case { dir, engine }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().canonicalize().unwrap().join(path)
    }

    fn shim(&self) -> Shim {
        let root = match self.engine.kind {
            EngineKind::Sandbox => Root::Directory {
                path: self.path("root"),
                layout: RootfsLayout::default(),
            },
            _ => Root::Image("i:1".into()),
        };
        let spec = RunSpec::new(root, "/", ["tool", "it's"])
            .mounts([Mount::write(self.path("it's $HOME"))])
            .env([("SET".to_owned(), EnvValue::Plain("a 'b' \"$c\"".into()))])
            .name("cross-t");
        Shim::new(spec)
            .pass_env(["GIVEN", "FAMILY_*"])
            .directories([self.path("made")])
            .remedy("make it")
    }

    /// Runs the script in a directory of the test, with `typed` as its standard input.
    fn runs(&self, shim: &Shim, dir: &str, typed: &str, args: &[&str]) -> Output {
        let host = Host::new(Variables::new(), self.path("cache"));
        let path = self.path("script");
        fs::write(&path, shim.script(&self.engine, &host).unwrap()).unwrap();
        let line = format!("printf {typed} | sh \"$@\"");
        let run = Invocation::new("sh")
            .args(["-c", &line, "sh", path.to_str().unwrap()])
            .args(args.iter().copied())
            .env("GIVEN", "yes\nno")
            .env("FAMILY_X", "x")
            .env("SECRET", "s3cret")
            .cwd(self.path(dir));
        let caller = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let said = process::output(&run, &caller, &Cancel::new()).unwrap();
        let lifelines = fs::read_dir(self.path("cache/lifelines"));
        assert_eq!(lifelines.into_iter().flatten().count(), 0, "{said:?}");
        said
    }
}

#[test]
fn words_directories_variables_and_exit_codes_are_passed_on() {
    let case = Case::new(EngineKind::Sandbox, "exit 7");
    let said = case.runs(
        &case.shim(),
        "it's $HOME",
        "typed",
        &["-", "$x 'y'", "", "*"],
    );
    assert_eq!(said.exit.code, Some(7), "{}", said.stderr);
    let words = said.stdout.lines().next().unwrap();
    let dir = case.path("it's $HOME");
    let seen = format!(
        "|--chdir|{}|--|sh|-c|cross|tool|it's|-|$x 'y'||*|",
        dir.display()
    );
    assert!(words.ends_with(&seen), "{words}");
    assert!(said.stdout.ends_with("typed\n"), "{}", said.stdout);
    for line in ["SET=a 'b' \"$c\"", "GIVEN=yes", "FAMILY_X=x"] {
        assert!(said.stdout.contains(line), "{line} in {}", said.stdout);
    }
    assert!(!said.stdout.contains("s3cret"), "{}", said.stdout);
    assert!(case.path("made").is_dir());
}

#[test]
fn a_container_is_told_the_names_and_reads_what_it_is_told_to() {
    let case = Case::new(EngineKind::Docker, "");
    let shim = case.shim();
    let said = case.runs(&shim, "it's $HOME", "typed", &["-c"]);
    let words = said.stdout.lines().next().unwrap();
    for part in [
        "|--env|GIVEN|",
        "|--env|FAMILY_X|",
        "|--env|SET|",
        "|i:1|sh|-c|",
    ] {
        assert!(words.contains(part), "{part} in {words}");
    }
    assert!(
        !words.contains("SECRET") && !words.contains("a 'b'"),
        "{words}"
    );
    assert!(!said.stdout.ends_with("typed\n"), "nobody asked for it");
    for (shim, args) in [(shim.clone(), ["-"]), (shim.reads_stdin(true), ["-c"])] {
        let said = case.runs(&shim, "it's $HOME", "typed", &args);
        assert!(said.stdout.ends_with("typed\n"), "{args:?}");
    }
}

#[test]
fn each_run_has_a_name_of_its_own() {
    let case = Case::new(EngineKind::Podman, "");
    let name = || {
        let said = case.runs(&case.shim(), "it's $HOME", "x", &[]);
        let (_, rest) = said.stdout.split_once("|--name|cross-t-").unwrap();
        rest.split('|').next().unwrap().to_owned()
    };
    assert_ne!(name(), name());
}

#[test]
fn what_is_gone_is_said_with_the_remedy() {
    let sandbox = Case::new(EngineKind::Sandbox, "");
    let shim = sandbox.shim();
    fs::remove_dir_all(sandbox.path("root")).unwrap();
    let docker = Case::new(EngineKind::Docker, "exit 125");
    for (case, shim) in [(&sandbox, shim), (&docker, docker.shim())] {
        let said = case.runs(&shim, "it's $HOME", "x", &[]);
        assert_eq!(said.exit.code, Some(125));
        assert!(
            said.stderr
                .contains("` is not there any more\nhelp: make it\n"),
            "{said:?}"
        );
    }
}

#[test]
fn a_directory_that_is_not_seen_is_named_when_that_matters() {
    for (ends, told) in [("exit 1", true), ("exit 0", false)] {
        let case = Case::new(EngineKind::Sandbox, ends);
        let said = case.runs(&case.shim(), "root", "x", &[]);
        assert!(said.stdout.contains("|--chdir|/|"), "{}", said.stdout);
        let note = format!("`{}` is not visible", case.path("root").display());
        assert_eq!(said.stderr.contains(&note), told, "{}", said.stderr);
    }
}
