//! What can be asked of the pairs of a sweep. Every question is a window on the distance.
//!
//! A question is put by its *owner* side: the rows that get answers. Of an ordered pair (owner `i`, other `j`) it sees
//!
//! ```text
//! in the scan     nothing, when the square is surely above its window
//! when it looks   an interval that holds the distance: whether the pair may matter, and whether a narrower one would help ([`Look`])
//! when it hears   the interval, narrowed or not; often that is enough
//! when it asks    the distance itself (`Settle`), now or when the sweep is over
//! ```
//!
//! A window is built from one value of the owner, one of the other point, or the product of both ([`Shape`]); the scan takes the widest over all
//! questions. Windows are squares in the caller's units, widened by [`WIDER`] and [`TINY`], so that a root shared by two squares, or a square that
//! underflows, is always heard of. Intervals are of distances: roots and quotients are rounded monotonically, so an interval decides
//! exactly as the reference distance inside it would.
//!
//! The answers of a block of rows live in one [`Answers`]; a task that owns the block may change it, nobody else. An answer depends on the set of
//! pairs heard, never on their order.
//!
//! To add a question: a file with its `Answers`, a variant of [`Ask`], and a test that the order of the pairs does not matter.

mod balls;
mod least;
mod nearest;
mod nearest_of_each;
mod product;
mod ratio;

use crate::error::{Error, Result, room};

/// Relative widening of every window: more than the roundings of a root, of a square and of the window itself.
pub const WIDER: f64 = 1.0 + 1.0 / (1u64 << 48) as f64;
/// Absolute widening: far above what underflowing squares of float64 can lose, far below any square that matters.
pub const TINY: f64 = 1e-300;

/// One of the two sets of a sweep; within one set everything is `Rows`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The first set.
    Rows,
    /// The second set.
    Columns,
}

impl Side {
    /// The other one.
    pub fn other(self) -> Self {
        match self {
            Self::Rows => Self::Columns,
            Self::Columns => Self::Rows,
        }
    }
}

/// A question as it is asked.
#[derive(Clone, Debug)]
pub enum Ask {
    /// The `k` nearest points of the other side, ordered by (distance, index).
    Nearest {
        /// Whose neighbours.
        owner: Side,
        /// How many.
        k: usize,
    },
    /// The same among some points of the other side.
    NearestAmong {
        /// Whose neighbours.
        owner: Side,
        /// How many.
        k: usize,
        /// Which points count.
        among: Vec<bool>,
    },
    /// The nearest point of each group of `size` consecutive points of the other side.
    NearestOfEach {
        /// Whose neighbours.
        owner: Side,
        /// Points to a group.
        size: usize,
        /// How many groups.
        groups: usize,
    },
    /// How many points of the other side lie in the ball about each point of the owner.
    CountWithin {
        /// Whose balls.
        owner: Side,
        /// Their radii.
        radii: Vec<f64>,
        /// Whether the boundary belongs to the ball.
        closed: bool,
    },
    /// In how many balls of the other side each point of the owner lies.
    CoveredBy {
        /// Whose points are counted for.
        owner: Side,
        /// Radii of the other side.
        radii: Vec<f64>,
        /// Whether the boundary belongs to the ball.
        closed: bool,
    },
    /// Whether each point of the owner lies in at least one ball of the other side.
    Covered {
        /// Whose points.
        owner: Side,
        /// Radii of the other side.
        radii: Vec<f64>,
        /// Whether the boundary belongs to the ball.
        closed: bool,
    },
    /// The largest ratio radius / distance over the balls of the other side.
    BestRatio {
        /// Whose points.
        owner: Side,
        /// Radii of the other side; a radius of zero never counts.
        radii: Vec<f64>,
    },
    /// The least radius of the balls of the other side that hold each point of the owner; infinite where none does.
    LeastRadius {
        /// Whose points.
        owner: Side,
        /// Radii of the other side.
        radii: Vec<f64>,
        /// Whether the boundary belongs to the ball.
        closed: bool,
    },
    /// The product of `min(1, distance / reach)` over the points of the other side; 0 when below 2^-54.
    Product {
        /// Whose points.
        owner: Side,
        /// From this distance on a factor is 1.
        reach: f64,
    },
}

