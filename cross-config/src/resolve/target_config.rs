//! What holds for one target: the merged values in the types that callers work with.

use std::path::PathBuf;

use crate::diagnostics::origin::Sourced;
use crate::keys::key_values::Values;
use crate::values::build_std::BuildStd;
use crate::values::dockerfile::Dockerfile;
use crate::values::image::{Image, ImageName};
use crate::values::network::Network;
use crate::values::passthrough::{Passthrough, Volume};
use crate::values::platform::Platform;
use crate::values::pre_build::PreBuild;
use crate::values::scalar::Package;
use crate::values::value::{List, Map};
use crate::values::zig::Zig;

/// What holds for one target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TargetConfig {
    /// `auto`, an engine's name, or a path. Built-in: `auto`.
    pub engine: Option<Sourced<String>>,
    /// `host`, `image`, or a path. Built-in: `host`.
    pub toolchain: Option<Sourced<String>>,
    /// The network of environments. No default: it depends on what is done.
    pub network: Option<Sourced<Network>>,
    /// The suite for recipes. No default: the target's recipe has one.
    pub suite: Option<Sourced<String>>,
    /// Whether the standard library is built from source. No default: it is not.
    pub build_std: Option<Sourced<BuildStd>>,
    /// Zig as the C compiler and linker, if anything is said about it; its origin is that of `enable`,
    /// else of the first of the others. No default: it is not.
    pub zig: Option<Sourced<Zig>>,
    /// What is done to the environment first. `None` where the list that holds is empty.
    pub pre_build: Option<Sourced<PreBuild>>,
    /// The Dockerfile whose image is the environment; its origin is that of the file.
    pub dockerfile: Option<Sourced<Dockerfile>>,
    /// The image that is the environment, or the name of the Dockerfile's; its origin is that of the
    /// name.
    pub image: Option<Sourced<Image>>,
    /// Extra packages for recipes: of `[build]`, then of the target; none twice.
    pub packages: Vec<Sourced<String>>,
    /// Variables for the environment, lowest precedence first; no name twice: the highest holds.
    pub passthrough: Vec<Sourced<Passthrough>>,
    /// Directories to mount, each named by a variable; no name twice: the last holds.
    pub volumes: Vec<Sourced<Volume>>,
    /// The directory of what the target's system provides: Android's NDK, or a root file system of
    /// Solaris, illumos or DragonFly. It need not exist. No default here: a caller may take the
    /// variables that Android's own tools read.
    pub sdk: Option<Sourced<PathBuf>>,
    /// The command that runs the target's programs. No default: the target has a usual one.
    pub runner: Option<Sourced<String>>,
    /// Whether test binaries run one after the other. No default: they run side by side.
    pub serial_tests: Option<Sourced<bool>>,
}

impl TargetConfig {
    /// From what is merged. `packages` are the lists that hold in `[build]` and `[target]`, which are
    /// added up.
    pub(crate) fn new(merged: Values, packages: [Option<List<Package>>; 2]) -> Self {
        let zig = zig(&merged);
        Self {
            engine: merged.engine.map(plain),
            toolchain: merged.toolchain.map(plain),
            network: merged.network,
            suite: merged.suite.map(plain),
            build_std: merged.build_std,
            zig,
            pre_build: merged.pre_build.filter(|it| !it.value.is_empty()),
            dockerfile: merged.dockerfile.map(|file| {
                file.map(|file| Dockerfile {
                    file: file.0,
                    context: merged.dockerfile_context.map(|it| it.value.0),
                    build_args: merged
                        .build_args
                        .map(|it| texts(it.value))
                        .unwrap_or_default(),
                })
            }),
            image: image(merged.image, merged.image_toolchain),
            packages: added_up(packages),
            passthrough: last_of_each(merged.passthrough, |it| &it.name),
            volumes: last_of_each(merged.volumes, |it| &it.name),
            sdk: merged.sdk.map(plain),
            runner: merged
                .runner
                .map(plain)
                .filter(|runner: &Sourced<String>| !runner.value.is_empty()),
            serial_tests: merged.serial_tests,
        }
    }
}

/// The value without the checks that it went through.
pub(crate) fn plain<W: Into<T>, T>(written: Sourced<W>) -> Sourced<T> {
    written.map(Into::into)
}

fn zig(merged: &Values) -> Option<Sourced<Zig>> {
    let Values {
        zig_enable: enable,
        zig_version: version,
        ..
    } = merged;
    let image = image(merged.zig_image.clone(), merged.zig_image_toolchain.clone());
    let origins = [
        enable.as_ref().map(|it| &it.origin),
        version.as_ref().map(|it| &it.origin),
        image.as_ref().map(|it| &it.origin),
    ];
    let origin = origins.into_iter().flatten().next()?.clone();
    let zig = Zig {
        enable: enable.as_ref().is_some_and(|it| it.value),
        version: version.as_ref().map(|it| it.value.0.clone()),
        image: image.map(|it| it.value),
    };
    Some(Sourced::new(zig, origin))
}

fn image(
    name: Option<Sourced<ImageName>>,
    platforms: Option<List<Platform>>,
) -> Option<Sourced<Image>> {
    let platforms = platforms.map(|list| list.value).unwrap_or_default();
    let platforms = platforms.into_iter().map(|it| it.value).collect();
    Some(name?.map(|name| Image {
        name: name.0,
        platforms,
    }))
}

fn texts(map: Map) -> std::collections::BTreeMap<String, String> {
    map.into_iter()
        .map(|(name, text)| (name, text.value))
        .collect()
}

/// One list after the other; none twice.
fn added_up(lists: [Option<List<Package>>; 2]) -> Vec<Sourced<String>> {
    let mut packages: Vec<Sourced<String>> = Vec::new();
    for package in lists.into_iter().flatten().flat_map(|list| list.value) {
        if !packages.iter().any(|it| it.value == package.value.0) {
            packages.push(plain(package));
        }
    }
    packages
}

/// Of two items with the same name, the one that holds more.
fn last_of_each<T>(list: Option<List<T>>, name: fn(&T) -> &String) -> Vec<Sourced<T>> {
    let mut left: Vec<Sourced<T>> = Vec::new();
    for item in list.map(|list| list.value).unwrap_or_default() {
        left.retain(|it| name(&it.value) != name(&item.value));
        left.push(item);
    }
    left
}
