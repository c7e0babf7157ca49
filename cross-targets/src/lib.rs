//! Facts about cross-compilation targets: names, packages, tools, runner, C library and `std`.
//!
//! The crate is a table of 119 triples (121 targets: two of them also exist with the minimum glibc
//! version 2.17) and pure functions that read it: every target that rustup installs `std` for,
//! others of the `cross` project's, and `universal2-apple-darwin`, which is two of them. It does no
//! I/O.
//!
//! **Name a target.** A [`Target`] is a row of the table, optionally with a minimum glibc version.
//! Parsing any other text returns a typed error that suggests similar triples:
//!
//! ```
//! use cross_targets::Target;
//!
//! let target: Target = "aarch64-unknown-linux-gnu.2.17".parse()?;
//! assert_eq!(target.triple(), "aarch64-unknown-linux-gnu");
//! assert_eq!(target.to_string(), "aarch64-unknown-linux-gnu.2.17");
//!
//! let error = Target::parse("aarch64-linux-gnu").unwrap_err();
//! assert_eq!(error.suggestions(), ["aarch64-unknown-linux-gnu"]);
//! # Ok::<(), cross_targets::UnknownTarget>(())
//! ```
//!
//! **Look up its facts.** [`Target::facts`] returns the row: the names that `rustc`, the GNU tools
//! and Debian use, the C library, whether rustup ships `std`, the emulator, and the level of
//! support.
//!
//! ```
//! use cross_targets::{StdAvailability, SupportLevel, Target};
//!
//! let facts = Target::parse("mipsel-unknown-linux-gnu")?.facts();
//! assert_eq!(facts.std, StdAvailability::BuildStd);
//! assert_eq!(facts.support, SupportLevel::Recipe);
//! # Ok::<(), cross_targets::UnknownTarget>(())
//! ```
//!
//! **Get its recipe.** [`Target::recipe`] describes a Debian root file system that compiles for the
//! target. [`Target::runner`] says how programs of the target are started in it. A target without a
//! proven recipe returns [`UnsupportedTarget`]. For some of these targets, a directory that the
//! user provides ([`Sdk`]) makes a recipe possible: [`Target::recipe_with_sdk`].
//!
//! ```
//! use cross_targets::{DebianArch, Runner, RustSource, Target};
//!
//! let target = Target::parse("s390x-unknown-linux-gnu").unwrap();
//! let recipe = target
//!     .recipe(DebianArch::Amd64, RustSource::External)?
//!     .extend_target_packages(["libssl-dev"]);
//! assert!(recipe.packages.iter().any(|p| p == "gcc-s390x-linux-gnu"));
//! assert!(recipe.packages.iter().any(|p| p == "libssl-dev:s390x"));
//! assert_eq!(recipe.env["CC_s390x_unknown_linux_gnu"], "s390x-linux-gnu-gcc");
//! assert!(matches!(
//!     target.runner(DebianArch::Amd64),
//!     Runner::QemuUser { program: "qemu-s390x-static", .. }
//! ));
//! # Ok::<(), cross_targets::UnsupportedTarget>(())
//! ```

mod facts;
mod recipe;
mod table;
mod target;

pub use facts::debian_arch::DebianArch;
pub use facts::glibc::{GlibcVersion, InvalidGlibcVersion};
pub use facts::sdk::Sdk;
pub use facts::system_version::{InvalidSystemVersion, SystemVersion};
pub use facts::target_facts::{
    CToolchain, Endian, Level, Libc, StdAvailability, SupportLevel, TargetEmulator, TargetFacts,
    TestSupport, Tier, ZigTarget,
};
pub use facts::toml_table::toml_table;
pub use facts::uefi_machine::UefiMachine;
pub use recipe::{
    HostEmulator, Recipe, RecipeDownload, RecipeFile, RustSource, StdSource, Toolset, ToolsetKind,
    UnsupportedTarget,
};
pub use table::rustc_targets::is_rustc_target;
pub use table::suggestions::edit_distance;
pub use target::qemu_machine::QemuMachine;
pub use target::runner::Runner;
pub use target::{Target, UnknownTarget};
