"""Positions and trainings on the page: charts where there is data, and how they are read."""

from __future__ import annotations

import re
from typing import Any

import pytest

from abbotify.report.charts import training
from abbotify.report.html import render_html
from abbotify.report.result import Result
from abbotify.report.tables import sessions

Plain = dict[str, Any]


def curve(*losses: tuple[float, float | None]) -> list[Plain]:
    return [
        {"number": number, "loss": loss, "validation": validation}
        for number, (loss, validation) in enumerate(losses, 1)
    ]


def trained(hand: Plain, *curves: list[Plain], arm: int = 1) -> Result:
    hand["arms"][arm]["trainings"] = [
        {"day": day, "plays": 1234, "curve": each, "digest": "sha256:cc"}
        for day, each in enumerate(curves, 3)
    ]
    return Result.from_dict(hand)


def ticks(svg: str | None) -> list[str]:
    return re.findall(r"<text[^>]*>([^<]*)</text>", svg or "")


def test_without_data_there_is_nothing(small: Result) -> None:
    page = render_html(small)
    assert 'id="positions"' not in page
    assert 'id="training"' not in page
    assert "#training" not in page
    assert training.by_position(small) is training.training(small) is None
    assert sessions.reading(small) == ""
    assert sessions.positions(small) is None
    assert sessions.trainings(small) is None


def test_sections_with_data(usual: Result) -> None:
    page = render_html(usual)
    for name in ("by-position", "training"):
        assert f'<svg class="chart {name}"' in page
    assert '<figure id="positions"' in page
    assert '<section id="training"' in page
    assert '<a href="#training">' in page


def test_positions_have_their_ticks(usual: Result) -> None:
    told = ticks(training.by_position(usual))
    assert told[:9] == ["1", "5", "10", "15", "20", "25", "30", "35", "40"]
    assert {"20%", "40%", "60%"} <= set(told)


def test_one_position_is_a_mark(hand: Plain) -> None:
    hand["arms"][0]["by_position"] = [{"step": 1, "n": 50, "mean": 0.0}]
    assert ticks(training.by_position(Result.from_dict(hand)))[0] == "1"


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
    assert training.logarithmic(result) is expected
    assert ("Logarithmic" in sessions.reading(result)) is expected
    assert training.training(result) is not None


def test_ticks_of_a_logarithmic_scale(hand: Plain) -> None:
    told = ticks(training.training(trained(hand, curve((2.0, None), (0.1, None)))))
    assert told[:2] == ["1", "2"]
    assert {"0.1", "0.2", "0.5", "1", "2"} <= set(told)
    told = ticks(training.training(trained(hand, curve((3.0, None), (2e-6, None)))))
    powers = {"1e-06", "1e-05", "0.0001", "0.001", "0.01", "0.1", "1"}
    assert powers | {"2", "Pass over the training data", "Loss"} == set(told)


def test_the_reading_tells_what_is_drawn(hand: Plain) -> None:
    told = sessions.reading(trained(hand, curve((0.5, None), (0.4, None))))
    assert told == "Loss by epoch of the last training of each arm that learns."
    held = sessions.reading(trained(hand, curve((0.5, 0.5)), curve((0.5, 0.4))))
    assert "marked at its minimum" in held
    assert "Faint: earlier trainings (held-out loss)." in held
    assert "comparable" not in held
    both = sessions.reading(trained(hand, curve((0.5, None)), arm=0))
    assert "not comparable" in both


def test_the_best_pass_is_the_first_of_the_least(hand: Plain) -> None:
    losses = curve((0.5, 0.4), (0.4, 0.3), (0.3, 0.3), (0.2, None))
    table = sessions.trainings(trained(hand, curve((9.0, 0.1)), losses))
    assert table is not None
    assert table.texts()[1] == [
        *[["neural", "2", "4", "1,234", "4", "0.5000", "0.2000", "0.3000 (epoch 2)", "sha256:cc"]]
    ]


def test_a_training_without_passes_has_a_line_and_no_chart(hand: Plain) -> None:
    result = trained(hand, [])
    table = sessions.trainings(result)
    assert table is not None
    ((*_, epochs, first, _, best, _),) = table.texts()[1]
    assert (epochs, first, best) == ("\N{EN DASH}",) * 3
    page = render_html(result)
    assert '<section id="training"' in page
    assert '<svg class="chart training"' not in page
