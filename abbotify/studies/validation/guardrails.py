"""How often guardrails alarm and pass, beside whether the treatment does lose too much."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from abbotify.metrics.definitions import METRICS
from abbotify.stats.non_inferiority import PERCENT, GuardrailSpec
from abbotify.studies.validation.characteristics import rate
from abbotify.studies.validation.methods import GUARDRAIL, Key
from abbotify.studies.validation.rates import FALSE_ALARMS, FALSE_PASSES, PASSES, Row
from abbotify.studies.validation.replications import Trials
from abbotify.studies.validation.sampler import EFFECT, NOTHING

_WHY = "one-sided: skewness moves its level where it does not move a two-sided one"


def rows(
    trials: Trials, rails: Sequence[GuardrailSpec], alpha: float, several: bool
) -> Iterator[Row]:
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
        rail = margins[key.metric]
        metric = f"{key.metric}:{key.arm}" if several else key.metric
        lower = trials.said[:, NOTHING, at, 1]
        defined = lower[~np.isnan(lower)]
        alarms = int((defined > rail.margin).sum())
        found = rate(GUARDRAIL, metric, FALSE_ALARMS, alarms, len(defined), alpha, at_most=True)
        yield Row(found, _WHY)
        passed = trials.significant(at, EFFECT)
        passed = passed[~np.isnan(passed)]
        hits, of = int(passed.sum()), len(passed)
        if true_loss(trials, key, rail) >= rail.margin:
            found = rate(GUARDRAIL, metric, FALSE_PASSES, hits, of, alpha, at_most=True)
            yield Row(found, _WHY)
        else:
            yield Row(rate(GUARDRAIL, metric, PASSES, hits, of))


def true_loss(trials: Trials, key: Key, rail: GuardrailSpec) -> float:
    """How much worse the treatment is, in the margin's units; negative where it is better."""
    method = "fieller" if rail.unit == PERCENT else "welch"
    effect = float(trials.truths[0, trials.keys.index(key._replace(method=method))])
    return effect if METRICS[key.metric].direction == "lower" else -effect
