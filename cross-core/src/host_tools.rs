//! A target's tools for processes of the host: the environment is made, then each tool is a script that
//! anything can start.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cross_engine::process::Stream;
use cross_engine::{Cancel, Engine, EnvironmentLocation, Network};
use cross_targets::Runner;

use crate::cross::Cross;
use crate::error::{EngineContext as _, Error, ErrorKind, Result};
use crate::files;
use crate::inside::kept_file;
use crate::on_host;
use crate::plan::EnvironmentRef;
use crate::planner::{self, Facts};
use crate::shims::{Shims, Use};
use crate::target_name::TargetName;
use crate::toolchain_env::ToolchainEnv;

/// A request for a target's tools, made by [`Cross::host_tools`]. Nothing is read or made before
/// [`run`](HostToolsRequest::run).
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct HostToolsRequest {
    cross: Cross,
    target: String,
    mounts: Vec<PathBuf>,
}

/// A target's tools, as programs of the host.
///
/// With the engine `host` they are programs of the machine itself. With any other, each is a script in the
/// cache that enters the environment and runs one program there: with the
/// arguments, the directory and the standard streams it is given, and with its exit code. Any number of
/// them run at once, and each ends with whoever started it. They can be written into files and
/// used by other processes, as long as the environment is there; where it is gone, they say so and
/// return 125.
///
/// What they see of the host, at the same paths: the workspace with everything that a build of it
/// sees, its target directory, the host's Rust, the directory for temporary files (`TMPDIR`, else
/// `/tmp`), a build script's `OUT_DIR`, and what [`HostToolsRequest::mount`] adds. Relative paths
/// mean something below these. Of the variables they are started with, those reach the program that reach
/// any run (such as `LANG`, `SOURCE_DATE_EPOCH`, and what `env.passthrough` names); the runner's
/// programs have cargo's (`CARGO_MANIFEST_DIR` …) as well. Only the runner has a network.
///
/// A call costs what it takes to enter: some hundredths of a second in the sandbox, some tenths in
/// docker and podman. What compiles a thousand files is faster as one [`Cross::build`] or
/// [`Cross::exec`], which enters once.
#[derive(Clone)]
pub struct HostTools {
    pub(crate) target: TargetName,
    cross: Cross,
    facts: Arc<Facts>,
    mounts: Vec<PathBuf>,
    env: ToolchainEnv,
}

impl Cross {
    /// The tools of `target`'s environment for processes of the host: for a tool that drives cargo itself,
    /// for `make`, for a build script.
    ///
    /// ```no_run
    /// # use std::process::Command;
    /// let cross = cross_core::Cross::discover()?;
    /// let tools = cross
    ///     .host_tools("aarch64-unknown-linux-gnu")
    ///     .mount("/work/firmware")
    ///     .run()?;
    /// Command::new("make").current_dir("/work/firmware").envs(tools.env()).status()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn host_tools(&self, target: impl Into<String>) -> HostToolsRequest {
        HostToolsRequest {
            cross: self.clone(),
            target: target.into(),
            mounts: Vec::new(),
        }
    }
}

impl HostToolsRequest {
    /// Shows the tools this directory, at its own path and writable, besides what they see in any case
    /// (see [`HostTools`]). It has to exist; a relative path is relative to the [`Cross`]'s directory.
    pub fn mount(mut self, dir: impl Into<PathBuf>) -> Self {
        self.mounts.push(dir.into());
        self
    }

    /// Makes the environment where it is not there, with the events of any request, and writes the
    /// scripts.
    ///
    /// # Errors
    ///
    /// Those of [`Request::plan`](crate::Request::plan), and an environment that cannot be made. A
    /// directory that cannot be mounted is [`ErrorKind::Io`].
    pub fn run(&self) -> Result<HostTools> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](HostToolsRequest::run) with a way to stop it.
    ///
    /// # Errors
    ///
    /// As for [`run`](HostToolsRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<HostTools> {
        let request = self.cross.exec(&self.target, ["true"]);
        let mut plan = request.plan_until(cancel)?;
        // All but the command itself.
        plan.steps.pop();
        plan.execute(cancel)?;
        let facts = planner::probe(&request, cancel)?;
        let mut tools = HostTools {
            target: facts.target.clone(),
            cross: self.cross.clone(),
            facts: Arc::new(facts),
            mounts: self.mounts.clone(),
            env: ToolchainEnv::default(),
        };
        tools.env = tools.variables()?;
        Ok(tools)
    }
}

