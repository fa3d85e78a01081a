"""Operating characteristics of methods from their estimates, each beside its value in theory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from abbotify.eventlog.sessions import FloatArray
from abbotify.stats import normal
from abbotify.stats.effects import CUPED, SESSIONS, Estimator, deciding_estimand, methods_of
from abbotify.stats.sample_ratio import ALPHA as SRM_ALPHA
from abbotify.studies.validation import theory
from abbotify.studies.validation.characteristics import Characteristic, gate_level, rate
from abbotify.studies.validation.methods import (
    GUARDRAIL,
    HOLM,
    MAX_Z,
    METHODS,
    SRM,
    TRACKS,
    UNCORRECTED,
    Key,
)
from abbotify.studies.validation.repeated_looks import LOOKED
from abbotify.studies.validation.replications import Trials
from abbotify.studies.validation.sampler import EFFECT, NOTHING

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

_COMPARED: Final = ("naive_relative", TRACKS, SESSIONS)  # by their rates alone

_CHANCE: Final = 0.05  # that a Monte Carlo interval misses
_COMPARISON: Final = "shown for comparison"


@dataclass(frozen=True)
class Expected:
    """The characteristics of a key in theory; None where theory has no value.

    Attributes:
        false_positives: the chance of finding something where nothing is.
        coverage: of its intervals.
        power: the chance of finding the effect.
        sign_error: share of wrong signs among the effects found.
        exaggeration: mean of |estimate| / |effect| among them.
        ungated: why the first is a finding and no promise; empty where it is one.
        ungated_coverage: likewise the second.
    """

    false_positives: float | None
    coverage: float | None
    power: float | None = None
    sign_error: float | None = None
    exaggeration: float | None = None
    ungated: str = ""
    ungated_coverage: str = ""


@dataclass(frozen=True)
class Measured:
    """Trials, and what is expected of them.

    Attributes:
        trials: the estimates.
        expected: by theory, of each key of the trials.
        alpha: level.
        users: of an experiment, on average, in each arm.
        success: the metrics that decide.
        ungated: why nothing at all is gated; empty when the rest decides.
        estimator: which estimate decides, and so makes up the families.
    """

    trials: Trials
    expected: Sequence[Expected]
    alpha: float
    users: tuple[float, ...]
    success: tuple[str, ...]
    ungated: str = ""
    estimator: Estimator = "mean"

    def deciding(self, key: Key) -> int:
        """The place of the method that decides on the metric of a key."""
        keys = self.trials.keys
        cuped = key._replace(method=CUPED)
        estimand = deciding_estimand(self.estimator, cuped in keys)
        return keys.index(key._replace(method=methods_of(estimand)[0]))


def rows(measured: Measured) -> tuple[Characteristic, ...]:
    """All characteristics; gated ones together fail a right program with chance .01."""
    gated = sum(row.gated for row in _rows(measured, _CHANCE))
    return tuple(_rows(measured, gate_level(gated)))


def _rows(measured: Measured, level: float) -> Iterator[Characteristic]:
    for at, key in enumerate(measured.trials.keys):
        if key.method not in (HOLM, MAX_Z, GUARDRAIL):
            yield from _Column(measured, at, level).rows()
    yield from _families(measured, level)
    yield _alarms(measured, level)


def metric_of(key: Key, several: bool) -> str:
    """The metric of a row, and the treatment where there are several."""
    return f"{key.metric}:{key.arm}" if several else key.metric


class _Column:
    """One method on one metric and treatment."""

    def __init__(self, measured: Measured, at: int, level: float) -> None:
        self.trials, self.at, self.level = measured.trials, at, level
        self.key, self.expected = measured.trials.keys[at], measured.expected[at]
        self.metric = metric_of(self.key, len(measured.users) > 2)
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
        yield self._mean(WIDTH, self.trials.width(self.at))
        if self.key.method in _COMPARED or not np.any(self.truth):
            return
        significant = np.where(self.truth == 0, np.nan, self.trials.significant(self.at, EFFECT))
        yield self._rate(POWER, significant, want.power)
        at = significant == 1
        estimate, truth = self.trials.estimate(self.at)[at], self.truth[at]
        yield self._rate(SIGN_ERROR, (estimate * truth < 0).astype(float), want.sign_error)
        yield self._mean(EXAGGERATION, np.abs(estimate) / np.abs(truth), want.exaggeration)

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
        return self._rate(quantity, hits, expected, gated=not why, why=why)

    def _rate(
        self,
        quantity: str,
        hits: FloatArray,
        expected: float | None,
        gated: bool = False,
        why: str = "",
    ) -> Characteristic:
        level = _CHANCE if expected is None else self.level
        at = self.key.method, self.metric, quantity
        return rate(*at, *counted(hits), expected, gated, level, self.method.at_most, why)

    def _mean(
        self, quantity: str, values: FloatArray, expected: float | None = None
    ) -> Characteristic:
        """A mean with the band of its Monte Carlo error: round the expected one where known."""
        values = values[np.isfinite(values)]
        empty = Characteristic(self.key.method, self.metric, quantity, None, expected=expected)
        if len(values) == 0:
            return empty
        mean = float(values.mean())
        if len(values) == 1:
            return replace(empty, measured=mean)
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        middle, level = (mean, _CHANCE) if expected is None else (expected, self.level)
        half = normal.quantile(level) * error
        inside = None if expected is None else middle - half <= mean <= middle + half
        return replace(
            empty, measured=mean, lower=middle - half, upper=middle + half, within=inside
        )


def counted(hits: FloatArray) -> tuple[int, int]:
    """Hits, and how many are defined."""
    defined = hits[~np.isnan(hits)]
    return int(defined.sum()), len(defined)


def _families(measured: Measured, level: float) -> Iterator[Characteristic]:
    trials, alpha, success = measured.trials, measured.alpha, measured.success
    holm, max_z = _places(trials, HOLM), _places(trials, MAX_Z)
    single = [measured.deciding(trials.keys[at]) for at in holm]

    def any_significant(places: Sequence[int]) -> tuple[int, int]:
        return counted(trials.values[:, NOTHING, places, 3].max(axis=1))

    if len(single) > 1:
        name = "success metrics" if len(success) > 1 else success[0]
        why = measured.ungated or _first(measured.expected[at].ungated for at in single)
        family = (HOLM, name, FAMILY_ERROR, *any_significant(holm))
        yield rate(*family, alpha, not why, level, at_most=True, why=why)
        family = (UNCORRECTED, name, FAMILY_ERROR, *any_significant(single))
        expected = _uncorrected(measured) if len(success) == 1 else None
        band = _CHANCE if expected is None else level
        yield rate(*family, expected, level=band, why=_COMPARISON)
    if max_z:
        metric = trials.keys[max_z[0]].metric
        same = [measured.expected[measured.deciding(trials.keys[at])] for at in max_z]
        why = measured.ungated or _first(each.ungated for each in same)
        family = (MAX_Z, metric, FAMILY_ERROR, *any_significant(max_z))
        yield rate(*family, alpha, not why, level, why=why)
        why = measured.ungated or _first(each.ungated_coverage for each in same)
        covered = np.min([trials.covered(at) for at in max_z], axis=0)
        family = (MAX_Z, metric, FAMILY_COVERAGE, *counted(covered))
        yield rate(*family, 1 - alpha, not why, level, why=why)


def _uncorrected(measured: Measured) -> float:
    """The chance that some treatment is found without a difference: normal, one variance."""
    from abbotify.stats.multiplicity import largest_below

    control, *treatments = measured.users
    loads = np.sqrt([n / (n + control) for n in treatments])
    correlation = np.outer(loads, loads)
    np.fill_diagonal(correlation, 1.0)
    return 1 - largest_below(correlation)(normal.quantile(measured.alpha))


def _alarms(measured: Measured, level: float) -> Characteristic:
    alarms = measured.trials.alarms[:, NOTHING]
    few = sum(measured.users) < theory.EQUAL_FROM
    why = measured.ungated or (f"fewer than {theory.EQUAL_FROM:,} users" if few else "")
    hits, of = int(alarms.sum()), len(alarms)
    return rate(SRM, "users", FALSE_ALARMS, hits, of, SRM_ALPHA, not why, level, why=why)


def _places(trials: Trials, method: str) -> list[int]:
    return [at for at, key in enumerate(trials.keys) if key.method == method]


def _first(reasons: Iterator[str]) -> str:
    return next((reason for reason in reasons if reason), "")
