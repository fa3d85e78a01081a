"""What may make an effect look other than it is: each check's verdict, and when there is none."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from abbotify.report.checks import validity
from abbotify.report.result import Arm, Check
from abbotify.report.result_rows import Look, Trend
from abbotify.stats import EFFECT_COLUMNS, ArmMoments, Effect, Moments
from abbotify.stats.normal import Shape
from tests.stats.test_compare import draws

TIME = "mean_time_per_session"


def only(checks: Iterable[Check]) -> Check:
    (check,) = checks
    return check


def before(name: str, shift: float) -> ArmMoments:
    """An arm whose users had some value before, and the same metric whatever it was."""
    table = np.stack([draws(7, 0.0), draws(8 + int(shift > 0), shift)], axis=1)
    return ArmMoments(name, {}, adjusted={TIME: Moments.of(table)})


@pytest.mark.parametrize(("shift", "status"), [(0.0, "pass"), (2.0, "warn")])
def test_arms_that_differed_before_are_told(shift: float, status: str) -> None:
    check = only(validity.balance([before("C", 0.0), before("T", shift)], [TIME]))
    assert (check.name, check.status) == ("pre_balance", status)
    assert ("T, time per session before" in check.summary) == (status == "warn")


def test_without_days_before_there_is_no_balance() -> None:
    assert not list(validity.balance([ArmMoments("C", {}), ArmMoments("T", {})], [TIME]))


def effect(estimand: str, value: float, p_value: float | None) -> Effect:
    row: dict[str, Any] = dict.fromkeys(EFFECT_COLUMNS)
    row |= {"arm": "T", "metric": TIME, "estimand": estimand, "note": ""}
    return Effect(**row | {"effect": value, "p_value": p_value})


@pytest.mark.parametrize(
    ("raw", "adjusted", "status"),
    [
        ((1.0, 0.01), (-0.5, 0.3), "warn"),
        ((1.0, 0.3), (-0.5, 0.01), "warn"),
        ((1.0, 0.3), (-0.5, 0.4), "pass"),  # both may be 0
        ((1.0, 0.01), (0.5, 0.01), "pass"),
        ((1.0, 0.01), (0.5, None), "info"),
    ],
)
def test_an_effect_that_turns_round_is_told(
    raw: tuple[float, float], adjusted: tuple[float, float | None], status: str
) -> None:
    rows = [effect("mean", *raw), effect("cuped", *adjusted)]
    assert only(validity.sign_flips(rows, [TIME], 0.05)).status == status
    assert not list(validity.sign_flips(rows[:1], [TIME], 0.05))


ARMS = (Arm("base", "C", True, 900), Arm("neural", "T1", False, 100))


@pytest.mark.parametrize(
    ("sizes", "skewness", "guarded", "status"),
    [
        ((5000, 5000), 6.0, (), "pass"),
        ((900, 100), 6.0, (), "warn"),
        ((900, 100), 0.0, (), "pass"),
        ((9000, 1000), 6.0, (), "pass"),
        ((9000, 1000), 6.0, (TIME,), "warn"),  # one-sided tests are off sooner
    ],
)
def test_skew_with_unequal_arms_is_told(
    sizes: tuple[int, int], skewness: float, guarded: tuple[str, ...], status: str
) -> None:
    shapes = {TIME: tuple(Shape(n, 1.0, skewness) for n in sizes)}
    assert only(validity.skew(ARMS, shapes, guarded)).status == status


def test_skew_is_not_tested_without_variance() -> None:
    shapes = {TIME: (Shape(5, 0.0, 0.0), Shape(5, 0.0, 0.0))}
    assert only(validity.skew(ARMS, shapes, ())).status == "info"
    assert not list(validity.skew(ARMS, {}, ()))


@pytest.mark.parametrize(("fading", "status"), [(True, "warn"), (False, "pass"), (None, "info")])
def test_a_fading_effect_is_told(fading: bool | None, status: str) -> None:
    trend = Trend("time", (), 50, -2.0, -3.0, -1.0, 0.01, fading)
    arms = (ARMS[0], replace(ARMS[1], trend=trend))
    check = only(validity.trends(arms))
    assert check.status == status
    assert ("neural by -2 points a day" in check.summary) == bool(fading)
    assert not list(validity.trends(ARMS))


@pytest.mark.parametrize(
    ("users", "p_value", "status"), [(900, 0.2, "pass"), (900, 1e-5, "fail"), (0, 1.0, "info")]
)
def test_sizes_are_watched(users: int, p_value: float, status: str) -> None:
    look = Look(3, users, 0.5, 1.0, 0.5, 1.5, 2.0, True, 0.1, 1.9, 0.01, p_value)
    arms = (replace(ARMS[0], users=users), replace(ARMS[1], users=0, looks=(look,)))
    assert only(validity.watched_ratio(arms)).status == status
    unknown = replace(arms[1], looks=(replace(look, sample_ratio_p=None),))
    assert not list(validity.watched_ratio((arms[0], unknown)))
