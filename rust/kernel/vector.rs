//! Everything of a vector kernel but its register tile and its scan, written once: kernels of one form of code differ only in widths and in the features
//! they are compiled for.

/// Implements [`Kernel`](super::Kernel) for `$token`, which implements the `Micro` of `$family`, the module of loops. `$code` is the form of its codes,
/// `$scan` the scan of these vectors, `$features` what the token proves; `$mix`, where there is one, multiplies second slices fast.
macro_rules! vector_kernel {
    ($token:ident, $name:literal, $family:ident, $code:ident, $rate:expr, $scan:path, $features:literal $(, $mix:path)?) => {
        mod compiled {
            //! The portable sources, compiled for this kernel's vectors.
            use super::$token;
            use crate::bound::Bound;
            use crate::bound::threshold::{self, Sides, Thresholds, Windows};
            use crate::codes::{self, Facts, $code};
            use crate::distance::{self, Row};
            use crate::kernel::gram;
            use crate::kernel::scan;
            use crate::kernel::$family::{self, Micro};
            use crate::kernel::{Layout, Line, Survivor, Tally, Units};

            #[target_feature(enable = $features)]
            pub fn squared(x: Row<'_>, y: Row<'_>) -> f64 {
                distance::squared(x, y)
            }

            #[target_feature(enable = $features)]
            pub fn near(x: &[f32], y: &[f32]) -> f32 {
                distance::near(x, y)
            }

            #[target_feature(enable = $features)]
            pub fn outer(bound: &Bound, sides: Sides<'_>, windows: &Windows, out: &mut Thresholds) {
                threshold::outer(bound, sides, windows, out);
            }

            #[target_feature(enable = $features)]
            pub fn inner(bound: &Bound, sides: Sides<'_>, windows: &Windows, out: &mut Thresholds) {
                threshold::inner(bound, sides, windows, out);
            }

            #[target_feature(enable = $features)]
            pub fn tally(
                tile: &[f32],
                outer: &Thresholds,
                inner: &Thresholds,
                count: usize,
                tally: &mut Tally,
                between: &mut Vec<Survivor>,
            ) {
                scan::tally(tile, outer, inner, count, tally, between);
            }

            #[target_feature(enable = $features)]
            pub fn best(tile: &[f32], rows: &Units, columns: &Units, best: &mut scan::Best) {
                scan::best(tile, rows, columns, best);
            }

            #[target_feature(enable = $features)]
            pub fn pack(
                layout: Layout,
                codes: &[u8],
                index: usize,
                depth: usize,
                block: &mut [Line],
            ) {
                const MR: usize = <$token as Micro>::MR;
                const NR: usize = <$token as Micro>::NR;
                const GROUP: usize = <$token as Micro>::GROUP;
                const BIASED: bool = <$token as Micro>::BIASED;
                match layout {
                    Layout::Rows => {
                        $family::pack::<MR, GROUP>(BIASED, layout, codes, index, depth, block)
                    }
                    Layout::Columns => {
                        $family::pack::<NR, GROUP>(BIASED, layout, codes, index, depth, block)
                    }
                }
            }

            #[target_feature(enable = $features)]
            pub fn encode(row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [u8]) {
                codes::encode::<$code>(row, centre, factor, codes);
            }

            #[target_feature(enable = $features)]
            pub fn encode_rest(row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [i8]) {
                codes::encode_rest::<$code>(row, centre, factor, codes);
            }

            #[target_feature(enable = $features)]
            pub fn measure(row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
                codes::measure::<$code>(row, centre, exponent)
            }

            #[target_feature(enable = $features)]
            pub fn pack_columns(
                rows: Row<'_>,
                width: usize,
                start: usize,
                frame: [&[f64]; 2],
                panel: &mut [f64],
                sums: [&mut [f64; gram::PANEL]; 2],
            ) {
                gram::pack(rows, width, start, frame, panel, sums);
            }

            #[target_feature(enable = $features)]
            pub fn thin(
                rows: Row<'_>,
                frame: [&[f64]; 4],
                vectors: &[[f64; gram::THIN]],
                out: &mut [[f64; gram::THIN]],
                scratch: &mut Vec<[f64; gram::STEP]>,
            ) {
                gram::thin_with::<true>(rows, frame, vectors, out, scratch);
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
                <Self as Micro>::WIDEST
            }

            fn rate(&self) -> f64 {
                $rate
            }

            fn precision(&self, depth: usize) -> Precision {
                <Self as Micro>::precision(self, depth)
            }

            fn group(&self, layout: Layout) -> usize {
                match layout {
                    Layout::Rows => <Self as Micro>::MR,
                    Layout::Columns => <Self as Micro>::NR,
                }
            }

            fn block_bytes(&self, layout: Layout, depth: usize) -> usize {
                $family::block_bytes(self.group(layout), <Self as Micro>::GROUP, depth)
            }

            fn pack(
                &self,
                layout: Layout,
                codes: &[u8],
                index: usize,
                depth: usize,
                block: &mut [Line],
            ) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::pack(layout, codes, index, depth, block) }
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

            fn outer(
                &self,
                bound: &Bound,
                sides: Sides<'_>,
                windows: &Windows,
                out: &mut Thresholds,
            ) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::outer(bound, sides, windows, out) }
            }

            fn inner(
                &self,
                bound: &Bound,
                sides: Sides<'_>,
                windows: &Windows,
                out: &mut Thresholds,
            ) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::inner(bound, sides, windows, out) }
            }

            fn scan(&self, tile: &[f32], thresholds: &Thresholds, survivors: &mut Vec<Survivor>) {
                assert!(thresholds.count <= BLOCK && tile.len() >= thresholds.count * BLOCK);
                // SAFETY: the token proves that the processor has the features; the tile holds a row of BLOCK products for every row.
                unsafe { $scan(tile, thresholds, survivors) }
            }

            fn tally(
                &self,
                tile: &[f32],
                outer: &Thresholds,
                inner: &Thresholds,
                count: usize,
                tally: &mut Tally,
                between: &mut Vec<Survivor>,
            ) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::tally(tile, outer, inner, count, tally, between) }
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

            fn encode_rest(&self, row: Row<'_>, centre: &[f64], factor: f64, codes: &mut [i8]) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::encode_rest(row, centre, factor, codes) }
            }

            $(
                fn fine(&self) -> bool {
                    true
                }

                fn mix(
                    &self,
                    x: $crate::kernel::fine::FineRow<'_>,
                    y: $crate::kernel::fine::FineRow<'_>,
                ) -> i32 {
                    // SAFETY: the token proves that the processor has the features.
                    unsafe { $mix(x, y) }
                }
            )?

            fn measure(&self, row: Row<'_>, centre: &[f64], exponent: i32) -> Facts {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::measure(row, centre, exponent) }
            }

            fn pack_columns(
                &self,
                rows: Row<'_>,
                width: usize,
                start: usize,
                frame: [&[f64]; 2],
                panel: &mut [f64],
                sums: [&mut [f64; crate::kernel::gram::PANEL]; 2],
            ) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::pack_columns(rows, width, start, frame, panel, sums) }
            }

            fn fold(&self, left: &[f64], right: &[f64], block: &mut crate::kernel::gram::Block) {
                use crate::kernel::gram;
                const FOLD: gram::Fold = gram::fold_of($features);
                assert!(left.len() == right.len() && left.len() % gram::PANEL == 0);
                // SAFETY: the token proves that the processor has the features; the lengths were checked in the line above.
                unsafe { FOLD(left, right, block) }
            }

            fn thin(
                &self,
                rows: Row<'_>,
                frame: [&[f64]; 4],
                vectors: &[[f64; crate::kernel::gram::THIN]],
                out: &mut [[f64; crate::kernel::gram::THIN]],
                scratch: &mut Vec<[f64; crate::kernel::gram::STEP]>,
            ) {
                // SAFETY: the token proves that the processor has the features.
                unsafe { compiled::thin(rows, frame, vectors, out, scratch) }
            }
        }
    };
}
pub(crate) use vector_kernel;
