//! The trees in every width they serve, against the plain definitions and against the sweep.

use super::*;
use crate::sweep::sweep_with;
use crate::sweep::tests::{adversaries_of, agree, asks, f32s, levels, normal};
use proptest::prelude::*;

#[test]
fn adversaries_in_every_width() {
    for d in [1, 2, 3, 4, 5, 6, 7, 8, 10, 12, WIDEST] {
        adversaries_of(70, 45, d);
    }
}

#[test]
fn bounds_hold_to_the_bit() {
    // Boxes of two points each, so that one pair of corners decides; all the numbers that rounding treats badly.
    let scales = [1.0, 1e-300, 5e-324, 1e-160, 1e150, 3.0e7];
    for (at, scale) in scales.into_iter().enumerate() {
        bounds_of::<1>(scale, at as u64);
        bounds_of::<3>(scale, at as u64);
        bounds_of::<5>(scale, at as u64);
        bounds_of::<8>(scale, at as u64);
        bounds_of::<10>(scale, at as u64);
        bounds_of::<WIDEST>(scale, at as u64);
    }
}

fn bounds_of<const D: usize>(scale: f64, seed: u64) {
    let values: Vec<f64> = normal(seed + 1, 60 * D)
        .into_iter()
        .map(|x| (x * 4.0).round() * scale + x * 1e-16 * scale)
        .collect();
    let points = values.as_chunks::<D>().0;
    for quad in points.windows(4) {
        let [mut x, mut y] = [bounds::Bounds::<D>::NONE; 2];
        quad[..2].iter().for_each(|point| x.add(point));
        quad[2..].iter().for_each(|point| y.add(point));
        for a in &quad[..2] {
            for b in &quad[2..] {
                let square = crate::distance::squared_of(a, b);
                assert!(x.lower(&y) <= square && square <= x.upper(&y));
                let mut point = bounds::Bounds::NONE;
                point.add(a);
                assert_eq!(
                    point.lower(&bounds::Bounds { low: *b, high: *b }),
                    square,
                    "{D} columns"
                );
            }
        }
    }
}

/// Runs the same questions through both engines.
fn same(a: &Points<'_>, b: Option<&Points<'_>>, asks: &[Ask]) {
    let level = levels().remove(0);
    let control = Control::default();
    let (want, _) = sweep_with(&level, a, b, asks, &control).unwrap();
    let (got, report) = tree_with(&level, a, b, asks, &control).unwrap();
    assert_eq!(report.code, "tree");
    for (ask, (got, want)) in asks.iter().zip(got.iter().zip(&want)) {
        assert!(
            got == want,
            "{} columns: {:?}",
            a.width(),
            std::mem::discriminant(ask)
        );
    }
}

#[test]
fn larger_inputs_as_the_sweep() {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    pool.install(|| {
        for d in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12] {
            let (a, b) = (f32s(&normal(1, 3000 * d)), normal(2, 2500 * d));
            let a = Points::from_f32("a", &a[..], d).unwrap();
            let b = Points::from_f64("b", &b[..], d).unwrap();
            // Radii from nothing to everything.
            let radii = |n: usize| (0..n).map(|i| 0.001 * 1.005f64.powi(i as i32)).collect();
            let (owner, mut asks) = (Side::Rows, Vec::new());
            for (k, closed) in [(1, true), (7, false), (40, true)] {
                asks.extend([
                    Ask::Nearest { owner, k },
                    Ask::CountWithin {
                        owner,
                        radii: radii(3000),
                        closed,
                    },
                    Ask::CoveredBy {
                        owner,
                        radii: radii(2500),
                        closed,
                    },
                    Ask::Covered {
                        owner,
                        radii: radii(2500),
                        closed,
                    },
                ]);
            }
            same(&a, Some(&b), &asks);
            let within = [
                Ask::Nearest { owner, k: 8 },
                Ask::CoveredBy {
                    owner,
                    radii: radii(3000),
                    closed: false,
                },
                Ask::BestRatio {
                    owner,
                    radii: radii(3000),
                },
                Ask::LeastRadius {
                    owner,
                    radii: radii(3000),
                    closed: true,
                },
                Ask::Product { owner, reach: 0.3 },
            ];
            same(&a, None, &within);
        }
    });
}

#[test]
fn answers_and_counters_do_not_depend_on_threads() {
    let (a, b) = (f32s(&normal(5, 3500 * 3)), f32s(&normal(6, 900 * 3)));
    let a = Points::from_f32("a", &a[..], 3).unwrap();
    let b = Points::from_f32("b", &b[..], 3).unwrap();
    let asks = asks(&a, &b, 5, false);
    let level = levels().remove(0);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let control = Control::default();
        let (replies, report) = pool
            .install(|| tree_with(&level, &a, Some(&b), &asks, &control))
            .unwrap();
        assert_eq!(report.threads, threads);
        (replies, report.settled)
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
}

