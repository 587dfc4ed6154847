//! Codes in two slices, row by row: for pairs that one slice leaves undecided. Kept beside the packed codes of a panel.
//!
//! ```text
//! row     its codes with 128 added, then the codes of what they leave, each filled up with zeros to whole lines
//! mix     the first slice of each row by the second one of the other: with the product of the first slices, nearly the product of both
//! ```
//!
//! Tried and rejected (2026-11-25; `evaluate`, 10,000 + 10,000 points in 2048 columns, 8 million second looks, 2.5 s either way): half of the mix first, which
//! leaves half of the error and two pairs in three past; fetching the slices of pairs ahead; judging a tile's pairs by groups of columns, whose slices stay in
//! the cache. Looks are bound by bringing slices from the shared cache, and what is saved there is lost in asking twice.

use super::{BLOCK, Line, Panel, panel};
use crate::error::{Result, filled};

/// Both slices of the rows of some blocks.
pub struct FinePanel {
    lines: Panel,
    /// Sums of the rows' second slices.
    sums: Vec<i32>,
    /// Lines of one slice of a row.
    deep: usize,
}

/// Both slices of the rows of one block.
#[derive(Clone, Copy)]
pub struct FineBlock<'p> {
    lines: &'p [Line],
    sums: &'p [i32],
    deep: usize,
}

/// The same, to be written.
pub struct FineBlockMut<'p> {
    lines: &'p mut [Line],
    sums: &'p mut [i32],
    deep: usize,
}

/// Both slices of one row.
#[derive(Clone, Copy)]
pub struct FineRow<'p> {
    /// The first, with 128 added.
    pub biased: &'p [Line],
    /// The second.
    pub rest: &'p [Line],
    /// The sum of the second.
    pub sum: i32,
}

impl FinePanel {
    /// Room for `blocks` blocks of rows of `depth` columns.
    ///
    /// # Errors
    /// When the memory cannot be had.
    pub fn new(blocks: usize, depth: usize) -> Result<Self> {
        let deep = depth.div_ceil(64);
        Ok(Self {
            lines: panel(blocks * Self::block_bytes(depth))?,
            sums: filled(blocks * BLOCK, 0, "sums of codes")?,
            deep,
        })
    }

    /// Bytes of one block.
    pub fn block_bytes(depth: usize) -> usize {
        BLOCK * 2 * depth.div_ceil(64) * 64
    }

    /// One block.
    pub fn block(&self, index: usize) -> FineBlock<'_> {
        let size = BLOCK * 2 * self.deep;
        FineBlock {
            lines: &self.lines[index * size..(index + 1) * size],
            sums: &self.sums[index * BLOCK..(index + 1) * BLOCK],
            deep: self.deep,
        }
    }

    /// All blocks, to be written.
    pub fn blocks_mut(&mut self) -> Vec<Option<FineBlockMut<'_>>> {
        let deep = self.deep;
        let lines = self.lines.chunks_exact_mut(BLOCK * 2 * deep);
        lines
            .zip(self.sums.chunks_exact_mut(BLOCK))
            .map(|(lines, sums)| Some(FineBlockMut { lines, sums, deep }))
            .collect()
    }
}

impl FineBlockMut<'_> {
    /// The first slice, the second and its sum of one row.
    pub fn row(&mut self, index: usize) -> (&mut [u8], &mut [i8], &mut i32) {
        let lines = &mut self.lines[index * 2 * self.deep..][..2 * self.deep];
        let (biased, rest) = lines.split_at_mut(self.deep);
        (
            bytemuck::cast_slice_mut(biased),
            bytemuck::cast_slice_mut(rest),
            &mut self.sums[index],
        )
    }
}

impl<'p> FineBlock<'p> {
    /// One row.
    #[inline(always)]
    pub fn row(&self, index: usize) -> FineRow<'p> {
        let lines = &self.lines[index * 2 * self.deep..][..2 * self.deep];
        let (biased, rest) = lines.split_at(self.deep);
        FineRow {
            biased,
            rest,
            sum: self.sums[index],
        }
    }
}

/// `sum_k x_k y'_k + x'_k y_k`, where `x'` is the second slice of `x`. It fits 32 bits where the sums of the first slices do; sums on the way wrap, and wrap
/// back. Where the rows are filled up the second slices hold zeros, so it does not matter what the first ones hold there.
pub fn mix(x: FineRow<'_>, y: FineRow<'_>) -> i32 {
    let dot = |biased: &[Line], rest: &[Line]| -> i32 {
        let biased: &[u8] = bytemuck::cast_slice(biased);
        let rest: &[i8] = bytemuck::cast_slice(rest);
        let products = biased.iter().zip(rest);
        products.fold(0i32, |sum, (&x, &y)| {
            sum.wrapping_add(i32::from(x) * i32::from(y))
        })
    };
    unbias(dot(x.biased, y.rest), y.sum).wrapping_add(unbias(dot(y.biased, x.rest), x.sum))
}

/// What the bias added is 128 times the sum of the other slice.
#[inline(always)]
pub fn unbias(sum: i32, rest: i32) -> i32 {
    sum.wrapping_sub(rest.wrapping_mul(128))
}
