"""Bootstrap and quantiles: ours and tea-tasting's."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
import tea_tasting

from abbotify.rng import Purpose, Stream, generator_seed
from abbotify.stats import bootstrap, quantile_effect
from tests.peers.agreement import ALPHA, assert_agree
from tests.peers.users import Users, made

DRAWS = 1000


def same_draws(seed: int) -> np.random.Generator:
    """The generator that our bootstrap makes of a seed."""
    key = generator_seed(seed, Purpose.BOOTSTRAP, Stream.ESTIMATE)
    return np.random.Generator(np.random.Philox(key=key))


def test_the_bootstrap_is_tea_tastings_to_the_draw() -> None:
    users = made((700, 300), 0.2, 2)
    mean = partial(np.mean)
    metric = tea_tasting.Bootstrap(
        "time", mean, n_resamples=DRAWS, batch=2**22 // 700, rng=same_draws(5)
    )
    found = metric.analyze(users.table(), 0, 1, "arm")
    (control,), (treatment,) = users.of(0, "time"), users.of(1, "time")
    mine = bootstrap(control, treatment, ALPHA, seed=5, draws=DRAWS)
    assert mine.method == "BCa"
    lift = mine.lift
    assert_agree(
        [
            mine.difference.effect,
            mine.difference.lower,
            mine.difference.upper,
            *(end / 100 for end in (lift.effect, lift.lower, lift.upper) if end is not None),
        ],
        [
            found.effect_size,
            found.effect_size_ci_lower,
            found.effect_size_ci_upper,
            found.rel_effect_size,
            found.rel_effect_size_ci_lower,
            found.rel_effect_size_ci_upper,
        ],
    )


@pytest.mark.parametrize("quantile", [0.5, 0.9])
def test_quantiles_are_tea_tastings_within_the_error_of_resampling(
    users: Users, quantile: float
) -> None:
    """They resample users, we the rank of one; and the quantile lies between other neighbours."""
    metric = tea_tasting.Quantile(
        "time", quantile, n_resamples=2 * DRAWS, batch=100, method="percentile", rng=same_draws(6)
    )
    found = metric.analyze(users.table(), 0, 1, "arm")
    (control,), (treatment,) = users.of(0, "time"), users.of(1, "time")
    mine = quantile_effect(control, treatment, quantile, ALPHA, seed=6).difference
    width = found.effect_size_ci_upper - found.effect_size_ci_lower
    assert mine.effect == pytest.approx(found.effect_size, abs=0.03 * width)
    assert mine.lower == pytest.approx(found.effect_size_ci_lower, abs=0.06 * width)
    assert mine.upper == pytest.approx(found.effect_size_ci_upper, abs=0.06 * width)
