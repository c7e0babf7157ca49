//! Programs of another architecture, and what the kernel has to know to start them.

use std::path::PathBuf;

use serde::Serialize;

use crate::process::host::Host;

/// The mount point of the interpreter.
///
/// The kernel calls the interpreter with the path of the program, the program's own name (its
/// argument zero), and its arguments.
pub const INTERPRETER_AT: &str = "/run/cross-interpreter";

/// Programs of another architecture, which an interpreter executes.
///
/// The target's runner starts the first of them. Those that it starts in turn are up to the kernel,
/// which has to be told of the interpreter (`binfmt_misc`). The sandbox does that for the run
/// alone, where the kernel allows it: see [`Engine::run`](crate::Engine::run).
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct ForeignPrograms {
    /// The width of a pointer in bits: 32 or 64.
    pub pointer_width: u32,
    /// Whether the most significant byte comes first.
    pub big_endian: bool,
    /// The machine by its number in the header of ELF files (`e_machine`).
    pub machine: u16,
    /// The interpreter on the host: an executable file, which is mounted at [`INTERPRETER_AT`].
    pub interpreter: PathBuf,
}

impl ForeignPrograms {
    /// Programs in the format ELF, for `machine` as the format numbers it.
    pub fn new(
        pointer_width: u32,
        big_endian: bool,
        machine: u16,
        interpreter: impl Into<PathBuf>,
    ) -> Self {
        ForeignPrograms {
            pointer_width,
            big_endian,
            machine,
            interpreter: interpreter.into(),
        }
    }

    /// What is written into the kernel's file `register`: the header of the programs, which of its
    /// bits count, and that the interpreter is told the program's own name (`P`).
    pub(crate) fn registration(&self) -> String {
        let (magic, mask) = (self.header(), self.mask());
        let escaped = |bytes: [u8; HEADER]| -> String {
            bytes.iter().map(|byte| format!("\\x{byte:02x}")).collect()
        };
        let (magic, mask) = (escaped(magic), escaped(mask));
        format!(":cross:M::{magic}:{mask}:{INTERPRETER_AT}:P")
    }

    /// The first bytes of an executable, up to the number of the machine.
    pub fn header(&self) -> [u8; HEADER] {
        let class = if self.pointer_width == 64 { 2 } else { 1 };
        let data = if self.big_endian { 2 } else { 1 };
        let mut header = [0; HEADER];
        header[..7].copy_from_slice(&[0x7f, b'E', b'L', b'F', class, data, 1]);
        header[TYPE..TYPE + 2].copy_from_slice(&self.number(EXECUTABLE));
        header[TYPE + 2..].copy_from_slice(&self.number(self.machine));
        header
    }

    /// The bits that count: not the system, which statically linked and GNU programs name
    /// differently, and not the bit that tells an executable from one at any address.
    fn mask(&self) -> [u8; HEADER] {
        let mut mask = [0xff; HEADER];
        mask[7] = 0;
        mask[TYPE..TYPE + 2].copy_from_slice(&self.number(!1));
        mask
    }

    fn number(&self, number: u16) -> [u8; 2] {
        match self.big_endian {
            true => number.to_be_bytes(),
            false => number.to_le_bytes(),
        }
    }
}

/// The length of the part of the header that names the machine.
const HEADER: usize = 20;
/// The offset of the type of file, which the machine follows.
const TYPE: usize = 16;
/// The type of an executable. That of one at any address is the next number.
const EXECUTABLE: u16 = 2;

/// What a run needs to register an interpreter for itself alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Registrar {
    /// The program `unshare`, which starts another in namespaces of its own.
    pub(crate) unshare: PathBuf,
    /// The program `mount`.
    pub(crate) mount: PathBuf,
    /// The directory on which the run mounts its list of interpreters.
    pub(crate) on: PathBuf,
}

impl Registrar {
    /// Finds the programs; `None` if the machine lacks one.
    pub(crate) fn of(host: &Host) -> Option<Self> {
        Some(Registrar {
            unshare: host.find_program("unshare")?,
            mount: host.find_program("mount")?,
            on: host.cache.join("binfmt"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registration_has_the_header_of_the_machines_programs() {
        let arm64 = ForeignPrograms::new(64, false, 183, "/c/run");
        assert_eq!(
            arm64.registration(),
            r":cross:M::\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:/run/cross-interpreter:P"
        );
        let mips = ForeignPrograms::new(32, true, 8, "/c/run");
        assert_eq!(
            mips.registration(),
            r":cross:M::\x7f\x45\x4c\x46\x01\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x08:\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff:/run/cross-interpreter:P"
        );
    }

    #[test]
    fn every_byte_of_the_header_is_compared_but_the_system() {
        let s390x = ForeignPrograms::new(64, true, 22, "/c/run");
        let compared = s390x.mask().iter().filter(|byte| **byte != 0).count();
        assert_eq!(compared, HEADER - 1);
    }
}
