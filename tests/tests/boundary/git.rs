//! Attacks on the configuration of a repository, where CI systems keep tokens. The history is
//! visible.

use std::fs;

use crate::attacker::{Attack, SECRET};
use crate::seat::{Seat, on_seats};

on_seats! {
    git_config_tokens_are_not_seen_but_history_is: sandbox_as_root docker;
    a_worktrees_config_tokens_are_not_seen_but_history_is: sandbox_as_user podman;
    a_submodules_config_tokens_are_not_seen_but_history_is: sandbox_as_root podman;
    tokens_of_a_checkout_among_the_sources_are_not_seen_but_history_is: sandbox_as_user docker;
}

/// Looks for the secret in everything of git's, and for the commit as `vergen` does: by git where
/// it is installed, else by its files.
const LOOKS: &str = r##"
    fn search(dir: &Path, found: &mut Vec<PathBuf>, seen: &mut usize) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            if entry.file_type().map_or(false, |kind| kind.is_dir()) {
                search(&entry.path(), found, seen);
            } else if let Ok(text) = fs::read(entry.path()) {
                *seen += 1;
                if text.windows(12).any(|part| part == b"s3cret-decoy") {
                    found.push(entry.path());
                }
            }
        }
    }
    let top = workspace();
    let (mut found, mut seen) = (Vec::new(), 0);
    let mut dirs = vec![top.join(".git")];
    if let Ok(text) = fs::read_to_string(top.join(".git")) {
        let there = top.join(text.trim().strip_prefix("gitdir: ").unwrap());
        let common = fs::read_to_string(there.join("commondir")).map(|common| there.join(common.trim()));
        dirs = vec![there];
        dirs.extend(common);
    }
    for dir in &dirs {
        search(dir, &mut found, &mut seen);
    }
    tell("secrets", format!("{:?}", found));
    tell("files", seen);
    let git = Command::new("git").args(["-c", "safe.directory=*", "rev-parse", "HEAD"]).current_dir(&top).output();
    match git {
        Ok(said) => tell("commit", String::from_utf8_lossy(&said.stdout).trim().to_owned() + &String::from_utf8_lossy(&said.stderr)),
        Err(_) => {
            let head = fs::read_to_string(dirs[0].join("HEAD")).unwrap();
            let commit = match head.trim().strip_prefix("ref: ") {
                Some(name) => dirs.iter().find_map(|dir| fs::read_to_string(dir.join(name)).ok()).unwrap_or_default(),
                None => head,
            };
            tell("commit", commit.trim());
        }
    }
    let helpers = Command::new("git").args(["-c", "safe.directory=*", "config", "--list"]).current_dir(&top).output();
    tell("config", helpers.map_or(String::new(), |said| String::from_utf8_lossy(&said.stdout).into_owned()));
    for dir in &dirs {
        for name in ["config", "config.worktree", "HEAD", "hooks/post-checkout", "info/attributes"] {
            let path = dir.join(name);
            if path.exists() || name.contains('/') {
                tried(&format!("write {}", name), OpenOptions::new().append(true).create(true).open(path));
            }
        }
    }
"##;

/// Puts the secret wherever git's own configuration may have it.
fn with_tokens(attack: &Attack, dir: &std::path::Path) {
    let url = format!("https://me:{SECRET}@example.invalid/app.git");
    let header = format!("AUTHORIZATION: basic {SECRET}");
    for (name, value) in [
        ("remote.origin.url", url.as_str()),
        ("http.https://example.invalid/.extraheader", header.as_str()),
        ("credential.helper", &format!("!echo password={SECRET}")),
        (
            &format!("url.https://{SECRET}@example.invalid/.insteadOf"),
            "https://example.invalid/",
        ),
    ] {
        attack.git(dir, &["config", name, value]);
    }
    // What was fetched, and from where.
    let logs = dir.join(".git/logs");
    if dir.join(".git").is_dir() {
        fs::create_dir_all(&logs).unwrap();
        fs::write(logs.join("fetched"), &url).unwrap();
    }
}

