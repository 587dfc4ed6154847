//! Which codes a sweep begins with, from a few rows.
//!
//! Coarse codes are fast to multiply but leave more pairs to look at. How many is seen from the pairs of `SAMPLE` rows of either set: their exact distances,
//! and how wide the bound of each gear is for them. Near the smallest distances the share of pairs within a squared distance `q` is taken for a power of `q`
//!
//! ```text
//! F(q) = SMALL (q / q_small)^a      below the quantile SMALL of the sample, a from this one and LARGE; above it as in the sample
//! T    = F^-1(share)                how far questions for neighbours look: k of n, and more while the first tiles are met
//! left = F(T + 2 E) per pair        E the gear's error: what the scan leaves
//! ```
//!
//! and a gear costs its products and what it leaves. A guess: a sweep that begins too coarse climbs (`gear`), so a finer gear is chosen only where it is clearly
//! better. The sample depends on the sets alone, so the choice is the same for every number of threads; no answer depends on it.

use super::gear::{Gear, HEAR, NARROW};
use crate::codes::{BlockFacts, Facts, Frame, power_of_two};
use crate::kernel::BLOCK;
use crate::points::Points;
use crate::question::Ask;

/// Rows of either set.
const SAMPLE: usize = 64;
const SMALL: f64 = 1.0 / 64.0;
const LARGE: f64 = 1.0 / 8.0;
/// Sets of fewer pairs are swept before much can be gained.
const PAIRS: usize = if cfg!(test) { 1 } else { 256 * BLOCK * BLOCK };
/// A finer gear has to cost less than this part of a coarser one.
const BETTER: f64 = 0.8;
/// An exact distance, in nanoseconds, and for every column.
const SETTLE: f64 = 60.0;
const EXACT: f64 = 0.2;

/// The first gear to use.
pub fn first(
    gears: &[Gear<'_>],
    rows: &Points<'_>,
    columns: Option<&Points<'_>>,
    frame: &Frame,
    asks: &[Ask],
) -> usize {
    let others = columns.unwrap_or(rows);
    if gears.len() < 2 || rows.len().saturating_mul(others.len()) < PAIRS {
        return 0;
    }
    // Of other questions no share can be told: they end early, or take pairs in bulk.
    let neighbours = asks.iter().filter_map(|ask| match ask {
        Ask::Nearest { k, .. } | Ask::NearestAmong { k, .. } => Some(*k as f64),
        _ => None,
    });
    let k = neighbours.fold(0.0, f64::max);
    if k == 0.0 {
        return 0;
    }
    let [x, y] = [(rows, 0), (others, usize::from(columns.is_none()))].map(places);
    let mut squares: Vec<f64> = (x.iter())
        .flat_map(|&i| y.iter().map(move |&j| (i, j)))
        .filter(|&(i, j)| columns.is_some() || i != j)
        .map(|(i, j)| gears[0].kernel.squared(rows.row(i), others.row(j)))
        .collect();
    squares.sort_unstable_by(f64::total_cmp);
    // Rows that repeat are told together (`alike`), so their one distance counts once.
    squares.dedup();
    if squares.is_empty() {
        return 0;
    }
    let quantile = |share: f64| squares[(share * (squares.len() - 1) as f64) as usize];
    let (small, large) = (quantile(SMALL), quantile(LARGE));
    let power = (LARGE / SMALL).ln() / (large / small).ln();
    if !(small > 0.0 && power.is_finite() && power > 0.0) {
        return 0;
    }
    // Of the j-th block it meets a row hears of k pairs in j blocks.
    let most = rows.len().max(others.len()) as f64;
    let sought = k * (1.0 + (most / BLOCK as f64).ln().max(0.0)) / most;
    let reach = small * (sought / SMALL).powf(1.0 / power);
    let share = |square: f64| {
        if square < small {
            return SMALL * (square / small).powf(power);
        }
        squares.partition_point(|&one| one <= square) as f64 / squares.len() as f64
    };
    let costs: Vec<f64> = gears
        .iter()
        .map(|gear| {
            let facts = |points: &Points<'_>, places: &[usize]| -> Vec<Facts> {
                let kernel = gear.kernel;
                let measure =
                    |&i: &usize| kernel.measure(points.row(i), &frame.centre, frame.exponent);
                places.iter().map(measure).collect()
            };
            // As in a scan, each row is held against the largest facts of a block.
            let block = BlockFacts::of(&facts(others, &y));
            let x = facts(rows, &x);
            let lefts = x.iter().map(|row| {
                let width = 2.0 * gear.bound.row_error(row, &block);
                share(reach + width * power_of_two(2 * frame.exponent))
            });
            let left = lefts.sum::<f64>() / x.len() as f64;
            let width = rows.width() as f64;
            let looks = if gear.most.is_some() {
                left * (HEAR + NARROW * width)
            } else {
                // No second look: what is left beyond the reach is settled.
                left * HEAR + (left - share(reach)) * (SETTLE + EXACT * width)
            };
            width / gear.kernel.rate() + looks
        })
        .collect();
    let mut chosen = 0;
    for gear in 1..gears.len() {
        if costs[gear] < BETTER * costs[chosen] {
            chosen = gear;
        }
    }
    chosen
}

/// Places of the sample, evenly spaced; `shift` keeps those of one set from meeting themselves.
fn places((points, shift): (&Points<'_>, usize)) -> Vec<usize> {
    let count = points.len().min(SAMPLE);
    (0..count)
        .map(|s| (s * points.len() / count + shift) % points.len())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::gear::gears;
    use super::super::tests::{levels, normal};
    use super::*;
    use crate::question::Side;

    fn chosen(values: &[f64], width: usize, asks: &[Ask]) -> usize {
        let points = Points::from_f64("a", values, width).unwrap();
        let frame = Frame::of(&[&points]);
        // The first level with several gears; where there is none, nothing can be chosen.
        let level = levels().into_iter().find(|level| level.kernels.len() > 1);
        level.map_or(0, |level| {
            let gears = gears(&level.kernels, width, false);
            first(&gears, &points, None, &frame, asks)
        })
    }

    #[test]
    fn coarse_codes_are_for_even_columns_and_fine_ones_for_a_single_wide_one() {
        if levels().iter().all(|level| level.kernels.len() < 2) {
            return;
        }
        let (n, width) = (2000, 64);
        let ask = [Ask::Nearest {
            owner: Side::Rows,
            k: 5,
        }];
        let mut values = normal(1, n * width);
        assert_eq!(chosen(&values, width, &ask), 0);
        for row in values.chunks_exact_mut(width) {
            row[3] *= 300.0;
        }
        assert!(chosen(&values, width, &ask) > 0);
        // Points that are all one tell nothing.
        assert_eq!(chosen(&vec![1.5; n * width], width, &ask), 0);
    }
}
