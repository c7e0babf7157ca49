//! What a built program says of itself: its machine, and the oldest glibc it runs on.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use cross_targets::Glibc;
use object::elf;
use object::read::elf::{FileHeader, SectionTable, VersionTable};
use object::{Endianness, ReadRef};
use serde::Serialize;

use crate::error::{Error, ErrorKind, IoContext as _, Result};

/// What an ELF file says of itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Binary {
    /// The machine, as `e_machine` in the ELF header names it: `EM_AARCH64` is `aarch64`.
    pub machine: String,
    /// 32 or 64.
    pub bits: u8,
    /// Whether numbers are stored least significant byte first.
    pub little_endian: bool,
    /// The newest `GLIBC_` version among the symbols it needs: it does not start on an older glibc.
    /// `None` if it needs none.
    pub glibc: Option<String>,
    /// The symbols that need that version, by name.
    pub glibc_symbols: Vec<String>,
}

impl Binary {
    /// Reads the program or library at `path`.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or is not ELF.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let data = fs::read(path).on("read", path)?;
        Self::parse(&data).map_err(|why| {
            Error::new(
                ErrorKind::Io,
                format!("`{}` is not an ELF file: {why}", path.display()),
            )
        })
    }

    fn parse(data: &[u8]) -> Result<Self, object::read::Error> {
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
        let mut needs: BTreeMap<Version, Vec<String>> = BTreeMap::new();
        if let Some(versions) = sections.versions(endian, data)? {
            for (version, symbol) in versioned_symbols(endian, data, &sections, &versions)? {
                needs.entry(version).or_default().push(symbol);
            }
        }
        let newest = needs.pop_last();
        Ok(Binary {
            machine: machine_name(header.e_machine(endian)),
            bits,
            little_endian: endian == Endianness::Little,
            glibc: newest
                .as_ref()
                .map(|((major, minor), _)| format!("{major}.{minor}")),
            glibc_symbols: newest.map(|(_, symbols)| symbols).unwrap_or_default(),
        })
    }

    /// Whether it starts on a system with this glibc.
    pub fn runs_on(&self, glibc: Glibc) -> bool {
        let needed = self.glibc.as_deref().map(str::parse::<Glibc>);
        needed.is_none_or(|needed| needed.is_ok_and(|needed| needed <= glibc))
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

/// Major and minor.
type Version = (u32, u32);

/// The symbols of the dynamic table that need a version of glibc, with that version.
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

/// `GLIBC_2.17` as `(2, 17)`. `GLIBC_PRIVATE` and `GLIBC_ABI_DT_RELR` are no versions.
fn glibc_version(name: &[u8]) -> Option<Version> {
    let text = std::str::from_utf8(name).ok()?.strip_prefix("GLIBC_")?;
    let mut parts = text.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The machine's name, after the constants of the ELF specifications.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_program_describes_itself() {
        let me = std::env::args_os().next().unwrap();
        let binary = Binary::read(me).unwrap();
        assert_eq!(binary.machine, std::env::consts::ARCH);
        assert_eq!(usize::from(binary.bits), usize::BITS as usize);
        assert!(binary.glibc.is_some(), "std needs glibc");
        assert!(!binary.glibc_symbols.is_empty());
        assert!(binary.runs_on("2.99".parse().unwrap()));
        assert!(!binary.runs_on("2.0".parse().unwrap()));
    }

    #[test]
    fn what_is_no_elf_is_an_error() {
        let error = Binary::read("Cargo.toml").unwrap_err();
        assert!(error.to_string().contains("is not an ELF file"), "{error}");
    }
}
