"""Label files: what is read, and what is refused with which words."""

from __future__ import annotations

import pickle

import numpy as np
import pytest

from fidiv._files import InputError, load_labels

LABELS = [
    np.array([3, 1, 2]),
    np.array([3, 1, 2], np.uint8),
    np.array([True, False]),
    np.array(["cat", "Hündin"]),
]


@pytest.mark.parametrize("labels", LABELS, ids=lambda labels: labels.dtype.name)
def test_npy_and_npz(tmp_path, labels):
    np.save(tmp_path / "y.npy", labels)
    np.savez(tmp_path / "named.npz", features=np.eye(3), labels=labels)
    np.savez_compressed(tmp_path / "only.npz", labels)
    for name in ("y.npy", "named.npz", "only.npz"):
        found = load_labels(tmp_path / name)
        assert found.tolist() == labels.tolist()
        assert found.dtype.kind == labels.dtype.kind


def test_bytes_are_text(tmp_path):
    np.save(tmp_path / "y.npy", np.char.encode(np.array(["cat", "Hündin"]), "utf-8"))
    assert load_labels(tmp_path / "y.npy").tolist() == ["cat", "Hündin"]
    np.save(tmp_path / "y.npy", np.array([b"\xff"]))
    with pytest.raises(InputError, match="not UTF-8"):
        load_labels(tmp_path / "y.npy")


@pytest.mark.parametrize("text", ["cat\ndog\ncat", "cat\ndog\ncat\n", "\ufeffcat\r\n dog\r\ncat\r\n"])
def test_lines_of_text(tmp_path, text):
    path = tmp_path / "y.txt"
    path.write_bytes(text.encode())
    assert load_labels(path).tolist() == ["cat", "dog", "cat"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "is empty"),
        (b"\n", "line 1 is empty|is empty"),
        (b"cat\n\ndog\n", "line 2 is empty"),
        (b"\xff\xfe", "not UTF-8 text"),
    ],
)
def test_wrong_text(tmp_path, content, words):
    path = tmp_path / "y.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=words):
        load_labels(path)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.eye(3, dtype=int), "2-dimensional"),
        (np.array(3), "0-dimensional"),
        (np.array([0.5, 1.0]), "holds float64; labels are integers or text"),
        (np.array([], int), "is empty"),
    ],
)
def test_wrong_arrays(tmp_path, array, words):
    np.save(tmp_path / "y.npy", array)
    with pytest.raises(InputError, match=words):
        load_labels(tmp_path / "y.npy")


def test_nothing_is_unpickled(tmp_path):
    np.save(tmp_path / "y.npy", np.array(["a", None], dtype=object), allow_pickle=True)
    with pytest.raises(InputError, match="never unpickles"):
        load_labels(tmp_path / "y.npy")
    (tmp_path / "z.npy").write_bytes(pickle.dumps([1, 2]))
    with pytest.raises(InputError, match="never unpickles"):
        load_labels(tmp_path / "z.npy")


def test_other_files(tmp_path):
    np.savez(tmp_path / "two.npz", a=np.arange(3), b=np.arange(3))
    with pytest.raises(InputError, match="none is named labels, label, y or arr_0"):
        load_labels(tmp_path / "two.npz")
    with pytest.raises(InputError, match="no such file"):
        load_labels(tmp_path / "y.txt")
    (tmp_path / "y.csv").write_text("1\n")
    with pytest.raises(InputError, match=r"must end in \.npy, \.npz or \.txt"):
        load_labels(tmp_path / "y.csv")
    with pytest.raises(InputError, match="not a regular file"):
        load_labels(tmp_path)
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(InputError, match="not a regular file"):
        load_labels(tmp_path / "folder.txt")
    np.save(tmp_path / "y.npy", np.array(["cat", "dog"]))
    whole = (tmp_path / "y.npy").read_bytes()
    (tmp_path / "y.npy").write_bytes(whole[:-1])
    with pytest.raises(InputError, match="truncated"):
        load_labels(tmp_path / "y.npy")
