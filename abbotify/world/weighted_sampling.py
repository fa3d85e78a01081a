"""Interests drawn without repeats, by weight, for any number of users at once."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.jit import kernel
from abbotify.rng import Purpose, Stream, Word
from abbotify.world.base import IntArray, Lists

Floats = npt.NDArray[np.float64]

_POPULATION: Final = Stream.POPULATION  # kernels see module constants, not classes
_USER: Final = Purpose.USER
_INTERESTS: Final = 1  # the last word of the counter, which is 0 for all other draws of users
_BUCKETS: Final = 1 << 16
_ATTEMPTS: Final = 32  # redraws of an interest the user already has, before the exact way


class Pool(NamedTuple):
    """What interests are drawn from: segments of tracks with weights.

    Attributes:
        segment: int64 (users), each user's segment; one segment may serve everybody.
        offsets: int64 (segments + 1), where a segment starts.
        tracks: int32 (offsets[-1]), distinct within a segment.
        cumulative: float64 (offsets[-1]), sums of positive weights from a segment's start.
    """

    segment: IntArray
    offsets: IntArray
    tracks: npt.NDArray[np.int32]
    cumulative: Floats


def pool_of(weights: Floats, users: int) -> Pool:
    """One segment for everybody: the tracks whose weight is above 0."""
    tracks = np.flatnonzero(weights > 0).astype(np.int32)
    offsets = np.array([0, len(tracks)], np.int64)
    return Pool(np.zeros(users, np.int64), offsets, tracks, np.cumsum(weights[tracks]))


def draw_interests(seed: int, ids: IntArray, wanted: IntArray, pool: Pool) -> Lists:
    """Distinct interests for each user, one after the other by weight among the rest.

    A user gets at most as many as the user's segment has tracks.

    Args:
        seed: of the world.
        ids: int64 (users).
        wanted: int64 (users), how many.
        pool: with a segment for each user.
    """
    available = np.diff(pool.offsets)[pool.segment]
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(np.minimum(wanted, available), out=offsets[1:])
    tracks = np.empty(int(offsets[-1]), np.int32)
    _fill(np.uint64(seed), ids, *pool, _guide(pool), offsets, tracks)
    return Lists(offsets, tracks)


def _guide(pool: Pool) -> IntArray:
    """Where in a pool of one segment to look for a draw: 70 ns, where a search takes 180.

    Returns:
        int64 (buckets + 1), the place of each bucket's lowest draw; empty for several segments.
    """
    if len(pool.offsets) != 2 or not len(pool.cumulative):
        return np.empty(0, np.int64)
    # Powers of two, so that a draw's bucket is exact.
    lowest = np.arange(_BUCKETS + 1) / _BUCKETS
    return np.searchsorted(pool.cumulative, lowest * pool.cumulative[-1], side="right")


@kernel
def _fill(
    seed: Word,
    ids: IntArray,
    segment: IntArray,
    pool_offsets: IntArray,
    pool_tracks: npt.NDArray[np.int32],
    cumulative: Floats,
    guide: IntArray,
    offsets: IntArray,
    out: npt.NDArray[np.int32],
) -> None:
    places = np.empty(len(out), np.int64)  # of a user at a time; the pages not used are not there
    for row in range(len(ids)):
        low, high = pool_offsets[segment[row]], pool_offsets[segment[row] + 1]
        first = offsets[row]
        for i in range(offsets[row + 1] - first):
            places[i] = _draw_new(seed, ids[row], i, cumulative[low:high], guide, places[:i])
            out[first + i] = pool_tracks[low + places[i]]


@kernel
def _draw_new(
    seed: Word, user: int, i: int, cumulative: Floats, guide: IntArray, chosen: IntArray
) -> int:
    """The place of the user's i-th interest, by weight among those not chosen yet."""
    u = 0.0
    for number in range(_ATTEMPTS):
        purpose = _USER | number << 32
        u = rng.uniform(seed, _POPULATION, i, user, purpose, _INTERESTS)
        place = _place(u, cumulative, guide)
        if not _holds(chosen, place):
            return place
    # Nearly all the weight is taken: one pass over the rest. The distribution is the same.
    purpose = _USER | _ATTEMPTS << 32
    u = rng.uniform(seed, _POPULATION, i, user, purpose, _INTERESTS)
    return _among_the_rest(u, cumulative, chosen)


@kernel
def _place(u: float, cumulative: Floats, guide: IntArray) -> int:
    """The first place whose sum is above `u` of the whole."""
    target, low, high = u * cumulative[-1], 0, len(cumulative)
    if len(guide) > 0:
        bucket = int(u * _BUCKETS)
        low, high = guide[bucket], guide[bucket + 1]
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] <= target:
            low = middle + 1
        else:
            high = middle
    return min(low, len(cumulative) - 1)


@kernel
def _among_the_rest(u: float, cumulative: Floats, chosen: IntArray) -> int:
    rest = 0.0
    for place in range(len(cumulative)):
        if not _holds(chosen, place):
            rest += _weight(cumulative, place)
    target, last = u * rest, -1
    for place in range(len(cumulative)):
        if not _holds(chosen, place):
            last = place
            target -= _weight(cumulative, place)
            if target < 0.0:
                break
    return last


@kernel
def _weight(cumulative: Floats, place: int) -> float:
    if place == 0:
        return cumulative[0]
    return cumulative[place] - cumulative[place - 1]


@kernel
def _holds(chosen: IntArray, place: int) -> bool:
    present = False
    for other in chosen:
        present = present or other == place
    return present
