//! What a kernel is tried on before it is believed: one register tile, over a slab of three tiles and one of two.

use super::{BYTES, Place, ROWS, WIDE};
use crate::kernel::{BLOCK, Line};

/// Tiles of each panel in the first slab.
const FIRST: usize = 3;
/// In the second.
const SECOND: usize = 2;

/// A multiplication of one slab: two panels of rows, two of columns, the sums, and where the slab stands.
pub type Multiply<'a> = &'a mut dyn FnMut([&[Line]; 2], [&[Line]; 2], &mut [u32], Place);

/// Two panels of rows and two of columns.
pub struct Check {
    panels: [[Vec<Line>; 2]; 2],
}

impl Check {
    /// Codes come two bytes at a time, from the half they are in, their place and random bits.
    pub fn new(seed: u64, codes: impl Fn(u64, usize, u64) -> [u8; 2]) -> Self {
        let panel = |which: u64| -> Vec<Line> {
            let mut lines = vec![Line::ZERO; (FIRST + SECOND) * ROWS];
            let places = bytemuck::cast_slice_mut::<Line, [u8; 2]>(&mut lines);
            for (at, place) in places.iter_mut().enumerate() {
                // The kind shifts by one from row to row.
                *place = codes(
                    which % 2,
                    at + at / (BYTES / 2),
                    random((4 * seed + which) << 32 | at as u64),
                );
            }
            lines
        };
        Self {
            panels: [[panel(0), panel(1)], [panel(2), panel(3)]],
        }
    }

    /// Whether the sums that `multiply` leaves in the register tile have the bits that `want` makes of a panel of rows and one of columns, both whole.
    pub fn holds(
        &self,
        multiply: Multiply<'_>,
        want: impl Fn([&[Line]; 2]) -> [[u32; ROWS]; ROWS],
    ) -> bool {
        // What should be zero at the start is not.
        let mut tile = vec![0x7fc0_0000; (WIDE - 1) * BLOCK + WIDE];
        let slab = |lines: std::ops::Range<usize>| {
            [0, 1].map(|side| [0, 1].map(|half| &self.panels[side][half][lines.clone()]))
        };
        for first in [true, false] {
            let [rows, columns] = slab(if first {
                0..FIRST * ROWS
            } else {
                FIRST * ROWS..(FIRST + SECOND) * ROWS
            });
            multiply(
                rows,
                columns,
                &mut tile,
                Place {
                    first,
                    last: !first,
                },
            );
        }
        let [rows, columns] = slab(0..(FIRST + SECOND) * ROWS);
        (0..4).all(|at| {
            let (r, c) = (at / 2, at % 2);
            want([rows[r], columns[c]])
                .iter()
                .enumerate()
                .all(|(i, want)| tile[(r * ROWS + i) * BLOCK + c * ROWS..][..ROWS] == *want)
        })
    }
}

/// The finisher of splitmix64.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
