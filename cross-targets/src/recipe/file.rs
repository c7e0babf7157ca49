//! Text files of a recipe.

/// A small text file of an environment.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecipeFile {
    /// The absolute path in the environment.
    pub path: String,
    /// The content.
    pub text: String,
    /// Whether the file is executable: mode 755 instead of 644.
    pub executable: bool,
}

impl RecipeFile {
    pub(super) fn new(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            text: text.into(),
            executable: false,
        }
    }

    pub(super) fn program(path: impl Into<String>, text: impl Into<String>) -> Self {
        Self {
            executable: true,
            ..Self::new(path, text)
        }
    }

    /// The shell command that creates the file and its parent directories in a root file system.
    pub fn command(&self) -> String {
        let path = quoted(&self.path);
        let directory = self.path.rsplit_once('/').map_or("/", |(parent, _)| parent);
        let mode = if self.executable { "755" } else { "644" };
        format!(
            "mkdir -p {} && printf %s {} > {path} && chmod {mode} {path}",
            quoted(directory),
            quoted(&self.text),
        )
    }
}

/// Quotes the text as one word of a POSIX shell.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
