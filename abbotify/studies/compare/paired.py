"""Effects and levels of two runs compared user by user."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import NO_ARM
from abbotify.metrics.definitions import METRICS
from abbotify.metrics.users import Population
from abbotify.metrics.users_file import StoredUsers
from abbotify.stats import Contrast, Moments
from abbotify.stats.effects import MEAN, RATIO
from abbotify.stats.means import lift_terms, paired, paired_effects, ratio_terms
from abbotify.stats.moments import Floats

USERS: Final = "users.parquet"
Rows = npt.NDArray[np.bool_]
Overlap = Literal["same", "disjoint", "partly", "unknown"]


def read_users(folder: Path) -> StoredUsers | None:
    """The users of a run folder; None when it has no users.parquet.

    Raises:
        DataError: the file is broken.
    """
    file = folder / USERS
    return StoredUsers(file) if file.exists() else None


def overlap(first: StoredUsers | None, second: StoredUsers | None) -> Overlap:
    """How far the users of two runs are the same ones in the same arms.

    "partly" also when an arm differs for one of them; "unknown" when a file is missing.
    """
    if first is None or second is None:
        return "unknown"
    if np.array_equal(first.ids, second.ids) and _same_arms(first, second):
        return "same"
    return "partly" if np.isin(first.ids, second.ids).any() else "disjoint"


def _same_arms(first: StoredUsers, second: StoredUsers) -> bool:
    """Whether users of the same rows are in arms of the same names."""
    (first_codes, first_names), (second_codes, names) = first.label(), second.label()
    codes = {name: code for code, name in enumerate(first_names)}
    translated = [*(codes.get(name, len(codes)) for name in names), NO_ARM]  # -1: the last
    return np.array_equal(first_codes, np.array(translated)[second_codes])


Two = tuple[Floats, Floats]  # values of the same users in the first and the second run


@dataclass(frozen=True, eq=False)
class Paired:
    """Contrasts of two runs with the same users in the same arms.

    Attributes:
        first: the users of one run.
        second: those of the other, row by row the same.
        population: over whom means are, in both.
    """

    first: StoredUsers
    second: StoredUsers
    population: Population

    def members(self, population: Population) -> Rows:
        """Who is in an arm, and for the exposed came in both runs: bool (n,)."""
        return self.first.members(population) & self.second.members(population)

    def arm(self, name: str) -> Rows:
        """The arm's users: bool (n,)."""
        codes, names = self.first.label()
        in_arm: Rows = codes == (names.index(name) if name in names else len(names))
        return in_arm

    def column(self, name: str, population: Population) -> Two | None:
        """A column in both runs, NaN where there is no value; None when one lacks it."""
        return _column(self, name, population)

    def level(self, arm: str, metric: str, alpha: float) -> tuple[Contrast, int] | None:
        """B minus A of an arm's mean, and the users behind it; None where it cannot be paired."""
        two = self._values(arm, metric, MEAN)
        return None if two is None else (paired(_moved(two), alpha), len(two[0]))

    def effect(
        self, key: tuple[str, str, str], controls: tuple[str, str], alpha: float
    ) -> tuple[Contrast, Contrast, int] | None:
        """B minus A of an effect: relative in points, absolute, and the users behind them.

        Args:
            key: arm, metric and estimand.
            controls: of the first run and of the second.
            alpha: two-sided level.

        Returns:
            None where it cannot be paired: another estimand, no such column, other controls.
        """
        arm, metric, estimand = key
        if controls[0] != controls[1]:
            return None
        control = self._values(controls[0], metric, estimand)
        treatment = self._values(arm, metric, estimand)
        if control is None or treatment is None:
            return None
        absolute = paired_effects(_moved(control), _moved(treatment), alpha)
        relative = _relative(control, treatment, alpha)
        return relative, absolute, len(control[0]) + len(treatment[0])

    def _values(self, arm: str, metric: str, estimand: str) -> Two | None:
        """Values, one for each user of an arm, whose means are the estimates in both runs."""
        if estimand == MEAN:
            return self._defined(arm, metric, self.population)
        about = METRICS.get(metric)
        if estimand != RATIO or about is None or about.ratio is None:
            return None
        # Ratios of sums are over the exposed whatever means are over.
        above = self._defined(arm, about.ratio.numerator, "exposed")
        below = self._defined(arm, about.ratio.denominator, "exposed")
        if above is None or below is None or len(above[0]) != len(below[0]):
            return None
        first, second = (ratio_terms(*sums) for sums in zip(above, below, strict=True))
        return None if first is None or second is None else (first, second)

    def _defined(self, arm: str, name: str, population: Population) -> Two | None:
        """The values of an arm's users who have one in both runs."""
        columns = self.column(name, population)
        if columns is None:
            return None
        known = self.arm(arm) & self.members(population) & ~np.isnan(columns).any(axis=0)
        return columns[0][known], columns[1][known]


@lru_cache(maxsize=4)  # the arms of a metric are compared one after the other
def _column(runs: Paired, name: str, population: Population) -> Two | None:
    if name not in runs.first.columns & runs.second.columns:
        return None
    return runs.first.column(name, population), runs.second.column(name, population)


def _moved(two: Two) -> Moments:
    return Moments.of(two[1] - two[0])


def _relative(control: Two, treatment: Two, alpha: float) -> Contrast:
    """B minus A of the lift in points, to first order of the delta method."""
    first, second = (lift_terms(*values) for values in zip(control, treatment, strict=True))
    if first is None or second is None:
        return Contrast(None, note="control is 0: no relative effect")
    moved = [Moments.of(late - early) for early, late in zip(first, second, strict=True)]
    return paired_effects(moved[0], moved[1], alpha)
