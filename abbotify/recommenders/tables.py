"""Tables made from the catalogue alone, and the rows they are made of."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbotify.recommenders.candidate_table import CandidateTable, Key, Pick
from abbotify.world.base import Catalogue, Lists


def random_table(catalogue: Catalogue) -> CandidateTable:
    """Any track, uniformly; it never misses."""
    return one_row(np.arange(len(catalogue), dtype=np.int32), Pick.UNIFORM)


def one_row(tracks: npt.NDArray[np.int32], pick: Pick) -> CandidateTable:
    """The same row for everybody."""
    offsets = np.array([0, len(tracks)], np.int64)
    return CandidateTable(Key.NOTHING, Lists(offsets, tracks), pick)


def artist_lists(catalogue: Catalogue) -> Lists:
    """The tracks of each artist, ascending; a row for each of `artists`."""
    counts = np.bincount(catalogue.artist, minlength=len(catalogue.artists))
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    return Lists(offsets, np.argsort(catalogue.artist, kind="stable").astype(np.int32))


def most_popular(catalogue: Catalogue, size: int) -> npt.NDArray[np.int32]:
    """The most popular tracks, most popular first, ties by track id; at most `size`."""
    order = np.argsort(-catalogue.popularity, kind="stable")
    return order[:size].astype(np.int32)


def hundredths_below(limit: float) -> int:
    """The whole hundredths b for which `h / 100 < limit` exactly when `h < b`, h = 0 .. 100."""
    return sum(h / 100 < limit for h in range(101))
