//! A cargo project in a temporary directory.

use std::fs;
use std::path::{Path, PathBuf};

use cross_core::{Cross, Env};

use crate::ambient;
use crate::recorder::Recorder;

/// A cargo project, which is removed when dropped.
#[derive(Debug)]
pub struct Project {
    temporary: tempfile::TempDir,
    path: PathBuf,
    recorder: Recorder,
}

impl Project {
    /// Creates a binary package `name` that prints `hello from <architecture>`, in a directory of
    /// the same name. It has a `Cargo.lock` and no dependencies.
    pub fn new(name: &str) -> Self {
        Project::in_dir(name, name)
    }

    /// Creates the package in a directory called `dir`, which may have any characters or be a path
    /// of several directories. `dir` is below a temporary directory, see [`outer`](Project::outer).
    pub fn in_dir(name: &str, dir: &str) -> Self {
        Project::below(&ambient::temporary(), name, dir)
    }

    /// Creates the package below the existing directory `parent`.
    pub fn below(parent: &Path, name: &str, dir: &str) -> Self {
        let temporary = tempfile::Builder::new()
            .prefix("cross-test-")
            .tempdir_in(parent)
            .unwrap();
        let project = Project {
            path: temporary.path().join(dir),
            temporary,
            recorder: Recorder::default(),
        };
        project
            .file("Cargo.toml", &manifest(name))
            .file("Cargo.lock", &lock(&[name]))
            .file("src/main.rs", MAIN)
    }

    /// Writes or replaces a file of the project. `path` may lead out of the project by `..`, as far
    /// as the temporary directory.
    #[must_use]
    pub fn file(self, path: &str, text: &str) -> Self {
        let path = self.path.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        self
    }

    /// Removes a file of the project.
    #[must_use]
    pub fn without(self, path: &str) -> Self {
        fs::remove_file(self.path.join(path)).unwrap();
        self
    }

    /// Writes the `Cross.toml`.
    #[must_use]
    pub fn cross_toml(self, text: &str) -> Self {
        self.file("Cross.toml", text)
    }

    /// Makes the project a workspace: the package, a member library `member` that it uses, and a
    /// path dependency `beside` outside of the workspace.
    #[must_use]
    pub fn with_member_and_path_dependency(self) -> Self {
        let name = self.path.file_name().unwrap().to_str().unwrap().to_owned();
        let root = manifest(&name)
            + "\n[workspace]\nmembers = [\"member\"]\n\n[dependencies]\n\
               member = { path = \"member\" }\nbeside = { path = \"../beside\" }\n";
        let mut locked = lock(&["beside", "member"]);
        locked += &format!(
            "\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n\
             dependencies = [\n \"beside\",\n \"member\",\n]\n"
        );
        self.file("Cargo.toml", &root)
            .file("Cargo.lock", &locked)
            .file("member/Cargo.toml", &manifest("member"))
            .file("member/src/lib.rs", "pub fn member() -> u32 { 1 }\n")
            .file("../beside/Cargo.toml", &manifest("beside"))
            .file("../beside/src/lib.rs", "pub fn beside() -> u32 { 2 }\n")
            .file(
                "src/main.rs",
                "fn main() { println!(\"{}\", member::member() + beside::beside()); }\n\
                 #[test]\nfn sum() { assert_eq!(member::member() + beside::beside(), 3); }\n",
            )
    }

    /// Returns the directory of the project.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the temporary directory around the project.
    pub fn outer(&self) -> &Path {
        self.temporary.path()
    }

    /// Returns the recorder of [`cross`](Project::cross).
    pub fn recorder(&self) -> &Recorder {
        &self.recorder
    }

    /// Returns the library for this project on the real machine, with the distribution's Rust. The
    /// [`recorder`](Project::recorder) hears its events. See [`real_env`].
    pub fn cross(&self) -> Cross {
        let cross = Cross::at(&self.path).env(real_env()).toolchain("image");
        self.recorder.hear(cross)
    }
}

/// Returns the machine's variables without the configuration of the library, without those that the
/// outer cargo sets, and without those that move a target directory.
///
/// `CROSS_CACHE_DIR` stays, because it names the directory of the existing environments.
pub fn real_env() -> Env {
    let is_ours = |name: &str| name.starts_with("CROSS_") && name != "CROSS_CACHE_DIR";
    let is_cargos = |name: &str| {
        name == "CARGO"
            || name.starts_with("CARGO_") && name != "CARGO_HOME" && !name.starts_with("CARGO_NET_")
    };
    let others = [
        "RUSTUP_TOOLCHAIN",
        "RUSTC",
        "RUSTFLAGS",
        "OUT_DIR",
        "LD_LIBRARY_PATH",
    ];
    ambient::variables()
        .filter(|(name, _)| {
            let name = name.to_string_lossy();
            !(is_ours(&name) || is_cargos(&name) || others.contains(&name.as_ref()))
        })
        .collect()
}

const MAIN: &str = "fn main() {
    println!(\"hello from {}\", std::env::consts::ARCH);
}

#[test]
fn passes() {}
";

fn manifest(name: &str) -> String {
    format!("[package]\nname = \"{name}\"\nversion = \"0.1.0\"\nedition = \"2021\"\n")
}

fn lock(names: &[&str]) -> String {
    let packages = names
        .iter()
        .map(|name| format!("\n[[package]]\nname = \"{name}\"\nversion = \"0.1.0\"\n"));
    "version = 3\n".to_owned() + &packages.collect::<String>()
}
