//! When trees answer, and when the sweep does.
//!
//! Measured on two cores with AVX-512 (levels with narrower vectors favour trees), five neighbours of each point of one normal set; how many times
//! faster trees were than the sweep:
//!
//! ```text
//!             1,000   4,000 or 5,000   20,000   100,000 points
//!  2 columns   7.5         10            12        130
//!  5           5            5            10         31
//!  8           2.7          2.7           3.4        4.5
//! 10           2.3          1.4           1.6        1.9
//! 12           0.7          1.1           1.0        0.85
//! 16           -            0.65          0.57       -
//! ```
//!
//! The sweep answers further questions nearly for nothing, trees walk once for each. Normal data are a hard case: points of a lower dimension than
//! they have columns are easier for trees, and make no difference to the sweep.

use super::serves;
use crate::points::Points;
use crate::question::Ask;

/// Whether trees are faster than the sweep. No answer depends on it.
pub fn better(rows: &Points<'_>, columns: Option<&Points<'_>>, asks: &[Ask]) -> bool {
    let fewer = rows.len().min(columns.map_or(usize::MAX, Points::len));
    serves(rows.width(), asks) && asks.len() <= most(rows.width(), fewer)
}

/// So many questions at once are answered by trees, when the smaller set has `points` points.
fn most(width: usize, points: usize) -> usize {
    match width {
        // Here either takes a few milliseconds.
        _ if points < 1000 => 0,
        ..=3 => usize::MAX,
        4..=6 => 4 + points / 5000,
        7 | 8 => 2 + points / 50_000,
        9 | 10 => 1,
        _ => 0,
    }
}
