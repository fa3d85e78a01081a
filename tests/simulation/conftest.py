"""Small scenarios made ready."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from abbotify.scenario import load
from abbotify.simulation.prepare import Plan, prepare

Plain = dict[str, Any]
Ready = Callable[..., Plan]


@pytest.fixture
def ready(small: Plain, tmp_path: Path) -> Ready:
    def made(arms: Plain | None = None, **changes: Any) -> Plan:
        scenario = copy.deepcopy(small) | changes
        scenario["arms"] |= arms or {}
        path = tmp_path / "scenario.yaml"
        path.write_text(yaml.safe_dump(scenario, sort_keys=False))
        return prepare(load(path))

    return made
