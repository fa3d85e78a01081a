"""Each interval of a row under the name of what made it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from abbotify.stats import ArmMoments, Effect, Moments, compare
from abbotify.stats.effects import MethodEstimate, method_estimates
from tests.stats.test_compare import draws


@pytest.fixture
def row() -> Effect:
    arms = [ArmMoments(name, {"a": Moments.of(draws(1, at))}) for at, name in enumerate("CT")]
    return compare(arms, ["a"], [], 0.05)[0]


def test_a_mean_is_told_by_three(row: Effect) -> None:
    assert list(method_estimates(row)) == [
        MethodEstimate("welch", False, row.effect, row.lower, row.upper),
        MethodEstimate(
            "fieller", True, row.relative_effect, row.relative_lower, row.relative_upper
        ),
        MethodEstimate(
            "naive_relative", True, row.relative_effect, row.naive_lower, row.naive_upper
        ),
    ]
    assert all(one.excludes_zero for one in method_estimates(row))


@pytest.mark.parametrize(
    ("estimand", "names"),
    [
        ("ratio", ["delta", "delta_fieller"]),
        ("cuped", ["cuped", "cuped_fieller"]),
        ("ratio_cuped", ["ratio_cuped", "ratio_cuped_fieller"]),
        ("bootstrap", ["bootstrap", "bootstrap_relative"]),
    ],
)
def test_others_are_told_by_two(row: Effect, estimand: str, names: list[str]) -> None:
    assert [one.method for one in method_estimates(replace(row, estimand=estimand))] == names


def test_without_an_interval_nothing_is_said_of_zero() -> None:
    assert MethodEstimate("x", False, 1.0, None, None).excludes_zero is None
    assert MethodEstimate("x", False, 1.0, -1.0, 2.0).excludes_zero is False
    assert MethodEstimate("x", False, -1.0, -2.0, -0.5).excludes_zero is True
