//! Checks that an artifact runs with the glibc floor that the request names.

use std::path::Path;

use cross_engine::process::untrusted::RegularFile;
use cross_targets::GlibcVersion;

use crate::host::binary::{self, Binary};
use crate::model::error::{Error, ErrorKind, Result};

/// The usual causes of a symbol newer than the glibc that Zig links with.
const HELP: &str = "Zig links with the requested glibc, so a newer symbol comes from code that was compiled \
    elsewhere: usually a static library, from a package of the suite or from the project itself, or a \
    build script that links with the environment's own libraries. Build that code from source for this \
    target, or request a newer glibc";

/// The oldest glibc that `file` starts with. `None` where it needs none, is no ELF file, or
/// cannot be understood.
pub(crate) fn of(file: &RegularFile) -> Option<GlibcVersion> {
    binary::read_if_elf(file).ok().flatten()?.glibc
}

/// Whether `file`, which is display_path as `display_path`, starts with `floor`.
///
/// # Errors
///
/// [`ErrorKind::GlibcFloor`] where it needs a newer one, with every symbol that does.
pub(crate) fn check(file: &RegularFile, display_path: &Path, floor: GlibcVersion) -> Result<()> {
    match binary::read_if_elf(file)? {
        Some(binary) if !binary.runs_on(floor) => Err(exceeded(&binary, display_path, floor)),
        _ => Ok(()),
    }
}

fn exceeded(binary: &Binary, display_path: &Path, floor: GlibcVersion) -> Error {
    let needed = binary.glibc.map_or(String::new(), |it| it.to_string());
    let symbols: Vec<_> = binary
        .needs_beyond(floor)
        .map(|symbol| format!("{} ({})", symbol.name, symbol.version))
        .collect();
    let message = format!(
        "`{}` needs glibc {needed}, but {floor} was requested: {}",
        display_path.display(),
        symbols.join(", ")
    );
    Error::new(ErrorKind::GlibcFloor, message).with_help(HELP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::process::untrusted::Dir;

    fn open(path: &Path) -> RegularFile {
        let dir = Dir::open(path.parent().unwrap()).unwrap();
        dir.file(path.file_name().unwrap()).unwrap()
    }

    #[cfg(target_os = "linux")]
    fn manifest() -> RegularFile {
        Dir::open(".").unwrap().file("Cargo.toml").unwrap()
    }

    #[cfg(target_os = "linux")]
    /// This test program: `std` uses symbols of several versions of glibc.
    fn program() -> std::path::PathBuf {
        std::env::args_os().next().unwrap().into()
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn every_symbol_beyond_the_floor_is_named_with_its_version() {
        let binary = Binary::read(program()).unwrap();
        let floor = GlibcVersion::new(2, 17);
        let beyond: Vec<_> = binary.needs_beyond(floor).collect();
        let versions = beyond.iter().map(|symbol| symbol.version);
        let versions: std::collections::BTreeSet<_> = versions.collect();
        assert!(versions.len() > 1, "not only the newest: {versions:?}");
        let error = check(&open(&program()), Path::new("/w/app"), floor).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GlibcFloor);
        let message = error.to_string();
        let needed = binary.glibc.as_ref().unwrap();
        let start = format!("`/w/app` needs glibc {needed}, but 2.17 was requested: ");
        assert!(message.starts_with(&start), "{message}");
        for symbol in beyond {
            let listed = format!("{} ({})", symbol.name, symbol.version);
            assert!(message.contains(&listed), "{listed}: {message}");
        }
        assert!(error.help().unwrap().contains("static library"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_file_that_is_old_enough_or_not_elf_passes() {
        check(
            &open(&program()),
            Path::new("app"),
            GlibcVersion::new(2, 99),
        )
        .unwrap();
        check(
            &manifest(),
            Path::new("Cargo.toml"),
            GlibcVersion::new(2, 0),
        )
        .unwrap();
        assert_eq!(of(&manifest()), None);
        assert_eq!(
            of(&open(&program())),
            Binary::read(program()).unwrap().glibc
        );
    }

    #[test]
    fn a_damaged_program_does_not_pass() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app");
        std::fs::write(&path, b"\x7fELF and no more").unwrap();
        assert_eq!(of(&open(&path)), None);
        let error = check(&open(&path), &path, GlibcVersion::new(2, 17)).unwrap_err();
        assert!(error.to_string().contains("not an ELF file"), "{error}");
    }
}
