"""A result that also says what each column did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .results import Result


class ColumnResult(Result):
    """A `Result` with `.features`: arrays with one entry a column of the features (read-only)."""

    __slots__ = ("_features",)
    __hash__ = None

    _features: Mapping[str, NDArray[Any]]

    def __init__(
        self,
        values: Mapping[str, float],
        *,
        features: Mapping[str, NDArray[Any]] | None = None,
        samples: Mapping[str, NDArray[Any]] | None = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
        curve: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        super().__init__(values, samples=samples, settings=settings, notes=notes, curve=curve)
        arrays = {name: np.asarray(array) for name, array in (features or {}).items()}
        for array in arrays.values():
            array.setflags(write=False)
        object.__setattr__(self, "_features", MappingProxyType(arrays))

    @property
    def features(self) -> Mapping[str, NDArray[Any]]:
        """Arrays with one entry a column; empty where the call looks at no single column."""
        return self._features

    def _state(self) -> dict[str, Any]:
        return {**super()._state(), "features": dict(self._features)}
