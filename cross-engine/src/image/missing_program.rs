//! Programs that the output of a command reports as missing, and the Debian packages that have
//! them.

/// Programs that builds call, each with its package where that has another name.
const PACKAGES: [(&str, &str); 45] = [
    ("aclocal", "automake"),
    ("add-apt-repository", "software-properties-common"),
    ("autoconf", "autoconf"),
    ("automake", "automake"),
    ("autoreconf", "autoconf"),
    ("bash", "bash"),
    ("bison", "bison"),
    ("bzip2", "bzip2"),
    ("c++", "g++"),
    ("clang", "clang"),
    ("cmake", "cmake"),
    ("curl", "curl"),
    ("dpkg-architecture", "dpkg-dev"),
    ("file", "file"),
    ("flex", "flex"),
    ("g++", "g++"),
    ("gcc", "gcc"),
    ("gdb", "gdb"),
    ("git", "git"),
    ("gpg", "gpg"),
    ("jq", "jq"),
    ("libtool", "libtool-bin"),
    ("libtoolize", "libtool"),
    ("lsb_release", "lsb-release"),
    ("m4", "m4"),
    ("make", "make"),
    ("meson", "meson"),
    ("nasm", "nasm"),
    ("ninja", "ninja-build"),
    ("patch", "patch"),
    ("pip", "python3-pip"),
    ("pip3", "python3-pip"),
    ("pkg-config", "pkg-config"),
    ("protoc", "protobuf-compiler"),
    ("python3", "python3"),
    ("rsync", "rsync"),
    ("ssh", "openssh-client"),
    ("sudo", "sudo"),
    ("tclsh", "tcl"),
    ("unzip", "unzip"),
    ("wget", "wget"),
    ("xz", "xz-utils"),
    ("yasm", "yasm"),
    ("zip", "zip"),
    ("zstd", "zstd"),
];

/// What a shell, `env` or make print after the name of a program that they cannot find.
const NOT_FOUND: [&str; 3] = [
    ": not found",
    ": command not found",
    ": No such file or directory",
];

/// The remedy for a failed command of the user's, if the last of its `lines` that says so names a
/// program that is missing. `in_recipe` is whether the key `packages` applies.
pub(crate) fn remedy<'a>(
    lines: impl DoubleEndedIterator<Item = &'a str>,
    in_recipe: bool,
) -> Option<String> {
    let program = lines.rev().find_map(missing)?;
    if program.contains('/') {
        return Some(format!(
            "commands do not see the project, and so not `{program}`: a script of the project is \
             named by `pre-build = \"PATH\"` alone, not in a list or a variable"
        ));
    }
    let package = PACKAGES.iter().find(|(name, _)| *name == program);
    let package = package.map(|(_, package)| *package);
    Some(match (package, in_recipe) {
        (Some(package), true) => format!(
            "`{program}` is not in the environment: add it with `packages = \
             [\"{package}:native\"]` in Cross.toml"
        ),
        (None, true) => format!(
            "`{program}` is not in the environment: add the Debian package that has it with \
             `packages = [\"PACKAGE:native\"]` in Cross.toml"
        ),
        (Some(package), false) => format!(
            "`{program}` is not in the image: install it before, in Debian and Ubuntu with \
             `apt-get update && apt-get install --assume-yes {package}`"
        ),
        (None, false) => format!("`{program}` is not in the image: install it before"),
    })
}

/// The program that a line reports as missing: `/cross-pre-build: 3: curl: not found`,
/// `bash: line 1: curl: command not found`, `make: curl: No such file or directory`, or
/// `env: 'python3': No such file or directory`.
fn missing(line: &str) -> Option<&str> {
    let line = line.trim_end();
    let (before, reason) = NOT_FOUND
        .iter()
        .find_map(|end| Some((line.strip_suffix(end)?, *end)))?;
    let (reporter, program) = before.rsplit_once(": ")?;
    // Any program says this of a file. Only these say it of a program.
    let starts_programs = |name: &str| ["env", "make"].contains(&name);
    let reporter = reporter.rsplit('/').next().unwrap_or_default();
    if reason == NOT_FOUND[2] && !starts_programs(reporter) {
        return None;
    }
    let program = program.trim_matches(['\'', '"', '‘', '’', '`']);
    (!program.is_empty() && !program.contains(char::is_whitespace)).then_some(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_is_read_from_what_shells_and_env_print() {
        for line in [
            "/cross-pre-build: 3: curl: not found",
            "sh: 1: curl: not found\n",
            "/bin/sh: 1: curl: not found",
            "/cross-pre-build: line 2: curl: command not found",
            "bash: curl: command not found",
            "make: curl: No such file or directory",
            "env: ‘curl’: No such file or directory",
            "/usr/bin/env: 'curl': No such file or directory",
        ] {
            assert_eq!(missing(line), Some("curl"), "{line}");
        }
        for line in [
            "cat: curl: No such file or directory",
            "E: Package curl not found",
            "not found",
            "error: the file a b: not found",
            "",
        ] {
            assert_eq!(missing(line), None, "{line}");
        }
    }

    #[test]
    fn the_remedy_names_the_package_and_the_key() {
        let of = |line: &str, in_recipe| remedy([line].into_iter(), in_recipe).unwrap();
        for (program, package) in [
            ("curl", "curl"),
            ("xz", "xz-utils"),
            ("ninja", "ninja-build"),
            ("libtool", "libtool-bin"),
        ] {
            let help = of(&format!("sh: 1: {program}: not found"), true);
            let key = format!("`packages = [\"{package}:native\"]`");
            assert!(help.contains(&key), "{help}");
            let help = of(&format!("sh: 1: {program}: not found"), false);
            assert!(help.contains(&format!("--assume-yes {package}`")), "{help}");
        }
        let help = of("sh: 1: frobnicate: not found", true);
        assert!(help.contains("`packages = [\"PACKAGE:native\"]`"), "{help}");
        let help = of("/cross-pre-build: 3: ci/p.sh: not found", true);
        assert!(help.contains("`pre-build = \"PATH\"`"), "{help}");
        assert_eq!(remedy(["it failed"].into_iter(), true), None);
    }

    #[test]
    fn the_programs_are_sorted_and_unique() {
        assert!(PACKAGES.is_sorted_by(|one, next| one.0 < next.0));
    }
}
