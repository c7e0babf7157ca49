//! The version that a build script takes from git is that of the checkout, however it was made.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};

use cross_core::Cross;
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, on_engines, tool};

use super::TARGET;

on_engines! { @ a_plain_checkout_is_known_by_its_commit_and_tag sandbox docker podman }
on_engines! { @ a_linked_worktree_is_known sandbox docker }
on_engines! { @ a_submodule_is_known sandbox docker }
on_engines! { @ a_workspace_below_the_root_of_its_repository_is_known sandbox docker }
on_engines! { @ a_repository_that_a_variable_names_is_known sandbox }
on_engines! { @ a_worktree_of_a_bare_repository_is_known sandbox docker }
on_engines! { @ packed_references_are_known sandbox docker }
on_engines! { @ borrowed_objects_are_known sandbox docker }
on_engines! { @ objects_that_are_borrowed_twice_are_known sandbox docker }
on_engines! { @ a_reference_repository_is_known sandbox docker }
on_engines! { @ a_shallow_clone_is_known sandbox docker }
on_engines! { @ a_submodule_in_a_linked_worktree_is_known sandbox docker }
on_engines! { @ a_separate_git_directory_is_known sandbox docker }
on_engines! { @ a_dirty_checkout_is_known_as_dirty sandbox docker }
on_engines! { @ a_git_directory_that_is_a_link_is_known sandbox docker }
on_engines! { @ a_configuration_file_that_git_knows_stays_unchanged sandbox }
on_engines! { @ a_version_that_cannot_be_seen_is_said sandbox docker }
on_engines! { @ git_that_a_build_lacks_is_named_with_its_package sandbox }
on_engines! { @ references_in_tables_are_known sandbox docker }
on_engines! { @ a_worktree_by_a_relative_path_is_known sandbox docker }
on_engines! { @ what_the_user_lets_git_ignore_is_ignored sandbox docker }
on_engines! { @ git_prints_as_it_is_configured sandbox }

/// Asks git as build scripts do, and goes on without it as they do.
const ASKS: &str = r#"fn main() {
    let git = std::env::var("TOOLS").unwrap() + "/git";
    let ask = |words: &[&str]| {
        let said = std::process::Command::new(&git).args(words).output();
        let text = said.map(|said| String::from_utf8_lossy(&said.stdout).trim().to_owned() + &String::from_utf8_lossy(&said.stderr));
        text.unwrap_or_else(|error| error.to_string()).replace('\n', " ")
    };
    println!("cargo:rustc-env=COMMIT={}", ask(&["rev-parse", "HEAD"]));
    println!("cargo:rustc-env=DESCRIBED={}", ask(&["describe", "--always", "--tags", "--dirty"]));
    println!("cargo:rustc-env=CHANGED={}", ask(&["status", "--porcelain", "."]));
    println!("cargo:rerun-if-changed=always");
}
"#;

/// A temporary directory with a package in `app`, which is not in a repository yet.
pub(super) struct Case {
    project: Project,
    leftovers: Leftovers,
    engine: &'static str,
}

impl Case {
    pub(super) fn new(engine: &'static str) -> Self {
        engines::need(engine);
        let project = Project::new("app")
            .file("build.rs", ASKS)
            .file(".gitignore", "target\n")
            .file(
                "src/main.rs",
                "fn main() { println!(\"{} {} [{}]\", env!(\"COMMIT\"), env!(\"DESCRIBED\"), env!(\"CHANGED\")); }\n",
            );
        let tools = project.outer().join("tools");
        hosts_git(&tools);
        let volume = format!("[build]\nenv.volumes = [\"TOOLS={}\"]\n", tools.display());
        let project = project.cross_toml(&volume);
        Case {
            leftovers: Leftovers::of(&project),
            project,
            engine,
        }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.project.outer().join(name)
    }

    /// Makes the directory `name` a repository with a commit and a tag.
    fn repository(self, name: &str) -> Self {
        let dir = self.path(name);
        git(&dir, &["init", "--quiet", "--initial-branch=main"]);
        commit(&dir, "first");
        git(&dir, &["tag", "v1.2.3"]);
        commit(&dir, "second");
        self
    }

