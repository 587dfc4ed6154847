//! Everything that can go wrong, one human sentence a variant. Knows nothing of Python.

use std::fmt;

/// Why a call could not be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// NaN or infinity among the values of a set.
    NotFinite {
        /// The argument's name.
        name: String,
        /// How many values are NaN.
        nan: usize,
        /// How many values are infinite.
        infinite: usize,
        /// Row of the first such value.
        row: usize,
        /// Column of the first such value.
        column: usize,
    },
    /// A value whose squared distances would overflow float64.
    TooLarge {
        /// The argument's name.
        name: String,
        /// The value, as text.
        value: String,
        /// Its row.
        row: usize,
        /// Its column.
        column: usize,
        /// The largest magnitude allowed at this width, as text.
        limit: String,
    },
    /// An argument that the named function cannot take.
    Invalid(String),
    /// Zero distances where a logarithm is asked for.
    ZeroDistances {
        /// Which distances.
        what: String,
        /// How many are zero.
        zeros: usize,
        /// Of how many.
        total: usize,
        /// Row of the first.
        row: usize,
    },
    /// Memory that could not be had.
    OutOfMemory {
        /// What the memory was for.
        what: String,
        /// How much, in bytes.
        bytes: usize,
    },
    /// The caller asked the work to stop.
    Cancelled,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite {
                name,
                nan,
                infinite,
                row,
                column,
            } => write!(
                f,
                "{name} has {nan} NaN and {infinite} infinite values, the first at row {row}, column {column}; \
                 every value must be finite"
            ),
            Self::TooLarge {
                name,
                value,
                row,
                column,
                limit,
            } => write!(
                f,
                "{name} has the value {value} at row {row}, column {column}; squared distances would overflow float64, \
                 so magnitudes up to {limit} are allowed at this width"
            ),
            Self::Invalid(sentence) => f.write_str(sentence),
            Self::ZeroDistances {
                what,
                zeros,
                total,
                row,
            } => write!(
                f,
                "{what}: {zeros} of {total} distances are zero, the first at row {row}, and the logarithm of zero is \
                 not finite; remove the repeated points, or pass zero=\"floor\" or zero=\"drop\""
            ),
            Self::OutOfMemory { what, bytes } => {
                write!(
                    f,
                    "{what} needs {:.1} MiB, which could not be had",
                    *bytes as f64 / 1048576.0
                )
            }
            Self::Cancelled => f.write_str("cancelled"),
        }
    }
}

impl std::error::Error for Error {}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

/// An empty vector with room for `count` values.
///
/// # Errors
/// [`Error::OutOfMemory`], where a plain allocation would end the process.
pub fn room<T>(count: usize, what: &str) -> Result<Vec<T>> {
    let mut values = Vec::new();
    values
        .try_reserve_exact(count)
        .map_err(|_| Error::OutOfMemory {
            what: what.to_owned(),
            bytes: count.saturating_mul(size_of::<T>()),
        })?;
    Ok(values)
}

/// `count` copies of a value.
///
/// # Errors
/// As [`room`].
pub fn filled<T: Clone>(count: usize, value: T, what: &str) -> Result<Vec<T>> {
    let mut values = room(count, what)?;
    values.resize(count, value);
    Ok(values)
}
