//! AMX: the processor multiplies whole tiles, 16 rows of 64 bytes by 64 bytes of 16 columns.
//!
//! Stable Rust has no intrinsics for it, only `asm!`, which knows tile registers by name but keeps nothing in them: all that a register tile needs happens
//! within one `asm!`. The configuration is set for one product of two blocks, whatever was there, and released after it, also by a panic: tiles and their
//! configuration are the caller's to save, as the calling convention has it, so nobody relies on what we change; and a thread at rest carries no 8 KB of state
//! through every switch. Signals and switches in between are the operating system's care: it saves tiles as it saves registers, and a load that was
//! interrupted half way goes on where it stopped.
//!
//! Four sums, 2 x 2 tiles of 16 x 16, take two tiles of rows and two of columns: one load for a multiplication, and no more fits the eight registers. A tile
//! comes from L1 in half the time of a multiplication and from L2 in one and a third of it; so a strip of 32 columns and [`SLAB`] bytes stays in L1 while
//! the rows stream from L2.
//!
//! ```text
//! tile     1 KB without gaps; rows: 16 rows of 64 bytes; columns: 16 groups of 4 bytes (4 int8, 2 bf16) of 16 columns
//! panel    16 rows or columns: its tiles, one after the other
//! block    slab after slab of 14 panels
//! ```

pub mod bf16;
mod check;
pub mod documented;
pub mod int8;
pub mod permission;
#[cfg(test)]
mod tests;

use core::arch::asm;
use std::marker::PhantomData;

use crate::bound::Precision;
use crate::kernel::{BLOCK, Layout, Line};

/// Rows of a tile, and lines of one.
const ROWS: usize = 16;
/// Bytes of a tile's row.
const BYTES: usize = 64;
/// Bytes of a group: what one column of a tile of columns has in each of its rows.
const GROUP: usize = 4;
/// Bytes of every row in one slab: a strip of 32 columns takes 32 KB.
const SLAB: usize = 1024;
/// Panels of a block.
const PANELS: usize = BLOCK / ROWS;
/// Register tiles are 32 x 32.
const WIDE: usize = 2 * ROWS;

/// What distinguishes the kernels: how they multiply.
pub trait Micro {
    /// Rows of a panel of rows.
    const MR: usize = ROWS;
    /// Columns of a panel of columns.
    const NR: usize = ROWS;
    /// Codes in a row of a tile.
    const GROUP: usize;
    /// Bias is of no use here.
    const BIASED: bool = false;
    /// Rows may have so many columns.
    const WIDEST: usize;

    /// How exact products are.
    fn precision(&self, depth: usize) -> Precision;

    /// Adds to (or, in the first slab, sets) a register tile, of which `tile` starts at the corner, [`BLOCK`] to a row; leaves float32 in the last slab.
    /// `rows` and `columns` are two panels each. `ahead` will be read soon.
    fn micro(
        &self,
        tiles: &Tiles,
        rows: [&[Line]; 2],
        columns: [&[Line]; 2],
        tile: &mut [u32],
        place: Place,
        ahead: *const Line,
    );
}

/// Where a slab stands among the slabs of a product.
#[derive(Clone, Copy)]
pub struct Place {
    /// Sums start here ...
    first: bool,
    /// ... and are complete here.
    last: bool,
}

/// Eight tiles of 16 rows of 64 bytes, as long as it lives, on the thread that made it.
pub struct Tiles {
    _of_this_thread: PhantomData<*const ()>,
}

impl Tiles {
    /// # Safety
    /// The processor has tiles and the process may use them.
    pub(in crate::kernel) unsafe fn configured() -> Self {
        #[repr(align(64))]
        struct Configuration {
            _bytes: [u8; 64],
        }
        static CONFIGURATION: Configuration = {
            let mut bytes = [0; 64];
            bytes[0] = 1; // the palette
            let mut tile = 0;
            while tile < 8 {
                bytes[16 + 2 * tile] = BYTES as u8;
                bytes[48 + tile] = ROWS as u8;
                tile += 1;
            }
            Configuration { _bytes: bytes }
        };
        // SAFETY: the caller vouches for the tiles; 64 bytes are read, and no register that the compiler uses changes.
        unsafe {
            asm!("ldtilecfg [{}]", in(reg) &raw const CONFIGURATION, options(nostack, readonly, preserves_flags));
        }
        Self {
            _of_this_thread: PhantomData,
        }
    }
}

