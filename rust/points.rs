//! `Points`: a checked n x d block of float32 or float64 values in C order. Once one is built, nobody checks its values again.

use std::borrow::Cow;
use std::ops::Range;

use rayon::prelude::*;

use crate::distance::{Row, Scalar};
use crate::error::{Error, Result};

/// The values, borrowed from the caller or owned, never converted.
#[derive(Clone, Debug)]
enum Values<'a> {
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
}

/// A set of `n` points of `d` columns, all finite and small enough to be squared.
#[derive(Clone, Debug)]
pub struct Points<'a> {
    values: Values<'a>,
    rows: usize,
    columns: usize,
}

/// What one pass over the values finds.
#[derive(Clone, Copy, Default)]
struct Census {
    nan: usize,
    infinite: usize,
    /// Position of the first value that is not finite.
    first: Option<usize>,
    /// Position of the first finite value beyond the limit.
    large: Option<usize>,
}

impl Census {
    fn of<T: Scalar>(chunk: &[T], start: usize, limit: f64) -> Self {
        // The common case is one branch for the whole chunk: a NaN or a large value makes this fold differ from "all small".
        if chunk
            .iter()
            .fold(true, |fine, v| fine & (v.to_f64().abs() <= limit))
        {
            return Self::default();
        }
        let mut census = Self::default();
        for (offset, value) in chunk.iter().enumerate() {
            let value = value.to_f64();
            if value.is_nan() {
                census.nan += 1;
            } else if value.is_infinite() {
                census.infinite += 1;
            } else {
                if value.abs() > limit && census.large.is_none() {
                    census.large = Some(start + offset);
                }
                continue;
            }
            census.first = census.first.or(Some(start + offset));
        }
        census
    }

    fn join(self, later: Self) -> Self {
        Self {
            nan: self.nan + later.nan,
            infinite: self.infinite + later.infinite,
            first: self.first.or(later.first),
            large: self.large.or(later.large),
        }
    }
}

/// The largest magnitude whose squared distances at width `d` stay below 1e308.
pub fn magnitude_limit(d: usize) -> f64 {
    1e154 / (4.0 * d as f64).sqrt()
}

fn check<T: Scalar>(name: &str, values: &[T], columns: usize) -> Result<()> {
    const CHUNK: usize = 1 << 16;
    let limit = magnitude_limit(columns);
    let census = values
        .par_chunks(CHUNK)
        .enumerate()
        .map(|(i, chunk)| Census::of(chunk, i * CHUNK, limit))
        .reduce(Census::default, |a, b| {
            // Rayon reduces neighbours in order, so "first" stays first.
            a.join(b)
        });
    if let Some(at) = census.first {
        return Err(Error::NotFinite {
            name: name.to_owned(),
            nan: census.nan,
            infinite: census.infinite,
            row: at / columns,
            column: at % columns,
        });
    }
    if let Some(at) = census.large {
        return Err(Error::TooLarge {
            name: name.to_owned(),
            value: format!("{:e}", values[at].to_f64()),
            row: at / columns,
            column: at % columns,
            limit: format!("{limit:.2e}"),
        });
    }
    Ok(())
}

impl<'a> Points<'a> {
    /// Checks float32 values of width `columns` and wraps them without a copy when they are borrowed.
    ///
    /// # Errors
    /// When the set is empty, its length is no multiple of `columns`, or a value is NaN or infinite.
    pub fn from_f32(name: &str, values: impl Into<Cow<'a, [f32]>>, columns: usize) -> Result<Self> {
        let points = Self::shaped(name, Values::F32(values.into()), columns)?;
        points.check(name)?;
        Ok(points)
    }

    /// Checks float64 values of width `columns` and wraps them without a copy when they are borrowed.
    ///
    /// # Errors
    /// As [`Points::from_f32`], and when a value is so large that squared distances would overflow.
    pub fn from_f64(name: &str, values: impl Into<Cow<'a, [f64]>>, columns: usize) -> Result<Self> {
        let points = Self::shaped(name, Values::F64(values.into()), columns)?;
        points.check(name)?;
        Ok(points)
    }

