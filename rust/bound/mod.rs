//! From a computed inner product to an interval that surely holds the reference distance.
//!
//! Notation, in sweep units (see `codes`): `x`, `y` centred rows in real arithmetic, `c_x`, `c_y` their codes, `N >= ||x||`, `rho >= ||x - c_x||`, hence
//! `M = N + rho >= ||c_x||`; `s` the kernel's product, `D = ||x - y||^2` (the centre cancels) and `R` the float64 reference of `distance`.
//!
//! **Lemma 1 (inner product).** `|<x,y> - s| <= e(x,y) := rho_x N_y + N_x rho_y + rho_x rho_y + gamma M_x M_y + eta`.
//! Proof. `<x,y> - <c_x,c_y> = <x - c_x, y> + <c_x, y - c_y>`; by Cauchy-Schwarz at most `rho_x N_y + M_x rho_y`, the first three terms. The kernel adds
//! `d` products in an order that makes each pass through at most `n` roundings of relative size `u`, so (Higham, 2002, section 3.1)
//! `|s - <c_x,c_y>| <= gamma sum |c_x c_y| <= gamma M_x M_y`, `gamma = n u / (1 - n u)`; `eta` covers operations that
//! underflow, each below `2^-126` of the codes' unit. QED
//!
//! **Lemma 2 (interval).** Let `q = ||x||^2` as stored, `S = (N_x + N_y)^2`. Then `|R - (q_x + q_y - 2 s)| <= E := 2 e(x,y) + w S`, `w = (d + 16) 2^-50`.
//! Proof. In real arithmetic `D = ||x||^2 + ||y||^2 - 2 <x,y>`. Stored rows differ from real ones by one rounding of a difference (`2^-53` relative per value),
//! which moves `||x||^2` by at most `2^-52 N^2` and is in `rho` for the products; a float64 sum of `d` squares is off by at most `(d + 2) 2^-53`
//! relative; so are the squares of `R`, whose terms each see one rounded difference (twice, being squared), one product and at most `d/32 + 5` sums:
//! `|R - D| <= (d + 3) 2^-52 D` and `D <= S`. The interval's own three operations add less than `8 * 2^-53 S`. The sum is below
//! `w S`. QED. Differences whose squares underflow float64 move `R` by less than `d 2^-1074` in the caller's units; a question's window is widened by more than that (`question`).
//!
//! **Lemma 3 (scan).** A window `W` of a pair is the row's, the column's or a product of both. For each there is a float32 threshold `t`, and a pair is passed
//! on unless `s < t` for all of them. No pair with `q_x + q_y - 2 s - E <= W` is held back by the `t` of that window. In code units
//!
//! ```text
//! by row         t = p_i s_j + s_i h_j                 p_i = a_i - w_i
//! by column      t = a_i s_j + s_i g_j                 g_j = h_j - b_j
//! by product     t = a_i s_j + s_i h_j - u_i v_j
//! ```
//!
//! where `s_i` is the row's scale, codes per sweep unit; `a` holds `(q_i - E_iJ)/2 s_i` with `E_iJ >= E` for every column of the block, less the slack
//! `32 * 2^-24 (N_i + N_J)^2 s_i + 2^-80`, `h` holds `q_j/2 s_j`, and `w`, `b`, `u v` hold halves of the window, from the row, from the column and as a
//! product. Scales are float32 values, so they are exact; `a`, `p`, `h`, `g` are computed in float64 and rounded down, `u` and `v` up, so only the operations on
//! vectors can raise `t`: each term passes at most four (a product, fused or not, a sum, a difference), and what float64 left is far below one: together less
//! than eight roundings of relative size `2^-24` of `|a| + |h| + |w|`, where `w` stands for the window's term. With `S` for `(N_i + N_J)^2`: `|a| + |h| <= 3 S`
//! (codes are rounded to the nearest, so `rho <= N` and `e <= S` but for gamma). If `W <= 2 S` the error is at most `8 * 2^-24 (3 S + S) = 32 * 2^-24 S`, the
//! slack. If `W > 2 S` the pair must be passed on, and it is: by Lemma 1 `s >= <x,y> - e >= -N_i N_J - e`, and
//! `t <= (q_i + q_j)/2 - e - W/2 + 8 * 2^-24 (3 S + W/2)`, so `s - t >= W/2 - S/2 - 8 * 2^-24 (3 S + W/2) > 0`, for
//! `N_i N_J + (q_i + q_j)/2 <= S/2`. Underflowing operations lose less than `2^-149` each, under the `2^-80`; overflow gives infinities and NaN:
//! `a = -inf`, `w = inf` and NaN all pass the pair on (the test is "not less"), and `t = +inf` can only hold back a pair whose true threshold is beyond
//! every float32. A factor of zero times an infinite one is taken for zero: such a window is empty. Columns far from their block (strays) are not bounded by
//! `N_J`; their `h` and `g` are `-inf` or NaN, so every pair of theirs is passed on. QED
//!
//! **Lemma 4 (tally).** With every quantity rounded the other way (`a` with `+E` and the slack added, `h` up, the window down) a pair with `s >= t` has
//! `q_x + q_y - 2 s + E <= W`. Proof: as Lemma 3 where `W <= 2 S`; where `W > 2 S` it holds for every pair, since `D <= S`. QED
//!
//! **Lemma 5 (near).** Let `v` be the float32 sum of squared differences of `distance::near`, over `d` columns of float32 rows. Then
//! `|R - v| <= g v + d 2^-140` in the caller's units, `g = 1.02 (n 2^-24 + (d + 16) 2^-52)`, `n = ceil(d / 64) + 9`, unless `v` is not finite.
//! Proof. A term passes one rounding of the difference, which counts twice, one of the product, and at most `ceil(d / 64)` sums in its lane and six in the tree:
//! `v = sum (x_k - y_k)^2 (1 + t_k)`, `|t_k| <= n 2^-24 / (1 - n 2^-24)`, but for products that underflow, each by less than `2^-149`. All terms are positive, so
//! `|v - D| <= t D`; `R` differs from `D` by less than `(d + 3) 2^-52 D` (Lemma 2). The factor 1.02 pays for second-order terms as long as `g < 0.01`. QED
//!
//! **Lemma 6 (two slices).** Let a row's code have a second slice: `x' = c_x + r_x / 128` in code units, `rho' >= ||x - x'||`. With `t = s + m / 128`, where `m` is
//! the exact integer `<c_x,r_y> + <r_x,c_y>`, Lemmas 1 and 2 hold for `t` in place of `s` with
//! `e' := rho'_x N_y + N_x rho'_y + rho'_x rho'_y + (rho_x + rho'_x)(rho_y + rho'_y) + gamma M_x M_y + eta`. Proof. `<x',y'>` differs from
//! `<c_x,c_y> + m / 128` by `<r_x,r_y> / 128^2`, and `||r / 128||` is at most `||x - c|| + ||x - x'||`, that is `rho + rho'`; the rest is Lemma 1. The interval
//! adds two operations of float64, which `w` has room for. QED

