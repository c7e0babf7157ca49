//! Cargo's configuration, wherever it lies, means inside what it means to plain cargo, or the plan
//! says what it does not.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use cross_core::Cross;
use cross_engine::Invocation;
use cross_tests::{Leftovers, Project, engines, on_engines, shell, tool};

use super::TARGET;

const NATIVE: &str = "x86_64-unknown-linux-gnu";

on_engines! {
    a_patch_above_the_workspace_holds_and_plain_cargo_works_afterwards
    variables_profiles_and_flags_of_every_level_reach_the_program
}
on_engines! { @ crates_are_found_in_a_directory_that_a_file_above_names sandbox docker }
on_engines! { @ an_included_file_outside_of_the_workspace_counts sandbox docker }
on_engines! { @ a_file_that_is_a_link_to_elsewhere_counts sandbox docker }
on_engines! { @ the_older_name_wins_over_the_newer sandbox }
on_engines! { @ a_path_override_above_the_workspace_holds sandbox docker }
on_engines! { @ a_patch_of_the_users_own_file_holds_though_it_is_not_used sandbox }
on_engines! { @ a_runner_of_the_host_is_not_used_and_the_plan_says_so sandbox docker }
on_engines! { @ a_condition_that_does_not_hold_names_nothing sandbox }
on_engines! { @ programs_of_the_host_are_named_wherever_they_are_configured sandbox docker }
on_engines! { @ a_target_directory_that_is_used_is_not_named sandbox docker }
on_engines! { @ the_directory_of_the_request_decides_which_files_count sandbox }
on_engines! { @ tokens_stay_outside_and_are_named sandbox docker }
on_engines! { @ a_changed_file_of_the_user_counts_at_once sandbox }

/// A project with a cargo home of its own, on one engine.
struct Case {
    project: Project,
    leftovers: Leftovers,
    engine: &'static str,
}

impl Case {
    fn new(engine: &'static str) -> Self {
        engines::need(engine);
        let project = Project::new("app").file("../home/.cargo/made", "");
        Case {
            leftovers: Leftovers::of(&project),
            project,
            engine,
        }
    }

    fn file(mut self, path: &str, text: &str) -> Self {
        self.project = self.project.file(path, text);
        self
    }

    /// A program that prints `text`, which is an argument of `println!`.
    fn prints(self, text: &str) -> Self {
        self.file(
            "src/main.rs",
            &format!("fn main() {{ println!({text}); }}\n"),
        )
    }

    /// The package depends on `itoa` of crates.io, which has to be replaced: there is no network.
    fn depends_on_itoa(self) -> Self {
        let manifest = fs::read_to_string(self.project.path().join("Cargo.toml")).unwrap();
        self.file("Cargo.toml", &(manifest + "[dependencies]\nitoa = \"1\"\n"))
            .prints("\"{}\", itoa::WHICH")
    }

    /// A crate `itoa` in a directory beside the project.
    fn itoa(self, dir: &str, which: &str) -> Self {
        self.file(
            &format!("../{dir}/Cargo.toml"),
            "[package]\nname = \"itoa\"\nversion = \"1.0.99\"\nedition = \"2021\"\n",
        )
        .file(
            &format!("../{dir}/src/lib.rs"),
            &format!("pub const WHICH: &str = \"{which}\";\n"),
        )
    }

    fn home(&self) -> std::path::PathBuf {
        self.project.outer().join("home/.cargo")
    }

    fn cross(&self) -> Cross {
        self.cross_at(self.project.path())
    }

    fn cross_at(&self, dir: &Path) -> Cross {
        let cross = Cross::at(dir).env(self.leftovers.env()).toolchain("image");
        cross.cargo_home_dir(self.home()).engine(self.engine)
    }

    #[track_caller]
    fn run(&self, cross: &Cross, target: &str) -> String {
        let ran = cross.run(target).capture(true).run();
        let ran = ran.unwrap_or_else(|error| panic!("{error:?}"));
        ran.stdout.unwrap()
    }

