//! Rates of every kernel this processor has: packing, products, scan and the settled distance. The answers are checked before anything is timed.
//!
//! `cargo bench --bench kernels` (one thread; add a kernel's name to see it alone)
//!
//! Beside the products stands their share of the core's peak: of what a loop of the kernel's own multiplying instruction does on registers alone, measured
//! right before on the same core. It is the peak of that instruction, which another one may exceed; portable code has none.

use std::hint::black_box;
use std::time::Instant;

use _core::bound::Bound;
use _core::bound::threshold::{Sides, Thresholds, Windows};
use _core::codes::{Coded, Frame};
use _core::distance::{self, Row};
use _core::kernel::{self, BLOCK, Kernel, Layout, TILE_ROWS, peak, scan};
use _core::points::Points;

/// Seconds of one call: the best of many batches, each long enough to be timed and short enough to pass between two interruptions.
fn seconds(mut work: impl FnMut()) -> f64 {
    let mut calls = 1;
    loop {
        let start = Instant::now();
        (0..calls).for_each(|_| work());
        if start.elapsed().as_secs_f64() > 0.001 {
            break;
        }
        calls *= 2;
    }
    let (start, mut best) = (Instant::now(), f64::INFINITY);
    for batch in 0..200 {
        let before = start.elapsed().as_secs_f64();
        if batch >= 5 && before > 0.5 {
            break;
        }
        (0..calls).for_each(|_| work());
        best = best.min((start.elapsed().as_secs_f64() - before) / f64::from(calls));
    }
    best
}

fn values(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state
                .wrapping_mul(6364136223846793005)
                .wrapping_add(1442695040888963407);
            (state >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        })
        .collect()
}

