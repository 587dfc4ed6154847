//! The only room with `unsafe` and SIMD: how codes are packed, multiplied and scanned, and the settled distance compiled for each machine.
//!
//! A kernel is cheap and honest. It works on blocks of [`BLOCK`] rows against [`BLOCK`] columns:
//!
//! ```text
//! pack_rows, pack_columns   codes of a block, in the kernel's own layout
//! products                  the tile of inner products of two packed blocks (BLOCK x BLOCK float32)
//! scan                      thresholds in, the pairs that are not surely out come back
//! precision                 unit and roundings, from which `bound` proves how far a product may be off
//! ```
//!
//! `encode`, `measure` and `squared` are compiled from the portable source of `codes` and `distance` for the kernel's vectors; they give the same bits
//! everywhere.
//!
//! Possession is proof: a kernel can only be had from its `new() -> Option<Self>`, which asks the processor first.
//! To add one: a file that implements [`Kernel`], and one line in [`ladder`]. The runner in `tests.rs` finds it there.
#![allow(unsafe_code)]

mod float32;
mod portable;
#[cfg(test)]
mod tests;
#[cfg(target_arch = "x86_64")]
mod x86_64;

use crate::bound::Precision;
use crate::codes::{self, Facts};
use crate::distance::{self, Row};
use crate::error::{Error, Result, filled};

/// Rows of a block: 16 x 14 and 7 x 32, so that the widest register tiles fit without a rest. Two packed slabs and their tile take 0.54 MB of L2.
pub const BLOCK: usize = 224;
/// Rows of the tile: a kernel whose register tile does not divide [`BLOCK`] may write a few rows beyond it.
pub const TILE_ROWS: usize = 232;

/// The environment variable that forces a kernel.
pub const VARIABLE: &str = "FIDIV_KERNEL";

/// 64 bytes on a cache line: the unit of packed panels.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
pub struct Line([u8; 64]);

/// Packed codes, aligned to cache lines; the kernel that packed them knows their type and layout.
pub type Panel = Vec<Line>;

/// A panel of `bytes`, all zero.
///
/// # Errors
/// When the memory cannot be had.
pub fn panel(bytes: usize) -> Result<Panel> {
    let lines = bytes.div_ceil(64);
    filled(lines, Line([0; 64]), "a panel of codes")
}

/// Codes of some rows, one after the other, as `codes` writes them. Shorter forms come as further variants.
#[derive(Clone, Copy, Debug)]
pub enum Codes<'a> {
    /// Centred, scaled, rounded to float32.
    F32(&'a [f32]),
}

/// What the scan needs of a row: see Lemma 3 in `bound`.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowScan {
    /// Half the square less the error, in code units.
    pub a: f32,
    /// `2^-shift`.
    pub s: f32,
    /// Half the row's window.
    pub w: f32,
    /// The row's factor of the window that is a product.
    pub u: f32,
    /// Not above any threshold of the row: most products are below even this.
    pub floor: f32,
}

/// What the scan needs of the columns of a block.
#[derive(Clone, Debug)]
pub struct ColumnScan {
    /// `2^-shift`.
    pub s: [f32; BLOCK],
    /// Half the square, in code units.
    pub h: [f32; BLOCK],
    /// Half the column's window.
    pub b: [f32; BLOCK],
    /// The column's factor of the window that is a product.
    pub v: [f32; BLOCK],
}

/// A pair that the scan passed on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Survivor {
    /// Row within the block.
    pub row: u16,
    /// Column within the block.
    pub column: u16,
    /// The computed product.
    pub product: f32,
}

/// Pairs of a tile that are surely inside, by row and by column.
#[derive(Clone, Debug)]
pub struct Tally {
    /// How many of each row.
    pub rows: [u32; BLOCK],
    /// How many of each column.
    pub columns: [u32; BLOCK],
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            rows: [0; BLOCK],
            columns: [0; BLOCK],
        }
    }
}

impl Tally {
    /// Starts again.
    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

/// Which layout a panel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// The rows of a tile.
    Rows,
    /// The columns of a tile.
    Columns,
}

/// A processor's way to multiply and scan.
pub trait Kernel: Send + Sync {
    /// Its name, as `FIDIV_KERNEL` takes it.
    fn name(&self) -> &'static str;

    /// What its codes are called.
    fn code(&self) -> &'static str;

    /// How exact products of rows of `depth` columns are.
    fn precision(&self, depth: usize) -> Precision;

    /// How many rows are packed at a time.
    fn group(&self, layout: Layout) -> usize;

    /// Bytes of one packed block.
    fn block_bytes(&self, layout: Layout, depth: usize) -> usize;

