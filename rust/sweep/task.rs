//! One task: a block of rows against a block of columns.
//!
//! ```text
//! products   the kernel's tile of inner products
//! windows    the widest window of every row and column over all questions, as thresholds
//! scan       most pairs end here
//! judge      the others by their own interval: nothing, inside, or undecided, question by question
//! tighten    the undecided pairs' upper bounds may close windows
//! settle     what is still undecided gets the one exact distance
//! ```

use std::sync::MutexGuard;
use std::sync::atomic::Ordering::Relaxed;

use super::{Job, State, Voice};
use crate::bound::{above, below};
use crate::codes::power_of_two;
use crate::error::Result;
use crate::kernel::{BLOCK, ColumnScan, Line, RowScan, Survivor, TILE_ROWS};
use crate::question::{Candidate, Hearing, Shape, Side};

/// Working memory of one worker.
pub struct Scratch {
    tile: Vec<f32>,
    rows: Vec<RowScan>,
    columns: Box<ColumnScan>,
    survivors: Vec<Survivor>,
    undecided: Vec<Undecided>,
    candidates: Vec<Candidate>,
}

/// A pair that some question waits for.
#[derive(Clone, Copy)]
struct Undecided {
    row: u16,
    column: u16,
    low: f64,
    high: f64,
    /// Bit `v`: voice `v` waits.
    voices: u64,
}

impl Undecided {
    /// Its place within the block of one side.
    fn place(&self, side: Side) -> usize {
        usize::from(match side {
            Side::Rows => self.row,
            Side::Columns => self.column,
        })
    }
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
            undecided: Vec::new(),
            candidates: Vec::new(),
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
    /// Runs one task.
    pub fn task(
        &self,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
        rows: &[Line],
        columns: &[Line],
    ) -> Result<()> {
        let width = self.rows.points.width();
        self.kernel
            .products(rows, columns, width, &mut scratch.tile);
        self.windows(blocks, held, scratch);
        scratch.survivors.clear();
        self.kernel.scan(
            &scratch.tile,
            &scratch.rows,
            &scratch.columns,
            &mut scratch.survivors,
        );
        self.control.check()?;
        self.judge(blocks, held, scratch);
        for (v, voice) in self.voices.iter().enumerate() {
            if voice.tightens {
                tighten(
                    v,
                    voice,
                    blocks,
                    held,
                    scratch,
                    self.values[voice.ask].as_deref(),
                );
            }
        }
        self.settle(blocks, held, scratch)
    }

    /// Lemma 3 of `bound`: thresholds of the scan.
    fn windows(&self, blocks: Blocks, held: &mut Held<'_, 'a>, scratch: &mut Scratch) {
        // Row window, column window, and the factors of the product, in the caller's units.
        let mut row = [[f64::NEG_INFINITY, 0.0]; BLOCK];
        let mut column = [[f64::NEG_INFINITY, 0.0]; BLOCK];
        for voice in &self.voices {
            let (owners, others) = match voice.owner {
                Side::Rows => (&mut row, &mut column),
                Side::Columns => (&mut column, &mut row),
            };
            let (owner_count, other_count) = match voice.owner {
                Side::Rows => (blocks.row_count, blocks.column_count),
                Side::Columns => (blocks.column_count, blocks.row_count),
            };
            let slot = usize::from(voice.shape == Shape::Product);
            if voice.shape != Shape::Other {
                let state = held.side(voice.owner);
                let answers = state[voice.ask].as_ref().expect("the owner has answers");
                for (r, owner) in owners.iter_mut().take(owner_count).enumerate() {
                    owner[slot] = owner[slot].max(answers.own(r));
                }
            }
            if let Some(values) = &self.values[voice.ask] {
                let start = blocks.start(voice.owner.other());
                for (other, &value) in others.iter_mut().zip(&values[start..start + other_count]) {
                    other[slot] = other[slot].max(value);
                }
            }
        }
        let unit = power_of_two(-2 * self.frame.exponent);
        let scaled = |window: f64| window * unit * (1.0 + f64::EPSILON) + f64::MIN_POSITIVE;
        let facts = &self.columns.blocks[blocks.column_block];
        scratch.rows.clear();
        for (r, window) in row.iter().take(blocks.row_count).enumerate() {
            let row = &self.rows.facts[blocks.start(Side::Rows) + r];
            let s = power_of_two(-row.shift);
            scratch.rows.push(RowScan {
                a: self.bound.row_threshold(row, facts),
                s: s as f32,
                w: above(0.5 * scaled(window[0]) * s),
                u: above(0.5 * scaled(window[1]) * s),
            });
        }
        for (c, window) in column.iter().enumerate() {
            if c < blocks.column_count {
                let facts = &self.columns.facts[blocks.start(Side::Columns) + c];
                let s = power_of_two(-facts.shift);
                scratch.columns.s[c] = s as f32;
                scratch.columns.h[c] = below(0.5 * facts.square * s);
                scratch.columns.b[c] = above(0.5 * scaled(window[0]) * s);
                scratch.columns.v[c] = above(window[1] * s);
            } else {
                scratch.columns.s[c] = 1.0;
                scratch.columns.h[c] = f32::MAX;
                scratch.columns.b[c] = f32::NEG_INFINITY;
                scratch.columns.v[c] = 0.0;
            }
        }
    }

