//! Debian architectures of build machines.

use std::fmt;

/// The Debian architecture of a build machine, and of the programs in its environments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum DebianArch {
    /// 64-bit x86.
    Amd64,
    /// 64-bit ARM.
    Arm64,
}

impl DebianArch {
    /// Converts Rust's name of the architecture, as in `std::env::consts::ARCH`. `None` for
    /// machines other than `x86_64` and `aarch64`, which recipes do not support.
    pub fn from_rust_arch(arch: &str) -> Option<Self> {
        match arch {
            "x86_64" => Some(DebianArch::Amd64),
            "aarch64" => Some(DebianArch::Arm64),
            _ => None,
        }
    }

    /// Converts Debian's name, which container engines use, too: `amd64` or `arm64`.
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [DebianArch::Amd64, DebianArch::Arm64];
        all.into_iter().find(|arch| arch.as_str() == name)
    }

    /// Rust's name of the architecture: `x86_64` or `aarch64`.
    pub const fn rust_arch(self) -> &'static str {
        match self {
            DebianArch::Amd64 => "x86_64",
            DebianArch::Arm64 => "aarch64",
        }
    }

    /// Debian's name: `amd64` or `arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            DebianArch::Amd64 => "amd64",
            DebianArch::Arm64 => "arm64",
        }
    }
}

impl fmt::Display for DebianArch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
