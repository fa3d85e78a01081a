"""Tables of effects: what decides, what is explored, other estimates."""

from __future__ import annotations

from typing import Any

from abbotify.report.result import Result
from abbotify.report.table import Table
from abbotify.report.tables.effects import exploratory, further, naive, success
from abbotify.report.text.headline import summary_table
from tests.report.found import at_once, further_rows

Plain = dict[str, Any]


def column(table: Table | None, heading: str) -> list[str]:
    assert table is not None
    head, rows = table.texts()
    return [row[head.index(heading)] for row in rows]


def test_every_row_is_shown_once(usual: Result, hostile: Result) -> None:
    for result in (usual, hostile):
        tables = (
            *(success(result), exploratory(result)),
            *(further(result, deciding=True), further(result, deciding=False)),
        )
        assert sum(len(table.rows) for table in tables if table) == len(result.effects)


def test_one_main_row_for_each_metric(usual: Result) -> None:
    assert column(success(usual), "Metric") == ["Time per session"]
    explored = column(exploratory(usual), "Metric")
    assert len(set(explored)) == len(explored) == 11
    assert column(further(usual, deciding=True), "Estimate") == [
        *("ratio of sums", "mean, CUPED", "ratio of sums, CUPED", "mean, bootstrap"),
        *("10th percentile", "median", "90th percentile"),
    ]


def test_a_metric_without_a_mean_shows_what_it_has(hand: Plain) -> None:
    hand["effects"][1] |= {"estimand": "ratio"}
    (name,) = column(exploratory(Result.from_dict(hand)), "Metric")
    assert name.startswith("Skip rate (ratio of sums; unbounded")


def test_units_and_what_an_adjustment_removes(hand: Plain) -> None:
    hand["effects"] += further_rows(hand["effects"][0])
    result = Result.from_dict(hand)
    (difference,) = column(success(result), "Difference")
    assert difference.startswith("+0.50 tracks [")
    removed = column(further(result, deciding=True), "Variance removed")
    assert removed[0] == "36%"
    assert [each != "–" for each in removed] == [True, True, False, False, False, False]


def test_simultaneous_intervals_of_several_treatments(hand: Plain) -> None:
    hand["arms"].append({"name": "other", "label": "T2", "control": False, "users": 9})
    row = at_once(hand["effects"][0])
    hand["effects"] = [row, row | {"arm": "other"}]
    table = success(Result.from_dict(hand))
    assert column(table, "Difference (simultaneous)")[0] == "[+0.11, +0.89] (p 0.004)"
    assert column(table, "Treatment") == ["neural", "other"]


def test_naive_intervals_stand_beside_fieller_s(usual: Result) -> None:
    known = [row for row in usual.effects if row.naive_lower is not None]
    assert len(column(naive(usual), "Fieller")) == len(known)


def test_the_terminal_leaves_quantiles_of_explored_metrics_out(hand: Plain) -> None:
    numbers = {"relative_lower": None, "relative_upper": None, "variance_reduction": None}
    hand["effects"] += further_rows(hand["effects"][0])[:1]
    hand["effects"] += further_rows(hand["effects"][1] | numbers)
    metrics = [row.metric for row in summary_table(Result.from_dict(hand))]
    assert metrics == ["Time per session", "Time per session (mean, CUPED)", "Skip rate"]
