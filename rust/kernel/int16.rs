//! The loops that int16 kernels share: those of `int8` over the bytes of the codes, two of which make one. A group of four bytes holds two codes, which
//! machines multiply at once, adding both products to one 32-bit sum.
//!
//! Codes have ten bits, so that the sums are exact: 511 * 511 * [`WIDEST`] is below 2^31.

use super::{Layout, Line, int8};
use crate::codes::{Code, Int16};

pub use super::int8::Micro;

/// Rows may not be wider, or sums might not fit.
pub const WIDEST: usize = 8192;

/// Bytes of a code.
const BYTES: usize = size_of::<<Int16 as Code>::Value>();

/// Bytes of one packed block whose micro-panels are `width` wide.
pub fn block_bytes(width: usize, group: usize, depth: usize) -> usize {
    int8::block_bytes(width, group, BYTES * depth)
}

/// Packs one group of `WIDTH` rows of codes: a micro-panel in every slab.
#[inline(always)]
pub fn pack<const WIDTH: usize, const GROUP: usize>(
    biased: bool,
    layout: Layout,
    codes: &[u8],
    index: usize,
    depth: usize,
    block: &mut [Line],
) {
    int8::pack::<WIDTH, GROUP>(biased, layout, codes, index, BYTES * depth, block);
}

/// The loops of `int8`.
pub fn products<M: Micro>(
    micro: &M,
    blocks: [&[Line]; 2],
    likely: Option<[&[Line]; 2]>,
    depth: usize,
    tile: &mut [f32],
) {
    int8::products(micro, blocks, likely, BYTES * depth, tile);
}
