"""A log is read whole or refused: streams, rows given twice, odd files, odd timestamps."""

from __future__ import annotations

import json
import os
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify.errors import UserError
from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.schema import Events
from abbotify.eventlog.soundness import repeated_rows
from abbotify.report import Check, Result, Verdict
from abbotify.report.inputs import Question
from abbotify.stats.non_inferiority import GuardrailSpec
from tests.analysis.logs import Lines, analysed, made, run_folder, stored
from tests.conftest import Command

DERIVED = ["timestamp", "user", "message", "track", "time", "recommendation", "latency_ms", "arm"]


def check(result: Result, name: str) -> Check:
    return next(each for each in result.checks if each.name == name)


def one_line(error: UserError, file: str) -> str:
    text = str(error)
    assert "\n" not in text
    assert file in text
    return text


def test_a_pipe_is_refused_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    found: list[str] = []

    def analyse() -> None:
        try:
            analysed(tmp_path / "pipe", tmp_path / "out")
        except UserError as error:
            found.append(one_line(error, "pipe"))

    thread = threading.Thread(target=analyse, daemon=True)
    thread.start()
    thread.join(60)
    assert found, "reading a pipe that nobody writes to waits for ever"
    assert "no regular file" in found[0]


def test_a_device_and_a_stream_of_the_shell_are_refused(abbotify: Command, tmp_path: Path) -> None:
    read, write = os.pipe()
    os.close(write)
    for path in ("/dev/null", f"/dev/fd/{read}"):
        finished = abbotify("analyze", path, "--experiment", "NEURAL", "--out", tmp_path / "out")
        assert (finished.code, finished.err.count("\n")) == (2, 1)
        assert "no regular file" in finished.err
    os.close(read)
    assert not (tmp_path / "out").exists()


def numbered_away(folder: Path) -> Path:
    """One Parquet file of the experiment's days without day, session and step."""
    table = pa.concat_tables(
        [pq.read_table(f) for f in sorted((folder / "log").glob("*1.parquet"))]
    )
    path = folder / "derived.parquet"
    pq.write_table(table.select(DERIVED), path)
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return run_folder(tmp_path / "run", made(400))


def lines_twice(folder: Path) -> Path:
    path = stored(folder / "log.jsonl", made(400))
    path.write_bytes(2 * path.read_bytes())
    return path


def parquet_twice(folder: Path) -> Path:
    (folder / "run").mkdir()
    log = numbered_away(run_folder(folder / "run", made(400)))
    table = pq.read_table(log)
    pq.write_table(pa.concat_tables([table, table]), log)
    return log


def a_copy_beside_it(folder: Path) -> Path:
    (folder / "run").mkdir()
    log = numbered_away(run_folder(folder / "run", made(400)))
    (folder / "both").mkdir()
    for name in ("a.parquet", "b.parquet"):
        shutil.copy(log, folder / "both" / name)
    return folder / "both"


