//! What Python sees: thin functions, each one door through `border`.

mod border;

use numpy::{IntoPyArray, PyArray1, PyArrayMethods, PyReadonlyArray1, PyReadonlyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::entropy::{self, Zero};
use crate::kernel;
use crate::kernel::gram::THIN;
use crate::marks::{Lists, Spread};
use crate::pool;
use crate::question::{Ask, Reply, Side};
use crate::sweep::Report;
use border::{Points, count, job_count, run, to_py, views};

/// One question as Python writes it, for example `("nearest", "rows", 5)`.
fn ask(question: &Bound<'_, PyTuple>, within: bool) -> PyResult<Ask> {
    let kind: String = question.get_item(0)?.extract()?;
    let side = match question.get_item(1)?.extract::<String>()?.as_str() {
        "rows" => Side::Rows,
        "columns" => Side::Columns,
        other => {
            return Err(PyValueError::new_err(format!(
                "side is {other:?}; \"rows\" and \"columns\" are allowed"
            )));
        }
    };
    if kind == "nearest" {
        let k = count(&question.get_item(2)?, "nearest_k")?;
        if question.len() == 3 {
            return Ok(Ask::Nearest { owner: side, k });
        }
        let among: PyReadonlyArray1<'_, bool> = question.get_item(3)?.extract()?;
        let among = among.as_array().to_vec();
        return Ok(Ask::NearestAmong {
            owner: side,
            k,
            among,
        });
    }
    if kind == "product" {
        let reach: f64 = question.get_item(2)?.extract()?;
        return Ok(Ask::Product { owner: side, reach });
    }
    let radii: PyReadonlyArray1<'_, f64> = question.get_item(2)?.extract()?;
    let radii = radii.as_array().to_vec();
    let closed = || question.get_item(3)?.extract::<bool>();
    let other = if within { side } else { side.other() };
    Ok(match kind.as_str() {
        "count_within" => Ask::CountWithin {
            owner: side,
            radii,
            closed: closed()?,
        },
        "covered_by" => Ask::CoveredBy {
            owner: other,
            radii,
            closed: closed()?,
        },
        "covered" => Ask::Covered {
            owner: other,
            radii,
            closed: closed()?,
        },
        "best_ratio" => Ask::BestRatio {
            owner: other,
            radii,
        },
        "least_radius" => Ask::LeastRadius {
            owner: other,
            radii,
            closed: closed()?,
        },
        _ => {
            return Err(PyValueError::new_err(format!(
                "question is {kind:?}; nearest, count_within, covered_by, covered, best_ratio, least_radius and product are allowed"
            )));
        }
    })
}

fn reply<'py>(py: Python<'py>, reply: Reply, rows: usize) -> PyResult<Bound<'py, PyAny>> {
    Ok(match reply {
        Reply::Nearest { distances, indices } => {
            let k = distances.len() / rows;
            let distances = distances.into_pyarray(py).reshape([rows, k])?;
            let indices = indices.into_pyarray(py).reshape([rows, k])?;
            (distances, indices).into_pyobject(py)?.into_any()
        }
        Reply::Counts(counts) | Reply::Indices(counts) => counts.into_pyarray(py).into_any(),
        Reply::Mask(mask) => mask.into_pyarray(py).into_any(),
        Reply::Values(ratios) => ratios.into_pyarray(py).into_any(),
    })
}

/// Answers questions about all pairs of two sets, or of one set with itself, in one pass.
#[pyfunction]
#[pyo3(signature = (rows, columns, questions, *, n_jobs=None, progress=None))]
fn sweep<'py>(
    py: Python<'py>,
    rows: &Bound<'py, Points>,
    columns: Option<&Bound<'py, Points>>,
    questions: Vec<Bound<'py, PyTuple>>,
    n_jobs: Option<Bound<'py, PyAny>>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyDict>)> {
    let asks = questions
        .iter()
        .map(|question| ask(question, columns.is_none()))
        .collect::<PyResult<Vec<Ask>>>()?;
    let threads = job_count(n_jobs.as_ref())?;
    let row_values = Points::borrow(rows)?;
    let column_values = columns.map(Points::borrow).transpose()?;
    let (first, second) = (
        row_values.points()?,
        column_values.as_ref().map(|v| v.points()).transpose()?,
    );
    let (replies, report) = run(py, threads, progress, |control| {
        crate::sweep::sweep(&first, second.as_ref(), &asks, control)
    })?;
    let sizes = (
        first.len(),
        second.as_ref().map_or(first.len(), |second| second.len()),
    );
    let answers = PyList::empty(py);
    for (ask, answer) in asks.iter().zip(replies) {
        let owners = match ask.owner() {
            Side::Rows => sizes.0,
            Side::Columns => sizes.1,
        };
        answers.append(reply(py, answer, owners)?)?;
    }
    Ok((answers, facts(py, &report)?))
}

