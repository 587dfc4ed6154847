//! AVX-512F, float32 codes: a 14 x 32 register tile (28 sums, 2 vectors of columns, 1 broadcast), 28 fused multiply-adds for 16 loads per column of the data.

use core::arch::x86_64::*;

use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Float32};
use crate::distance::Row;
use crate::kernel::float32::{self, Micro};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has AVX-512F.
pub struct Avx512 {
    _private: (),
}

impl Avx512 {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma"))
        .then_some(Self { _private: () })
    }
}

const MR: usize = 14;
const NR: usize = 32;
const LANES: usize = 16;

impl Micro for Avx512 {
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
        // SAFETY: the token proves AVX-512F; the lengths were checked in the line above.
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
/// AVX-512F; `rows` holds `depth` groups of MR, `columns` as many of NR, `tile` MR rows of NR at a stride of BLOCK.
#[target_feature(enable = "avx512f")]
unsafe fn micro(
    mut rows: *const f32,
    mut columns: *const f32,
    depth: usize,
    tile: *mut f32,
    first: bool,
    ahead: [*const f32; 2],
) {
    let mut sums = [[_mm512_setzero_ps(); 2]; MR];
    for k in 0..depth {
        // SAFETY: the caller's lengths; each turn takes one group of each. A fetch may name any address.
        unsafe {
            if k % 8 == 0 {
                // 64 bytes of each every eighth turn.
                _mm_prefetch::<_MM_HINT_T1>(ahead[0].wrapping_add(2 * k).cast());
                _mm_prefetch::<_MM_HINT_T1>(ahead[1].wrapping_add(2 * k).cast());
            }
            let y0 = _mm512_loadu_ps(columns);
            let y1 = _mm512_loadu_ps(columns.add(LANES));
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_ps(*rows.add(r));
                sum[0] = _mm512_fmadd_ps(x, y0, sum[0]);
                sum[1] = _mm512_fmadd_ps(x, y1, sum[1]);
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
                    _mm512_add_ps(_mm512_loadu_ps(out), sum)
                };
                _mm512_storeu_ps(out, sum);
            }
        }
    }
}

/// # Safety
/// AVX-512F; `tile` holds BLOCK products for every row that counts.
#[target_feature(enable = "avx512f")]
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
#[target_feature(enable = "avx512f")]
unsafe fn scan_by<const ROW: bool, const COLUMN: bool, const PRODUCT: bool>(
    tile: &[f32],
    thresholds: &Thresholds,
    survivors: &mut Vec<Survivor>,
) {
    let (rows, columns) = (&thresholds.rows, &thresholds.columns);
    for r in 0..thresholds.count {
        let (s, a) = (_mm512_set1_ps(rows.s[r]), _mm512_set1_ps(rows.a[r]));
        let (p, u) = (_mm512_set1_ps(rows.p[r]), _mm512_set1_ps(rows.u[r]));
        let products = tile[r * BLOCK..(r + 1) * BLOCK].as_ptr();
        // Most vectors hold no survivor: first all masks of the row, without a branch, then those that are not empty.
        let mut masks = [0u16; BLOCK / LANES];
        let mut any = 0;
        for (v, passes) in masks.iter_mut().enumerate() {
            // SAFETY: v * LANES + LANES <= BLOCK, the length of every row of the tile and of every column array.
            let load = |of: *const f32| unsafe { _mm512_loadu_ps(of.add(v * LANES)) };
            let product = load(products);
            let scale = load(columns.s.as_ptr());
            let mut mask = 0;
            if ROW {
                let t = _mm512_fmadd_ps(p, scale, _mm512_mul_ps(s, load(columns.h.as_ptr())));
                mask |= _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(product, t);
            }
            if COLUMN {
                let t = _mm512_fmadd_ps(a, scale, _mm512_mul_ps(s, load(columns.g.as_ptr())));
                mask |= _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(product, t);
            }
            if PRODUCT {
                // `max` gives its second operand when one is not a number.
                let window = _mm512_mul_ps(u, load(columns.v.as_ptr()));
                let window = _mm512_max_ps(window, _mm512_setzero_ps());
                let whole = _mm512_fmadd_ps(a, scale, _mm512_mul_ps(s, load(columns.h.as_ptr())));
                mask |= _mm512_cmp_ps_mask::<_CMP_NLT_UQ>(product, _mm512_sub_ps(whole, window));
            }
            *passes = mask;
            any |= mask;
        }
        if any == 0 {
            continue;
        }
        for (v, mut mask) in masks.into_iter().enumerate() {
            while mask != 0 {
                let column = v * LANES + mask.trailing_zeros() as usize;
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

vector_kernel!(
    Avx512,
    "avx512",
    float32,
    Float32,
    80.0,
    scan,
    "avx512f,avx2,fma"
);
