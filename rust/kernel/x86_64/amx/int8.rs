//! AMX, int8 codes: 32-bit sums, exact.

use core::arch::x86_64::*;

use super::{Micro, Place, Tiles, WIDE, chunks, register_tile, unit};
use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Code, Facts, Int8};
use crate::distance::Row;
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units, amx, int8};

/// Proof that the process may use tiles, that they multiply int8, and that there is AVX-512 for the rest.
pub struct AmxInt8 {
    _private: (),
}

impl AmxInt8 {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx512bw")
            && is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && unit().int8)
            .then_some(Self { _private: () })
    }
}

impl Micro for AmxInt8 {
    const GROUP: usize = 64;
    const WIDEST: usize = int8::WIDEST;

    fn precision(depth: usize) -> Precision {
        int8::precision(depth)
    }

    fn micro(
        &self,
        _tiles: &Tiles,
        rows: [&[Line]; 2],
        columns: [&[Line]; 2],
        tile: &mut [u32],
        place: Place,
        ahead: *const Line,
    ) {
        let chunks = chunks(rows, columns, tile);
        let (rows, columns) = (rows.map(<[Line]>::as_ptr), columns.map(<[Line]>::as_ptr));
        // SAFETY: tiles are configured, and the token proves that they multiply int8; the lengths were checked in the lines above.
        unsafe {
            register_tile!(
                "tdpbssd",
                rows,
                columns,
                chunks,
                tile.as_mut_ptr(),
                place.first,
                ahead
            );
            if place.last {
                convert(tile.as_mut_ptr());
            }
        }
    }
}

/// 32-bit sums to float32, in place.
///
/// # Safety
/// AVX-512F; `tile` holds a register tile at a stride of BLOCK.
#[target_feature(enable = "avx512f")]
unsafe fn convert(tile: *mut u32) {
    for r in 0..WIDE {
        for half in 0..2 {
            // SAFETY: inside the register tile the caller vouches for.
            unsafe {
                let place = tile.add(r * BLOCK + half * 16);
                let sums = _mm512_loadu_si512(place.cast());
                _mm512_storeu_ps(place.cast(), _mm512_cvtepi32_ps(sums));
            }
        }
    }
}

vector_kernel!(
    AmxInt8,
    "amx",
    amx,
    Int8,
    1400.0,
    crate::kernel::x86_64::avx512::scan,
    "avx512f,avx512bw,avx2,fma"
);
