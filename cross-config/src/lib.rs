//! The configuration of a cross build: layers that are merged, with an origin for every value and a
//! location for every problem.
//!
//! **Load it.** A [`Loader`] reads the configuration files of a workspace. It merges them with
//! environment variables, defaults of the embedding application, and settings of the request:
//!
//! ```no_run
//! # fn main() -> Result<(), cross_config::Error> {
//! # let env = cross_config::Env::new();
//! let loaded = cross_config::Loader::new("/home/me/project").env(&env).load()?;
//! let aarch64 = loaded.config.for_target("aarch64-unknown-linux-gnu");
//! if let Some(engine) = &aarch64.engine {
//!     println!("{engine}"); // podman (CROSS_CONTAINER_ENGINE)
//! }
//! # Ok(()) }
//! ```
//!
//! **Or merge it from text.** Only [`Loader::load`] performs I/O. A [`Layer`] is created from text,
//! an [`Env`] or code, and [`Config::merge`] is pure:
//!
//! ```
//! use std::path::Path;
//! use cross_config::{Config, Env, Layer};
//!
//! let file = Layer::cross_toml(Path::new("Cross.toml"), "[build]\nengine = 'docker'\n");
//! let env = Env::new().set("CROSS_BUILD_NETWORK", "none");
//! let config = Config::merge([file, Layer::variables(&env)]);
//!
//! let rows = config.explain();
//! let rows: Vec<_> = rows
//!     .iter()
//!     .map(|row| format!("{} = {} ({})", row.key, row.value, row.origin))
//!     .collect();
//! assert_eq!(rows, [
//!     "build.engine = docker (Cross.toml:2:10)",
//!     "build.toolchain = host (built-in)",
//!     "build.network = none (CROSS_BUILD_NETWORK)",
//! ]);
//! ```
//!
//! **Report every problem at once.** A problem has a code, a severity, a location, a message and a
//! remedy. The first problem does not hide the others:
//!
//! ```
//! use std::path::Path;
//! use cross_config::Layer;
//!
//! let text = "[build]\ntagets = []\nnetwork = 1\n";
//! let problems = Layer::cross_toml(Path::new("Cross.toml"), text);
//! let problems: Vec<_> = problems.diagnostics().iter().map(ToString::to_string).collect();
//! assert_eq!(problems, [
//!     "Cross.toml:2:1: unknown key `tagets` [unknown-key]",
//!     "Cross.toml:3:11: `network` is an integer, expected a string [wrong-type]",
//! ]);
//! ```
//!
//! # Keys
//!
//! | key | in `[build]` | in `[target.<triple>]` | type |
//! |---|---|---|---|
//! | `default-target` | yes | – | a triple |
//! | `targets` | yes | – | array of triples that the project releases for |
//! | `engine` | yes | – | `auto`, the name of an engine, or a path |
//! | `toolchain` | yes | yes | `host`, `image`, or a path |
//! | `network` | yes | yes | `none`, `host` or `default` |
//! | `memory` | yes | yes | a size: `512m`, `4g` |
//! | `suite` | yes | yes | a Debian suite |
//! | `snapshot` | yes | yes | the URL of a mirror that keeps old packages |
//! | `packages` | yes | yes | array of Debian package names |
//! | `build-std` | yes | yes | boolean, or array of crates |
//! | `zig` | yes | yes | boolean, a glibc version, or table of `enable`, `version`, `image` |
//! | `pre-build` | yes | yes | the path of a script, a command, or array of commands |
//! | `dockerfile` | yes | yes | a path, or table of `file`, `context`, `build-args` |
//! | `env.passthrough` | yes | yes | array of `NAME` or `NAME=value` |
//! | `env.volumes` | yes | yes | array of `NAME` or `NAME=/path` |
//! | `image` | – | yes | an image name, or table of `name`, `toolchain` (array of platforms) |
//! | `sdk` | – | yes | the path of a directory |
//! | `deployment-target` | yes | yes | a version of Apple's system: `11.0` |
//! | `runner` | – | yes | a command |
//! | `serial-tests` | yes | yes | boolean |
//! | `reproducible` | yes | yes | boolean |
//! | `writable` | yes | yes | array of directories of the workspace |
//!
//! [`keys()`] returns a row for each key with its variables, default, meaning and an example.
//! [`json_schema`] returns the schema of a `Cross.toml`, for editors. A relative path is relative
//! to the file that contains it. Every key also has a variable: see [`variables`]. Settings that
//! only have variables are in [`Settings`]. The rules of precedence are documented at [`Config`].
//! Features of `cross` that this version does not support are errors, and never silently ignored.

#![cfg_attr(docsrs, feature(doc_cfg))]

mod diagnostics;
mod keys;
mod layers;
mod load;
mod reference;
mod resolve;
mod settings;
mod text;
mod values;
pub mod variables;

pub use diagnostics::diagnostic::{Diagnostic, DiagnosticCode, Severity};
pub use diagnostics::origin::{Origin, SourceLocation, Sourced};
pub use layers::builder::LayerBuilder;
pub use layers::layer::Layer;
pub use load::error::Error;
pub use load::loader::{LoadedConfig, Loader};
pub use reference::json_schema::json_schema;
pub use reference::key_reference::{KeyReference, SettingReference, keys, settings};
pub use resolve::config::{Config, ExplainedValue};
pub use resolve::target_config::TargetConfig;
pub use settings::{Settings, UserNamespace};
pub use values::build_std::BuildStd;
pub use values::dockerfile::Dockerfile;
pub use values::image::Image;
pub use values::memory::MemoryLimit;
pub use values::network::NetworkMode;
pub use values::passthrough::{Passthrough, Volume};
pub use values::platform::{InvalidPlatform, Platform};
pub use values::pre_build::PreBuild;
pub use values::value_kind::ValueKind;
pub use values::zig::ZigConfig;
pub use variables::env::Env;
