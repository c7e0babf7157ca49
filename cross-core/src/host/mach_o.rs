//! Reads a Mach-O file: its machine, the oldest system it runs on, its libraries and its signature.

use std::fmt;
use std::fs::File;
use std::path::Path;

use cross_engine::process::untrusted::{Room, limits};
use cross_targets::{SystemVersion, Target};
use object::macho;
use object::read::macho::{FatArch, LoadCommandVariant, MachHeader, MachOFatFile32};
use object::{Endianness, FileKind, ReadCache, ReadRef};
use serde::Serialize;

use crate::host::archive::{Member, Members};
use crate::host::binary::Bounded;
use crate::host::files;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::outcome::version_text;

/// A program or library of one of Apple's systems, for one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct MachO {
    /// The machine, as Apple's tools name it: `arm64`, `x86_64`.
    pub machine: String,
    /// The oldest version of the system that runs the file, such as `11.0`. `None` if the file does
    /// not say it.
    #[serde(serialize_with = "version_text")]
    pub deployment_target: Option<SystemVersion>,
    /// The paths of the libraries that it loads, in order.
    pub libraries: Vec<String>,
    /// How it is signed. A processor of Apple's starts signed programs only.
    pub signature: Signature,
}

/// How a program of Apple's systems is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Signature {
    /// Not at all.
    None,
    /// With hashes of its parts and without an identity, as linkers do.
    AdHoc,
    /// With an identity.
    Identity,
}

/// The most machines that a universal binary is read for. There have been five.
const MACHINES: usize = 16;

/// The magic numbers of a signature, of the part of it that has the flags, and the flag for a
/// signature without an identity. They are big-endian.
const SIGNATURE: u32 = 0xfade_0cc0;
const CODE_DIRECTORY: u32 = 0xfade_0c02;
const AD_HOC: u32 = 2;

