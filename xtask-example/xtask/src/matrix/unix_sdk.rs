//! The smallest directory that takes the place of Android's NDK, or of the root file system of
//! another Unix: a header, a C library of ours, and the objects that programs start with.
//!
//! Its objects and libraries are compiled by the compiler of the target's own environment: that of
//! the recipe, which for Android is Debian's clang behind scripts with the names of the NDK's.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use cross_core::targets::{Sdk, Target};
use cross_core::{Cross, Plan};

use crate::failure::Failure;

/// What the evidence says of the directory.
pub(crate) const DESCRIPTION: &str = "a C library of ours with one header";
/// The API level of the compilers for Android.
const API: u32 = 21;
/// The NDK's programs and its headers and libraries.
const NDK: &str = "toolchains/llvm/prebuilt/linux-x86_64";
/// The packages that have what an NDK brings along.
const NDK_PACKAGES: [&str; 3] = ["clang", "lld", "llvm"];
/// The sources, and the script that compiles them, relative to the crate that is proven.
const SOURCES: &str = "sdk";

/// The directory of an SDK.
#[derive(Clone)]
pub(crate) struct UnixSdk {
    pub(crate) directory: PathBuf,
    /// The directory of libraries.
    libraries: PathBuf,
    sdk: Sdk,
    target: Target,
}

impl UnixSdk {
    /// Makes the directory for `target` below that of the crate in `dir`, without what is compiled.
    pub(crate) fn begin(target: Target, sdk: Sdk, dir: &Path) -> Result<Self, Failure> {
        let directory = dir.join("target/sdk").join(target.triple());
        let facts = target.facts();
        let (root, below) = match sdk {
            Sdk::Ndk { .. } => (
                directory.join(NDK).join("sysroot"),
                format!("{}/{API}", facts.c_triple),
            ),
            _ => (directory.clone(), libraries_of(facts.os, facts.arch).into()),
        };
        let made = UnixSdk {
            libraries: root.join("usr/lib").join(below),
            directory,
            sdk,
            target,
        };
        create(&made.libraries)?;
        let headers = root.join("usr/include");
        create(&headers)?;
        copy(&dir.join(SOURCES).join("answer.h"), &headers)?;
        if let Sdk::Ndk { clang, .. } = sdk {
            made.programs(clang)?;
        }
        Ok(made)
    }

    /// The packages that the directory's programs need.
    pub(crate) fn packages(&self) -> &'static [&'static str] {
        match self.sdk {
            Sdk::Ndk { .. } => &NDK_PACKAGES,
            _ => &[],
        }
    }

    /// Compiles the objects and libraries in the environment of `plan`, and copies them here.
    pub(crate) fn complete(&self, cross: &Cross, plan: &Plan) -> Result<(), Failure> {
        let made = plan.target_dir.join("tmp/made-sdk");
        let compiler = format!("CC_{}", self.target.env_lower());
        let script = format!("{SOURCES}/make.sh");
        let to = made.display().to_string();
        cross
            .exec(&plan.target, ["sh", &script, &compiler, &to])
            .run()?;
        let entries = fs::read_dir(&made).map_err(|error| Failure::io("read", &made, &error))?;
        for entry in entries {
            let entry = entry.map_err(|error| Failure::io("read", &made, &error))?;
            copy(&entry.path(), &self.libraries)?;
        }
        Ok(())
    }

    /// The NDK's programs: scripts that start Debian's.
    fn programs(&self, clang: &str) -> Result<(), Failure> {
        let programs = self.directory.join(NDK).join("bin");
        create(&programs)?;
        for name in ["clang", "clang++"] {
            let start = format!(
                "{name} --target={clang}{API} \"--sysroot=${{0%/bin/*}}/sysroot\" \
                 --start-no-unused-arguments -fuse-ld=lld --end-no-unused-arguments"
            );
            program(&programs.join(format!("{clang}{API}-{name}")), &start)?;
        }
        for name in ["llvm-ar", "llvm-ranlib"] {
            program(&programs.join(name), name)?;
        }
        Ok(())
    }
}

/// The directory of a processor's libraries below `usr/lib`.
fn libraries_of(os: &str, arch: &str) -> &'static str {
    match (os, arch) {
        ("solaris" | "illumos", "x86_64") => "amd64",
        ("solaris", _) => "sparcv9",
        _ => "",
    }
}

fn create(directory: &Path) -> Result<(), Failure> {
    fs::create_dir_all(directory).map_err(|error| Failure::io("create", directory, &error))
}

/// Copies `file` into `directory`.
fn copy(file: &Path, directory: &Path) -> Result<(), Failure> {
    let to = directory.join(file.file_name().unwrap_or_default());
    fs::copy(file, to)
        .map(drop)
        .map_err(|error| Failure::io("copy", file, &error))
}

fn program(path: &Path, start: &str) -> Result<(), Failure> {
    let text = format!("#!/bin/sh\nexec {start} \"$@\"\n");
    fs::write(path, text)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o755)))
        .map_err(|error| Failure::io("write", path, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_has_what_the_target_asks_of_an_sdk() {
        let crate_dir = tempfile::tempdir().unwrap();
        fs::create_dir(crate_dir.path().join(SOURCES)).unwrap();
        fs::write(crate_dir.path().join(SOURCES).join("answer.h"), "").unwrap();
        let targets = Target::all().filter_map(|target| Some((target, target.facts().sdk?)));
        let unix = targets.filter(|(_, sdk)| matches!(sdk, Sdk::Ndk { .. } | Sdk::Sysroot { .. }));
        let mut made = 0;
        for (target, sdk) in unix {
            let directory = UnixSdk::begin(target, sdk, crate_dir.path())
                .unwrap()
                .directory;
            for paths in sdk.required_paths() {
                let has = |path: &&str| directory.join(path).exists();
                assert!(paths.iter().any(has), "{target}: {paths:?}");
            }
            if let Some(compilers) = sdk.compiler_dir() {
                let names = fs::read_dir(directory.join(compilers)).unwrap();
                let names: Vec<_> = names
                    .map(|entry| entry.unwrap().file_name().into_string().unwrap())
                    .collect();
                assert_eq!(sdk.api(names.iter().map(String::as_str)), Some(API));
            }
            made += 1;
        }
        assert_eq!(made, 10);
    }
}
