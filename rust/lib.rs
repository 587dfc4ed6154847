//! The engine of fidiv: exact nearest neighbours, ball counts and what is built from them.
//!
//! Three ideas carry it.
//!
//! 1. **Every question about neighbours is a window on the distance** (`question`): below one bound a question hears "inside", above another
//!    it hears nothing, in between the settled distance decides.
//! 2. **A kernel is cheap and honest** (`kernel`): it multiplies short codes of the rows and comes with a proven bound (`bound`) on its error. So any
//!    kernel gives the same answers; a better one gives them sooner.
//! 3. **One exact distance decides** (`distance`): float64, in a fixed order, the same bits on every machine.
//!
//! ```text
//!   Points ──> codes ──> kernel: products ──> scan ──> judge ──> settle ──> question: answers
//!   (points)   (codes)   (kernel)             Lemma 3  Lemma 2   (distance)
//!                        └────────────────── sweep: which tiles, on which thread ──────┘
//! ```
//!
//! Where columns are few, `tree` answers the same questions from boxes of points instead of from all pairs, by the same distance.
//!
//! `unsafe` lives in `kernel` alone, Python in `python` alone.
#![deny(unsafe_code)]

pub mod bound;
pub mod codes;
pub mod control;
pub mod distance;
pub mod entropy;
pub mod error;
pub mod kernel;
pub mod kmeans;
pub mod marks;
pub mod moments;
#[cfg(test)]
mod oracle;
pub mod points;
pub mod pool;
#[cfg(feature = "python")]
mod python;
pub mod question;
pub mod sweep;
pub mod tree;
