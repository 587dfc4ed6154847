//! What one core can do at most, for benches: the instruction a kernel multiplies with, in a loop on registers alone.
//!
//! Measured, not looked up: how often a core starts such an instruction, and how fast its clock is meanwhile, differ by model, machine and hour. A kernel
//! falls short of this by what it loads, stores and waits. All registers are zero, which no multiplier is slower for.

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
use std::arch::asm;

use super::Kernel;
#[cfg(target_arch = "aarch64")]
use super::aarch64::{dotprod::Dotprod, i8mm::I8mm, neon::Neon};
#[cfg(target_arch = "x86_64")]
use super::x86_64::{
    amx::{Tiles, bf16::AmxBf16, int8::AmxInt8},
    avx2::Avx2,
    avx2int16::Avx2Int16,
    avx512::Avx512,
    avx512vnni::Avx512Vnni,
    avxvnni::AvxVnni,
};

/// One turn of a loop multiplies into each of `$sums` from `$x` and `$y`. Runs `$turns` turns; says how many instructions one has.
#[cfg(target_arch = "x86_64")]
macro_rules! run {
    (@clear tile, $register:tt) => { concat!("tilezero ", $register) };
    (@clear vector, $register:tt) => { concat!("vxorps ", $register, ", ", $register, ", ", $register) };
    (@clear wide, $register:tt) => { concat!("vpxord ", $register, ", ", $register, ", ", $register) };
    ($turns:expr, $kind:tt, $multiply:literal, $x:tt, $y:tt, [$($sum:tt)+]) => {{
        asm!(
            run!(@clear $kind, $x),
            run!(@clear $kind, $y),
            $(run!(@clear $kind, $sum),)+
            "2:",
            $(concat!($multiply, " ", $sum, ", ", $x, ", ", $y),)+
            "dec {turns}",
            "jnz 2b",
            turns = inout(reg) $turns => _,
            out($x) _,
            out($y) _,
            $(out($sum) _,)+
            options(nomem, nostack),
        );
        [$($sum),+].len() as u64
    }};
}

/// The same for Arm, whose registers have a shape behind their names.
#[cfg(target_arch = "aarch64")]
macro_rules! run {
    ($turns:expr, $multiply:literal, $result:literal, $operand:literal, $x:tt, $y:tt, [$($sum:tt)+]) => {{
        asm!(
            concat!("movi ", $x, ".16b, #0"),
            concat!("movi ", $y, ".16b, #0"),
            $(concat!("movi ", $sum, ".16b, #0"),)+
            "2:",
            $(concat!($multiply, " ", $sum, $result, ", ", $x, $operand, ", ", $y, $operand),)+
            "subs {turns}, {turns}, #1",
            "b.ne 2b",
            turns = inout(reg) $turns => _,
            out($x) _,
            out($y) _,
            $(out($sum) _,)+
            options(nomem, nostack),
        );
        [$($sum),+].len() as u64
    }};
}

/// Sixteen sums hide any processor's latency; tiles have room for six, which hide theirs.
#[cfg(target_arch = "x86_64")]
macro_rules! run_wide {
    ($turns:expr, $multiply:literal) => {
        run!($turns, wide, $multiply, "zmm16", "zmm17", [
            "zmm0" "zmm1" "zmm2" "zmm3" "zmm4" "zmm5" "zmm6" "zmm7"
            "zmm8" "zmm9" "zmm10" "zmm11" "zmm12" "zmm13" "zmm14" "zmm15"
        ])
    };
}

/// Of sixteen registers two are operands.
#[cfg(target_arch = "x86_64")]
macro_rules! run_vector {
    ($turns:expr, $multiply:literal) => {
        run!($turns, vector, $multiply, "ymm14", "ymm15", [
            "ymm0" "ymm1" "ymm2" "ymm3" "ymm4" "ymm5" "ymm6"
            "ymm7" "ymm8" "ymm9" "ymm10" "ymm11" "ymm12" "ymm13"
        ])
    };
}

#[cfg(target_arch = "x86_64")]
macro_rules! run_tiles {
    ($turns:expr, $multiply:literal) => {
        run!($turns, tile, $multiply, "tmm6", "tmm7", ["tmm0" "tmm1" "tmm2" "tmm3" "tmm4" "tmm5"])
    };
}

#[cfg(target_arch = "aarch64")]
macro_rules! run_neon {
    ($turns:expr, $multiply:literal, $result:literal, $operand:literal) => {
        run!($turns, $multiply, $result, $operand, "v30", "v31", [
            "v0" "v1" "v2" "v3" "v4" "v5" "v6" "v7" "v8" "v9" "v10" "v11"
            "v12" "v13" "v14" "v15" "v16" "v17" "v18" "v19" "v20" "v21" "v22" "v23"
        ])
    };
}

