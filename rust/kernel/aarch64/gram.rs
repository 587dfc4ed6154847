//! Blocks of float64 sums in NEON: see `kernel::gram`.

use core::arch::aarch64::*;

use crate::kernel::gram::{Block, PANEL};

/// An 8 x 6 register tile (24 sums, 4 vectors of rows, 3 of columns), twelve to a block.
///
/// # Safety
/// NEON; both panels hold the same number of whole groups.
#[target_feature(enable = "neon")]
pub unsafe fn neon(left: &[f64], right: &[f64], block: &mut Block) {
    const MR: usize = 8;
    const NR: usize = 6;
    const LANES: usize = 2;
    for (part, out) in block.chunks_exact_mut(MR).enumerate() {
        for quarter in 0..PANEL / NR {
            let mut sums = [[vdupq_n_f64(0.0); NR / LANES]; MR];
            let mut x = left.as_ptr().wrapping_add(part * MR);
            let mut y = right.as_ptr().wrapping_add(quarter * NR);
            for _ in 0..left.len() / PANEL {
                // SAFETY: each turn takes a part of one group of each panel; the last address is only formed, not read.
                unsafe {
                    let columns = [
                        vld1q_f64(y),
                        vld1q_f64(y.add(LANES)),
                        vld1q_f64(y.add(2 * LANES)),
                    ];
                    for (two, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
                        let values = vld1q_f64(x.add(two * LANES));
                        for (v, column) in columns.into_iter().enumerate() {
                            sums[0][v] = vfmaq_laneq_f64::<0>(sums[0][v], column, values);
                            sums[1][v] = vfmaq_laneq_f64::<1>(sums[1][v], column, values);
                        }
                    }
                }
                (x, y) = (x.wrapping_add(PANEL), y.wrapping_add(PANEL));
            }
            for (out, sums) in out.iter_mut().zip(sums) {
                let out = out[quarter * NR..].as_chunks_mut::<LANES>().0.iter_mut();
                for (out, sum) in out.zip(sums) {
                    // SAFETY: a chunk is one vector.
                    unsafe {
                        let out = out.as_mut_ptr();
                        vst1q_f64(out, vaddq_f64(vld1q_f64(out), sum));
                    }
                }
            }
        }
    }
}