impl Drop for Tiles {
    fn drop(&mut self) {
        // SAFETY: tiles were configured on this thread.
        unsafe { asm!("tilerelease", options(nomem, nostack, preserves_flags)) };
    }
}

/// One register tile: `$product` is the instruction that multiplies. `$rows` and `$columns` are two pointers each to `$chunks` (at least one) tiles,
/// `$corner` points to the sums, BLOCK to a row, `$first` starts them at zero. Five lines from `$ahead` on are fetched at every turn.
macro_rules! register_tile {
    ($product:literal, $rows:expr, $columns:expr, $chunks:expr, $corner:expr, $first:expr, $ahead:expr) => {
        core::arch::asm!(
            "test {first:e}, {first:e}",
            "jz 2f",
            "tilezero tmm0",
            "tilezero tmm1",
            "tilezero tmm2",
            "tilezero tmm3",
            "jmp 3f",
            "2:",
            "tileloadd tmm0, [{corner} + {stride}]",
            "tileloadd tmm1, [{corner} + {stride} + 64]",
            "tileloadd tmm2, [{corner} + {stride} + {lower}]",
            "tileloadd tmm3, [{corner} + {stride} + {lower} + 64]",
            "3:",
            "tileloadd tmm6, [{c0} + {line}]",
            "tileloadd tmm4, [{r0} + {line}]",
            concat!($product, " tmm0, tmm4, tmm6"),
            "tileloadd tmm7, [{c1} + {line}]",
            concat!($product, " tmm1, tmm4, tmm7"),
            "tileloadd tmm5, [{r1} + {line}]",
            concat!($product, " tmm2, tmm5, tmm6"),
            concat!($product, " tmm3, tmm5, tmm7"),
            "prefetcht1 [{ahead}]",
            "prefetcht1 [{ahead} + 64]",
            "prefetcht1 [{ahead} + 128]",
            "prefetcht1 [{ahead} + 192]",
            "prefetcht1 [{ahead} + 256]",
            "add {ahead}, 320",
            "add {r0}, 1024",
            "add {r1}, 1024",
            "add {c0}, 1024",
            "add {c1}, 1024",
            "dec {chunks}",
            "jnz 3b",
            "tilestored [{corner} + {stride}], tmm0",
            "tilestored [{corner} + {stride} + 64], tmm1",
            "tilestored [{corner} + {stride} + {lower}], tmm2",
            "tilestored [{corner} + {stride} + {lower} + 64], tmm3",
            first = in(reg) u32::from($first),
            corner = in(reg) $corner,
            stride = in(reg) 4 * $crate::kernel::BLOCK,
            lower = const 16 * 4 * $crate::kernel::BLOCK,
            line = in(reg) 64_u64,
            r0 = inout(reg) $rows[0] => _,
            r1 = inout(reg) $rows[1] => _,
            c0 = inout(reg) $columns[0] => _,
            c1 = inout(reg) $columns[1] => _,
            ahead = inout(reg) $ahead => _,
            chunks = inout(reg) $chunks => _,
            out("tmm0") _,
            out("tmm1") _,
            out("tmm2") _,
            out("tmm3") _,
            out("tmm4") _,
            out("tmm5") _,
            out("tmm6") _,
            out("tmm7") _,
            options(nostack),
        )
    };
}
use register_tile;

/// Lines that a register tile fetches ahead at every turn.
const FETCHED: usize = 5;

/// Checks what [`register_tile`] relies on; returns the number of tiles in each panel.
fn chunks(rows: [&[Line]; 2], columns: [&[Line]; 2], tile: &[u32]) -> usize {
    let chunks = rows[0].len() / ROWS;
    assert!(chunks > 0);
    assert!(
        rows.iter()
            .chain(&columns)
            .all(|panel| panel.len() >= chunks * ROWS)
    );
    assert!(tile.len() >= (WIDE - 1) * BLOCK + WIDE);
    chunks
}

/// Bytes of one packed block.
pub fn block_bytes(_width: usize, group: usize, depth: usize) -> usize {
    BLOCK * depth.div_ceil(group) * BYTES
}

