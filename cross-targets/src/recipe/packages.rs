//! Debian package names, and the packages of every environment.

/// The packages of every environment. They compile and run build scripts and the C code that these
/// build, and verify downloads. CMake and Perl build bundled C libraries such as zlib-ng, AWS-LC
/// and OpenSSL.
pub(super) const BASE: [&str; 7] = [
    "ca-certificates",
    "cmake",
    "gcc",
    "libc6-dev",
    "make",
    "perl",
    "pkg-config",
];

/// The packages of environments whose `pre-build` or Dockerfile runs commands of the user's. The
/// images of `cross` have these programs, and such commands rely on them. They take 64 MB, most of
/// it Git, so other environments do without.
pub(super) const FOR_COMMANDS: [&str; 9] = [
    "autoconf", "automake", "curl", "file", "git", "libtool", "unzip", "wget", "xz-utils",
];

/// Adds the architecture to `name` or `name=version`, in apt's syntax.
pub(super) fn with_arch(package: &str, arch: &str) -> String {
    let (name, version) = package.split_at(package.find('=').unwrap_or(package.len()));
    if name.contains(':') {
        package.to_owned()
    } else {
        format!("{name}:{arch}{version}")
    }
}
