//! `[package.metadata.cross]`: that of the package that is built applies, however it is selected.

use cross_core::Plan;

use crate::case::{Case, T, case};
use crate::seen::Seen;

fn manifest(name: &str, lines: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n{lines}")
}

/// A variable that only the configuration of the package passes on.
fn passing(name: &str) -> String {
    format!("[package.metadata.cross.build.env]\npassthrough = [\"OF={name}\"]\n")
}

/// A virtual workspace with these members. Each passes on its name, but for `plain`.
fn members(names: &[&str], lines: &str) -> Case {
    let root = format!("[workspace]\nresolver = \"2\"\nmembers = {names:?}\n{lines}\n");
    let mut lock = "version = 3\n".to_owned();
    let case = case("").file("Cargo.toml", &root).without("src/main.rs");
    let case = names.iter().fold(case, |case, name| {
        lock += &format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
        let own = match *name {
            "plain" => String::new(),
            name => passing(name),
        };
        case.file(&format!("{name}/Cargo.toml"), &manifest(name, &own))
            .file(&format!("{name}/src/lib.rs"), "")
    });
    case.file("Cargo.lock", &lock)
}

#[track_caller]
fn is_of(seen: &Seen, name: &str) {
    seen.is(seen.value("OF"), Some(name)).is_silent();
}

fn build(words: &[&str]) -> Vec<String> {
    let words = ["build", "--target", T].iter().chain(words);
    words.map(|&word| word.to_owned()).collect()
}

#[track_caller]
fn built(case: &Case, words: &[&str]) -> Seen {
    let words = build(words);
    case.cargo(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

#[test]
fn the_only_member_of_a_virtual_workspace_is_built() {
    is_of(&members(&["m"], "").build(), "m");
}

#[test]
fn the_only_member_with_metadata_applies() {
    is_of(&members(&["m", "plain"], "").build(), "m");
    is_of(&members(&["plain", "m"], "").build(), "m");
    is_of(&built(&members(&["plain", "m"], ""), &["--workspace"]), "m");
}

#[test]
fn the_default_members_are_built() {
    let case = members(&["a", "b"], "default-members = [\"b\"]");
    is_of(&case.build(), "b");
    is_of(&built(&case, &["-p", "a"]), "a");
    let case = members(&["a", "plain"], "default-members = [\"plain\"]");
    let seen = case.build();
    seen.lacks("OF").is_silent();
}

#[test]
fn a_directory_in_a_member_selects_it() {
    let case = members(&["a", "b"], "").in_dir("b/src");
    is_of(&case.build(), "b");
    is_of(&case.in_dir("b/src/deep/er").build(), "b");
    let case = members(&["a", "b"], "default-members = [\"a\"]");
    is_of(&case.in_dir("b/src").build(), "b");
}

#[test]
fn a_package_id_selects_its_package() {
    let case = members(&["a", "b"], "");
    let dir = case.path("b").display().to_string();
    for id in [
        "b",
        "b@0.1.0",
        "b@0.1",
        "b:0.1.0",
        "?",
        &format!("path+file://{dir}#b@0.1.0"),
        &format!("path+file://{dir}#0.1.0"),
        &format!("path+file://{dir}"),
        &format!("file://{dir}"),
    ] {
        let seen = built(&case, &["-p", id]);
        match id {
            "?" => seen.is(seen.value("OF"), Some("a")),
            _ => seen.is(seen.value("OF"), Some("b")).is_silent(),
        };
        built(&case, &[&format!("--package={id}")]);
    }
}

#[test]
fn a_manifest_path_selects_its_package() {
    let case = members(&["a", "b"], "");
    for path in ["b/Cargo.toml", "./b/Cargo.toml", "a/../b/Cargo.toml"] {
        is_of(&built(&case, &["--manifest-path", path]), "b");
    }
    let inside = case.in_dir("a");
    is_of(
        &built(&inside, &["--manifest-path", "../b/Cargo.toml"]),
        "b",
    );
}

#[test]
fn an_excluded_package_does_not_apply() {
    let case = members(&["a", "b"], "");
    is_of(&built(&case, &["--workspace", "--exclude", "a"]), "b");
    is_of(&built(&case, &["--all", "--exclude=b@0.1.0"]), "a");
}

#[test]
fn several_packages_that_differ_are_a_warning_with_the_one_that_applies() {
    let case = members(&["a", "b", "plain"], "");
    for words in [&[][..], &["--workspace"], &["-p", "b", "-p", "a"]] {
        let seen = built(&case, words);
        seen.has("OF", "a");
        seen.warns("ambiguous-metadata", "`a`");
        seen.warns("ambiguous-metadata", "`b`");
        let help = seen.plan().warnings[0].help.clone().unwrap_or_default();
        seen.ensure(help.contains("`[workspace.metadata.cross]`"), help);
    }
}

#[test]
fn equal_metadata_is_no_warning() {
    let case = members(&["a", "b"], "").file("b/Cargo.toml", &manifest("b", &passing("a")));
    is_of(&case.build(), "a");
}

#[test]
fn a_root_package_that_is_not_built_does_not_apply() {
    let case = members(&["a", "plain"], "");
    let root = format!(
        "{}\n[workspace]\nmembers = [\"a\", \"plain\"]\n",
        manifest("root", &passing("root"))
    );
    let mut lock = "version = 3\n".to_owned();
    for name in ["a", "plain", "root"] {
        lock += &format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n");
    }
    let case = case.file("Cargo.toml", &root).file("src/lib.rs", "");
    let case = case.file("Cargo.lock", &lock);
    is_of(&case.build(), "root");
    is_of(&built(&case, &["-p", "a"]), "a");
    let seen = built(&case, &["-p", "plain"]);
    seen.lacks("OF").is_silent();
    is_of(&built(&case, &["-p", "plain", "-p", "a"]), "a");
}

#[test]
fn the_default_target_is_that_of_the_built_package() {
    let lines = |target| format!("[package.metadata.cross.build]\ndefault-target = \"{target}\"\n");
    let case = members(&["a", "b"], "")
        .file(
            "a/Cargo.toml",
            &manifest("a", &lines("s390x-unknown-linux-gnu")),
        )
        .file("b/Cargo.toml", &manifest("b", &lines(T)));
    let seen = case.cargo(&["build", "-p", "b"]);
    seen.is(seen.targets(), [T]);
    let seen = case.cargo(&["build", "-p", "a@0.1.0"]);
    seen.is(seen.targets(), ["s390x-unknown-linux-gnu"]);
}

#[test]
fn a_request_selects_as_a_command_line_does() {
    let case = members(&["a", "b"], "");
    let origin = |plan: &Plan| format!("{:?}", plan.explain());
    let request = || case.cross().build(T);
    for request in [
        request().package("b"),
        request().package("b@0.1.0"),
        request().cargo_args(["-p", "b"]),
        request().workspace(true).exclude("a"),
        request().manifest_path("b/Cargo.toml"),
    ] {
        let plan = request.plan().unwrap();
        assert!(origin(&plan).contains("/b/Cargo.toml"), "{}", origin(&plan));
        assert!(plan.warnings.is_empty(), "{:?}", plan.warnings);
    }
    let plan = request().plan().unwrap();
    assert_eq!(plan.warnings[0].code, "ambiguous-metadata");
}

#[test]
fn the_shown_configuration_is_that_of_a_build() {
    let case = members(&["plain", "m"], "");
    let config = case.cross().config().unwrap();
    let values = config.explain_for(T);
    let values = format!("{values:?}");
    assert!(values.contains("/m/Cargo.toml"), "{values}");
}
