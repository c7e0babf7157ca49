//! What the user asked for: configuration layers merged, every value with its origin, every problem
//! with its place.
//!
//! **Load it.** A [`Loader`] reads the files it is pointed at and merges what they say with the
//! environment it is given, the embedder's defaults and the request:
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
//! **Or merge it from texts.** Nothing but [`Loader::load`] does I/O; a [`Layer`] is made from a text, an
//! [`Env`] or code, and [`Config::merge`] is pure:
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
//! let rows: Vec<_> = rows.iter().map(|it| format!("{} = {} ({})", it.key, it.value, it.origin)).collect();
//! assert_eq!(rows, [
//!     "build.engine = docker (Cross.toml:2:10)",
//!     "build.toolchain = host (built-in)",
//!     "build.network = none (CROSS_BUILD_NETWORK)",
//! ]);
//! ```
//!
//! **See every problem at once.** Problems are data with a code, a severity, a place, a message and a
//! remedy; the first does not hide the others:
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
//! | `targets` | yes | – | array of triples: what the project releases for |
//! | `engine` | yes | – | `auto`, an engine's name, or a path |
//! | `toolchain` | yes | yes | `host`, `image`, or a path |
//! | `network` | yes | yes | `none`, `host` or `default` |
//! | `suite` | yes | yes | a distribution's suite |
//! | `packages` | yes | yes | array of Debian package names |
//! | `build-std` | yes | yes | boolean, or array of crates |
//! | `zig` | yes | yes | boolean, a glibc version, or table of `enable`, `version`, `image` |
//! | `pre-build` | yes | yes | a script's path, a command, or array of commands |
//! | `dockerfile` | yes | yes | a path, or table of `file`, `context`, `build-args` |
//! | `env.passthrough` | yes | yes | array of `NAME` or `NAME=value` |
//! | `env.volumes` | yes | yes | array of `NAME` or `NAME=/path` |
//! | `image` | – | yes | an image's name, or table of `name`, `toolchain` (array of platforms) |
//! | `sdk` | – | yes | a directory's path |
//! | `runner` | – | yes | a command |
//! | `serial-tests` | yes | yes | boolean |
//!
//! [`keys()`] has a row for each, with its variables, default, meaning and an example;
//! [`json_schema`] is the schema of a `Cross.toml`, for editors. A relative path is relative to the file
//! that says it. Every key has a variable too: see [`variables`]. What only variables say is in
//! [`Settings`]. The rules of precedence are at [`Config`]. What `cross` serves and this version does not
//! is an error, never silently ignored.

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

pub use diagnostics::diagnostic::{Code, Diagnostic, Severity};
pub use diagnostics::origin::{Origin, Place, Sourced};
pub use layers::builder::LayerBuilder;
pub use layers::layer::Layer;
pub use load::error::Error;
pub use load::loader::{Loaded, Loader};
pub use reference::json_schema::json_schema;
pub use reference::key_reference::{KeyReference, SettingReference, keys, settings};
pub use resolve::config::{Config, Explained};
pub use resolve::target_config::TargetConfig;
pub use settings::{Settings, UserNamespace};
pub use values::build_std::BuildStd;
pub use values::dockerfile::Dockerfile;
pub use values::image::Image;
pub use values::network::Network;
pub use values::passthrough::{Passthrough, Volume};
pub use values::platform::{NotPlatform, Platform};
pub use values::pre_build::PreBuild;
pub use values::value_kind::Kind;
pub use values::zig::Zig;
pub use variables::env::Env;
