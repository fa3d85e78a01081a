"""Every scenario file runs, at a small size, and writes its whole folder."""

from __future__ import annotations

import csv
import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from abbotify import pipeline
from abbotify.report import Result
from abbotify.scenario import load

FOLDER = Path(__file__).parent.parent / "scenarios"
OUTPUT = {
    "effects.csv",
    "manifest.json",
    "report.html",
    "report.json",
    "report.md",
    "scenario.yaml",
    "users.parquet",
}
MADE_UP = ["world.users.count=300", "arrivals.sessions=300", "timeline.0.days=1"]
SYNTHETIC = [*MADE_UP, "world.catalogue.tracks=600", "world.catalogue.artists=100"]
REAL = ["world.catalogue.dims=16", "arrivals.sessions=300", "timeline.0.days=1"]
TRAINED = [*SYNTHETIC, "timeline.2.days=1"]
SMALL = {
    "aa": SYNTHETIC,
    "botify_lists": REAL,
    "homework": [*TRAINED, "arms.neural.epochs=2"],
    "ladder": [*TRAINED, "arms.indexed.factors=8"],
    "lastfm_neural": [*REAL, "timeline.2.days=1", "arms.neural.epochs=2"],
    "neural_vs_sticky": TRAINED,
    "geometric": [*MADE_UP, "world.catalogue.tracks_per_group=200"],
    "lastfm": REAL,
    "queue": SYNTHETIC,
    "quickstart": SYNTHETIC,
    "release": [*SYNTHETIC, "timeline.1.days=2"],
    "symbiosis": [
        *MADE_UP,
        "world.catalogue.tracks=100",
        "world.catalogue.artists=20",
        "timeline.2.days=2",
    ],
}
NEEDS_DATA = {"botify_lists", "lastfm", "lastfm_neural"}
NEEDS_EXTRA = {"ladder": "implicit"}


def test_every_scenario_is_tried() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(SMALL)


class Played(NamedTuple):
    """A run of a scenario file, and what it wrote."""

    name: str
    result: Result
    treatments: set[str]
    files: set[str]
    effects: list[dict[str, str]]

    def decided(self) -> set[str]:
        """The arms with an effect on the metric of success."""
        rows = [row for row in self.effects if row["metric"] == "mean_time_per_session"]
        return {row["arm"] for row in rows}


def play_small(name: str, folder: Path) -> Played:
    scenario = load(FOLDER / f"{name}.yaml", SMALL[name])
    result = pipeline.run(scenario, folder)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    with (folder / "effects.csv").open(encoding="utf-8", newline="") as file:
        effects = list(csv.DictReader(file))
    treatments = {*scenario.arms_of(scenario.layers[0])[1:]}
    return Played(scenario.name, result, treatments, files, effects)


def marked(name: str) -> Any:
    return pytest.param(name, marks=[pytest.mark.extras] if name in NEEDS_EXTRA else [])


@pytest.mark.parametrize("name", [marked(name) for name in sorted(SMALL)])
def test_scenario_runs(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if name in NEEDS_DATA:
        request.getfixturevalue("data_dir")
    if name in NEEDS_EXTRA:
        pytest.importorskip(NEEDS_EXTRA[name])
    played = play_small(name, tmp_path)
    assert played.name == name
    assert played.files >= OUTPUT
    assert fnmatch.filter(played.files, "log/*.parquet")
    assert len(played.effects) == len(played.result.effects) > 0
    assert played.decided() == played.treatments


def test_the_written_scenario_gives_the_same_run(tmp_path: Path) -> None:
    """scenario.yaml stands for the run: played again, it gives the same report."""
    pipeline.run(load(FOLDER / "quickstart.yaml", SYNTHETIC), tmp_path / "one")
    pipeline.run(load(tmp_path / "one" / "scenario.yaml"), tmp_path / "two")
    for name in ("report.json", "effects.csv", "users.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
