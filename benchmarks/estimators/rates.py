"""False positive rates where both arms are alike, and when the report warns of skewness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from abbotify.stats import cuped_means, difference, max_z, mean, ratio_of_sums, relative, welch
from abbotify.stats.normal import ONE_SIDED, TWO_SIDED, one_sided_error, skew_of_difference
from benchmarks.estimators.generated_users import (
    BEFORE,
    DENOMINATOR,
    NUMERATOR,
    VALUE,
    Law,
    Table,
    difference_skewness,
    draw,
)
from benchmarks.estimators.replications import ALPHA, Effort, Trial, covers, hits

THEME: Final = "Nothing to find"
ABOUT: Final = f"""\
Both arms have the same users, lognormal with standard deviation s of the logarithm (skewness 1.8,
6.2 and 33 at s = .5, 1 and 1.5), so every result is false. `welch` is the test of means, `fieller`
the relative interval that excludes 0, `delta` the ratio of sums per session, `cuped` the mean
adjusted for a value from before (correlation .7 of the logarithms), `max_z` two treatments against
one control at once. With equal arms all keep .05 from 1 000 users on; with 100 very skewed users
they reject less. With 10 % of the users in the treatment their skewness stays in the difference,
and all reject too often: Welch at s = 1 .12 of the time with 100 users and .07 with 1 000. It is
the normal approximation that fails there, in the few users of the small arm. What counts is the
skewness of the difference, and rows beyond {TWO_SIDED} are not gated: a ratio's users are 1.8 times
as skewed as their values (`delta` .065 at s = 1, 10 000 users, 90/10), and a treatment of 5 % is
smaller than one of 10 % (`max_z` .07 with 10 000 users at 90/5/5). In tiny arms `max_z` is further
off than Welch's test, .31 with five users, since it takes the normal distribution for Student's.
"""
SKEW: Final = "The warning about skewness"
ABOUT_SKEW: Final = f"""\
The same experiments. `welch, lower tail` and `upper tail` are the two one-sided tests at .05, with
what the skewness of the difference predicts to first order: one tail has too much, the other too
little, which is what a guardrail or a decision for one side meets. The report estimates that
skewness (`stats.normal.skew_of_difference`) and warns about two-sided tests above {TWO_SIDED},
about one-sided ones above {ONE_SIDED}; `warned` is how often it does: next to always where the
two-sided error is .06 or more, seldom where the rows above are gated. The prediction is given up to
a skewness of {TWO_SIDED} only; beyond, it overshoots.
"""
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


def rates(effort: Effort) -> Iterator[Trial]:
    """Every method in every cell, two arms."""
    for n, share, split, s, replications in _cells(effort):
        law, sizes = Law(s), _sizes(n, share)
        table = draw(f"rates {n} {split} {s}", law, sizes, replications)
        setting = f"lognormal s = {s}, n = {n}, {split}"
        for method, count in _wrong(table).items():
            skewness = law.ratio_skewness if method == "delta" else law.skewness
            gate = gated(n, split, s, difference_skewness(skewness, *sizes))
            quantity = "false_positive_rate"
            yield Trial(method, setting, quantity, count, replications, ALPHA, gate)
        yield from _skewness(table, setting, difference_skewness(law.skewness, *sizes))
    yield from _three_arms(effort)


def _cells(effort: Effort) -> Iterator[tuple[int, float, str, float, int]]:
    for n, replications in _REPLICATIONS.items():
        for share, split in SHARES:
            for s in SKEWS:
                wanted = effort.findings or gated(n, split, s)
                if wanted and n <= effort.largest and (n < 100_000 or s <= 1):
                    yield n, share, split, s, effort.of(replications)


def _sizes(n: int, share: float) -> tuple[int, int]:
    treatment = round(n * share)
    return n - treatment, treatment


def _wrong(table: Table) -> Counter[str]:
    """Results by method, all of them false."""
    found: Counter[str] = Counter(dict.fromkeys(("welch", "fieller", "delta", "cuped"), 0))
    for number in range(len(table)):
        control, treatment = table.pair(number)
        found["welch"] += hits([welch(control, treatment, ALPHA).p_value])
        lift = relative(mean(control), mean(treatment), ALPHA)
        found["fieller"] += not covers(lift.lower, lift.upper, 0.0)
        control, treatment = table.pair(number, (NUMERATOR, DENOMINATOR))
        ratio = difference(ratio_of_sums(control), ratio_of_sums(treatment), ALPHA)
        found["delta"] += hits([ratio.p_value])
        adjusted = cuped_means(table.pair(number, (VALUE, BEFORE)))
        found["cuped"] += hits([difference(*adjusted.pair(1), ALPHA).p_value])
    return found


def _skewness(table: Table, setting: str, true: float) -> Iterator[Trial]:
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
        yield Trial(
            name, setting, "false_positive_rate", found[tail], len(table), expected, theme=SKEW
        )
    for limit in ("two", "one"):
        name = f"warning, {limit}-sided"
        yield Trial(name, setting, "warned", found[limit], len(table), theme=SKEW)


def _three_arms(effort: Effort) -> Iterator[Trial]:
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
                yield Trial("max_z", setting, quantity, wrong, len(table), ALPHA, gate)


def _any_wrong(table: Table) -> int:
    """Experiments in which one treatment at least is found to differ."""
    wrong = 0
    for number in range(len(table)):
        control, *treatments = (mean(table.moments(number, arm)) for arm in range(3))
        family = max_z(control, treatments, ALPHA)
        wrong += hits([contrast.p_value for contrast in family.contrasts]) > 0
    return wrong
