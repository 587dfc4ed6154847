//! Kernels of x86-64 processors. Each file holds a token that only detection can make, a register tile and a scan.

pub mod avx2;
pub mod avx512;
pub mod avx512vnni;

/// The rest of a [`Kernel`](super::Kernel): kernels of one form of code differ only in widths and in the features they are compiled for.
/// `$family` is the module of loops, `$code` the form, `$scan` the scan of these vectors.
macro_rules! vector_kernel {
    ($token:ty, $name:literal, $family:ident, $code:ident, $rate:expr, $scan:path, $features:literal) => {
        mod compiled {
            //! The portable sources, compiled for this kernel's vectors.
            use super::{MR, NR};
            use crate::codes::{self, Facts, $code};
            use crate::distance::{self, Row};
            use crate::kernel::scan;
            use crate::kernel::{
                ColumnScan, Layout, Line, RowScan, Survivor, Tally, Units, $family,
            };

            #[target_feature(enable = $features)]
            pub fn squared(x: Row<'_>, y: Row<'_>) -> f64 {
                distance::squared(x, y)
            }

            #[target_feature(enable = $features)]
            pub fn near(x: &[f32], y: &[f32]) -> f32 {
                distance::near(x, y)
            }

            #[target_feature(enable = $features)]
            pub fn tally(
                tile: &[f32],
                rows: [&[RowScan]; 2],
                columns: [&ColumnScan; 2],
                count: usize,
                tally: &mut Tally,
                between: &mut Vec<Survivor>,
            ) {
                scan::tally(tile, rows, columns, count, tally, between);
            }

            #[target_feature(enable = $features)]
            pub fn best(tile: &[f32], rows: &Units, columns: &Units, best: &mut scan::Best) {
                scan::best(tile, rows, columns, best);
            }

            #[target_feature(enable = $features)]
            pub fn pack(
                biased: bool,
                layout: Layout,
                codes: &[u8],
                index: usize,
                depth: usize,
                block: &mut [Line],
            ) {
                match layout {
                    Layout::Rows => {
                        $family::pack::<{ MR }>(biased, layout, codes, index, depth, block)
                    }
                    Layout::Columns => {
                        $family::pack::<{ NR }>(biased, layout, codes, index, depth, block)
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub fn encode(row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [u8]) {
                codes::encode::<$code>(row, centre, factor, codes);
            }

            #[target_feature(enable = $features)]
            pub fn measure(row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
                codes::measure::<$code>(row, centre, exponent)
            }
        }

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
                $family::block_bytes(self.group(layout), depth)
            }

            fn pack(
                &self,
                layout: Layout,
                codes: &[u8],
                index: usize,
                depth: usize,
                block: &mut [Line],
            ) {
                let biased = <Self as Micro>::BIASED;
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::pack(biased, layout, codes, index, depth, block) }
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

            fn scan(
                &self,
                tile: &[f32],
                rows: &[RowScan],
                columns: &ColumnScan,
                survivors: &mut Vec<Survivor>,
            ) {
                assert!(tile.len() >= rows.len() * BLOCK);
                // SAFETY: the token proves that the processor has the features; the tile holds a row of BLOCK products for every row.
                unsafe { $scan(tile, rows, columns, survivors) }
            }

            fn tally(
                &self,
                tile: &[f32],
                rows: [&[RowScan]; 2],
                columns: [&ColumnScan; 2],
                count: usize,
                tally: &mut Tally,
                between: &mut Vec<Survivor>,
            ) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::tally(tile, rows, columns, count, tally, between) }
            }

            fn best(&self, tile: &[f32], rows: &Units, columns: &Units, best: &mut Best) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::best(tile, rows, columns, best) }
            }

            fn squared(&self, x: Row<'_>, y: Row<'_>) -> f64 {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::squared(x, y) }
            }

            fn near(&self, x: &[f32], y: &[f32]) -> f32 {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::near(x, y) }
            }

            fn encode(&self, row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [u8]) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::encode(row, centre, factor, codes) }
            }

            fn measure(&self, row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::measure(row, centre, exponent) }
            }
        }
    };
}
use vector_kernel;
