"""Looking again and again at A/A experiments whose users come in equal batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from abbotify.eventlog.sessions import FloatArray
from abbotify.stats import cuped_means, difference, mean
from abbotify.stats.effects import CUPED, Estimator
from abbotify.stats.group_sequential import Spending, crossing_chances
from abbotify.stats.monitoring import Pair, always_valid, monitor, planned_information
from abbotify.stats.normal import quantile
from abbotify.studies.validation.methods import (
    LOOKS_FIXED,
    LOOKS_SEQUENTIAL,
    LOOKS_VALID,
    Key,
    MethodEstimates,
)
from abbotify.studies.validation.sampler import NOTHING, Sampler

LOOKS: Final = 14
LOOKED: Final = 2000  # experiments that are looked at: 4 ms each, of which boundaries take most


@dataclass(frozen=True, eq=False)
class RepeatedLooks:
    """Repeated looks at one metric of the first treatment.

    Attributes:
        sampler: of the metric alone; draws the same experiments as that of all metrics.
        alpha: two-sided error, that of all looks together where a method promises it.
        spending: one side's error by share of information.
    """

    sampler: Sampler
    alpha: float
    spending: Spending

    @classmethod
    def of(
        cls,
        sampler: Sampler,
        metric: str,
        alpha: float,
        spending: Spending,
        estimator: Estimator = "mean",
    ) -> RepeatedLooks:
        """Looks at a metric of a sampler's experiments, by the estimate that decides."""
        outcomes = sampler.outcomes
        alone = outcomes.alone(metric, outcomes.deciding(metric, estimator) == CUPED)
        return cls(Sampler(alone, sampler.weights, sampler.users, sampler.seed), alpha, spending)

    def estimates(self, replications: range) -> Iterator[tuple[int, Key, MethodEstimates]]:
        """Whether each method finds a difference at any look, in the first `LOOKED` experiments."""
        numbers = replications[: max(0, LOOKED - replications.start)]
        if not numbers:
            return
        outcomes = self.sampler.outcomes
        for number, sums in zip(numbers, self._sums(numbers), strict=True):
            results = at_looks([self._pair(each) for each in sums], self.alpha, self.spending)
            for method, significant in results.items():
                key = Key(method, outcomes.groups[0].metric, outcomes.arms[1])
                yield number, key, MethodEstimates(None, None, None, significant)

    def _sums(self, numbers: range) -> FloatArray:
        """Of all users by each look: float64 (replications, looks, arms, products)."""
        return self.sampler.batches(numbers, LOOKS).cumsum(axis=1)

    def _pair(self, sums: FloatArray) -> Pair:
        (group,) = self.sampler.outcomes.groups
        arms = [
            self.sampler.moments(group, NOTHING, arm, arm_sums) for arm, arm_sums in enumerate(sums)
        ]
        if group.variables > group.own_variables:  # one model over all arms, as in a report
            return cuped_means(arms).pair(1)
        return mean(arms[0]), mean(arms[1])


def at_looks(pairs: Sequence[Pair], alpha: float, spending: Spending) -> dict[str, bool | None]:
    """Whether each method finds a difference at any look; None where it is not defined.

    The information is planned from the last look, as a report does.

    Args:
        pairs: (control, treatment) at each look, each over all users by then.
        alpha: two-sided error.
        spending: one side's error by share of information.
    """
    control, treatment = pairs[-1]
    if difference(control, treatment, alpha).p_value is None:
        return dict.fromkeys((LOOKS_FIXED, LOOKS_SEQUENTIAL, LOOKS_VALID))
    p_values = [difference(*pair, alpha).p_value for pair in pairs]
    fixed = any(p is not None and p < alpha for p in p_values)
    sequential = False
    # A path beyond a boundary at a look has a twin, mirrored where it first crossed, that crosses
    # on the same side by then: no look's nominal level is above alpha, so that where the fixed
    # test finds nothing, boundaries, 13 ms for 14 looks, need not be computed.
    if fixed:
        planned = planned_information(control, treatment, (control.n, treatment.n))
        sequential = monitor(pairs, planned, alpha, spending, final=True).stopped is not None
    valid = always_valid(pairs, control.n + treatment.n, alpha)[-1].significant
    return {LOOKS_FIXED: fixed, LOOKS_SEQUENTIAL: sequential, LOOKS_VALID: valid}


def at_any_look(alpha: float) -> float:
    """The chance that a fixed test finds something at any of the looks: .2196 at .05.

    Source: Armitage, McPherson, Rowe (1969), JRSS A 132.
    """
    fractions = [look / LOOKS for look in range(1, LOOKS + 1)]
    chances = crossing_chances(fractions, [quantile(alpha)] * LOOKS)
    return sum(chances.upper) + sum(chances.lower)
