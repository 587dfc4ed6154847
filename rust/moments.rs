//! Means, deviations and correlations of the columns of a set, in one parallel pass over its rows.
//!
//! With `x` a row and a base `b` near the mean, the pass adds up `y = (x - b) * unit`, `y^2` and, where the correlations are asked for, all products `y_i y_j`
//! in float64. Then
//!
//! ```text
//! centre = sum y / n,   spread_j^2 = (sum y_j^2 - n centre_j^2) / (n - 1),   r_ij = (sum y_i y_j - n centre_i centre_j) / ((n - 1) spread_i spread_j)
//! ```
//!
//! **The base** is the mean of 2^p <= `SAMPLE` rows spread over the set, added as a tree: equal values come out exactly, so a column is constant if and
//! only if its spread is 0, and an offset, however large, is gone before anything is multiplied. The sample is a part of the set, so `n (mean - b)^2` is at
//! most `n / 2^p` times the sum of squares about the mean: the subtraction above loses at most that factor, and usually nothing.
//!
//! **The unit** is 1 for float32, whose squares neither overflow nor vanish in float64. For float64 it is a power of two for each column, found from a look
//! at its largest deviation beforehand, that brings this into [1, 2).
//!
//! **The error** of a correlation, with `u = 2^-53`, and `q_j = 1 + n centre_j^2 / ((n - 1) spread_j^2)`, near 1: forming `y` moves each value by at most
//! `u |y|`; a sum of [`DEPTH`] products is one chain of roundings, and the sums of `n / DEPTH` such pieces are another. So, to first order,
//!
//! ```text
//! |error of r_ij| <= (DEPTH + n / DEPTH + 12) u sqrt(q_i q_j)
//! ```
//!
//! the worst case, which a random walk of roundings stays far below: about the square root of that factor.
//!
//! **The same bits** for any number of threads: threads divide the entries, never a sum. And on every processor that multiplies and adds in one rounding,
//! whatever the kernel; base, centres and spreads on the others too.
//!
//! **What was tried** (2026-11, one thread of a busy Zen 4, 10,000 x 2048 float32, 43 Gflop): the pass takes 0.88 to 0.93 s, 46 to 49 Gflop/s where the
//! register tile alone reaches 58 from L2 and SciPy's dsyrk 47 without the conversion. `SIDE` 4, 6, 8, 12 and `PACKED` 2^19 to 2^21: 0.88 to 0.98.
//! Probes with a scratch of whole rows instead of groups of eight values: 0.20 s instead of 0.09. Products in float32, even in short pieces, err by
//! about 1e-7 of an entry, a thousand times too much for the Fréchet distance.

use rayon::prelude::*;

use crate::codes::power_of_two;
use crate::control::Control;
use crate::distance::Row;
use crate::error::{Error, Result, filled};
use crate::kernel::gram::{Block, DEPTH, PANEL, THIN};
use crate::kernel::{self, Kernel};
use crate::points::Points;

/// Rows of the base, at most; a power of two.
const SAMPLE: usize = 64;
/// Panels along the side of a square of blocks that one task adds to: two sides of packed panels and the blocks fit into L2.
const SIDE: usize = 8;
/// Values that are packed before they are multiplied, about: 8 MiB, which is read back from L3.
const PACKED: usize = 1 << 20;
/// Partial results of [`probe`], at most: each is folded in turn.
const PARTS: usize = 64;

/// What the columns of a set look like.
#[derive(Clone, Debug, PartialEq)]
pub struct Moments {
    /// A value near the mean of each column.
    pub base: Vec<f64>,
    /// The mean less the base.
    pub centre: Vec<f64>,
    /// The standard deviation, with n - 1; zero if and only if the column is constant.
    pub spread: Vec<f64>,
    /// The correlations of columns `j <= i` at `i * width + j`, zero for a constant column; the rest of the square is zero.
    pub correlations: Option<Vec<f64>>,
}

/// The moments of `points`, with the correlations where `correlations` says so.
///
/// # Errors
/// When memory is short, `FIDIV_KERNEL` cannot be met, or the caller cancelled.
pub fn moments(points: &Points<'_>, correlations: bool, control: &Control) -> Result<Moments> {
    let level = kernel::choose()?;
    let kernel = level.kernels[level.kernels.len() - 1].as_ref();
    moments_with(kernel, points, correlations, control)
}

