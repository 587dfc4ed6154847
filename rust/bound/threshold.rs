//! From the questions' windows to the thresholds of a kernel's scan: Lemmas 3 and 4. Kernels compile [`outer`] and [`inner`] for their vectors: every tile needs
//! them anew, and where rows are short they would take longer than the products.

use super::{Bound, above, below};
use crate::codes::{BlockFacts, Facts, power_of_two};
use crate::kernel::BLOCK;
use crate::question::{TINY, WIDER};

/// Windows of a tile in the caller's units: of every row and column, and their factors of the window that is a product.
#[derive(Clone, Debug)]
pub struct Windows {
    /// The rows' windows.
    pub row: [f64; BLOCK],
    /// The columns' windows.
    pub column: [f64; BLOCK],
    /// The rows' factors.
    pub row_factor: [f64; BLOCK],
    /// The columns' factors.
    pub column_factor: [f64; BLOCK],
    /// Which of them are in use.
    pub by: By,
}

/// Kinds of windows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct By {
    /// The row's.
    pub row: bool,
    /// The column's.
    pub column: bool,
    /// The product of both.
    pub product: bool,
}

impl Windows {
    /// Windows that let nothing through.
    pub fn none() -> Self {
        Self {
            row: [f64::NEG_INFINITY; BLOCK],
            column: [f64::NEG_INFINITY; BLOCK],
            row_factor: [0.0; BLOCK],
            column_factor: [0.0; BLOCK],
            by: By::default(),
        }
    }
}

/// Thresholds of a tile, as the scan takes them: see Lemma 3 in `bound`. A pair passes unless its product is below all of
///
/// ```text
/// p_i s_j + s_i h_j               by row
/// a_i s_j + s_i g_j               by column
/// a_i s_j + s_i h_j - u_i v_j     by product
/// ```
#[derive(Clone, Debug)]
pub struct Thresholds {
    /// How many rows count.
    pub count: usize,
    /// Which of the lines above count.
    pub by: By,
    /// Those of the rows.
    pub rows: RowTerms,
    /// Those of the columns.
    pub columns: ColumnTerms,
}

/// The rows' terms of the thresholds.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct RowTerms {
    /// The row's scale.
    pub s: [f32; BLOCK],
    /// Half the square less the error, in code units.
    pub a: [f32; BLOCK],
    /// The same less half the row's window.
    pub p: [f32; BLOCK],
    /// The row's factor of half the window that is a product.
    pub u: [f32; BLOCK],
}

/// The columns' terms of the thresholds.
#[derive(Clone, Debug)]
#[repr(align(64))]
pub struct ColumnTerms {
    /// The column's scale.
    pub s: [f32; BLOCK],
    /// Half the square, in code units.
    pub h: [f32; BLOCK],
    /// The same less half the column's window.
    pub g: [f32; BLOCK],
    /// The column's factor of the window that is a product.
    pub v: [f32; BLOCK],
}

impl Default for Thresholds {
    /// None yet.
    fn default() -> Self {
        let zero = [0.0; BLOCK];
        Self {
            count: 0,
            by: By::default(),
            rows: RowTerms {
                s: zero,
                a: zero,
                p: zero,
                u: zero,
            },
            columns: ColumnTerms {
                s: zero,
                h: zero,
                g: zero,
                v: zero,
            },
        }
    }
}

/// A tile as the bound sees it.
#[derive(Clone, Copy)]
pub struct Sides<'f> {
    /// Facts of the rows.
    pub rows: &'f [Facts],
    /// Facts of the columns.
    pub columns: &'f [Facts],
    /// Those of the columns' block.
    pub block: BlockFacts,
    /// The sweep's exponent.
    pub exponent: i32,
}

/// Products below these thresholds are surely outside the windows.
#[inline(always)]
pub fn outer(bound: &Bound, sides: Sides<'_>, windows: &Windows, out: &mut Thresholds) {
    let unit = power_of_two(-2 * sides.exponent);
    let half_of = |window: f64| 0.5 * (window * unit * (1.0 + f64::EPSILON) + f64::MIN_POSITIVE);
    out.by = windows.by;
    out.count = sides.rows.len();
    for (c, facts) in sides.columns.iter().enumerate().take(BLOCK) {
        let s = f64::from(facts.scale);
        // Nothing is known of a stray's products: they all pass.
        let half = if sides.block.strays(facts) {
            f64::NEG_INFINITY
        } else {
            0.5 * facts.square
        };
        out.columns.s[c] = facts.scale;
        out.columns.h[c] = below(half * s);
        out.columns.g[c] = below((half - half_of(windows.column[c])) * s);
        out.columns.v[c] = above(windows.column_factor[c] * s);
    }
    beyond(&mut out.columns, sides.columns.len());
    for (r, facts) in sides.rows.iter().enumerate().take(BLOCK) {
        let s = f64::from(facts.scale);
        let a = 0.5 * (facts.square - bound.row_error(facts, &sides.block)) * s - power_of_two(-80);
        out.rows.s[r] = facts.scale;
        out.rows.a[r] = below(a);
        out.rows.p[r] = below(a - half_of(windows.row[r]) * s);
        out.rows.u[r] = above(half_of(windows.row_factor[r]) * s);
    }
}

/// Products not below one of these thresholds are surely inside balls whose outer windows these are.
#[inline(always)]
pub fn inner(bound: &Bound, sides: Sides<'_>, windows: &Windows, out: &mut Thresholds) {
    let unit = power_of_two(-2 * sides.exponent);
    // The radius squared lies above the window by less than WIDER and TINY; this is below it by as much.
    let half_of = |window: f64| {
        let certain = (window - 2.0 * TINY) / (WIDER * WIDER);
        0.5 * (certain * unit * (1.0 - f64::EPSILON) - f64::MIN_POSITIVE)
    };
    out.by = windows.by;
    out.count = sides.rows.len();
    for (c, facts) in sides.columns.iter().enumerate().take(BLOCK) {
        let s = f64::from(facts.scale);
        let half = if sides.block.strays(facts) {
            f64::INFINITY
        } else {
            0.5 * facts.square
        };
        out.columns.s[c] = facts.scale;
        out.columns.h[c] = above(half * s);
        out.columns.g[c] = above((half - half_of(windows.column[c])) * s);
        out.columns.v[c] = 0.0;
    }
    beyond(&mut out.columns, sides.columns.len());
    for (r, facts) in sides.rows.iter().enumerate().take(BLOCK) {
        let s = f64::from(facts.scale);
        let a = 0.5 * (facts.square + bound.row_error(facts, &sides.block)) * s + power_of_two(-80);
        out.rows.s[r] = facts.scale;
        out.rows.a[r] = above(a);
        out.rows.p[r] = above(a - half_of(windows.row[r]) * s);
        out.rows.u[r] = 0.0;
    }
}

/// Columns beyond the block's end let nothing through.
#[inline(always)]
fn beyond(columns: &mut ColumnTerms, count: usize) {
    for c in count..BLOCK {
        columns.s[c] = 1.0;
        columns.h[c] = f32::MAX;
        columns.g[c] = f32::MAX;
        columns.v[c] = 0.0;
    }
}
