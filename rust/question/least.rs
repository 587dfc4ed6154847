//! The least radius of the balls of the other side that each row lies in (rarity); infinite where it lies in none.

use super::balls::Ball;
use super::{Answers, Look, Reach, Reply, Settle};

/// A row whose least radius is the least of all is finished.
pub struct LeastRadius<'a> {
    radii: &'a [f64],
    closed: bool,
    least: Vec<f64>,
    /// The smallest radius of all.
    bottom: f64,
}

impl<'a> LeastRadius<'a> {
    pub fn new(radii: &'a [f64], closed: bool, count: usize) -> Self {
        Self {
            radii,
            closed,
            least: vec![f64::INFINITY; count],
            bottom: radii.iter().copied().fold(f64::INFINITY, f64::min),
        }
    }

    fn ball(&self, other: u32) -> Ball {
        Ball {
            radius: self.radii[other as usize],
            closed: self.closed,
        }
    }

    /// Whether the ball would make the row's answer smaller.
    fn matters(&self, row: usize, other: u32) -> bool {
        self.radii[other as usize] < self.least[row]
    }
}

impl Answers for LeastRadius<'_> {
    fn widen(&self, _windows: &mut [f64], _first: usize) {}

    fn reach(&self, row: usize) -> Reach {
        if self.least[row] <= self.bottom {
            Reach::NOTHING
        } else {
            Reach::within(1.0)
        }
    }

    fn look(&self, row: usize, other: u32, low: f64, high: f64, _cheap: bool) -> Look {
        if !self.matters(row, other) {
            return Look::Past;
        }
        self.ball(other).look(low, high)
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        let ball = self.ball(other);
        if self.matters(row, other) && ball.holds(row, other, low, high, settle) {
            self.least[row] = ball.radius;
        }
    }

    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, _settle: &mut dyn Settle) {
        let balls = others.iter().map(|&other| self.ball(other));
        let least = balls
            .filter(|ball| ball.contains(distance))
            .map(|ball| ball.radius)
            .fold(f64::INFINITY, f64::min);
        for &row in rows {
            self.least[row] = self.least[row].min(least);
        }
    }

    fn finished(&self) -> bool {
        self.least.iter().all(|&least| least <= self.bottom)
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Values(values) = reply else {
            unreachable!("radii go into a reply of values")
        };
        values.extend_from_slice(&self.least);
    }
}
