//! What an environment does without: what no build reads, and what cannot run in it.

use crate::facts::debian_arch::DebianArch;

/// Manuals and translations; licences stay, as in Debian's slim images.
const UNREAD: [&str; 6] = [
    "/usr/share/man/*",
    "/usr/share/locale/*",
    "/usr/share/info/*",
    "/usr/share/doc/*",
    "!/usr/share/doc/*/copyright",
    "/usr/share/cmake-*/Help/*",
];

/// What no build calls: printers of GCC's intermediate code (60 MB), profilers, CMake's tester and
/// packager (20 MB).
const UNCALLED: [&str; 6] = [
    "/usr/bin/*lto-dump*",
    "/usr/bin/*dwp",
    "/usr/bin/*gp-*",
    "/usr/lib/*gprofng*",
    "/usr/bin/cpack",
    "/usr/bin/ctest",
];

/// The sanitizers' libraries (43 MB), which do not work under an emulator.
const SANITIZERS: [&str; 2] = ["/usr/*/lib*san.a", "/usr/*/lib*san.so*"];

/// The globs that no environment unpacks.
pub(super) fn of_all() -> Vec<String> {
    let globs = UNREAD.iter().chain(&UNCALLED);
    globs.map(|&it| it.to_owned()).collect()
}

/// The globs that are not unpacked; `native` is an environment whose target is its own machine.
/// Those of all come first: what begins with a base takes nothing back of what that is without.
pub(super) fn exclude(build: DebianArch, native: bool) -> Vec<String> {
    let mut globs = of_all();
    if !native {
        globs.extend(SANITIZERS.map(str::to_owned));
        let machine = match build {
            DebianArch::Amd64 => "x86_64-linux-gnu",
            DebianArch::Arm64 => "aarch64-linux-gnu",
        };
        // Build scripts' own C is not optimised at link time (32 MB).
        globs.push(format!("/usr/lib/gcc/{machine}/*/lto1"));
    }
    globs
}

/// Removes the same of the essential packages, and the headers of Perl's interpreter: they are there
/// before dpkg knows what to exclude.
pub(super) fn command() -> String {
    "rm -rf /usr/share/man/* /usr/share/locale/* /usr/share/info/* /usr/lib/*/perl/*/CORE && \
     find /usr/share/doc -type f ! -name copyright -delete"
        .to_owned()
}
