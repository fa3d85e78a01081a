"""From what methods said to their operating characteristics, each beside what theory says."""

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


@dataclass(frozen=True)
class Expected:
    """What theory says of a key; None where it says nothing.

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
class Row:
    """A characteristic, and why it is not gated where it could be."""

    characteristic: Characteristic
    why: str = ""


@dataclass(frozen=True)
class Measured:
    """What there is to be summed up.

    Attributes:
        trials: what methods said.
        expected: what theory says of each key of the trials.
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
        """The place of the method that decides on what a key is about."""
        keys = self.trials.keys
        cuped = key._replace(method=CUPED)
        estimand = deciding_estimand(self.estimator, cuped in keys)
        return keys.index(key._replace(method=methods_of(estimand)[0]))


def rows(measured: Measured) -> tuple[Row, ...]:
    """All characteristics; gated ones together fail a right program with chance .01."""
    gated = sum(row.characteristic.gated for row in _rows(measured, _CHANCE))
    return tuple(_rows(measured, gate_level(gated)))


def _rows(measured: Measured, level: float) -> Iterator[Row]:
    for at, key in enumerate(measured.trials.keys):
        if key.method not in (HOLM, MAX_Z, GUARDRAIL):
            yield from _Column(measured, at, level).rows()
    yield from _families(measured, level)
    yield _alarms(measured, level)


def metric_of(key: Key, measured: Measured) -> str:
    """What a row is about: the metric, and the treatment where there are several."""
    return key.metric if len(measured.users) == 2 else f"{key.metric}:{key.arm}"


class _Column:
    """One method on one metric and treatment."""

    def __init__(self, measured: Measured, at: int, level: float) -> None:
        self.trials, self.at, self.level = measured.trials, at, level
        self.key, self.expected = measured.trials.keys[at], measured.expected[at]
        self.metric = metric_of(self.key, measured)
        self.ungated = measured.ungated
        self.method = METHODS[self.key.method]
        self.truth = np.broadcast_to(self.trials.truths[:, at], len(self.trials.said))

    def rows(self) -> Iterator[Row]:
        want = self.expected
        nothing = self.trials.significant(self.at, NOTHING)
        if self.method.looks:
            nothing = nothing[:LOOKED]
        if not np.isnan(nothing).all():  # some methods are asked only beside the truth
            yield self._rate(FALSE_POSITIVES, nothing, want.false_positives, want.ungated)
        if self.method.looks:
            return
        covered = self.trials.covered(self.at)
        yield self._rate(COVERAGE, covered, want.coverage, want.ungated_coverage)
        yield self._mean(WIDTH, self.trials.width(self.at))
        if self.key.method in _COMPARED or not np.any(self.truth):
            return
        significant = np.where(self.truth == 0, np.nan, self.trials.significant(self.at, EFFECT))
        yield self._finding(POWER, significant, want.power)
        at = significant == 1
        estimate, truth = self.trials.estimate(self.at)[at], self.truth[at]
        yield self._finding(SIGN_ERROR, (estimate * truth < 0).astype(float), want.sign_error)
        yield self._mean(EXAGGERATION, np.abs(estimate) / np.abs(truth), want.exaggeration)

    def _rate(self, quantity: str, hits: FloatArray, expected: float | None, why: str) -> Row:
        defined = hits[~np.isnan(hits)]
        if not self.method.promised:
            why = "here to be compared"
        elif len(defined) < len(hits):
            why = f"undefined in {len(hits) - len(defined):,} of {len(hits):,} experiments"
        why = why or self.ungated
        return Row(self._banded(quantity, defined, expected, not why), why)

    def _finding(self, quantity: str, hits: FloatArray, expected: float | None) -> Row:
        return Row(self._banded(quantity, hits[~np.isnan(hits)], expected, False))

    def _banded(
        self, quantity: str, hits: FloatArray, expected: float | None, gated: bool
    ) -> Characteristic:
        level = _CHANCE if expected is None else self.level
        what, most = (self.key.method, self.metric, quantity), self.method.at_most
        return rate(*what, int(hits.sum()), len(hits), expected, gated, level, most)

    def _mean(self, quantity: str, values: FloatArray, expected: float | None = None) -> Row:
        """A mean with the band of its Monte Carlo error: round the expected one where known."""
        values = values[np.isfinite(values)]
        empty = Characteristic(self.key.method, self.metric, quantity, None, expected=expected)
        if len(values) == 0:
            return Row(empty)
        mean = float(values.mean())
        if len(values) == 1:
            return Row(replace(empty, measured=mean))
        error = float(values.std(ddof=1)) / math.sqrt(len(values))
        middle, level = (mean, _CHANCE) if expected is None else (expected, self.level)
        half = normal.quantile(level) * error
        inside = None if expected is None else middle - half <= mean <= middle + half
        banded = replace(empty, measured=mean, lower=middle - half, upper=middle + half)
        return Row(replace(banded, within=inside))


