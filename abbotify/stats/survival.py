"""How long sessions last: the share still alive after each number of tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

_NOBODY: Final = 1e-16  # a share below it is 0


@dataclass(frozen=True)
class Survival:
    """Kaplan-Meier curve of session lengths.

    Attributes:
        tracks: Lengths 0, 1, 2, ... up to the longest session seen; empty without sessions.
        alive: Estimated share of sessions with more than that many tracks.
    """

    tracks: tuple[int, ...]
    alive: tuple[float, ...]


def kaplan_meier(ended: Sequence[int], cut: Sequence[int]) -> Survival:
    """The Kaplan-Meier curve from counts of sessions by length.

    A session cut at L tracks is censored: all it says is that its length exceeds L. Counts of
    shards or days add up before the call. No band: sessions of one user are not independent.

    Args:
        ended: ended[t] sessions ended by themselves after t tracks.
        cut: cut[t] sessions were cut after t tracks; may be shorter or longer than `ended`.

    Raises:
        ValueError: On a negative count.

    Source: Kaplan, Meier (1958), JASA 53.
    """
    counts = _aligned(ended, cut)
    lengths = np.flatnonzero(counts.sum(axis=0))
    if len(lengths) == 0:
        return Survival((), ())
    tracks = np.arange(lengths[-1] + 1)
    times, alive = _curve(counts[:, lengths], lengths)
    # The curve is a step function, right-continuous: 1 before its first event.
    steps = np.concatenate([[1.0], alive])[np.searchsorted(times, tracks, side="right")]
    return Survival(tuple(tracks.tolist()), tuple(steps.tolist()))


def _aligned(ended: Sequence[int], cut: Sequence[int]) -> NDArray[np.float64]:
    counts = np.zeros((2, max(len(ended), len(cut))))
    counts[0, : len(ended)] = ended
    counts[1, : len(cut)] = cut
    if (counts < 0).any():
        raise ValueError("counts of sessions must not be negative")
    return counts


def _curve(
    counts: NDArray[np.float64], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The lengths at which sessions end, and the share alive after each.

    The arithmetic of statsmodels' `SurvfuncRight`, the oracle in the tests: importing it takes a
    second.
    """
    at_risk = np.cumsum(counts.sum(axis=0)[::-1])[::-1]
    events = np.flatnonzero(counts[0])
    share = 1 - counts[0, events] / at_risk[events]
    gone = share < _NOBODY
    alive = np.exp(np.cumsum(np.log(np.where(gone, _NOBODY, share))))
    alive[gone] = 0
    return lengths[events], alive
