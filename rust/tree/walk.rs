//! One question, asked by a chunk of owners.
//!
//! The rows of one leaf of the owners' tree walk the others' tree together:
//!
//! ```text
//! start      within one set, the group's own leaf: its neighbours are the best first guess of everybody's windows
//! node       left out when the two boxes are farther apart than the group's widest window; counted in bulk when they are surely near enough
//! leaf       the same for each row on its own, all rows at once
//! scan       a row that is left: THE distances to all points of the leaf at once; a mask of those within its window
//! meet       the question hears of these, and says how far it looks from now on
//! ```
//!
//! The nearer child comes first; of two equally near ones that with the smallest index, since of two points at one distance the one with the smaller
//! index wins. So a crowd of equal points is not searched: once k of them with the smallest indices are known, everything else is behind them.

// Iterators are functions, and only what is inlined is compiled for wide vectors: loops count here.
#![allow(clippy::needless_range_loop)]

use super::bounds::{Leaf, at_most, at_most_each, squares};
use super::build::{Node, Tree};
use crate::control::Control;
use crate::error::Result;
use crate::kernel::wide::{WIDE, Wide, Work};
use crate::question::{Answers, Reach, TINY, WIDER};

/// In more columns than these, boxes of nodes are held against each row of a group as well: a group's box is wide there, and the widest window of its rows
/// wider than most.
const BOXES: usize = 3;

/// A first guess can be had of so many neighbours.
pub const MINIMA: usize = 8;

/// One number for every point of the other side and, folded, for every node.
pub struct Values {
    /// In tree order, filled up to whole leaves.
    pub points: Vec<f64>,
    pub nodes: Vec<f64>,
}

impl Values {
    fn leaf(&self, leaf: usize) -> &[f64; WIDE] {
        &self.points.as_chunks::<WIDE>().0[leaf]
    }
}

/// What all chunks of a question share.
pub struct Question<'a, const D: usize> {
    pub owners: &'a Tree<D>,
    pub others: &'a Tree<D>,
    /// Both are one.
    pub within: bool,
    /// The other points' factor of the window, with each node's largest; negative where nothing is inside. None where the window is the owner's alone.
    pub windows: Option<Values>,
    /// Squares that are surely inside whatever the owner, with each node's smallest; questions that count by the other points' balls.
    pub cores: Option<Values>,
    /// It counts.
    pub counts: bool,
    /// How many neighbours each row seeks, where these are few enough for a first guess; else zero.
    pub few: u64,
    pub control: &'a Control,
}

/// Some leaves of owners, and their answers. `VALUED`: the window is a product with a factor of the other point.
pub struct Chunk<'q, 'a, const D: usize, const VALUED: bool> {
    pub question: &'q Question<'a, D>,
    pub answers: &'q mut (dyn Answers + 'a),
    pub leaves: std::ops::Range<usize>,
}

impl<const D: usize, const VALUED: bool> Work for Chunk<'_, '_, D, VALUED> {
    /// How many distances were computed.
    type Output = Result<u64>;

    #[inline(always)]
    fn run<W: Wide>(self, wide: W) -> Result<u64> {
        let mut computed = 0;
        let mut stack = Vec::new();
        let mut inside = Vec::new();
        for leaf in self.leaves.clone() {
            let tree = self.question.owners;
            let count = WIDE.min(tree.count - leaf * WIDE);
            let mut group = Group::<D, VALUED> {
                question: self.question,
                points: tree.leaf(leaf),
                leaf,
                start: (leaf - self.leaves.start) * WIDE,
                count,
                windows: [f64::NEG_INFINITY; WIDE],
                squares: [f64::NEG_INFINITY; WIDE],
                lasts: [0; WIDE],
                cores: [f64::INFINITY; WIDE],
                inside: [0; WIDE],
                widest: f64::NEG_INFINITY,
                square: f64::NEG_INFINITY,
                last: 0,
                core: f64::INFINITY,
                computed: 0,
            };
            group.walk(wide, &mut *self.answers, &mut stack)?;
            computed += group.computed;
            inside.extend_from_slice(&group.inside[..count]);
        }
        if self.question.counts {
            self.answers.count(&inside);
        }
        Ok(computed)
    }
}

/// The rows of one leaf. What belongs to no row never passes a comparison.
struct Group<'q, 'a, const D: usize, const VALUED: bool> {
    question: &'q Question<'a, D>,
    points: &'q Leaf<D>,
    leaf: usize,
    /// Its first row within the chunk.
    start: usize,
    count: usize,
    /// How far each row looks.
    windows: [f64; WIDE],
    squares: [f64; WIDE],
    lasts: [u32; WIDE],
    /// Squares that are surely inside.
    cores: [f64; WIDE],
    /// Pairs counted in bulk.
    inside: [u32; WIDE],
    /// The largest of all rows, and the smallest core.
    widest: f64,
    square: f64,
    last: u32,
    core: f64,
    computed: u64,
}

