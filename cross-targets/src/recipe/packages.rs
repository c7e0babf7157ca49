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

/// Adds the architecture to `name` or `name=version`, in apt's syntax.
pub(super) fn with_arch(package: &str, arch: &str) -> String {
    let (name, version) = package.split_at(package.find('=').unwrap_or(package.len()));
    if name.contains(':') {
        package.to_owned()
    } else {
        format!("{name}:{arch}{version}")
    }
}
