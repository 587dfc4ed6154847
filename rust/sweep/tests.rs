//! The sweep, and the trees, against the plain definitions, for every kernel this processor has or can emulate, on inputs that want to break it.

use super::*;
use crate::oracle;
use proptest::prelude::*;

/// Not the emulated AVX-VNNI: whole sweeps would take minutes.
pub(crate) fn levels() -> Vec<Level> {
    let slow = !kernel::available().contains(&"avxvnni");
    let mut levels = kernel::tested();
    levels.retain(|level| !slow || level.name != "avxvnni");
    levels
}

pub(crate) fn normal(seed: u64, count: usize) -> Vec<f64> {
    // Sums of twelve uniform numbers: normal enough, and the same everywhere.
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut uniform = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    (0..count)
        .map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0)
        .collect()
}

pub(crate) fn asks(a: &Points<'_>, b: &Points<'_>, k: usize, within: bool) -> Vec<Ask> {
    let radius = |p: &Points<'_>, q: &Points<'_>| -> Vec<f64> {
        (0..p.len())
            .map(|i| {
                oracle::nearest(p, i, q, k, within)
                    .last()
                    .map_or(0.5, |x| x.0)
            })
            .collect()
    };
    let (ra, rb) = (radius(a, b), radius(b, a));
    let mut asks = vec![
        Ask::Nearest {
            owner: Side::Rows,
            k,
        },
        Ask::Nearest {
            owner: Side::Rows,
            k: 1,
        },
        Ask::CountWithin {
            owner: Side::Rows,
            radii: ra.clone(),
            closed: true,
        },
        Ask::CountWithin {
            owner: Side::Rows,
            radii: ra.clone(),
            closed: false,
        },
        Ask::CoveredBy {
            owner: Side::Rows,
            radii: rb.clone(),
            closed: true,
        },
        Ask::CoveredBy {
            owner: Side::Rows,
            radii: rb.iter().map(|r| r * 3.0).collect(),
            closed: false,
        },
        Ask::Covered {
            owner: Side::Rows,
            radii: rb.clone(),
            closed: false,
        },
        Ask::BestRatio {
            owner: Side::Rows,
            radii: rb.clone(),
        },
        Ask::LeastRadius {
            owner: Side::Rows,
            radii: rb.clone(),
            closed: true,
        },
        Ask::LeastRadius {
            owner: Side::Rows,
            radii: rb.iter().map(|r| r * 3.0).collect(),
            closed: false,
        },
        Ask::Product {
            owner: Side::Rows,
            reach: 1.2 * mean(&rb),
        },
    ];
    // Some of the points, and all but the first.
    let some = |points: &Points<'_>| (0..points.len()).map(|i| i % 7 % 2 == 1).collect();
    let later = |points: &Points<'_>| (0..points.len()).map(|i| i > 0).collect();
    let among: [Vec<bool>; 4] = [some(b), later(b), some(a), later(a)];
    for (place, among) in among.into_iter().enumerate() {
        let count = among.iter().filter(|&&counts| counts).count();
        let count = count.saturating_sub(usize::from(within));
        if count > 0 && !(within && place > 1) {
            asks.push(Ask::NearestAmong {
                owner: if place < 2 { Side::Rows } else { Side::Columns },
                k: k.min(count),
                among,
            });
        }
    }
    if !within {
        asks.extend([
            Ask::Nearest {
                owner: Side::Columns,
                k,
            },
            Ask::CountWithin {
                owner: Side::Columns,
                radii: rb.clone(),
                closed: true,
            },
            Ask::CoveredBy {
                owner: Side::Columns,
                radii: ra.clone(),
                closed: false,
            },
            Ask::Covered {
                owner: Side::Columns,
                radii: ra.clone(),
                closed: true,
            },
            Ask::Product {
                owner: Side::Columns,
                reach: mean(&ra),
            },
            Ask::LeastRadius {
                owner: Side::Columns,
                radii: ra.clone(),
                closed: true,
            },
            Ask::BestRatio {
                owner: Side::Columns,
                radii: ra,
            },
        ]);
    }
    asks
}

