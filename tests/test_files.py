"""Feature files: what is read, how, and that whatever is wrong is one sentence that names the file."""

from __future__ import annotations

import pickle
import sys
import zipfile

import numpy as np
import pytest
from factories import gaussian
from hypothesis import given, settings
from hypothesis import strategies as st

from fidiv import _files
from fidiv._files import InputError, load_features


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def assert_refused(path, *words):
    with pytest.raises(InputError) as caught:
        load_features(path)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    for word in words:
        assert word in text


def header(descr, shape, fortran=False):
    """The beginning of an .npy that promises this."""
    text = f"{{'descr': {descr!r}, 'fortran_order': {fortran}, 'shape': {shape}, }}".encode()
    text += b" " * (-(10 + len(text) + 1) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


def sound():
    return header("<f4", (4, 2)) + bytes(32)


WRONG_NPY = {
    "empty": (b"", "empty"),
    "text": (b"1.0 2.0\n3.0 4.0\n", "not a numpy array file"),
    "pickle": (pickle.dumps(np.eye(3)), "pickle"),
    "unknown version": (b"\x93NUMPY\x09\x00", "version 9"),
    "cut in the magic": (sound()[:7], "version"),
    "cut in the header": (sound()[:40], "truncated"),
    "cut in the data": (sound()[:-1], "truncated"),
    "no data": (header("<f4", (4, 2)), "truncated"),
    "too much data": (sound() + b"1", "1 bytes follow"),
    "objects": (header("|O", (4, 2)) + bytes(64), "never unpickles"),
    "records": (header([("x", "<f4")], (4,)) + bytes(16), "records"),
    "text values": (header("<U4", (4, 2)) + bytes(128), "text"),
    "complex": (header("<c8", (4, 2)) + bytes(64), "complex64"),
    "dates": (header("<M8[s]", (4, 2)) + bytes(64), "datetime64"),
    "1-D": (header("<f4", (4,)) + bytes(16), "1-dimensional"),
    "3-D": (header("<f4", (2, 2, 2)) + bytes(32), "3-dimensional"),
    "no rows": (header("<f4", (0, 2)), "empty"),
    "no columns": (header("<f4", (2, 0)), "empty"),
    "negative shape": (header("<f4", (-4, -2)) + bytes(32), "header"),
    "bool shape": (header("<f4", (True, 8)) + bytes(32), "header"),
    "shape that overflows": (header("<f8", (2**40, 2**40)), "truncated"),
    "code in the header": (header("<f4", "__import__('os').abort()"), "header"),
    "deep header": (b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535, "header"),
    "huge header": (b"\x93NUMPY\x02\x00\xff\xff\xff\xff", "4,294,967,295 bytes"),
    "unknown type": (header("zz", (4, 2)) + bytes(32), "header"),
}


@pytest.mark.parametrize("what", WRONG_NPY)
def test_a_broken_npy_is_one_line(folder, what):
    content, words = WRONG_NPY[what]
    (folder / "broken.npy").write_bytes(content)
    assert_refused("broken.npy", "broken.npy", words)


@pytest.mark.parametrize("what", WRONG_NPY)
def test_the_same_inside_an_npz(folder, what):
    with zipfile.ZipFile(folder / "broken.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("features.npy", WRONG_NPY[what][0])
    assert_refused("broken.npz", "broken.npz [features]")


@settings(max_examples=400)
@given(data=st.data(), name=st.sampled_from(["fuzz.npy", "fuzz.npz"]))
def test_changed_bytes_give_an_array_or_one_sentence(folder, data, name):
    (np.save if name == "fuzz.npy" else np.savez_compressed)(name, gaussian(5, 3, 1, np.float32))
    content = bytearray((folder / name).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content)))]
    (folder / name).write_bytes(content)
    try:
        loaded = load_features(name)
    except InputError:
        return
    assert loaded.ndim == 2
    assert loaded.size


