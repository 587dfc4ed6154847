//! AMX, bfloat16 codes: float32 sums.
//!
//! As documented (Intel's manual, TDPBF16PS), for every 32 codes two chains of 16 fused operations, one over the even and one over the odd codes of the
//! pairs, start at zero; their sum is added to the sum so far. All round to nearest, what would be subnormal is zero. The bound does not rely on that
//! order: it lets every product pass as many roundings as there are codes, and each round in any direction.

use super::{Micro, Place, Tiles, chunks, register_tile, unit};
use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::{Bf16, Code, Facts};
use crate::distance::Row;
use crate::kernel::float32::whole;
use crate::kernel::scan::Best;
use crate::kernel::vector::vector_kernel;
use crate::kernel::{BLOCK, Kernel, Layout, Line, Survivor, Tally, Units, amx};

/// Proof that the process may use tiles, that they multiply bfloat16, and that there is AVX-512 for the rest.
pub struct AmxBf16 {
    _private: (),
}

impl AmxBf16 {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        (is_x86_feature_detected!("avx512f")
            && is_x86_feature_detected!("avx2")
            && is_x86_feature_detected!("fma")
            && unit().bf16)
            .then_some(Self { _private: () })
    }
}

impl Micro for AmxBf16 {
    const GROUP: usize = 32;
    const WIDEST: usize = 1 << 20;

    fn precision(depth: usize) -> Precision {
        Precision {
            unit: f64::from(f32::EPSILON),
            roundings: whole(depth, Self::GROUP) as f64,
        }
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
        // SAFETY: tiles are configured, and the token proves that they multiply bfloat16; the lengths were checked in the lines above.
        unsafe {
            register_tile!(
                "tdpbf16ps",
                rows,
                columns,
                chunks,
                tile.as_mut_ptr(),
                place.first,
                ahead
            );
        }
    }
}

vector_kernel!(
    AmxBf16,
    "amx-bf16",
    amx,
    Bf16,
    600.0,
    crate::kernel::x86_64::avx512::scan,
    "avx512f,avx2,fma"
);
