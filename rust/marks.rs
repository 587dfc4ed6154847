//! Radii under permuted marks: what a permutation test of spacings looks up again and again.

use rayon::prelude::*;

use crate::control::Control;
use crate::error::{Error, Result, filled};

/// For every permutation and point the value beside the k-th of the point's neighbours that has its own mark; the last value where fewer have it.
///
/// Point `i` has the neighbours `neighbours[i * length..][..length]`, nearest first, and `values` beside them; permutation `p` marks point `i` with
/// `marks[p * points + i]`.
///
/// # Errors
/// When sizes do not fit, a neighbour is no point, memory is short, or the caller cancelled.
pub fn radii(
    values: &[f64],
    neighbours: &[i64],
    marks: &[bool],
    points: usize,
    k: usize,
    control: &Control,
) -> Result<Vec<f64>> {
    let length = neighbours.len() / points.max(1);
    let whole = points > 0 && length > 0 && neighbours.len() == points * length;
    if !whole || values.len() != neighbours.len() || !marks.len().is_multiple_of(points) || k == 0 {
        return Err(Error::Invalid(format!(
            "{points} points, {} neighbours, {} values, {} marks and nearest_k={k} do not fit",
            neighbours.len(),
            values.len(),
            marks.len()
        )));
    }
    if let Some(wrong) = neighbours.iter().find(|&&j| j < 0 || j >= points as i64) {
        return Err(Error::Invalid(format!(
            "{wrong} is among the neighbours of {points} points"
        )));
    }
    let mut radii = filled(marks.len(), 0.0, "radii under permuted marks")?;
    radii
        .par_chunks_mut(points)
        .zip(marks.par_chunks(points))
        .try_for_each(|(radii, marks)| {
            control.check()?;
            let lists = neighbours
                .chunks_exact(length)
                .zip(values.chunks_exact(length));
            for ((radius, &mark), (neighbours, values)) in radii.iter_mut().zip(marks).zip(lists) {
                let own = neighbours.iter().zip(values);
                let mut own = own.filter(|(j, _)| marks[**j as usize] == mark);
                *radius = own
                    .nth(k - 1)
                    .map_or(values[length - 1], |(_, value)| *value);
            }
            Ok(())
        })?;
    Ok(radii)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kth_of_the_same_mark_or_the_last() {
        // Three points in a row, each with the two others.
        let neighbours = [1, 2, 0, 2, 1, 0];
        let values = [1.0, 3.0, 1.0, 2.0, 2.0, 3.0];
        let marks = [true, false, true, false, false, false];
        let control = Control::default();
        let found = radii(&values, &neighbours, &marks, 3, 1, &control).unwrap();
        assert_eq!(found, [3.0, 2.0, 3.0, 1.0, 1.0, 2.0]);
        let second = radii(&values, &neighbours, &marks, 3, 2, &control).unwrap();
        assert_eq!(second, [3.0, 2.0, 3.0, 3.0, 2.0, 3.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let control = Control::default();
        for (values, neighbours, marks, points, k) in [
            (&[1.0, 1.0][..], &[1, 0][..], &[true, false][..], 2, 0),
            (&[1.0], &[1, 0], &[true, false], 2, 1),
            (&[1.0, 1.0], &[1, 0], &[true], 2, 1),
            (&[1.0, 1.0], &[1, 2], &[true, false], 2, 1),
            (&[1.0, 1.0], &[1, -1], &[true, false], 2, 1),
            (&[], &[], &[], 0, 1),
        ] {
            assert!(radii(values, neighbours, marks, points, k, &control).is_err());
        }
    }
}
