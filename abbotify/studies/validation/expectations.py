"""What theory says of every method in a world of stored outcomes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from abbotify.stats import normal
from abbotify.stats.effects import CUPED, Estimator
from abbotify.stats.power import FEWEST
from abbotify.studies.validation import theory
from abbotify.studies.validation.methods import LOOKS_FIXED, METHODS, TRACKS, Key, Method
from abbotify.studies.validation.outcomes import Outcomes
from abbotify.studies.validation.rates import Expected
from abbotify.studies.validation.repeated_looks import at_any_look
from abbotify.studies.validation.theory import Pair, Shape


class Known(NamedTuple):
    """The truth of a key, in the units of its estimates (NaN where undefined), and theory."""

    truth: float
    expected: Expected


def expectations(
    outcomes: Outcomes,
    keys: Sequence[Key],
    users: Sequence[float],
    alpha: float,
    replications: int,
    estimator: Estimator = "mean",
) -> list[Known]:
    """What is known of each key.

    Args:
        outcomes: what experiments are drawn from.
        keys: method, metric and treatment.
        users: of each arm, on average.
        alpha: two-sided level.
        replications: by which rates are measured.
        estimator: which estimate decides.
    """
    shapes: dict[tuple[str, str, bool], list[Shape]] = {}
    out = []
    for key in keys:
        method = METHODS[key.method]
        decided = method.decides and outcomes.deciding(key.metric, estimator) == CUPED
        what = key.metric, method.estimand, method.adjusted or decided
        if what not in shapes:
            group = outcomes.group(key.metric, method.estimand)
            shapes[what] = theory.shapes(outcomes, group, what[2])
        arm = outcomes.arms.index(key.arm)
        own = (users[0], users[arm])
        pair = Pair(shapes[what][0], shapes[what][arm], own, alpha, float(sum(users)))
        truth = pair.lift if method.relative else pair.effect
        known = _expected(key, method, pair, outcomes, replications)
        out.append(Known(math.nan if truth is None else truth, known))
    return out


def _expected(
    key: Key, method: Method, pair: Pair, outcomes: Outcomes, replications: int
) -> Expected:
    coverage: float | None = 1 - pair.alpha
    false_positives: float | None = pair.alpha
    if key.method == TRACKS:
        false_positives, coverage = _of_single_tracks(key, pair, outcomes)
    elif key.method == LOOKS_FIXED:
        false_positives = at_any_look(pair.alpha)
    elif key.method == "naive_relative":
        coverage = naive_coverage(pair)
    if min(pair.counts) < FEWEST or pair.error <= 0:
        return Expected(
            false_positives, coverage, ungated="too few users", ungated_coverage="too few users"
        )
    about = pair.of_lift() if method.relative else pair
    signal = abs(pair.effect) / pair.error
    wrong, size = normal.sign_and_size_errors(signal, pair.alpha) if signal > 0 else (None, None)
    return Expected(
        false_positives,
        coverage,
        pair.power(),
        wrong,
        None if method.relative else size,
        pair.without_effect().why_not_gated(replications),
        about.why_not_gated(replications),
    )


def naive_coverage(pair: Pair) -> float | None:
    """Of an interval that takes the control's mean as known: .904 for +50 % and CV = 1."""
    right = pair.of_lift().error
    return (
        1 - 2 * normal.below(-normal.quantile(pair.alpha) * pair.error / right) if right else None
    )


def _of_single_tracks(key: Key, pair: Pair, outcomes: Outcomes) -> tuple[float, float]:
    """The rate of false positives, and the coverage, of a test that takes tracks as independent.

    With the design effect deff, how much larger the variance is than such a test believes:
    2 Phi(-z / sqrt(deff)), and 1 less that of both arms.
    """
    group, z = outcomes.group(key.metric, METHODS[key.method].estimand), normal.quantile(pair.alpha)
    believed = []
    for arm, shape in ((0, pair.control), (outcomes.arms.index(key.arm), pair.treatment)):
        tracks = float(outcomes.centres[arm, group.start + 2])
        believed.append(shape.value * (1 - shape.value) / tracks)
    alone = (
        math.sqrt(believed[0] / pair.control.variance) if pair.control.variance > 0 else math.inf
    )
    counts = pair.counts
    both = math.sqrt(believed[0] / counts[0] + believed[1] / counts[1]) / (pair.error or math.inf)
    return 2 * normal.below(-z * alone), 1 - 2 * normal.below(-z * both)
