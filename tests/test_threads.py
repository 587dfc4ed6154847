"""How many threads, that their number changes nothing, and that work can be watched, stopped and forked."""

from __future__ import annotations

import functools
import itertools
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import oracle
import pytest
from factories import gaussian

import fidiv
from fidiv import _core, neighbors

AVAILABLE = _core.threads(-1)
POSIX = pytest.mark.skipif(os.name != "posix", reason="fork and SIGINT are POSIX")
WATCHDOG = 120  # seconds that a child may take before the test fails instead of hanging


def run(code, **environment):
    """What the code prints, in a fresh interpreter with only these thread variables."""
    clean = {k: v for k, v in os.environ.items() if k not in ("FIDIV_NUM_THREADS", "OMP_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        timeout=WATCHDOG,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# How many


THREADS = "from fidiv import _core; print(_core.threads(), _core.threads(3), _core.threads(-1))"


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, AVAILABLE),
        ({"FIDIV_NUM_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "5"}, 5),
        ({"FIDIV_NUM_THREADS": "2", "OMP_NUM_THREADS": "5"}, 2),
        ({"OMP_NUM_THREADS": "4,2"}, 4),  # OpenMP allows one number for each level of nesting
    ],
)
def test_the_environment_decides_when_the_caller_does_not(environment, expected):
    assert run(THREADS, **environment).split() == [str(expected), "3", str(AVAILABLE)]


@pytest.mark.parametrize("value", ["0", "none", "-", "2.5"])
def test_a_wrong_variable_is_named(value):
    code = "from fidiv import _core\ntry: _core.threads()\nexcept ValueError as e: print(e)"
    words = run(code, FIDIV_NUM_THREADS=value)
    assert "FIDIV_NUM_THREADS" in words
    assert value in words


def test_threads_of_the_process_are_those_it_may_use():
    if not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two processors and their affinity")
    code = f"import os; os.sched_setaffinity(0, [{min(os.sched_getaffinity(0))}])\n{THREADS}"
    assert run(code).split() == ["1", "3", "1"]


def test_negative_counts_as_joblib_counts():
    assert _core.threads(-1) == AVAILABLE
    assert _core.threads(-2) == max(1, AVAILABLE - 1)
    assert _core.threads(-10_000) == 1
    assert _core.threads(7) == 7
    assert _core.threads(np.int64(7)) == 7


def calls(n_jobs):
    x, y = gaussian(60, 3, 1), gaussian(50, 3, 2)
    points = _core.Points(x, "x")
    return [
        lambda: _core.threads(n_jobs),
        lambda: _core.sweep(points, None, [("nearest", "rows", 1)], n_jobs=n_jobs),
        lambda: _core.kmeans([points], num_clusters=2, num_runs=1, seed=0, n_jobs=n_jobs),
        lambda: neighbors.knn(x, nearest_k=1, n_jobs=n_jobs),
        lambda: fidiv.evaluate(x, y, n_jobs=n_jobs),
        lambda: fidiv.precision_recall(x, y, n_jobs=n_jobs),
        lambda: fidiv.prd(x, y, n_jobs=n_jobs),
    ]


def test_no_threads_is_an_error():
    for call in calls(0):
        with pytest.raises(ValueError, match=r"n_jobs.*0"):
            call()


@pytest.mark.parametrize("n_jobs", [True, False, 1.0, "2"])
def test_threads_are_an_integer(n_jobs):
    for call in calls(n_jobs):
        with pytest.raises(TypeError, match="n_jobs"):
            call()


def test_the_report_tells_the_threads():
    points = _core.Points(gaussian(600, 8, 1), "x")
    for n_jobs in (1, 2, 3):
        report = _core.sweep(points, None, [("nearest", "rows", 2)], n_jobs=n_jobs)[1]
        assert report["threads"] == n_jobs


# One worker equals eight


def test_evaluate_with_one_worker_equals_eight():
    x, y = gaussian(700, 24, 1, np.float32), gaussian(650, 24, 2, np.float32, shift=0.2)
    one = fidiv.evaluate(x, y, metrics="all", n_jobs=1)
    for n_jobs in (2, 8):
        many = fidiv.evaluate(x, y, metrics="all", n_jobs=n_jobs)
        assert one == many
        a, b = one.to_dict(), many.to_dict()
        assert list(a) == list(b)
        for name in a:
            assert a[name] == b[name] or (np.isnan(a[name]) and np.isnan(b[name])), name


def test_threads_of_python_share_the_pool():
    """Eight Python threads ask at once; all get the oracle's answer."""
    x, y = gaussian(300, 10, 1), gaussian(280, 10, 2)
    expected = oracle.knn(x, y, 4)[1]
    results = [None] * 8

    def work(slot):
        results[slot] = neighbors.knn(x, y, nearest_k=4, n_jobs=1 + slot % 3)[1]

    threads = [threading.Thread(target=work, args=(slot,)) for slot in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WATCHDOG)
    for result in results:
        np.testing.assert_array_equal(result, expected)


def test_the_interpreter_runs_on_while_the_engine_works():
    """The lock of the interpreter is released: a Python thread counts while a sweep runs."""
    points = _core.Points(gaussian(6000, 256, 1, np.float32), "x")
    done = threading.Event()
    sweep = threading.Thread(
        target=lambda: (_core.sweep(points, None, [("nearest", "rows", 3)], n_jobs=1), done.set())
    )
    sweep.start()
    ticks = 0
    while not done.is_set():
        ticks += 1
        time.sleep(0.001)
    sweep.join()
    assert ticks >= 3


# Progress


def test_progress_is_monotone_and_ends_at_the_total():
    x, y = gaussian(1500, 64, 1), gaussian(1400, 64, 2)
    for call in (
        lambda progress: neighbors.knn(x, y, nearest_k=3, progress=progress),
        lambda progress: fidiv.precision_recall(x, y, progress=progress),
        lambda progress: fidiv.evaluate(x, y, progress=progress),
    ):
        seen = []
        call(lambda done, total, seen=seen: seen.append((done, total)))
        assert seen
        assert all(type(done) is int and type(total) is int for done, total in seen)
        assert all(0 <= done <= total for done, total in seen)
        for (done, total), (later, later_total) in itertools.pairwise(seen):
            assert later >= done or later_total != total or done == total  # a new stage may begin anew
        assert seen[-1][0] == seen[-1][1]


@pytest.mark.parametrize(
    "more", [{"intervals": True}, {"baseline": True}, {"intervals": 0.9, "baseline": True}]
)
def test_progress_counts_what_is_done_on_parts(more):
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))
    seen = []
    fidiv.evaluate(real, fake, progress=lambda *args: seen.append(args), n_jobs=1, **more)
    assert len({total for _, total in seen}) == 1
    shares = [done / total for done, total in seen]
    assert shares == sorted(shares)
    assert shares[-1] == 1
    # Half of the total and more is left when the sweeps are over, and comes in several steps.
    assert len({share for share in shares if share > 0.5}) >= 5


