//! A target's tools for processes of the host: makes the environment, and a shim for each of its
//! tools.

mod host;
mod sysroot;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cross_engine::process::Stream;
use cross_engine::{Cancel, Engine, EnvironmentLocation, Shim};
use cross_targets::Runner;

use crate::api::shims::{ShimKind, Shims};
use crate::api::toolchain_env::ToolchainEnv;
use crate::facts::binutils::ObjectTool;
use crate::facts::facts::Facts;
use crate::facts::probe;
use crate::facts::run_inputs::kept_file;
use crate::host::files;
use crate::model::error::{Error, ErrorKind, MapEngineError as _, Result};
use crate::model::step::{EnvironmentRef, Prepared, Step, Verb, Warning};
use crate::plan::planner;
use crate::request::cross::Cross;
use crate::request::request::Request;
use crate::target::name::TargetName;
use sysroot::{Compiler, Sysroot};

/// A request for a target's tools, made by [`Cross::host_tools`]. Nothing is read or made before
/// [`run`](HostToolsRequest::run).
#[must_use = "a request does nothing until it is run"]
#[derive(Clone, Debug)]
pub struct HostToolsRequest {
    cross: Cross,
    target: String,
    mounts: Vec<PathBuf>,
}

/// A target's tools, as programs that processes of the host can run.
///
/// With the engine `host` they are programs of the machine itself. With any other engine, each tool
/// is a script in the cache that enters the environment and runs one program there, with the
/// script's arguments, working directory and standard streams. It returns the program's exit code.
/// Any number of scripts run at once, and each ends with the process that started it. Their paths
/// can be written into files and used by other processes while the environment exists. Without it,
/// a script reports that and returns 125.
///
/// The scripts' programs see these directories of the host at the same paths: the workspace and
/// everything else that a build sees, its target directory, the host's toolchain, the directory for
/// temporary files (`TMPDIR` or `/tmp`), the `OUT_DIR` of a build script, and those that
/// [`HostToolsRequest::mount`] adds. A relative path works only below these. They are writable,
/// with two exceptions: `.git` and `.cargo` of the workspace, and for the runner's programs the
/// sources, as in any run: there the key `writable` names what is written. Of the script's
/// variables, a program gets those that any run gets (such as `LANG`, `SOURCE_DATE_EPOCH`, and
/// those that `env.passthrough` names). The runner's programs also get cargo's
/// (`CARGO_MANIFEST_DIR` and the like). Only the runner has a network.
///
/// Each call enters the environment once, which takes some hundredths of a second in the sandbox
/// and some tenths in docker and podman. To compile a thousand files, one [`Cross::build`] or
/// [`Cross::exec`] is faster, since it enters once.
///
/// The key `reproducible` fixes times, locale and user for these programs. It cannot fix their
/// paths, which their callers name, and a warning says so.
#[derive(Clone)]
pub struct HostTools {
    pub(crate) target: TargetName,
    cross: Cross,
    facts: Arc<Facts>,
    mounts: Vec<PathBuf>,
    env: ToolchainEnv,
}

impl Cross {
    /// Requests the tools of `target`'s environment for processes of the host, such as `make`, a
    /// build script, or a tool that drives cargo itself.
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
    /// Mounts a directory for the tools, at its own path and writable, besides the ones that they
    /// always see (see [`HostTools`]). The directory has to exist. A relative path is relative to
    /// the directory of the [`Cross`].
    pub fn mount(mut self, dir: impl Into<PathBuf>) -> Self {
        self.mounts.push(dir.into());
        self
    }

    /// Makes the environment if it does not exist, with the same events as any request, and writes
    /// the scripts.
    ///
    /// # Errors
    ///
    /// The errors of [`Request::plan`], and an environment that cannot be made. A directory that
    /// cannot be mounted is [`ErrorKind::Io`]. On Windows, which starts no scripts,
    /// [`ErrorKind::EngineUnusable`].
    pub fn run(&self) -> Result<HostTools> {
        self.run_until(&Cancel::new())
    }

