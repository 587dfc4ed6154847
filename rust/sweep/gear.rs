//! Which codes a task multiplies. A sweep starts with the codes that a sample of rows speaks for (`choose`), mostly the coarsest of its level, and climbs, tile by tile, where too many pairs stay undecided.
//!
//! The first codes are measured for whole sets and packed in panels. Finer ones are rare: a block's are measured when it first needs them and packed for the
//! one task. A block that had to climb goes on with the finer codes for a while, twice as long each time, before it tries the coarse ones again; its
//! tasks come in a fixed order, so all this is the same for every number of threads.

use std::sync::Arc;

use super::{Job, State};
use crate::bound::Bound;
use crate::codes::{BlockFacts, Facts, Rows};
use crate::error::Result;
use crate::kernel::{self, BLOCK, Kernel, Layout, Panel};
use crate::question::Side;

/// A kernel of the level with its bound.
pub struct Gear<'k> {
    pub kernel: &'k dyn Kernel,
    pub bound: Bound,
    /// More survivors than this in a tile cost more than multiplying it again with the next gear; `None` where there is none.
    pub most: Option<usize>,
}

/// What a survivor of the scan costs, in nanoseconds: to hear of it, and for every column of its rows; few of them are looked at again.
pub const HEAR: f64 = 30.0;
pub const NARROW: f64 = 0.03;
/// Multiplying again includes packing again.
const AGAIN: f64 = 1.5;

/// Narrower rows are multiplied by the finest kernel alone: products are cheap there, and coarse codes cannot tell near points apart. Tests put every
/// width through every gear.
const LEAST: usize = if cfg!(test) { 1 } else { 24 };

/// Narrower rows have no second slices: their distances in float32 are had as fast.
const SLICED: usize = if cfg!(test) { 1 } else { 256 };

/// Whether codes of rows of `width` columns are packed with their second slices.
pub fn sliced(first: &Gear<'_>, width: usize) -> bool {
    first.most.is_some() && first.kernel.fine() && width >= SLICED
}

/// The gears of a level for rows of `width` columns; only the finest when `fine`.
pub fn gears(kernels: &[Box<dyn Kernel>], width: usize, fine: bool) -> Vec<Gear<'_>> {
    let fit: Vec<&dyn Kernel> = kernels
        .iter()
        .enumerate()
        .filter(|(at, kernel)| {
            at + 1 == kernels.len() || (!fine && (LEAST..=kernel.widest()).contains(&width))
        })
        .map(|(_, kernel)| kernel.as_ref())
        .collect();
    let pairs = (BLOCK * BLOCK) as f64;
    (0..fit.len())
        .map(|at| Gear {
            kernel: fit[at],
            bound: Bound::new(fit[at].precision(width), width),
            most: fit.get(at + 1).map(|next| {
                let again = AGAIN * pairs * width as f64 / next.rate();
                (again / (HEAR + NARROW * width as f64)) as usize
            }),
        })
        .collect()
}

/// What a block remembers of its gears.
#[derive(Default)]
pub struct Memory {
    /// The gear its tasks start with.
    gear: usize,
    /// For so many tasks more.
    left: u32,
    /// How long it stayed last time.
    stay: u32,
    /// Its facts by gear, where they were needed.
    facts: Vec<Option<Arc<Measured>>>,
}

/// Tasks that a block stays with finer codes at first, and at most.
const STAY: u32 = 1;
const LONGEST: u32 = 64;

impl Memory {
    /// The gear to start the next task with.
    pub fn start(&mut self) -> usize {
        if self.left == 0 {
            self.gear = 0;
        } else {
            self.left -= 1;
        }
        self.gear
    }

    /// A task that started with the first gear ended with this one.
    pub fn ended(&mut self, gear: usize) {
        if gear > 0 {
            self.stay = (2 * self.stay).clamp(STAY, LONGEST);
            (self.gear, self.left) = (gear, self.stay);
        } else {
            self.stay = 0;
        }
    }
}

/// Facts of a block by one kernel.
pub struct Measured {
    pub facts: Vec<Facts>,
    pub block: BlockFacts,
}

impl Job<'_> {
    /// The facts of a block by a gear beyond the first.
    pub fn measured(
        &self,
        gear: usize,
        side: Side,
        start: usize,
        count: usize,
        state: &mut State<'_>,
    ) -> Arc<Measured> {
        let known = &mut state.memory.facts;
        known.resize_with(known.len().max(gear + 1), || None);
        let measured = known[gear].get_or_insert_with(|| {
            let points = self.coded(side).points;
            let facts: Vec<Facts> = (start..start + count)
                .map(|i| {
                    self.gears[gear].kernel.measure(
                        points.row(i),
                        &self.frame.centre,
                        self.frame.exponent,
                    )
                })
                .collect();
            let block = BlockFacts::of(&facts);
            Arc::new(Measured { facts, block })
        });
        Arc::clone(measured)
    }

    /// Packs one block for one task.
    pub fn pack_again(
        &self,
        gear: usize,
        side: Side,
        start: usize,
        measured: &Measured,
        panel: &mut Panel,
    ) -> Result<()> {
        let kernel = self.gears[gear].kernel;
        let layout = match side {
            Side::Rows => Layout::Rows,
            Side::Columns => Layout::Columns,
        };
        let bytes = kernel.block_bytes(layout, self.rows.points.width());
        if panel.len() * 64 < bytes {
            *panel = kernel::panel(bytes)?;
        }
        let rows = Rows {
            points: self.coded(side).points,
            start,
            facts: &measured.facts,
            frame: self.frame,
        };
        rows.pack(kernel, layout, panel, None, &mut Vec::new());
        Ok(())
    }
}
