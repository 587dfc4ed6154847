//! From bytes to instructions: the VEX encodings of AMX, and the one of AVX-VNNI that a kernel uses.
//!
//! ```text
//! C4 | R' X' B' map | W vvvv' L pp | opcode | ModRM | [SIB] | [displacement]      (primed: inverted)
//! ```
//!
//! R extends ModRM.reg, X the index, B ModRM.rm or the base; vvvv names one more register; pp stands for a prefix; all of these are of map 0F38 with W = 0.

/// An instruction that can be emulated; registers by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    LoadConfiguration(Address),
    StoreConfiguration(Address),
    Release,
    Zero(usize),
    /// The address is that of the first row; its index is the stride.
    Load(usize, Address),
    Store(usize, Address),
    /// Bytes in fours: which side is signed; sums, rows, columns.
    Bytes([bool; 2], [usize; 3]),
    /// bfloat16 in pairs: sums, rows, columns.
    Bf16([usize; 3]),
    /// VPDPBUSD of 256 bits: sums, unsigned, signed bytes.
    Dot(usize, usize, Source),
}

/// A register or a place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    Register(usize),
    Memory(Address),
}

/// A place in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address {
    pub base: Base,
    /// Register and shift.
    pub index: Option<(usize, u32)>,
    pub displacement: i64,
}

/// What an address starts at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base {
    Nothing,
    Register(usize),
    /// The instruction that follows.
    Next,
}

/// The instruction whose bytes `byte` reads, and its length; no byte is read beyond it, nor beyond where it turns out to be another.
pub fn decode(byte: impl Fn(usize) -> u8) -> Option<(Instruction, usize)> {
    if byte(0) != 0xc4 {
        return None;
    }
    let (extend, fields) = (!byte(1), byte(2));
    if extend & 0x1f != 0x1f & !0b00010 || fields & 0x80 != 0 {
        return None;
    }
    let [r, x, b] = [7, 6, 5].map(|bit| usize::from(extend >> bit & 1) << 3);
    let third = usize::from(!fields >> 3 & 0xf);
    let (long, prefix, opcode) = (fields & 4 != 0, fields & 3, byte(3));
    if !matches!(opcode, 0x49 | 0x4b | 0x50 | 0x5c | 0x5e) {
        return None;
    }
    let modrm = byte(4);
    let (mode, reg, rm) = (
        modrm >> 6,
        usize::from(modrm >> 3 & 7) | r,
        usize::from(modrm & 7),
    );
    let (mut length, mut scaled) = (5, false);
    let source = if mode == 3 {
        Source::Register(rm | b)
    } else {
        let mut base = Base::Register(rm | b);
        let mut index = None;
        let mut wide = mode == 2;
        if rm == 4 {
            let sib = byte(5);
            length = 6;
            scaled = true;
            let register = usize::from(sib >> 3 & 7) | x;
            index = (register != 4).then_some((register, u32::from(sib >> 6)));
            base = Base::Register(usize::from(sib & 7) | b);
            if sib & 7 == 5 && mode == 0 {
                (base, wide) = (Base::Nothing, true);
            }
        } else if rm == 5 && mode == 0 {
            (base, wide) = (Base::Next, true);
        }
        let displacement = if wide {
            let bytes = std::array::from_fn(|at| byte(length + at));
            length += 4;
            i64::from(i32::from_le_bytes(bytes))
        } else if mode == 1 {
            length += 1;
            i64::from(byte(length - 1) as i8)
        } else {
            0
        };
        Source::Memory(Address {
            base,
            index,
            displacement,
        })
    };
    const NONE: u8 = 0;
    const P66: u8 = 1;
    const F3: u8 = 2;
    const F2: u8 = 3;
    // vvvv is all ones, here inverted, where it names no register. There are eight tiles.
    let tile = |register: usize| register < 8;
    let instruction = match (opcode, prefix, source) {
        (0x50, P66, source) if long => return Some((Instruction::Dot(reg, third, source), length)),
        _ if long => return None,
        (0x49, NONE, Source::Memory(at)) if reg & 7 == 0 && third == 0 => {
            Instruction::LoadConfiguration(at)
        }
        (0x49, P66, Source::Memory(at)) if reg & 7 == 0 && third == 0 => {
            Instruction::StoreConfiguration(at)
        }
        (0x49, NONE, Source::Register(0)) if reg == 0 && third == 0 => Instruction::Release,
        (0x49, F2, Source::Register(0)) if tile(reg) && third == 0 => Instruction::Zero(reg),
        (0x4b, F2 | P66, Source::Memory(at)) if scaled && tile(reg) && third == 0 => {
            Instruction::Load(reg, at)
        }
        (0x4b, F3, Source::Memory(at)) if scaled && tile(reg) && third == 0 => {
            Instruction::Store(reg, at)
        }
        (0x5c, F3, Source::Register(rows)) if tile(reg) && tile(rows) && tile(third) => {
            Instruction::Bf16([reg, rows, third])
        }
        (0x5e, signs, Source::Register(rows)) if tile(reg) && tile(rows) && tile(third) => {
            let signed = match signs {
                F2 => [true, true],
                F3 => [true, false],
                P66 => [false, true],
                _ => [false, false],
            };
            Instruction::Bytes(signed, [reg, rows, third])
        }
        _ => return None,
    };
    Some((instruction, length))
}

