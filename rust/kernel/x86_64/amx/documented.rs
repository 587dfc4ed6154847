//! TDPBF16PS in plain Rust, as the manual of its maker documents it.
//!
//! ```text
//! for every row m and column n of the tile of sums:
//!     two chains, even and odd, start at +0
//!     for k in 0..16:  even = fma(row[m][2k], column[k][2n], even);  odd = fma(row[m][2k+1], column[k][2n+1], odd)
//!     sums[m][n] = sums[m][n] + (even + odd)
//! ```
//!
//! All round to nearest, ties to even; what is subnormal counts as zero before (DAZ) and becomes zero after (FTZ) every operation, signs stay; the thread's
//! floating-point mode plays no part. Which NaN comes out of which is not modelled; codes are finite and far from overflow.
//!
//! The bound of `bf16` relies on this order once the processor was seen to follow it; so does the emulator of the tests.

/// Rows, columns and groups of tiles.
const SIDE: usize = 16;

/// Adds the products of a tile of rows and a tile of columns to a tile of sums; only the first `depth` groups of codes count.
#[target_feature(enable = "avx2,fma")]
pub fn tdpbf16ps(
    sums: &mut [[f32; SIDE]; SIDE],
    rows: &[[u16; 2 * SIDE]; SIDE],
    columns: &[[u16; 2 * SIDE]; SIDE],
    depth: usize,
) {
    let columns: [[[f32; SIDE]; 2]; SIDE] = std::array::from_fn(|k| {
        [0, 1].map(|odd| std::array::from_fn(|n| value(columns[k][2 * n + odd])))
    });
    for (sums, row) in sums.iter_mut().zip(rows) {
        let row = row.map(value);
        let (mut chains, mut edge) = ([[0.0; SIDE]; 2], false);
        for (codes, columns) in row.as_chunks::<2>().0.iter().zip(&columns).take(depth) {
            for ((chain, code), column) in chains.iter_mut().zip(codes).zip(columns) {
                for (sum, value) in chain.iter_mut().zip(column) {
                    let next = code.mul_add(*value, *sum);
                    edge |= next.abs() == f32::MIN_POSITIVE;
                    *sum = flushed(next);
                }
            }
        }
        if edge {
            chains = slowly(&row, &columns, depth);
        }
        for (n, sum) in sums.iter_mut().enumerate() {
            // Sums that are tiny are exact, so nothing here was rounded up to the smallest normal number.
            *sum = flushed(flushed(*sum) + flushed(chains[0][n] + chains[1][n]));
        }
    }
}

/// The chains of one row, where some result is the smallest normal number: it may have been rounded up to it.
#[inline(always)]
fn slowly(
    row: &[f32; 2 * SIDE],
    columns: &[[[f32; SIDE]; 2]; SIDE],
    depth: usize,
) -> [[f32; SIDE]; 2] {
    let mut chains = [[0.0; SIDE]; 2];
    for (k, columns) in columns.iter().enumerate().take(depth) {
        for (odd, chain) in chains.iter_mut().enumerate() {
            for (sum, value) in chain.iter_mut().zip(&columns[odd]) {
                *sum = fused(row[2 * k + odd], *value, *sum);
            }
        }
    }
    chains
}

/// A fused multiply-add that flushes. Tiny is what is tiny *after rounding to 24 digits*, as if exponents had no end: just below the smallest normal number the
/// subnormal ones are wider apart than that, so a result may round up to it although it is tiny.
#[inline(always)]
pub fn fused(a: f32, b: f32, c: f32) -> f32 {
    let sum = a.mul_add(b, c);
    if sum.abs() == f32::MIN_POSITIVE {
        // The same far from underflow: exact scaling of the smaller factor (a product of normal size can only have come down to this by being exact).
        let up = f32::from_bits((127 + 64) << 23);
        let (large, small) = if a.abs() < b.abs() { (b, a) } else { (a, b) };
        let scaled = large.mul_add(small * up, c * up);
        if scaled.abs() < f32::MIN_POSITIVE * up {
            return 0.0_f32.copysign(sum);
        }
    }
    flushed(sum)
}

/// The value of a bfloat16, subnormals as zero.
#[inline(always)]
fn value(code: u16) -> f32 {
    flushed(f32::from_bits(u32::from(code) << 16))
}

/// Subnormals become zero, with their sign.
#[inline(always)]
pub fn flushed(x: f32) -> f32 {
    if x.abs() < f32::MIN_POSITIVE {
        0.0_f32.copysign(x)
    } else {
        x
    }
}
