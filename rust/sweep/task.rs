//! One task: a block of rows against a block of columns.
//!
//! ```text
//! products   the kernel's tile of inner products
//! windows    the widest window of every row and column over all questions, as thresholds
//! scan       most pairs end here
//! tally      in a crowded tile, questions that count take what is surely inside in bulk
//! judge      the others get an interval of their own, and every question hears of it; what an interval cannot decide
//!            is settled by the one exact distance
//! ```

use std::sync::MutexGuard;
use std::sync::atomic::Ordering::Relaxed;

use super::threshold::{Thresholds, Windows};
use super::{Job, State, Voice};
use crate::codes::power_of_two;
use crate::error::Result;
use crate::kernel::{BLOCK, Line, Survivor, TILE_ROWS, Tally};
use crate::question::{Answers, Settle, Shape, Side, TINY, raise};

/// More survivors than this make a tile crowded: one pair in eight.
const DENSE: usize = BLOCK * BLOCK / 8;

/// Working memory of one worker.
pub struct Scratch {
    tile: Vec<f32>,
    outer: Thresholds,
    inner: Thresholds,
    survivors: Vec<Survivor>,
    tally: Tally,
    /// Which voices still have to hear of this task's pairs.
    open: Vec<bool>,
}

impl Scratch {
    pub fn new() -> Self {
        Self {
            tile: vec![0.0; TILE_ROWS * BLOCK],
            outer: Thresholds::new(),
            inner: Thresholds::new(),
            survivors: Vec::new(),
            tally: Tally::default(),
            open: Vec::new(),
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
    pub fn count(&self, side: Side) -> usize {
        match side {
            Side::Rows => self.row_count,
            Side::Columns => self.column_count,
        }
    }

    pub fn start(&self, side: Side) -> usize {
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
        self.control.check()?;
        scratch.open.clear();
        for voice in &self.voices {
            scratch.open.push(!answers(held, voice).finished());
        }
        self.scan(blocks, held, scratch);
        if scratch.survivors.len() > DENSE && !blocks.diagonal {
            for v in 0..self.voices.len() {
                if scratch.open[v] && self.voices[v].counts {
                    self.tally(v, blocks, held, scratch)?;
                    scratch.open[v] = false;
                }
            }
            self.scan(blocks, held, scratch);
        }
        self.judge(blocks, held, scratch)?;
        self.control.advance(blocks.pairs());
        Ok(())
    }

    /// The windows of some voices.
    fn windows(
        &self,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        wanted: impl Fn(usize) -> bool,
    ) -> Windows {
        let mut windows = Windows::new();
        for (_, voice) in self.voices.iter().enumerate().filter(|(v, _)| wanted(*v)) {
            let factor = voice.shape == Shape::Product;
            if voice.shape != Shape::Other {
                answers(held, voice).widen(windows.side(voice.owner, factor));
            }
            if let Some(values) = &self.values[voice.ask] {
                let other = voice.owner.other();
                let values = &values[blocks.start(other)..][..blocks.count(other)];
                raise(windows.side(other, factor), values.iter().copied());
            }
        }
        windows
    }

    /// Leaves the pairs that some open voice must hear of.
    fn scan(&self, blocks: Blocks, held: &mut Held<'_, 'a>, scratch: &mut Scratch) {
        let windows = self.windows(blocks, held, |v| scratch.open[v]);
        scratch.outer.outer(self, blocks, &windows);
        scratch.survivors.clear();
        self.kernel.scan(
            &scratch.tile,
            &scratch.outer.rows,
            &scratch.outer.columns,
            &mut scratch.survivors,
        );
    }

    /// Counts for one voice, in bulk, the pairs of a crowded tile that are surely inside, and tells it of those that neither are nor are surely outside.
    fn tally(
        &self,
        v: usize,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let windows = self.windows(blocks, held, |other| other == v);
        scratch.outer.outer(self, blocks, &windows);
        scratch.inner.inner(self, blocks, &windows);
        scratch.tally.clear();
        scratch.survivors.clear();
        self.kernel.tally(
            &scratch.tile,
            [&scratch.outer.rows, &scratch.inner.rows],
            [&scratch.outer.columns, &scratch.inner.columns],
            blocks.column_count,
            &mut scratch.tally,
            &mut scratch.survivors,
        );
        let voice = &self.voices[v];
        answers(held, voice).count(match voice.owner {
            Side::Rows => &scratch.tally.rows[..blocks.row_count],
            Side::Columns => &scratch.tally.columns[..blocks.column_count],
        });
        let open = std::mem::take(&mut scratch.open);
        scratch.open = (0..open.len()).map(|other| other == v).collect();
        let judged = self.judge(blocks, held, scratch);
        scratch.open = open;
        judged
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
            let open = self.voices.iter().zip(&scratch.open);
            for (voice, _) in open.filter(|(_, open)| **open) {
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

/// The answers a voice speaks for.
fn answers<'h, 'a>(held: &'h mut Held<'_, 'a>, voice: &Voice) -> &'h mut (dyn Answers + 'a) {
    held.side(voice.owner)[voice.ask]
        .as_mut()
        .expect("the owner has answers")
        .as_mut()
}
