"""Effects by days since exposure, and who comes back."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.report.charts import retention
from abbotify.report.html import render_html
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


def test_a_trend_without_intervals_is_drawn(hand: Plain) -> None:
    assert retention.trend(trended(hand)) is not None
    assert (
        retention.trend(trended(hand, days=[dict.fromkeys(("effect", "lower", "upper"))])) is None
    )


def test_the_table_of_returns(hand: Plain) -> None:
    hand["arms"][0]["retention"] = {"days": [1, 2], "active": [0.2, 0.25], "returned": [0.2, 0.4]}
    hand["arms"][1]["retention"] = {"days": [2], "active": [0.5], "returned": [0.625]}
    result = Result.from_dict(hand)
    table = sessions.returned(result)
    assert table is not None
    assert table.texts()[1] == [
        ["Returned by day 1", "20.0%", "–"],
        ["Returned by day 2", "40.0%", "62.5%"],
        ["Active on day 1", "20.0%", "–"],
        ["Active on day 2", "25.0%", "50.0%"],
    ]
    assert retention.retention(result) is not None
    assert '<figure id="return">' in render_html(result)


def test_long_tables_name_some_days(huge: Result) -> None:
    table = sessions.returned(huge)
    assert table is not None
    assert len(table.rows) == 2 * 12


def test_without_data_there_is_nothing(small: Result) -> None:
    assert retention.trend(small) is retention.retention(small) is None
    assert sessions.trend_sentences(small) == ()
    assert sessions.returned(small) is None
    page = render_html(small)
    assert 'id="days"' not in page
    assert 'id="sessions"' not in page
