//! AVX512-VNNI, int8 codes: a 14 x 32 register tile of 32-bit sums; one instruction multiplies four unsigned by four signed bytes in each of sixteen lanes.

use core::arch::x86_64::*;

use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Int8};
use crate::distance::Row;
use crate::kernel::fine::{FineRow, unbias};
use crate::kernel::int8::{self, Micro, Slab};
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units};

/// Proof that the processor has AVX512-VNNI, and AVX-512F for the rest.
pub struct Avx512Vnni {
    _private: (),
}

impl Avx512Vnni {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx512vnni")
            && is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma"))
        .then_some(Self { _private: () })
    }
}

const MR: usize = 14;
const NR: usize = 32;
const GROUP: usize = 4;
const LANES: usize = 16;

impl Micro for Avx512Vnni {
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
/// AVX512-VNNI; `rows` holds `groups` times MR groups of codes, `columns` as many times NR, `tile` MR rows of NR at a stride of BLOCK, the starts NR values.
#[target_feature(enable = "avx512f,avx512vnni")]
unsafe fn micro(
    mut rows: *const i8,
    mut columns: *const i8,
    groups: usize,
    tile: *mut i32,
    (starts, last): (Option<*const i32>, bool),
    ahead: [*const i8; 2],
) {
    let mut sums = [[_mm512_setzero_si512(); 2]; MR];
    if let Some(starts) = starts {
        // SAFETY: the caller's NR starts.
        let starts = unsafe {
            [
                _mm512_loadu_si512(starts.cast()),
                _mm512_loadu_si512(starts.add(LANES).cast()),
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
            let y0 = _mm512_loadu_si512(columns.cast());
            let y1 = _mm512_loadu_si512(columns.add(LANES * GROUP).cast());
            for (r, sum) in sums.iter_mut().enumerate() {
                let x = _mm512_set1_epi32(rows.add(r * GROUP).cast::<i32>().read_unaligned());
                sum[0] = _mm512_dpbusd_epi32(sum[0], x, y0);
                sum[1] = _mm512_dpbusd_epi32(sum[1], x, y1);
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
                    _mm512_add_epi32(_mm512_loadu_si512(out.cast()), sum)
                };
                if last {
                    _mm512_storeu_ps(out.cast(), _mm512_cvtepi32_ps(sum));
                } else {
                    _mm512_storeu_si512(out.cast(), sum);
                }
            }
        }
    }
}

/// # Safety
/// AVX512-VNNI.
#[target_feature(enable = "avx512f,avx512vnni")]
pub unsafe fn mix(x: FineRow<'_>, y: FineRow<'_>) -> i32 {
    let lines = x.biased.iter().zip(x.rest).zip(y.biased.iter().zip(y.rest));
    let mut sums = [[_mm512_setzero_si512(); 2]; 2];
    for (at, ((x, x_rest), (y, y_rest))) in lines.enumerate() {
        // SAFETY: a line has 64 bytes.
        let load = |line: &Line| unsafe { _mm512_loadu_si512((&raw const *line).cast()) };
        let sums = &mut sums[at % 2];
        sums[0] = _mm512_dpbusd_epi32(sums[0], load(x), load(y_rest));
        sums[1] = _mm512_dpbusd_epi32(sums[1], load(y), load(x_rest));
    }
    let [[a, b], [c, d]] = sums;
    let sum = _mm512_add_epi32(_mm512_add_epi32(a, b), _mm512_add_epi32(c, d));
    unbias(_mm512_reduce_add_epi32(sum), x.sum.wrapping_add(y.sum))
}

vector_kernel!(
    Avx512Vnni,
    "avx512vnni",
    int8,
    Int8,
    300.0,
    super::avx512::scan,
    "avx512f,avx512bw,avx2,fma",
    mix
);
