"""What cannot be analysed is refused, told in one line, and nothing is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from abbotify.errors import UserError
from abbotify.eventlog.botify_reader import read_botify
from abbotify.eventlog.parquet_writer import write_events, write_sessions
from abbotify.eventlog.sessions import session_table
from tests.analysis.logs import analysed, made, run_folder, stored


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"experiment": "OTHER"}, "'OTHER' is no experiment of the log (NEURAL)"),
        ({"control": "T7"}, "control: 'T7' is no arm of the log (C, T1)"),
        ({"arms": {"T2": "x"}}, "arms: 'T2' is no arm of the log (C, T1)"),
        ({"arms": {"C": "x", "T1": "x"}}, "arms: two arms have one name: x, x"),
        ({"alpha": 1.5}, "alpha: 1.5 is not between 0 and 1"),
    ],
)
@pytest.mark.parametrize("form", ["lines", "run"])
def test_what_the_log_does_not_name_is_refused(
    options: dict[str, Any], told: str, form: str, tmp_path: Path
) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    if form == "run":
        (tmp_path / "run").mkdir()
        log = run_folder(tmp_path / "run", made())
        told = told.replace("(C, T1)", "(base, neural, unused)")
        given = {"C": "base", "T1": "neural"}
        arms = options.get("arms", {})
        options = options | {"arms": {given.get(k, k): v for k, v in arms.items()}}
    with pytest.raises(UserError) as caught:
        analysed(log, tmp_path / "out", **options)
    assert told in str(caught.value)
    assert not (tmp_path / "out").exists()


def _empty(path: Path) -> None:
    path.write_text("")


def _broken(path: Path) -> None:
    path.write_text("{\n[]\nnull\n")


def _no_rows(path: Path) -> None:
    events = read_botify(stored(path, made()), experiment="NEURAL").events
    write_events(path, events.take(slice(0)))


def _one_arm(path: Path) -> None:
    stored(path, made(arms=("C",)))


def _no_control(path: Path) -> None:
    stored(path, made(arms=("T1", "T2")))


@pytest.mark.parametrize(
    ("write", "told"),
    [
        (_empty, "the log holds no event"),
        (_no_rows, "the log holds no event of an experiment"),
        (_broken, "3 of 3 lines are broken"),
        (_one_arm, "the log has users in one arm only (C), not in two"),
        (_no_control, "control: the log does not say which arm it is (T1, T2)"),
    ],
)
def test_logs_that_cannot_be_analysed_are_refused(
    write: Callable[[Path], None], told: str, tmp_path: Path
) -> None:
    log = tmp_path / "log.jsonl"
    write(log)
    with pytest.raises(UserError) as caught:
        analysed(log, tmp_path / "out")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["log.jsonl"]


@pytest.mark.parametrize("given", [".", "log", "log/day-0.parquet"])
def test_a_log_of_sessions_is_refused(given: str, tmp_path: Path) -> None:
    events = read_botify(stored(tmp_path / "lines.jsonl", made()), experiment="NEURAL").events
    file = tmp_path / "run" / "log" / "day-0.parquet"
    file.parent.mkdir(parents=True)
    write_sessions(file, session_table(events), {"phase": "experiment", "experiment": "NEURAL"})
    with pytest.raises(UserError) as caught:
        analysed(tmp_path / "run" / given, tmp_path / "out")
    told = "the log holds sessions, not events: a run with `log.level: events` is needed"
    assert str(caught.value) == f"{file}: {told}"


def test_an_output_that_cannot_be_is_refused_before_the_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    _broken(tmp_path / "log.jsonl")
    with pytest.raises(UserError, match="out: is a file, not a folder"):
        analysed(tmp_path / "log.jsonl", tmp_path / "out")


def test_the_folder_of_the_log_is_not_replaced(tmp_path: Path) -> None:
    log = stored(tmp_path / "log.jsonl", made())
    (tmp_path / "report.json").write_text("{}")
    with pytest.raises(UserError, match="holds the log itself"):
        analysed(log, tmp_path)
    assert log.exists()


def test_a_wild_timestamp_is_refused(tmp_path: Path) -> None:
    lines = made()
    ends = [place for place, line in enumerate(lines) if line["message"] == "last"]
    for line in lines[ends[-2] + 1 :]:  # the last session
        line["timestamp"] += 40_000 * 86_400_000
    log = stored(tmp_path / "log.jsonl", lines)
    with pytest.raises(UserError) as caught:
        analysed(log, tmp_path / "out")
    assert "more than 36,525" in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_weight_of_one_arm_says_nothing_without_the_others(tmp_path: Path) -> None:
    log = run_folder(tmp_path, made())
    with pytest.raises(UserError, match="weights: names no weight of neural"):
        analysed(log, tmp_path / "out", weights={"base": 1.0})
    assert not (tmp_path / "out").exists()