def a_twentieth_twice(folder: Path) -> Path:
    lines = made(400)
    return stored(folder / "log.jsonl", lines + lines[: len(lines) // 20])


@pytest.mark.parametrize("make", [lines_twice, parquet_twice, a_copy_beside_it, a_twentieth_twice])
def test_rows_given_twice_are_invalid(make: Callable[[Path], Path], tmp_path: Path) -> None:
    log = make(tmp_path)
    experiment = {} if log.suffix == ".jsonl" else {"control": "base"}
    result = analysed(log, tmp_path / "out", **experiment)
    found = check(result, "rows_given_twice")
    assert (found.status, found.arms) == ("fail", ())
    rows = len(pq.read_table(log)) if log.suffix == ".parquet" else None
    if rows is not None:
        assert found.details is not None
        assert found.details["rows"] == rows // 2
    assert {row.verdict for row in result.decisions} == {Verdict.INVALID}


def test_a_numbered_log_given_twice_is_refused_by_its_name(run: Path) -> None:
    shutil.copy(run / "log" / "day-1.parquet", run / "log" / "day-1-copy.parquet")
    with pytest.raises(UserError, match="twice") as caught:
        analysed(run, run / "out")
    one_line(caught.value, "day-")


@given(st.data())
def test_ties_alone_are_no_rows_given_twice(data: st.DataObject) -> None:
    """Against a plain count: copies are what a group has beyond its greatest common part."""
    rows = data.draw(
        st.lists(st.tuples(*[st.integers(0, 1)] * 4), min_size=1, max_size=12), label="rows"
    )
    times = data.draw(st.integers(1, 3), label="times")
    users, stamps, tracks, latencies = np.array(sorted(rows * times)).T
    n = len(users)
    events = Events(
        timestamp=stamps.astype(np.int64),
        day=np.zeros(n, np.int32),
        user=users.astype(np.int64),
        session=np.zeros(n, np.int32),
        step=np.zeros(n, np.int32),
        last=np.zeros(n, np.bool_),
        track=tracks.astype(np.int64),
        time=np.zeros(n),
        recommendation=np.zeros(n, np.int64),
        latency_ms=latencies.astype(np.int64),
        arms={},
    )
    groups: dict[tuple[int, int], dict[tuple[int, int], int]] = {}
    for user, stamp, *content in rows * times:
        counts = groups.setdefault((user, stamp), {})
        counts[tuple(content)] = counts.get(tuple(content), 0) + 1
    expected = 0
    for counts in groups.values():
        part = int(np.gcd.reduce(list(counts.values())))
        expected += sum(counts.values()) - sum(counts.values()) // part
    assert repeated_rows(events).rows == expected
    if times == 1 and all(1 in counts.values() for counts in groups.values()):
        assert expected == 0


def without_arm(table: pa.Table) -> pa.Table:
    return table.drop_columns(["arm"])


def of_lists(name: str) -> Callable[[pa.Table], pa.Table]:
    def change(table: pa.Table) -> pa.Table:
        lists = pa.array([[1]] * table.num_rows)
        return table.set_column(table.schema.get_field_index(name), name, lists)

    return change


def given_twice(table: pa.Table) -> pa.Table:
    return table.append_column("user", table.column("user"))


def broken_metadata(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({b"arms": b"{nonsense", b"phase": b"experiment"})


def metadata_of_bytes(table: pa.Table) -> pa.Table:
    return table.replace_schema_metadata({b"\xff": b"\xfe"})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without_arm, "arm"),
        (of_lists("arm"), "list"),
        (of_lists("track"), "list"),
        (of_lists("user"), "list"),
        (given_twice, "twice"),
        (broken_metadata, "metadata"),
        (metadata_of_bytes, "UTF-8"),
    ],
    ids=["no arm", "arms", "tracks", "users", "twice", "metadata", "bytes"],
)
def test_an_odd_file_beside_sound_ones_is_refused(
    change: Callable[[pa.Table], pa.Table], told: str, run: Path
) -> None:
    path = run / "log" / "day-2.parquet"
    table = pq.read_table(path)
    pq.write_table(change(table), path)
    with pytest.raises(UserError) as caught:
        analysed(run, run.parent / "out")
    assert told in one_line(caught.value, "day-2.parquet")
    assert not (run.parent / "out").exists()


def test_a_file_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path, rows = tmp_path / "bomb.parquet", 1_000_000
    columns: dict[str, Any] = dict.fromkeys(("timestamp", "user", "track"), np.zeros(rows, int))
    columns |= {"recommendation": np.zeros(rows, int), "latency_ms": np.zeros(rows, int)}
    columns |= {"time": np.zeros(rows), "message": pa.array(["next"]).take(pa.array([0] * rows))}
    columns["arm"] = columns["message"]
    table = pa.table(columns)
    with pq.ParquetWriter(path, table.schema, compression="zstd") as writer:
        for _ in range(40):
            writer.write_table(table)
    with pytest.raises(UserError, match="would unpack to") as caught:
        analysed(path, tmp_path / "out")
    one_line(caught.value, "bomb.parquet")


def test_a_loop_of_links_is_refused(tmp_path: Path) -> None:
    (tmp_path / "loop.jsonl").symlink_to(tmp_path / "loop.jsonl")
    with pytest.raises(UserError) as caught:
        analysed(tmp_path / "loop.jsonl", tmp_path / "out")
    one_line(caught.value, "loop.jsonl")


EPOCH = 1_700_000_000_000


def shifted(change: Callable[[int, int], int]) -> Lines:
    return [line | {"timestamp": change(line["timestamp"], i)} for i, line in enumerate(made(300))]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda t, i: (EPOCH + t) // 1000, "seconds"),
        (lambda t, i: (EPOCH + t) * 1000, "microseconds"),
        (lambda t, i: EPOCH, "all are equal"),
        (lambda t, i: 0, "all are equal"),
        (lambda t, i: (EPOCH + t) * (i % 50 > 0), "are 0"),
        (lambda t, i: (EPOCH + t) // 60_000 * 60_000, "no time at all"),
    ],
    ids=["seconds", "microseconds", "equal", "zero", "zeros", "minutes"],
)
def test_odd_timestamps_warn_and_never_refuse(
    change: Callable[[int, int], int], told: str, tmp_path: Path
) -> None:
    result = analysed(stored(tmp_path / "log", shifted(change)), tmp_path / "out")
    found = check(result, "timestamps")
    assert found.status == "warn"
    assert told in found.summary


