//! Programs for the kernel's BPF machine, which filters system calls.

use super::calls::Test;

/// One instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction {
    pub(super) code: u16,
    pub(super) jump_true: u8,
    pub(super) jump_false: u8,
    pub(super) value: u32,
}

/// Loads a word of the call's description into the accumulator.
pub(super) const LOAD: u16 = 0x20;
/// Jumps forward by `value`.
pub(super) const JUMP: u16 = 0x05;
/// Jumps if the accumulator is `value`.
pub(super) const JUMP_EQUAL: u16 = 0x15;
/// Jumps if the accumulator is at least `value`.
pub(super) const JUMP_AT_LEAST: u16 = 0x35;
/// Jumps if the accumulator has one of the bits of `value`.
pub(super) const JUMP_BITS: u16 = 0x45;
/// Ends with the verdict `value`.
pub(super) const RETURN: u16 = 0x06;

/// The offset of the call's number in its description.
pub(super) const NUMBER: u32 = 0;
/// The offset of its architecture.
pub(super) const ARCHITECTURE: u32 = 4;
/// The offset of its first argument. Each argument has eight bytes, the low half first.
pub(super) const ARGUMENTS: u32 = 16;

/// The verdict for a call.
#[derive(Clone, Copy)]
pub(super) enum Verdict {
    /// The call is allowed.
    Allow,
    /// The call fails with this error.
    Fail(u16),
    /// The call fails with this error if every test holds, and is allowed otherwise.
    FailIf(u16, &'static [Test]),
}

const ALLOW: u32 = 0x7fff_0000;
const FAIL: u32 = 0x0005_0000;

impl Instruction {
    /// An instruction without a condition.
    pub(super) fn plain(code: u16, value: u32) -> Self {
        Instruction {
            code,
            jump_true: 0,
            jump_false: 0,
            value,
        }
    }

    fn branch(code: u16, value: u32, jump_true: usize, jump_false: usize) -> Self {
        let short = |by: usize| u8::try_from(by).unwrap_or(u8::MAX);
        debug_assert!(jump_true <= 255 && jump_false <= 255, "a far jump");
        Instruction {
            code,
            jump_true: short(jump_true),
            jump_false: short(jump_false),
            value,
        }
    }

    /// Returns the bytes that the kernel of a little-endian machine reads.
    pub(super) fn bytes(self) -> [u8; 8] {
        let [code, value] = [u32::from(self.code), self.value].map(u32::to_le_bytes);
        let [a, b, c, d] = value;
        [
            code[0],
            code[1],
            self.jump_true,
            self.jump_false,
            a,
            b,
            c,
            d,
        ]
    }
}

/// Returns a program that searches `starts` for the number in the accumulator, and ends with the
/// verdict of the last start that is not above it. The first start is 0.
pub(super) fn search(starts: &[(u32, Verdict)]) -> Vec<Instruction> {
    let (lower, upper) = starts.split_at(starts.len() / 2);
    let (Some(_), Some((middle, _))) = (lower.first(), upper.first()) else {
        let last = starts
            .first()
            .map_or(Verdict::Allow, |(_, verdict)| *verdict);
        return ending(last);
    };
    let (below, above) = (search(lower), search(upper));
    let far = u32::try_from(below.len()).unwrap_or(u32::MAX);
    let mut program = match below.len() {
        near @ 0..=255 => vec![Instruction::branch(JUMP_AT_LEAST, *middle, near, 0)],
        _ => vec![
            Instruction::branch(JUMP_AT_LEAST, *middle, 0, 1),
            Instruction::plain(JUMP, far),
        ],
    };
    program.extend(below);
    program.extend(above);
    program
}

/// Returns a program that ends with `verdict`.
pub(super) fn ending(verdict: Verdict) -> Vec<Instruction> {
    let fail = |error: u16| Instruction::plain(RETURN, FAIL | u32::from(error));
    let (error, tests) = match verdict {
        Verdict::Allow => return vec![Instruction::plain(RETURN, ALLOW)],
        Verdict::Fail(error) => return vec![fail(error)],
        Verdict::FailIf(error, tests) => (error, tests),
    };
    // Generated from the end: a test that does not hold jumps to the last instruction.
    let mut rest = vec![fail(error)];
    for test in tests.iter().rev() {
        let mut program = tested(*test, rest.len());
        program.append(&mut rest);
        rest = program;
    }
    rest.push(Instruction::plain(RETURN, ALLOW));
    rest
}

/// Continues with the next instruction if `test` holds, and otherwise skips `rest` more
/// instructions.
fn tested(test: Test, rest: usize) -> Vec<Instruction> {
    let (argument, values) = match test {
        Test::AnyBit(argument, bits) => {
            let branch = Instruction::branch(JUMP_BITS, bits, 0, rest);
            return vec![load(argument), branch];
        }
        Test::Is(argument, values) | Test::IsNot(argument, values) => (argument, values),
    };
    let is = matches!(test, Test::Is(..));
    let mut program = vec![load(argument)];
    for (n, value) in values.iter().enumerate() {
        let after = values.len() - n - 1;
        let none = if after == 0 && is { rest } else { 0 };
        let one = if is { after } else { after + rest };
        program.push(Instruction::branch(JUMP_EQUAL, *value, one, none));
    }
    program
}

fn load(argument: u32) -> Instruction {
    Instruction::plain(LOAD, ARGUMENTS + 8 * argument)
}
