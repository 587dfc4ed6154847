//! The tile unit of one thread, by the manual's pseudo-code.
//!
//! What the manual answers with a fault is refused here: the operation returns `None`, and the instruction stays illegal.

use crate::kernel::x86_64::amx::documented::tdpbf16ps;

/// Rows of a tile at most.
const ROWS: usize = 16;
/// Bytes of a row at most.
const BYTES: usize = 64;

/// Configuration and data of eight tiles.
pub struct Unit {
    configured: bool,
    start_row: u8,
    rows: [u8; 8],
    row_bytes: [u8; 8],
    tiles: [Tile; 8],
}

/// All that is beyond a tile's shape is zero.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Tile([[u8; BYTES]; ROWS]);

impl Tile {
    const ZERO: Self = Self([[0; BYTES]; ROWS]);
}

impl Unit {
    /// As after TILERELEASE.
    pub const INITIAL: Self = Self {
        configured: false,
        start_row: 0,
        rows: [0; 8],
        row_bytes: [0; 8],
        tiles: [Tile::ZERO; 8],
    };

    /// TILERELEASE.
    pub fn release(&mut self) -> Option<()> {
        *self = Self::INITIAL;
        Some(())
    }

    /// LDTILECFG.
    pub fn configure(&mut self, from: &[u8; 64]) -> Option<()> {
        if from[0] == 0 {
            return self.release();
        }
        let (shorts, rows) = (from[16..48].as_chunks::<2>().0, &from[48..]);
        let row_bytes: [u16; 16] = std::array::from_fn(|tile| u16::from_le_bytes(shorts[tile]));
        let shaped = |tile: usize| {
            let (rows, bytes) = (usize::from(rows[tile]), usize::from(row_bytes[tile]));
            rows <= ROWS && bytes <= BYTES && (rows == 0) == (bytes == 0)
        };
        let reserved = from[2..16].iter().all(|&byte| byte == 0)
            && (8..16).all(|tile| rows[tile] == 0 && row_bytes[tile] == 0);
        if from[0] != 1 || !reserved || !(0..8).all(shaped) {
            return None;
        }
        *self = Self {
            configured: true,
            start_row: from[1],
            rows: std::array::from_fn(|tile| rows[tile]),
            row_bytes: std::array::from_fn(|tile| row_bytes[tile] as u8),
            ..Self::INITIAL
        };
        Some(())
    }

    /// STTILECFG.
    pub fn configuration(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        bytes[0] = u8::from(self.configured);
        bytes[1] = self.start_row;
        for tile in 0..8 {
            bytes[16 + 2 * tile] = self.row_bytes[tile];
            bytes[48 + tile] = self.rows[tile];
        }
        bytes
    }

    /// Rows and bytes of a tile in use.
    fn shape(&self, tile: usize) -> Option<(usize, usize)> {
        (self.configured && self.rows[tile] > 0).then(|| {
            (
                usize::from(self.rows[tile]),
                usize::from(self.row_bytes[tile]),
            )
        })
    }

    /// TILEZERO.
    pub fn zero(&mut self, tile: usize) -> Option<()> {
        self.shape(tile)?;
        self.tiles[tile] = Tile::ZERO;
        self.start_row = 0;
        Some(())
    }

    /// TILELOADD.
    ///
    /// # Safety
    /// Row `r` can be read at `start + r * stride`.
    pub unsafe fn load(&mut self, tile: usize, start: u64, stride: u64) -> Option<()> {
        let (rows, bytes) = self.shape(tile)?;
        let first = usize::from(self.start_row);
        if first >= rows {
            return None;
        }
        let data = &mut self.tiles[tile].0;
        for (r, row) in data.iter_mut().enumerate().take(rows).skip(first) {
            let from = start.wrapping_add(stride.wrapping_mul(r as u64)) as *const u8;
            // SAFETY: the caller's rows; the tile is memory of our own.
            unsafe { core::ptr::copy_nonoverlapping(from, row.as_mut_ptr(), bytes) };
        }
        self.start_row = 0;
        Some(())
    }

