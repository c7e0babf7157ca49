//! Reads an ELF file's machine, and the oldest glibc it runs with.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use cross_targets::{Endian, Glibc, Target};
use object::elf;
use object::read::elf::{FileHeader, SectionTable, VersionTable};
use object::{Endianness, ReadCache, ReadRef};
use serde::Serialize;

use crate::model::error::{Error, ErrorKind, IoContext as _, Result};

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
    pub glibc: Option<String>,
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
    pub version: String,
}

impl Binary {
    /// Reads the headers and dynamic symbols of the program or library at `path`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or is not ELF.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = File::open(path).on("read", path)?;
        let data = ReadCache::new(file);
        Self::parse(&data).map_err(|error| {
            Error::new(
                ErrorKind::Io,
                format!("`{}` is not an ELF file: {error}", path.display()),
            )
        })
    }

    fn parse<'data, R: ReadRef<'data>>(data: R) -> Result<Self, object::read::Error> {
        match object::FileKind::parse(data)? {
            object::FileKind::Elf32 => {
                Self::of(elf::FileHeader32::<Endianness>::parse(data)?, data, 32)
            }
            _ => Self::of(elf::FileHeader64::<Endianness>::parse(data)?, data, 64),
        }
    }

    fn of<'data, E, R>(header: &E, data: R, bits: u8) -> Result<Self, object::read::Error>
    where
        E: FileHeader<Endian = Endianness>,
        R: ReadRef<'data>,
    {
        let endian = header.endian()?;
        let sections = header.sections(endian, data)?;
        let mut needs = Vec::new();
        if let Some(versions) = sections.versions(endian, data)? {
            needs = versioned_symbols(endian, data, &sections, &versions)?;
        }
        needs.sort();
        let newest = needs.last().map(|(version, _)| *version);
        let of_newest = |(version, name): &(Version, String)| {
            Some(name.clone()).filter(|_| Some(*version) == newest)
        };
        Ok(Binary {
            machine: machine_name(header.e_machine(endian)),
            bits,
            little_endian: endian == Endianness::Little,
            glibc: newest.map(to_text),
            glibc_symbols: needs.iter().filter_map(of_newest).collect(),
            needs: needs
                .into_iter()
                .map(|(version, name)| GlibcSymbol {
                    name,
                    version: to_text(version),
                })
                .collect(),
        })
    }

    /// Whether the machine, word size and byte order are those of `target`'s programs.
    pub fn is_for(&self, target: Target) -> bool {
        let facts = target.facts();
        self.machine == elf_machine(facts.arch)
            && u32::from(self.bits) == facts.pointer_width
            && self.little_endian == (facts.endian == Endian::Little)
    }

    /// Whether the file runs with this glibc.
    pub fn runs_on(&self, glibc: Glibc) -> bool {
        self.needs_beyond(glibc).next().is_none()
    }

    /// The glibc symbols that the file needs and this glibc lacks.
    pub fn needs_beyond(&self, glibc: Glibc) -> impl Iterator<Item = &GlibcSymbol> {
        self.needs.iter().filter(move |symbol| {
            let needed = symbol.version.parse::<Glibc>();
            needed.map_or(true, |needed| needed > glibc)
        })
    }
}

/// Reads the file at `path` if it is ELF. Static libraries are archives, not ELF.
pub(crate) fn read_if_elf(path: &Path) -> Result<Option<Binary>> {
    let mut magic = [0; 4];
    let mut file = File::open(path).on("read", path)?;
    match file.read_exact(&mut magic) {
        Ok(()) if magic == elf::ELFMAG => Binary::read(path).map(Some),
        Ok(()) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
        Err(error) => Err(error).on("read", path),
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

/// A glibc version: major and minor.
type Version = (u32, u32);

fn to_text((major, minor): Version) -> String {
    format!("{major}.{minor}")
}

/// The dynamic symbols that need a version of glibc, with that version.
fn versioned_symbols<'data, E, R>(
    endian: Endianness,
    data: R,
    sections: &SectionTable<'data, E, R>,
    versions: &VersionTable<'data, E>,
) -> Result<Vec<(Version, String)>, object::read::Error>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'data>,
{
    let symbols = sections.symbols(endian, data, elf::SHT_DYNSYM)?;
    let mut found = Vec::new();
    for (index, symbol) in symbols.enumerate() {
        let needed = versions.version(versions.version_index(endian, index))?;
        let version = needed.and_then(|needed| glibc_version(needed.name()));
        if let Some(version) = version {
            let name = symbols.symbol_name(endian, symbol)?;
            found.push((version, String::from_utf8_lossy(name).into_owned()));
        }
    }
    Ok(found)
}

/// Parses `GLIBC_2.17` as `(2, 17)`. `GLIBC_PRIVATE` and `GLIBC_ABI_DT_RELR` are not versions.
fn glibc_version(name: &[u8]) -> Option<Version> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
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
            let is_elf = facts.os != "windows" && facts.arch != "wasm32";
            if facts.suite.is_some() && is_elf {
                let machine = elf_machine(facts.arch);
                assert!(
                    known.iter().any(|name| name == machine),
                    "{target}: {machine}"
                );
            }
        }
    }

    #[test]
    fn a_program_is_read() {
        let this_program = std::env::args_os().next().unwrap();
        let binary = Binary::read(this_program).unwrap();
        assert_eq!(binary.machine, std::env::consts::ARCH);
        assert_eq!(usize::from(binary.bits), usize::BITS as usize);
        assert!(binary.glibc.is_some(), "std needs glibc");
        assert!(!binary.glibc_symbols.is_empty());
        let last = binary.needs.last().unwrap();
        assert_eq!(binary.glibc.as_ref(), Some(&last.version));
        assert!(binary.glibc_symbols.contains(&last.name));
        let beyond: Vec<_> = binary.needs_beyond("2.0".parse().unwrap()).collect();
        assert_eq!(beyond.len(), binary.needs.len(), "every symbol is newer");
        assert!(binary.runs_on("2.99".parse().unwrap()));
        assert!(!binary.runs_on("2.0".parse().unwrap()));
    }

    #[test]
    fn a_file_that_is_not_elf_is_an_error() {
        let error = Binary::read("Cargo.toml").unwrap_err();
        assert!(read_if_elf(Path::new("Cargo.toml")).unwrap().is_none());
        assert!(read_if_elf(Path::new("/nonexistent")).is_err());
        assert!(error.to_string().contains("is not an ELF file"), "{error}");
    }
}