    pub(super) fn clone(&self, words: &[&str]) -> &Self {
        git(
            self.project.outer(),
            &[
                &["-c", "protocol.file.allow=always", "clone", "--quiet"],
                words,
            ]
            .concat(),
        );
        self
    }

    fn cross(&self, dir: &str) -> Cross {
        let cross = Cross::at(self.path(dir)).env(self.leftovers.env());
        cross.toolchain("image").engine(self.engine)
    }

    /// A build in `dir` says what git says there on the host.
    #[track_caller]
    pub(super) fn is_known_in(&self, dir: &str) {
        let path = self.path(dir);
        let expected = format!(
            "{} {} [{}]\n",
            git(&path, &["rev-parse", "HEAD"]),
            git(&path, &["describe", "--always", "--tags", "--dirty"]),
            git(&path, &["status", "--porcelain", "."]).replace('\n', " "),
        );
        let cross = self.cross(dir);
        let ran = cross.run(TARGET).capture(true).run();
        let ran = ran.unwrap_or_else(|error| panic!("{error:?}"));
        assert_eq!(ran.stdout.unwrap(), expected);
        let warnings = &cross.build(TARGET).plan().unwrap().warnings;
        assert!(
            warnings.iter().all(|warning| warning.code != "git"),
            "{warnings:?}"
        );
        self.leftovers.are_none();
    }
}

/// Copies the host's git into `dir`, with the libraries that it is linked with: an environment has
/// no git.
fn hosts_git(dir: &Path) {
    // Git finds out from its name what it is to do.
    fs::create_dir_all(dir.join("real")).unwrap();
    let git = tool::stdout(&Invocation::new("sh").args(["-c", "command -v git"]));
    let git = git.trim();
    let libraries = tool::stdout(&Invocation::new("ldd").arg(git));
    let words = libraries
        .split_whitespace()
        .filter(|word| word.starts_with('/'));
    let mut loader = "";
    for library in words {
        let name = Path::new(library).file_name().unwrap().to_str().unwrap();
        if name.starts_with("ld-") {
            loader = name;
        }
        fs::copy(library, dir.join(name)).unwrap();
    }
    fs::copy(git, dir.join("real/git")).unwrap();
    // It starts itself for submodules.
    let script = format!(
        "#!/bin/sh\nGIT_EXEC_PATH=\"$TOOLS\" exec \"$TOOLS/{loader}\" --library-path \"$TOOLS\" \"$TOOLS/real/git\" \"$@\"\n"
    );
    fs::write(dir.join("git"), script).unwrap();
    fs::set_permissions(dir.join("git"), fs::Permissions::from_mode(0o755)).unwrap();
}

pub(super) fn git(dir: &Path, words: &[&str]) -> String {
    let git = Invocation::new("git")
        .args(["-c", "user.name=me", "-c", "user.email=me@example.invalid"])
        .args(words.iter().copied())
        // A look does not write the index.
        .env("GIT_OPTIONAL_LOCKS", "0")
        .cwd(dir);
    tool::stdout(&git).trim().to_owned()
}

pub(super) fn commit(dir: &Path, message: &str) {
    git(dir, &["add", "."]);
    git(
        dir,
        &["commit", "--quiet", "--allow-empty", "--message", message],
    );
}

fn a_plain_checkout_is_known_by_its_commit_and_tag(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    case.is_known_in("app");
    // The next commit is known as well, though nothing else has changed.
    commit(&case.path("app"), "third");
    fs::write(case.path("app/build.rs"), format!("{ASKS}\n")).unwrap();
    commit(&case.path("app"), "fourth");
    case.is_known_in("app");
}

fn a_linked_worktree_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    git(
        &case.path("app"),
        &["worktree", "add", "--quiet", "../other"],
    );
    commit(&case.path("other"), "of the worktree");
    case.is_known_in("other");
}

fn a_submodule_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    let around = case.path("around");
    fs::create_dir(&around).unwrap();
    let case = case.repository("around");
    git(
        &around,
        &[
            "-c",
            "protocol.file.allow=always",
            "submodule",
            "--quiet",
            "add",
            "../app",
            "modules/app",
        ],
    );
    commit(&around, "with a module");
    case.is_known_in("around/modules/app");
}