/// Raises each entry to the matching value.
pub(crate) fn raise(windows: &mut [f64], values: impl IntoIterator<Item = f64>) {
    for (window, value) in windows.iter_mut().zip(values) {
        *window = window.max(value);
    }
}

/// What the window of an ordered pair is built from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// The owner's value alone.
    Owner,
    /// The other point's value alone.
    Other,
    /// The product of both.
    Product,
}

/// How far one row looks, where distances are known as they come: a pair is of no use when its square is above the window, or when it is not below
/// `square` and its index is above `last`.
#[derive(Clone, Copy, Debug)]
pub struct Reach {
    /// The owner's part of the window: a square, or its factor where the window is a product or the other point's alone. Minus infinity once no pair can
    /// change the row's answer.
    pub window: f64,
    /// Squares from here on have no smaller distance than the last neighbour.
    pub square: f64,
    /// The last neighbour's index.
    pub last: u32,
}

impl Reach {
    /// A window alone.
    pub fn within(window: f64) -> Self {
        Self {
            window,
            square: f64::INFINITY,
            last: u32::MAX,
        }
    }

    /// No pair is of any use any more.
    pub const NOTHING: Self = Self {
        window: f64::NEG_INFINITY,
        square: f64::NEG_INFINITY,
        last: 0,
    };
}

/// The distance of the pair that a question is being told of.
struct Told(f64);

impl Settle for Told {
    fn distance(&mut self, _row: usize, _other: u32) -> f64 {
        self.0
    }
}

/// What a question makes of a pair whose distance lies in an interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// It does not matter: it need not be told.
    Past,
    /// It may matter, and the interval will do for now.
    Enough,
    /// It may matter, and a narrower interval would help now.
    Closer,
}

/// Where a question gets a distance it cannot do without.
pub trait Settle {
    /// THE distance between a row of the block and a point of the other set.
    fn distance(&mut self, row: usize, other: u32) -> f64;
}

/// The answers of one question for one block of rows. `row` counts within the block, `other` within the other set.
pub trait Answers: Send {
    /// Raises every row's entry to the owner's part of this question's window for pairs with other points from `first` on.
    fn widen(&self, windows: &mut [f64], first: usize);

    /// What to do with a pair whose distance is in `low..=high`, where a narrower interval is cheap or is not.
    fn look(&self, row: usize, other: u32, low: f64, high: f64, cheap: bool) -> Look;

    /// How many near pairs of every row would make its window narrow; `None` where it is narrow, or does not depend on pairs.
    fn seeking(&self) -> Option<usize> {
        None
    }

    /// Different points that seem near, with distances that theirs surely do not exceed. The pairs are told later like any others.
    fn hint(&mut self, _row: usize, _near: &[(u32, f64)]) {}

    /// A pair whose distance is in `low..=high`. Each pair that is not above the window, and not past, is told once.
    fn hear(&mut self, row: usize, other: u32, low: f64, high: f64, settle: &mut dyn Settle);

    /// All pairs of these rows with these other points (ascending), whose distances are all the same.
    fn alike(&mut self, rows: &[usize], others: &[u32], distance: f64, settle: &mut dyn Settle) {
        for &row in rows {
            for &other in others {
                self.hear(row, other, distance, distance, settle);
            }
        }
    }

    /// How far a row looks.
    fn reach(&self, row: usize) -> Reach;

    /// Pairs of one row, as squared distances and other points, that are in reach or not far beyond it; each is told once, here or to
    /// [`hear`](Self::hear). Says how far the row looks from now on.
    fn meet(&mut self, row: usize, pairs: &[(f64, u32)]) -> Reach {
        for &(square, other) in pairs {
            let distance = square.sqrt();
            self.hear(row, other, distance, distance, &mut Told(distance));
        }
        self.reach(row)
    }

    /// A square that is surely inside the row's ball, and so is every smaller one; negative where there is none.
    fn core(&self, _row: usize) -> f64 {
        -1.0
    }