    /// What the program prints in a typed run, which the front door prints as well.
    #[track_caller]
    fn said(&self) -> String {
        let said = self.run(&self.cross(), TARGET);
        assert_eq!(
            self.types(&format!("run --quiet --target {TARGET}")).0,
            said
        );
        self.leftovers.are_none();
        said
    }

    /// Runs a cargo command line that succeeds. Returns its output and its errors.
    #[track_caller]
    fn types(&self, line: &str) -> (String, String) {
        let front_door = [env!("CARGO_BIN_EXE_front-door"), self.engine];
        let env = self.leftovers.env().set("CARGO_HOME", self.home());
        let said = shell(&self.project, &env, front_door, &format!("cross {line}"));
        assert!(said.exit.success(), "{}\n{}", said.exit, said.stderr);
        (said.stdout, said.stderr)
    }

    /// Runs plain cargo, which succeeds.
    #[track_caller]
    fn plain_cargo(&self, words: &[&str]) -> String {
        let cargo = Invocation::new("cargo")
            .args(words.iter().copied())
            .cwd(self.project.path())
            .env("CARGO_HOME", self.home().to_str().unwrap());
        tool::stdout(&cargo)
    }

    /// The warnings of a typed plan about cargo's configuration.
    fn warnings(&self, target: &str) -> Vec<String> {
        let plan = self.cross().build(target).plan().unwrap();
        let warnings = plan.warnings.iter();
        let about = warnings.filter(|warning| warning.code == "cargo-config");
        about.map(|warning| warning.message.clone()).collect()
    }
}

/// A file one directory above the workspace, as in a directory for several checkouts.
fn a_patch_above_the_workspace_holds_and_plain_cargo_works_afterwards(engine: &'static str) {
    let case = Case::new(engine)
        .depends_on_itoa()
        .itoa("lib", "patched")
        .file(
            "../.cargo/config.toml",
            "[patch.crates-io]\nitoa = { path = \"lib\" }\n",
        );
    fs::remove_file(case.project.path().join("Cargo.lock")).unwrap();
    case.plain_cargo(&["generate-lockfile", "--offline"]);
    let lock = || fs::read_to_string(case.project.path().join("Cargo.lock")).unwrap();
    let before = lock();
    assert_eq!(case.said(), "patched\n");
    assert_eq!(lock(), before);
    case.plain_cargo(&["build", "--offline", "--locked"]);
}

fn variables_profiles_and_flags_of_every_level_reach_the_program(engine: &'static str) {
    let case = Case::new(engine)
        .file(
            "../home/.cargo/config.toml",
            "[env]\nFROM_HOME = \"home\"\nBOTH = \"home\"\n\
             [profile.dev]\ndebug-assertions = false\n\
             [target.'cfg(unix)']\nrustflags = [\"--cfg\", \"of_the_home\"]\n",
        )
        .file(
            "../.cargo/config.toml",
            "[env]\nDATA = { value = \"data\", relative = true }\nBOTH = { value = \"above\" , force = true }\n\
             [target.aarch64-unknown-linux-gnu]\nrustflags = [\"--cfg\", \"from_above\"]\n",
        )
        .file(".cargo/config.toml", "[env]\nOWN = \"own\"\n")
        .prints(
            "\"{} {} {} {} {} {} {}\", env!(\"FROM_HOME\"), env!(\"BOTH\"), env!(\"DATA\"), env!(\"OWN\"), \
             cfg!(debug_assertions), cfg!(of_the_home), cfg!(from_above)",
        );
    // A table of one file and a text of another cannot be merged, as cargo says.
    let home = fs::read_to_string(case.home().join("config.toml")).unwrap();
    let home = home.replace("BOTH = \"home\"", "BOTH = { value = \"home\" }");
    fs::write(case.home().join("config.toml"), home).unwrap();
    let data = case.project.outer().join("data");
    let expected = format!("home above {} own false true true\n", data.display());
    let plain = case.plain_cargo(&["run", "--quiet"]);
    assert_eq!(plain, expected.replace("true true", "true false"));
    assert_eq!(case.said(), expected);
}

