"""Positions, users who return, trends and trainings, in tables and sentences."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.report.pages import render_html
from abbotify.report.result import Result
from abbotify.report.tables import sessions

Plain = dict[str, Any]


def trended(hand: Plain, **values: Any) -> Result:
    numbers = {"slope": -1.0, "lower": -1.5, "upper": -0.5, "p_value": 0.001, "fading": True}
    days = [{"effect": 9.0 - day, "lower": None, "upper": None} for day in range(3)]
    known = {"metric": "time", "days": days, "users": 1500, **numbers, "note": ""}
    hand["arms"][1]["trend"] = known | values
    return Result.from_dict(hand)


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "neural: the effect fades (−1.00% a day [−1.50%, −0.50%], p = 0.001, 1,500 users)."),
        ({"fading": False}, "neural: the effect grows over time (−1.00% a day"),
        ({"fading": False, "p_value": 0.3}, "neural: no significant trend (−1.00% a day"),
        (
            {"p_value": None, "fading": None, "note": "fewer than two days"},
            "neural: no test of whether the effect fades (fewer than two days).",
        ),
    ],
)
def test_the_trend_in_words(hand: Plain, values: Plain, told: str) -> None:
    (sentence,) = sessions.trend_sentences(trended(hand, **values))
    assert sentence.startswith(told)


def returning(hand: Plain) -> Result:
    """The hand-made result with users who return."""
    hand["arms"][0]["retention"] = {"days": [1, 2], "active": [0.2, 0.25], "returned": [0.2, 0.4]}
    hand["arms"][1]["retention"] = {"days": [2], "active": [0.5], "returned": [0.625]}
    return Result.from_dict(hand)


def test_the_table_of_returns(hand: Plain) -> None:
    table = sessions.returned(returning(hand))
    assert table is not None
    assert table.texts()[1] == [
        ["Returned by day 1", "20.0%", "–"],
        ["Returned by day 2", "40.0%", "62.5%"],
        ["Active on day 1", "20.0%", "–"],
        ["Active on day 2", "25.0%", "50.0%"],
    ]


def test_long_tables_name_some_days(huge: Result) -> None:
    table = sessions.returned(huge)
    assert table is not None
    assert len(table.rows) == 2 * 12


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


def test_without_data_there_is_nothing(small: Result) -> None:
    assert sessions.trend_sentences(small) == ()
    assert sessions.returned(small) is None
    assert sessions.reading(small) == ""
    assert sessions.positions(small) is None
    assert sessions.trainings(small) is None
    page = render_html(small)
    assert 'id="positions"' not in page
    assert 'id="training"' not in page
    assert "#training" not in page


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
