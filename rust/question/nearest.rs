//! The k nearest points of the other side, ordered by (distance, index).

use super::{Answers, Candidate, Hearing, Reply, TINY, WIDER, raise};

/// Up to `k` best pairs a row, sorted; the window is the k-th best.
pub struct Nearest {
    k: usize,
    /// `k` to a row, ascending by (distance, index); places not yet taken are infinite.
    distances: Vec<f64>,
    others: Vec<u32>,
    /// An upper bound on the square of the row's k-th distance that may be known before that distance is.
    bounds: Vec<f64>,
}

impl Nearest {
    pub fn new(count: usize, k: usize) -> Self {
        Self {
            k,
            distances: vec![f64::INFINITY; count * k],
            others: vec![u32::MAX; count * k],
            bounds: vec![f64::INFINITY; count],
        }
    }

    fn last(&self, row: usize) -> usize {
        (row + 1) * self.k - 1
    }
}

impl Answers for Nearest {
    fn widen(&self, windows: &mut [f64]) {
        raise(windows, self.bounds.iter().copied());
    }

    fn hears(&self, row: usize, other: u32, _value: f64, low: f64, _high: f64) -> Hearing {
        let last = self.last(row);
        // All places taken at distance zero: only a smaller index could still enter. (Repeated points would otherwise all be settled.)
        if low > self.bounds[row] || (self.distances[last] == 0.0 && other > self.others[last]) {
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

    /// The k-th smallest of the settled distances and of the candidates' upper bounds bounds the final k-th distance: k pairs are that near.
    fn tighten(&mut self, row: usize, candidates: &mut [Candidate]) {
        if candidates.iter().any(|c| c.high.is_nan()) {
            return;
        }
        candidates.sort_unstable_by(|a, b| a.high.total_cmp(&b.high));
        let settled = &self.distances[row * self.k..(row + 1) * self.k];
        let (mut s, mut c) = (0, 0);
        let mut reach = f64::INFINITY;
        for _ in 0..self.k {
            let square = settled[s] * settled[s];
            match candidates.get(c) {
                Some(candidate) if candidate.high < square => {
                    reach = candidate.high;
                    c += 1;
                }
                _ => {
                    reach = square;
                    s += 1;
                }
            }
        }
        self.bounds[row] = self.bounds[row].min(reach * WIDER + TINY);
    }

    fn absorb(&mut self, row: usize, other: u32, _value: f64, distance: f64) {
        let (first, last) = (row * self.k, self.last(row));
        let before = |at: usize| (self.distances[at], self.others[at]) < (distance, other);
        if before(last) {
            return;
        }
        let mut place = last;
        while place > first && !before(place - 1) {
            place -= 1;
        }
        self.distances.copy_within(place..last, place + 1);
        self.others.copy_within(place..last, place + 1);
        self.distances[place] = distance;
        self.others[place] = other;
        let reach = self.distances[last];
        self.bounds[row] = self.bounds[row].min(reach * reach * WIDER + TINY);
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Nearest { distances, indices } = reply else {
            unreachable!("nearest neighbours go into their own kind of reply")
        };
        distances.extend_from_slice(&self.distances);
        indices.extend(self.others.iter().map(|&other| i64::from(other)));
    }
}
