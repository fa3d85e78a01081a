"""A part of a report or a page that fails: what was played stays, and the fault is told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify import analysis, pipeline
from abbotify import analysis as analysing
from abbotify.errors import DataError, PageError
from abbotify.report import build, files, read
from abbotify.report.checks import data, validity
from abbotify.scenario import load
from abbotify.studies.compare import tables as comparison_tables
from abbotify.studies.power import report as power_report
from abbotify.studies.sweep import report as sweep_report
from abbotify.studies.validation import report as validation_report
from tests.conftest import Command, small_scenario
from tests.hostile.test_limits import raising

FAULT = ZeroDivisionError("division by zero")

# Functions that a report is worked out by, and what is named as not determined.
PARTS: list[tuple[Any, str, str]] = [
    ("abbotify.report.build.stats", "compare", "effects"),
    (build, "guardrail_results", "guardrails"),
    (build, "truth_rows", "truth"),
    (build, "distributions", "distribution"),
    (build, "survival", "survival of random"),
    (build, "daily", "daily means of random"),
    (build, "top_tracks", "most played tracks of random"),
    (build, "positions", "positions of sticky"),
    ("abbotify.report.build.monitoring", "retention", "looks of random"),
    (pipeline, "user_level_effects", "quantiles and segments"),
    (pipeline, "true_effects", "truth"),
]
CHECKS = [
    (data, "sample_ratio", "sample_ratio"),
    (data, "two_arms", "users_in_two_arms"),
    (data, "counted", "counters"),
    (validity, "balance", "pre_balance"),
    (validity, "trends", "novelty"),
    (validity, "skew", "skew"),
]


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    plain = small_scenario() | {
        "truth": True,
        "timeline": [
            {"phase": "pre", "days": 1, "recommender": "random"},
            {"phase": "experiment", "days": 3},
        ],
        "metrics": {"guardrails": [{"metric": "skip_rate", "margin": 5}]},
    }
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(plain), encoding="utf-8")
    return tmp_path / "s.yaml"


def patch(monkeypatch: pytest.MonkeyPatch, place: Any, name: str) -> None:
    if isinstance(place, str):
        monkeypatch.setattr(f"{place}.{name}", raising(FAULT))
    else:
        monkeypatch.setattr(place, name, raising(FAULT))


def faults_of(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "manifest.json").read_text())["faults"]
    return found


@pytest.mark.parametrize(("place", "name", "part"), PARTS, ids=[part[1] for part in PARTS])
def test_a_part_that_fails_is_not_determined(
    place: Any, name: str, part: str, scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = scenario.parent / "out"
    patch(monkeypatch, place, name)
    result = pipeline.run(load(scenario), out)
    found = {check.name: check for check in result.checks}["not_determined"]
    assert found.status == "warn"
    assert f"{part} (ZeroDivisionError: division by zero)" in found.summary
    assert "Traceback" in faults_of(out)[part]
    assert {path.name for path in out.iterdir()} >= {"report.html", "users.parquet", "log"}
    assert not any(path.name in ("worlds", "state") for path in out.iterdir())
    assert "ship" not in {row.verdict for row in result.decisions}
    assert read(out) == result


@pytest.mark.parametrize(("place", "name", "check"), CHECKS, ids=[each[2] for each in CHECKS])
def test_a_check_that_fails_has_its_traceback_in_the_manifest(
    place: Any, name: str, check: str, scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place, name, raising(FAULT))
    result = pipeline.run(load(scenario), scenario.parent / "out")
    assert {each.name: each.status for each in result.checks}[check] == "warn"
    assert "Traceback" in faults_of(scenario.parent / "out")[check]


def test_a_chart_that_fails_has_its_traceback_in_the_manifest(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patch(monkeypatch, "abbotify.report.charts.sessions", "survival")
    pipeline.run(load(scenario), scenario.parent / "out")
    assert "ZeroDivisionError" in faults_of(scenario.parent / "out")["chart survival"]


@pytest.mark.parametrize(
    ("place", "name"), [(pipeline, "build"), (pipeline, "aggregate_users"), (files, "effects_csv")]
)
def test_a_run_without_a_report_keeps_its_log(
    place: Any,
    name: str,
    scenario: Path,
    abbotify: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = scenario.parent / "out"
    with monkeypatch.context() as patched:
        patched.setattr(place, name, raising(FAULT))
        finished = abbotify("run", scenario, "--out", out)
    assert (finished.code, finished.err.count("\n")) == (1, 1)
    assert f"{out}: the report cannot be computed (ZeroDivisionError" in finished.err
    assert "Traceback" in faults_of(out)["report.json"]
    assert {path.name for path in out.iterdir()} >= {"scenario.yaml", "manifest.json", "log"}
    again = abbotify("analyze", out / "log", "--experiment", "SMALL", "--out", out.parent / "again")
    assert again.code == 0


def test_an_error_of_the_user_in_another_world_keeps_the_run(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "true_effects", raising(DataError("the training diverged")))
    result = pipeline.run(load(scenario), scenario.parent / "out")
    assert "the training diverged" in {c.name: c for c in result.checks}["not_determined"].summary


def test_an_interrupt_is_no_fault(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any, **__: Any) -> Any:
        try:
            raise KeyboardInterrupt
        finally:
            raise ValueError("what closing a file raised")

    monkeypatch.setattr(build, "survival", interrupted)
    with pytest.raises(ValueError, match="closing"):
        pipeline.run(load(scenario), scenario.parent / "out")
    assert [path.name for path in scenario.parent.iterdir()] == ["s.yaml"]


def test_an_analysis_tells_its_faults(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = scenario.parent / "out"
    pipeline.run(load(scenario), out)
    monkeypatch.setattr(analysing, "user_level_effects", raising(FAULT))
    again = scenario.parent / "again"
    result = analysis.analyze([out / "log"], experiment="SMALL", control=None, arms={}, out=again)
    assert "quantiles and segments" in faults_of(again)
    assert any(check.name == "not_determined" for check in result.checks)


STUDIES: list[tuple[Any, str, tuple[object, ...], str]] = [
    (sweep_report, "chart", ("sweep", "s.yaml", "--vary", "seeds.dynamics=1,2"), "sweep"),
    (power_report, "picture", ("power", "s.yaml", "--mde", "5"), "power"),
    (
        validation_report,
        "chart",
        ("validate", "s.yaml", "--replications", "200"),
        "validate",
    ),
    (comparison_tables, "chart", ("compare", "a", "a"), "compare"),
]


@pytest.mark.parametrize(
    ("place", "name", "command", "stem"), STUDIES, ids=[each[3] for each in STUDIES]
)
def test_a_study_keeps_its_table_without_its_page(
    place: Any,
    name: str,
    command: tuple[object, ...],
    stem: str,
    scenario: Path,
    abbotify: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(scenario.parent)
    if stem == "compare":
        pipeline.run(load(scenario), Path("a"))
    with monkeypatch.context() as patched:
        patched.setattr(place, name, raising(FAULT))
        finished = abbotify(*command, "--out", "out")
    assert (finished.code, finished.err.count("\n")) == (1, 1)
    assert f"out/{stem}.html: cannot be made (ZeroDivisionError" in finished.err
    assert (Path("out") / f"{stem}.csv").exists()
    assert not (Path("out") / f"{stem}.html").exists()
    assert abbotify(*command, "--out", "out").code == 0  # takes its place
    assert (Path("out") / f"{stem}.html").exists()


def test_a_sweep_goes_on_without_a_page_of_a_run(
    scenario: Path, abbotify: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "render_html", raising(FAULT))
    out = scenario.parent / "out"
    finished = abbotify("sweep", scenario, "--vary", "seeds.dynamics=1,2", "--out", out)
    assert finished.code == 0
    assert "failed" not in (out / "sweep.csv").read_text()
    with pytest.raises(PageError):
        pipeline.run(load(scenario), out / "000")


def test_a_comparison_is_written_before_it_is_printed(
    scenario: Path, abbotify: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What reads its output may go away after a line."""
    pipeline.run(load(scenario), scenario.parent / "a")
    monkeypatch.setattr("abbotify.cli.studies.comparison_tables", raising(BrokenPipeError()))
    one, out = scenario.parent / "a", scenario.parent / "out"
    monkeypatch.setattr("abbotify.cli.commands.discard_output", lambda: None)
    assert abbotify("compare", one, one, "--out", out).code == 0
    assert (out / "compare.csv").exists()