#[test]
fn crowds_of_equal_points_are_not_searched() {
    // Nine rows in ten are one point; all pairs would be 1.6 billion.
    let (n, d) = (40_000, 2);
    let mut values = normal(7, n * d);
    for (i, row) in values.chunks_exact_mut(d).enumerate() {
        if i % 10 != 3 {
            row.fill(0.25);
        }
    }
    let a = Points::from_f64("a", &values[..], d).unwrap();
    let b = Points::from_f64("b", vec![0.25, 0.75], d).unwrap();
    let b = Points::from_f64(
        "b",
        (0..500)
            .flat_map(|_| [b.value(0, 0), b.value(0, 1)])
            .collect::<Vec<_>>(),
        d,
    )
    .unwrap();
    let owner = Side::Rows;
    let ones = |closed| Ask::CoveredBy {
        owner,
        radii: vec![0.0; n],
        closed,
    };
    let level = levels().remove(0);
    for ask in [
        Ask::Nearest { owner, k: 5 },
        ones(true),
        ones(false),
        Ask::CountWithin {
            owner,
            radii: vec![1.0; n],
            closed: true,
        },
        Ask::Covered {
            owner,
            radii: vec![0.5; n],
            closed: true,
        },
        Ask::BestRatio {
            owner,
            radii: vec![0.5; n],
        },
        Ask::LeastRadius {
            owner,
            radii: vec![0.5; n],
            closed: true,
        },
        Ask::Product { owner, reach: 0.5 },
    ] {
        let (replies, report) = tree_with(
            &level,
            &a,
            None,
            std::slice::from_ref(&ask),
            &Control::default(),
        )
        .unwrap();
        assert!(
            report.settled < 3000 * n as u64,
            "{:?}: {} distances",
            std::mem::discriminant(&ask),
            report.settled
        );
        if let (Ask::Nearest { .. }, [Reply::Nearest { indices, .. }]) = (&ask, &replies[..]) {
            assert_eq!(indices[5 * 39_999..], [0, 1, 2, 4, 5]);
            assert_eq!(indices[..5], [1, 2, 4, 5, 6]);
        }
    }
    // One point against a crowd of equal ones that are not where it is.
    let far = Ask::Nearest { owner, k: 5 };
    let (_, report) = tree_with(&level, &b, Some(&a), &[far], &Control::default()).unwrap();
    assert!(report.settled < 500 * 2000, "{} distances", report.settled);
}

#[test]
fn the_rule_keeps_to_what_trees_serve() {
    let better = |n: usize, d: usize, asks: &[Ask]| {
        let points = Points::from_f32("points", vec![0.0; n * d], d).unwrap();
        rule::better(&points, None, asks)
    };
    let owner = Side::Rows;
    let nearest = vec![Ask::Nearest { owner, k: 5 }; 3];
    assert!(better(1000, 2, &nearest) && better(1000, 10, &nearest[..1]));
    assert!(!better(999, 2, &nearest) && !better(100_000, 10, &nearest));
    for d in [WIDEST + 1, 300] {
        assert!(!better(2000, d, &nearest[..1]));
    }
    let each = Ask::NearestOfEach {
        owner,
        size: 10,
        groups: 100,
    };
    assert!(!better(1000, 2, &[each]));
}

#[test]
fn a_cancelled_tree_says_so() {
    let a = f32s(&normal(7, 1000 * 3));
    let a = Points::from_f32("a", &a[..], 3).unwrap();
    let control = Control::default();
    control.cancel();
    let ask = [Ask::Nearest {
        owner: Side::Rows,
        k: 3,
    }];
    let result = tree_with(&levels().remove(0), &a, None, &ask, &control);
    assert_eq!(result.unwrap_err(), crate::error::Error::Cancelled);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn lattices_full_of_ties(
        (d, a, b) in (1usize..=12).prop_flat_map(|d| {
            let set = move || prop::collection::vec((-2i8..3).prop_map(f64::from), d * 2..d * 120)
                .prop_map(move |mut v| { v.truncate(v.len() / d * d); v });
            (Just(d), set(), set())
        }),
        k in 1usize..12,
    ) {
        let a = Points::from_f64("a", a, d).unwrap();
        let b = Points::from_f64("b", b, d).unwrap();
        agree("lattice", &a, &b, k);
    }
}
