//! All pairs of one set, or of two, once each: which tiles, in which order, on which thread.
//!
//! ```text
//! measure every row (codes)
//! for every pair of panels               panels are packed codes of many blocks; their size bounds the memory
//!     pack what is not packed            in parallel
//!     run the schedule's tasks           a task owns both its blocks while it runs (schedule, task)
//! hand out the answers, block by block
//! ```
//!
//! Within one set only tasks (I, J) with I <= J exist: half the work, and each pair is told to both its points. Across two sets one
//! product serves both directions. Blocks have a fixed size, so nothing depends on the number of threads.

mod alike;
mod choose;
mod gear;
mod known;
mod schedule;
mod seed;
mod task;
#[cfg(test)]
pub(crate) mod tests;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use rayon::prelude::*;

use crate::codes::{Coded, Frame, power_of_two};
use crate::control::Control;
use crate::error::{Error, Result};
use crate::kernel::fine::FinePanel;
use crate::kernel::{self, BLOCK, Layout, Level, Line, Panel};
use crate::points::Points;
use crate::question::{Answers, Ask, Reply, Shape, Side};
use crate::tree;
use gear::Gear;
use schedule::Task;
use task::{Blocks, Codes, Held, Scratch};

/// Packed codes take at most this share of the inputs ...
const SHARE: usize = 5;
/// ... but never less than this many bytes, nor more.
const LEAST: usize = 8 << 20;
const MOST: usize = 512 << 20;
/// A panel has at least this many blocks, so that there is work for several threads ...
const FEWEST: usize = 4;
/// ... and no more than this, or twice the threads: packing is then a fiftieth of the work, and more would only take memory. (Panels say what is packed
/// together; the blocks, and so the answers, do not depend on them.)
const PLENTY: usize = 24;

/// Coarse codes leave too many pairs of a small set undecided where more than a fortieth of its points are sought.
const LONG: usize = 40;

/// Of a row that seeks neighbours one pair for so many columns may wait to be decided, within these limits.
const ROOM: usize = 32;
const FEW: usize = 8;
const MANY: usize = 64;

/// What one block of rows knows; it belongs to one task at a time.
#[derive(Default)]
pub(crate) struct State<'a> {
    /// The answers, one for every question its side owns.
    answers: Vec<Option<Box<dyn Answers + 'a>>>,
    memory: gear::Memory,
}

/// A question in one direction. Within one set every question has two: the pair's first point is the owner, then its second.
struct Voice {
    ask: usize,
    /// Which points of the other side it wants to hear of: a place in `Job::among`.
    among: usize,
    owner: Side,
    shape: Shape,
    /// It takes pairs that are surely inside in bulk.
    counts: bool,
}

/// What a sweep did, beside its answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The level that multiplied, as `FIDIV_KERNEL` takes it.
    pub kernel: &'static str,
    /// The codes it began with; `tree` where trees answered instead (`tree`).
    pub code: &'static str,
    /// Threads at work.
    pub threads: usize,
    /// Pairs of points decided, most of them without a look at the pair.
    pub pairs: u64,
    /// Exact distances that were needed. A pair counts for each question that had to come back to it after it was judged. Trees
    /// compute those of all points of a leaf together, for each question and each of its owners anew, and count all of them.
    pub settled: u64,
    /// Pairs that were looked at again, by the second slices of their codes or in float32, because their codes were too coarse.
    pub narrowed: u64,
    /// Pairs that were multiplied again with finer codes.
    pub climbed: u64,
}

/// Everything the tasks of a sweep share.
pub(crate) struct Job<'a> {
    /// At least one, the coarsest first.
    gears: Vec<Gear<'a>>,
    frame: &'a Frame,
    rows: &'a Coded<'a>,
    columns: &'a Coded<'a>,
    voices: Vec<Voice>,
    /// The points that voices want to hear of: first all, then those of each question that names some.
    among: Vec<Option<&'a [bool]>>,
    /// Rows that repeat, block by block, of both sets; of one set where there is one.
    alike: [Vec<Vec<alike::Group>>; 2],
    /// The other point's part of the windows, question by question.
    values: Vec<Option<Vec<f64>>>,
    settled: AtomicU64,
    narrowed: AtomicU64,
    climbed: AtomicU64,
    control: &'a Control,
}

/// Answers `asks` from all pairs of `rows` and `columns`, or of `rows` with itself, on the current rayon pool; from trees where these are faster.
///
/// # Errors
/// When sizes do not fit, memory is short, the forced kernel is missing, or the caller cancelled.
pub fn sweep(
    rows: &Points<'_>,
    columns: Option<&Points<'_>>,
    asks: &[Ask],
    control: &Control,
) -> Result<(Vec<Reply>, Report)> {
    engine(&kernel::choose()?, rows, columns, asks, control)
}

