//! Every definition in plain float64, for tests only. Nothing here is fast, and nothing else may be imported by it but the distance.

use crate::distance::{self, Row};
use crate::points::Points;

/// The reference distance.
pub fn distance(x: Row<'_>, y: Row<'_>) -> f64 {
    distance::squared(x, y).sqrt()
}

/// Distances of point `i` of `a` to all of `b`, with their indices; `within` leaves the point itself out.
pub fn all(a: &Points<'_>, i: usize, b: &Points<'_>, within: bool) -> Vec<(f64, i64)> {
    (0..b.len())
        .filter(|&j| !(within && i == j))
        .map(|j| (distance(a.row(i), b.row(j)), j as i64))
        .collect()
}

/// The k nearest by (distance, index).
pub fn nearest(
    a: &Points<'_>,
    i: usize,
    b: &Points<'_>,
    k: usize,
    within: bool,
) -> Vec<(f64, i64)> {
    let mut all = all(a, i, b, within);
    all.sort_by(|x, y| x.partial_cmp(y).unwrap());
    all.truncate(k);
    all
}

fn contains(radius: f64, closed: bool, distance: f64) -> bool {
    if closed {
        distance <= radius
    } else {
        distance < radius
    }
}

/// How many points of `b` lie in the ball about point `i` of `a`.
pub fn count_within(
    a: &Points<'_>,
    i: usize,
    radius: f64,
    b: &Points<'_>,
    closed: bool,
    within: bool,
) -> i64 {
    all(a, i, b, within)
        .iter()
        .filter(|(d, _)| contains(radius, closed, *d))
        .count() as i64
}

/// In how many balls about points of `b` point `i` of `a` lies.
pub fn covered_by(
    a: &Points<'_>,
    i: usize,
    b: &Points<'_>,
    radii: &[f64],
    closed: bool,
    within: bool,
) -> i64 {
    all(a, i, b, within)
        .iter()
        .filter(|(d, j)| contains(radii[*j as usize], closed, *d))
        .count() as i64
}

/// The best ratio radius / distance; a radius of zero never counts.
pub fn best_ratio(a: &Points<'_>, i: usize, b: &Points<'_>, radii: &[f64], within: bool) -> f64 {
    all(a, i, b, within)
        .iter()
        .filter(|(_, j)| radii[*j as usize] > 0.0)
        .map(|(d, j)| radii[*j as usize] / d)
        .fold(0.0, f64::max)
}

/// The least radius of the balls about points of `b` that hold point `i` of `a`.
pub fn least_radius(
    a: &Points<'_>,
    i: usize,
    b: &Points<'_>,
    radii: &[f64],
    closed: bool,
    within: bool,
) -> f64 {
    all(a, i, b, within)
        .iter()
        .filter(|(d, j)| contains(radii[*j as usize], closed, *d))
        .map(|(_, j)| radii[*j as usize])
        .fold(f64::INFINITY, f64::min)
}

/// The product of min(1, distance / reach); a distance of zero makes it zero.
pub fn product(a: &Points<'_>, i: usize, b: &Points<'_>, reach: f64, within: bool) -> f64 {
    let factor = |d: f64| {
        if d == 0.0 {
            0.0
        } else if d < reach {
            d / reach
        } else {
            1.0
        }
    };
    all(a, i, b, within)
        .iter()
        .map(|(d, _)| factor(*d))
        .product()
}
