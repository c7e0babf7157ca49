//! Checks that an artifact runs on the oldest version of Apple's system that the request names.

use std::path::Path;

use cross_engine::process::untrusted::RegularFile;
use cross_targets::{SystemVersion, Target};

use crate::host::archive::Member;
use crate::host::mach_o::MachO;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::printable::printable;

/// The usual causes of a newer version than the one that all compilers were told.
const HELP: &str = "compilers and linkers are told the requested version, so a flag of the project names a newer \
    one: `-mmacosx-version-min`, `-target`, or `-platform_version` in RUSTFLAGS, in cargo's configuration or \
    in a build script; or the toolchain's own oldest version is newer, which `rustc --print \
    deployment-target` says. Remove the flag, or request a newer version";

/// The cause where an object of a static library is newer.
const HELP_LIBRARY: &str = "the object, or the flags that it was compiled with, are a build script's or a \
    dependency's: compile it for the version that the variable of Apple's tools says, such as \
    `IPHONEOS_DEPLOYMENT_TARGET`, or request a newer version";

/// The oldest version of its system that `file` runs on: of a universal binary, the newest of its
/// machines', and of a static library, the newest of its objects'. `None` where it does not say it,
/// is of another format, or cannot be understood.
pub(crate) fn of(file: &RegularFile) -> Option<SystemVersion> {
    let mut newest = None;
    let mut see = |one: MachO, _: Option<&Member>| newest = newest.max(one.deployment_target);
    MachO::each(file.as_file(), false, &mut see).ok()?;
    newest
}

/// Whether `file`, which is displayed as `path`, runs on version `floor` of the system of `target`,
/// or on the oldest one that there is for the machine.
///
/// # Errors
///
/// [`ErrorKind::DeploymentTarget`] where it needs a newer version, and [`ErrorKind::Untrusted`] where
/// it is malformed.
pub(crate) fn check(
    file: &RegularFile,
    path: &Path,
    target: Target,
    floor: SystemVersion,
) -> Result<()> {
    let mut found: Option<Newer> = None;
    let mut see = |one: MachO, member: Option<&Member>| {
        let newer = Newer::than(floor, &one, member, target);
        // The newest of all tells what to request.
        let known = found.as_ref().map(|newer| newer.needed);
        if newer.as_ref().map(|newer| newer.needed) > known {
            found = newer;
        }
    };
    let read = MachO::each(file.as_file(), true, &mut see);
    match (read, found) {
        (_, Some(newer)) => Err(newer.error(path, floor)),
        (Ok(()), None) => Ok(()),
        (Err(why), None) => {
            let message = format!(
                "`{}` does not say which version of its system it needs: {why}",
                path.display()
            );
            Err(Error::new(ErrorKind::Untrusted, message))
        }
    }
}

/// What needs a newer version than the requested one.
struct Newer {
    needed: SystemVersion,
    machine: String,
    /// The object, if it is one of a static library: its name, as far as it is known.
    object: Option<Option<String>>,
}

impl Newer {
    /// `None` if `one` runs on `floor`, or on the oldest system that its machine has.
    fn than(
        floor: SystemVersion,
        one: &MachO,
        member: Option<&Member>,
        target: Target,
    ) -> Option<Self> {
        let slice = target.slices().find(|slice| one.is_for(*slice));
        let oldest = slice.and_then(|slice| slice.facts().oldest_system());
        let floor = oldest.map_or(floor, |oldest| floor.max(oldest));
        let needed = one.deployment_target.filter(|needed| *needed > floor)?;
        Some(Newer {
            needed,
            machine: one.machine.clone(),
            object: member.map(|member| member.name.clone()),
        })
    }

    fn error(&self, path: &Path, floor: SystemVersion) -> Error {
        let (object, help) = match &self.object {
            None => (String::new(), HELP),
            Some(None) => ("an object in ".to_owned(), HELP_LIBRARY),
            Some(Some(name)) => (
                format!("the object `{}` in ", printable(name)),
                HELP_LIBRARY,
            ),
        };
        let message = format!(
            "{object}`{}` needs version {} of its system on {}, but {floor} was requested",
            path.display(),
            self.needed,
            self.machine
        );
        Error::new(ErrorKind::DeploymentTarget, message).with_help(help)
    }
}

#[cfg(test)]
mod tests {
    use object::macho;

    use super::*;
    use crate::host::archive::tests::archive;

    /// A program that says this version.
    fn program(packed: u32) -> Vec<u8> {
        let header = [macho::MH_MAGIC_64, macho::CPU_TYPE_ARM64, 0, 2, 1, 24, 0, 0];
        let command = [macho::LC_BUILD_VERSION, 24, 1, packed, 0x000e_0000, 0];
        let numbers = header.into_iter().chain(command);
        numbers.flat_map(u32::to_le_bytes).collect()
    }

    /// A universal binary of these files.
    fn universal(files: [(u32, &[u8]); 2]) -> Vec<u8> {
        let mut header = vec![macho::FAT_MAGIC, 2];
        let mut at = 64;
        let mut contents: Vec<u8> = Vec::new();
        for (cpu, file) in files {
            let length = u32::try_from(file.len()).unwrap();
            header.extend([cpu, 0, at, length, 3]);
            contents.extend(file);
            at += length;
        }
        let mut bytes: Vec<u8> = header.into_iter().flat_map(u32::to_be_bytes).collect();
        bytes.resize(64, 0);
        bytes.extend(contents);
        bytes
    }