/// [`moments`] with a kernel of the caller's choice.
///
/// # Errors
/// As [`moments`].
pub fn moments_with(
    kernel: &dyn Kernel,
    points: &Points<'_>,
    correlations: bool,
    control: &Control,
) -> Result<Moments> {
    let (n, width) = (points.len(), points.width());
    let base = base(points);
    let exponents = exponents(points, &base);
    let unit: Vec<f64> = exponents.iter().map(|&e| power_of_two(-e)).collect();
    let mut pass = Pass::new(width, correlations)?;
    let step = (PACKED / (width.div_ceil(PANEL) * PANEL) / DEPTH).max(1) * DEPTH;
    for start in (0..n).step_by(step) {
        control.check()?;
        let rows = start..(start + step).min(n);
        pass.take(
            kernel,
            points.rows(rows.clone()),
            rows.len(),
            [&base, &unit],
        )?;
    }
    let count = n as f64;
    let less = (count - 1.0).max(1.0);
    let sums = &pass.sums.as_flattened()[..width];
    let squares = &pass.squares.as_flattened()[..width];
    let centre: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
    let spread: Vec<f64> = (0..width)
        .map(|j| ((squares[j] - sums[j] * centre[j]) / less).max(0.0).sqrt())
        .collect();
    let correlations = match &pass.blocks {
        Some(blocks) => Some(finish(blocks, sums, &centre, &spread, less)?),
        None => None,
    };
    let scaled = |values: Vec<f64>| -> Vec<f64> {
        values
            .into_iter()
            .zip(&exponents)
            .map(|(value, &e)| value * power_of_two(e))
            .collect()
    };
    Ok(Moments {
        base,
        centre: scaled(centre),
        spread: scaled(spread),
        correlations,
    })
}

/// The mean of some rows: exact for a constant column.
fn base(points: &Points<'_>) -> Vec<f64> {
    let n = points.len();
    let count = 1 << n.min(SAMPLE).ilog2();
    (0..points.width())
        .into_par_iter()
        .with_min_len(64)
        .map(|column| {
            let mut values: Vec<f64> = (0..count)
                .map(|i| points.value(i * n / count, column))
                .collect();
            while values.len() > 1 {
                values = values.chunks_exact(2).map(|v| v[0] + v[1]).collect();
            }
            values[0] / count as f64
        })
        .collect()
}

/// The exponent of each column's largest deviation from the base, for float64; 0 for float32.
fn exponents(points: &Points<'_>, base: &[f64]) -> Vec<i32> {
    const ROWS: usize = 256;
    let (n, width) = (points.len(), points.width());
    if matches!(points.row(0), Row::F32(_)) {
        return vec![0; width];
    }
    let largest = (0..n.div_ceil(ROWS))
        .into_par_iter()
        .fold(
            || vec![0.0f64; width],
            |mut largest, chunk| {
                for i in chunk * ROWS..n.min((chunk + 1) * ROWS) {
                    if let Row::F64(row) = points.row(i) {
                        for ((largest, x), b) in largest.iter_mut().zip(row).zip(base) {
                            *largest = largest.max((x - b).abs());
                        }
                    }
                }
                largest
            },
        )
        .reduce(
            || vec![0.0; width],
            |mut a, b| {
                a.iter_mut().zip(b).for_each(|(a, b)| *a = a.max(b));
                a
            },
        );
    largest.into_iter().map(exponent).collect()
}

/// The exponent of a power of two that brings a value that is not negative into [1, 2), or near it at the very ends. Its inverse is a normal number too.
fn exponent(value: f64) -> i32 {
    if value == 0.0 {
        return 0;
    }
    // A subnormal number has the field 0.
    (((value.to_bits() >> 52) & 0x7ff) as i32 - 1023).clamp(-1000, 1000)
}

/// The sums so far, and what they are made with.
struct Pass {
    width: usize,
    sums: Vec<[f64; PANEL]>,
    squares: Vec<[f64; PANEL]>,
    /// Squares of SIDE x SIDE blocks, of the lower triangle, row after row.
    blocks: Option<Vec<Block>>,
    packed: Vec<f64>,
}

/// How many squares the lower triangle of `sides` x `sides` has.
fn triangle(sides: usize) -> usize {
    sides * (sides + 1) / 2
}

/// Row and column of square `at` of a lower triangle.
fn place(at: usize) -> (usize, usize) {
    let mut row = 0;
    while triangle(row + 1) <= at {
        row += 1;
    }
    (row, at - triangle(row))
}

impl Pass {
    fn new(width: usize, products: bool) -> Result<Self> {
        let panels = width.div_ceil(PANEL);
        let squares = triangle(panels.div_ceil(SIDE));
        let blocks = products.then(|| {
            let count = squares * SIDE * SIDE;
            filled(
                count,
                [[0.0; PANEL]; PANEL],
                "the sums of all products of two columns",
            )
        });
        Ok(Self {
            width,
            sums: vec![[0.0; PANEL]; panels],
            squares: vec![[0.0; PANEL]; panels],
            blocks: blocks.transpose()?,
            packed: Vec::new(),
        })
    }