    /// [`run`](HostToolsRequest::run), stopped by `cancel`.
    ///
    /// # Errors
    ///
    /// As for [`run`](HostToolsRequest::run).
    pub fn run_until(&self, cancel: &Cancel) -> Result<HostTools> {
        let name = TargetName::parse(&self.target, self.cross.dir())?;
        name.refuse_joined("there are no tools")?;
        refuse_without_scripts(Shim::IS_SUPPORTED)?;
        // The tools see what a command in the environment sees.
        let request = Request::new(self.cross.clone(), Verb::Exec, self.target.clone());
        let mut facts = probe::probe(&request, cancel)?;
        if let Some(remote) = &facts.remote {
            return Err(remote.refuse("tools for programs of this machine"));
        }
        facts.warnings.extend(unfixed_paths(&facts));
        let preparation = planner::plan_preparation(&request, facts.clone(), cancel)?;
        let makes_environment = preparation.steps.iter().any(Step::is_environment);
        preparation.execute(cancel)?;
        if makes_environment {
            // The image's variables and the root's entries are known only now.
            facts = probe::probe(&request, cancel)?;
        }
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

/// The warning that a reproducible build does not come of tools for processes of the host.
fn unfixed_paths(facts: &Facts) -> Option<Warning> {
    let key = facts.config.reproducible.as_ref().filter(|key| key.value)?;
    // The engine itself has a warning of its own.
    let has_scripts = !facts.selected.engine.is_host();
    has_scripts.then(|| Warning {
        code: "reproducible".to_owned(),
        message: format!(
            "`reproducible` ({}) fixes no path for the host's processes: the tools of {} see the paths \
             that these name, and what they make may have them in it",
            key.origin,
            facts.target.triple()
        ),
        help: Some(
            "build with `Cross::build`, or run the whole tool in the environment with `Cross::exec`; \
             or pass the compilers `-ffile-prefix-map=<directory>=/cross/project`"
                .to_owned(),
        ),
    })
}

/// Refuses tools for processes of a system that starts no scripts.
fn refuse_without_scripts(has_scripts: bool) -> Result<()> {
    if has_scripts {
        return Ok(());
    }
    let message = "this system starts no shell scripts, and the tools of an environment are scripts for its processes";
    Err(Error::new(ErrorKind::EngineUnusable, message).with_help(
        "build with `Cross::build`, or run a program in the environment with `Cross::exec`; or use \
         WSL, which is a Linux host and has the tools",
    ))
}

/// The tools that variables name: the part of the variable's name before the target, and the
/// program's name in an environment whose own architecture is the target. There the tool has no
/// variable.
const TOOLS: [(&str, &str); 4] = [
    ("CC", "cc"),
    ("CXX", "c++"),
    ("AR", "ar"),
    ("RANLIB", "ranlib"),
];

/// Variables whose values are the same on the host and inside.
const UNCHANGED: [&str; 3] = ["CFLAGS", "CXXFLAGS", "PKG_CONFIG_LIBDIR"];

impl HostTools {
    /// The variables by which build tools find the tools.
    pub fn env(&self) -> &ToolchainEnv {
        &self.env
    }

    /// The C compiler. `None` if a user's image does not name one (`CC_<t>`).
    pub fn cc(&self) -> Option<&Path> {
        self.script(&self.lower("CC"))
    }

    /// The C++ compiler. `None` if a user's image does not name one.
    pub fn cxx(&self) -> Option<&Path> {
        self.script(&self.lower("CXX"))
    }

    /// The archiver for static libraries. `None` if a user's image does not name one.
    pub fn ar(&self) -> Option<&Path> {
        self.script(&self.lower("AR"))
    }

    /// The linker that rustc calls. `None` if rustc ships its own: for bare metal and Emscripten.
    pub fn linker(&self) -> Option<&Path> {
        self.script(&self.upper("LINKER"))
    }

    /// The runner of the target's programs, called as `runner PROGRAM ARGUMENTS…`. Cargo expects
    /// the same of `CARGO_TARGET_<T>_RUNNER`. `None` if the environment cannot run them.
    pub fn runner(&self) -> Option<&Path> {
        self.script(&self.target.runner_variable())
    }

    /// Makes a script for any other program of the environment, by its name or its path there:
    /// `objcopy`, `gdb`, a code generator from the configured `packages`. Compilers, the linker and
    /// the tools for object files are those of the target, as for [`Cross::exec`], and `pkg-config`
    /// finds the target's libraries.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ToolMissing`] if the environment has no such program, or none for the target's
    /// files.
    pub fn tool(&self, program: &str) -> Result<PathBuf> {
        if let Some(script) = self.pkg_config().filter(|_| program == "pkg-config") {
            return Ok(script.to_owned());
        }
        let own = self.facts.target_tool(program)?;
        let variable = own.as_ref().and_then(ObjectTool::variable);
        let program = own.as_ref().map_or(program, |own| &own.program);
        if self.engine().is_host() {
            return match variable {
                None => host::tool(&self.facts, program),
                Some(_) => Err(host::does_not_start_alone(program)),
            };
        }
        let shims = self.shims()?;
        let lookup = ["sh", "-c", "command -v \"$1\"", "sh", program].map(str::to_owned);
        let spec = shims.spec(lookup.to_vec(), ShimKind::Tool)?;
        let mut found = false;
        let facts = &self.facts;
        let engine = &facts.selected.engine;
        engine
            .run(&spec, &facts.host, &Cancel::new(), &mut |stream, line| {
                found |= stream == Stream::Stdout && line.starts_with('/');
                std::ops::ControlFlow::Continue(())
            })
            .map_engine_error()?;
        if !found {
            let name = facts.env_spec.name();
            let message = format!("`{program}` is not in the environment `{name}`");
            return Err(Error::new(ErrorKind::ToolMissing, message).with_help(
                "add the Debian package that has it to `packages`, or use its name in the environment",
            ));
        }
        let shims = shims.with(variable);
        write(shims.shim(&[program.to_owned()], ShimKind::Program)?)
    }

    /// The directory with the target's headers and libraries, on the host, for tools of the host
    /// that read them (`--sysroot`): that of Debian's cross compiler (Linux with glibc, Windows by
    /// MinGW), `/usr` of the environment for WASI, the whole environment where its own architecture
    /// is the target, Android's in its NDK, or the SDK of Apple's and the root file system that the
    /// user gives.
    ///
    /// `None` where there is no such directory: Zig (musl, a glibc floor, macOS without an SDK) and
    /// Emscripten make their libraries, GCC for bare metal has them among its own files, and
    /// Microsoft's SDK has several directories, which the variables name. `None`, too, for files of
    /// an image, which the host does not have, and with the engine `host`, whose compilers know
    /// their own directories.
    pub fn sysroot(&self) -> Option<PathBuf> {
        if self.engine().is_host() {
            return None;
        }
        let spec = &self.facts.env_spec;
        let sdk = spec.sdk.as_ref().map(|sdk| sdk.path.as_path());
        let compiler = match spec.recipe()?.recipe.env.contains_key(&self.lower("CC")) {
            _ if sdk.is_some() => Compiler::OfSdk,
            false => Compiler::Native,
            true if spec.glibc_floor.is_some() => Compiler::Zig,
            true => Compiler::Usual,
        };
        let found = Sysroot::of(self.target.known()?, compiler)?;
        found.on_host(sdk, self.root_dir().as_deref())
    }

    /// The environment of the tools.
    pub fn environment(&self) -> EnvironmentRef {
        self.facts.environment()
    }

    /// The engine that runs the environment.
    pub fn engine(&self) -> &Engine {
        &self.facts.selected.engine
    }

    #[cfg(feature = "cc")]
    pub(crate) fn cross(&self) -> &Cross {
        &self.cross
    }

    /// A directory below the target directory, for callers that do not name one.
    #[cfg(feature = "cc")]
    pub(crate) fn scratch_dir(&self) -> PathBuf {
        self.facts.inputs.target_dir.join("host-tools")
    }

    fn script(&self, variable: &str) -> Option<&Path> {
        self.env.get(variable).map(Path::new)
    }

    /// The script for pkg-config, which an environment of a recipe has.
    fn pkg_config(&self) -> Option<&Path> {
        self.script(&self.lower("PKG_CONFIG"))
    }

    /// A variable such as `CC_aarch64_unknown_linux_gnu`.
    pub(crate) fn lower(&self, name: &str) -> String {
        format!("{name}_{}", self.target.env_upper().to_lowercase())
    }

    /// A variable such as `CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_LINKER`.
    fn upper(&self, name: &str) -> String {
        format!("CARGO_TARGET_{}_{name}", self.target.env_upper())
    }

    fn shims(&self) -> Result<Shims<'_>> {
        Shims::new(&self.cross, &self.facts, &self.mounts)
    }

    /// Writes the scripts, and names them in the variables that the environment sets inside.
    fn variables(&self) -> Result<ToolchainEnv> {
        if self.engine().is_host() {
            return Ok(host::toolchain_env(&self.facts, &TOOLS));
        }
        let shims = self.shims()?;
        let inside = self.variables_inside();
        let mut env = ToolchainEnv::default();
        let mut add_tool = |name: String, command: &str, kind| {
            let words: Vec<_> = command.split_whitespace().map(str::to_owned).collect();
            let path = write(shims.shim(&words, kind)?)?;
            env.set_path(name, &path);
            Ok::<_, Error>(())
        };
        for (name, native) in TOOLS {
            let name = self.lower(name);
            if let Some(command) = inside(&name).or_else(|| self.native_tool(native)) {
                add_tool(name, &command, ShimKind::Tool)?;
            }
        }
        let linker = self.upper("LINKER");
        if let Some(command) = inside(&linker).or_else(|| self.native_tool("cc")) {
            add_tool(linker, &command, ShimKind::Tool)?;
        }
        if self.facts.env_spec.recipe().is_some() {
            add_tool(self.lower("PKG_CONFIG"), "pkg-config", ShimKind::PkgConfig)?;
        }
        if self.has_runner() {
            let path = write(shims.shim(&self.target.through_runner(), ShimKind::Runner)?)?;
            env.set_path(self.target.runner_variable(), &path);
        }
        for name in UNCHANGED.map(|name| self.lower(name)) {
            if let Some(value) = inside(&name) {
                env.set(name, value);
            }
        }
        env.set("PKG_CONFIG_ALLOW_CROSS", "1");
        let sdk = self.facts.env_spec.sdk.iter();
        sdk.flat_map(|sdk| &sdk.env)
            .for_each(|(name, value)| env.set(name, value));
        self.set_bindgen_args(&inside, &mut env);
        self.write_cmake_toolchain(&inside, &mut env)?;
        Ok(env)
    }

    /// Looks up a variable of the environment: the image's value if it has one, else the recipe's.
    fn variables_inside(&self) -> impl Fn(&str) -> Option<String> {
        let image = self.facts.state.image.as_ref().map(|image| &image.env);
        let recipe = self.facts.env_spec.recipe();
        let recipe = recipe.map(|named| &named.recipe.env);
        move |name| {
            let values = [image, recipe].into_iter().flatten();
            let mut values = values.filter_map(|env| env.get(name));
            values.find(|value| !value.trim().is_empty()).cloned()
        }
    }

    /// The environment's native tool `program`, if the environment's own architecture is the
    /// target.
    fn native_tool(&self, program: &str) -> Option<String> {
        let recipe = self.facts.env_spec.recipe()?;
        let has_cross_tools = recipe.recipe.env.contains_key(&self.lower("CC"));
        (!has_cross_tools).then(|| program.to_owned())
    }

    fn has_runner(&self) -> bool {
        let is_configured = self.facts.config.runner.is_some();
        is_configured || self.facts.env_spec.runner(&self.target) != Runner::None
    }

    /// The root file system's path on the host, if it is a directory there.
    fn root_dir(&self) -> Option<PathBuf> {
        match self.environment().location {
            EnvironmentLocation::Directory(dir) => Some(dir.join("root")),
            _ => None,
        }
    }

    /// Sets the arguments by which bindgen's libclang finds headers. It runs in a process of the
    /// host.
    fn set_bindgen_args(&self, inside: &impl Fn(&str) -> Option<String>, env: &mut ToolchainEnv) {
        let name = self.lower("BINDGEN_EXTRA_CLANG_ARGS");
        let (Some(value), Some(root)) = (inside(&name), self.root_dir()) else {
            return;
        };
        let args = value.split(' ').map(|arg| with_host_path(arg, &root));
        env.set(name, args.collect::<Vec<_>>().join(" "));
    }

    /// Writes CMake's toolchain file with the scripts in place of programs. CMake then looks for
    /// libraries in the environment alone.
    fn write_cmake_toolchain(
        &self,
        inside: &impl Fn(&str) -> Option<String>,
        env: &mut ToolchainEnv,
    ) -> Result<()> {
        let name = self.lower("CMAKE_TOOLCHAIN_FILE");
        let recipe = self.facts.env_spec.recipe();
        let file = inside(&name).zip(recipe).and_then(|(path, named)| {
            let mut files = named.recipe.files.iter();
            files.find(|file| file.path == path)
        });
        let Some(file) = file else {
            return Ok(());
        };
        let parts = [
            ("C_COMPILER", "CC"),
            ("CXX_COMPILER", "CXX"),
            ("AR", "AR"),
            ("RANLIB", "RANLIB"),
        ];
        let script = |(part, tool)| Some((part, env.get(&self.lower(tool))?.as_str()));
        let scripts: Vec<_> = parts.into_iter().filter_map(script).collect();
        let mut text = with_programs(&file.text, &scripts);
        if let Some(root) = self.root_dir() {
            text += &find_root_path(&root);
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
            .field("target", &self.target.requested())
            .field("env", &self.env)
            .finish_non_exhaustive()
    }
}

/// Writes `file` to `path`, and returns the path.
fn write((path, file): (PathBuf, Prepared)) -> Result<PathBuf> {
    files::prepare(&[file])?;
    Ok(path)
}

/// Translates an argument of clang that names a directory of the environment to its path on the
/// host.
fn with_host_path(arg: &str, root: &Path) -> String {
    for option in ["--sysroot=", "-idirafter", "-isystem", "-I"] {
        let path = arg.strip_prefix(option);
        if let Some(path) = path.filter(|path| path.starts_with('/')) {
            return format!("{option}{}{path}", root.display());
        }
    }
    arg.to_owned()
}

/// Replaces the programs that a toolchain file names by these scripts.
fn with_programs(text: &str, scripts: &[(&str, &str)]) -> String {
    let mut lines = String::new();
    for line in text.lines() {
        let script = scripts.iter().find_map(|(part, script)| {
            let rest = line.strip_prefix(&format!("set(CMAKE_{part} "))?;
            let (_, rest) = rest.split_at(rest.find([' ', ')'])?);
            Some(format!("set(CMAKE_{part} {}{rest}", cmake_quoted(script)))
        });
        lines += script.as_deref().unwrap_or(line);
        lines.push('\n');
    }
    lines
}

/// The lines that make CMake look for libraries and headers below `root` only.
fn find_root_path(root: &Path) -> String {
    let root = cmake_quoted(&root.to_string_lossy());
    let modes = ["LIBRARY", "INCLUDE", "PACKAGE"];
    let modes = modes.map(|part| format!("set(CMAKE_FIND_ROOT_PATH_MODE_{part} ONLY)\n"));
    format!("set(CMAKE_FIND_ROOT_PATH {root})\n{}", modes.concat())
}

fn cmake_quoted(text: &str) -> String {
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
    fn a_system_without_scripts_is_told_what_to_use_instead() {
        refuse_without_scripts(true).unwrap();
        let error = refuse_without_scripts(false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::EngineUnusable);
        assert!(error.help().unwrap().contains("WSL"), "{error}");
    }

    #[test]
    fn directories_for_libclang_are_translated_to_the_host() {
        let root = Path::new("/c/root");
        for (inside, host) in [
            ("--sysroot=/usr/x", "--sysroot=/c/root/usr/x"),
            ("-idirafter/usr/include", "-idirafter/c/root/usr/include"),
            ("-fvisibility=default", "-fvisibility=default"),
        ] {
            assert_eq!(with_host_path(inside, root), host);
        }
    }
}
