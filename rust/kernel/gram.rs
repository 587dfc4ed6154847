//! Products of columns, for `moments`: rows are packed in panels of [`PANEL`] columns as float64 relative to a base, and two panels give a [`Block`] of sums
//! over the rows.
//!
//! ```text
//! pack   rows of the data -> a panel, one group of PANEL values per row; sums and squares of its columns on the way
//! fold   block += left' right, over the rows of two panels, in register tiles
//! thin   rows times a few vectors, and back: C' (C V), for probes
//! ```
//!
//! `kernel::vector` compiles `pack` and `thin` for each kernel's vectors. `fold` is written by hand for each kind of vector ([`fold_of`]): compiled from
//! the portable source it keeps its sums in memory and reaches a fiftieth of the rate.
//!
//! An entry of a block is one chain of additions in the order of the rows, whatever the register tile, and every kernel multiplies and adds in one rounding
//! where the processor can: all kernels of such a processor give the same bits, at any number of threads. An x86-64 processor without FMA rounds twice.

use crate::distance::{Row, Scalar};

/// Columns of a panel: three vectors of AVX-512, six of AVX2, twelve of NEON.
pub const PANEL: usize = 24;
/// Rows that are summed up before they are added to what came before: two panels of them take 48 KB of L1 and L2.
pub const DEPTH: usize = 128;
/// Vectors that [`thin`] takes at once.
pub const THIN: usize = 16;
/// Rows that [`thin`] takes at once.
pub const STEP: usize = 8;

/// Inner products of the columns of one panel (24 rows of the block) with those of another.
pub type Block = [[f64; PANEL]; PANEL];

/// A way to add `left' right` to a block, over the rows of two panels of one length.
///
/// # Safety
/// The processor has the features it was chosen for, and both panels hold the same number of whole groups.
pub type Fold = unsafe fn(&[f64], &[f64], &mut Block);

/// The way for a kernel compiled with these features.
pub const fn fold_of(features: &str) -> Fold {
    match features.as_bytes() {
        #[cfg(target_arch = "x86_64")]
        [b'a', b'v', b'x', b'5', b'1', b'2', ..] => super::x86_64::gram::avx512,
        #[cfg(target_arch = "x86_64")]
        [b'a', b'v', b'x', b'2', ..] => super::x86_64::gram::avx2,
        #[cfg(target_arch = "aarch64")]
        [b'n', b'e', b'o', b'n', ..] => super::aarch64::gram::neon,
        _ => panic!("no register tile of float64 for these features"),
    }
}

/// Packs columns `start..` of whole rows of `width` columns: `(value - base) * unit`, in groups of [`PANEL`], zeros beyond the last column. `sums` and
/// `squares` are those of the packed values, added once for every [`DEPTH`] rows.
#[inline(always)]
pub fn pack(
    rows: Row<'_>,
    width: usize,
    start: usize,
    frame: [&[f64]; 2],
    panel: &mut [f64],
    sums: [&mut [f64; PANEL]; 2],
) {
    match rows {
        Row::F32(rows) => pack_of(rows, width, start, frame, panel, sums),
        Row::F64(rows) => pack_of(rows, width, start, frame, panel, sums),
    }
}

#[inline(always)]
fn pack_of<T: Scalar>(
    rows: &[T],
    width: usize,
    start: usize,
    [base, unit]: [&[f64]; 2],
    panel: &mut [f64],
    [sums, squares]: [&mut [f64; PANEL]; 2],
) {
    let columns = (width - start).min(PANEL);
    let padded = |values: &[f64]| {
        let mut padded = [0.0; PANEL];
        padded[..columns].copy_from_slice(&values[start..start + columns]);
        padded
    };
    let (base, unit) = (padded(base), padded(unit));
    let groups = panel.as_chunks_mut::<PANEL>().0;
    for (rows, groups) in rows.chunks(DEPTH * width).zip(groups.chunks_mut(DEPTH)) {
        let (mut sum, mut square) = ([0.0; PANEL], [0.0; PANEL]);
        for (row, group) in rows.chunks_exact(width).zip(groups) {
            let row = &row[start..start + columns];
            if let Ok(row) = <&[T; PANEL]>::try_from(row) {
                for c in 0..PANEL {
                    group[c] = (row[c].to_f64() - base[c]) * unit[c];
                }
            } else {
                *group = [0.0; PANEL];
                for (c, value) in row.iter().enumerate() {
                    group[c] = (value.to_f64() - base[c]) * unit[c];
                }
            }
            for c in 0..PANEL {
                sum[c] += group[c];
                square[c] += group[c] * group[c];
            }
        }
        for c in 0..PANEL {
            sums[c] += sum[c];
            squares[c] += square[c];
        }
    }
}