def test_a_progress_that_raises_on_parts_cancels():
    rng = np.random.default_rng(0)
    real, fake = rng.normal(size=(300, 4)), rng.normal(size=(200, 4))

    def stop(done, total):
        if done > 0.6 * total:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        fidiv.evaluate(real, fake, intervals=True, progress=stop, n_jobs=1)


def test_progress_of_one_sweep():
    seen = []
    points = _core.Points(gaussian(1500, 64, 1), "x")
    _core.sweep(points, None, [("nearest", "rows", 3)], progress=lambda *pair: seen.append(pair))
    totals = {total for _, total in seen}
    assert len(totals) == 1
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert seen[-1][0] == seen[-1][1]


def test_progress_is_called_in_the_calling_thread():
    where = set()
    fidiv.precision_recall(
        gaussian(900, 32, 1),
        gaussian(900, 32, 2),
        progress=lambda done, total: where.add(threading.get_ident()),
    )
    assert where == {threading.get_ident()}


class StopNowError(Exception):
    pass


def test_a_progress_that_raises_cancels():
    x, y = gaussian(1500, 64, 1), gaussian(1400, 64, 2)

    def stop(done, total):
        raise StopNowError(f"at {done} of {total}")

    for call in (
        lambda: neighbors.knn(x, y, nearest_k=3, progress=stop),
        lambda: fidiv.evaluate(x, y, progress=stop),
        lambda: fidiv.prd(x, y, progress=stop),
    ):
        with pytest.raises(StopNowError, match="of"):
            call()
        np.testing.assert_array_equal(
            neighbors.knn(x[:50], y[:50], nearest_k=3)[1], oracle.knn(x[:50], y[:50], 3)[1]
        )


