"""A session among users who meet: its start, its requests, its tracks, its end, each by itself.

The event-driven engine's `Sessions.listen`, cut where it waits, with the same scalar kernels.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from abbotify.jit import inlined_unmanaged
from abbotify.recommenders.base import OK
from abbotify.rng import Purpose, Stream, uniform
from abbotify.simulation.compiled.arrays import (
    BUDGET,
    DAY,
    EVENTS,
    FRESH,
    INTEREST,
    NOW,
    NUMBER,
    SHARED_COLUMNS,
    STEP,
    TIMEOUTS,
    TRACKS,
    Days,
    Ground,
    Int,
    IntArray,
    Memory,
    Out,
    People,
)
from abbotify.simulation.compiled.lowering import Program, Tables
from abbotify.simulation.compiled.pick import History, Query, last_plays
from abbotify.simulation.compiled.session import Who, answered, count, hear, latency_ms
from abbotify.simulation.compiled.shared_arrays import (
    ARM,
    LATE,
    OVER,
    PHASE,
    PLAYS,
    SIZE,
    TRACK_END,
    Routes,
    Shared,
)
from abbotify.simulation.compiled.totals import add_track, keep_totals, totals_of
from abbotify.simulation.compiled.track_blocks import give_back, take
from abbotify.simulation.compiled.users import fill, finish, session_start
from abbotify.simulation.listener.session import bored, play_ms

_OK: Final = OK
_USERS: Final = Stream.USERS
_BOREDOM: Final = Purpose.BOREDOM
_NO_INDEX: Final = 2**40  # longer than any session: sessions take turns, so none has the index


@inlined_unmanaged
def begin(
    ground: Ground,
    days: Days,
    routes: Routes,
    people: People,
    shared: Shared,
    memory: Memory,
    out: Out,
    row: Int,
    s: IntArray,
) -> bool:
    """A visit begins; False when there is no room for its tracks."""
    base = take(shared.blocks, memory, 0)
    if base < 0:
        return False
    number, day = people.sessions[row], s[DAY] - days.first_day
    people.sessions[row] = number + 1
    interest, track = session_start(ground, days, row, number)
    fill(ground, s, days.first, row, number, s[NOW], interest, track, memory, base)
    s[ARM] = routes.arms[day, days.serving[day, row]]
    s[EVENTS], s[SIZE], s[TIMEOUTS], s[OVER], s[LATE] = base, 0, 0, 0, 0
    s[PHASE] = TRACK_END
    shared.cursors[row, 0] = -1
    code = days.codes[day, row]
    if code >= 0:
        out.plays[code, track] += 1
    return True


@inlined_unmanaged
def _who(ground: Ground, days: Days, memory: Memory, row: Int, s: IntArray) -> Who:
    world_row = days.first + row
    return Who(
        days.seed, ground.ids[world_row], world_row, s[NUMBER], s[ARM],
        np.int64(days.codes[s[DAY] - days.first_day, row]),
        np.int64(memory.tracks[s[EVENTS]]), s[INTEREST],
        ground.bias[world_row], ground.sharpness[world_row], ground.gamma[world_row],
    )  # fmt: skip


@inlined_unmanaged
def request(
    arms: Program,
    days: Days,
    ground: Ground,
    shared: Shared,
    memory: Memory,
    row: Int,
    s: IntArray,
) -> None:
    """A track has been heard, a request is sent: what it takes, and whether it is the last."""
    place = s[EVENTS] + s[STEP]
    memory.stamps[place] = s[NOW]
    memory.took[place] = latency_ms(arms, _who(ground, days, memory, row, s), s[STEP])
    s[OVER] = s[BUDGET] <= 0 or s[STEP] >= days.last_step
    s[TRACKS], s[LATE] = s[STEP] + 1, 0


@inlined_unmanaged
def _history(
    people: People, shared: Shared, memory: Memory, out: Out, row: Int, base: Int
) -> History:
    return History(
        memory.tracks, memory.times, base, people.tracks[row], people.times[row], out.scratch,
        shared.cursors[row],
    )  # fmt: skip


@inlined_unmanaged
def prepare(
    days: Days,
    people: People,
    shared: Shared,
    memory: Memory,
    out: Out,
    row: Int,
    s: IntArray,
) -> None:
    """Lays out what Python is told of a request beside the fields of its session."""
    if days.looks_back:
        history = _history(people, shared, memory, out, row, s[EVENTS])
        shared.clock[PLAYS] = last_plays(history, s[STEP] + 1)


@inlined_unmanaged
def pick_from_tables(
    ground: Ground,
    arms: Program,
    tables: Tables,
    days: Days,
    people: People,
    shared: Shared,
    memory: Memory,
    out: Out,
    row: Int,
    s: IntArray,
) -> tuple[Int, Int]:
    """The track from a chain of tables, and the outcome."""
    who, base, step = _who(ground, days, memory, row, s), s[EVENTS], s[STEP]
    query = Query(
        who.seed, who.user, who.row, who.number, step + 1, who.first,
        np.int64(memory.tracks[base + step]), np.int64(memory.times[base + step]),
    )  # fmt: skip
    history = _history(people, shared, memory, out, row, base)
    link = arms.links[s[ARM]] + s[LATE]
    _, track, _, outcome = answered(
        tables, arms, query, history, ground.artist, np.int64(FRESH), link, _OK
    )
    return track, _OK if s[LATE] else outcome  # a miss of a fallback is none of the recommender's


@inlined_unmanaged
def hear_track(
    ground: Ground, days: Days, memory: Memory, out: Out, row: Int, s: IntArray, track: Int
) -> None:
    """A recommended track is played: how much of it, and until when."""
    who, base, step = _who(ground, days, memory, row, s), s[EVENTS], s[STEP] + 1
    time, repeated, known = hear(
        ground, memory, base, out.lookup, who, step, track, np.int64(_NO_INDEX)
    )
    draw = uniform(who.seed, _USERS, step, who.user, _BOREDOM, who.number)
    heard_ms = play_ms(time, int(ground.tracks[track, 1]))
    s[BUDGET] -= 1 if bored(time, draw) else 0
    s[STEP], s[PHASE] = step, TRACK_END
    s[NOW] += heard_ms
    skipped = time < days.skip_below
    keep_totals(s, add_track(totals_of(s), time, heard_ms, skipped, repeated, known))
    count(out, who.code, track, step, time)


@inlined_unmanaged
def end(
    ground: Ground,
    days: Days,
    people: People,
    shared: Shared,
    memory: Memory,
    out: Out,
    row: Int,
    s: IntArray,
) -> None:
    """The answer to a session's last request has come."""
    s[OVER] = 0
    finish(ground, days, people, row, memory, s[EVENTS], out, s, SHARED_COLUMNS)
    if not days.keeps:
        give_back(shared.blocks, memory, s[EVENTS], s[SIZE])
