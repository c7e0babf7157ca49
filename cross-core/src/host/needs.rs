//! What a program or library needs of the system that runs it: libraries, a loader, a glibc, a
//! version of Apple's system.

use std::path::Path;

use cross_engine::process::untrusted::{Room, limits};
use cross_targets::{GlibcVersion, SystemVersion};
use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader};
use object::read::pe::{ImageNtHeaders, PeFile};
use object::{Endianness, FileKind, LittleEndian, ReadCache, ReadRef, pe};
use serde::Serialize;

use crate::host::binary::{Binary, Bounded};
use crate::host::files;
use crate::host::mach_o::MachO;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::outcome::{Artifact, version_text};

/// What a program or library of ELF (Linux, BSD), Mach-O (Apple) or PE (Windows) needs of the system
/// that runs it, as the file itself says.
///
/// The default is what a static program for bare metal needs: nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Needs {
    /// The libraries that the loader loads with it, by the names or paths in the file, each once, in
    /// order: `libc.so.6`, `KERNEL32.dll`, `/usr/lib/libSystem.B.dylib`. Those that it loads itself
    /// while it runs (`dlopen`, `LoadLibrary`, delayed imports) are not among them.
    pub libraries: Vec<String>,
    /// The program that loads it: `/lib/ld-linux-aarch64.so.1`. `None` for a static program, for a
    /// library, and where the system decides it (Apple's and Windows).
    pub interpreter: Option<String>,
    /// The oldest glibc that has every symbol version that it needs. `None` if it needs none.
    #[serde(serialize_with = "version_text")]
    pub glibc: Option<GlibcVersion>,
    /// The oldest version of Apple's system that runs it; of one for several machines, the newest of
    /// these. `None` if it is for another system.
    #[serde(serialize_with = "version_text")]
    pub deployment_target: Option<SystemVersion>,
}

