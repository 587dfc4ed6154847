//! AVX2, int16 codes: the 6 x 16 register tile of float32 with 32-bit sums; one instruction multiplies two pairs of codes in each of eight lanes and adds
//! their products, one more adds them to the sum. Twice the columns of the data for two instructions instead of one, of which the addition runs on
//! units that multiplications leave free: 1.9 times the rate of float32 on Zen 4.

use core::arch::x86_64::*;

use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Int16};
use crate::distance::Row;
use crate::kernel::int8::Slab;
use crate::kernel::int16::{self, Micro};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has AVX2, and FMA for the rest.
pub struct Avx2Int16 {
    _private: (),
}

impl Avx2Int16 {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"))
            .then_some(Self { _private: () })
    }
}

const MR: usize = 6;
const NR: usize = 16;
/// Bytes of a group: two codes.
const GROUP: usize = 4;
const LANES: usize = 8;

impl Micro for Avx2Int16 {
    const MR: usize = MR;
    const NR: usize = NR;
    const GROUP: usize = GROUP;
    const BIASED: bool = false;
    const WIDEST: usize = int16::WIDEST;

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

/// # Safety
/// AVX2; `rows` holds `groups` times MR groups of codes, `columns` as many times NR, `tile` MR rows of NR at a stride of BLOCK.
#[target_feature(enable = "avx2")]
unsafe fn micro(
    mut rows: *const i8,
    mut columns: *const i8,
    groups: usize,
    tile: *mut i32,
    (first, last): (bool, bool),
    ahead: [*const i8; 2],
) {
    let mut sums = [[_mm256_setzero_si256(); 2]; MR];
    for k in 0..groups {
        // SAFETY: the caller's lengths; each turn takes one group of each. A fetch may name any address.
        unsafe {
            if k % 8 == 0 {
                // 64 bytes of each every eighth turn.
                _mm_prefetch::<_MM_HINT_T1>(ahead[0].wrapping_add(8 * k).cast());
                _mm_prefetch::<_MM_HINT_T1>(ahead[1].wrapping_add(8 * k).cast());
            }
            let y0 = _mm256_loadu_si256(columns.cast());
            let y1 = _mm256_loadu_si256(columns.add(LANES * GROUP).cast());
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = _mm256_set1_epi32(rows.add(r * GROUP).cast::<i32>().read_unaligned());
                sum[0] = _mm256_add_epi32(sum[0], _mm256_madd_epi16(x, y0));
                sum[1] = _mm256_add_epi32(sum[1], _mm256_madd_epi16(x, y1));
            }
            rows = rows.add(MR * GROUP);
            columns = columns.add(NR * GROUP);
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
                    _mm256_add_epi32(_mm256_loadu_si256(out.cast()), sum)
                };
                if last {
                    _mm256_storeu_ps(out.cast(), _mm256_cvtepi32_ps(sum));
                } else {
                    _mm256_storeu_si256(out.cast(), sum);
                }
            }
        }
    }
}

vector_kernel!(
    Avx2Int16,
    "avx2-int16",
    int16,
    Int16,
    100.0,
    super::avx2::scan,
    "avx2,fma"
);
