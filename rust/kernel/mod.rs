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
//! `encode`, `measure`, `near` and `squared` are compiled from the portable source of `codes` and `distance` for the kernel's vectors; they give the same
//! bits everywhere.
//!
//! A kernel has one form of code. A [`Level`] holds the kernels of one kind of processor, the coarsest codes first; a sweep starts with the first and
//! climbs to the next where too many pairs stay undecided.
//!
//! Possession is proof: a kernel can only be had from its `new() -> Option<Self>`, which asks the processor first.
//! To add one: a file that implements [`Kernel`], and its place in [`ladder`]. The runner in `tests.rs` finds it there.
#![allow(unsafe_code)]

#[cfg(target_arch = "aarch64")]
mod aarch64;
pub mod fine;
mod float32;
pub mod gram;
#[cfg(target_arch = "x86_64")]
mod int16;
mod int8;
pub mod peak;
mod portable;
pub mod scan;
#[cfg(test)]
mod tests;
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod vector;
pub mod wide;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "x86_64")]
use x86_64::amx;

use crate::bound::threshold::{self, Sides, Thresholds, Windows};
use crate::bound::{Bound, Precision};
use crate::codes::Facts;
use crate::distance::{self, Row};
use crate::error::{Error, Result, filled};
use fine::FineRow;
use scan::Best;

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

impl Line {
    /// Sixty-four zeros.
    pub const ZERO: Self = Self([0; 64]);
}

/// Packed codes, aligned to cache lines; the kernel that packed them knows their type and layout.
pub type Panel = Vec<Line>;

