"""Parquet files of the log: their form, their bytes, and what else is read as one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.eventlog.log import open_log
from abbotify.eventlog.parquet import open_file
from abbotify.eventlog.parquet_writer import write_events
from abbotify.eventlog.schema import Events, Labels, schema
from abbotify.eventlog.sessionise import sessionised
from tests.eventlog.rows import ROWS, events, table, whole


def test_the_file_is_the_table(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events(), {"phase": "experiment", "control": "sticky"})
    read = pq.read_table(tmp_path / "a.parquet")
    assert read.schema.equals(schema(["arm"]))
    assert read.to_pydict() == ROWS
    assert open_file(tmp_path / "a.parquet").metadata["phase"] == "experiment"


# All that a reader need know, beside the dictionaries and levels of every file.
LAYOUTS = {
    **dict.fromkeys(["timestamp", "track", "recommendation"], ("DELTA_BINARY_PACKED", "NONE")),
    **dict.fromkeys(["day", "user", "session", "step"], ("PLAIN", "LZ4")),
    **dict.fromkeys(["message", "time", "arm"], ("RLE_DICTIONARY", "NONE")),
}


@pytest.mark.parametrize(
    ("latency", "encoding"), [(np.int64, "DELTA_BINARY_PACKED"), (float, "BYTE_STREAM_SPLIT")]
)
def test_the_layout_is_the_one_measured(
    tmp_path: Path, latency: type[np.generic], encoding: str
) -> None:
    rows = replace(events(), latency_ms=events().latency_ms.astype(latency))
    write_events(tmp_path / "a.parquet", rows)
    group = pq.read_metadata(tmp_path / "a.parquet").row_group(0)
    columns = {c.path_in_schema: c for c in map(group.column, range(group.num_columns))}
    layouts = {**LAYOUTS, "latency_ms": (encoding, "NONE")}
    assert set(columns) == set(layouts)
    for name, (expected, compression) in layouts.items():
        assert expected in columns[name].encodings, name
        assert columns[name].compression.replace("UNCOMPRESSED", "NONE") == compression, name
        assert columns[name].is_stats_set == (name in {"user", "day"})


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

    def full(*_: Any, **__: Any) -> None:
        assert len(list(tmp_path.iterdir())) == 2
        raise OSError("no space left")

    monkeypatch.setattr(pq.ParquetWriter, "write_table", full)
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


def test_no_rows_are_no_events(tmp_path: Path) -> None:
    write_events(tmp_path / "a.parquet", events().take(slice(0)))
    assert open_log(tmp_path).rows == 0
    assert list(open_log(tmp_path).pieces()) == []


def test_no_rows_are_no_sessions() -> None:
    assert len(sessionised(events().take(slice(0)))) == 0
