"""Both engines give the same log, the same sessions, the same state: for any scenario."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulation.engines.both import assert_engines_agree, match
from tests.simulation.engines.scenarios import meetings, scenarios
from tests.simulation.engines.surroundings import write_surroundings

MANY: Final = int(os.environ.get("ABBOTIFY_EXAMPLES", "2000"))
MEETINGS: Final = int(os.environ.get("ABBOTIFY_EXAMPLES", "2500"))
SLOW: Final = [HealthCheck.too_slow, HealthCheck.data_too_large]
LEVELS: Final = st.sampled_from(["events", "events", "sessions", "users"])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_surroundings(tmp_path_factory.mktemp("surroundings"))


def agree(folder: Path, data: dict[str, Any], level: str, varied: int | None) -> int:
    """Compares the engines; how many units were alike."""
    if any(phase["phase"] == "train" for phase in data["timeline"]):
        level = "events"  # arms are trained on the log
    return len(assert_engines_agree(match({**data, "log": {"level": level}}, folder, varied)))


def days_of(data: dict[str, Any]) -> int:
    """A unit is a day of a shard, and there is a shard."""
    return sum(phase.get("days", 0) for phase in data["timeline"])


@settings(max_examples=150, suppress_health_check=SLOW)
@given(data=scenarios(), level=LEVELS, varied=st.none() | st.integers(0, 9))
def test_engines_agree(folder: Path, data: dict[str, Any], level: str, varied: int | None) -> None:
    assert agree(folder, data, level, varied) >= days_of(data)


@pytest.mark.long
@pytest.mark.timeout(0)
@settings(max_examples=MANY, suppress_health_check=SLOW, derandomize=False)
@given(data=scenarios(), level=LEVELS, varied=st.none() | st.integers(0, 9))
def test_engines_agree_at_length(
    folder: Path, data: dict[str, Any], level: str, varied: int | None
) -> None:
    assert agree(folder, data, level, varied) >= days_of(data)


@settings(max_examples=60, suppress_health_check=SLOW)
@given(data=meetings(), level=LEVELS, varied=st.none() | st.integers(0, 9))
def test_engines_agree_where_users_meet(
    folder: Path, data: dict[str, Any], level: str, varied: int | None
) -> None:
    assert agree(folder, data, level, varied) >= 1


@pytest.mark.long
@pytest.mark.timeout(0)
@settings(max_examples=MEETINGS, suppress_health_check=SLOW, derandomize=False)
@given(data=meetings(), level=LEVELS, varied=st.none() | st.integers(0, 9))
def test_engines_agree_at_length_where_users_meet(
    folder: Path, data: dict[str, Any], level: str, varied: int | None
) -> None:
    assert agree(folder, data, level, varied) >= 1
