"""The rules of candidate tables as kernels: the same picks as `TablePicker`, from flat arrays."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.recommenders.candidate_table import HISTORY, Key, Pick
from abbotify.rng import Stream, choice, uniform
from abbotify.simulation.compiled import lowering
from abbotify.simulation.compiled.lowering import Tables

Int = Any  # Python's or numpy's when interpreted, int64 in a compiled kernel

NONE: Final = -1  # a miss
UNKNOWN: Final = -2  # the list of this pair has not been made yet

# Kernels see module constants, not attributes of classes.
_HISTORY: Final = HISTORY
_USERS: Final = Stream.USERS
_BY_USER, _BY_ARTIST, _BY_PREVIOUS, _BY_FIRST, _BY_PAIR = (
    int(key) for key in (Key.USER, Key.ARTIST, Key.PREVIOUS, Key.FIRST, Key.USER_FIRST)
)
_UNIFORMLY, _BY_RANK, _UNSEEN, _WEIGHTED, _ANCHORED = (
    int(pick) for pick in (Pick.UNIFORM, Pick.RANK, Pick.FIRST_UNSEEN, Pick.WEIGHTED, Pick.ANCHORED)
)
_KEY, _PICK, _EXCLUDE, _BELOW = lowering.KEY, lowering.PICK, lowering.EXCLUDE, lowering.BELOW
_OTHERWISE, _OFFSET, _WEIGHT = lowering.OTHERWISE, lowering.OFFSET, lowering.WEIGHT
_PAIR, _PAIRS, _ON_DEMAND = lowering.PAIR, lowering.PAIRS, lowering.ON_DEMAND


class Query(NamedTuple):
    """A request in a kernel, see `Request`.

    Attributes:
        seed: of the dynamics, as a signed word.
        user: the user's id.
        row: the user's row in the world.
        session: the user's own session number.
        step: of the track asked for.
        first: the session's first track.
        previous: the track just played.
        time: its hundredths.
    """

    seed: Int
    user: Int
    row: Int
    session: Int
    step: Int
    first: Int
    previous: Int
    time: Int


class History(NamedTuple):
    """What was played before a request.

    Attributes:
        tracks: int32, the session's tracks, from `base` on.
        times: int16, their hundredths.
        base: where the session starts.
        old_tracks: int32 (10), the user's last plays before the session; -1 for none.
        old_times: int16 (10), their hundredths.
        scratch: int64 (2, 10), room for an anchored pick.
        cursor: int64 (2): the row whose first unseen track was asked for last in this session, and
            its place: what comes before it has been played.
    """

    tracks: npt.NDArray[np.int32]
    times: npt.NDArray[np.int16]
    base: Int
    old_tracks: npt.NDArray[np.int32]
    old_times: npt.NDArray[np.int16]
    scratch: npt.NDArray[np.int64]
    cursor: npt.NDArray[np.int64]


@inlined_unmanaged
def pick(
    tables: Tables,
    number: Int,
    purpose: Int,
    query: Query,
    history: History,
    artist: npt.NDArray[np.int32],
) -> Int:
    """A table's answer to a request: a track, NONE or UNKNOWN."""
    rule = tables.rule
    while query.time < rule[number, _BELOW]:
        number = rule[number, _OTHERWISE]
    key = rule[number, _KEY]
    row: Int = 0
    if key == _BY_ARTIST:
        row = np.int64(artist[query.previous])
    elif key == _BY_PREVIOUS:
        row = query.previous
    elif key == _BY_USER:
        row = query.row
    elif key == _BY_FIRST:
        row = query.first
    elif key >= _BY_PAIR:
        anchor = query.first if key == _BY_PAIR else query.previous
        row = _pair(tables, number, query.row * len(artist) + anchor)
        if row < 0:
            return UNKNOWN if rule[number, _ON_DEMAND] else NONE
    place = rule[number, _OFFSET] + row
    start, end = tables.offsets[place], tables.offsets[place + 1]
    if start == end and rule[number, _PICK] != _ANCHORED:
        return NONE
    how = rule[number, _PICK]
    if how == _UNIFORMLY:
        if rule[number, _EXCLUDE]:
            return _without_previous(tables.tracks, start, end, purpose, query)
        seed, user, session, step = query.seed, query.user, query.session, query.step
        drawn = choice(seed, _USERS, step, user, purpose, session, end - start)
        return np.int64(tables.tracks[start + drawn])
    if how == _BY_RANK:
        place = start + query.step - 1
        return np.int64(tables.tracks[place]) if place < end else NONE
    if how == _UNSEEN:
        return _first_unseen(tables.tracks, start, end, query, history)
    if how == _WEIGHTED:
        return _by_weight(tables, number, start, end, purpose, query)
    return _anchored(tables, rule[number, _OFFSET], purpose, query, history)


