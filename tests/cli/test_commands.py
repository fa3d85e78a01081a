"""The command line: every command, its exit codes, and what it prints where."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify import __version__
from tests.conftest import Command


@pytest.fixture
def scenario(tmp_path: Path, small: dict[str, Any]) -> Path:
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump(small, sort_keys=False))
    return path


def external(*arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "abbotify", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
        check=False,
    )


def test_run_writes_a_report_and_tells_the_headline(
    abbotify: Command, scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    finished = abbotify("run", scenario, "--out", out)
    assert finished.code == 0
    assert finished.err == ""
    assert "Time per session" in finished.out
    assert finished.out.endswith(f"Report: {out / 'report.html'}\n")
    assert (out / "report.html").is_file()


def test_a_run_goes_to_reports_by_its_name(
    abbotify: Command, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert abbotify("run", scenario, "--quiet", "--set", "name=other").code == 0
    assert (tmp_path / "reports" / "other" / "report.json").is_file()


def test_seed_and_set_change_the_scenario(
    abbotify: Command, scenario: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    command = ("run", scenario, "--out", out, "--seed", 7, "--set", "arms.sticky.latency_ms=3")
    assert abbotify(*command).code == 0
    result = json.loads((out / "report.json").read_text())
    assert result["run"]["seeds"] == {"world": 1, "dynamics": 7}
    assert result["scenario"]["arms"]["sticky"]["latency_ms"] == 3


def test_check_describes_the_run_without_writing(
    abbotify: Command, scenario: Path, tmp_path: Path
) -> None:
    finished = abbotify("check", scenario)
    assert (finished.code, finished.err) == (0, "")
    for word in ("300 tracks", "100 users", "sticky", "compiled", "100 expected a day"):
        assert word in finished.out
    assert list(tmp_path.iterdir()) == [scenario]


def test_report_renders_again(abbotify: Command, scenario: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    abbotify("run", scenario, "--out", out)
    before = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    (out / "report.md").unlink()
    (out / "report.html").write_text("old")
    assert abbotify("report", out).code == 0
    after = {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}
    assert after == before


def test_schema_is_json(abbotify: Command) -> None:
    finished = abbotify("schema")
    assert (finished.code, finished.err) == (0, "")
    assert "arrivals" in json.loads(finished.out)["properties"]


def test_version(abbotify: Command) -> None:
    assert abbotify("--version") == (0, f"abbotify {__version__}\n", "")


@pytest.mark.parametrize("arguments", [(), ("--help",), ("run", "--help"), ("analyze", "--help")])
def test_help(abbotify: Command, arguments: tuple[str, ...]) -> None:
    finished = abbotify(*arguments)
    assert (finished.code, finished.err) == (0, "")
    assert "Usage" in finished.out


USAGE = {
    "unknown command": (("walk",), "walk"),
    "unknown option": (("run", "SCENARIO", "--fast"), "--fast"),
    "no scenario": (("run",), "SCENARIO"),
    "two scenarios": (("run", "SCENARIO", "SCENARIO"), "argument"),
    "no such file": (("run", "nowhere.yaml"), "nowhere.yaml"),
    "engine": (("run", "SCENARIO", "--engine", "steam"), "--engine"),
    "engine of check": (("check", "SCENARIO", "--engine", "steam"), "--engine"),
    "seed that is no number": (("run", "SCENARIO", "--seed", "one"), "--seed"),
    "negative seed": (("run", "SCENARIO", "--seed", "-1"), "--seed"),
    "seed too large": (("run", "SCENARIO", "--seed", str(2**64)), "seeds.dynamics"),
    "no workers": (("run", "SCENARIO", "--workers", "0"), "--workers"),
    "set without value": (("run", "SCENARIO", "--set", "name"), "--set name"),
    "set of nothing": (("run", "SCENARIO", "--set", "=3"), "--set =3"),
    "set of an unknown key": (("run", "SCENARIO", "--set", "nam=x"), "did you mean name"),
    "set below a number": (("run", "SCENARIO", "--set", "arrivals.sessions.x=1"), "arrivals"),
    "set outside a list": (("run", "SCENARIO", "--set", "timeline.9.days=1"), "timeline.9"),
    "set of broken YAML": (("run", "SCENARIO", "--set", "name=[1"), "--set"),
    "report of nothing": (("report", "nowhere"), "report.json"),
    "analyze without experiment": (("analyze", "x.jsonl", "--out", "o"), "--experiment"),
    "analyze of nothing": (("analyze", "x", "--out", "o", "--experiment", "A"), "x"),
    "arms without names": (
        ("analyze", "x", "--out", "o", "--experiment", "A", "--arms", "C"),
        "--arms",
    ),
}


@pytest.mark.parametrize(("arguments", "named"), USAGE.values(), ids=USAGE)
def test_a_wrong_command_is_one_line(
    abbotify: Command,
    scenario: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    named: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    finished = abbotify(*(str(scenario) if word == "SCENARIO" else word for word in arguments))
    assert (finished.code, finished.out) == (2, "")
    assert finished.err.startswith("abbotify: ")
    assert finished.err.count("\n") == 1
    assert named in finished.err
    assert [path.name for path in tmp_path.iterdir()] == ["small.yaml"]


def test_new_makes_a_workspace_that_runs(
    abbotify: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "mine"
    finished = abbotify("new", folder)
    assert (finished.code, finished.err) == (0, "")
    monkeypatch.chdir(folder)
    assert abbotify("check", "scenarios/quickstart.yaml").code == 0
    again = abbotify("new", folder)
    assert again.code == 2
    assert again.err.count("\n") == 1


def test_an_interrupt_is_told_in_one_line(
    abbotify: Command, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("abbotify.pipeline.ready", interrupted)
    finished = abbotify("run", scenario, "--out", tmp_path / "out")
    assert finished == (130, "", "abbotify: interrupted\n")


def test_progress_is_for_terminals_only(
    abbotify: Command, scenario: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    shown = {}
    for flags in ((), ("--quiet",)):
        terminal = Terminal()
        monkeypatch.setattr(sys, "stderr", terminal)
        assert abbotify("run", scenario, "--out", tmp_path / "out", *flags).code == 0
        shown[flags] = terminal.getvalue()
    assert "world" in shown[()]
    assert shown["--quiet",] == ""


def test_a_terminal_without_unicode(scenario: Path, tmp_path: Path) -> None:
    done = external("run", scenario, "--out", tmp_path / "out", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert "?" not in done.stdout


def test_an_error_in_a_terminal_without_unicode(tmp_path: Path) -> None:
    done = external("run", tmp_path / "né.yaml", PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -m abbotify schema | head -n 1"
    done = subprocess.run(command, shell=True, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("{\n", "")