/// What the variables of a target's tools are called before the target's name, and what the programs are
/// called in an environment whose own machine is the target: there no variable names them.
const PROGRAMS: [(&str, &str); 4] = [
    ("CC", "cc"),
    ("CXX", "c++"),
    ("AR", "ar"),
    ("RANLIB", "ranlib"),
];

/// Variables whose values mean the same on the host, or to a tool of the environment.
const SAME: [&str; 3] = ["CFLAGS", "CXXFLAGS", "PKG_CONFIG_LIBDIR"];

impl HostTools {
    /// The variables by which build tools find all of these.
    pub fn env(&self) -> &ToolchainEnv {
        &self.env
    }

    /// The C compiler. `None` where an image of the user's names none (`CC_<t>`).
    pub fn cc(&self) -> Option<&Path> {
        self.script(&self.lower("CC"))
    }

    /// The C++ compiler. `None` where an image of the user's names none.
    pub fn cxx(&self) -> Option<&Path> {
        self.script(&self.lower("CXX"))
    }

    /// The archiver of static libraries. `None` where an image of the user's names none.
    pub fn ar(&self) -> Option<&Path> {
        self.script(&self.lower("AR"))
    }

    /// The linker, as rustc calls it. `None` where rustc brings its own: for bare metal and Emscripten.
    pub fn linker(&self) -> Option<&Path> {
        self.script(&self.upper("LINKER"))
    }

    /// What starts programs of the target: `runner PROGRAM ARGUMENTS…`, which is what cargo expects of
    /// `CARGO_TARGET_<T>_RUNNER`. `None` where nothing here starts them.
    pub fn runner(&self) -> Option<&Path> {
        self.script(&self.target.runner_variable())
    }

    /// Any other program of the environment, by its name or its path there: `objcopy`, `gdb`, a code
    /// generator that the configuration's `packages` bring.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ToolMissing`] when the environment has no such program.
    pub fn tool(&self, program: &str) -> Result<PathBuf> {
        if self.engine().is_host() {
            return on_host::tool(&self.facts, program);
        }
        let shims = self.shims()?;
        let ask = ["sh", "-c", "command -v \"$1\"", "sh", program];
        let spec = shims.spec(ask.map(str::to_owned).to_vec(), Network::None)?;
        let mut found = false;
        let facts = &self.facts;
        let engine = &facts.selected.engine;
        engine
            .run(&spec, &facts.host, &Cancel::new(), &mut |stream, line| {
                found |= stream == Stream::Stdout && line.starts_with('/');
                std::ops::ControlFlow::Continue(())
            })
            .engine()?;
        if !found {
            let name = facts.definition.name();
            let message = format!("`{program}` is not in the environment `{name}`");
            return Err(Error::new(ErrorKind::ToolMissing, message).with_help(
                "name the Debian package that has it in `packages`, or the program as the environment calls it",
            ));
        }
        write(shims.shim(&[program.to_owned()], Use::Tool)?)
    }

    /// The environment that they are in.
    pub fn environment(&self) -> EnvironmentRef {
        self.facts.environment()
    }

    /// The engine that runs it.
    pub fn engine(&self) -> &Engine {
        &self.facts.selected.engine
    }

    #[cfg(feature = "cc")]
    pub(crate) fn cross(&self) -> &Cross {
        &self.cross
    }

    /// A directory of the target's own, for what has no other place.
    #[cfg(feature = "cc")]
    pub(crate) fn scratch_dir(&self) -> PathBuf {
        self.facts.inside.target_dir.join("host-tools")
    }

    fn script(&self, variable: &str) -> Option<&Path> {
        self.env.get(variable).map(Path::new)
    }

