//! Checks that only the door `cross-engine/src/os` knows which operating system this is.

use std::path::Path;

/// The door.
const DOOR: &str = "cross-engine/src/os";
/// What names a system: paths of the standard library, conditions, crates that are one's own, files
/// of the kernel, and what has another meaning on each.
const NAMES: [&str; 18] = [
    "std::os::",
    "#[cfg(unix",
    "#[cfg(windows",
    "not(unix",
    "not(windows",
    "cfg!(unix",
    "cfg!(windows",
    "target_os",
    "target_family",
    "target_vendor",
    "rustix::",
    "nix::unistd",
    "winapi_util",
    "fs4::",
    "Path::new(\"/proc",
    "read_to_string(\"/proc",
    ".canonicalize(",
    "fs::canonicalize",
];

#[test]
fn one_door_knows_the_operating_system() {
    let mut doors = 0;
    for library in super::LIBRARIES {
        for (path, code) in super::sources(library) {
            if path.starts_with(Path::new(DOOR)) {
                doors += usize::from(NAMES.iter().any(|name| code.contains(name)));
                continue;
            }
            for name in NAMES {
                let at = path.display();
                assert!(!code.contains(name), "{at} has `{name}`: ask {DOOR}");
            }
        }
    }
    assert!(doors > 10, "the door is elsewhere");
}

#[test]
fn each_system_has_the_same_files_in_the_door() {
    let names = |system: &str| {
        let dir = cross_tests::tool::repository().join(DOOR).join(system);
        let entries = std::fs::read_dir(dir).unwrap().flatten();
        let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
        names.sort();
        names
    };
    assert_eq!(names("unix"), names("windows"));
}
