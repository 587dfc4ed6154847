//! The loops that int8 kernels of vector units share; a kernel brings its register tile as a [`Micro`].
//!
//! As in `float32`: slabs of columns of the data, micro-panels of columns, micro-panels of rows; but four (or eight) consecutive values of a row stay
//! together, since machines multiply them at once and add the products to one 32-bit sum:
//!
//! ```text
//! micro-panel    for every group of columns of the data: the codes of its first row, of its second ...
//! block          slab after slab of micro-panels; behind the columns of a biased kernel, one 32-bit start for each
//! ```
//!
//! Sums are exact: 127 * 127 * [`WIDEST`] is below 2^31. Only their conversion to float32 rounds, once. A *biased* kernel multiplies unsigned by signed
//! codes: its rows hold `c + 128`, and the sum of a column starts at `-128` times the sum of that column's codes. Its sums may pass 2^31 on the
//! way: they wrap, and wrap back.

use super::{BLOCK, Layout, Line};
use crate::bound::Precision;
use crate::kernel::float32::whole;

/// Columns of the data in one slab, whole groups: 32 x 768 codes are 24 KB.
pub const DEPTH: usize = 768;
/// Rows may not be wider, or sums might not fit.
pub const WIDEST: usize = 133_000;

/// A register tile.
pub trait Micro {
    /// Rows of the register tile.
    const MR: usize;
    /// Columns of the register tile.
    const NR: usize;
    /// Codes of a row that are multiplied at once.
    const GROUP: usize;
    /// Whether rows are packed with 128 added.
    const BIASED: bool;
    /// Rows may have so many columns.
    const WIDEST: usize = WIDEST;

    /// How exact products are.
    fn precision(&self, depth: usize) -> Precision {
        precision(depth)
    }

    /// `tile[r][c] = start + sum_k rows[k][r] . columns[k][c]` over groups `k`; `tile` starts at the register tile's corner, [`BLOCK`] to a row, and holds 32-bit sums until
    /// the last slab leaves them as float32. `ahead` are two places that will be read next.
    fn micro(
        &self,
        rows: &[i8],
        columns: &[i8],
        tile: &mut [i32],
        slab: Slab<'_>,
        ahead: [*const i8; 2],
    );
}

/// Where a slab stands among the slabs of a product.
#[derive(Clone, Copy)]
pub struct Slab<'a> {
    /// In the first slab: what the sums of the columns start at, or nothing for zero. Later they go on from the tile.
    pub first: Option<Option<&'a [i32]>>,
    /// The sums are complete: convert them.
    pub last: bool,
}

/// Bytes of one packed block whose micro-panels are `width` wide.
pub fn block_bytes(width: usize, group: usize, depth: usize) -> usize {
    whole(BLOCK, width) * (whole(depth, group) + size_of::<i32>())
}

/// Sums are exact; one rounding to float32.
pub fn precision(_depth: usize) -> Precision {
    Precision {
        unit: f64::from(f32::EPSILON) / 2.0,
        roundings: 1.0,
    }
}

