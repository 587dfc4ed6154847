//! One runner for every kernel: layouts, products within the proven bound, scans that agree with the plain one, distances to the bit.

use super::*;
use crate::bound::Bound;
use crate::bound::threshold::{By, ColumnTerms, RowTerms};
use crate::codes::{self, Bf16, Code, Coded, Float32, Frame, Int8, Int16, power_of_two};
use crate::distance;
use crate::kernel::fine::FinePanel;
use crate::points::Points;
use std::collections::BTreeSet;

/// Widths below, at and above every vector and slab.
const WIDTHS: [usize; 20] = [
    1, 2, 3, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 97, 255, 256, 257, 513, 1030,
];

/// Every kernel of every level, once, emulated where the processor lacks it; only those of the forced level, where one is.
fn kernels() -> Vec<Box<dyn Kernel>> {
    let mut kernels: Vec<Box<dyn Kernel>> = Vec::new();
    for kernel in tested().into_iter().flat_map(|level| level.kernels) {
        if kernels.iter().all(|known| known.name() != kernel.name()) {
            kernels.push(kernel);
        }
    }
    kernels
}

/// Widths at which a kernel is multiplied. An emulated AVX-VNNI takes a signal for every other of its many small instructions: a few widths must do.
fn widths(kernel: &dyn Kernel) -> impl Iterator<Item = usize> {
    let slow = kernel.name() == "avxvnni" && !available().contains(&"avxvnni");
    WIDTHS.into_iter().filter(move |&d| !slow || d <= 33)
}

