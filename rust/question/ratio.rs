//! The best ratio radius / distance of each row over the balls of the other side (realism).
//! A radius of zero never counts (0 / 0 is 0); a positive radius at distance zero is infinite.

use super::{Answers, Candidate, Hearing, Reply, TINY, WIDER, raise};

/// The other point's factor of the window: its squared radius.
pub fn window(radius: f64) -> f64 {
    if radius == 0.0 {
        0.0
    } else {
        radius * radius * WIDER + TINY
    }
}

/// The window is `r^2 / best^2`.
pub struct BestRatio<'a> {
    radii: &'a [f64],
    best: Vec<f64>,
    /// A lower bound on the square of the row's final best ratio.
    bounds: Vec<f64>,
}

impl<'a> BestRatio<'a> {
    pub fn new(radii: &'a [f64], count: usize) -> Self {
        Self {
            radii,
            best: vec![0.0; count],
            bounds: vec![0.0; count],
        }
    }
}

impl BestRatio<'_> {
    /// The row's factor of the window.
    fn own(&self, row: usize) -> f64 {
        if self.best[row] == f64::INFINITY {
            return 0.0;
        }
        // A bound of zero gives infinity: nothing is known yet.
        WIDER / self.bounds[row]
    }
}

impl Answers for BestRatio<'_> {
    fn widen(&self, windows: &mut [f64]) {
        raise(windows, (0..self.best.len()).map(|row| self.own(row)));
    }

    fn hears(&self, row: usize, other: u32, value: f64, low: f64, _high: f64) -> Hearing {
        if self.radii[other as usize] == 0.0
            || self.best[row] == f64::INFINITY
            || low > value * self.own(row) + TINY
        {
            Hearing::Nothing
        } else {
            Hearing::Undecided
        }
    }

    fn tightens(&self) -> bool {
        true
    }

    fn unbounded(&self) -> bool {
        self.bounds.contains(&0.0)
    }

    fn tighten(&mut self, row: usize, candidates: &mut [Candidate]) {
        for candidate in candidates {
            // The true radius squared is below `value` by less than WIDER^2 and 2 TINY.
            let least = (candidate.value - 2.0 * TINY) / (WIDER * WIDER) / (candidate.high + TINY);
            if least > self.bounds[row] && least.is_finite() {
                self.bounds[row] = least;
            }
        }
    }

    fn absorb(&mut self, row: usize, other: u32, _value: f64, distance: f64) {
        let radius = self.radii[other as usize];
        if radius == 0.0 {
            return;
        }
        let ratio = radius / distance;
        if ratio > self.best[row] {
            self.best[row] = ratio;
            let least = ratio * ratio / WIDER;
            if least > self.bounds[row] && least.is_finite() {
                self.bounds[row] = least;
            }
        }
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Ratios(ratios) = reply else {
            unreachable!("ratios go into their own kind of reply")
        };
        ratios.extend_from_slice(&self.best);
    }
}
