//! The interpreters that are registered with the kernel of this machine (`binfmt_misc`), for
//! programs of other architectures.

use std::fs;
use std::path::Path;

use cross_engine::ForeignPrograms;
use cross_engine::os::kernel_file;

/// The kernel's list.
const LIST: &str = "sys/fs/binfmt_misc";

/// An interpreter that the kernel starts for some programs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Interpreter {
    /// The name under which it was registered: `qemu-aarch64`.
    pub(crate) name: String,
    /// Whether the kernel opened it when it was registered (flag `F`), so that containers need not
    /// have it.
    pub(crate) is_open: bool,
    /// The first bytes of the programs.
    magic: Vec<u8>,
}

impl Interpreter {
    /// Whether it executes programs of `machine`.
    pub(crate) fn executes(&self, machine: &ForeignPrograms) -> bool {
        let header = machine.header();
        let matches = |at: usize| self.magic.get(at) == header.get(at);
        [4, 5, 18, 19].into_iter().all(matches)
    }
}

/// Lists the interpreters that are in use.
pub(crate) fn registered() -> Vec<Interpreter> {
    kernel_file(LIST)
        .map(|list| listed(&list))
        .unwrap_or_default()
}

fn listed(dir: &Path) -> Vec<Interpreter> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    let mut all: Vec<_> = entries
        .filter_map(|entry| {
            let text = fs::read_to_string(entry.path()).ok()?;
            parsed(&entry.file_name().to_string_lossy(), &text)
        })
        .collect();
    all.sort_by(|a, b| a.name.cmp(&b.name));
    all
}

/// Parses an entry of the list. `None` if it is not in use, or not about the start of ELF files.
fn parsed(name: &str, text: &str) -> Option<Interpreter> {
    let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key));
    let is_enabled = text.lines().next() == Some("enabled");
    let magic = field("magic ").map(bytes)?;
    let is_elf = field("offset ") == Some("0") && magic.starts_with(b"\x7fELF");
    (is_enabled && is_elf).then(|| Interpreter {
        name: name.to_owned(),
        is_open: field("flags: ").is_some_and(|flags| flags.contains('F')),
        magic,
    })
}

/// Reads pairs of hexadecimal digits, up to the first that is none.
fn bytes(digits: &str) -> Vec<u8> {
    let pairs = digits.as_bytes().chunks_exact(2);
    let pairs = pairs.map_while(|pair| std::str::from_utf8(pair).ok());
    pairs
        .map_while(|pair| u8::from_str_radix(pair, 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "enabled\ninterpreter /usr/libexec/qemu-binfmt/aarch64-binfmt-P\nflags: POCF\noffset 0\n\
        magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n";

    #[test]
    fn an_entry_says_which_programs_it_executes_and_whether_containers_need_it() {
        let arm64 = ForeignPrograms::new(64, false, 183, "/");
        let others = [
            ForeignPrograms::new(64, true, 183, "/"),
            ForeignPrograms::new(32, false, 183, "/"),
            ForeignPrograms::new(64, false, 243, "/"),
        ];
        let entry = parsed("qemu-aarch64", ENTRY).unwrap();
        assert!(entry.is_open && entry.executes(&arm64));
        assert!(!others.iter().any(|other| entry.executes(other)));
        let absent = ENTRY.replace("POCF", "PO");
        assert!(!parsed("qemu-aarch64", &absent).unwrap().is_open);
    }

    #[test]
    fn what_is_off_or_about_other_files_does_not_count() {
        for text in [
            ENTRY.replace("enabled", "disabled"),
            ENTRY.replace("offset 0", "offset 2"),
            ENTRY.replace("7f454c46", "cafebabe"),
            "enabled\ninterpreter /usr/bin/jar\nflags: \nextension .jar\n".to_owned(),
            "enabled\n".to_owned(),
        ] {
            assert_eq!(parsed("x", &text), None, "{text}");
        }
    }

    #[test]
    fn a_machine_without_the_list_has_none() {
        assert_eq!(listed(Path::new("/nonexistent")), []);
    }
}