    /// Asks every voice about every survivor.
    fn judge(&self, blocks: Blocks, held: &mut Held<'_, 'a>, scratch: &mut Scratch) {
        let unit = power_of_two(2 * self.frame.exponent);
        let (row_start, column_start) = (blocks.start(Side::Rows), blocks.start(Side::Columns));
        scratch.undecided.clear();
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
            let mut pair = Undecided {
                row: survivor.row,
                column: survivor.column,
                low: low * unit,
                high: high * unit,
                voices: 0,
            };
            for (v, voice) in self.voices.iter().enumerate() {
                match self.hears(voice, blocks, held, &pair) {
                    Hearing::Nothing => {}
                    Hearing::Inside => {
                        let own = pair.place(voice.owner);
                        answers(held, voice).inside(own);
                    }
                    Hearing::Undecided => pair.voices |= 1 << v,
                }
            }
            if pair.voices != 0 {
                scratch.undecided.push(pair);
            }
        }
    }

    fn hears(
        &self,
        voice: &Voice,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        pair: &Undecided,
    ) -> Hearing {
        let other = blocks.start(voice.owner.other()) + pair.place(voice.owner.other());
        let value = self.values[voice.ask].as_ref().map_or(0.0, |v| v[other]);
        let own = pair.place(voice.owner);
        answers(held, voice).hears(own, other as u32, value, pair.low, pair.high)
    }

    /// The exact distance of what is still undecided, told to every voice that waits for it.
    fn settle(&self, blocks: Blocks, held: &mut Held<'_, 'a>, scratch: &mut Scratch) -> Result<()> {
        let mut settled = 0;
        for pair in &scratch.undecided {
            let mut waiting = 0u64;
            for (v, voice) in self.voices.iter().enumerate() {
                if pair.voices & (1 << v) != 0
                    && self.hears(voice, blocks, held, pair) != Hearing::Nothing
                {
                    waiting |= 1 << v;
                }
            }
            if waiting == 0 {
                continue;
            }
            self.control.check()?;
            settled += 1;
            let i = blocks.start(Side::Rows) + usize::from(pair.row);
            let j = blocks.start(Side::Columns) + usize::from(pair.column);
            let squared = self
                .kernel
                .squared(self.rows.points.row(i), self.columns.points.row(j));
            let distance = squared.sqrt();
            for (v, voice) in self.voices.iter().enumerate() {
                if waiting & (1 << v) != 0 {
                    let (own, other) = match voice.owner {
                        Side::Rows => (usize::from(pair.row), j),
                        Side::Columns => (usize::from(pair.column), i),
                    };
                    let value = self.values[voice.ask].as_ref().map_or(0.0, |v| v[other]);
                    answers(held, voice).absorb(own, other as u32, value, distance);
                }
            }
        }
        self.settled.fetch_add(settled, Relaxed);
        self.control.advance(blocks.pairs());
        Ok(())
    }
}

/// The answers a voice speaks for.
fn answers<'h, 'a>(
    held: &'h mut Held<'_, 'a>,
    voice: &Voice,
) -> &'h mut (dyn crate::question::Answers + 'a) {
    held.side(voice.owner)[voice.ask]
        .as_mut()
        .expect("the owner has answers")
        .as_mut()
}

/// Groups the undecided pairs of one voice by its owner's row and lets the question close its windows.
fn tighten(
    v: usize,
    voice: &Voice,
    blocks: Blocks,
    held: &mut Held<'_, '_>,
    scratch: &mut Scratch,
    values: Option<&[f64]>,
) {
    let waits = |pair: &&Undecided| pair.voices & (1 << v) != 0;
    let mut ends = [0usize; BLOCK + 1];
    for pair in scratch.undecided.iter().filter(waits) {
        ends[pair.place(voice.owner) + 1] += 1;
    }
    for r in 0..BLOCK {
        ends[r + 1] += ends[r];
    }
    let starts = ends;
    let empty = Candidate {
        other: 0,
        value: 0.0,
        high: 0.0,
    };
    scratch.candidates.clear();
    scratch.candidates.resize(ends[BLOCK], empty);
    let other_start = blocks.start(voice.owner.other());
    for pair in scratch.undecided.iter().filter(waits) {
        let own = pair.place(voice.owner);
        let other = other_start + pair.place(voice.owner.other());
        scratch.candidates[ends[own]] = Candidate {
            other: other as u32,
            value: values.map_or(0.0, |v| v[other]),
            high: pair.high,
        };
        ends[own] += 1;
    }
    for own in 0..BLOCK {
        let group = &mut scratch.candidates[starts[own]..ends[own]];
        if !group.is_empty() {
            answers(held, voice).tighten(own, group);
        }
    }
}
