//! The files that the configuration names, where they are not beside the file that names them.
//!
//! A path is relative to the file that has it. With `cross`, the paths of a Dockerfile and of a
//! `pre-build` script are relative to the workspace's root, which is another directory for the file
//! that `CROSS_CONFIG` names and for the manifest of a member. If nothing is at the first place,
//! the second counts.

use std::path::{Path, PathBuf};

use cross_config::{Origin, PreBuild, TargetConfig};

/// Resolves the paths whose file is in the workspace's root only. Variables are relative to `dir`.
pub(crate) fn settle(config: &mut TargetConfig, workspace_root: &Path, dir: &Path) {
    if let Some(dockerfile) = &mut config.dockerfile {
        let base = base(&dockerfile.origin, dir);
        resolve(&mut dockerfile.value.file, base, workspace_root);
    }
    let Some(pre_build) = &mut config.pre_build else {
        return;
    };
    let base = base(&pre_build.origin, dir);
    if let PreBuild::ScriptOrCommand { path, .. } = &mut pre_build.value {
        resolve(path, base, workspace_root);
    }
}

/// The directory to which a path is relative that was written at `origin`.
fn base<'a>(origin: &'a Origin, dir: &'a Path) -> Option<&'a Path> {
    match origin {
        Origin::Variable(_) => Some(dir),
        _ => origin.location()?.path.parent(),
    }
}

fn resolve(path: &mut PathBuf, base: Option<&Path>, workspace_root: &Path) {
    let written = base.and_then(|base| path.strip_prefix(base).ok());
    let Some(at_root) = written.map(|written| workspace_root.join(written)) else {
        return;
    };
    if !path.exists() && at_root.is_file() {
        *path = at_root;
    }
}

/// Whether the text of `pre-build` can only be meant as a script of the project. No relative path
/// exists where the commands run.
pub(crate) fn is_script(text: &str) -> bool {
    text.contains('/') && !text.starts_with(['/', '$', '~']) && !text.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_is_a_script_and_other_words_are_commands() {
        for text in ["ci/pre.sh", "./setup", "../x.sh", "a/b"] {
            assert!(is_script(text), "{text}");
        }
        for text in [
            "apt-get update",
            "ldconfig",
            "setup.sh",
            "/usr/bin/true",
            "$HOME/x",
            "sh ci/pre.sh",
        ] {
            assert!(!is_script(text), "{text}");
        }
    }
}
