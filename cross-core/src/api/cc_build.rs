//! The `cc` crate, set up with a target's compiler, for an xtask or a build script that compiles C.

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

/// The optimisation level where no build script's `OPT_LEVEL` sets one: that of cargo's release
/// profile, without the optimisations that mainly increase the size.
const OPT_LEVEL: &str = "2";

/// Whether the host's own compiler can compile C for a target, as [`Cross::native_cc`] found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum NativeCc {
    /// The compiler works.
    #[non_exhaustive]
    Works {
        /// The compiler.
        compiler: PathBuf,
    },
    /// The compiler does not exist.
    #[non_exhaustive]
    Missing {
        /// The program that cc would run.
        program: PathBuf,
    },
    /// The compiler exists and does not work.
    #[non_exhaustive]
    Fails {
        /// The compiler.
        compiler: PathBuf,
        /// What is wrong: `it compiles for x86_64, 64 bits`.
        why: String,
    },
}

impl NativeCc {
    /// The compiler, if it works.
    pub fn compiler(&self) -> Option<&Path> {
        match self {
            NativeCc::Works { compiler } => Some(compiler),
            _ => None,
        }
    }
}

impl Cross {
    /// Returns a [`cc::Build`] that compiles for `target` with the compiler and archiver of its
    /// environment, and makes the environment if it does not exist. Use it like any other:
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
    /// It sets the compiler, the archiver and `ranlib`, the target, the host, and the target's own
    /// flags. It also sets the optimisation level (`OPT_LEVEL` in the environment of the [`Cross`],
    /// or 2) and the output directory (its `OUT_DIR`, or one below the target directory). `CC` and
    /// similar variables, which are about the host, have no effect. Lines for cargo are not
    /// printed: a build script whose own crate links the library calls `.cargo_metadata(true)`. cc
    /// prints the compiler's warnings, unless `.cargo_warnings(false)` is called.
    ///
    /// Flags in the *process's* environment (`CFLAGS_<t>`, `TARGET_CFLAGS`, `CFLAGS`, `ARFLAGS`)
    /// apply as for every use of cc, which reads them itself.
    ///
    /// For C++, use [`HostTools::cc_build_cpp`]. Files and directories outside of the workspace
    /// have to be mounted: `cross.host_tools(target).mount(dir).run()?.cc_build()?`.
    ///
    /// # Errors
    ///
    /// The errors of [`HostToolsRequest::run`](crate::host_tools::HostToolsRequest::run) and
    /// [`HostTools::cc_build`].
    pub fn cc_build(&self, target: impl Into<String>) -> Result<cc::Build> {
        self.host_tools(target).run()?.cc_build()
    }

    /// Tests whether the host can compile C for `target` without an environment: asks cc for the
    /// compiler that it would use, and compiles a line of C with it. Nothing is printed, and no
    /// file is left.
    ///
    /// cc reads the environment of the process (`CC_<t>`, `CFLAGS`, `PATH`), and not that of the
    /// [`Cross`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::UnknownTarget`], and [`ErrorKind::Io`] if no temporary file can be written.
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

/// Checks that `build` compiles for `target`, as far as its object file tells.
fn compiles(build: &cc::Build, target: Target) -> Result<(), String> {
    let objects = build
        .try_compile_intermediates()
        .map_err(|error| error.to_string())?;
    // Objects for Windows and WebAssembly are not ELF. A compiler for them has no other target.
    let first = objects.first();
    let Some(object) = first.and_then(|path| Binary::read(path).ok()) else {
        return Ok(());
    };
    match object.is_for(target) {
        true => Ok(()),
        false => Err(format!(
            "it compiles for {}, {} bits",
            object.machine, object.bits
        )),
    }
}

impl HostTools {
    /// Returns a [`cc::Build`] for C with these tools. See [`Cross::cc_build`].
    ///
    /// # Errors
    ///
    /// [`ErrorKind::ToolMissing`] if a user's image names no compiler, and [`ErrorKind::Io`] if the
    /// output directory cannot be made.
    pub fn cc_build(&self) -> Result<cc::Build> {
        self.build(self.cc(), "CC", "CFLAGS")
    }

    /// Returns a [`cc::Build`] for C++ with these tools. Its [`cpp`](cc::Build::cpp) is set.
    ///
    /// # Errors
    ///
    /// As for [`cc_build`](HostTools::cc_build).
    pub fn cc_build_cpp(&self) -> Result<cc::Build> {
        let mut build = self.build(self.cxx(), "CXX", "CXXFLAGS")?;
        build.cpp(true);
        Ok(build)
    }

    fn build(&self, compiler: Option<&Path>, variable: &str, flags: &str) -> Result<cc::Build> {
        let compiler = compiler.ok_or_else(|| {
            let name = self.environment().name;
            let message = format!("the environment `{name}` names no compiler");
            let help = format!(
                "set `{}` in the image (`ENV` in a Dockerfile)",
                self.lower(variable)
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
            // The flags of the host's rustc are not about the target.
            .inherit_rustflags(false)
            .cargo_metadata(false);
        if let Some(archiver) = self.ar() {
            build.archiver(archiver);
        }
        if let Some(ranlib) = self.env().get(&self.lower("RANLIB")) {
            build.ranlib(ranlib);
        }
        let flags = self.env().get(&self.lower(flags));
        for flag in flags.into_iter().flat_map(|flags| flags.split_whitespace()) {
            build.flag(flag);
        }
        Ok(build)
    }
}