fn a_workspace_below_the_root_of_its_repository_is_known(engine: &'static str) {
    let case = Case::new(engine);
    fs::create_dir_all(case.path("all/rust")).unwrap();
    fs::rename(case.path("app"), case.path("all/rust/app")).unwrap();
    // What a run does not see is not deleted, and what git ignores there stays ignored.
    fs::write(case.path("all/.gitignore"), "*.log\n").unwrap();
    fs::write(case.path("all/README.md"), "").unwrap();
    fs::create_dir_all(case.path("all/web/assets")).unwrap();
    fs::write(case.path("all/web/assets/page.html"), "").unwrap();
    let case = case.repository("all");
    fs::write(case.path("all/rust/app/ignored.log"), "").unwrap();
    case.is_known_in("all/rust/app");
    fs::write(case.path("all/rust/app/src/lib.rs"), "").unwrap();
    git(&case.path("all"), &["add", "rust/app/src/lib.rs"]);
    case.is_known_in("all/rust/app");
}

/// As in a hook, or with a repository of dotfiles.
fn a_repository_that_a_variable_names_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    fs::rename(case.path("app/.git"), case.path("away")).unwrap();
    let head = git(
        &case.path("app"),
        &["--git-dir=../away", "rev-parse", "HEAD"],
    );
    for git_dir in [
        "../away".to_owned(),
        case.path("away").display().to_string(),
    ] {
        let env = case.leftovers.env().set("GIT_DIR", git_dir);
        let env = env.set("GIT_WORK_TREE", case.path("app"));
        let ran = case.cross("app").env(env).run(TARGET).capture(true).run();
        let said = ran
            .unwrap_or_else(|error| panic!("{error:?}"))
            .stdout
            .unwrap();
        assert!(said.starts_with(&head) && !said.contains("dirty"), "{said}");
    }
}

fn a_worktree_of_a_bare_repository_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    case.clone(&["--bare", "app", "bare.git"]);
    git(
        &case.path("bare.git"),
        &["worktree", "add", "--quiet", "../of-bare", "main"],
    );
    case.is_known_in("of-bare");
    // The repository may also lie in the directory that holds its worktrees.
    case.clone(&["--bare", "app", "all/.bare"]);
    fs::write(case.path("all/.git"), "gitdir: ./.bare\n").unwrap();
    git(
        &case.path("all"),
        &["worktree", "add", "--quiet", "main", "main"],
    );
    case.is_known_in("all/main");
}

fn packed_references_are_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    git(&case.path("app"), &["pack-refs", "--all"]);
    git(&case.path("app"), &["gc", "--quiet"]);
    case.is_known_in("app");
}

fn borrowed_objects_are_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    case.clone(&["--shared", "app", "borrows"]);
    case.is_known_in("borrows");
}

fn objects_that_are_borrowed_twice_are_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    case.clone(&["--shared", "app", "first"]);
    commit(&case.path("first"), "of the first");
    case.clone(&["--shared", "first", "second"]);
    commit(&case.path("second"), "of the second");
    // A path may be relative.
    let alternates = case.path("second/.git/objects/info/alternates");
    fs::write(alternates, "# a comment\n../../../first/.git/objects\n").unwrap();
    case.is_known_in("second");
}

fn a_reference_repository_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    case.clone(&["--bare", "app", "mirror.git"]);
    case.clone(&["--reference", "mirror.git", "app", "refers"]);
    case.is_known_in("refers");
}

fn a_shallow_clone_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    let url = format!("file://{}", case.path("app").display());
    case.clone(&["--depth=1", &url, "shallow"]);
    case.is_known_in("shallow");
}

fn a_submodule_in_a_linked_worktree_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    let around = case.path("around");
    fs::create_dir(&around).unwrap();
    let case = case.repository("around");
    let module = ["-c", "protocol.file.allow=always", "submodule", "--quiet"];
    git(&around, &[&module[..], &["add", "../app", "app"]].concat());
    commit(&around, "with a module");
    git(&around, &["worktree", "add", "--quiet", "../tree"]);
    git(
        &case.path("tree"),
        &[&module[..], &["update", "--init"]].concat(),
    );
    case.is_known_in("tree/app");
}

