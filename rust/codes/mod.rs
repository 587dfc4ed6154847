//! Rows in the short form a kernel multiplies, with what the bound must know of each.
//!
//! A row `X` is centred on one vector `mu` that both sets of a sweep share, and scaled by a factor of its own:
//!
//! ```text
//! x = (X - mu) 2^-e0              float64; e0 is one exponent for the sweep, so that typical rows are of size 1 ("sweep units")
//! c = round(x s)                  the code; s, exactly a float32, brings the row's largest value to the end of the code's range
//!
//! float32   s = 2^-shift, the largest value comes into [1, 2)
//! bf16      the same; float32 rounded to eight digits
//! int8      the largest value becomes 127
//! int16     the largest value becomes 511
//! ```
//!
//! Kept per row, all in sweep units and rounded up: `norm >= ||x||`, `residual >= ||x - c / s||`, beside `square = ||x||^2` and `s`. The residual is
//! measured on the very codes that are packed, never assumed. A row whose scale is out of reach (2^60 above or below the
//! typical one) gets coarser codes, at worst all zero with `residual = norm`: the bound then widens and more pairs are settled exactly; nothing else changes.
//! Any `mu` keeps the proof. A median of a few rows is used, since a mean would follow one row at 1e30.

mod forms;

pub use forms::{Bf16, Code, Float32, Int8, Int16};

use rayon::prelude::*;

use crate::distance::{Row, Scalar};
use crate::error::{Result, filled};
use crate::kernel::fine::FineBlockMut;
use crate::kernel::{BLOCK, Kernel, Layout, Line};
use crate::points::Points;

/// Exponents are kept this close to the sweep's own.
const REACH: i32 = 60;
/// Beyond this exponent squares in sweep units are not even computed.
const FAR: i32 = 450;
/// Rows of each set that the centre and the scale are taken from.
const SAMPLE: usize = 31;

/// What the bound needs of one row, in sweep units.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// `||x||^2`, to float64 rounding.
    pub square: f64,
    /// At least `||x||`.
    pub norm: f64,
    /// At least `||x - code / scale||`.
    pub residual: f64,
    /// The same with both slices of the code; where there is one, the same.
    pub fine: f64,
    /// Codes per sweep unit: `x` is about `code / scale`.
    pub scale: f32,
}

impl Default for Facts {
    /// Those of a row at the centre.
    fn default() -> Self {
        Self {
            square: 0.0,
            norm: 0.0,
            residual: 0.0,
            fine: 0.0,
            scale: 1.0,
        }
    }
}

impl Facts {
    /// The code's unit, in sweep units.
    #[inline(always)]
    pub fn unit(&self) -> f64 {
        1.0 / f64::from(self.scale)
    }

    /// Whether its code is all zeros, since none would say anything.
    #[inline(always)]
    pub fn is_lost(&self) -> bool {
        self.residual >= self.norm
    }

    /// What takes centred values of the caller to codes.
    fn factor(&self, exponent: i32) -> f64 {
        f64::from(self.scale) * power_of_two(-exponent)
    }
}

/// The largest facts of the rows of one block, strays left out: one row far away must not widen the bound of the others.
#[derive(Clone, Copy, Debug, Default)]
pub struct BlockFacts {
    /// Largest norm.
    pub norm: f64,
    /// Largest residual.
    pub residual: f64,
}

/// At most this many rows of a block are strays ...
const STRAYS: usize = 8;
/// ... those whose norm or residual is more than this many times the next one's.
const FAR_OUT: f64 = 4.0;

impl BlockFacts {
    /// Those of a block's rows.
    pub fn of(rows: &[Facts]) -> Self {
        let largest = |value: fn(&Facts) -> f64| {
            let mut values: Vec<f64> = rows.iter().map(value).collect();
            let place = (values.len() - 1).saturating_sub(STRAYS);
            let usual = *values.select_nth_unstable_by(place, f64::total_cmp).1;
            let most = values.iter().copied().filter(|&v| v <= FAR_OUT * usual);
            most.fold(0.0, f64::max)
        };
        Self {
            norm: largest(|facts| facts.norm),
            residual: largest(|facts| facts.residual),
        }
    }

