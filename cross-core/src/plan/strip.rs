//! Stripping as a step of a plan: what was built, copied without symbols by the target's own tools.
//!
//! Cargo's own files stay as they are, because cargo would make changed ones again. What is
//! published are the copies, which have a directory of their own in the target directory, one for
//! each [`Strip`]. A copy has the time of cargo's file, and is made again if that has another one.

use std::path::PathBuf;

use cross_engine::Network;

use crate::cargo::products::Products;
use crate::facts::binutils::FUNCTIONS;
use crate::facts::facts::Facts;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::step::{OutputKind, Step, Strips, Verb};
use crate::plan::publish_scope::PublishScope;
use crate::request::request::Request;
use crate::request::strip::Strip;

/// The directory of the copies in the target directory.
pub(crate) const DIRECTORY: &str = "stripped";

const SCRIPT: &str = include_str!("strip/strip.sh");

/// The endings of the libraries that are stripped. Programs have any.
pub(crate) const LIBRARY_ENDINGS: [&str; 5] = ["so", "dylib", "dll", "wasm", "a"];

/// The step that strips what `request` builds, and the directory of what it makes.
pub(crate) struct Stripping {
    pub(crate) step: Step,
    pub(crate) dir: PathBuf,
}

impl Stripping {
    /// What `request` wants to have stripped. `None` if it is nothing, or if the target's programs
    /// have nothing that can be removed.
    ///
    /// # Errors
    ///
    /// If the target's programs cannot be stripped by a tool, or if it has none.
    pub(crate) fn of(request: &Request, facts: &Facts) -> Result<Option<Self>> {
        let publishes = matches!(request.verb, Verb::Build | Verb::Run | Verb::Rustc);
        let (Some(strip), true) = (request.options.strip, publishes) else {
            return Ok(None);
        };
        if facts.has_debug_files_only() {
            return Ok(None);
        }
        refuse_web(strip, facts)?;
        let tool = facts.tool_for_object_files()?;
        refuse_split_of_apples(strip, facts)?;
        let triple = facts.target.triple();
        let products = Products::new(facts.workspace.products.clone(), triple);
        let (profile, products) = PublishScope::of_arguments(request, facts, &products)?;
        let target_dir = &facts.inputs.target_dir;
        let from = target_dir.join(triple).join(&profile);
        let (name, level, kept) = match strip {
            Strip::Debug => ("debug", "--strip-debug", ""),
            Strip::Symbols => ("symbols", "--strip-all", ""),
            Strip::Split => ("split", "--strip-all", "debug"),
        };
        let dir = target_dir.join(DIRECTORY).join(name);
        let [program, libraries] = tool.words();
        let strips = Strips {
            dir: dir.join(triple).join(&profile),
            stems: products.file_stems(),
            keeps_debug: strip == Strip::Split,
            tool: tool.program,
        };
        let mut command = [
            "sh",
            "-euc",
            &code(),
            "strip",
            &program,
            &libraries,
            level,
            kept,
        ]
        .map(str::to_owned)
        .to_vec();
        command.extend([&from, &strips.dir].map(|path| path.display().to_string()));
        command.extend(strips.stems.iter().cloned());
        let spec = facts.run_spec(command, Network::None);
        let mut step = facts.run("strip the programs", spec, OutputKind::Program)?;
        let dir = strips.dir.clone();
        step.strips = Some(strips);
        Ok(Some(Stripping { step, dir }))
    }
}

/// Refuses what cannot be removed from WebAssembly by a tool that knows it as one module.
fn refuse_web(strip: Strip, facts: &Facts) -> Result<()> {
    let target = facts.target.requested();
    let is_web = facts.target.triple().starts_with("wasm");
    let is_module = !["emscripten", "wasip2", "wasip3"]
        .iter()
        .any(|other| target.contains(other));
    let message = match strip {
        _ if !is_web => return Ok(()),
        _ if !is_module => format!("what is linked for {target} is more than a module"),
        Strip::Split => format!("no tool keeps the debug information of a module for {target}"),
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::UnsupportedTarget, message)
        .with_help("let rustc strip it: `strip = true` in the profile"))
}

