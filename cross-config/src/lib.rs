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
//! | `env.passthrough` | yes | yes | array of `NAME` or `NAME=value` |
//! | `runner` | – | yes | a command |
//!
//! A value with a path separator is a path; a relative one is relative to the file that says it. Every
//! key has a variable too: see [`variables`]. The rules of precedence are at [`Config`]. Keys and
//! variables of `cross` that this version does not serve are errors, never silently ignored.

mod builder;
mod config;
mod de;
mod diagnostic;
mod env;
mod error;
mod from_variables;
mod keys;
mod layer;
mod lines;
mod load;
mod nearest;
mod origin;
mod triples;
mod unserved;
mod values;
pub mod variables;
mod word;

pub use builder::LayerBuilder;
pub use config::{Config, Explained, TargetConfig};
pub use diagnostic::{Code, Diagnostic, Severity};
pub use env::Env;
pub use error::Error;
pub use layer::Layer;
pub use load::{Loaded, Loader};
pub use origin::{Origin, Place, Sourced};
pub use word::{Network, Passthrough};
