//! Recognizes sources that exist on the host and that a run does not see.

use std::path::Path;

use cross_engine::process::untrusted::{Dir, limits};
use cross_engine::{Access, RunSpec};

use crate::host::places::{normal, real_path};

/// The limit of paths that are remembered.
const PATHS: usize = 16;

/// What was not found, from the messages of compilers and build scripts.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotFound {
    /// The paths that a compiler did not find.
    paths: Vec<String>,
    /// The directory of the package whose build script failed.
    package: Option<String>,
    /// Whether something did not exist, whatever it was.
    is_missing: bool,
}

/// How a program says that a file does not exist.
const MISSING: [&str; 2] = ["kind: NotFound", "No such file or directory"];

/// How a build script goes up without a literal that says where to.
const GOES_UP: [&str; 4] = [".parent()", ".ancestors()", "\"..\"", ".pop()"];

impl NotFound {
    /// Reads a line of output.
    pub(crate) fn read(&mut self, line: &str) {
        let quoted = |mark: char, rest: &str| {
            let parts = rest.split(mark).skip(1).step_by(2);
            parts.map(str::to_owned).collect::<Vec<_>>()
        };
        let mut paths = Vec::new();
        if let Some((_, rest)) = line.split_once("couldn't read ") {
            paths = match rest.starts_with('`') {
                true => quoted('`', rest),
                false => rest.split(": ").take(1).map(str::to_owned).collect(),
            };
        } else if let Some((_, rest)) = line.split_once("to create the module") {
            // The message of cargo's is JSON, which escapes quotes.
            paths = quoted('"', &rest.replace("\\\"", "\""));
        } else if let Some((_, rest)) = line.split_once("failed to read `") {
            paths = rest.split('`').take(1).map(str::to_owned).collect();
        }
        let room = PATHS.saturating_sub(self.paths.len());
        self.paths.extend(paths.into_iter().take(room));
        self.is_missing |= MISSING.iter().any(|words| line.contains(words));
        if let Some((_, rest)) = line.split_once("failed to run custom build command for `") {
            let package = rest
                .split_once(" (")
                .and_then(|(_, dir)| dir.split_once(")`"));
            self.package = package.map(|(dir, _)| dir.to_owned());
        }
    }

    /// Returns the remedy, if one of the paths exists on the host, outside of what `spec` shows.
    pub(crate) fn help(&self, root: &Path, spec: &RunSpec) -> Option<String> {
        let paths = self.paths.iter().map(|path| normal(&root.join(path)));
        let mut paths = paths.map(|path| (path.clone(), real_path(&path)));
        let Some((path, real)) = paths.find(|(path, real)| path.exists() && !is_shown(real, spec))
        else {
            return self.help_for_script(spec);
        };
        Some(format!(
            "`{}` is `{}` on the host, outside of what a run sees: copy it into the workspace, or mount its \
             directory with `env.volumes` in Cross.toml",
            path.display(),
            real.display()
        ))
    }

    /// The remedy for a build script that misses something, and that goes to where no run looks.
    fn help_for_script(&self, spec: &RunSpec) -> Option<String> {
        // What names the package may be a line of the script's own.
        let package = Path::new(self.package.as_ref().filter(|_| self.is_missing)?);
        if !is_shown(&real_path(package), spec) {
            return None;
        }
        let script = Dir::open(package).ok()?.file("build.rs").ok()?;
        let text = script.text(limits::DEP_INFO).ok()?;
        let goes_up = GOES_UP.iter().any(|words| text.contains(words));
        goes_up.then(|| {
            format!(
                "`{}` looks above its package, where a run sees only what one literal names: write the path \
                 as `\"../name\"`, or mount the directory with `env.volumes` in Cross.toml",
                package.join("build.rs").display()
            )
        })
    }
}

fn is_shown(real: &Path, spec: &RunSpec) -> bool {
    let mut mounts = spec.mounts.iter();
    mounts.any(|mount| {
        let mut ends = [&mount.target, &mount.source].into_iter();
        mount.access != Access::Scratch && ends.any(|end| real.starts_with(end))
    })
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use cross_engine::os;
    use cross_engine::{Mount, Root};
    use std::fs;

    #[test]
    fn a_build_script_that_goes_up_is_told_what_a_run_sees() {
        let dir = tempfile::tempdir().unwrap();
        let spec = RunSpec::new(Root::Host, "/", ["cargo"]).mounts([Mount::read(dir.path())]);
        let failed = format!(
            "error: failed to run custom build command for `app v0.1.0 ({})`",
            dir.path().display()
        );
        let missing = r#"shared: Os { code: 2, kind: NotFound, message: "No such file" }"#;
        let help = |script: &str, lines: &[&str]| {
            fs::write(dir.path().join("build.rs"), script).unwrap();
            let mut not_found = NotFound::default();
            lines.iter().for_each(|line| not_found.read(line));
            not_found.help(dir.path(), &spec)
        };
        let up = "root.parent().unwrap().join(\"x\")";
        let told = help(up, &[&failed, missing]).unwrap();
        assert!(told.contains("build.rs` looks above its package"), "{told}");
        assert_eq!(help(up, &[&failed]), None);
        assert_eq!(help(up, &[missing]), None);
        assert_eq!(help("root.join(\"x\")", &[&failed, missing]), None);
    }

    #[test]
    fn a_source_that_exists_only_outside_is_named_with_what_shows_it() {
        let dir = tempfile::tempdir().unwrap();
        let top = os::canonical(dir.path()).unwrap();
        for made in ["app/src", "else/a"] {
            fs::create_dir_all(top.join(made)).unwrap();
        }
        for file in ["text", "else/a/mod.rs", "app/src/b.rs"] {
            fs::write(top.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink("../../else/a", top.join("app/src/a")).unwrap();
        let root = top.join("app");
        let spec = RunSpec::new(Root::Host, "/", ["cargo"]).mounts([Mount::read(&root)]);
        let help = |line: &str| {
            let mut not_found = NotFound::default();
            not_found.read(line);
            not_found.help(&root, &spec)
        };
        for (line, file) in [
            (
                "error: couldn't read `src/../../text`: No such file",
                "text",
            ),
            (
                "error: couldn't read ../text: No such file (os error 2)",
                "text",
            ),
            (
                r#"create the module: to create the module `a`, create file "src/a.rs" or "src/a/mod.rs""#,
                "else/a/mod.rs",
            ),
            (
                r#"{"message":"to create the module `a`, create file \"src/a.rs\" or \"src/a/mod.rs\""}"#,
                "else/a/mod.rs",
            ),
        ] {
            let help = help(line).unwrap_or_else(|| panic!("{line}"));
            assert!(help.contains(top.join(file).to_str().unwrap()), "{help}");
        }
        for line in [
            "couldn't read `src/b.rs`: x",
            "couldn't read `none`: x",
            "other",
        ] {
            assert_eq!(help(line), None);
        }
    }
}
