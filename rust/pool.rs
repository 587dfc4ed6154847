//! How many threads, and the pools they live in.
//!
//! Pools are built on first use and kept by size. They belong to the process that built them: in a forked child the parent's threads do not exist, so
//! the child leaks the inherited handles (dropping one would signal threads that are not there) and builds its own.

use std::sync::{Arc, Mutex};

use rayon::{ThreadPool, ThreadPoolBuilder};

use crate::error::{Error, Result};
use crate::kernel;

/// The environment variable for the number of threads.
pub const VARIABLE: &str = "FIDIV_NUM_THREADS";
/// Pools kept for reuse; more sizes than this in turn are rare.
const KEPT: usize = 4;

struct Pools {
    process: u32,
    kept: Vec<Arc<ThreadPool>>,
}

static POOLS: Mutex<Option<Pools>> = Mutex::new(None);

/// How many threads a call uses: `n_jobs` (negative counts back from all, as joblib does), else `FIDIV_NUM_THREADS`, else `OMP_NUM_THREADS`, else all
/// that affinity and cgroup grant.
///
/// # Errors
/// When `n_jobs` is zero or `FIDIV_NUM_THREADS` is no positive number.
pub fn threads(n_jobs: Option<i64>) -> Result<usize> {
    // A sane ceiling: beyond it a typing error is likelier than a machine.
    const MOST: i64 = 1024;
    let all = || std::thread::available_parallelism().map_or(1, |n| n.get());
    match n_jobs {
        Some(0) => {
            return Err(Error::Invalid(
                "n_jobs is 0; a positive number of threads is allowed, or a negative one (-1 all, -2 all but one)"
                    .into(),
            ));
        }
        Some(n) if n > MOST => {
            return Err(Error::Invalid(format!(
                "n_jobs is {n}; at most {MOST} threads are allowed"
            )));
        }
        Some(n) if n > 0 => return Ok(n as usize),
        Some(n) => return Ok((all() as i64).saturating_add(1).saturating_add(n).max(1) as usize),
        None => {}
    }
    if let Some(text) = std::env::var(VARIABLE)
        .ok()
        .filter(|t| !t.trim().is_empty())
    {
        return match text.trim().parse::<i64>() {
            Ok(n) if (1..=MOST).contains(&n) => Ok(n as usize),
            _ => Err(Error::Invalid(format!(
                "{VARIABLE} is {text:?}; a number from 1 to {MOST} is allowed"
            ))),
        };
    }
    // Somebody else's variable: a list gives the outer level first, anything else that is no positive number is not ours to refuse.
    let openmp = std::env::var("OMP_NUM_THREADS").unwrap_or_default();
    let first = openmp
        .split(',')
        .next()
        .unwrap_or_default()
        .trim()
        .parse::<i64>();
    Ok(match first {
        Ok(n) if (1..=MOST).contains(&n) => n as usize,
        _ => all(),
    })
}

fn build(threads: usize) -> Result<Arc<ThreadPool>> {
    ThreadPoolBuilder::new()
        .num_threads(threads)
        .thread_name(|i| format!("fidiv-{i}"))
        .start_handler(|_| kernel::set_default_float_mode())
        .build()
        .map(Arc::new)
        .map_err(|error| Error::Invalid(format!("{threads} threads could not be started: {error}")))
}

/// A pool of that many threads.
///
/// # Errors
/// When the threads cannot be started.
pub fn pool(threads: usize) -> Result<Arc<ThreadPool>> {
    // Never wait: a lock that was held when the process forked stays held in the child for ever.
    let Ok(mut guard) = POOLS.try_lock() else {
        return build(threads);
    };
    let process = std::process::id();
    if guard.as_ref().is_some_and(|pools| pools.process != process) {
        std::mem::forget(guard.take());
    }
    let pools = guard.get_or_insert_with(|| Pools {
        process,
        kept: Vec::new(),
    });
    if let Some(at) = pools
        .kept
        .iter()
        .position(|p| p.current_num_threads() == threads)
    {
        let pool = pools.kept.remove(at);
        pools.kept.push(pool.clone());
        return Ok(pool);
    }
    let pool = build(threads)?;
    pools.kept.push(pool.clone());
    if pools.kept.len() > KEPT {
        pools.kept.remove(0);
    }
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_jobs_counts_as_joblib_does() {
        let all = std::thread::available_parallelism().unwrap().get();
        assert_eq!(threads(Some(3)).unwrap(), 3);
        assert_eq!(threads(Some(-1)).unwrap(), all);
        assert_eq!(threads(Some(-2)).unwrap(), (all - 1).max(1));
        assert_eq!(threads(Some(i64::MIN)).unwrap(), 1);
        assert!(
            threads(Some(0))
                .unwrap_err()
                .to_string()
                .contains("n_jobs is 0")
        );
        assert!(threads(Some(1 << 40)).is_err());
    }

    #[test]
    fn pools_are_reused() {
        let first = pool(3).unwrap();
        assert!(Arc::ptr_eq(&first, &pool(3).unwrap()));
        assert_eq!(first.current_num_threads(), 3);
    }
}
