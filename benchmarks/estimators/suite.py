"""The whole calibration, theme by theme."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from abbotify.studies.validation.characteristics import Characteristic, banded
from benchmarks.estimators import (
    checks,
    clusters,
    coverage,
    decisions,
    design,
    families,
    peeking,
    rates,
    resampling,
)
from benchmarks.estimators.effort import FULL, Effort

THEMES: Final[dict[str, Callable[[Effort], Iterator[Characteristic]]]] = {
    "Nothing to find": rates.rates,
    "The warning about skewness": rates.skewness,
    "Coverage of 95 % intervals": coverage.coverage,
    "Peeking": peeking.peeking,
    "Sessions of one user": clusters.sessions,
    "Many metrics, many arms": families.families,
    "Interference": clusters.interference,
    "Power": design.powers,
    "Winner's curse": design.curse,
    "Decisions on sound and sabotaged experiments": decisions.decisions,
    "Sizes of the arms": checks.sizes,
    "Guardrails": checks.guardrails,
    "Trend of the effect": checks.trends,
    "Quantiles and bootstrap": resampling.intervals,
}
"""In the order of the page, `calibration.md.j2`, which says what each one is."""


class Row(NamedTuple):
    """One row of the table, and the theme it belongs to."""

    theme: str
    found: Characteristic


@dataclass(frozen=True)
class Calibration:
    """The table and what it took.

    Attributes:
        rows: In the order of `THEMES`.
        seconds: Of the processor, for each theme.
    """

    rows: tuple[Row, ...]
    seconds: dict[str, float]


def calibrate(
    effort: Effort = FULL, tell: Callable[[str, float], None] = lambda theme, seconds: None
) -> Calibration:
    """Every method on users whose truth is known.

    Args:
        effort: How many replications, and how large.
        tell: Called with each theme's name and seconds of the processor when it is done.
    """
    measured, seconds = list[Row](), dict[str, float]()
    for theme, run in THEMES.items():
        start = time.process_time()
        measured += [Row(theme, each) for each in run(effort)]
        seconds[theme] = time.process_time() - start
        tell(theme, seconds[theme])
    rows = banded([row.found for row in measured])
    return Calibration(
        tuple(Row(row.theme, each) for row, each in zip(measured, rows, strict=True)), seconds
    )
