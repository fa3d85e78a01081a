"""A small valid scenario, and how a test writes and loads its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from abbotify.scenario import Scenario, load

VALID = """\
name: small
world:
  catalogue: {source: synthetic, tracks: 100, artists: 20, genres: 3, dims: 8}
  users: {source: synthetic, count: 50}
arrivals: {sessions: 100}
timeline:
  - {phase: pre, days: 1, recommender: a}
  - {phase: collect, days: 2, traffic: {a: 0.5, b: 0.5}}
  - {phase: experiment, days: 7}
arms:
  a: {recommender: random}
  b: {recommender: sticky_artist, fallback: random}
experiment: {name: AB, control: a}
"""

Loader = Callable[..., Scenario]


@pytest.fixture
def valid() -> str:
    """The text of a valid scenario."""
    return VALID


@pytest.fixture
def load_text(tmp_path: Path) -> Loader:
    """Loads a scenario from a text, with overrides."""

    def loader(text: str, *overrides: str, seed: int | None = None) -> Scenario:
        path = tmp_path / "s.yaml"
        path.write_text(text, encoding="utf-8")
        return load(path, overrides, seed)

    return loader
