//! One task: a block of rows against a block of columns.
//!
//! ```text
//! alike      pairs of rows that repeat are told together
//! products   the kernel's tile of inner products
//! seeds      first thresholds for rows that know no neighbours yet
//! windows    the widest window of every row and column over all questions, as thresholds
//! scan       most pairs end here
//! tally      in a crowded tile, questions that count take what is surely inside in bulk
//! climb      where too many are left, all this again with finer codes
//! judge      the others get an interval of their own, narrowed where it is too wide to be of use, and every question hears of it; what an
//!            interval cannot decide is settled by the one exact distance
//! ```

use std::sync::MutexGuard;
use std::sync::atomic::Ordering::Relaxed;

use super::known::Known;
use super::seed::Seeds;
use super::{Job, State, Voice};
use crate::bound::threshold::{Sides, Thresholds, Windows};
use crate::bound::{self, Bound};
use crate::codes::{BlockFacts, Facts};
use crate::distance::Row;
use crate::error::Result;
use crate::kernel::fine::FineBlock;
use crate::kernel::scan::TOLD;
use crate::kernel::{self, BLOCK, Kernel, Line, Panel, Survivor, TILE_ROWS, Tally};
use crate::question::{Answers, Look, Settle, Shape, Side, TINY, raise};

/// More survivors than this make a tile crowded: one pair in eight.
const DENSE: usize = BLOCK * BLOCK / 8;

/// Second slices say enough of a pair when they leave less than this part of its squared distance. Of points that are near one another but far from the
/// centre, as in clusters, they do not, and the distance in float32 does.
const SAYS: f64 = 1.0 / 256.0;

/// Working memory of one worker.
pub struct Scratch {
    /// On cache lines: a vector across two of them would be loaded twice.
    tile: Panel,
    windows: Box<Windows>,
    outer: Box<Thresholds>,
    inner: Box<Thresholds>,
    survivors: Vec<Survivor>,
    tally: Tally,
    seeds: Seeds,
    /// Codes of this task's blocks by a finer kernel.
    again: [Panel; 2],
    /// Which voices still have to hear of this task's pairs.
    open: Vec<bool>,
}

