"""The users of two runs side by side: who is in both, and what each of them has there."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import NO_ARM
from abbotify.metrics.users import Population
from abbotify.metrics.users_file import StoredUsers
from abbotify.stats.moments import Floats

USERS: Final = "users.parquet"
Rows = npt.NDArray[np.bool_]
Overlap = Literal["same", "disjoint", "partly", "unknown"]


@dataclass(frozen=True, eq=False)
class Pairs:
    """The same users in the same arms in two runs.

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
        own: Rows = codes == (names.index(name) if name in names else len(names))
        return own

    def column(self, name: str, population: Population) -> tuple[Floats, Floats] | None:
        """A column in both runs, NaN where there is no value; None when one lacks it."""
        if name not in self.first.columns & self.second.columns:
            return None
        return self.first.column(name, population), self.second.column(name, population)


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
    (own, own_names), (others, names) = first.label(), second.label()
    codes = {name: code for code, name in enumerate(own_names)}
    translated = [*(codes.get(name, len(codes)) for name in names), NO_ARM]  # -1: the last
    return np.array_equal(own, np.array(translated)[others])
