"""Records on disk: what is read is what was written, in its types; no other class is made."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from abbotify.errors import DataError
from abbotify.files.records import load_record, save_record


@dataclass(frozen=True)
class Point:
    name: str
    place: tuple[float, float | None]


class Pair(NamedTuple):
    first: Any
    second: Any


class Sums:
    def __init__(self) -> None:
        self.counts = {(1, 2): np.array([3, 70_000]), ("a",): np.array([[-1.5, np.nan]])}
        self.few = [np.int64(255), np.float64(0.1), True, None, "text"]


def test_a_record_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "record.npz"
    record = (Point("p", (0.1 + 0.2, None)), Pair(1, [math.inf, {"k": Sums()}]))
    save_record(path, record)
    point, pair = load_record(path, (Point, Pair, Sums), "a record")
    assert point == record[0]
    assert type(pair) is Pair
    assert pair.second[0] == math.inf
    sums, before = pair.second[1]["k"], Sums()
    assert sums.few == before.few
    assert [type(each) for each in sums.few] == [type(each) for each in before.few]
    for key, array in before.counts.items():
        np.testing.assert_array_equal(sums.counts[key], array)
        assert sums.counts[key].dtype == array.dtype


def test_small_counts_take_little_room(tmp_path: Path) -> None:
    save_record(tmp_path / "small.npz", np.ones(100_000, np.int64))
    assert (tmp_path / "small.npz").stat().st_size < 110_000


def test_other_classes_and_broken_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "record.npz"
    save_record(path, Point("p", (1.0, 2.0)))
    with pytest.raises(DataError, match=r"record\.npz: is not a record: 'Point'"):
        load_record(path, (Pair,), "a record")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DataError, match="is not a record"):
        load_record(path, (Point,), "a record")
