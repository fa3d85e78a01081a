"""One run with everything in it, and what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import small_scenario
from tests.pipeline.playing import Plain, play, read_log


def rich(small: Plain) -> Plain:
    """A scenario with every kind of day, unequal arms, an arm outside, latency, a log of botify."""
    return small | {
        "timeline": [
            {"phase": "pre", "days": 1, "recommender": "other"},
            {"phase": "collect", "days": 1, "traffic": {"other": 0.5, "sticky": 0.5}},
            {"phase": "experiment", "days": 3},
        ],
        "arrivals": {"sessions": 150},
        "arms": {
            "random": {"recommender": "random", "latency_ms": 10},
            "sticky": {
                "recommender": "sticky_artist",
                "latency_ms": {"distribution": "exponential", "mean": 30},
            },
            "mixed": {"recommender": "sticky_artist_mixed", "weight": 0.5},
            "other": {"recommender": "top_pop", "weight": 0},
        },
        "log": {"level": "events", "botify": True},
    }


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small = small_scenario() | {
        "name": "rich",
        "experiment": {"name": "RICH", "control": "random"},
    }
    return play(tmp_path_factory.mktemp("rich"), rich(small))


@pytest.fixture(scope="session")
def log(run_folder: Path) -> pd.DataFrame:
    return read_log(run_folder)


@pytest.fixture(scope="session")
def users(run_folder: Path) -> pd.DataFrame:
    return pd.read_parquet(run_folder / "users.parquet").set_index("user")


@pytest.fixture(scope="session")
def result(run_folder: Path) -> Plain:
    data: Plain = json.loads((run_folder / "report.json").read_text())
    return data