impl Scratch {
    pub fn new() -> Result<Self> {
        Ok(Self {
            tile: kernel::panel(TILE_ROWS * BLOCK * size_of::<f32>())?,
            outer: Box::default(),
            inner: Box::default(),
            windows: Box::new(Windows::none()),
            survivors: Vec::new(),
            tally: Tally::default(),
            seeds: Seeds::new(),
            again: [Panel::new(), Panel::new()],
            open: Vec::new(),
        })
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

/// The first codes of a task's two blocks.
#[derive(Clone, Copy)]
pub struct Codes<'p> {
    /// Packed, of the rows and of the columns.
    pub packed: [&'p [Line]; 2],
    /// Those of the task that comes next.
    pub likely: Option<[&'p [Line]; 2]>,
    /// Both slices, where there are two.
    pub fine: Option<[FineBlock<'p>; 2]>,
}

/// A tile as one gear sees it.
pub struct View<'v> {
    pub kernel: &'v dyn Kernel,
    pub bound: &'v Bound,
    pub rows: &'v [Facts],
    pub columns: &'v [Facts],
    pub column_block: BlockFacts,
    /// More survivors than this, and it is better to climb.
    pub most: Option<usize>,
    /// Both slices of the codes.
    pub fine: Option<[FineBlock<'v>; 2]>,
}

impl<'a> Job<'a> {
    /// Runs one task.
    pub fn task(
        &self,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
        codes: Codes<'_>,
    ) -> Result<()> {
        scratch.open.clear();
        for voice in &self.voices {
            scratch.open.push(!answers(held, voice).finished());
        }
        self.tell_alike(blocks, held, &scratch.open);
        // A block that needs finer codes must not pull all others with it: both have to want them.
        let mut first = held.side(Side::Rows).memory.start();
        if !blocks.diagonal {
            first = first.min(held.side(Side::Columns).memory.start());
        }
        let mut gear = first;
        while !self.attempt(gear, blocks, held, scratch, codes)? {
            self.climbed.fetch_add(blocks.pairs(), Relaxed);
            gear += 1;
        }
        if first == 0 {
            held.side(Side::Rows).memory.ended(gear);
            if !blocks.diagonal {
                held.side(Side::Columns).memory.ended(gear);
            }
        }
        self.control.advance(blocks.pairs());
        Ok(())
    }

    /// Multiplies with one gear and tells the voices; `false` when it is better to climb.
    fn attempt(
        &self,
        gear: usize,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
        codes: Codes<'_>,
    ) -> Result<bool> {
        let width = self.rows.points.width();
        let chosen = &self.gears[gear];
        let (row_start, column_start) = (blocks.start(Side::Rows), blocks.start(Side::Columns));
        let mut view = View {
            kernel: chosen.kernel,
            bound: &chosen.bound,
            rows: &[],
            columns: &[],
            column_block: BlockFacts::default(),
            most: chosen.most,
            fine: codes.fine.filter(|_| gear == 0),
        };
        let finer;
        if gear == 0 {
            view.rows = &self.rows.facts[row_start..][..blocks.row_count];
            view.columns = &self.columns.facts[column_start..][..blocks.column_count];
            view.column_block = self.columns.blocks[blocks.column_block];
            chosen.kernel.products(
                codes.packed,
                codes.likely,
                width,
                bytemuck::cast_slice_mut(&mut scratch.tile),
            );
        } else {
            finer = [
                (Side::Rows, row_start, blocks.row_count),
                (Side::Columns, column_start, blocks.column_count),
            ]
            .map(|(side, start, count)| self.measured(gear, side, start, count, held.side(side)));
            let [rows, columns] = &mut scratch.again;
            self.pack_again(gear, Side::Rows, row_start, &finer[0], rows)?;
            self.pack_again(gear, Side::Columns, column_start, &finer[1], columns)?;
            view.rows = &finer[0].facts;
            view.columns = &finer[1].facts;
            view.column_block = finer[1].block;
            chosen.kernel.products(
                [rows, columns],
                None,
                width,
                bytemuck::cast_slice_mut(&mut scratch.tile),
            );
        }
        self.control.check()?;
        self.mark_alike(blocks, bytemuck::cast_slice_mut(&mut scratch.tile));
        self.hint(blocks, &view, held, scratch);
        self.scan(blocks, &view, held, scratch);
        if scratch.survivors.len() > DENSE && !blocks.diagonal {
            for v in 0..self.voices.len() {
                if scratch.open[v] && self.voices[v].counts {
                    if !self.tally(v, blocks, &view, held, scratch)? {
                        return Ok(false);
                    }
                    scratch.open[v] = false;
                }
            }
            self.scan(blocks, &view, held, scratch);
        }
        if view.most.is_some_and(|most| scratch.survivors.len() > most) {
            return Ok(false);
        }
        self.judge(blocks, &view, held, scratch)?;
        Ok(true)
    }

    /// Finds pairs that seem near, for the open voices that know of none, and tells them.
    fn hint(
        &self,
        blocks: Blocks,
        view: &View<'_>,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
    ) {
        for (place, among) in self.among.iter().enumerate() {
            let voices = || {
                let open = self.voices.iter().zip(&scratch.open);
                open.filter(|(voice, open)| **open && voice.among == place)
                    .map(|(voice, _)| (voice, usize::from(voice.owner == Side::Columns)))
            };
            // How many neighbours the rows, and the columns, seek.
            let mut most = [0; 2];
            for (voice, side) in voices() {
                most[side] = most[side].max(answers(held, voice).seeking().unwrap_or(0));
            }
            if most == [0, 0] {
                continue;
            }
            let tile = bytemuck::cast_slice(&scratch.tile);
            self.seed(most, *among, blocks, view, tile, &mut scratch.seeds);
            for (voice, side) in voices() {
                for (own, near) in &scratch.seeds.points[side] {
                    answers(held, voice).hint(*own, &scratch.seeds.near[near.clone()]);
                }
            }
        }
    }

    /// The windows of some voices.
    fn windows(
        &self,
        blocks: Blocks,
        held: &mut Held<'_, 'a>,
        wanted: impl Fn(usize) -> bool,
        windows: &mut Windows,
    ) {
        *windows = Windows::none();
        for (_, voice) in self.voices.iter().enumerate().filter(|(v, _)| wanted(*v)) {
            let factor = voice.shape == Shape::Product;
            let other = voice.owner.other();
            if voice.shape != Shape::Other {
                let entries = entries(windows, voice.owner, factor);
                answers(held, voice).widen(entries, blocks.start(other));
            }
            if let Some(values) = &self.values[voice.ask] {
                let values = &values[blocks.start(other)..][..blocks.count(other)];
                raise(entries(windows, other, factor), values.iter().copied());
            }
        }
    }

    /// A tile as the bound sees it.
    fn sides<'v>(&self, view: &View<'v>) -> Sides<'v> {
        Sides {
            rows: view.rows,
            columns: view.columns,
            block: view.column_block,
            exponent: self.frame.exponent,
        }
    }

    /// Leaves the pairs that some open voice must hear of.
    fn scan(
        &self,
        blocks: Blocks,
        view: &View<'_>,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
    ) {
        let (open, windows) = (&scratch.open, &mut scratch.windows);
        self.windows(blocks, held, |v| open[v], windows);
        view.kernel
            .outer(view.bound, self.sides(view), windows, &mut scratch.outer);
        scratch.survivors.clear();
        view.kernel.scan(
            bytemuck::cast_slice(&scratch.tile),
            &scratch.outer,
            &mut scratch.survivors,
        );
    }

    /// Counts for one voice, in bulk, the pairs of a crowded tile that are surely inside, and tells it of those that neither are nor are surely outside.
    /// When these are too many it does nothing and says `false`.
    fn tally(
        &self,
        v: usize,
        blocks: Blocks,
        view: &View<'_>,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
    ) -> Result<bool> {
        let windows = &mut scratch.windows;
        self.windows(blocks, held, |other| other == v, windows);
        let sides = self.sides(view);
        view.kernel
            .outer(view.bound, sides, windows, &mut scratch.outer);
        view.kernel
            .inner(view.bound, sides, windows, &mut scratch.inner);
        scratch.tally.clear();
        scratch.survivors.clear();
        view.kernel.tally(
            bytemuck::cast_slice(&scratch.tile),
            &scratch.outer,
            &scratch.inner,
            blocks.column_count,
            &mut scratch.tally,
            &mut scratch.survivors,
        );
        if view.most.is_some_and(|most| scratch.survivors.len() > most) {
            return Ok(false);
        }
        let voice = &self.voices[v];
        answers(held, voice).count(match voice.owner {
            Side::Rows => &scratch.tally.rows[..blocks.row_count],
            Side::Columns => &scratch.tally.columns[..blocks.column_count],
        });
        let open = std::mem::take(&mut scratch.open);
        scratch.open = (0..open.len()).map(|other| other == v).collect();
        let judged = self.judge(blocks, view, held, scratch);
        scratch.open = open;
        judged.map(|()| true)
    }

    /// Tells every voice of every survivor.
    fn judge(
        &self,
        blocks: Blocks,
        view: &View<'_>,
        held: &mut Held<'_, 'a>,
        scratch: &mut Scratch,
    ) -> Result<()> {
        let mut narrowed = 0;
        let (row_start, column_start) = (blocks.start(Side::Rows), blocks.start(Side::Columns));
        let mut known = Known::new(self, Side::Rows, row_start, column_start);
        let open: Vec<&Voice> = (self.voices.iter().zip(&scratch.open))
            .filter_map(|(voice, open)| open.then_some(voice))
            .collect();
        // Those that a pair may matter to; with the finest codes nobody is asked first.
        let mut told = open.clone();
        for survivor in &scratch.survivors {
            let (row, column) = (usize::from(survivor.row), usize::from(survivor.column));
            if survivor.product == TOLD
                || column >= blocks.column_count
                || (blocks.diagonal && row >= column)
            {
                continue;
            }
            let (i, j) = (row_start + row, column_start + column);
            let squares =
                view.bound
                    .interval(&view.rows[row], &view.columns[column], survivor.product);
            let (mut low, mut high) = self.distances(squares);
            (known.pair, known.distance) = (Some((i, j)), None);
            let own = |voice: &Voice| match voice.owner {
                Side::Rows => (row, j as u32),
                Side::Columns => (column, i as u32),
            };
            // Coarse codes say little of a pair that is near; a second look nearly always says enough.
            if view.most.is_some() {
                let cheap = view.fine.is_some();
                told.clear();
                let mut closer = false;
                for &voice in &open {
                    let (own, other) = own(voice);
                    if self.among[voice.among].is_some_and(|among| !among[other as usize]) {
                        continue;
                    }
                    let look = answers(held, voice).look(own, other, low, high, cheap);
                    if look != Look::Past {
                        told.push(voice);
                        closer |= look == Look::Closer;
                    }
                }
                if !closer {
                    // An interval that is enough is told as it is.
                } else if let Some(squares) =
                    self.narrow(view, blocks, row, column, survivor.product)
                {
                    narrowed += 1;
                    let narrow = self.distances_of(squares);
                    (low, high) = (low.max(narrow.0), high.min(narrow.1));
                } else {
                    known.owner = Side::Rows;
                    low = known.distance(row, j as u32);
                    high = low;
                }
            }
            for voice in &told {
                let (own, other) = own(voice);
                known.owner = voice.owner;
                answers(held, voice).hear(own, other, low, high, &mut known);
            }
            if self.control.is_cancelled() {
                break;
            }
        }
        self.settled.fetch_add(known.settled, Relaxed);
        self.narrowed.fetch_add(narrowed, Relaxed);
        self.control.check()
    }

    /// A narrow interval of a pair's squared distance, in the caller's units: from both slices of the codes where there are two, else from the distance in
    /// float32 where both rows are float32.
    #[inline(always)]
    pub fn narrow(
        &self,
        view: &View<'_>,
        blocks: Blocks,
        row: usize,
        column: usize,
        product: f32,
    ) -> Option<(f64, f64)> {
        let (x, y) = (&view.rows[row], &view.columns[column]);
        let points = [
            (self.rows.points, blocks.start(Side::Rows) + row),
            (self.columns.points, blocks.start(Side::Columns) + column),
        ];
        let direct = match points.map(|(points, at)| points.row(at)) {
            [Row::F32(x), Row::F32(y)] => Some((x, y)),
            _ => None,
        };
        if let Some([rows, columns]) = &view.fine
            && !(x.is_lost() || y.is_lost())
            && (direct.is_none()
                || view.bound.fine_error(x, y) <= SAYS * bound::estimate(x, y, product.into()))
        {
            let mix = view.kernel.mix(rows.row(row), columns.row(column));
            let (low, high) = view.bound.fine_interval(x, y, product, mix);
            return Some((self.to_caller(low), self.to_caller(high)));
        }
        direct.and_then(|(x, y)| bound::near_interval(view.kernel.near(x, y), x.len()))
    }

    /// The interval of a distance from that of its square in sweep units.
    #[inline(always)]
    fn distances(&self, (low, high): (f64, f64)) -> (f64, f64) {
        self.distances_of((self.to_caller(low), self.to_caller(high)))
    }

    /// The interval of a distance from that of its square. TINY is more than squares that underflow can lose.
    #[inline(always)]
    fn distances_of(&self, (low, high): (f64, f64)) -> (f64, f64) {
        let high = (high + TINY).sqrt();
        // Where the bound knows nothing its ends are not numbers.
        let high = if high.is_nan() { f64::INFINITY } else { high };
        ((low - TINY).max(0.0).sqrt(), high)
    }

    /// The last distances that the answers of one block ask for. `side` owns the block.
    pub fn settle(&self, side: Side, block: usize, state: &mut State<'a>) -> Result<()> {
        let mut known = Known::new(self, side, block * BLOCK, block * BLOCK);
        for answers in state.answers.iter_mut().flatten() {
            self.control.check()?;
            answers.settle(&mut known);
        }
        self.settled.fetch_add(known.settled, Relaxed);
        Ok(())
    }
}

/// The windows of one side, plain or as a factor, which are now in use.
fn entries(windows: &mut Windows, side: Side, factor: bool) -> &mut [f64; BLOCK] {
    match (side, factor) {
        (Side::Rows, false) => {
            windows.by.row = true;
            &mut windows.row
        }
        (Side::Columns, false) => {
            windows.by.column = true;
            &mut windows.column
        }
        (Side::Rows, true) => {
            windows.by.product = true;
            &mut windows.row_factor
        }
        (Side::Columns, true) => {
            windows.by.product = true;
            &mut windows.column_factor
        }
    }
}

/// The answers a voice speaks for.
pub fn answers<'h, 'a>(held: &'h mut Held<'_, 'a>, voice: &Voice) -> &'h mut (dyn Answers + 'a) {
    held.side(voice.owner).answers[voice.ask]
        .as_mut()
        .expect("the owner has answers")
        .as_mut()
}
