use super::*;
use crate::engines::engine::EngineKind;
use crate::os;
use crate::process::cancel::Cancel;
use crate::process::clock;
use crate::process::executable;
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
    has_proc: bool,
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
            program,
            rootless: true,
            ..Engine::sample(kind)
        };
        Case {
            dir,
            engine,
            has_proc: true,
        }
    }

    fn path(&self, path: &str) -> PathBuf {
        os::canonical(self.dir.path()).unwrap().join(path)
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
        let script = shim.script_of(&self.engine, &host, self.has_proc).unwrap();
        fs::write(&path, script).unwrap();
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

/// As on macOS: the engine is in a virtual machine, and there is no `/proc`.
fn case_of_a_virtual_machine(ends: &str) -> Case {
    let mut case = Case::new(EngineKind::Docker, ends);
    case.engine.own_kernel = true;
    case.has_proc = false;
    case
}

#[test]
fn tools_of_a_virtual_machine_need_nothing_of_this_kernel() {
    let case = case_of_a_virtual_machine("exit 7");
    let shim = case.shim().reads_stdin(true);
    let host = Host::new(Variables::new(), case.path("cache"));
    let script = shim.script_of(&case.engine, &host, false).unwrap();
    for word in ["/proc", "mkfifo", "lifeline", "own "] {
        assert!(!script.contains(word), "{word} in {script}");
    }
    let said = case.runs(&shim, "it's $HOME", "typed", &["-c"]);
    assert_eq!(said.exit.code, Some(7), "{}", said.stderr);
    let words = said.stdout.lines().next().unwrap();
    assert!(words.ends_with("|i:1|tool|it's|-c|"), "{words}");
    assert!(said.stdout.ends_with("typed\n"), "{}", said.stdout);
}

#[test]
fn a_container_of_a_virtual_machine_is_removed_when_the_process_that_started_its_script_is_gone() {
    let case = case_of_a_virtual_machine("");
    let calls = case.path("calls");
    let engine = format!(
        "#!/bin/sh\necho \"$*\" >>{}\ncase $1 in run) exec sleep 67 ;; esac\n",
        calls.display()
    );
    executable::create(&case.engine.program, &engine);
    let host = Host::new(Variables::new(), case.path("cache"));
    let script = case.shim().script_of(&case.engine, &host, false).unwrap();
    let path = case.path("script");
    fs::write(&path, script).unwrap();
    // The shell that starts the script ends at once.
    let start = "sh \"$1\" </dev/null >/dev/null 2>&1 & \
                 until grep -q run \"$2\" 2>/dev/null; do sleep .1; done";
    let run = Invocation::new("sh")
        .args(["-c", start, "sh"])
        .args([path.to_str().unwrap(), calls.to_str().unwrap()]);
    let caller = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
    process::output(&run, &caller, &Cancel::new()).unwrap();
    let called = || fs::read_to_string(&calls).unwrap();
    let (_, name) = called()
        .split_once("--name ")
        .map(|(a, b)| (a.len(), b.to_owned()))
        .unwrap();
    let removal = format!("rm --force {}", name.split(' ').next().unwrap());
    let limit = clock::now() + std::time::Duration::from_secs(60);
    while !called().contains(&removal) {
        assert!(clock::now() < limit, "{}", called());
        std::thread::yield_now();
    }
}