fn measure(kernel: &dyn Kernel, depth: usize) {
    let (a, b) = (values(BLOCK * depth, 1), values(BLOCK * depth, 2));
    let points = |name: &str, values| Points::from_f32(name, values, depth).expect("finite values");
    let (a, b) = (points("a", a), points("b", b));
    let frame = Frame::of(&[&a, &b]);
    let (ca, cb) = (
        Coded::new(&a, &frame, kernel).expect("memory"),
        Coded::new(&b, &frame, kernel).expect("memory"),
    );
    let make = |layout| kernel::panel(kernel.block_bytes(layout, depth)).expect("memory");
    let (mut rows, mut columns) = (make(Layout::Rows), make(Layout::Columns));
    let mut codes = Vec::new();
    let mut tile = kernel::panel(TILE_ROWS * BLOCK * size_of::<f32>()).expect("memory");
    let tile: &mut [f32] = bytemuck::cast_slice_mut(&mut tile);
    ca.pack(Layout::Rows, 0, &mut rows, None, &mut codes);
    cb.pack(Layout::Columns, 0, &mut columns, None, &mut codes);
    kernel.products([&rows, &columns], None, depth, tile);
    let centred = |p: &Points<'_>| -> Vec<f64> {
        (0..BLOCK * depth)
            .map(|at| p.value(at / depth, at % depth) - frame.centre[at % depth])
            .collect()
    };
    let (plain_a, plain_b) = (centred(&a), centred(&b));
    for (i, x) in plain_a.chunks_exact(depth).enumerate() {
        for (j, y) in plain_b.chunks_exact(depth).enumerate() {
            let truth: f64 = x.iter().zip(y).map(|(x, y)| x * y).sum();
            let unit = ca.facts[i].unit() * cb.facts[j].unit() * 2f64.powi(2 * frame.exponent);
            let got = f64::from(tile[i * BLOCK + j]) * unit;
            assert!(
                (got - truth).abs() < 3e-3 * (depth as f64).sqrt(),
                "{} ({i}, {j}): {got} is not {truth}",
                kernel.name()
            );
        }
        let (x, y) = (a.row(i), b.row(BLOCK - 1 - i));
        let (Row::F32(u), Row::F32(v)) = (x, y) else {
            unreachable!()
        };
        assert_eq!(kernel.squared(x, y), distance::squared(x, y));
        assert_eq!(kernel.near(u, v), distance::near(u, v));
        let measured = kernel.measure(x, &frame.centre, frame.exponent);
        let square: f64 = plain_a[i * depth..][..depth].iter().map(|x| x * x).sum();
        let scaled = square * 2f64.powi(-2 * frame.exponent);
        assert!((measured.square - scaled).abs() <= 1e-12 * scaled);
    }
    let pairs = (BLOCK * BLOCK) as f64;
    let turns = 1 << 10;
    let peak = peak::spin(kernel, turns).map(|multiplications| {
        let loops = seconds(|| {
            peak::spin(kernel, black_box(turns));
        });
        2.0 * multiplications as f64 / loops
    });
    let product = seconds(|| kernel.products([black_box(&rows), &columns], None, depth, tile));
    // The diagonal's products as thresholds: about half of the pairs survive.
    let mut thresholds = Thresholds {
        count: BLOCK,
        ..Thresholds::default()
    };
    thresholds.by.column = true;
    thresholds.columns.s = [1.0; BLOCK];
    thresholds.rows.s = [1.0; BLOCK];
    thresholds.rows.a = std::array::from_fn(|r| tile[r * (BLOCK + 1)]);
    let (mut survivors, mut expected) = (Vec::new(), Vec::new());
    scan::scan(tile, &thresholds, &mut expected);
    kernel.scan(tile, &thresholds, &mut survivors);
    assert!(expected.len() >= BLOCK && survivors == expected);
    survivors.clear();
    // Thresholds that nothing passes: by the column's windows alone, and by the row's and the column's.
    thresholds.rows.a = [1e30; BLOCK];
    thresholds.rows.p = [1e30; BLOCK];
    let [scan, full_scan] = [false, true].map(|row| {
        thresholds.by.row = row;
        let seconds = seconds(|| kernel.scan(black_box(tile), &thresholds, &mut survivors));
        assert!(survivors.is_empty());
        seconds
    });
    let sides = Sides {
        rows: &ca.facts,
        columns: &cb.facts,
        block: cb.blocks[0],
        exponent: frame.exponent,
    };
    let bound = Bound::new(kernel.precision(depth), depth);
    let (windows, mut thresholds) = (Windows::none(), Thresholds::default());
    let outer = seconds(|| kernel.outer(&bound, sides, black_box(&windows), &mut thresholds));
    let pack_rows = seconds(|| ca.pack(Layout::Rows, 0, &mut rows, None, &mut codes));
    let pack_columns = seconds(|| cb.pack(Layout::Columns, 0, &mut columns, None, &mut codes));
    let measure = seconds(|| {
        for i in 0..BLOCK {
            black_box(kernel.measure(a.row(i), &frame.centre, frame.exponent));
        }
    });
    let settle = seconds(|| {
        for i in 0..BLOCK {
            let (Row::F32(_), y) = (a.row(i), b.row(BLOCK - 1 - i)) else {
                unreachable!()
            };
            black_box(kernel.squared(a.row(i), y));
        }
    });
    let near = seconds(|| {
        for i in 0..BLOCK {
            let (Row::F32(x), Row::F32(y)) = (a.row(i), b.row(BLOCK - 1 - i)) else {
                unreachable!()
            };
            black_box(kernel.near(x, y));
        }
    });
    let elements = (BLOCK * depth) as f64;
    let rate = 2.0 * pairs * depth as f64 / product;
    let share = peak.map_or_else(
        || " ".repeat(18),
        |peak| format!("{:3.0} % of {:7.1}", 100.0 * rate / peak, peak / 1e9),
    );
    println!(
        "{:>13} {:>7} {depth:>5}   products {:7.1} Gop/s {share}   scan {:5.1}, {:4.1} Gpair/s   thresholds {:4.1} us   pack {:4.2} and {:4.2} ns   measure {:4.2} ns   near {:5.2} ns   settle {:5.2} ns an element",
        kernel.name(),
        kernel.code(),
        rate / 1e9,
        pairs / scan / 1e9,
        pairs / full_scan / 1e9,
        outer * 1e6,
        pack_rows / elements * 1e9,
        pack_columns / elements * 1e9,
        measure / elements * 1e9,
        near / elements * 1e9,
        settle / elements * 1e9,
    );
}

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let mut seen = Vec::new();
    for kernel in kernel::all_available()
        .into_iter()
        .flat_map(|level| level.kernels)
    {
        if seen.contains(&kernel.name()) {
            continue;
        }
        seen.push(kernel.name());
        if wanted.is_empty() || wanted.iter().any(|name| name == kernel.name()) {
            for depth in [16, 64, 256, 768, 2048] {
                measure(kernel.as_ref(), depth);
            }
        }
    }
}
