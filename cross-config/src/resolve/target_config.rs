//! The configuration for one target.

use std::collections::HashSet;
use std::hash::Hash;
use std::path::PathBuf;

use cross_targets::SystemVersion;

use crate::diagnostics::origin::Sourced;
use crate::keys::key_values::KeyValues;
use crate::values::build_std::BuildStd;
use crate::values::dockerfile::Dockerfile;
use crate::values::image::{Image, ImageName};
use crate::values::memory::MemoryLimit;
use crate::values::network::NetworkMode;
use crate::values::passthrough::{Passthrough, Volume};
use crate::values::platform::Platform;
use crate::values::pre_build::PreBuild;
use crate::values::scalar::Package;
use crate::values::value::{SourcedList, SourcedMap};
use crate::values::zig::ZigConfig;

/// The resolved configuration for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetConfig {
    /// The engine: `auto`, the name of an engine, or a path. Built-in default: `auto`.
    pub engine: Option<Sourced<String>>,
    /// The toolchain: `host`, `image`, or a path. Built-in default: `host`.
    pub toolchain: Option<Sourced<String>>,
    /// The network of environments. The default depends on the operation.
    pub network: Option<Sourced<NetworkMode>>,
    /// The limit of a container's memory. The default is no limit.
    pub memory: Option<Sourced<MemoryLimit>>,
    /// The Debian suite of the recipe. The default is that of the target's recipe.
    pub suite: Option<Sourced<String>>,
    /// The URL of a mirror that keeps old packages. The default is none.
    pub snapshot: Option<Sourced<String>>,
    /// Whether the standard library is built from source. The default is no.
    pub build_std: Option<Sourced<BuildStd>>,
    /// Zig as C compiler and linker, if any of its keys is set. The origin is that of `enable`, or
    /// else of the first key that is set. The default is not to use Zig.
    pub zig: Option<Sourced<ZigConfig>>,
    /// Preparation of the environment. `None` if the resolved list is empty.
    pub pre_build: Option<Sourced<PreBuild>>,
    /// The Dockerfile of the environment. The origin is that of the file.
    pub dockerfile: Option<Sourced<Dockerfile>>,
    /// The image of the environment, or the tag for the image that the Dockerfile builds. The
    /// origin is that of the name.
    pub image: Option<Sourced<Image>>,
    /// Additional packages for the recipe: those of `[build]`, then those of the target, without
    /// duplicates.
    pub packages: Vec<Sourced<String>>,
    /// Variables for the environment, lowest precedence first. Of several with the same name, only
    /// the one with the highest precedence is kept.
    pub passthrough: Vec<Sourced<Passthrough>>,
    /// Directories to mount, each named by a variable. Of several with the same name, only the last
    /// is kept.
    pub volumes: Vec<Sourced<Volume>>,
    /// The directory of the SDK: the Android NDK, an SDK of Apple's, or a root file system of
    /// Solaris, illumos or DragonFly. It may not exist. The caller may default to variables that
    /// Android's and Apple's own tools read.
    pub sdk: Option<Sourced<PathBuf>>,
    /// The oldest version of Apple's system that programs have to run on. The caller may default to
    /// the variables that Apple's own tools read.
    pub deployment_target: Option<Sourced<SystemVersion>>,
    /// The command that runs programs of the target. The default depends on the target.
    pub runner: Option<Sourced<String>>,
    /// Whether test binaries run one at a time. The default is in parallel.
    pub serial_tests: Option<Sourced<bool>>,
    /// Whether the same sources give the same bytes wherever they are built. The default is no.
    pub reproducible: Option<Sourced<bool>>,
    /// Directories of the workspace that are writable in the environment, without duplicates.
    pub writable: Vec<Sourced<PathBuf>>,
}

