//! The mounts of an environment.

use cross_core::plan::Prepared;
use cross_engine::Access;
use cross_tests::Fakes;

use crate::case::{T, for_t, of_t, on, text};

#[test]
fn differs_the_workspace_is_mounted_read_only_at_its_path() {
    let case = for_t().workspace().in_dir("member");
    case.build().mounts(case.project.path(), Access::Read);
}

#[test]
fn the_sysroot_is_mounted_read_only_at_its_path() {
    let seen = for_t().build();
    let sysroot = seen.plan().toolchain.sysroot().unwrap().to_owned();
    seen.mounts(sysroot, Access::Read);
}

#[test]
fn differs_the_target_directory_is_mounted_at_its_path() {
    let case = for_t();
    let seen = case.build();
    let inside = seen.value("CARGO_TARGET_DIR").unwrap();
    let expected = case.path(&format!("target/cross/{T}-"));
    seen.ensure(inside.starts_with(text(&expected)), inside);
    seen.is(&seen.plan().target_dir, std::path::Path::new(inside));
    seen.mounts(inside, Access::Write);
    seen.ensure(seen.mount("/target").is_none(), "no /target");
}

#[test]
fn differs_each_environment_and_toolchain_has_its_own_target_directory() {
    let case = for_t().nightly();
    let usual = case.cargo(&["build"]).plan().target_dir.clone();
    let dir = |words: &[&str]| case.cargo(words).plan().target_dir.clone();
    assert_eq!(
        dir(&["test", "--release"]),
        usual,
        "of no subcommand and no profile"
    );
    assert_ne!(dir(&["+nightly", "build"]), usual);
    let case = case.set(&of_t("IMAGE"), "mine");
    let of_image = case.build().plan().target_dir.clone();
    assert_ne!(of_image, usual);
    let case = case.set(&of_t("IMAGE"), "other");
    assert_ne!(case.build().plan().target_dir, of_image);
}

#[test]
fn the_target_directory_of_cargos_configuration_is_used() {
    let case = for_t().file(
        ".cargo/config.toml",
        "[build]\ntarget-dir = \"elsewhere\"\n",
    );
    let seen = case.build();
    seen.is(&seen.plan().publish_dir, &case.path("elsewhere"));
    let inside = seen.value("CARGO_TARGET_DIR").unwrap();
    seen.ensure(
        inside.starts_with(text(&case.path("elsewhere/cross"))),
        inside,
    );
}

#[test]
fn the_target_directory_of_the_variable_is_used() {
    let case = for_t().set_to_dir("CARGO_TARGET_DIR", "../out");
    let seen = case.build();
    seen.is(&seen.plan().publish_dir, &case.project.outer().join("out"));
    let inside = seen.value("CARGO_TARGET_DIR").unwrap();
    seen.ensure(inside.contains("/cross/"), inside);
}

#[test]
fn an_outside_path_dependency_is_mounted_at_its_path() {
    let case = for_t().workspace();
    let seen = case.build();
    let beside = case.project.path().with_file_name("beside");
    // In `cross`, the mount is writable.
    seen.mounts(beside, Access::Read);
}

#[test]
fn mounted_directories_are_created_before_the_run() {
    let case = for_t();
    let seen = case.build();
    let prepared = seen.prepared();
    let cache = Prepared::CacheDirectory(case.path("target"));
    seen.ensure(
        prepared.contains(&cache),
        "the target directory, with its tag",
    );
    let inside = Prepared::Directory(seen.plan().target_dir.clone());
    seen.ensure(prepared.contains(&inside), "the environment's");
}

#[test]
fn differs_only_fetched_crates_of_cargo_home_are_mounted() {
    for engine in Fakes::ENGINES {
        let case = on(engine);
        let seen = case.build();
        let home = case.machine.path("cargo");
        seen.mounts(&home, Access::Scratch);
        seen.mounts(home.join("registry"), Access::Read);
        seen.mounts(home.join("git"), Access::Read);
        seen.has("CARGO_HOME", text(&home));
    }
}

#[test]
fn cargo_configuration_is_mounted_without_its_secrets() {
    let case = for_t().set_to_dir("CARGO_HOME", "../cargo").file(
        "../cargo/config.toml",
        "[source.crates-io]\nreplace-with = \"mirror\"\n\
         [source.mirror]\nregistry = \"sparse+https://mirror.invalid/\"\n\
         [registries.mine]\nindex = \"sparse+https://mine.invalid/\"\ntoken = \"s3cret\"\n\
         [build]\nrustc-wrapper = \"sccache\"\n",
    );
    let seen = case.build();
    let written = seen.prepared().iter().find_map(|thing| match thing {
        Prepared::File { path, text, .. } if path.ends_with("config.toml") => Some(text.as_str()),
        _ => None,
    });
    let written = written.unwrap();
    seen.ensure(written.contains("mirror.invalid"), written);
    seen.ensure(!written.contains("s3cret"), "no token");
    seen.ensure(!written.contains("sccache"), "no wrapper");
}

#[test]
fn a_directory_above_the_workspace_is_not_mounted() {
    let case = for_t().file("../secret", "x");
    let seen = case.build();
    let outer = case.project.outer();
    let sees = seen
        .run()
        .0
        .mounts
        .iter()
        .any(|mount| mount.source == outer);
    seen.ensure(!sees, "only the workspace");
}

#[test]
fn differs_the_nix_store_is_read_only() {
    let case = for_t().set_to_dir("NIX_STORE_DIR", "../store");
    let store = case.machine.env();
    let seen = case.build();
    seen.mounts(store.get_str("NIX_STORE_DIR").unwrap(), Access::Read);
}
