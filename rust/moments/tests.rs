//! Against a double-double oracle within the stated bound, bit for bit between kernels and threads, and the ends of the range.

use super::*;
use crate::kernel::all_available;
use crate::pool;

const WIDTHS: [usize; 8] = [1, 2, 23, 24, 25, 49, 200, 391];

fn hash(i: usize) -> f64 {
    let mut z = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Columns that want to lose digits: plain, far from 0, constant, heavy-tailed, one value only that differs, tiny, a copy, huge.
fn value(i: usize, c: usize, seed: usize) -> f64 {
    let x = hash((i * 1009 + c) * 31 + seed);
    match c % 8 {
        0 => x,
        1 => 1e8 + x,
        2 => -1e6 / 3.0,
        3 => x.powi(9) * 1e3,
        4 => 0.1 + f64::from(u8::from(i == 0)),
        5 => x * 1e-12,
        6 => hash((i * 1009 + c - 6) * 31 + seed),
        _ => x * 1e9 + 1e9,
    }
}

fn values(n: usize, d: usize, seed: usize) -> Vec<f64> {
    (0..n * d).map(|at| value(at / d, at % d, seed)).collect()
}

fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let back = sum - a;
    (sum, (a - (sum - back)) + (b - back))
}

/// A sum of products in double-double.
#[derive(Clone, Copy, Default)]
struct Double(f64, f64);

impl Double {
    fn add(&mut self, x: (f64, f64), y: (f64, f64)) {
        let product = x.0 * y.0;
        let low = x.0.mul_add(y.0, -product) + x.0 * y.1 + x.1 * y.0;
        let (sum, error) = two_sum(self.0, product);
        *self = Self(sum, self.1 + error + low);
    }

    fn value(self) -> f64 {
        self.0 + self.1
    }
}

/// Mean, deviation and correlations in twice the precision, in two passes.
fn oracle(points: &Points<'_>) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
    let (n, d) = (points.len(), points.width());
    let means: Vec<(f64, f64)> = (0..d)
        .map(|c| {
            let mut sum = Double::default();
            (0..n).for_each(|i| sum.add((points.value(i, c), 0.0), (1.0, 0.0)));
            let mean = sum.value() / n as f64;
            // The rest of the division, so that the mean too has twice the digits.
            let mut rest = sum;
            rest.add((mean, 0.0), (-(n as f64), 0.0));
            (mean, rest.value() / n as f64)
        })
        .collect();
    let centred = |i: usize, c: usize| {
        let (high, low) = two_sum(points.value(i, c), -means[c].0);
        (high, low - means[c].1)
    };
    let product = |a: usize, b: usize| {
        let mut sum = Double::default();
        (0..n).for_each(|i| sum.add(centred(i, a), centred(i, b)));
        sum.value() / (n as f64 - 1.0)
    };
    let spread: Vec<f64> = (0..d).map(|c| product(c, c).sqrt()).collect();
    let mut correlations = vec![0.0; d * d];
    for a in 0..d {
        for b in (0..=a).filter(|&b| d < 100 || (a + b) % 7 == 0) {
            if spread[a] > 0.0 && spread[b] > 0.0 {
                correlations[a * d + b] = product(a, b) / spread[a] / spread[b];
            }
        }
    }
    (
        means.into_iter().map(|m| m.0).collect(),
        spread,
        correlations,
    )
}

/// The bound of the module's head, for columns i and j.
fn allowed(found: &Moments, n: usize, i: usize, j: usize) -> f64 {
    let count = n as f64;
    let q = |j: usize| {
        let far = found.centre[j] / found.spread[j];
        1.0 + count * far * far / (count - 1.0)
    };
    (DEPTH as f64 + count / DEPTH as f64 + 12.0) * 2f64.powi(-53) * (q(i) * q(j)).sqrt()
}

fn assert_right(points: &Points<'_>, found: &Moments) {
    let (n, d) = (points.len(), points.width());
    let (mean, spread, correlations) = oracle(points);
    let got = found.correlations.as_ref().unwrap();
    for i in 0..d {
        assert_eq!(found.spread[i] == 0.0, spread[i] == 0.0, "column {i}");
        if spread[i] == 0.0 {
            assert!(found.base[i] == points.value(0, i) && found.centre[i] == 0.0);
            assert!((0..d).all(|j| got[i.max(j) * d + i.min(j)] == 0.0));
            continue;
        }
        let own = allowed(found, n, i, i);
        assert!((found.spread[i] / spread[i] - 1.0).abs() <= own);
        let off = found.base[i] + found.centre[i] - mean[i];
        assert!(off.abs() <= own * spread[i] + 2e-16 * mean[i].abs());
        let varies = (0..=i).filter(|&j| spread[j] > 0.0);
        for j in varies.filter(|&j| d < 100 || (i + j) % 7 == 0) {
            let error = (got[i * d + j] - correlations[i * d + j]).abs();
            // Twice: the deviations are off by as much as the sum.
            assert!(
                error <= 2.0 * allowed(found, n, i, j),
                "({i}, {j}) of {n} x {d}: {error:e}"
            );
        }
        assert!(got[i * d + i + 1..(i + 1) * d].iter().all(|&v| v == 0.0));
    }
}