@pytest.mark.parametrize("progress", ["yes", 1, 0.5])
def test_progress_is_a_callable_or_a_wish(progress):
    with pytest.raises(TypeError, match="progress"):
        fidiv.precision_recall(gaussian(30, 2), gaussian(30, 2, 1), progress=progress)


@pytest.mark.parametrize("progress", [None, False])
def test_nothing_is_printed(progress, capfd):
    fidiv.evaluate(gaussian(60, 2), gaussian(60, 2, 1), metrics="all", progress=progress)
    assert capfd.readouterr() == ("", "")


def test_progress_true_writes_to_stderr_only(capfd):
    fidiv.precision_recall(gaussian(60, 2), gaussian(60, 2, 1), progress=True)
    assert capfd.readouterr().out == ""


# Ctrl-C


INTERRUPTED = """
import os, signal, sys, threading, time
import numpy as np
import fidiv
from fidiv import _core, neighbors
x = np.random.default_rng(0).normal(size=(60_000, 512)).astype(np.float32)
points = _core.Points(x, "x")
small = neighbors.knn(x[:60], nearest_k=2)[1]
started = time.perf_counter()
moments = []
def interrupt():
    time.sleep(0.7)
    moments.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Thread(target=interrupt, daemon=True).start()
try:
    {call}
except KeyboardInterrupt:
    print("interrupted", time.perf_counter() - moments[0])
else:
    print("finished")
assert (neighbors.knn(x[:60], nearest_k=2)[1] == small).all()
print("works")
"""


@POSIX
@pytest.mark.parametrize(
    "call",
    [
        "_core.sweep(points, None, [('nearest', 'rows', 5)])",
        "fidiv.evaluate(x, x[::-1])",
        "_core.kmeans([points], num_clusters=400, num_runs=50, seed=0)",
        "neighbors.knn(np.random.default_rng(1).normal(size=(1_000_000, 10)), nearest_k=5)",  # a tree
    ],
)
def test_interrupt(call):
    """The call takes minutes; the interrupt comes after 0.7 seconds and must end it soon."""
    lines = run(INTERRUPTED.replace("{call}", call)).splitlines()
    assert lines[0].startswith("interrupted")
    assert lines[1:] == ["works"]
    assert float(lines[0].split()[1]) < 2  # 100 ms is the aim; a busy machine gets some air


# Fork


def answers(seed=1):
    # Large enough for every loop to be cut in several pieces: a single one runs in the caller, pool or not.
    x, y = gaussian(2300, 64, seed, np.float32), gaussian(2200, 64, seed + 1)
    distances, indices = neighbors.knn(x, y, nearest_k=3, n_jobs=2)
    return float(distances.sum()), int(indices.sum())


