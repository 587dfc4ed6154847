"""Which kernels there are, which the processor promises, and which a run demands."""

from __future__ import annotations

import os
from pathlib import Path

from fidiv import _core

ARCHITECTURE = _core.config()["target"].split("-")[0]
VECTORS = {
    "x86_64": ("avx2", "avxvnni", "avx512", "avx512vnni", "amx"),
    "aarch64": ("neon", "dotprod", "i8mm"),
}
KERNELS = ("portable-int8", "portable", *VECTORS.get(ARCHITECTURE, ()))  # in the order of the ladder


def demanded_kernels() -> list[str]:
    """The names in FIDIV_REQUIRE_KERNELS."""
    names = [name.strip() for name in os.environ.get("FIDIV_REQUIRE_KERNELS", "").split(",")]
    return [name for name in names if name]


def promised_kernels() -> list[str]:
    """Those that the processor's own flags promise (on Linux; elsewhere only what all of its kind have)."""
    promised = ["portable-int8", "portable"]
    if ARCHITECTURE == "aarch64":
        promised.append("neon")
    title = {"x86_64": "flags", "aarch64": "Features"}.get(ARCHITECTURE, "none")
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next(set(line.split(":", 1)[1].split()) for line in lines if line.startswith(title))
    except (OSError, StopIteration):
        return promised
    needs = {
        "avx2": {"avx2", "fma"},
        "avxvnni": {"avx2", "fma", "avx_vnni"},
        "avx512": {"avx512f"},
        "avx512vnni": {"avx512f", "avx512bw", "avx512_vnni"},
        "amx": {"avx512f", "avx512bw", "amx_tile", "amx_int8", "amx_bf16"},
        "dotprod": {"asimddp"},
        "i8mm": {"i8mm"},
    }
    return promised + [name for name in KERNELS if name in needs and needs[name] <= flags]