    /// Wraps float32 values that an earlier `Points` has checked.
    #[cfg(feature = "python")]
    pub(crate) fn checked_f32(values: &'a [f32], columns: usize) -> Result<Self> {
        Self::shaped("points", Values::F32(values.into()), columns)
    }

    /// Wraps float64 values that are known to be finite and small enough.
    pub(crate) fn checked_f64(values: impl Into<Cow<'a, [f64]>>, columns: usize) -> Result<Self> {
        Self::shaped("points", Values::F64(values.into()), columns)
    }

    fn shaped(name: &str, values: Values<'a>, columns: usize) -> Result<Self> {
        let length = match &values {
            Values::F32(v) => v.len(),
            Values::F64(v) => v.len(),
        };
        if columns == 0 || length == 0 || length % columns != 0 {
            return Err(Error::Invalid(format!(
                "{name} has {length} values in rows of {columns}; at least one full row of at least one column is needed"
            )));
        }
        let rows = length / columns;
        if rows >= u32::MAX as usize {
            return Err(Error::Invalid(format!(
                "{name} has {rows} rows; fewer than {} are allowed",
                u32::MAX
            )));
        }
        Ok(Self {
            values,
            rows,
            columns,
        })
    }

    fn check(&self, name: &str) -> Result<()> {
        match &self.values {
            Values::F32(v) => check(name, v, self.columns),
            Values::F64(v) => check(name, v, self.columns),
        }
    }

    /// How many points.
    pub fn len(&self) -> usize {
        self.rows
    }

    /// Never: a set has at least one point.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// How many columns.
    pub fn width(&self) -> usize {
        self.columns
    }

    /// The inputs' size in bytes.
    pub fn bytes(&self) -> usize {
        self.rows
            * self.columns
            * match self.values {
                Values::F32(_) => 4,
                Values::F64(_) => 8,
            }
    }

    /// Point `i`.
    #[inline(always)]
    pub fn row(&self, i: usize) -> Row<'_> {
        let span: Range<usize> = i * self.columns..(i + 1) * self.columns;
        match &self.values {
            Values::F32(v) => Row::F32(&v[span]),
            Values::F64(v) => Row::F64(&v[span]),
        }
    }

    /// Points `range`, one after the other.
    pub fn rows(&self, range: Range<usize>) -> Row<'_> {
        let span = range.start * self.columns..range.end * self.columns;
        match &self.values {
            Values::F32(v) => Row::F32(&v[span]),
            Values::F64(v) => Row::F64(&v[span]),
        }
    }

    /// One value as float64.
    pub fn value(&self, row: usize, column: usize) -> f64 {
        match self.row(row) {
            Row::F32(x) => f64::from(x[column]),
            Row::F64(x) => x[column],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_not_finite_by_count_and_first_position() {
        let mut values = vec![0.5f32; 300 * 1000];
        values[1000 * 200 + 7] = f32::NAN;
        values[1000 * 120 + 9] = f32::NEG_INFINITY;
        values[1000 * 299 + 999] = f32::NAN;
        let error = Points::from_f32("real_features", &values[..], 1000).unwrap_err();
        assert_eq!(
            error.to_string(),
            "real_features has 2 NaN and 1 infinite values, the first at row 120, column 9; every value must be finite"
        );
    }

    #[test]
    fn refuses_what_cannot_be_squared() {
        let error = Points::from_f64("x", &[1.0, 1e154, 0.0, 2.0][..], 2).unwrap_err();
        assert!(error.to_string().contains("row 0, column 1"), "{error}");
        assert!(Points::from_f64("x", &[1.0, 1e153, 0.0, 2.0][..], 2).is_ok());
        assert!(Points::from_f32("x", &[f32::MAX; 4][..], 2).is_ok());
    }
}
