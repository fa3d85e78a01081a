"""Operating characteristics of methods from their estimates, each beside its value in theory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from abbotify.eventlog.sessions import FloatArray
from abbotify.metrics.definitions import METRICS
from abbotify.stats import normal
from abbotify.stats.effects import (
    CUPED,
    FIELLER,
    NAIVE,
    SESSIONS,
    WELCH,
    deciding_estimand,
    methods_of,
)
from abbotify.stats.multiplicity import largest_below
from abbotify.stats.non_inferiority import PERCENT, GuardrailSpec
from abbotify.stats.sample_ratio import ALPHA as SRM_ALPHA
from abbotify.studies.validation.characteristics import (
    CHANCE,
    Characteristic,
    average,
    banded,
    rate,
)
from abbotify.studies.validation.methods import (
    GUARDRAIL,
    HOLM,
    MAX_Z,
    METHODS,
    SRM,
    TRACKS,
    UNCORRECTED,
    AnalysisPlan,
    Key,
)
from abbotify.studies.validation.sampler import EFFECT, NOTHING
from abbotify.studies.validation.theory import EQUAL_FROM, Expected
from abbotify.studies.validation.trials import LOOKED, Trials

FALSE_POSITIVES: Final = "false_positive_rate"
COVERAGE: Final = "coverage"
POWER: Final = "power"
WIDTH: Final = "mean_width"
SIGN_ERROR: Final = "sign_error"
EXAGGERATION: Final = "exaggeration"
FAMILY_ERROR: Final = "family_wise_error"
FAMILY_COVERAGE: Final = "family_wise_coverage"
FALSE_ALARMS: Final = "false_alarm_rate"
PASSES: Final = "non_inferior_rate"
FALSE_PASSES: Final = "false_non_inferior_rate"
QUANTITIES: Final = (FALSE_POSITIVES, COVERAGE, POWER, WIDTH, SIGN_ERROR, EXAGGERATION)

_COMPARED: Final = (NAIVE, TRACKS, SESSIONS)  # by their rates alone
_COMPARISON: Final = "shown for comparison"
_ONE_SIDED: Final = "one-sided: skewness moves its level where it does not move a two-sided one"


@dataclass(frozen=True)
class Measured:
    """Trials, and what is expected of them.

    Attributes:
        trials: the estimates.
        expected: by theory, of each key of the trials.
        plan: how experiments are analysed.
        users: of an experiment, on average, in each arm.
        ungated: why nothing at all is gated; empty when the rest decides.
    """

    trials: Trials
    expected: Sequence[Expected]
    plan: AnalysisPlan
    users: tuple[float, ...]
    ungated: str = ""

    def places(self, method: str) -> list[int]:
        """The columns of a method."""
        return [at for at, key in enumerate(self.trials.keys) if key.method == method]

    def deciding(self, key: Key) -> int:
        """The column of the method that decides on the metric of a key."""
        keys = self.trials.keys
        estimand = deciding_estimand(self.plan.estimator, key._replace(method=CUPED) in keys)
        return keys.index(key._replace(method=methods_of(estimand)[0]))

    def about(self, key: Key) -> str:
        """The metric of a row, and the treatment where there are several."""
        return f"{key.metric}:{key.arm}" if len(self.users) > 2 else key.metric


def rows(measured: Measured) -> tuple[Characteristic, ...]:
    """All characteristics; gated ones together fail a correct program with chance .01."""
    keys = enumerate(measured.trials.keys)
    methods = [
        row
        for at, key in keys
        if key.method not in (HOLM, MAX_Z, GUARDRAIL)
        for row in _Column(measured, at).rows()
    ]
    together = banded([*methods, *_families(measured), _false_alarms(measured)])
    return *together, *(row.banded(CHANCE) for row in _guardrails(measured))


class _Column:
    """One method on one metric and treatment."""

    def __init__(self, measured: Measured, at: int) -> None:
        self.trials, self.at = measured.trials, at
        self.key, self.expected = measured.trials.keys[at], measured.expected[at]
        self.about = self.key.method, measured.about(self.key)
        self.ungated = measured.ungated
        self.method = METHODS[self.key.method]
        self.truth = np.broadcast_to(self.trials.truths[:, at], len(self.trials.values))

    def rows(self) -> Iterator[Characteristic]:
        want = self.expected
        nothing = self.trials.significant(self.at, NOTHING)
        if self.method.looks:
            nothing = nothing[:LOOKED]
        if not np.isnan(nothing).all():  # some methods run only beside the truth
            yield self._promise(FALSE_POSITIVES, nothing, want.false_positives, want.ungated)
        if self.method.looks:
            return
        covered = self.trials.covered(self.at)
        yield self._promise(COVERAGE, covered, want.coverage, want.ungated_coverage)
        yield average(*self.about, WIDTH, self.trials.width(self.at))
        if self.key.method in _COMPARED or not np.any(self.truth):
            return
        significant = np.where(self.truth == 0, np.nan, self.trials.significant(self.at, EFFECT))
        yield rate(*self.about, POWER, *counted(significant), want.power)
        at = significant == 1
        estimate, truth = self.trials.estimate(self.at)[at], self.truth[at]
        wrong = int((estimate * truth < 0).sum())
        yield rate(*self.about, SIGN_ERROR, wrong, len(truth), want.sign_error)
        size = np.abs(estimate) / np.abs(truth)
        yield average(*self.about, EXAGGERATION, size, want.exaggeration)

    def _promise(
        self, quantity: str, hits: FloatArray, expected: float | None, why: str
    ) -> Characteristic:
        """A rate that is gated unless there is a reason."""
        undefined = int(np.isnan(hits).sum())
        if not self.method.promised:
            why = _COMPARISON
        elif undefined:
            why = f"undefined in {undefined:,} of {len(hits):,} experiments"
        why = why or self.ungated
        bound = self.method.at_most
        return rate(*self.about, quantity, *counted(hits), expected, not why, bound, why)


def counted(hits: FloatArray) -> tuple[int, int]:
    """Hits, and how many are defined."""
    defined = hits[~np.isnan(hits)]
    return int(defined.sum()), len(defined)


def _families(measured: Measured) -> Iterator[Characteristic]:
    trials, alpha, success = measured.trials, measured.plan.alpha, measured.plan.success
    holm, max_z = measured.places(HOLM), measured.places(MAX_Z)
    single = [measured.deciding(trials.keys[at]) for at in holm]

    def any_significant(places: Sequence[int]) -> tuple[int, int]:
        return counted(trials.values[:, NOTHING, places, 3].max(axis=1))

    if len(single) > 1:
        name = "success metrics" if len(success) > 1 else success[0]
        why = measured.ungated or _first(measured.expected[at].ungated for at in single)
        family = (HOLM, name, FAMILY_ERROR, *any_significant(holm))
        yield rate(*family, alpha, not why, at_most=True, why=why)
        family = (UNCORRECTED, name, FAMILY_ERROR, *any_significant(single))
        expected = _uncorrected(measured) if len(success) == 1 else None
        yield rate(*family, expected, why=_COMPARISON)
    if max_z:
        metric = trials.keys[max_z[0]].metric
        same = [measured.expected[measured.deciding(trials.keys[at])] for at in max_z]
        why = measured.ungated or _first(each.ungated for each in same)
        family = (MAX_Z, metric, FAMILY_ERROR, *any_significant(max_z))
        yield rate(*family, alpha, not why, why=why)
        why = measured.ungated or _first(each.ungated_coverage for each in same)
        covered = np.min([trials.covered(at) for at in max_z], axis=0)
        family = (MAX_Z, metric, FAMILY_COVERAGE, *counted(covered))
        yield rate(*family, 1 - alpha, not why, why=why)


def _uncorrected(measured: Measured) -> float:
    """The chance that some treatment is found without a difference: normal, one variance."""
    control, *treatments = measured.users
    loads = np.sqrt([n / (n + control) for n in treatments])
    correlation = np.outer(loads, loads)
    np.fill_diagonal(correlation, 1.0)
    return 1 - largest_below(correlation)(normal.quantile(measured.plan.alpha))


def _false_alarms(measured: Measured) -> Characteristic:
    few = sum(measured.users) < EQUAL_FROM
    why = measured.ungated or (f"fewer than {EQUAL_FROM:,} users" if few else "")
    hits, of = int(measured.trials.mismatches.sum()), len(measured.trials.mismatches)
    return rate(SRM, "users", FALSE_ALARMS, hits, of, SRM_ALPHA, not why, why=why)


def _guardrails(measured: Measured) -> Iterator[Characteristic]:
    """The rates of every guardrail and treatment; none of them is gated.

    A false alarm is a loss found beyond the margin in A/A experiments. To pass is to be found
    non-inferior; that is false where the true loss is the margin or more.
    """
    trials, alpha = measured.trials, measured.plan.alpha
    margins = {rail.metric: rail for rail in measured.plan.guardrails}
    for at in measured.places(GUARDRAIL):
        key = trials.keys[at]
        rail, about = margins[key.metric], (GUARDRAIL, measured.about(key))
        lower = trials.values[:, NOTHING, at, 1]
        alarms = counted(np.where(np.isnan(lower), np.nan, lower > rail.margin))
        yield rate(*about, FALSE_ALARMS, *alarms, alpha, at_most=True, why=_ONE_SIDED)
        passes = counted(trials.significant(at, EFFECT))
        if _true_loss(trials, key, rail) >= rail.margin:
            yield rate(*about, FALSE_PASSES, *passes, alpha, at_most=True, why=_ONE_SIDED)
        else:
            yield rate(*about, PASSES, *passes)


def _true_loss(trials: Trials, key: Key, rail: GuardrailSpec) -> float:
    """How much worse the treatment is, in the margin's units; negative where it is better."""
    method = FIELLER if rail.unit == PERCENT else WELCH
    effect = float(trials.truths[0, trials.keys.index(key._replace(method=method))])
    return effect if METRICS[key.metric].direction == "lower" else -effect


def _first(reasons: Iterator[str]) -> str:
    return next((reason for reason in reasons if reason), "")
