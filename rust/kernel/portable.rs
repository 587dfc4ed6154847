//! Plain Rust: runs everywhere, and is what every other kernel is compared with.

use super::{BLOCK, Kernel, Layout, Line, Survivor, float32, int8, scan};
use crate::bound::Precision;
use crate::bound::threshold::Thresholds;
use crate::codes::{self, Code, Facts, Float32, Int8};
use crate::distance::Row;

/// Float32 codes without intrinsics.
pub struct Portable;

/// Int8 codes without intrinsics.
pub struct PortableInt8;

const MR: usize = 4;
const NR: usize = 8;
const GROUP: usize = 4;

impl float32::Micro for Portable {
    const MR: usize = MR;
    const NR: usize = NR;

    fn micro(
        &self,
        rows: &[f32],
        columns: &[f32],
        tile: &mut [f32],
        first: bool,
        _ahead: [*const f32; 2],
    ) {
        let mut sums = [[0.0f32; NR]; MR];
        let groups = rows.as_chunks::<MR>().0.iter();
        for (x, y) in groups.zip(columns.as_chunks::<NR>().0) {
            for (sum, &x) in sums.iter_mut().zip(x) {
                for (sum, &y) in sum.iter_mut().zip(y) {
                    *sum += x * y;
                }
            }
        }
        for (out, sum) in tile.chunks_mut(BLOCK).zip(sums) {
            for (out, sum) in out.iter_mut().zip(sum) {
                *out = if first { sum } else { *out + sum };
            }
        }
    }
}

impl int8::Micro for PortableInt8 {
    const MR: usize = MR;
    const NR: usize = NR;
    const GROUP: usize = GROUP;
    const BIASED: bool = false;

    fn micro(
        &self,
        rows: &[i8],
        columns: &[i8],
        tile: &mut [i32],
        slab: int8::Slab<'_>,
        _ahead: [*const i8; 2],
    ) {
        let [rows, columns] = [rows, columns].map(|codes| codes.as_chunks::<GROUP>().0);
        let mut sums = [[0i32; NR]; MR];
        let groups = rows.as_chunks::<MR>().0.iter();
        for (x, y) in groups.zip(columns.as_chunks::<NR>().0) {
            for (sum, x) in sums.iter_mut().zip(x) {
                for (sum, y) in sum.iter_mut().zip(y) {
                    for (&x, &y) in x.iter().zip(y) {
                        *sum += i32::from(x) * i32::from(y);
                    }
                }
            }
        }
        for (out, sum) in tile.chunks_mut(BLOCK).zip(sums) {
            for (out, sum) in out.iter_mut().zip(sum) {
                let sum = if slab.first.is_some() {
                    sum
                } else {
                    *out + sum
                };
                *out = if slab.last {
                    (sum as f32).to_bits() as i32
                } else {
                    sum
                };
            }
        }
    }
}

macro_rules! portable_kernel {
    ($token:ty, $name:literal, $family:ident, $code:ident, $rate:expr) => {
        impl Kernel for $token {
            fn name(&self) -> &'static str {
                $name
            }

            fn code(&self) -> &'static str {
                <$code as Code>::NAME
            }

            fn code_bytes(&self) -> usize {
                size_of::<<$code as Code>::Value>()
            }

            fn widest(&self) -> usize {
                $family::WIDEST
            }

            fn rate(&self) -> f64 {
                $rate
            }

            fn precision(&self, depth: usize) -> Precision {
                $family::precision(depth)
            }

            fn group(&self, layout: Layout) -> usize {
                match layout {
                    Layout::Rows => MR,
                    Layout::Columns => NR,
                }
            }

            fn block_bytes(&self, layout: Layout, depth: usize) -> usize {
                $family::block_bytes(self.group(layout), GROUP, depth)
            }

            fn pack(
                &self,
                layout: Layout,
                codes: &[u8],
                index: usize,
                depth: usize,
                block: &mut [Line],
            ) {
                match layout {
                    Layout::Rows => {
                        $family::pack::<MR, GROUP>(false, layout, codes, index, depth, block)
                    }
                    Layout::Columns => {
                        $family::pack::<NR, GROUP>(false, layout, codes, index, depth, block)
                    }
                }
            }

            fn products(
                &self,
                blocks: [&[Line]; 2],
                likely: Option<[&[Line]; 2]>,
                depth: usize,
                tile: &mut [f32],
            ) {
                $family::products(self, blocks, likely, depth, tile);
            }

            fn scan(&self, tile: &[f32], thresholds: &Thresholds, survivors: &mut Vec<Survivor>) {
                scan::scan(tile, thresholds, survivors);
            }

            fn encode(&self, row: Row<'_>, centre: &[f64], factor: f64, out: &mut [u8]) {
                codes::encode::<$code>(row, centre, factor, out);
            }

            fn measure(&self, row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
                codes::measure::<$code>(row, centre, exponent)
            }
        }
    };
}

portable_kernel!(Portable, "portable", float32, Float32, 8.0);
portable_kernel!(PortableInt8, "portable-int8", int8, Int8, 8.0);
