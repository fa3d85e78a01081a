"""Whole runs by either engine leave the same files; and what `check` says of who plays."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from abbotify import pipeline
from abbotify.errors import UserError
from abbotify.files.yaml import Source
from abbotify.scenario.load import from_source
from tests.conftest import Command
from tests.simulation.engines.scenarios import meetings, scenarios
from tests.simulation.engines.surroundings import write_surroundings

Files = dict[str, bytes]
TOLD: Final = ("users.parquet", "report.json", "effects.csv", "scenario.yaml")


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_surroundings(tmp_path_factory.mktemp("surroundings"))


def left(data: dict[str, Any], root: Path, engine: str) -> Files | str:
    """The files of a run, or why there is none."""
    out = root / f"run-{engine}"
    shutil.rmtree(out, ignore_errors=True)
    try:
        pipeline.run(from_source(Source("generated", data, {}), root), out, engine=engine)
    except UserError as error:
        return str(error)
    logs = (out / "log").glob("*")
    files = [*(out / name for name in TOLD), *logs, *(out / "models").glob("*.npz")]
    return {str(file.relative_to(out)): file.read_bytes() for file in files}


@settings(max_examples=15, suppress_health_check=list(HealthCheck))
@given(
    data=st.one_of(scenarios(), meetings()), level=st.sampled_from(["events", "sessions", "users"])
)
def test_runs_leave_equal_files(folder: Path, data: dict[str, Any], level: str) -> None:
    if any(phase["phase"] == "train" for phase in data["timeline"]):
        level = "events"
    # Several users for each arm: a run without them is refused.
    data["world"]["users"]["count"] = 30
    data["log"] = {"level": level}
    one, other = (left(data, folder, engine) for engine in ("simpy", "compiled"))
    if isinstance(one, str) or isinstance(other, str):
        assert one == other
        return
    assert one.keys() == other.keys()
    different = [name for name in one if one[name] != other[name]]
    assert different == []


def test_such_a_run_is_played_by_the_engine_asked_for(folder: Path) -> None:
    data = {
        "name": "played",
        "world": {"catalogue": {"tracks": 40, "artists": 5, "genres": 2}, "users": {"count": 30}},
        "arrivals": {"sessions": 60},
        "arms": {"a": {"recommender": "random"}, "b": {"recommender": "mine.py:Batch"}},
        "experiment": {"control": "a"},
    }
    one, other = (left(data, folder, engine) for engine in ("simpy", "compiled"))
    assert not isinstance(one, str)
    assert one == other
    for engine in ("simpy", "compiled"):
        told = (folder / f"run-{engine}" / "manifest.json").read_text(encoding="utf-8")
        assert f'"engine": "{engine}"' in told


COUPLED: Final = {
    "queue": ({"recommender": "random", "service": {"replicas": 1}}, "requests queue"),
    "bandit": ({"recommender": "bandit"}, "bandit learns from every answer"),
    "plug-in": ({"recommender": "mine.py:Alone"}, "Alone has no candidates()"),
}


@pytest.fixture
def coupled(small: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(folder)

    def written(arm: dict[str, Any]) -> Path:
        path = folder / "coupled.yaml"
        small["arms"]["meets"] = arm
        path.write_text(yaml.safe_dump(small, sort_keys=False), encoding="utf-8")
        return path

    return written


@pytest.mark.parametrize("name", COUPLED)
def test_check_says_why_users_meet(abbotify: Command, coupled: Any, name: str) -> None:
    arm, why = COUPLED[name]
    done = abbotify("check", coupled(arm))
    assert done.code == 0
    assert "Engine    compiled: users are coupled, and played together" in done.out
    assert f"Coupled: {'' if name == 'queue' else 'meets may learn'}" in done.out
    assert why in done.out


def test_check_says_who_is_asked_in_rounds(abbotify: Command, coupled: Any) -> None:
    done = abbotify("check", coupled({"recommender": "mine.py:Batch"}))
    assert "Engine    compiled" in done.out
    assert "Requests to meets are batched: mine.py:Batch answers in batches." in done.out
