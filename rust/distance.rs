//! THE distance: the only arithmetic that decides an answer.
//!
//! `squared(x, y)` converts both rows to float64, takes direct differences, squares them and adds them in this order, and no other:
//!
//! 1. column `c` goes to lane `c mod 32`; each lane adds its squares in column order, starting from zero;
//! 2. the lanes are added by a fixed tree: for w in 16, 8, 4, 2, 1, lane `l` takes in lane `l + w` for every `l < w`.
//!
//! Each step is one rounded multiplication or one rounded addition, never a fused one: the square of a difference of two float32 values is
//! inexact in float64 about one time in ten, and there a fused operation gives other bits. Squares are never negative, so an appended column of zeros adds
//! `+0` to a lane and changes nothing. The function is written once, without intrinsics; `kernel` compiles the very same source for wider vectors, so
//! every machine, kernel and thread count gives the same bits.

/// A scalar that converts to float64 exactly.
pub trait Scalar: Copy + Send + Sync {
    /// The same number as float64.
    fn to_f64(self) -> f64;
}

impl Scalar for f32 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        f64::from(self)
    }
}

impl Scalar for f64 {
    #[inline(always)]
    fn to_f64(self) -> f64 {
        self
    }
}

/// One row of a set, in the type it was given in.
#[derive(Clone, Copy, Debug)]
pub enum Row<'a> {
    /// Float32 values.
    F32(&'a [f32]),
    /// Float64 values.
    F64(&'a [f64]),
}

/// How many lanes the sum is split over.
pub const LANES: usize = 32;

/// The squared distance between two rows of one width, in the order this module fixes.
#[inline(always)]
pub fn squared_of<A: Scalar, B: Scalar>(x: &[A], y: &[B]) -> f64 {
    assert_eq!(x.len(), y.len());
    let mut lanes = [0.0f64; LANES];
    let (whole_x, rest_x) = x.as_chunks::<LANES>();
    let (whole_y, rest_y) = y.as_chunks::<LANES>();
    for (a, b) in whole_x.iter().zip(whole_y) {
        for l in 0..LANES {
            let difference = a[l].to_f64() - b[l].to_f64();
            lanes[l] += difference * difference;
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(rest_x.iter().zip(rest_y)) {
        let difference = a.to_f64() - b.to_f64();
        *lane += difference * difference;
    }
    let mut width = LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}

/// [`squared_of`] for rows of any two types.
#[inline(always)]
pub fn squared(x: Row<'_>, y: Row<'_>) -> f64 {
    match (x, y) {
        (Row::F32(x), Row::F32(y)) => squared_of(x, y),
        (Row::F32(x), Row::F64(y)) => squared_of(x, y),
        (Row::F64(x), Row::F32(y)) => squared_of(x, y),
        (Row::F64(x), Row::F64(y)) => squared_of(x, y),
    }
}

/// Lanes of [`near`].
pub const NEAR_LANES: usize = 64;

/// Nearly the squared distance, several times faster: the same direct differences in float32. It decides nothing by itself; Lemma 5 of `bound` says how
/// near it is.
#[inline(always)]
pub fn near(x: &[f32], y: &[f32]) -> f32 {
    let mut lanes = [0.0f32; NEAR_LANES];
    let (whole_x, rest_x) = x.as_chunks::<NEAR_LANES>();
    let (whole_y, rest_y) = y.as_chunks::<NEAR_LANES>();
    for (a, b) in whole_x.iter().zip(whole_y) {
        for l in 0..NEAR_LANES {
            let difference = a[l] - b[l];
            lanes[l] += difference * difference;
        }
    }
    for (lane, (a, b)) in lanes.iter_mut().zip(rest_x.iter().zip(rest_y)) {
        let difference = a - b;
        *lane += difference * difference;
    }
    let mut width = NEAR_LANES / 2;
    while width > 0 {
        for l in 0..width {
            lanes[l] += lanes[l + width];
        }
        width /= 2;
    }
    lanes[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The order of the module's first paragraph, written as plainly as it can be.
    fn by_the_letter(x: &[f64], y: &[f64]) -> f64 {
        let mut lanes = [0.0; 32];
        for c in 0..x.len() {
            let difference = x[c] - y[c];
            let square = difference * difference;
            lanes[c % 32] += square;
        }
        for w in [16, 8, 4, 2, 1] {
            for l in 0..w {
                lanes[l] += lanes[l + w];
            }
        }
        lanes[0]
    }

    #[test]
    fn follows_the_letter_at_every_width() {
        for d in 1..200 {
            let x: Vec<f64> = (0..d).map(|c| (c as f64 * 0.7).sin()).collect();
            let y: Vec<f64> = (0..d).map(|c| (c as f64 * 1.3).cos()).collect();
            assert_eq!(
                squared_of(&x, &y).to_bits(),
                by_the_letter(&x, &y).to_bits()
            );
        }
    }

    #[test]
    fn zero_columns_change_nothing() {
        let x: Vec<f32> = (0..77).map(|c| (c as f32 * 0.7).sin()).collect();
        let y: Vec<f32> = (0..77).map(|c| (c as f32 * 1.3).cos()).collect();
        let want = squared_of(&x, &y);
        for extra in 1..70 {
            let pad = |v: &[f32]| [v, &vec![0.0; extra]].concat();
            assert_eq!(squared_of(&pad(&x), &pad(&y)).to_bits(), want.to_bits());
        }
    }

    #[test]
    fn types_mix_and_the_order_of_the_rows_does_not_matter() {
        let x: Vec<f32> = (0..45).map(|c| (c as f32 * 0.7).sin()).collect();
        let y: Vec<f64> = (0..45).map(|c| f64::from((c as f32 * 1.3).cos())).collect();
        let wide: Vec<f64> = x.iter().map(|&v| f64::from(v)).collect();
        let want = squared(Row::F64(&wide), Row::F64(&y)).to_bits();
        assert_eq!(squared(Row::F32(&x), Row::F64(&y)).to_bits(), want);
        assert_eq!(squared(Row::F64(&y), Row::F32(&x)).to_bits(), want);
    }
}
