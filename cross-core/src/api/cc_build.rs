//! The `cc` crate with a target's compiler: what an xtask or a build script compiles C with.

use std::path::{Path, PathBuf};

use cross_engine::{Host, Variables};
use cross_targets::Target;
use serde::Serialize;

use crate::api::host_tools::HostTools;
use crate::api::shims::out_dir;
use crate::host::binary::Binary;
use crate::host::process_env;
use crate::host::toolchain::host_triple;
use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::request::cross::Cross;
use crate::target::name::TargetName;

/// How well C is optimised where no build script's `OPT_LEVEL` says: as cargo's release profile does, but
/// without what only makes it larger.
const OPT_LEVEL: &str = "2";

/// Whether the host's own compiler can compile C for a target: what [`Cross::native_cc`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NativeCc {
    /// It can.
    Works {
        /// The compiler.
        compiler: PathBuf,
    },
    /// There is no such compiler.
    Missing {
        /// The program that would be started, as it was named.
        program: PathBuf,
    },
    /// There is one, and it does not work.
    Fails {
        /// The compiler.
        compiler: PathBuf,
        /// What is wrong: `it compiles for x86_64, 64 bits`.
        why: String,
    },
}

impl NativeCc {
    /// The compiler, where it can.
    pub fn compiler(&self) -> Option<&Path> {
        match self {
            NativeCc::Works { compiler } => Some(compiler),
            _ => None,
        }
    }
}

impl Cross {
    /// A [`cc::Build`] that compiles for `target` with its environment's compiler and archiver, which is
    /// made where it is not there. Compile with it as with any other:
    ///
    /// ```no_run
    /// let cross = cross_core::Cross::discover()?;
    /// cross
    ///     .cc_build("s390x-unknown-linux-gnu")?
    ///     .file("src/fast.c")
    ///     .out_dir("target/fast")
    ///     .compile("fast"); // target/fast/libfast.a
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// Set are: the compiler, the archiver and `ranlib`; the target, the host, and the target's own
    /// flags; the level of optimisation (`OPT_LEVEL` of the [`Cross`]'s environment, else 2) and the
    /// directory for what is made (its `OUT_DIR`, else one of the target's own below the target
    /// directory). `CC` and its like, which are about the host, do not count. Lines for
    /// cargo are not printed: a build script whose own crate links the library calls
    /// `.cargo_metadata(true)`. What the compiler says is printed as cc prints it, and is silenced by
    /// `.cargo_warnings(false)`.
    ///
    /// Flags of the user's in the *process's* environment (`CFLAGS_<t>`, `TARGET_CFLAGS`, `CFLAGS`,
    /// `ARFLAGS`) count as they do for every use of cc, which reads them itself.
    ///
    /// For C++ use [`HostTools::cc_build_cpp`]; files and directories outside of the workspace have
    /// to be shown: `cross.host_tools(target).mount(dir).run()?.cc_build()?`.
    ///
    /// # Errors
    ///
    /// Those of [`HostToolsRequest::run`](crate::host_tools::HostToolsRequest::run) and [`HostTools::cc_build`].
    pub fn cc_build(&self, target: impl Into<String>) -> Result<cc::Build> {
        self.host_tools(target).run()?.cc_build()
    }