impl Needs {
    /// Reads the headers of the program or library at `path`.
    ///
    /// ```no_run
    /// use cross_core::needs::Needs;
    /// use cross_core::targets::GlibcVersion;
    ///
    /// let needs = Needs::read("target/aarch64-unknown-linux-gnu/release/app")?;
    /// assert!(needs.glibc <= Some(GlibcVersion::new(2, 31)), "{needs:?}");
    /// assert!(!needs.libraries.iter().any(|name| name.starts_with("libssl")));
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or is no program or library of these formats: static libraries
    /// and WebAssembly say nothing of what they need. Nor does an ELF file whose section headers are
    /// gone.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let file = files::open_program(path)?;
        let parsed = Self::parse(&ReadCache::new(file.as_file()));
        let parsed = parsed.and_then(|needs| match needs {
            Some(needs) => Ok(needs),
            None => {
                let apples = MachO::read_file(file.as_file())?;
                let is_known = !apples.is_empty();
                let needs = is_known.then(|| Self::of_apple(apples));
                needs.ok_or_else(|| "it has another format, or needs too much".to_owned())
            }
        });
        parsed.map_err(|why| {
            let message = format!(
                "`{}` does not say what it needs as a program or a library of ELF, Mach-O or PE: {why}",
                path.display()
            );
            Error::new(ErrorKind::Io, message)
        })
    }

    /// Whether the system's loader loads nothing with it.
    pub fn is_static(&self) -> bool {
        self.libraries.is_empty() && self.interpreter.is_none()
    }

    /// Reads what is no Mach-O file.
    pub(crate) fn parse<'data, R: ReadRef<'data>>(data: R) -> Result<Option<Self>, String> {
        let bounded = Bounded(data);
        let kind = FileKind::parse(bounded).map_err(|why| why.to_string())?;
        let found = match kind {
            FileKind::Elf32 => Self::of_elf::<elf::FileHeader32<Endianness>, _>(bounded),
            FileKind::Elf64 => Self::of_elf::<elf::FileHeader64<Endianness>, _>(bounded),
            FileKind::Pe32 => Self::of_windows::<pe::ImageNtHeaders32, _>(bounded),
            FileKind::Pe64 => Self::of_windows::<pe::ImageNtHeaders64, _>(bounded),
            _ => return Ok(None),
        };
        let mut found = found.map_err(|why| why.to_string())?;
        if let (FileKind::Elf32 | FileKind::Elf64, Some(needs)) = (kind, &mut found) {
            let binary = Binary::parse(data)?;
            needs.glibc = binary.glibc;
        }
        Ok(found)
    }

    /// `None` where it names more libraries than are kept.
    fn of_elf<'data, H, R>(data: R) -> Result<Option<Self>, Box<dyn std::error::Error>>
    where
        H: FileHeader<Endian = Endianness>,
        R: ReadRef<'data>,
    {
        let header = H::parse(data)?;
        let endian = header.endian()?;
        let mut names = Names::new();
        let (mut interpreter, mut is_dynamic) = (None, false);
        for segment in header.program_headers(endian, data)? {
            is_dynamic |= segment.p_type(endian) == elf::PT_DYNAMIC;
            if let Some(path) = segment.interpreter(endian, data)? {
                interpreter = Some(String::from_utf8_lossy(path).into_owned());
            }
        }
        let sections = header.sections(endian, data)?;
        if let Some((entries, link)) = sections.dynamic(endian, data)? {
            let strings = sections.strings(endian, data, link)?;
            for entry in entries {
                if entry.tag32(endian) == Some(elf::DT_NULL) {
                    break;
                }
                if entry.tag32(endian) != Some(elf::DT_NEEDED) {
                    continue;
                }
                let name = entry.val32(endian).and_then(|at| strings.get(at).ok());
                match name {
                    Some(name) if names.add(name) => {}
                    _ => return Ok(None),
                }
            }
        } else if is_dynamic {
            // The system's loader needs no sections, but the versions of symbols are found by them.
            let why = "its section headers do not name its dynamic table. Read it before they are \
                       removed (`--strip-sections`), or keep them";
            return Err(why.into());
        }
        Ok(Some(Needs {
            libraries: names.all,
            interpreter,
            ..Needs::default()
        }))
    }

    /// `None` where it names more libraries than are kept.
    fn of_windows<'data, H, R>(data: R) -> Result<Option<Self>, Box<dyn std::error::Error>>
    where
        H: ImageNtHeaders,
        R: ReadRef<'data>,
    {
        let file = PeFile::<H, R>::parse(data)?;
        let mut names = Names::new();
        if let Some(table) = file.import_table()? {
            let mut descriptors = table.descriptors()?;
            while let Some(descriptor) = descriptors.next()? {
                if !names.add(table.name(descriptor.name.get(LittleEndian))?) {
                    return Ok(None);
                }
            }
        }
        Ok(Some(Needs {
            libraries: names.all,
            ..Needs::default()
        }))
    }

    fn of_apple(machines: Vec<MachO>) -> Self {
        let mut needs = Needs::default();
        for machine in machines {
            needs.deployment_target = needs.deployment_target.max(machine.deployment_target);
            for library in machine.libraries {
                if !needs.libraries.contains(&library) {
                    needs.libraries.push(library);
                }
            }
        }
        needs
    }
}

impl Artifact {
    /// Reads what the artifact needs of the system that runs it. See [`Needs`].
    ///
    /// ```no_run
    /// for program in cross_core::build("x86_64-unknown-linux-musl")?.executables() {
    ///     assert!(program.needs()?.is_static(), "{}", program.path.display());
    /// }
    /// # Ok::<(), cross_core::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As for [`Needs::read`].
    pub fn needs(&self) -> Result<Needs> {
        Needs::read(&self.path)
    }
}

/// The names of libraries, each once, of a bounded size.
struct Names {
    all: Vec<String>,
    room: Room,
}

/// How many libraries are kept. Large programs have some dozens.
const LIBRARIES: usize = 4096;

impl Names {
    fn new() -> Self {
        Names {
            all: Vec::new(),
            room: Room::new(limits::SYMBOL_NAMES),
        }
    }

