//! Reads an ELF file's machine, and the oldest glibc it runs with.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;

use cross_engine::process::untrusted::{RegularFile, Room, limits};
use cross_targets::{Endian, GlibcVersion, Target};
use object::elf;
use object::read::elf::{FileHeader, SectionTable, VersionTable};
use object::{Endianness, ReadCache, ReadRef};
use serde::Serialize;

use crate::host::files;
use crate::model::error::{Error, ErrorKind, IoContext as _, Result};
use crate::model::outcome::{shown, version_text};

/// The machine of an ELF file, and the glibc symbols it needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Binary {
    /// The machine, as `e_machine` in the ELF header names it: `EM_AARCH64` is `aarch64`.
    pub machine: String,
    /// The word size: 32 or 64.
    pub bits: u8,
    /// Whether the byte order is little-endian.
    pub little_endian: bool,
    /// The newest `GLIBC_` version among the symbols that the file needs. The file does not run
    /// with an older glibc. `None` if it needs no glibc symbol.
    #[serde(serialize_with = "version_text")]
    pub glibc: Option<GlibcVersion>,
    /// The names of the symbols that need that version.
    pub glibc_symbols: Vec<String>,
    /// Every glibc symbol that the file needs, the oldest version first.
    pub needs: Vec<GlibcSymbol>,
}

/// A glibc symbol that a program needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GlibcSymbol {
    /// The symbol's name.
    pub name: String,
    /// The glibc version of the symbol: `2.34`.
    #[serde(serialize_with = "shown")]
    pub version: GlibcVersion,
}

impl Binary {
    /// Reads the headers and dynamic symbols of the program or library at `path`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not ELF.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = files::open_program(path)?;
        Self::read_file(file.as_file(), path)
    }

    fn read_file(file: &File, path: &Path) -> Result<Self> {
        let data = ReadCache::new(file);
        Self::parse(&data).map_err(|error| {
            Error::new(
                ErrorKind::Io,
                format!("`{}` is not an ELF file: {error}", path.display()),
            )
        })
    }

    pub(crate) fn parse<'data, R: ReadRef<'data>>(data: R) -> Result<Self, String> {
        let data = Bounded(data);
        let parse = || match object::FileKind::parse(data)? {
            object::FileKind::Elf32 => {
                Self::of(elf::FileHeader32::<Endianness>::parse(data)?, data, 32)
            }
            _ => Self::of(elf::FileHeader64::<Endianness>::parse(data)?, data, 64),
        };
        let parsed = parse().map_err(|why: object::read::Error| why.to_string())?;
        parsed.ok_or_else(|| "it has too many symbols".to_owned())
    }

    /// `None` where it needs more symbols than are kept.
    fn of<'data, E, R>(header: &E, data: R, bits: u8) -> object::read::Result<Option<Self>>
    where
        E: FileHeader<Endian = Endianness>,
        R: ReadRef<'data>,
    {
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let mut needs = Vec::new();
        if let Some(versions) = sections.versions(endian, data)? {
            match versioned_symbols(endian, data, &sections, &versions)? {
                Some(found) => needs = found,
                None => return Ok(None),
            }
        }
        needs.sort();
        let newest = needs.last().map(|(version, _)| *version);
        let of_newest = |(version, name): &(GlibcVersion, String)| {
            Some(name.clone()).filter(|_| Some(*version) == newest)
        };
        Ok(Some(Binary {
            machine: machine_name(header.e_machine(endian)),
            bits,
            little_endian: endian == Endianness::Little,
            glibc: newest,
            glibc_symbols: needs.iter().filter_map(of_newest).collect(),
            needs: needs
                .into_iter()
                .map(|(version, name)| GlibcSymbol { name, version })
                .collect(),
        }))
    }

    /// Whether the machine, word size and byte order are those of `target`'s programs.
    pub fn is_for(&self, target: Target) -> bool {
        let facts = target.facts();
        self.machine == elf_machine(facts.arch)
            && u32::from(self.bits) == facts.pointer_width
            && self.little_endian == (facts.endian == Endian::Little)
    }

    /// Whether the file runs with this glibc.
    pub fn runs_on(&self, glibc: GlibcVersion) -> bool {
        self.needs_beyond(glibc).next().is_none()
    }

    /// The glibc symbols that the file needs and this glibc lacks.
    pub fn needs_beyond(&self, glibc: GlibcVersion) -> impl Iterator<Item = &GlibcSymbol> {
        let needs = self.needs.iter();
        needs.filter(move |symbol| symbol.version > glibc)
    }
}

