//! Scripts for the programs of the Android NDK, with names that do not depend on its location or
//! version.

use super::file::RecipeFile;
use super::programs::Programs;
use crate::facts::sdk::{self, Sdk};
use crate::facts::target_facts::TargetFacts;

/// The directory of the scripts.
const DIRECTORY: &str = "/usr/local/bin";

/// The programs that builds call. The compilers are named like those of the NDK, without the API
/// level: cc-rs recognises such names and does not pass the target.
pub(super) fn programs(facts: &TargetFacts) -> Programs {
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

/// The scripts for these programs.
pub(super) fn files(facts: &TargetFacts) -> Vec<RecipeFile> {
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

fn script(path: &str, program: &str) -> RecipeFile {
    let program = sdk::ndk_program(program);
    RecipeFile::program(path, format!("#!/bin/sh\nexec \"{program}\" \"$@\"\n"))
}
