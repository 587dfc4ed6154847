//! AVX-VNNI, int8 codes: the 6 x 16 register tile of AVX2 with 32-bit sums; one instruction multiplies four unsigned by four signed bytes in each of eight
//! lanes. For processors without AVX-512.

use core::arch::x86_64::*;

use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Int8};
use crate::distance::Row;
use crate::kernel::int8::{self, Micro, Slab};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has AVX-VNNI, and AVX2 and FMA for the rest.
pub struct AvxVnni {
    _private: (),
}

impl AvxVnni {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avxvnni")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma"))
        .then_some(Self { _private: () })
    }

    /// The kernel, where this processor lacks it and tests can have its instruction emulated.
    #[cfg(all(test, target_os = "linux"))]
    pub fn emulated() -> Option<Self> {
        (!is_x86_feature_detected!("avxvnni") && super::emulator::install())
            .then_some(Self { _private: () })
    }
}

const MR: usize = 6;
const NR: usize = 16;
const GROUP: usize = 4;
const LANES: usize = 8;

impl Micro for AvxVnni {
    const MR: usize = MR;
    const NR: usize = NR;
    const GROUP: usize = GROUP;
    const BIASED: bool = true;

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
        let starts = slab
            .first
            .map(|starts| starts.expect("columns have starts"));
        assert!(starts.is_none_or(|starts| starts.len() >= NR));
        let starts = starts.map(<[i32]>::as_ptr);
        // SAFETY: the token proves the features; the lengths were checked in the lines above.
        unsafe {
            micro(
                rows.as_ptr(),
                columns.as_ptr(),
                groups,
                tile.as_mut_ptr(),
                (starts, slab.last),
                ahead,
            )
        }
    }
}

/// # Safety
/// AVX-VNNI and AVX2; `rows` holds `groups` times MR groups of codes, `columns` as many times NR, `tile` MR rows of NR at a stride of BLOCK, the starts NR values.
#[target_feature(enable = "avx2,avxvnni")]
unsafe fn micro(
    mut rows: *const i8,
    mut columns: *const i8,
    groups: usize,
    tile: *mut i32,
    (starts, last): (Option<*const i32>, bool),
    ahead: [*const i8; 2],
) {
    let mut sums = [[_mm256_setzero_si256(); 2]; MR];
    if let Some(starts) = starts {
        // SAFETY: the caller's NR starts.
        let starts = unsafe {
            [
                _mm256_loadu_si256(starts.cast()),
                _mm256_loadu_si256(starts.add(LANES).cast()),
            ]
        };
        sums = [starts; MR];
    }
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
                sum[0] = _mm256_dpbusd_avx_epi32(sum[0], x, y0);
                sum[1] = _mm256_dpbusd_avx_epi32(sum[1], x, y1);
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
                let sum = if starts.is_some() {
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

// The rate is that of AVX2 times what AVX512-VNNI gains over AVX-512.
vector_kernel!(
    AvxVnni,
    "avxvnni",
    int8,
    Int8,
    200.0,
    super::avx2::scan,
    "avx2,fma"
);
