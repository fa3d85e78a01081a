"""Guardrails of a run: each metric that must not get worse, tested for each treatment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abbotify import stats
from abbotify.metrics.definitions import METRICS
from abbotify.report.result_rows import GuardrailRow
from abbotify.stats.non_inferiority import (
    PERCENT,
    GuardrailSpec,
    guardrail,
    relative_guardrail,
)


def guard(
    arms: Sequence[stats.ArmMoments], rails: Sequence[GuardrailSpec], alpha: float
) -> Iterator[GuardrailRow]:
    """Every guardrail of every treatment, each by a one-sided test of its own at level alpha.

    All of them have to hold, so no test needs to know of the others.

    Args:
        arms: the control first; each has the mean of every guarded metric.
        rails: what is guarded.
        alpha: one-sided level.
    """
    for treatment in arms[1:]:
        for rail in rails:
            pair = (
                stats.mean(arms[0].means[rail.metric]),
                stats.mean(treatment.means[rail.metric]),
            )
            test = relative_guardrail if rail.unit == PERCENT else guardrail
            # Where neither direction is better, as of diversity, a fall is what is guarded against.
            higher = METRICS[rail.metric].direction != "lower"
            found = test(*pair, rail.margin, alpha, higher)
            yield GuardrailRow(
                treatment.name,
                rail.metric,
                rail.margin,
                rail.unit,
                found.loss,
                found.lower,
                found.upper,
                found.p_value,
                found.verdict,
                found.note,
            )