/// What the file says of itself, where it is a program or library of ELF's: an archive is none, and
/// not read.
pub(crate) fn read_if_elf(file: &RegularFile) -> Result<Option<Binary>> {
    let (mut magic, path) = ([0; 4], file.path());
    let mut start = file.as_file();
    start.seek(SeekFrom::Start(0)).on("read", path)?;
    match start.read_exact(&mut magic) {
        Ok(()) if magic == elf::ELFMAG => Binary::read_file(file.as_file(), path).map(Some),
        Ok(()) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error).on("read", path),
    }
}

/// The data of a file whose headers may name tables of any length: no more than a bounded part is
/// read at once.
#[derive(Clone, Copy)]
pub(super) struct Bounded<R>(pub(super) R);

impl<'data, R: ReadRef<'data>> ReadRef<'data> for Bounded<R> {
    fn len(self) -> Result<u64, ()> {
        self.0.len()
    }

    fn read_bytes_at(self, offset: u64, size: u64) -> Result<&'data [u8], ()> {
        match size <= limits::BINARY_TABLE {
            true => self.0.read_bytes_at(offset, size),
            false => Err(()),
        }
    }

    fn read_bytes_at_until(self, range: Range<u64>, delimiter: u8) -> Result<&'data [u8], ()> {
        self.0.read_bytes_at_until(range, delimiter)
    }
}

impl fmt::Display for Binary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = if self.little_endian { "little" } else { "big" };
        write!(f, "{}-bit {order}-endian {}", self.bits, self.machine)?;
        match &self.glibc {
            Some(version) => write!(f, ", glibc {version} or later"),
            None => Ok(()),
        }
    }
}

/// The symbols of the dynamic table that need a version of glibc, with that version; `None` where
/// they are more than are kept.
fn versioned_symbols<'data, E, R>(
    endian: Endianness,
    data: R,
    sections: &SectionTable<'data, E, R>,
    versions: &VersionTable<'data, E>,
) -> object::read::Result<Option<Vec<(GlibcVersion, String)>>>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let mut found = Vec::new();
    // Many symbols may share one long name.
    let mut names = Room::new(limits::SYMBOL_NAMES);
    for (index, symbol) in symbols.enumerate() {
        let needed = versions.version(versions.version_index(endian, index))?;
        let version = needed.and_then(|needed| glibc_version(needed.name()));
        if let Some(version) = version {
            let name = symbols.symbol_name(endian, symbol)?;
            if !names.take(name.len()) {
                return Ok(None);
            }
            found.push((version, String::from_utf8_lossy(name).into_owned()));
        }
    }
    Ok(Some(found))
}

/// Parses `GLIBC_2.17`. `GLIBC_PRIVATE` and `GLIBC_ABI_DT_RELR` are not versions. A number that no
/// glibc has counts as the newest, so that a hostile file does not pass for an old one.
fn glibc_version(name: &[u8]) -> Option<GlibcVersion> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut parts = text.split('.').map(|part| {
        let is_number = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
        is_number.then(|| part.parse().unwrap_or(u16::MAX))
    });
    Some(GlibcVersion::new(parts.next()??, parts.next()??))
}

/// The machine's name, from the constant in the ELF specifications.
fn machine_name(machine: u16) -> String {
    let name = match machine {
        elf::EM_X86_64 => "x86_64",
        elf::EM_386 => "386",
        elf::EM_AARCH64 => "aarch64",
        elf::EM_ARM => "arm",
        elf::EM_PPC64 => "ppc64",
        elf::EM_PPC => "ppc",
        elf::EM_S390 => "s390",
        elf::EM_RISCV => "riscv",
        elf::EM_MIPS => "mips",
        elf::EM_LOONGARCH => "loongarch",
        elf::EM_SPARCV9 => "sparcv9",
        other => return format!("machine {other}"),
    };
    name.to_owned()
}

/// The ELF machine for `arch`, which is a `target_arch` of rustc. ELF uses one number for several
/// architectures that differ in the header's class or flags.
fn elf_machine(arch: &str) -> &str {
    match arch {
        "x86" => "386",
        "powerpc" => "ppc",
        "powerpc64" => "ppc64",
        "s390x" => "s390",
        "riscv32" | "riscv64" => "riscv",
        "mips64" => "mips",
        "loongarch64" => "loongarch",
        "sparc64" => "sparcv9",
        same => same,
    }
}

