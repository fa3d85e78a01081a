"""Pages of numbers out of all proportion, and of none at all."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.report.pages import render_html, render_markdown
from abbotify.report.result import Result
from abbotify.report.text.headline import headline
from tests.report.realistic import realistic

Plain = dict[str, Any]
PARTS = ("effects", "guardrails", "truth")
KEPT = (
    "p_value",
    "p_adjusted",
    "valid_p",
    "sample_ratio_p",
    "information",
    "n_control",
    "n_treatment",
    "margin",
    "days",
    "users",
    "day",
)


def scaled(value: Any, factor: float, name: str = "") -> Any:
    """The plain data with all numbers but shares and counts times the factor."""
    if isinstance(value, dict):
        return {key: scaled(each, factor, key) for key, each in value.items()}
    if isinstance(value, list):
        return [scaled(each, factor, name) for each in value]
    return value * factor if isinstance(value, float) and name not in KEPT else value


def emptied(value: Any, name: str = "") -> Any:
    """The plain data with all numbers but what must be there undefined."""
    if isinstance(value, dict):
        return {key: emptied(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [emptied(each, name) for each in value]
    undefined = isinstance(value, float | bool) or name == "verdict"
    return None if undefined and name not in ("margin", "p_value") else value


def result(change: Any) -> Result:
    data = realistic()
    for part in PARTS:
        data[part] = change(data[part])
    data["segments"]["rows"] = change(data["segments"]["rows"])
    arm = data["arms"][1]
    arm["looks"] = change(arm["looks"])
    arm["trend"]["days"] = change(arm["trend"]["days"])
    return Result.from_dict(data)


@pytest.mark.parametrize("factor", [1e-300, 1e-12, 1e12, 1e290])
def test_numbers_of_every_size(factor: float) -> None:
    extreme = result(lambda rows: scaled(rows, factor))
    page, text = render_html(extreme), render_markdown(extreme)
    assert headline(extreme)
    for told in (page.partition("<h3>Scenario")[0], text):
        assert ">nan<" not in told
        assert ">inf<" not in told
    assert max(map(len, text.replace("_", " ").split())) <= 75  # a digest is the longest word


def test_nothing_is_known() -> None:
    empty = result(emptied)
    page = render_html(empty)
    assert "not tested" in page
    assert "None" not in page.partition("<h3>Scenario")[0]
    assert "None" not in render_markdown(empty)
    assert headline(empty).startswith("No decision on neural: no success metric has an estimate")