    /// `CC_aarch64_unknown_linux_gnu`
    pub(crate) fn lower(&self, name: &str) -> String {
        format!("{name}_{}", self.target.env_upper().to_lowercase())
    }

    /// `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER`
    fn upper(&self, name: &str) -> String {
        format!("CARGO_TARGET_{}_{name}", self.target.env_upper())
    }

    fn shims(&self) -> Result<Shims<'_>> {
        Shims::new(&self.cross, &self.facts, &self.mounts)
    }

    /// Writes the scripts, and names them by the variables that the environment has inside.
    fn variables(&self) -> Result<ToolchainEnv> {
        if self.engine().is_host() {
            return Ok(on_host::toolchain_env(&self.facts, &PROGRAMS));
        }
        let shims = self.shims()?;
        let inside = self.inside();
        let mut env = ToolchainEnv::default();
        let mut tool = |name: String, command: &str, purpose| {
            let words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
            let path = write(shims.shim(&words, purpose)?)?;
            env.set_path(name, &path);
            Ok::<_, Error>(())
        };
        for (name, native) in PROGRAMS {
            let name = self.lower(name);
            if let Some(command) = inside(&name).or_else(|| self.native(native)) {
                tool(name, &command, Use::Tool)?;
            }
        }
        let linker = self.upper("LINKER");
        if let Some(command) = inside(&linker).or_else(|| self.native("cc")) {
            tool(linker, &command, Use::Tool)?;
        }
        if self.facts.definition.recipe().is_some() {
            tool(self.lower("PKG_CONFIG"), "pkg-config", Use::PkgConfig)?;
        }
        if self.starts_programs() {
            let path = write(shims.shim(&self.target.through_runner(), Use::Runner)?)?;
            env.set_path(self.target.runner_variable(), &path);
        }
        for name in SAME.map(|name| self.lower(name)) {
            if let Some(value) = inside(&name) {
                env.set(name, value);
            }
        }
        env.set("PKG_CONFIG_ALLOW_CROSS", "1");
        let sdk = self.facts.definition.sdk.iter();
        sdk.flat_map(|sdk| &sdk.env)
            .for_each(|(name, value)| env.set(name, value));
        self.headers(&inside, &mut env);
        self.cmake(&inside, &mut env)?;
        Ok(env)
    }

    /// What a variable is inside: the image's own, else the recipe's.
    fn inside(&self) -> impl Fn(&str) -> Option<String> {
        let image = self.facts.there.image.as_ref().map(|it| &it.env);
        let recipe = self.facts.definition.recipe();
        let recipe = recipe.map(|named| &named.recipe.env);
        move |name| {
            let values = [image, recipe].into_iter().flatten();
            let mut values = values.filter_map(|env| env.get(name));
            values.find(|it| !it.trim().is_empty()).cloned()
        }
    }

    /// What the environment's own compiler is called where that is the target's.
    fn native(&self, program: &str) -> Option<String> {
        let recipe = self.facts.definition.recipe()?;
        let own = recipe.recipe.env.contains_key(&self.lower("CC"));
        (!own).then(|| program.to_owned())
    }

    fn starts_programs(&self) -> bool {
        let asked = self.facts.config.runner.is_some();
        asked || self.facts.definition.runner(&self.target) != Runner::None
    }

    /// The root file system on the host, where it is a directory there.
    fn root(&self) -> Option<PathBuf> {
        match self.environment().location {
            EnvironmentLocation::Directory(dir) => Some(dir.join("root")),
            _ => None,
        }
    }

    /// What tells libclang, which bindgen loads into a process of the host, where headers are.
    fn headers(&self, inside: &impl Fn(&str) -> Option<String>, env: &mut ToolchainEnv) {
        let name = self.lower("BINDGEN_EXTRA_CLANG_ARGS");
        let (Some(value), Some(root)) = (inside(&name), self.root()) else {
            return;
        };
        let words = value.split(' ').map(|word| on_host(word, &root));
        env.set(name, words.collect::<Vec<_>>().join(" "));
    }

    /// CMake's toolchain file with the scripts for programs, which finds libraries in the environment alone.
    fn cmake(
        &self,
        inside: &impl Fn(&str) -> Option<String>,
        env: &mut ToolchainEnv,
    ) -> Result<()> {
        let name = self.lower("CMAKE_TOOLCHAIN_FILE");
        let recipe = self.facts.definition.recipe();
        let file = inside(&name).zip(recipe).and_then(|(path, named)| {
            let mut files = named.recipe.files.iter();
            files.find(|file| file.path == path)
        });
        let Some(file) = file else {
            return Ok(());
        };
        let scripts = [
            ("C_COMPILER", self.lower("CC")),
            ("CXX_COMPILER", self.lower("CXX")),
        ]
        .into_iter()
        .chain([("AR", self.lower("AR")), ("RANLIB", self.lower("RANLIB"))])
        .filter_map(|(part, name)| Some((part, env.get(&name)?.as_str())));
        let mut text = with_programs(&file.text, &scripts.collect::<Vec<_>>());
        if let Some(root) = self.root() {
            text += &below(&root);
        }
        let kept = kept_file(&self.facts.host, "toolchain.cmake", text, false);
        let path = write(kept)?;
        env.set_path(name, &path);
        Ok(())
    }
}

