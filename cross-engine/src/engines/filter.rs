//! The system call filter of a sandbox: a program that the kernel runs before each call.
//!
//! It is generated from the names in `calls.rs`, for each architecture whose calls the kernel
//! accepts: its own, and the 32-bit architecture that it is compatible with. All other calls (x32)
//! fail as unknown ones.

mod bpf;
mod calls;
mod numbers;
mod profile;

use std::collections::BTreeMap;

use self::bpf::{
    ARCHITECTURE, Instruction, JUMP, JUMP_EQUAL, LOAD, NUMBER, Verdict, ending, search,
};
use self::numbers::Numbers;
pub(super) use self::profile::profile;

/// `EPERM`, the same number on every architecture.
const EPERM: u16 = 1;
/// `ENOSYS`.
const ENOSYS: u16 = 38;

/// An architecture: the kernel's number for it, and its column of the table of numbers.
struct Architecture {
    audit: u32,
    column: fn(&Numbers) -> Option<u32>,
}

macro_rules! architecture {
    ($name:ident, $audit:literal) => {
        Architecture {
            audit: $audit,
            column: |numbers| numbers.$name,
        }
    };
}

/// Returns the filter for a kernel of `architecture`, as [`std::env::consts::ARCH`] spells it, or
/// `None` if its calls are not known. With `socketcall`, programs for 32-bit x86 can open sockets
/// as glibc does.
pub(crate) fn program(architecture: &str, socketcall: bool) -> Option<Vec<u8>> {
    let kinds: &[Architecture] = match architecture {
        "x86_64" => &[
            architecture!(x86_64, 0xc000_003e),
            architecture!(x86, 0x4000_0003),
        ],
        "aarch64" => &[
            architecture!(aarch64, 0xc000_00b7),
            architecture!(arm, 0x4000_0028),
        ],
        "riscv64" => &[architecture!(riscv64, 0xc000_00f3)],
        _ => return None,
    };
    let program = assembled(kinds, socketcall);
    Some(program.into_iter().flat_map(Instruction::bytes).collect())
}

fn assembled(kinds: &[Architecture], socketcall: bool) -> Vec<Instruction> {
    let calls = calls(socketcall);
    let mut program = vec![Instruction::plain(LOAD, ARCHITECTURE)];
    for kind in kinds {
        let mut part = vec![Instruction::plain(LOAD, NUMBER)];
        part.extend(search(&starts(&verdicts(kind, &calls))));
        let far = u32::try_from(part.len()).unwrap_or(u32::MAX);
        program.push(Instruction {
            code: JUMP_EQUAL,
            jump_true: 1,
            jump_false: 0,
            value: kind.audit,
        });
        program.push(Instruction::plain(JUMP, far));
        program.extend(part);
    }
    program.extend(ending(Verdict::Fail(ENOSYS)));
    program
}

/// Returns the known calls with their verdicts. Of a call that is listed twice, the last counts.
fn calls(socketcall: bool) -> Vec<(Numbers, Verdict)> {
    fn known(names: &str) -> impl Iterator<Item = Numbers> + '_ {
        names.split(' ').filter_map(numbers::of)
    }
    let groups = |groups: &'static [calls::Group], verdict| {
        let numbers = groups.iter().flat_map(|group| known(group.names));
        numbers.map(move |numbers| (numbers, verdict))
    };
    let conditional = calls::CONDITIONAL.iter().flat_map(|group| {
        let verdict = Verdict::FailIf(EPERM, group.when);
        known(group.names).map(move |numbers| (numbers, verdict))
    });
    let socketcall = match socketcall {
        true => Verdict::Allow,
        false => Verdict::Fail(EPERM),
    };
    groups(calls::ALLOWED, Verdict::Allow)
        .chain(known(calls::SOCKETCALL).map(|numbers| (numbers, socketcall)))
        .chain(conditional)
        .chain(groups(calls::REFUSED, Verdict::Fail(EPERM)))
        .chain(groups(calls::UNKNOWN, Verdict::Fail(ENOSYS)))
        .collect()
}

/// Returns the verdict for each of `calls` that an architecture has.
fn verdicts(kind: &Architecture, calls: &[(Numbers, Verdict)]) -> BTreeMap<u32, Verdict> {
    let numbered =
        |(numbers, verdict): &(Numbers, Verdict)| Some(((kind.column)(numbers)?, *verdict));
    calls.iter().filter_map(numbered).collect()
}

/// Returns the numbers at which the verdict changes, starting at 0.
fn starts(verdicts: &BTreeMap<u32, Verdict>) -> Vec<(u32, Verdict)> {
    let none = Verdict::Fail(ENOSYS);
    let mut starts: Vec<(u32, Verdict)> = vec![(0, none)];
    let mut start = |number: u32, verdict: Verdict| match starts.last_mut() {
        Some((last, before)) if *last == number => *before = verdict,
        Some((_, before)) if is_same(*before, verdict) => {}
        _ => starts.push((number, verdict)),
    };
    for (number, verdict) in verdicts {
        start(*number, *verdict);
        if !verdicts.contains_key(&(number + 1)) {
            start(number + 1, none);
        }
    }
    starts
}

/// Whether two verdicts can share a range. Verdicts with tests cannot.
fn is_same(one: Verdict, other: Verdict) -> bool {
    match (one, other) {
        (Verdict::Allow, Verdict::Allow) => true,
        (Verdict::Fail(one), Verdict::Fail(other)) => one == other,
        _ => false,
    }
}

#[cfg(test)]
mod tests;