pub mod threshold;

use crate::codes::{BlockFacts, Facts, Int8, power_of_two};
use crate::distance::NEAR_LANES;

/// How exact a kernel's products are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Precision {
    /// Relative size of one rounding.
    pub unit: f64,
    /// How many roundings a product passes through at most.
    pub roundings: f64,
}

/// The bound of one sweep: a kernel at a width.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    gamma: f64,
    /// Underflow of the products, in code units.
    eta: f64,
    /// The weight `w` of Lemma 2.
    weight: f64,
}

impl Bound {
    /// The bound for rows of `width` columns.
    pub fn new(precision: Precision, width: usize) -> Self {
        let drift = precision.roundings * precision.unit;
        assert!(
            drift < 0.5,
            "a kernel's products must keep some of their digits"
        );
        Self {
            gamma: drift / (1.0 - drift) * (1.0 + power_of_two(-40)),
            eta: 4.0 * width as f64 * power_of_two(-126),
            weight: (width as f64 + 16.0) * power_of_two(-50),
        }
    }

    /// `e(x,y)` of Lemma 1; `unit` is the product of both rows' code units.
    #[inline(always)]
    fn product_error(&self, nx: f64, rx: f64, ny: f64, ry: f64, unit: f64) -> f64 {
        rx * ny + nx * ry + rx * ry + self.gamma * (nx + rx) * (ny + ry) + self.eta * unit
    }

