//! Universal binaries of Apple's systems: files for several machines, joined into one.

use std::io::{Read as _, Seek as _};

use cross_engine::process::untrusted::RegularFile;
use cross_targets::Target;
use object::macho;

use crate::model::error::{Error, ErrorKind, IoContext as _, Result};

/// What can be joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// A program, a dynamic library, or its debug information. The loader maps its pages, which
    /// have 16 KiB on the machines that have the largest.
    MachO,
    /// A static library.
    Archive,
}

impl Form {
    /// The exponent of the alignment, a power of two.
    fn alignment(self) -> u32 {
        match self {
            Form::MachO => 14,
            Form::Archive => 3,
        }
    }
}

/// The first bytes of a 64-bit Mach-O file with the byte order of Apple's machines, and of an
/// archive.
const MACH_O: [u8; 4] = macho::MH_MAGIC_64.to_le_bytes();
const ARCHIVE: &[u8; 8] = b"!<arch>\n";

/// The length of the header, and of the entry of each machine.
const HEADER: usize = 8;
const ENTRY: usize = 20;

/// A universal binary: its header, and where each of its files begins.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) header: Vec<u8>,
    /// In the order of the files.
    pub(crate) offsets: Vec<u64>,
}

/// How `files` are joined, each of which is for its target. `None` if they are not of one form that
/// can be joined.
///
/// # Errors
///
/// [`ErrorKind::Untrusted`] if a file is for another machine than its target's, or if they are too
/// long together.
pub(crate) fn layout(files: &[(Target, &RegularFile)]) -> Result<Option<Layout>> {
    let mut form = None;
    for (target, file) in files {
        let own = form_of(*target, file)?;
        if own.is_none() || form.is_some_and(|form| form != own) {
            return Ok(None);
        }
        form = Some(own);
    }
    let Some(form) = form.flatten() else {
        return Ok(None);
    };
    let lengths: Vec<_> = files
        .iter()
        .map(|(target, file)| (machine(*target), file.len()))
        .collect();
    match arranged(form, &lengths) {
        Some(layout) => Ok(Some(layout)),
        None => {
            let message = "the files for all machines have more than 4 GiB together, which is too long for a \
                universal binary";
            let error = Error::new(ErrorKind::Untrusted, message);
            Err(error.with_help("build each target separately, or without debug information"))
        }
    }
}

/// The layout of files with these machines and lengths; `None` if an offset needs more than 32
/// bits.
fn arranged(form: Form, files: &[((u32, u32), u64)]) -> Option<Layout> {
    let alignment = form.alignment();
    let mut header = macho::FAT_MAGIC.to_be_bytes().to_vec();
    header.extend(u32::try_from(files.len()).ok()?.to_be_bytes());
    let mut end = u64::try_from(HEADER + ENTRY * files.len()).ok()?;
    let mut offsets = Vec::new();
    for ((cpu, subtype), length) in files {
        let offset = end.next_multiple_of(1 << alignment);
        end = offset.checked_add(*length)?;
        let [offset32, length32] = [offset, *length].map(u32::try_from);
        u32::try_from(end).ok()?;
        for number in [*cpu, *subtype, offset32.ok()?, length32.ok()?, alignment] {
            header.extend(number.to_be_bytes());
        }
        offsets.push(offset);
    }
    Some(Layout { header, offsets })
}

/// The form of `file`, which is for `target`.
fn form_of(target: Target, file: &RegularFile) -> Result<Option<Form>> {
    let mut head = [0; 8];
    file.as_file().rewind().on("read", file.path())?;
    let mut start = file.as_file().take(head.len() as u64);
    let mut read = 0;
    while read < head.len() {
        match start.read(&mut head[read..]).on("read", file.path())? {
            0 => return Ok(None),
            more => read += more,
        }
    }
    if &head == ARCHIVE {
        return Ok(Some(Form::Archive));
    }
    let (magic, cpu) = head.split_at(4);
    if magic != MACH_O {
        return Ok(None);
    }
    if cpu != machine(target).0.to_le_bytes() {
        let message = format!(
            "`{}` is for another machine than {target}",
            file.path().display()
        );
        let error = Error::new(ErrorKind::Untrusted, message);
        return Err(
            error.with_help("find what wrote it in place of cargo: a linker or a build script")
        );
    }
    Ok(Some(Form::MachO))
}