def test_sound_timestamps_pass(tmp_path: Path) -> None:
    lines = shifted(lambda t, i: EPOCH + t)
    result = analysed(stored(tmp_path / "log", lines), tmp_path / "out")
    assert check(result, "timestamps").status == "pass"
    assert check(result, "rows_given_twice").status == "pass"


@pytest.mark.parametrize(
    "twice",
    [
        '"user": 1, "user": 2',
        '"time": 0.5, "time": 0.5',
        '"track": 1, "tr\\u0061ck": 2',
        '"track": 1, "track"\t : 2',
        '"track": 1, "recommendation": 1, "recommendation": 2',
        '"track": 1, "other": ":", "other": 2',
        '"track": 1, "other": {"a": 1, "a": 2}',
        '"time": 0.5, "experiments": {"NEURAL": "C"}',
    ],
)
def test_a_key_twice_is_a_broken_line(twice: str, tmp_path: Path) -> None:
    path = stored(tmp_path / "log", made(200))
    key = twice.split('"')[1]
    lines = path.read_text().splitlines()
    value = json.loads(lines[5])[key]
    lines[5] = lines[5].replace(f'"{key}": {value}', twice)
    path.write_text("\n".join(lines))
    log = read_botify(path, experiment="NEURAL")
    assert log.broken == 1
    assert log.first_broken is not None
    assert "there twice" in str(log.first_broken)
    assert ":6:" in str(log.first_broken)


def test_an_experiment_twice_is_a_broken_line(tmp_path: Path) -> None:
    path = stored(tmp_path / "log", made(200))
    text = path.read_text().replace('{"NEURAL": "C"}', '{"NEURAL": "C", "NEURAL": "T1"}', 1)
    path.write_text(text)
    assert read_botify(path, experiment="NEURAL").broken == 1


# What a log can be asked.


def slower(folder: Path) -> Path:
    """A treatment that is better and 35 % slower."""
    lines = made(3000)
    for line in lines:
        line["latency"] = 0.02 * (1.35 if line["experiments"]["NEURAL"] == "T1" else 1.0)
        line["latency"] *= 1 + 0.1 * (line["track"] % 3)
    return stored(folder / "log", lines)


def test_a_guardrail_keeps_a_slow_treatment_from_being_shipped(
    abbotify: Command, tmp_path: Path
) -> None:
    log, out = slower(tmp_path), tmp_path / "out"
    command = ("analyze", log, "--experiment", "NEURAL", "--out", out)
    assert abbotify(*command).out.startswith("Ship T1")
    finished = abbotify(*command, "--guardrail", "latency:5")
    assert finished.out.startswith("Do not ship T1")
    assert "Request latency" in finished.out
    assert abbotify(*command, "--guardrail", "latency:=50").out.startswith("Ship T1")
    finished = abbotify(*command, "--success", "tracks", "--success", "skip_rate")
    assert "tracks" in finished.out.partition("rule: ")[2]
    report = json.loads((out / "report.json").read_text())
    assert report["scenario"]["metrics"]["success"] == ["tracks", "skip_rate"]


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--success", "tiem"), "did you mean time?"),
        (("--success", "time", "--success", "time"), "names a metric twice"),
        (("--guardrail", "latency"), "must read METRIC:PER CENT"),
        (("--guardrail", "latency:nan"), "must read METRIC:PER CENT"),
        (("--guardrail", "latency:-5"), "must read METRIC:PER CENT"),
        (("--guardrail", "latency:=inf"), "must read METRIC:PER CENT"),
        (("--guardrail", "mean_time_per_session:5"), "is a success metric"),
        (("--guardrail", "timeouts:5"), "is not determined by this log"),
        (("--success", "retained"), "is not determined by this log"),
        (("--estimator", "median"), "must be auto, mean or cuped"),
        (("--estimator", "cuped"), "needs days before the experiment"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line(
    options: tuple[str, ...], told: str, abbotify: Command, tmp_path: Path
) -> None:
    log = stored(tmp_path / "log", made())
    finished = abbotify(
        *("analyze", log, "--experiment", "NEURAL", "--out", tmp_path / "out", *options)
    )
    assert (finished.code, finished.err.count("\n")) == (2, 1)
    assert told in finished.err
    assert not (tmp_path / "out").exists()


def test_the_estimator_of_a_run_is_chosen(run: Path) -> None:
    mean = Question(rails=(GuardrailSpec("tracks", 5.0),), estimator="mean")
    result = analysed(run, run.parent / "out", question=mean)
    assert result.run.estimator == "mean"
    deciding = {row.estimand for row in result.effects if row.p_adjusted is not None}
    assert deciding == {"mean"}
    adjusted = analysed(run, run.parent / "out", question=Question())
    deciding = {row.estimand for row in adjusted.effects if row.p_adjusted is not None}
    assert deciding == {"cuped"}
