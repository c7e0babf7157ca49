//! Targets that cannot be built for.

use cross_core::ErrorKind;
use cross_tests::Project;

use crate::{Case, fails, says};

#[test]
fn unknown_target_suggests_the_nearest() {
    let case = Case::of(Project::new("app"), "auto");
    let misspelt = "aarch64-unkown-linux-gnu";
    let error = fails(ErrorKind::UnknownTarget, case.cross.build(misspelt).run());
    says(&error.to_string(), &[misspelt]);
    says(error.help().unwrap(), &["aarch64-unknown-linux-gnu"]);
    case.leftovers.are_none();
}

#[test]
fn known_target_without_support() {
    let case = Case::of(Project::new("app"), "sandbox");
    let target = "sparcv9-sun-solaris";
    let error = fails(ErrorKind::UnsupportedTarget, case.cross.build(target).run());
    says(&error.to_string(), &[target]);
    case.leftovers.are_none();
}
