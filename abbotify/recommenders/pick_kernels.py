"""The pick rules of candidate tables as kernels: both engines call them.

A row is the tracks from `begin` to `end`. A `draw` names a block of random words: the seed (as a
signed word), step, user, purpose and session of a request.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.rng import Stream, choice, uniform

Int = Any  # Python's or numpy's when interpreted, int64 in a compiled kernel
Ints = npt.NDArray[np.int64]
Tracks = npt.NDArray[np.int32]
Weights = npt.NDArray[np.float64]
Draw = tuple[Int, Int, Int, Int, Int]

NONE: Final = -1  # a miss

_USERS: Final = Stream.USERS  # kernels see module constants, not attributes of classes


@inlined_unmanaged
def uniformly(tracks: Tracks, begin: Int, end: Int, draw: Draw) -> Int:
    """Any track of a row."""
    return np.int64(tracks[begin + _choice(draw, end - begin)]) if begin < end else NONE


@unmanaged
def without_previous(tracks: Tracks, begin: Int, end: Int, previous: Int, draw: Draw) -> Int:
    """Any track of a row, which ascends, but the one just played."""
    place = _first_above(tracks, begin, end, previous - 1)
    inside = place < end and tracks[place] == previous
    n = end - begin - (1 if inside else 0)
    if n == 0:
        return NONE
    drawn = begin + _choice(draw, n)
    return np.int64(tracks[drawn + (1 if inside and drawn >= place else 0)])


@inlined_unmanaged
def by_rank(tracks: Tracks, begin: Int, end: Int, step: Int) -> Int:
    """The track of a row at a step, counted from 1."""
    place = begin + step - 1
    return np.int64(tracks[place]) if place < end else NONE


@unmanaged
def first_unseen(tracks: Tracks, begin: Int, end: Int, played: Tracks, cursor: Ints) -> Int:
    """The first track of a row that is not among those played in the session.

    Args:
        tracks: of all rows.
        begin: of the row.
        end: of the row.
        played: all of them.
        cursor: int64 (2), the row whose first unseen track was asked for last in this session (-1
            for none), and its place: what comes before it has been played.
    """
    # From where the last search of this row ended: what was seen stays seen, and starting anew
    # would make a long session quadratic in its tracks.
    place = cursor[1] if cursor[0] == begin else begin
    while place < end and _among(tracks[place], played):
        place += 1
    cursor[0], cursor[1] = begin, place
    return np.int64(tracks[place]) if place < end else NONE


@unmanaged
def by_weight(
    tracks: Tracks, begin: Int, end: Int, weights: Weights, shift: Int, draw: Draw
) -> Int:
    """A track of a row by cumulative weights, those of `tracks[i]` at `weights[i + shift]`."""
    total = weights[end - 1 + shift] if begin < end else 0.0
    if total <= 0.0:
        return NONE
    seed, step, user, purpose, session = draw
    # The number drawn is at most 1 - 2**-53: the product stays below the total even when rounded.
    bound = uniform(seed, _USERS, step, user, purpose, session) * total
    return np.int64(tracks[_first_above(weights, begin + shift, end + shift, bound) - shift])


@unmanaged
def anchored(offsets: Ints, tracks: Tracks, anchors: Ints, times: Ints, draw: Draw) -> Int:
    """The first track not among the last plays, of the row of one that is drawn by listened time.

    Args:
        offsets: of the rows of all tracks.
        tracks: of all rows.
        anchors: int64, the user's last plays, oldest first.
        times: int64, their hundredths; changed in place.
        draw: of the request.
    """
    left, attempt = times.sum(), 0
    seed, step, user, purpose, session = draw
    while left > 0:
        drawn = choice(seed, _USERS, step, user, purpose | attempt << 32, session, left)
        which = 0
        while drawn >= times[which]:
            drawn -= times[which]
            which += 1
        left -= times[which]
        times[which] = 0
        attempt += 1
        for place in range(offsets[anchors[which]], offsets[anchors[which] + 1]):
            if not _among(tracks[place], anchors):
                return np.int64(tracks[place])
    return NONE


@inlined_unmanaged
def pair_row(pairs: Ints, begin: Int, end: Int, code: Int) -> Int:
    """The row of a pair of user and track among ascending ones from `begin` to `end`, or -1."""
    place = _first_above(pairs, begin, end, code - 1)
    return place - begin if place < end and pairs[place] == code else -1


@inlined_unmanaged
def _choice(draw: Draw, n: Int) -> Int:
    seed, step, user, purpose, session = draw
    return choice(seed, _USERS, step, user, purpose, session, n)


@inlined_unmanaged
def _first_above(values: Any, begin: Int, end: Int, bound: Any) -> Int:
    """The first place of ascending values at which one exceeds a bound; `end` when none does."""
    while begin < end:
        middle = (begin + end) // 2
        if values[middle] <= bound:
            begin = middle + 1
        else:
            end = middle
    return begin


@inlined_unmanaged
def _among(track: Int, tracks: Any) -> bool:
    among = False
    for i in range(len(tracks)):  # no early end: vector instructions
        among |= tracks[i] == track
    return among
