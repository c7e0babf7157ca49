//! What of one configuration file holds for a target's build in an environment.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::{Carried, Layer, Surroundings};
use crate::cargo::config;
use crate::host::places::normal;

/// A setting that does not hold in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// The key in TOML's syntax: `build.rustc-wrapper`.
    pub(crate) key: String,
    /// The file of the setting.
    pub(crate) file: PathBuf,
    pub(crate) why: Why,
}

/// Why a setting does not hold in the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// It names the host's compiler, or a wrapper of it. A variable overrides it.
    Compiler,
    /// It names a directory for what is compiled.
    BuildDir,
    /// It names a linker of the host.
    Linker,
    /// It names a runner of the host.
    Runner,
    /// It is, or may be, a secret.
    Secret,
    /// It says how the host reaches the network.
    Network,
    /// It is for what is compiled for the host.
    HostTable,
    /// The library does not know the table.
    Unknown,
    /// The variable holds, but not the path that it has.
    Path(PathBuf),
}

/// A linker or a runner that holds unless a variable overrides it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeptProgram {
    pub(crate) key: String,
    pub(crate) file: PathBuf,
    /// The name of the variable.
    pub(crate) variable: String,
}

/// Tables that are carried as they are. Those after them concern what only the host's cargo does.
const WHOLE: [&str; 6] = [
    "future-incompat-report",
    "profile",
    "registry",
    "resolver",
    "term",
    "unstable",
];
const OF_HOSTS_CARGO: [&str; 9] = [
    "alias",
    "cache",
    "cargo-new",
    "credential-alias",
    "doc",
    "http",
    "include",
    "install",
    "net",
];

/// Parts of the names of variables that hold secrets.
const SECRET_NAMES: [&str; 9] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "CREDENTIAL",
    "API_KEY",
    "ACCESS_KEY",
    "PRIVATE_KEY",
];

/// Reads one layer, and notes what does not hold.
struct Reader<'a> {
    layer: &'a Layer,
    file: &'a Path,
    around: &'a Surroundings<'a>,
    carried: &'a mut Carried,
    /// Whether the file is one of the sources.
    is_own: bool,
}

impl Carried {
    /// The table of `layer` without what does not hold, and with absolute paths.
    pub(super) fn holds(&mut self, layer: &Layer, around: &Surroundings<'_>) -> Table {
        let Some(file) = layer.origin.file() else {
            return Table::new();
        };
        let mut reader = Reader {
            is_own: around.is_below_roots(file),
            layer,
            file,
            around,
            carried: self,
        };
        let mut table = layer.table.clone();
        table.retain(|key, value| reader.keeps(key, value));
        table
    }
}

