"""Charts of users and days: bins of one width, bars to their ends, gaps that are explained."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from abbotify.report.arm_curves import bin_edges
from abbotify.report.charts import arms, monitoring, retention
from abbotify.report.html import render_html
from abbotify.report.result import Result
from abbotify.report.tables import monitoring as monitoring_table
from tests.report.charts.test_monitoring import look, result
from tests.studies.pages import assert_readable

Plain = dict[str, Any]


def users(hand: Plain, tails: tuple[float, float]) -> Result:
    """Two arms of skewed users; of each a share lies far out."""
    draws = np.random.default_rng(5).gamma(2.0, size=(2, 4000))
    for values, share in zip(draws, tails, strict=True):
        values[: int(share * 4000)] = 60.0
    edges = bin_edges(draws.ravel())
    for arm, values in zip(hand["arms"], draws, strict=True):
        counts = tuple(np.histogram(values, edges)[0].tolist())
        arm["distribution"] = {"metric": "time", "edges": list(edges), "counts": list(counts)}
    return Result.from_dict(hand)


def widths(svg: str) -> list[float]:
    """Widths of the bins drawn, in pixels."""
    path = max(re.findall(r'<path d="(M[^"]*)"', svg), key=len)
    x = sorted({float(each) for each in re.findall(r"[ML] ?(-?[\d.]+) ", path)})
    return [after - before for before, after in pairwise(x)]


@pytest.mark.parametrize("tails", [(0.0, 0.0), (0.004, 0.004), (0.0, 0.009), (0.001, 0.0)])
def test_all_bins_are_of_one_width_and_the_tail_is_told(
    hand: Plain, tails: tuple[float, float]
) -> None:
    found = users(hand, tails)
    drawn = arms.distribution(found)
    assert drawn is not None
    found_widths = widths(drawn)
    assert len(found_widths) > 10
    assert max(found_widths) < 1.05 * min(found_widths)
    beyond = arms.beyond(found)
    assert beyond is not None
    assert beyond[1] >= max(tails)
    assert re.fullmatch(r"\d+\.\d{1,3}", beyond[0])
    assert f"Bins of equal width, up to {beyond[0]}; at most " in render_html(found)


def days(hand: Plain, *halves: float | None) -> Result:
    hand["arms"][1]["daily"] = [
        {
            "day": at,
            "users": 9,
            "mean": 5.0,
            "effect": 0.5,
            "lower": None if half is None else 0.5 - half,
            "upper": None if half is None else 0.5 + half,
        }
        for at, half in enumerate(halves)
    ]
    return Result.from_dict(hand)


def ends(svg: str) -> list[float]:
    """Heights, in pixels, at which vertical lines begin and end."""
    return [
        float(y)
        for path in re.findall(r'<path d="(M[^"]*)" clip-path', svg)
        for y in re.findall(r"[ML] ?-?[\d.]+ (-?[\d.]+)", path)
    ]


@pytest.mark.parametrize("half", [0.1, 5.0, 400.0])
def test_bars_of_days_are_drawn_to_their_ends(hand: Plain, half: float) -> None:
    drawn = arms.daily(days(hand, 0.2, half, 0.3))
    assert drawn is not None
    assert min(ends(drawn)) >= 30 - 1  # the margin above the axes
    assert max(ends(drawn)) <= 280 - 46 + 5  # and below, where ticks stand


def test_days_without_a_bar_are_explained(hand: Plain) -> None:
    assert arms.without_bar(days(hand, 0.2, 0.3)) == ""
    bare = days(hand, None, 0.2, None)
    assert arms.without_bar(bare).startswith("No bar on day 0, 2: an interval needs two users")
    assert "No bar on day 0, 2: " in render_html(bare)


def test_days_since_exposure_without_a_bar_are_explained(usual: Result) -> None:
    assert retention.without_bar(usual) == ""
    data = usual.to_dict()
    trend = next(arm["trend"] for arm in data["arms"] if arm.get("trend"))
    trend["days"][1] |= {"lower": None, "upper": None}
    found = Result.from_dict(data)
    assert retention.without_bar(found).startswith("No bar on day 1: ")
    assert retention.without_bar(found) in render_html(found)


def test_looks_without_a_bar_are_explained(hand: Plain) -> None:
    none = {"lower": None, "upper": None, "critical": None, "significant": None}
    early = "too little information"
    looks = [look(1, 0.3, 0.2, **none, note=early), look(2, 0.3, 0.2), look(3, 0.3, 0.1)]
    told = monitoring_table.without_bar(result(hand, *looks))
    assert told == f"No bar on day 1: {early}."
    assert monitoring_table.without_bar(result(hand, *looks[1:])) == ""


@pytest.mark.parametrize(("half", "leaves"), [(0.2, False), (0.9, False), (50.0, True)])
def test_a_bar_out_of_all_proportion_ends_in_an_arrow(
    hand: Plain, half: float, leaves: bool
) -> None:
    found = result(hand, look(1, 0.3, half), look(2, 0.3, 0.1), look(3, 0.3, 0.1))
    assert monitoring.leaves(found) == leaves
    assert ("Arrow: the bar continues beyond the axis" in render_html(found)) == leaves


def test_no_raw_number_and_no_backtick_in_what_is_read(usual: Result, huge: Result) -> None:
    for each in (usual, huge):
        assert_readable(render_html(each))