#[inline(always)]
fn largest(values: &[f64; WIDE]) -> f64 {
    let mut lanes = [f64::NEG_INFINITY; 8];
    for at in 0..WIDE {
        let l = at % 8;
        lanes[l] = if values[at] > lanes[l] {
            values[at]
        } else {
            lanes[l]
        };
    }
    lanes
        .into_iter()
        .fold(f64::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

impl<const D: usize, const VALUED: bool> Group<'_, '_, D, VALUED> {
    #[inline(always)]
    fn walk<W: Wide>(
        &mut self,
        wide: W,
        answers: &mut dyn Answers,
        stack: &mut Vec<(Node, f64)>,
    ) -> Result<()> {
        let question = self.question;
        let others = question.others;
        for row in 0..self.count {
            self.set(row, answers.reach(self.start + row));
            if question.counts && !VALUED {
                self.cores[row] = answers.core(self.start + row);
                self.core = self.core.min(self.cores[row]);
            }
        }
        self.summarise();
        let own = question.within.then_some(self.leaf);
        let node = question.owners.node_of(self.leaf);
        let bounds = question.owners.bounds[node.at];
        stack.clear();
        stack.push((others.root(), others.bounds[0].lower(&bounds)));
        // (Counting has no use for a guess, and a node above the leaf may be counted in bulk.)
        let ahead = own.is_some() && !question.counts;
        if ahead {
            stack.push((node, 0.0));
        }
        let mut own_met = false;
        while let Some((node, lower)) = stack.pop() {
            if self.beyond(node, lower) {
                continue;
            }
            if question.counts {
                let core = match &question.cores {
                    Some(cores) => cores.nodes[node.at],
                    None => self.core,
                };
                if core >= 0.0 && others.bounds[node.at].upper(&bounds) <= core {
                    let own = own.is_some_and(|own| node.holds(own));
                    let size = (others.size(node) - usize::from(own)) as u32;
                    for inside in &mut self.inside[..self.count] {
                        *inside += size;
                    }
                    continue;
                }
            }
            if node.leaves == 1 {
                let is_own = own == Some(node.first);
                if !(is_own && own_met) {
                    own_met |= is_own;
                    question.control.check()?;
                    self.leaf(wide, node, answers);
                }
                continue;
            }
            if D > BOXES && !self.any(wide, node) {
                continue;
            }
            let [left, right] = node.children();
            let left = (left, others.bounds[left.at].lower(&bounds));
            let right = (right, others.bounds[right.at].lower(&bounds));
            let swap = right.1 < left.1
                || (right.1 == left.1 && others.least[right.0.at] < others.least[left.0.at]);
            let (near, far) = if swap { (right, left) } else { (left, right) };
            if !self.beyond(far.0, far.1) {
                stack.push(far);
            }
            if !self.beyond(near.0, near.1) {
                stack.push(near);
            }
        }
        Ok(())
    }

    /// How far a row looks from now on.
    #[inline(always)]
    fn set(&mut self, row: usize, reach: Reach) {
        self.windows[row] = reach.window;
        self.squares[row] = reach.square;
        self.lasts[row] = reach.last;
    }

    #[inline(always)]
    fn summarise(&mut self) {
        self.widest = largest(&self.windows);
        self.square = largest(&self.squares);
        self.last = self.lasts.iter().copied().fold(0, u32::max);
    }

    /// Whether no row needs any point of a node that is no nearer than `lower`.
    #[inline(always)]
    fn beyond(&self, node: Node, lower: f64) -> bool {
        if VALUED {
            let factor = self.factor(node);
            factor < 0.0 || lower > self.widest * factor + TINY
        } else {
            lower > self.widest
                || (lower >= self.square && self.question.others.least[node.at] > self.last)
        }
    }

    /// Whether any row on its own needs points of a node.
    #[inline(always)]
    fn any<W: Wide>(&self, wide: W, node: Node) -> bool {
        let mut lower = [0.0; WIDE];
        self.question.others.bounds[node.at].lower_each(wide, self.points, &mut lower);
        at_most_each(wide, &lower, &self.windows, self.scale(node)) != 0
    }

    /// What makes windows for a node of the owners' parts.
    #[inline(always)]
    fn scale(&self, node: Node) -> (f64, f64) {
        if VALUED {
            (self.factor(node), TINY)
        } else {
            (1.0, 0.0)
        }
    }

    #[inline(always)]
    fn factor(&self, node: Node) -> f64 {
        self.question
            .windows
            .as_ref()
            .map_or(1.0, |values| values.nodes[node.at])
    }

    /// Each row on its own against the box of a leaf, then against its points.
    #[inline(always)]
    fn leaf<W: Wide>(&mut self, wide: W, node: Node, answers: &mut dyn Answers) {
        let question = self.question;
        let others = question.others;
        let bounds = &others.bounds[node.at];
        let own = question.within && node.first == self.leaf;
        let size = others.size(node);
        let taken = u32::MAX >> (WIDE - size);
        let mut lower = [0.0; WIDE];
        bounds.lower_each(wide, self.points, &mut lower);
        if VALUED && self.factor(node) < 0.0 {
            return;
        }
        let mut open = at_most_each(wide, &lower, &self.windows, self.scale(node));
        if question.counts && open != 0 {
            let mut upper = [0.0; WIDE];
            bounds.upper_each(wide, self.points, &mut upper);
            let mut inside = match &question.cores {
                Some(cores) => at_most(wide, &upper, cores.nodes[node.at]),
                None => at_most_each(wide, &upper, &self.cores, (1.0, 0.0)),
            } & open;
            open &= !inside;
            while inside != 0 {
                self.inside[pop(&mut inside)] += (size - usize::from(own)) as u32;
            }
        }
        let points = others.leaf(node.first);
        let indices = &others.indices[node.first * WIDE..][..size];
        let least = others.least[node.at];
        let mut changed = false;
        let mut pairs = [(0.0, 0); WIDE];
        let mut distances = [0.0; WIDE];
        while open != 0 {
            let row = pop(&mut open);
            if lower[row] >= self.squares[row] && least > self.lasts[row] {
                continue;
            }
            let mut point = [0.0; D];
            for c in 0..D {
                point[c] = self.points[c][row];
            }
            squares(wide, &point, points, &mut distances);
            self.computed += (size - usize::from(own)) as u64;
            let mut near = taken;
            if own {
                near &= !(1 << row);
            }
            near &= match &question.windows {
                Some(values) if VALUED => {
                    let factors = values.leaf(node.first);
                    at_most_each(wide, &distances, factors, (self.windows[row], TINY))
                }
                _ => {
                    let mut window = self.windows[row];
                    // A row that knows nothing yet would hear of the whole leaf.
                    if window == f64::INFINITY && question.few > 0 {
                        let mut known = distances;
                        known[size..].fill(f64::INFINITY);
                        if own {
                            known[row] = f64::INFINITY;
                        }
                        window = kth(&known, question.few) * WIDER + TINY;
                    }
                    at_most(wide, &distances, window)
                }
            };
            if question.counts {
                let inside = near
                    & match &question.cores {
                        Some(cores) => {
                            at_most_each(wide, &distances, cores.leaf(node.first), (1.0, 0.0))
                        }
                        None => at_most(wide, &distances, self.cores[row]),
                    };
                self.inside[row] += inside.count_ones();
                near &= !inside;
            }
            if near == 0 {
                continue;
            }
            let mut count = 0;
            while near != 0 {
                let l = pop(&mut near);
                pairs[count] = (distances[l], indices[l]);
                count += 1;
            }
            let reach = answers.meet(self.start + row, &pairs[..count]);
            self.set(row, reach);
            changed = true;
        }
        if changed {
            self.summarise();
        }
    }
}

/// Takes the lowest bit from a mask that has one; its place.
#[inline(always)]
fn pop(mask: &mut u32) -> usize {
    let place = mask.trailing_zeros() as usize;
    *mask &= *mask - 1;
    place
}

/// Not below the `k`-th smallest of some numbers, `k` at most [`MINIMA`]: the k-th smallest of the minima of so many parts of them.
#[inline(always)]
fn kth(values: &[f64; WIDE], k: u64) -> f64 {
    let mut minima = [f64::INFINITY; MINIMA];
    for part in values.as_chunks::<MINIMA>().0 {
        for l in 0..MINIMA {
            minima[l] = if part[l] < minima[l] {
                part[l]
            } else {
                minima[l]
            };
        }
    }
    // How many minima are not above each of them.
    let mut ranks = [0u64; MINIMA];
    for minimum in minima {
        for l in 0..MINIMA {
            ranks[l] += u64::from(minimum <= minima[l]);
        }
    }
    let mut kth = f64::INFINITY;
    for l in 0..MINIMA {
        kth = if ranks[l] >= k && minima[l] < kth {
            minima[l]
        } else {
            kth
        };
    }
    kth
}
