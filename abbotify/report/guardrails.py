"""Guardrails of a run: each metric that must not get worse, tested for each treatment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from abbotify import stats
from abbotify.metrics.definitions import METRICS


def guardrail_results(
    arms: Sequence[stats.ArmMoments], guardrails: Sequence[stats.GuardrailSpec], alpha: float
) -> Iterator[stats.GuardrailResult]:
    """Every guardrail of every treatment, each by a one-sided test of its own at level alpha.

    All of them have to hold, so no test needs to know of the others.

    Args:
        arms: the control first; each has the mean of every guarded metric.
        guardrails: what is guarded.
        alpha: one-sided level.
    """
    for treatment in arms[1:]:
        for spec in guardrails:
            control = stats.mean(arms[0].means[spec.metric])
            treated = stats.mean(treatment.means[spec.metric])
            # Where neither direction is better, as of diversity, a fall is what is guarded against.
            higher = METRICS[spec.metric].direction != "lower"
            yield stats.guardrail(spec, control, treated, alpha, higher, treatment.name)


def untested(
    treatments: Sequence[str], guardrails: Sequence[stats.GuardrailSpec]
) -> Iterator[stats.GuardrailResult]:
    """Guardrails whose test has failed: none of them is kept."""
    for arm in treatments:
        for spec in guardrails:
            yield stats.GuardrailResult(
                arm, spec.metric, spec.margin, spec.unit, note="not determined"
            )
