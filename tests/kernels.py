"""Which kernels there are, which the processor promises, and which a run demands."""

from __future__ import annotations

import os
from pathlib import Path

KERNELS = ("portable-int8", "portable", "avx2", "avx512", "avx512vnni")  # in the order of the ladder


def demanded_kernels() -> list[str]:
    """The names in FIDIV_REQUIRE_KERNELS."""
    names = [name.strip() for name in os.environ.get("FIDIV_REQUIRE_KERNELS", "").split(",")]
    return [name for name in names if name]


def promised_kernels() -> list[str]:
    """Those that the processor's own flags promise (Linux on x86-64; elsewhere only the portable ones)."""
    promised = ["portable-int8", "portable"]
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next(set(line.split(":", 1)[1].split()) for line in lines if line.startswith("flags"))
    except (OSError, StopIteration):
        return promised
    if {"avx2", "fma"} <= flags:
        promised.append("avx2")
    if "avx512f" in flags:
        promised.append("avx512")
    if {"avx512f", "avx512bw", "avx512_vnni"} <= flags:
        promised.append("avx512vnni")
    return promised