fn a_separate_git_directory_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    case.clone(&["--separate-git-dir", "data.git", "app", "apart"]);
    case.is_known_in("apart");
}

fn a_dirty_checkout_is_known_as_dirty(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    fs::write(case.path("app/build.rs"), format!("{ASKS}// changed\n")).unwrap();
    case.is_known_in("app");
}

/// Tools for several checkouts of one repository make links, of all or of parts.
fn a_git_directory_that_is_a_link_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    case.clone(&["app", "whole"]);
    fs::rename(case.path("whole/.git"), case.path("whole.git")).unwrap();
    symlink("../whole.git", case.path("whole/.git")).unwrap();
    case.is_known_in("whole");
    case.clone(&["app", "parts"]);
    for name in ["objects", "refs", "packed-refs", "config"] {
        let part = case.path("parts/.git").join(name);
        fs::rename(&part, case.path("away")).unwrap();
        fs::create_dir_all(case.path("shared.git")).unwrap();
        fs::rename(case.path("away"), case.path("shared.git").join(name)).unwrap();
        symlink(case.path("shared.git").join(name), part).unwrap();
    }
    case.is_known_in("parts");
}

/// Git would call the checkout dirty if a run saw another text.
fn a_configuration_file_that_git_knows_stays_unchanged(engine: &'static str) {
    let case = Case::new(engine);
    fs::create_dir(case.path("app/.cargo")).unwrap();
    let text = "[build]\nbuild-dir = \"/no/dir\"\n[target.aarch64-unknown-linux-gnu]\n\
                linker = \"/no/linker\"\nrunner = \"no-such-runner\"\n";
    fs::write(case.path("app/.cargo/config.toml"), text).unwrap();
    let case = case.repository("app");
    case.is_known_in("app");
    // Where the text has to be another, the plan says what git makes of it.
    let secret =
        format!("{text}[registries.mine]\nindex = \"sparse+https://me:s3cret@127.0.0.1:1/\"\n");
    fs::write(case.path("app/.cargo/config.toml"), secret).unwrap();
    commit(&case.path("app"), "with a secret");
    let plan = case.cross("app").build(TARGET).plan().unwrap();
    let mut of_git = plan.warnings.iter().filter(|it| it.code == "git");
    assert!(
        of_git.any(|it| it.message.contains("--dirty")),
        "{:?}",
        plan.warnings
    );
}

/// The history that a build must not see is that of the home, and what lies in the user's private
/// directories.
fn a_version_that_cannot_be_seen_is_said(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    let warnings = |case: &Case, dir: &str, home: &str| {
        let cross = case
            .cross(dir)
            .home_dir(case.path(home))
            .cargo_home_dir(case.path("cargo"));
        let plan = cross.build(TARGET).plan().unwrap();
        let of_git = plan.warnings.iter().filter(|warning| warning.code == "git");
        of_git
            .map(|warning| warning.message.clone())
            .collect::<Vec<_>>()
    };
    fs::create_dir(case.path("cargo")).unwrap();
    assert_eq!(warnings(&case, "app", "nobody"), [""; 0]);
    // The objects are gone.
    case.clone(&["--shared", "app", "borrows"]);
    fs::rename(case.path("app"), case.path("moved")).unwrap();
    let said = warnings(&case, "borrows", "nobody");
    assert!(
        said.len() == 1 && said[0].contains("app/.git/objects"),
        "{said:?}"
    );
    // The repository of the home, as for dotfiles.
    let case = Case::new(engine).repository("");
    let said = warnings(&case, "app", "");
    assert!(said.len() == 1 && said[0].contains("home"), "{said:?}");
}

