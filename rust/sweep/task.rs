//! One task: a block of rows against a block of columns.
//!
//! ```text
//! products   the kernel's tile of inner products
//! seed       rows that have heard nothing yet look at a few pairs, so that their windows do not let all of them through
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
use crate::question::{Candidate, Hearing, Shape, Side, raise};

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
        self.seed(blocks, held, scratch);
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

    /// First bounds for rows without any, from their pairs with a few points of the other block.
    fn seed(&self, blocks: Blocks, held: &mut Held<'_, 'a>, scratch: &mut Scratch) {
        const FEW: usize = 64;
        let unit = power_of_two(2 * self.frame.exponent);
        for voice in self.voices.iter().filter(|voice| voice.tightens) {
            // On the diagonal the first direction has told both points of every pair.
            if blocks.diagonal && voice.owner == Side::Columns || !answers(held, voice).unbounded()
            {
                continue;
            }
            let (owners, others) = match voice.owner {
                Side::Rows => (blocks.row_count, blocks.column_count),
                Side::Columns => (blocks.column_count, blocks.row_count),
            };
            let other_start = blocks.start(voice.owner.other());
            for own in 0..owners {
                scratch.candidates.clear();
                for other in 0..others.min(FEW) {
                    if blocks.diagonal && own == other {
                        continue;
                    }
                    let (row, column) = match voice.owner {
                        Side::Rows => (own, other),
                        Side::Columns => (other, own),
                    };
                    let (_, high) = self.bound.interval(
                        &self.rows.facts[blocks.start(Side::Rows) + row],
                        &self.columns.facts[blocks.start(Side::Columns) + column],
                        scratch.tile[row * BLOCK + column],
                    );
                    let other = other_start + other;
                    scratch.candidates.push(Candidate {
                        other: other as u32,
                        value: self.values[voice.ask].as_ref().map_or(0.0, |v| v[other]),
                        high: high * unit,
                    });
                }
                answers(held, voice).tighten(own, &mut scratch.candidates);
            }
        }
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
        for (p, pair) in scratch.undecided.iter().enumerate() {
            if let Some(next) = scratch.undecided.get(p + 1) {
                let j = blocks.start(Side::Columns) + usize::from(next.column);
                self.kernel.fetch(self.columns.points.row(j));
            }
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
