//! Kernels of x86-64 processors. Each file holds a token that only detection can make, a register tile and a scan.

pub mod avx2;
pub mod avx512;

/// The rest of a [`Kernel`](super::Kernel) that differs between float32 kernels only in widths and in the features it is compiled for.
macro_rules! float32_kernel {
    ($token:ty, $name:literal, $mr:expr, $nr:expr, $features:literal) => {
        mod compiled {
            //! The portable sources, compiled for this kernel's vectors.
            use crate::codes::{self, Facts};
            use crate::distance::{self, Row};
            use crate::kernel::float32;
            use crate::kernel::{ColumnScan, RowScan, Survivor, Tally};

            #[target_feature(enable = $features)]
            pub fn squared(x: Row<'_>, y: Row<'_>) -> f64 {
                distance::squared(x, y)
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
                float32::tally(tile, rows, columns, count, tally, between);
            }

            #[target_feature(enable = $features)]
            pub fn encode(row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [f32]) {
                codes::encode(row, centre, factor, codes);
            }

            #[target_feature(enable = $features)]
            pub fn measure(row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
                codes::measure(row, centre, exponent)
            }
        }

        impl Kernel for $token {
            fn name(&self) -> &'static str {
                $name
            }

            fn code(&self) -> &'static str {
                "float32"
            }

            fn precision(&self, depth: usize) -> Precision {
                float32::precision(depth)
            }

            fn group(&self, layout: Layout) -> usize {
                match layout {
                    Layout::Rows => $mr,
                    Layout::Columns => $nr,
                }
            }

            fn block_bytes(&self, layout: Layout, depth: usize) -> usize {
                float32::block_bytes(self.group(layout), depth)
            }

            fn pack(
                &self,
                layout: Layout,
                codes: Codes<'_>,
                index: usize,
                depth: usize,
                block: &mut [Line],
            ) {
                match layout {
                    Layout::Rows => float32::pack::<{ $mr }>(codes, index, depth, block),
                    Layout::Columns => float32::pack::<{ $nr }>(codes, index, depth, block),
                }
            }

            fn products(
                &self,
                blocks: [&[Line]; 2],
                likely: Option<[&[Line]; 2]>,
                depth: usize,
                tile: &mut [f32],
            ) {
                float32::products(self, blocks, likely, depth, tile);
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
                unsafe { scan(tile, rows, columns, survivors) }
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

            fn squared(&self, x: Row<'_>, y: Row<'_>) -> f64 {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::squared(x, y) }
            }

            fn encode(&self, row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [f32]) {
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
use float32_kernel;
