//! The best ratio radius / distance of each row over the balls of the other side (realism).
//! A radius of zero never counts (0 / 0 is 0); a positive radius at distance zero is infinite.

use super::{Answers, Look, Reach, Reply, Settle, TINY, WIDER};

/// The other point's factor of the window: its squared radius.
pub fn window(radius: f64) -> f64 {
    if radius == 0.0 {
        0.0
    } else {
        radius * radius * WIDER + TINY
    }
}

/// The best ratio of a row so far, in `low..=high`, and whose it is; it is known when both are one.
#[derive(Clone, Copy)]
struct Best {
    low: f64,
    high: f64,
    other: u32,
}

/// Near pairs that a row asks for, so that one of them likely has a ball that is not empty.
const HINTS: usize = 5;

/// The window is `r^2 / best^2`.
pub struct BestRatio<'a> {
    radii: &'a [f64],
    best: Vec<Best>,
    /// No best ratio is below this: that of a pair which has not been told yet.
    floor: Vec<f64>,
    hinted: bool,
}

impl<'a> BestRatio<'a> {
    pub fn new(radii: &'a [f64], count: usize) -> Self {
        let nothing = Best {
            low: 0.0,
            high: 0.0,
            other: u32::MAX,
        };
        Self {
            radii,
            best: vec![nothing; count],
            floor: vec![0.0; count],
            hinted: false,
        }
    }

    fn ratio(&self, row: usize, other: u32, settle: &mut dyn Settle) -> f64 {
        self.radii[other as usize] / settle.distance(row, other)
    }

    fn settle_row(&mut self, row: usize, settle: &mut dyn Settle) {
        let Best { low, high, other } = self.best[row];
        if low < high {
            let ratio = self.ratio(row, other, settle);
            (self.best[row].low, self.best[row].high) = (ratio, ratio);
        }
    }
}

impl Answers for BestRatio<'_> {
    fn widen(&self, windows: &mut [f64], _first: usize) {
        // Zero gives infinity: nothing is known yet. Infinity gives zero: nothing is better.
        super::raise(
            windows,
            self.best.iter().zip(&self.floor).map(|(best, floor)| {
                let low = best.low.max(*floor);
                WIDER / (low * low)
            }),
        );
    }

    fn seeking(&self) -> Option<usize> {
        (!self.hinted).then_some(HINTS)
    }

    fn hint(&mut self, row: usize, near: &[(u32, f64)]) {
        self.hinted = true;
        for &(other, high) in near {
            let radius = self.radii[other as usize];
            // Division is monotone: the pair's own ratio is not below this. Zero by zero is not a number, and no radius of zero counts.
            if radius > 0.0 {
                self.floor[row] = self.floor[row].max(radius / high);
            }
        }
    }

    fn reach(&self, row: usize) -> Reach {
        let best = self.best[row].low;
        if best == f64::INFINITY {
            Reach::NOTHING
        } else {
            // The square of a very good ratio is infinite, and its inverse too small to be exact; TINY is more than either loses.
            Reach::within(WIDER / (best * best) + TINY)
        }
    }

    fn look(&self, row: usize, other: u32, low: f64, _high: f64, _cheap: bool) -> Look {
        let radius = self.radii[other as usize];
        let most = radius / low;
        if radius == 0.0 || most <= self.best[row].low || most < self.floor[row] {
            Look::Past
        } else {
            Look::Closer
        }
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        let radius = self.radii[other as usize];
        // Division is monotone, rounded or not, so these enclose the ratio. An infinite radius within infinite bounds gives no number: zero is below.
        let (least, most) = ((radius / high).max(0.0), radius / low);
        if radius == 0.0 || most <= self.best[row].low || most < self.floor[row] {
            return;
        }
        let mut found = Best {
            low: least,
            high: most,
            other,
        };
        if least < self.best[row].high {
            self.settle_row(row, settle);
            if most <= self.best[row].low {
                return;
            }
            found.low = self.ratio(row, other, settle);
            found.high = found.low;
            if found.low <= self.best[row].low {
                return;
            }
        }
        self.best[row] = found;
    }

    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, settle: &mut dyn Settle) {
        let radius = |other: &u32| self.radii[*other as usize];
        let largest = others.iter().copied();
        if let Some(other) = largest.max_by(|a, b| radius(a).total_cmp(&radius(b))) {
            for &row in rows {
                self.hear(row, other, distance, distance, settle);
            }
        }
    }

    fn settle(&mut self, settle: &mut dyn Settle) {
        for row in 0..self.best.len() {
            self.settle_row(row, settle);
        }
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Values(ratios) = reply else {
            unreachable!("ratios go into their own kind of reply")
        };
        ratios.extend(self.best.iter().map(|best| best.low));
    }
}
