//! Directories that are writable in an environment.

use std::path::{Component, Path, PathBuf};

use crate::diagnostics::diagnostic::{Diagnostic, DiagnosticCode};
use crate::values::scalar::{Scalar, invalid, is_blank, resolve_path};

/// Directories that something on the host obeys or starts.
const NEVER: [&str; 2] = [".git", ".cargo"];

/// A directory of the workspace that is writable in the environment.
///
/// Where it is, and what is there, is for the caller to check: this crate reads no directories.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct WritableDir(pub(crate) PathBuf);

impl Scalar for WritableDir {
    fn parse(key: &str, text: &str) -> Result<Self, Diagnostic> {
        let path = Path::new(text);
        if is_blank(text) || path.components().any(|part| part == Component::ParentDir) {
            return Err(invalid(
                key,
                text,
                "a directory of the workspace, without `..`, such as `schema/generated`",
            ));
        }
        let is_never = |part: Component<'_>| {
            let name = part.as_os_str();
            NEVER.iter().find(|never| name.eq_ignore_ascii_case(never))
        };
        if let Some(name) = path.components().find_map(is_never) {
            let message = format!("`{text}` in `{key}` is never writable");
            return Err(
                Diagnostic::error(DiagnosticCode::InvalidValue, message).help(format!(
                    "remove it: what is in `{name}` is run on the host by git or cargo"
                )),
            );
        }
        Ok(Self(path.to_owned()))
    }

    fn describe(&self) -> String {
        self.0.display().to_string()
    }

    fn resolve_paths(&mut self, _key: &str, base: &Path) -> Result<(), Diagnostic> {
        self.0 = resolve_path(base, &self.0);
        Ok(())
    }
}

impl From<WritableDir> for PathBuf {
    fn from(dir: WritableDir) -> Self {
        dir.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> Option<String> {
        WritableDir::parse("writable", text)
            .err()
            .map(|problem| problem.message)
    }

    #[test]
    fn a_directory_is_relative_to_its_file() {
        let mut dir = WritableDir::parse("writable", "./schema/generated").unwrap();
        dir.resolve_paths("writable", Path::new("/w")).unwrap();
        assert_eq!(dir.0, Path::new("/w/schema/generated"));
    }

    #[test]
    fn nothing_that_the_host_obeys_is_writable() {
        for never in [".git", ".git/hooks", "member/.cargo", ".GIT", "/w/.cargo"] {
            let expected = format!("`{never}` in `writable` is never writable");
            assert_eq!(message(never), Some(expected));
        }
    }

    #[test]
    fn the_way_to_a_directory_goes_down() {
        for bad in ["", " ", "..", "../home", "src/..", "a/../b"] {
            let expected = format!("invalid value `{bad}` for `writable`");
            assert_eq!(message(bad), Some(expected));
        }
        assert_eq!(message("a..b/c"), None);
    }
}
