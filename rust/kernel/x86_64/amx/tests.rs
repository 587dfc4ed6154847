//! How tiles are summed: the plain function against exact arithmetic rounded once, and the kernels' machine code against both. Where there are no tiles, the
//! machine code runs emulated; then this proves layouts and the order of instructions, and only a processor with tiles proves its arithmetic.

use super::bf16::{AmxBf16, awkward, follows, precision};
use super::check::{Check, Multiply};
use super::documented::{flushed, fused, tdpbf16ps};
use super::int8::right;
use super::*;
use crate::kernel::{Kernel, TILE_ROWS, VARIABLE, panel};
use core::arch::asm;

/// The kernel, real or emulated, unless another is forced.
fn kernel() -> Option<AmxBf16> {
    if std::env::var(VARIABLE).is_ok_and(|forced| !["", "amx"].contains(&forced.as_str())) {
        return None;
    }
    let real = AmxBf16::new();
    let name = if real.is_some() { "real" } else { "emulated" };
    #[cfg(target_os = "linux")]
    let kernel = real.or_else(AmxBf16::emulated);
    #[cfg(not(target_os = "linux"))]
    let kernel = real;
    println!(
        "tiles of bfloat16 are {}",
        if kernel.is_some() { name } else { "not here" }
    );
    kernel
}

/// `a + b` of doubles, rounded to odd: not to the nearest, but to the neighbour whose last digit is one. Rounding that to float32 gives what rounding once would.
fn to_odd(a: f64, b: f64) -> f64 {
    let sum = a + b;
    let back = sum - a;
    let error = (a - (sum - back)) + (b - back);
    if error == 0.0 || sum.to_bits() & 1 == 1 {
        sum
    } else if (error > 0.0) == (sum > 0.0) {
        f64::from_bits(sum.to_bits() + 1)
    } else {
        f64::from_bits(sum.to_bits() - 1)
    }
}

/// The nearest float32; zero if it would be tiny with 24 digits and any exponent.
fn rounded(x: f64) -> f32 {
    let up = (1u128 << 100) as f64;
    let near = x as f32;
    if x.abs() < f64::from(f32::MIN_POSITIVE)
        && f64::from((x * up) as f32) < f64::from(f32::MIN_POSITIVE) * up
        && f64::from((x * up) as f32) > -f64::from(f32::MIN_POSITIVE) * up
    {
        0.0_f32.copysign(near)
    } else {
        near
    }
}

/// The documented fused step, in doubles: bfloat16 products are exact in them.
fn step(a: f32, b: f32, c: f32) -> f32 {
    rounded(to_odd(
        f64::from(flushed(a)) * f64::from(flushed(b)),
        f64::from(flushed(c)),
    ))
}

/// The documented order, one sum at a time, from codes by row and by column.
fn plainly(x: &[u16], y: &[u16], mut sum: f32) -> f32 {
    let value = |code: u16| f32::from_bits(u32::from(code) << 16);
    for (x, y) in x.chunks(32).zip(y.chunks(32)) {
        let (mut even, mut odd) = (0.0, 0.0);
        for k in 0..16 {
            even = step(value(x[2 * k]), value(y[2 * k]), even);
            odd = step(value(x[2 * k + 1]), value(y[2 * k + 1]), odd);
        }
        sum = step(sum, 1.0, step(even, 1.0, odd));
    }
    sum
}

/// [`plainly`] for a panel of rows and one of columns.
fn panel_plainly([rows, columns]: [&[Line]; 2]) -> [[u32; ROWS]; ROWS] {
    let [rows, columns] = [rows, columns].map(bytemuck::cast_slice::<Line, [u16; 32]>);
    let depth = 2 * rows.len();
    let row =
        |r: usize| -> Vec<u16> { (0..depth).map(|k| rows[k / 32 * 16 + r][k % 32]).collect() };
    let column =
        |c: usize| -> Vec<u16> { (0..depth).map(|k| columns[k / 2][2 * c + k % 2]).collect() };
    let columns: Vec<_> = (0..ROWS).map(column).collect();
    std::array::from_fn(|r| {
        let row = row(r);
        std::array::from_fn(|c| plainly(&row, &columns[c], 0.0).to_bits())
    })
}

