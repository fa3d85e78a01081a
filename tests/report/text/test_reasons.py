"""Reasons and cautions of a decision, a sentence each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abbotify.report import Result, Verdict, decisions, notes
from abbotify.report.text.headline import headline
from abbotify.report.text.reasons import cautions, contradiction, decision_row, too_small
from abbotify.report.true_effects import TruthRow
from tests.report.by_hand import Plain, success_row
from tests.report.test_decision import WORSE, verdict


def test_what_got_worse_stands_under_the_verdict(hand: Plain) -> None:
    hand["effects"][1] |= {"p_value": 0.01, "significant": True}
    (note,) = notes(Result.from_dict(hand))
    assert note.startswith("Significantly worse, though not a success metric: Skip rate (")


def test_a_median_against_its_mean_stands_under_the_verdict(hand: Plain) -> None:
    hand["effects"].append(success_row() | WORSE | {"estimand": "quantile_0.5"})
    hand["effects"][-1] |= dict.fromkeys(("p_value", "p_adjusted", "significant"))
    (note,) = notes(Result.from_dict(hand))
    assert "median of time per session moves in the opposite direction to the mean: −10.0%" in note


@pytest.mark.parametrize(("true", "sign", "said"), [(-2.9, 1, True), (2.9, 1, False)])
def test_the_truth_has_the_last_word(hand: Plain, true: float, sign: int, said: bool) -> None:
    result = with_truth(Result.from_dict(hand), true)
    assert ("true effect contradicts this" in headline(result)) is said
    hand["effects"][0] |= WORSE
    result = with_truth(Result.from_dict(hand), true)
    assert verdict(result) is Verdict.DO_NOT_SHIP
    assert ("true effect contradicts this" in headline(result)) is not said


def with_truth(result: Result, value: float) -> Result:
    numbers = (None, None, None, value, None, None)
    row = TruthRow("neural", "mean_time_per_session", "total", "fieller", "percent", *numbers)
    return replace(result, truth=(row,))


def test_an_undecided_effect_says_how_many_users_would_decide(hand: Plain) -> None:
    """Z = .5 / (.6 / 1.96) = 1.63: (1.96 + .84)^2 / 1.63^2 = 2.94 times the 200 users."""
    hand["effects"][0] |= {"lower": -0.1, "upper": 1.1, "p_value": 0.1, "significant": False}
    result = Result.from_dict(hand)
    (decision,) = decisions(result)
    (outlook,) = cautions(result, decision)
    assert "About 590 users in total (2.9 times as many)" in outlook


def test_no_effect_at_all_takes_no_number_of_users(hand: Plain) -> None:
    hand["effects"][0] |= {"effect": 0.0, "lower": -0.6, "upper": 0.6, "p_value": 1.0}
    hand["effects"][0] |= {"significant": False}
    assert any("thousand times" in note for note in notes(Result.from_dict(hand)))


def test_the_row_of_a_decision_is_plain(hand: Plain) -> None:
    result = Result.from_dict(hand)
    (decision,) = decisions(result)
    row = decision_row(result, decision)
    assert (row.arm, row.verdict) == ("neural", "ship")
    assert row.reasons[0].startswith("Time per session (+10.0% [+4.0%, +16.0%], p = 0.002)")


def test_without_a_truth_nothing_is_contradicted(small: Result) -> None:
    (decision,) = decisions(small)
    assert contradiction(small, decision) == ""


def test_the_users_missing_for_a_decision_are_named(small: Result) -> None:
    assert too_small(small, small.effects[0]) == (
        "Users with time per session: neural 100, sticky 100; a decision needs 100 in each arm and "
        "30 degrees of freedom."
    )
