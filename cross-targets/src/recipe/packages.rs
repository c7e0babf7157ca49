//! Names of Debian packages, and those that every environment has.

/// What every environment has: to compile and run build scripts and the C they build, and to
/// verify what is fetched.
/// CMake and Perl are what C libraries are built with that crates bring along: zlib-ng, AWS-LC, OpenSSL.
pub(super) const BASE: [&str; 7] = [
    "ca-certificates",
    "cmake",
    "gcc",
    "libc6-dev",
    "make",
    "perl",
    "pkg-config",
];

/// `name` or `name=version` with the architecture where apt wants it.
pub(super) fn with_arch(package: &str, arch: &str) -> String {
    let (name, version) = package.split_at(package.find('=').unwrap_or(package.len()));
    if name.contains(':') {
        package.to_owned()
    } else {
        format!("{name}:{arch}{version}")
    }
}