    /// Whether a row of the block is not bounded by these.
    #[inline(always)]
    pub fn strays(&self, row: &Facts) -> bool {
        !(row.norm <= self.norm && row.residual <= self.residual)
    }
}

/// The centre and the unit that both sets of a sweep share.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The centre.
    pub centre: Vec<f64>,
    /// Sweep units are `2^exponent` of the caller's.
    pub exponent: i32,
}

/// `2^exponent`, exactly, for exponents of normal numbers.
pub fn power_of_two(exponent: i32) -> f64 {
    debug_assert!((-1022..=1023).contains(&exponent));
    f64::from_bits(((exponent + 1023) as u64) << 52)
}

/// The exponent `e` with `2^e <= |x| < 2^(e+1)`; for zero and subnormals, that of the smallest normal number.
fn exponent_of(x: f64) -> i32 {
    (((x.to_bits() >> 52) & 0x7ff) as i32 - 1023).max(-1022)
}

/// Writes the codes of one row, whose values are multiplied by `factor`. Written once; kernels compile it for wider vectors.
#[inline(always)]
pub fn encode_of<C: Code, T: Scalar>(
    row: &[T],
    centre: &[f64],
    factor: f64,
    codes: &mut [C::Value],
) {
    for ((value, mu), code) in row.iter().zip(centre).zip(codes) {
        *code = C::of((value.to_f64() - mu) * factor).0;
    }
}

/// [`encode_of`] for a row of either type; `codes` are the bytes of as many values.
#[inline(always)]
pub fn encode<C: Code>(row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [u8]) {
    let codes = bytemuck::cast_slice_mut(codes);
    match row {
        Row::F32(row) => encode_of::<C, _>(row, centre, factor, codes),
        Row::F64(row) => encode_of::<C, _>(row, centre, factor, codes),
    }
}

/// Writes the second slice of the codes of one row.
#[inline(always)]
pub fn encode_rest<C: Code>(row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [i8]) {
    #[inline(always)]
    fn of<C: Code, T: Scalar>(row: &[T], centre: &[f64], factor: f64, codes: &mut [i8]) {
        for ((value, mu), code) in row.iter().zip(centre).zip(codes) {
            let scaled = (value.to_f64() - mu) * factor;
            *code = C::rest(scaled - C::of(scaled).1).0;
        }
    }
    match row {
        Row::F32(row) => of::<C, _>(row, centre, factor, codes),
        Row::F64(row) => of::<C, _>(row, centre, factor, codes),
    }
}

/// The largest magnitude of a centred row.
#[inline(always)]
fn reach_of<T: Scalar>(row: &[T], centre: &[f64]) -> f64 {
    let mut lanes = [0.0f64; 16];
    let (whole, rest) = row.as_chunks::<16>();
    let (whole_mu, rest_mu) = centre.as_chunks::<16>();
    for (x, mu) in whole.iter().zip(whole_mu) {
        for l in 0..16 {
            lanes[l] = lanes[l].max((x[l].to_f64() - mu[l]).abs());
        }
    }
    for (x, mu) in rest.iter().zip(rest_mu) {
        lanes[0] = lanes[0].max((x.to_f64() - mu).abs());
    }
    lanes.into_iter().fold(0.0, f64::max)
}

/// Sums of squares, of squared residuals and of those of both slices, of a row in code units.
#[inline(always)]
fn sums_of<C: Code, T: Scalar>(row: &[T], centre: &[f64], factor: f64) -> [f64; 3] {
    let (mut squares, mut residuals, mut fines) = ([0.0f64; 16], [0.0f64; 16], [0.0f64; 16]);
    let (whole, rest) = row.as_chunks::<16>();
    let (whole_mu, rest_mu) = centre.as_chunks::<16>();
    for (x, mu) in whole.iter().zip(whole_mu) {
        for l in 0..16 {
            let scaled = (x[l].to_f64() - mu[l]) * factor;
            let residual = scaled - C::of(scaled).1;
            let fine = residual - C::rest(residual).1;
            squares[l] += scaled * scaled;
            residuals[l] += residual * residual;
            fines[l] += fine * fine;
        }
    }
    for (l, (x, mu)) in rest.iter().zip(rest_mu).enumerate() {
        let scaled = (x.to_f64() - mu) * factor;
        let residual = scaled - C::of(scaled).1;
        let fine = residual - C::rest(residual).1;
        squares[l] += scaled * scaled;
        residuals[l] += residual * residual;
        fines[l] += fine * fine;
    }
    [squares, residuals, fines].map(|lanes| lanes.iter().sum())
}

