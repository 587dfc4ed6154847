//! Counts of balls and points. A point is in a ball when its distance is at most the radius (closed) or below it (open); distances decide, not squares.

use super::{Answers, Hearing, Reply, TINY, WIDER, raise};

/// The square above which a ball hears nothing; an open ball of radius zero is empty.
pub fn window(radius: f64, closed: bool) -> f64 {
    if radius == 0.0 && !closed {
        -1.0
    } else {
        radius * radius * WIDER + TINY
    }
}

/// What a ball with this [`window`] makes of a pair.
#[inline(always)]
fn hears(window: f64, low: f64, high: f64) -> Hearing {
    // The window was widened by WIDER and TINY; this is below the radius by as much.
    let certain = (window - 2.0 * TINY) / (WIDER * WIDER);
    if low > window {
        Hearing::Nothing
    } else if high < certain {
        Hearing::Inside
    } else {
        Hearing::Undecided
    }
}

#[inline(always)]
fn contains(radius: f64, closed: bool, distance: f64) -> bool {
    if closed {
        distance <= radius
    } else {
        distance < radius
    }
}

/// How many points of the other side lie in the ball about each row.
pub struct CountWithin<'a> {
    radii: &'a [f64],
    closed: bool,
    windows: Vec<f64>,
    counts: Vec<i64>,
}

impl<'a> CountWithin<'a> {
    pub fn new(radii: &'a [f64], closed: bool) -> Self {
        Self {
            radii,
            closed,
            windows: radii.iter().map(|&r| window(r, closed)).collect(),
            counts: vec![0; radii.len()],
        }
    }
}

impl Answers for CountWithin<'_> {
    fn widen(&self, windows: &mut [f64]) {
        raise(windows, self.windows.iter().copied());
    }

    fn hears(&self, row: usize, _other: u32, _value: f64, low: f64, high: f64) -> Hearing {
        hears(self.windows[row], low, high)
    }

    fn inside(&mut self, row: usize) {
        self.counts[row] += 1;
    }

    fn absorb(&mut self, row: usize, _other: u32, _value: f64, distance: f64) {
        self.counts[row] += i64::from(contains(self.radii[row], self.closed, distance));
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Counts(counts) = reply else {
            unreachable!("counts go into their own kind of reply")
        };
        counts.extend_from_slice(&self.counts);
    }
}

/// In how many balls of the other side each row lies.
pub struct CoveredBy<'a> {
    radii: &'a [f64],
    closed: bool,
    counts: Vec<i64>,
}

impl<'a> CoveredBy<'a> {
    pub fn new(radii: &'a [f64], closed: bool, count: usize) -> Self {
        Self {
            radii,
            closed,
            counts: vec![0; count],
        }
    }
}

impl Answers for CoveredBy<'_> {
    fn widen(&self, _windows: &mut [f64]) {}

    fn hears(&self, _row: usize, _other: u32, value: f64, low: f64, high: f64) -> Hearing {
        hears(value, low, high)
    }

    fn inside(&mut self, row: usize) {
        self.counts[row] += 1;
    }

    fn absorb(&mut self, row: usize, other: u32, _value: f64, distance: f64) {
        self.counts[row] += i64::from(contains(self.radii[other as usize], self.closed, distance));
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Counts(counts) = reply else {
            unreachable!("counts go into their own kind of reply")
        };
        counts.extend_from_slice(&self.counts);
    }
}

/// Whether each row lies in at least one ball of the other side. A covered row is finished.
pub struct Covered<'a> {
    radii: &'a [f64],
    closed: bool,
    covered: Vec<bool>,
}

impl<'a> Covered<'a> {
    pub fn new(radii: &'a [f64], closed: bool, count: usize) -> Self {
        Self {
            radii,
            closed,
            covered: vec![false; count],
        }
    }
}

impl Answers for Covered<'_> {
    fn widen(&self, _windows: &mut [f64]) {}

    fn hears(&self, row: usize, _other: u32, value: f64, low: f64, high: f64) -> Hearing {
        if self.covered[row] {
            Hearing::Nothing
        } else {
            hears(value, low, high)
        }
    }

    fn inside(&mut self, row: usize) {
        self.covered[row] = true;
    }

    fn absorb(&mut self, row: usize, other: u32, _value: f64, distance: f64) {
        self.covered[row] |= contains(self.radii[other as usize], self.closed, distance);
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Mask(mask) = reply else {
            unreachable!("masks go into their own kind of reply")
        };
        mask.extend_from_slice(&self.covered);
    }
}
