"""Parquet files of the log: their form, and what is refused, told in one line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.errors import DataError
from abbotify.eventlog.log import Log, open_log
from abbotify.eventlog.parquet import open_file, write_events
from abbotify.eventlog.sessionise import sessionised
from abbotify.eventlog.table import Names
from abbotify.events import Events, Labels, schema

# Two users; the second one's session is open. Sorted by (user, session, step).
ROWS: Mapping[str, list[Any]] = {
    "timestamp": [100, 200, 300, 150, 250],
    "day": [0, 0, 0, 0, 0],
    "user": [4, 4, 4, 9, 9],
    "session": [0, 0, 1, 0, 0],
    "step": [0, 1, 0, 0, 1],
    "message": ["next", "last", "last", "next", "next"],
    "track": [7, 8, 7, 1, 2],
    "time": [1.0, 0.3, 1.0, 1.0, 0.25],
    "recommendation": [8, None, None, 2, 3],
    "latency_ms": [40, 41, 42, 0, 1],
    "arm": ["neural", "neural", "neural", None, None],
}


def table(**changed: Any) -> pa.Table:
    columns = {**ROWS, **changed}
    fields = schema(["arm"])
    plain = pa.schema([f for f in fields if f.name not in changed])
    made = {name: pa.array(columns[name], plain.field(name).type) for name in plain.names}
    made |= {
        name: values if isinstance(values, pa.Array) else pa.array(values)
        for name, values in changed.items()
    }
    return pa.table({name: made[name] for name in columns if name in made})


def events(names: tuple[str, ...] = ("sticky", "neural")) -> Events:
    last = [message == "last" for message in ROWS["message"]]
    answer = [-1 if value is None else value for value in ROWS["recommendation"]]
    codes = [-1 if value is None else names.index(value) for value in ROWS["arm"]]
    return Events(
        timestamp=np.array(ROWS["timestamp"]),
        day=np.array(ROWS["day"], np.int32),
        user=np.array(ROWS["user"]),
        session=np.array(ROWS["session"], np.int32),
        step=np.array(ROWS["step"], np.int32),
        last=np.array(last),
        track=np.array(ROWS["track"]),
        time=np.array(ROWS["time"]),
        recommendation=np.array(answer),
        latency_ms=np.array(ROWS["latency_ms"]),
        arms={"arm": Labels(np.array(codes, np.int16), names)},
    )


def whole(log: Log, names: Names | None = None) -> Events:
    return Events.concat(list(log.pieces(names)))


def test_the_file_is_the_table(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events(), {"phase": "experiment", "control": "sticky"})
    read = pq.read_table(tmp_path / "a.parquet")
    assert read.schema.equals(schema(["arm"]))
    assert read.to_pydict() == ROWS
    assert open_file(tmp_path / "a.parquet").metadata["phase"] == "experiment"


def test_the_encodings_are_those_measured(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events())
    group = pq.read_metadata(tmp_path / "a.parquet").row_group(0)
    for i in range(group.num_columns):
        column = group.column(i)
        assert column.compression == "ZSTD"
        number = {"INT64": "DELTA_BINARY_PACKED", "INT32": "DELTA_BINARY_PACKED"}
        expected = {**number, "DOUBLE": "BYTE_STREAM_SPLIT", "BYTE_ARRAY": "RLE_DICTIONARY"}
        assert expected[column.physical_type] in column.encodings


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    a, b = tmp_path / "a.parquet", tmp_path / "elsewhere" / "b.parquet"
    write_events(a, events(), {"x": "1", "phase": "experiment"})
    write_events(b, events(), {"phase": "experiment", "x": "1"})
    assert a.read_bytes() == b.read_bytes()


def test_no_answer_leaves_no_trace_of_what_stood_there(tmp_path: Path) -> None:
    one, other = events(), events()
    other.recommendation[other.recommendation < 0] = -77
    other.arms["arm"].codes[other.arms["arm"].codes < 0] = -5
    write_events(tmp_path / "a", one)
    write_events(tmp_path / "b", other)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_failed_write_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"old")

    def full(_: Any, where: Path, **__: Any) -> None:
        Path(where).write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="no space"):
        write_events(path, events())
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_a_killed_process_are_no_part_of_the_log(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events())
    (tmp_path / ".b.parquet.0123.tmp").write_bytes(b"half")
    assert open_log(tmp_path).rows == 5


def test_names_of_arms_keep_their_order_over_files(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events(("sticky", "neural")))
    write_events(tmp_path / "b.parquet", events(("neural", "random")).take(slice(0)))
    log = open_log(tmp_path)
    assert log.names == {"arm": ("sticky", "neural", "random")}
    assert whole(log).arms["arm"].codes.tolist() == [1, 1, 1, -1, -1]
    named = whole(log, {"arm": ("random", "neural")})
    assert named.arms["arm"] == Labels(named.arms["arm"].codes, ("random", "neural"))
    assert named.arms["arm"].codes.tolist() == [1, 1, 1, -1, -1]


def test_a_foreign_log_names_its_arms_in_its_rows(tmp_path: Path) -> None:
    pq.write_table(table(arm=["T1", "T1", "C", None, None]), tmp_path / "a.parquet")
    assert whole(open_log(tmp_path)).arms["arm"].names == ("C", "T1")


def test_latencies_in_fractions_of_a_millisecond_are_kept(tmp_path: Path) -> None:
    rows = Events(**{**vars(events()), "latency_ms": np.array([0.5, 1e-3, 2.25, 0.0, 1.0])})
    write_events(tmp_path / "a.parquet", rows)
    assert pq.read_schema(tmp_path / "a.parquet").field("latency_ms").type == pa.float64()
    assert whole(open_log(tmp_path)).latency_ms.tolist() == rows.latency_ms.tolist()


def test_a_layer_that_a_file_does_not_have_is_null_there(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events())
    later, layer = events(), Labels(np.zeros(5, np.int16), ("on",))
    columns = {**vars(later), "user": later.user + 10, "arms": {**later.arms, "arm_X": layer}}
    write_events(tmp_path / "b.parquet", Events(**columns))
    arms = whole(open_log(tmp_path)).arms
    assert list(arms) == ["arm", "arm_X"]
    assert arms["arm_X"].codes.tolist() == [-1] * 5 + [0] * 5


def test_an_arm_that_nobody_named_is_refused(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events())
    with pytest.raises(DataError, match="arm: 'neural' in row 0 is none of the arms sticky, new"):
        whole(open_log(tmp_path), {"arm": ("sticky", "new")})


def test_more_arms_than_codes_are_refused(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events())
    with pytest.raises(DataError, match="names 32768 arms, more than 32767"):
        whole(open_log(tmp_path), {"arm": tuple(map(str, range(2**15)))})


def test_files_are_selected_by_their_metadata(tmp_path: Path) -> None:
    for phase in ("collect", "experiment"):
        write_events(tmp_path / f"{phase}.parquet", events(), {"phase": phase})
    log = open_log(tmp_path).select(lambda file: file.metadata["phase"] == "collect")
    assert [file.path.name for file in log.files] == ["collect.parquet"]


def test_a_log_without_sessions_is_cut_at_each_last(tmp_path: Path) -> None:
    # In the order of time, as a service writes it; latencies in fractions of a millisecond.
    rows = table(latency_ms=[0.5, 1.5, 2.5, 3.5, 4.5], remark=list("abcde"))
    rows = rows.sort_by("timestamp").drop_columns(["day", "session", "step", "recommendation"])
    pq.write_table(rows, tmp_path / "a.parquet")
    log = whole(open_log(tmp_path / "a.parquet"))
    for name in ("timestamp", "day", "user", "session", "step", "track"):
        assert getattr(log, name).tolist() == ROWS[name], name
    assert log.latency_ms.tolist() == [0.5, 1.5, 2.5, 3.5, 4.5]
    assert log.recommendation.tolist() == [-1] * 5


def test_other_types_of_the_same_numbers_are_read(tmp_path: Path) -> None:
    rows = table(
        user=pa.array(ROWS["user"], pa.uint16()),
        time=pa.array(ROWS["time"], pa.float32()),
        message=pa.array(ROWS["message"]).dictionary_encode(),
        arm=pa.array(ROWS["arm"], pa.large_string()),
    )
    pq.write_table(rows, tmp_path / "a.parquet")
    log = whole(open_log(tmp_path / "a.parquet"))
    assert log.user.dtype == np.int64
    assert log.time.dtype == np.float64
    assert log.last.tolist() == [False, True, True, False, False]


REFUSED: list[tuple[str, list[Any] | pa.Array, str]] = [
    ("time", [1.0, 0.3, float("nan"), 1.0, 0.2], "time: nan in row 2 is not between 0 and 1"),
    ("time", [1.0, 0.3, 1.0, 1.0, 1.01], "time: 1.01 in row 4 is not between 0 and 1"),
    ("time", [-0.1, 0.3, 1.0, 1.0, 1.0], "time: -0.1 in row 0 is not between 0 and 1"),
    ("time", [1.0, None, 1.0, 1.0, 1.0], "time: None in row 1 is a null"),
    ("time", ["1"] * 5, "time: the column's type is string, not a number"),
    ("user", [4, 4, None, 9, 9], "user: None in row 2 is a null"),
    ("user", [-4, -4, -4, 9, 9], "user: -4 in row 0 is negative"),
    ("user", [4.0, 4.0, 4.0, 9.0, 9.0], "user: the column's type is double, not an integer"),
    ("user", [True] * 5, "user: the column's type is bool, not an integer"),
    ("user", pa.array([2**63] * 5, pa.uint64()), "user: a value does not fit in 64 bits"),
    ("session", [2**31] * 5, "session: a value does not fit in 32 bits"),
    ("timestamp", [-1, 0, 1, 2, 3], "timestamp: -1 in row 0 is negative"),
    ("timestamp", [1, 10**18, 1, 2, 3], "timestamp: 1000000000000000000 in row 1 is above"),
    ("track", [7, 8, 7, 1, -2], "track: -2 in row 4 is negative"),
    ("latency_ms", [1.0, float("inf"), 1, 1, 1], "latency_ms: inf in row 1 is not a finite"),
    ("latency_ms", [1, 1, 1, 1, -1], "latency_ms: -1 in row 4 is negative"),
    ("message", ["next", "last", "last", "next", "skip"], "message: 'skip' in row 4 is neither"),
    ("message", [1] * 5, "message: the column's type is int64, not a string"),
    ("recommendation", [8, 9, None, 2, 3], 'recommendation: 9 in row 1 is not null on a "last"'),
    ("recommendation", [None, None, None, 2, 3], 'None in row 0 is a null on a "next" row'),
    ("recommendation", [8, None, None, -2, 3], "recommendation: -2 in row 3 is negative"),
    ("recommendation", [8.0, None, None, 2.0, 3.0], "the column's type is double, not an integer"),
    ("arm", [1, 1, 1, None, None], "arm: the column's type is int64, not a string"),
    ("step", [0, 2, 0, 0, 1], "row 1 (user 4, session 0, step 2) breaks the order"),
    ("step", [1, 2, 0, 0, 1], "row 0 (user 4, session 0, step 1) breaks the order"),
    ("user", [9, 9, 9, 4, 4], "row 3 (user 4, session 0, step 0) breaks the order"),
    ("session", [0, 0, 0, 0, 0], "row 2 (user 4, session 0, step 0) breaks the order"),
    ("session", [1, 1, 0, 0, 0], "row 2 (user 4, session 0, step 0) breaks the order"),
]


@pytest.mark.parametrize(("column", "values", "message"), REFUSED, ids=lambda v: str(v)[:40])
def test_a_bad_value_is_refused(
    tmp_path: Path, column: str, values: list[Any] | pa.Array, message: str
) -> None:
    pq.write_table(table(**{column: values}), tmp_path / "a.parquet")
    with pytest.raises(DataError) as caught:
        whole(open_log(tmp_path / "a.parquet"))
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(tmp_path / "a.parquet"))
    assert "\n" not in str(caught.value)


def test_rows_are_counted_over_pieces_of_a_file(tmp_path: Path) -> None:
    pq.write_table(table(time=[1.0, 1.0, 1.0, 1.0, 2.0]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="row 4 is not between"):
        list(open_log(tmp_path).pieces(rows=2))
    pq.write_table(table(step=[0, 1, 0, 0, 3]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match="session 0, step 3"):
        list(open_log(tmp_path).pieces(rows=1))


@pytest.mark.parametrize("column", ["timestamp", "user", "message", "track", "time", "latency_ms"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    pq.write_table(table().drop_columns([column]), tmp_path / "a.parquet")
    with pytest.raises(DataError, match=f"a.parquet: {column}: the file has no such column"):
        open_log(tmp_path)


def test_one_session_in_two_files_is_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_events(tmp_path / f"{name}.parquet", events())
    with pytest.raises(DataError, match="user 4, session 0, step 0 is in the log twice"):
        whole(open_log(tmp_path))


def nothing(_: Path) -> None:
    """The file is not there."""


def text(path: Path) -> None:
    path.write_text("timestamp,user\n1,2\n")


def truncated(path: Path) -> None:
    write_events(path, events())
    path.write_bytes(path.read_bytes()[:-20])


def damaged(path: Path) -> None:
    write_events(path, events())
    content = bytearray(path.read_bytes())
    content[4:400] = bytes(396)
    path.write_bytes(content)


def empty_and_foreign(path: Path) -> None:
    pq.write_table(table().slice(0, 0).drop_columns(["day"]), path)


MAKERS = [nothing, text, truncated, damaged, empty_and_foreign]


@pytest.mark.parametrize("make", MAKERS)
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"a\.parquet: "):
        whole(open_log(tmp_path / "a.parquet"))


def test_no_rows_are_no_events(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events().take(slice(0)))
    assert open_log(tmp_path).rows == 0
    assert list(open_log(tmp_path).pieces()) == []


def test_no_rows_are_no_sessions() -> None:
    columns = dict(vars(events().take(slice(0))))
    for name in ("day", "session", "step"):
        del columns[name]
    assert len(sessionised(**columns)) == 0


def test_nothing_to_open_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no"):
        open_log(tmp_path)
    with pytest.raises(DataError, match="no file"):
        open_log([])
