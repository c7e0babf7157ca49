//! The section of an ELF file that has a byte.

use std::ops::Range;

/// The name of the section of `file` that has the byte at `offset`. `None` if the file is no ELF
/// file, or if no section has the byte.
pub(crate) fn at(file: &[u8], offset: usize) -> Option<String> {
    let elf = Elf::of(file)?;
    let mut around = elf.sections().filter(|section| {
        offset
            .checked_sub(section.offset)
            .is_some_and(|at| at < section.size)
    });
    let name = elf.name(&around.next()?)?;
    Some(String::from_utf8_lossy(name).into_owned())
}

/// Where the section `name` of `file` is.
pub(crate) fn range(file: &[u8], name: &str) -> Option<Range<usize>> {
    let elf = Elf::of(file)?;
    let mut sections = elf.sections();
    let found = sections.find(|section| elf.name(section) == Some(name.as_bytes()))?;
    Some(found.offset..found.offset.checked_add(found.size)?)
}

/// The kind of a section that has no bytes in the file.
const NO_BYTES: usize = 8;

struct Elf<'a> {
    file: &'a [u8],
    is_64: bool,
    is_little: bool,
    /// The table of sections: where it is, the size of a row, and the number of rows.
    table: usize,
    row: usize,
    count: usize,
    /// The section with the names of sections.
    names: usize,
}

struct Section {
    /// Where its name begins among the names.
    name: usize,
    kind: usize,
    offset: usize,
    size: usize,
}

impl<'a> Elf<'a> {
    fn of(file: &'a [u8]) -> Option<Self> {
        let rest = file.strip_prefix(b"\x7fELF")?;
        let (is_64, is_little) = (*rest.first()? == 2, *rest.get(1)? == 1);
        let mut elf = Elf {
            file,
            is_64,
            is_little,
            table: 0,
            row: 0,
            count: 0,
            names: 0,
        };
        let (table, numbers) = if is_64 { (0x28, 0x3a) } else { (0x20, 0x2e) };
        elf.table = elf.word(table)?;
        elf.row = elf.number(numbers, 2)?;
        elf.count = elf.number(numbers + 2, 2)?;
        elf.names = elf.number(numbers + 4, 2)?;
        Some(elf)
    }

    /// The sections that have bytes in the file.
    fn sections(&self) -> impl Iterator<Item = Section> {
        let sections = (0..self.count).filter_map(|index| self.section(index));
        sections.filter(|section| section.kind != NO_BYTES)
    }

    fn name(&self, section: &Section) -> Option<&'a [u8]> {
        let names = self.section(self.names)?;
        let name = self.file.get(names.offset.checked_add(section.name)?..)?;
        let end = name.iter().position(|byte| *byte == 0)?;
        Some(&name[..end])
    }

    fn section(&self, index: usize) -> Option<Section> {
        let row = self.table.checked_add(index.checked_mul(self.row)?)?;
        let (offset, size) = if self.is_64 {
            (0x18, 0x20)
        } else {
            (0x10, 0x14)
        };
        Some(Section {
            name: self.number(row, 4)?,
            kind: self.number(row.checked_add(4)?, 4)?,
            offset: self.word(row.checked_add(offset)?)?,
            size: self.word(row.checked_add(size)?)?,
        })
    }

    fn word(&self, at: usize) -> Option<usize> {
        self.number(at, if self.is_64 { 8 } else { 4 })
    }

    fn number(&self, at: usize, size: usize) -> Option<usize> {
        let bytes = self.file.get(at..at.checked_add(size)?)?;
        let add = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let number = match self.is_little {
            true => bytes.iter().rev().fold(0, add),
            false => bytes.iter().fold(0, add),
        };
        usize::try_from(number).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_of_this_program_is_found() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let text = b"a_text_that_only_this_test_has";
        let at_text = file.windows(text.len()).position(|part| part == text);
        let name = at(&file, at_text.unwrap()).unwrap();
        assert!(name.contains("rodata") || name.contains("const"), "{name}");
        assert_eq!(at(&file, 0), None, "the header is in no section");
        assert_eq!(at(&file, usize::MAX), None);
        assert!(range(&file, &name).unwrap().contains(&at_text.unwrap()));
        assert_eq!(range(&file, ".none"), None);
    }

    #[test]
    fn what_is_no_elf_file_or_is_cut_has_no_section() {
        let file = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for cut in [0, 3, 5, 40, 64, 1000] {
            assert_eq!(at(&file[..cut], 20), None);
        }
        assert_eq!(at(b"MZ and more", 3), None);
    }
}
