//! Arrays in and out, errors, and the one door that releases the GIL.

use std::panic::AssertUnwindSafe;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use numpy::{PyArray2, PyArrayMethods, PyReadonlyArray2, PyUntypedArrayMethods};
use pyo3::exceptions::{
    PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyTypeError, PyValueError,
};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt};

use crate::control::Control;
use crate::error::{Error, Result};
use crate::points;
use crate::pool;

/// How often the waiting thread looks for signals and reports progress.
const GLANCE: Duration = Duration::from_millis(20);

/// The exception for an error.
pub fn to_py(error: Error) -> PyErr {
    let sentence = error.to_string();
    match error {
        Error::OutOfMemory { .. } => PyMemoryError::new_err(sentence),
        Error::Cancelled => PyKeyboardInterrupt::new_err(sentence),
        _ => PyValueError::new_err(sentence),
    }
}

/// A whole number: an int or what stands for one (numpy's), but no bool and no float.
fn whole<'py>(value: &Bound<'py, PyAny>, name: &str) -> PyResult<Bound<'py, PyInt>> {
    let refuse = || {
        let kind = value
            .get_type()
            .name()
            .map_or_else(|_| "?".to_owned(), |n| n.to_string());
        PyTypeError::new_err(format!("{name} is a {kind}; a whole number is allowed"))
    };
    if value.is_instance_of::<PyBool>() || value.get_type().name()? == "bool" {
        return Err(refuse());
    }
    let index = value.call_method0("__index__").map_err(|_| refuse())?;
    Ok(index.cast_into::<PyInt>()?)
}

/// A count of one or more.
pub fn count(value: &Bound<'_, PyAny>, name: &str) -> PyResult<usize> {
    let number = whole(value, name)?;
    match number.extract::<usize>() {
        Ok(count) if count > 0 => Ok(count),
        _ => Err(PyValueError::new_err(format!(
            "{name} is {number}; 1 or more is allowed"
        ))),
    }
}

/// How many threads `n_jobs` means.
pub fn job_count(n_jobs: Option<&Bound<'_, PyAny>>) -> PyResult<usize> {
    let wanted = match n_jobs {
        None => None,
        Some(value) if value.is_none() => None,
        Some(value) => {
            let number = whole(value, "n_jobs")?;
            Some(number.extract::<i64>().unwrap_or(i64::MAX))
        }
    };
    pool::threads(wanted).map_err(to_py)
}

/// A checked (n, d) block of float32 or float64 values. It keeps the array it was made of and copies nothing; the array must not change while it is in use.
#[pyclass(frozen, module = "fidiv._core")]
pub struct Points {
    array: Py<PyAny>,
    name: String,
    shape: (usize, usize),
}

/// The values of a [`Points`], borrowed from numpy for the length of a call.
pub enum Values<'py> {
    F32(PyReadonlyArray2<'py, f32>),
    F64(PyReadonlyArray2<'py, f64>),
}

impl<'py> Values<'py> {
    fn of(array: &Bound<'py, PyAny>, name: &str) -> PyResult<Self> {
        let refuse = || {
            PyTypeError::new_err(format!(
                "{name} must be a two-dimensional, C-contiguous, aligned numpy array of native float32 or float64"
            ))
        };
        let values = if let Ok(array) = array.cast::<PyArray2<f32>>() {
            Self::F32(array.try_readonly().map_err(|_| refuse())?)
        } else if let Ok(array) = array.cast::<PyArray2<f64>>() {
            Self::F64(array.try_readonly().map_err(|_| refuse())?)
        } else {
            return Err(refuse());
        };
        let fits = match &values {
            Self::F32(array) => array.as_slice().is_ok() && array.is_c_contiguous(),
            Self::F64(array) => array.as_slice().is_ok() && array.is_c_contiguous(),
        };
        if fits { Ok(values) } else { Err(refuse()) }
    }

    fn shape(&self) -> (usize, usize) {
        let shape = match self {
            Self::F32(array) => array.shape(),
            Self::F64(array) => array.shape(),
        };
        (shape[0], shape[1])
    }

    /// The engine's view of values that were checked when the [`Points`] was made.
    pub fn points(&self) -> PyResult<points::Points<'_>> {
        let width = self.shape().1;
        match self {
            Self::F32(array) => points::Points::checked_f32(array.as_slice()?, width),
            Self::F64(array) => points::Points::checked_f64(array.as_slice()?, width),
        }
        .map_err(to_py)
    }
}

