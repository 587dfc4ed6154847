//! K-means on the union of several sets: k-means++ starts (Arthur and Vassilvitskii, 2007), then Lloyd's rounds on the exact engine.
//!
//! Several runs go side by side, so that one sweep over the points serves the centres of all of them. Every choice is made from exact distances and
//! from sums in index order, so labels and centres do not depend on threads, kernels or blocks. A point goes to the nearest centre, ties to the smaller one.
//! A cluster that has lost all its points keeps its centre. A run ends when no label changes, or after [`ROUNDS`] rounds.

use rayon::prelude::*;

use crate::control::Control;
use crate::distance::Row;
use crate::error::{Error, Result, filled};
use crate::kernel::{self, Kernel};
use crate::points::Points;
use crate::question::{Ask, Reply, Side};
use crate::sweep::sweep_with;

/// Lloyd rounds at most.
const ROUNDS: usize = 50;

/// Labels and centres of every run.
#[derive(Clone, Debug, PartialEq)]
pub struct Clusters {
    /// For every set, run after run, the label of each of its points.
    pub labels: Vec<Vec<i32>>,
    /// Run after run, cluster after cluster, the centre.
    pub centers: Vec<f64>,
}

/// SplitMix64 (Steele, Lea and Flood, 2014): five lines whose numbers no release of a library can change.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Uniform in [0, 1).
    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// The sets as one, in order.
struct Union<'a> {
    sets: &'a [&'a Points<'a>],
    starts: Vec<usize>,
}

impl<'a> Union<'a> {
    fn new(sets: &'a [&'a Points<'a>]) -> Self {
        let mut starts = vec![0];
        for set in sets {
            starts.push(starts[starts.len() - 1] + set.len());
        }
        Self { sets, starts }
    }

    fn len(&self) -> usize {
        self.starts[self.sets.len()]
    }

    fn row(&self, i: usize) -> Row<'a> {
        let set = self.starts.partition_point(|&start| start <= i) - 1;
        self.sets[set].row(i - self.starts[set])
    }
}

/// Clusters the union of `sets`, `runs` times from different starts.
///
/// # Errors
/// When there are no clusters, runs or sets, widths differ, memory is short, or the caller cancelled.
pub fn kmeans(
    sets: &[&Points<'_>],
    clusters: usize,
    runs: usize,
    seed: u64,
    control: &Control,
) -> Result<Clusters> {
    if clusters == 0 || runs == 0 || sets.is_empty() {
        return Err(Error::Invalid(format!(
            "{clusters} clusters, {runs} runs and {} sets; at least one of each is needed",
            sets.len()
        )));
    }
    if let Some(other) = sets.iter().find(|set| set.width() != sets[0].width()) {
        return Err(Error::Invalid(format!(
            "one set has {} columns, another has {}",
            sets[0].width(),
            other.width()
        )));
    }
    let level = kernel::choose()?;
    let kernel = level.kernels[0].as_ref();
    let union = Union::new(sets);
    let width = sets[0].width();
    let mut labels: Vec<Vec<i32>> = sets
        .iter()
        .map(|set| filled(runs.saturating_mul(set.len()), -1, "the labels of all runs"))
        .collect::<Result<_>>()?;
    let mut centers = starts(&union, clusters, runs, seed, kernel, control)?;
    let mut active: Vec<usize> = (0..runs).collect();
    for round in 0..=ROUNDS {
        let moving: Vec<f64> = active
            .iter()
            .flat_map(|&run| &centers[run * clusters * width..(run + 1) * clusters * width])
            .copied()
            .collect();
        let moving = Points::checked_f64(moving, width)?;
        let mut changed = vec![false; active.len()];
        for (set, labels) in sets.iter().zip(&mut labels) {
            let ask = Ask::NearestOfEach {
                owner: Side::Rows,
                size: clusters,
                groups: active.len(),
            };
            let (replies, _) = sweep_with(&level, set, Some(&moving), &[ask], control)?;
            let Some(Reply::Indices(indices)) = replies.into_iter().next() else {
                unreachable!("one question, one reply")
            };
            for (i, nearest) in indices.chunks_exact(active.len()).enumerate() {
                for ((&run, changed), &center) in active.iter().zip(&mut changed).zip(nearest) {
                    let label = (center as usize % clusters) as i32;
                    let slot = &mut labels[run * set.len() + i];
                    *changed |= *slot != label;
                    *slot = label;
                }
            }
        }
        let mut still = changed.iter();
        active.retain(|_| *still.next().expect("one flag a run"));
        if active.is_empty() || round == ROUNDS {
            break;
        }
        control.check()?;
        update(&union, &labels, &active, clusters, &mut centers);
    }
    Ok(Clusters { labels, centers })
}

/// K-means++: each next centre is a point drawn with probability proportional to its squared distance to the nearest centre so far.
fn starts(
    union: &Union<'_>,
    clusters: usize,
    runs: usize,
    seed: u64,
    kernel: &dyn Kernel,
    control: &Control,
) -> Result<Vec<f64>> {
    let width = union.sets[0].width();
    let values = runs.saturating_mul(clusters).saturating_mul(width);
    let mut centers = filled(values, 0.0, "the centres of all runs")?;
    for (run, centers) in centers.chunks_exact_mut(clusters * width).enumerate() {
        let mut random = Random(seed ^ (run as u64).wrapping_mul(0xd134_2543_de82_ef95));
        let mut nearest = filled(union.len(), f64::INFINITY, "distances to centres")?;
        for (c, center) in centers.chunks_exact_mut(width).enumerate() {
            control.check()?;
            let chosen = if c == 0 {
                (random.unit() * union.len() as f64) as usize
            } else {
                draw(&nearest, &mut random)
            };
            let row = union.row(chosen);
            for (k, value) in center.iter_mut().enumerate() {
                *value = match row {
                    Row::F32(x) => f64::from(x[k]),
                    Row::F64(x) => x[k],
                };
            }
            nearest
                .par_iter_mut()
                .with_min_len(64)
                .enumerate()
                .for_each(|(i, nearest)| *nearest = nearest.min(kernel.squared(union.row(i), row)));
        }
    }
    Ok(centers)
}

/// An index drawn in proportion to the weights; any index where all are zero.
fn draw(weights: &[f64], random: &mut Random) -> usize {
    // Sums of squares near the end of float64's range must not overflow.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    if largest == 0.0 {
        return (random.unit() * weights.len() as f64) as usize;
    }
    let total: f64 = weights.iter().map(|w| w / largest).sum();
    let mut left = random.unit() * total;
    for (i, weight) in weights.iter().enumerate() {
        left -= weight / largest;
        if left < 0.0 {
            return i;
        }
    }
    // Rounding may leave a crumb: the last point that can be drawn.
    weights.iter().rposition(|&w| w > 0.0).unwrap_or(0)
}

