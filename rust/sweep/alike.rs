//! Rows that repeat. Where many rows of a block are equal, as with a generator that has collapsed, no bound can tell their pairs apart, and each would have to
//! be settled. But all of them have one distance to another such group, which is settled once and told for all pairs together.

use std::sync::atomic::Ordering::Relaxed;

use rayon::prelude::*;

use super::Job;
use super::known::Known;
use super::task::{Blocks, Held, answers};
use crate::codes::Coded;
use crate::distance::Row;
use crate::kernel::BLOCK;
use crate::kernel::scan::TOLD;
use crate::question::Side;

/// Fewer equal rows of a block are like any others.
const FEWEST: usize = 16;

/// Equal rows of one block, ascending.
pub type Group = Vec<u32>;

/// The groups of every block of a set.
pub fn groups(coded: &Coded<'_>) -> Vec<Vec<Group>> {
    let blocks = coded.facts.par_chunks(BLOCK).enumerate();
    blocks
        .map(|(block, facts)| {
            let start = block * BLOCK;
            // Equal rows have equal facts, which are here already.
            let mut order: Vec<(u64, u32)> = (start as u32..)
                .zip(facts)
                .map(|(row, facts)| (facts.square.to_bits(), row))
                .collect();
            order.sort_unstable();
            let runs = order.chunk_by(|a, b| a.0 == b.0);
            runs.filter(|run| run.len() >= FEWEST)
                .map(|run| {
                    let first = coded.points.row(run[0].1 as usize);
                    let rows = run.iter().map(|&(_, row)| row);
                    rows.filter(|&row| equal(first, coded.points.row(row as usize)))
                        .collect::<Group>()
                })
                .filter(|group| group.len() >= FEWEST)
                .collect()
        })
        .collect()
}

fn equal(x: Row<'_>, y: Row<'_>) -> bool {
    match (x, y) {
        (Row::F32(x), Row::F32(y)) => x == y,
        (Row::F64(x), Row::F64(y)) => x == y,
        _ => false,
    }
}

impl<'a> Job<'a> {
    /// Groups of a task's rows and columns.
    fn groups(&self, blocks: Blocks) -> [&[Group]; 2] {
        let [rows, columns] = &self.alike;
        let columns = if columns.is_empty() { rows } else { columns };
        [&rows[blocks.row_block], &columns[blocks.column_block]]
    }

    /// Tells the open voices of all pairs of groups.
    pub fn tell_alike(&self, blocks: Blocks, held: &mut Held<'_, 'a>, open: &[bool]) {
        let [rows, columns] = self.groups(blocks);
        let mut known = Known::new(
            self,
            Side::Rows,
            blocks.start(Side::Rows),
            blocks.start(Side::Columns),
        );
        for group in rows {
            for other in columns {
                let distance = known.between(group[0] as usize, other[0] as usize);
                for (voice, _) in self.voices.iter().zip(open).filter(|(_, open)| **open) {
                    let (own, others) = match voice.owner {
                        Side::Rows => (group, other),
                        Side::Columns => (other, group),
                    };
                    let first = blocks.start(voice.owner) as u32;
                    let answers = answers(held, voice);
                    known.owner = voice.owner;
                    if !blocks.diagonal {
                        let own: Vec<usize> =
                            own.iter().map(|row| (row - first) as usize).collect();
                        answers.alike(&own, others, distance, &mut known);
                        continue;
                    }
                    // Of a block with itself a pair comes once, the smaller index as its row.
                    for &row in own {
                        let others = match voice.owner {
                            Side::Rows => &others[others.partition_point(|&o| o <= row)..],
                            Side::Columns => &others[..others.partition_point(|&o| o < row)],
                        };
                        answers.alike(&[(row - first) as usize], others, distance, &mut known);
                    }
                }
            }
        }
        self.settled.fetch_add(known.settled, Relaxed);
    }

    /// Marks the products of all pairs of groups as told.
    pub fn mark_alike(&self, blocks: Blocks, tile: &mut [f32]) {
        let [rows, columns] = self.groups(blocks);
        let (row_start, column_start) = (blocks.start(Side::Rows), blocks.start(Side::Columns));
        for column in columns {
            for row in rows.iter().flatten() {
                let products = &mut tile[(*row as usize - row_start) * BLOCK..][..BLOCK];
                for other in column {
                    products[*other as usize - column_start] = TOLD;
                }
            }
        }
    }
}
