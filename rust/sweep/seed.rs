//! First thresholds. The rows of a block know nothing when they meet their first tile, and would hear of every pair in it. The kernel guesses which pairs are
//! nearest; the k-th of the upper ends of their intervals bounds the k-th distance, and nearly all other pairs are left out at once.

use super::Job;
use super::task::{Blocks, View};
use crate::kernel::scan::{BEST_LANES, Best};
use crate::kernel::{BLOCK, Units};
use crate::question::{Side, TINY};

/// Working memory.
pub struct Seeds {
    best: Best,
    rows: Box<Units>,
    columns: Box<Units>,
    order: Vec<(f32, u32)>,
    /// Of the rows and of the columns: a point within its block, and which of `near` are its.
    pub points: [Vec<(usize, std::ops::Range<usize>)>; 2],
    /// Pairs that seem near: the other point, and what the distance surely does not exceed.
    pub near: Vec<(u32, f64)>,
}

impl Seeds {
    pub fn new() -> Self {
        let units = || {
            Box::new(Units {
                unit: [0.0; BLOCK],
                half: [f32::INFINITY; BLOCK],
            })
        };
        Self {
            best: Best::default(),
            rows: units(),
            columns: units(),
            order: Vec::new(),
            points: [Vec::new(), Vec::new()],
            near: Vec::new(),
        }
    }
}

impl Job<'_> {
    /// Finds `k` pairs of this tile, with points that count, that seem nearest to each point of a side; zero for a side that needs none.
    pub fn seed(
        &self,
        k: [usize; 2],
        among: Option<&[bool]>,
        blocks: Blocks,
        view: &View<'_>,
        tile: &[f32],
        seeds: &mut Seeds,
    ) {
        seeds.points.iter_mut().for_each(Vec::clear);
        seeds.near.clear();
        for (units, facts, side, sought) in [
            (&mut seeds.rows, view.rows, Side::Rows, k[1]),
            (&mut seeds.columns, view.columns, Side::Columns, k[0]),
        ] {
            units.half.fill(f32::INFINITY);
            let among = among.filter(|_| sought > 0);
            let among = among.map(|among| &among[blocks.start(side)..]);
            for (i, facts) in facts.iter().enumerate() {
                units.unit[i] = facts.unit() as f32;
                if among.is_none_or(|among| among[i]) {
                    units.half[i] = (0.5 * facts.square) as f32;
                }
            }
        }
        view.kernel
            .best(tile, &seeds.rows, &seeds.columns, &mut seeds.best);
        for (at, side) in [Side::Rows, Side::Columns].into_iter().enumerate() {
            let others = blocks.count(side.other());
            if k[at] == 0 || k[at] >= others {
                continue;
            }
            for own in 0..blocks.count(side) {
                seeds.order.clear();
                if k[at] <= BEST_LANES / 2 {
                    let lanes = match side {
                        Side::Rows => &seeds.best.rows[own],
                        Side::Columns => &seeds.best.columns[own],
                    };
                    seeds
                        .order
                        .extend(lanes.iter().filter(|lane| lane.1 != u32::MAX));
                } else {
                    seeds.order.extend((0..others as u32).map(|other| {
                        let (r, c) = pair(side, own, other);
                        let inner =
                            tile[r * BLOCK + c] * seeds.rows.unit[r] * seeds.columns.unit[c];
                        let half = match side {
                            Side::Rows => seeds.columns.half[c],
                            Side::Columns => seeds.rows.half[r],
                        };
                        (inner - half, other)
                    }));
                }
                seeds.order.retain(|&(nearness, other)| {
                    nearness > f32::NEG_INFINITY && !(blocks.diagonal && other as usize == own)
                });
                if seeds.order.len() < k[at] {
                    continue;
                }
                seeds
                    .order
                    .select_nth_unstable_by(k[at] - 1, |a, b| b.0.total_cmp(&a.0));
                let start = seeds.near.len();
                for &(_, other) in &seeds.order[..k[at]] {
                    let (r, c) = pair(side, own, other);
                    let product = tile[r * BLOCK + c];
                    let (_, high) = view
                        .bound
                        .interval(&view.rows[r], &view.columns[c], product);
                    let mut high = self.to_caller(high);
                    // A second look saves half of a coarse code's window.
                    if view.most.is_some()
                        && let Some((_, near)) = self.narrow(view, blocks, r, c, product)
                    {
                        high = high.min(near);
                    }
                    let high = (high + TINY).sqrt();
                    // What is not a number bounds nothing.
                    if high.is_finite() {
                        let first = blocks.start(side.other()) as u32;
                        seeds.near.push((first + other, high));
                    }
                }
                seeds.points[at].push((own, start..seeds.near.len()));
            }
        }
    }
}

/// (row, column) of a pair within the tile.
fn pair(side: Side, own: usize, other: u32) -> (usize, usize) {
    match side {
        Side::Rows => (own, other as usize),
        Side::Columns => (other as usize, own),
    }
}
