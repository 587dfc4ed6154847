"""What all tests share: hypothesis that repeats itself, and kernels that must prove they ran.

A processor lacks some kernels, and a test of a kernel that is not there tests nothing. So every skip for
that reason is listed at the end of the run, and FIDIV_REQUIRE_KERNELS (names, comma separated) turns those
skips into failures: continuous integration demands what its machine promises.
"""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, settings
from kernels import KERNELS, demanded_kernels, promised_kernels

from fidiv import _core

MISSING: dict[str, int] = {}  # kernel this processor lacks -> tests skipped for it

settings.register_profile(
    "fidiv",
    derandomize=True,
    deadline=None,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("fidiv")


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Runs the test once with each kernel forced; the tests assert that the report names the forced one."""
    name: str = request.param
    if name not in _core.config()["kernels"]:
        if name in demanded_kernels():
            pytest.fail(
                f"kernel {name} was demanded by FIDIV_REQUIRE_KERNELS, but this build or processor lacks it"
            )
        MISSING[name] = MISSING.get(name, 0) + 1
        pytest.skip(f"this processor has no {name}")
    monkeypatch.setenv("FIDIV_KERNEL", name)
    return name


def pytest_report_header() -> str:
    config = _core.config()
    return (
        f"fidiv {config['version']}: kernel {config['kernel']}, available {', '.join(config['kernels'])}; "
        f"promised by the processor: {', '.join(promised_kernels())}; threads {config['threads']}"
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, count in MISSING.items():
        terminalreporter.write_line(
            f"KERNEL NOT TESTED: {name}, which this processor lacks ({count} tests skipped)"
        )
