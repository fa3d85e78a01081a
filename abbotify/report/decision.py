"""The decision about each treatment: the first of five rules that applies, and its reasons.

Invalid when a check that concerns the arm or the control failed; too small below 100 users an arm
or 30 degrees of freedom; do not ship when a success metric is worse or a guardrail inferior; ship
when a success metric is better and every guardrail non-inferior; else undecided. A metric of which
neither direction is better (`Metric.direction`) never decides.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from abbotify.report.result import Arm, Check, Result
from abbotify.report.result_rows import PairRow
from abbotify.report.text.labels import metric
from abbotify.stats import Effect
from abbotify.stats.contrast import welch_df
from abbotify.stats.effects import CUPED, LEAST_USERS, deciding_estimand
from abbotify.stats.non_inferiority import INFERIOR, NON_INFERIOR

LEAST_DF: Final = 30.0
"""Welch's degrees of freedom, likewise."""

RESERVATIONS: Final = (
    "novelty",
    "pre_balance",
    "cuped_sign",
    "skew",
    "interference",
    "sample_ratio",
)
"""Checks whose warning puts a reservation on shipping."""

UNDETERMINED: Final = "undetermined"
"""The key, in a check's details, of why it could not be made: such a check is a reservation too."""


class Verdict(StrEnum):
    """What to do with a treatment, the best first."""

    SHIP = "ship"
    SHIP_WITH_RESERVATIONS = "ship_with_reservations"
    BEATS_CONTROL = "beats_control"
    UNDECIDED = "undecided"
    DO_NOT_SHIP = "do_not_ship"
    TOO_SMALL = "too_small"
    INVALID = "invalid"

    @property
    def label(self) -> str:
        """The words on its badge."""
        if self is Verdict.SHIP_WITH_RESERVATIONS:
            return "Ship, with reservations"
        return self.value.replace("_", " ").capitalize()

    @property
    def tone(self) -> str:
        """The colour of its badge."""
        if self in (Verdict.TOO_SMALL, Verdict.INVALID):
            return "blocked"
        return _TONES.get(self, "good")


_TONES: Final = {
    Verdict.SHIP_WITH_RESERVATIONS: "warn",
    Verdict.UNDECIDED: "calm",
    Verdict.DO_NOT_SHIP: "bad",
}
GAINS: Final = (Verdict.SHIP, Verdict.SHIP_WITH_RESERVATIONS, Verdict.BEATS_CONTROL)
"""Verdicts of treatments that are better than the control."""


@dataclass(frozen=True)
class Decision:
    """A verdict and what it rests on.

    Attributes:
        arm: the treatment.
        verdict: what to do with it.
        effect: the effect that decided, or the first success metric's; None when there is none.
        better: success metrics significantly better than the control's, by Holm.
        worse: success metrics significantly worse, each by its own p-value: Holm protects claims
            of benefit, it must not excuse harm.
        small: success metrics with too few users to decide on.
        failed: checks that make the comparison invalid.
        reservations: warnings that stand against shipping without a further look.
        rivals: comparisons with other treatments that beat the control.
    """

    arm: Arm
    verdict: Verdict
    effect: Effect | None
    better: tuple[Effect, ...] = ()
    worse: tuple[Effect, ...] = ()
    small: tuple[Effect, ...] = ()
    failed: tuple[Check, ...] = ()
    reservations: tuple[Check, ...] = ()
    rivals: tuple[PairRow, ...] = ()


def decisions(result: Result) -> tuple[Decision, ...]:
    """One decision for each treatment, best first; those without an effect come last."""
    decided = [_decide(result, arm) for arm in result.treatments]
    return tuple(sorted(decided, key=_rank))


def beat_control(result: Result) -> tuple[str, ...]:
    """Treatments that would be shipped if they were the only one, in the order of the file."""
    decided = [_alone(result, arm) for arm in result.treatments]
    return tuple(each.arm.name for each in decided if each.verdict in GAINS)


def success_metrics(result: Result) -> tuple[str, ...]:
    """The metrics the decision rests on, as declared; for a foreign log those adjusted together."""
    declared = _declared(result)
    if declared:
        return declared
    adjusted = [row.metric for row in result.effects if row.p_adjusted is not None]
    return tuple(dict.fromkeys(adjusted))


def decisive(result: Result) -> tuple[Effect, ...]:
    """The rows that decide: success metrics, by the run's estimator."""
    names, estimator = success_metrics(result), result.run.estimator
    adjusted = {row.metric for row in result.effects if row.estimand == CUPED}
    rows = [
        row
        for row in result.effects
        if row.metric in names
        and row.estimand == deciding_estimand(estimator, row.metric in adjusted)
    ]
    return tuple(sorted(rows, key=lambda row: names.index(row.metric)))