/// As `cargo vendor` says to configure it. The directory is outside of the workspace.
fn crates_are_found_in_a_directory_that_a_file_above_names(engine: &'static str) {
    let case = Case::new(engine)
        .depends_on_itoa()
        .itoa("vendored/itoa", "vendored")
        .file(
            "../vendored/itoa/.cargo-checksum.json",
            "{\"files\":{},\"package\":null}",
        )
        .file(
            "../.cargo/config.toml",
            "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendored\"\n",
        );
    fs::remove_file(case.project.path().join("Cargo.lock")).unwrap();
    assert_eq!(case.said(), "vendored\n");
    case.plain_cargo(&["build", "--offline", "--locked"]);
}

fn an_included_file_outside_of_the_workspace_counts(engine: &'static str) {
    let case = Case::new(engine)
        .file(
            ".cargo/config.toml",
            "include = [\"../../shared/cargo.toml\"]\n[env]\nOWN = \"own\"\nBOTH = \"own\"\n",
        )
        .file(
            "../shared/cargo.toml",
            "[env]\nSHARED = \"shared\"\nBOTH = \"shared\"\n[target.aarch64-unknown-linux-gnu]\nrustflags = [\"--cfg\", \"shared\"]\n",
        )
        .prints("\"{} {} {} {}\", env!(\"OWN\"), env!(\"SHARED\"), env!(\"BOTH\"), cfg!(shared)");
    assert_eq!(case.said(), "own shared own true\n");
}

/// As those of a repository of dotfiles are.
fn a_file_that_is_a_link_to_elsewhere_counts(engine: &'static str) {
    let case = Case::new(engine)
        .file("../dotfiles/own.toml", "[env]\nOWN = \"own\"\n")
        .file(
            "../dotfiles/cargo/config.toml",
            "[env]\nABOVE = \"above\"\n",
        )
        .file("../dotfiles/home.toml", "[env]\nHOME_ = \"home\"\n")
        .file(".cargo/made", "")
        .prints("\"{} {} {}\", env!(\"OWN\"), env!(\"ABOVE\"), env!(\"HOME_\")");
    let outer = case.project.outer();
    let link = |to: &str, at: &Path| symlink(outer.join(to), at).unwrap();
    link(
        "dotfiles/own.toml",
        &case.project.path().join(".cargo/config.toml"),
    );
    link("dotfiles/cargo", &outer.join(".cargo"));
    link("dotfiles/home.toml", &case.home().join("config.toml"));
    assert_eq!(case.said(), "own above home\n");
}

fn the_older_name_wins_over_the_newer(engine: &'static str) {
    let case = Case::new(engine)
        .file("../home/.cargo/config", "[env]\nA = \"old\"\n")
        .file("../home/.cargo/config.toml", "[env]\nA = \"new\"\n")
        .file("../.cargo/config", "[env]\nB = \"old\"\n")
        .file("../.cargo/config.toml", "[env]\nB = \"new\"\n")
        .prints("\"{} {}\", env!(\"A\"), env!(\"B\")");
    assert_eq!(case.plain_cargo(&["run", "--quiet"]), "old old\n");
    assert_eq!(case.said(), "old old\n");
}

fn a_path_override_above_the_workspace_holds(engine: &'static str) {
    let case = Case::new(engine)
        .depends_on_itoa()
        .itoa("lib", "first")
        .itoa("elsewhere/other", "overridden")
        .file(
            "../.cargo/config.toml",
            "paths = [\"elsewhere/other\"]\n[patch.crates-io]\nitoa = { path = \"lib\" }\n",
        );
    fs::remove_file(case.project.path().join("Cargo.lock")).unwrap();
    case.plain_cargo(&["generate-lockfile", "--offline"]);
    let plain = case.plain_cargo(&["run", "--quiet", "--offline"]);
    assert_eq!(case.said(), plain);
}

