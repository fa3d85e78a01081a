"""How often 95 % intervals hold the truth, at lifts that are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Final

import numpy as np

from abbotify.stats.effects import NAIVE
from abbotify.studies.validation.characteristics import Characteristic, rate
from abbotify.studies.validation.methods import METHODS, AnalysisPlan, experiment_estimates
from benchmarks.estimators.effort import ALPHA, Effort, covers
from benchmarks.estimators.generated_users import Law, Table, draw
from benchmarks.estimators.theory import naive_coverage

LIFTS: Final = (0, 5, 20, 50)  # per cent
CV_1: Final = Law(float(np.sqrt(np.log(2))))
_CELLS: Final = (  # control, treatment, replications
    (500, 500, 5000),
    (5000, 5000, 2500),
    (9000, 1000, 2500),
    (1000, 9000, 2500),
)
_NAMES: Final = {"delta_fieller": "delta relative", "cuped_fieller": "cuped relative"}


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
        estimates = experiment_estimates(table.arms(number, factor), AnalysisPlan((), ALPHA))
        for (method, _, _), each in estimates.items():
            truth = lift if METHODS[method].relative else CV_1.mean * (factor - 1)
            held[method] += covers(each.lower, each.upper, truth)
    control, treatment = table.sizes
    setting = f"lognormal CV = 1, {control}/{treatment} users, lift {lift} %"
    for method, count in held.items():
        naive = method == NAIVE
        share = treatment / (control + treatment)
        expected = naive_coverage(lift / 100, share) if naive else 1 - ALPHA
        gate = not naive or control == treatment
        name = _NAMES.get(method, method)
        yield rate(name, setting, "coverage", count, len(table), expected, gate)
