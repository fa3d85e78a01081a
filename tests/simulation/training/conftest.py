"""A run that trains every day."""

from __future__ import annotations

from pathlib import Path

import pytest

from abbotify import pipeline
from abbotify.scenario import Scenario
from tests.simulation.training.scenarios import COLLECT, daily, scenario_of


@pytest.fixture(scope="session")
def daily_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Scenario, Path]:
    folder = tmp_path_factory.mktemp("runs") / "daily"
    scenario = scenario_of(COLLECT, {"phase": "train"}, daily(), shards=3)
    pipeline.run(scenario, folder)
    return scenario, folder