/// Cargo reads the manifest of a patch that nothing depends on, too.
fn a_patch_of_the_users_own_file_holds_though_it_is_not_used(engine: &'static str) {
    let case = Case::new(engine).itoa("lib", "unused").file(
        "../home/.cargo/config.toml",
        "[patch.crates-io]\nitoa = { path = \"../lib\" }\n",
    );
    assert_eq!(
        case.plain_cargo(&["run", "--quiet", "--offline"]),
        "hello from x86_64\n"
    );
    assert_eq!(case.said(), "hello from aarch64\n");
}

/// On the host it may need what an environment does not have.
fn a_runner_of_the_host_is_not_used_and_the_plan_says_so(engine: &'static str) {
    for (key, table) in [
        (
            "target.x86_64-unknown-linux-gnu.runner",
            "target.x86_64-unknown-linux-gnu",
        ),
        ("target.'cfg(all())'.runner", "target.'cfg(all())'"),
    ] {
        let text = format!("[{table}]\nrunner = \"no-such-runner -E\"\n");
        for path in [
            ".cargo/config.toml",
            "../.cargo/config.toml",
            "../home/.cargo/config.toml",
        ] {
            let case = Case::new(engine).file(path, &text);
            let file = fs::canonicalize(case.project.path().join(path)).unwrap();
            let warnings = case.warnings(NATIVE);
            assert_eq!(warnings.len(), 1, "{path}: {warnings:?}");
            assert!(warnings[0].contains(&format!("`{key}`")), "{}", warnings[0]);
            assert!(
                warnings[0].contains(file.to_str().unwrap()),
                "{}",
                warnings[0]
            );
            assert_eq!(case.run(&case.cross(), NATIVE), "hello from x86_64\n");
            let (said, _) = case.types(&format!("run --quiet --target {NATIVE}"));
            assert_eq!(said, "hello from x86_64\n");
        }
    }
}

/// Cargo takes the programs of a table only if its condition holds for the target.
fn a_condition_that_does_not_hold_names_nothing(engine: &'static str) {
    let text = "[target.'cfg(windows)']\nrunner = \"wine\"\nlinker = \"link\"\n\
                [target.'cfg(all(unix, target_arch = \"aarch64\"))']\nlinker = \"arm\"\n\
                [target.'cfg(not(target_env = \"musl\"))']\nrunner = \"sudo\"\n";
    for path in [".cargo/config.toml", "../home/.cargo/config.toml"] {
        let case = Case::new(engine).file(path, text);
        let [arm, native] = [TARGET, NATIVE].map(|target| case.warnings(target).join("\n"));
        assert!(
            arm.contains("aarch64") && arm.contains("musl"),
            "{path}: {arm}"
        );
        assert!(
            !native.contains("aarch64") && native.contains("musl"),
            "{path}: {native}"
        );
        assert!(![arm, native].iter().any(|it| it.contains("windows")));
    }
}

fn programs_of_the_host_are_named_wherever_they_are_configured(engine: &'static str) {
    let text = "[build]\nrustc-wrapper = \"WRAPPER\"\nrustc = \"/no/rustc\"\nbuild-dir = \"/no/dir\"\n\
                [target.aarch64-unknown-linux-gnu]\nlinker = \"/no/linker\"\n\
                [target.other]\nlinker = \"not of this target\"\n";
    for path in [".cargo/config.toml", "../home/.cargo/config"] {
        let mut case = Case::new(engine).file("../wrapper", "#!/bin/sh\nexec \"$@\"\n");
        let wrapper = case.project.outer().join("wrapper");
        fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
        case = case.file(path, &text.replace("WRAPPER", wrapper.to_str().unwrap()));
        let warnings = case.warnings(TARGET).join("\n");
        for key in [
            "build.rustc-wrapper",
            "build.rustc",
            "build.build-dir",
            "target.aarch64-unknown-linux-gnu.linker",
        ] {
            assert!(warnings.contains(&format!("`{key}`")), "{path}: {warnings}");
        }
        assert!(!warnings.contains("other"), "{warnings}");
        assert_eq!(case.run(&case.cross(), TARGET), "hello from aarch64\n");
    }
}

