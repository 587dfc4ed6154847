//! The engine for points of few columns: the questions of a sweep, answered from k-d trees instead of from all pairs.
//!
//! ```text
//! build    a tree over each set (build)
//! walk     leaf by leaf, the owners of a question walk the other side's tree together (walk); boxes whose points cannot matter are left out (bounds)
//! return   the answers, from the owners' tree order to the order they came in
//! ```
//!
//! The answers are those of a sweep, bit for bit: a box is left out only when the reference distance would leave out each of its points, and what is
//! not left out is judged by that very distance. Chunks of owners belong to one task each and nothing is shared but what is read, so nothing depends on the
//! number of threads.

mod bounds;
mod build;
mod rule;
#[cfg(test)]
mod tests;
mod walk;

use rayon::prelude::*;

use crate::control::Control;
use crate::error::{Result, filled, room};
use crate::kernel::Level;
use crate::kernel::wide::{Vectors, WIDE};
use crate::points::Points;
use crate::question::{Answers, Ask, Reply, Side};
use crate::sweep::Report;
use bounds::WIDEST;
use build::Tree;
pub use rule::better;
use walk::{Chunk, MINIMA, Question, Values};

/// Leaves of owners to a chunk: answers are kept, and threads take work, by the chunk.
const CHUNK: usize = 32;
/// Every distance told here is known, so that no pair has to wait.
const WAITING: usize = 0;

/// Whether a tree answers such questions at all.
pub fn serves(width: usize, asks: &[Ask]) -> bool {
    width <= WIDEST
        && !asks
            .iter()
            .any(|ask| matches!(ask, Ask::NearestOfEach { .. }))
}

/// What a sweep does (`sweep::sweep_with`), from trees; only for what it [`serves`].
pub(crate) fn tree_with(
    level: &Level,
    rows: &Points<'_>,
    columns: Option<&Points<'_>>,
    asks: &[Ask],
    control: &Control,
) -> Result<(Vec<Reply>, Report)> {
    crate::sweep::check(rows, columns, asks)?;
    let call = Call {
        vectors: Vectors::of(level),
        rows,
        columns,
        asks,
        control,
    };
    // A column of zeros changes no distance, so one tree serves several widths.
    let (replies, settled) = match rows.width() {
        1 => call.answer::<1>(),
        2 => call.answer::<2>(),
        3 => call.answer::<3>(),
        4 => call.answer::<4>(),
        5 => call.answer::<5>(),
        6 => call.answer::<6>(),
        7 | 8 => call.answer::<8>(),
        9 | 10 => call.answer::<10>(),
        11 | 12 => call.answer::<12>(),
        _ => call.answer::<WIDEST>(),
    }?;
    Ok((
        replies,
        Report {
            kernel: level.name,
            code: "tree",
            threads: rayon::current_num_threads(),
            pairs: pairs(rows, columns),
            settled,
            narrowed: 0,
            climbed: 0,
        },
    ))
}

/// How many pairs of points there are.
fn pairs(rows: &Points<'_>, columns: Option<&Points<'_>>) -> u64 {
    let n = rows.len() as u64;
    columns.map_or(n * (n - 1) / 2, |columns| n * columns.len() as u64)
}

struct Call<'c, 'p> {
    vectors: Vectors,
    rows: &'c Points<'p>,
    columns: Option<&'c Points<'p>>,
    asks: &'c [Ask],
    control: &'c Control,
}

impl Call<'_, '_> {
    /// The replies, and how many distances were computed.
    fn answer<const D: usize>(&self) -> Result<(Vec<Reply>, u64)> {
        self.control.expect(pairs(self.rows, self.columns));
        let tree = |points| Tree::<D>::new(points, self.control);
        let rows = tree(self.rows)?;
        let columns = self.columns.map(tree).transpose()?;
        let mut computed = 0;
        let mut replies = Vec::new();
        for (at, ask) in self.asks.iter().enumerate() {
            let (owners, others) = match (ask.owner(), &columns) {
                (_, None) => (&rows, &rows),
                (Side::Rows, Some(columns)) => (&rows, columns),
                (Side::Columns, Some(columns)) => (columns, &rows),
            };
            let (reply, distances) = self.ask(at, ask, owners, others)?;
            replies.push(reply);
            computed += distances;
        }
        Ok((replies, computed))
    }