/// The numbers of a machine and its variant.
fn machine(target: Target) -> (u32, u32) {
    match target.facts().arch {
        "aarch64" => (macho::CPU_TYPE_ARM64, macho::CPU_SUBTYPE_ARM64_ALL),
        _ => (macho::CPU_TYPE_X86_64, macho::CPU_SUBTYPE_X86_64_ALL),
    }
}

#[cfg(test)]
mod tests {
    use cross_engine::process::untrusted::Dir;

    use super::*;

    const TARGETS: [&str; 2] = ["aarch64-apple-darwin", "x86_64-apple-darwin"];

    /// The layout of two files with these contents.
    fn of(contents: [&[u8]; 2]) -> Result<Option<Layout>> {
        let root = tempfile::tempdir().unwrap();
        let dir = Dir::open(root.path()).unwrap();
        let files = ["one", "two"].map(|name| root.path().join(name));
        for (path, bytes) in files.iter().zip(contents) {
            std::fs::write(path, bytes).unwrap();
        }
        let [one, two] = ["one", "two"].map(|name| dir.file(name).unwrap());
        let [arm, intel] = TARGETS.map(|triple| Target::parse(triple).unwrap());
        layout(&[(arm, &one), (intel, &two)])
    }

    fn mach_o(cpu: u32, length: usize) -> Vec<u8> {
        let mut bytes = [MACH_O, cpu.to_le_bytes()].concat();
        bytes.resize(length, 0);
        bytes
    }

    #[test]
    fn programs_begin_at_pages_and_each_says_its_machine() {
        let (arm, intel) = (
            mach_o(macho::CPU_TYPE_ARM64, 20_000),
            mach_o(macho::CPU_TYPE_X86_64, 100),
        );
        let Layout { header, offsets } = of([&arm, &intel]).unwrap().unwrap();
        assert_eq!(offsets, [0x4000, 0xc000]);
        let numbers: Vec<_> = header
            .chunks(4)
            .map(|bytes| u32::from_be_bytes(bytes.try_into().unwrap()))
            .collect();
        let expected = [
            [0xcafe_babe, 2].as_slice(),
            &[0x0100_000c, 0, 0x4000, 20_000, 14],
            &[0x0100_0007, 3, 0xc000, 100, 14],
        ];
        assert_eq!(numbers, expected.concat());
    }

    #[test]
    fn static_libraries_are_joined_and_other_files_are_not() {
        let archive = b"!<arch>\nabc".as_slice();
        let layout = of([archive, archive]).unwrap().unwrap();
        assert_eq!(layout.offsets, [48, 64]);
        let arm = mach_o(macho::CPU_TYPE_ARM64, 100);
        for [one, two] in [
            [&arm[..], archive],
            [b"#!/bin/sh\n", b"#!/bin/sh\n"],
            [b"", b""],
            [archive, b"!<arch"],
        ] {
            assert_eq!(of([one, two]).unwrap(), None);
        }
    }

    #[test]
    fn a_file_for_another_machine_is_refused() {
        let arm = mach_o(macho::CPU_TYPE_ARM64, 100);
        let error = of([&arm, &arm]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Untrusted);
        let message = error.to_string();
        assert!(message.ends_with("than x86_64-apple-darwin"), "{message}");
    }

    #[test]
    fn what_is_too_long_has_no_layout() {
        let machines = [(1, 0), (2, 0)];
        let of = |length| arranged(Form::MachO, &machines.map(|machine| (machine, length)));
        assert!(of(1 << 30).is_some());
        assert_eq!(of(1 << 31), None);
        assert_eq!(of(u64::MAX), None);
    }
}
