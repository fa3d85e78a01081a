"""A scenario for studies: its control is `random`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

EXTRA = {"top": {"recommender": "top_pop", "weight": 2.0}}


@pytest.fixture
def path(tmp_path: Path, small: dict[str, Any]) -> Path:
    """Days before the experiment, three arms of two sizes, two success metrics."""
    timeline = [
        {"phase": "pre", "days": 1, "recommender": "random"},
        {"phase": "experiment", "days": 2},
    ]
    success = ["mean_time_per_session", "retained"]
    keys = {"timeline": timeline, "metrics": {"success": success}}
    small["world"]["users"]["count"] = 400
    small["arrivals"]["sessions"] = 300
    scenario = {**small, **keys, "arms": {**small["arms"], **EXTRA}}
    written = tmp_path / "small.yaml"
    written.write_text(yaml.safe_dump(scenario, sort_keys=False))
    return written
