"""How often 95 % intervals hold the truth, at lifts that are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from abbotify.stats import (
    Estimate,
    Moments,
    cuped_means,
    difference,
    mean,
    naive_relative,
    ratio_of_sums,
    relative,
)
from abbotify.studies.validation.characteristics import Characteristic, rate
from benchmarks.estimators.effort import ALPHA, Effort, covers
from benchmarks.estimators.generated_users import (
    BEFORE,
    DENOMINATOR,
    NUMERATOR,
    VALUE,
    Law,
    Table,
    draw,
    scaled,
)
from benchmarks.estimators.theory import naive_coverage

LIFTS: Final = (0, 5, 20, 50)  # per cent
CV_1: Final = Law(float(np.sqrt(np.log(2))))
_CELLS: Final = (  # control, treatment, replications
    (500, 500, 5000),
    (5000, 5000, 2500),
    (9000, 1000, 2500),
    (1000, 9000, 2500),
)
Pair = tuple[Estimate, Estimate]


def coverage(effort: Effort) -> Iterator[Characteristic]:
    """Every method at every lift; all lifts of a cell have the same users."""
    for control, treatment, replications in _CELLS:
        if control + treatment > effort.largest:
            continue
        sizes = (control, treatment)
        table = draw(f"coverage {sizes}", CV_1, sizes, effort.of(replications))
        for lift in LIFTS:
            yield from _at(table, lift)


def _at(table: Table, lift: int) -> Iterator[Characteristic]:
    factor = 1 + lift / 100
    held: Counter[str] = Counter()
    for number in range(len(table)):
        for name, pair, control in _pairs(table, number, factor):
            contrast, percent = difference(*pair, ALPHA), relative(*pair, ALPHA)
            held[name] += covers(contrast.lower, contrast.upper, control * (factor - 1))
            relative_name = "fieller" if name == "welch" else f"{name} relative"
            held[relative_name] += covers(percent.lower, percent.upper, lift)
            if name == "welch":
                held["naive_relative"] += covers(*naive_relative(pair[0], contrast), lift)
    control, treatment = table.sizes
    setting = f"lognormal CV = 1, {control}/{treatment} users, lift {lift} %"
    for name, count in held.items():
        naive = name == "naive_relative"
        share = treatment / (control + treatment)
        expected = naive_coverage(lift / 100, share) if naive else 1 - ALPHA
        gate = not naive or control == treatment
        yield rate(name, setting, "coverage", count, len(table), expected, gate)


def _pairs(table: Table, number: int, factor: float) -> Iterator[tuple[str, Pair, float]]:
    """Method, control and treatment, and what the control truly is."""
    values = _arms(table, number, (VALUE,), factor)
    yield "welch", (mean(values[0]), mean(values[1])), CV_1.mean
    ratios = _arms(table, number, (NUMERATOR, DENOMINATOR), factor, 1.0)
    yield "delta", (ratio_of_sums(ratios[0]), ratio_of_sums(ratios[1])), CV_1.mean
    yield (
        "cuped",
        cuped_means(_arms(table, number, (VALUE, BEFORE), factor, 1.0)).pair(1),
        CV_1.mean,
    )


def _arms(table: Table, number: int, columns: tuple[int, ...], *factors: float) -> list[Moments]:
    control, treatment = (table.moments(number, arm, columns) for arm in (0, 1))
    return [control, scaled(treatment, *factors)]
