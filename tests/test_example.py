"""The committed example: it is what README says it is, and what this version makes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from abbotify import pipeline
from abbotify.report import FORMATS, loads, render_markdown
from abbotify.scenario import load

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "reports" / "example"


@pytest.fixture(scope="module")
def stored() -> dict[str, Any]:
    data: dict[str, Any] = json.loads((EXAMPLE / "report.json").read_text(encoding="utf-8"))
    return data


def test_readme_shows_its_scenario(stored: dict[str, Any]) -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("made by\n`scenarios/release.yaml`")[2]
    assert yaml.safe_load(shown.partition("```yaml\n")[2].partition("```")[0])["name"] == "release"
    assert stored["scenario"]["name"] == "release"


def test_this_version_reads_it(stored: dict[str, Any]) -> None:
    assert stored["run"]["formats"] == dict(FORMATS)
    result = loads((EXAMPLE / "report.json").read_text(encoding="utf-8"))
    assert (EXAMPLE / "report.md").read_text(encoding="utf-8") == render_markdown(result)


def test_a_run_gives_its_effects(tmp_path: Path) -> None:
    pipeline.run(load(ROOT / "scenarios" / "release.yaml"), tmp_path / "out")
    found, kept = (pd.read_csv(folder / "effects.csv") for folder in (tmp_path / "out", EXAMPLE))
    pd.testing.assert_frame_equal(found, kept, rtol=1e-9)
