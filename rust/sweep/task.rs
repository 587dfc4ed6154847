//! One task: a block of rows against a block of columns.
//!
//! ```text
//! products   the kernel's tile of inner products
//! windows    the widest window of every row and column over all questions, as thresholds
//! scan       most pairs end here
//! judge      the others get an interval of their own, and every question hears of it; what an interval cannot decide
//!            is settled by the one exact distance
//! ```

use std::sync::MutexGuard;
use std::sync::atomic::Ordering::Relaxed;

use super::{Job, State, Voice};
use crate::bound::{above, below};
use crate::codes::power_of_two;
use crate::error::Result;
use crate::kernel::{BLOCK, ColumnScan, Line, RowScan, Survivor, TILE_ROWS};
use crate::question::{Answers, Settle, Shape, Side, TINY, raise};

/// Working memory of one worker.
pub struct Scratch {
    tile: Vec<f32>,
    rows: Vec<RowScan>,
    columns: Box<ColumnScan>,
    survivors: Vec<Survivor>,
}

impl Scratch {
    pub fn new() -> Self {
        let columns = ColumnScan {
            s: [1.0; BLOCK],
            h: [0.0; BLOCK],
            b: [0.0; BLOCK],
            v: [0.0; BLOCK],
        };
        Self {
            tile: vec![0.0; TILE_ROWS * BLOCK],
            rows: Vec::with_capacity(BLOCK),
            columns: Box::new(columns),
            survivors: Vec::new(),
        }
    }
}

/// The states of the two blocks a task owns; one, when it is a block with itself.
pub enum Held<'g, 'a> {
    Two(MutexGuard<'g, State<'a>>, MutexGuard<'g, State<'a>>),
    One(MutexGuard<'g, State<'a>>),
}

impl<'a> Held<'_, 'a> {
    fn side(&mut self, side: Side) -> &mut State<'a> {
        match (self, side) {
            (Self::Two(rows, _), Side::Rows) => rows,
            (Self::Two(_, columns), Side::Columns) => columns,
            (Self::One(both), _) => both,
        }
    }
}

/// The two blocks of a task: where they start and how many rows they have.
#[derive(Clone, Copy)]
pub struct Blocks {
    pub row_block: usize,
    pub column_block: usize,
    pub row_count: usize,
    pub column_count: usize,
    /// The two blocks are the same.
    pub diagonal: bool,
}

impl Blocks {
    fn start(&self, side: Side) -> usize {
        BLOCK
            * match side {
                Side::Rows => self.row_block,
                Side::Columns => self.column_block,
            }
    }

    /// How many pairs of points the task decides.
    pub fn pairs(&self) -> u64 {
        let (rows, columns) = (self.row_count as u64, self.column_count as u64);
        if self.diagonal {
            rows * (rows - 1) / 2
        } else {
            rows * columns
        }
    }
}

impl<'a> Job<'a> {
    /// Runs one task on its packed row block and column block; `likely` are those of the task that comes next.
    pub fn task(
        &self,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
        packed: [&[Line]; 2],
        likely: Option<[&[Line]; 2]>,
    ) -> Result<()> {
        let width = self.rows.points.width();
        self.kernel
            .products(packed, likely, width, &mut scratch.tile);
        self.windows(blocks, held, scratch);
        scratch.survivors.clear();
        self.kernel.scan(
            &scratch.tile,
            &scratch.rows,
            &scratch.columns,
            &mut scratch.survivors,
        );
        self.control.check()?;
        self.judge(blocks, held, scratch)?;
        self.control.advance(blocks.pairs());
        Ok(())
    }

    /// Lemma 3 of `bound`: thresholds of the scan.
    fn windows(&self, blocks: Blocks, held: &mut Held<'_, 'a>, scratch: &mut Scratch) {
        // The plain window of every row and column and its factor of the product, in the caller's units.
        let mut row = [[f64::NEG_INFINITY; BLOCK], [0.0; BLOCK]];
        let mut column = [[f64::NEG_INFINITY; BLOCK], [0.0; BLOCK]];
        for voice in &self.voices {
            let (owners, others, other_count) = match voice.owner {
                Side::Rows => (&mut row, &mut column, blocks.column_count),
                Side::Columns => (&mut column, &mut row, blocks.row_count),
            };
            let slot = usize::from(voice.shape == Shape::Product);
            if voice.shape != Shape::Other {
                answers(held, voice).widen(&mut owners[slot]);
            }
            if let Some(values) = &self.values[voice.ask] {
                let start = blocks.start(voice.owner.other());
                raise(
                    &mut others[slot],
                    values[start..start + other_count].iter().copied(),
                );
            }
        }
        let unit = power_of_two(-2 * self.frame.exponent);
        let scaled = |window: f64| window * unit * (1.0 + f64::EPSILON) + f64::MIN_POSITIVE;
        let columns = &mut scratch.columns;
        let mut floors = Floors::new();
        for (c, (&window, &factor)) in column[0].iter().zip(&column[1]).enumerate() {
            if c < blocks.column_count {
                let facts = &self.columns.facts[blocks.start(Side::Columns) + c];
                let s = power_of_two(-facts.shift);
                let (half, window) = (0.5 * facts.square, 0.5 * scaled(window));
                columns.s[c] = s as f32;
                columns.h[c] = below(half * s);
                columns.b[c] = above(window * s);
                columns.v[c] = above(factor * s);
                floors.column(s, half, window, factor);
            } else {
                columns.s[c] = 1.0;
                columns.h[c] = f32::MAX;
                columns.b[c] = f32::NEG_INFINITY;
                columns.v[c] = 0.0;
            }
        }
        let facts_of_columns = &self.columns.blocks[blocks.column_block];
        let facts = &self.rows.facts[blocks.start(Side::Rows)..][..blocks.row_count];
        scratch.rows.clear();
        for (facts, (&window, &factor)) in facts.iter().zip(row[0].iter().zip(&row[1])) {
            let s = power_of_two(-facts.shift);
            let mut scan = RowScan {
                a: self.bound.row_threshold(facts, facts_of_columns),
                s: s as f32,
                w: above(0.5 * scaled(window) * s),
                u: above(0.5 * scaled(factor) * s),
                floor: 0.0,
            };
            scan.floor = floors.row(&scan);
            scratch.rows.push(scan);
        }
    }