fn git_that_a_build_lacks_is_named_with_its_package(engine: &'static str) {
    let script = "fn main() {
    let said = std::process::Command::new(\"git\").args([\"rev-parse\", \"HEAD\"]).output();
    let known = said.is_ok_and(|said| said.status.success());
    println!(\"cargo::rustc-env=KNOWN={known}\");
}
";
    let main = "fn main() { println!(\"{}\", env!(\"KNOWN\")); }\n";
    let project = Project::new("app")
        .file("build.rs", script)
        .file("src/main.rs", main);
    let is_of_git = |warning: &cross_core::plan::Warning| {
        let help = warning.help.as_deref().unwrap_or_default();
        warning.code == "git" && help.contains("packages = [\"git:native\"]")
    };
    let warns = |cross: &Cross| {
        let plan = cross.build(TARGET).plan().unwrap();
        plan.warnings.iter().any(is_of_git)
    };
    let cross = project.cross().engine(engine);
    assert!(warns(&cross));
    // The warning is true.
    let ran = cross.run(TARGET).capture(true).run().unwrap();
    assert_eq!(ran.stdout.as_deref(), Some("false\n"));
    let project = project.cross_toml("[build]\npackages = [\"git:native\"]\n");
    assert!(!warns(&project.cross().engine(engine)));
}

/// Since git 2.45, references may be in tables.
fn references_in_tables_are_known(engine: &'static str) {
    let case = Case::new(engine);
    let app = case.path("app");
    git(
        &app,
        &[
            "init",
            "--quiet",
            "--ref-format=reftable",
            "--initial-branch=main",
        ],
    );
    commit(&app, "first");
    git(&app, &["tag", "v1.2.3"]);
    commit(&app, "second");
    case.is_known_in("app");
    git(&app, &["worktree", "add", "--quiet", "../other"]);
    commit(&case.path("other"), "of the worktree");
    case.is_known_in("other");
}

/// With `worktree.useRelativePaths`, git writes relative paths, which all versions read.
fn a_worktree_by_a_relative_path_is_known(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    git(
        &case.path("app"),
        &["worktree", "add", "--quiet", "../other"],
    );
    fs::write(
        case.path("other/.git"),
        "gitdir: ../app/.git/worktrees/other\n",
    )
    .unwrap();
    let back = "../../../../other/.git\n";
    fs::write(case.path("app/.git/worktrees/other/gitdir"), back).unwrap();
    commit(&case.path("other"), "of the worktree");
    case.is_known_in("other");
}

/// Editors and tools leave files that no `.gitignore` of the project names.
fn what_the_user_lets_git_ignore_is_ignored(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    let app = case.path("app");
    fs::write(app.join("notes.mine"), "").unwrap();
    case.is_known_in("app");
    let ignored = case.path("ignored");
    fs::write(&ignored, "*.mine\n").unwrap();
    git(
        &app,
        &["config", "core.excludesFile", ignored.to_str().unwrap()],
    );
    assert_eq!(git(&app, &["status", "--porcelain"]), "");
    case.is_known_in("app");
}

/// By the user's own files, those that they include on conditions, the repository's, and variables.
fn git_prints_as_it_is_configured(engine: &'static str) {
    let case = Case::new(engine).repository("app");
    let app = case.path("app");
    fs::write(app.join("notes"), "").unwrap();
    let more = case.path("more");
    fs::write(
        &more,
        "[core]\n\tabbrev = 13\n[status]\n\tshowUntrackedFiles = no\n",
    )
    .unwrap();
    let global = case.path("gitconfig");
    fs::write(
        &global,
        format!(
            "[includeIf \"gitdir:{}/\"]\n\tpath = more\n",
            case.project.outer().display()
        ),
    )
    .unwrap();
    let said = |variables: &[(&str, &str)]| {
        let mut env = case.leftovers.env().set("GIT_CONFIG_GLOBAL", &global);
        for (name, value) in variables {
            env = env.set(*name, *value);
        }
        let ran = case.cross("app").env(env).run(TARGET).capture(true).run();
        let ran = ran.unwrap_or_else(|error| panic!("{error:?}"));
        ran.stdout.unwrap()
    };
    let head = git(&app, &["rev-parse", "HEAD"]);
    let short = |length: usize| format!("{head} v1.2.3-1-g{} []\n", &head[..length]);
    assert_eq!(said(&[]), short(13));
    git(&app, &["config", "core.abbrev", "17"]);
    assert_eq!(said(&[]), short(17));
    let of_variables = [
        ("GIT_CONFIG_COUNT", "1"),
        ("GIT_CONFIG_KEY_0", "core.abbrev"),
        ("GIT_CONFIG_VALUE_0", "21"),
    ];
    assert_eq!(said(&of_variables), short(21));
}