    /// Pairs that are surely inside, so many for each row; only questions that count are told in bulk.
    fn count(&mut self, _pairs: &[u32]) {
        unreachable!("only questions that count are told in bulk")
    }

    /// Whether no pair can change any row's answer any more; then none needs to be told.
    fn finished(&self) -> bool {
        false
    }

    /// All pairs have been told: the last chance to ask.
    fn settle(&mut self, _settle: &mut dyn Settle) {}

    /// Appends the block's answers; called in block order.
    fn finish(self: Box<Self>, reply: &mut Reply);
}

/// The answer to a whole question, in row order of its owner.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// Distances ascending and indices, `k` to a row.
    Nearest {
        /// The distances.
        distances: Vec<f64>,
        /// The other side's indices.
        indices: Vec<i64>,
    },
    /// The other side's indices, one to a group.
    Indices(Vec<i64>),
    /// How many.
    Counts(Vec<i64>),
    /// Whether.
    Mask(Vec<bool>),
    /// One number each: ratios, radii, products.
    Values(Vec<f64>),
}

impl Ask {
    /// Whose rows get answers.
    pub fn owner(&self) -> Side {
        match self {
            Self::Nearest { owner, .. }
            | Self::NearestAmong { owner, .. }
            | Self::NearestOfEach { owner, .. }
            | Self::CountWithin { owner, .. }
            | Self::CoveredBy { owner, .. }
            | Self::Covered { owner, .. }
            | Self::BestRatio { owner, .. }
            | Self::LeastRadius { owner, .. }
            | Self::Product { owner, .. } => *owner,
        }
    }

    /// What its windows are built from.
    pub fn shape(&self) -> Shape {
        match self {
            Self::Nearest { .. }
            | Self::NearestAmong { .. }
            | Self::NearestOfEach { .. }
            | Self::CountWithin { .. }
            | Self::Product { .. } => Shape::Owner,
            Self::CoveredBy { .. } | Self::Covered { .. } | Self::LeastRadius { .. } => {
                Shape::Other
            }
            Self::BestRatio { .. } => Shape::Product,
        }
    }

    /// Checks it against the sizes of its owner and of the other side.
    pub(crate) fn check(&self, owners: usize, others: usize, within: bool) -> Result<()> {
        let radii = |radii: &[f64], expected: usize| {
            if radii.len() != expected {
                return Err(Error::Invalid(format!(
                    "radii has {} values for {expected} centres",
                    radii.len()
                )));
            }
            match radii.iter().position(|r| r.is_nan() || *r < 0.0) {
                Some(at) => Err(Error::Invalid(format!(
                    "radii has the value {} at position {at}; radii must be zero or more",
                    radii[at]
                ))),
                None => Ok(()),
            }
        };
        let neighbours = |k: usize, others: usize| {
            let most = others.saturating_sub(usize::from(within));
            if k == 0 || k > most {
                return Err(Error::Invalid(format!(
                    "nearest_k is {k}; with {others} points it must be from 1 to {most}"
                )));
            }
            Ok(())
        };
        match self {
            Self::Nearest { k, .. } => neighbours(*k, others),
            Self::NearestAmong { k, among, .. } => {
                if among.len() != others {
                    return Err(Error::Invalid(format!(
                        "among has {} values for {others} points",
                        among.len()
                    )));
                }
                neighbours(*k, among.iter().filter(|&&counts| counts).count())
            }
            Self::NearestOfEach { size, groups, .. } => {
                if size * groups != others || others == 0 {
                    return Err(Error::Invalid(format!(
                        "{groups} groups of {size} points do not make {others} points"
                    )));
                }
                Ok(())
            }
            Self::CountWithin { radii: r, .. } => radii(r, owners),
            Self::CoveredBy { radii: r, .. }
            | Self::Covered { radii: r, .. }
            | Self::BestRatio { radii: r, .. }
            | Self::LeastRadius { radii: r, .. } => radii(r, others),
            Self::Product { reach, .. } => {
                if reach.is_nan() || *reach < 0.0 {
                    return Err(Error::Invalid(format!(
                        "reach is {reach}; it must be zero or more"
                    )));
                }
                Ok(())
            }
        }
    }