def child_of_fork(work):
    """Runs work() in a forked child; its result, or a failure when it hangs."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # "may deadlock in the child": that is tested
        child = os.fork()
    if child == 0:
        status = 1
        try:
            os.write(write, repr(work()).encode())
            status = 0
        finally:
            os._exit(status)
    os.close(write)
    deadline = time.monotonic() + WATCHDOG
    while True:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            break
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            pytest.fail("the forked child hangs")
        time.sleep(0.005)
    with os.fdopen(read, "rb") as pipe:
        result = pipe.read().decode()
    assert status == 0, f"the forked child failed: {status}"
    return result


@POSIX
def test_a_forked_child_works_after_the_parent_used_the_pool():
    expected = answers()
    for _ in range(5):
        assert child_of_fork(answers) == repr(expected)
    assert answers() == expected


@POSIX
def test_a_grandchild_works():
    expected = repr(answers())
    assert child_of_fork(lambda: child_of_fork(lambda: answers())) == repr(expected)


@POSIX
def test_a_fork_while_a_job_runs():
    """Another thread of the parent is in the middle of a sweep when the process forks."""
    expected = answers()
    points = _core.Points(gaussian(2500, 64, 1, np.float32), "x")
    stop = threading.Event()
    failures = []

    def keep_busy():
        try:
            while not stop.is_set():
                _core.sweep(points, None, [("nearest", "rows", 3)], n_jobs=2)
        except BaseException as failure:
            failures.append(failure)

    busy = threading.Thread(target=keep_busy)
    busy.start()
    try:
        for _ in range(20):
            assert child_of_fork(answers) == repr(expected)
            time.sleep(0.003)
    finally:
        stop.set()
        busy.join(WATCHDOG)
    assert not busy.is_alive()
    assert not failures
    assert answers() == expected


@pytest.mark.parametrize(
    "method", [m for m in ("fork", "spawn") if m in multiprocessing.get_all_start_methods()]
)
def test_pools_of_processes(method):
    sets = [gaussian(300, 12, seed) for seed in (1, 2, 3)]
    work = functools.partial(neighbors.knn, nearest_k=3, n_jobs=2)
    expected = [work(x) for x in sets]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        with multiprocessing.get_context(method).Pool(2) as pool:
            results = pool.map_async(work, sets).get(WATCHDOG)
    for result, right in zip(results, expected, strict=True):
        np.testing.assert_array_equal(result[0], right[0])
        np.testing.assert_array_equal(result[1], right[1])


# The floating-point mode


FLUSHED = """
import ctypes, mmap, platform, struct
import numpy as np
import oracle
from fidiv import _core

def set_control(value):
    # ldmxcsr [rdi]; ret -- what a library built with fast-math does to the thread that loads it
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
    page.write(bytes.fromhex("0fae17c3"))
    call = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
    word = ctypes.c_uint32(value)
    call(ctypes.addressof(word))

rng = np.random.default_rng(0)
x = rng.integers(0, 50, size=(300, 40)) * 5e-310
y = (rng.integers(0, 50, size=(280, 40)) * 1e-160)
z = rng.integers(0, 50, size=(280, 40)) * 3e-162
expected = [oracle.knn(a, b, 4) for a, b in ((x, y), (y, z), (z, z))]
set_control(0x1F80 | 0x8040)  # flush to zero, denormals are zero
got = []
for n_jobs in (1, 2):
    for a, b in ((x, y), (y, z), (z, z)):
        pair = _core.Points(a, "a"), _core.Points(b, "b")
        got.append(_core.sweep(*pair, [("nearest", "rows", 4)], n_jobs=n_jobs)[0][0])
set_control(0x1F80)
for answer, right in zip(got, expected * 2):
    assert answer[0].tobytes() == right[0].tobytes()
    assert answer[1].tobytes() == right[1].tobytes()
print("same")
"""


@pytest.mark.skipif(sys.platform != "linux", reason="writes a machine instruction")
def test_a_thread_that_flushes_denormals_gets_the_same_answers():
    if not _core.config()["target"].startswith("x86_64"):
        pytest.skip("the instruction is that of x86-64")
    code = f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r})\n{FLUSHED}"
    assert run(code) == "same"
