//! Checks that a program is for its target, by the format of its file.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use cross_core::Artifact;
use cross_core::binary::Binary;
use cross_core::mach_o::MachO;
use cross_core::targets::Target;

use crate::failure::Failure;

/// The formats of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Elf,
    /// Apple's.
    MachO,
    /// That of Windows and UEFI.
    Pe,
    Wasm,
}

impl Format {
    fn of(target: Target) -> Self {
        let facts = target.facts();
        match facts.os {
            _ if facts.arch.starts_with("wasm") => Format::Wasm,
            "windows" | "uefi" => Format::Pe,
            _ if facts.deployment_variable().is_some() => Format::MachO,
            _ => Format::Elf,
        }
    }
}

/// How much of a file is read for its headers. Linkers put those of PE into the first few hundred
/// bytes.
const HEAD: u64 = 4096;

/// Checks that the program is for `target`, and returns the oldest glibc that it runs with.
pub(crate) fn check(program: &Artifact, target: Target) -> Result<Option<String>, Failure> {
    check_file(file_of(&program.path, &program.companions), target)
}

/// The file with the code: that of a script is beside it.
fn file_of<'a>(program: &'a Path, companions: &'a [PathBuf]) -> &'a Path {
    let is_code = |path: &&PathBuf| path.extension().is_some_and(|it| it == "wasm");
    companions.iter().find(is_code).map_or(program, |it| it)
}

fn check_file(path: &Path, target: Target) -> Result<Option<String>, Failure> {
    let refused = |what: String| {
        let message = format!("the program is not for {target}: it is {what}");
        Err(Failure::new(message))
    };
    match Format::of(target) {
        Format::Elf => {
            let binary = Binary::read(path)?;
            match binary.is_for(target) {
                true => Ok(binary.glibc.map(|it| it.to_string())),
                false => refused(binary.to_string()),
            }
        }
        Format::MachO => {
            let all = MachO::read_all(path)?;
            let is_for = all.iter().all(|one| one.is_for(target));
            if is_for && all.len() == target.slices().count() {
                return Ok(None);
            }
            let machines: Vec<_> = all.iter().map(|one| one.machine.as_str()).collect();
            refused(format!("for {}", machines.join(" and ")))
        }
        Format::Pe => match Pe::parse(&head(path)?) {
            Some(pe) if pe.is_for(target) => Ok(None),
            Some(pe) => refused(pe.describe()),
            None => refused("no PE file".to_owned()),
        },
        Format::Wasm => match wasm(&head(path)?) {
            Some(found) if found == wasm_of(target) => Ok(None),
            Some(found) => refused(format!("a WebAssembly {found}")),
            None => refused("no WebAssembly file".to_owned()),
        },
    }
}

fn head(path: &Path) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let file = File::open(path);
    file.and_then(|file| file.take(HEAD).read_to_end(&mut bytes))
        .map_err(|error| Failure::io("read", path, &error))?;
    Ok(bytes)
}

/// The headers of a PE file.
struct Pe {
    machine: u16,
    /// What starts it.
    subsystem: u16,
}

impl Pe {
    /// `None` if the file is of another format.
    fn parse(file: &[u8]) -> Option<Self> {
        if !file.starts_with(b"MZ") {
            return None;
        }
        let at = u32::from_le_bytes(file.get(0x3c..0x40)?.try_into().ok()?);
        let header = file.get(usize::try_from(at).ok()?..)?;
        let header = header.strip_prefix(b"PE\0\0")?;
        let number = |at: usize| {
            let bytes = header.get(at..at + 2)?;
            Some(u16::from_le_bytes(bytes.try_into().ok()?))
        };
        Some(Pe {
            machine: number(0)?,
            subsystem: number(0x58)?,
        })
    }

    fn is_for(&self, target: Target) -> bool {
        let facts = target.facts();
        let is_of_firmware = UEFI.contains(&self.subsystem);
        MACHINES.contains(&(self.machine, facts.arch)) && is_of_firmware == (facts.os == "uefi")
    }

    fn describe(&self) -> String {
        let known = MACHINES.iter().find(|(number, _)| *number == self.machine);
        let machine = known.map_or_else(
            || format!("machine {:#x}", self.machine),
            |(_, name)| (*name).to_owned(),
        );
        match UEFI.contains(&self.subsystem) {
            true => format!("for {machine} and UEFI"),
            false => format!("for {machine} and Windows"),
        }
    }
}

/// The machines of PE, by rustc's names.
const MACHINES: [(u16, &str); 3] = [(0x14c, "x86"), (0x8664, "x86_64"), (0xaa64, "aarch64")];

/// The subsystems of programs that firmware starts.
const UEFI: std::ops::RangeInclusive<u16> = 10..=13;

/// What a WebAssembly file is: a module or a component. `None` if it is of another format.
fn wasm(file: &[u8]) -> Option<&'static str> {
    // A version and a layer follow, of two bytes each.
    match file.strip_prefix(b"\0asm")?.get(2..4)? {
        [0, 0] => Some("module"),
        [1, 0] => Some("component"),
        _ => None,
    }
}