#[test]
fn a_million_sums_have_the_bits_that_are_documented() {
    let Some(kernel) = kernel() else { return };
    assert_eq!(
        Micro::precision(&kernel, 64),
        precision(true, 64),
        "the check at the start"
    );
    // SAFETY: a kernel can only be had where tiles may be used.
    let tiles = unsafe { Tiles::configured() };
    let multiply: Multiply<'_> = &mut |rows, columns, tile, place| {
        kernel.micro(&tiles, rows, columns, tile, place, rows[0].as_ptr());
    };
    let trials = 1_000_000_usize.div_ceil(WIDE * WIDE) as u64;
    for seed in 1..=trials {
        let check = match seed % 4 {
            // Any exponents that keep sums finite, and any signs: what is large decides, or cancels.
            0 => Check::new(seed, |_, _, random| {
                (random as u16 & 0xbfff | 0x2000).to_le_bytes()
            }),
            // All of one size, alternating: chains cancel to their last digits.
            1 => Check::new(seed, |_, at, random| {
                ((at as u16 & 4) << 13 | 0x3f80 | random as u16 & 3).to_le_bytes()
            }),
            // All small.
            2 => Check::new(seed, |_, at, random| awkward(1, at, random).to_le_bytes()),
            _ => Check::new(seed, |half, at, random| {
                awkward(half, at, random).to_le_bytes()
            }),
        };
        assert!(check.holds(multiply, panel_plainly), "seed {seed}");
    }
    println!("{} sums agree", trials as usize * WIDE * WIDE);
}

#[test]
fn the_plain_function_rounds_once_and_flushes_as_the_processor_does() {
    if !is_x86_feature_detected!("fma") {
        return;
    }
    /// The processor's own operation, with denormals as zero and flushed.
    fn processor(a: f32, b: f32, mut c: f32) -> f32 {
        let (flush, mut kept) = (0x9fc0_u32, 0_u32);
        // SAFETY: FMA was detected; the floating-point mode is put back before anything else runs.
        unsafe {
            asm!(
                "stmxcsr [{kept}]",
                "ldmxcsr [{flush}]",
                "vfmadd231ss {c}, {a}, {b}",
                "ldmxcsr [{kept}]",
                kept = in(reg) &raw mut kept,
                flush = in(reg) &raw const flush,
                a = in(xmm_reg) a,
                b = in(xmm_reg) b,
                c = inout(xmm_reg) c,
                options(nostack),
            );
        }
        c
    }
    #[target_feature(enable = "fma")]
    fn plain(a: f32, b: f32, c: f32) -> f32 {
        fused(flushed(a), flushed(b), flushed(c))
    }
    let tiny = f32::MIN_POSITIVE;
    let mut state = 1_u64;
    let mut random = || {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        state >> 32
    };
    let (mut edges, mut zeros) = (0, 0);
    for trial in 0..4_000_000_u32 {
        let code = |bits: u64| f32::from_bits((bits as u32) << 16);
        let (a, b, c) = match trial % 4 {
            // Any codes and any sum (not beyond float32).
            0 => (
                code(random() & 0xbfff),
                code(random() & 0xbfff),
                f32::from_bits(random() as u32 & 0xbfff_ffff),
            ),
            // A product against a sum of its size.
            1 => {
                let (a, b) = (code(0x3f00 + random() % 512), code(0xbf00 + random() % 512));
                (
                    a,
                    b,
                    f32::from_bits((-a * b).to_bits() ^ (random() as u32 & 0x1ff)),
                )
            }
            // Around the smallest normal number, both ways.
            2 => (
                code(0x2000 + random() % 256),
                code(0x1f80 + random() % 256),
                f32::from_bits(tiny.to_bits() + random() as u32 % 0x100_0000)
                    * if trial % 8 == 2 { 1.0 } else { -1.0 },
            ),
            // Just below it: the smallest normal number less a fraction of its last digit and a half.
            _ => (
                code(0x1c00 + random() % 256),
                code(0x8000 + 0x1700 + random() % 0x200),
                tiny,
            ),
        };
        let want = processor(a, b, c);
        // SAFETY: FMA was detected.
        let got = unsafe { plain(a, b, c) };
        assert_eq!(got.to_bits(), want.to_bits(), "{a:e} {b:e} {c:e}");
        assert_eq!(step(a, b, c).to_bits(), want.to_bits(), "{a:e} {b:e} {c:e}");
        edges += u32::from(a.mul_add(b, c).abs() == tiny);
        zeros += u32::from(want == 0.0 && a * b != -c);
    }
    assert!(edges > 1000 && zeros > 1000, "{edges} {zeros}");
}