impl TargetConfig {
    /// Converts merged values. `packages` are the lists of `[build]` and `[target]`, which are
    /// concatenated.
    pub(crate) fn new(merged: KeyValues, packages: [Option<SourcedList<Package>>; 2]) -> Self {
        let zig = zig(&merged);
        Self {
            engine: merged.engine.map(into_plain),
            toolchain: merged.toolchain.map(into_plain),
            network: merged.network,
            memory: merged.memory,
            suite: merged.suite.map(into_plain),
            snapshot: merged.snapshot.map(into_plain),
            build_std: merged.build_std,
            zig,
            pre_build: merged
                .pre_build
                .filter(|pre_build| !pre_build.value.is_empty()),
            dockerfile: merged.dockerfile.map(|file| {
                file.map(|file| Dockerfile {
                    file: file.0,
                    context: merged.dockerfile_context.map(|context| context.value.0),
                    build_args: merged
                        .build_args
                        .map(|build_args| texts(build_args.value))
                        .unwrap_or_default(),
                })
            }),
            image: image(merged.image, merged.image_toolchain),
            packages: concatenated(packages),
            passthrough: last_by_name(merged.passthrough, |variable| &variable.name),
            volumes: last_by_name(merged.volumes, |volume| &volume.name),
            sdk: merged.sdk.map(into_plain),
            deployment_target: merged.deployment_target,
            runner: merged
                .runner
                .map(into_plain)
                .filter(|runner: &Sourced<String>| !runner.value.is_empty()),
            serial_tests: merged.serial_tests,
            reproducible: merged.reproducible,
            writable: last_by_name(merged.writable, |dir| &dir.0)
                .into_iter()
                .map(into_plain)
                .collect(),
        }
    }
}

/// Converts a validated value into a plain type.
pub(crate) fn into_plain<W: Into<T>, T>(layer_values: Sourced<W>) -> Sourced<T> {
    layer_values.map(Into::into)
}

fn zig(merged: &KeyValues) -> Option<Sourced<ZigConfig>> {
    let KeyValues {
        zig_enable: enable,
        zig_version: version,
        ..
    } = merged;
    let image = image(merged.zig_image.clone(), merged.zig_image_toolchain.clone());
    let origins = [
        enable.as_ref().map(|enable| &enable.origin),
        version.as_ref().map(|version| &version.origin),
        image.as_ref().map(|image| &image.origin),
    ];
    let origin = origins.into_iter().flatten().next()?.clone();
    let zig = ZigConfig {
        enable: enable.as_ref().is_some_and(|enable| enable.value),
        version: version.as_ref().map(|version| version.value.0.clone()),
        image: image.map(|image| image.value),
    };
    Some(Sourced::new(zig, origin))
}

fn image(
    name: Option<Sourced<ImageName>>,
    platforms: Option<SourcedList<Platform>>,
) -> Option<Sourced<Image>> {
    let platforms = platforms.map(|list| list.value).unwrap_or_default();
    let platforms = platforms
        .into_iter()
        .map(|platform| platform.value)
        .collect();
    Some(name?.map(|name| Image {
        name: name.0,
        platforms,
    }))
}

fn texts(map: SourcedMap) -> std::collections::BTreeMap<String, String> {
    map.into_iter()
        .map(|(name, text)| (name, text.value))
        .collect()
}

/// Concatenates the lists without duplicates.
fn concatenated(lists: [Option<SourcedList<Package>>; 2]) -> Vec<Sourced<String>> {
    let mut seen = HashSet::new();
    let packages = lists.into_iter().flatten().flat_map(|list| list.value);
    packages
        .map(into_plain)
        .filter(|package: &Sourced<String>| seen.insert(package.value.clone()))
        .collect()
}

/// Keeps the last of several items with the same name.
fn last_by_name<T, N: Clone + Eq + Hash>(
    list: Option<SourcedList<T>>,
    name: fn(&T) -> &N,
) -> Vec<Sourced<T>> {
    let mut seen = HashSet::new();
    let mut kept: Vec<_> = list.map(|list| list.value).unwrap_or_default();
    // From the end: it is the last of a name that is kept, in its place.
    kept.reverse();
    kept.retain(|item| seen.insert(name(&item.value).clone()));
    kept.reverse();
    kept
}