fn expected(ask: &Ask, a: &Points<'_>, b: &Points<'_>, within: bool) -> Reply {
    let (own, other) = if ask.owner() == Side::Rows {
        (a, b)
    } else {
        (b, a)
    };
    let rows = 0..own.len();
    match ask {
        Ask::NearestAmong { k, among, .. } => {
            let all: Vec<(f64, i64)> = rows
                .flat_map(|i| {
                    let every = other.len() - usize::from(within);
                    let mut list = oracle::nearest(own, i, other, every, within);
                    list.retain(|&(_, j)| among[j as usize]);
                    list.truncate(*k);
                    list
                })
                .collect();
            Reply::Nearest {
                distances: all.iter().map(|x| x.0).collect(),
                indices: all.iter().map(|x| x.1).collect(),
            }
        }
        Ask::Nearest { k, .. } => {
            let all: Vec<(f64, i64)> = rows
                .flat_map(|i| oracle::nearest(own, i, other, *k, within))
                .collect();
            Reply::Nearest {
                distances: all.iter().map(|x| x.0).collect(),
                indices: all.iter().map(|x| x.1).collect(),
            }
        }
        Ask::CountWithin { radii, closed, .. } => Reply::Counts(
            rows.map(|i| oracle::count_within(own, i, radii[i], other, *closed, within))
                .collect(),
        ),
        Ask::CoveredBy { radii, closed, .. } => Reply::Counts(
            rows.map(|i| oracle::covered_by(own, i, other, radii, *closed, within))
                .collect(),
        ),
        Ask::Covered { radii, closed, .. } => Reply::Mask(
            rows.map(|i| oracle::covered_by(own, i, other, radii, *closed, within) > 0)
                .collect(),
        ),
        Ask::BestRatio { radii, .. } => Reply::Values(
            rows.map(|i| oracle::best_ratio(own, i, other, radii, within))
                .collect(),
        ),
        Ask::LeastRadius { radii, closed, .. } => Reply::Values(
            rows.map(|i| oracle::least_radius(own, i, other, radii, *closed, within))
                .collect(),
        ),
        Ask::Product { reach, .. } => Reply::Values(
            rows.map(|i| oracle::product(own, i, other, *reach, within))
                .collect(),
        ),
        Ask::NearestOfEach { .. } => unreachable!("tested with k-means"),
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// Whether an engine's reply is the one wanted: the same, but for products, which are rounded.
pub(crate) fn equal(ask: &Ask, got: &Reply, want: &Reply) -> bool {
    match (ask, got, want) {
        (Ask::Product { .. }, Reply::Values(got), Reply::Values(want)) => {
            got.len() == want.len()
                && got
                    .iter()
                    .zip(want)
                    .all(|(got, want)| (got - want).abs() <= 1e-12 * want + 1.2 * 2f64.powi(-54))
        }
        _ => got == want,
    }
}

/// What answers questions in this way.
type Engine =
    fn(&Level, &Points<'_>, Option<&Points<'_>>, &[Ask], &Control) -> Result<(Vec<Reply>, Report)>;

/// Those that serve points of this width, whichever the rule would take.
fn engines(width: usize, asks: &[Ask]) -> Vec<Engine> {
    let mut engines: Vec<Engine> = vec![sweep_with];
    if tree::serves(width, asks) {
        engines.push(tree::tree_with);
    }
    engines
}

pub(crate) fn agree(name: &str, a: &Points<'_>, b: &Points<'_>, k: usize) {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(3)
        .build()
        .unwrap();
    for within in [true, false] {
        let other = if within { a } else { b };
        let k = k
            .min(other.len() - usize::from(within))
            .min(a.len() - usize::from(within));
        if k == 0 {
            continue;
        }
        let asks = asks(a, other, k, within);
        let want: Vec<Reply> = asks
            .iter()
            .map(|ask| expected(ask, a, other, within))
            .collect();
        for (level, engine) in levels().iter().flat_map(|level| {
            engines(a.width(), &asks)
                .into_iter()
                .map(move |engine| (level, engine))
        }) {
            let control = Control::default();
            let (got, report) = pool
                .install(|| engine(level, a, (!within).then_some(b), &asks, &control))
                .unwrap();
            assert_eq!(report.kernel, level.name);
            let (done, expected) = control.progress();
            assert!(done == expected && expected == report.pairs);
            for (ask, (got, want)) in asks.iter().zip(got.iter().zip(&want)) {
                assert!(
                    equal(ask, got, want),
                    "{name}, {}, {}, within {within}: {ask:?}\ngot  {got:?}\nwant {want:?}",
                    level.name,
                    report.code
                );
            }
        }
    }
}

pub(crate) fn f32s(values: &[f64]) -> Vec<f32> {
    values.iter().map(|&v| v as f32).collect()
}

#[test]
fn gaussians_of_many_shapes() {
    for (n, m, d) in [
        (2, 1, 1),
        (3, 5, 2),
        (50, 41, 7),
        (224, 225, 31),
        (223, 449, 33),
        (300, 500, 64),
        (460, 7, 300),
    ] {
        let (a, b) = (f32s(&normal(1, n * d)), normal(2, m * d));
        let a = Points::from_f32("a", &a[..], d).unwrap();
        let b = Points::from_f64("b", &b[..], d).unwrap();
        agree(&format!("{n} x {m} x {d}"), &a, &b, 5);
    }
}

#[test]
fn adversaries() {
    adversaries_of(260, 240, 9);
}

/// Everything that wants to break an engine, in `d` columns.
pub(crate) fn adversaries_of(n: usize, m: usize, d: usize) {
    let base = normal(3, n * d);
    let other = normal(4, m * d);
    type Change = Box<dyn Fn(usize, usize, f64) -> f64>;
    let ulp = |x: f64, steps: usize| (0..steps).fold(x, |x, _| x.next_up());
    let cases: Vec<(&str, Change)> = vec![
        ("lattice", Box::new(|_, _, x| (x * 1.5).round())),
        ("all equal", Box::new(|_, _, _| 0.7)),
        ("all zero", Box::new(|_, _, _| 0.0)),
        (
            "repeated rows",
            Box::new(move |i, c, _| ((i % 3) * 17 + c) as f64 * 0.31),
        ),
        (
            "one ulp apart",
            Box::new(move |i, _, _| ulp(1.0 / 3.0, i % 5)),
        ),
        ("huge offset", Box::new(|_, _, x| 1e9 + x)),
        (
            "one far outlier",
            Box::new(|i, _, x| if i == 100 { 1e30 } else { x }),
        ),
        (
            "outlier whose square overflows in sweep units",
            Box::new(|i, _, x| if i == 100 { 1e70 } else { x * 1e-90 }),
        ),
        (
            "outlier beyond float32",
            Box::new(|i, _, x| if i == 100 { 1e120 * x } else { x }),
        ),
        ("tiny", Box::new(|_, _, x| x * 1e-160)),
        ("subnormal", Box::new(|_, _, x| x * 1e-310)),
        (
            "subnormal among others",
            Box::new(|i, _, x| if i % 2 == 0 { x * 1e-310 } else { x }),
        ),
        ("squares overflow nearly", Box::new(|_, _, x| x * 1e151)),
        (
            "all scales",
            Box::new(|i, _, x| x * 10f64.powi((i % 40) as i32 * 7 - 140)),
        ),
        (
            "constant columns",
            Box::new(|_, c, x| if c % 2 == 0 { 5.0 } else { x }),
        ),
        (
            "one-hot",
            Box::new(|i, c, _| f64::from(u8::from(i % 9 == c))),
        ),
        (
            "clusters far apart",
            Box::new(|i, _, x| x * 1e-6 + (i % 4) as f64 * 1e6),
        ),
    ];
    for (name, change) in &cases {
        let make = |values: &[f64]| -> Vec<f64> {
            values
                .iter()
                .enumerate()
                .map(|(at, &x)| change(at / d, at % d, x))
                .collect()
        };
        let (a, b) = (make(&base), make(&other));
        let (pa, pb) = (
            Points::from_f64("a", &a[..], d).unwrap(),
            Points::from_f64("b", &b[..], d).unwrap(),
        );
        agree(name, &pa, &pb, 4);
        if a.iter().chain(&b).all(|x| x.abs() < 3e38) {
            let (a, b) = (f32s(&a), f32s(&b));
            let (pa, pb) = (
                Points::from_f32("a", &a[..], d).unwrap(),
                Points::from_f32("b", &b[..], d).unwrap(),
            );
            agree(&format!("{name}, float32"), &pa, &pb, 4);
        }
    }
}

#[test]
fn rows_that_repeat_in_numbers() {
    let (n, m, d) = (500, 470, 12);
    let (mut a, mut b) = (normal(11, n * d), normal(12, m * d));
    // Most rows of both sets are one of three, of which both have two; the others are as they were.
    for (values, kinds) in [(&mut a, [0, 1]), (&mut b, [1, 2])] {
        for (i, row) in values.chunks_exact_mut(d).enumerate() {
            if i % 10 < 8 {
                let kind = kinds[usize::from(i % 10 > 4)];
                row.iter_mut()
                    .zip(0..)
                    .for_each(|(x, c)| *x = f64::from(kind * 7 + c) * 0.3);
            }
        }
    }
    let (fa, fb) = (f32s(&a), f32s(&b));
    let double = |name, values| Points::from_f64(name, values, d).unwrap();
    let single = |name, values| Points::from_f32(name, values, d).unwrap();
    agree("repeats", &double("a", &a[..]), &double("b", &b[..]), 5);
    agree(
        "repeats, float32",
        &single("a", &fa[..]),
        &single("b", &fb[..]),
        5,
    );
    agree(
        "repeats, mixed",
        &single("a", &fa[..]),
        &double("b", &b[..]),
        40,
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]
    #[test]
    fn any_small_input(
        (d, a, b) in (1usize..40).prop_flat_map(|d| {
            let value = prop_oneof![
                (-3i8..4).prop_map(f64::from),
                -1.0f64..1.0,
                (-1.0f64..1.0, -30i32..30).prop_map(|(x, e)| x * 2f64.powi(e)),
            ];
            let set = move |most: usize| prop::collection::vec(value.clone(), d * 2..d * most)
                .prop_map(move |mut v| { v.truncate(v.len() / d * d); v });
            (Just(d), set(30), set(30))
        }),
        k in 1usize..6,
    ) {
        let (a, b) = (Points::from_f64("a", a, d).unwrap(), Points::from_f64("b", b, d).unwrap());
        agree("any", &a, &b, k);
    }
}

#[test]
fn answers_and_counters_do_not_depend_on_threads() {
    let (a, b) = (f32s(&normal(5, 1500 * 20)), f32s(&normal(6, 900 * 20)));
    let (a, b) = (
        Points::from_f32("a", &a[..], 20).unwrap(),
        Points::from_f32("b", &b[..], 20).unwrap(),
    );
    let asks = asks(&a, &b, 5, false);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let (replies, report) = pool
            .install(|| sweep(&a, Some(&b), &asks, &Control::default()))
            .unwrap();
        assert_eq!(report.threads, threads);
        (replies, report.settled)
    };
    let one = run(1);
    for threads in [2, 3, 8] {
        assert!(run(threads) == one, "{threads} threads");
    }
    assert!(
        one.1 < 1500 * 900 / 10,
        "the filter must hold back most pairs, but {} were settled",
        one.1
    );
}

#[test]
fn a_cancelled_sweep_says_so() {
    let a = f32s(&normal(7, 1000 * 8));
    let a = Points::from_f32("a", &a[..], 8).unwrap();
    let control = Control::default();
    control.cancel();
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(2)
        .build()
        .unwrap();
    let ask = [Ask::Nearest {
        owner: Side::Rows,
        k: 3,
    }];
    let result = pool.install(|| sweep(&a, None, &ask, &control));
    assert_eq!(result.unwrap_err(), Error::Cancelled);
}

#[test]
fn panels_cover_all_blocks_evenly() {
    for (blocks, most) in [(1, 4), (45, 10), (10, 10), (11, 10), (224, 55)] {
        let panels = panels(blocks, most);
        assert_eq!(panels.iter().map(|p| p.len()).sum::<usize>(), blocks);
        assert!(panels.windows(2).all(|w| w[0].end == w[1].start));
        let sizes: Vec<usize> = panels.iter().map(|p| p.len()).collect();
        assert!(
            sizes.iter().max().unwrap() <= &most
                && sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1
        );
    }
}
