//! The values of every key, as one source writes them at one level.

use std::collections::BTreeMap;

use crate::diagnostics::origin::Sourced;
use crate::values::build_std::BuildStd;
use crate::values::image::ImageName;
use crate::values::network::Network;
use crate::values::passthrough::{Passthrough, Volume};
use crate::values::platform::Platform;
use crate::values::pre_build::PreBuild;
use crate::values::scalar::{FilePath, GlibcVersion, Name, Package, Runner, Suite, Triple};
use crate::values::value::{List, Map};

/// What one source says in `[build]`, or in one `[target.<triple>]`. One field per key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values {
    pub(crate) default_target: Option<Sourced<Triple>>,
    pub(crate) targets: Option<List<Triple>>,
    pub(crate) engine: Option<Sourced<Name>>,
    pub(crate) toolchain: Option<Sourced<Name>>,
    pub(crate) network: Option<Sourced<Network>>,
    pub(crate) suite: Option<Sourced<Suite>>,
    pub(crate) packages: Option<List<Package>>,
    pub(crate) build_std: Option<Sourced<BuildStd>>,
    pub(crate) zig_enable: Option<Sourced<bool>>,
    pub(crate) zig_version: Option<Sourced<GlibcVersion>>,
    pub(crate) zig_image: Option<Sourced<ImageName>>,
    pub(crate) zig_image_toolchain: Option<List<Platform>>,
    pub(crate) pre_build: Option<Sourced<PreBuild>>,
    pub(crate) dockerfile: Option<Sourced<FilePath>>,
    pub(crate) dockerfile_context: Option<Sourced<FilePath>>,
    pub(crate) build_args: Option<Sourced<Map>>,
    pub(crate) passthrough: Option<List<Passthrough>>,
    pub(crate) volumes: Option<List<Volume>>,
    pub(crate) image: Option<Sourced<ImageName>>,
    pub(crate) image_toolchain: Option<List<Platform>>,
    pub(crate) sdk: Option<Sourced<FilePath>>,
    pub(crate) runner: Option<Sourced<Runner>>,
    pub(crate) serial_tests: Option<Sourced<bool>>,
    /// How the groups of a file are written, by their names.
    pub(super) spellings: BTreeMap<&'static str, Spelling>,
}

/// How a group is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// As a table.
    Table,
    /// As a value in place of the table.
    Short,
}
