"""The decision and the sentence that tells it."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from abbotify.report.decision import Verdict, decisions
from abbotify.report.result import Result
from abbotify.report.table import Cell
from abbotify.report.tables.effects import success
from abbotify.report.text.headline import headline, sentences, summary_table

Plain = dict[str, Any]


def verdict(data: Plain) -> Verdict:
    (decision,) = decisions(Result.from_dict(data))
    return decision.verdict


def test_better_ships(hand: Plain) -> None:
    assert verdict(hand) is Verdict.SHIP
    assert headline(Result.from_dict(hand)) == (
        "Ship neural: time per session rises by 10.0% against sticky (95% interval "
        "[+4.0%, +16.0%], p = 0.002), and no success metric is worse (rule: ship when at least "
        "one success metric (time per session) is significantly better at α = 0.05, none is "
        "significantly worse, no guardrails are declared, no check has failed and each arm has "
        "100 users or more)."
    )


def test_worse_does_not_ship(hand: Plain) -> None:
    hand["effects"][0] |= {
        "effect": -0.5,
        "lower": -0.8,
        "upper": -0.2,
        "relative_effect": -10.0,
        "relative_lower": -16.0,
        "relative_upper": -4.0,
    }
    assert verdict(hand) is Verdict.DO_NOT_SHIP
    assert sentences(Result.from_dict(hand)) == (
        "Do not ship neural: time per session falls by 10.0% against sticky (95% interval "
        "[−16.0%, −4.0%], p = 0.002), significantly worse.",
    )


def test_neither_is_no_decision(hand: Plain) -> None:
    hand["effects"][0] |= {"significant": False, "p_value": 0.3, "p_adjusted": 0.3}
    assert verdict(hand) is Verdict.UNDECIDED
    assert "p = 0.300), not significant at α = 0.05." in sentences(Result.from_dict(hand))[0]


def test_a_failed_check_blocks_shipping(hand: Plain) -> None:
    hand["checks"][0]["status"] = "fail"
    assert verdict(hand) is Verdict.INVALID
    assert headline(Result.from_dict(hand)).startswith(
        "Do not decide on neural: the sample ratio check failed"
    )


def test_a_worse_success_metric_outweighs_a_better_one(hand: Plain) -> None:
    hand["scenario"]["metrics"]["success"].append("skip_rate")
    hand["effects"][1] |= {"significant": True, "p_value": 0.01, "p_adjusted": 0.01}
    assert verdict(hand) is Verdict.DO_NOT_SHIP
    assert "although time per session is better" in headline(Result.from_dict(hand))


def test_a_lower_latency_is_better(hand: Plain) -> None:
    hand["scenario"]["metrics"]["success"] = ["mean_request_latency"]
    hand["effects"][0] |= {"metric": "mean_request_latency", "effect": -0.5}
    assert verdict(hand) is Verdict.SHIP


def test_a_metric_with_no_better_direction_does_not_decide(hand: Plain) -> None:
    hand["scenario"]["metrics"]["success"] = ["artist_diversity"]
    hand["effects"][0] |= {"metric": "artist_diversity"}
    result = Result.from_dict(hand)
    assert verdict(hand) is Verdict.UNDECIDED
    assert "p = 0.002), significantly changed, but neither" in sentences(result)[0]
    table = success(result)
    assert table is not None
    assert table.rows[0].cells[-1] == Cell("changed", tone="calm")


def test_exploratory_metrics_do_not_decide(hand: Plain) -> None:
    hand["scenario"]["metrics"]["success"] = ["skip_rate"]
    hand["effects"][0] |= {"p_adjusted": None}
    hand["effects"][1] |= {"n_control": 100, "n_treatment": 100}
    assert verdict(hand) is Verdict.UNDECIDED


def test_an_arm_without_an_estimate(hand: Plain) -> None:
    hand["effects"] = []
    assert verdict(hand) is Verdict.UNDECIDED
    told = headline(Result.from_dict(hand))
    assert told.startswith("No decision on neural: no success metric has an estimate (rule: ")


def test_an_unbounded_relative_effect_is_told_as_a_difference(hand: Plain) -> None:
    hand["effects"][0] |= {"relative_lower": None, "relative_upper": None}
    told = headline(Result.from_dict(hand))
    told = told.replace("\N{NO-BREAK SPACE}", " ")
    assert "rises by 0.50 tracks against sticky (95% interval [+0.20, +0.80], p = 0.002)" in told


def test_a_log_without_a_scenario_decides_on_the_adjusted_metrics(hand: Plain) -> None:
    hand["scenario"] = {}
    assert verdict(hand) is Verdict.SHIP


@pytest.fixture
def three(hand: Plain) -> Plain:
    """Three treatments, the second one best, the first one worse."""
    row = hand["effects"][0]
    hand["effects"] = []
    for name, effect in (("bad", -0.5), ("best", 0.9), ("good", 0.5)):
        hand["arms"].append({"name": name, "label": name, "control": False, "users": 9})
        hand["effects"].append(copy.deepcopy(row) | {"arm": name, "effect": effect})
    del hand["arms"][1]
    return hand


def test_several_treatments_best_first(three: Plain) -> None:
    result = Result.from_dict(three)
    assert [each.arm.name for each in decisions(result)] == ["best", "good", "bad"]
    lines = headline(result).splitlines()
    assert [line.split(":")[0] for line in lines] == [
        "Ship best",
        "Ship good",
        "Do not ship bad",
        "Rule",
    ]
    assert "Holm-adjusted over 3 comparisons" in lines[-1]


def test_summary_rows(small: Result) -> None:
    assert [tuple(row) for row in summary_table(small)] == [
        ("Time per session", "neural", "+10.0%", "[+4.0%, +16.0%]", "0.002"),
        ("Skip rate", "neural", "+0.10", "[−0.30, +0.50]", "0.620"),
    ]
