"""The whole calibration, theme by theme."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

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
from benchmarks.estimators.replications import FULL, Effort, Row, Trial, characterise

# In the order of the page; the skewness rows come from the draws of the first theme.
ABOUT: Final[dict[str, str]] = {
    rates.THEME: rates.ABOUT,
    rates.SKEW: rates.ABOUT_SKEW,
    coverage.THEME: coverage.ABOUT,
    peeking.THEME: peeking.ABOUT,
    clusters.THEME: clusters.ABOUT,
    families.THEME: families.ABOUT,
    clusters.INTERFERENCE: clusters.ABOUT_INTERFERENCE,
    design.THEME: design.ABOUT,
    design.CURSE: design.ABOUT_CURSE,
    decisions.THEME: decisions.ABOUT,
    checks.THEME: checks.ABOUT,
    checks.GUARDRAILS: checks.ABOUT_GUARDRAILS,
    checks.NOVELTY: checks.ABOUT_NOVELTY,
    resampling.THEME: resampling.ABOUT,
}
THEMES: Final[dict[str, Callable[[Effort], Iterator[Trial]]]] = {
    rates.THEME: rates.rates,
    coverage.THEME: coverage.coverage,
    peeking.THEME: peeking.peeking,
    clusters.THEME: clusters.sessions,
    families.THEME: families.families,
    clusters.INTERFERENCE: clusters.interference,
    design.THEME: design.powers,
    design.CURSE: design.curse,
    decisions.THEME: decisions.decisions,
    checks.THEME: checks.sizes,
    checks.GUARDRAILS: checks.guardrails,
    checks.NOVELTY: checks.trends,
    resampling.THEME: resampling.intervals,
}


@dataclass(frozen=True)
class Calibration:
    """The table and what it took.

    Attributes:
        rows: In the order of `ABOUT`.
        seconds: Of the processor, for each theme that was run.
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
    trials, seconds = list[Trial](), dict[str, float]()
    for theme, run in THEMES.items():
        start = time.process_time()
        trials += [trial if trial.theme else replace(trial, theme=theme) for trial in run(effort)]
        seconds[theme] = time.process_time() - start
        tell(theme, seconds[theme])
    order = list(ABOUT)
    trials.sort(key=lambda trial: order.index(trial.theme))
    return Calibration(tuple(characterise(trials)), seconds)