    /// An interval that holds the reference squared distance, in sweep units: Lemma 2.
    #[inline(always)]
    pub fn interval(&self, x: &Facts, y: &Facts, product: f32) -> (f64, f64) {
        let unit = x.unit() * y.unit();
        let estimate = estimate(x, y, f64::from(product));
        let span = x.norm + y.norm;
        let error = 2.0 * self.product_error(x.norm, x.residual, y.norm, y.residual, unit)
            + self.weight * span * span;
        (estimate - error, estimate + error)
    }

    /// The same from both slices of the codes, `mix` being what the second ones add: Lemma 6.
    #[inline(always)]
    pub fn fine_interval(&self, x: &Facts, y: &Facts, product: f32, mix: i32) -> (f64, f64) {
        let estimate = estimate(x, y, f64::from(product) + f64::from(mix) / Int8::REST);
        let error = self.fine_error(x, y);
        (estimate - error, estimate + error)
    }

    /// Half the width of [`fine_interval`](Self::fine_interval).
    #[inline(always)]
    pub fn fine_error(&self, x: &Facts, y: &Facts) -> f64 {
        let span = x.norm + y.norm;
        let error = x.fine * y.norm
            + x.norm * y.fine
            + x.fine * y.fine
            + (x.residual + x.fine) * (y.residual + y.fine)
            + self.gamma * (x.norm + x.residual) * (y.norm + y.residual)
            + self.eta * (x.unit() * y.unit());
        2.0 * error + self.weight * span * span
    }

    /// How far a computed product may be from the exact inner product of the rows, in sweep units: Lemma 1.
    #[cfg(test)]
    pub fn allowance(&self, x: &Facts, y: &Facts) -> f64 {
        let unit = x.unit() * y.unit();
        self.product_error(x.norm, x.residual, y.norm, y.residual, unit)
    }

    /// The row's error against any column of a block, with the scan's slack.
    #[inline(always)]
    pub fn row_error(&self, row: &Facts, columns: &BlockFacts) -> f64 {
        let span = row.norm + columns.norm;
        // Underflow is bounded with the largest unit a column can have.
        let unit = row.unit() * power_of_two(61);
        2.0 * self.product_error(row.norm, row.residual, columns.norm, columns.residual, unit)
            + self.weight * span * span
            + 64.0 * power_of_two(-24) * span * span
    }
}

/// The squared distance in sweep units as a product of codes has it.
#[inline(always)]
pub fn estimate(x: &Facts, y: &Facts, product: f64) -> f64 {
    x.square + y.square - 2.0 * (product * (x.unit() * y.unit()))
}

/// An interval that holds the reference squared distance of two float32 rows of `width` columns whose [`near`](crate::distance::near) distance this is, in
/// the caller's units: Lemma 5.
#[inline(always)]
pub fn near_interval(near: f32, width: usize) -> Option<(f64, f64)> {
    let (near, width) = (f64::from(near), width as f64);
    let roundings = (width / NEAR_LANES as f64).ceil() + 9.0;
    let error = 1.02 * (roundings * power_of_two(-24) + (width + 16.0) * power_of_two(-52));
    if !near.is_finite() || error > 0.01 {
        return None;
    }
    let off = error * near + width * power_of_two(-140);
    Some((near - off, near + off))
}

/// The largest float32 that is not above `x`. Written on the bits, so that it needs no branch.
#[inline(always)]
pub fn below(x: f64) -> f32 {
    let near = x as f32;
    let bits = near.to_bits() as i32;
    let down = bits.wrapping_add(if bits < 0 { 1 } else { -1 });
    f32::from_bits(if f64::from(near) > x { down } else { bits } as u32)
}

/// The smallest float32 that is not below `x`.
#[inline(always)]
pub fn above(x: f64) -> f32 {
    -below(-x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn below_and_above_enclose_and_touch(x in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO) {
            let (low, high) = (below(x), above(x));
            prop_assert!(f64::from(low) <= x && x <= f64::from(high));
            prop_assert!(low == high || low.next_up() == high);
        }
    }

    #[test]
    fn beyond_float32_the_rounding_stays_on_its_side() {
        assert_eq!(below(1e300), f32::MAX);
        assert_eq!(above(1e300), f32::INFINITY);
        assert_eq!(below(-1e300), f32::NEG_INFINITY);
        assert_eq!(above(-1e300), f32::MIN);
        assert_eq!(above(f64::INFINITY), f32::INFINITY);
    }
}
