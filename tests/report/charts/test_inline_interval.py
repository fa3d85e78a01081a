"""Small pictures of intervals: their scale, and what is drawn of a row."""

from __future__ import annotations

import re

import pytest

from abbotify.report.charts.inline_interval import (
    WIDTH,
    Interval,
    Scale,
    axis,
    picture,
    scale,
    ticks,
)


def test_the_scale_holds_zero_and_what_is_drawn() -> None:
    found = scale([Interval(3.0, 2.0, 4.0), Interval(1.0, 0.5, 1.5, mark=5.0)])
    assert [found.low, found.high] == pytest.approx([-0.2, 5.2])


def test_what_is_out_of_proportion_is_cut() -> None:
    usual = [Interval(1.0, 0.5, 1.5)] * 3
    found = scale([*usual, Interval(0.0, -1000.0, 1e300)])
    assert [found.low, found.high] == pytest.approx([-4.86, 4.86])
    drawn = picture(Interval(0.0, -1000.0, 1e300), found, 1)
    assert drawn.count('class="tip"') == 2
    assert 'class="tip"' not in picture(usual[0], found, 1)


@pytest.mark.parametrize("rows", [[], [Interval(None)], [Interval(0.0, 0.0, 0.0)]])
def test_without_numbers_there_is_still_a_scale(rows: list[Interval]) -> None:
    assert scale(rows) == Scale(-1.0, 1.0)


def test_places_on_the_picture() -> None:
    on = Scale(-10.0, 10.0)
    assert (on.x(0.0), on.x(-99.0), on.x(99.0)) == (WIDTH / 2, 8.0, WIDTH - 8.0)
    drawn = picture(Interval(5.0, 0.0, 10.0, mark=-5.0), on, 3)
    assert 'style="--arm:var(--arm-3)"' in drawn
    assert 'class="zero" d="M100 0' in drawn
    assert 'class="line" d="M100 10H192"' in drawn
    assert 'class="dot" cx="146"' in drawn
    assert 'class="truth" d="M54 ' in drawn
    assert 'aria-hidden="true"' in drawn


def test_a_row_without_an_estimate_shows_what_it_is_held_against() -> None:
    drawn = picture(Interval(None, mark=0.5), Scale(-1, 1), 1, True, "margin")
    assert "circle" not in drawn
    assert 'class="margin"' in drawn
    assert "hollow" in picture(Interval(0.5), Scale(-1, 1), 1, False)


@pytest.mark.parametrize(
    ("on", "values", "places"),
    [
        (Scale(-0.2, 5.2), [0.0, 2.0, 4.0], 0),
        (Scale(-1.0, 1.0), [-1.0, -0.5, 0.0, 0.5, 1.0], 1),
        (Scale(-4.0, 96.0), [0.0, 50.0], -1),
        (Scale(-1e-12, 1e-12), [-1e-12, -5e-13, 0.0, 5e-13, 1e-12], 13),
    ],
)
def test_ticks_are_round(on: Scale, values: list[float], places: int) -> None:
    found, decimals = ticks(on)
    assert found == pytest.approx(values, abs=1e-18)
    assert decimals == places


def test_an_axis_names_its_ticks() -> None:
    told = re.findall(r">([^<>]+)</text>", axis(Scale(-1.0, 1.0), "%"))
    assert told == ["−1.0%", "−0.5%", "0.0%", "+0.5%", "+1.0%"]


@pytest.mark.parametrize("size", [1e-300, 1e-12, 1.0, 1e12, 1e300])
def test_every_size_can_be_drawn(size: float) -> None:
    on = scale([Interval(size, -size, 2 * size)])
    assert 2 <= len(ticks(on)[0]) <= 6
    assert "nan" not in picture(Interval(size, -size, 2 * size), on, 1) + axis(on)
