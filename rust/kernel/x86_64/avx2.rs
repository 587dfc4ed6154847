//! AVX2 and FMA, float32 codes: a 6 x 16 register tile (12 sums, 2 vectors of columns, 1 broadcast), 12 fused multiply-adds for 8 loads per column of the data.

use core::arch::x86_64::*;

use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Float32};
use crate::distance::Row;
use crate::kernel::float32::{self, Micro};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has AVX2 and FMA.
pub struct Avx2 {
    _private: (),
}

impl Avx2 {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"))
            .then_some(Self { _private: () })
    }
}

const MR: usize = 6;
const NR: usize = 16;
const LANES: usize = 8;

impl Micro for Avx2 {
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
        // SAFETY: the token proves AVX2 and FMA; the lengths were checked in the line above.
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
/// AVX2 and FMA; `rows` holds `depth` groups of MR, `columns` as many of NR, `tile` MR rows of NR at a stride of BLOCK.
#[target_feature(enable = "avx2,fma")]
unsafe fn micro(
    mut rows: *const f32,
    mut columns: *const f32,
    depth: usize,
    tile: *mut f32,
    first: bool,
    ahead: [*const f32; 2],
) {
    let mut sums = [[_mm256_setzero_ps(); 2]; MR];
    for k in 0..depth {
        // SAFETY: the caller's lengths; each turn takes one group of each. A fetch may name any address.
        unsafe {
            if k % 8 == 0 {
                // 64 bytes of each every eighth turn.
                _mm_prefetch::<_MM_HINT_T1>(ahead[0].wrapping_add(2 * k).cast());
                _mm_prefetch::<_MM_HINT_T1>(ahead[1].wrapping_add(2 * k).cast());
            }
            let y0 = _mm256_loadu_ps(columns);
            let y1 = _mm256_loadu_ps(columns.add(LANES));
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = _mm256_set1_ps(*rows.add(r));
                sum[0] = _mm256_fmadd_ps(x, y0, sum[0]);
                sum[1] = _mm256_fmadd_ps(x, y1, sum[1]);
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
                    _mm256_add_ps(_mm256_loadu_ps(out), sum)
                };
                _mm256_storeu_ps(out, sum);
            }
        }
    }
}

/// # Safety
/// AVX2 and FMA; `tile` holds BLOCK products for every row that counts.
#[target_feature(enable = "avx2,fma")]
pub unsafe fn scan(tile: &[f32], thresholds: &Thresholds, survivors: &mut Vec<Survivor>) {
    let by = thresholds.by;
    // SAFETY: what the caller vouches for.
    unsafe {
        match (by.row, by.column, by.product) {
            (true, false, false) => scan_by::<true, false, false>(tile, thresholds, survivors),
            (false, true, false) => scan_by::<false, true, false>(tile, thresholds, survivors),
            (true, true, false) => scan_by::<true, true, false>(tile, thresholds, survivors),
            (row, column, product) if row || column || product => {
                scan_by::<true, true, true>(tile, thresholds, survivors);
            }
            _ => {}
        }
    }
}

/// One scan for every use of windows. Those not in use let nothing through, so it does no harm to look at them.
///
/// # Safety
/// As [`scan`].
#[target_feature(enable = "avx2,fma")]
unsafe fn scan_by<const ROW: bool, const COLUMN: bool, const PRODUCT: bool>(
    tile: &[f32],
    thresholds: &Thresholds,
    survivors: &mut Vec<Survivor>,
) {
    let (rows, columns) = (&thresholds.rows, &thresholds.columns);
    for r in 0..thresholds.count {
        let (s, a) = (_mm256_set1_ps(rows.s[r]), _mm256_set1_ps(rows.a[r]));
        let (p, u) = (_mm256_set1_ps(rows.p[r]), _mm256_set1_ps(rows.u[r]));
        for c in (0..BLOCK).step_by(LANES) {
            // SAFETY: c + LANES <= BLOCK, the length of every row of the tile and of every column array.
            let load = |of: &[f32; BLOCK]| unsafe { _mm256_loadu_ps(of.as_ptr().add(c)) };
            // SAFETY: as above.
            let product = unsafe { _mm256_loadu_ps(tile.as_ptr().add(r * BLOCK + c)) };
            let scale = load(&columns.s);
            let mut passes = _mm256_setzero_ps();
            if ROW {
                let t = _mm256_fmadd_ps(p, scale, _mm256_mul_ps(s, load(&columns.h)));
                passes = _mm256_or_ps(passes, _mm256_cmp_ps::<_CMP_NLT_UQ>(product, t));
            }
            if COLUMN {
                let t = _mm256_fmadd_ps(a, scale, _mm256_mul_ps(s, load(&columns.g)));
                passes = _mm256_or_ps(passes, _mm256_cmp_ps::<_CMP_NLT_UQ>(product, t));
            }
            if PRODUCT {
                // `max` gives its second operand when one is not a number.
                let window = _mm256_max_ps(_mm256_mul_ps(u, load(&columns.v)), _mm256_setzero_ps());
                let whole = _mm256_fmadd_ps(a, scale, _mm256_mul_ps(s, load(&columns.h)));
                let t = _mm256_sub_ps(whole, window);
                passes = _mm256_or_ps(passes, _mm256_cmp_ps::<_CMP_NLT_UQ>(product, t));
            }
            let mut mask = _mm256_movemask_ps(passes);
            while mask != 0 {
                let column = c + mask.trailing_zeros() as usize;
                mask &= mask - 1;
                survivors.push(Survivor {
                    row: r as u16,
                    column: column as u16,
                    product: tile[r * BLOCK + column],
                });
            }
        }
    }
}

vector_kernel!(Avx2, "avx2", float32, Float32, 55.0, scan, "avx2,fma");