#[cfg(test)]
mod tests {
    use cross_targets::Level;

    use super::*;

    #[test]
    fn a_binary_matches_a_target_by_machine_word_size_and_byte_order() {
        let binary = |machine: &str, bits, little_endian| Binary {
            machine: machine.to_owned(),
            bits,
            little_endian,
            glibc: None,
            glibc_symbols: Vec::new(),
            needs: Vec::new(),
        };
        let is_for = |binary: &Binary, target| binary.is_for(Target::parse(target).unwrap());
        let ppc64le = binary("ppc64", 64, true);
        assert!(is_for(&ppc64le, "powerpc64le-unknown-linux-gnu"));
        assert!(!is_for(&ppc64le, "powerpc64-unknown-linux-gnu"), "order");
        assert!(!is_for(&ppc64le, "aarch64-unknown-linux-gnu"), "machine");
        let s390x = binary("s390", 64, false);
        assert!(is_for(&s390x, "s390x-unknown-linux-gnu"));
        let mips = binary("mips", 32, false);
        assert!(is_for(&mips, "mips-unknown-linux-gnu"));
        assert!(!is_for(&mips, "mips64-unknown-linux-gnuabi64"), "width");
    }

    #[test]
    fn every_elf_target_with_a_recipe_has_a_known_machine() {
        let known = (0..300).map(machine_name).collect::<Vec<_>>();
        for target in Target::all() {
            let facts = target.facts();
            let is_elf =
                !matches!(facts.os, "windows" | "macos" | "uefi") && facts.arch != "wasm32";
            let has_programs = facts.suite.is_some() && facts.level() != Level::Libraries;
            if has_programs && is_elf {
                let machine = elf_machine(facts.arch);
                assert!(
                    known.iter().any(|name| name == machine),
                    "{target}: {machine}"
                );
            }
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_is_read() {
        let this_program = std::env::args_os().next().unwrap();
        let binary = Binary::read(this_program).unwrap();
        assert_eq!(binary.machine, std::env::consts::ARCH);
        assert_eq!(usize::from(binary.bits), usize::BITS as usize);
        assert!(binary.glibc.is_some(), "std needs glibc");
        assert!(!binary.glibc_symbols.is_empty());
        let last = binary.needs.last().unwrap();
        assert_eq!(binary.glibc, Some(last.version));
        assert!(binary.glibc_symbols.contains(&last.name));
        let beyond: Vec<_> = binary.needs_beyond("2.0".parse().unwrap()).collect();
        assert_eq!(beyond.len(), binary.needs.len(), "every symbol is newer");
        assert!(binary.runs_on("2.99".parse().unwrap()));
        assert!(!binary.runs_on("2.0".parse().unwrap()));
    }

    #[test]
    fn versions_compare_by_number_and_none_is_too_large() {
        let version = |text: &str| glibc_version(text.as_bytes());
        assert!(version("GLIBC_2.4") < version("GLIBC_2.34"));
        assert_eq!(version("GLIBC_2.2.5"), Some(GlibcVersion::new(2, 2)));
        assert!(version("GLIBC_2.99999999999") > version("GLIBC_2.999"));
        for text in [
            "GLIBC_PRIVATE",
            "GLIBC_ABI_DT_RELR",
            "GLIBC_2",
            "GLIBC_.1",
            "CXXABI_1.3",
        ] {
            assert_eq!(version(text), None, "{text}");
        }
        let symbol = GlibcSymbol {
            name: "dlsym".to_owned(),
            version: GlibcVersion::new(2, 34),
        };
        let json = serde_json::to_value(symbol).unwrap();
        assert_eq!(json["version"], "2.34");
    }

    #[test]
    fn a_file_that_is_not_elf_is_an_error() {
        let error = Binary::read("Cargo.toml").unwrap_err();
        let here = cross_engine::process::untrusted::Dir::open(".").unwrap();
        let manifest = here.file("Cargo.toml").unwrap();
        assert!(read_if_elf(&manifest).unwrap().is_none());
        assert!(Binary::read("/nonexistent").is_err());
        assert!(error.to_string().contains("is not an ELF file"), "{error}");
    }
}
