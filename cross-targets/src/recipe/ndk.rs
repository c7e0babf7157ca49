//! The programs of Android's NDK, by names that don't depend on where it is or on its version.

use super::file::File;
use super::programs::Programs;
use crate::facts::sdk::{self, Sdk};
use crate::facts::target_facts::Facts;

/// Where the scripts are.
const DIRECTORY: &str = "/usr/local/bin";

/// The programs that a build calls. The compilers are named as the NDK's, without the version of
/// the API: cc-rs knows by such a name that the target needn't be said.
pub(super) fn programs(facts: &Facts) -> Programs {
    let clang = match facts.sdk {
        Some(Sdk::Ndk { clang, .. }) => clang,
        _ => facts.c_triple,
    };
    Programs {
        cc: format!("{DIRECTORY}/{clang}-clang"),
        cxx: format!("{DIRECTORY}/{clang}-clang++"),
        ar: format!("{DIRECTORY}/{clang}-ar"),
        ranlib: format!("{DIRECTORY}/{clang}-ranlib"),
    }
}

/// The scripts that are these programs.
pub(super) fn files(facts: &Facts) -> Vec<File> {
    let Programs {
        cc,
        cxx,
        ar,
        ranlib,
    } = programs(facts);
    let api = format!("${{{}}}", sdk::API);
    let of_target = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (clang, language) = name.rsplit_once('-').unwrap_or((name, "clang"));
        script(path, &format!("{clang}{api}-{language}"))
    };
    vec![
        of_target(&cc),
        of_target(&cxx),
        script(&ar, "llvm-ar"),
        script(&ranlib, "llvm-ranlib"),
    ]
}

fn script(path: &str, program: &str) -> File {
    let program = sdk::ndk_program(program);
    File::program(path, format!("#!/bin/sh\nexec \"{program}\" \"$@\"\n"))
}