/// Multiplications in plain Rust that a processor could have: each product step by step into the sum, as `add` does it.
fn other(add: fn(f32, f32, f32) -> f32, order: fn(usize) -> usize) -> bool {
    follows(0, &mut |rows, columns, tile, place| {
        let value = |line: &Line, at: usize| {
            f32::from_bits(u32::from(bytemuck::cast::<_, [u16; 32]>(*line)[at]) << 16)
        };
        for r in 0..WIDE {
            for c in 0..WIDE {
                let cell = &mut tile[r * BLOCK + c];
                let mut sum = if place.first {
                    0.0
                } else {
                    f32::from_bits(*cell)
                };
                let (rows, columns) = (rows[r / ROWS], columns[c / ROWS]);
                for chunk in 0..rows.len() / ROWS {
                    for at in (0..32).map(order) {
                        let x = value(&rows[chunk * ROWS + r % ROWS], at);
                        let y = value(&columns[chunk * ROWS + at / 2], 2 * (c % ROWS) + at % 2);
                        sum = add(x, y, sum);
                    }
                }
                *cell = sum.to_bits();
            }
        }
    })
}

#[test]
fn other_orders_and_roundings_are_seen_and_get_the_general_bound() {
    if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        return;
    }
    assert!(!other(step, |at| at), "one chain");
    assert!(!other(step, |at| 31 - at), "backwards");
    assert!(!other(step, |at| at / 2 + at % 2 * 16), "halves");
    // The documented order, but without flushing, or towards zero.
    type Add = fn(f32, f32, f32) -> f32;
    let chained = |add: Add| {
        let check = Check::new(0, |half, at, random| {
            awkward(half, at, random).to_le_bytes()
        });
        let mut panels = Vec::new();
        check.holds(
            &mut |rows, columns, tile, place| {
                panels.push((rows.map(<[Line]>::to_vec), columns.map(<[Line]>::to_vec)));
                if place.last {
                    for r in 0..WIDE {
                        for c in 0..WIDE {
                            let mut sum = 0.0;
                            for (rows, columns) in &panels {
                                let [x, y] = [&rows[r / ROWS], &columns[c / ROWS]]
                                    .map(|lines| bytemuck::cast_slice::<Line, [u16; 32]>(lines));
                                let value = |code: u16| f32::from_bits(u32::from(code) << 16);
                                for chunk in 0..x.len() / ROWS {
                                    let mut chains = [0.0; 2];
                                    for k in 0..32 {
                                        let x = x[chunk * ROWS + r % ROWS][k];
                                        let y = y[chunk * ROWS + k / 2][2 * (c % ROWS) + k % 2];
                                        chains[k % 2] = add(value(x), value(y), chains[k % 2]);
                                    }
                                    sum = add(sum, 1.0, add(chains[0], 1.0, chains[1]));
                                }
                            }
                            tile[r * BLOCK + c] = f32::to_bits(sum);
                        }
                    }
                }
            },
            panel_plainly,
        )
    };
    assert!(chained(step));
    assert!(!chained(|a, b, c| a.mul_add(b, c)), "subnormals kept");
    assert!(
        !chained(|a, b, c| {
            // Towards zero: round to odd, then cut.
            let odd = to_odd(f64::from(flushed(a)) * f64::from(flushed(b)), f64::from(c));
            let near = odd as f32;
            let cut = if f64::from(near).abs() > odd.abs() {
                f32::from_bits(near.to_bits() - 1)
            } else {
                near
            };
            flushed(cut)
        }),
        "towards zero"
    );
    for depth in [1, 31, 32, 33, 2048, 1 << 20] {
        let [sure, unsure] = [true, false].map(|documented| precision(documented, depth));
        assert_eq!(sure.unit * 2.0, unsure.unit);
        assert_eq!(sure.roundings, (17 + depth.div_ceil(32)) as f64);
        assert_eq!(unsure.roundings, (depth.div_ceil(32) * 32) as f64);
    }
}

