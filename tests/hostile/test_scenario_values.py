"""A wrong value of the scenario file is told in one line that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import Command, small_scenario
from tests.hostile.conftest import assert_refused
from tests.hostile.files import DELETE, base, changed, write_scenario
from tests.hostile.values import VALUES, Case


def shown(case: Case) -> str:
    path, value, _ = case
    return f"{path}={'nothing' if value is DELETE else repr(value)[:25]}"


@pytest.mark.parametrize(("path", "value", "named"), VALUES, ids=map(shown, VALUES))
def test_a_wrong_value_is_told(
    abbotify: Command, workspace: Path, path: str, value: Any, named: tuple[str, ...]
) -> None:
    write_scenario(workspace, changed(base(), path, value))
    assert_refused(abbotify, workspace, named)


MEANINGLESS = {
    "experiment.alpha=1e-300": "must lie between 1e-06 and 0.5",
    "experiment.alpha=.9999999": "must lie between 1e-06 and 0.5",
    "metrics.success=[timeouts]": "timeouts is always 0: no arm of the experiment has a service",
    "metrics.guardrails=[timeouts]": "timeouts is always 0",
    "metrics.retained_days=9": "must not exceed the experiment's 2 days",
    "metrics.guardrails=[{metric: skip_rate, absolute: 1.5}]": "no skip_rate can differ by more",
    "metrics.guardrails=[{metric: mean_tracks_per_session, absolute: 1e5}]": "must be below 1000",
    "metrics.guardrails=[{metric: minutes, absolute: 1e300}]": "must be below 1e+09",
}


@pytest.mark.parametrize("override", MEANINGLESS)
@pytest.mark.parametrize("command", ["check", "run"])
def test_what_can_mean_nothing_is_refused_by_check_and_run_alike(
    override: str, command: str, abbotify: Command, tmp_path: Path
) -> None:
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(small_scenario(), sort_keys=False))
    finished = abbotify(command, tmp_path / "s.yaml", "--set", override, "--out", tmp_path / "out")
    assert (finished.code, finished.err.count("\n")) == (2, 1)
    assert MEANINGLESS[override] in finished.err
    assert override.partition("=")[0] in finished.err
    assert not (tmp_path / "out").exists()


def test_check_refuses_the_folder_that_run_would(abbotify: Command, tmp_path: Path) -> None:
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(small_scenario(), sort_keys=False))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    said = [abbotify(c, tmp_path / "s.yaml", "--out", tmp_path / "out") for c in ("check", "run")]
    assert said[0].err == said[1].err
    assert said[0].code == 2


WARNED = {
    "listener.max_tracks=1": "sessions of one track",
    "metrics.success=[mean_request_latency]": "no arm has a latency_ms or a service",
    "world.users.count=150": "a decision needs 100 in each arm",
    "arrivals.sessions=20": "a decision needs 100 in each arm",
    "service={replicas: 2}": "wait in one queue",
}


@pytest.mark.parametrize("override", WARNED)
def test_check_warns_of_what_a_run_would_be_of_no_use_for(
    override: str, abbotify: Command, tmp_path: Path
) -> None:
    plain = small_scenario()
    plain["world"]["users"]["count"] = 1000
    plain["arrivals"] = {"sessions": 2000}
    (tmp_path / "s.yaml").write_text(yaml.safe_dump(plain, sort_keys=False))
    command = ("check", tmp_path / "s.yaml", "--out", tmp_path / "out")
    assert "Warning" not in abbotify(*command).out
    finished = abbotify(*command, "--set", override)
    assert finished.code == 0
    assert WARNED[override] in finished.out
