//! The values that one source sets in one table.

use std::collections::BTreeMap;

use cross_targets::SystemVersion;

use crate::diagnostics::origin::Sourced;
use crate::values::build_std::BuildStd;
use crate::values::image::ImageName;
use crate::values::memory::MemoryLimit;
use crate::values::network::NetworkMode;
use crate::values::passthrough::{Passthrough, Volume};
use crate::values::platform::Platform;
use crate::values::pre_build::PreBuild;
use crate::values::scalar::{
    FilePath, GlibcVersion, MirrorUrl, NameOrPath, Package, Runner, Suite, Triple,
};
use crate::values::value::{SourcedList, SourcedMap};
use crate::values::writable::WritableDir;

/// The values of one source in `[build]` or in one `[target.<triple>]`. One field per key.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeyValues {
    pub(crate) default_target: Option<Sourced<Triple>>,
    pub(crate) targets: Option<SourcedList<Triple>>,
    pub(crate) engine: Option<Sourced<NameOrPath>>,
    pub(crate) toolchain: Option<Sourced<NameOrPath>>,
    pub(crate) network: Option<Sourced<NetworkMode>>,
    pub(crate) memory: Option<Sourced<MemoryLimit>>,
    pub(crate) suite: Option<Sourced<Suite>>,
    pub(crate) snapshot: Option<Sourced<MirrorUrl>>,
    pub(crate) packages: Option<SourcedList<Package>>,
    pub(crate) build_std: Option<Sourced<BuildStd>>,
    pub(crate) zig_enable: Option<Sourced<bool>>,
    pub(crate) zig_version: Option<Sourced<GlibcVersion>>,
    pub(crate) zig_image: Option<Sourced<ImageName>>,
    pub(crate) zig_image_toolchain: Option<SourcedList<Platform>>,
    pub(crate) pre_build: Option<Sourced<PreBuild>>,
    pub(crate) dockerfile: Option<Sourced<FilePath>>,
    pub(crate) dockerfile_context: Option<Sourced<FilePath>>,
    pub(crate) build_args: Option<Sourced<SourcedMap>>,
    pub(crate) passthrough: Option<SourcedList<Passthrough>>,
    pub(crate) volumes: Option<SourcedList<Volume>>,
    pub(crate) image: Option<Sourced<ImageName>>,
    pub(crate) image_toolchain: Option<SourcedList<Platform>>,
    pub(crate) sdk: Option<Sourced<FilePath>>,
    pub(crate) deployment_target: Option<Sourced<SystemVersion>>,
    pub(crate) runner: Option<Sourced<Runner>>,
    pub(crate) serial_tests: Option<Sourced<bool>>,
    pub(crate) reproducible: Option<Sourced<bool>>,
    pub(crate) writable: Option<SourcedList<WritableDir>>,
    /// The notations of groups in a file, by name.
    pub(super) notations: BTreeMap<&'static str, GroupNotation>,
}

/// The notation of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GroupNotation {
    /// A table.
    Table,
    /// A value in place of the table.
    Shorthand,
}