#[test]
fn moments_never_leave_the_bound() {
    for level in all_available() {
        let kernel = level.kernels.last().unwrap().as_ref();
        for (d, n) in WIDTHS.into_iter().zip([2, 3, 127, 700, 128, 257, 130, 401]) {
            let wide = values(n, d, 1);
            let narrow: Vec<f32> = wide.iter().map(|&v| v as f32).collect();
            for points in [
                Points::from_f64("x", wide, d).unwrap(),
                Points::from_f32("x", narrow, d).unwrap(),
            ] {
                let found = moments_with(kernel, &points, true, &Control::default()).unwrap();
                assert_right(&points, &found);
                let less = moments_with(kernel, &points, false, &Control::default()).unwrap();
                assert_eq!(less.correlations, None);
                assert_eq!((less.base, less.centre), (found.base, found.centre));
                assert_eq!(less.spread, found.spread);
            }
        }
    }
}

#[test]
fn the_same_bits_for_any_kernel_and_number_of_threads() {
    let (n, d) = (1500, 230);
    let points = Points::from_f64("x", values(n, d, 2), d).unwrap();
    let vectors: Vec<f64> = (0..d * THIN).map(hash).collect();
    let mut all = Vec::new();
    for threads in [1, 2, 8] {
        pool::pool(threads).unwrap().install(|| {
            for level in all_available() {
                let kernel = level.kernels.last().unwrap().as_ref();
                let control = Control::default();
                let found = moments_with(kernel, &points, true, &control).unwrap();
                let frame = [&found.base[..], &found.centre, &found.spread];
                let probed = probe_with(kernel, &points, frame, &vectors, &control).unwrap();
                all.push((level.name, found, probed));
            }
        });
    }
    #[cfg(target_arch = "x86_64")]
    if !is_x86_feature_detected!("fma") {
        return;
    }
    for (name, found, probed) in &all[1..] {
        assert!(*found == all[0].1 && *probed == all[0].2, "{name}");
    }
}

#[test]
fn powers_of_two_go_straight_through() {
    let (n, d) = (150, 30);
    let plain = values(n, d, 3);
    let moments_of = |values: Vec<f64>| {
        let points = Points::from_f64("x", values, d).unwrap();
        moments(&points, true, &Control::default()).unwrap()
    };
    let expected = moments_of(plain.clone());
    for exponent in [-900, -500, 450] {
        let scale = power_of_two(exponent);
        let found = moments_of(plain.iter().map(|v| v * scale).collect());
        assert_eq!(found.correlations, expected.correlations);
        let back: Vec<f64> = found.spread.iter().map(|v| v / scale).collect();
        assert_eq!(back, expected.spread);
    }
}

#[test]
fn the_ends_of_the_range() {
    // 1e150 and 1e-320 side by side; a column that is 1e-320 once and 0 else.
    let (n, d) = (300, 3);
    let at = |i: usize, c: usize| match c {
        0 => hash(i) * 1e150,
        1 => (hash(i) * 1e4).round() * 1e-320,
        _ => f64::from(u8::from(i == 7)) * 1e-320,
    };
    let points: Vec<f64> = (0..n * d).map(|k| at(k / d, k % d)).collect();
    let points = Points::from_f64("x", points, d).unwrap();
    let found = moments(&points, true, &Control::default()).unwrap();
    let got = found.correlations.unwrap();
    assert!(found.spread.iter().all(|&s| s > 0.0));
    for (i, want) in [(0, 1.0), (1, 1.0), (2, 1.0)] {
        assert!((got[i * d + i] - want).abs() < 1e-12, "{i}");
    }
    assert!((got[d] - 1.0).abs() < 1e-6);
}

#[test]
fn probes_see_what_the_correlations_do() {
    for (n, d) in [(2, 1), (300, 70), (1000, 33), (9000, 5)] {
        let points = Points::from_f64("x", values(n, d, 4), d).unwrap();
        let found = moments(&points, true, &Control::default()).unwrap();
        let r = found.correlations.unwrap();
        let vectors: Vec<f64> = (0..d * THIN).map(hash).collect();
        let frame = [&found.base[..], &found.centre, &found.spread];
        let probed = probe(&points, frame, &vectors, &Control::default()).unwrap();
        for i in 0..d {
            for v in 0..THIN {
                let want: f64 = (0..d)
                    .map(|j| r[i.max(j) * d + i.min(j)] * vectors[j * THIN + v])
                    .sum();
                assert!((probed[i * THIN + v] - want).abs() < 1e-12 * d as f64);
            }
        }
    }
    let points = Points::from_f64("x", values(4, 3, 4), 3).unwrap();
    let short = probe(&points, [&[0.0; 3]; 3], &[0.0; 5], &Control::default());
    assert!(short.unwrap_err().to_string().contains("of 3 columns"));
}

#[test]
fn a_cancelled_pass_stops() {
    let points = Points::from_f64("x", values(10, 3, 5), 3).unwrap();
    let control = Control::default();
    control.cancel();
    assert_eq!(moments(&points, true, &control), Err(Error::Cancelled));
}
