//! The k nearest points of the other side, or of some of them, ordered by (distance, index).
//!
//! A row keeps its k best pairs as intervals, sorted by their upper ends; the k-th upper end, or what a hint said before there were k, bounds the k-th
//! distance, and whatever surely lies behind the bound is dropped. The others wait: bounds narrow as pairs come in, and few of those that wait are still
//! in question when the sweep is over. Only these are asked for.
//!
//! Tried and rejected (2026-11-24): where a second look is cheap, letting a pair wait that is behind the distance which the k-th neighbour will likely have
//! in the end (that of a smaller rank among the pairs seen so far), with more room to wait. Looks fell by 40 %, but those still waiting at the end cost an
//! exact distance each, four looks' worth; 10,000 points in 2048 columns, k = 15: 0.76 s either way.

use super::{Answers, Look, Reach, Reply, Settle, TINY, WIDER};
use crate::error::{Result, filled};

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

impl Pair {
    /// A pair whose distance was asked for.
    fn known(row: usize, other: u32, settle: &mut dyn Settle) -> Self {
        let low = settle.distance(row, other);
        Self {
            low,
            high: low,
            other,
        }
    }

    fn settle(&mut self, row: usize, settle: &mut dyn Settle) {
        if self.low < self.high {
            *self = Self::known(row, self.other, settle);
        }
    }
}

/// A pair that is not among the k best yet: something below its distance, and whose it is.
#[derive(Clone, Copy)]
struct Waiting {
    low: f32,
    other: u32,
}

/// `k` best pairs a row, and up to `room` that wait.
pub struct Nearest<'a> {
    k: usize,
    /// Which points count, where only some do.
    among: Option<&'a [bool]>,
    /// `k` places to a row, of which the first `held` are taken, sorted by (high, other).
    pairs: Vec<Pair>,
    held: Vec<u32>,
    /// `room` places to a row, of which the first `queued` are taken.
    waiting: Vec<Waiting>,
    queued: Vec<u32>,
    room: usize,
    /// Hints: the k-th distance of a row is not above this.
    bound: Vec<f64>,
    /// No pair of a row behind this (distance, index) is among its k nearest: what `pairs` and `bound` say, kept up to date.
    last: Vec<(f64, u32)>,
}

impl<'a> Nearest<'a> {
    pub fn new(count: usize, k: usize, among: Option<&'a [bool]>, room: usize) -> Result<Self> {
        let empty = Pair {
            low: f64::INFINITY,
            high: f64::INFINITY,
            other: u32::MAX,
        };
        let nobody = Waiting { low: 0.0, other: 0 };
        let what = "the nearest pairs of a block";
        Ok(Self {
            k,
            among,
            pairs: filled(count * k, empty, what)?,
            held: filled(count, 0, what)?,
            waiting: filled(count * room, nobody, what)?,
            queued: filled(count, 0, what)?,
            room,
            bound: filled(count, f64::INFINITY, what)?,
            last: filled(count, (f64::INFINITY, u32::MAX), what)?,
        })
    }

    /// Whether a point may be a neighbour.
    fn counts(&self, other: u32) -> bool {
        self.among.is_none_or(|among| among[other as usize])
    }

    /// No pair behind this (distance, index) is among the k nearest.
    fn last(&self, row: usize) -> (f64, u32) {
        self.last[row]
    }

    /// After a change of the row's pairs or bound.
    fn set_last(&mut self, row: usize) {
        let bound = (self.bound[row], u32::MAX);
        let pair = &self.pairs[(row + 1) * self.k - 1];
        self.last[row] = if self.held[row] as usize == self.k && (pair.high, pair.other) < bound {
            (pair.high, pair.other)
        } else {
            bound
        };
    }

    /// Puts a pair among the k best or lets it wait.
    fn place(&mut self, row: usize, pair: Pair, settle: &mut dyn Settle) {
        let held = self.held[row] as usize;
        let pairs = &mut self.pairs[row * self.k..(row + 1) * self.k];
        let place = pairs[..held]
            .partition_point(|before| (before.high, before.other) <= (pair.high, pair.other));
        if place == self.k {
            return self.wait(row, pair, settle);
        }
        let pushed = pairs[self.k - 1];
        pairs.copy_within(place..held.min(self.k - 1), place + 1);
        pairs[place] = pair;
        if held < self.k {
            self.held[row] += 1;
        }
        self.set_last(row);
        if held == self.k {
            self.wait(row, pushed, settle);
        }
    }

    /// Lets a pair wait, unless it surely lies behind the k nearest.
    fn wait(&mut self, row: usize, pair: Pair, settle: &mut dyn Settle) {
        if (pair.low, pair.other) > self.last(row) {
            return;
        }
        if self.queued[row] as usize == self.room {
            self.call(row, settle);
            if (pair.low, pair.other) > self.last(row) {
                return;
            }
        }
        self.waiting[row * self.room + self.queued[row] as usize] = Waiting {
            // Rounded to the nearest, then down by more than that.
            low: (pair.low as f32).next_down(),
            other: pair.other,
        };
        self.queued[row] += 1;
    }

