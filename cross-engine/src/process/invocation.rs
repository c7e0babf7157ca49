//! Commands as data: plans show them, snapshots compare them, the process door starts them.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::process::descriptors::{Confined, InheritedFile};
use crate::process::shell_text::{quoted, word};

/// Environment variables of a process.
pub type Variables = BTreeMap<OsString, OsString>;

/// A command: program, arguments, environment variables and directory.
///
/// `Display` writes a line that can be pasted into a POSIX shell. Neither it nor the serialised
/// form contains the values of secret variables.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Invocation {
    /// The program: a path, or a name that is searched on `PATH`.
    pub program: PathBuf,
    /// The arguments, one word each. Nothing is split or expanded.
    pub args: Vec<String>,
    /// The variables that are set on top of [`base`](Invocation::base).
    pub env: BTreeMap<String, EnvValue>,
    /// The variables that the command inherits.
    pub base: BaseEnv,
    /// The working directory.
    pub cwd: Option<PathBuf>,
    /// How the command is ended early.
    pub ending: Ending,
    /// The file that it finds open beside its standard streams.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherited_file: Option<InheritedFile>,
    /// Whether and how it is kept from inheriting other open files.
    #[serde(skip)]
    pub(crate) confined: Option<Confined>,
}

/// The variables that a command inherits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum BaseEnv {
    /// The caller's: for host tools such as cargo or a container CLI.
    Caller,
    /// None: for commands in an environment.
    Empty,
}

/// How a command is ended by a cancellation, a deadline or the death of its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ending {
    /// It is killed. Its children end by an arrangement of their own: the kernel kills a sandbox's.
    Kill,
    /// Its standard input is closed. It then ends its children and itself. The kernel closes the
    /// pipe as well when the owner dies by any means.
    Lifeline,
    /// Like [`Lifeline`](Ending::Lifeline), for a command that kills its children at once and then
    /// removes files. If the removal takes long, it continues in the background.
    Tidying,
}

/// The value of an environment variable.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvValue {
    /// Displayed as it is.
    Plain(String),
    /// Displayed as `***`.
    Secret(String),
    /// The variable is removed from the inherited ones.
    Unset,
}

impl EnvValue {
    fn exposed(&self) -> Option<&str> {
        match self {
            EnvValue::Plain(value) | EnvValue::Secret(value) => Some(value),
            EnvValue::Unset => None,
        }
    }

    fn displayed(&self) -> Option<&str> {
        match self {
            EnvValue::Plain(value) => Some(value),
            EnvValue::Secret(_) => Some("***"),
            EnvValue::Unset => None,
        }
    }
}

impl fmt::Debug for EnvValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.displayed())
    }
}

impl Serialize for EnvValue {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.displayed().serialize(serializer)
    }
}

/// The displayed form: a string, or null for a variable that is removed.
#[cfg(feature = "schema")]
impl schemars::JsonSchema for EnvValue {
    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Value")
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Option::<String>::json_schema(generator)
    }
}

impl Invocation {
    /// Creates a command of the host, which inherits the caller's variables.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Invocation {
            program: program.into(),
            args: Vec::new(),
            env: BTreeMap::new(),
            base: BaseEnv::Caller,
            cwd: None,
            ending: Ending::Kill,
            inherited_file: None,
            confined: None,
        }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, arg: impl Into<String>) -> Self {
        self.args.push(arg.into());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<I>(mut self, args: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.args.extend(args.into_iter().map(Into::into));
        self
    }

    /// Sets a variable.
    #[must_use]
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), EnvValue::Plain(value.into()));
        self
    }

    /// Sets a variable to a plain or secret `value`, or removes it.
    #[must_use]
    pub fn env_value(mut self, name: impl Into<String>, value: EnvValue) -> Self {
        self.env.insert(name.into(), value);
        self
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(mut self, dir: impl Into<PathBuf>) -> Self {
        self.cwd = Some(dir.into());
        self
    }

    /// Inherits no variables.
    #[must_use]
    pub fn env_clear(mut self) -> Self {
        self.base = BaseEnv::Empty;
        self
    }

    /// Ends the command by its lifeline.
    #[must_use]
    pub fn lifeline(mut self) -> Self {
        self.ending = Ending::Lifeline;
        self
    }

    /// Ends the command by its lifeline. It may remove files for longer than its owner waits.
    #[must_use]
    pub(crate) fn tidying(mut self) -> Self {
        self.ending = Ending::Tidying;
        self
    }

    /// Lets the command inherit no open file but its standard streams and what is inherited_file to
    /// it.
    #[must_use]
    pub(crate) fn confined(mut self, confined: Confined) -> Self {
        self.confined = Some(confined);
        self
    }

    /// Passes an open file to the command.
    #[must_use]
    pub(crate) fn inherited_file(mut self, file: InheritedFile) -> Self {
        self.inherited_file = Some(file);
        self
    }

    /// The variables that the command gets if the caller's are `caller`.
    pub fn variables(&self, caller: &Variables) -> Variables {
        let mut all = match self.base {
            BaseEnv::Caller => caller.clone(),
            BaseEnv::Empty => Variables::new(),
        };
        for (name, value) in &self.env {
            match value.exposed() {
                Some(value) => all.insert(name.into(), value.into()),
                None => all.remove(&OsString::from(name)),
            };
        }
        all
    }

    /// The program's file name, for messages.
    pub fn program_name(&self) -> Cow<'_, str> {
        self.program
            .file_name()
            .unwrap_or(self.program.as_os_str())
            .to_string_lossy()
    }
}

impl fmt::Display for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(dir) = &self.cwd {
            write!(f, "cd {} && ", word(dir))?;
        }
        let unset = self
            .env
            .iter()
            .filter(|(_, value)| value.displayed().is_none());
        if self.base == BaseEnv::Empty {
            f.write_str("env -i ")?;
        } else if unset.clone().next().is_some() {
            f.write_str("env ")?;
            for (name, _) in unset {
                write!(f, "-u {name} ")?;
            }
        }
        for (name, value) in &self.env {
            if let Some(value) = value.displayed() {
                write!(f, "{name}={} ", quoted(value))?;
            }
        }
        f.write_str(&word(&self.program))?;
        for arg in &self.args {
            write!(f, " {}", quoted(arg))?;
        }
        if let Some(inherited_file) = &self.inherited_file {
            write!(
                f,
                " {}<{}",
                inherited_file.number,
                word(&inherited_file.path)
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_can_be_pasted() {
        let cargo = Invocation::new("/opt/my tools/cargo")
            .args(["build", "--features", "a b"])
            .env("CARGO_NET_OFFLINE", "true")
            .env_value("TOKEN", EnvValue::Secret("s3cret".into()))
            .env_value("RUSTFLAGS", EnvValue::Unset)
            .cwd("/w/it's");
        assert_eq!(
            cargo.to_string(),
            r"cd '/w/it'\''s' && env -u RUSTFLAGS CARGO_NET_OFFLINE=true TOKEN='***' '/opt/my tools/cargo' build --features 'a b'"
        );
        assert!(!format!("{cargo:?}").contains("s3cret"));
    }

    #[test]
    fn variables_are_the_base_and_the_delta() {
        let caller = Variables::from([("PATH".into(), "/bin".into()), ("A".into(), "1".into())]);
        let run = Invocation::new("x")
            .env("B", "2")
            .env_value("A", EnvValue::Unset);
        let got = run.variables(&caller);
        assert_eq!(got.len(), 2);
        assert_eq!(got[&OsString::from("B")], "2");
        assert!(run.env_clear().variables(&caller).len() == 1);
    }
}
