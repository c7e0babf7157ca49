//! Recognizes sources that exist on the host and that a run does not see.

use std::path::Path;

use cross_engine::{Access, RunSpec};

use crate::host::places::{normal, real_path};

/// The limit of paths that are remembered.
const PATHS: usize = 16;

/// The paths that a compiler did not find, from its messages.
#[derive(Clone, Debug, Default)]
pub(crate) struct NotFound(Vec<String>);

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
        let room = PATHS.saturating_sub(self.0.len());
        self.0.extend(paths.into_iter().take(room));
    }

    /// Returns the remedy, if one of the paths exists on the host, outside of what `spec` shows.
    pub(crate) fn help(&self, root: &Path, spec: &RunSpec) -> Option<String> {
        let paths = self.0.iter().map(|path| normal(&root.join(path)));
        let (path, real) = paths
            .map(|path| (path.clone(), real_path(&path)))
            .find(|(path, real)| path.exists() && !is_shown(real, spec))?;
        Some(format!(
            "`{}` is `{}` on the host, outside of what a run sees: copy it into the workspace, or mount its \
             directory with `env.volumes` in Cross.toml",
            path.display(),
            real.display()
        ))
    }
}

fn is_shown(real: &Path, spec: &RunSpec) -> bool {
    let mut mounts = spec.mounts.iter();
    mounts.any(|mount| mount.access != Access::Scratch && real.starts_with(&mount.target))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::{Mount, Root};
    use std::fs;

    #[test]
    fn a_source_that_exists_only_outside_is_named_with_what_shows_it() {
        let dir = tempfile::tempdir().unwrap();
        let top = dir.path().canonicalize().unwrap();
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
