//! NEON, float32 codes: a 12 x 8 register tile (24 sums, 3 vectors of rows, 2 of columns), 24 fused multiply-adds for 5 loads per column of the data.

use core::arch::aarch64::*;
use std::arch::is_aarch64_feature_detected;

use super::fetch;
use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Float32};
use crate::distance::Row;
use crate::kernel::float32::{self, Micro};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has NEON.
pub struct Neon {
    _private: (),
}

impl Neon {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (cfg!(target_endian = "little") && is_aarch64_feature_detected!("neon"))
            .then_some(Self { _private: () })
    }
}

const MR: usize = 12;
const NR: usize = 8;
const LANES: usize = 4;

impl Micro for Neon {
    const MR: usize = MR;
    const NR: usize = NR;

    fn micro(
        &self,
        rows: &[f32],
        columns: &[f32],
        tile: &mut [f32],
        first: bool,
        ahead: [*const f32; 2],
    ) {
        let depth = rows.len() / MR;
        assert!(columns.len() >= depth * NR && tile.len() >= (MR - 1) * BLOCK + NR);
        // SAFETY: the token proves NEON; the lengths were checked in the line above.
        unsafe {
            micro(
                rows.as_ptr(),
                columns.as_ptr(),
                depth,
                tile.as_mut_ptr(),
                first,
                ahead,
            )
        }
    }
}

/// # Safety
/// NEON; `rows` holds `depth` groups of MR, `columns` as many of NR, `tile` MR rows of NR at a stride of BLOCK.
#[target_feature(enable = "neon")]
unsafe fn micro(
    mut rows: *const f32,
    mut columns: *const f32,
    depth: usize,
    tile: *mut f32,
    first: bool,
    ahead: [*const f32; 2],
) {
    let mut sums = [[vdupq_n_f32(0.0); 2]; MR];
    for k in 0..depth {
        if k % 16 == 0 {
            // 64 bytes of each every sixteenth turn: a little more than the share of one register tile.
            fetch(ahead[0].wrapping_add(k));
            fetch(ahead[1].wrapping_add(k));
        }
        // SAFETY: the caller's lengths; each turn takes one group of each.
        unsafe {
            let y = [vld1q_f32(columns), vld1q_f32(columns.add(LANES))];
            for (four, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                let x = vld1q_f32(rows.add(four * LANES));
                for half in 0..2 {
                    sums[0][half] = vfmaq_laneq_f32::<0>(sums[0][half], y[half], x);
                    sums[1][half] = vfmaq_laneq_f32::<1>(sums[1][half], y[half], x);
                    sums[2][half] = vfmaq_laneq_f32::<2>(sums[2][half], y[half], x);
                    sums[3][half] = vfmaq_laneq_f32::<3>(sums[3][half], y[half], x);
                }
            }
            rows = rows.add(MR);
            columns = columns.add(NR);
        }
    }
    for (r, sum) in sums.iter().enumerate() {
        for (half, &sum) in sum.iter().enumerate() {
            // SAFETY: inside the register tile the caller vouches for.
            unsafe {
                let out = tile.add(r * BLOCK + half * LANES);
                let sum = if first {
                    sum
                } else {
                    vaddq_f32(vld1q_f32(out), sum)
                };
                vst1q_f32(out, sum);
            }
        }
    }
}

/// Sixteen pairs at a time, four to a vector.
///
/// # Safety
/// NEON; `tile` holds BLOCK products for every row that counts.
#[target_feature(enable = "neon")]
pub unsafe fn scan(tile: &[f32], thresholds: &Thresholds, survivors: &mut Vec<Survivor>) {
    const STEP: usize = 4 * LANES;
    let (by, rows, columns) = (thresholds.by, &thresholds.rows, &thresholds.columns);
    for r in 0..thresholds.count {
        let (s, a) = (vdupq_n_f32(rows.s[r]), vdupq_n_f32(rows.a[r]));
        let (p, u) = (vdupq_n_f32(rows.p[r]), vdupq_n_f32(rows.u[r]));
        for c in (0..BLOCK).step_by(STEP) {
            let mut out = [vdupq_n_u32(u32::MAX); 4];
            for (v, out) in out.iter_mut().enumerate() {
                let at = c + v * LANES;
                // SAFETY: c + STEP <= BLOCK, the length of every row of the tile and of every column array.
                let load = |of: &[f32; BLOCK]| unsafe { vld1q_f32(of.as_ptr().add(at)) };
                // SAFETY: as above.
                let product = unsafe { vld1q_f32(tile.as_ptr().add(r * BLOCK + at)) };
                let scale = load(&columns.s);
                if by.row {
                    let t = vfmaq_f32(vmulq_f32(s, load(&columns.h)), p, scale);
                    *out = vandq_u32(*out, vcltq_f32(product, t));
                }
                if by.column {
                    let t = vfmaq_f32(vmulq_f32(s, load(&columns.g)), a, scale);
                    *out = vandq_u32(*out, vcltq_f32(product, t));
                }
                if by.product {
                    // `maxnm` passes over what is not a number.
                    let window = vmaxnmq_f32(vmulq_f32(u, load(&columns.v)), vdupq_n_f32(0.0));
                    let whole = vfmaq_f32(vmulq_f32(s, load(&columns.h)), a, scale);
                    *out = vandq_u32(*out, vcltq_f32(product, vsubq_f32(whole, window)));
                }
            }
            // Four bits a pair, none set where it is out.
            let [low, high] = [[out[0], out[1]], [out[2], out[3]]]
                .map(|[x, y]| vmovn_u16(vcombine_u16(vmovn_u32(x), vmovn_u32(y))));
            let nibbles = vshrn_n_u16::<4>(vreinterpretq_u16_u8(vcombine_u8(low, high)));
            let mut mask = !vget_lane_u64::<0>(vreinterpret_u64_u8(nibbles));
            while mask != 0 {
                let place = mask.trailing_zeros() / 4;
                mask &= !(0xf << (4 * place));
                let column = c + place as usize;
                survivors.push(Survivor {
                    row: r as u16,
                    column: column as u16,
                    product: tile[r * BLOCK + column],
                });
            }
        }
    }
}

// Rates of these kernels are counted, not measured: two instructions a cycle at 3 GHz.
vector_kernel!(Neon, "neon", float32, Float32, 24.0, scan, "neon");
