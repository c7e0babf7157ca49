//! What is true of each cross compilation target: names, packages, tools, runner, libc and std.
//!
//! The crate is a table of 57 triples (59 targets: two of them also with the glibc floor 2.17)
//! and the pure functions that read it. It does no I/O and depends on nothing.
//!
//! **Name a target.** A [`Target`] is a row of the table, optionally with a glibc floor. Text that
//! names none is a typed error that suggests what was probably meant:
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
//! **Ask what is true of it.** [`Target::facts`] is the row: what `rustc` calls it, what GNU tools
//! and Debian call it, which libc it has, whether rustup ships its `std`, what emulates it, and how
//! far this project supports it.
//!
//! ```
//! use cross_targets::{Std, Support, Target};
//!
//! let facts = Target::parse("mipsel-unknown-linux-gnu")?.facts();
//! assert_eq!(facts.std, Std::BuildStd);
//! assert_eq!(facts.support, Support::Recipe);
//! # Ok::<(), cross_targets::UnknownTarget>(())
//! ```
//!
//! **Get its environment.** [`Target::recipe`] is the data from which a Debian root file system is
//! made that compiles for the target; [`Target::runner`] is how a program of the target starts in
//! it. A target without a proven recipe answers [`Unsupported`], never a guess; for some of these a
//! directory of the user's ([`Sdk`]) completes one: [`Target::recipe_with_sdk`].
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
//! # Ok::<(), cross_targets::Unsupported>(())
//! ```

mod facts;
mod recipe;
mod table;
mod target;

pub use facts::debian_arch::DebianArch;
pub use facts::glibc::{Glibc, NotGlibc};
pub use facts::sdk::Sdk;
pub use facts::target_facts::{
    Emulator, Endian, Facts, Libc, Std, Support, TestSupport, Tier, Tools, Zig,
};
pub use recipe::{
    File, HostEmulator, Recipe, RustSource, StdSource, Toolset, ToolsetKind, Unsupported,
};
pub use table::suggestions::edit_distance;
pub use target::qemu_machine::Machine;
pub use target::runner::Runner;
pub use target::{Target, UnknownTarget};
