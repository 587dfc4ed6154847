"""Feature files: .npy, memory-mapped, and .npz; and labels, one a row, from the same or from lines of text.

A file is foreign. So its header is read by hand, with a cap on its length, and what it promises is compared
with the size of the file before a byte is allocated; nothing is ever unpickled; and whatever is wrong becomes
one sentence. An .npy of plain float32 or float64 is mapped, so it may be larger than memory; anything that
needs a copy (an .npz, or a type that has to be converted) is first compared with the memory there is.
"""

from __future__ import annotations

import ast
import math
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["InputError", "available_memory", "load_all", "load_features", "load_labels"]

MAGIC = b"\x93NUMPY"
HEADER_CAP = 65536  # numpy itself writes 118 bytes for a plain array
ARCHIVE_KEYS = ("features", "feats", "arr_0")  # looked for in this order
LABEL_KEYS = ("labels", "label", "y", "arr_0")
CHUNK = 1 << 20


class InputError(ValueError):
    """A feature file that cannot be used; the message is one sentence that names the file."""


def load_features(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Feature vectors from a file, as an (n, d) array.

    Parameters
    ----------
    path : str or path
        ``.npy``: mapped read-only, so it may be larger than memory. ``.npz``: the array ``features``, else
        ``feats``, else ``arr_0``, else the only array; read into memory.

    Returns
    -------
    ndarray (n, d)
        Numbers as they are in the file; the values themselves are checked where they are used.

    Raises
    ------
    InputError
        The file is missing, truncated, pickled, not two-dimensional, not numbers, or needs more memory than
        there is.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "real.npy"
    >>> np.save(path, np.eye(3, dtype=np.float32))
    >>> load_features(path).shape
    (3, 3)
    """
    return _load(Path(path), 0)


def load_all(paths: Sequence[str | os.PathLike[str]]) -> list[NDArray[Any]]:
    """`load_features` of files that will be used together: what all of them need must fit in memory at once.

    The copies that the engine makes of types it has to convert come after the last file is read, so the
    memory they will take is kept aside from each file to the next.
    """
    arrays: list[NDArray[Any]] = []
    aside = 0
    for path in paths:
        array = _load(Path(path), aside)
        aside += _copy_bytes(array.dtype, array.size, array.flags.c_contiguous and array.flags.aligned)
        arrays.append(array)
    return arrays


def load_labels(path: str | os.PathLike[str]) -> NDArray[Any]:
    """Labels from a file, as an (n,) array of integers or text.

    Parameters
    ----------
    path : str or path
        ``.npy``: integers, booleans or text. ``.npz``: the array ``labels``, else ``label``, else ``y``, else
        ``arr_0``, else the only array. ``.txt``: one label a line, as UTF-8 text.

    Returns
    -------
    ndarray (n,)
        Bytes as text, everything else as it is in the file.

    Raises
    ------
    InputError
        The file is missing, truncated, pickled, not one-dimensional, or holds no labels.

    Examples
    --------
    >>> import numpy as np, tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "labels.txt"
    >>> _ = path.write_text("cat\\ndog\\ncat\\n")
    >>> load_labels(path).tolist()
    ['cat', 'dog', 'cat']
    """
    file = Path(path)
    found = _load_text(file) if file.suffix.lower() == ".txt" else _load(file, 0, labels=True)
    if found.dtype.kind == "S":
        try:
            return np.char.decode(found, "utf-8")
        except UnicodeDecodeError:
            raise InputError(f"{path}: holds bytes that are not UTF-8 text") from None
    return found


def _load_text(path: Path) -> NDArray[Any]:
    """One label a line; the file may end with or without a line feed."""
    with _sentences(path):
        if not stat.S_ISREG(path.stat().st_mode):
            raise InputError(f"{path}: not a regular file")
        try:
            lines = path.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError:
            raise InputError(f"{path}: not UTF-8 text") from None
    lines = [line.strip() for line in lines]
    if not lines[-1]:
        del lines[-1]
    if not lines:
        raise InputError(f"{path}: is empty")
    if "" in lines:
        raise InputError(f"{path}: line {lines.index('') + 1} is empty; one label a line is expected")
    return np.array(lines)


def _load(path: Path, aside: int, labels: bool = False) -> NDArray[Any]:
    """One file, where `aside` bytes of the memory there is are spoken for."""
    with _sentences(path):
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode):
            raise InputError(f"{path}: not a regular file")
        if path.suffix.lower() not in (".npy", ".npz"):
            kinds = ".npy, .npz or .txt" if labels else ".npy or .npz"
            raise InputError(f"{path}: the name must end in {kinds}")
        read = _load_npy if path.suffix.lower() == ".npy" else _load_npz
        return read(path, aside, labels)


@contextmanager
def _sentences(path: Path) -> Iterator[None]:
    """What the system says of a file, as one sentence that names it."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError):
        raise InputError(f"{path}: no such file") from None
    except PermissionError:
        raise InputError(f"{path}: no permission to read it") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise InputError(f"{path}: does not fit in memory ({_size(path.stat().st_size)} on disk)") from None


def _copy_bytes(dtype: np.dtype[Any], count: int, laid_out: bool) -> int:
    """Bytes of the converted copy that the engine will need of `count` numbers; 0 where they can be used as
    they lie (`laid_out`: in C order and aligned).
    """
    if laid_out and dtype.isnative and dtype.kind == "f" and dtype.itemsize in (4, 8):
        return 0
    small = dtype.itemsize <= 2 or (dtype.kind == "f" and dtype.itemsize == 4)
    return count * (4 if small else 8)


# ------------------------------------------------------------------------------------------------------- .npy
@dataclass(frozen=True)
class _Header:
    """What an .npy header promises: an (n, d) block of numbers, or n labels, `start` bytes into the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    start: int

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * self.dtype.itemsize

    def __str__(self) -> str:
        sizes = " x ".join(f"{size:,}" for size in self.shape)
        return f"{sizes} {self.dtype.name} ({_size(self.nbytes)})"

    def copy_bytes(self) -> int:
        """Bytes of the converted copy that the engine will need; 0 where the block can be used as it lies."""
        laid_out = not self.fortran and self.start % self.dtype.itemsize == 0
        return _copy_bytes(self.dtype, math.prod(self.shape), laid_out)


def _load_npy(path: Path, aside: int, labels: bool) -> NDArray[Any]:
    with path.open("rb") as file:
        header = _read_header(file, str(path), labels)
        there = os.fstat(file.fileno()).st_size - header.start
        if there < header.nbytes:
            raise InputError(
                f"{path}: truncated: its header promises {header}, but only {_size(there)} of data follow"
            )
        if there > header.nbytes:
            raise InputError(
                f"{path}: {there - header.nbytes:,} bytes follow the {header} of its header; "
                "one array a file is expected"
            )
        _check_memory(header.copy_bytes(), f"{path}: converting {header} takes", aside)
        order: Any = "F" if header.fortran else "C"
        return np.memmap(
            file, dtype=header.dtype, mode="r", offset=header.start, shape=header.shape, order=order
        )


def _read_header(file: IO[bytes], what: str, labels: bool) -> _Header:
    """The header of an .npy stream (NumPy's own format, versions 1 to 3), checked; nothing is allocated."""
    start = file.read(8)
    if start[:6] != MAGIC:
        if start[:1] == b"\x80":
            raise InputError(f"{what}: a pickle, and fidiv never unpickles; save the array with numpy.save")
        raise InputError(f"{what}: not a numpy array file" + ("" if start else " (it is empty)"))
    if len(start) < 8 or start[6] not in (1, 2, 3):
        raise InputError(f"{what}: numpy format version {start[6] if len(start) > 6 else '?'} is not known")
    width = 2 if start[6] == 1 else 4
    raw_length = file.read(width)
    length = int.from_bytes(raw_length, "little")
    if length > HEADER_CAP:
        raise InputError(f"{what}: its header claims {length:,} bytes, more than the {HEADER_CAP:,} allowed")
    text = file.read(length)
    if len(raw_length) < width or len(text) < length:
        raise InputError(f"{what}: truncated within its header")
    try:
        fields = ast.literal_eval(text.decode("utf-8" if start[6] == 3 else "latin-1").strip())
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise InputError(f"{what}: its header cannot be read") from None
    if not isinstance(fields, dict) or set(fields) != {"descr", "fortran_order", "shape"}:
        raise InputError(f"{what}: its header is not that of a numpy array")
    return _check_header(fields, 8 + width + length, what, labels)


def _check_header(fields: dict[str, Any], start: int, what: str, labels: bool) -> _Header:
    descr, shape, fortran = fields["descr"], fields["shape"], fields["fortran_order"]
    if isinstance(descr, (list, tuple)):
        raise InputError(f"{what}: holds records (a structured type); plain numbers are expected")
    try:
        dtype = np.dtype(descr) if isinstance(descr, str) else None
    except (TypeError, ValueError, SyntaxError):
        dtype = None
    if dtype is None or not isinstance(fortran, bool):
        raise InputError(f"{what}: its header is not that of a numpy array")
    if dtype.hasobject:
        raise InputError(
            f"{what}: holds pickled Python objects, and fidiv never unpickles; save it as plain numbers"
        )
    if labels and (dtype.kind not in "biuSU" or dtype.itemsize == 0):
        raise InputError(f"{what}: holds {dtype.name}; labels are integers or text")
    if not labels and (dtype.kind not in "biuf" or dtype.itemsize > 8):
        kind = "text" if dtype.kind in "US" else dtype.name
        raise InputError(f"{what}: holds {kind}; real numbers of at most 64 bits are expected")
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise InputError(f"{what}: its header is not that of a numpy array")
    if labels and len(shape) != 1:
        raise InputError(f"{what}: is {len(shape)}-dimensional, shape {shape}; one label a row is expected")
    if not labels and len(shape) != 2:
        raise InputError(f"{what}: is {len(shape)}-dimensional, shape {shape}; rows x columns are expected")
    if 0 in shape:
        raise InputError(f"{what}: is empty, shape {shape}")
    return _Header(dtype, shape, fortran, start)


# ------------------------------------------------------------------------------------------------------- .npz
def _load_npz(path: Path, aside: int, labels: bool) -> NDArray[Any]:
    try:
        with zipfile.ZipFile(path) as archive:
            member = _choose_member(archive, path, LABEL_KEYS if labels else ARCHIVE_KEYS)
            with archive.open(member) as stream:
                what = f"{path} [{member.filename.removesuffix('.npy')}]"
                return _read_member(stream, member, what, aside, labels)
    except InputError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, struct.error, NotImplementedError, ValueError) as error:
        raise InputError(f"{path}: not a sound .npz archive ({error or 'it ends too early'})") from None


def _choose_member(archive: zipfile.ZipFile, path: Path, keys: Sequence[str]) -> zipfile.ZipInfo:
    members = {
        info.filename.removesuffix(".npy"): info
        for info in archive.infolist()
        if info.filename.endswith(".npy")
    }
    if not members:
        raise InputError(f"{path}: holds no array")
    key = next((key for key in keys if key in members), None)
    if key is None and len(members) > 1:
        names = ", ".join(sorted(members)[:8]) + (", ..." if len(members) > 8 else "")
        raise InputError(
            f"{path}: holds {len(members)} arrays ({names}) and none is named "
            f"{', '.join(keys[:-1])} or {keys[-1]}"
        )
    member = members[key] if key is not None else next(iter(members.values()))
    if member.flag_bits & 1:
        raise InputError(f"{path}: encrypted")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{path}: is compressed by method {member.compress_type}; numpy writes 0 or 8")
    return member


def _read_member(
    stream: IO[bytes], member: zipfile.ZipInfo, what: str, aside: int, labels: bool
) -> NDArray[Any]:
    header = _read_header(stream, what, labels)
    there = member.file_size - header.start
    if there != header.nbytes:
        raise InputError(
            f"{what}: its header promises {header}, but {_size(max(there, 0))} of data are announced"
        )
    needed = header.nbytes + replace(header, start=0).copy_bytes()  # what is read here is aligned
    _check_memory(needed, f"{what}: reading {header} takes", aside)
    # Read exactly what was promised and checked, never what a lying archive would go on to give.
    flat = np.empty(math.prod(header.shape), dtype=header.dtype)
    view = flat.view(np.uint8).data
    filled = 0
    while filled < len(view):
        piece = stream.read(min(CHUNK, len(view) - filled))
        if not piece:
            raise InputError(f"{what}: truncated: {_size(filled)} of {_size(len(view))} are there")
        view[filled : filled + len(piece)] = piece
        filled += len(piece)
    stream.read(1)  # reaching the end is what makes zipfile compare the checksum
    return flat.reshape(header.shape, order="F" if header.fortran else "C")


# ----------------------------------------------------------------------------------------------------- memory
def _check_memory(needed: int, what: str, aside: int) -> None:
    free = available_memory()
    if needed and free is not None and needed + aside > free:
        others = f", the files before it {_size(aside)}" if aside else ""
        raise InputError(f"{what} {_size(needed)} of memory{others}, and {_size(free)} are free")


def available_memory() -> int | None:
    """Bytes this process may still take without swapping, or None where the system does not say.

    Linux: MemAvailable, and what the control group leaves. Elsewhere: the memory installed.
    """
    found: list[int] = []
    with suppress(OSError, ValueError), open("/proc/meminfo", encoding="ascii") as lines:
        found += [int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:")]
    for limit, used in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
    ):
        with suppress(OSError, ValueError):  # no such group, or its limit is "max"
            taken = int(Path(used).read_text()) - _reclaimable(Path(limit).parent)
            found.append(max(int(Path(limit).read_text()) - taken, 0))
    if not found and hasattr(os, "sysconf"):
        with suppress(OSError, ValueError):
            found.append(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    return min(found, default=None)


def _reclaimable(group: Path) -> int:
    """Bytes of file cache that a control group counts as used and gives back when asked."""
    counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(counts.get("inactive_file", 0)) + int(counts.get("active_file", 0))


def _size(count: int) -> str:
    """Bytes as a person says them."""
    if count < 1024:
        return f"{count} bytes"
    power = min((count.bit_length() - 1) // 10, 5)
    return f"{count / 1024**power:,.1f} {('KiB', 'MiB', 'GiB', 'TiB', 'PiB')[power - 1]}"