    /// One question.
    fn ask<const D: usize>(
        &self,
        at: usize,
        ask: &Ask,
        owners: &Tree<D>,
        others: &Tree<D>,
    ) -> Result<(Reply, u64)> {
        let counts = matches!(ask, Ask::CountWithin { .. } | Ask::CoveredBy { .. });
        let question = Question {
            owners,
            others,
            within: self.columns.is_none(),
            windows: ask
                .values()
                .map(|mut windows| {
                    // Within a window of zero (a ratio's whose radius is zero) is nothing that counts.
                    for window in windows.iter_mut().filter(|window| **window == 0.0) {
                        *window = -1.0;
                    }
                    values(others, &windows, f64::max)
                })
                .transpose()?,
            cores: ask
                .cores()
                .map(|cores| values(others, &cores, f64::min))
                .transpose()?,
            counts,
            few: match ask {
                Ask::Nearest { k, .. } if *k <= MINIMA => *k as u64,
                _ => 0,
            },
            control: self.control,
        };
        let ordered = ask.reordered(&owners.indices);
        let leaves = owners.leaves();
        let chunks: Vec<(Reply, u64)> = (0..leaves.div_ceil(CHUNK))
            .into_par_iter()
            .map(|chunk| {
                let leaves = chunk * CHUNK..leaves.min((chunk + 1) * CHUNK);
                let rows = leaves.start * WIDE..owners.count.min(leaves.end * WIDE);
                let mut answers = ordered.answers(rows.start, rows.len(), WAITING)?;
                let computed = self.chunk(&question, answers.as_mut(), leaves)?;
                let mut reply = ask.reply(rows.len())?;
                answers.finish(&mut reply);
                let parts = owners.count as u64 * self.asks.len() as u64;
                let done = |row: usize| {
                    let part = (owners.count * at + row) as u128;
                    (u128::from(pairs(self.rows, self.columns)) * part / u128::from(parts)) as u64
                };
                self.control.advance(done(rows.end) - done(rows.start));
                Ok((reply, computed))
            })
            .collect::<Result<_>>()?;
        let computed = chunks.iter().map(|(_, computed)| computed).sum();
        let replies: Vec<Reply> = chunks.into_iter().map(|(reply, _)| reply).collect();
        Ok((in_order(ask, &owners.indices, &replies)?, computed))
    }

    fn chunk<const D: usize>(
        &self,
        question: &Question<'_, D>,
        answers: &mut dyn Answers,
        leaves: std::ops::Range<usize>,
    ) -> Result<u64> {
        if question.windows.is_some() {
            self.vectors.run(Chunk::<'_, '_, D, true> {
                question,
                answers,
                leaves,
            })
        } else {
            self.vectors.run(Chunk::<'_, '_, D, false> {
                question,
                answers,
                leaves,
            })
        }
    }
}

/// A number for every point, in tree order and folded to the nodes.
fn values<const D: usize>(
    tree: &Tree<D>,
    given: &[f64],
    fold: impl Fn(f64, f64) -> f64 + Copy,
) -> Result<Values> {
    let mut points = filled(tree.leaves() * WIDE, -1.0, "values of a tree's points")?;
    for (value, &index) in points.iter_mut().zip(&tree.indices) {
        *value = given[index as usize];
    }
    let nodes = tree.fold(&points, fold)?;
    Ok(Values { points, nodes })
}

/// The replies of all chunks as one, `indices[p]` being the row whose answer stands at place `p` of all chunks together.
fn in_order(ask: &Ask, indices: &[u32], chunks: &[Reply]) -> Result<Reply> {
    let rows = indices.len();
    let mut places: Vec<u32> = filled(rows, 0, "the order of the answers")?;
    for (place, &index) in indices.iter().enumerate() {
        places[index as usize] = place as u32;
    }
    macro_rules! gather {
        ($pattern:pat => $values:expr) => {
            ordered(&places, |chunk| match &chunks[chunk] {
                $pattern => $values,
                _ => unreachable!("one question has one kind of reply"),
            })
        };
    }
    Ok(match ask.reply(0)? {
        Reply::Nearest { .. } => Reply::Nearest {
            distances: gather!(Reply::Nearest { distances, .. } => distances)?,
            indices: gather!(Reply::Nearest { indices, .. } => indices)?,
        },
        Reply::Indices(_) => Reply::Indices(gather!(Reply::Indices(values) => values)?),
        Reply::Counts(_) => Reply::Counts(gather!(Reply::Counts(values) => values)?),
        Reply::Mask(_) => Reply::Mask(gather!(Reply::Mask(values) => values)?),
        Reply::Values(_) => Reply::Values(gather!(Reply::Values(values) => values)?),
    })
}

/// All values row after row; row `i` is at place `places[i]`, in the chunk that has it. Each row has as many.
fn ordered<'r, T: Copy + Default + Send + Sync + 'r>(
    places: &[u32],
    chunk: impl Fn(usize) -> &'r Vec<T> + Sync,
) -> Result<Vec<T>> {
    const ROWS: usize = CHUNK * WIDE;
    let each = chunk(0).len() / places.len().min(ROWS);
    let mut all: Vec<T> = room(places.len() * each, "the answers")?;
    all.par_extend(rayon::iter::repeat_n(T::default(), places.len() * each));
    all.par_chunks_mut(each * ROWS)
        .zip(places.par_chunks(ROWS))
        .for_each(|(all, places)| {
            for (all, &place) in all.chunks_exact_mut(each).zip(places) {
                let place = place as usize;
                all.copy_from_slice(&chunk(place / ROWS)[place % ROWS * each..][..each]);
            }
        });
    Ok(all)
}
