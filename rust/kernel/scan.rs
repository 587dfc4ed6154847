//! What is done with a tile of products, written once: kernels compile it for wider vectors.

use super::{BLOCK, Survivor, Tally, Units};
use crate::bound::threshold::Thresholds;

/// What stands for a product whose pair needs no more looking at. No product is so small: codes are finite, and so are their sums.
pub const TOLD: f32 = f32::NEG_INFINITY;

/// Pairs of a row that are looked at together.
const LANES: usize = 16;

/// Whether a pair is held back: its product is below every threshold. One that is not a number holds nothing back.
#[inline(always)]
fn held(thresholds: &Thresholds, r: usize, c: usize, product: f32) -> bool {
    let (by, rows, columns) = (&thresholds.by, &thresholds.rows, &thresholds.columns);
    let whole = rows.a[r] * columns.s[c] + rows.s[r] * columns.h[c];
    let row = rows.p[r] * columns.s[c] + rows.s[r] * columns.h[c];
    let column = rows.a[r] * columns.s[c] + rows.s[r] * columns.g[c];
    // `max` takes zero where infinity times zero is not a number.
    let product_of_both = whole - (rows.u[r] * columns.v[c]).max(0.0);
    (!by.row | (product < row))
        & (!by.column | (product < column))
        & (!by.product | (product < product_of_both))
}

/// The scan in plain code: Lemma 3 of `bound`, one pair at a time.
#[inline(always)]
pub fn scan(tile: &[f32], thresholds: &Thresholds, survivors: &mut Vec<Survivor>) {
    for (r, products) in tile.chunks_exact(BLOCK).take(thresholds.count).enumerate() {
        for start in (0..BLOCK).step_by(LANES) {
            let mut passes = [false; LANES];
            for l in 0..LANES {
                passes[l] = !held(thresholds, r, start + l, products[start + l]);
            }
            if !passes.contains(&true) {
                continue;
            }
            for c in (start..)
                .zip(passes)
                .filter_map(|(c, pass)| pass.then_some(c))
            {
                survivors.push(Survivor {
                    row: r as u16,
                    column: c as u16,
                    product: products[c],
                });
            }
        }
    }
}

/// The tally of the trait.
#[inline(always)]
pub fn tally(
    tile: &[f32],
    outer: &Thresholds,
    inner: &Thresholds,
    count: usize,
    tally: &mut Tally,
    between: &mut Vec<Survivor>,
) {
    for (r, products) in tile.chunks_exact(BLOCK).take(outer.count).enumerate() {
        let (rows, columns) = (&inner.rows, &inner.columns);
        for start in (0..count).step_by(LANES) {
            let mut inside = [0u32; LANES];
            let mut open = [0u32; LANES];
            for l in 0..LANES {
                let c = start + l;
                let wanted = u32::from((c < count) & (products[c] > TOLD));
                let by_row = rows.p[r] * columns.s[c] + rows.s[r] * columns.h[c];
                let by_column = rows.a[r] * columns.s[c] + rows.s[r] * columns.g[c];
                let surely = (inner.by.row & (products[c] >= by_row))
                    | (inner.by.column & (products[c] >= by_column));
                inside[l] = wanted & u32::from(surely);
                open[l] = wanted & u32::from(!held(outer, r, c, products[c])) & (inside[l] ^ 1);
            }
            tally.rows[r] += inside.iter().sum::<u32>();
            for (column, &inside) in tally.columns[start..].iter_mut().zip(&inside) {
                *column += inside;
            }
            if open.iter().any(|&open| open != 0) {
                for l in (0..LANES).filter(|&l| open[l] != 0) {
                    between.push(Survivor {
                        row: r as u16,
                        column: (start + l) as u16,
                        product: products[start + l],
                    });
                }
            }
        }
    }
}

/// Lanes of [`best`]: the pairs of a row are dealt out to so many.
pub const BEST_LANES: usize = 32;

/// In every lane of a row (or column) the place of the pair that seems nearest, and how near: larger is nearer.
pub struct Best {
    /// Lanes of every row: column `c` is in lane `c mod 32`.
    pub rows: Vec<[(f32, u32); BEST_LANES]>,
    /// Lanes of every column: row `r` is in lane `r mod 32`.
    pub columns: Vec<[(f32, u32); BEST_LANES]>,
    /// The columns' lanes as they are computed, lane by lane.
    nearness: Vec<[f32; BLOCK]>,
    place: Vec<[u32; BLOCK]>,
}

impl Default for Best {
    /// Nothing yet.
    fn default() -> Self {
        let nothing = [(f32::NEG_INFINITY, u32::MAX); BEST_LANES];
        Self {
            rows: vec![nothing; BLOCK],
            columns: vec![nothing; BLOCK],
            nearness: vec![[f32::NEG_INFINITY; BLOCK]; BEST_LANES],
            place: vec![[u32::MAX; BLOCK]; BEST_LANES],
        }
    }
}

/// The `best` of the trait.
#[inline(always)]
pub fn best(tile: &[f32], rows: &Units, columns: &Units, best: &mut Best) {
    for lane in 0..BEST_LANES {
        best.nearness[lane] = [f32::NEG_INFINITY; BLOCK];
        best.place[lane] = [u32::MAX; BLOCK];
    }
    for (r, products) in tile.chunks_exact(BLOCK).take(BLOCK).enumerate() {
        let products: &[f32; BLOCK] = products.try_into().expect("a row of the tile");
        let (unit, half) = (rows.unit[r], rows.half[r]);
        let mut inner = [0.0f32; BLOCK];
        for c in 0..BLOCK {
            inner[c] = products[c] * unit * columns.unit[c];
        }
        // Of the row's pairs ...
        let mut nearness = [f32::NEG_INFINITY; BEST_LANES];
        let mut place = [u32::MAX; BEST_LANES];
        for start in (0..BLOCK).step_by(BEST_LANES) {
            for l in 0..BEST_LANES {
                let near = inner[start + l] - columns.half[start + l];
                let better = near > nearness[l];
                nearness[l] = if better { near } else { nearness[l] };
                place[l] = if better { (start + l) as u32 } else { place[l] };
            }
        }
        for l in 0..BEST_LANES {
            best.rows[r][l] = (nearness[l], place[l]);
        }
        // ... and of each column's.
        let nearness = &mut best.nearness[r % BEST_LANES];
        let place = &mut best.place[r % BEST_LANES];
        for c in 0..BLOCK {
            let near = inner[c] - half;
            let better = near > nearness[c];
            nearness[c] = if better { near } else { nearness[c] };
            place[c] = if better { r as u32 } else { place[c] };
        }
    }
    for (c, lanes) in best.columns.iter_mut().enumerate() {
        for (l, lane) in lanes.iter_mut().enumerate() {
            *lane = (best.nearness[l][c], best.place[l][c]);
        }
    }
}