    /// Adds `count` rows.
    fn take(
        &mut self,
        kernel: &dyn Kernel,
        rows: Row<'_>,
        count: usize,
        frame: [&[f64]; 2],
    ) -> Result<()> {
        let panels = self.sums.len();
        let length = count * PANEL;
        if self.packed.len() < panels * length {
            self.packed = filled(panels * length, 0.0, "packed columns")?;
        }
        let packed = &mut self.packed[..panels * length];
        // A task takes neighbouring panels, so that it reads whole cache lines of each row.
        packed
            .par_chunks_mut(SIDE * length)
            .zip(self.sums.par_chunks_mut(SIDE))
            .zip(self.squares.par_chunks_mut(SIDE))
            .enumerate()
            .for_each(|(side, ((packed, sums), squares))| {
                let panels = packed.chunks_exact_mut(length).zip(sums).zip(squares);
                for (p, ((panel, sums), squares)) in panels.enumerate() {
                    let start = (side * SIDE + p) * PANEL;
                    kernel.pack_columns(rows, self.width, start, frame, panel, [sums, squares]);
                }
            });
        let Some(blocks) = &mut self.blocks else {
            return Ok(());
        };
        let packed = &*packed;
        blocks
            .par_chunks_mut(SIDE * SIDE)
            .enumerate()
            .for_each(|(at, blocks)| {
                let (down, across) = place(at);
                let side = |side: usize| side * SIDE..panels.min((side + 1) * SIDE);
                for depth in (0..length).step_by(DEPTH * PANEL) {
                    let deep = depth..length.min(depth + DEPTH * PANEL);
                    let part = |panel: usize| &packed[panel * length..][deep.clone()];
                    for j in side(across) {
                        for i in side(down).filter(|&i| i >= j) {
                            let block = &mut blocks[(i % SIDE) * SIDE + j % SIDE];
                            kernel.fold(part(i), part(j), block);
                        }
                    }
                }
            });
        Ok(())
    }
}

/// The correlations from the sums of products.
fn finish(
    blocks: &[Block],
    sums: &[f64],
    centre: &[f64],
    spread: &[f64],
    less: f64,
) -> Result<Vec<f64>> {
    let width = sums.len();
    let mut out = filled(width * width, 0.0, "the correlations of all columns")?;
    let inverse: Vec<f64> = spread
        .iter()
        .map(|&s| {
            if s > 0.0 {
                1.0 / (s * less.sqrt())
            } else {
                0.0
            }
        })
        .collect();
    out.par_chunks_exact_mut(width)
        .enumerate()
        .for_each(|(i, out)| {
            let (down, row) = (i / PANEL, i % PANEL);
            for (across, out) in out[..=i].chunks_mut(PANEL).enumerate() {
                let square = triangle(down / SIDE) + across / SIDE;
                let block = (square * SIDE + down % SIDE) * SIDE + across % SIDE;
                let start = across * PANEL;
                for (c, (out, sum)) in out.iter_mut().zip(&blocks[block][row]).enumerate() {
                    let j = start + c;
                    *out = (sum - sums[i] * centre[j]) * inverse[i] * inverse[j];
                }
            }
        });
    Ok(out)
}

/// `C' (C V)` for the standardised rows `C = (x - mean) / (spread sqrt(n - 1))` and [`THIN`] vectors: what the correlations do to them, straight from the
/// rows. A column of spread 0 takes no part.
///
/// # Errors
/// As [`moments`]; when the lengths do not fit.
pub fn probe(
    points: &Points<'_>,
    moments: [&[f64]; 3],
    vectors: &[f64],
    control: &Control,
) -> Result<Vec<f64>> {
    let level = kernel::choose()?;
    let kernel = level.kernels[level.kernels.len() - 1].as_ref();
    probe_with(kernel, points, moments, vectors, control)
}

fn probe_with(
    kernel: &dyn Kernel,
    points: &Points<'_>,
    moments: [&[f64]; 3],
    vectors: &[f64],
    control: &Control,
) -> Result<Vec<f64>> {
    let (n, width) = (points.len(), points.width());
    if moments.iter().any(|values| values.len() != width) || vectors.len() != width * THIN {
        return Err(Error::Invalid(format!(
            "points of {width} columns need as many values of each moment, and {THIN} times as many of the vectors"
        )));
    }
    let [base, centre, spread] = moments;
    let root = (n as f64 - 1.0).max(1.0).sqrt();
    // In two factors, of which the first is a power of two: a single one could overflow.
    let unit: Vec<f64> = spread.iter().map(|&s| power_of_two(-exponent(s))).collect();
    let scale: Vec<f64> = spread
        .iter()
        .zip(&unit)
        .map(|(s, unit)| {
            if *s > 0.0 {
                1.0 / (s * unit * root)
            } else {
                0.0
            }
        })
        .collect();
    let vectors = vectors.as_chunks::<THIN>().0;
    let step = n.div_ceil(PARTS).max(DEPTH);
    let parts: Vec<Vec<[f64; THIN]>> = (0..n.div_ceil(step))
        .into_par_iter()
        .map(|part| {
            control.check()?;
            let mut out = filled(width, [0.0; THIN], "products with probes")?;
            let rows = points.rows(part * step..n.min((part + 1) * step));
            kernel.thin(
                rows,
                [base, centre, &unit, &scale],
                vectors,
                &mut out,
                &mut Vec::new(),
            );
            Ok(out)
        })
        .collect::<Result<_>>()?;
    let mut parts = parts.into_iter();
    let mut total = parts.next().unwrap_or_default();
    for part in parts {
        for (total, part) in total.as_flattened_mut().iter_mut().zip(part.as_flattened()) {
            *total += part;
        }
    }
    Ok(total.into_flattened())
}

#[cfg(test)]
mod tests;