    #[test]
    fn a_newer_version_is_refused_by_number_and_not_by_text() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app");
        for (packed, floor, is_refused) in [
            (0x000b_0000, "11.0", false),
            (0x000b_0001, "11.0", true),
            (0x000a_0f00, "11.0", false),
            (0x000b_0000, "10.9", false),
            (0x000c_0000, "9.0", true),
            (0x000c_0000, "11.9", true),
        ] {
            std::fs::write(&path, program(packed)).unwrap();
            let file = RegularFile::open(&path).unwrap();
            let target = Target::parse("aarch64-apple-darwin").unwrap();
            let checked = check(&file, Path::new("/w/app"), target, floor.parse().unwrap());
            assert_eq!(checked.is_err(), is_refused, "{packed:x} {floor}");
            if let Err(error) = checked {
                assert_eq!(error.kind(), ErrorKind::DeploymentTarget);
                let message = error.to_string();
                assert!(message.starts_with("`/w/app` needs version 1"), "{message}");
                assert!(message.ends_with(" was requested"), "{message}");
            }
        }
    }

    #[test]
    fn a_universal_binary_needs_the_newest_of_its_machines_versions() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two] = [program(0x000a_0c00), program(0x000b_0000)];
        let bytes = universal([
            (macho::CPU_TYPE_X86_64, &one),
            (macho::CPU_TYPE_ARM64, &two),
        ]);
        let path = dir.path().join("app");
        std::fs::write(&path, &bytes).unwrap();
        let file = RegularFile::open(&path).unwrap();
        assert_eq!(of(&file), Some(SystemVersion::new(11, 0, 0)));
        assert_eq!(MachO::read_all(&path).unwrap().len(), 2);
        let error = MachO::read(&path).unwrap_err().to_string();
        assert!(error.contains("for several machines"), "{error}");
    }

    /// What `check` says of a static library for phones with these members.
    fn checked(bytes: &[u8], floor: &str) -> Result<()> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("libapp.a");
        std::fs::write(&path, bytes).unwrap();
        let file = RegularFile::open(&path).unwrap();
        let target = Target::parse("aarch64-apple-ios").unwrap();
        check(&file, Path::new("libapp.a"), target, floor.parse().unwrap())
    }

    #[test]
    fn the_objects_of_a_static_library_are_checked_one_by_one() {
        let [std, own, newer] = [0x000a_0000, 0x000b_0000, 0x0011_0000].map(program);
        // Symbols, bitcode and notes say nothing.
        let honest = [
            ("__.SYMDEF", &b"tab"[..]),
            ("notes.txt", b"notes"),
            ("std.o", &std),
            ("own.o", &own),
        ];
        checked(&archive(&honest), "11.0").unwrap();
        let all = [&honest[..], &[("newer.o", &newer), ("std.o", &std)]].concat();
        let error = checked(&archive(&all), "11.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::DeploymentTarget);
        let said = error.to_string();
        assert_eq!(
            said,
            "the object `newer.o` in `libapp.a` needs version 17.0 of its system on arm64, but \
             11.0 was requested"
        );
        checked(&archive(&all), "17.0").unwrap();
    }

    #[test]
    fn a_static_library_for_several_machines_is_checked_in_each() {
        let library = archive(&[("newer.o", &program(0x000c_0000))]);
        let bytes = universal([
            (macho::CPU_TYPE_ARM64, &library),
            (macho::CPU_TYPE_X86_64, &library),
        ]);
        assert!(checked(&bytes, "11.0").is_err());
        checked(&bytes, "12.0").unwrap();
    }

    #[test]
    fn the_version_of_a_static_library_is_that_of_its_newest_object() {
        let (old, new) = (program(0x000a_0000), program(0x000b_0000));
        let read = |members: &[(&str, &[u8])]| {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("libapp.a");
            std::fs::write(&path, archive(members)).unwrap();
            of(&RegularFile::open(&path).unwrap())
        };
        let found = read(&[("__.SYMDEF", b""), ("new.o", &new), ("old.o", &old)]);
        assert_eq!(found, Some(SystemVersion::new(11, 0, 0)));
        // A library of another system is not read to its end.
        assert_eq!(read(&[("elf.o", b"\x7fELF"), ("new.o", &new)]), None);
    }

    #[test]
    fn a_malformed_static_library_is_an_error() {
        let mut bytes = archive(&[("own.o", &program(0x000b_0000))]);
        bytes.truncate(bytes.len() - 2);
        let error = checked(&bytes, "11.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
        let mut object = program(0x000b_0000);
        object[36] = 0xff;
        let error = checked(&archive(&[("own.o", &object)]), "11.0").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted, "{error}");
    }

    #[test]
    fn what_is_no_program_passes() {
        let file = RegularFile::open("Cargo.toml").unwrap();
        let target = Target::parse("aarch64-apple-ios").unwrap();
        let path = Path::new("Cargo.toml");
        check(&file, path, target, SystemVersion::new(1, 0, 0)).unwrap();
    }
}