@inlined_unmanaged
def uniformly(
    tables: Tables,
    key: Int,
    place: Int,
    purpose: Int,
    seed: Int,
    user: Int,
    row: Int,
    session: Int,
    step: Int,
    first: Int,
    previous: Int,
    artist: Int,
) -> Int:
    """The pick of an arm that is `plain`: a track, or NONE."""
    if key == _BY_ARTIST:
        place += artist
    elif key == _BY_PREVIOUS:
        place += previous
    elif key == _BY_USER:
        place += row
    elif key == _BY_FIRST:
        place += first
    begin: Int = tables.offsets[place]
    n: Int = tables.offsets[place + 1] - begin
    if n == 0:
        return NONE
    drawn = choice(seed, _USERS, step, user, purpose, session, n)
    return np.int64(tables.tracks[begin + drawn])


@inlined_unmanaged
def _pair(tables: Tables, number: Int, code: Int) -> Int:
    """The row of a pair, or -1."""
    start = tables.rule[number, _PAIR]
    low, high = start, start + tables.rule[number, _PAIRS]
    end = high
    while low < high:
        middle = (low + high) // 2
        if tables.pairs[middle] < code:
            low = middle + 1
        else:
            high = middle
    return low - start if low < end and tables.pairs[low] == code else -1


@unmanaged
def _without_previous(
    tracks: npt.NDArray[np.int32], start: Int, end: Int, purpose: Int, query: Query
) -> Int:
    low, high = start, end
    while low < high:
        middle = (low + high) // 2
        if tracks[middle] < query.previous:
            low = middle + 1
        else:
            high = middle
    inside = low < end and tracks[low] == query.previous
    n = end - start - (1 if inside else 0)
    if n == 0:
        return NONE
    seed, user, session, step = query.seed, query.user, query.session, query.step
    drawn = start + choice(seed, _USERS, step, user, purpose, session, n)
    return np.int64(tracks[drawn + (1 if inside and drawn >= low else 0)])


@unmanaged
def _first_unseen(
    tracks: npt.NDArray[np.int32], start: Int, end: Int, query: Query, history: History
) -> Int:
    # From where the last search of this row ended: what was seen stays seen, and starting anew
    # would make a long session quadratic in its tracks.
    place = history.cursor[1] if history.cursor[0] == start else start
    history.cursor[0] = start
    while place < end:
        seen = False
        for i in range(history.base, history.base + query.step):
            seen |= history.tracks[i] == tracks[place]
        if not seen:
            break
        place += 1
    history.cursor[1] = place
    return np.int64(tracks[place]) if place < end else NONE


@unmanaged
def _by_weight(
    tables: Tables, number: Int, start: Int, end: Int, purpose: Int, query: Query
) -> Int:
    shift = tables.rule[number, _WEIGHT]
    weights = tables.weights
    total = weights[end - 1 + shift]
    if total <= 0.0:
        return NONE
    seed, user, session, step = query.seed, query.user, query.session, query.step
    target = uniform(seed, _USERS, step, user, purpose, session) * total
    low, high = start, end
    while low < high:
        middle = (low + high) // 2
        if target < weights[middle + shift]:
            high = middle
        else:
            low = middle + 1
    return np.int64(tables.tracks[low])


@unmanaged
def _anchored(tables: Tables, offset: Int, purpose: Int, query: Query, history: History) -> Int:
    plays, left = last_plays(history, query.step), 0
    tracks, times = history.scratch[0], history.scratch[1]
    for i in range(plays):
        left += times[i]
    attempt = 0
    while left > 0:
        seed, user, session, step = query.seed, query.user, query.session, query.step
        drawn = choice(seed, _USERS, step, user, purpose | attempt << 32, session, left)
        place = 0
        while drawn >= times[place]:
            drawn -= times[place]
            place += 1
        left -= times[place]
        times[place] = 0
        attempt += 1
        row = offset + tracks[place]
        for i in range(tables.offsets[row], tables.offsets[row + 1]):
            candidate, seen = tables.tracks[i], False
            for j in range(plays):
                seen |= tracks[j] == candidate
            if not seen:
                return np.int64(candidate)
    return NONE


@unmanaged
def last_plays(history: History, plays: Int) -> Int:
    """Puts the user's last 10 plays into `scratch`, oldest first; how many there are.

    Args:
        history: before the request.
        plays: of this session.
    """
    tracks, times = history.scratch[0], history.scratch[1]
    new = min(plays, _HISTORY)
    count = 0
    for i in range(new, _HISTORY):  # the old ones are right-aligned: the newest 10 - new
        if history.old_tracks[i] >= 0:
            tracks[count], times[count] = history.old_tracks[i], history.old_times[i]
            count += 1
    for i in range(history.base + plays - new, history.base + plays):
        tracks[count], times[count] = history.tracks[i], history.times[i]
        count += 1
    return count
