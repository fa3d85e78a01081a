"""What a log may be like that is neither sound nor broken: bursts, odd clocks, odd folders."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from abbotify.errors import UserError
from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.log import open_log
from abbotify.eventlog.parquet import open_file
from abbotify.report import Check, Result, Verdict
from tests.analysis.logs import Lines, analysed, made, run_folder, stored
from tests.eventlog.botify_lines import line, write
from tests.eventlog.rows import table

EPOCH = 1_700_000_000_000
DERIVED = ["timestamp", "user", "message", "track", "time", "recommendation", "latency_ms", "arm"]


def check(result: Result, name: str) -> Check:
    return next(each for each in result.checks if each.name == name)


def changed(**values: Callable[[dict[str, Any]], Any]) -> Lines:
    return [line | {key: of(line) for key, of in values.items()} for line in made(400)]


def at_second(one: dict[str, Any]) -> int:
    return EPOCH + int(one["timestamp"]) // 1000 * 1000


BURSTS = {
    "all at one time": changed(timestamp=lambda one: EPOCH),
    "whole seconds": changed(timestamp=at_second),
    "whole seconds, one track": changed(
        timestamp=at_second, track=lambda one: 5, time=lambda one: 1.0, latency=lambda one: 0.001
    ),
    "one time, three tracks": changed(
        timestamp=lambda one: EPOCH,
        track=lambda one: one["track"] % 3,
        time=lambda one: 1.0,
        latency=lambda one: 0.001,
    ),
}


@pytest.mark.parametrize("lines", BURSTS.values(), ids=BURSTS)
def test_a_burst_of_requests_is_no_log_given_twice(lines: Lines, tmp_path: Path) -> None:
    result = analysed(stored(tmp_path / "log", lines), tmp_path / "out")
    assert check(result, "rows_given_twice").status in ("pass", "warn")
    assert Verdict.INVALID not in {row.verdict for row in result.decisions}


@pytest.mark.parametrize("times", [2, 3])
@pytest.mark.parametrize("lines", BURSTS.values(), ids=BURSTS)
def test_a_burst_given_twice_is_seen_all_the_same(lines: Lines, times: int, tmp_path: Path) -> None:
    result = analysed(stored(tmp_path / "log", lines * times), tmp_path / "out")
    found = check(result, "rows_given_twice")
    assert found.status == "fail"
    assert found.details is not None
    assert found.details["rows"] >= len(lines) * (times - 1)
    assert {row.verdict for row in result.decisions} == {Verdict.INVALID}


def test_the_first_row_given_twice_is_named(tmp_path: Path) -> None:
    lines = made(400)
    copies = [each for each in lines if each["user"] == 17]
    result = analysed(stored(tmp_path / "log", lines + copies), tmp_path / "out")
    found = check(result, "rows_given_twice")
    first = min(each["timestamp"] for each in copies)
    assert found.summary.startswith(f"{len(copies)} rows of {len(lines) + len(copies):,} ")
    assert f"the first one of user 17 at timestamp {first}" in found.summary


def test_days_are_those_of_the_clock_whatever_its_unit(tmp_path: Path) -> None:
    """Microseconds over many days, and zeros among sound timestamps, add no days."""
    apart = [one | {"timestamp": EPOCH + one["timestamp"] * 50} for one in made(300)]
    plain = read_botify(stored(tmp_path / "ms", apart), experiment="NEURAL").events
    micro = [one | {"timestamp": one["timestamp"] * 1000} for one in apart]
    assert analysed(stored(tmp_path / "us", micro), tmp_path / "out").run.days == 101
    other = read_botify(tmp_path / "us", experiment="NEURAL").events
    assert other.day.tolist() == plain.day.tolist()
    for number in (5, 70):
        micro[number]["timestamp"] = apart[number]["timestamp"] = 0
    for name, lines in (("us", micro), ("ms", apart)):
        result = analysed(stored(tmp_path / name, lines), tmp_path / "out")
        assert result.run.days is not None
        assert result.run.days <= 101
        assert "2 are 0" in check(result, "timestamps").summary


def test_a_log_that_begins_days_after_zero_is_in_milliseconds(tmp_path: Path) -> None:
    late = [one | {"timestamp": one["timestamp"] + 20 * 86_400_000} for one in made(300)]
    result = analysed(stored(tmp_path / "log", late), tmp_path / "out")
    assert check(result, "timestamps").status == "pass"


def experiment_rows(folder: Path) -> pa.Table:
    files = sorted((run_folder(folder, made(300)) / "log").glob("*.parquet"))[1:]
    return pa.concat_tables([pq.read_table(file).replace_schema_metadata(None) for file in files])


def test_sessions_of_one_time_are_in_the_order_of_session_and_step(tmp_path: Path) -> None:
    rows = experiment_rows(tmp_path)
    at = rows.schema.get_field_index("timestamp")
    rows = rows.set_column(at, "timestamp", pa.array(np.full(len(rows), EPOCH)))
    mixed = rows.take(np.random.default_rng(3).permutation(len(rows))).drop_columns(["day"])
    pq.write_table(mixed, tmp_path / "mixed.parquet")
    (events,) = open_log(tmp_path / "mixed.parquet").pieces()
    rows = rows.sort_by([(name, "ascending") for name in ("user", "session", "step")])
    for name in ("user", "track", "step"):
        assert getattr(events, name).tolist() == rows.column(name).to_pylist()
    result = analysed(tmp_path / "mixed.parquet", tmp_path / "out", control="base")
    assert check(result, "timestamps").status == "warn"
    pq.write_table(pa.concat_tables([mixed, mixed]), tmp_path / "mixed.parquet")
    result = analysed(tmp_path / "mixed.parquet", tmp_path / "out", control="base")
    assert check(result, "rows_given_twice").details == {
        "rows": len(rows),
        "sure": 0,
        "of": 2 * len(rows),
        "limit": 0.01,
    }
    assert check(result, "rows_given_twice").status == "fail"


def test_a_numbered_log_says_that_its_timestamps_are_not_used(tmp_path: Path) -> None:
    result = analysed(run_folder(tmp_path, made(300)), tmp_path / "out")
    assert "not used" in check(result, "timestamps").summary


def test_a_copy_of_a_day_before_the_experiment_is_refused(tmp_path: Path) -> None:
    """A copy written by a program that drops the metadata counts as one of the experiment."""
    log = run_folder(tmp_path, made(300)) / "log"
    rows = pq.read_table(log / "day-0.parquet")
    pq.write_table(rows.replace_schema_metadata(None), log / "copy.parquet")
    with pytest.raises(UserError, match="is in the log twice"):
        analysed(tmp_path, tmp_path / "out", control="base")


def upper(log: Path) -> Path:
    return (log / "day-2.parquet").rename(log / "day-2.PARQUET")


def deeper(log: Path) -> Path:
    (log / "more").mkdir()
    (log / "day-2.parquet").rename(log / "more" / "day-2.parquet")
    return log / "more"


def lines_beside(log: Path) -> Path:
    shutil.copy(log.parent / "lines.jsonl", log / "x.jsonl")
    return log / "x.jsonl"


@pytest.mark.parametrize("hide", [upper, deeper, lines_beside])
def test_a_folder_is_not_read_in_part(hide: Callable[[Path], Path], tmp_path: Path) -> None:
    hidden = hide(run_folder(tmp_path, made()) / "log")
    with pytest.raises(UserError) as caught:
        analysed(tmp_path, tmp_path / "out")
    assert str(caught.value).startswith(f"{hidden}: ")
    assert "\n" not in str(caught.value)


def test_marks_of_other_programs_in_a_folder_are_no_log(tmp_path: Path) -> None:
    log = run_folder(tmp_path, made()) / "log"
    for name in ("_SUCCESS", ".part.parquet.crc", "README.md"):
        (log / name).write_text("")
    assert analysed(tmp_path, tmp_path / "out").arms


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"arm": 3}',
        '{"arm": {"base": 1}}',
        '{"arm": [["base"], "neural"]}',
        '{"arm": ["base", "base", "neural"]}',
        '{"arm": ["base", "neural", ""]}',
        '{"arm": ["base", "neural", "a\\nb"]}',
        '{"arm": ["base", "neural", "\\u202eb"]}',
        '{"arm": ["base", "neural"], "arm_OTHER": ["x"]}',
    ],
    ids=lambda text: text[:40],
)
def test_odd_metadata_is_refused_in_one_line(text: str, tmp_path: Path) -> None:
    rows = experiment_rows(tmp_path).select(DERIVED).replace_schema_metadata({"arms": text})
    pq.write_table(rows, tmp_path / "a.parquet")
    with pytest.raises(UserError) as caught:
        analysed(tmp_path / "a.parquet", tmp_path / "out", control="base")
    assert str(caught.value).startswith(f"{tmp_path / 'a.parquet'}: arm")
    assert "\n" not in str(caught.value)


def test_metadata_that_names_a_column_which_no_file_has_is_refused(tmp_path: Path) -> None:
    rows = experiment_rows(tmp_path).select(DERIVED[:-1])
    kept = {"arms": json.dumps({"arm": ["base", "neural"]})}
    pq.write_table(rows.replace_schema_metadata(kept), tmp_path / "a.parquet")
    with pytest.raises(UserError, match="no column"):
        analysed(tmp_path / "a.parquet", tmp_path / "out", control="base")


@pytest.mark.parametrize("name", ["", "a\nb", "\u202ea", "x" * 201, "x" * (1 << 20)])
def test_a_name_that_cannot_be_shown_is_refused_in_both_formats(name: str, tmp_path: Path) -> None:
    rows, names = experiment_rows(tmp_path), pa.array([name, "b"])
    codes = pa.array(np.arange(len(rows)) % 2, pa.int8())
    at = rows.schema.get_field_index("arm")
    rows = rows.set_column(at, "arm", pa.DictionaryArray.from_arrays(codes, names))
    pq.write_table(rows, tmp_path / "a.parquet", compression="zstd")
    log = stored(
        tmp_path / "log.jsonl", [one | {"experiments": {"NEURAL": name}} for one in made(20)]
    )
    for path in (tmp_path / "a.parquet", log):
        with pytest.raises(UserError) as caught:
            analysed(path, tmp_path / "out", control="b")
        assert str(caught.value).startswith(str(path))
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 500


def test_a_nested_column_does_not_shift_what_the_footer_says(tmp_path: Path) -> None:
    nested = pa.array([{"a": 900 + i, "b": [i]} for i in range(table().num_rows)])
    pq.write_table(table().add_column(0, "other", nested), tmp_path / "a.parquet")
    file = open_file(tmp_path / "a.parquet")
    assert file.lowest_user == min(table().column("user").to_pylist())
    assert file.days is not None
    assert file.days.start == min(table().column("day").to_pylist())


def test_a_mark_of_the_byte_order_is_no_part_of_the_first_line(tmp_path: Path) -> None:
    path = stored(tmp_path / "log", made())
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_botify(path).broken == 0


def test_colons_in_texts_and_objects_are_no_keys_twice(tmp_path: Path) -> None:
    more = {"at": "12:30:00", ":": '": "', "where": {"city": "x:y", "zip": [{"a": 1}, {"a": 2}]}}
    path = stored(tmp_path / "log", [json.loads(line()) | more])
    assert read_botify(path).broken == 0


@pytest.mark.parametrize("depth", [10, 300, 100_000])
def test_objects_in_objects_are_read_or_broken(depth: int, tmp_path: Path) -> None:
    deep = line()[:-1] + ', "more": ' + '{"a": ' * depth + "1" + "}" * depth + "}"
    log = read_botify(write(tmp_path / "log", *[line()] * 200, deep))
    assert log.broken == (depth > 300)
