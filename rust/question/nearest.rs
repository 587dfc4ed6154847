//! The k nearest points of the other side, ordered by (distance, index).
//!
//! A row keeps its best pairs as intervals, sorted by their upper ends; the k-th upper end bounds the k-th distance, so whatever surely lies behind it is
//! dropped. Bounds are narrow, hence a row rarely holds more than k pairs, and most of its distances are asked for only once, when the sweep is over.

use super::{Answers, Reach, Reply, Settle, TINY, WIDER};
use crate::error::{Result, filled};

/// Pairs a row may hold beyond k before it asks for distances.
const SPARE: usize = 3;

/// Fewer neighbours than this are moved one by one to make room for another.
const FEW: usize = 24;

/// How far a row looks whose k-th neighbour is `other` at `distance`. The root of the rounded square of a number is that number, unless the square is
/// subnormal; so a square from there on has no smaller root.
fn reach(distance: f64, other: u32) -> Reach {
    let square = distance * distance;
    Reach {
        window: square * WIDER + TINY,
        square: if square < TINY && distance > 0.0 {
            f64::INFINITY
        } else {
            square
        },
        last: other,
    }
}

/// A pair whose distance lies in `low..=high`; it is known when both are one.
#[derive(Clone, Copy)]
struct Pair {
    low: f64,
    high: f64,
    other: u32,
}

/// Up to `k + SPARE` pairs a row.
pub struct Nearest {
    k: usize,
    /// `k + SPARE` places to a row, of which the first `held` are taken, sorted by (high, other).
    pairs: Vec<Pair>,
    held: Vec<u32>,
}

impl Nearest {
    pub fn new(count: usize, k: usize) -> Result<Self> {
        let empty = Pair {
            low: f64::INFINITY,
            high: f64::INFINITY,
            other: u32::MAX,
        };
        let what = "the nearest pairs of a block";
        Ok(Self {
            k,
            pairs: filled(count * (k + SPARE), empty, what)?,
            held: filled(count, 0, what)?,
        })
    }

    fn places(&self) -> usize {
        self.k + SPARE
    }

    /// The k-th upper end and its index, where k pairs are held.
    fn last(&self, row: usize) -> Option<(f64, u32)> {
        let pair = &self.pairs[row * self.places() + self.k - 1];
        (self.held[row] as usize >= self.k).then_some((pair.high, pair.other))
    }

    /// Puts a pair into its place, which must be free at the end, and drops what is now surely behind the k-th.
    fn insert(&mut self, row: usize, pair: Pair) {
        let start = row * self.places();
        let mut held = self.held[row] as usize;
        let pairs = &mut self.pairs[start..start + self.k + SPARE];
        let place = pairs[..held]
            .partition_point(|before| (before.high, before.other) <= (pair.high, pair.other));
        pairs.copy_within(place..held, place + 1);
        pairs[place] = pair;
        held += 1;
        if held > self.k {
            let last = (pairs[self.k - 1].high, pairs[self.k - 1].other);
            let mut kept = self.k;
            for at in self.k..held {
                if (pairs[at].low, pairs[at].other) <= last {
                    pairs[kept] = pairs[at];
                    kept += 1;
                }
            }
            held = kept;
        }
        self.held[row] = held as u32;
    }

    /// Asks for every distance of the row that is not known, and keeps the k best.
    fn settle_row(&mut self, row: usize, settle: &mut dyn Settle) {
        let start = row * self.places();
        let held = self.held[row] as usize;
        let pairs = &mut self.pairs[start..start + held];
        for pair in pairs.iter_mut().filter(|pair| pair.low < pair.high) {
            pair.low = settle.distance(row, pair.other);
            pair.high = pair.low;
        }
        pairs.sort_unstable_by(|a, b| a.high.total_cmp(&b.high).then(a.other.cmp(&b.other)));
        self.held[row] = held.min(self.k) as u32;
    }
}

impl Answers for Nearest {
    fn widen(&self, windows: &mut [f64], first: usize, seeds: &[f64]) {
        super::raise(
            windows,
            (0..self.held.len()).map(|row| match self.last(row) {
                // Nothing is nearer than distance zero, and points with a larger index come later.
                Some((0.0, other)) if (other as usize) < first => f64::NEG_INFINITY,
                Some((high, _)) => (high * high * WIDER + TINY).min(seeds[row]),
                None => seeds[row],
            }),
        );
    }

    fn reach(&self, row: usize) -> Reach {
        self.last(row)
            .map_or(Reach::within(f64::INFINITY), |(high, last)| {
                reach(high, last)
            })
    }

    /// As if it heard of each; its row then holds known pairs only, at most k of them, in their order.
    fn meet(&mut self, row: usize, pairs: &[(f64, u32)]) -> Reach {
        let (k, start) = (self.k, row * self.places());
        let best = &mut self.pairs[start..start + k];
        let mut held = self.held[row] as usize;
        let mut window = f64::INFINITY;
        for &(square, other) in pairs {
            if square > window {
                continue;
            }
            let distance = square.sqrt();
            let behind = |before: &Pair| (distance, other) > (before.high, before.other);
            if held < k {
                held += 1;
            } else if behind(&best[k - 1]) {
                continue;
            }
            let mut place = held - 1;
            if k < FEW {
                while place > 0 && !behind(&best[place - 1]) {
                    best[place] = best[place - 1];
                    place -= 1;
                }
            } else {
                let last = place;
                place = best[..last].partition_point(behind);
                best.copy_within(place..last, place + 1);
            }
            best[place] = Pair {
                low: distance,
                high: distance,
                other,
            };
            if held == k {
                window = best[k - 1].high * best[k - 1].high * WIDER + TINY;
            }
        }
        self.held[row] = held as u32;
        self.reach(row)
    }

    fn undecided(&self, row: usize, other: u32, low: f64, _high: f64) -> bool {
        self.last(row).is_none_or(|last| (low, other) <= last)
    }

    fn seeking(&self) -> Option<usize> {
        let full = |&held: &u32| held as usize >= self.k;
        (!self.held.iter().all(full)).then_some(self.k)
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        let behind = |last: Option<(f64, u32)>, low| last.is_some_and(|last| (low, other) > last);
        if behind(self.last(row), low) {
            return;
        }
        let mut pair = Pair { low, high, other };
        if self.held[row] as usize == self.places() {
            self.settle_row(row, settle);
            if behind(self.last(row), low) {
                return;
            }
            // Pairs that cannot be told apart by their bounds tend to come in numbers.
            pair.low = settle.distance(row, other);
            pair.high = pair.low;
        }
        self.insert(row, pair);
    }

    fn settle(&mut self, settle: &mut dyn Settle) {
        for row in 0..self.held.len() {
            self.settle_row(row, settle);
        }
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Nearest { distances, indices } = reply else {
            unreachable!("nearest neighbours go into their own kind of reply")
        };
        for pairs in self.pairs.chunks_exact(self.places()) {
            distances.extend(pairs[..self.k].iter().map(|pair| pair.high));
            indices.extend(pairs[..self.k].iter().map(|pair| i64::from(pair.other)));
        }
    }
}
