//! AMX, int8 codes: 32-bit sums, exact.
//!
//! Tiles are young, and some processors are only said to have them: when a kernel is made for the first time it must multiply a few tiles rightly. One that
//! does not is as good as none.

use core::arch::x86_64::*;
use std::sync::OnceLock;

use super::check::{Check, Multiply};
#[cfg(all(test, target_os = "linux"))]
use super::permission::absent;
use super::permission::unit;
use super::{Micro, Place, Tiles, WIDE, chunks, register_tile};
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

/// What the loops around tiles need.
fn vectors() -> bool {
    is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
}

impl AmxInt8 {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        static RIGHT: OnceLock<bool> = OnceLock::new();
        let token = Self { _private: () };
        (vectors() && unit().int8 && *RIGHT.get_or_init(|| token.right())).then_some(token)
    }

    /// The kernel, where this processor lacks it and tests can have its instructions emulated; then it is the kernel that must be right.
    #[cfg(all(test, target_os = "linux"))]
    pub fn emulated() -> Option<Self> {
        (vectors() && absent() && crate::kernel::x86_64::emulator::install()).then(|| {
            let token = Self { _private: () };
            assert!(token.right(), "the emulated kernel multiplies wrongly");
            token
        })
    }

    /// Whether a few tiles are multiplied rightly.
    fn right(&self) -> bool {
        // SAFETY: whoever makes a token knows that the process may use tiles.
        let tiles = unsafe { Tiles::configured() };
        right(&mut |rows, columns, tile, place| {
            self.micro(&tiles, rows, columns, tile, place, rows[0].as_ptr());
        })
    }
}

/// Whether `multiply` adds up rightly.
pub fn right(multiply: Multiply<'_>) -> bool {
    let check = Check::new(0, |_, _, random| {
        [(random >> 32) as u8, (random >> 40) as u8]
    });
    check.holds(multiply, |panels| {
        let [rows, columns] = panels.map(bytemuck::cast_slice::<Line, [[i8; 4]; 16]>);
        std::array::from_fn(|r| {
            std::array::from_fn(|c| {
                let mut sum = 0_i32;
                for (rows, columns) in rows.chunks_exact(16).zip(columns.chunks_exact(16)) {
                    for (x, y) in rows[r].iter().zip(columns) {
                        sum += (0..4)
                            .map(|i| i32::from(x[i]) * i32::from(y[c][i]))
                            .sum::<i32>();
                    }
                }
                (sum as f32).to_bits()
            })
        })
    })
}

impl Micro for AmxInt8 {
    const GROUP: usize = 64;
    const WIDEST: usize = int8::WIDEST;

    fn precision(&self, depth: usize) -> Precision {
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
    "avx512f,avx512bw,avx2,fma",
    crate::kernel::x86_64::avx512vnni::mix
);