    /// Whether the host could compile C for `target` without an environment: asks cc for the compiler
    /// that it would take, and compiles a line of C with it. Prints nothing and leaves nothing.
    ///
    /// cc reads the process's environment (`CC_<t>`, `CFLAGS`, `PATH`), and not that of the [`Cross`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownTarget`], and [`ErrorKind::Io`] when there is no place for a temporary file.
    pub fn native_cc(&self, target: &str) -> Result<NativeCc> {
        let name = TargetName::parse(target, self.dir())?;
        let known = name.in_table()?;
        let cache = self.host()?.cache;
        std::fs::create_dir_all(&cache).on("create directory", &cache)?;
        let dir = tempfile::tempdir_in(&cache).on("create a directory in", &cache)?;
        let source = dir.path().join("native.c");
        crate::host::files::write(&source, "int native(void) { return 0; }\n", false)?;
        let mut build = cc::Build::new();
        build
            .target(name.triple())
            .host(&host_triple())
            .opt_level(0)
            .debug(false)
            .out_dir(dir.path())
            .file(&source)
            .cargo_metadata(false)
            .cargo_warnings(false)
            .cargo_output(false);
        let program = match build.try_get_compiler() {
            Ok(tool) => tool.path().to_owned(),
            Err(error) => {
                let (compiler, why) = (PathBuf::from("cc"), error.to_string());
                return Ok(NativeCc::Fails { compiler, why });
            }
        };
        let variables: Variables = process_env::env()
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let Some(compiler) = Host::new(variables, "").find_program(&program) else {
            return Ok(NativeCc::Missing { program });
        };
        Ok(match compiles(&build, known) {
            Ok(()) => NativeCc::Works { compiler },
            Err(why) => NativeCc::Fails { compiler, why },
        })
    }
}

/// That what `build` compiles is for `target`, as far as an object file says so.
fn compiles(build: &cc::Build, target: Target) -> Result<(), String> {
    let objects = build
        .try_compile_intermediates()
        .map_err(|error| error.to_string())?;
    // Windows' and WebAssembly's are not ELF: who compiles for them has no other target.
    let Some(made) = objects.first().and_then(|path| Binary::read(path).ok()) else {
        return Ok(());
    };
    match made.is_for(target) {
        true => Ok(()),
        false => Err(format!(
            "it compiles for {}, {} bits",
            made.machine, made.bits
        )),
    }
}

impl HostTools {
    /// A [`cc::Build`] for C with these tools: see [`Cross::cc_build`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ToolMissing`] when an image of the user's names no compiler, [`ErrorKind::Io`] when the
    /// directory for what is made cannot be made.
    pub fn cc_build(&self) -> Result<cc::Build> {
        self.build(self.cc(), "CC", "CFLAGS")
    }

    /// The same for C++. Its [`cpp`](cc::Build::cpp) is set.
    ///
    /// # Errors
    ///
    /// As for [`cc_build`](HostTools::cc_build).
    pub fn cc_build_cpp(&self) -> Result<cc::Build> {
        let mut build = self.build(self.cxx(), "CXX", "CXXFLAGS")?;
        build.cpp(true);
        Ok(build)
    }

    fn build(&self, compiler: Option<&Path>, names: &str, flags: &str) -> Result<cc::Build> {
        let compiler = compiler.ok_or_else(|| {
            let name = self.environment().name;
            let message = format!("the environment `{name}` names no compiler");
            let help = format!(
                "set `{}` in the image (`ENV` in a Dockerfile)",
                self.lower(names)
            );
            Error::new(ErrorKind::ToolMissing, message).with_help(help)
        })?;
        let out_dir = match out_dir(self.cross()) {
            Some(dir) => dir,
            None => {
                let dir = self.scratch_dir();
                std::fs::create_dir_all(&dir).on("create directory", &dir)?;
                dir
            }
        };
        let opt_level = self.cross().environment().get_str("OPT_LEVEL");
        let mut build = cc::Build::new();
        build
            .compiler(compiler)
            .target(self.target.triple())
            .host(&host_triple())
            .opt_level_str(opt_level.unwrap_or(OPT_LEVEL))
            .out_dir(out_dir)
            // What the host's rustc is told is not about the target.
            .inherit_rustflags(false)
            .cargo_metadata(false);
        if let Some(archiver) = self.ar() {
            build.archiver(archiver);
        }
        if let Some(ranlib) = self.env().get(&self.lower("RANLIB")) {
            build.ranlib(ranlib);
        }
        let flags = self.env().get(&self.lower(flags));
        for flag in flags.into_iter().flat_map(|it| it.split_whitespace()) {
            build.flag(flag);
        }
        Ok(build)
    }
}
