"""Power and users needed, sample ratio mismatch, many questions: ours and the peers'."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import splita
import tea_tasting
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import NormalIndPower, TTestIndPower

from abbotify.stats import (
    Moments,
    benjamini_hochberg,
    holm,
    mean,
    ratio_of_sums,
    sample_ratio,
)
from abbotify.stats.power import Pilot, detectable_effect, power, sample_size
from tests.peers.agreement import AGREED, ALPHA, assert_agree
from tests.peers.users import SIZES, Users

P_VALUES = (0.001, 0.008, 0.011, 0.02, 0.039, 0.041, 0.6, 0.041, 0.99)


def pilot_of(users: Users, columns: tuple[str, ...]) -> Pilot:
    """Of all users together, as tea-tasting plans."""
    values = [getattr(users, name) for name in columns]
    (everybody,) = Moments.by_arm(values, np.zeros_like(users.arm), 1)
    return Pilot.of((mean, ratio_of_sums)[len(columns) - 1](everybody))


@pytest.mark.parametrize("columns", [("time",), ("time", "sessions")])
@pytest.mark.parametrize("split", [(7_000.0, 3_000.0), (5_000.0, 5_000.0), (400.0, 600.0)])
def test_power_and_effect_are_tea_tastings(
    users: Users, columns: tuple[str, ...], split: tuple[float, float]
) -> None:
    pilot = pilot_of(users, columns)
    effect = pilot.effect_of(4)

    def theirs(wanted: str, **given: float) -> tea_tasting.metrics.MeanPowerResult:
        metric = tea_tasting.RatioOfMeans(
            *columns, ratio=split[1] / split[0], n_obs=int(sum(split)), **given
        )
        return metric.solve_power(users.table(), wanted)[0]

    found = theirs("power", rel_effect_size=0.04)
    assert_agree((power(pilot, effect, split, ALPHA), effect), (found.power, found.effect_size))
    least = detectable_effect(pilot, 0.8, split, ALPHA)
    assert_agree((least,), (theirs("effect_size", power=0.8).effect_size,))


@pytest.mark.parametrize("columns", [("time",), ("time", "sessions")])
def test_users_needed_are_tea_tastings_for_equal_arms(
    users: Users, columns: tuple[str, ...]
) -> None:
    pilot = pilot_of(users, columns)
    metric = tea_tasting.RatioOfMeans(*columns, power=0.9, rel_effect_size=0.04)
    (found,) = metric.solve_power(users.table(), "n_obs")
    needed = sample_size(pilot, pilot.effect_of(4), 0.9, ALPHA)
    assert needed is not None
    assert 0 <= found.n_obs - needed < 1  # they round up to whole users


def test_tea_tasting_has_no_users_needed_where_its_search_begins_with_less_than_one(
    users: Users,
) -> None:
    """It begins with 3 in all, of whom the smaller arm has .9."""
    metric = tea_tasting.Mean("time", power=0.9, rel_effect_size=0.04, ratio=3 / 7)
    with pytest.raises(ValueError, match="NaN"):
        metric.solve_power(users.table(), "n_obs")
    pilot = pilot_of(users, ("time",))
    needed = sample_size(pilot, pilot.effect_of(4), 0.9, ALPHA, (0.7, 0.3))
    assert needed is not None
    found = power(pilot, pilot.effect_of(4), (0.7 * needed, 0.3 * needed), ALPHA)
    assert found == pytest.approx(0.9, abs=1e-12)


def test_power_is_statsmodels_and_splitas_is_without_degrees_of_freedom() -> None:
    pilot = Pilot(10.0, 4.0)
    needed = sample_size(pilot, 1.0, 0.8, ALPHA)
    assert needed is not None
    assert_agree((0.8,), (TTestIndPower().power(0.5, needed / 2, ALPHA),))
    normal = NormalIndPower().solve_power(0.5, None, ALPHA, 0.8)
    found = splita.SampleSize.for_mean(10.0, 2.0, mde=1.0, alpha=ALPHA, power=0.8)
    assert 0 <= found.n_per_variant - normal < 1
    assert power(pilot, 1.0, (float(found.n_per_variant),) * 2, ALPHA) < 0.8
    assert power(pilot, 1.0, (64.0, 64.0), ALPHA) >= 0.8


def test_sample_ratio_mismatch_is_everybodys(users: Users) -> None:
    mine = sample_ratio(SIZES, (0.69, 0.31))
    reference = scipy_stats.chisquare(SIZES, [6_900, 3_100])
    found = splita.SRMCheck(list(SIZES), expected_fractions=[0.69, 0.31]).run()
    z_test = tea_tasting.SampleRatio({0: 0.69, 1: 0.31}, method="norm", correction=False)
    other = z_test.analyze(users.table(), 0, 1, "arm")
    assert_agree(
        (mine.statistic, mine.p_value, mine.statistic, mine.p_value, mine.p_value),
        (reference.statistic, reference.pvalue, found.chi2_statistic, found.pvalue, other.pvalue),
    )


def test_tea_tastings_default_is_corrected_for_continuity(users: Users) -> None:
    mine = sample_ratio(SIZES, (0.69, 0.31)).p_value
    assert mine is not None
    found = tea_tasting.SampleRatio({0: 0.69, 1: 0.31}).analyze(users.table(), 0, 1, "arm").pvalue
    corrected = (abs(SIZES[1] - 3_100) - 0.5) / np.sqrt(3_100 * 0.69)
    assert_agree((2 * scipy_stats.norm.sf(corrected),), (found,))
    exact = scipy_stats.binomtest(SIZES[1], sum(SIZES), 0.31).pvalue
    assert mine == pytest.approx(exact, rel=1e-4)
    assert found > 1.02 * exact


def adjusted(p_values: tuple[float, ...]) -> tuple[dict[str, list[float]], list[float]]:
    """Adjusted by tea-tasting: of the family-wise error by method, and of false discoveries."""

    class Known(tea_tasting.metrics.MetricBase[dict[str, float]]):
        def __init__(self, p: float) -> None:
            self.p = p

        def analyze(
            self, data: object, control: object, treatment: object, variant: str
        ) -> dict[str, float]:
            return {"pvalue": self.p}

    table = pa.table({"variant": [0, 1]})
    names = {f"m{i}": Known(p) for i, p in enumerate(p_values)}
    result = tea_tasting.Experiment(names).analyze(table)

    def values(found: tea_tasting.multiplicity.MultipleComparisonsResults) -> list[float]:
        rows = {row["metric"]: row["pvalue_adj"] for row in found.to_dicts()}
        return [rows[name] for name in names]

    return {
        "holm": values(
            tea_tasting.adjust_fwer(result, arbitrary_dependence=True, method="bonferroni")
        ),
        "default": values(tea_tasting.adjust_fwer(result)),
    }, values(tea_tasting.adjust_fdr(result))


def test_many_questions_are_answered_as_everybody_does() -> None:
    family_wise, discoveries = adjusted(P_VALUES)
    for ours, theirs in ((holm(P_VALUES), "holm"), (benjamini_hochberg(P_VALUES), "bh")):
        method = {"holm": "holm", "bh": "fdr_bh"}[theirs]
        peers = family_wise["holm"] if theirs == "holm" else discoveries
        assert_agree(ours, multipletests(P_VALUES, method=method)[1])
        assert_agree(
            ours, splita.MultipleCorrection(P_VALUES, method=theirs).run().adjusted_pvalues
        )
        assert_agree(ours, peers)


def test_tea_tastings_default_asks_for_correlation_that_is_not_negative() -> None:
    """Hochberg's steps with Sidak's levels: never a larger p-value than Holm's."""
    default = adjusted(P_VALUES)[0]["default"]
    for mine, theirs in zip(holm(P_VALUES), default, strict=True):
        assert mine is not None
        assert theirs <= mine + AGREED
    assert sum(default) < 0.9 * sum(p or 0 for p in holm(P_VALUES))