#[inline(always)]
fn add<const FUSED: bool>(x: f64, y: f64, sum: f64) -> f64 {
    if FUSED {
        x.mul_add(y, sum)
    } else {
        x * y + sum
    }
}

/// `block += left' right` over the rows of two panels, at most [`DEPTH`] of them, in plain Rust.
pub fn fold(left: &[f64], right: &[f64], block: &mut Block) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("fma") {
        // SAFETY: the processor was asked in the line above.
        return unsafe { fused::fold(left, right, block) };
    }
    fold_with::<{ cfg!(target_arch = "aarch64") }>(left, right, block);
}

/// [`thin_with`] in plain Rust.
pub fn thin(
    rows: Row<'_>,
    frame: [&[f64]; 4],
    vectors: &[[f64; THIN]],
    out: &mut [[f64; THIN]],
    scratch: &mut Vec<[f64; STEP]>,
) {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("fma") {
        // SAFETY: the processor was asked in the line above.
        return unsafe { fused::thin(rows, frame, vectors, out, scratch) };
    }
    thin_with::<{ cfg!(target_arch = "aarch64") }>(rows, frame, vectors, out, scratch);
}

/// The portable sources for a processor that multiplies and adds in one rounding and is asked for nothing else.
#[cfg(target_arch = "x86_64")]
mod fused {
    use super::{Block, Row, STEP, THIN};

    #[target_feature(enable = "fma")]
    pub fn fold(left: &[f64], right: &[f64], block: &mut Block) {
        super::fold_with::<true>(left, right, block);
    }

    #[target_feature(enable = "fma")]
    pub fn thin(
        rows: Row<'_>,
        frame: [&[f64]; 4],
        vectors: &[[f64; THIN]],
        out: &mut [[f64; THIN]],
        scratch: &mut Vec<[f64; STEP]>,
    ) {
        super::thin_with::<true>(rows, frame, vectors, out, scratch);
    }
}

#[inline(always)]
fn fold_with<const FUSED: bool>(left: &[f64], right: &[f64], block: &mut Block) {
    const TILE: usize = 4;
    let (left, right) = (left.as_chunks::<PANEL>().0, right.as_chunks::<PANEL>().0);
    for r in (0..PANEL).step_by(TILE) {
        for c in (0..PANEL).step_by(TILE) {
            let mut sums = [[0.0f64; TILE]; TILE];
            for (x, y) in left.iter().zip(right) {
                for i in 0..TILE {
                    for j in 0..TILE {
                        sums[i][j] = add::<FUSED>(x[r + i], y[c + j], sums[i][j]);
                    }
                }
            }
            for (out, sums) in block[r..r + TILE].iter_mut().zip(sums) {
                for (out, sum) in out[c..c + TILE].iter_mut().zip(sums) {
                    *out += sum;
                }
            }
        }
    }
}

/// `out += C' (C V)` over whole rows of `width` columns, with `C = (rows - base - centre) * unit * scale`; `vectors` and `out` have [`THIN`] values per column.
#[inline(always)]
pub fn thin_with<const FUSED: bool>(
    rows: Row<'_>,
    frame: [&[f64]; 4],
    vectors: &[[f64; THIN]],
    out: &mut [[f64; THIN]],
    scratch: &mut Vec<[f64; STEP]>,
) {
    match rows {
        Row::F32(rows) => thin_of::<f32, FUSED>(rows, frame, vectors, out, scratch),
        Row::F64(rows) => thin_of::<f64, FUSED>(rows, frame, vectors, out, scratch),
    }
}

#[inline(always)]
fn thin_of<T: Scalar, const FUSED: bool>(
    rows: &[T],
    [base, centre, unit, scale]: [&[f64]; 4],
    vectors: &[[f64; THIN]],
    out: &mut [[f64; THIN]],
    scratch: &mut Vec<[f64; STEP]>,
) {
    let width = base.len();
    scratch.resize(width, [0.0; STEP]);
    for rows in rows.chunks(STEP * width) {
        if rows.len() < STEP * width {
            scratch.fill([0.0; STEP]);
        }
        for (r, row) in rows.chunks_exact(width).enumerate() {
            for (c, values) in scratch.iter_mut().enumerate() {
                values[r] = (row[c].to_f64() - base[c] - centre[c]) * unit[c] * scale[c];
            }
        }
        let mut images = [[0.0f64; THIN]; STEP];
        for (values, vector) in scratch.iter().zip(vectors) {
            for r in 0..STEP {
                for v in 0..THIN {
                    images[r][v] = add::<FUSED>(values[r], vector[v], images[r][v]);
                }
            }
        }
        for (values, out) in scratch.iter().zip(out.iter_mut()) {
            for r in 0..STEP {
                for v in 0..THIN {
                    out[v] = add::<FUSED>(values[r], images[r][v], out[v]);
                }
            }
        }
    }
}
