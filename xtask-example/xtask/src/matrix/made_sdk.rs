//! Directories that are made in place of vendors' SDKs, which cannot be distributed.

use std::path::{Path, PathBuf};

use cross_core::config::{Layer, LayerBuilder};
use cross_core::targets::{Sdk, Target};
use cross_core::{Cross, Plan};

use super::unix_sdk::{self, UnixSdk};
use super::windows_sdk;
use crate::failure::Failure;

/// The crate that is proven with the SDK of a Unix, relative to that of the other targets.
const UNIX_PROOF: &str = "../sdk/unix";

/// A directory in place of the SDK of one target.
#[derive(Clone)]
pub(crate) enum MadeSdk {
    /// Microsoft's.
    Windows(PathBuf),
    /// Android's, or the root file system of another Unix.
    Unix(UnixSdk),
}

impl MadeSdk {
    /// Makes the directory for `target`, if one can be made. `proof` is the directory of the crate
    /// that proves other targets.
    pub(crate) fn make(target: Target, proof: &Path) -> Result<Option<Self>, Failure> {
        Ok(match target.facts().sdk {
            Some(Sdk::Windows { .. }) => windows_sdk::make(target, proof)?.map(MadeSdk::Windows),
            Some(sdk @ (Sdk::Ndk { .. } | Sdk::Sysroot { .. })) => {
                let dir = proof.join(UNIX_PROOF);
                let dir = dir
                    .canonicalize()
                    .map_err(|error| Failure::io("find", &dir, &error))?;
                Some(MadeSdk::Unix(UnixSdk::begin(target, sdk, &dir)?))
            }
            _ => None,
        })
    }

    /// What the evidence says of the directory.
    pub(crate) fn description(&self) -> &'static str {
        match self {
            MadeSdk::Windows(_) => windows_sdk::DESCRIPTION,
            MadeSdk::Unix(_) => unix_sdk::DESCRIPTION,
        }
    }

    /// The directory of the crate that is proven with it, if it is another one.
    pub(crate) fn proof(&self, proof: &Path) -> Option<PathBuf> {
        match self {
            MadeSdk::Windows(_) => None,
            MadeSdk::Unix(_) => Some(proof.join(UNIX_PROOF)),
        }
    }

    /// The configuration that names it.
    pub(crate) fn layer(&self, target: &str) -> LayerBuilder {
        let (directory, packages) = match self {
            MadeSdk::Windows(directory) => (directory, &[][..]),
            MadeSdk::Unix(sdk) => (&sdk.directory, sdk.packages()),
        };
        let layer = Layer::embedder("matrix").on(target);
        let layer = layer.sdk(directory.display().to_string());
        layer.packages(packages.iter().copied())
    }

    /// Adds what only the environment of `plan` can compile.
    pub(crate) fn complete(&self, cross: &Cross, plan: &Plan) -> Result<(), Failure> {
        match self {
            MadeSdk::Windows(_) => Ok(()),
            MadeSdk::Unix(sdk) => sdk.complete(cross, plan),
        }
    }
}