    /// Adds a name. Returns whether there is room for it.
    fn add(&mut self, name: &[u8]) -> bool {
        let name = String::from_utf8_lossy(name);
        if self.all.iter().any(|known| *known == *name) {
            return true;
        }
        let size = name.len() + limits::OVERHEAD;
        let has_room = self.all.len() < LIBRARIES && self.room.take(size);
        if has_room {
            self.all.push(name.into_owned());
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_program_names_its_libraries_its_loader_and_its_glibc() {
        let program = std::env::args_os().next().unwrap();
        let needs = Needs::read(&program).unwrap();
        assert!(
            needs.libraries.contains(&"libc.so.6".to_owned()),
            "{needs:?}"
        );
        assert!(needs.interpreter.as_ref().unwrap().contains("ld-linux"));
        assert!(!needs.is_static());
        assert!(needs.glibc >= Some(GlibcVersion::new(2, 17)), "{needs:?}");
        assert!(needs.glibc > Some(GlibcVersion::new(2, 4)), "by number");
        let json = serde_json::to_value(&needs).unwrap();
        assert_eq!(json["glibc"], needs.glibc.unwrap().to_string());
    }

    /// A PE32+ program with one section, whose import table names these libraries.
    fn windows(libraries: &[&str]) -> Vec<u8> {
        let mut file = vec![0; 0x400];
        let put = |file: &mut Vec<u8>, at: usize, bytes: &[u8]| {
            file[at..at + bytes.len()].copy_from_slice(bytes);
        };
        put(&mut file, 0, b"MZ");
        put(&mut file, 0x3c, &0x40_u32.to_le_bytes());
        put(&mut file, 0x40, b"PE\0\0");
        put(&mut file, 0x44, &0x8664_u16.to_le_bytes());
        put(&mut file, 0x46, &1_u16.to_le_bytes());
        put(&mut file, 0x54, &240_u16.to_le_bytes());
        put(&mut file, 0x58, &0x20b_u16.to_le_bytes());
        put(&mut file, 0xc4, &16_u32.to_le_bytes());
        put(&mut file, 0xd0, &0x1000_u32.to_le_bytes());
        put(&mut file, 0xd4, &0x100_u32.to_le_bytes());
        let section = 0x148;
        put(&mut file, section, b".idata");
        for (at, value) in [(8, 0x200_u32), (12, 0x1000), (16, 0x200), (20, 0x200)] {
            put(&mut file, section + at, &value.to_le_bytes());
        }
        let mut name = 0x100;
        for (n, library) in libraries.iter().enumerate() {
            let at = 0x200 + n * 20;
            put(&mut file, at, &0x1_u32.to_le_bytes());
            put(
                &mut file,
                at + 12,
                &(0x1000_u32 + name as u32).to_le_bytes(),
            );
            put(&mut file, at + 16, &0x1_u32.to_le_bytes());
            put(&mut file, 0x200 + name, library.as_bytes());
            name += library.len() + 1;
        }
        file
    }

    #[test]
    fn a_program_of_windows_names_its_libraries() {
        let file = windows(&["KERNEL32.dll", "bcrypt.dll", "KERNEL32.dll"]);
        let needs = Needs::parse(&file[..]).unwrap().unwrap();
        assert_eq!(needs.libraries, ["KERNEL32.dll", "bcrypt.dll"]);
        assert_eq!(needs.glibc, None);
    }

    /// An ELF file without section headers, as `llvm-strip --strip-sections` leaves it, that has one
    /// program header of this kind.
    fn without_sections(kind: u32) -> Vec<u8> {
        let mut file = vec![0; 64 + 56];
        file[..7].copy_from_slice(b"\x7fELF\x02\x01\x01");
        let header = [(0x10, 3), (0x12, 62), (0x14, 1), (0x20, 64)];
        let sizes = [(0x34, 64), (0x36, 56), (0x38, 1), (0x3a, 64)];
        for (at, value) in header.into_iter().chain(sizes) {
            file[at] = value;
        }
        file[64..68].copy_from_slice(&kind.to_le_bytes());
        file
    }

    #[test]
    fn an_elf_file_without_section_headers_is_static_only_without_a_dynamic_table() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("libapp.so");
        std::fs::write(&path, without_sections(elf::PT_LOAD)).unwrap();
        assert!(Needs::read(&path).unwrap().is_static());
        std::fs::write(&path, without_sections(elf::PT_DYNAMIC)).unwrap();
        let error = Needs::read(&path).unwrap_err();
        assert!(error.to_string().contains("section headers"), "{error}");
    }

    #[test]
    fn what_says_nothing_is_an_error_and_no_empty_answer() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in [
            ("libapp.a", &b"!<arch>\n"[..]),
            ("app.wasm", b"\0asm\x01\0\0\0"),
            ("app", b"\x7fELF and no more"),
            ("empty", b""),
        ] {
            let path = dir.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            let error = Needs::read(&path).unwrap_err();
            assert!(error.to_string().contains(name), "{error}");
        }
        let file = windows(&["KERNEL32.dll"]);
        for length in 0..file.len() {
            let _ = Needs::parse(&file[..length]);
        }
    }
}
