//! Runs commands in environments: sandbox and container engines behind one model.

// The layers, lowest first: process, spec, engines, run, reuse, image, environment, cache. A folder
// imports only from the folders before it.
mod cache;
mod engines;
mod environment;
mod image;
pub mod process;
mod reuse;
mod run;
mod spec;

pub use cache::cache_usage::Stock;
pub use cache::sweep::Swept;
pub use engines::engine::{Engine, EnginePreference, Kind};
pub use engines::probe::{Needs, Selected, probe, select};
pub use engines::probe_cache::{Memory, Stamp};
pub use environment::blueprint::Blueprint;
pub use environment::environments::{Environment, Environments, Location};
pub use image::cli::ImageFacts;
pub use image::image_build::{ImageBuild, Source};
pub use image::progress::{Progress, ProgressSink};
pub use process::cancel::{Cancel, Stopped};
pub use process::descriptors::Handed;
pub use process::error::{Error, ErrorKind, Result, Unusable};
pub use process::host::Host;
pub use process::invocation::{Base, Ending, Invocation, Value, Variables};
pub use process::lifeline::supervised;
pub use process::lock::Lock;
pub use reuse::config::Warm;
pub use reuse::event::{KeptEvent, KeptSink, WhyStarted};
pub use reuse::pool::{Kept, KeptImage, KeptIn, Pool};
pub use run::jobserver::{Jobserver, Tokens};
pub use run::shim::Shim;
pub use run::test_relay::{End, Relay, Told};
pub use spec::mount::{Access, Mount, arranged};
pub use spec::rootfs_layout::{Layout, read_layout};
pub use spec::run_spec::{Network, Root, RunSpec, Stdio};
