"""Scenarios and files made by hand for the tests of the world."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from abbotify.files.yaml import Source
from abbotify.scenario import Scenario
from abbotify.scenario.load import from_source

MakeScenario = Callable[..., Scenario]
WriteLines = Callable[[str, Iterable[Any]], Path]


@pytest.fixture
def make_scenario(tmp_path: Path) -> MakeScenario:
    """A scenario of a `world` part; its paths start at the test's own folder."""

    def make(world: dict[str, Any], **keys: Any) -> Scenario:
        data = {
            "world": world,
            "arrivals": {"sessions": 10},
            "arms": {"a": {"recommender": "random"}, "b": {"recommender": "random"}},
            "experiment": {"control": "a"},
        }
        return from_source(Source("scenario.yaml", {**data, **keys}, {}), tmp_path)

    return make


@pytest.fixture
def write_lines(tmp_path: Path) -> WriteLines:
    """Writes a file of lines: texts as they are, everything else as JSON."""

    def write(name: str, lines: Iterable[Any]) -> Path:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        path = tmp_path / name
        path.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
        return path

    return write