fn hash(i: usize) -> f64 {
    let mut z = (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// Rows that want to break the bound: random, heavy-tailed, exactly coded (integers, one-hot), aligned with each other, far out, tiny.
fn rows(n: usize, d: usize, seed: usize) -> Vec<f64> {
    (0..n * d)
        .map(|at| {
            let (i, c) = (at / d, at % d);
            let x = hash(at + seed * 7_919);
            match i % 8 {
                0 => x,
                1 => x.powi(9) * 100.0,
                2 => (x * 8.0).round(),
                3 => f64::from(u8::from(c == i % d)),
                4 => 1.0 + 1e-7 * x,
                5 => {
                    if c % 2 == 0 {
                        1.0
                    } else {
                        -1.0
                    }
                }
                6 => x * 1e12,
                _ => x * 1e-12,
            }
        })
        .collect()
}

/// Exact to 2^-100 relative or so: products and sums in double-double.
fn inner(x: &[f64], y: &[f64]) -> f64 {
    let (mut high, mut low) = (0.0f64, 0.0f64);
    for (&a, &b) in x.iter().zip(y) {
        let product = a * b;
        let error = a.mul_add(b, -product);
        let sum = high + product;
        let back = sum - high;
        low += (high - (sum - back)) + (product - back) + error;
        high = sum;
    }
    high + low
}

#[test]
fn products_never_leave_the_bound() {
    for kernel in kernels() {
        let (mut tightest, mut narrowest) = (0.0f64, f64::INFINITY);
        for d in widths(kernel.as_ref()) {
            let (n, m) = (BLOCK.min(40), BLOCK + 3);
            let (a, b) = (rows(n, d, 1), rows(m, d, 2));
            let (a, b) = (
                Points::from_f64("a", a, d).unwrap(),
                Points::from_f64("b", b, d).unwrap(),
            );
            let frame = Frame::of(&[&a, &b]);
            let (ca, cb) = (
                Coded::new(&a, &frame, kernel.as_ref()).unwrap(),
                Coded::new(&b, &frame, kernel.as_ref()).unwrap(),
            );
            let bound = Bound::new(kernel.precision(d), d);
            let mut panels =
                [Layout::Rows, Layout::Columns].map(|l| panel(kernel.block_bytes(l, d)).unwrap());
            let mut fine = [(); 2].map(|()| FinePanel::new(1, d).unwrap());
            let mut codes = Vec::new();
            let mut tile = vec![f32::NAN; TILE_ROWS * BLOCK];
            for block in 0..2 {
                let [rows, columns] = fine
                    .each_mut()
                    .map(|panel| panel.blocks_mut().remove(0).filter(|_| kernel.fine()));
                ca.pack(Layout::Rows, 0, &mut panels[0], rows, &mut codes);
                cb.pack(Layout::Columns, block, &mut panels[1], columns, &mut codes);
                kernel.products([&panels[0], &panels[1]], None, d, &mut tile);
                for i in 0..n {
                    for j in block * BLOCK..m.min((block + 1) * BLOCK) {
                        let unit = power_of_two(-frame.exponent);
                        let centred = |p: &Points<'_>, r: usize| -> Vec<f64> {
                            (0..d)
                                .map(|c| (p.value(r, c) - frame.centre[c]) * unit)
                                .collect()
                        };
                        let truth = inner(&centred(&a, i), &centred(&b, j));
                        let (fa, fb) = (&ca.facts[i], &cb.facts[j]);
                        let product =
                            f64::from(tile[i * BLOCK + j - block * BLOCK]) * fa.unit() * fb.unit();
                        let allowed = bound.allowance(fa, fb);
                        assert!(
                            (product - truth).abs() <= allowed,
                            "{} d={d} ({i}, {j}): {product:e} is {:e} from {truth:e}, allowed {allowed:e}",
                            kernel.name(),
                            (product - truth).abs()
                        );
                        if allowed > 0.0 {
                            tightest = tightest.max((product - truth).abs() / allowed);
                        }
                        let squared = crate::distance::squared(a.row(i), b.row(j)) * unit * unit;
                        let product = tile[i * BLOCK + j - block * BLOCK];
                        let (low, high) = bound.interval(fa, fb, product);
                        assert!(
                            low <= squared && squared <= high,
                            "{} d={d} ({i}, {j})",
                            kernel.name()
                        );
                        if !kernel.fine() || fa.is_lost() || fb.is_lost() {
                            continue;
                        }
                        let (x, y) = (
                            fine[0].block(0).row(i),
                            fine[1].block(0).row(j - block * BLOCK),
                        );
                        let mix = kernel.mix(x, y);
                        assert_eq!(mix, fine::mix(x, y), "{} d={d}", kernel.name());
                        let (fine_low, fine_high) = bound.fine_interval(fa, fb, product, mix);
                        assert!(
                            fine_low <= squared && squared <= fine_high,
                            "{} d={d} ({i}, {j}): {squared:e} is not in {fine_low:e}..{fine_high:e}",
                            kernel.name()
                        );
                        narrowest = narrowest.min((fine_high - fine_low) / (high - low));
                    }
                }
            }
        }
        assert!(
            !kernel.fine() || narrowest < 0.1,
            "{}: second slices say little",
            kernel.name()
        );
        assert!(
            tightest > 1e-3,
            "{}: a bound that is never approached is suspicious ({tightest:e})",
            kernel.name()
        );
    }
}

#[test]
fn integer_products_are_exact() {
    let kernels = kernels();
    for kernel in &kernels {
        let most = match kernel.code() {
            Int8::NAME => 127,
            Int16::NAME => 511,
            _ => continue,
        };
        let all = widths(kernel.as_ref()).count() == WIDTHS.len();
        for d in widths(kernel.as_ref()).chain(all.then_some(kernel.widest())) {
            // At the greatest width all codes are the largest: the sum that must just fit.
            let code = |row: usize, column: usize, side: usize| -> i32 {
                let sign = if row % 3 == side { -1 } else { 1 };
                if d == kernel.widest() {
                    return sign * most;
                }
                let x = hash((2 * row + side) * d + column) * f64::from(most);
                (if row % 4 == 3 { most } else { x.round() as i32 }) * sign
            };
            let panels: Vec<Panel> = [Layout::Rows, Layout::Columns]
                .into_iter()
                .enumerate()
                .map(|(side, layout)| {
                    let mut block = panel(kernel.block_bytes(layout, d)).unwrap();
                    let step = kernel.group(layout);
                    for group in 0..BLOCK.div_ceil(step) {
                        let rows = group * step..BLOCK.min((group + 1) * step);
                        let codes: Vec<u8> = rows
                            .flat_map(|r| (0..d).map(move |c| code(r, c, side)))
                            .flat_map(|code| {
                                code.to_le_bytes().into_iter().take(kernel.code_bytes())
                            })
                            .collect();
                        kernel.pack(layout, &codes, group, d, &mut block);
                    }
                    block
                })
                .collect();
            let mut tile = vec![f32::NAN; TILE_ROWS * BLOCK];
            kernel.products([&panels[0], &panels[1]], None, d, &mut tile);
            for r in 0..BLOCK {
                for c in (0..BLOCK).filter(|c| d < 1000 || (r + c) % 50 == 0) {
                    let sum: i64 = if d == kernel.widest() {
                        i64::from(code(r, 0, 0) * code(c, 0, 1)) * d as i64
                    } else {
                        (0..d)
                            .map(|k| i64::from(code(r, k, 0) * code(c, k, 1)))
                            .sum()
                    };
                    let got = tile[r * BLOCK + c];
                    assert_eq!(got, sum as f32, "{} d={d} ({r}, {c})", kernel.name());
                }
            }
        }
    }
}

#[test]
fn scans_agree_with_the_plain_one_up_to_their_rounding() {
    let special = [
        0.0,
        -0.0,
        1.0,
        1e30,
        -1e30,
        f32::INFINITY,
        f32::NEG_INFINITY,
    ];
    let value = |i: usize| {
        let x = hash(i) as f32;
        if i % 11 == 3 {
            special[i / 11 % special.len()]
        } else {
            x * 4.0
        }
    };
    for kernel in kernels() {
        for trial in 0..20 {
            let at = |k: usize| value(trial * 1_000_003 + k);
            let window = |k: usize, use_it: bool| {
                if use_it { at(k) } else { f32::INFINITY }
            };
            let by = By {
                row: trial % 3 != 0,
                column: trial % 2 != 0,
                product: trial % 5 == 0,
            };
            let thresholds = Thresholds {
                count: BLOCK - trial,
                by,
                rows: RowTerms {
                    s: std::array::from_fn(|r| power_of_two((r % 5) as i32 - 2) as f32),
                    a: std::array::from_fn(at),
                    p: std::array::from_fn(|r| window(5000 + r, by.row)),
                    u: std::array::from_fn(|r| at(1000 + r).abs() * f32::from(by.product)),
                },
                columns: ColumnTerms {
                    s: std::array::from_fn(|c| power_of_two((c % 7) as i32 - 3) as f32),
                    h: std::array::from_fn(|c| at(2000 + c)),
                    g: std::array::from_fn(|c| window(3000 + c, by.column)),
                    v: std::array::from_fn(|c| at(4000 + c).abs()),
                },
            };
            let tile: Vec<f32> = (0..TILE_ROWS * BLOCK)
                .map(|k| hash(k + trial) as f32 * 20.0)
                .collect();
            let key = |s: &Survivor| (s.row, s.column);
            let (mut got, mut want) = (Vec::new(), Vec::new());
            kernel.scan(&tile, &thresholds, &mut got);
            scan::scan(&tile, &thresholds, &mut want);
            assert!(
                got.windows(2).all(|w| key(&w[0]) < key(&w[1])),
                "{}: row order",
                kernel.name()
            );
            assert!(
                got.iter()
                    .all(|s| tile[usize::from(s.row) * BLOCK + usize::from(s.column)] == s.product)
            );
            // A fused multiply-add may round otherwise: pairs within four ulps of their threshold may differ, no others.
            let (got, want): (BTreeSet<_>, BTreeSet<_>) = (
                got.iter().map(key).collect(),
                want.iter().map(key).collect(),
            );
            for &(r, c) in got.symmetric_difference(&want) {
                let (r, c) = (usize::from(r), usize::from(c));
                let (rows, columns) = (&thresholds.rows, &thresholds.columns);
                let product = tile[r * BLOCK + c];
                let near = |a: f32, h: f32, window: f32| {
                    let parts = [a * columns.s[c], rows.s[r] * h, window];
                    let size = parts.iter().fold(0.0f32, |m, p| m.max(p.abs()));
                    let threshold = parts[0] + parts[1] - parts[2];
                    (product - threshold).abs() <= 4.0 * f32::EPSILON * size
                };
                assert!(
                    (by.row && near(rows.p[r], columns.h[c], 0.0))
                        || (by.column && near(rows.a[r], columns.g[c], 0.0))
                        || (by.product && near(rows.a[r], columns.h[c], rows.u[r] * columns.v[c])),
                    "{} trial {trial} ({r}, {c}): {product}",
                    kernel.name()
                );
            }
        }
    }
}

#[test]
fn tallies_are_the_same_everywhere_and_leave_no_pair_out() {
    let special = [f32::NEG_INFINITY, f32::INFINITY, f32::NAN];
    let thresholds = |shift: f32| Thresholds {
        count: BLOCK - 7,
        by: By {
            row: true,
            column: true,
            product: false,
        },
        rows: RowTerms {
            s: std::array::from_fn(|r| power_of_two((r % 3) as i32 - 1) as f32),
            a: std::array::from_fn(|r| hash(r) as f32 - shift),
            p: std::array::from_fn(|r| match r % 29 {
                at @ 0..3 => special[at],
                _ => (hash(r) + hash(r + 300)) as f32 - shift,
            }),
            u: [0.0; BLOCK],
        },
        columns: ColumnTerms {
            s: std::array::from_fn(|c| power_of_two((c % 4) as i32 - 2) as f32),
            h: std::array::from_fn(|c| hash(c + 900) as f32),
            g: std::array::from_fn(|c| match c % 2 {
                0 => f32::INFINITY,
                _ => (hash(c + 900) + hash(c + 1200)) as f32,
            }),
            v: [0.0; BLOCK],
        },
    };
    let tile: Vec<f32> = (0..TILE_ROWS * BLOCK)
        .map(|k| hash(k) as f32 * 3.0)
        .collect();
    let (outer, inner) = (thresholds(1.0), thresholds(0.0));
    for count in [1, 15, 16, 100, BLOCK] {
        let mut want = Tally::default();
        let mut open = Vec::new();
        for (r, products) in tile.chunks_exact(BLOCK).take(outer.count).enumerate() {
            for (c, product) in products.iter().enumerate().take(count) {
                let both = |of: &Thresholds| {
                    let (s, scale) = (of.rows.s[r], of.columns.s[c]);
                    [
                        of.rows.p[r] * scale + s * of.columns.h[c],
                        of.rows.a[r] * scale + s * of.columns.g[c],
                    ]
                };
                if both(&inner).iter().any(|t| product >= t) {
                    want.rows[r] += 1;
                    want.columns[c] += 1;
                } else if !both(&outer).iter().all(|t| product < t) {
                    open.push((r as u16, c as u16));
                }
            }
        }
        assert!(open.len() > 10 || count < 15);
        for kernel in kernels() {
            let (mut got, mut between) = (Tally::default(), Vec::new());
            kernel.tally(&tile, &outer, &inner, count, &mut got, &mut between);
            assert_eq!(
                (got.rows, got.columns),
                (want.rows, want.columns),
                "{}",
                kernel.name()
            );
            let between: Vec<_> = between.iter().map(|s| (s.row, s.column)).collect();
            assert_eq!(between, open, "{}", kernel.name());
        }
    }
}

#[test]
fn distances_codes_and_facts_have_the_same_bits_everywhere() {
    for kernel in kernels() {
        for d in WIDTHS {
            let (wide, other) = (rows(16, d, 3), rows(16, d, 4));
            let narrow: Vec<f32> = wide.iter().map(|&x| x as f32).collect();
            let centre: Vec<f64> = (0..d).map(|c| hash(c) * 0.1).collect();
            for i in 0..16 {
                let span = i * d..(i + 1) * d;
                let x = [
                    Row::F32(&narrow[span.clone()]),
                    Row::F64(&wide[span.clone()]),
                ];
                let y = [Row::F32(&narrow[..d]), Row::F64(&other[span.clone()])];
                let (near, plain) = (
                    kernel.near(&narrow[span.clone()], &narrow[..d]),
                    distance::near(&narrow[span.clone()], &narrow[..d]),
                );
                assert_eq!(near.to_bits(), plain.to_bits());
                for x in x {
                    for y in y {
                        assert_eq!(
                            kernel.squared(x, y).to_bits(),
                            distance::squared(x, y).to_bits()
                        );
                    }
                    let bytes = d * kernel.code_bytes();
                    let (mut got, mut want) = (panel(bytes).unwrap(), panel(bytes).unwrap());
                    let [got, want] = [&mut got, &mut want]
                        .map(|codes| &mut bytemuck::cast_slice_mut(codes)[..bytes]);
                    kernel.encode(x, &centre, 0.25, got);
                    let measured = kernel.measure(x, &centre, 1);
                    let plain = match kernel.code() {
                        Float32::NAME => {
                            codes::encode::<Float32>(x, &centre, 0.25, want);
                            codes::measure::<Float32>(x, &centre, 1)
                        }
                        Int8::NAME => {
                            codes::encode::<Int8>(x, &centre, 0.25, want);
                            codes::measure::<Int8>(x, &centre, 1)
                        }
                        Int16::NAME => {
                            codes::encode::<Int16>(x, &centre, 0.25, want);
                            codes::measure::<Int16>(x, &centre, 1)
                        }
                        Bf16::NAME => {
                            codes::encode::<Bf16>(x, &centre, 0.25, want);
                            codes::measure::<Bf16>(x, &centre, 1)
                        }
                        other => panic!("no plain form of {other}"),
                    };
                    assert_eq!(got, want);
                    assert_eq!(format!("{measured:?}"), format!("{plain:?}"));
                }
            }
        }
    }
}

#[test]
fn what_the_processor_promises_is_there_and_what_is_demanded_runs() {
    let names = available();
    println!("kernels of this processor: {}", names.join(", "));
    let more: Vec<_> = emulated().iter().map(|level| level.name).collect();
    println!("kernels that run emulated: {}", more.join(", "));
    assert!(more.iter().all(|name| !names.contains(name)));
    assert!(names.ends_with(&["portable", "portable-int8"]));
    #[cfg(target_arch = "x86_64")]
    {
        assert_eq!(
            names.contains(&"avx512"),
            is_x86_feature_detected!("avx512f")
        );
        assert_eq!(
            names.contains(&"avx512vnni"),
            is_x86_feature_detected!("avx512vnni") && is_x86_feature_detected!("avx512bw")
        );
        // Where tiles multiply wrongly there is no such kernel; but then it is the kernel or the machine that needs care.
        let tiles = x86_64::amx::permission::unit();
        assert_eq!(
            names.contains(&"amx"),
            tiles.int8 && tiles.bf16 && is_x86_feature_detected!("avx512bw")
        );
        let avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        assert_eq!(names.contains(&"avx2"), avx2);
        assert_eq!(
            names.contains(&"avxvnni"),
            is_x86_feature_detected!("avxvnni") && avx2
        );
    }
    #[cfg(all(target_arch = "aarch64", target_endian = "little"))]
    {
        use std::arch::is_aarch64_feature_detected;
        for (name, detected) in [
            ("neon", is_aarch64_feature_detected!("neon")),
            ("dotprod", is_aarch64_feature_detected!("dotprod")),
            ("i8mm", is_aarch64_feature_detected!("i8mm")),
        ] {
            assert_eq!(names.contains(&name), detected, "{name}");
        }
    }
    // CI demands kernels by name: one that this processor lacks is then a failure, not a skip.
    let demanded = std::env::var("FIDIV_REQUIRE_KERNELS").unwrap_or_default();
    for name in demanded
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
    {
        assert!(
            names.contains(&name),
            "{name} was demanded, this processor has {names:?}"
        );
    }
    if let Ok(forced) = std::env::var(VARIABLE).map(|v| v.trim().to_owned())
        && !forced.is_empty()
    {
        assert_eq!(
            choose().unwrap().name,
            forced,
            "a forced kernel silently did not run"
        );
    }
}