/// Measures one row. Written once; kernels compile it for wider vectors.
#[inline(always)]
pub fn measure_of<C: Code, T: Scalar>(row: &[T], centre: &[f64], exponent: i32) -> Facts {
    let reach = reach_of(row, centre);
    if reach == 0.0 {
        return Facts::default();
    }
    let wanted = exponent_of(reach) - exponent;
    // Sums of d terms, a square root, the centring's rounding and the scale's: every quantity is inflated by more than all of them together.
    let inflate = 1.0 + power_of_two(-40) + row.len() as f64 * power_of_two(-51);
    if wanted > FAR {
        // The square may be beyond float64: nothing is claimed of the row, and infinities make every comparison undecided.
        return Facts {
            square: f64::INFINITY,
            norm: f64::INFINITY,
            residual: f64::INFINITY,
            fine: f64::INFINITY,
            scale: 1.0,
        };
    }
    if wanted > REACH {
        // Out of reach: a code of zeros. The norm is measured at the row's own scale.
        let own = power_of_two((-exponent - wanted).clamp(-1022, 1023));
        let [squares, ..] = sums_of::<Float32, T>(row, centre, own);
        let norm = squares.sqrt() * power_of_two(wanted) * inflate;
        return Facts {
            square: squares * power_of_two(wanted) * power_of_two(wanted),
            norm,
            residual: norm,
            fine: norm,
            scale: power_of_two(-REACH) as f32,
        };
    }
    let least = power_of_two(-REACH);
    let scale = C::scale((reach * power_of_two(-exponent)).max(least));
    let facts = Facts {
        scale,
        ..Facts::default()
    };
    let unit = facts.unit();
    let [squares, residuals, fines] = sums_of::<C, T>(row, centre, facts.factor(exponent));
    let norm = squares.sqrt() * unit * inflate + f64::MIN_POSITIVE;
    let left =
        |sum: f64| sum.sqrt() * unit * inflate + norm * power_of_two(-51) + f64::MIN_POSITIVE;
    Facts {
        square: squares * unit * unit,
        norm,
        residual: left(residuals),
        fine: left(fines),
        scale,
    }
}

/// [`measure_of`] for a row of either type.
#[inline(always)]
pub fn measure<C: Code>(row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
    match row {
        Row::F32(row) => measure_of::<C, _>(row, centre, exponent),
        Row::F64(row) => measure_of::<C, _>(row, centre, exponent),
    }
}

impl Frame {
    /// The column-wise median of a few evenly spaced rows of every set, and the typical row's exponent about it.
    pub fn of(sets: &[&Points<'_>]) -> Self {
        let width = sets[0].width();
        let sample: Vec<Row<'_>> = sets
            .iter()
            .flat_map(|set| {
                let count = set.len().min(SAMPLE);
                (0..count).map(move |s| set.row(s * set.len() / count))
            })
            .collect();
        let value = |row: &Row<'_>, column: usize| match row {
            Row::F32(x) => f64::from(x[column]),
            Row::F64(x) => x[column],
        };
        let centre: Vec<f64> = (0..width)
            .into_par_iter()
            .with_min_len(256)
            .map_init(
                || Vec::with_capacity(sample.len()),
                |column: &mut Vec<f64>, c| {
                    column.clear();
                    column.extend(sample.iter().map(|row| value(row, c)));
                    let middle = column.len() / 2;
                    *column.select_nth_unstable_by(middle, f64::total_cmp).1
                },
            )
            .collect();
        let mut exponents: Vec<i32> = sample
            .iter()
            .map(|row| match row {
                Row::F32(x) => reach_of(x, &centre),
                Row::F64(x) => reach_of(x, &centre),
            })
            .filter(|&reach| reach > 0.0)
            .map(exponent_of)
            .collect();
        exponents.sort_unstable();
        let exponent = exponents.get(exponents.len() / 2).copied().unwrap_or(0);
        Self {
            centre,
            // Squares of sweep units must stay inside float64.
            exponent: exponent.clamp(-400, 500),
        }
    }
}

