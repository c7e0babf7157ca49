//! Git calls no file changed for the program that makes it, which an environment does not have.

use std::fs;
use std::path::Path;

use cross_tests::on_engines;

use super::git_version::{Case, commit, git};

on_engines! { @ files_that_a_filter_makes_are_unchanged sandbox docker }
on_engines! { @ filters_of_directories_and_submodules_are_known sandbox docker }

/// As those of Git LFS are, whose program an environment does not have.
fn files_that_a_filter_makes_are_unchanged(engine: &'static str) {
    let case = Case::new(engine);
    let app = case.path("app");
    fs::write(app.join(".gitattributes"), "*.big filter=pointer\n").unwrap();
    fs::write(app.join("data.big"), "the data").unwrap();
    git(&app, &["init", "--quiet", "--initial-branch=main"]);
    filters_in(&app);
    commit(&app, "first");
    assert_eq!(git(&app, &["show", "HEAD:data.big"]), "the pointer");
    case.clone(&["app", "other"]);
    let other = case.path("other");
    filters_in(&other);
    git(&other, &["checkout", "--quiet", "HEAD", "--", "."]);
    for dir in ["app", "other"] {
        // As in a fresh checkout, the index was written in the second of the file.
        let changed = case.path(dir).join("data.big").metadata().unwrap();
        let index = fs::OpenOptions::new()
            .write(true)
            .open(case.path(dir).join(".git/index"))
            .unwrap();
        index.set_modified(changed.modified().unwrap()).unwrap();
        case.is_known_in(dir);
    }
    let grown = case.path("app/data.big");
    fs::write(grown, "the data and more").unwrap();
    case.is_known_in("app");
}

/// As Git LFS is used: attributes beside the files, also in submodules, and in those of worktrees.
fn filters_of_directories_and_submodules_are_known(engine: &'static str) {
    let case = Case::new(engine);
    let big = |name: &str| {
        let dir = case.path(name).join("big");
        fs::create_dir_all(&dir).unwrap();
        fs::write(dir.join(".gitattributes"), "*.big filter=pointer\n").unwrap();
        fs::write(dir.join("data.big"), "the data").unwrap();
        git(
            &case.path(name),
            &["init", "--quiet", "--initial-branch=main"],
        );
        filters_in(&case.path(name));
        commit(&case.path(name), "first");
    };
    big("assets");
    big("app");
    let app = case.path("app");
    let module = ["-c", "protocol.file.allow=always", "submodule", "--quiet"];
    git(
        &app,
        &[&module[..], &["add", "../assets", "assets"]].concat(),
    );
    commit(&app, "with a module");
    git(&app, &["worktree", "add", "--quiet", "../other"]);
    let other = case.path("other");
    git(&other, &[&module[..], &["update", "--init"]].concat());
    for dir in [app, other] {
        for checkout in [dir.clone(), dir.join("assets")] {
            filters_in(&checkout);
            let data = checkout.join("big/data.big");
            fs::remove_file(&data).unwrap();
            git(&checkout, &["checkout", "--quiet", "HEAD", "--", "."]);
            let index = git(&checkout, &["rev-parse", "--git-path", "index"]);
            assert_eq!(fs::read_to_string(&data).unwrap(), "the data");
            // As in a fresh checkout, the index was written in the second of the file.
            let index = fs::OpenOptions::new()
                .write(true)
                .open(checkout.join(index));
            let time = data.metadata().unwrap().modified().unwrap();
            index.unwrap().set_modified(time).unwrap();
        }
        assert_eq!(git(&dir, &["status", "--porcelain"]), "");
        case.is_known_in(dir.file_name().unwrap().to_str().unwrap());
    }
    fs::write(case.path("other/assets/big/data.big"), "the data and more").unwrap();
    case.is_known_in("other");
}

/// Lets the repository that `dir` is in store something else than its files.
fn filters_in(dir: &Path) {
    for (key, value) in [
        ("clean", "sed s/data/pointer/"),
        ("smudge", "sed s/pointer/data/"),
        ("required", "true"),
    ] {
        git(dir, &["config", &format!("filter.pointer.{key}"), value]);
    }
}