fn facts<'py>(py: Python<'py>, report: &Report) -> PyResult<Bound<'py, PyDict>> {
    let facts = PyDict::new(py);
    facts.set_item("kernel", report.kernel)?;
    facts.set_item("code", report.code)?;
    facts.set_item("threads", report.threads)?;
    facts.set_item("pairs", report.pairs)?;
    facts.set_item("settled", report.settled)?;
    facts.set_item("narrowed", report.narrowed)?;
    facts.set_item("climbed", report.climbed)?;
    Ok(facts)
}

/// The nearest neighbours within each of many small sets.
#[pyfunction]
#[pyo3(signature = (sets, nearest_k, *, n_jobs=None))]
fn nearest_within_each<'py>(
    py: Python<'py>,
    sets: Vec<Bound<'py, Points>>,
    nearest_k: Vec<usize>,
    n_jobs: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyList>> {
    let threads = job_count(n_jobs.as_ref())?;
    let values = Points::borrow_all(&sets)?;
    let points = views(&values)?;
    if nearest_k.len() != points.len() {
        return Err(PyValueError::new_err(format!(
            "nearest_k has {} values for {} sets",
            nearest_k.len(),
            points.len()
        )));
    }
    let sets: Vec<_> = points.into_iter().zip(nearest_k).collect();
    let found = run(py, threads, None, |control| {
        crate::sweep::nearest_within_each(&sets, control)
    })?;
    let answers = PyList::empty(py);
    for ((answer, report), (points, _)) in found.into_iter().zip(&sets) {
        answers.append((reply(py, answer, points.len())?, facts(py, &report)?))?;
    }
    Ok(answers)
}

/// Terms of a Leonenko-Pronzato-Savani estimate, their mean over the terms kept, and how many distances were zero.
#[pyfunction]
#[pyo3(signature = (distances, *, n_reference, nearest_k, dimension, zero, what))]
fn entropy_terms<'py>(
    py: Python<'py>,
    distances: PyReadonlyArray1<'py, f64>,
    n_reference: usize,
    nearest_k: usize,
    dimension: f64,
    zero: &str,
    what: &str,
) -> PyResult<(Bound<'py, PyArray1<f64>>, f64, usize)> {
    let zero = match zero {
        "raise" => Zero::Raise,
        "floor" => Zero::Floor,
        "drop" => Zero::Drop,
        other => {
            return Err(PyValueError::new_err(format!(
                "zero is {other:?}; \"raise\", \"floor\" and \"drop\" are allowed"
            )));
        }
    };
    if n_reference == 0 || nearest_k == 0 || !(dimension > 0.0 && dimension.is_finite()) {
        return Err(PyValueError::new_err(format!(
            "n_reference is {n_reference}, nearest_k is {nearest_k} and dimension is {dimension}; all must be positive"
        )));
    }
    let distances = distances.as_array().to_vec();
    let found =
        entropy::terms(&distances, n_reference, nearest_k, dimension, zero, what).map_err(to_py)?;
    let mean = found.mean();
    Ok((found.terms.into_pyarray(py), mean, found.zeros))
}

/// The logarithm of the volume of the unit ball.
#[pyfunction]
fn log_unit_ball_volume(dimension: f64) -> PyResult<f64> {
    if !(dimension > 0.0 && dimension.is_finite()) {
        return Err(PyValueError::new_err(format!(
            "dimension is {dimension}; a positive number is allowed"
        )));
    }
    Ok(entropy::log_unit_ball_volume(dimension))
}

/// Spacings under permuted marks: means and variances.
#[pyfunction]
#[pyo3(signature = (values, neighbors, marks, starts, nearest_k, *, n_jobs=None))]
fn marked_spreads<'py>(
    py: Python<'py>,
    values: PyReadonlyArray2<'py, f64>,
    neighbors: PyReadonlyArray2<'py, i64>,
    marks: PyReadonlyArray2<'py, bool>,
    starts: Vec<usize>,
    nearest_k: usize,
    n_jobs: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let threads = job_count(n_jobs.as_ref())?;
    let shape = [marks.as_array().nrows(), starts.len(), 2];
    let lists = Lists {
        values: values.as_slice()?,
        neighbours: neighbors.as_slice()?,
        starts: &starts,
        points: marks.as_array().ncols(),
    };
    let marks = marks.as_slice()?;
    let found = run(py, threads, None, |control| {
        crate::marks::spreads(lists, marks, nearest_k, control)
    })?;
    let part = |of: fn(&Spread) -> f64| {
        let part: Vec<f64> = found.iter().flatten().map(of).collect();
        part.into_pyarray(py).reshape(shape).map(Bound::into_any)
    };
    Ok((part(|one| one.mean)?, part(|one| one.variance)?))
}