#[test]
fn sums_as_documented_stay_within_their_bound() {
    if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        return;
    }
    let value = |code: u16| f64::from(f32::from_bits(u32::from(code) << 16));
    let mut nearest = 0.0_f64;
    for depth in [1, 2, 31, 32, 33, 64, 200, 2048] {
        // All of one sign, where roundings weigh most: every kind of last digits, and columns of ones that leave it to the rows.
        let code = |side: u64, i: usize, k: usize| -> u16 {
            let random =
                (side << 40 | (i << 20 | k) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
            match (i % 4, side) {
                (0, _) => 0x3f80 | random as u16 & 0x7f,
                (1, _) => 0x3f00 | random as u16 & 0xff,
                (2, 0) => {
                    if k < 2 {
                        0x3f80
                    } else {
                        0x3380 | random as u16 & 1
                    }
                }
                (2, _) => 0x3f80,
                _ => 0x3a00 | random as u16 & 0x5ff,
            }
        };
        let mut sums = [[0.0; ROWS]; ROWS];
        for chunk in (0..depth).step_by(32) {
            let here = |side, i: usize, k: usize| {
                if chunk + k < depth {
                    code(side, i, chunk + k)
                } else {
                    0
                }
            };
            let rows = std::array::from_fn(|r| std::array::from_fn(|k| here(0, r, k)));
            let columns =
                std::array::from_fn(|k| std::array::from_fn(|n| here(1, n / 2, 2 * k + n % 2)));
            // SAFETY: AVX2 and FMA were detected.
            unsafe { tdpbf16ps(&mut sums, &rows, &columns, ROWS) };
        }
        let Precision { unit, roundings } = precision(true, depth);
        let gamma = roundings * unit / (1.0 - roundings * unit);
        for (r, sums) in sums.iter().enumerate() {
            for (c, &sum) in sums.iter().enumerate() {
                // Exact, or nearly: products have 16 digits, and 2^11 of them are added.
                let truth: f64 = (0..depth)
                    .map(|k| value(code(0, r, k)) * value(code(1, c, k)))
                    .sum();
                let off = (f64::from(sum) - truth).abs() / (gamma * truth);
                assert!(off <= 1.0, "{depth} {r} {c}: {off}");
                nearest = nearest.max(off);
            }
        }
    }
    println!("of the bound, sums use at most {nearest:.2}");
    assert!(
        nearest > 0.2,
        "a bound that is never approached is suspicious: {nearest}"
    );
}

