//! The product of `min(1, distance / reach)` over the points of the other side (probabilistic precision and recall).
//!
//! Kept as a sum of logarithms in whole units of 2^-56, so that no order of the pairs changes a bit. A product below 2^-54 is told as 0: one less it
//! is 1 in float64, and the row is finished. A sum errs by at most 2^-57 a pair, and by what the logarithms lose.

use super::balls::window;
use super::{Answers, Look, Reach, Reply, Settle};

/// Units to one.
const UNIT: f64 = (1u64 << 56) as f64;
/// 54 ln 2 in units, rounded up: no product whose sum is at least this is 2^-54 or more.
const ENOUGH: u64 = (37.429_947_750_237_05 * UNIT) as u64 + 1;

/// The sum of one factor.
fn term(distance: f64, reach: f64) -> u64 {
    if distance == 0.0 {
        return ENOUGH;
    }
    // The difference of near numbers is exact, so factors near 1 keep their digits. Conversion saturates.
    let logarithm = ((reach - distance) / distance).ln_1p();
    ((logarithm * UNIT).round() as u64).min(ENOUGH)
}

pub struct Product {
    reach: f64,
    sums: Vec<u64>,
}

impl Product {
    pub fn new(reach: f64, count: usize) -> Self {
        Self {
            reach,
            sums: vec![0; count],
        }
    }

    fn done(&self, row: usize) -> bool {
        self.sums[row] >= ENOUGH
    }

    /// Whether a pair changes its row's product; a copy makes it 0 whatever the reach.
    fn matters(&self, distance: f64) -> bool {
        distance < self.reach || distance == 0.0
    }

    fn add(&mut self, row: usize, distance: f64, pairs: u64) {
        if self.matters(distance) {
            let more = term(distance, self.reach).saturating_mul(pairs);
            self.sums[row] = self.sums[row].saturating_add(more);
        }
    }
}

impl Answers for Product {
    fn widen(&self, windows: &mut [f64], _first: usize) {
        let window = window(self.reach, true);
        super::raise(
            windows,
            (0..self.sums.len()).map(|row| {
                if self.done(row) {
                    f64::NEG_INFINITY
                } else {
                    window
                }
            }),
        );
    }

    fn reach(&self, row: usize) -> Reach {
        if self.done(row) {
            Reach::NOTHING
        } else {
            Reach::within(window(self.reach, true))
        }
    }

    /// Inside, nothing but the distance itself will do; a narrower interval helps to see that a pair is outside.
    fn look(&self, row: usize, _other: u32, low: f64, high: f64, _cheap: bool) -> Look {
        if self.done(row) || !self.matters(low) {
            Look::Past
        } else if self.matters(high) {
            Look::Enough
        } else {
            Look::Closer
        }
    }

    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle) {
        if !self.done(row) && self.matters(low) {
            let distance = if low == high {
                low
            } else {
                settle.distance(row, other)
            };
            self.add(row, distance, 1);
        }
    }

    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, _settle: &mut dyn Settle) {
        for &row in rows {
            self.add(row, distance, others.len() as u64);
        }
    }

    fn finished(&self) -> bool {
        self.sums.iter().all(|&sum| sum >= ENOUGH)
    }

    fn finish(self: Box<Self>, reply: &mut Reply) {
        let Reply::Values(values) = reply else {
            unreachable!("products go into a reply of values")
        };
        values.extend(self.sums.iter().map(|&sum| {
            if sum >= ENOUGH {
                0.0
            } else {
                (-(sum as f64) / UNIT).exp()
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn enough_is_the_logarithm_of_two_to_the_54() {
        assert!(((ENOUGH as f64 / UNIT) - 54.0 * std::f64::consts::LN_2).abs() < 1e-14);
        assert_eq!(1.0 - (-(ENOUGH as f64) / UNIT).exp(), 1.0);
    }

    #[test]
    fn factors_near_one_keep_their_digits() {
        let reach = 1.0 + f64::EPSILON;
        assert_eq!(term(1.0, reach), 16); // 2^-52 in units of 2^-56
        assert_eq!(term(0.0, 0.0), ENOUGH);
        assert_eq!(term(1.0, f64::INFINITY), ENOUGH);
    }
}
