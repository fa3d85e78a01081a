"""Which estimate of a success metric decides."""

from __future__ import annotations

import numpy as np
import pytest

from abbotify.stats import ArmMoments, Moments, compare
from abbotify.stats.effects import CUPED, MEAN, Estimator


def arm(name: str, shift: float, draws: np.random.Generator) -> ArmMoments:
    before = draws.normal(size=400)
    value = before + shift + draws.normal(scale=0.5, size=400)
    both = Moments.of(np.stack([value, before], 1))
    other = Moments.of(draws.normal(size=400))
    return ArmMoments(name, {"a": Moments.of(value), "b": other}, adjusted={"a": both})


@pytest.mark.parametrize(("estimator", "decides"), [("mean", MEAN), ("auto", CUPED)])
def test_holms_family_is_of_the_deciding_estimates(estimator: Estimator, decides: str) -> None:
    draws = np.random.default_rng(5)
    arms = [arm("c", 0.0, draws), arm("t", 0.1, draws)]
    rows = compare(arms, ["a", "b"], ["a", "b"], 0.05, estimator)
    family = {(row.metric, row.estimand): row for row in rows if row.p_adjusted is not None}
    # `b` has nothing from before, so its mean decides under every estimator.
    assert set(family) == {("a", decides), ("b", MEAN)}
    low, high = sorted(row.p_value or 0.0 for row in family.values())
    assert sorted(row.p_adjusted or 0.0 for row in family.values()) == pytest.approx(
        [min(1, 2 * low), max(min(1, 2 * low), high)]
    )
