//! From the questions' windows to the thresholds of a kernel's scan: Lemma 3 of `bound`.

use super::Job;
use super::task::View;
use crate::bound::{above, below};
use crate::codes::power_of_two;
use crate::kernel::{BLOCK, ColumnScan, RowScan};
use crate::question::{Side, TINY, WIDER};

/// Windows of a tile in the caller's units: of every row and column, and their factors of the window that is a product.
pub struct Windows {
    pub row: [f64; BLOCK],
    pub column: [f64; BLOCK],
    pub row_factor: [f64; BLOCK],
    pub column_factor: [f64; BLOCK],
}

impl Windows {
    /// Windows that let nothing through.
    pub fn new() -> Self {
        Self {
            row: [f64::NEG_INFINITY; BLOCK],
            column: [f64::NEG_INFINITY; BLOCK],
            row_factor: [0.0; BLOCK],
            column_factor: [0.0; BLOCK],
        }
    }

    /// The entries of one side, plain or as a factor.
    pub fn side(&mut self, side: Side, factor: bool) -> &mut [f64; BLOCK] {
        match (side, factor) {
            (Side::Rows, false) => &mut self.row,
            (Side::Rows, true) => &mut self.row_factor,
            (Side::Columns, false) => &mut self.column,
            (Side::Columns, true) => &mut self.column_factor,
        }
    }
}

/// Thresholds of a tile, as the scan takes them.
pub struct Thresholds {
    pub rows: Vec<RowScan>,
    pub columns: Box<ColumnScan>,
}

impl Thresholds {
    pub fn new() -> Self {
        let columns = ColumnScan {
            s: [1.0; BLOCK],
            h: [0.0; BLOCK],
            b: [0.0; BLOCK],
            v: [0.0; BLOCK],
        };
        Self {
            rows: Vec::with_capacity(BLOCK),
            columns: Box::new(columns),
        }
    }

    /// Products below these thresholds are surely outside the windows.
    pub fn outer(&mut self, job: &Job<'_>, view: &View<'_>, windows: &Windows) {
        let unit = power_of_two(-2 * job.frame.exponent);
        let scaled = |window: f64| 0.5 * (window * unit * (1.0 + f64::EPSILON) + f64::MIN_POSITIVE);
        let mut floors = Floors::new();
        self.columns(view, |c, scan, s, half, stray| {
            // Nothing is known of a stray's products: they all pass.
            let half = if stray { f64::NEG_INFINITY } else { half };
            let (window, factor) = (scaled(windows.column[c]), windows.column_factor[c]);
            scan.h[c] = below(half * s);
            scan.b[c] = above(window * s);
            scan.v[c] = above(factor * s);
            floors.column(s, half, window, factor);
        });
        self.rows.clear();
        for (r, facts) in view.rows.iter().enumerate() {
            let s = f64::from(facts.scale);
            let mut scan = RowScan {
                a: view.bound.row_floor(facts, &view.column_block),
                s: facts.scale,
                w: above(scaled(windows.row[r]) * s),
                u: above(scaled(windows.row_factor[r]) * s),
                floor: 0.0,
            };
            scan.floor = floors.row(&scan);
            self.rows.push(scan);
        }
    }

    /// Products not below these thresholds are surely inside balls whose outer windows these are.
    pub fn inner(&mut self, job: &Job<'_>, view: &View<'_>, windows: &Windows) {
        let unit = power_of_two(-2 * job.frame.exponent);
        // The radius squared lies above the window by less than WIDER and TINY; this is below it by as much.
        let scaled = |window: f64| {
            let certain = (window - 2.0 * TINY) / (WIDER * WIDER);
            0.5 * (certain * unit * (1.0 - f64::EPSILON) - f64::MIN_POSITIVE)
        };
        self.columns(view, |c, scan, s, half, stray| {
            let half = if stray { f64::INFINITY } else { half };
            scan.h[c] = above(half * s);
            scan.b[c] = below(scaled(windows.column[c]) * s);
            scan.v[c] = 0.0;
        });
        self.rows.clear();
        for (r, facts) in view.rows.iter().enumerate() {
            let s = f64::from(facts.scale);
            self.rows.push(RowScan {
                a: view.bound.row_ceiling(facts, &view.column_block),
                s: facts.scale,
                w: below(scaled(windows.row[r]) * s),
                u: 0.0,
                floor: f32::NEG_INFINITY,
            });
        }
    }

    /// Fills the columns: `set` is given the column, its scale, half its square and whether it is a stray. Columns beyond the block's end let nothing
    /// through.
    fn columns(
        &mut self,
        view: &View<'_>,
        mut set: impl FnMut(usize, &mut ColumnScan, f64, f64, bool),
    ) {
        for (c, facts) in view.columns.iter().enumerate() {
            self.columns.s[c] = facts.scale;
            let stray = view.column_block.strays(facts);
            set(
                c,
                &mut self.columns,
                f64::from(facts.scale),
                0.5 * facts.square,
                stray,
            );
        }
        for c in view.columns.len()..BLOCK {
            self.columns.s[c] = 1.0;
            self.columns.h[c] = f32::MAX;
            self.columns.b[c] = f32::NEG_INFINITY;
            self.columns.v[c] = 0.0;
        }
    }
}

/// What bounds all outer thresholds of a row from below: `t = s_j (a + s_i h' - max(w, s_i b', u v'))`, where primes are the columns' values without their scale.
struct Floors {
    scales: (f64, f64),
    half: f64,
    half_less_window: f64,
    factor: f64,
}

impl Floors {
    fn new() -> Self {
        Self {
            scales: (f64::INFINITY, 0.0),
            half: f64::INFINITY,
            half_less_window: f64::INFINITY,
            factor: 0.0,
        }
    }

    fn column(&mut self, scale: f64, half: f64, window: f64, factor: f64) {
        self.scales = (self.scales.0.min(scale), self.scales.1.max(scale));
        self.half = self.half.min(half);
        self.half_less_window = self.half_less_window.min(half - window);
        self.factor = self.factor.max(factor);
    }

    fn row(&self, row: &RowScan) -> f32 {
        let [a, s, w, u] = [row.a, row.s, row.w, row.u].map(f64::from);
        // As in the scan, a product 0 x infinity is left out.
        let least = a + (s * self.half - w.max(u * self.factor)).min(s * self.half_less_window);
        below(
            least
                * if least < 0.0 {
                    self.scales.1
                } else {
                    self.scales.0
                },
        )
    }
}
