"""Two runs side by side."""

from __future__ import annotations

from pathlib import Path

from abbotify.report import read
from abbotify.studies.compare.compare import Comparison, compare
from abbotify.studies.compare.paired import Paired, overlap, read_users

__all__ = ["Comparison", "compare", "compare_runs"]


def compare_runs(a: Path, b: Path) -> Comparison:
    """Two runs side by side, differences being the second minus the first.

    Raises:
        UserError: a folder is no run, its report or its users are broken, or the runs have no arm
            or no metric in common.
    """
    first, second = read(a), read(b)
    users = read_users(a), read_users(b)
    shared = overlap(*users)
    paired, (one, two) = None, users
    if one and two and shared == "same" and first.run.population == second.run.population:
        paired = Paired(one, two, first.run.population)
    return compare(first, second, (str(a), str(b)), shared, paired)
