//! The program that takes the place of a compiler and linker where a recipe has neither: it says
//! why.

use super::Recipe;
use super::file::{RecipeFile, quoted};
use super::programs::Programs;
use crate::facts::target_facts::TargetFacts;

/// The programs that builds call. Rust makes archives itself.
pub(super) fn programs() -> Programs {
    let [cc, cxx, ar, ranlib] = [(); 4].map(|()| Recipe::NO_LINKER.to_owned());
    Programs {
        cc,
        cxx,
        ar,
        ranlib,
    }
}

/// The program.
pub(super) fn files(facts: &TargetFacts) -> Vec<RecipeFile> {
    let why = facts.lacks().unwrap_or("it has no linker");
    let message = quoted(&format!("error: {}: {why}", facts.triple));
    let text = format!(
        "#!/bin/sh\n# No compiler and no linker. Made by cross-targets.\necho {message} >&2\nexit 1\n"
    );
    vec![RecipeFile::program(Recipe::NO_LINKER, text)]
}
