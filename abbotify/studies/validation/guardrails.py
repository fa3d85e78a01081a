"""How often guardrails alarm and pass, beside whether the treatment does lose too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from abbotify.metrics.definitions import METRICS
from abbotify.stats.non_inferiority import PERCENT, GuardrailSpec
from abbotify.studies.validation.characteristics import Characteristic, rate
from abbotify.studies.validation.methods import GUARDRAIL, Key
from abbotify.studies.validation.rates import (
    FALSE_ALARMS,
    FALSE_PASSES,
    PASSES,
    counted,
    metric_of,
)
from abbotify.studies.validation.replications import Trials
from abbotify.studies.validation.sampler import EFFECT, NOTHING

_WHY = "one-sided: skewness moves its level where it does not move a two-sided one"


def rows(
    trials: Trials, rails: Sequence[GuardrailSpec], alpha: float, several: bool
) -> Iterator[Characteristic]:
    """The rates of every guardrail and treatment; none of them is gated.

    A false alarm is a loss found beyond the margin in A/A experiments. To pass is to be found
    non-inferior; that is false where the true loss is the margin or more.

    Args:
        trials: with their truths.
        rails: what is guarded.
        alpha: one-sided level.
        several: there are several treatments.
    """
    margins = {rail.metric: rail for rail in rails}
    for at, key in enumerate(trials.keys):
        if key.method != GUARDRAIL:
            continue
        rail, metric = margins[key.metric], metric_of(key, several)
        lower = trials.values[:, NOTHING, at, 1]
        alarms = np.where(np.isnan(lower), np.nan, lower > rail.margin)
        counts = counted(alarms)
        yield rate(GUARDRAIL, metric, FALSE_ALARMS, *counts, alpha, at_most=True, why=_WHY)
        counts = counted(trials.significant(at, EFFECT))
        if true_loss(trials, key, rail) >= rail.margin:
            yield rate(GUARDRAIL, metric, FALSE_PASSES, *counts, alpha, at_most=True, why=_WHY)
        else:
            yield rate(GUARDRAIL, metric, PASSES, *counts)


def true_loss(trials: Trials, key: Key, rail: GuardrailSpec) -> float:
    """How much worse the treatment is, in the margin's units; negative where it is better."""
    method = "fieller" if rail.unit == PERCENT else "welch"
    effect = float(trials.truths[0, trials.keys.index(key._replace(method=method))])
    return effect if METRICS[key.metric].direction == "lower" else -effect