    /// Every other point's part of the window; `None` where the window is the owner's alone.
    pub(crate) fn values(&self) -> Option<Vec<f64>> {
        match self {
            Self::Nearest { .. }
            | Self::NearestAmong { .. }
            | Self::NearestOfEach { .. }
            | Self::CountWithin { .. }
            | Self::Product { .. } => None,
            Self::CoveredBy { radii, closed, .. }
            | Self::Covered { radii, closed, .. }
            | Self::LeastRadius { radii, closed, .. } => {
                Some(radii.iter().map(|&r| balls::window(r, *closed)).collect())
            }
            Self::BestRatio { radii, .. } => {
                Some(radii.iter().map(|&r| ratio::window(r)).collect())
            }
        }
    }

    /// Which points of the other side count, where only some do.
    pub(crate) fn among(&self) -> Option<&[bool]> {
        match self {
            Self::NearestAmong { among, .. } => Some(among),
            _ => None,
        }
    }

    /// A square for every other point that is surely inside its ball, where balls of the other side are counted.
    pub(crate) fn cores(&self) -> Option<Vec<f64>> {
        match self {
            Self::CoveredBy { radii, closed, .. } => {
                Some(radii.iter().map(|&r| balls::core(r, *closed)).collect())
            }
            _ => None,
        }
    }

    /// The same question of the owners in another order: `order` are their places in this one.
    pub(crate) fn reordered(&self, order: &[u32]) -> Self {
        match self {
            Self::CountWithin {
                owner,
                radii,
                closed,
            } => Self::CountWithin {
                owner: *owner,
                radii: order.iter().map(|&at| radii[at as usize]).collect(),
                closed: *closed,
            },
            other => other.clone(),
        }
    }

