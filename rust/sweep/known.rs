//! Exact distances for the questions of a task, and how many were asked for.

use super::Job;
use crate::question::{Settle, Side};

/// Where questions get their distances. That of the pair being judged is remembered, since several questions may ask for it in turn.
pub struct Known<'j, 'a> {
    job: &'j Job<'a>,
    /// Where the block of rows and the block of columns start.
    rows: usize,
    columns: usize,
    /// Whose rows are counted within their block.
    pub owner: Side,
    /// The pair being judged.
    pub pair: Option<(usize, usize)>,
    /// Its distance, once asked for.
    pub distance: Option<f64>,
    pub settled: u64,
}

impl<'j, 'a> Known<'j, 'a> {
    pub fn new(job: &'j Job<'a>, owner: Side, rows: usize, columns: usize) -> Self {
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

    /// THE distance between a row and a column.
    pub fn between(&mut self, row: usize, column: usize) -> f64 {
        let (rows, columns) = (self.job.rows.points, self.job.columns.points);
        let kernel = self.job.gears[0].kernel;
        self.settled += 1;
        kernel.squared(rows.row(row), columns.row(column)).sqrt()
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
        let distance = self.between(pair.0, pair.1);
        if judged {
            self.distance = Some(distance);
        }
        distance
    }
}
