"""A request in the compiled loop: the table that answers it, the row, and the rule that picks."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.recommenders import pick_kernels as rules
from abbotify.recommenders.candidate_table import HISTORY, Key, Pick
from abbotify.recommenders.pick_kernels import Int, Ints, Tracks
from abbotify.rng import Stream, choice
from abbotify.simulation.compiled import lowering
from abbotify.simulation.compiled.lowering import Tables

UNKNOWN: Final = -2  # the list of this pair has not been made yet

_HISTORY: Final = HISTORY
_USERS: Final = Stream.USERS
_BY_USER, _BY_ARTIST, _BY_PREVIOUS, _BY_FIRST = (
    int(key) for key in (Key.USER, Key.ARTIST, Key.PREVIOUS, Key.FIRST)
)


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

    tracks: Tracks
    times: npt.NDArray[np.int16]
    base: Int
    old_tracks: Tracks
    old_times: npt.NDArray[np.int16]
    scratch: Ints
    cursor: Ints


@inlined_unmanaged
def pick(
    tables: Tables, number: Int, purpose: Int, query: Query, history: History, artist: Tracks
) -> Int:
    """A table's answer to a request: a track, NONE or UNKNOWN."""
    rule = tables.rule
    while query.time < rule[number, lowering.BELOW]:
        number = rule[number, lowering.OTHERWISE]
    key, how = rule[number, lowering.KEY], rule[number, lowering.PICK]
    row: Int = 0
    if key < Key.USER_FIRST:
        row = row_of(key, query.row, query.first, query.previous, artist[query.previous])
    else:
        anchor = query.first if key == Key.USER_FIRST else query.previous
        place, code = rule[number, lowering.PAIR], query.row * len(artist) + anchor
        row = rules.pair_row(tables.pairs, place, place + rule[number, lowering.PAIRS], code)
        if row < 0:
            return UNKNOWN if rule[number, lowering.ON_DEMAND] else rules.NONE
    offsets, tracks = tables.offsets[rule[number, lowering.OFFSET] :], tables.tracks
    begin, end = offsets[row], offsets[row + 1]
    draw = (query.seed, query.step, query.user, purpose, query.session)
    if how == Pick.UNIFORM:
        if rule[number, lowering.EXCLUDE]:
            return rules.without_previous(tracks, begin, end, query.previous, draw)
        return rules.uniformly(tracks, begin, end, draw)
    if how == Pick.RANK:
        return rules.by_rank(tracks, begin, end, query.step)
    if how == Pick.FIRST_UNSEEN:
        played = history.tracks[history.base : history.base + query.step]
        return rules.first_unseen(tracks, begin, end, played, history.cursor)
    if how == Pick.WEIGHTED:
        shift = rule[number, lowering.WEIGHT]
        return rules.by_weight(tracks, begin, end, tables.weights, shift, draw)
    plays = last_plays(history, query.step)
    anchors, times = history.scratch[0, :plays], history.scratch[1, :plays]
    return rules.anchored(offsets, tracks, anchors, times, draw)


@inlined_unmanaged
def plain_pick(
    tables: Tables, key: Int, place: Int, purpose: Int, seed: Int, user: Int, row: Int,
    session: Int, step: Int, first: Int, previous: Int, artist: Int,
) -> Int:  # fmt: skip
    """The pick of an arm that is `plain`: as `pick`, from plain numbers alone."""
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
        return rules.NONE
    drawn = choice(seed, _USERS, step, user, purpose, session, n)
    return np.int64(tables.tracks[begin + drawn])


@inlined_unmanaged
def row_of(key: Int, row: Int, first: Int, previous: Int, artist: Int) -> Int:
    """The row of a table whose key is no pair."""
    if key == Key.ARTIST:
        return np.int64(artist)
    if key == Key.PREVIOUS:
        return previous
    if key == Key.USER:
        return row
    return first if key == Key.FIRST else 0


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
