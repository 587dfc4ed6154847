//! The dot product extension, int8 codes: the 12 x 8 register tile of NEON with 32-bit sums; one instruction multiplies four signed bytes of a row with
//! those of four columns.

use core::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::fetch;
use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Int8};
use crate::distance::Row;
use crate::kernel::int8::{self, Micro, Slab};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has the dot product extension, and NEON for the rest.
pub struct Dotprod {
    _private: (),
}

impl Dotprod {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (cfg!(target_endian = "little")
            && is_aarch64_feature_detected!("dotprod")
            && is_aarch64_feature_detected!("neon"))
        .then_some(Self { _private: () })
    }
}

const MR: usize = 12;
const NR: usize = 8;
const GROUP: usize = 4;
const LANES: usize = 4;

impl Micro for Dotprod {
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

/// `sum[c] += x[LANE] . y[c]` over four codes each.
///
/// # Safety
/// The dot product extension.
#[inline]
#[target_feature(enable = "neon,dotprod")]
unsafe fn dot<const LANE: i32>(mut sum: int32x4_t, y: int8x16_t, x: int8x16_t) -> int32x4_t {
    // SAFETY: the caller's feature; registers only.
    unsafe {
        asm!(
            "sdot {sum:v}.4s, {y:v}.16b, {x:v}.4b[{lane}]",
            sum = inout(vreg) sum, y = in(vreg) y, x = in(vreg) x, lane = const LANE,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    sum
}

/// # Safety
/// NEON and the dot product extension; `rows` holds `groups` times MR groups of codes, `columns` as many times NR, `tile` MR rows of NR at a stride of BLOCK.
#[target_feature(enable = "neon,dotprod")]
unsafe fn micro(
    mut rows: *const i8,
    mut columns: *const i8,
    groups: usize,
    tile: *mut i32,
    (first, last): (bool, bool),
    ahead: [*const i8; 2],
) {
    let mut sums = [[vdupq_n_s32(0); 2]; MR];
    for k in 0..groups {
        if k % 16 == 0 {
            // 64 bytes of each every sixteenth turn: a little more than the share of one register tile.
            fetch(ahead[0].wrapping_add(GROUP * k));
            fetch(ahead[1].wrapping_add(GROUP * k));
        }
        // SAFETY: the caller's lengths; each turn takes one group of each.
        unsafe {
            let y = [vld1q_s8(columns), vld1q_s8(columns.add(LANES * GROUP))];
            for (four, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                let x = vld1q_s8(rows.add(four * LANES * GROUP));
                for half in 0..2 {
                    sums[0][half] = dot::<0>(sums[0][half], y[half], x);
                    sums[1][half] = dot::<1>(sums[1][half], y[half], x);
                    sums[2][half] = dot::<2>(sums[2][half], y[half], x);
                    sums[3][half] = dot::<3>(sums[3][half], y[half], x);
                }
            }
            rows = rows.add(MR * GROUP);
            columns = columns.add(NR * GROUP);
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        for (half, &sum) in sum.iter().enumerate() {
            // SAFETY: inside the register tile the caller vouches for.
            unsafe { put(tile.add(r * BLOCK + half * LANES), sum, (first, last)) };
        }
    }
}

/// Leaves four sums of a slab: `first` overwrites what is there, later they are added; the `last` makes them float32.
///
/// # Safety
/// NEON; `out` holds four values.
#[inline]
#[target_feature(enable = "neon")]
pub unsafe fn put(out: *mut i32, sum: int32x4_t, (first, last): (bool, bool)) {
    // SAFETY: the caller's four values.
    unsafe {
        let sum = if first {
            sum
        } else {
            vaddq_s32(vld1q_s32(out), sum)
        };
        if last {
            vst1q_f32(out.cast(), vcvtq_f32_s32(sum));
        } else {
            vst1q_s32(out, sum);
        }
    }
}

vector_kernel!(
    Dotprod,
    "dotprod",
    int8,
    Int8,
    96.0,
    super::neon::scan,
    "neon,dotprod"
);