    /// Fresh answers for the owner's rows `start..start + count`, with room for so many pairs of a row that wait to be decided.
    pub(crate) fn answers<'a>(
        &'a self,
        start: usize,
        count: usize,
        room: usize,
    ) -> Result<Box<dyn Answers + 'a>> {
        Ok(match self {
            Self::Nearest { k, .. } => Box::new(nearest::Nearest::new(count, *k, None, room)?),
            Self::NearestAmong { k, among, .. } => {
                Box::new(nearest::Nearest::new(count, *k, Some(among), room)?)
            }
            Self::NearestOfEach { size, groups, .. } => {
                Box::new(nearest_of_each::NearestOfEach::new(count, *size, *groups)?)
            }
            Self::CountWithin { radii, closed, .. } => Box::new(balls::CountWithin::new(
                &radii[start..start + count],
                *closed,
            )),
            Self::CoveredBy { radii, closed, .. } => {
                Box::new(balls::CoveredBy::new(radii, *closed, count))
            }
            Self::Covered { radii, closed, .. } => {
                Box::new(balls::Covered::new(radii, *closed, count))
            }
            Self::BestRatio { radii, .. } => Box::new(ratio::BestRatio::new(radii, count)),
            Self::LeastRadius { radii, closed, .. } => {
                Box::new(least::LeastRadius::new(radii, *closed, count))
            }
            Self::Product { reach, .. } => Box::new(product::Product::new(*reach, count)),
        })
    }

    /// An empty reply with room for `owners` rows.
    pub(crate) fn reply(&self, owners: usize) -> Result<Reply> {
        let what = "the answers";
        Ok(match self {
            Self::Nearest { k, .. } | Self::NearestAmong { k, .. } => Reply::Nearest {
                distances: room(owners.saturating_mul(*k), what)?,
                indices: room(owners.saturating_mul(*k), what)?,
            },
            Self::NearestOfEach { groups, .. } => {
                Reply::Indices(room(owners.saturating_mul(*groups), what)?)
            }
            Self::CountWithin { .. } | Self::CoveredBy { .. } => Reply::Counts(room(owners, what)?),
            Self::Covered { .. } => Reply::Mask(room(owners, what)?),
            Self::BestRatio { .. } | Self::LeastRadius { .. } | Self::Product { .. } => {
                Reply::Values(room(owners, what)?)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Few distinct distances, so that ties are the rule.
    fn pairs() -> impl Strategy<Value = Vec<u8>> {
        prop::collection::vec(0u8..6, 40)
    }

    struct Known<'a>(&'a [u8]);

    impl Settle for Known<'_> {
        fn distance(&mut self, _row: usize, other: u32) -> f64 {
            f64::from(self.0[other as usize])
        }
    }

    fn reply(ask: &Ask, distances: &[u8], order: &[usize]) -> Reply {
        let mut answers = ask.answers(0, 1, 3).unwrap();
        let mut known = Known(distances);
        for &other in order {
            // Intervals of several widths, some of them exact.
            let distance = f64::from(distances[other]);
            let slack = 0.5 * (other % 3) as f64;
            let (low, high) = ((distance - slack).max(0.0), distance + slack);
            answers.hear(0, other as u32, low, high, &mut known);
        }
        answers.settle(&mut known);
        let mut reply = ask.reply(1).unwrap();
        answers.finish(&mut reply);
        reply
    }

    proptest! {
        #[test]
        fn no_answer_depends_on_the_order_of_the_pairs(
            distances in pairs(),
            order in Just((0..40usize).collect::<Vec<_>>()).prop_shuffle(),
            closed in any::<bool>(),
        ) {
            let plain: Vec<usize> = (0..40).collect();
            let radii: Vec<f64> = (0..40).map(|i| f64::from(i % 5)).collect();
            let owner = Side::Rows;
            let among: Vec<bool> = (0..40).map(|i| i % 3 != 1).collect();
            for ask in [
                Ask::Nearest { owner, k: 7 },
                Ask::NearestAmong { owner, k: 7, among: among.clone() },
                Ask::NearestOfEach { owner, size: 8, groups: 5 },
                Ask::CountWithin { owner, radii: vec![3.0], closed },
                Ask::CoveredBy { owner, radii: radii.clone(), closed },
                Ask::Covered { owner, radii: radii.clone(), closed },
                Ask::BestRatio { owner, radii: radii.clone() },
                Ask::LeastRadius { owner, radii: radii.clone(), closed },
                Ask::Product { owner, reach: 4.0 },
                Ask::Product { owner, reach: 1e4 },
            ] {
                prop_assert_eq!(reply(&ask, &distances, &plain), reply(&ask, &distances, &order));
            }
        }

        #[test]
        fn pairs_of_one_distance_may_come_together(distances in pairs(), closed in any::<bool>()) {
            let plain: Vec<usize> = (0..40).collect();
            let radii: Vec<f64> = (0..40).map(|i| f64::from(i % 5)).collect();
            let owner = Side::Rows;
            let among: Vec<bool> = (0..40).map(|i| i % 3 != 1).collect();
            for ask in [
                Ask::Nearest { owner, k: 7 },
                Ask::NearestAmong { owner, k: 7, among: among.clone() },
                Ask::NearestOfEach { owner, size: 8, groups: 5 },
                Ask::CountWithin { owner, radii: vec![3.0], closed },
                Ask::CoveredBy { owner, radii: radii.clone(), closed },
                Ask::Covered { owner, radii: radii.clone(), closed },
                Ask::BestRatio { owner, radii: radii.clone() },
                Ask::LeastRadius { owner, radii: radii.clone(), closed },
                Ask::Product { owner, reach: 4.0 },
                Ask::Product { owner, reach: 1e4 },
            ] {
                let mut answers = ask.answers(0, 1, 3).unwrap();
                let mut known = Known(&distances);
                for distance in 0..6 {
                    let others: Vec<u32> = (0..40).filter(|&o| distances[o as usize] == distance).collect();
                    answers.alike(&[0], &others, f64::from(distance), &mut known);
                }
                answers.settle(&mut known);
                let mut together = ask.reply(1).unwrap();
                answers.finish(&mut together);
                prop_assert_eq!(together, reply(&ask, &distances, &plain));
            }
        }
    }
}
