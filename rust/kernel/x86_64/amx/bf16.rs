//! AMX, bfloat16 codes: float32 sums.
//!
//! [`documented`](super::documented) tells in which order a tile is summed, and how. When a kernel is made for the first time, a few tiles of awkward
//! values must come out of the processor as they come out of that plain function, bit for bit; then the bound counts the roundings of that order. A processor that sums
//! otherwise keeps the general bound: every product passes as many roundings as there are codes, each in any direction.

use std::sync::OnceLock;

use super::check::{Check, Multiply};
use super::documented::tdpbf16ps;
#[cfg(all(test, target_os = "linux"))]
use super::permission::absent;
use super::permission::unit;
use super::{Micro, Place, Tiles, chunks, register_tile};
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
    /// Tiles are summed as documented.
    documented: bool,
}

/// What the loops around tiles need.
fn vectors() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
}

impl AmxBf16 {
    /// The kernel, where the processor has it.
    pub fn new() -> Option<Self> {
        static DOCUMENTED: OnceLock<bool> = OnceLock::new();
        (vectors() && unit().bf16).then(|| Self {
            documented: *DOCUMENTED.get_or_init(|| Self::unchecked().follows()),
        })
    }

    /// The kernel, where this processor lacks it and tests can have its instructions emulated; then it is the kernel that must be right.
    #[cfg(all(test, target_os = "linux"))]
    pub fn emulated() -> Option<Self> {
        (vectors() && absent() && crate::kernel::x86_64::emulator::install()).then(|| {
            assert!(
                Self::unchecked().follows(),
                "the emulated kernel multiplies wrongly"
            );
            Self { documented: true }
        })
    }

    /// Before the processor was seen to sum as documented.
    fn unchecked() -> Self {
        Self { documented: false }
    }

    /// Whether tiles of awkward values come out as documented.
    fn follows(&self) -> bool {
        // SAFETY: whoever makes a token knows that the process may use tiles.
        let tiles = unsafe { Tiles::configured() };
        follows(0, &mut |rows, columns, tile, place| {
            self.micro(&tiles, rows, columns, tile, place, rows[0].as_ptr());
        })
    }
}

/// Whether `multiply` adds up as documented.
pub fn follows(seed: u64, multiply: Multiply<'_>) -> bool {
    let check = Check::new(seed, |half, at, random| {
        awkward(half, at, random).to_le_bytes()
    });
    check.holds(multiply, |panels| {
        let [rows, columns] =
            panels.map(|panel| bytemuck::cast_slice::<Line, [u16; 32]>(panel).as_chunks().0);
        let mut sums = [[0.0; 16]; 16];
        for (rows, columns) in rows.iter().zip(columns) {
            // SAFETY: the kernel's token proves AVX2 and FMA.
            unsafe { tdpbf16ps(&mut sums, rows, columns, 16) };
        }
        sums.map(|row| row.map(f32::to_bits))
    })
}

/// Codes that tell orders and roundings apart. In the first half: of one size, so that the last digits of all sums matter; of all sizes; and zeros of both signs
/// among what should not occur, subnormals. In the second: so small that products are lost, kept, and cancel to what is lost.
pub fn awkward(half: u64, at: usize, random: u64) -> u16 {
    let (sign, digits) = ((random >> 63) as u16, (random >> 40 & 0x7f) as u16);
    let spread = |most: u64| (random >> 20 & 0xffff) as u16 % most as u16;
    let exponent = match (half, at % 8) {
        (_, 7) => 0,
        (0, 0..=3) => 127 + spread(2),
        (0, 4..=5) => 127 - spread(9),
        (0, _) => 87 + spread(80),
        _ => 127 - 66 + spread(8),
    };
    let digits = if at % 16 == 7 { 0 } else { digits };
    sign << 15 | exponent << 7 | digits
}

/// Codes in a row of a tile.
const GROUP: usize = 32;

/// As documented, a product passes at most 16 roundings in its chain (those of its own step and the later ones), one when the two chains are added, and then
/// one whenever such a sum is added to the tile's: once for each 32 codes. The tile's sums are float32, so they lose nothing in memory between slabs. Every
/// one of these is to nearest: `2^-24`. (The first step of a chain and the first sum of all are exact, which is not used.)
///
/// What is flushed is off by less than `2^-126`: at most `d` steps of chains (those of zeros behind the end change nothing) and, for each 32 codes, two sums;
/// codes are never subnormal, nor is what was flushed before. These are `d + 2 ceil(d / 32)` flushes at most: `3 d` where `d` is so small that later roundings
/// cannot make them grow, and below `1.2 d` where those might double them. Both are less than the `4 d` of `eta` in [`Bound`](crate::bound::Bound).
pub fn precision(documented: bool, depth: usize) -> Precision {
    if documented {
        Precision {
            unit: f64::from(f32::EPSILON) / 2.0,
            roundings: (17 + depth.div_ceil(GROUP)) as f64,
        }
    } else {
        Precision {
            unit: f64::from(f32::EPSILON),
            roundings: whole(depth, GROUP) as f64,
        }
    }
}

impl Micro for AmxBf16 {
    const GROUP: usize = GROUP;
    const WIDEST: usize = 1 << 20;

    fn precision(&self, depth: usize) -> Precision {
        precision(self.documented, depth)
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