impl MachO {
    /// Reads the headers of the program or library at `path`.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is no Mach-O file for one machine.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let all = Self::read_all(path)?;
        match <[Self; 1]>::try_from(all) {
            Ok([one]) => Ok(one),
            Err(_) => {
                let message = format!("`{}` is for several machines", path.display());
                let error = Error::new(ErrorKind::Io, message);
                Err(error.with_help("read it with `MachO::read_all`"))
            }
        }
    }

    /// Reads the headers of the program or library at `path` for each of its machines: a universal
    /// binary has several.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is no Mach-O file.
    pub fn read_all(path: impl AsRef<Path>) -> Result<Vec<Self>> {
        let path = path.as_ref();
        let file = files::open_program(path)?;
        let read = Self::read_file(file.as_file());
        read.and_then(|all| match all.is_empty() {
            true => Err("it has another format, or too many libraries".to_owned()),
            false => Ok(all),
        })
        .map_err(|why| {
            let message = format!("`{}` is not a Mach-O file: {why}", path.display());
            Error::new(ErrorKind::Io, message)
        })
    }

    /// Empty if it is no Mach-O file, or names more libraries than are kept.
    pub(crate) fn read_file(file: &File) -> Result<Vec<Self>, String> {
        let cache = ReadCache::new(file);
        let mut all = Vec::new();
        for (offset, size) in machines(&cache)? {
            match Self::parse(cache.range(offset, size))? {
                Some(one) => all.push(one),
                None => return Ok(Vec::new()),
            }
        }
        Ok(all)
    }

    /// Reads each Mach-O file in `file`: itself, that of each machine of a universal binary, and the
    /// objects in a static library, whose names `see` is told. With `any_archive`, it also reads a
    /// library whose first object is of another format.
    ///
    /// # Errors
    ///
    /// If one of them is malformed, or what they are in.
    pub(crate) fn each(
        file: &File,
        any_archive: bool,
        see: &mut dyn FnMut(Self, Option<&Member>),
    ) -> Result<(), String> {
        for (offset, size) in machines(&ReadCache::new(file))? {
            let Some(members) = Members::of(file, offset, size) else {
                if let Some(one) = Self::parse(ReadCache::new(file).range(offset, size))? {
                    see(one, None);
                }
                continue;
            };
            for member in members {
                let member = member?;
                // A cache of its own for each member: what was read of it is not kept.
                let cache = ReadCache::new(file);
                match Self::parse(cache.range(member.offset, member.size))? {
                    Some(one) => see(one, Some(&member)),
                    None if any_archive || member.is_table() => {}
                    None => break,
                }
            }
        }
        Ok(())
    }

    fn parse<'data, R: ReadRef<'data>>(data: R) -> Result<Option<Self>, String> {
        let data = Bounded(data);
        let parse = || match FileKind::parse(data) {
            Ok(FileKind::MachO32) => Self::of::<macho::MachHeader32<Endianness>, _>(data),
            Ok(FileKind::MachO64) => Self::of::<macho::MachHeader64<Endianness>, _>(data),
            _ => Ok(None),
        };
        parse().map_err(|why| why.to_string())
    }

    fn of<'data, H, R>(data: R) -> object::read::Result<Option<Self>>
    where
        H: MachHeader<Endian = Endianness>,
        R: ReadRef<'data>,
    {
        let header = H::parse(data, 0)?;
        let endian = header.endian()?;
        let mut found = MachO {
            machine: machine(header.cputype(endian)),
            deployment_target: None,
            libraries: Vec::new(),
            signature: Signature::None,
        };
        // Many commands may share one long name.
        let mut names = Room::new(limits::SYMBOL_NAMES);
        let mut commands = header.load_commands(endian, data, 0)?;
        while let Some(command) = commands.next()? {
            match command.variant()? {
                LoadCommandVariant::BuildVersion(version) => {
                    let packed = version.minos.get(endian);
                    found.deployment_target = Some(SystemVersion::from_packed(packed));
                }
                LoadCommandVariant::VersionMin(version) => {
                    let packed = version.version.get(endian);
                    found.deployment_target = Some(SystemVersion::from_packed(packed));
                }
                LoadCommandVariant::Dylib(library) => {
                    let name = command.string(endian, library.dylib.name)?;
                    if !names.take(name.len() + limits::OVERHEAD) {
                        return Ok(None);
                    }
                    let name = String::from_utf8_lossy(name).into_owned();
                    found.libraries.push(name);
                }
                LoadCommandVariant::LinkeditData(part)
                    if part.cmd.get(endian) == macho::LC_CODE_SIGNATURE =>
                {
                    found.signature = signature(data, part.dataoff.get(endian).into());
                }
                _ => {}
            }
        }
        Ok(Some(found))
    }

    /// Whether the machine is that of `target`'s programs, or one of several.
    pub fn is_for(&self, target: Target) -> bool {
        let is_for = |slice: Target| {
            let machine = match slice.facts().arch {
                "aarch64" => "arm64",
                other => other,
            };
            self.machine == machine
        };
        target.triple().contains("-apple-") && target.slices().any(is_for)
    }
}

impl fmt::Display for MachO {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.machine)?;
        match self.deployment_target {
            Some(version) => write!(f, ", version {version} or later"),
            None => Ok(()),
        }
    }
}

/// Where the file for each machine begins, and how long it is: the whole file, unless it is a
/// universal binary.
fn machines<'data, R: ReadRef<'data>>(data: R) -> Result<Vec<(u64, u64)>, String> {
    let bounded = Bounded(data);
    if !matches!(FileKind::parse(bounded), Ok(FileKind::MachOFat32)) {
        let size = data.len().map_err(|()| "it cannot be read".to_owned())?;
        return Ok(vec![(0, size)]);
    }
    let fat = MachOFatFile32::parse(bounded).map_err(|why| why.to_string())?;
    match fat.arches() {
        all if all.len() > MACHINES => Err("it is for too many machines".to_owned()),
        all => Ok(all.iter().map(FatArch::file_range).collect()),
    }
}

fn machine(cpu: u32) -> String {
    match cpu {
        macho::CPU_TYPE_ARM64 => "arm64".to_owned(),
        macho::CPU_TYPE_X86_64 => "x86_64".to_owned(),
        other => format!("machine {other}"),
    }
}