def _families(measured: Measured, level: float) -> Iterator[Row]:
    trials, alpha = measured.trials, measured.alpha
    at = {method: _places(trials, method) for method in (HOLM, MAX_Z)}
    single = [measured.deciding(key) for key in _keys(trials, at[HOLM])]
    if len(single) > 1:
        name = "success metrics" if len(measured.success) > 1 else measured.success[0]
        why = measured.ungated or _first(measured.expected[i].ungated for i in single)
        any_found = trials.said[:, NOTHING, at[HOLM], 3].max(axis=1)
        yield _family(HOLM, name, FAMILY_ERROR, any_found, alpha, why, level, at_most=True)
        any_found = trials.said[:, NOTHING, single, 3].max(axis=1)
        expected = _uncorrected(measured) if len(measured.success) == 1 else None
        why = "here to be compared"
        yield _family(UNCORRECTED, name, FAMILY_ERROR, any_found, expected, why, level)
    if at[MAX_Z]:
        metric = trials.keys[at[MAX_Z][0]].metric
        same = [measured.deciding(key) for key in _keys(trials, at[MAX_Z])]
        why = measured.ungated or _first(measured.expected[i].ungated for i in same)
        any_found = trials.said[:, NOTHING, at[MAX_Z], 3].max(axis=1)
        yield _family(MAX_Z, metric, FAMILY_ERROR, any_found, alpha, why, level)
        why = measured.ungated or _first(measured.expected[i].ungated_coverage for i in same)
        covered = np.min([trials.covered(i) for i in at[MAX_Z]], axis=0)
        yield _family(MAX_Z, metric, FAMILY_COVERAGE, covered, 1 - alpha, why, level)


def _family(
    method: str,
    metric: str,
    quantity: str,
    hits: FloatArray,
    expected: float | None,
    why: str,
    level: float,
    at_most: bool = False,
) -> Row:
    defined = hits[~np.isnan(hits)]
    count, of = int(defined.sum()), len(defined)
    level = _CHANCE if expected is None else level
    found = rate(method, metric, quantity, count, of, expected, not why, level, at_most)
    return Row(found, why)


def _uncorrected(measured: Measured) -> float:
    """The chance that some treatment is found without a difference: normal, one variance."""
    from abbotify.stats.multiplicity import largest_below

    control, *treatments = measured.users
    loads = np.sqrt([n / (n + control) for n in treatments])
    correlation = np.outer(loads, loads)
    np.fill_diagonal(correlation, 1.0)
    return 1 - largest_below(correlation)(normal.quantile(measured.alpha))


def _alarms(measured: Measured, level: float) -> Row:
    alarms = measured.trials.alarms[:, NOTHING]
    few = sum(measured.users) < theory.EQUAL_FROM
    why = measured.ungated or (f"fewer than {theory.EQUAL_FROM:,} users" if few else "")
    hits, of = int(alarms.sum()), len(alarms)
    found = rate(SRM, "users", FALSE_ALARMS, hits, of, SRM_ALPHA, not why, level)
    return Row(found, why)


def _places(trials: Trials, method: str) -> list[int]:
    return [at for at, key in enumerate(trials.keys) if key.method == method]


def _keys(trials: Trials, places: Sequence[int]) -> list[Key]:
    return [trials.keys[at] for at in places]


def _first(reasons: Iterator[str]) -> str:
    return next((reason for reason in reasons if reason), "")
