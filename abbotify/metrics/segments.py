"""Segments of users by something known before the experiment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.sessions import FloatArray

Codes = npt.NDArray[np.int16]

PARTS: Final = 3  # light, medium and heavy users


@dataclass(frozen=True)
class UserSegments:
    """The segment of each user.

    Attributes:
        by: what they are segmented by.
        names: of the segments.
        codes: int16 (users,), -1 for users of none.
        bounds: where values were cut; empty for segments that have names of their own.
    """

    by: str
    names: tuple[str, ...]
    codes: Codes
    bounds: tuple[float, ...] = ()


@dataclass(frozen=True)
class SegmentBounds:
    """A value that users are cut by.

    Attributes:
        by: its name; a column of the users' table unless there are values.
        parts: into how many about equal parts.
        bounds: or where; a bound belongs to the part below it.
        values: float64 (users,), in the order of the users' table.
    """

    by: str
    parts: int = PARTS
    bounds: tuple[float, ...] | None = None
    values: FloatArray | None = None


def cut(values: FloatArray, how: SegmentBounds, members: npt.NDArray[np.bool_]) -> UserSegments:
    """The segments of users by a value.

    Args:
        values: float64 (users,), NaN where unknown.
        how: how they are cut; a bound belongs to the segment below it.
        members: bool (users,), those over whom parts are equal.
    """
    bounds = how.bounds
    if bounds is None:
        bounds = segment_bounds(values[members], how.parts)
    codes = np.where(np.isnan(values), -1, np.searchsorted(np.asarray(bounds), values))
    return UserSegments(how.by, _names(bounds), codes.astype(np.int16), bounds)


def segment_bounds(values: FloatArray, segments: int) -> tuple[float, ...]:
    """Bounds that cut users into about equal segments by a value from before the experiment.

    Args:
        values: float64 (n,), of all arms' users together; NaN, for users without, is left out.
        segments: how many are wanted, at least 2.

    Returns:
        strictly increasing, at most segments - 1 of them: fewer where many users are alike.

    Raises:
        ValueError: with fewer than 2 segments.
    """
    if segments < 2:
        raise ValueError(f"at least 2 segments are needed, got {segments}")
    defined = values[~np.isnan(values)]
    if not len(defined):
        return ()
    shares = np.arange(1, segments) / segments
    bounds = np.unique(np.quantile(defined, shares, method="inverted_cdf"))
    return tuple(bounds[bounds < defined.max()].tolist())


def _names(bounds: tuple[float, ...]) -> tuple[str, ...]:
    if not bounds:
        return ("all",)
    shown = rounded(bounds)
    between = [f"above {low} to {high}" for low, high in pairwise(shown)]
    return (f"up to {shown[0]}", *between, f"above {shown[-1]}")


def rounded(bounds: Sequence[float]) -> list[str]:
    """The bounds with four digits, or as many as tell them apart; with 17 any two are."""
    every = ([f"{bound:.{digits}g}" for bound in bounds] for digits in range(4, 18))
    return next(each for each in every if len(set(each)) == len(set(bounds)))
