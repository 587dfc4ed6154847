"""The only door for foreign arrays and files: whatever comes in leaves as a checked `_core.Points`, or not
at all.

A C-ordered, aligned array of native float32 or float64 (a memory map too) is borrowed without a copy.
Everything else that holds real numbers becomes one C-ordered copy, filled by blocks of rows so that nothing
else of that size exists: float16, booleans and integers of up to 16 bits as float32, larger integers as
float64, floats in another order of bytes or memory as they are. Nothing is converted that would lose a
value: integers beyond 2^53 are refused. Errors name the argument, what came and what is allowed.
"""

from __future__ import annotations

import math
import operator
import sys
import warnings
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ._core import Points
from ._files import InputError, load_features


class Sized(Protocol):
    """A set of which only the size and the name matter."""

    @property
    def shape(self) -> tuple[int, int]: ...
    @property
    def name(self) -> str: ...


__all__ = [
    "InputError",
    "Sized",
    "as_array",
    "as_pair",
    "as_points",
    "check_count",
    "check_fits",
    "check_flag",
    "check_labels",
    "check_level",
    "check_number",
    "check_positive",
    "check_radii",
    "check_seed",
    "check_share",
    "check_widths",
    "load_features",
]

BLOCK_BYTES = 4 << 20  # of the copy; large enough to be fast, small beside any set that is worth a thought
LARGEST_INTEGER = 2**53  # every integer up to here is a float64
_ALLOWED = "allowed are real numbers: float16, float32, float64, integers and booleans"


def as_points(x: Any, name: str, n_jobs: int | None = None) -> Points:
    """`x` as a checked block of points; `name` is what errors call it."""
    return Points(_numbers(_table(x, name), name), name, n_jobs=n_jobs)


def as_array(x: Any, name: str) -> NDArray[Any]:
    """`x` as an array of any shape and type, for what is not a set of points; masked, sparse or ragged is an
    error.
    """
    return _array(x, name)


def as_pair(
    real: Any,
    fake: Any,
    names: tuple[str, str] = ("real_features", "fake_features"),
    n_jobs: int | None = None,
) -> tuple[Points, Points]:
    """Two sets of points in one space; `real` may be checked points already. Warns when both look
    transposed.
    """
    a = real.array if isinstance(real, Points) else _table(real, names[0])
    b = _table(fake, names[1])
    check_widths(a.shape[1], b.shape[1], names)
    if len(a) == len(b) < a.shape[1]:
        warnings.warn(
            f"{names[0]} and {names[1]} both have {len(a)} rows and {a.shape[1]} columns; are they "
            f"transposed? Rows are points, columns are features",
            UserWarning,
            stacklevel=_outside(),
        )
    # Shapes first, values second: reading all values of a large file to then say that the widths differ is
    # no service.
    first = real if isinstance(real, Points) else Points(_numbers(a, names[0]), names[0], n_jobs=n_jobs)
    return first, Points(_numbers(b, names[1]), names[1], n_jobs=n_jobs)


def check_widths(first: int, second: int, names: tuple[str, str]) -> None:
    """Both sets must have the same number of columns."""
    if first != second:
        raise ValueError(
            f"{names[1]} has {second} columns, {names[0]} has {first}; they must be the same features"
        )


def check_count(value: Any, name: str, minimum: int = 1, maximum: int | None = None) -> int:
    """`value` as an integer of at least `minimum`; a float or a bool is not a count."""
    if isinstance(value, (bool, np.bool_, np.ndarray)):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        count = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if count < minimum or (maximum is not None and count > maximum):
        allowed = f"at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise ValueError(f"{name} must be {allowed}, got {count}")
    return count


def check_seed(value: Any) -> int:
    """`seed` as an integer of 64 bits."""
    return check_count(value, "seed", minimum=0, maximum=2**64 - 1)


def check_number(value: Any, name: str, allowed: str, fits: Callable[[float], bool]) -> float:
    """`value` as a float for which `fits` holds; `allowed` says in words which these are. A bool, a string or
    an array is no number, and an integer beyond all floats does not fit.
    """
    wrong = f"{name} must be {allowed}, got {value!r}"
    if isinstance(value, (bool, np.bool_)) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise TypeError(wrong)
    try:
        number = float(value)
    except OverflowError:
        bits = int(value).bit_length()
        raise ValueError(f"{name} must be {allowed}, got an integer of {bits} bits") from None
    if not fits(number):
        raise ValueError(wrong)
    return number


def check_positive(value: Any, name: str) -> float:
    """`value` as a positive, finite float."""
    return check_number(value, name, "a positive, finite number", lambda x: 0 < x < math.inf)


def check_flag(value: Any, name: str) -> bool:
    """`value` as True or False; nothing else is taken for one."""
    if not isinstance(value, (bool, np.bool_)):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def check_share(value: Any, name: str) -> float:
    """`value` as a number between 0 and 1, neither included."""
    return check_number(value, name, "a number between 0 and 1", lambda x: 0 < x < 1)


def check_level(value: Any, name: str) -> float:
    """The level of a test, in (0, 1/2): a limit that is wrong more often than right limits nothing."""
    return check_number(value, name, "a number in (0, 1/2)", lambda x: 0 < x < 0.5)