/// Refuses a file of debug information in the form that GNU's debuggers know, which no tool makes of
/// the programs of Apple's systems.
fn refuse_split_of_apples(strip: Strip, facts: &Facts) -> Result<()> {
    let known = facts.target.known();
    let is_apples = known.is_some_and(|known| known.facts().deployment_variable().is_some());
    if strip != Strip::Split || !is_apples {
        return Ok(());
    }
    let target = facts.target.requested();
    let message =
        format!("no tool keeps the debug information of a program for {target} beside it");
    Err(Error::new(ErrorKind::UnsupportedTarget, message).with_help(
        "let rustc do it: `strip = true` and `split-debuginfo = \"packed\"` in the profile",
    ))
}

/// The lines of the script that are no comments, behind the functions that it calls.
fn code() -> String {
    let lines = FUNCTIONS.lines().chain(SCRIPT.lines());
    let lines = lines.filter(|line| !line.trim_start().starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;
    #[cfg(target_os = "linux")]
    use std::time::{Duration, SystemTime, UNIX_EPOCH};

    use cross_engine::process;
    use cross_engine::{Cancel, Invocation, Variables};

    use super::*;

    /// A tool that writes its options, its input and where its libraries are.
    const TOOL: &str = "#!/bin/sh\n\
        for last; do :; done\n\
        case $* in *broken*) exit 3;; esac\n\
        echo \"$(basename -a -- \"$@\" | tr '\\n' ' ')$LD_LIBRARY_PATH\" >\"$last\"\n";

    /// An archiver of archives that are lists of their members.
    const ARCHIVER: &str = "#!/bin/sh\n\
        case $1 in\n\
        t) cat \"$2\";;\n\
        d) grep -vxFf \"${3#@}\" \"$2\" >\"$2.left\"; mv \"$2.left\" \"$2\";;\n\
        esac\n";

    fn run(dir: &Path, level: &str, kept: &str, stems: &[&str]) -> bool {
        run_by(dir, TOOL, level, kept, stems)
    }

    fn run_by(dir: &Path, tool: &str, level: &str, kept: &str, stems: &[&str]) -> bool {
        for (name, text) in [("objcopy", tool), ("ar", ARCHIVER)] {
            fs::write(dir.join(name), text).unwrap();
            fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
        }
        let paths = ["objcopy", "from", "to"].map(|name| dir.join(name).display().to_string());
        let [tool, from, to] = paths;
        let code = code();
        let words = [
            "-euc", &code, "strip", &tool, "/own/lib", level, kept, &from, &to,
        ];
        let command = Invocation::new("sh")
            .args(words)
            .args(stems.iter().copied());
        let variables = Variables::from([("PATH".into(), "/usr/bin:/bin".into())]);
        let done = process::output(&command, &variables, &Cancel::new()).unwrap();
        done.exit.success()
    }

    fn files(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn programs_and_libraries_are_stripped_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("examples")).unwrap();
        for file in [
            "app",
            "app.d",
            "other",
            "libapp.so",
            "libapp.a",
            "libapp.rlib",
            "examples/show",
        ] {
            fs::write(from.join(file), file).unwrap();
        }
        std::os::unix::fs::symlink("other", from.join("linked")).unwrap();
        let stems = ["app", "libapp", "examples/show", "linked", "absent"];
        assert!(run(dir.path(), "--strip-all", "", &stems));
        assert_eq!(files(&to), ["app", "examples", "libapp.a", "libapp.so"]);
        assert_eq!(files(&to.join("examples")), ["show"]);
        let said = |file: &str| fs::read_to_string(to.join(file)).unwrap();
        assert!(said("app").starts_with("--strip-all app "));
        assert!(said("app").ends_with(" /own/lib\n"), "{}", said("app"));
        assert!(said("libapp.a").starts_with("--strip-debug libapp.a "));

        // What is kept belongs to what is stripped, and goes with it.
        assert!(run(dir.path(), "--strip-all", "debug", &["app", "libapp"]));
        assert!(said("app.debug").starts_with("--only-keep-debug app "));
        let mode = fs::metadata(to.join("app.debug")).unwrap().permissions();
        assert_eq!(mode.mode() & 0o111, 0);
        assert!(said("app").contains("app.debug app "), "{}", said("app"));
        assert!(to.join("libapp.so.debug").exists() && !to.join("libapp.a.debug").exists());

        // So it does when there is no such program any more.
        fs::remove_file(from.join("app")).unwrap();
        assert!(run(dir.path(), "--strip-all", "debug", &["app"]));
        assert_eq!(
            files(&to),
            ["examples", "libapp.a", "libapp.so", "libapp.so.debug"]
        );
    }

    /// Rust's own libraries for Windows have members that binutils refuse.
    #[test]
    fn a_static_library_is_stripped_of_members_with_debug_information_only() {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("from/libapp.a");
        fs::create_dir(dir.path().join("from")).unwrap();
        fs::write(&library, "app.o\nstd.dwo\nstd.o\nstd.dwo\n").unwrap();
        let tool = "#!/bin/sh\ngrep -q dwo \"$2\" && exit 1\ncp \"$2\" \"$3\"\n";
        assert!(run_by(dir.path(), tool, "--strip-all", "", &["libapp"]));
        let copy = || fs::read_to_string(dir.path().join("to/libapp.a")).unwrap();
        assert_eq!(copy(), "app.o\nstd.o\n");
        assert!(fs::read_to_string(&library).unwrap().contains("std.dwo"));

        // Others no tool takes apart.
        fs::write(&library, "app.o\na.dll\n").unwrap();
        let tool = "#!/bin/sh\nexit 1\n";
        assert!(run_by(
            dir.path(),
            tool,
            "--strip-all",
            "debug",
            &["libapp"]
        ));
        assert_eq!(copy(), "app.o\na.dll\n");
        assert_eq!(files(&dir.path().join("to")), ["libapp.a"]);
    }

    #[test]
    fn a_copy_has_the_time_of_what_it_was_made_of() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("from")).unwrap();
        fs::write(dir.path().join("from/app"), "").unwrap();
        assert!(run(dir.path(), "--strip-all", "debug", &["app"]));
        let time = |file: &str| {
            dir.path()
                .join(file)
                .metadata()
                .unwrap()
                .modified()
                .unwrap()
        };
        for copy in ["to/app", "to/app.debug"] {
            assert_eq!(time(copy), time("from/app"), "{copy}");
        }
    }

    /// Elsewhere, the script does not run, and `stat` is another one.
    #[cfg(target_os = "linux")]
    #[test]
    fn a_copy_is_made_again_if_it_is_not_that_of_the_build() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("from/app");
        fs::create_dir(dir.path().join("from")).unwrap();
        fs::write(&app, "").unwrap();
        let set_time = |path: &Path, time: SystemTime| {
            let file = fs::File::options().write(true).open(path).unwrap();
            file.set_modified(time).unwrap();
        };
        // Whether a copy with the time of the program is made again.
        let is_made = || {
            let copy = dir.path().join("to/app");
            fs::write(&copy, "there").unwrap();
            set_time(&copy, app.metadata().unwrap().modified().unwrap());
            assert!(run(dir.path(), "--strip-all", "debug", &["app"]));
            fs::read_to_string(copy).unwrap() != "there"
        };
        assert!(run(dir.path(), "--strip-all", "debug", &["app"]));
        assert!(!is_made(), "it is that of the build");
        fs::remove_file(dir.path().join("to/app.debug")).unwrap();
        assert!(is_made(), "without its debug information");
        set_time(&app, UNIX_EPOCH + Duration::new(1000, 1));
        assert!(is_made(), "the debug information is of another build");
        assert!(!is_made());
        set_time(&app, UNIX_EPOCH + Duration::new(1000, 0));
        assert!(is_made() && is_made(), "two builds may have this time");
    }

    #[test]
    fn the_script_knows_the_endings_of_libraries() {
        for ending in LIBRARY_ENDINGS {
            assert!(code().contains(&format!(" .{ending}")), "{ending}");
        }
    }

    #[test]
    fn a_tool_that_fails_leaves_nothing_half_made() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("from")).unwrap();
        fs::write(dir.path().join("from/broken"), "").unwrap();
        assert!(!run(dir.path(), "--strip-all", "debug", &["broken"]));
        assert!(files(&dir.path().join("to")).is_empty());
    }
}
