"""The bootstrap against the formulas it is a second opinion on, and against scipy's own."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from abbotify.stats import (
    Contrast,
    Estimate,
    Lift,
    Moments,
    bootstrap,
    difference,
    mean,
    ratio_of_sums,
    relative,
)
from abbotify.stats.resampling import LARGEST_BCA

Floats = NDArray[np.float64]
ALPHA = 0.05


def generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array(key, dtype=np.uint64)))


def values(n: int, key: int, factor: float = 1.0) -> Floats:
    return factor * np.exp(0.5 * generator(81, key).standard_normal(n))


def sessions(n: int, key: int, factor: float = 1.0) -> Floats:
    g = generator(82, key)
    counts = 1.0 + g.poisson(2, n)
    return np.column_stack([factor * counts * np.exp(0.4 * g.standard_normal(n)), counts])


def estimate(rows: Floats) -> Estimate:
    return mean(Moments.of(rows)) if rows.ndim == 1 else ratio_of_sums(Moments.of(rows))


@pytest.mark.parametrize("make", [values, sessions])
@pytest.mark.parametrize(("sizes", "method"), [((900, 600), "BCa"), ((900, 10_001), "percentile")])
def test_agrees_with_welch_and_fieller(
    make: Callable[..., Floats], sizes: tuple[int, int], method: str
) -> None:
    # 4 000 replicates: an end's standard error is 1 % of the width.
    control, treatment = make(sizes[0], 1), make(sizes[1], 2, 1.2)
    result = bootstrap(control, treatment, ALPHA, seed=5, draws=4000)
    assert result.method == method
    pair = estimate(control), estimate(treatment)
    compared: list[tuple[Contrast | Lift, Contrast | Lift]] = [
        (result.difference, difference(*pair, ALPHA)),
        (result.lift, relative(*pair, ALPHA)),
    ]
    for ours, formula in compared:
        assert ours.effect == pytest.approx(formula.effect, rel=1e-11)
        assert formula.lower is not None
        assert formula.upper is not None
        width = formula.upper - formula.lower
        assert ours.lower == pytest.approx(formula.lower, abs=0.05 * width)
        assert ours.upper == pytest.approx(formula.upper, abs=0.05 * width)


def test_bca_is_scipys_of_the_values_themselves() -> None:
    # Small and skewed, where BCa and the percentile differ by more than a tenth of the width.
    control, treatment = values(400, 3), values(15, 4) ** 3
    ours = bootstrap(control, treatment, ALPHA, seed=1, draws=20_000).difference
    theirs = stats.bootstrap(
        (control, treatment),
        lambda one, other, axis: other.mean(axis=axis) - one.mean(axis=axis),
        vectorized=True,
        n_resamples=20_000,
        method="BCa",
        rng=generator(83, 1),
    )
    low, high = theirs.confidence_interval
    plain = np.quantile(theirs.bootstrap_distribution, [0.025, 0.975])
    assert ours.lower == pytest.approx(low, abs=0.03 * (high - low))
    assert ours.upper == pytest.approx(high, abs=0.03 * (high - low))
    assert np.abs(plain - [low, high]).max() > 0.1 * (high - low)


def test_bca_and_percentile_meet_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["abbotify.stats.resampling"], "LARGEST_BCA", 1000)
    control, treatment = values(1000, 5), values(1000, 6)
    bca = bootstrap(control, treatment, ALPHA, seed=1)
    more = bootstrap(np.append(control, 1.0), treatment, ALPHA, seed=1)
    assert (bca.method, more.method) == ("BCa", "percentile")
    assert LARGEST_BCA == 10_000
    for one, other in ((bca.difference, more.difference), (bca.lift, more.lift)):
        assert one.lower is not None
        assert one.upper is not None
        assert one.lower == pytest.approx(other.lower, abs=0.08 * (one.upper - one.lower))
        assert one.upper == pytest.approx(other.upper, abs=0.08 * (one.upper - one.lower))


def test_ones_as_denominators_are_means() -> None:
    control, treatment = values(50, 7), values(60, 8)
    ones, others = (np.column_stack([a, np.ones(len(a))]) for a in (control, treatment))
    one = bootstrap(control, treatment, ALPHA, seed=1, draws=500)
    assert bootstrap(ones, others, ALPHA, seed=1, draws=500) == one


def test_the_seed_alone_decides() -> None:
    control, treatment = values(50, 9), values(60, 10)
    one = bootstrap(control, treatment, ALPHA, seed=1, draws=500)
    assert bootstrap(control, treatment, ALPHA, seed=1, draws=500) == one
    assert bootstrap(control, treatment, ALPHA, seed=2, draws=500) != one


@pytest.mark.parametrize(
    ("control", "treatment", "note"),
    [
        ([1.0], [1.0, 2.0], "control: fewer than 2 users to resample"),
        ([1.0, 2.0], [], "treatment: fewer than 2 users to resample"),
        ([1.0, 1.0], [3.0, 3.0], "no variance in either arm: no interval"),
    ],
)
def test_undefined_is_none_with_the_reason(
    control: list[float], treatment: list[float], note: str
) -> None:
    result = bootstrap(control, treatment, ALPHA, seed=1)
    assert result.difference.lower is result.lift.lower is None
    assert result.difference.note == result.lift.note == note
    assert result.method == ""


def test_no_denominator() -> None:
    result = bootstrap(np.zeros((5, 2)), sessions(5, 11), ALPHA, seed=1)
    assert result.difference.note == "control: the denominator is 0"


def test_resamples_without_a_value_give_no_interval() -> None:
    # Two of five users are there: 8 % of the resampled arms hold neither.
    control = sessions(5, 12)
    control[2:] = 0
    result = bootstrap(control, sessions(50, 13), ALPHA, seed=1, draws=500)
    assert result.difference.lower is result.lift.lower is None
    assert result.difference.effect is not None
    assert result.difference.note == "resampled arms are all alike, or have no value: no interval"


def test_a_control_of_zeros_has_no_lift() -> None:
    result = bootstrap(np.zeros(20), values(20, 14), ALPHA, seed=1, draws=500)
    assert result.lift.effect is result.lift.lower is None
    assert result.lift.note == "control is 0: no relative effect"
    assert result.difference.lower is not None


def test_refuses_wrong_arguments() -> None:
    with pytest.raises(ValueError, match="alpha"):
        bootstrap([1.0, 2.0], [1.0, 2.0], 0.0, seed=1)
    with pytest.raises(ValueError, match="shape"):
        bootstrap(np.zeros((3, 3)), [1.0, 2.0], ALPHA, seed=1)
    with pytest.raises(ValueError, match="both arms"):
        bootstrap(np.ones((3, 2)), [1.0, 2.0], ALPHA, seed=1)
    with pytest.raises(ValueError, match="finite"):
        bootstrap([1.0, np.nan], [1.0, 2.0], ALPHA, seed=1)