def check_labels(
    real: Any, fake: Any, n: int, m: int, names: tuple[str, str] = ("real_labels", "fake_labels")
) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """One label for each point of both sets, or of the reals, or none at all."""
    if real is None and fake is not None:
        raise ValueError(f"{names[1]} was given without {names[0]}; labels of fakes alone name no mode")
    first = None if real is None else _labels(real, n, names[0])
    second = None if fake is None else _labels(fake, m, names[1])
    if first is not None and second is not None and (first.dtype.kind == "U") != (second.dtype.kind == "U"):
        raise TypeError(f"{names[0]} has type {first.dtype}, {names[1]} {second.dtype}; one kind is needed")
    return first, second


def _labels(x: Any, n: int, name: str) -> NDArray[Any]:
    """n labels as int64 or strings."""
    array = _array(x, name)
    if array.dtype.kind == "O" and all(isinstance(value, str) for value in array.ravel()):
        array = array.astype(np.str_)
    if array.dtype.kind not in "biuU":
        raise TypeError(f"{name} has type {array.dtype}; allowed are integers, booleans and strings")
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}; one label for each point is needed, shape ({n},)")
    if array.dtype.kind == "u" and array.dtype.itemsize == 8:
        _check_exact(array, name)
    return array if array.dtype.kind == "U" else array.astype(np.int64)


def check_fits(points: Sized, k: int, own: bool, option: str = "nearest_k") -> None:
    """There must be k neighbours in `points`: k points, and one more when each point asks in its own set."""
    have, needed = points.shape[0], k + 1 if own else k
    if have < needed:
        raise ValueError(f"{option}={k} needs at least {needed} points in {points.name}, which has {have}")


def check_radii(radii: Any, n: int, name: str) -> NDArray[np.float64]:
    """`radii` as n float64 numbers, none negative, none NaN; an infinite ball is a ball."""
    array = _array(radii, name)
    if array.dtype.kind not in "fiu" or array.dtype.itemsize > 8:
        allowed = "allowed are float16, float32, float64 and integers"
        raise TypeError(f"{name} has type {array.dtype}; {allowed}")
    if array.shape != (n,):
        raise ValueError(
            f"{name} has shape {array.shape}; one radius for each of the {n} centers is needed, shape ({n},)"
        )
    out = np.ascontiguousarray(array, dtype=np.float64)
    bad = np.flatnonzero(~(out >= 0))
    if len(bad):
        kind = "NaN" if np.isnan(out[bad[0]]) else "negative"
        raise ValueError(
            f"{name} has {len(bad)} values that are negative or NaN, the first ({kind}) at {bad[0]}"
        )
    return out


def _array(x: Any, name: str) -> NDArray[Any]:
    """`x` as an array of numpy, or a sentence."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array; fill it or leave rows out, a missing value has no distance"
        )
    if hasattr(x, "toarray") and hasattr(x, "nnz"):
        raise TypeError(
            f"{name} is a sparse matrix ({type(x).__name__}); a dense array is needed, such as x.toarray()"
        )
    if isinstance(x, (str, bytes)):
        raise TypeError(f"{name} is a {type(x).__name__}; an array is needed (fidiv evaluate reads files)")
    try:
        return np.asarray(x)
    except (ValueError, TypeError, RuntimeError) as error:
        # Ragged lists, tensors that live elsewhere or carry gradients, objects that refuse: numpy or they
        # say why.
        raise TypeError(f"{name} ({type(x).__name__}) cannot be read as an array: {error}") from error


def _table(x: Any, name: str) -> NDArray[Any]:
    """`x` as a two-dimensional array of some kind of real numbers that has at least one row and one
    column.
    """
    array = _array(x, name)
    kind, size = array.dtype.kind, array.dtype.itemsize
    if kind not in "biuf" or (kind == "f" and size > 8):
        what = {
            "O": "objects",
            "U": "strings",
            "S": "bytes",
            "V": "a structured or foreign type",
            "c": "complex numbers",
        }
        described = f"type {array.dtype}" + (f" ({what[kind]})" if kind in what else "")
        raise TypeError(f"{name} ({type(x).__name__}) has {described}; {_ALLOWED}")
    if array.ndim != 2:
        raise ValueError(
            f"{name} is {array.ndim}-D, shape {array.shape}; a 2-D array is needed: rows are points"
        )
    if array.size == 0:
        raise ValueError(f"{name} is empty, shape {array.shape}; at least one row and one column are needed")
    return array


def _numbers(array: NDArray[Any], name: str) -> NDArray[Any]:
    """The same values in C order as native float32 or float64: the array itself if it is that already."""
    kind, size = array.dtype.kind, array.dtype.itemsize
    small = size <= 2 or (kind == "f" and size == 4)
    target = np.dtype(np.float32) if small else np.dtype(np.float64)
    if array.dtype == target and array.dtype.isnative and array.flags.c_contiguous and array.flags.aligned:
        return array
    out = np.empty(array.shape, dtype=target)
    step = max(1, BLOCK_BYTES // (array.shape[1] * target.itemsize))
    for first in range(0, len(array), step):
        block = array[first : first + step]
        if kind in "iu" and size == 8:
            _check_exact(block, name)
        out[first : first + step] = block
    return out


def _check_exact(block: NDArray[Any], name: str) -> None:
    for value in (int(block.max()), int(block.min())):
        if abs(value) > LARGEST_INTEGER:
            raise ValueError(
                f"{name} holds the integer {value}; up to 2**53 in size are allowed, larger lose digits"
            )


def _outside() -> int:
    """The `stacklevel` (for the caller of this function) of the first frame outside the package."""
    level = 1
    frame = sys._getframe(1)
    while (
        frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == __package__
    ):
        frame, level = frame.f_back, level + 1
    return level
