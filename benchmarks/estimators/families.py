"""Many metrics, many arms: one family of questions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from abbotify.stats import difference, holm, max_z, mean
from abbotify.studies.validation.characteristics import Characteristic, rate
from benchmarks.estimators.effort import ALPHA, Effort, hits
from benchmarks.estimators.generated_users import Law, draw
from benchmarks.estimators.theory import any_arm, any_of

_USERS: Final = 250  # an arm


def families(effort: Effort) -> Iterator[Characteristic]:
    """The chance of any false result, uncorrected and corrected."""
    for metrics in (10, 20):
        yield from _metrics(metrics, effort.of(4000))
    for treatments, replications in ((2, 5000), (3, 2000)):
        yield from _arms(treatments, effort.of(replications))


def _metrics(metrics: int, replications: int) -> Iterator[Characteristic]:
    table = draw(f"metrics {metrics}", Law(0.5), [_USERS] * (2 * metrics), replications)
    wrong: Counter[str] = Counter(uncorrected=0, holm=0)
    for number in range(replications):
        arms = [mean(table.moments(number, arm)) for arm in range(2 * metrics)]
        pairs = zip(arms[::2], arms[1::2], strict=True)
        p_values = [difference(*pair, ALPHA).p_value for pair in pairs]
        wrong["uncorrected"] += hits(p_values) > 0
        wrong["holm"] += hits(holm(p_values)) > 0
    setting = f"{metrics} independent metrics, lognormal s = 0.5, {_USERS} users an arm"
    for name, count in wrong.items():
        bound = name == "holm"
        expected = ALPHA if bound else any_of(metrics, ALPHA)
        yield rate(name, setting, "family_wise_error", count, replications, expected, True, bound)


def _arms(treatments: int, replications: int) -> Iterator[Characteristic]:
    table = draw(f"treatments {treatments}", Law(0.5), [_USERS] * (1 + treatments), replications)
    wrong: Counter[str] = Counter(uncorrected=0, max_z=0)
    for number in range(replications):
        control, *others = (mean(table.moments(number, arm)) for arm in range(1 + treatments))
        singles = [difference(control, other, ALPHA).p_value for other in others]
        family = max_z(control, others, ALPHA)
        wrong["uncorrected"] += hits(singles) > 0
        wrong["max_z"] += hits([contrast.p_value for contrast in family.contrasts]) > 0
    setting = f"{treatments} treatments, lognormal s = 0.5, {_USERS} users an arm"
    for name, count in wrong.items():
        expected = ALPHA if name == "max_z" else any_arm(treatments)
        yield rate(name, setting, "family_wise_error", count, replications, expected, True)