/// The tree, or the sweep, with a level at hand.
fn engine(
    level: &Level,
    rows: &Points<'_>,
    columns: Option<&Points<'_>>,
    asks: &[Ask],
    control: &Control,
) -> Result<(Vec<Reply>, Report)> {
    let answer = if tree::better(rows, columns, asks) {
        tree::tree_with
    } else {
        sweep_with
    };
    answer(level, rows, columns, asks, control)
}

/// The nearest neighbours within each of many small sets, so many of each set: side by side, since one of them has little for several threads to do.
///
/// # Errors
/// As [`sweep`].
pub fn nearest_within_each(
    sets: &[(Points<'_>, usize)],
    control: &Control,
) -> Result<Vec<(Reply, Report)>> {
    sets.par_iter()
        .map(|(points, k)| {
            let ask = Ask::Nearest {
                owner: Side::Rows,
                k: *k,
            };
            let mut level = kernel::choose()?;
            if LONG * k > points.len() {
                level.kernels.drain(..level.kernels.len() - 1);
            }
            let (mut replies, report) = engine(&level, points, None, &[ask], control)?;
            Ok((replies.pop().expect("one question has one answer"), report))
        })
        .collect()
}

/// The sweep itself, with a level at hand.
pub(crate) fn sweep_with(
    level: &Level,
    rows: &Points<'_>,
    columns: Option<&Points<'_>>,
    asks: &[Ask],
    control: &Control,
) -> Result<(Vec<Reply>, Report)> {
    let within = columns.is_none();
    check(rows, columns, asks)?;
    let (n, m) = (rows.len(), columns.map_or(rows.len(), Points::len));
    let pairs = if within {
        n as u64 * (n as u64 - 1) / 2
    } else {
        n as u64 * m as u64
    };
    control.expect(pairs);

    let sets: Vec<&Points<'_>> = std::iter::once(rows).chain(columns).collect();
    let frame = Frame::of(&sets);
    // Every point is near one centre of each of many groups: there coarse codes leave nearly every pair undecided.
    let fine = asks
        .iter()
        .any(|ask| matches!(ask, Ask::NearestOfEach { .. }));
    let mut gears = gear::gears(&level.kernels, rows.width(), fine);
    gears.drain(..choose::first(&gears, rows, columns, &frame, asks));
    let kernel = gears[0].kernel;
    let row_codes = Coded::new(rows, &frame, kernel)?;
    control.check()?;
    let column_codes = columns
        .map(|columns| Coded::new(columns, &frame, kernel))
        .transpose()?;
    let job = Job {
        gears,
        frame: &frame,
        rows: &row_codes,
        columns: column_codes.as_ref().unwrap_or(&row_codes),
        voices: voices(asks, within),
        among: std::iter::once(None)
            .chain(asks.iter().map(Ask::among).filter(Option::is_some))
            .collect(),
        alike: [
            alike::groups(&row_codes),
            column_codes.as_ref().map_or_else(Vec::new, alike::groups),
        ],
        values: asks.iter().map(Ask::values).collect(),
        settled: AtomicU64::new(0),
        narrowed: AtomicU64::new(0),
        climbed: AtomicU64::new(0),
        control,
    };
    // Wider rows take longer to settle, and beside them more that wait are no burden.
    let room = (rows.width() / ROOM).clamp(FEW, MANY);
    let states: [Vec<Mutex<State<'_>>>; 2] = [
        states(asks, Side::Rows, n, room)?,
        if within {
            Vec::new()
        } else {
            states(asks, Side::Columns, m, room)?
        },
    ];
    job.run(&states, within)?;
    for (side, states) in [Side::Rows, Side::Columns].into_iter().zip(&states) {
        states
            .par_iter()
            .enumerate()
            .try_for_each(|(block, state)| {
                job.settle(side, block, &mut state.lock().expect("no task panicked"))
            })?;
    }

    let report = Report {
        kernel: level.name,
        code: kernel.code(),
        threads: rayon::current_num_threads(),
        pairs,
        settled: job.settled.load(Relaxed),
        narrowed: job.narrowed.load(Relaxed),
        climbed: job.climbed.load(Relaxed),
    };
    let mut replies: Vec<Reply> = asks
        .iter()
        .map(|ask| ask.reply(if ask.owner() == Side::Rows { n } else { m }))
        .collect::<Result<_>>()?;
    for state in states.into_iter().flatten() {
        let state = state.into_inner().expect("no task panicked");
        for (answers, reply) in state.answers.into_iter().zip(&mut replies) {
            if let Some(answers) = answers {
                answers.finish(reply);
            }
        }
    }
    Ok((replies, report))
}

pub(crate) fn check(rows: &Points<'_>, columns: Option<&Points<'_>>, asks: &[Ask]) -> Result<()> {
    let invalid = |sentence: String| Err(Error::Invalid(sentence));
    if asks.len() > 32 {
        return invalid(format!(
            "{} questions in one sweep; at most 32 are allowed",
            asks.len()
        ));
    }
    if let Some(columns) = columns
        && columns.width() != rows.width()
    {
        return invalid(format!(
            "the second set has {} columns, the first has {}",
            columns.width(),
            rows.width()
        ));
    }
    if columns.is_none() && rows.len() < 2 {
        return invalid("one point has no pairs; at least 2 points are needed".into());
    }
    for ask in asks {
        let sizes = (rows.len(), columns.map_or(rows.len(), Points::len));
        let (owners, others) = match ask.owner() {
            Side::Rows => sizes,
            Side::Columns if columns.is_some() => (sizes.1, sizes.0),
            Side::Columns => {
                return invalid("within one set every question is of side rows".into());
            }
        };
        ask.check(owners, others, columns.is_none())?;
    }
    Ok(())
}

fn voices(asks: &[Ask], within: bool) -> Vec<Voice> {
    let directions = |ask: &Ask| {
        if within {
            vec![Side::Rows, Side::Columns]
        } else {
            vec![ask.owner()]
        }
    };
    asks.iter()
        .enumerate()
        .flat_map(|(index, ask)| {
            directions(ask).into_iter().map(move |owner| Voice {
                ask: index,
                among: match ask.among() {
                    None => 0,
                    Some(_) => asks[..=index].iter().filter_map(Ask::among).count(),
                },
                owner,
                shape: ask.shape(),
                counts: matches!(ask, Ask::CountWithin { .. } | Ask::CoveredBy { .. }),
            })
        })
        .collect()
}

fn states(asks: &[Ask], side: Side, count: usize, room: usize) -> Result<Vec<Mutex<State<'_>>>> {
    let mut states = Vec::new();
    for start in (0..count).step_by(BLOCK) {
        let rows = BLOCK.min(count - start);
        let mut state = State::default();
        for ask in asks {
            let owns = ask.owner() == side;
            state.answers.push(if owns {
                Some(ask.answers(start, rows, room)?)
            } else {
                None
            });
        }
        states.push(Mutex::new(state));
    }
    Ok(states)
}

/// Consecutive blocks that are packed together, `blocks` in all, in parts of nearly equal size.
fn panels(blocks: usize, most: usize) -> Vec<std::ops::Range<usize>> {
    let parts = blocks.div_ceil(most);
    (0..parts)
        .map(|p| p * blocks / parts..(p + 1) * blocks / parts)
        .collect()
}

impl<'a> Job<'a> {
    fn run(&self, states: &[Vec<Mutex<State<'a>>>; 2], within: bool) -> Result<()> {
        let width = self.rows.points.width();
        let bytes = [Layout::Rows, Layout::Columns].map(|layout| {
            let kernel = self.gears[0].kernel;
            kernel.block_bytes(layout, width).next_multiple_of(64)
        });
        let inputs = self.rows.points.bytes()
            + if within {
                0
            } else {
                self.columns.points.bytes()
            };
        let sliced = gear::sliced(&self.gears[0], width);
        let slices = if sliced {
            FinePanel::block_bytes(width)
        } else {
            0
        };
        let budget = (inputs / SHARE).clamp(LEAST, MOST);
        let plenty = PLENTY.max(2 * rayon::current_num_threads());
        let most = (budget / (bytes[0] + bytes[1] + 2 * slices)).clamp(FEWEST, plenty);
        let row_panels = panels(states[0].len(), most);
        let column_panels = if within {
            row_panels.clone()
        } else {
            panels(states[1].len(), most)
        };
        let longest =
            |panels: &[std::ops::Range<usize>]| panels.iter().map(|p| p.len()).max().unwrap_or(0);
        let mut row_codes = kernel::panel(longest(&row_panels) * bytes[0])?;
        let mut column_codes = kernel::panel(longest(&column_panels) * bytes[1])?;
        let fine = |panels: &[std::ops::Range<usize>]| {
            sliced
                .then(|| FinePanel::new(longest(panels), width))
                .transpose()
        };
        let (mut row_fine, mut column_fine) = (fine(&row_panels)?, fine(&column_panels)?);
        let scratch: Vec<Mutex<Scratch>> = (0..rayon::current_num_threads())
            .map(|_| Ok(Mutex::new(Scratch::new()?)))
            .collect::<Result<_>>()?;
        let mut packed_columns = None;
        for (p, row_panel) in row_panels.iter().enumerate() {
            self.pack(
                Layout::Rows,
                self.rows,
                row_panel,
                &mut row_codes,
                row_fine.as_mut(),
            )?;
            // Every other row panel goes through the columns backwards, so that the panel at the turn is still packed.
            let mut order: Vec<usize> = (if within { p } else { 0 }..column_panels.len()).collect();
            if !within && p % 2 == 1 {
                order.reverse();
            }
            for q in order {
                let column_panel = &column_panels[q];
                if packed_columns.replace(q) != Some(q) {
                    self.pack(
                        Layout::Columns,
                        self.columns,
                        column_panel,
                        &mut column_codes,
                        column_fine.as_mut(),
                    )?;
                }
                let diagonal = within && row_panel == column_panel;
                let schedule = if diagonal {
                    schedule::within(row_panel.len())
                } else {
                    schedule::across(row_panel.len(), column_panel.len())
                };
                let columns_state = if within { &states[0] } else { &states[1] };
                schedule.run(|(row, column), likely| {
                    let blocks =
                        self.blocks(row_panel.start + row, column_panel.start + column, within);
                    // The schedule gives a block to one task at a time, so these locks never wait.
                    let free = "a block is in one task at a time";
                    let rows_held = states[0][blocks.row_block].try_lock().expect(free);
                    let mut held = if blocks.diagonal {
                        Held::One(rows_held)
                    } else {
                        Held::Two(
                            rows_held,
                            columns_state[blocks.column_block].try_lock().expect(free),
                        )
                    };
                    let worker = rayon::current_thread_index().expect("tasks run on the pool");
                    let mut scratch = scratch[worker]
                        .try_lock()
                        .expect("a worker has one task at a time");
                    let packed = |(row, column): Task| {
                        let lines = bytes.map(|bytes| bytes / 64);
                        [
                            &row_codes[row * lines[0]..(row + 1) * lines[0]],
                            &column_codes[column * lines[1]..(column + 1) * lines[1]],
                        ]
                    };
                    let fine = row_fine.as_ref().zip(column_fine.as_ref());
                    let codes = Codes {
                        packed: packed((row, column)),
                        likely: likely.map(packed),
                        fine: fine.map(|(rows, columns)| [rows.block(row), columns.block(column)]),
                    };
                    !self.control.is_cancelled()
                        && self.task(blocks, &mut held, &mut scratch, codes).is_ok()
                });
                self.control.check()?;
            }
        }
        Ok(())
    }

    /// The set of a side, with its first codes.
    fn coded(&self, side: Side) -> &'a Coded<'a> {
        match side {
            Side::Rows => self.rows,
            Side::Columns => self.columns,
        }
    }

    /// A square of sweep units in the caller's.
    fn to_caller(&self, square: f64) -> f64 {
        square * power_of_two(2 * self.frame.exponent)
    }

    fn blocks(&self, row_block: usize, column_block: usize, within: bool) -> Blocks {
        let count = |coded: &Coded<'_>, block: usize| BLOCK.min(coded.points.len() - block * BLOCK);
        Blocks {
            row_block,
            column_block,
            row_count: count(self.rows, row_block),
            column_count: count(self.columns, column_block),
            diagonal: within && row_block == column_block,
        }
    }

    fn pack(
        &self,
        layout: Layout,
        coded: &Coded<'_>,
        blocks: &std::ops::Range<usize>,
        panel: &mut Panel,
        fine: Option<&mut FinePanel>,
    ) -> Result<()> {
        let bytes = self.gears[0]
            .kernel
            .block_bytes(layout, self.rows.points.width());
        let fine = fine.map_or_else(
            || blocks.clone().map(|_| None).collect(),
            FinePanel::blocks_mut,
        );
        let panel: Vec<&mut [Line]> = panel.chunks_mut(bytes.div_ceil(64)).collect();
        let places = panel.into_par_iter().zip(fine);
        places.zip(blocks.clone()).for_each_init(
            Vec::new,
            |codes, ((lines, fine), block): ((&mut [Line], _), usize)| {
                if !self.control.is_cancelled() {
                    coded.pack(layout, block, lines, fine, codes);
                }
            },
        );
        self.control.check()
    }
}