/// Packs one group of `WIDTH` rows of codes: a micro-panel in every slab.
#[inline(always)]
pub fn pack<const WIDTH: usize, const GROUP: usize>(
    biased: bool,
    layout: Layout,
    codes: &[u8],
    index: usize,
    depth: usize,
    block: &mut [Line],
) {
    let codes: &[i8] = bytemuck::cast_slice(codes);
    let flip: i8 = if biased && layout == Layout::Rows {
        i8::MIN
    } else {
        0
    };
    let zeros = [0i8; DEPTH];
    let rows: Vec<&[i8]> = codes.chunks_exact(depth).collect();
    let bytes: &mut [i8] = bytemuck::cast_slice_mut(block);
    let padded = whole(depth, GROUP);
    let (mut slabs, starts) = bytes.split_at_mut(whole(BLOCK, WIDTH) * padded);
    let mut totals = [0i32; WIDTH];
    for start in (0..depth).step_by(DEPTH) {
        let deep = (depth - start).min(DEPTH);
        let groups = deep.div_ceil(GROUP);
        let (slab, rest) = slabs.split_at_mut(whole(BLOCK, WIDTH) * groups * GROUP);
        let sources: [&[i8]; WIDTH] = std::array::from_fn(|r| {
            rows.get(r)
                .map_or(&zeros[..deep], |row| &row[start..start + deep])
        });
        let size = WIDTH * groups * GROUP;
        let panel = slab[index * size..(index + 1) * size]
            .as_chunks_mut::<GROUP>()
            .0;
        for (k, group) in panel.chunks_exact_mut(WIDTH).enumerate().take(deep / GROUP) {
            for r in 0..WIDTH {
                // Adding 128 modulo 256 is turning the highest bit over.
                let codes: [i8; GROUP] = sources[r][k * GROUP..(k + 1) * GROUP]
                    .try_into()
                    .expect("a group of codes");
                group[r] = codes.map(|code| code ^ flip);
            }
        }
        if !deep.is_multiple_of(GROUP) {
            let group = &mut panel[(groups - 1) * WIDTH..];
            for r in 0..WIDTH {
                let mut codes = [0; GROUP];
                let rest = &sources[r][deep / GROUP * GROUP..];
                codes[..rest.len()].copy_from_slice(rest);
                group[r] = codes.map(|code| code ^ flip);
            }
        }
        if biased && layout == Layout::Columns {
            for (total, source) in totals.iter_mut().zip(sources) {
                *total += source.iter().map(|&code| i32::from(code)).sum::<i32>();
            }
        }
        slabs = rest;
    }
    let starts: &mut [i32] = bytemuck::cast_slice_mut(&mut starts[..whole(BLOCK, WIDTH) * 4]);
    for (start, total) in starts[index * WIDTH..][..WIDTH].iter_mut().zip(totals) {
        *start = total.wrapping_mul(-128);
    }
}

/// The loops of `float32::products`, over groups.
pub fn products<M: Micro>(
    micro: &M,
    blocks: [&[Line]; 2],
    likely: Option<[&[Line]; 2]>,
    depth: usize,
    tile: &mut [f32],
) {
    let tile: &mut [i32] = bytemuck::cast_slice_mut(tile);
    let padded = whole(depth, M::GROUP);
    let mut rows: &[i8] = bytemuck::cast_slice(blocks[0]);
    let (mut columns, starts) =
        bytemuck::cast_slice::<Line, i8>(blocks[1]).split_at(whole(BLOCK, M::NR) * padded);
    let starts: &[i32] = bytemuck::cast_slice(&starts[..whole(BLOCK, M::NR) * size_of::<i32>()]);
    // After the last slab comes the first of the blocks that follow.
    let after = likely
        .unwrap_or(blocks)
        .map(|block| block.as_ptr().cast::<i8>());
    for slab in (0..depth).step_by(DEPTH) {
        let deep = whole((depth - slab).min(DEPTH), M::GROUP);
        let (row_slab, row_rest) = rows.split_at(whole(BLOCK, M::MR) * deep);
        let (column_slab, column_rest) = columns.split_at(whole(BLOCK, M::NR) * deep);
        let last = slab + DEPTH >= depth;
        let next = if last {
            after
        } else {
            [row_rest.as_ptr(), column_rest.as_ptr()]
        };
        let (across, down) = (BLOCK.div_ceil(M::NR), BLOCK.div_ceil(M::MR));
        for (c, column_panel) in column_slab.chunks_exact(M::NR * deep).enumerate() {
            for (r, row_panel) in row_slab.chunks_exact(M::MR * deep).enumerate() {
                let corner = &mut tile[r * M::MR * BLOCK + c * M::NR..];
                // Each register tile fetches its share of the next slab. Fetching beyond the end is harmless.
                let ahead = [
                    next[0].wrapping_add((r * across + c) * M::MR * deep / across),
                    next[1].wrapping_add((c * down + r) * M::NR * deep / down),
                ];
                let starts = M::BIASED.then(|| &starts[c * M::NR..][..M::NR]);
                let slab = Slab {
                    first: (slab == 0).then_some(starts),
                    last,
                };
                micro.micro(row_panel, column_panel, corner, slab, ahead);
            }
        }
        rows = row_rest;
        columns = column_rest;
    }
}
