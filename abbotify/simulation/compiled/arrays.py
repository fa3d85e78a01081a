"""The arrays that the compiled loop reads and writes, as named tuples; what a session has had."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np

from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.recommenders import batch
from abbotify.simulation.compiled.totals import TOTALS, Totals

Int = Any  # Python's or numpy's when interpreted, int64 in a compiled kernel
IntArray = Any  # an array: mypy knows its items as numpy's, a kernel as plain numbers
Floats = Any

# All numbers here are compiled into kernels.

# What a session is told when it goes on; anything from 0 is the track it waited for.
MISSED, FAILED, AGAIN = batch.MISSED, batch.FAILED, -3
FRESH: Final = -4

# Columns of `Out.sessions`: one number for each of a finished session.
(
    ROW, NUMBER, START, TRACKS, LATENCY, CUT, MISSES, ERRORS, FALLBACKS, EVENTS,
) = range(TOTALS)  # fmt: skip
# Where users do not meet, a unit is a day and nobody waits.
SESSION_COLUMNS: Final = TOTALS + len(Totals._fields)
DAY, TIMEOUTS = SESSION_COLUMNS, SESSION_COLUMNS + 1
SHARED_COLUMNS: Final = SESSION_COLUMNS + 2
# Those that sessions have as they are, by their names in `SessionTable`.
LOGGED: Final = {
    "start": START,
    "tracks": TRACKS,
    **{name: TOTALS + place for place, name in enumerate(Totals._fields)},
}

# Fields of a session under way beside those columns, in `Out.fields` and `Parked.fields`.
STEP, NOW, BUDGET, INTEREST, LINK, OUTCOME = range(SHARED_COLUMNS, SHARED_COLUMNS + 6)
FIELDS: Final = SHARED_COLUMNS + 6

# Numbers in `Out.filled`: finished sessions, their tracks, and whether the session in `fields` has
# to be parked and finds no room.
ENDED, HEARD, STUCK = range(3)

# A session so long is looked up in tables of the whole catalogue: up to here a scan of its tracks
# is faster, beyond it would be quadratic.
LONG: Final = 256


class Ground(NamedTuple):
    """The world: arrays of `Catalogue`, `Users` and `World`.

    Attributes:
        tracks: int32 (tracks, 2), artist and ms side by side: one miss of the cache, not two.
        far: whether the vectors are too many for a cache near the processor.
    """

    vectors: Floats
    artist: IntArray
    tracks: IntArray
    nearest: IntArray
    offsets: IntArray
    interests: IntArray
    ids: IntArray
    bias: Floats
    sharpness: Floats
    gamma: Floats
    budget: IntArray
    neighbours: IntArray
    far: bool


class Day(NamedTuple):
    """What is given on the day that is played.

    Attributes:
        seed: of the dynamics, as a signed word.
        first: the first user's row in the world.
        end: when the day is over, ms.
        run_end: when the run is over, ms; nothing starts after it.
        last_step: the step at which a session is cut.
        skip_below: hundredths below which a track is skipped.
        keeps: whether the tracks of all sessions are kept, one session after the other.
        looks_back: whether a recommender asks for the plays of earlier sessions.
        per_day: visits of a user a day; below 0 when visits are drawn by the day.
        hours: the profile.
        serving: int16 (users), places of arms.
        codes: int16 (users), rows of `Out.plays`, -1 for users who are not judged.
        visits: int64 (users + 1), where each user's are in `times`.
        times: int64, ms.
        interests: int32, beside `times`, the tastes of the sessions.
        firsts: int32, their first tracks.
    """

    seed: Int
    first: Int
    end: Int
    run_end: Int
    last_step: Int
    skip_below: Int
    keeps: bool
    looks_back: bool
    per_day: float
    hours: Floats
    serving: IntArray
    codes: IntArray
    visits: IntArray
    times: IntArray
    interests: IntArray
    firsts: IntArray


class Days(NamedTuple):
    """What is given on the days of a unit: as `Day`, for several of them.

    Attributes:
        first_day: of the unit.
        end: until when the days are open, ms: who serves visits before it is known.
        until: what happens from then on is not played yet, ms.
        last: when the unit's last day is over, ms.
        serving: int16 (days, users), places of arms.
        codes: int16 (days, users), rows of `Out.plays`, -1 for users who are not counted.
        times: int64, ms, of all days.
    """

    seed: Int
    first: Int
    first_day: Int
    end: Int
    until: Int
    last: Int
    run_end: Int
    last_step: Int
    skip_below: Int
    keeps: bool
    looks_back: bool
    per_day: float
    hours: Floats
    serving: IntArray
    codes: IntArray
    visits: IntArray
    times: IntArray


class People(NamedTuple):
    """What changes of users, by their row in the unit; see `State`."""

    busy_until: IntArray
    next_visit: IntArray
    sessions: IntArray
    tracks: IntArray
    times: IntArray
    visited: IntArray  # place of the next visit in `Day.times`


class Memory(NamedTuple):
    """Tracks of sessions, one number for each.

    Attributes:
        tracks: int32.
        artists: int32.
        discounts: float64, what the track's listened time was multiplied by, repetition apart.
        times: int16, listened hundredths.
        stamps: int64 ms, when it had been heard and the request was sent.
        took: int64 ms, the latency of that request.
    """

    tracks: IntArray
    artists: IntArray
    discounts: Floats
    times: IntArray
    stamps: IntArray
    took: IntArray


class Parked(NamedTuple):
    """Sessions that wait for an answer, by the user's row in the unit.

    Attributes:
        waits: int8 (users), 1 for a user whose session waits.
        fields: int64 (users, FIELDS).
        answers: int64 (users), what was answered: a track, MISSED, FAILED or AGAIN.
        places: int64 (users), where each session's tracks are.
        before: the tracks of sessions parked in the round before, from which they go on.
        memory: of those parked in this round, one session after the other.
        filled: int64 (1), tracks in `memory`.
    """

    waits: IntArray
    fields: IntArray
    answers: IntArray
    places: IntArray
    before: Memory
    memory: Memory
    filled: IntArray


class Index(NamedTuple):
    """Where tracks and artists occur in a long session.

    Attributes:
        tracks: int64 (tracks), the number of the last long session that had it.
        artists: int64 (artists), the same.
        places: int64 (artists), its last step in that session.
        sessions: int64 (1), how many long sessions there were.
    """

    tracks: IntArray
    artists: IntArray
    places: IntArray
    sessions: IntArray


class Out(NamedTuple):
    """What is written down.

    Attributes:
        sessions: int64 (SESSION_COLUMNS or SHARED_COLUMNS, room): sessions that are over.
        plays: int32 (codes, tracks), how often each track was played.
        by_step: int64 (codes, steps, 2): plays and their hundredths, by step from 1.
        filled: int64 (3), what ENDED, HEARD and STUCK say.
        scratch: int64 (2, 10).
        cursor: int64 (2), see `History`.
        fields: int64 (FIELDS), of the session under way.
        lookup: for long sessions.
    """

    sessions: IntArray
    plays: IntArray
    by_step: IntArray
    filled: IntArray
    scratch: IntArray
    cursor: IntArray
    fields: IntArray
    lookup: Index


def empty_memory(room: int) -> Memory:
    """Room for the tracks of sessions."""
    return Memory(
        np.empty(room, np.int32),
        np.empty(room, np.int32),
        np.empty(room, np.float64),
        np.empty(room, np.int16),
        np.empty(room, np.int64),
        np.empty(room, np.int64),
    )


def grown(memory: Memory, room: int) -> Memory:
    """A larger memory that begins with what is in one."""
    larger = empty_memory(room)
    for column, values in enumerate(memory):
        larger[column][: len(values)] = values
    return larger


@inlined_unmanaged
def earlier(
    index: Index, memory: Memory, base: Int, step: Int, track: Int, artist: Int, scanned: Int
) -> tuple[bool, Int]:
    """Whether the session has had a track, and the last step with an artist, or -1.

    Args:
        index: of a session of at least `scanned` tracks.
        memory: the tracks.
        base: where the session's start.
        step: of the track.
        track: its id.
        artist: whose it is.
        scanned: sessions up to this length are searched track by track.
    """
    if step >= scanned:
        session = index.sessions[0]
        repeated = index.tracks[track] == session
        last = index.places[artist] if index.artists[artist] == session else -1
        index.tracks[track] = index.artists[artist] = session
        index.places[artist] = step
        return repeated, last
    repeated = False
    for i in range(base, base + step):  # no early end: vector instructions
        repeated |= memory.tracks[i] == track
    for i in range(step - 1, -1, -1):
        if memory.artists[base + i] == artist:
            return repeated, i
    return repeated, -1


@unmanaged
def enter(index: Index, memory: Memory, base: Int, plays: Int) -> None:
    """Enters the plays of a session that has become long."""
    index.sessions[0] += 1
    session = index.sessions[0]
    for i in range(plays):
        artist = memory.artists[base + i]
        index.tracks[memory.tracks[base + i]] = index.artists[artist] = session
        index.places[artist] = i