#[cfg(test)]
mod tests {
    use super::Base::{Next, Nothing, Register};
    use super::Instruction::*;
    use super::*;

    fn decoded(bytes: &[u8]) -> Option<(Instruction, usize)> {
        decode(|at| bytes[at])
    }

    fn at(base: Base, index: Option<(usize, u32)>, displacement: i64) -> Address {
        Address {
            base,
            index,
            displacement,
        }
    }

    #[test]
    fn what_the_assembler_wrote_is_read_back() {
        use std::arch::naked_asm;
        /// Instructions as the assembler encodes them; never called.
        #[unsafe(naked)]
        extern "C" fn code() {
            naked_asm!(
                "ldtilecfg [rax]",
                "ldtilecfg [r13]",
                "ldtilecfg [rip + 0x1234]",
                "ldtilecfg [rsp + 8]",
                "ldtilecfg [r12 + 4*r9 - 0x1000]",
                "sttilecfg [rbp - 8]",
                "tilerelease",
                "tilezero tmm7",
                "tileloadd tmm3, [rax + rcx]",
                "tileloadd tmm4, [r8 + 2*r15 + 64]",
                "tileloaddt1 tmm5, [rbp + r12 + 0x3800]",
                "tileloadd tmm6, [r13 + 8*rbx]",
                "tileloadd tmm6, [8*rbx + 0x100]",
                "tilestored [rdi + rsi - 128], tmm1",
                "tilestored [rsp], tmm1",
                "tdpbssd tmm0, tmm4, tmm6",
                "tdpbsud tmm1, tmm5, tmm7",
                "tdpbusd tmm2, tmm4, tmm6",
                "tdpbuud tmm3, tmm5, tmm7",
                "tdpbf16ps tmm3, tmm5, tmm7",
                "{{vex}} vpdpbusd ymm0, ymm1, ymm2",
                "{{vex}} vpdpbusd ymm8, ymm9, ymm15",
                "{{vex}} vpdpbusd ymm8, ymm9, ymmword ptr [r10 + 32]",
                "ret",
            )
        }
        let want = [
            LoadConfiguration(at(Register(0), None, 0)),
            LoadConfiguration(at(Register(13), None, 0)),
            LoadConfiguration(at(Next, None, 0x1234)),
            LoadConfiguration(at(Register(4), None, 8)),
            LoadConfiguration(at(Register(12), Some((9, 2)), -0x1000)),
            StoreConfiguration(at(Register(5), None, -8)),
            Release,
            Zero(7),
            Load(3, at(Register(0), Some((1, 0)), 0)),
            Load(4, at(Register(8), Some((15, 1)), 64)),
            Load(5, at(Register(5), Some((12, 0)), 0x3800)),
            Load(6, at(Register(13), Some((3, 3)), 0)),
            Load(6, at(Nothing, Some((3, 3)), 0x100)),
            Store(1, at(Register(7), Some((6, 0)), -128)),
            Store(1, at(Register(4), None, 0)),
            Bytes([true, true], [0, 4, 6]),
            Bytes([true, false], [1, 5, 7]),
            Bytes([false, true], [2, 4, 6]),
            Bytes([false, false], [3, 5, 7]),
            Bf16([3, 5, 7]),
            Dot(0, 1, Source::Register(2)),
            Dot(8, 9, Source::Register(15)),
            Dot(8, 9, Source::Memory(at(Register(10), None, 32))),
        ];
        let mut start = code as *const () as *const u8;
        for want in want {
            // SAFETY: the bytes of a function, up to its last instruction.
            let (got, length) = decode(|at| unsafe { start.add(at).read() }).unwrap();
            assert_eq!(got, want);
            start = start.wrapping_add(length);
        }
        // SAFETY: its last instruction.
        assert_eq!(decode(|at| unsafe { start.add(at).read() }), None);
    }

    #[test]
    fn other_instructions_are_left_alone_as_soon_as_they_show() {
        for bytes in [
            &[0x0f][..],                     // ud2 begins so
            &[0xc5],                         // the short VEX
            &[0xc4, 0xe1, 0x78],             // map 0F
            &[0xc4, 0xe3, 0x78],             // map 0F3A
            &[0xc4, 0xe2, 0xf8],             // W = 1
            &[0xc4, 0xe2, 0x78, 0xf7],       // another opcode
            &[0xc4, 0xe2, 0x7c, 0x49, 0xc0], // L = 1
            &[0xc4, 0xe2, 0x70, 0x49, 0xc0], // a register in vvvv
            &[0xc4, 0xe2, 0x78, 0x49, 0xc1], // release of something
            &[0xc4, 0xe2, 0x7b, 0x4b, 0x00], // a load without stride
            &[0xc4, 0x62, 0x7b, 0x49, 0xc0], // tile 8
            &[0xc4, 0xe2, 0x3b, 0x5e, 0xc1], // columns in tile 8
            &[0xc4, 0xe2, 0x79, 0x50, 0xc1], // VPDPBUSD of 128 bits
            &[0xc4, 0xe2, 0x78, 0x5c, 0xc1], // TDPBF16PS without its prefix
        ] {
            assert_eq!(decoded(bytes), None, "{bytes:x?}");
        }
        assert_eq!(decoded(&[0xc4, 0xe2, 0x78, 0x49, 0xc0]), Some((Release, 5)));
    }
}
