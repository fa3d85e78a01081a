"""The commands of studies: what `compare` prints, writes and refuses; how the others end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from typer import Exit

from abbotify.cli import studies
from abbotify.errors import OutputError
from abbotify.studies.validation.characteristics import Validation, banded, rate
from abbotify.studies.validation.methods import AnalysisPlan
from tests.conftest import Command


@pytest.fixture
def runs(tmp_path: Path, small: dict[str, Any], abbotify: Command) -> Path:
    """Folders one, and two with another setting."""
    scenario = tmp_path / "small.yaml"
    scenario.write_text(yaml.safe_dump(small))
    for name, budget in (("one", 5), ("two", 8)):
        setting = f"listener.session_budget={budget}"
        done = abbotify("run", scenario, "--set", setting, "--out", tmp_path / name)
        assert done.code == 0
    return tmp_path


def test_two_runs_side_by_side(runs: Path, abbotify: Command) -> None:
    done = abbotify("compare", runs / "one", runs / "two", "--out", runs / "out")
    assert (done.code, done.err) == (0, "")
    lines = [line.split() for line in done.out.splitlines()]
    assert ["listener.session_budget", "5", "8"] in lines
    assert "compared user by user" in " ".join(done.out.split())
    assert lines[-1][-1] == str(runs / "out" / "compare.html")
    rows = [line for line in lines if line[:4] == ["Time", "per", "session", "sticky"]]
    assert len(rows) == 2  # an effect and a level
    assert {path.name for path in (runs / "out").iterdir()} == {
        "compare.html", "compare.md", "compare.csv",
    }  # fmt: skip


def test_a_run_beside_itself(runs: Path, abbotify: Command) -> None:
    done = abbotify("compare", runs / "one", runs / "one")
    assert done.code == 0
    assert "Nothing differs" in done.out
    assert {path.name for path in runs.iterdir()} == {"one", "two", "small.yaml"}


def test_mistakes_are_one_line(runs: Path, abbotify: Command) -> None:
    (runs / "empty").mkdir()
    (runs / "broken").mkdir()
    (runs / "broken" / "report.json").write_text("{")
    (runs / "other").mkdir()
    text = (runs / "one" / "report.json").read_text()
    renamed = text.replace('"random"', '"r2"').replace('"sticky"', '"s2"')
    (runs / "other" / "report.json").write_text(renamed)
    one = runs / "one"
    for arguments, what in (
        ((one, runs / "nowhere"), "not a run folder?"),
        ((runs / "empty", one), "not a run folder?"),
        ((one, runs / "broken"), "not JSON"),
        ((one, runs / "other"), "have no arm in common"),
        ((one, one, "--out", one), "holds the run"),
        ((one, one, "--out", runs), "holds the run"),
        ((one, one, "--out", runs / "two"), "no comparison"),
        ((one, one, "--out", runs / "small.yaml"), "is a file"),
        ((one,), "RUN_B"),
    ):
        done = abbotify("compare", *arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert len(done.err.splitlines()) == 1
        assert what in done.err


@pytest.fixture
def scenario(tmp_path: Path, small: dict[str, Any]) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small))
    return path


@pytest.mark.parametrize(("hits", "left"), [(5, False), (90, True)])
def test_rates_that_left_their_bands_end_with_a_code_of_their_own(
    hits: int,
    left: bool,
    scenario: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = banded([rate("welch", "time", "false_positive_rate", hits, 100, 0.05, gated=True)])
    plan = AnalysisPlan(("time",), 0.05)
    result = Validation("small", ("random", "sticky"), plan, 100, 50, rows)
    monkeypatch.setattr("abbotify.studies.validation.validate", lambda *_: result)
    try:
        studies.validate(scenario)
        code = 0
    except Exit as ended:
        code = ended.exit_code
    assert code == (3 if left else 0)
    printed = capsys.readouterr().out
    assert ("1 of 1 promised rate left its band: Welch (Listened time)." in printed) is left
    assert printed.endswith("Validation: reports/small-validate/validate.html\n")


def test_a_folder_is_refused_before_a_pilot_is_played(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("abbotify.studies.power.power_study", lambda *_: pytest.fail("played"))
    with pytest.raises(OutputError, match="is a file"):
        studies.power(scenario, out=scenario)
