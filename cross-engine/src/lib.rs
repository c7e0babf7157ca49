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

pub use cache::cache_usage::CacheUsage as Stock;
pub use cache::sweep::SweepSummary as Swept;
pub use engines::engine::{Engine, EngineKind as Kind, EnginePreference};
pub use engines::probe::{
    EnvironmentSource as Needs, Probe, SelectedEngine as Selected, probe, select,
};
pub use engines::probe_cache::{FileStamp as Stamp, ProbeCache as Memory};
pub use environment::blueprint::Blueprint;
pub use environment::environments::{Environment, EnvironmentLocation as Location, Environments};
pub use image::cli::ImageFacts;
pub use image::image_build::{ContainerfileSource as Source, ImageBuild};
pub use image::progress::{Progress, ProgressSink};
pub use process::cancel::{Cancel, Stopped};
pub use process::descriptors::Handed;
pub use process::error::{Error, ErrorKind, Result, UnusableEngine as Unusable};
pub use process::host::Host;
pub use process::invocation::{Base, Ending, Invocation, Value, Variables};
pub use process::lifeline::supervised;
pub use process::lock::Lock;
pub use reuse::config::ContainerReuse as Warm;
pub use reuse::event::{
    ReuseEvent as KeptEvent, ReuseEventSink as KeptSink, StartReason as WhyStarted,
};
pub use reuse::pool::{
    ContainerImage as KeptImage, ContainerPool as Pool, ImagePool as KeptIn,
    ReusedContainer as Kept,
};
pub use run::jobserver::{Jobserver, Tokens};
pub use run::shim::Shim;
pub use run::test_relay::{RelayMessage as Told, TestExit as End, TestRelay as Relay};
pub use spec::mount::{Access, Mount, arrange_mounts as arranged};
pub use spec::rootfs_layout::{RootfsLayout as Layout, read_rootfs_layout as read_layout};
pub use spec::run_spec::{Network, Root, RunSpec, Stdio};