/// Every active run's centres become the means of their points, summed in index order; columns go to threads.
fn update(
    union: &Union<'_>,
    labels: &[Vec<i32>],
    active: &[usize],
    clusters: usize,
    centers: &mut [f64],
) {
    const COLUMNS: usize = 64;
    let width = union.sets[0].width();
    let mut counts = vec![0u64; active.len() * clusters];
    for (set, labels) in union.sets.iter().zip(labels) {
        for (a, &run) in active.iter().enumerate() {
            for &label in &labels[run * set.len()..(run + 1) * set.len()] {
                counts[a * clusters + label as usize] += 1;
            }
        }
    }
    let means: Vec<Vec<f64>> = (0..width.div_ceil(COLUMNS))
        .into_par_iter()
        .map(|part| {
            let columns = part * COLUMNS..((part + 1) * COLUMNS).min(width);
            let mut sums = vec![0.0; active.len() * clusters * columns.len()];
            for (set, labels) in union.sets.iter().zip(labels) {
                for i in 0..set.len() {
                    for (a, &run) in active.iter().enumerate() {
                        let cluster = a * clusters + labels[run * set.len() + i] as usize;
                        let sum = &mut sums[cluster * columns.len()..(cluster + 1) * columns.len()];
                        match set.row(i) {
                            Row::F32(x) => {
                                for (sum, &x) in sum.iter_mut().zip(&x[columns.clone()]) {
                                    *sum += f64::from(x);
                                }
                            }
                            Row::F64(x) => {
                                for (sum, &x) in sum.iter_mut().zip(&x[columns.clone()]) {
                                    *sum += x;
                                }
                            }
                        }
                    }
                }
            }
            sums
        })
        .collect();
    for (part, sums) in means.iter().enumerate() {
        let columns = part * COLUMNS..((part + 1) * COLUMNS).min(width);
        for (cluster, sums) in sums.chunks_exact(columns.len()).enumerate() {
            if counts[cluster] == 0 {
                continue;
            }
            let run = active[cluster / clusters];
            let start = (run * clusters + cluster % clusters) * width;
            for (column, sum) in columns.clone().zip(sums) {
                centers[start + column] = sum / counts[cluster] as f64;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::oracle;

    fn blobs() -> Vec<f32> {
        let mut random = Random(7);
        (0..900)
            .flat_map(|i| {
                let at = [(0.0, 0.0), (9.0, 1.0), (-4.0, 8.0)][i % 3];
                [at.0 + random.unit() as f32, at.1 + random.unit() as f32]
            })
            .collect()
    }

    #[test]
    fn finds_blobs_and_labels_are_nearest_centers() {
        let values = blobs();
        let all = Points::from_f32("x", &values[..], 2).unwrap();
        let (first, second) = values.split_at(2 * 500);
        let first = Points::from_f32("a", first, 2).unwrap();
        let second = Points::from_f32("b", second, 2).unwrap();
        let found = kmeans(&[&first, &second], 3, 4, 0, &Control::default()).unwrap();
        for run in 0..4 {
            let centers = &found.centers[run * 6..(run + 1) * 6];
            let labels: Vec<i32> = [
                &found.labels[0][run * 500..(run + 1) * 500],
                &found.labels[1][run * 400..(run + 1) * 400],
            ]
            .concat();
            for (i, &label) in labels.iter().enumerate() {
                let distance =
                    |c: usize| oracle::distance(all.row(i), Row::F64(&centers[c * 2..c * 2 + 2]));
                let nearest = (0..3)
                    .min_by(|&a, &b| distance(a).total_cmp(&distance(b)))
                    .unwrap();
                assert_eq!(label, nearest as i32);
            }
        }
        let run: Vec<i32> = found.labels[0][..500].to_vec();
        assert!(
            (0..500).all(|i| run[i] == run[i % 3]),
            "three blobs, three clusters"
        );
    }

    #[test]
    fn more_clusters_than_points_and_repeated_points() {
        let points = Points::from_f32("x", &[1.0f32; 5][..], 1).unwrap();
        let found = kmeans(&[&points], 8, 2, 3, &Control::default()).unwrap();
        assert_eq!(found.labels[0], [0; 10]);
        assert_eq!(found.centers, [1.0; 16]);
    }
}
