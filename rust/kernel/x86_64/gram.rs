//! Blocks of float64 sums in AVX-512 and AVX2: see `kernel::gram`.

use core::arch::x86_64::*;

use crate::kernel::gram::{Block, PANEL};

/// An 8 x 24 register tile (24 sums, 3 vectors of columns, 1 broadcast), three to a block.
///
/// # Safety
/// AVX-512F; both panels hold the same number of whole groups.
#[target_feature(enable = "avx512f")]
pub unsafe fn avx512(left: &[f64], right: &[f64], block: &mut Block) {
    const MR: usize = 8;
    const LANES: usize = 8;
    for (part, out) in block.chunks_exact_mut(MR).enumerate() {
        let mut sums = [[_mm512_setzero_pd(); PANEL / LANES]; MR];
        let (mut x, mut y) = (left.as_ptr().wrapping_add(part * MR), right.as_ptr());
        for _ in 0..left.len() / PANEL {
            // SAFETY: each turn takes one group of each panel; the last address is only formed, not read.
            unsafe {
                let columns = [
                    _mm512_loadu_pd(y),
                    _mm512_loadu_pd(y.add(LANES)),
                    _mm512_loadu_pd(y.add(2 * LANES)),
                ];
                for (r, sums) in sums.iter_mut().enumerate() {
                    let value = _mm512_set1_pd(*x.add(r));
                    for (sum, column) in sums.iter_mut().zip(columns) {
                        *sum = _mm512_fmadd_pd(value, column, *sum);
                    }
                }
            }
            (x, y) = (x.wrapping_add(PANEL), y.wrapping_add(PANEL));
        }
        for (out, sums) in out.iter_mut().zip(sums) {
            for (out, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                // SAFETY: a chunk is one vector.
                unsafe {
                    let out = out.as_mut_ptr();
                    _mm512_storeu_pd(out, _mm512_add_pd(_mm512_loadu_pd(out), sum));
                }
            }
        }
    }
}

/// A 4 x 12 register tile (12 sums, 3 vectors of columns, 1 broadcast), twelve to a block.
///
/// # Safety
/// AVX2 and FMA; both panels hold the same number of whole groups.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn avx2(left: &[f64], right: &[f64], block: &mut Block) {
    const MR: usize = 4;
    const NR: usize = 12;
    const LANES: usize = 4;
    for (part, out) in block.chunks_exact_mut(MR).enumerate() {
        for half in 0..PANEL / NR {
            let mut sums = [[_mm256_setzero_pd(); NR / LANES]; MR];
            let mut x = left.as_ptr().wrapping_add(part * MR);
            let mut y = right.as_ptr().wrapping_add(half * NR);
            for _ in 0..left.len() / PANEL {
                // SAFETY: each turn takes a part of one group of each panel; the last address is only formed, not read.
                unsafe {
                    let columns = [
                        _mm256_loadu_pd(y),
                        _mm256_loadu_pd(y.add(LANES)),
                        _mm256_loadu_pd(y.add(2 * LANES)),
                    ];
                    for (r, sums) in sums.iter_mut().enumerate() {
                        let value = _mm256_set1_pd(*x.add(r));
                        for (sum, column) in sums.iter_mut().zip(columns) {
                            *sum = _mm256_fmadd_pd(value, column, *sum);
                        }
                    }
                }
                (x, y) = (x.wrapping_add(PANEL), y.wrapping_add(PANEL));
            }
            for (out, sums) in out.iter_mut().zip(sums) {
                let out = out[half * NR..].as_chunks_mut::<LANES>().0.iter_mut();
                for (out, sum) in out.zip(sums) {
                    // SAFETY: a chunk is one vector.
                    unsafe {
                        let out = out.as_mut_ptr();
                        _mm256_storeu_pd(out, _mm256_add_pd(_mm256_loadu_pd(out), sum));
                    }
                }
            }
        }
    }
}
