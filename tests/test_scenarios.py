"""Every scenario file runs, at a small size, and writes its whole folder."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from abbotify import pipeline
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
}
NEEDS_DATA = {"botify_lists", "lastfm", "lastfm_neural"}
NEEDS_EXTRA = {"ladder": "implicit"}


def test_every_scenario_is_tried() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.yaml")) == sorted(SMALL)


@pytest.mark.parametrize("name", sorted(set(SMALL) - set(NEEDS_EXTRA)))
def test_scenario_runs(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if name in NEEDS_DATA:
        request.getfixturevalue("data_dir")
    run_small(name, tmp_path)


@pytest.mark.extras
@pytest.mark.parametrize("name", sorted(NEEDS_EXTRA))
def test_scenario_with_an_extra_runs(name: str, tmp_path: Path) -> None:
    pytest.importorskip(NEEDS_EXTRA[name])
    run_small(name, tmp_path)


def run_small(name: str, tmp_path: Path) -> None:
    scenario = load(FOLDER / f"{name}.yaml", SMALL[name])
    assert scenario.name == name
    document = pipeline.run(scenario, tmp_path / name)
    written = {path.name for path in (tmp_path / name).iterdir()}
    assert written >= OUTPUT
    assert any((tmp_path / name / "log").glob("*.parquet"))
    with (tmp_path / name / "effects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(document.effects) > 0
    treatments = {*scenario.arms_of(scenario.layers[0])[1:]}
    decided = {row["arm"] for row in rows if row["metric"] == "mean_time_per_session"}
    assert decided == treatments


def test_the_written_scenario_gives_the_same_run(tmp_path: Path) -> None:
    """scenario.yaml stands for the run: played again, it gives the same report."""
    pipeline.run(load(FOLDER / "quickstart.yaml", SYNTHETIC), tmp_path / "one")
    pipeline.run(load(tmp_path / "one" / "scenario.yaml"), tmp_path / "two")
    for name in ("report.json", "effects.csv", "users.parquet"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
