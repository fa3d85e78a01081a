"""A report follows the estimate that decides: sentence, tables, charts, method, truth."""

from __future__ import annotations

from typing import Any

import pytest

from abbotify.report.charts.effects import forest
from abbotify.report.pages import render_html, render_markdown
from abbotify.report.result import Result
from abbotify.report.tables.effects import further, success
from abbotify.report.tables.truth import truths
from abbotify.report.text.headline import headline, rule, sentences, summary_table
from abbotify.studies.compare.compare import compare
from abbotify.studies.compare.tables import chart, effects
from tests.report.test_pages import methods

Plain = dict[str, Any]
NAMED = "CUPED-adjusted"


@pytest.fixture
def adjusted(hand: Plain) -> Plain:
    """The mean rises by 10 %, adjusted for the days before by 7.0 % [+5.0, +9.0]."""
    plain = hand["effects"][0] | {"p_adjusted": None}
    cuped = plain | {
        "estimand": "cuped",
        "effect": 0.35,
        "lower": 0.25,
        "upper": 0.45,
        "relative_effect": 7.0,
        "relative_lower": 5.0,
        "relative_upper": 9.0,
        "naive_lower": None,
        "naive_upper": None,
        "p_value": 0.003,
        "p_adjusted": 0.003,
        "variance_reduction": 0.64,
    }
    hand["effects"] = [plain, cuped, *hand["effects"][1:]]
    hand["truth"] = [
        truth("welch", 0.5, 0.2, 0.8),
        truth("cuped", 0.35, 0.25, 0.45),
    ]
    hand["run"]["estimator"] = "auto"
    return hand


def truth(name: str, estimate: float, lower: float, upper: float) -> Plain:
    about = {"arm": "neural", "metric": "mean_time_per_session", "form": "total", "method": name}
    return about | {
        "unit": "metric",
        "estimate": estimate,
        "lower": lower,
        "upper": upper,
        "truth": 0.4,
        "bias": estimate - 0.4,
        "covered": True,
        "note": "",
    }


@pytest.mark.parametrize(
    ("estimator", "lift", "p", "leads"),
    [
        ("auto", "7.0%", "0.003", "+0.35"),
        ("cuped", "7.0%", "0.003", "+0.35"),
        ("mean", "10.0%", "0.002", "+0.50"),
    ],
)
def test_everything_follows_the_estimator(
    adjusted: Plain, estimator: str, lift: str, p: str, leads: str
) -> None:
    adjusted["run"]["estimator"] = estimator
    result, by_cuped = Result.from_dict(adjusted), estimator != "mean"
    (sentence,) = sentences(result)
    assert f"rises by {lift} against sticky" in sentence
    assert f"p = {p}" in sentence
    decides, other = success(result), further(result, deciding=True)
    assert decides is not None
    assert other is not None
    assert ("mean, CUPED" in decides.rows[0].cells[0].under) is by_cuped
    (row,) = other.rows
    assert row.cells[1].text == ("mean of users" if by_cuped else "mean, CUPED")
    assert summary_table(result)[0].effect == f"+{lift}"
    assert f"Time per session: +{lift}" in (forest(result) or "")
    beside = truths(result)
    assert beside is not None
    assert f"estimated effect on time per session {leads}" in beside.leads[0]
    told = (sentence, rule(result), headline(result), methods(result))
    assert [NAMED in each for each in told] == [by_cuped] * 4
    noted = "64% of the variance removed by CUPED"
    assert [noted in each for each in (render_html(result), render_markdown(result))] == [
        by_cuped
    ] * 2


def test_metrics_without_days_before_are_named_apart(adjusted: Plain) -> None:
    adjusted["scenario"]["metrics"]["success"].append("tracks")
    other = adjusted["effects"][0] | {"metric": "tracks", "p_adjusted": 0.002}
    adjusted["effects"].append(other)
    told = methods(Result.from_dict(adjusted))
    assert f"The decision rests on the {NAMED} estimate of time per session" in told


def test_two_runs_are_compared_by_what_decides(adjusted: Plain) -> None:
    result = Result.from_dict(adjusted)
    found = compare(result, result, ("one", "two"))
    assert [row.cells[0].under for row in effects(found).rows[:2]] == ["mean, CUPED", ""]
    assert "Time per session, neural, A: +7.0%" in (chart(found, narrow=False) or "")
    adjusted["run"]["estimator"] = "mean"
    result = Result.from_dict(adjusted)
    found = compare(result, result, ("one", "two"))
    assert [row.cells[0].under for row in effects(found).rows[:2]] == ["", "mean, CUPED"]
    assert "Time per session, neural, A: +10.0%" in (chart(found, narrow=False) or "")
