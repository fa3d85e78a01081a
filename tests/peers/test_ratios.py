"""Ratios of sums over users by the delta method: ours, tea-tasting's and splita's."""

from __future__ import annotations

import splita
import tea_tasting

from abbotify.stats import difference, ratio_of_sums, relative
from tests.peers.agreement import ALPHA, assert_agree, log_delta, numbers
from tests.peers.users import Users


def test_a_ratio_is_tea_tastings(users: Users) -> None:
    found = tea_tasting.RatioOfMeans("time", "sessions").analyze(users.table(), 0, 1, "arm")
    control, treatment = (ratio_of_sums(arm) for arm in users.moments("time", "sessions"))
    mine = difference(control, treatment, ALPHA)
    lift = relative(control, treatment, ALPHA).effect
    assert lift is not None
    assert_agree(
        (
            control.value,
            treatment.value,
            *numbers(mine),
            lift / 100,
            *log_delta(control, treatment),
        ),
        (
            found.control,
            found.treatment,
            found.effect_size,
            found.effect_size_ci_lower,
            found.effect_size_ci_upper,
            found.statistic,
            found.pvalue,
            found.rel_effect_size,
            found.rel_effect_size_ci_lower,
            found.rel_effect_size_ci_upper,
        ),
    )


def test_a_ratio_is_splitas_but_for_its_p_value(users: Users) -> None:
    (y, d), (y_treated, d_treated) = (users.of(arm, "time", "sessions") for arm in (0, 1))
    found = splita.Experiment(
        y,
        y_treated,
        metric="ratio",
        control_denominator=d,
        treatment_denominator=d_treated,
    ).run()
    control, treatment = (ratio_of_sums(arm) for arm in users.moments("time", "sessions"))
    mine = difference(control, treatment, ALPHA)
    assert_agree(numbers(mine)[:3], (found.lift, found.ci_lower, found.ci_upper))
    # It tests the residuals, whose mean is 0 in either arm by construction: p is 1 for any data.
    assert mine.p_value is not None
    assert mine.p_value < ALPHA
    assert found.ci_lower > 0
    assert found.pvalue > 0.999