/// How the file is signed, by the signature at `start`.
fn signature<'data, R: ReadRef<'data>>(data: R, start: u64) -> Signature {
    let number = |at: u64| -> Option<u32> {
        let bytes = data.read_bytes_at(at, 4).ok()?;
        Some(u32::from_be_bytes(bytes.try_into().ok()?))
    };
    // The header, the number of parts, and the kind and place of the first one.
    let directory = match (number(start), number(start.saturating_add(8))) {
        (Some(SIGNATURE), Some(1..)) => number(start.saturating_add(16)),
        _ => return Signature::None,
    };
    let directory = directory.map(|place| start.saturating_add(place.into()));
    let flags = directory
        .filter(|&at| number(at) == Some(CODE_DIRECTORY))
        .and_then(|at| number(at.saturating_add(12)));
    match flags {
        Some(flags) if flags & AD_HOC != 0 => Signature::AdHoc,
        Some(_) => Signature::Identity,
        None => Signature::None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file with these load commands, for a 64-bit machine of either byte order that Apple has.
    fn file(cpu: u32, commands: &[&[u8]], rest: &[u8]) -> Vec<u8> {
        let numbers = |numbers: &[u32]| -> Vec<u8> {
            numbers.iter().flat_map(|it| it.to_le_bytes()).collect()
        };
        let size: usize = commands.iter().map(|command| command.len()).sum();
        let [count, size] = [commands.len(), size].map(|it| u32::try_from(it).unwrap());
        let mut bytes = numbers(&[
            macho::MH_MAGIC_64,
            cpu,
            0,
            macho::MH_EXECUTE,
            count,
            size,
            0,
            0,
        ]);
        bytes.extend(commands.concat());
        bytes.extend(rest);
        bytes
    }

    fn command(numbers: &[u32], text: &str) -> Vec<u8> {
        let mut bytes: Vec<u8> = numbers.iter().flat_map(|it| it.to_le_bytes()).collect();
        bytes.extend(text.as_bytes());
        bytes
    }

    #[test]
    fn a_program_says_its_machine_its_oldest_system_its_libraries_and_its_signature() {
        let version = command(
            &[macho::LC_BUILD_VERSION, 24, 1, 0x000b_0200, 0x000d_0000, 0],
            "",
        );
        let name = "/usr/lib/libSystem.B.dylib\0\0\0\0\0\0";
        let size = u32::try_from(24 + name.len()).unwrap();
        let library = command(
            &[macho::LC_LOAD_DYLIB, size, 24, 2, 0x1_0000, 0x1_0000],
            name,
        );
        let at = 32 + version.len() + library.len() + 16;
        let place = u32::try_from(at).unwrap();
        let signature = command(&[macho::LC_CODE_SIGNATURE, 16, place, 36], "");
        let signed = |flags: u32| -> Vec<u8> {
            let numbers = [SIGNATURE, 36, 1, 0, 20, CODE_DIRECTORY, 16, 0x2_0400, flags];
            numbers.iter().flat_map(|it| it.to_be_bytes()).collect()
        };
        let commands = [&version[..], &library, &signature];
        for (flags, expected) in [(0x2_0002, Signature::AdHoc), (0, Signature::Identity)] {
            let bytes = file(macho::CPU_TYPE_ARM64, &commands, &signed(flags));
            let read = MachO::parse(&bytes[..]).unwrap().unwrap();
            assert_eq!(read.to_string(), "arm64, version 11.2 or later");
            assert_eq!(read.libraries, ["/usr/lib/libSystem.B.dylib"]);
            assert_eq!(read.signature, expected);
            assert!(read.is_for(Target::parse("aarch64-apple-darwin").unwrap()));
            assert!(!read.is_for(Target::parse("x86_64-apple-darwin").unwrap()));
            assert!(!read.is_for(Target::parse("aarch64-unknown-linux-gnu").unwrap()));
        }
        // Whatever is cut off or points outside is an error or nothing, and never a panic.
        let bytes = file(macho::CPU_TYPE_ARM64, &commands, &signed(2));
        for end in 0..bytes.len() {
            if let Ok(Some(read)) = MachO::parse(&bytes[..end]) {
                assert_eq!(read.signature, Signature::None, "{end}");
            }
        }
    }

    #[test]
    fn a_file_of_another_format_is_none_of_these() {
        let own = std::env::args_os().next().unwrap();
        let error = MachO::read(own).unwrap_err();
        assert!(error.to_string().contains("not a Mach-O file"), "{error}");
    }
}