def test_broken_archives_are_one_line(folder):
    path = folder / "broken.npz"
    np.savez_compressed(path, features=gaussian(50, 6, 1))
    whole = path.read_bytes()
    for content in (b"", b"PK", whole[: len(whole) // 2], whole[:-10], b"x" * 200):
        path.write_bytes(content)
        assert_refused("broken.npz", "broken.npz")
    misnamed = bytearray(whole.replace(b"features.npy", b"feat\xffres.npy"))
    misnamed[whole.index(b"PK\x01\x02") + 9] |= 8  # "this name is UTF-8", and it is not
    path.write_bytes(misnamed)
    assert_refused("broken.npz", "broken.npz")
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    path.write_bytes(flipped)
    assert_refused("broken.npz", "broken.npz")


def test_the_array_of_an_npz_must_be_clear(folder):
    np.savez("two.npz", a=np.eye(6), b=np.eye(6))
    assert_refused("two.npz", "a, b")
    np.savez("none.npz")
    assert_refused("none.npz", "no array")
    with zipfile.ZipFile("lzma.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("features.npy", sound())
    assert_refused("lzma.npz", "compressed")


def test_files_that_are_not_there_or_not_files(folder):
    assert_refused("missing.npy", "missing.npy", "no such file")
    (folder / "folder.npy").mkdir()
    assert_refused("folder.npy", "not a regular file")
    (folder / "real.csv").write_text("1,2\n")
    assert_refused("real.csv", ".npy or .npz")


def test_more_than_the_memory_there_is_is_refused_with_the_amount(monkeypatch):
    monkeypatch.setattr(_files, "available_memory", lambda: 10_000)
    np.savez("big.npz", features=gaussian(1000, 6, 1))
    assert_refused("big.npz", "reading", "46.9 KiB", "9.8 KiB are free")
    np.save("integers.npy", np.ones((1000, 6), np.int32))
    assert_refused("integers.npy", "converting", "46.9 KiB", "9.8 KiB are free")
    np.save("fortran.npy", np.asfortranarray(gaussian(1000, 6, 1, np.float32)))
    assert_refused("fortran.npy", "converting", "23.4 KiB", "9.8 KiB are free")
    np.save("mapped.npy", gaussian(1000, 6, 1))  # no copy, so its size does not matter
    assert load_features("mapped.npy").shape == (1000, 6)


def test_a_copy_of_foreign_bytes_counts_for_npz_too(monkeypatch):
    np.savez("foreign.npz", features=gaussian(1000, 6, 1).astype(">f8"))
    np.savez("native.npz", features=gaussian(1000, 6, 1))
    monkeypatch.setattr(_files, "available_memory", lambda: 60_000)  # once 48,000 bytes, not twice
    assert load_features("native.npz").shape == (1000, 6)
    assert_refused("foreign.npz", "93.8 KiB")


def test_copies_of_all_files_count_together(monkeypatch):
    for name in ("a.npy", "b.npy", "c.npy"):
        np.save(name, np.ones((1000, 6), np.int32))  # 48,000 bytes as float64
    np.save("mapped.npy", gaussian(1000, 6, 1))
    monkeypatch.setattr(_files, "available_memory", lambda: 100_000)
    assert len(_files.load_all(["a.npy", "mapped.npy", "b.npy"])) == 3
    with pytest.raises(InputError, match=r"^c\.npy: converting .* 46\.9 KiB .* before it 93\.8 KiB"):
        _files.load_all(["a.npy", "b.npy", "c.npy"])


def test_a_path_the_system_refuses():
    assert_refused("a" * 300 + ".npy", "cannot be read")
    assert_refused("real.npy/x.npy", "no such file")


def test_the_memory_there_is_is_known():
    free = _files.available_memory()
    assert free is None or 2**20 < free < 2**60


@pytest.mark.skipif(sys.platform != "linux", reason="sparse files and /proc/meminfo")
def test_a_sparse_file_of_a_tebibyte_is_refused_before_it_is_touched(folder):
    start = header("<f2", (2**31, 256))
    with (folder / "huge.npy").open("wb") as file:
        file.write(start)
        try:
            file.truncate(len(start) + 2**40)
        except OSError:
            pytest.skip("this file system has no room for a sparse tebibyte")
    assert_refused("huge.npy", "2.0 TiB", "free")


def test_npy_is_mapped_and_other_layouts_are_read_right(folder):
    values = np.arange(24, dtype=np.float32).reshape(8, 3)
    for name in ("<f4", ">f4", "<f8", "<f2", "|u1", "<i2", ">i4", "<i8", "|b1"):
        for order in "CF":
            np.save("layout.npy", np.asarray(values.astype(name), order=order))
            loaded = load_features("layout.npy")
            assert isinstance(loaded, np.memmap)
            assert not loaded.flags.writeable
            np.testing.assert_array_equal(loaded, values.astype(name))
            np.savez("layout.npz", np.asarray(values.astype(name), order=order))
            np.testing.assert_array_equal(load_features("layout.npz"), values.astype(name))


def test_the_keys_of_an_npz_in_their_order(folder):
    np.savez(
        "keys.npz", np.ones((2, 2)), feats=np.full((2, 2), 2.0), features=np.full((2, 2), 3.0), z=np.zeros(3)
    )
    assert load_features("keys.npz")[0, 0] == 3
    np.savez("keys.npz", np.ones((2, 2)), feats=np.full((2, 2), 2.0))
    assert load_features("keys.npz")[0, 0] == 2
    np.savez("keys.npz", np.ones((2, 2)), z=np.zeros(3))
    assert load_features("keys.npz")[0, 0] == 1
    np.savez("keys.npz", z=np.zeros((2, 2)))
    assert load_features("keys.npz").shape == (2, 2)