/// K-means on the union of several sets, several runs side by side.
#[pyfunction]
#[pyo3(signature = (sets, *, num_clusters, num_runs, seed, n_jobs=None, progress=None))]
fn kmeans<'py>(
    py: Python<'py>,
    sets: Vec<Bound<'py, Points>>,
    num_clusters: usize,
    num_runs: usize,
    seed: u64,
    n_jobs: Option<Bound<'py, PyAny>>,
    progress: Option<Bound<'py, PyAny>>,
) -> PyResult<(Bound<'py, PyList>, Bound<'py, PyAny>)> {
    let threads = job_count(n_jobs.as_ref())?;
    let values = Points::borrow_all(&sets)?;
    let points = views(&values)?;
    let references: Vec<_> = points.iter().collect();
    let found = run(py, threads, progress, |control| {
        crate::kmeans::kmeans(&references, num_clusters, num_runs, seed, control)
    })?;
    let labels = PyList::empty(py);
    for (labels_of_set, set) in found.labels.into_iter().zip(&points) {
        labels.append(
            labels_of_set
                .into_pyarray(py)
                .reshape([num_runs, set.len()])?,
        )?;
    }
    let width = points[0].width();
    let centers = found
        .centers
        .into_pyarray(py)
        .reshape([num_runs, num_clusters, width])?;
    Ok((labels, centers.into_any()))
}

/// Base, centres, deviations and, where asked for, the correlations of the columns.
#[pyfunction]
#[pyo3(signature = (points, *, correlations, n_jobs=None))]
fn moments<'py>(
    py: Python<'py>,
    points: &Bound<'py, Points>,
    correlations: bool,
    n_jobs: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyTuple>> {
    let threads = job_count(n_jobs.as_ref())?;
    let values = Points::borrow(points)?;
    let points = values.points()?;
    let found = run(py, threads, None, |control| {
        crate::moments::moments(&points, correlations, control)
    })?;
    let width = points.width();
    let correlations = found
        .correlations
        .map(|values| values.into_pyarray(py).reshape([width, width]))
        .transpose()?;
    (
        found.base.into_pyarray(py),
        found.centre.into_pyarray(py),
        found.spread.into_pyarray(py),
        correlations,
    )
        .into_pyobject(py)
}

/// What the correlations do to some vectors, straight from the rows.
#[pyfunction]
#[pyo3(signature = (points, base, centre, spread, vectors, *, n_jobs=None))]
fn probe<'py>(
    py: Python<'py>,
    points: &Bound<'py, Points>,
    base: PyReadonlyArray1<'py, f64>,
    centre: PyReadonlyArray1<'py, f64>,
    spread: PyReadonlyArray1<'py, f64>,
    vectors: PyReadonlyArray2<'py, f64>,
    n_jobs: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let threads = job_count(n_jobs.as_ref())?;
    let values = Points::borrow(points)?;
    let points = values.points()?;
    let moments = [base.as_slice()?, centre.as_slice()?, spread.as_slice()?];
    let (slice, wide) = (vectors.as_slice()?, vectors.as_array().ncols());
    if wide != THIN {
        return Err(PyValueError::new_err(format!(
            "vectors has {wide} columns; {THIN} are needed"
        )));
    }
    let found = run(py, threads, None, |control| {
        crate::moments::probe(&points, moments, slice, control)
    })?;
    Ok(found
        .into_pyarray(py)
        .reshape([points.width(), THIN])?
        .into_any())
}

/// How many threads a call would use.
#[pyfunction]
#[pyo3(signature = (n_jobs=None))]
fn threads(n_jobs: Option<Bound<'_, PyAny>>) -> PyResult<usize> {
    job_count(n_jobs.as_ref())
}

/// Version, kernels, threads and build.
#[pyfunction]
fn config(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let chosen = kernel::choose().map_err(to_py)?;
    let facts = PyDict::new(py);
    facts.set_item("version", env!("CARGO_PKG_VERSION"))?;
    facts.set_item("kernel", chosen.name)?;
    facts.set_item("kernels", kernel::available())?;
    facts.set_item("code", chosen.kernels[0].code())?;
    facts.set_item("threads", pool::threads(None).map_err(to_py)?)?;
    facts.set_item(
        "profile",
        if cfg!(debug_assertions) {
            "debug"
        } else {
            "release"
        },
    )?;
    facts.set_item(
        "target",
        format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS),
    )?;
    Ok(facts)
}

/// The engine of fidiv.
#[pymodule(gil_used = false)]
mod _core {
    #[pymodule_export]
    use super::{
        Points, config, entropy_terms, kmeans, log_unit_ball_volume, marked_spreads, moments,
        nearest_within_each, probe, sweep, threads,
    };
}
