"""The decision about each treatment, and the rule it follows from.

Ship when at least one success metric is significantly better, none is significantly worse, every
guardrail is non-inferior and no check has failed. A metric of which neither direction is better
(`Metric.direction`) never decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from abbotify.report.document import Arm, Check, Document
from abbotify.report.labels import metric
from abbotify.stats import Effect
from abbotify.stats.effects import CUPED, deciding_estimand
from abbotify.stats.guardrails import INFERIOR, NON_INFERIOR


class Verdict(StrEnum):
    """What to do with a treatment."""

    SHIP = "Ship"
    HOLD = "Do not ship"
    UNDECIDED = "No decision"
    BLOCKED = "Not valid"


@dataclass(frozen=True)
class Decision:
    """A verdict and what it rests on.

    Attributes:
        arm: the treatment.
        verdict: what to do with it.
        effect: the effect that decided, or the first success metric's; None when there is none.
        better: success metrics significantly better than the control's.
        worse: success metrics significantly worse.
        failed: checks that make the comparison invalid.
    """

    arm: Arm
    verdict: Verdict
    effect: Effect | None
    better: tuple[Effect, ...]
    worse: tuple[Effect, ...]
    failed: tuple[Check, ...]


def decisions(document: Document) -> tuple[Decision, ...]:
    """One decision for each treatment, best first; those without an effect come last."""
    decided = [_decide(document, arm) for arm in document.treatments]
    return tuple(sorted(decided, key=_rank))


def success_metrics(document: Document) -> tuple[str, ...]:
    """The metrics the decision rests on, as declared; for a foreign log those adjusted together."""
    declared = _declared(document)
    if declared:
        return declared
    adjusted = [row.metric for row in document.effects if row.p_adjusted is not None]
    return tuple(dict.fromkeys(adjusted))


def decisive(document: Document) -> tuple[Effect, ...]:
    """The rows that decide: success metrics, by the run's estimator."""
    names, estimator = success_metrics(document), document.run.estimator
    adjusted = {row.metric for row in document.effects if row.estimand == CUPED}
    rows = [
        row
        for row in document.effects
        if row.metric in names
        and row.estimand == deciding_estimand(estimator, row.metric in adjusted)
    ]
    return tuple(sorted(rows, key=lambda row: names.index(row.metric)))


def is_adjusted(document: Document) -> bool:
    """Whether any of the rows that decide is adjusted for the days before."""
    return any(row.estimand == CUPED for row in decisive(document))


def direction(effect: Effect) -> int:
    """+1 significantly better, -1 significantly worse, 0 neither."""
    return int(_gain(effect) > 0) - int(_gain(effect) < 0) if effect.significant else 0


def _gain(effect: Effect) -> float:
    """The effect, positive where it is for the better; 0 where neither direction is better."""
    sign = {"higher": 1.0, "lower": -1.0, None: 0.0}[metric(effect.metric).direction]
    return sign * (effect.effect or 0.0)


def _decide(document: Document, arm: Arm) -> Decision:
    rows = [row for row in decisive(document) if row.arm == arm.name]
    better = tuple(row for row in rows if direction(row) > 0)
    worse = tuple(row for row in rows if direction(row) < 0)
    failed = tuple(check for check in document.checks if check.status == "fail")
    verdicts = {rail.verdict for rail in document.guardrails if rail.arm == arm.name}
    harmed, unsure = bool(worse) or INFERIOR in verdicts, bool(verdicts - {INFERIOR, NON_INFERIOR})
    verdict = _verdict(bool(better), harmed, unsure, bool(failed))
    told = worse or better or tuple(rows)
    effect = told[0] if told else None
    return Decision(arm, verdict, effect, better, worse, failed)


def _verdict(better: bool, harmed: bool, unsure: bool, failed: bool) -> Verdict:
    if failed:
        return Verdict.BLOCKED
    if harmed:
        return Verdict.HOLD
    return Verdict.SHIP if better and not unsure else Verdict.UNDECIDED


def _rank(decision: Decision) -> tuple[int, float]:
    order = (Verdict.SHIP, Verdict.UNDECIDED, Verdict.HOLD, Verdict.BLOCKED)
    row = decision.effect
    if row is None or row.effect is None:
        return len(order), 0.0
    return order.index(decision.verdict), -_gain(row)


def _declared(document: Document) -> tuple[str, ...]:
    metrics = document.scenario.get("metrics")
    names: object = metrics.get("success") if isinstance(metrics, dict) else None
    return tuple(map(str, names)) if isinstance(names, Iterable) and names else ()