/// The engine's view of several sets.
pub fn views<'v>(values: &'v [Values<'_>]) -> PyResult<Vec<points::Points<'v>>> {
    values.iter().map(Values::points).collect()
}

impl Points {
    /// Borrows the values of several sets.
    pub fn borrow_all<'py>(sets: &[Bound<'py, Self>]) -> PyResult<Vec<Values<'py>>> {
        sets.iter().map(Self::borrow).collect()
    }

    /// Borrows the values for the length of a call.
    pub fn borrow<'py>(this: &Bound<'py, Self>) -> PyResult<Values<'py>> {
        let points = this.get();
        let values = Values::of(points.array.bind(this.py()), &points.name)?;
        if values.shape() != points.shape {
            return Err(PyValueError::new_err(format!(
                "{} changed its shape from {:?} to {:?} while in use",
                points.name,
                points.shape,
                values.shape()
            )));
        }
        Ok(values)
    }
}

#[pymethods]
impl Points {
    #[new]
    #[pyo3(signature = (array, name, *, n_jobs=None))]
    fn new(
        array: &Bound<'_, PyAny>,
        name: String,
        n_jobs: Option<Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let threads = job_count(n_jobs.as_ref())?;
        let values = Values::of(array, &name)?;
        let (rows, columns) = values.shape();
        if rows == 0 || columns == 0 {
            return Err(PyValueError::new_err(format!(
                "{name} has shape ({rows}, {columns}); at least one row and one column are needed"
            )));
        }
        match &values {
            Values::F32(array) => {
                let slice = array.as_slice()?;
                run(array.py(), threads, None, |_| {
                    points::Points::from_f32(&name, slice, columns).map(|_| ())
                })?;
            }
            Values::F64(array) => {
                let slice = array.as_slice()?;
                run(array.py(), threads, None, |_| {
                    points::Points::from_f64(&name, slice, columns).map(|_| ())
                })?;
            }
        }
        Ok(Self {
            array: array.clone().unbind(),
            name,
            shape: (rows, columns),
        })
    }

    #[getter]
    fn shape(&self) -> (usize, usize) {
        self.shape
    }

    #[getter]
    fn name(&self) -> &str {
        &self.name
    }

    #[getter]
    fn array<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.array.bind(py)
    }

    fn __repr__(&self) -> String {
        format!(
            "Points({}, shape=({}, {}))",
            self.name, self.shape.0, self.shape.1
        )
    }
}

/// The door: runs `job` on our pool without the GIL. The calling thread waits, looks for Ctrl-C and reports progress; a signal or an exception of `progress`
/// cancels the job and comes out of here once it has stopped.
pub fn run<T: Send>(
    py: Python<'_>,
    threads: usize,
    progress: Option<Bound<'_, PyAny>>,
    job: impl FnOnce(&Control) -> Result<T> + Send,
) -> PyResult<T> {
    let pool = pool::pool(threads).map_err(to_py)?;
    let progress = progress.filter(|p| !p.is_none()).map(Bound::unbind);
    let control = Control::default();
    let report = |py: Python<'_>| -> PyResult<()> {
        py.check_signals()?;
        if let Some(progress) = &progress {
            let (done, total) = control.progress();
            if total > 0 {
                progress.call1(py, (done, total))?;
            }
        }
        Ok(())
    };
    let (result, raised) = py.detach(|| {
        std::thread::scope(|scope| {
            let (finished, waiting) = mpsc::channel::<()>();
            let (pool, control) = (&pool, &control);
            let worker = std::thread::Builder::new()
                .name("fidiv".into())
                .spawn_scoped(scope, move || {
                    // A panic is a defect of ours; it must not cross the border as one.
                    let result = std::panic::catch_unwind(AssertUnwindSafe(|| {
                        pool.install(|| job(control))
                    }));
                    drop(finished);
                    result
                });
            let Ok(worker) = worker else {
                let error = Error::Invalid("a thread could not be started".into());
                return (Ok(Err(error)), None);
            };
            let mut raised = None;
            while waiting.recv_timeout(GLANCE) == Err(RecvTimeoutError::Timeout) {
                if raised.is_none()
                    && let Err(error) = Python::attach(report)
                {
                    control.cancel();
                    raised = Some(error);
                }
            }
            (worker.join().unwrap_or_else(Err), raised)
        })
    });
    if let Some(error) = raised {
        return Err(error);
    }
    match result {
        Ok(Ok(value)) => {
            report(py)?;
            Ok(value)
        }
        Ok(Err(error)) => Err(to_py(error)),
        Err(_) => Err(PyRuntimeError::new_err(
            "fidiv met an internal error; the message above says where, and we would like to hear of it",
        )),
    }
}
