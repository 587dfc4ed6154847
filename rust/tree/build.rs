//! The tree: a balanced k-d tree (Bentley, 1975; Friedman, Bentley and Finkel, 1977) over one set of points.
//!
//! A node splits its points at the median of the column in which they spread widest; leaves hold [`WIDE`] points, column by column. Medians are taken
//! at whole leaves, so all leaves but the last are full and the shape follows from the number of points alone: nodes stand in preorder, a node over
//! `m` leaves has its left child right behind it and its right child behind the `2 m - 1` nodes of the left one.

use rayon::prelude::*;

use super::bounds::{Bounds, Leaf};
use crate::control::Control;
use crate::distance::Row;
use crate::error::{Result, filled, room};
use crate::kernel::wide::WIDE;
use crate::points::Points;

/// Nodes of more points than this are built by several threads.
const ALONE: usize = 4096;
/// The spread of larger nodes is taken from so many of their points.
const SAMPLE: usize = 512;

/// A point on its way to a leaf.
#[derive(Clone, Copy)]
struct Item<const D: usize> {
    x: [f64; D],
    index: u32,
}

/// A node over consecutive leaves.
#[derive(Clone, Copy)]
pub struct Node {
    /// Where it stands.
    pub at: usize,
    /// Its first leaf.
    pub first: usize,
    /// How many leaves.
    pub leaves: usize,
}

impl Node {
    /// Whether a leaf is under it.
    #[inline(always)]
    pub fn holds(self, leaf: usize) -> bool {
        (self.first..self.first + self.leaves).contains(&leaf)
    }

    /// Both children, the left one first; a leaf has none.
    #[inline(always)]
    pub fn children(self) -> [Self; 2] {
        let left = self.leaves.div_ceil(2);
        [
            Self {
                at: self.at + 1,
                first: self.first,
                leaves: left,
            },
            Self {
                at: self.at + 2 * left,
                first: self.first + left,
                leaves: self.leaves - left,
            },
        ]
    }
}

/// Points in the order of their tree.
pub struct Tree<const D: usize> {
    /// How many points.
    pub count: usize,
    /// Leaf after leaf; the last is filled up with copies of its last point.
    values: Vec<f64>,
    /// The points' indices in their set, in tree order.
    pub indices: Vec<u32>,
    /// The box of every node.
    pub bounds: Vec<Bounds<D>>,
    /// The smallest index in every node.
    pub least: Vec<u32>,
}

impl<const D: usize> Tree<D> {
    /// Builds the tree of points of at most D columns, on the current pool.
    pub fn new(points: &Points<'_>, control: &Control) -> Result<Self> {
        let what = "a tree";
        let count = points.len();
        let leaves = count.div_ceil(WIDE);
        let mut items: Vec<Item<D>> = room(count, what)?;
        items.par_extend((0..count).into_par_iter().map(|i| Item {
            x: widened(points.row(i)),
            index: i as u32,
        }));
        let mut values: Vec<f64> = room(leaves * WIDE * D, what)?;
        values.par_extend(rayon::iter::repeat_n(0.0, leaves * WIDE * D));
        let mut tree = Self {
            count,
            values,
            indices: filled(count, 0, what)?,
            bounds: filled(2 * leaves - 1, Bounds::NONE, what)?,
            least: filled(2 * leaves - 1, u32::MAX, what)?,
        };
        let (columns, _) = tree.values.as_chunks_mut::<WIDE>();
        let (blocks, _) = columns.as_chunks_mut::<D>();
        Part {
            items: &mut items,
            blocks,
            indices: &mut tree.indices,
            bounds: &mut tree.bounds,
            least: &mut tree.least,
        }
        .build(control);
        control.check()?;
        Ok(tree)
    }

    /// The node over all leaves.
    pub fn root(&self) -> Node {
        Node {
            at: 0,
            first: 0,
            leaves: self.leaves(),
        }
    }

    /// The node of a leaf.
    pub fn node_of(&self, leaf: usize) -> Node {
        let mut node = self.root();
        while node.leaves > 1 {
            let [left, right] = node.children();
            node = if left.holds(leaf) { left } else { right };
        }
        node
    }

    /// How many leaves.
    pub fn leaves(&self) -> usize {
        self.count.div_ceil(WIDE)
    }

    /// The points of a leaf.
    #[inline(always)]
    pub fn leaf(&self, leaf: usize) -> &Leaf<D> {
        &self.values.as_chunks::<WIDE>().0.as_chunks::<D>().0[leaf]
    }

    /// How many points a node has.
    #[inline(always)]
    pub fn size(&self, node: Node) -> usize {
        ((node.first + node.leaves) * WIDE).min(self.count) - node.first * WIDE
    }

