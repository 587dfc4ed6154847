"""Every kernel is there when the processor promises it, runs when forced, and is refused when it cannot."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from factories import gaussian
from kernels import KERNELS, demanded_kernels, promised_kernels

from fidiv import _core


def run_report():
    x, y = _core.Points(gaussian(300, 40, 1), "x"), _core.Points(gaussian(250, 40, 2, np.float32), "y")
    return _core.sweep(x, y, [("nearest", "rows", 3)])[1]


def test_what_the_processor_promises_is_available():
    assert set(promised_kernels()) <= set(_core.config()["kernels"])


def test_what_was_demanded_is_available():
    assert set(demanded_kernels()) <= set(_core.config()["kernels"])


def test_the_portable_kernel_is_everywhere():
    assert "portable" in _core.config()["kernels"]
    assert set(_core.config()["kernels"]) <= set(KERNELS)


def test_the_forced_kernel_runs(kernel):
    assert run_report()["kernel"] == kernel
    assert _core.config()["kernel"] == kernel


def test_without_force_the_best_runs(monkeypatch):
    monkeypatch.delenv("FIDIV_KERNEL", raising=False)
    best = max(_core.config()["kernels"], key=KERNELS.index)
    assert _core.config()["kernel"] == best
    assert run_report()["kernel"] == best


def test_an_unknown_kernel_is_refused(monkeypatch):
    monkeypatch.setenv("FIDIV_KERNEL", "avx1024")
    with pytest.raises(ValueError, match=r"FIDIV_KERNEL.*avx1024.*portable"):
        run_report()


def test_a_kernel_that_is_not_here_is_refused(monkeypatch):
    missing = sorted(set(KERNELS) - set(_core.config()["kernels"]))
    if not missing:
        pytest.skip("this processor has every kernel")
    monkeypatch.setenv("FIDIV_KERNEL", missing[0])
    with pytest.raises(ValueError, match=rf"FIDIV_KERNEL.*{missing[0]}"):
        run_report()


def test_the_report():
    report = run_report()
    assert report["code"] == _core.config()["code"]
    assert report["pairs"] >= 300 * 250
    assert 0 < report["settled"] <= report["pairs"]
    assert report["threads"] >= 1
    assert set(report) == {"kernel", "code", "threads", "pairs", "settled", "narrowed", "climbed"}


def test_importing_starts_nothing():
    """No thread and no environment write at import; nor SciPy, whose linear algebra starts threads."""
    code = """
import os, sys, numpy
before = dict(os.environ)
threads = len(os.listdir("/proc/self/task"))
import fidiv
assert dict(os.environ) == before
assert len(os.listdir("/proc/self/task")) == threads, "importing started threads"
assert "scipy" not in sys.modules
"""
    if not os.path.isdir("/proc/self/task"):
        pytest.skip("needs /proc")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
