"""Charts of effects by day and at looks: bars to their ends, gaps that are explained."""

from __future__ import annotations

import re
from typing import Any

import pytest

from abbotify.report.charts import days as charts
from abbotify.report.pages import render_html
from abbotify.report.result import Result
from tests.report.found import NOTHING_SEEN
from tests.report.tables.test_monitoring import look, result
from tests.report.tables.test_sessions import trended

Plain = dict[str, Any]


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
    drawn = charts.daily(days(hand, 0.2, half, 0.3))
    assert drawn is not None
    assert min(ends(drawn)) >= 30 - 1  # the margin above the axes
    assert max(ends(drawn)) <= 280 - 46 + 5  # and below, where ticks stand


def test_days_without_a_bar_are_explained(hand: Plain) -> None:
    assert charts.without_bar(days(hand, 0.2, 0.3)) == ""
    bare = days(hand, None, 0.2, None)
    assert charts.without_bar(bare).startswith("No bar on day 0, 2: an interval needs two users")
    assert "No bar on day 0, 2: " in render_html(bare)


def test_days_since_exposure_without_a_bar_are_explained(usual: Result) -> None:
    assert charts.trend_without_bar(usual) == ""
    data = usual.to_dict()
    trend = next(arm["trend"] for arm in data["arms"] if arm.get("trend"))
    trend["days"][1] |= {"lower": None, "upper": None}
    found = Result.from_dict(data)
    assert charts.trend_without_bar(found).startswith("No bar on day 1: ")
    assert charts.trend_without_bar(found) in render_html(found)


@pytest.mark.parametrize(("half", "leaves"), [(0.2, False), (0.9, False), (50.0, True)])
def test_a_bar_out_of_all_proportion_ends_in_an_arrow(
    hand: Plain, half: float, leaves: bool
) -> None:
    found = result(hand, look(1, 0.3, half), look(2, 0.3, 0.1), look(3, 0.3, 0.1))
    assert charts.leaves(found) == leaves
    assert ("Arrow: the bar continues beyond the axis" in render_html(found)) == leaves


def test_a_trend_without_intervals_is_drawn(hand: Plain) -> None:
    assert charts.trend(trended(hand)) is not None
    assert charts.trend(trended(hand, days=[dict.fromkeys(("effect", "lower", "upper"))])) is None


def test_without_data_there_is_nothing(small: Result) -> None:
    assert charts.trend(small) is charts.daily(small) is None
    assert charts.looks(small) == {}
    assert 'id="days"' not in render_html(small)


def test_looks_without_an_effect_are_not_drawn(hand: Plain) -> None:
    empty = {"day": 3, "users": 0, **NOTHING_SEEN, "note": "no window is <complete>"}
    built = result(hand, empty)
    assert charts.looks(built) == {}
    assert '<svg class="chart watching' not in render_html(built)


def test_the_chart_marks_where_it_stops(hand: Plain) -> None:
    stopped = charts.looks(result(hand, look(3, 0.1, 0.5), look(4, 0.5, 0.3)))[1]
    going = charts.looks(result(hand, look(3, 0.1, 0.5), look(4, 0.2, 0.3)))[1]
    assert "var(--ink)" in stopped
    assert "var(--ink)" not in re.sub("<text.*?</text>", "", going)
    assert "would have stopped at the end of day 4" in stopped
    assert charts.looks(result(hand)) == {}


@pytest.mark.parametrize("size", [1e-12, 1.0, 1e12])
def test_every_size_can_be_drawn(hand: Plain, size: float) -> None:
    looks = [look(3, size, 1e4 * size), look(4, size, 0.5 * size)]
    drawn = charts.looks(result(hand, *looks)).get(1)
    assert drawn is not None
    assert "nan" not in drawn


def test_one_panel_for_each_treatment(hostile: Result) -> None:
    assert sorted(charts.looks(hostile)) == [1, 2]
    page = render_html(hostile)
    assert page.count("<summary>Interim looks at ") == 3
