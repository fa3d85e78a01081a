"""What processes share: equal content, one copy of its memory, a file that does not stay."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from abbotify.errors import OutputError
from abbotify.simulation.parallel.shared_arrays import shipped

BIG = 1 << 20


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_comes_out_as_it_went_in() -> None:
    fixed = np.arange(7)
    fixed.flags.writeable = False
    content = {
        "wide": np.arange(12, dtype=np.float32).reshape(3, 4),
        "fortran": np.asfortranarray(np.eye(3)),
        "strided": np.arange(10)[::3],
        "empty": np.empty((0, 5), np.int32),
        "fixed": fixed,
        "texts": ("a", "b"),
    }
    with shipped(content) as sent:
        got = pickle.loads(pickle.dumps(sent)).load()
    assert got.keys() == content.keys()
    assert got["texts"] == content["texts"]
    for name, array in content.items():
        if isinstance(array, np.ndarray):
            assert got[name].dtype == array.dtype
            assert np.array_equal(got[name], array)
            assert got[name].flags.writeable == array.flags.writeable
            assert got[name].ctypes.data % 64 == 0 or not array.size or name == "strided"


def test_a_change_is_ones_own() -> None:
    with shipped(np.zeros(5)) as sent:
        first, second = sent.load(), sent.load()
        first += 1
        assert not second.any()
        assert not sent.load().any()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_is_the_files() -> None:
    with shipped([np.ones(BIG), np.ones(BIG)]) as sent:
        assert len(pickle.dumps(sent)) < 1000
        arrays = sent.load()
        assert sum(array.sum() for array in arrays) == 2 * BIG
        lines = iter(Path("/proc/self/smaps").read_text().splitlines())
        next(line for line in lines if line.endswith(sent.path))
        kilobytes = {}
        for line in lines:
            key, value = line.split(":", 1)
            if key == "VmFlags":
                break
            kilobytes[key] = int(value.split()[0])
    assert kilobytes["Rss"] >= 2 * BIG * 8 // 1024
    assert kilobytes["Anonymous"] <= 64  # the rest is the file's


def test_the_file_goes_even_after_an_error(tmp_path: Path) -> None:
    def fail() -> None:
        with shipped(np.zeros(9)):
            assert len(list(tmp_path.iterdir())) == 1
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert not any(tmp_path.iterdir())


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_no_room_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "full"
    path.symlink_to("/dev/full")
    monkeypatch.setattr(tempfile, "mkstemp", lambda prefix: (os.open(path, os.O_WRONLY), str(path)))
    with pytest.raises(OutputError, match="no room for what the workers share"), shipped(1):
        pass
    assert not path.is_symlink()