    /// Tells every voice of every survivor.
    fn judge(&self, blocks: Blocks, held: &mut Held<'_, 'a>, scratch: &mut Scratch) -> Result<()> {
        let unit = power_of_two(2 * self.frame.exponent);
        let (row_start, column_start) = (blocks.start(Side::Rows), blocks.start(Side::Columns));
        let mut known = Known::new(self, Side::Rows, row_start, column_start);
        for survivor in &scratch.survivors {
            let (row, column) = (usize::from(survivor.row), usize::from(survivor.column));
            if column >= blocks.column_count || (blocks.diagonal && row >= column) {
                continue;
            }
            let (i, j) = (row_start + row, column_start + column);
            let (low, high) = self.bound.interval(
                &self.rows.facts[i],
                &self.columns.facts[j],
                survivor.product,
            );
            // Where the bound knows nothing its ends are not numbers. TINY is more than squares that underflow can lose.
            let low = (low * unit - TINY).max(0.0).sqrt();
            let high = (high * unit + TINY).sqrt();
            let high = if high.is_nan() { f64::INFINITY } else { high };
            (known.pair, known.distance) = (Some((i, j)), None);
            for voice in &self.voices {
                let (own, other) = match voice.owner {
                    Side::Rows => (row, j),
                    Side::Columns => (column, i),
                };
                known.owner = voice.owner;
                answers(held, voice).hear(own, other as u32, low, high, &mut known);
            }
            if self.control.is_cancelled() {
                break;
            }
        }
        self.settled.fetch_add(known.settled, Relaxed);
        self.control.check()
    }

    /// The last distances that the answers of one block ask for. `side` owns the block.
    pub fn settle(&self, side: Side, block: usize, state: &mut State<'a>) -> Result<()> {
        let mut known = Known::new(self, side, block * BLOCK, block * BLOCK);
        for answers in state.iter_mut().flatten() {
            self.control.check()?;
            answers.settle(&mut known);
        }
        self.settled.fetch_add(known.settled, Relaxed);
        Ok(())
    }
}

/// Where questions get their distances. That of the pair being judged is remembered, since several questions may ask for it in turn.
struct Known<'j, 'a> {
    job: &'j Job<'a>,
    /// Where the block of rows and the block of columns start.
    rows: usize,
    columns: usize,
    /// Whose rows are counted within their block.
    owner: Side,
    /// The pair being judged.
    pair: Option<(usize, usize)>,
    /// Its distance, once asked for.
    distance: Option<f64>,
    settled: u64,
}

impl<'j, 'a> Known<'j, 'a> {
    fn new(job: &'j Job<'a>, owner: Side, rows: usize, columns: usize) -> Self {
        Self {
            job,
            rows,
            columns,
            owner,
            pair: None,
            distance: None,
            settled: 0,
        }
    }
}

impl Settle for Known<'_, '_> {
    fn distance(&mut self, row: usize, other: u32) -> f64 {
        let pair = match self.owner {
            Side::Rows => (self.rows + row, other as usize),
            Side::Columns => (other as usize, self.columns + row),
        };
        let judged = self.pair == Some(pair);
        if let (true, Some(distance)) = (judged, self.distance) {
            return distance;
        }
        let (rows, columns) = (self.job.rows.points, self.job.columns.points);
        let distance = self
            .job
            .kernel
            .squared(rows.row(pair.0), columns.row(pair.1))
            .sqrt();
        self.settled += 1;
        if judged {
            self.distance = Some(distance);
        }
        distance
    }
}

/// What bounds all thresholds of a row from below: `t = s_j (a + s_i h' - max(w, s_i b', u v'))`, where primes are the columns' values without their scale.
struct Floors {
    scales: (f64, f64),
    half: f64,
    half_less_window: f64,
    factor: f64,
}

impl Floors {
    fn new() -> Self {
        Self {
            scales: (f64::INFINITY, 0.0),
            half: f64::INFINITY,
            half_less_window: f64::INFINITY,
            factor: 0.0,
        }
    }

    fn column(&mut self, scale: f64, half: f64, window: f64, factor: f64) {
        self.scales = (self.scales.0.min(scale), self.scales.1.max(scale));
        self.half = self.half.min(half);
        self.half_less_window = self.half_less_window.min(half - window);
        self.factor = self.factor.max(factor);
    }

    fn row(&self, row: &RowScan) -> f32 {
        let [a, s, w, u] = [row.a, row.s, row.w, row.u].map(f64::from);
        // As in the scan, a product 0 x infinity is left out.
        let least = a + (s * self.half - w.max(u * self.factor)).min(s * self.half_less_window);
        below(
            least
                * if least < 0.0 {
                    self.scales.1
                } else {
                    self.scales.0
                },
        )
    }
}

/// The answers a voice speaks for.
fn answers<'h, 'a>(held: &'h mut Held<'_, 'a>, voice: &Voice) -> &'h mut (dyn Answers + 'a) {
    held.side(voice.owner)[voice.ask]
        .as_mut()
        .expect("the owner has answers")
        .as_mut()
}
