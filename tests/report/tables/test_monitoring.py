"""Interim looks: sentence and table."""

from __future__ import annotations

import html
from typing import Any

import pytest

from abbotify.report.pages import render_html, render_markdown
from abbotify.report.result import Result
from abbotify.report.tables import monitoring as monitoring_table
from tests.report.found import NOTHING_SEEN
from tests.report.realistic import MONITORED

Plain = dict[str, Any]


SPACE = "\N{NO-BREAK SPACE}"


def look(day: int, effect: float, half: float, **values: Any) -> Plain:
    """An effect with a stopping interval of half width `half` and an always-valid one twice so."""
    return {
        "day": day,
        "users": 100 * day,
        "information": day / 10,
        "effect": effect,
        "lower": effect - half,
        "upper": effect + half,
        "critical": 2.5,
        "significant": abs(effect) > half,
        "valid_lower": effect - 2 * half,
        "valid_upper": effect + 2 * half,
        "valid_p": 0.01,
        "sample_ratio_p": 0.5,
        **values,
    }


def result(hand: Plain, *looks: Plain, metric: str = "mean_time_per_session") -> Result:
    hand["arms"][1]["looks"] = list(looks)
    hand["monitored"] = MONITORED | {"metric": metric}
    return Result.from_dict(hand)


def told(hand: Plain, *looks: Plain, metric: str = "mean_time_per_session") -> str:
    (sentence,) = monitoring_table.stop_sentences(result(hand, *looks, metric=metric))
    return sentence


def test_when_it_would_have_stopped(hand: Plain) -> None:
    looks = [look(3, 0.4, 0.5), look(4, 0.5, 0.3), look(5, 0.5, 0.2)]
    assert told(hand, *looks) == (
        "neural would have stopped at the end of day 4, for the better, with 400 users and 40% of "
        f"the planned information: time per session +0.50{SPACE}tracks [+0.20, +0.80]; the "
        "always-valid interval first excludes zero on day 5."
    )
    table = monitoring_table.looks(result(hand, *looks), 1)
    assert table is not None
    assert [row.tone for row in table.rows] == ["", "stops", ""]
    brief = monitoring_table.looks(result(hand, *looks), 1, brief=True)
    assert brief is not None
    assert brief.rows == table.rows[1:]


@pytest.mark.parametrize(
    ("metric", "effect", "words"),
    [
        ("time", -0.5, "for the worse"),
        ("skip_rate", -0.5, "for the better"),
        ("skip_rate", 0.5, "for the worse"),
        ("artist_diversity", 0.5, "higher"),
        ("artist_diversity", -0.5, "lower"),
    ],
)
def test_for_better_or_worse(hand: Plain, metric: str, effect: float, words: str) -> None:
    assert f"day 4, {words}, with" in told(hand, look(4, effect, 0.1), metric=metric)


def test_when_it_runs_to_the_end(hand: Plain) -> None:
    assert told(hand, look(3, 0.1, 0.5)) == (
        "neural: no look crosses its boundary, so it runs to the end; "
        "the always-valid interval always contains zero."
    )


def test_when_there_was_nothing_to_stop_on(hand: Plain) -> None:
    empty = {"day": 3, "users": 0, **NOTHING_SEEN, "note": "no window is <complete>"}
    assert told(hand, empty) == "neural: no look was allowed to stop, so it runs to the end."
    built = result(hand, empty)
    assert "no window is &lt;complete&gt;" in render_html(built)


def test_the_setting(hand: Plain) -> None:
    built = result(hand, look(3, 0.1, 0.5))
    assert monitoring_table.setting(built) == (
        "Time per session over the first 3 days of each user, cumulative at the end of each day; "
        "alpha 0.05 is spent by O’Brien and Fleming’s function, planned for 10,000 users."
    )
    assert monitoring_table.watched_unit(built) == ", tracks"


def test_a_line_of_the_table(hand: Plain) -> None:
    table = monitoring_table.looks(result(hand, look(3, 0.4, 0.5)), 1)
    assert table is not None
    assert table.texts()[1] == [
        [
            *("3", "300", "30%", "+0.40 [−0.10, +0.90]"),
            *("2.50", "[−0.6, +1.4]", "0.010", "0.500", "continue"),
        ]
    ]


def test_looks_without_a_bar_are_explained(hand: Plain) -> None:
    none = {"lower": None, "upper": None, "critical": None, "significant": None}
    early = "too little information"
    looks = [look(1, 0.3, 0.2, **none, note=early), look(2, 0.3, 0.2), look(3, 0.3, 0.1)]
    told = monitoring_table.without_bar(result(hand, *looks))
    assert told == f"No bar on day 1: {early}."
    assert monitoring_table.without_bar(result(hand, *looks[1:])) == ""


def test_the_estimate_of_the_looks_is_named(hand: Plain) -> None:
    named = "CUPED-adjusted"
    hand["arms"][1]["looks"] = [look(3, 0.4, 0.5)]
    for estimand, shown in (("mean", False), ("cuped", True)):
        hand["monitored"] = MONITORED | {"estimand": estimand}
        watched = Result.from_dict(hand)
        told_of = monitoring_table.setting(watched)
        assert (named in told_of) is shown
        assert told_of in render_markdown(watched).replace("\\", "")
        assert told_of in html.unescape(render_html(watched))