#[test]
fn the_plain_function_minds_its_depth_and_what_is_there_already() {
    if !is_x86_feature_detected!("avx2") || !is_x86_feature_detected!("fma") {
        return;
    }
    let code = |at: usize| {
        awkward(
            at as u64 / 32 % 2,
            at,
            (at as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
        )
    };
    let rows = std::array::from_fn(|r| std::array::from_fn(|k| code(32 * r + k)));
    let columns: [[u16; 32]; 16] =
        std::array::from_fn(|k| std::array::from_fn(|n| code(7 + 32 * k + n)));
    // Ordinary, subnormal (which count as zero) and both zeros.
    let sum = |r: usize, c: usize| [1.5, -1e-40, -0.0, 1e-36][(r + c) % 4];
    for depth in 0..=16 {
        let mut got = std::array::from_fn(|r| std::array::from_fn(|c| sum(r, c)));
        // SAFETY: AVX2 and FMA were detected.
        unsafe { tdpbf16ps(&mut got, &rows, &columns, depth) };
        for r in 0..ROWS {
            for c in 0..ROWS {
                let mut x = rows[r];
                x[2 * depth..].fill(0);
                let y: [u16; 32] = std::array::from_fn(|k| columns[k / 2][2 * c + k % 2]);
                let want = plainly(&x, &y, sum(r, c));
                assert_eq!(got[r][c].to_bits(), want.to_bits(), "{depth} {r} {c}");
            }
        }
    }
}

#[test]
fn int8_products_that_are_wrong_are_seen() {
    type Change = fn(i32, usize, usize) -> i32;
    let with = |change: Change, swapped: bool| {
        right(&mut |rows, columns, tile, place| {
            let code = |panel: &[Line], line: usize, at: usize| {
                i32::from(bytemuck::cast::<_, [i8; BYTES]>(panel[line])[at])
            };
            for r in 0..WIDE {
                for c in 0..WIDE {
                    let (rows, columns) = (rows[r / ROWS], columns[c / ROWS]);
                    let (i, j) = if swapped { (c, r) } else { (r, c) };
                    let (i, j) = (i % ROWS, j % ROWS);
                    let cell = &mut tile[r * BLOCK + c];
                    let mut sum = if place.first { 0 } else { *cell as i32 };
                    for line in 0..rows.len() {
                        let (tile, k) = (line / ROWS * ROWS, line % ROWS);
                        for at in 0..GROUP {
                            sum += code(rows, tile + i, GROUP * k + at)
                                * code(columns, line, GROUP * j + at);
                        }
                    }
                    sum = change(sum, r, c);
                    *cell = if place.last {
                        (sum as f32).to_bits()
                    } else {
                        sum as u32
                    };
                }
            }
        })
    };
    assert!(with(|sum, _, _| sum, false));
    assert!(!with(|sum, _, _| sum, true), "rows for columns");
    assert!(!with(|_, _, _| 0, false), "nothing");
    assert!(
        !with(|sum, r, c| sum + i32::from(r == 31 && c == 31), false),
        "off by one"
    );
}

/// The configuration of this thread's tiles.
fn configuration() -> [u8; 64] {
    let mut bytes = [1; 64];
    // SAFETY: the tests that ask have a kernel, so tiles may be used; 64 bytes are written.
    unsafe { asm!("sttilecfg [{}]", in(reg) &raw mut bytes, options(nostack)) };
    bytes
}

#[test]
fn a_product_takes_tiles_as_they_are_and_leaves_none_behind_not_even_in_a_panic() {
    let Some(kernel) = kernel() else { return };
    const DEPTH: usize = 40;
    let mut blocks = [Layout::Rows, Layout::Columns]
        .map(|layout| panel(kernel.block_bytes(layout, DEPTH)).unwrap());
    // Ones: 0x3f80. A row is packed into a whole panel, whose other rows become zero.
    let ones = [0x3f80_u16; DEPTH];
    for (block, layout) in blocks.iter_mut().zip([Layout::Rows, Layout::Columns]) {
        kernel.pack(layout, bytemuck::cast_slice(&ones), 3, DEPTH, block);
    }
    let blocks = [&blocks[0][..], &blocks[1][..]];
    let mut tile = vec![f32::NAN; TILE_ROWS * BLOCK];
    // Another's configuration: two rows of four bytes.
    let mut foreign = [0_u8; 64];
    (foreign[0], foreign[16], foreign[48]) = (1, 4, 2);
    // SAFETY: tiles may be used; 64 bytes are read.
    unsafe { asm!("ldtilecfg [{}]", in(reg) &raw const foreign, options(nostack, readonly)) };
    assert_eq!(configuration(), foreign);
    kernel.products(blocks, None, DEPTH, &mut tile);
    assert_eq!(configuration(), [0; 64]);
    for (at, &sum) in tile[..BLOCK * BLOCK].iter().enumerate() {
        let corner = at / BLOCK == 48 && at % BLOCK == 48;
        assert_eq!(sum, if corner { 40.0 } else { 0.0 }, "{at}");
    }
    let short = &mut tile[..100 * BLOCK];
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        kernel.products(blocks, None, DEPTH, short);
    }));
    assert!(panic.is_err());
    assert_eq!(configuration(), [0; 64]);
}
