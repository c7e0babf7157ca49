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

pub use cache::cache_usage::CacheUsage;
pub use cache::sweep::SweepSummary;
pub use engines::engine::{Engine, EngineKind, EnginePreference};
pub use engines::probe::{Probe, RootSource, SelectedEngine, probe, select};
pub use engines::probe_cache::{FileStamp, ProbeCache};
pub use environment::blueprint::Blueprint;
pub use environment::environments::{Environment, EnvironmentLocation, Environments};
pub use image::cli::ImageFacts;
pub use image::image_build::{ContainerfileSource, ImageBuild};
pub use image::progress::{Progress, ProgressSink};
pub use process::cancel::{Cancel, Stopped};
pub use process::descriptors::InheritedFile;
pub use process::error::{Error, ErrorKind, Result, UnusableEngine};
pub use process::host::Host;
pub use process::invocation::{BaseEnv, Ending, EnvValue, Invocation, Variables};
pub use process::lifeline::supervised;
pub use process::lock::Lock;
pub use reuse::config::ContainerReuse;
pub use reuse::event::{ReuseEvent, ReuseEventSink, StartReason};
pub use reuse::pool::{ContainerImage, ContainerPool, ImagePool, ReusedContainer};
pub use run::jobserver::{Jobserver, Tokens};
pub use run::shim::Shim;
pub use run::test_relay::{RelayMessage, TestExit, TestRelay};
pub use spec::foreign_programs::{ForeignPrograms, INTERPRETER_AT};
pub use spec::mount::{Access, Mount, arrange_mounts};
pub use spec::rootfs_layout::{RootfsLayout, read_rootfs_layout};
pub use spec::run_spec::{Network, Root, RunSpec, Stdio};
