"""What a scenario asks of its experiment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from abbotify.scenario import Scenario, load
from abbotify.simulation.requested import monitoring_spec, rails, reported
from abbotify.simulation.timeline import Schedule
from abbotify.stats.non_inferiority import METRIC, PERCENT, GuardrailSpec

GUARDED = [{"metric": "time", "margin": 3.0}, {"metric": "skip_rate", "absolute": 0.0}]


def written(folder: Path, small: dict[str, Any], **metrics: Any) -> Scenario:
    path = folder / "small.yaml"
    path.write_text(yaml.safe_dump({**small, "metrics": metrics}))
    return load(path)


def test_rails_are_the_scenarios(tmp_path: Path, small: dict[str, Any]) -> None:
    scenario = written(tmp_path, small, guardrails=GUARDED)
    assert rails(scenario) == (
        GuardrailSpec("time", 3.0, PERCENT),
        GuardrailSpec("skip_rate", 0.0, METRIC),
    )
    assert rails(written(tmp_path, small)) == ()


def test_success_and_guarded_metrics_are_reported(tmp_path: Path, small: dict[str, Any]) -> None:
    success = ["mean_time_per_session"]
    scenario = written(tmp_path, small, success=success, guardrails=GUARDED, report=["tracks"])
    assert sorted(reported(scenario)) == sorted(["skip_rate", "time", "tracks", *success])


def test_only_what_adds_up_by_day_is_watched(tmp_path: Path, small: dict[str, Any]) -> None:
    assert monitoring_spec(Schedule(written(tmp_path, small, success=["time"]))) is not None
    assert monitoring_spec(Schedule(written(tmp_path, small, success=["retained"]))) is None