def is_adjusted(result: Result) -> bool:
    """Whether any of the rows that decide is adjusted for the days before."""
    return any(row.estimand == CUPED for row in decisive(result))


def direction(effect: Effect) -> int:
    """+1 significantly better, -1 significantly worse, 0 neither."""
    size = gain(effect) if effect.significant else 0.0
    return int(size > 0) - int(size < 0)


def gain(effect: Effect) -> float:
    """The effect, positive where it is for the better; 0 where neither direction is better."""
    sign = {"higher": 1.0, "lower": -1.0, None: 0.0}[metric(effect.metric).direction]
    return sign * (effect.effect or 0.0)


def _decide(result: Result, arm: Arm) -> Decision:
    alone = _alone(result, arm)
    rivals = tuple(row for row in result.pairs if arm.name in (row.arm, row.against))
    if alone.verdict not in GAINS or not rivals:
        return alone
    # The best is shipped where it is better than all others; else nobody knows which one.
    won = all(_won(row, arm.name) for row in rivals)
    verdict = alone.verdict if won else Verdict.BEATS_CONTROL
    return replace(alone, verdict=verdict, rivals=rivals)


def other(row: PairRow, arm: str) -> str:
    """The treatment that one of a pair is compared with."""
    return row.against if row.arm == arm else row.arm


def lost(row: PairRow, arm: str) -> bool:
    """Whether the other one of a pair is significantly better than the arm."""
    return _won(row, other(row, arm))


def _won(row: PairRow, arm: str) -> bool:
    """Whether the arm is significantly better than the other of a pair."""
    if not row.significant:
        return False
    sign = -1.0 if metric(row.metric).direction == "lower" else 1.0
    ahead = sign * (row.effect or 0.0) > 0
    return ahead == (row.arm == arm)


def _alone(result: Result, arm: Arm) -> Decision:
    """The decision on a treatment as if it were the only one."""
    rows = [row for row in decisive(result) if row.arm == arm.name]
    small = tuple(row for row in rows if _is_small(result, row))
    worse = tuple(row for row in rows if _is_worse(row, result.run.alpha))
    better = tuple(row for row in rows if direction(row) > 0 and row not in small)
    failed = tuple(check for check in result.checks if _concerns(result, check, arm, "fail"))
    warned = tuple(
        check
        for check in result.checks
        if check.name in RESERVATIONS or UNDETERMINED in (check.details or {})
        if _concerns(result, check, arm, "warn")
    )
    guarded = {row.verdict for row in result.guardrails if row.arm == arm.name}
    if failed:
        verdict = Verdict.INVALID
    elif not rows or len(small) == len(rows):
        verdict = Verdict.TOO_SMALL if rows else Verdict.UNDECIDED
    elif worse or INFERIOR in guarded:
        verdict = Verdict.DO_NOT_SHIP
    elif better and not guarded - {NON_INFERIOR}:
        verdict = Verdict.SHIP_WITH_RESERVATIONS if warned else Verdict.SHIP
    else:
        verdict = Verdict.UNDECIDED
    deciding = worse or better or tuple(rows)
    effect = deciding[0] if deciding else None
    return Decision(arm, verdict, effect, better, worse, small, failed, warned)


def _concerns(result: Result, check: Check, arm: Arm, status: str) -> bool:
    """Whether a check of that status speaks of the treatment, of the control or of all arms."""
    about = (arm.name, result.control.name)
    return check.status == status and (not check.arms or any(name in check.arms for name in about))


def _is_worse(row: Effect, alpha: float) -> bool:
    return row.p_value is not None and row.p_value < alpha and gain(row) < 0


def _is_small(result: Result, row: Effect) -> bool:
    if min(row.n_control, row.n_treatment) < LEAST_USERS:
        return True
    df = _degrees(result, row)
    return df is not None and df < LEAST_DF


def _degrees(result: Result, row: Effect) -> float | None:
    """Welch's degrees of freedom of the raw means; None where the arms' variances are unknown."""
    compared = [arm for arm in result.arms if arm.name in (row.arm, result.control.name)]
    errors: list[tuple[float, int]] = []
    for moments in ((arm.metrics or {}).get(row.metric) for arm in compared):
        if moments is None or moments.variance is None or moments.n < 2:
            return None
        errors.append((moments.variance / moments.n, moments.n))
    if sum(error for error, _ in errors) <= 0:
        return None
    return welch_df(*errors[0], *errors[1])


def _rank(decision: Decision) -> tuple[int, float]:
    row = decision.effect
    if row is None or row.effect is None:
        return len(Verdict), 0.0
    return list(Verdict).index(decision.verdict), -gain(row)


def _declared(result: Result) -> tuple[str, ...]:
    metrics = result.scenario.get("metrics")
    names: object = metrics.get("success") if isinstance(metrics, dict) else None
    return tuple(map(str, names)) if isinstance(names, Iterable) and names else ()
