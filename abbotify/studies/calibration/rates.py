"""False positive rates where both arms are alike, and when the report warns of skewness."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

from abbotify.stats import cuped_means, difference, max_z, mean, ratio_of_sums, relative, welch
from abbotify.stats.skewness import ONE_SIDED, TWO_SIDED, one_sided_error, skew_of_difference
from abbotify.studies.calibration.tables import (
    BEFORE,
    DENOMINATOR,
    NUMERATOR,
    VALUE,
    Law,
    Table,
    draw,
)
from abbotify.studies.calibration.trials import ALPHA, Effort, Trial, covers, hits

THEME: Final = "Nothing to find"
ABOUT: Final = """\
Both arms have the same users, lognormal with standard deviation s of the logarithm (skewness 1.8,
6.2 and 33 at s = .5, 1 and 1.5), so every result is false. `welch` is the test of means, `fieller`
the relative interval that excludes 0, `delta` the ratio of sums per session, `cuped` the mean
adjusted for a value from before (correlation .7 of the logarithms), `max_z` two treatments against
one control at once. With equal arms all keep .05 from 1 000 users on; very skewed users make them
reject a little less. With 10 % of the users in the treatment their skewness stays in the
difference: at s = 1 Welch rejects .12 with 100 users, .07 with 1 000, .05 from 10 000 on. It is
the normal approximation that fails there, in the few users of the small arm: too many results, most
of them in one direction. `max_z` takes the normal distribution instead of Student's, and is off by
that too when an arm has few users."""
SKEW: Final = "The warning about skewness"
ABOUT_SKEW: Final = f"""\
The same experiments. `welch, lower tail` and `upper tail` are the two one-sided tests at .05, with
what the skewness of the difference predicts to first order: one tail has too much, the other too
little, which is what a guardrail or a decision for one side meets. The report estimates that
skewness (`stats.skewness.skew_of_difference`) and warns about two-sided tests above
{TWO_SIDED}, about one-sided ones above {ONE_SIDED}; `warning` is how often it does. The
prediction is of first order, and given up to a skewness of {TWO_SIDED} only: beyond, it
overshoots."""

SKEWS: Final = (0.5, 1.0, 1.5)
SHARES: Final = ((0.5, "50/50"), (0.1, "90/10"))
_REPLICATIONS: Final = {100: 10_000, 1000: 10_000, 10_000: 5000, 100_000: 2000}
_FROM: Final = {"50/50": 1000, "90/10": 10_000}  # users from which a rate is gated


def gated(n: int, split: str, s: float) -> bool:
    """Whether a departure from .05 would be a fault of the program."""
    return n >= _FROM[split] and s <= 1


def rates(effort: Effort) -> Iterator[Trial]:
    """Every method in every cell, two arms."""
    for n, share, split, s, replications in _cells(effort):
        table = draw(f"rates {n} {split} {s}", Law(s), _sizes(n, share), replications)
        setting = f"lognormal s = {s}, n = {n}, {split}"
        yield from _methods(table, setting, gated(n, split, s))
        yield from _skewness(table, setting, Law(s))
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


def _methods(table: Table, setting: str, gate: bool) -> Iterator[Trial]:
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
    for method, count in found.items():
        yield Trial(method, setting, "false_positive_rate", count, len(table), ALPHA, gate)


def _skewness(table: Table, setting: str, law: Law) -> Iterator[Trial]:
    control, treatment = table.sizes
    if control == treatment:
        true = 0.0
    else:
        spread = 1 / control + 1 / treatment
        true = law.skewness * (treatment**-2 - control**-2) / spread**1.5
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
            if n > effort.largest or not (effort.findings or gated(n, split, 1.0)):
                continue
            one = round(n * share / 2)
            sizes = (n - 2 * one, one, one)
            name = "equal arms" if split == "50/50" else "90/5/5"
            table = draw(f"arms {n} {split}", Law(1.0), sizes, effort.of(replications))
            wrong = 0
            for number in range(len(table)):
                arms = [mean(table.moments(number, arm)) for arm in range(3)]
                family = max_z(arms[0], arms[1:], ALPHA)
                wrong += hits([contrast.p_value for contrast in family.contrasts]) > 0
            setting = f"lognormal s = 1.0, n = {n}, {name}"
            quantity = "family_wise_error"
            gate = gated(n, split, 1.0)
            yield Trial("max_z", setting, quantity, wrong, len(table), ALPHA, gate)