/// A set as one sweep sees it through one kernel: its points, their facts, and how to write their codes.
pub struct Coded<'a> {
    /// The points.
    pub points: &'a Points<'a>,
    /// Facts of every row.
    pub facts: Vec<Facts>,
    /// Largest facts of every block of rows.
    pub blocks: Vec<BlockFacts>,
    frame: &'a Frame,
    kernel: &'a dyn Kernel,
}

impl<'a> Coded<'a> {
    /// Measures every row, in parallel.
    ///
    /// # Errors
    /// When there is no memory for the facts.
    pub fn new(points: &'a Points<'a>, frame: &'a Frame, kernel: &'a dyn Kernel) -> Result<Self> {
        let mut facts = filled(points.len(), Facts::default(), "the facts of every row")?;
        facts
            .par_iter_mut()
            .with_min_len(32)
            .enumerate()
            .for_each(|(i, facts)| {
                *facts = kernel.measure(points.row(i), &frame.centre, frame.exponent);
            });
        let blocks = facts.chunks(BLOCK).map(BlockFacts::of).collect();
        Ok(Self {
            points,
            facts,
            blocks,
            frame,
            kernel,
        })
    }

    /// Packs block `index` in the kernel's layout. `codes` is working memory.
    pub fn pack(
        &self,
        layout: Layout,
        index: usize,
        block: &mut [Line],
        fine: Option<FineBlockMut<'_>>,
        codes: &mut Vec<Line>,
    ) {
        let start = index * BLOCK;
        let facts = &self.facts[start..self.facts.len().min(start + BLOCK)];
        let rows = Rows {
            points: self.points,
            start,
            facts,
            frame: self.frame,
        };
        rows.pack(self.kernel, layout, block, fine, codes);
    }
}

/// The rows of one block with their facts.
pub struct Rows<'a> {
    /// The set they belong to.
    pub points: &'a Points<'a>,
    /// The first of them.
    pub start: usize,
    /// Facts of every one, by the kernel that packs them.
    pub facts: &'a [Facts],
    /// The sweep's frame.
    pub frame: &'a Frame,
}

impl Rows<'_> {
    /// Packs the rows in the kernel's layout. `codes` is working memory.
    pub fn pack(
        &self,
        kernel: &dyn Kernel,
        layout: Layout,
        block: &mut [Line],
        mut fine: Option<FineBlockMut<'_>>,
        codes: &mut Vec<Line>,
    ) {
        let bytes = self.points.width() * kernel.code_bytes();
        let step = kernel.group(layout);
        codes.resize((step * bytes).div_ceil(64), Line::ZERO);
        for group in 0..BLOCK.div_ceil(step) {
            let first = (group * step).min(self.facts.len());
            let facts = &self.facts[first..self.facts.len().min(first + step)];
            let codes = &mut bytemuck::cast_slice_mut(codes)[..facts.len() * bytes];
            for (r, (facts, codes)) in facts.iter().zip(codes.chunks_exact_mut(bytes)).enumerate() {
                if facts.is_lost() {
                    codes.fill(0);
                    continue;
                }
                let row = self.points.row(self.start + first + r);
                let factor = facts.factor(self.frame.exponent);
                kernel.encode(row, &self.frame.centre, factor, codes);
                if let Some(fine) = &mut fine {
                    let (biased, rest, sum) = fine.row(first + r);
                    for (biased, &code) in biased.iter_mut().zip(&*codes) {
                        // Adding 128 modulo 256 is turning the highest bit over.
                        *biased = code ^ 0x80;
                    }
                    let rest = &mut rest[..codes.len()];
                    kernel.encode_rest(row, &self.frame.centre, factor, rest);
                    *sum = rest.iter().map(|&code| i32::from(code)).sum();
                }
            }
            kernel.pack(layout, codes, group, self.points.width(), block);
        }
    }
}
