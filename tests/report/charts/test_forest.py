"""Forest charts: rows of estimates in groups."""

from __future__ import annotations

import pytest

from abbotify.report.charts.axes import Axis
from abbotify.report.charts.forest import Estimate, Group, forest


def drawn(*rows: Estimate, limits: tuple[float, float] | None = None, narrow: bool = False) -> str:
    axis = Axis("Relative effect", unit="%", sign=True, limits=limits)
    groups = (Group("Time", rows, shaded=True),)
    return forest(groups, axis, name="tried", title="Effects", narrow=narrow)


@pytest.mark.parametrize("narrow", [False, True])
def test_rows_are_described_and_written(narrow: bool) -> None:
    row = Estimate(1.0, 0.5, 1.5, name="als <x>", text="+1.0%", interval="[+0.5%, +1.5%]")
    svg = drawn(row, narrow=narrow)
    assert "<desc>Time, als &lt;x&gt;: +1.0% [+0.5%, +1.5%]</desc>" in svg
    assert (">[+0.5%, +1.5%]</text>" in svg) is not narrow


def test_the_range_may_be_given() -> None:
    svg = drawn(Estimate(1.0, 0.5, 1.5), limits=(0.0, 4.0))
    assert "+4%" in svg
    assert "+4%" not in drawn(Estimate(1.0, 0.5, 1.5))


def test_an_estimate_outside_the_range_is_an_arrow_and_no_mark() -> None:
    inside = drawn(Estimate(1.0, 0.5, 1.5), limits=(0.0, 4.0))
    outside = drawn(Estimate(9.0, 8.0, 10.0), limits=(0.0, 4.0))
    assert inside != outside
    assert outside.count("<use") == inside.count("<use")
    assert "var(--card)" in inside


def test_without_a_value_only_the_texts_are_left() -> None:
    assert "undefined" in drawn(Estimate(None, text="undefined"), limits=(-1.0, 1.0))
    assert "var(--arm-1)" not in drawn(Estimate(None, text="undefined"), limits=(-1.0, 1.0))