#[track_caller]
fn sees_history_and_no_secret(attack: &Attack, commit: &str) {
    let said = attack.run("build");
    said.succeeded();
    assert_eq!(said.told("secrets"), "[]");
    assert!(!said.told("config").contains(SECRET));
    assert_eq!(said.told("commit"), commit.trim());
    let writes: Vec<_> = said
        .told
        .keys()
        .filter(|key| key.starts_with("write"))
        .collect();
    said.all_refused(&writes);
    said.no_secret_was_said();
}

fn git_config_tokens_are_not_seen_but_history_is(seat: Seat) {
    let attack = Attack::on(seat).build_script(LOOKS);
    let top = attack.project.path().to_owned();
    attack.git(&top, &["init", "--quiet"]);
    attack.git(&top, &["add", "."]);
    attack.git(&top, &["commit", "--quiet", "--message=first"]);
    with_tokens(&attack, &top);
    attack.git(&top, &["config", "extensions.worktreeConfig", "true"]);
    let of_worktree = format!("[http]\n\textraheader = {SECRET}\n");
    fs::write(top.join(".git/config.worktree"), of_worktree).unwrap();
    let commit = attack.git(&top, &["rev-parse", "HEAD"]);
    sees_history_and_no_secret(&attack, &commit);
}

/// What its `.git` leads to lies outside of the workspace.
fn a_worktrees_config_tokens_are_not_seen_but_history_is(seat: Seat) {
    let attack = Attack::on(seat).build_script(LOOKS);
    let main = attack.beside("main");
    fs::create_dir(&main).unwrap();
    attack.git(&main, &["init", "--quiet"]);
    attack.git(
        &main,
        &["commit", "--quiet", "--allow-empty", "--message=first"],
    );
    let other = attack.beside("other");
    attack.git(
        &main,
        &["worktree", "add", "--quiet", other.to_str().unwrap()],
    );
    // The workspace becomes the worktree.
    fs::rename(other.join(".git"), attack.path(".git")).unwrap();
    attack.git(
        &main,
        &[
            "worktree",
            "repair",
            attack.project.path().to_str().unwrap(),
        ],
    );
    with_tokens(&attack, &main);
    let commit = attack.git(attack.project.path(), &["rev-parse", "HEAD"]);
    sees_history_and_no_secret(&attack, &commit);
}

/// Its directory is a module of the repository around it.
fn a_submodules_config_tokens_are_not_seen_but_history_is(seat: Seat) {
    let attack = Attack::on(seat).build_script(LOOKS);
    let around = attack.project.outer().to_owned();
    let top = attack.project.path().to_owned();
    attack.git(&around, &["init", "--quiet"]);
    attack.git(&top, &["init", "--quiet"]);
    attack.git(&top, &["add", "."]);
    attack.git(&top, &["commit", "--quiet", "--message=first"]);
    with_tokens(&attack, &top);
    fs::create_dir_all(around.join(".git/modules")).unwrap();
    fs::rename(top.join(".git"), around.join(".git/modules/app")).unwrap();
    fs::write(top.join(".git"), "gitdir: ../.git/modules/app\n").unwrap();
    let commit = attack.git(&top, &["rev-parse", "HEAD"]);
    sees_history_and_no_secret(&attack, &commit);
}

/// It is no module, and has no package: a CI system checked it out there.
fn tokens_of_a_checkout_among_the_sources_are_not_seen_but_history_is(seat: Seat) {
    let looks = LOOKS.replace("= workspace()", "= workspace().join(\"vendor/other\")");
    let attack = Attack::on(seat)
        .build_script(&looks)
        .file("vendor/other/README", "");
    let other = attack.path("vendor/other");
    attack.git(&other, &["init", "--quiet"]);
    attack.git(&other, &["add", "."]);
    attack.git(&other, &["commit", "--quiet", "--message=first"]);
    with_tokens(&attack, &other);
    let commit = attack.git(&other, &["rev-parse", "HEAD"]);
    sees_history_and_no_secret(&attack, &commit);
}
