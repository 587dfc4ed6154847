//! What is done with a tile of products, written once: kernels compile it for wider vectors.

use super::{BLOCK, ColumnScan, RowScan, Survivor, Tally, Units};

/// The scan in plain code: Lemma 3 of `bound`, one pair at a time.
pub fn scan(tile: &[f32], rows: &[RowScan], columns: &ColumnScan, survivors: &mut Vec<Survivor>) {
    const LANES: usize = 16;
    for (r, (row, products)) in rows.iter().zip(tile.chunks_exact(BLOCK)).enumerate() {
        for start in (0..BLOCK).step_by(LANES) {
            if products[start..start + LANES]
                .iter()
                .all(|product| product.lt(&row.floor))
            {
                continue;
            }
            let passes: [bool; LANES] = std::array::from_fn(|l| {
                let c = start + l;
                let window = (row.u * columns.v[c])
                    .max(row.w * columns.s[c])
                    .max(row.s * columns.b[c]);
                let threshold = (row.a * columns.s[c] + row.s * columns.h[c]) - window;
                // "Not less": a threshold that is not a number passes the pair on.
                !products[c].lt(&row.floor) && !products[c].lt(&threshold)
            });
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
    [outer_rows, inner_rows]: [&[RowScan]; 2],
    [outer, inner]: [&ColumnScan; 2],
    count: usize,
    tally: &mut Tally,
    between: &mut Vec<Survivor>,
) {
    const LANES: usize = 16;
    let threshold = |row: &RowScan, columns: &ColumnScan, c: usize| {
        let window = (row.w * columns.s[c]).max(row.s * columns.b[c]);
        (row.a * columns.s[c] + row.s * columns.h[c]) - window
    };
    for (r, products) in tile.chunks_exact(BLOCK).take(outer_rows.len()).enumerate() {
        let (outer_row, inner_row) = (&outer_rows[r], &inner_rows[r]);
        for start in (0..count).step_by(LANES) {
            let mut inside = [0u32; LANES];
            let mut open = [0u32; LANES];
            for l in 0..LANES {
                let c = start + l;
                let wanted = u32::from(c < count);
                inside[l] = wanted & u32::from(products[c] >= threshold(inner_row, inner, c));
                let outside = u32::from(products[c] < threshold(outer_row, outer, c));
                open[l] = wanted & !(outside | inside[l]) & 1;
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
