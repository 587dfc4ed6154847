//! Plain Rust: runs everywhere, and is what every other kernel is compared with.

use super::float32::{self, Micro};
use super::{BLOCK, Codes, ColumnScan, Kernel, Layout, Line, RowScan, Survivor};
use crate::bound::Precision;

/// The kernel without intrinsics.
pub struct Portable;

const MR: usize = 4;
const NR: usize = 8;

impl Micro for Portable {
    const MR: usize = MR;
    const NR: usize = NR;

    fn micro(
        &self,
        rows: &[f32],
        columns: &[f32],
        tile: &mut [f32],
        first: bool,
        _ahead: [*const f32; 2],
    ) {
        let mut sums = [[0.0f32; NR]; MR];
        let groups = rows.as_chunks::<MR>().0.iter();
        for (x, y) in groups.zip(columns.as_chunks::<NR>().0) {
            for (sum, &x) in sums.iter_mut().zip(x) {
                for (sum, &y) in sum.iter_mut().zip(y) {
                    *sum += x * y;
                }
            }
        }
        for (out, sum) in tile.chunks_mut(BLOCK).zip(sums) {
            for (out, sum) in out.iter_mut().zip(sum) {
                *out = if first { sum } else { *out + sum };
            }
        }
    }
}

impl Kernel for Portable {
    fn name(&self) -> &'static str {
        "portable"
    }

    fn code(&self) -> &'static str {
        "float32"
    }

    fn precision(&self, depth: usize) -> Precision {
        float32::precision(depth)
    }

    fn group(&self, layout: Layout) -> usize {
        match layout {
            Layout::Rows => MR,
            Layout::Columns => NR,
        }
    }

    fn block_bytes(&self, layout: Layout, depth: usize) -> usize {
        float32::block_bytes(self.group(layout), depth)
    }

    fn pack(
        &self,
        layout: Layout,
        codes: Codes<'_>,
        index: usize,
        depth: usize,
        block: &mut [Line],
    ) {
        match layout {
            Layout::Rows => float32::pack::<MR>(codes, index, depth, block),
            Layout::Columns => float32::pack::<NR>(codes, index, depth, block),
        }
    }

    fn products(
        &self,
        blocks: [&[Line]; 2],
        likely: Option<[&[Line]; 2]>,
        depth: usize,
        tile: &mut [f32],
    ) {
        float32::products(self, blocks, likely, depth, tile);
    }

    fn scan(
        &self,
        tile: &[f32],
        rows: &[RowScan],
        columns: &ColumnScan,
        survivors: &mut Vec<Survivor>,
    ) {
        float32::scan(tile, rows, columns, survivors);
    }
}
