//! The nearest point of each group of the other side: `size` consecutive points make a group (k-means: the centres of one run). Only which one it is
//! is told, so distances are asked for only where bounds cannot tell two points apart.

use super::{Answers, Look, Reach, Reply, Settle, TINY, WIDER};
use crate::error::{Result, filled};

/// The best pair of every row and group, its distance in `low..=high`.
pub struct NearestOfEach {
    size: usize,
    groups: usize,
    /// `groups` to a row.
    lows: Vec<f64>,
    highs: Vec<f64>,
    others: Vec<u32>,
}

impl NearestOfEach {
    pub fn new(count: usize, size: usize, groups: usize) -> Result<Self> {
        let (places, what) = (
            count.saturating_mul(groups),
            "the nearest centres of a block",
        );
        Ok(Self {
            size,
            groups,
            lows: filled(places, f64::INFINITY, what)?,
            highs: filled(places, f64::INFINITY, what)?,
            others: filled(places, u32::MAX, what)?,
        })
    }
}

/// The window of a row from the upper ends of its groups.
fn widest(highs: &[f64]) -> f64 {
    let high = highs.iter().copied().fold(0.0, f64::max);
    high * high * WIDER + TINY
}

impl Answers for NearestOfEach {
    fn widen(&self, windows: &mut [f64], _first: usize) {
        super::raise(windows, self.highs.chunks_exact(self.groups).map(widest));
    }

    fn reach(&self, row: usize) -> Reach {
        Reach::within(widest(&self.highs[row * self.groups..][..self.groups]))
    }

    fn look(&self, row: usize, other: u32, low: f64, _high: f64, _cheap: bool) -> Look {
        if low <= self.highs[row * self.groups + other as usize / self.size] {
            Look::Closer
        } else {
            Look::Past
        }
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        let slot = row * self.groups + other as usize / self.size;
        let best = self.others[slot];
        let (mut low, mut high) = (low, high);
        if best != u32::MAX {
            if (low, other) > (self.highs[slot], best) {
                return;
            }
            if (high, other) >= (self.lows[slot], best) {
                if self.lows[slot] < self.highs[slot] {
                    self.lows[slot] = settle.distance(row, best);
                    self.highs[slot] = self.lows[slot];
                }
                low = settle.distance(row, other);
                high = low;
                if (low, other) > (self.lows[slot], best) {
                    return;
                }
            }
        }
        self.lows[slot] = low;
        self.highs[slot] = high;
        self.others[slot] = other;
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Indices(indices) = reply else {
            unreachable!("indices go into their own kind of reply")
        };
        indices.extend(self.others.iter().map(|&other| i64::from(other)));
    }
}
