"""Effects as rows of texts: what decides, what is explored, other estimates."""

from __future__ import annotations

from typing import Any

from abbotify.report.html import render_html
from abbotify.report.result import Result
from abbotify.report.tables.effects import deciding_groups, exploratory_groups, further_groups
from abbotify.report.text.headline import summary_table
from tests.report.found import at_once, further_rows

Plain = dict[str, Any]


def test_every_row_is_shown_once(usual: Result, hostile: Result) -> None:
    for result in (usual, hostile):
        groups = (
            *deciding_groups(result),
            *exploratory_groups(result),
            *further_groups(result, deciding=True),
            *further_groups(result, deciding=False),
        )
        assert sum(len(group.lines) for group in groups) == len(result.effects)


def test_one_main_row_for_each_metric(usual: Result) -> None:
    assert [group.metric for group in deciding_groups(usual)] == ["Time per session"]
    explored = exploratory_groups(usual)
    assert len({group.metric for group in explored}) == len(explored) == 11
    assert {group.estimand for group in explored} == {"mean of users"}
    assert [group.estimand for group in further_groups(usual, deciding=True)] == [
        *("ratio of sums", "mean, CUPED", "ratio of sums, CUPED", "mean, bootstrap"),
        *("10th percentile", "median", "90th percentile"),
    ]


def test_a_metric_without_a_mean_shows_what_it_has(hand: Plain) -> None:
    hand["effects"][1] |= {"estimand": "ratio"}
    (group,) = exploratory_groups(Result.from_dict(hand))
    assert group.estimand == "ratio of sums"


def test_units_and_what_an_adjustment_removes(hand: Plain) -> None:
    hand["effects"] += further_rows(hand["effects"][0])
    result = Result.from_dict(hand)
    (line,) = deciding_groups(result)[0].lines
    assert line.difference == "+0.50\N{NO-BREAK SPACE}tracks"
    further = further_groups(result, deciding=True)
    assert [group.reduced for group in further] == [True, True, False, False, False, False]
    assert further[0].lines[0].reduction == "36%"
    assert "Variance removed" in render_html(result)


def test_what_holds_for_all_treatments_at_once(hand: Plain) -> None:
    hand["arms"].append({"name": "other", "label": "T2", "control": False, "users": 9})
    row = at_once(hand["effects"][0])
    hand["effects"] = [row, row | {"arm": "other"}]
    result = Result.from_dict(hand)
    (group,) = deciding_groups(result)
    assert group.lines[0].simultaneous_interval == "[+0.11, +0.89]"
    assert group.lines[0].p_simultaneous == "0.004"
    assert "Difference, all at once" in render_html(result)


def test_the_terminal_leaves_quantiles_of_explored_metrics_out(hand: Plain) -> None:
    numbers = {"relative_lower": None, "relative_upper": None, "variance_reduction": None}
    hand["effects"] += further_rows(hand["effects"][0])[:1]
    hand["effects"] += further_rows(hand["effects"][1] | numbers)
    told = [row.metric for row in summary_table(Result.from_dict(hand))]
    assert told == ["Time per session", "Time per session (mean, CUPED)", "Skip rate"]
