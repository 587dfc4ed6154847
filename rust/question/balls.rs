//! Counts of balls and points. A point is in a ball when its distance is at most the radius (closed) or below it (open); distances decide, not squares.

use super::{Answers, Look, Reach, Reply, Settle, TINY, WIDER};

/// The square above which a ball hears nothing; an open ball of radius zero is empty.
pub fn window(radius: f64, closed: bool) -> f64 {
    if radius == 0.0 && !closed {
        -1.0
    } else {
        radius * radius * WIDER + TINY
    }
}

/// A square whose root is surely inside, as are all smaller ones; negative where there is none.
pub fn core(radius: f64, closed: bool) -> f64 {
    if radius == 0.0 && closed {
        0.0
    } else {
        radius * radius / WIDER - TINY
    }
}

/// A ball with or without its boundary.
#[derive(Clone, Copy)]
pub struct Ball {
    pub radius: f64,
    pub closed: bool,
}

impl Ball {
    pub fn contains(self, distance: f64) -> bool {
        if self.closed {
            distance <= self.radius
        } else {
            distance < self.radius
        }
    }

    /// What an interval says: outside, inside, or neither.
    #[inline(always)]
    pub fn look(self, low: f64, high: f64) -> Look {
        if !self.contains(low) {
            Look::Past
        } else if self.contains(high) {
            Look::Enough
        } else {
            Look::Closer
        }
    }

    /// Whether a pair whose distance is in `low..=high` is inside; the distance is asked for when both ends do not agree.
    #[inline(always)]
    pub fn holds(
        self,
        row: usize,
        other: u32,
        low: f64,
        high: f64,
        settle: &mut dyn Settle,
    ) -> bool {
        self.contains(high) || (self.contains(low) && self.contains(settle.distance(row, other)))
    }
}

fn add(counts: &mut [i64], pairs: &[u32]) {
    for (count, &pairs) in counts.iter_mut().zip(pairs) {
        *count += i64::from(pairs);
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

    fn ball(&self, row: usize) -> Ball {
        Ball {
            radius: self.radii[row],
            closed: self.closed,
        }
    }
}

impl Answers for CountWithin<'_> {
    fn widen(&self, windows: &mut [f64], _first: usize) {
        super::raise(windows, self.windows.iter().copied());
    }

    fn reach(&self, row: usize) -> Reach {
        Reach::within(self.windows[row])
    }

    fn core(&self, row: usize) -> f64 {
        core(self.radii[row], self.closed)
    }

    fn look(&self, row: usize, _other: u32, low: f64, high: f64, _cheap: bool) -> Look {
        self.ball(row).look(low, high)
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        self.counts[row] += i64::from(self.ball(row).holds(row, other, low, high, settle));
    }

    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, _settle: &mut dyn Settle) {
        for &row in rows {
            if self.ball(row).contains(distance) {
                self.counts[row] += others.len() as i64;
            }
        }
    }

    fn count(&mut self, pairs: &[u32]) {
        add(&mut self.counts, pairs);
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

    fn ball(&self, other: u32) -> Ball {
        Ball {
            radius: self.radii[other as usize],
            closed: self.closed,
        }
    }
}

impl Answers for CoveredBy<'_> {
    fn widen(&self, _windows: &mut [f64], _first: usize) {}

    fn reach(&self, _row: usize) -> Reach {
        Reach::within(1.0)
    }

    fn look(&self, _row: usize, other: u32, low: f64, high: f64, _cheap: bool) -> Look {
        self.ball(other).look(low, high)
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        self.counts[row] += i64::from(self.ball(other).holds(row, other, low, high, settle));
    }

    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, _settle: &mut dyn Settle) {
        let inside = |other: &&u32| self.ball(**other).contains(distance);
        let balls = others.iter().filter(inside).count() as i64;
        for &row in rows {
            self.counts[row] += balls;
        }
    }

    fn count(&mut self, pairs: &[u32]) {
        add(&mut self.counts, pairs);
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

    fn ball(&self, other: u32) -> Ball {
        Ball {
            radius: self.radii[other as usize],
            closed: self.closed,
        }
    }
}

impl Answers for Covered<'_> {
    fn widen(&self, _windows: &mut [f64], _first: usize) {}

    fn reach(&self, row: usize) -> Reach {
        if self.covered[row] {
            Reach::NOTHING
        } else {
            Reach::within(1.0)
        }
    }

    fn look(&self, row: usize, other: u32, low: f64, high: f64, _cheap: bool) -> Look {
        if self.covered[row] {
            return Look::Past;
        }
        self.ball(other).look(low, high)
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        if !self.covered[row] {
            self.covered[row] = self.ball(other).holds(row, other, low, high, settle);
        }
    }

    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, _settle: &mut dyn Settle) {
        if others
            .iter()
            .any(|&other| self.ball(other).contains(distance))
        {
            for &row in rows {
                self.covered[row] = true;
            }
        }
    }

    fn finished(&self) -> bool {
        self.covered.iter().all(|&covered| covered)
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Mask(mask) = reply else {
            unreachable!("masks go into their own kind of reply")
        };
        mask.extend_from_slice(&self.covered);
    }
}
