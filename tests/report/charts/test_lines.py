"""Line charts: their axes, intervals and marks."""

from __future__ import annotations

import re

import pytest

from abbotify.report.charts.axes import Axis, Line, beside
from abbotify.report.charts.lines import Series, line_chart


def drawn(*series: Series, x: Axis | None = None, y: Axis | None = None) -> str:
    return line_chart(
        series,
        x or Axis("Day", whole=True),
        y or Axis("Effect", sign=True),
        name="tried",
        title="A chart",
        description="What it shows.",
    )


def texts(svg: str) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg)


@pytest.mark.parametrize(
    ("first", "last", "named"),
    [
        (3, 3, ["3"]),
        (1, 9, ["1", "2", "3", "4", "5", "6", "7", "8", "9"]),
        (7, 20, ["7", "9", "11", "13", "15", "17", "19"]),
        (1, 40, ["1", "5", "10", "15", "20", "25", "30", "35", "40"]),
        (7, 40, ["7", "10", "15", "20", "25", "30", "35", "40"]),
        (9, 40, ["10", "15", "20", "25", "30", "35", "40"]),
    ],
)
def test_whole_numbers_are_named(first: int, last: int, named: list[str]) -> None:
    shown = texts(drawn(Series([first, last], [0.0, 1.0], 1)))
    assert shown[: len(named)] == named
    assert shown[len(named)] == "Day"


def test_the_range_of_whole_numbers_may_be_given() -> None:
    one = Series([2], [0.5], 1)
    assert texts(drawn(one, x=Axis("Day", whole=True, limits=(1, 3))))[:3] == ["1", "2", "3"]


def test_an_interval_that_the_axis_cuts_ends_in_an_arrow() -> None:
    one = Series([1, 2], [0.0, 0.1], 1, lower=[-9.0, None], upper=[9.0, None], dots=1)
    cut = drawn(one, y=Axis("Effect", limits=(-1.0, 1.0)))
    whole = drawn(one)
    assert cut.count("<use") == whole.count("<use") + 2


def test_a_missing_end_draws_no_interval() -> None:
    without = Series([1, 2], [0.0, 0.1], 1, dots=1)
    half = Series([1, 2], [0.0, 0.1], 1, lower=[-0.05, None], upper=[None, 0.2], dots=1)
    assert drawn(half) == drawn(without)


def test_an_event_is_dashed_ink() -> None:
    series = Series([1, 2], [0.0, 0.1], 1)
    marked = drawn(series, x=Axis("Day", whole=True, lines=(Line(1, dashed=True),)))
    assert re.search(r"var\(--ink\)[^\"]*dash|dash[^\"]*var\(--ink\)", marked)
    assert "var(--ink)" not in re.sub("<text.*?</text>", "", drawn(series))


@pytest.mark.parametrize("arms", range(1, 9))
def test_estimates_beside_each_other_stay_with_their_day(arms: int) -> None:
    places = [beside(rank, arms) for rank in range(arms)]
    assert sum(places) == pytest.approx(0.0, abs=1e-12)
    assert max(map(abs, places)) < 0.5
