//! Checks that an artifact runs on the oldest version of Apple's system that the request names.

use std::path::Path;

use cross_engine::process::untrusted::RegularFile;
use cross_targets::{SystemVersion, Target};

use crate::host::mach_o::MachO;
use crate::model::error::{Error, ErrorKind, Result};

/// The usual causes of a newer version than the one that all compilers were told.
const HELP: &str = "compilers and linkers are told the requested version, so a flag of the project names a newer \
    one: `-mmacosx-version-min`, `-target`, or `-platform_version` in RUSTFLAGS, in cargo's configuration or \
    in a build script. Remove it, or request a newer version";

/// The oldest version of its system that `file` runs on; of a universal binary, the newest of its
/// machines'. `None` where it does not say it, is no Mach-O file, or cannot be understood.
pub(crate) fn of(file: &RegularFile) -> Option<SystemVersion> {
    let all = MachO::read_file(file.as_file()).ok()?;
    all.iter().filter_map(|one| one.deployment_target).max()
}

/// Whether `file`, which is displayed as `path`, runs on version `floor` of the system of `target`,
/// or on the oldest one that there is for the machine.
///
/// # Errors
///
/// [`ErrorKind::DeploymentTarget`] where it needs a newer version.
pub(crate) fn check(
    file: &RegularFile,
    path: &Path,
    target: Target,
    floor: SystemVersion,
) -> Result<()> {
    for one in MachO::read_file(file.as_file()).unwrap_or_default() {
        let slice = target.slices().find(|slice| one.is_for(*slice));
        let oldest = slice.and_then(|slice| slice.facts().oldest_system());
        let floor = oldest.map_or(floor, |oldest| floor.max(oldest));
        if let Some(needed) = one.deployment_target.filter(|needed| *needed > floor) {
            let message = format!(
                "`{}` needs version {needed} of its system on {}, but {floor} was requested",
                path.display(),
                one.machine
            );
            return Err(Error::new(ErrorKind::DeploymentTarget, message).with_help(HELP));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use object::macho;

    use super::*;

    /// A program that says this version.
    fn program(packed: u32) -> Vec<u8> {
        let header = [macho::MH_MAGIC_64, macho::CPU_TYPE_ARM64, 0, 2, 1, 24, 0, 0];
        let command = [macho::LC_BUILD_VERSION, 24, 1, packed, 0x000e_0000, 0];
        let numbers = header.into_iter().chain(command);
        numbers.flat_map(u32::to_le_bytes).collect()
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
        let entries = [(64, one.len()), (256, two.len())];
        let mut bytes: Vec<u8> = [macho::FAT_MAGIC, 2]
            .into_iter()
            .flat_map(u32::to_be_bytes)
            .collect();
        for (cpu, (offset, length)) in [macho::CPU_TYPE_X86_64, macho::CPU_TYPE_ARM64]
            .iter()
            .zip(entries)
        {
            let entry = [*cpu, 0, offset, u32::try_from(length).unwrap(), 3];
            bytes.extend(entry.into_iter().flat_map(u32::to_be_bytes));
        }
        bytes.resize(64, 0);
        bytes.extend(one);
        bytes.resize(256, 0);
        bytes.extend(two);
        let path = dir.path().join("app");
        std::fs::write(&path, &bytes).unwrap();
        let file = RegularFile::open(&path).unwrap();
        assert_eq!(of(&file), Some(SystemVersion::new(11, 0, 0)));
        assert_eq!(MachO::read_all(&path).unwrap().len(), 2);
        let error = MachO::read(&path).unwrap_err().to_string();
        assert!(error.contains("for several machines"), "{error}");
    }

    #[test]
    fn what_is_no_program_passes() {
        let file = RegularFile::open("Cargo.toml").unwrap();
        let target = Target::parse("aarch64-apple-ios").unwrap();
        let path = Path::new("Cargo.toml");
        check(&file, path, target, SystemVersion::new(1, 0, 0)).unwrap();
    }
}