/// # Safety
/// AVX-512F.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
unsafe fn avx512(turns: u64) -> u64 {
    // SAFETY: the caller's feature; nothing but registers changes, all of them named.
    16 * unsafe { run_wide!(turns, "vfmadd231ps") }
}

/// # Safety
/// AVX512-VNNI.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn avx512vnni(turns: u64) -> u64 {
    // SAFETY: as above.
    64 * unsafe { run_wide!(turns, "vpdpbusd") }
}

/// # Safety
/// AVX2 and FMA.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2(turns: u64) -> u64 {
    // SAFETY: as above.
    8 * unsafe { run_vector!(turns, "vfmadd231ps") }
}

/// Its multiplications alone; the additions that go with them run beside them.
///
/// # Safety
/// AVX2.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
unsafe fn avx2int16(turns: u64) -> u64 {
    // SAFETY: as above.
    16 * unsafe { run_vector!(turns, "vpmaddwd") }
}

/// # Safety
/// AVX-VNNI.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn avxvnni(turns: u64) -> u64 {
    // SAFETY: as above.
    32 * unsafe { run_vector!(turns, "{{vex}} vpdpbusd") }
}

/// # Safety
/// NEON.
#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon")]
unsafe fn neon(turns: u64) -> u64 {
    // SAFETY: the caller's feature; nothing but registers changes, all of them named.
    4 * unsafe { run_neon!(turns, "fmla", ".4s", ".4s") }
}

/// # Safety
/// The dot product extension.
#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon,dotprod")]
unsafe fn dotprod(turns: u64) -> u64 {
    // SAFETY: as above.
    16 * unsafe { run_neon!(turns, "sdot", ".4s", ".16b") }
}

/// # Safety
/// The matrix product extension.
#[cfg(target_arch = "aarch64")]
#[target_feature(enable = "neon,i8mm")]
unsafe fn i8mm(turns: u64) -> u64 {
    // SAFETY: as above.
    32 * unsafe { run_neon!(turns, "smmla", ".4s", ".16b") }
}

/// Turns the loop of a kernel's instruction and says how many multiply-adds that were. `None` where it has no such loop: portable code, whose instruction
/// is the compiler's choice.
pub fn spin(kernel: &dyn Kernel, turns: u32) -> Option<u64> {
    let turns = u64::from(turns.max(1));
    // Whatever calls itself by a kernel's name, the processor is asked again: that is what `new` does.
    #[cfg(target_arch = "x86_64")]
    // SAFETY: each was just shown to be there.
    let one_turn = unsafe {
        match kernel.name() {
            "amx" => {
                AmxInt8::new()?;
                let _tiles = Tiles::configured();
                16 * 16 * 64 * run_tiles!(turns, "tdpbssd")
            }
            "amx-bf16" => {
                AmxBf16::new()?;
                let _tiles = Tiles::configured();
                16 * 16 * 32 * run_tiles!(turns, "tdpbf16ps")
            }
            "avx512" => Avx512::new().map(|_| avx512(turns))?,
            "avx512vnni" => Avx512Vnni::new().map(|_| avx512vnni(turns))?,
            "avx2" => Avx2::new().map(|_| avx2(turns))?,
            "avx2-int16" => Avx2Int16::new().map(|_| avx2int16(turns))?,
            "avxvnni" => AvxVnni::new().map(|_| avxvnni(turns))?,
            _ => return None,
        }
    };
    #[cfg(target_arch = "aarch64")]
    // SAFETY: each was just shown to be there.
    let one_turn = unsafe {
        match kernel.name() {
            "neon" => Neon::new().map(|_| neon(turns))?,
            "dotprod" => Dotprod::new().map(|_| dotprod(turns))?,
            "i8mm" => I8mm::new().map(|_| i8mm(turns))?,
            _ => return None,
        }
    };
    #[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
    let one_turn: u64 = {
        let _ = kernel;
        return None;
    };
    #[allow(unreachable_code)]
    Some(turns * one_turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kernel_but_the_portable_ones_has_a_loop() {
        let levels = crate::kernel::all_available();
        for kernel in levels.iter().flat_map(|level| &level.kernels) {
            let [one, ten] = [1, 10].map(|turns| spin(kernel.as_ref(), turns));
            assert_eq!(
                one.is_none(),
                kernel.name().starts_with("portable"),
                "{}",
                kernel.name()
            );
            assert_eq!(one.map(|one| 10 * one), ten);
        }
    }
}
