//! Entropies and cross-entropies from nearest-neighbour distances.
//!
//! Leonenko, Pronzato and Savani (2008): with `rho_i` the distance of query `i` to its k-th nearest of `n` reference points in `d` dimensions,
//!
//! ```text
//! term_i = ln n - psi(k) + ln c_d + d ln rho_i        c_d: volume of the unit ball
//! ```
//!
//! and the estimate is the mean of the terms. For an entropy the queries are the reference points themselves, so `n` is their number less one.
//! Logarithms come from `libm`, so that they have the same bits on every platform.

use crate::error::{Error, Result};

/// What to do with a distance of zero, whose logarithm is not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zero {
    /// An error that says how many and where.
    Raise,
    /// Take the smallest positive distance instead.
    Floor,
    /// Leave the term out of the mean; it is NaN.
    Drop,
}

/// Terms of the estimate, one to a query.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// The terms; NaN where dropped.
    pub terms: Vec<f64>,
    /// How many distances were zero.
    pub zeros: usize,
}

impl Terms {
    /// The mean of the terms that were kept, added in order with the rounding errors carried along (Neumaier, 1974).
    pub fn mean(&self) -> f64 {
        let (mut sum, mut carry, mut kept) = (0.0f64, 0.0f64, 0usize);
        for &term in self.terms.iter().filter(|term| !term.is_nan()) {
            let next = sum + term;
            carry += if sum.abs() >= term.abs() {
                (sum - next) + term
            } else {
                (term - next) + sum
            };
            sum = next;
            kept += 1;
        }
        (sum + carry) / kept as f64
    }
}

/// The digamma function at a positive integer: `psi(k) = -gamma + 1 + 1/2 + ... + 1/(k-1)`.
pub fn digamma(k: usize) -> f64 {
    const EULER_MASCHERONI: f64 = 0.577_215_664_901_532_9;
    // From the small end, so that the sum keeps its digits.
    let harmonic: f64 = (1..k).rev().map(|i| 1.0 / i as f64).sum();
    harmonic - EULER_MASCHERONI
}

/// `ln c_d = d/2 ln pi - ln Gamma(d/2 + 1)`, for any positive `d`, whole or not.
pub fn log_unit_ball_volume(d: f64) -> f64 {
    0.5 * d * libm::log(std::f64::consts::PI) - libm::lgamma(0.5 * d + 1.0)
}

/// The terms of the estimate from distances to the k-th nearest of `references` points.
///
/// # Errors
/// On distances of zero when `zero` says so, or when no term would be left.
pub fn terms(
    distances: &[f64],
    references: usize,
    k: usize,
    dimension: f64,
    zero: Zero,
    what: &str,
) -> Result<Terms> {
    let zeros = distances.iter().filter(|&&r| r == 0.0).count();
    let smallest = distances
        .iter()
        .copied()
        .filter(|&r| r > 0.0)
        .fold(f64::INFINITY, f64::min);
    if zeros > 0 && zero == Zero::Raise {
        return Err(Error::ZeroDistances {
            what: what.to_owned(),
            zeros,
            total: distances.len(),
            row: distances.iter().position(|&r| r == 0.0).unwrap_or(0),
        });
    }
    if zeros == distances.len() {
        return Err(Error::Invalid(format!(
            "{what}: all {zeros} distances are zero, which leaves no logarithm to take"
        )));
    }
    let constant = libm::log(references as f64) - digamma(k) + log_unit_ball_volume(dimension);
    let term = |&r: &f64| match zero {
        _ if r > 0.0 => constant + dimension * libm::log(r),
        Zero::Floor => constant + dimension * libm::log(smallest),
        Zero::Drop | Zero::Raise => f64::NAN,
    };
    Ok(Terms {
        terms: distances.iter().map(term).collect(),
        zeros,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digamma_at_integers() {
        for (k, want) in [
            (1, -0.577_215_664_901_532_9),
            (2, 0.422_784_335_098_467_1),
            (5, 1.506_117_668_431_800_5),
            (1000, 6.907_255_195_648_812),
        ] {
            assert!((digamma(k) - want).abs() < 1e-14, "{k}");
        }
    }

    #[test]
    fn ball_volumes_by_recursion() {
        // c_d = c_{d-2} 2 pi / d, from c_1 = 2 and c_2 = pi.
        let mut logs = [2f64.ln(), std::f64::consts::PI.ln()];
        for d in 1..=100_000usize {
            let slot = (d + 1) % 2;
            if d > 2 {
                logs[slot] += (2.0 * std::f64::consts::PI / d as f64).ln();
            }
            let got = log_unit_ball_volume(d as f64);
            let scale = logs[slot].abs().max(1.0);
            assert!((got - logs[slot]).abs() < 1e-11 * scale, "d = {d}");
        }
    }

    #[test]
    fn zeros_are_handled_as_asked() {
        let distances = [0.5, 0.0, 2.0, 0.0];
        let go = |zero| terms(&distances, 10, 3, 4.0, zero, "distances");
        let error = go(Zero::Raise).unwrap_err().to_string();
        assert!(
            error.contains("2 of 4 distances are zero, the first at row 1"),
            "{error}"
        );
        let floor = go(Zero::Floor).unwrap();
        assert_eq!((floor.terms[1], floor.zeros), (floor.terms[0], 2));
        let drop = go(Zero::Drop).unwrap();
        assert!(drop.terms[1].is_nan() && drop.terms[2] == floor.terms[2]);
        assert!(terms(&[0.0; 3], 10, 3, 4.0, Zero::Drop, "distances").is_err());
    }
}