impl fmt::Debug for HostTools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HostTools")
            .field("target", &self.target.asked())
            .field("env", &self.env)
            .finish_non_exhaustive()
    }
}

fn write((path, file): (PathBuf, crate::plan::Prepared)) -> Result<PathBuf> {
    files::prepare(&[file])?;
    Ok(path)
}

/// An argument of clang's that names a directory of the environment, for a process of the host.
fn on_host(word: &str, root: &Path) -> String {
    for option in ["--sysroot=", "-idirafter", "-isystem", "-I"] {
        if let Some(path) = word.strip_prefix(option).filter(|it| it.starts_with('/')) {
            return format!("{option}{}{path}", root.display());
        }
    }
    word.to_owned()
}

/// The toolchain file with these programs in place of those it names.
fn with_programs(text: &str, scripts: &[(&str, &str)]) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let script = scripts.iter().find_map(|(part, script)| {
            let rest = line.strip_prefix(&format!("set(CMAKE_{part} "))?;
            let (_, rest) = rest.split_at(rest.find([' ', ')'])?);
            Some(format!("set(CMAKE_{part} {}{rest}", cmake_word(script)))
        });
        lines += script.as_deref().unwrap_or(line);
        lines.push('\n');
    }
    lines
}

/// Has CMake look for libraries and headers in the environment's root file system, and not on the host.
fn below(root: &Path) -> String {
    let root = cmake_word(&root.to_string_lossy());
    let modes = ["LIBRARY", "INCLUDE", "PACKAGE"];
    let modes = modes.map(|part| format!("set(CMAKE_FIND_ROOT_PATH_MODE_{part} ONLY)\n"));
    format!("set(CMAKE_FIND_ROOT_PATH {root})\n{}", modes.concat())
}

fn cmake_word(text: &str) -> String {
    let escaped = text
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('$', "\\$");
    format!("\"{escaped}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_toolchain_file_names_the_scripts() {
        let text = "set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_C_COMPILER x-gcc)\n\
                    set(CMAKE_AR x-ar CACHE FILEPATH \"\")\n";
        let scripts = [("C_COMPILER", "/c/my \"x\"/x-gcc"), ("AR", "/c/x-ar")];
        assert_eq!(
            with_programs(text, &scripts),
            "set(CMAKE_SYSTEM_NAME Linux)\nset(CMAKE_C_COMPILER \"/c/my \\\"x\\\"/x-gcc\")\n\
             set(CMAKE_AR \"/c/x-ar\" CACHE FILEPATH \"\")\n"
        );
    }

    #[test]
    fn what_libclang_is_told_is_where_the_host_has_it() {
        let root = Path::new("/c/root");
        for (inside, host) in [
            ("--sysroot=/usr/x", "--sysroot=/c/root/usr/x"),
            ("-idirafter/usr/include", "-idirafter/c/root/usr/include"),
            ("-fvisibility=default", "-fvisibility=default"),
        ] {
            assert_eq!(on_host(inside, root), host);
        }
    }
}
