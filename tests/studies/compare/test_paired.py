"""How far two runs have the same users."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.eventlog.schema import ARMS_KEY
from abbotify.metrics.users_file import StoredUsers
from abbotify.studies.compare.paired import Overlap, Paired, overlap, read_users


def users(
    folder: Path,
    ids: list[int],
    arms: list[str | None],
    absent: tuple[int, ...] = (),
    names: tuple[str, ...] = (),
) -> StoredUsers:
    folder.mkdir()
    columns = {
        "user": pa.array(ids, pa.int64()),
        "arm": pa.array(arms, pa.string()),
        "exposed": pa.array([one not in absent for one in ids], pa.bool_()),
        "time": pa.array([None if one in absent else float(one) for one in ids], pa.float64()),
        "title": pa.array(["no metric"] * len(ids)),
    }
    table = pa.table(columns)
    if names:
        table = table.replace_schema_metadata({ARMS_KEY: json.dumps({"arm": names})})
    pq.write_table(table, folder / "users.parquet")
    found = read_users(folder)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("ids", "arms", "expected"),
    [
        ([1, 2, 3, 4], ["x", "y", None, "x"], "same"),
        ([1, 2, 3, 4], ["y", "x", None, "y"], "partly"),  # the same codes, other names
        ([1, 2, 3, 4], ["x", "y", None, "y"], "partly"),
        ([1, 2, 3, 4], ["x", "y", "x", "x"], "partly"),
        ([1, 2, 3, 4], ["x", None, None, "x"], "partly"),
        ([1, 2, 3, 4], ["x", "z", None, "x"], "partly"),
        ([1, 2, 3], ["x", "y", None], "partly"),
        ([0, 2], ["x", "y"], "partly"),
        ([0, 5], ["x", "y"], "disjoint"),
        ([], [], "disjoint"),
    ],
)
def test_overlap(ids: list[int], arms: list[str | None], expected: Overlap, tmp_path: Path) -> None:
    first = users(tmp_path / "first", [1, 2, 3, 4], ["x", "y", None, "x"])
    assert overlap(first, users(tmp_path / "second", ids, arms)) == expected
    assert overlap(first, None) == "unknown"


def test_names_in_another_order_are_the_same_arms(tmp_path: Path) -> None:
    one = users(tmp_path / "one", [1, 2, 3], ["x", "y", None])
    two = users(tmp_path / "two", [1, 2, 3], ["x", "y", None], names=("z", "y", "x"))
    assert two.label().codes.tolist() == [2, 1, -1]
    assert overlap(one, two) == overlap(two, one) == "same"


def test_who_is_compared(tmp_path: Path) -> None:
    one = users(tmp_path / "one", [1, 2, 3, 4], ["x", "y", None, "x"], absent=(1,))
    two = users(tmp_path / "two", [1, 2, 3, 4], ["x", "y", None, "x"], absent=(2,))
    pairs = Paired(one, two, "exposed")
    assert pairs.members("exposed").tolist() == [False, False, False, True]
    assert pairs.members("assigned").tolist() == [True, True, False, True]
    assert pairs.arm("x").tolist() == [True, False, False, True]
    assert not pairs.arm("nobody").any()
    columns = pairs.column("time", "assigned")
    assert columns is not None
    assert [column.tolist() for column in columns] == [[0, 2, 3, 4], [1, 0, 3, 4]]
    exposed = pairs.column("time", "exposed")
    assert exposed is not None
    assert np.isnan(exposed[0]).tolist() == [True, False, False, False]
    assert pairs.column("sessions", "exposed") is None
    assert pairs.column("title", "exposed") is None


def test_a_folder_without_users(tmp_path: Path) -> None:
    assert read_users(tmp_path) is None
