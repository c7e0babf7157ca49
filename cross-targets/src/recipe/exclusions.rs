//! Files of packages that environments do not need.

use crate::facts::debian_arch::DebianArch;

/// Manuals and translations. Licences stay, as in Debian's slim images.
const DOCUMENTATION: [&str; 6] = [
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/doc/*",
    "!/usr/share/doc/*/copyright",
    "/usr/share/cmake-*/Help/*",
];

/// Programs that builds do not call: dumpers of GCC's intermediate code (60 MB), profilers, and
/// CMake's test and packaging tools (20 MB).
const UNUSED_PROGRAMS: [&str; 6] = [
    "/usr/bin/*lto-dump*",
    "/usr/bin/*dwp",
    "/usr/bin/*gp-*",
    "/usr/lib/*gprofng*",
    "/usr/bin/cpack",
    "/usr/bin/ctest",
];

/// The sanitizer libraries (43 MB), which do not work under an emulator.
const SANITIZERS: [&str; 2] = ["/usr/*/lib*san.a", "/usr/*/lib*san.so*"];

/// The globs that every environment excludes.
pub(super) fn common_globs() -> Vec<String> {
    let globs = DOCUMENTATION.iter().chain(&UNUSED_PROGRAMS);
    globs.map(|&glob| glob.to_owned()).collect()
}

/// The globs that an environment excludes; `native` means that its target is the build machine. The
/// common globs come first, because an environment that starts from the base cannot restore what
/// the base excludes.
pub(super) fn exclude(build: DebianArch, native: bool) -> Vec<String> {
    let mut globs = common_globs();
    if !native {
        globs.extend(SANITIZERS.map(str::to_owned));
        let machine = match build {
            DebianArch::Amd64 => "x86_64-linux-gnu",
            DebianArch::Arm64 => "aarch64-linux-gnu",
        };
        // C code of build scripts is not optimised at link time (32 MB).
        globs.push(format!("/usr/lib/gcc/{machine}/*/lto1"));
    }
    globs
}

/// Removes the same files of essential packages, and Perl's headers. These packages are installed
/// before dpkg knows the exclusions.
pub(super) fn command() -> String {
    "rm -rf /usr/share/man/* /usr/share/locale/* /usr/share/info/* /usr/lib/*/perl/*/CORE && \
     find /usr/share/doc -type f ! -name copyright -delete"
        .to_owned()
}
