"""The decision about each treatment: which rule applies first, and what is said beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from abbotify.report import Check, Result, Verdict, decisions, notes
from abbotify.report.result_rows import PairRow
from abbotify.report.text.headline import headline
from abbotify.stats.non_inferiority import INFERIOR, NON_INFERIOR, UNDECIDED, GuardrailResult
from tests.report.by_hand import Plain, effect_row, success_row

WORSE = {"effect": -0.5, "lower": -0.8, "upper": -0.2} | {
    "relative_effect": -10.0,
    "relative_lower": -16.0,
    "relative_upper": -4.0,
}


def rail(verdict: str | None, metric: str = "skip_rate") -> GuardrailResult:
    return GuardrailResult("neural", metric, 5.0, "percent", 1.0, -1.0, 3.0, 0.01, verdict)


def verdict(result: Result) -> Verdict:
    (decision,) = decisions(result)
    return decision.verdict


def warned(name: str, status: Any = "warn", arms: tuple[str, ...] = ()) -> Check:
    return Check(name, status, f"{name} is off", arms=arms)


def with_check(result: Result, *checks: Check) -> Result:
    return replace(result, checks=(*result.checks, *checks))


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), Verdict.SHIP),
        ((NON_INFERIOR, NON_INFERIOR), Verdict.SHIP),
        ((NON_INFERIOR, UNDECIDED), Verdict.UNDECIDED),
        ((NON_INFERIOR, None), Verdict.UNDECIDED),
        ((INFERIOR, NON_INFERIOR), Verdict.DO_NOT_SHIP),
    ],
)
def test_guardrails_have_to_hold(
    small: Result, verdicts: tuple[str | None, ...], expected: Verdict
) -> None:
    rails = tuple(
        rail(each, name) for each, name in zip(verdicts, ("skip_rate", "tracks"), strict=False)
    )
    assert verdict(replace(small, guardrails=rails)) is expected


def test_a_failed_check_comes_before_guardrails(small: Result) -> None:
    failed = with_check(replace(small, guardrails=(rail(INFERIOR),)), warned("any", "fail"))
    assert verdict(failed) is Verdict.INVALID


def test_guardrails_alone_do_not_ship(small: Result) -> None:
    unsure = tuple(replace(row, significant=False, p_value=0.5) for row in small.effects)
    result = replace(small, guardrails=(rail(NON_INFERIOR),), effects=unsure)
    assert verdict(result) is Verdict.UNDECIDED


@pytest.mark.parametrize("arm", ["neural", "sticky"])
def test_a_broken_arm_or_control_is_invalid(small: Result, arm: str) -> None:
    assert verdict(with_check(small, warned("errors", "fail", (arm,)))) is Verdict.INVALID


def test_another_treatments_failure_is_not_this_ones(hand: Plain) -> None:
    add_arm(hand, "als")
    result = with_check(Result.from_dict(hand), warned("errors", "fail", ("als",)))
    assert {each.arm.name: each.verdict for each in decisions(result)} == {
        "neural": Verdict.SHIP,
        "als": Verdict.INVALID,
    }


@pytest.mark.parametrize("users", [2, 99])
@pytest.mark.parametrize("side", ["n_control", "n_treatment"])
@pytest.mark.parametrize("effect", [{}, WORSE])
def test_few_users_decide_nothing(hand: Plain, users: int, side: str, effect: Plain) -> None:
    hand["effects"][0] |= {side: users, **effect}
    assert verdict(Result.from_dict(hand)) is Verdict.TOO_SMALL
    assert f" {users:,}" in headline(Result.from_dict(hand))


def test_few_degrees_of_freedom_decide_nothing(hand: Plain) -> None:
    wide, narrow = {"n": 12, "mean": 5.0, "variance": 900.0}, {"n": 900, "mean": 5.5}
    for arm, own in zip(hand["arms"], (wide, narrow | {"variance": 0.01}), strict=True):
        arm["metrics"] = {"mean_time_per_session": own}
    assert verdict(Result.from_dict(hand)) is Verdict.TOO_SMALL


def test_holm_does_not_excuse_harm(hand: Plain) -> None:
    """P = .03 among three success metrics is .09 by Holm, and harm all the same."""
    names = ["mean_time_per_session", "time", "tracks"]
    hand["scenario"]["metrics"]["success"] = names
    harmed = success_row() | WORSE | {"metric": "time", "p_value": 0.03, "p_adjusted": 0.06}
    unsure = success_row() | {"metric": "tracks", "p_value": 0.8, "p_adjusted": 0.8}
    hand["effects"] = [success_row(), harmed | {"significant": False}, unsure]
    hand["effects"][2]["significant"] = False
    result = Result.from_dict(hand)
    assert verdict(result) is Verdict.DO_NOT_SHIP
    assert "p = 0.030" in headline(result)


@pytest.mark.parametrize(
    "name", ["novelty", "pre_balance", "cuped_sign", "skew", "interference", "sample_ratio"]
)
def test_a_validity_warning_is_a_reservation(small: Result, name: str) -> None:
    result = with_check(small, warned(name, arms=("neural",)))
    assert verdict(result) is Verdict.SHIP_WITH_RESERVATIONS
    assert "with reservations" in headline(result)
    assert any(f"{name} is off" in note for note in notes(result))


def test_a_warning_about_another_arm_is_none(hand: Plain) -> None:
    add_arm(hand, "als")
    result = with_check(Result.from_dict(hand), warned("skew", arms=("als",)))
    verdicts = {each.arm.name: each.verdict for each in decisions(result)}
    assert verdicts["neural"] is Verdict.SHIP
    assert verdicts["als"] is Verdict.SHIP_WITH_RESERVATIONS


def add_arm(hand: Plain, name: str) -> None:
    """A further treatment, as good as the first one."""
    hand["arms"].append(hand["arms"][1] | {"name": name, "label": "T2"})
    hand["effects"].append(success_row() | {"arm": name})


def pair(effect: float, significant: bool) -> PairRow:
    name, half = "mean_time_per_session", 0.1
    low, high = effect - half, effect + half
    return PairRow("neural", "als", name, "mean", effect, low, high, 0.01, significant)


def test_the_best_of_several_is_shipped(hand: Plain) -> None:
    add_arm(hand, "als")
    result = replace(Result.from_dict(hand), pairs=(pair(0.3, True),))
    found = {each.arm.name: each.verdict for each in decisions(result)}
    assert found == {"neural": Verdict.SHIP, "als": Verdict.BEATS_CONTROL}
    assert "als beats the control, but neural is better" in headline(result)


def test_tied_treatments_are_said_to_be_tied(hand: Plain) -> None:
    add_arm(hand, "als")
    result = replace(Result.from_dict(hand), pairs=(pair(0.05, False),))
    assert {each.verdict for each in decisions(result)} == {Verdict.BEATS_CONTROL}
    assert "als beats the control, but is tied with neural" in headline(result)


def test_a_tie_among_those_that_lost_is_not_to_be_shipped(hand: Plain) -> None:
    add_arm(hand, "als")
    add_arm(hand, "i2i")
    tie = replace(pair(0.05, False), arm="als", against="i2i")
    rows = (pair(0.3, True), replace(pair(0.3, True), against="i2i"), tie)
    result = replace(Result.from_dict(hand), pairs=rows)
    assert {each.arm.name: each.verdict for each in decisions(result)} == {
        "neural": Verdict.SHIP,
        "als": Verdict.BEATS_CONTROL,
        "i2i": Verdict.BEATS_CONTROL,
    }
    assert "either may be shipped" not in headline(result)


def test_an_undefined_effect_is_undecided_or_too_small_but_never_shipped(hand: Plain) -> None:
    hand["effects"] = [effect_row("neural", "mean_time_per_session", note="no variance")]
    assert verdict(Result.from_dict(hand)) is Verdict.UNDECIDED