/// A panel of `bytes`, all zero.
///
/// # Errors
/// When the memory cannot be had.
pub fn panel(bytes: usize) -> Result<Panel> {
    let lines = bytes.div_ceil(64);
    filled(lines, Line::ZERO, "a panel of codes")
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

/// What turns products into nearness, for the rows of one side of a tile.
#[derive(Clone, Debug)]
pub struct Units {
    /// The code's unit in sweep units, about.
    pub unit: [f32; BLOCK],
    /// Half the square, about; infinite beyond the block's end.
    pub half: [f32; BLOCK],
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

    /// Bytes of one value's code.
    fn code_bytes(&self) -> usize;

    /// Rows may have so many columns.
    fn widest(&self) -> usize {
        usize::MAX
    }

    /// Multiply-adds in a nanosecond, roughly, as measured on one core: what a finer code would cost is weighed with it, no answer depends on it.
    fn rate(&self) -> f64;

    /// How exact products of rows of `depth` columns are.
    fn precision(&self, depth: usize) -> Precision;

    /// How many rows are packed at a time.
    fn group(&self, layout: Layout) -> usize;

    /// Bytes of one packed block.
    fn block_bytes(&self, layout: Layout, depth: usize) -> usize;

    /// Packs the `index`-th group of a block's rows into its places; `codes` holds whole rows of `depth` columns as [`encode`](Self::encode) wrote
    /// them, one after the other. Missing rows become zero.
    fn pack(&self, layout: Layout, codes: &[u8], index: usize, depth: usize, block: &mut [Line]);

    /// All inner products of a packed block of rows and one of columns, row by row, [`BLOCK`] to a row. `likely` are the blocks that will probably be
    /// multiplied next; fetching their beginning early hides the wait for it.
    fn products(
        &self,
        blocks: [&[Line]; 2],
        likely: Option<[&[Line]; 2]>,
        depth: usize,
        tile: &mut [f32],
    );

    /// `threshold::outer`: the thresholds of a scan.
    fn outer(&self, bound: &Bound, sides: Sides<'_>, windows: &Windows, out: &mut Thresholds) {
        threshold::outer(bound, sides, windows, out);
    }

    /// `threshold::inner`: the inner thresholds of a tally.
    fn inner(&self, bound: &Bound, sides: Sides<'_>, windows: &Windows, out: &mut Thresholds) {
        threshold::inner(bound, sides, windows, out);
    }

    /// Appends every pair of the tile whose product is not below all its thresholds, in row order.
    fn scan(&self, tile: &[f32], thresholds: &Thresholds, survivors: &mut Vec<Survivor>);

    /// Counts the pairs of a tile, up to column `count`, whose product is not below an inner threshold, and appends those that are between an outer one
    /// and the inner ones. Windows that are products are not for it.
    fn tally(
        &self,
        tile: &[f32],
        outer: &Thresholds,
        inner: &Thresholds,
        count: usize,
        tally: &mut Tally,
        between: &mut Vec<Survivor>,
    ) {
        scan::tally(tile, outer, inner, count, tally, between);
    }

    /// Which pairs of a tile seem nearest, lane by lane, of every row and of every column: guesses, from which the bound makes first thresholds.
    fn best(&self, tile: &[f32], rows: &Units, columns: &Units, best: &mut Best) {
        scan::best(tile, rows, columns, best);
    }

    /// THE distance, squared: `distance::squared`, bit for bit.
    fn squared(&self, x: Row<'_>, y: Row<'_>) -> f64 {
        distance::squared(x, y)
    }

    /// `distance::near`, bit for bit.
    fn near(&self, x: &[f32], y: &[f32]) -> f32 {
        distance::near(x, y)
    }

    /// Codes of one row, as bytes: `codes::encode`, bit for bit.
    fn encode(&self, row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [u8]);

    /// `codes::measure`, bit for bit.
    fn measure(&self, row: Row<'_>, centre: &[f64], exponent: i32) -> Facts;

    /// Whether its codes have a second slice, and [`mix`](Self::mix) is much faster than [`near`](Self::near).
    fn fine(&self) -> bool {
        false
    }

    /// The second slice of the codes of one row: `codes::encode_rest`.
    fn encode_rest(&self, _row: Row<'_>, _centre: &[f64], _factor: f64, codes: &mut [i8]) {
        codes.fill(0);
    }

    /// `fine::mix`.
    fn mix(&self, x: FineRow<'_>, y: FineRow<'_>) -> i32 {
        fine::mix(x, y)
    }

    /// `gram::pack`, bit for bit.
    fn pack_columns(
        &self,
        rows: Row<'_>,
        width: usize,
        start: usize,
        frame: [&[f64]; 2],
        panel: &mut [f64],
        sums: [&mut [f64; gram::PANEL]; 2],
    ) {
        gram::pack(rows, width, start, frame, panel, sums);
    }

    /// `gram::fold`, bit for bit.
    fn fold(&self, left: &[f64], right: &[f64], block: &mut gram::Block) {
        gram::fold(left, right, block);
    }

    /// `gram::thin`, bit for bit.
    fn thin(
        &self,
        rows: Row<'_>,
        frame: [&[f64]; 4],
        vectors: &[[f64; gram::THIN]],
        out: &mut [[f64; gram::THIN]],
        scratch: &mut Vec<[f64; gram::STEP]>,
    ) {
        gram::thin(rows, frame, vectors, out, scratch);
    }
}

/// A way of this processor: its kernels by their codes, the coarsest (and fastest) first.
pub struct Level {
    /// Its name, as `FIDIV_KERNEL` takes it.
    pub name: &'static str,
    /// At least one; the last takes rows of any width.
    pub kernels: Vec<Box<dyn Kernel>>,
}

impl Level {
    fn of(
        name: &'static str,
        kernels: Option<Vec<Box<dyn Kernel>>>,
    ) -> (&'static str, Option<Self>) {
        (name, kernels.map(|kernels| Self { name, kernels }))
    }
}

fn boxed<K: Kernel + 'static>(kernel: K) -> Box<dyn Kernel> {
    Box::new(kernel)
}

/// Every level this build knows, the best first, with its kernels where this processor has them.
fn ladder() -> Vec<(&'static str, Option<Level>)> {
    #[cfg(target_arch = "aarch64")]
    use aarch64::{dotprod::Dotprod, i8mm::I8mm, neon::Neon};
    #[cfg(target_arch = "x86_64")]
    use x86_64::{
        amx::bf16::AmxBf16, amx::int8::AmxInt8, avx2::Avx2, avx2int16::Avx2Int16, avx512::Avx512,
        avx512vnni::Avx512Vnni, avxvnni::AvxVnni,
    };
    vec![
        #[cfg(target_arch = "x86_64")]
        Level::of(
            "amx",
            AmxInt8::new()
                .zip(AmxBf16::new())
                .zip(Avx512::new())
                .map(|((int8, bf16), float32)| vec![boxed(int8), boxed(bf16), boxed(float32)]),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::of(
            "avx512vnni",
            Avx512Vnni::new()
                .zip(Avx512::new())
                .map(|(int8, float32)| vec![boxed(int8), boxed(float32)]),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::of("avx512", Avx512::new().map(|kernel| vec![boxed(kernel)])),
        #[cfg(target_arch = "x86_64")]
        Level::of(
            "avxvnni",
            AvxVnni::new()
                .zip(Avx2::new())
                .map(|(int8, float32)| vec![boxed(int8), boxed(float32)]),
        ),
        #[cfg(target_arch = "x86_64")]
        Level::of(
            "avx2",
            Avx2Int16::new()
                .zip(Avx2::new())
                .map(|(int16, float32)| vec![boxed(int16), boxed(float32)]),
        ),
        #[cfg(target_arch = "aarch64")]
        Level::of(
            "i8mm",
            I8mm::new()
                .zip(Neon::new())
                .map(|(int8, float32)| vec![boxed(int8), boxed(float32)]),
        ),
        #[cfg(target_arch = "aarch64")]
        Level::of(
            "dotprod",
            Dotprod::new()
                .zip(Neon::new())
                .map(|(int8, float32)| vec![boxed(int8), boxed(float32)]),
        ),
        #[cfg(target_arch = "aarch64")]
        Level::of("neon", Neon::new().map(|kernel| vec![boxed(kernel)])),
        Level::of("portable", Some(vec![boxed(portable::Portable)])),
        // Never the best, but there on every machine.
        Level::of(
            "portable-int8",
            Some(vec![
                boxed(portable::PortableInt8),
                boxed(portable::Portable),
            ]),
        ),
    ]
}

/// Names of the levels this processor can run, the best first.
pub fn available() -> Vec<&'static str> {
    all_available().iter().map(|level| level.name).collect()
}

/// Every level this processor can run, the best first.
pub fn all_available() -> Vec<Level> {
    ladder()
        .into_iter()
        .filter_map(|(_, level)| level)
        .collect()
}

/// Levels that this processor cannot run, but tests can: their instructions are emulated. The real ones always come first.
#[cfg(test)]
pub fn emulated() -> Vec<Level> {
    #[cfg(all(target_arch = "x86_64", target_os = "linux"))]
    {
        use x86_64::{
            amx::bf16::AmxBf16, amx::int8::AmxInt8, avx2::Avx2, avx512::Avx512, avxvnni::AvxVnni,
        };
        let amx = AmxInt8::emulated()
            .zip(AmxBf16::emulated())
            .zip(Avx512::new())
            .map(|((int8, bf16), float32)| vec![boxed(int8), boxed(bf16), boxed(float32)]);
        let avxvnni = AvxVnni::emulated()
            .zip(Avx2::new())
            .map(|(int8, float32)| vec![boxed(int8), boxed(float32)]);
        [("amx", amx), ("avxvnni", avxvnni)]
            .into_iter()
            .filter_map(|(name, kernels)| Level::of(name, kernels).1)
            .collect()
    }
    #[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
    Vec::new()
}

/// What tests run: the level that is forced, else every one of this processor and those that are emulated.
#[cfg(test)]
pub fn tested() -> Vec<Level> {
    if std::env::var(VARIABLE).is_ok_and(|name| !name.is_empty()) {
        return vec![choose().expect("the forced kernel")];
    }
    let mut levels = all_available();
    levels.extend(emulated());
    levels
}

/// The level in use: the one `FIDIV_KERNEL` names, else the best.
///
/// # Errors
/// When the variable names one that is unknown, or that this processor lacks.
pub fn choose() -> Result<Level> {
    let wanted = std::env::var(VARIABLE).unwrap_or_default();
    let mut ladder = ladder();
    if wanted.is_empty() {
        return Ok(ladder
            .into_iter()
            .find_map(|(_, level)| level)
            .expect("portable code runs everywhere"));
    }
    let position = ladder.iter().position(|(name, _)| *name == wanted);
    match position.and_then(|at| ladder[at].1.take()) {
        Some(level) => Ok(level),
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
