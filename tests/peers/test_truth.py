"""Where definitions differ: what each of them makes of a known truth, as docs/peers.md has it.

Users are drawn anew in each replication, so the truth is that of their distribution.
"""

from __future__ import annotations

import math
import re
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom

from abbotify.stats import (
    Contrast,
    Estimate,
    Lift,
    Moments,
    cuped_means,
    difference,
    mean,
    relative,
)
from tests.peers.agreement import ALPHA, log_delta, pooled
from tests.peers.users import generator

PAGE = (Path(__file__).parents[2] / "docs" / "peers.md").read_text(encoding="utf-8")
REPLICATIONS = 1000
USERS = 1000
SIGMA = math.sqrt(math.log(2))  # lognormal of CV 1


def published(row: str) -> list[float]:
    """The numbers of the page's row that begins so, per cent as fractions."""
    found = re.search(rf"^\| {re.escape(row)} \| (.*) \|$", PAGE, re.MULTILINE)
    assert found, f"docs/peers.md has no row {row}"
    cells = found[1].split(" | ")
    return [float(c.removesuffix(" %")) / (100 if c.endswith("%") else 1) for c in cells]


def excludes(bounds: Contrast | Lift, truth: float) -> bool:
    assert bounds.lower is not None
    assert bounds.upper is not None
    return not bounds.lower <= truth <= bounds.upper


def within_band(misses: int, replications: int) -> bool:
    low, high = binom.interval(0.999, replications, ALPHA)
    return bool(low <= misses <= high)


def theory(share: float, slopes: tuple[float, float]) -> tuple[float, float, float]:
    """Standard deviations of the difference: raw, with one slope, with a slope for each arm.

    The covariate and the noise have variance 1. One slope is the mean of the arms', weighted by
    their users. The mean covariate of all cancels with one slope, not with two.
    """
    sizes = (USERS * (1 - share), USERS * share)
    noise = sum(1 / n for n in sizes)
    one = (1 - share) * slopes[0] + share * slopes[1]
    raw = sum(b**2 / n for b, n in zip(slopes, sizes, strict=True))
    left = sum((b - one) ** 2 / n for b, n in zip(slopes, sizes, strict=True))
    lin = (slopes[1] - slopes[0]) ** 2 / USERS
    return math.sqrt(raw + noise), math.sqrt(left + noise), math.sqrt(lin + noise)


@pytest.mark.parametrize(
    ("share", "slopes", "row"),
    [
        (0.1, (-1.0, 3.0), "10 %, -1 and 3"),
        (0.1, (1.0, 2.0), "10 %, 1 and 2"),
        (0.1, (1.0, 1.0), "10 %, 1 and 1"),
        (0.5, (-1.0, 3.0), "50 %, -1 and 3"),
    ],
)
def test_error_of_cuped_with_one_slope_and_with_two(
    share: float, slopes: tuple[float, float], row: str
) -> None:
    arm = (np.arange(USERS) < USERS * share).astype(int)
    effects = np.empty((REPLICATIONS, 3))
    misses = [0, 0, 0]
    for i in range(REPLICATIONS):
        before, noise = generator(81, i).standard_normal((2, USERS))
        arms = Moments.by_arm(
            [np.where(arm, slopes[1], slopes[0]) * before + noise, before], arm, 2
        )
        adjusted = cuped_means(arms)
        pairs = ((adjusted.raw[0], adjusted.raw[1]), pooled(arms), adjusted.pair(1))
        for j, pair in enumerate(pairs):
            found = difference(*pair, ALPHA)
            assert found.effect is not None
            effects[i, j] = found.effect
            misses[j] += excludes(found, 0)
    errors = effects.std(axis=0)
    np.testing.assert_allclose(errors, theory(share, slopes), rtol=0.08)  # 3.5 standard errors
    assert all(within_band(missed, REPLICATIONS) for missed in misses)
    np.testing.assert_allclose(published(row), errors, atol=0.00051)


def lognormal(i: int, sizes: tuple[int, int], lift: float) -> tuple[Estimate, Estimate]:
    values = np.exp(SIGMA * generator(82, i).standard_normal(sum(sizes)))
    control, treatment = values[: sizes[0]], (1 + lift) * values[sizes[0] :]
    return mean(Moments.of(control)), mean(Moments.of(treatment))


@pytest.mark.parametrize(
    ("sizes", "lift", "row"),
    [
        ((50, 50), 0.0, "50, 50, lift 0 %"),
        ((50, 50), 0.5, "50, 50, lift 50 %"),
        ((1000, 1000), 0.0, "1,000, 1,000, lift 0 %"),
        ((9000, 1000), 0.0, "9,000, 1,000, lift 0 %"),
    ],
)
def test_intervals_of_lifts_cover_alike_but_only_fiellers_agrees_with_the_test(
    sizes: tuple[int, int], lift: float, row: str
) -> None:
    replications = 2 * REPLICATIONS
    misses = log_misses = contradictions = 0
    for i in range(replications):
        pair = lognormal(i, sizes, lift)
        bounds = relative(*pair, ALPHA)
        low, high = log_delta(*pair)
        p_value = difference(*pair, ALPHA).p_value
        assert p_value is not None
        found = p_value < ALPHA
        assert excludes(bounds, 0) == found
        misses += excludes(bounds, 100 * lift)
        log_misses += not low <= lift <= high
        contradictions += (low > 0 or high < 0) != found
    assert within_band(misses, replications)
    assert within_band(log_misses, replications)
    assert contradictions > 0
    shown = [1 - misses / replications, 1 - log_misses / replications]
    np.testing.assert_allclose(
        published(row), [*shown, contradictions / replications], atol=0.00051
    )


def test_an_interval_of_logarithms_is_bounded_whatever_the_control() -> None:
    """A control 1.5 standard errors from 0 may be 0: no finite interval of a ratio is right."""
    control, treatment = Estimate(100, 1.5, 1.0), Estimate(100, 3.0, 1.0)
    assert relative(control, treatment, ALPHA).lower is None
    low, high = log_delta(control, treatment)
    assert -0.7 < low < high < 10


@pytest.mark.parametrize("package", ["tea-tasting", "splita", "scipy", "statsmodels"])
def test_the_page_names_the_versions_compared(package: str) -> None:
    assert f"{package} {version(package)}" in PAGE
