//! Runs commands in environments: sandbox and container engines behind one model.

#![cfg_attr(docsrs, feature(doc_cfg))]
// What serves only some features is compiled without them, too, where a `cfg` of its own would be
// noise: nothing is generated for it. With all features, everything has to be used.
#![cfg_attr(
    not(all(feature = "export", feature = "remote")),
    allow(dead_code, unused_imports, rustdoc::broken_intra_doc_links)
)]

// The layers, lowest first: os, process, spec, reach, engines, run, remote, reuse, image,
// environment, export, cache. A folder imports only from the folders before it.
mod cache;
mod engines;
mod environment;
#[cfg(feature = "export")]
mod export;
mod image;
pub mod os;
pub mod process;
mod reach;
#[cfg(feature = "remote")]
mod remote;
mod reuse;
mod run;
mod spec;

pub use cache::cache_usage::CacheUsage;
pub use cache::sweep::SweepSummary;
pub use engines::engine::{Engine, EngineKind, EnginePreference};
pub use engines::probe::{EngineNeeds, Probe, RootSource, SelectedEngine, probe, select};
pub use engines::probe_cache::{FileStamp, ProbeCache};
pub use environment::blueprint::Blueprint;
pub use environment::contents::{
    ArchiveRelease, Contents, Download, InstalledPackage, RecordedImage,
};
pub use environment::environments::{
    Environment, EnvironmentLocation, Environments, ExistingEnvironment,
};
pub use environment::locked_packages::LockedPackages;
#[cfg(feature = "export")]
pub use export::pack::{ExportSource, Exported, export};
#[cfg(feature = "export")]
pub use export::part::{ArchiveSink, ArchivedPart, PartKind};
#[cfg(feature = "export")]
pub use export::place::Destination;
#[cfg(feature = "export")]
pub use export::unpack::import;
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
pub use reach::answer::{Nested, OuterMount, OuterRoot, Reach, Remote};
pub use reach::probe::ReachPreference;
pub use reach::transfer::{Transfer, Tree, VolumeKind};
#[cfg(feature = "remote")]
pub use remote::event::{TransferEvent, TransferSink};
#[cfg(feature = "remote")]
pub use remote::fetch::Fetch;
#[cfg(feature = "remote")]
pub use remote::volume::Volume;
pub use reuse::config::ContainerReuse;
pub use reuse::event::{ReuseEvent, ReuseEventSink, StartReason};
pub use reuse::pool::{ContainerImage, ContainerPool, ImagePool, ReusedContainer};
pub use run::jobserver::{Jobserver, Tokens};
pub use run::shim::Shim;
pub use run::test_relay::{KeptOutput, RelayMessage, RelayMode, TestExit, TestRelay};
pub use spec::foreign_programs::{ForeignPrograms, INTERPRETER_AT};
pub use spec::mount::{Access, Mount, arrange_mounts, nameable};
pub use spec::rootfs_layout::{
    LAYOUT_DESCRIPTOR, LAYOUT_SCRIPT, RootfsLayout, expected_rootfs_layout, read_rootfs_layout,
};
pub use spec::run_spec::{Network, Root, RunSpec, Stdio};