/// Packs 16 rows of codes, `CODES` to 64 bytes: a panel in every slab.
#[inline(always)]
pub fn pack<const WIDTH: usize, const CODES: usize>(
    _biased: bool,
    layout: Layout,
    codes: &[u8],
    index: usize,
    depth: usize,
    block: &mut [Line],
) {
    let wide = depth * (BYTES / CODES);
    let chunks = wide.div_ceil(BYTES);
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(block);
    for (r, row) in codes.chunks_exact(wide).take(ROWS).enumerate() {
        let mut slab_start = 0;
        for start in (0..wide).step_by(SLAB) {
            let deep = (wide - start).min(SLAB).div_ceil(BYTES);
            let panel = slab_start + index * deep * ROWS * BYTES;
            for (chunk, source) in row[start..wide.min(start + SLAB)].chunks(BYTES).enumerate() {
                let tile = &mut bytes[panel + chunk * ROWS * BYTES..][..ROWS * BYTES];
                let mut line = [0; BYTES];
                line[..source.len()].copy_from_slice(source);
                match layout {
                    Layout::Rows => tile[r * BYTES..][..BYTES].copy_from_slice(&line),
                    Layout::Columns => {
                        for (g, group) in line.chunks_exact(GROUP).enumerate() {
                            tile[g * BYTES + r * GROUP..][..GROUP].copy_from_slice(group);
                        }
                    }
                }
            }
            slab_start += PANELS * deep * ROWS * BYTES;
        }
    }
    // Missing rows are zero.
    for r in codes.len() / wide..ROWS {
        let mut slab_start = 0;
        for start in (0..chunks).step_by(SLAB / BYTES) {
            let deep = (chunks - start).min(SLAB / BYTES);
            let panel = slab_start + index * deep * ROWS * BYTES;
            for tile in bytes[panel..][..deep * ROWS * BYTES].chunks_exact_mut(ROWS * BYTES) {
                match layout {
                    Layout::Rows => tile[r * BYTES..][..BYTES].fill(0),
                    Layout::Columns => {
                        for group in tile.chunks_exact_mut(BYTES) {
                            group[r * GROUP..][..GROUP].fill(0);
                        }
                    }
                }
            }
            slab_start += PANELS * deep * ROWS * BYTES;
        }
    }
}

/// Slabs, strips of 32 columns, register tiles.
pub fn products<M: Micro>(
    micro: &M,
    blocks: [&[Line]; 2],
    likely: Option<[&[Line]; 2]>,
    depth: usize,
    tile: &mut [f32],
) {
    // SAFETY: a kernel can only be had where the processor has tiles and the process may use them.
    let tiles = unsafe { Tiles::configured() };
    let tile: &mut [u32] = bytemuck::cast_slice_mut(tile);
    let chunks = depth.div_ceil(M::GROUP);
    // Of the blocks that come next one is usually here already.
    let next = likely.unwrap_or(blocks);
    let mut ahead = if next[0].as_ptr() == blocks[0].as_ptr() {
        next[1].as_ptr()
    } else {
        next[0].as_ptr()
    };
    let mut slab_start = 0;
    for start in (0..chunks).step_by(SLAB / BYTES) {
        let deep = (chunks - start).min(SLAB / BYTES);
        let place = Place {
            first: start == 0,
            last: start + deep == chunks,
        };
        let panel = |block: &'_ [Line], index: usize| -> core::ops::Range<usize> {
            let from = slab_start + index * deep * ROWS;
            debug_assert!(from + deep * ROWS <= block.len());
            from..from + deep * ROWS
        };
        for c in (0..PANELS).step_by(2) {
            let columns = [c, c + 1].map(|c| &blocks[1][panel(blocks[1], c)]);
            for r in (0..PANELS).step_by(2) {
                let rows = [r, r + 1].map(|r| &blocks[0][panel(blocks[0], r)]);
                let corner = &mut tile[r * ROWS * BLOCK + c * ROWS..];
                micro.micro(&tiles, rows, columns, corner, place, ahead);
                // Only an address: fetching beyond the end is harmless.
                ahead = ahead.wrapping_add(FETCHED * deep);
            }
        }
        slab_start += PANELS * deep * ROWS;
    }
}
