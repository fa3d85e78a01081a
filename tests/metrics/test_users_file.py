"""users.parquet: what others read in it, and that equal users give equal bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.errors import DataError
from abbotify.eventlog.schema import Labels, from_strings
from abbotify.metrics import users_file
from abbotify.metrics.definitions import COLUMNS, METRICS
from abbotify.metrics.users import UserTable
from abbotify.metrics.users_file import StoredUsers, write_users

NAN = float("nan")


def users(first: int = 0, n: int = 4, *, before: bool = False) -> UserTable:
    """Every fourth user unexposed, a rate undefined for every other one."""
    ids = np.arange(first, first + n)
    exposed = ids % 4 != 3
    values = {
        "time": np.where(exposed, ids / 7, NAN),
        "skip_rate": np.where(ids % 2 == 0, 0.25, NAN),
    }
    if before:
        values["pre_time"] = ids * 1.5
    return UserTable(
        users=ids,
        arms={
            "arm": Labels((ids % 3 - 1).astype(np.int16), ("sticky", "neural")),
            "arm_X": Labels((ids % 2).astype(np.int16), ("off", "on")),
        },
        exposed=exposed,
        values=values,
    )


def column(path: Path, name: str) -> Any:
    return pq.read_table(path, columns=[name]).column(0).combine_chunks()


def test_the_columns_and_nulls_are_those_told(tmp_path: Path) -> None:
    write_users(tmp_path / "users.parquet", [users()])
    read = pq.read_table(tmp_path / "users.parquet")
    latter = ["latency", "recommended", "skips", "repeats"]
    assert read.column_names == ["user", "arm", "arm_X", "exposed", *METRICS, *latter]
    assert read.column("user").to_pylist() == [0, 1, 2, 3]
    assert read.column("arm").to_pylist() == [None, "sticky", "neural", None]
    assert read.column("exposed").to_pylist() == [True, True, True, False]
    assert read.column("time").to_pylist() == [0.0, 1 / 7, 2 / 7, None]
    assert read.column("skip_rate").to_pylist() == [0.25, None, 0.25, None]
    assert read.column("timeouts").to_pylist() == [None] * 4
    assert str(read.schema.field("arm").type) == "string"


def test_days_before_have_columns_after_all_others(tmp_path: Path) -> None:
    write_users(tmp_path / "users.parquet", [users(before=True)])
    columns = pq.read_schema(tmp_path / "users.parquet").names
    assert columns[-2 * len(COLUMNS) :] == [*COLUMNS, *(f"pre_{name}" for name in COLUMNS)]


def test_a_column_is_read_alone(tmp_path: Path) -> None:
    path = tmp_path / "users.parquet"
    write_users(path, [users()])
    assert column(path, "user").to_pylist() == [0, 1, 2, 3]
    assert column(path, "exposed").to_pylist() == [True, True, True, False]
    names = json.loads(pq.read_schema(path).metadata[b"arms"])
    assert names == {"arm": ["sticky", "neural"], "arm_X": ["off", "on"]}
    codes = {name: from_strings(column(path, name), tuple(names[name])).codes for name in names}
    assert codes["arm"].tolist() == [-1, 0, 1, -1]
    assert codes["arm_X"].tolist() == [0, 1, 0, 1]
    time = column(path, "time").to_pandas()
    np.testing.assert_array_equal(time, users().values["time"])
    assert column(path, "timeouts").null_count == 4
    assert "pre_time" not in pq.read_schema(path).names


@pytest.mark.parametrize("sizes", [[10], [5, 5], [1, 2, 3, 4], [9, 0, 1], [4, 4, 2]])
def test_shards_leave_no_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sizes: list[int]
) -> None:
    monkeypatch.setattr(users_file, "ROW_GROUP", 4)
    write_users(tmp_path / "whole", [users(n=10)])
    starts = np.cumsum([0, *sizes])
    shards = [users(int(a), n) for a, n in zip(starts, sizes, strict=False)]
    write_users(tmp_path / "shards", iter(shards))
    assert (tmp_path / "shards").read_bytes() == (tmp_path / "whole").read_bytes()
    groups = pq.read_metadata(tmp_path / "whole")
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [4, 4, 2]


def test_what_stands_where_there_is_no_value_leaves_no_trace(tmp_path: Path) -> None:
    one, other = users(), users()
    other.values["time"][3] = -np.array(NAN)
    other.arms["arm"].codes[0] = -3
    for name, table in (("a", one), ("b", other)):
        write_users(tmp_path / name, [table])
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("bad", [[users(4), users(0)], [users(), users()]])
def test_bad_tables_leave_nothing_behind(tmp_path: Path, bad: list[UserTable]) -> None:
    with pytest.raises(ValueError, match="do not ascend"):
        write_users(tmp_path / "users.parquet", bad)
    assert list(tmp_path.iterdir()) == []


def test_what_is_read_is_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "users.parquet"
    told = UserTable.concat([users(before=True), users(4, before=True)])
    write_users(path, [told])
    found = StoredUsers(path)
    assert found.ids.tolist() == told.users.tolist()
    assert found.exposed.tolist() == told.exposed.tolist()
    assert {"time", "pre_time"} < found.columns
    for name in told.arms:
        assert found.label(name).names == told.arms[name].names
        assert found.label(name).codes.tolist() == told.arms[name].codes.tolist()
    np.testing.assert_array_equal(found.column("time"), told.column("time"))
    np.testing.assert_array_equal(found.column("time", "assigned"), told.column("time", "assigned"))
    assert found.members("assigned").tolist() == told.members("assigned").tolist()
    assert found.members("exposed").tolist() == told.members("exposed").tolist()


@pytest.mark.parametrize(
    ("column", "values", "what"),
    [
        ("user", [3, 2, 1, 0], "ascending"),
        ("user", [0, 1, None, 3], "whole numbers"),
        ("user", ["a", "b", "c", "d"], "whole numbers"),
        ("exposed", [1, 0, 1, 0], "booleans"),
        ("exposed", [True, None, True, True], "booleans"),
        ("time", ["x"] * 4, "cannot be read"),
        ("time", [0.0, float("inf"), 1.0, 2.0], "not finite"),
        ("arm", [b"\xff"] * 4, "cannot be read"),
    ],
)
def test_a_broken_column_is_told(tmp_path: Path, column: str, values: list[Any], what: str) -> None:
    path = tmp_path / "users.parquet"
    write_users(path, [users()])
    table = pq.read_table(path)
    place = table.column_names.index(column)
    pq.write_table(table.set_column(place, column, pa.array(values)), path)
    found = StoredUsers(path)
    with pytest.raises(DataError, match=what) as told:
        _ = found.ids, found.exposed, found.label().codes, found.column("time")
    assert told.value.key == column


def test_a_broken_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "users.parquet"
    path.write_bytes(b"no")
    with pytest.raises(DataError, match="cannot be read as users"):
        StoredUsers(path)
    write_users(path, [users()])
    pq.write_table(pq.read_table(path).drop(["user"]), path)
    with pytest.raises(DataError, match="no such column"):
        _ = StoredUsers(path).ids
