//! The matrix product extension, int8 codes: a 12 x 8 register tile of 2 x 2 sums; one instruction multiplies eight signed bytes of two rows with those of
//! two columns.

use core::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::dotprod::put;
use super::fetch;
use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Int8};
use crate::distance::Row;
use crate::kernel::int8::{self, Micro, Slab};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has the matrix product extension, and NEON for the rest.
pub struct I8mm {
    _private: (),
}

impl I8mm {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (cfg!(target_endian = "little")
            && is_aarch64_feature_detected!("i8mm")
            && is_aarch64_feature_detected!("neon"))
        .then_some(Self { _private: () })
    }
}

const MR: usize = 12;
const NR: usize = 8;
const GROUP: usize = 8;
/// Bytes of a vector: the groups of two rows, or of two columns.
const VECTOR: usize = 2 * GROUP;

impl Micro for I8mm {
    const MR: usize = MR;
    const NR: usize = NR;
    const GROUP: usize = GROUP;
    const BIASED: bool = false;

    fn micro(
        &self,
        rows: &[i8],
        columns: &[i8],
        tile: &mut [i32],
        slab: Slab<'_>,
        ahead: [*const i8; 2],
    ) {
        let groups = rows.len() / (MR * GROUP);
        assert!(columns.len() >= groups * NR * GROUP && tile.len() >= (MR - 1) * BLOCK + NR);
        // SAFETY: the token proves the features; the lengths were checked in the line above.
        unsafe {
            micro(
                rows.as_ptr(),
                columns.as_ptr(),
                groups,
                tile.as_mut_ptr(),
                (slab.first.is_some(), slab.last),
                ahead,
            )
        }
    }
}

/// `sum[r][c] += x[r] . y[c]` over eight codes each.
///
/// # Safety
/// The matrix product extension.
#[inline]
#[target_feature(enable = "neon,i8mm")]
unsafe fn multiply(mut sum: int32x4_t, x: int8x16_t, y: int8x16_t) -> int32x4_t {
    // SAFETY: the caller's feature; registers only.
    unsafe {
        asm!(
            "smmla {sum:v}.4s, {x:v}.16b, {y:v}.16b",
            sum = inout(vreg) sum, x = in(vreg) x, y = in(vreg) y,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// # Safety
/// NEON and the matrix product extension; `rows` holds `groups` times MR groups of codes, `columns` as many times NR, `tile` MR rows of NR at a stride of
/// BLOCK.
#[target_feature(enable = "neon,i8mm")]
unsafe fn micro(
    mut rows: *const i8,
    mut columns: *const i8,
    groups: usize,
    tile: *mut i32,
    (first, last): (bool, bool),
    ahead: [*const i8; 2],
) {
    let mut sums = [[vdupq_n_s32(0); NR / 2]; MR / 2];
    for k in 0..groups {
        if k % 8 == 0 {
            // 64 bytes of each every eighth turn: a little more than the share of one register tile.
            fetch(ahead[0].wrapping_add(GROUP * k));
            fetch(ahead[1].wrapping_add(GROUP * k));
        }
        // SAFETY: the caller's lengths; each turn takes one group of each.
        unsafe {
            let y: [int8x16_t; NR / 2] =
                std::array::from_fn(|pair| vld1q_s8(columns.add(pair * VECTOR)));
            for (pair, sums) in sums.iter_mut().enumerate() {
                let x = vld1q_s8(rows.add(pair * VECTOR));
                for (sum, y) in sums.iter_mut().zip(y) {
                    *sum = multiply(*sum, x, y);
                }
            }
            rows = rows.add(MR * GROUP);
            columns = columns.add(NR * GROUP);
        }
    }
    for (pair, sums) in sums.iter().enumerate() {
        for half in 0..NR / 4 {
            // Each holds two sums of an even row, then two of the odd one.
            let x = vreinterpretq_s64_s32(sums[2 * half]);
            let y = vreinterpretq_s64_s32(sums[2 * half + 1]);
            let even = vreinterpretq_s32_s64(vzip1q_s64(x, y));
            let odd = vreinterpretq_s32_s64(vzip2q_s64(x, y));
            // SAFETY: inside the register tile the caller vouches for.
            unsafe {
                let out = tile.add(2 * pair * BLOCK + 4 * half);
                put(out, even, (first, last));
                put(out.add(BLOCK), odd, (first, last));
            }
        }
    }
}

vector_kernel!(
    I8mm,
    "i8mm",
    int8,
    Int8,
    192.0,
    super::neon::scan,
    "neon,i8mm"
);
