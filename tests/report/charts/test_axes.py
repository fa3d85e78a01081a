"""Axes of charts: ticks, ranges, and the look of each arm."""

from __future__ import annotations

import pytest

from abbotify.report.charts.axes import Axis, beside, color, dashes, marker, shortened_range, style
from abbotify.report.charts.lines import Series
from tests.report.charts.test_lines import drawn, texts


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


@pytest.mark.parametrize("arms", range(1, 9))
def test_estimates_beside_each_other_stay_with_their_day(arms: int) -> None:
    places = [beside(rank, arms) for rank in range(arms)]
    assert sum(places) == pytest.approx(0.0, abs=1e-12)
    assert max(map(abs, places)) < 0.5


def test_no_two_of_eight_arms_look_alike() -> None:
    assert len({color(at) for at in range(8)}) == 8
    assert len({(marker(at), dashes(at)) for at in range(1, 8)}) == 7
    assert style(0) == 0
    assert {style(at) for at in range(1, 30)} == set(range(1, 8))  # never the control's


def test_a_range_holds_zero_and_far_ends_are_cut() -> None:
    low, high = shortened_range([1.0, 2.0], [-100.0, 3.0])
    assert low == pytest.approx(-8 - 0.08 * 11)  # four times the farthest value
    assert high == pytest.approx(3 + 0.08 * 11)
    assert shortened_range([], []) == (-1.0, 1.0)
