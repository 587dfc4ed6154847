//! Spacings under permuted marks: what a permutation test looks up again and again.

use rayon::prelude::*;

use crate::control::Control;
use crate::error::{Error, Result, filled};

/// Permutations looked at together: the bits of a word.
const TOGETHER: usize = u64::BITS as usize;

/// Points in groups, each with its neighbours.
#[derive(Clone, Copy)]
pub struct Lists<'a> {
    /// Beside every neighbour a value, nearest first; of all points, one after the other.
    pub values: &'a [f64],
    /// The neighbours.
    pub neighbours: &'a [i64],
    /// The first point of every group, ascending from 0.
    pub starts: &'a [usize],
    /// How many points there are.
    pub points: usize,
}

/// Of the points of a group that have one mark: the mean and the variance (with n - 1) of their radii; not a number where there are too few.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// The variance.
    pub variance: f64,
}

/// A point's radius is the value beside the `k`-th of its neighbours that has its own mark; the last value where fewer have it. Permutation `p` marks point
/// `i` with `marks[p * points + i]`. For every permutation and group the spread of those without the mark, then of those with it.
///
/// # Errors
/// When sizes do not fit, a neighbour is no point, memory is short, or the caller cancelled.
pub fn spreads(
    lists: Lists<'_>,
    marks: &[bool],
    k: usize,
    control: &Control,
) -> Result<Vec<[Spread; 2]>> {
    let Lists {
        values,
        neighbours,
        starts,
        points,
    } = lists;
    let length = neighbours.len() / points.max(1);
    let whole = points > 0 && length > 0 && neighbours.len() == points * length;
    let grouped = starts.first() == Some(&0)
        && starts.is_sorted_by(|a, b| a < b)
        && starts.iter().all(|&start| start < points);
    if !whole
        || !grouped
        || values.len() != neighbours.len()
        || !marks.len().is_multiple_of(points)
        || k == 0
    {
        return Err(Error::Invalid(format!(
            "{points} points, {} neighbours, {} values, {} marks, {} groups and nearest_k={k} do not fit",
            neighbours.len(),
            values.len(),
            marks.len(),
            starts.len()
        )));
    }
    if let Some(wrong) = neighbours.iter().find(|&&j| j < 0 || j >= points as i64) {
        return Err(Error::Invalid(format!(
            "{wrong} is among the neighbours of {points} points"
        )));
    }
    let permutations = marks.len() / points;
    let what = "spacings under permuted marks";
    let mut found = filled(permutations * starts.len(), [Spread::default(); 2], what)?;
    found
        .par_chunks_mut(TOGETHER * starts.len())
        .zip(marks.par_chunks(TOGETHER * points))
        .try_for_each(|(found, marks)| {
            control.check()?;
            let mut bits = filled(points, 0u64, what)?;
            for (p, marks) in marks.chunks_exact(points).enumerate() {
                for (bits, &mark) in bits.iter_mut().zip(marks) {
                    *bits |= u64::from(mark) << p;
                }
            }
            let mut radii = filled(points, [0.0; TOGETHER], what)?;
            let lists = neighbours
                .chunks_exact(length)
                .zip(values.chunks_exact(length));
            let mut reached = filled(k + 1, 0, what)?;
            for ((radii, &own), (neighbours, values)) in radii.iter_mut().zip(&bits).zip(lists) {
                radii.fill(values[length - 1]);
                let same = neighbours.iter().map(|&j| !(bits[j as usize] ^ own));
                kth_of_own(same.zip(values), &mut reached, radii);
            }
            let ends = starts[1..].iter().chain([&points]);
            for (g, (&start, &end)) in starts.iter().zip(ends).enumerate() {
                let spreads = of_group(&radii[start..end], &bits[start..end]);
                for (found, spread) in found.chunks_exact_mut(starts.len()).zip(spreads) {
                    found[g] = spread;
                }
            }
            Ok(())
        })?;
    Ok(found)
}

/// The value beside the k-th neighbour of the own mark, in every permutation that has so many. With each value comes in which permutations its neighbour has
/// that mark; `reached[c]` becomes those in which at least `c` had it so far.
fn kth_of_own<'v>(
    neighbours: impl Iterator<Item = (u64, &'v f64)>,
    reached: &mut [u64],
    radii: &mut [f64; TOGETHER],
) {
    let k = reached.len() - 1;
    reached.fill(0);
    reached[0] = u64::MAX;
    for (same, &value) in neighbours {
        let before = reached[k];
        for count in (1..=k).rev() {
            reached[count] |= reached[count - 1] & same;
        }
        let mut now = reached[k] & !before;
        while now != 0 {
            radii[now.trailing_zeros() as usize] = value;
            now &= now - 1;
        }
        if reached[k] == u64::MAX {
            break;
        }
    }
}