PLAYING = """
import os, signal, sys
from pathlib import Path
from abbotify.cli import commands
from abbotify.simulation import shard

# Not ignored, whatever was inherited; and what Python itself does is no merit of ours.
usual = {{signal.SIGINT: signal.default_int_handler}}
signal.signal(signal.{name}, usual.get(signal.{name}, signal.SIG_DFL))
add = shard._add  # called in every world, before the output of a shard is written
def adding(*args):
    add(*args)
    if os.getppid() == int(os.environ.get("PARENT_OF_WORKERS", "0")):
        os.kill(os.getppid(), signal.{name})
        signal.pause()
shard._add = adding
if __name__ == "__main__":
    os.environ["PARENT_OF_WORKERS"] = str(os.getpid())
    sys.argv = ["abbotify", *sys.argv[1:]]
    commands.main()
"""


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="needs signals")
@pytest.mark.parametrize(
    ("command", "name"),
    [
        *(("run", name) for name in ("SIGHUP", "SIGTERM", "SIGINT")),
        *[("sweep", "SIGHUP"), ("power", "SIGTERM"), ("validate", "SIGINT")],
    ],
)
def test_a_signal_leaves_nothing_of_the_workers(command: str, name: str, tmp_path: Path) -> None:
    """A worker sends it to its parent while it plays, and waits to be ended."""
    plain = small_scenario() | {"shards": 2}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(plain), encoding="utf-8")
    (tmp_path / "program.py").write_text(PLAYING.format(name=name), encoding="utf-8")
    (tmp_path / "temporary").mkdir()
    extra = {"sweep": ("--vary", "seeds.dynamics=1,2"), "power": ("--mde", "5")}.get(command, ())
    finished = subprocess.run(
        [sys.executable, "program.py", command, "s.yaml", *extra, "--out", "out", "--workers", "2"],
        cwd=tmp_path,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary"), "PYTHONPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (finished.returncode, finished.stderr) == (130, "abbotify: interrupted\n")
    left = [path for path in tmp_path.rglob("*") if path.name not in ("s.yaml", "program.py")]
    assert [path for path in left if "__pycache__" not in path.parts] == [tmp_path / "temporary"]
