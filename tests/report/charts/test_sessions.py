"""Charts of users and sessions: bins of one width, positions, returns, losses."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from abbotify.report.arm_curves import bin_edges
from abbotify.report.charts import sessions
from abbotify.report.pages import render_html
from abbotify.report.result import Result
from abbotify.report.tables.sessions import reading
from tests.report.tables.test_sessions import curve, returning, trained
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
    drawn = sessions.distribution(found)
    assert drawn is not None
    found_widths = widths(drawn)
    assert len(found_widths) > 10
    assert max(found_widths) < 1.05 * min(found_widths)
    beyond = sessions.beyond(found)
    assert beyond is not None
    assert beyond[1] >= max(tails)
    assert re.fullmatch(r"\d+\.\d{1,3}", beyond[0])
    assert f"Bins of equal width, up to {beyond[0]}; at most " in render_html(found)


def ticks(svg: str | None) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg or "")


def test_without_data_there_is_nothing(small: Result) -> None:
    assert sessions.by_position(small) is sessions.training(small) is None
    assert sessions.retention(small) is None
    assert 'id="sessions"' not in render_html(small)


def test_returns_are_drawn(hand: Plain) -> None:
    result = returning(hand)
    assert sessions.retention(result) is not None
    assert '<figure id="return">' in render_html(result)


def test_sections_with_data(usual: Result) -> None:
    page = render_html(usual)
    for name in ("by-position", "training"):
        assert f'<svg class="chart {name}"' in page
    assert '<figure id="positions"' in page
    assert '<section id="training"' in page
    assert '<a href="#training">' in page


def test_positions_have_their_ticks(usual: Result) -> None:
    told = ticks(sessions.by_position(usual))
    assert told[:9] == ["1", "5", "10", "15", "20", "25", "30", "35", "40"]
    assert {"20%", "40%", "60%"} <= set(told)


def test_one_position_is_a_mark(hand: Plain) -> None:
    hand["arms"][0]["by_position"] = [{"step": 1, "n": 50, "mean": 0.0}]
    assert ticks(sessions.by_position(Result.from_dict(hand)))[0] == "1"


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([(2.0, None), (0.1, None)], True),
        ([(2.0, None), (0.11, None)], False),
        ([(2.0, 0.1), (1.9, None)], True),
        ([(2.0, None), (0.0, None)], False),
        ([(2.0, None), (-0.1, None)], False),
        ([(0.0, 0.0)], False),
    ],
)
def test_a_wide_range_is_logarithmic(hand: Plain, losses: Any, expected: bool) -> None:
    result = trained(hand, curve(*losses))
    assert sessions.logarithmic(result) is expected
    assert ("Logarithmic" in reading(result)) is expected
    assert sessions.training(result) is not None


def test_ticks_of_a_logarithmic_scale(hand: Plain) -> None:
    told = ticks(sessions.training(trained(hand, curve((2.0, None), (0.1, None)))))
    assert told[:2] == ["1", "2"]
    assert {"0.1", "0.2", "0.5", "1", "2"} <= set(told)
    told = ticks(sessions.training(trained(hand, curve((3.0, None), (2e-6, None)))))
    powers = {"1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"}
    assert powers | {"2", "Epoch", "Loss"} == set(told)


def test_no_raw_number_and_no_backtick_in_what_is_read(usual: Result, huge: Result) -> None:
    for each in (usual, huge):
        assert_readable(render_html(each))
