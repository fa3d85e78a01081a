"""Line charts: their axes, intervals and marks."""

from __future__ import annotations

import re

from abbotify.report.charts.axes import Axis, Line
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