/// The spreads of one group in every permutation, without the mark and with it.
fn of_group(radii: &[[f64; TOGETHER]], bits: &[u64]) -> [[Spread; 2]; TOGETHER] {
    let mut spreads = [[Spread::default(); 2]; TOGETHER];
    let mut counts = [[0.0; 2]; TOGETHER];
    let mark = |bits: u64, p: usize| (bits >> p & 1) as usize;
    for (radii, &bits) in radii.iter().zip(bits) {
        for p in 0..TOGETHER {
            spreads[p][mark(bits, p)].mean += radii[p];
            counts[p][mark(bits, p)] += 1.0;
        }
    }
    for (spread, count) in spreads.iter_mut().flatten().zip(counts.as_flattened()) {
        spread.mean /= count;
    }
    // About the mean: subtracting sums of squares would lose digits.
    for (radii, &bits) in radii.iter().zip(bits) {
        for p in 0..TOGETHER {
            let spread = &mut spreads[p][mark(bits, p)];
            spread.variance += (radii[p] - spread.mean).powi(2);
        }
    }
    for (spread, count) in spreads.iter_mut().flatten().zip(counts.as_flattened()) {
        spread.variance /= count - 1.0;
    }
    spreads
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kth_of_the_same_mark_or_the_last() {
        // Three points in a row, each with the two others; then a pair of another group.
        let lists = Lists {
            neighbours: &[1, 2, 0, 2, 1, 0, 4, 4, 3, 3],
            values: &[1.0, 3.0, 1.0, 2.0, 2.0, 3.0, 5.0, 6.0, 5.0, 8.0],
            starts: &[0, 3],
            points: 5,
        };
        let marks = [
            true, false, true, true, true, false, false, false, false, true,
        ];
        let control = Control::default();
        let spread = |mean, variance| Spread { mean, variance };
        let found = spreads(lists, &marks, 1, &control).unwrap();
        // Radii 3, 2, 3, 5, 5; then 1, 1, 2, 6, 8.
        assert_eq!(found[0][1], spread(3.0, 0.0));
        assert_eq!(found[0][0].mean, 2.0);
        assert!(found[0][0].variance.is_nan());
        assert_eq!(found[1][1], spread(5.0, 0.0));
        assert!(found[1][0].mean.is_nan());
        assert!((found[2][0].mean - 4.0 / 3.0).abs() < 1e-15);
        assert!((found[2][0].variance - 1.0 / 3.0).abs() < 1e-15);
        assert_eq!([found[3][0].mean, found[3][1].mean], [6.0, 8.0]);
        let second = spreads(lists, &marks, 2, &control).unwrap();
        // Radii 3, 2, 3, 6, 8; then 3, 2, 3, 6, 8.
        assert_eq!(second[1][1], spread(7.0, 2.0));
        assert!((second[2][0].mean - 8.0 / 3.0).abs() < 1e-15);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let control = Control::default();
        for (values, neighbours, marks, starts, points, k) in [
            (
                &[1.0, 1.0][..],
                &[1, 0][..],
                &[true, false][..],
                &[0][..],
                2,
                0,
            ),
            (&[1.0], &[1, 0], &[true, false], &[0], 2, 1),
            (&[1.0, 1.0], &[1, 0], &[true], &[0], 2, 1),
            (&[1.0, 1.0], &[1, 2], &[true, false], &[0], 2, 1),
            (&[1.0, 1.0], &[1, -1], &[true, false], &[0], 2, 1),
            (&[1.0, 1.0], &[1, 0], &[true, false], &[], 2, 1),
            (&[1.0, 1.0], &[1, 0], &[true, false], &[1], 2, 1),
            (&[1.0, 1.0], &[1, 0], &[true, false], &[0, 0], 2, 1),
            (&[1.0, 1.0], &[1, 0], &[true, false], &[0, 2], 2, 1),
            (&[], &[], &[], &[0], 0, 1),
        ] {
            let lists = Lists {
                values,
                neighbours,
                starts,
                points,
            };
            assert!(spreads(lists, marks, k, &control).is_err());
        }
    }
}
