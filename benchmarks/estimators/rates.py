"""False positive rates where both arms are alike, and when the report warns of skewness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import Final

from abbotify.stats import max_z, mean, welch
from abbotify.stats.normal import ONE_SIDED, TWO_SIDED, one_sided_error, skew_of_difference
from abbotify.studies.validation.characteristics import Characteristic, rate
from abbotify.studies.validation.methods import AnalysisPlan, Key, experiment_estimates
from benchmarks.estimators.effort import ALPHA, Effort, hits
from benchmarks.estimators.generated_users import METRIC, Law, Table, difference_skewness, draw

SKEWS: Final = (0.5, 1.0, 1.5)
SHARES: Final = ((0.5, "50/50"), (0.1, "90/10"))
_REPLICATIONS: Final = {100: 10_000, 1000: 10_000, 10_000: 5000, 100_000: 2000}
_FROM: Final = {"50/50": 1000, "90/10": 10_000}  # users from which a rate is gated


def gated(n: int, split: str, s: float, skewness: float = 0.0) -> bool:
    """Whether a departure from .05 would be a fault of the program.

    Args:
        n: Users of all arms.
        split: 50/50 or 90/10.
        s: Of the lognormal value.
        skewness: Of the difference of the method's own estimates: a ratio's users are more skewed
            than the values, and a treatment of 5 % is smaller than one of 10 %.
    """
    return n >= _FROM[split] and s <= 1 and skewness <= TWO_SIDED


def rates(effort: Effort) -> Iterator[Characteristic]:
    """Every method in every cell, two arms; then `max_z` with three."""
    for n, split, s, setting, table in _cells(effort):
        law = Law(s)
        for method, count in _wrong(table).items():
            skewness = law.ratio_skewness if method == "delta" else law.skewness
            gate = gated(n, split, s, difference_skewness(skewness, *table.sizes))
            yield rate(method, setting, "false_positive_rate", count, len(table), ALPHA, gate)
    yield from _three_arms(effort)


def skewness(effort: Effort) -> Iterator[Characteristic]:
    """The tails of Welch's test, and the report's warning, in the same experiments."""
    for _, _, s, setting, table in _cells(effort):
        yield from _skewness(table, setting, difference_skewness(Law(s).skewness, *table.sizes))


def _cells(effort: Effort) -> Iterator[tuple[int, str, float, str, Table]]:
    """Users of both arms, split, s, setting and draws."""
    for n, replications in _REPLICATIONS.items():
        for share, split in SHARES:
            for s in SKEWS:
                wanted = effort.findings or gated(n, split, s)
                if wanted and n <= effort.largest and (n < 100_000 or s <= 1):
                    treatment = round(n * share)
                    name, sizes = f"rates {n} {split} {s}", (n - treatment, treatment)
                    table = _draw(name, Law(s), sizes, effort.of(replications))
                    yield n, split, s, f"lognormal s = {s}, n = {n}, {split}", table


@cache
def _draw(name: str, law: Law, sizes: tuple[int, int], replications: int) -> Table:
    """Kept for the second theme: 100 MB, where drawing takes most of the time."""
    return draw(name, law, sizes, replications)


def _wrong(table: Table) -> Counter[str]:
    """Results by method, all of them false."""
    found: Counter[str] = Counter(dict.fromkeys(("welch", "fieller", "delta", "cuped"), 0))
    for number in range(len(table)):
        estimates = experiment_estimates(table.arms(number), AnalysisPlan((), ALPHA))
        for method in found:
            found[method] += bool(estimates[Key(method, METRIC, "1")].significant)
    return found


def _skewness(table: Table, setting: str, true: float) -> Iterator[Characteristic]:
    found: Counter[str] = Counter(dict.fromkeys(("lower", "upper", "two", "one"), 0))
    for number in range(len(table)):
        contrast = welch(*table.pair(number), 2 * ALPHA)
        if contrast.p_value is not None and contrast.effect is not None:
            tail = "lower" if contrast.effect < 0 else "upper"
            found[tail] += contrast.p_value < 2 * ALPHA
        skewness = skew_of_difference(table.shape(number, 0), table.shape(number, 1))
        found["two"] += skewness > TWO_SIDED
        found["one"] += skewness > ONE_SIDED
    setting = f"{setting}, skewness of the difference {true:.2f}"
    for tail, sign in (("lower", 1), ("upper", -1)):
        expected = one_sided_error(sign * true, ALPHA) if true <= TWO_SIDED else None
        name = f"welch, {tail} tail"
        yield rate(name, setting, "false_positive_rate", found[tail], len(table), expected)
    for limit in ("two", "one"):
        name = f"warning, {limit}-sided"
        yield rate(name, setting, "warned", found[limit], len(table))


def _three_arms(effort: Effort) -> Iterator[Characteristic]:
    for n, replications in ((100, 4000), (1000, 4000), (10_000, 4000), (100_000, 1000)):
        for share, split in ((2 / 3, "50/50"), (0.1, "90/10")):
            one = round(n * share / 2)
            sizes = (n - 2 * one, one, one)
            skewness = difference_skewness(Law(1.0).skewness, sizes[0], one)
            gate = gated(n, split, 1.0, skewness)
            if n <= effort.largest and (gate or effort.findings):
                table = draw(f"arms {n} {split}", Law(1.0), sizes, effort.of(replications))
                name = "equal arms" if split == "50/50" else "90/5/5"
                setting = f"lognormal s = 1.0, n = {n}, {name}"
                wrong, quantity = _any_wrong(table), "family_wise_error"
                yield rate("max_z", setting, quantity, wrong, len(table), ALPHA, gate)


def _any_wrong(table: Table) -> int:
    """Experiments in which one treatment at least is found to differ."""
    wrong = 0
    for number in range(len(table)):
        control, *treatments = (mean(table.moments(number, arm)) for arm in range(3))
        family = max_z(control, treatments, ALPHA)
        wrong += hits([contrast.p_value for contrast in family.contrasts]) > 0
    return wrong