    /// Makes room: drops those that wait in vain; where that is not enough, settles all that wait. Pairs that cannot be told apart by their bounds tend to
    /// come in numbers.
    fn call(&mut self, row: usize, settle: &mut dyn Settle) {
        let last = self.last(row);
        let start = row * self.room;
        let mut kept = 0;
        for at in start..start + self.queued[row] as usize {
            let waiting = self.waiting[at];
            if (f64::from(waiting.low), waiting.other) <= last {
                self.waiting[start + kept] = waiting;
                kept += 1;
            }
        }
        self.queued[row] = kept as u32;
        if 4 * kept > 3 * self.room {
            self.settle_row(row, settle);
        }
    }

    /// Asks for every distance of the row that is in question; nobody waits any more.
    fn settle_row(&mut self, row: usize, settle: &mut dyn Settle) {
        let held = self.held[row] as usize;
        let pairs = &mut self.pairs[row * self.k..][..held];
        for pair in pairs.iter_mut() {
            pair.settle(row, settle);
        }
        pairs.sort_unstable_by(|a, b| a.high.total_cmp(&b.high).then(a.other.cmp(&b.other)));
        self.set_last(row);
        let queued = std::mem::take(&mut self.queued[row]) as usize;
        let start = row * self.room;
        // The nearest first: they may spare the others.
        self.waiting[start..start + queued].sort_unstable_by(|a, b| a.low.total_cmp(&b.low));
        for at in start..start + queued {
            let waiting = self.waiting[at];
            if (f64::from(waiting.low), waiting.other) <= self.last(row) {
                // Both it and whatever it pushes out are known, so that none has to wait.
                let pair = Pair::known(row, waiting.other, settle);
                self.place_known(row, pair);
            }
        }
    }

    /// Puts a pair among the k best, all known, or drops it.
    fn place_known(&mut self, row: usize, pair: Pair) {
        let held = self.held[row] as usize;
        let pairs = &mut self.pairs[row * self.k..(row + 1) * self.k];
        let place = pairs[..held]
            .partition_point(|before| (before.high, before.other) <= (pair.high, pair.other));
        if place < self.k {
            pairs.copy_within(place..held.min(self.k - 1), place + 1);
            pairs[place] = pair;
            self.held[row] = (held + 1).min(self.k) as u32;
            self.set_last(row);
        }
    }
}

impl Answers for Nearest<'_> {
    fn widen(&self, windows: &mut [f64], first: usize) {
        super::raise(
            windows,
            (0..self.held.len()).map(|row| match self.last(row) {
                // Nothing is nearer than distance zero, and points with a larger index come later.
                (0.0, other) if (other as usize) < first => f64::NEG_INFINITY,
                (high, _) => high * high * WIDER + TINY,
            }),
        );
    }

    fn reach(&self, row: usize) -> Reach {
        match self.last(row) {
            (f64::INFINITY, _) => Reach::within(f64::INFINITY),
            (high, last) => reach(high, last),
        }
    }

    /// As if it heard of each; its row then holds known pairs only, at most k of them, in their order.
    fn meet(&mut self, row: usize, pairs: &[(f64, u32)]) -> Reach {
        let (k, start, among) = (self.k, row * self.k, self.among);
        let best = &mut self.pairs[start..start + k];
        let mut held = self.held[row] as usize;
        let mut window = f64::INFINITY;
        for &(square, other) in pairs {
            if square > window || among.is_some_and(|among| !among[other as usize]) {
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
        self.set_last(row);
        self.reach(row)
    }

    fn look(&self, row: usize, other: u32, low: f64, high: f64, cheap: bool) -> Look {
        let last = self.last(row);
        if (low, other) > last || !self.counts(other) {
            return Look::Past;
        }
        // Whoever seems to be among the nearest narrows the bound; the others can wait.
        let seems = 0.5 * (low + high) <= last.0 || last.0 == f64::INFINITY;
        if seems || cheap || self.queued[row] as usize == self.room {
            Look::Closer
        } else {
            Look::Enough
        }
    }

    fn seeking(&self) -> Option<usize> {
        let rows = self.held.iter().zip(&self.bound);
        let mut lost =
            rows.filter(|(held, bound)| (**held as usize) < self.k && **bound == f64::INFINITY);
        lost.next().map(|_| self.k)
    }

    fn hint(&mut self, row: usize, near: &[(u32, f64)]) {
        if near.len() >= self.k {
            let highest = near[..self.k]
                .iter()
                .fold(0.0, |most: f64, pair| most.max(pair.1));
            self.bound[row] = self.bound[row].min(highest);
            self.set_last(row);
        }
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        if (low, other) <= self.last(row) && self.counts(other) {
            self.place(row, Pair { low, high, other }, settle);
        }
    }

    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, settle: &mut dyn Settle) {
        for &row in rows {
            // Ascending: behind the first that is too late all others are.
            for &other in others {
                if (distance, other) > self.last(row) {
                    break;
                }
                self.hear(row, other, distance, distance, settle);
            }
        }
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
        for pairs in self.pairs.chunks_exact(self.k) {
            distances.extend(pairs.iter().map(|pair| pair.high));
            indices.extend(pairs.iter().map(|pair| i64::from(pair.other)));
        }
    }
}
