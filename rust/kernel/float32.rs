//! The loops that all float32 kernels share; a kernel brings its register tile as a [`Micro`].
//!
//! ```text
//! LOOP 1  slabs of DEPTH columns of the data; each slab of a product is summed on its own and then added (fewer roundings in a row)
//! LOOP 2  micro-panels of NR columns of the tile: 32 x 192 floats = 24 KB stay in L1 (48 KB) beside two of the next kind
//! LOOP 3  micro-panels of MR rows: 14 x 192 floats = 11 KB stream from L2
//! micro   an MR x NR tile in registers over the slab
//! ```
//!
//! While one slab is multiplied the next is fetched into L2, a little in every register tile; without that the products wait for L3 a third of the time.
//!
//! A packed block is slab after slab, in a slab micro-panel after micro-panel, in a micro-panel one group of MR (or NR) values per column of the data.

use super::{BLOCK, Layout, Line};
use crate::bound::Precision;

/// Columns of the data in one slab.
pub const DEPTH: usize = 192;
/// Rows may have any width.
pub const WIDEST: usize = usize::MAX;

/// A register tile.
pub trait Micro {
    /// Rows of the register tile.
    const MR: usize;
    /// Columns of the register tile.
    const NR: usize;
    /// Codes of a row that stay together.
    const GROUP: usize = 1;
    /// Rows are packed as they are.
    const BIASED: bool = false;
    /// Rows may have so many columns.
    const WIDEST: usize = WIDEST;

    /// How exact products are.
    fn precision(&self, depth: usize) -> Precision {
        precision(depth)
    }

    /// `tile[r][c] (+)= sum_k rows[k][r] * columns[k][c]`; `tile` starts at the register tile's corner, [`BLOCK`] to a row; `first` overwrites.
    /// `ahead` are two places that will be read next, worth fetching at eight bytes per column of the data.
    fn micro(
        &self,
        rows: &[f32],
        columns: &[f32],
        tile: &mut [f32],
        first: bool,
        ahead: [*const f32; 2],
    );
}

/// Rounds `count` up to whole groups of `width`.
pub const fn whole(count: usize, width: usize) -> usize {
    count.div_ceil(width) * width
}

/// Bytes of one packed block whose micro-panels are `width` wide.
pub fn block_bytes(width: usize, _group: usize, depth: usize) -> usize {
    whole(BLOCK, width) * depth * size_of::<f32>()
}

/// One rounding per product and sum of a slab (or one for both, fused), and one per slab.
pub fn precision(depth: usize) -> Precision {
    Precision {
        unit: f64::from(f32::EPSILON) / 2.0,
        roundings: (depth.min(DEPTH) + 1 + depth.div_ceil(DEPTH)) as f64,
    }
}

/// Packs one group of `WIDTH` rows of codes: a micro-panel in every slab.
#[inline(always)]
pub fn pack<const WIDTH: usize, const GROUP: usize>(
    _biased: bool,
    _layout: Layout,
    codes: &[u8],
    index: usize,
    depth: usize,
    block: &mut [Line],
) {
    let codes: &[f32] = bytemuck::cast_slice(codes);
    let zeros = [0.0f32; DEPTH];
    let rows: Vec<&[f32]> = codes.chunks_exact(depth).collect();
    let mut slabs: &mut [f32] = bytemuck::cast_slice_mut(block);
    for start in (0..depth).step_by(DEPTH) {
        let deep = (depth - start).min(DEPTH);
        let (slab, rest) = slabs.split_at_mut(whole(BLOCK, WIDTH) * deep);
        let sources: [&[f32]; WIDTH] = std::array::from_fn(|r| {
            rows.get(r)
                .map_or(&zeros[..deep], |row| &row[start..start + deep])
        });
        let panel = &mut slab[index * WIDTH * deep..(index + 1) * WIDTH * deep];
        for (k, group) in panel.as_chunks_mut::<WIDTH>().0.iter_mut().enumerate() {
            for r in 0..WIDTH {
                group[r] = sources[r][k];
            }
        }
        slabs = rest;
    }
}

/// The loops of the module's first paragraph.
pub fn products<M: Micro>(
    micro: &M,
    blocks: [&[Line]; 2],
    likely: Option<[&[Line]; 2]>,
    depth: usize,
    tile: &mut [f32],
) {
    let mut rows: &[f32] = bytemuck::cast_slice(blocks[0]);
    let mut columns: &[f32] = bytemuck::cast_slice(blocks[1]);
    // After the last slab comes the first of the blocks that follow.
    let after = likely
        .unwrap_or(blocks)
        .map(|block| block.as_ptr().cast::<f32>());
    // LOOP 1
    for slab in (0..depth).step_by(DEPTH) {
        let deep = (depth - slab).min(DEPTH);
        let (row_slab, row_rest) = rows.split_at(whole(BLOCK, M::MR) * deep);
        let (column_slab, column_rest) = columns.split_at(whole(BLOCK, M::NR) * deep);
        let next = if slab + deep == depth {
            after
        } else {
            [row_rest.as_ptr(), column_rest.as_ptr()]
        };
        let (across, down) = (BLOCK.div_ceil(M::NR), BLOCK.div_ceil(M::MR));
        // LOOP 2
        for (c, column_panel) in column_slab.chunks_exact(M::NR * deep).enumerate() {
            // LOOP 3
            for (r, row_panel) in row_slab.chunks_exact(M::MR * deep).enumerate() {
                let corner = &mut tile[r * M::MR * BLOCK + c * M::NR..];
                // Each register tile fetches its share of the next slab's micro-panels r and c. Fetching beyond the end is harmless.
                let ahead = [
                    next[0].wrapping_add((r * across + c) * M::MR * deep / across),
                    next[1].wrapping_add((c * down + r) * M::NR * deep / down),
                ];
                micro.micro(row_panel, column_panel, corner, slab == 0, ahead);
            }
        }
        rows = row_rest;
        columns = column_rest;
    }
}
