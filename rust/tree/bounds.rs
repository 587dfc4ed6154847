//! Boxes, and how near and how far their points can be.
//!
//! **Lemma.** Let `x` be a point of box X and `y` one of box Y. Then `lower(X, Y) <= squared(x, y) <= upper(X, Y)` for the *computed* numbers, without any slack.
//!
//! Proof. THE distance takes, column by column, the rounded difference, its rounded square, and adds the squares by a fixed tree. The bounds do the same
//! operations in the same order, with `gap` (or `reach`) in place of the difference. In column c, with values in `[a, b]` in X and in `[p, q]` in Y,
//!
//! ```text
//! gap   = max(fl(p - b), fl(a - q), 0)   <=   |fl(x - y)|   <=   max(fl(q - a), fl(b - p)) = reach
//! ```
//!
//! because rounding is monotone and symmetric: y - x >= p - b gives fl(y - x) >= fl(p - b), and so on; an absolute value is never below zero. Rounded squares of
//! numbers that are not negative, and rounded sums, are monotone in each operand; so every node of the tree of sums keeps the order, overflow and
//! underflow included. Roots are monotone as well, hence the same holds for distances. QED
//!
//! So a box is left out only when the reference itself would have left out each of its points, ties and subnormal numbers included.
//!
//! Sums: a tree serves at most [`WIDEST`] columns, fewer than the lanes of the distance, so each lane holds one square and what remains is the
//! tree over the lanes. Lanes that are missing hold zero there, and adding zero changes nothing; nor does a column of zeros.

// Iterators are functions, and only what is inlined is compiled for wide vectors: loops count here.
#![allow(clippy::needless_range_loop)]

use crate::kernel::wide::{WIDE, Wide};

/// The most columns a tree serves.
pub const WIDEST: usize = 16;

/// Adds one square a column as `distance` does.
#[inline(always)]
fn sum<const D: usize>(mut squares: [f64; D]) -> f64 {
    let mut width = WIDEST / 2;
    while width > 0 {
        for low in 0..width {
            if low + width < D {
                squares[low] += squares[low + width];
            }
        }
        width /= 2;
    }
    squares[0]
}

/// The same for vectors of what `difference` gives for a column and the place of a vector in a leaf.
macro_rules! sums {
    ($wide:ident, $out:ident, $at:ident, |$c:ident| $difference:expr) => {
        let mut $at = 0;
        while $at < WIDE {
            let mut squares = [$wide.splat(0.0); D];
            let mut $c = 0;
            while $c < D {
                let difference = $difference;
                squares[$c] = $wide.mul(difference, difference);
                $c += 1;
            }
            let mut width = WIDEST / 2;
            while width > 0 {
                let mut low = 0;
                while low < width {
                    if low + width < D {
                        squares[low] = $wide.add(squares[low], squares[low + width]);
                    }
                    low += 1;
                }
                width /= 2;
            }
            $wide.store(squares[0], $out, $at);
            $at += W::LANES;
        }
    };
}

/// Points of a leaf, column by column.
pub type Leaf<const D: usize> = [[f64; WIDE]; D];

/// The smallest box of some points.
#[derive(Clone, Copy, Debug)]
pub struct Bounds<const D: usize> {
    pub low: [f64; D],
    pub high: [f64; D],
}

#[inline(always)]
fn larger(a: f64, b: f64) -> f64 {
    if a > b { a } else { b }
}

impl<const D: usize> Bounds<D> {
    /// The box of no points.
    pub const NONE: Self = Self {
        low: [f64::INFINITY; D],
        high: [f64::NEG_INFINITY; D],
    };

    /// Takes in a point.
    #[inline(always)]
    pub fn add(&mut self, point: &[f64; D]) {
        for c in 0..D {
            self.low[c] = self.low[c].min(point[c]);
            self.high[c] = self.high[c].max(point[c]);
        }
    }

    /// The smallest box of two.
    pub fn join(&self, other: &Self) -> Self {
        let mut both = *self;
        both.add(&other.low);
        both.add(&other.high);
        both
    }

    /// Not above the square of any point of one box and any of the other.
    #[inline(always)]
    pub fn lower(&self, other: &Self) -> f64 {
        let mut squares = [0.0; D];
        for c in 0..D {
            let gap = larger(
                larger(other.low[c] - self.high[c], self.low[c] - other.high[c]),
                0.0,
            );
            squares[c] = gap * gap;
        }
        sum(squares)
    }

    /// Not below the square of any point of one box and any of the other.
    #[inline(always)]
    pub fn upper(&self, other: &Self) -> f64 {
        let mut squares = [0.0; D];
        for c in 0..D {
            let reach = larger(other.high[c] - self.low[c], self.high[c] - other.low[c]);
            squares[c] = reach * reach;
        }
        sum(squares)
    }

    /// [`lower`](Self::lower) for every point of a leaf.
    #[inline(always)]
    pub fn lower_each<W: Wide>(&self, wide: W, points: &Leaf<D>, out: &mut [f64; WIDE]) {
        let zero = wide.splat(0.0);
        sums!(wide, out, at, |c| {
            let x = wide.load(&points[c], at);
            let below = wide.sub(wide.splat(self.low[c]), x);
            let above = wide.sub(x, wide.splat(self.high[c]));
            wide.max(wide.max(below, above), zero)
        });
    }

    /// [`upper`](Self::upper) for every point of a leaf.
    #[inline(always)]
    pub fn upper_each<W: Wide>(&self, wide: W, points: &Leaf<D>, out: &mut [f64; WIDE]) {
        sums!(wide, out, at, |c| {
            let x = wide.load(&points[c], at);
            let above = wide.sub(wide.splat(self.high[c]), x);
            let below = wide.sub(x, wide.splat(self.low[c]));
            wide.max(above, below)
        });
    }
}

/// THE squared distances of one point to every point of a leaf, bit for bit.
#[inline(always)]
pub fn squares<const D: usize, W: Wide>(
    wide: W,
    point: &[f64; D],
    points: &Leaf<D>,
    out: &mut [f64; WIDE],
) {
    sums!(wide, out, at, |c| wide
        .sub(wide.splat(point[c]), wide.load(&points[c], at)));
}

/// A bit for every value that is not above the limit.
#[inline(always)]
pub fn at_most<W: Wide>(wide: W, values: &[f64; WIDE], limit: f64) -> u32 {
    let limit = wide.splat(limit);
    let (mut mask, mut at) = (0, 0);
    while at < WIDE {
        mask |= wide.at_most(wide.load(values, at), limit) << at;
        at += W::LANES;
    }
    mask
}

/// A bit for every value that is not above `factor` times its own limit and `more`.
#[inline(always)]
pub fn at_most_each<W: Wide>(
    wide: W,
    values: &[f64; WIDE],
    limits: &[f64; WIDE],
    (factor, more): (f64, f64),
) -> u32 {
    let (factor, more) = (wide.splat(factor), wide.splat(more));
    let (mut mask, mut at) = (0, 0);
    while at < WIDE {
        let limit = wide.add(wide.mul(wide.load(limits, at), factor), more);
        mask |= wide.at_most(wide.load(values, at), limit) << at;
        at += W::LANES;
    }
    mask
}
