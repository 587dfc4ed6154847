//! The nearest point of each group of the other side: `size` consecutive points make a group (k-means: the centres of one run).

use super::{Answers, Candidate, Hearing, Reply, TINY, WIDER, raise};

/// The best pair of every row and group; a row's window is its widest group's.
pub struct NearestOfEach {
    size: usize,
    groups: usize,
    /// `groups` to a row.
    distances: Vec<f64>,
    others: Vec<u32>,
    /// Upper bounds on the squares of the final distances.
    bounds: Vec<f64>,
}

impl NearestOfEach {
    pub fn new(count: usize, size: usize, groups: usize) -> Self {
        Self {
            size,
            groups,
            distances: vec![f64::INFINITY; count * groups],
            others: vec![u32::MAX; count * groups],
            bounds: vec![f64::INFINITY; count * groups],
        }
    }

    fn slot(&self, row: usize, other: u32) -> usize {
        row * self.groups + other as usize / self.size
    }
}

impl Answers for NearestOfEach {
    fn widen(&self, windows: &mut [f64]) {
        let widest = |bounds: &[f64]| bounds.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        raise(windows, self.bounds.chunks_exact(self.groups).map(widest));
    }

    fn hears(&self, row: usize, other: u32, _value: f64, low: f64, _high: f64) -> Hearing {
        let slot = self.slot(row, other);
        if low > self.bounds[slot] || (self.distances[slot] == 0.0 && other > self.others[slot]) {
            Hearing::Nothing
        } else {
            Hearing::Undecided
        }
    }

    fn tightens(&self) -> bool {
        true
    }

    fn unbounded(&self) -> bool {
        self.bounds.contains(&f64::INFINITY)
    }

    fn tighten(&mut self, row: usize, candidates: &mut [Candidate]) {
        for candidate in candidates {
            let bound = &mut self.bounds[row * self.groups + candidate.other as usize / self.size];
            if candidate.high * WIDER + TINY < *bound {
                *bound = candidate.high * WIDER + TINY;
            }
        }
    }

    fn absorb(&mut self, row: usize, other: u32, _value: f64, distance: f64) {
        let slot = self.slot(row, other);
        if (distance, other) < (self.distances[slot], self.others[slot]) {
            self.distances[slot] = distance;
            self.others[slot] = other;
            self.bounds[slot] = self.bounds[slot].min(distance * distance * WIDER + TINY);
        }
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Nearest { distances, indices } = reply else {
            unreachable!("nearest neighbours go into their own kind of reply")
        };
        distances.extend_from_slice(&self.distances);
        indices.extend(self.others.iter().map(|&other| i64::from(other)));
    }
}