    /// One value for every node, from one for every point: the points' values are folded leaf by leaf, and those of nodes upwards.
    pub fn fold(&self, values: &[f64], fold: impl Fn(f64, f64) -> f64 + Copy) -> Result<Vec<f64>> {
        let mut nodes = filled(self.bounds.len(), 0.0, "values of a tree's nodes")?;
        // Children stand behind their parents.
        let mut order: Vec<Node> = room(self.bounds.len(), "the nodes of a tree")?;
        order.push(self.root());
        let mut next = 0;
        while let Some(&node) = order.get(next) {
            next += 1;
            if node.leaves > 1 {
                order.extend(node.children());
            }
        }
        for node in order.into_iter().rev() {
            nodes[node.at] = if node.leaves == 1 {
                let first = node.first * WIDE;
                let points = &values[first..first + self.size(node)];
                points[1..].iter().copied().fold(points[0], fold)
            } else {
                let [left, right] = node.children();
                fold(nodes[left.at], nodes[right.at])
            };
        }
        Ok(nodes)
    }
}

/// A point as float64, with zeros in the columns it lacks.
fn widened<const D: usize>(row: Row<'_>) -> [f64; D] {
    let mut x = [0.0; D];
    match row {
        Row::F32(row) => {
            for (x, &value) in x.iter_mut().zip(row) {
                *x = f64::from(value);
            }
        }
        Row::F64(row) => x[..row.len()].copy_from_slice(row),
    }
    x
}

/// What a node is built from and into.
struct Part<'a, const D: usize> {
    items: &'a mut [Item<D>],
    blocks: &'a mut [Leaf<D>],
    indices: &'a mut [u32],
    bounds: &'a mut [Bounds<D>],
    least: &'a mut [u32],
}

impl<'a, const D: usize> Part<'a, D> {
    fn build(self, control: &Control) {
        if self.blocks.len() == 1 {
            return self.fill();
        }
        let left = self.blocks.len().div_ceil(2);
        let points = left * WIDE;
        if control.is_cancelled() {
            return;
        }
        match widest(self.items) {
            Some(column) => {
                self.items
                    .select_nth_unstable_by(points, |a, b| a.x[column].total_cmp(&b.x[column]));
            }
            // All points are one: in the order of their indices, neighbours at distance zero are found first leaf first.
            None => self.items.sort_unstable_by_key(|item| item.index),
        }
        let (own_bounds, bounds) = self.bounds.split_first_mut().expect("a node has a box");
        let (own_least, least) = self.least.split_first_mut().expect("a node has an index");
        let nodes = 2 * left - 1;
        let items = self.items.split_at_mut(points);
        let blocks = self.blocks.split_at_mut(left);
        let indices = self.indices.split_at_mut(points);
        let bounds = bounds.split_at_mut(nodes);
        let least = least.split_at_mut(nodes);
        let alone = items.0.len() + items.1.len() <= ALONE;
        let parts = [
            Part {
                items: items.0,
                blocks: blocks.0,
                indices: indices.0,
                bounds: &mut *bounds.0,
                least: &mut *least.0,
            },
            Part {
                items: items.1,
                blocks: blocks.1,
                indices: indices.1,
                bounds: &mut *bounds.1,
                least: &mut *least.1,
            },
        ];
        let [first, second] = parts;
        if alone {
            first.build(control);
            second.build(control);
        } else {
            rayon::join(|| first.build(control), || second.build(control));
        }
        *own_bounds = bounds.0[0].join(&bounds.1[0]);
        *own_least = least.0[0].min(least.1[0]);
    }

    fn fill(self) {
        for (l, (item, index)) in self.items.iter().zip(self.indices).enumerate() {
            for (column, &x) in self.blocks[0].iter_mut().zip(&item.x) {
                column[l] = x;
            }
            *index = item.index;
            self.bounds[0].add(&item.x);
            self.least[0] = self.least[0].min(item.index);
        }
        let filled = self.items.len();
        for column in &mut self.blocks[0] {
            let last = column[filled - 1];
            column[filled..].fill(last);
        }
    }
}

/// The column in which the points spread widest; none when all points are one.
fn widest<const D: usize>(items: &[Item<D>]) -> Option<usize> {
    let column = |step: usize| {
        let mut bounds = Bounds::NONE;
        for item in items.iter().step_by(step) {
            bounds.add(&item.x);
        }
        let spread = |&c: &usize| bounds.high[c] - bounds.low[c];
        let widest = (0..D).max_by(|a, b| spread(a).total_cmp(&spread(b)))?;
        (spread(&widest) > 0.0).then_some(widest)
    };
    let step = (items.len() / SAMPLE).max(1);
    column(step).or_else(|| if step > 1 { column(1) } else { None })
}
