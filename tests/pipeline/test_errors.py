"""Recommenders that fail: what is counted of them, and the first error of each kind that is kept.

Expected numbers come from the log: every class here says by its request alone what it answers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from abbotify import pipeline
from abbotify.scenario import load
from tests.pipeline.playing import Plain, read_log, write

HEAD = """
import numpy as np


def answer(request):
    if request.step % 4 == 1:
        return {first}
    return {others}


class Alone:
    def __init__(self, params, world):
        self.world = world

    def recommend(self, request):
        return answer(request)


class Batch:
    def __init__(self, params, world):
        self.world = world

    def recommend_batch(self, requests):
        return [answer(request) for request in requests]
"""
PHASES = [
    {"phase": "pre", "days": 1, "recommender": "bad"},
    {"phase": "collect", "days": 1, "traffic": {"bad": 0.5, "random": 0.5}},
    {"phase": "experiment", "days": 2},
]
MANIFEST_KEYS = {
    *("arm", "recommender", "kind", "message", "traceback", "phase", "day", "shard"),
    *("user", "session", "step", "count"),
}


def run(folder: Path, name: str, answers: tuple[str, str], out: str = "out", **how: Any) -> Path:
    """A run in which a class above is a treatment, and serves before the experiment too."""
    code = HEAD.replace("{first}", answers[0]).replace("{others}", answers[1])
    (folder / "bad.py").write_text(code, encoding="utf-8")
    scenario: Plain = {
        "name": "errors",
        "world": {
            "catalogue": {"tracks": 60, "artists": 10, "genres": 3, "dims": 4},
            "users": {"count": 90},
        },
        "arrivals": {"sessions": 80},
        "timeline": PHASES,
        "arms": {
            "random": {"recommender": "random"},
            "bad": {"recommender": f"bad.py:{name}", "fallback": "sticky_artist"},
            "other": {"recommender": "sticky_artist"},
        },
        "experiment": {"name": "ERRORS", "control": "random", "traffic": 0.6},
    }
    if name == "Batch":  # users who do not meet may be in several shards
        scenario["shards"] = 3
    pipeline.run(load(write(folder / "scenario.yaml", scenario)), folder / out, **how)
    return folder / out


def counters(out: Path) -> dict[str, Plain]:
    result = json.loads((out / "report.json").read_text(encoding="utf-8"))
    return {arm["name"]: arm["counters"] for arm in result["arms"]}


def errors(out: Path) -> list[Plain]:
    found: list[Plain] = json.loads((out / "manifest.json").read_text(encoding="utf-8"))["errors"]
    return found


def asked(out: Path) -> pd.DataFrame:
    """The requests that `bad` was to answer, in any phase, with the step that was asked for."""
    log = read_log(out)
    before = log.day < 2
    if before.any():
        assert log.arm[before & (log.day == 0)].eq("bad").all()
    rows = log[(log.arm == "bad") & (log.message == "next")]
    return rows.assign(asked=rows.step + 1)


@pytest.mark.parametrize(
    ("name", "engine"), [("Alone", "auto"), ("Batch", "compiled"), ("Batch", "simpy")]
)
@pytest.mark.parametrize(
    ("answers", "wrong", "missed"),
    [
        (("1 / 0", "1 / 0"), 4, 0),  # of four steps
        (("None", "None"), 0, 4),
        (("10**9", "None"), 1, 3),
        (("'one'", "request.previous"), 1, 0),
        (("3", "3"), 0, 0),
    ],
    ids=["raises", "has nothing", "leaves", "talks", "works"],
)
def test_errors_and_fallbacks_are_of_exposed_users_in_the_experiment(
    tmp_path: Path,
    name: str,
    engine: str,
    answers: tuple[str, str],
    wrong: int,
    missed: int,
) -> None:
    out = run(tmp_path, name, answers, engine=engine)
    here = asked(out)
    judged = here[here.day >= 2]
    first = judged.asked % 4 == 1
    failed = {0: 0, 1: int(first.sum()), 4: len(judged)}[wrong]
    without = {0: 0, 3: int((~first).sum()), 4: len(judged)}[missed]
    found = counters(out)
    assert found["bad"]["errors"] == failed
    assert found["bad"]["misses"] == without
    assert found["bad"]["fallbacks"] == failed + without
    assert found["bad"]["requests"] == len(read_log(out).query("arm == 'bad' and day >= 2"))
    for arm in ("random", "other"):
        assert found[arm]["errors"] == found[arm]["fallbacks"] == found[arm]["misses"] == 0
    assert len(judged)
    assert len(here) > len(judged)
    assert (
        sum(entry["count"] for entry in errors(out))
        == {
            0: 0,
            1: int((here.asked % 4 == 1).sum()),
            4: len(here),
        }[wrong]
    )


MIXED = ("10**9", "1 / 0 if request.step % 4 else (None if request.user % 2 else 'text')")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """One scenario, played in three ways."""
    folder = tmp_path_factory.mktemp("errors")
    ways: list[Plain] = [{"workers": 1}, {"workers": 2}, {"engine": "simpy"}]
    return [run(folder, "Batch", MIXED, f"out{n}", **way) for n, way in enumerate(ways)]


def test_the_first_error_of_each_kind_is_kept_however_the_run_is_played(runs: list[Path]) -> None:
    one, *others = map(errors, runs)
    assert [errors_ == one for errors_ in others] == [True, True]
    assert [entry["kind"] for entry in one] == [
        "no track of the catalogue",
        "ZeroDivisionError, bad.py:8",
        "no track id",
    ]
    for out in runs[1:]:
        for name in ("report.json", "effects.csv", "users.parquet", "report.md"):
            assert (out / name).read_bytes() == (runs[0] / name).read_bytes(), name


def test_each_is_the_first_of_its_kind(runs: list[Path]) -> None:
    here = asked(runs[0])
    here = here.assign(shard=here.user // 30)
    kinds = {
        "no track of the catalogue": here.asked % 4 == 1,
        "ZeroDivisionError, bad.py:8": here.asked % 4 > 1,
        "no track id": (here.asked % 4 == 0) & (here.user % 2 == 0),
    }
    for entry in errors(runs[0]):
        assert set(entry) == MANIFEST_KEYS
        rows = here[kinds[entry["kind"]]]
        assert entry["count"] == len(rows)
        row = rows.sort_values(["day", "shard", "user", "session", "asked"]).iloc[0]
        got = [entry[key] for key in ("day", "shard", "user", "session", "step")]
        assert got == [row[key] for key in ("day", "shard", "user", "session", "asked")]
        assert (entry["arm"], entry["recommender"]) == ("bad", "bad.py:Batch")
        assert entry["phase"] == "pre"


def test_the_traceback_is_of_the_authors_lines(runs: list[Path]) -> None:
    by_kind = {entry["kind"]: entry for entry in errors(runs[0])}
    raised = by_kind["ZeroDivisionError, bad.py:8"]
    assert raised["message"] == "ZeroDivisionError: division by zero"
    places = [line for line in raised["traceback"] if line.startswith("File ")]
    assert [line.rpartition(" in ")[2] for line in places] == [
        "recommend_batch",
        "<listcomp>",
        "answer",
    ]
    assert all("bad.py" in line for line in places)
    assert by_kind["no track id"]["traceback"] == []
    assert by_kind["no track id"]["message"] == "returned 'text' (str), not a track id or None"


def test_the_reports_show_them_and_the_data_do_not(runs: list[Path]) -> None:
    for name in ("report.html", "report.md"):
        text = (runs[0] / name).read_text(encoding="utf-8")
        assert "First error of each kind" in text, name
        assert "ZeroDivisionError: division by zero" in text, name
        assert "phase pre, day 0" in text, name
    for name in ("report.json", "effects.csv"):
        assert "ZeroDivisionError" not in (runs[0] / name).read_text(encoding="utf-8")


def test_without_errors_nothing_is_shown(tmp_path: Path) -> None:
    out = run(tmp_path, "Batch", ("3", "None"))
    assert errors(out) == []
    for name in ("report.html", "report.md"):
        assert "First error" not in (out / name).read_text(encoding="utf-8")


def test_users_who_meet_have_their_first_errors_by_day(tmp_path: Path) -> None:
    out = run(tmp_path, "Alone", ("1 / 0", "1 if request.session < 2 else [][0]"))
    here = asked(out)
    first, second = errors(out)
    assert first["kind"] == "ZeroDivisionError, bad.py:7"
    assert (first["day"], first["phase"]) == (0, "pre")
    assert first["count"] == (here.asked % 4 == 1).sum()
    late = here[(here.asked % 4 != 1) & (here.session >= 2)]
    assert second["kind"] == "IndexError, bad.py:8"
    assert second["count"] == len(late) > 0
    assert second["day"] == late.day.min()


def test_kinds_without_end_are_bounded(tmp_path: Path) -> None:
    kinds = "(_ for _ in ()).throw(type(f'E{request.user}', (Exception,), {})('x' * 10**5))"
    out = run(tmp_path, "Batch", (kinds, kinds))
    found = errors(out)
    assert len(found) == 21
    assert found[-1]["kind"] == "further kinds"
    assert sum(entry["count"] for entry in found) == len(asked(out))
    assert len(json.dumps(found)) < 100_000