fn a_target_directory_that_is_used_is_not_named(engine: &'static str) {
    let case = Case::new(engine).file(".cargo/config.toml", "[build]\ntarget-dir = \"made\"\n");
    assert_eq!(case.warnings(TARGET), [""; 0]);
    let (_, errors) = case.types(&format!("build --target {TARGET}"));
    assert!(!errors.contains("target-dir"), "{errors}");
    let made = case.project.path().join("made").join(TARGET);
    assert!(made.join("debug/app").is_file());
}

/// Cargo reads the files of the directory that it is called in, not those of the manifest's.
fn the_directory_of_the_request_decides_which_files_count(engine: &'static str) {
    let case = Case::new(engine)
        .file(".cargo/config.toml", "[env]\nA = \"root\"\n")
        .file(
            "src/.cargo/config.toml",
            "[env]\nA = \"src\"\n[target.'cfg(all())']\nrunner = \"no-such\"\n",
        )
        .file(
            "../elsewhere/.cargo/config.toml",
            "[env]\nA = \"elsewhere\"\n",
        )
        .prints("\"{}\", env!(\"A\")");
    let path = case.project.path();
    let below = case.cross_at(&path.join("src"));
    assert_eq!(case.run(&below, TARGET), "src\n");
    assert_eq!(case.run(&case.cross(), TARGET), "root\n");
    let elsewhere = case.cross_at(&case.project.outer().join("elsewhere"));
    let elsewhere = elsewhere.manifest_path(path.join("Cargo.toml"));
    assert_eq!(case.run(&elsewhere, TARGET), "elsewhere\n");
}

fn tokens_stay_outside_and_are_named(engine: &'static str) {
    let case = Case::new(engine)
        .file(
            "../home/.cargo/config.toml",
            "[registries.mine]\nindex = \"sparse+https://me:s3cret@127.0.0.1:1/\"\ntoken = \"s3cret\"\n\
             [http]\nproxy = \"http://me:s3cret@127.0.0.1:1\"\n\
             [env]\nDEPLOY_TOKEN = \"s3cret\"\nPLAIN = \"plain\"\n",
        )
        .file(
            "build.rs",
            "fn main() {\n\
                 let home = std::env::var(\"CARGO_HOME\").unwrap();\n\
                 let text = std::fs::read_to_string(home + \"/config.toml\").unwrap();\n\
                 assert!(text.contains(\"127.0.0.1\") && !text.contains(\"s3cret\"));\n\
                 assert!(std::env::var(\"DEPLOY_TOKEN\").is_err());\n\
             }\n",
        )
        .prints("\"{}\", env!(\"PLAIN\")");
    let warnings = case.warnings(TARGET).join("\n");
    for key in ["registries.mine.token", "http.proxy", "env.DEPLOY_TOKEN"] {
        assert!(warnings.contains(&format!("`{key}`")), "{warnings}");
    }
    assert!(!warnings.contains("s3cret"));
    assert_eq!(case.said(), "plain\n");
}

/// The answers of probes are remembered, and the home is not above the project.
fn a_changed_file_of_the_user_counts_at_once(engine: &'static str) {
    let mut case = Case::new(engine).prints("\"{}\", env!(\"A\")");
    for word in ["first", "second"] {
        let text = format!("include = [\"more.toml\"]\n[env]\nA = \"{word}\"\n");
        case = case
            .file("../home/.cargo/config.toml", &text)
            .file("../home/.cargo/more.toml", "");
        assert_eq!(case.run(&case.cross(), TARGET), format!("{word}\n"));
    }
    let itoa = "[patch.crates-io]\nitoa = { path = \"../lib\" }\n";
    case = case.depends_on_itoa().itoa("lib", "patched");
    fs::remove_file(case.project.path().join("Cargo.lock")).unwrap();
    case = case.file("../home/.cargo/more.toml", itoa);
    assert_eq!(case.run(&case.cross(), TARGET), "patched\n");
}