    /// TILESTORED.
    ///
    /// # Safety
    /// Row `r` can be written at `start + r * stride`.
    pub unsafe fn store(&mut self, tile: usize, start: u64, stride: u64) -> Option<()> {
        let (rows, bytes) = self.shape(tile)?;
        let first = usize::from(self.start_row);
        if first >= rows {
            return None;
        }
        for (r, row) in self.tiles[tile].0.iter().enumerate().take(rows).skip(first) {
            let to = start.wrapping_add(stride.wrapping_mul(r as u64)) as *mut u8;
            // SAFETY: the caller's rows; the tile is memory of our own.
            unsafe { core::ptr::copy_nonoverlapping(row.as_ptr(), to, bytes) };
        }
        self.start_row = 0;
        Some(())
    }

    /// Rows of the sums, and groups of four bytes in a row of the rows (which are the rows of the columns), of a multiplication that makes sense.
    fn product(&self, [sums, rows, columns]: [usize; 3]) -> Option<(usize, usize)> {
        let [(m, wide), (rows_too, deep), (k, columns_too)] =
            [self.shape(sums)?, self.shape(rows)?, self.shape(columns)?];
        let distinct = sums != rows && sums != columns && rows != columns;
        let whole = wide % 4 == 0 && deep % 4 == 0;
        let fitting = m == rows_too && wide == columns_too && deep / 4 == k;
        (distinct && whole && fitting && self.start_row == 0).then_some((m, k))
    }

    /// TDPB(S|U)(S|U)D: products of bytes in fours, 32-bit sums that wrap.
    pub fn bytes(&mut self, signed: [bool; 2], tiles: [usize; 3]) -> Option<()> {
        let (m, k) = self.product(tiles)?;
        let [sums, rows, columns] = tiles.map(|tile| self.tiles[tile]);
        // SAFETY: the handler is only installed where there is AVX2.
        self.tiles[tiles[0]] = unsafe { products(signed, sums, &rows, &columns, m, k) };
        Some(())
    }

    /// TDPBF16PS.
    pub fn bf16(&mut self, tiles: [usize; 3]) -> Option<()> {
        let (m, k) = self.product(tiles)?;
        let wide = self.shape(tiles[0])?.1 / 4;
        let [sums, rows, columns] = tiles.map(|tile| self.tiles[tile]);
        let mut totals = bytemuck::cast::<_, [[f32; 16]; ROWS]>(sums.0);
        let [rows, columns] = [rows, columns].map(|tile| bytemuck::cast(tile.0));
        // SAFETY: the handler is only installed where there are AVX2 and FMA.
        unsafe { tdpbf16ps(&mut totals, &rows, &columns, k) };
        // Beyond the shape there were only zeros, whose sum is zero.
        debug_assert!(totals[m..].iter().flatten().all(|&x| x == 0.0));
        debug_assert!(
            totals
                .iter()
                .all(|row| row[wide..].iter().all(|&x| x == 0.0))
        );
        self.tiles[tiles[0]] = Tile(bytemuck::cast(totals));
        Some(())
    }
}

/// Sums and products of `m` rows and `k` groups.
#[target_feature(enable = "avx2")]
fn products(
    signed: [bool; 2],
    mut sums: Tile,
    rows: &Tile,
    columns: &Tile,
    m: usize,
    k: usize,
) -> Tile {
    let value = |byte: u8, signed: bool| {
        if signed {
            i32::from(byte as i8)
        } else {
            i32::from(byte)
        }
    };
    // Columns by their place within groups, so that a step has sixteen of them side by side. What is beyond the shape is zero and stays it.
    let columns: [[[i32; 16]; 4]; ROWS] = std::array::from_fn(|k| {
        std::array::from_fn(|i| std::array::from_fn(|n| value(columns.0[k][4 * n + i], signed[1])))
    });
    for (sums, row) in sums.0.iter_mut().zip(&rows.0).take(m) {
        let mut totals: [i32; 16] = bytemuck::cast(*sums);
        for (group, columns) in row.as_chunks::<4>().0.iter().zip(&columns).take(k) {
            for (&code, columns) in group.iter().zip(columns) {
                let code = value(code, signed[0]);
                for (total, other) in totals.iter_mut().zip(columns) {
                    *total = total.wrapping_add(code * other);
                }
            }
        }
        *sums = bytemuck::cast(totals);
    }
    sums
}