    /// Packs the `index`-th group of a block's rows into its places; `codes` holds whole rows of `depth` columns, one after the other. Missing rows
    /// become zero.
    fn pack(
        &self,
        layout: Layout,
        codes: Codes<'_>,
        index: usize,
        depth: usize,
        block: &mut [Line],
    );

    /// All inner products of a packed block of rows and one of columns, row by row, [`BLOCK`] to a row. `likely` are the blocks that will probably be
    /// multiplied next; fetching their beginning early hides the wait for it.
    fn products(
        &self,
        blocks: [&[Line]; 2],
        likely: Option<[&[Line]; 2]>,
        depth: usize,
        tile: &mut [f32],
    );

    /// Appends every pair of the tile whose product is not below its threshold, in row order.
    fn scan(
        &self,
        tile: &[f32],
        rows: &[RowScan],
        columns: &ColumnScan,
        survivors: &mut Vec<Survivor>,
    );

    /// Counts the pairs of a tile, up to column `count`, whose product is not below its inner threshold, and appends those between the outer one and
    /// the inner one.
    fn tally(
        &self,
        tile: &[f32],
        rows: [&[RowScan]; 2],
        columns: [&ColumnScan; 2],
        count: usize,
        tally: &mut Tally,
        between: &mut Vec<Survivor>,
    ) {
        float32::tally(tile, rows, columns, count, tally, between);
    }

    /// THE distance, squared: `distance::squared`, bit for bit.
    fn squared(&self, x: Row<'_>, y: Row<'_>) -> f64 {
        distance::squared(x, y)
    }

    /// `codes::encode`, bit for bit.
    fn encode(&self, row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [f32]) {
        codes::encode(row, centre, factor, codes);
    }

    /// `codes::measure`, bit for bit.
    fn measure(&self, row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
        codes::measure(row, centre, exponent)
    }
}

/// Every kernel this build knows, the best first, with the kernel itself where this processor has it.
fn ladder() -> Vec<(&'static str, Option<Box<dyn Kernel>>)> {
    fn rung<K: Kernel + 'static>(kernel: Option<K>) -> Option<Box<dyn Kernel>> {
        kernel.map(|kernel| Box::new(kernel) as Box<dyn Kernel>)
    }
    vec![
        #[cfg(target_arch = "x86_64")]
        ("avx512", rung(x86_64::avx512::Avx512::new())),
        #[cfg(target_arch = "x86_64")]
        ("avx2", rung(x86_64::avx2::Avx2::new())),
        ("portable", rung(Some(portable::Portable))),
    ]
}

/// Names of the kernels this processor can run, the best first.
pub fn available() -> Vec<&'static str> {
    ladder()
        .into_iter()
        .filter_map(|(name, kernel)| kernel.map(|_| name))
        .collect()
}

/// Every kernel this processor can run, the best first.
pub fn all_available() -> Vec<Box<dyn Kernel>> {
    ladder()
        .into_iter()
        .filter_map(|(_, kernel)| kernel)
        .collect()
}

/// The kernel in use: the one `FIDIV_KERNEL` names, else the best.
///
/// # Errors
/// When the variable names a kernel that is unknown, or that this processor lacks.
pub fn choose() -> Result<Box<dyn Kernel>> {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let mut ladder = ladder();
    if wanted.is_empty() {
        return Ok(ladder
            .into_iter()
            .find_map(|(_, kernel)| kernel)
            .expect("the portable kernel runs everywhere"));
    }
    let position = ladder.iter().position(|(name, _)| *name == wanted);
    match position.and_then(|at| ladder[at].1.take()) {
        Some(kernel) => Ok(kernel),
        None => Err(Error::Invalid(format!(
            "{VARIABLE} is {wanted:?}, which {}; this processor has {}",
            if position.is_some() {
                "this processor cannot run"
            } else {
                "is no kernel of this build"
            },
            available().join(", ")
        ))),
    }
}

/// Puts the thread into the default floating-point mode: libraries built with fast-math leave denormals flushed in the process, and new threads
/// inherit it.
pub fn set_default_float_mode() {
    #[cfg(target_arch = "x86_64")]
    {
        let mode: u32 = 0x1f80;
        // SAFETY: SSE is part of x86-64; 0x1f80 is the power-on value: all exceptions masked, round to nearest, no flushing.
        unsafe {
            std::arch::asm!("ldmxcsr [{}]", in(reg) &raw const mode, options(nostack, readonly))
        };
    }
    #[cfg(target_arch = "aarch64")]
    {
        let mode: u64 = 0;
        // SAFETY: zero is the architecture's default: round to nearest, no flushing, no traps.
        unsafe { std::arch::asm!("msr fpcr, {}", in(reg) mode, options(nomem, nostack)) };
    }
}
