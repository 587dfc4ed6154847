"""What the modes are asked with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Options:
    num_modes: int = 10
    nearest_k: int = 5
    level: float = 0.05
    seed: int = 0