fn wasm_of(target: Target) -> &'static str {
    match target.triple() {
        "wasm32-wasip2" | "wasm32-wasip3" => "component",
        _ => "module",
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use cross_core::targets::Level;

    use super::*;

    fn target(name: &str) -> Target {
        Target::parse(name).unwrap()
    }

    /// The result of the check of a file with these bytes.
    fn checked(bytes: &[u8], name: &str) -> Result<Option<String>, String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("program");
        fs::write(&path, bytes).unwrap();
        check_file(&path, target(name)).map_err(|failure| failure.to_string())
    }

    fn assert_is_for(bytes: &[u8], names: &[&str], others: &[(&str, &str)]) {
        for name in names {
            assert_eq!(checked(bytes, name), Ok(None), "{name}");
        }
        for (name, what) in others {
            let expected = format!("the program is not for {name}: it is {what}");
            assert_eq!(checked(bytes, name), Err(expected));
        }
    }

    /// The headers of a program as linkers write them, up to the subsystem.
    fn pe(machine: u16, subsystem: u16) -> Vec<u8> {
        let mut file = vec![0; 0x200];
        file[..2].copy_from_slice(b"MZ");
        file[0x3c] = 0x80;
        file[0x80..0x84].copy_from_slice(b"PE\0\0");
        file[0x84..0x86].copy_from_slice(&machine.to_le_bytes());
        file[0xdc..0xde].copy_from_slice(&subsystem.to_le_bytes());
        file
    }

    #[test]
    fn a_program_of_windows_is_pe() {
        let for_arm = "for aarch64 and Windows";
        assert_is_for(
            &pe(0xaa64, 3),
            &["aarch64-pc-windows-gnullvm", "aarch64-pc-windows-msvc"],
            &[
                ("x86_64-pc-windows-gnu", for_arm),
                ("aarch64-unknown-uefi", for_arm),
            ],
        );
        assert_is_for(
            &pe(0x8664, 3),
            &["x86_64-pc-windows-gnu"],
            &[("i686-pc-windows-gnu", "for x86_64 and Windows")],
        );
        assert_is_for(&pe(0x14c, 2), &["i686-pc-windows-gnu"], &[]);
    }

    #[test]
    fn a_program_of_uefi_is_pe_for_firmware() {
        assert_is_for(
            &pe(0x8664, 10),
            &["x86_64-unknown-uefi"],
            &[("x86_64-pc-windows-gnu", "for x86_64 and UEFI")],
        );
    }

    #[test]
    fn what_is_no_pe_file_is_refused() {
        let whole = pe(0x8664, 3);
        let far = [b"MZ", &[0xff; 0x3e][..]].concat();
        for bytes in [b"\x7fELF\x02\x01", &whole[..0x90], &far, b"MZ", b""] {
            let name = "x86_64-pc-windows-gnu";
            assert_is_for(bytes, &[], &[(name, "no PE file")]);
        }
    }

    #[test]
    fn the_code_of_a_script_is_beside_it() {
        let [script, dep_info, code] = ["app.js", "app.d", "app.wasm"].map(PathBuf::from);
        let companions = [dep_info, code];
        assert_eq!(file_of(&script, &companions), companions[1]);
        assert_eq!(file_of(&script, &companions[..1]), script);
    }

    #[test]
    fn webassembly_is_a_module_or_a_component() {
        assert_is_for(
            b"\0asm\x01\0\0\0",
            &["wasm32-wasip1", "wasm32-unknown-unknown", "wasm32v1-none"],
            &[("wasm32-wasip2", "a WebAssembly module")],
        );
        assert_is_for(
            b"\0asm\x0d\0\x01\0",
            &["wasm32-wasip2"],
            &[("wasm32-wasip1", "a WebAssembly component")],
        );
        for bytes in [&b"\0asm"[..], b"#!/usr/bin/env node\n"] {
            assert_is_for(bytes, &[], &[("wasm32-wasip1", "no WebAssembly file")]);
        }
    }

    /// The header of a program for one machine, without anything to load.
    fn mach_o(cpu: u32) -> Vec<u8> {
        let words = [0xfeed_facf, cpu, 0, 2, 0, 0, 0, 0];
        words.into_iter().flat_map(u32::to_le_bytes).collect()
    }

    const ARM64: u32 = 0x0100_000c;
    const X86_64: u32 = 0x0100_0007;

    #[test]
    fn a_program_of_apples_is_mach_o() {
        assert_is_for(
            &mach_o(ARM64),
            &["aarch64-apple-darwin", "aarch64-apple-ios"],
            &[("x86_64-apple-darwin", "for arm64")],
        );
    }

    #[test]
    fn a_universal_binary_has_each_of_its_machines() {
        let parts = [ARM64, X86_64].map(|cpu| (cpu, mach_o(cpu)));
        let mut file: Vec<_> = [0xcafe_babe_u32, 2].map(u32::to_be_bytes).concat();
        for (at, (cpu, part)) in [0x100, 0x200].into_iter().zip(&parts) {
            let size = u32::try_from(part.len()).unwrap();
            file.extend([*cpu, 0, at, size, 0].map(u32::to_be_bytes).concat());
        }
        for (_, part) in &parts {
            file.resize(file.len().next_multiple_of(0x100), 0);
            file.extend(part);
        }
        assert_is_for(&file, &["universal2-apple-darwin"], &[]);
        let one = mach_o(ARM64);
        assert_is_for(&one, &[], &[("universal2-apple-darwin", "for arm64")]);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_of_linux_is_elf() {
        let this = std::env::current_exe().unwrap();
        let own = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
        assert!(check_file(&this, target(&own)).unwrap().is_some());
        let failure = check_file(&this, target("s390x-unknown-linux-gnu")).unwrap_err();
        let expected = "the program is not for s390x-unknown-linux-gnu: it is 64-bit";
        assert!(failure.to_string().starts_with(expected), "{failure}");
    }

    #[test]
    fn every_program_of_pe_has_a_known_machine() {
        for target in Target::all().filter(|it| Format::of(*it) == Format::Pe) {
            let facts = target.facts();
            let is_known = MACHINES.iter().any(|(_, name)| *name == facts.arch);
            let is_linked = facts.level() != Level::Libraries || facts.sdk.is_some();
            assert!(is_known || !is_linked, "{target}: {}", facts.arch);
        }
    }
}
