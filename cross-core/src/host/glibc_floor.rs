//! The glibc floor that a request names, held against what its artifacts really need.

use std::path::Path;

use cross_engine::untrusted::RegularFile;
use cross_targets::GlibcVersion;

use crate::host::binary::{self, Binary};
use crate::model::error::{Error, ErrorKind, Result};

/// What usually brings a newer symbol into a program that Zig links for an older glibc.
const HELP: &str = "Zig links with the glibc that was asked for: a newer symbol comes from code that was \
    compiled elsewhere, most often a static library of a package of the suite's or one that is kept \
    in the project, or from a build script that names the environment's own libraries. Build that code \
    from source for this target, or ask for a newer glibc";

/// The oldest glibc that `file` starts with. `None` where it needs none, is no ELF file, or
/// cannot be understood.
pub(crate) fn of(file: &RegularFile) -> Option<String> {
    binary::read_if_elf(file).ok().flatten()?.glibc
}

/// Whether `file`, which is shown as `shown`, starts with `floor`.
///
/// # Errors
///
/// [`ErrorKind::GlibcFloor`] where it needs a newer one, with every symbol that does.
pub(crate) fn check(file: &RegularFile, shown: &Path, floor: GlibcVersion) -> Result<()> {
    match binary::read_if_elf(file)? {
        Some(binary) if !binary.runs_on(floor) => Err(exceeded(&binary, shown, floor)),
        _ => Ok(()),
    }
}

fn exceeded(binary: &Binary, shown: &Path, floor: GlibcVersion) -> Error {
    let needed = binary.glibc.as_deref().unwrap_or_default();
    let symbols: Vec<_> = binary
        .needs_beyond(floor)
        .map(|symbol| format!("{} ({})", symbol.name, symbol.version))
        .collect();
    let message = format!(
        "`{}` needs glibc {needed}, and {floor} was asked for: {}",
        shown.display(),
        symbols.join(", ")
    );
    Error::new(ErrorKind::GlibcFloor, message).with_help(HELP)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cross_engine::untrusted::Dir;

    fn open(path: &Path) -> RegularFile {
        let dir = Dir::open(path.parent().unwrap()).unwrap();
        dir.file(path.file_name().unwrap()).unwrap()
    }

    fn manifest() -> RegularFile {
        Dir::open(".").unwrap().file("Cargo.toml").unwrap()
    }

    /// This test program: `std` uses symbols of several versions of glibc.
    fn program() -> std::path::PathBuf {
        std::env::args_os().next().unwrap().into()
    }

    #[test]
    fn every_symbol_beyond_the_floor_is_named_with_its_version() {
        let binary = Binary::read(program()).unwrap();
        let floor = GlibcVersion::new(2, 17);
        let beyond: Vec<_> = binary.needs_beyond(floor).collect();
        let versions: std::collections::BTreeSet<_> =
            beyond.iter().map(|it| it.version.as_str()).collect();
        assert!(versions.len() > 1, "not only the newest: {versions:?}");
        let error = check(&open(&program()), Path::new("/w/app"), floor).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GlibcFloor);
        let said = error.to_string();
        let needed = binary.glibc.as_ref().unwrap();
        let start = format!("`/w/app` needs glibc {needed}, and 2.17 was asked for: ");
        assert!(said.starts_with(&start), "{said}");
        for symbol in beyond {
            let named = format!("{} ({})", symbol.name, symbol.version);
            assert!(said.contains(&named), "{named}: {said}");
        }
        assert!(error.help().unwrap().contains("static library"));
    }

    #[test]
    fn what_is_old_enough_or_no_program_passes() {
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
    fn a_damaged_program_is_not_taken_for_one_that_passes() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("app");
        std::fs::write(&path, b"\x7fELF and no more").unwrap();
        assert_eq!(of(&open(&path)), None);
        let error = check(&open(&path), &path, GlibcVersion::new(2, 17)).unwrap_err();
        assert!(error.to_string().contains("not an ELF file"), "{error}");
    }
}