impl Reader<'_> {
    /// Whether a table is carried. Changes it to what is.
    fn keeps(&mut self, key: &str, value: &mut Value) -> bool {
        if key == "http" && value.get("proxy").is_some() {
            self.leave_out("http.proxy".to_owned(), Why::Network);
        }
        match key {
            "paths" => self.paths(value),
            "host" => self.leave_out("host".to_owned(), Why::HostTable),
            key if OF_HOSTS_CARGO.contains(&key) => return false,
            _ => {}
        }
        match (key, &mut *value) {
            ("build", Value::Table(table)) => self.build(table),
            ("target", Value::Table(tables)) => self.targets(tables),
            ("env", Value::Table(table)) => table.retain(|name, value| self.variable(name, value)),
            ("patch", Value::Table(tables)) => self.patches(tables),
            ("source", Value::Table(tables)) => self.sources(tables),
            ("paths" | "registries", _) => {}
            (key, _) if WHOLE.contains(&key) => {}
            ("host", _) => return false,
            _ => {
                // A cargo of the future may have it, and nobody knows what it holds.
                self.leave_out(key.to_owned(), Why::Unknown);
                return false;
            }
        }
        if let ("source" | "registries" | "registry", Value::Table(table)) = (key, &mut *value) {
            self.note_secrets(table, key);
            config::remove_secrets(table);
        }
        config::strip(value);
        true
    }

    fn leave_out(&mut self, key: String, why: Why) {
        let file = self.file.to_owned();
        self.carried.left_out.push(LeftOut { key, file, why });
    }

    fn absolute(&self, path: &str) -> PathBuf {
        normal(&self.layer.origin.base().join(path))
    }

    /// Makes a path absolute.
    fn make_absolute(&self, value: &mut Value) -> Option<PathBuf> {
        let path = self.absolute(value.as_str()?);
        *value = Value::from(path.to_string_lossy().into_owned());
        Some(path)
    }

    /// Makes the path of a program absolute, unless it is the name of one.
    fn make_program_absolute(&self, value: &mut Value) {
        let program = match value {
            Value::Array(words) => match words.first_mut() {
                Some(first) => first,
                None => return,
            },
            value => value,
        };
        let Some(text) = program.as_str() else {
            return;
        };
        let (path, arguments) = text.split_at(text.find(' ').unwrap_or(text.len()));
        if path.contains('/') {
            let path = self.absolute(path);
            *program = Value::from(format!("{}{arguments}", path.display()));
        }
    }

    fn paths(&mut self, value: &mut Value) {
        for path in value.as_array_mut().into_iter().flatten() {
            self.make_absolute(path);
        }
    }

    fn build(&mut self, table: &mut Table) {
        for key in [
            "rustc",
            "rustc-wrapper",
            "rustc-workspace-wrapper",
            "rustdoc",
        ] {
            if table.remove(key).is_some() {
                self.leave_out(format!("build.{key}"), Why::Compiler);
            }
        }
        if table.remove("build-dir").is_some() {
            self.leave_out("build.build-dir".to_owned(), Why::BuildDir);
        }
        // What is built is published there, as cargo's metadata says; a flag says where artifacts
        // go.
        for key in ["target-dir", "artifact-dir", "out-dir"] {
            table.remove(key);
        }
        if let Some(base) = table.get_mut("dep-info-basedir") {
            self.make_absolute(base);
        }
        let targets = match table.get_mut("target") {
            Some(Value::Array(targets)) => targets.as_mut_slice(),
            Some(target) => std::slice::from_mut(target),
            None => &mut [],
        };
        for target in targets {
            if target.as_str().is_some_and(|it| it.ends_with(".json")) {
                self.make_absolute(target);
            }
        }
    }

    fn targets(&mut self, tables: &mut Table) {
        for (name, table) in tables {
            let Value::Table(table) = table else {
                continue;
            };
            let is_targets = self.around.is_targets(name);
            for (key, why) in [("linker", Why::Linker), ("runner", Why::Runner)] {
                let Some(program) = table.get_mut(key) else {
                    continue;
                };
                let full_key = format!("target.{}.{key}", quoted(name));
                if self.is_own && self.around.keeps_programs {
                    self.make_program_absolute(program);
                    if is_targets {
                        self.carried.programs.push(KeptProgram {
                            key: full_key,
                            file: self.file.to_owned(),
                            variable: variable(self.around.target, key),
                        });
                    }
                    continue;
                }
                table.remove(key);
                // Build scripts and macros are linked for the host, and no runner starts them.
                if is_targets || key == "linker" && name == self.around.host {
                    self.leave_out(full_key, why);
                }
            }
        }
    }

    /// Whether a variable of `[env]` is carried.
    fn variable(&mut self, name: &str, value: &mut Value) -> bool {
        let upper = name.to_ascii_uppercase();
        if !self.is_own && SECRET_NAMES.iter().any(|part| upper.contains(part)) {
            self.leave_out(format!("env.{}", quoted(name)), Why::Secret);
            return false;
        }
        let is_relative = value.get("relative").and_then(Value::as_bool) == Some(true);
        if let Some(table) = value.as_table_mut().filter(|_| is_relative) {
            let path = table
                .get_mut("value")
                .and_then(|value| self.make_absolute(value));
            table.remove("relative");
            let is_hidden = |path: &PathBuf| path.exists() && !self.around.is_below_roots(path);
            if let Some(path) = path.filter(is_hidden) {
                self.leave_out(format!("env.{}", quoted(name)), Why::Path(path));
            }
        }
        true
    }

    fn patches(&mut self, tables: &mut Table) {
        let tables = tables.iter_mut().filter_map(|(_, it)| it.as_table_mut());
        for (_, patch) in tables.flatten() {
            if let Some(path) = patch.get_mut("path") {
                self.make_absolute(path);
            }
        }
    }

    fn sources(&mut self, tables: &mut Table) {
        for (_, source) in tables {
            for key in ["directory", "local-registry"] {
                if let Some(path) = source.get_mut(key) {
                    self.make_absolute(path);
                }
            }
        }
    }

    /// Notes the keys that hold secrets.
    fn note_secrets(&mut self, table: &Table, path: &str) {
        for (key, value) in table {
            let path = format!("{path}.{}", quoted(key));
            if config::SECRETS.contains(&key.as_str()) {
                self.leave_out(path, Why::Secret);
            } else if let Value::Table(table) = value {
                self.note_secrets(table, &path);
            }
        }
    }
}

/// The name of cargo's variable for a key of a target.
fn variable(triple: &str, key: &str) -> String {
    let triple = triple.to_ascii_uppercase().replace(['-', '.'], "_");
    format!("CARGO_TARGET_{triple}_{}", key.to_ascii_uppercase())
}

/// A key in TOML's syntax.
fn quoted(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if name.chars().all(bare) {
        name.to_owned()
    } else {
        format!("'{name}'")
    }
}
