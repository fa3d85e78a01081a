"""The compiled loop: users, their visits, their sessions, one after the other in one kernel.

What the event-driven engine plays as processes is here one loop, since users who do not meet can
be played one by one. Every number is that of the same scalar kernels in `listener`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.recommenders.candidate_table import HISTORY
from abbotify.simulation.compiled.arrays import (
    BUDGET,
    CUT,
    ENDED,
    ERRORS,
    EVENTS,
    FALLBACKS,
    FIELDS,
    FRESH,
    HEARD,
    INTEREST,
    LATENCY,
    MISSES,
    NOW,
    NUMBER,
    ROW,
    SESSION_COLUMNS,
    START,
    STEP,
    STUCK,
    TRACKS,
    Day,
    Days,
    Ground,
    Int,
    IntArray,
    Memory,
    Out,
    Parked,
    People,
)
from abbotify.simulation.compiled.lowering import Program, Tables
from abbotify.simulation.compiled.session import listen
from abbotify.simulation.compiled.totals import first_track, keep_totals
from abbotify.simulation.listener.arrivals import next_visit
from abbotify.simulation.listener.session import FULL, play_ms, start
from abbotify.vectors import prefetch

_HISTORY: Final = HISTORY
_FULL: Final = FULL


@unmanaged
def starts(ground: Ground, day: Day, people: People) -> None:
    """Draws the tastes and first tracks of all visits of a day.

    Before everything else, since visits do not wait for each other: the processor looks up
    several at once, where a session would wait for each in turn.
    """
    for row in range(len(people.sessions)):
        for place in range(day.visits[row], day.visits[row + 1]):
            number = people.sessions[row] + place - day.visits[row]
            day.interests[place], day.firsts[place] = session_start(ground, day, row, number)


@inlined_unmanaged
def session_start(ground: Ground, day: Day | Days, row: Int, number: Int) -> tuple[Int, Int]:
    """A session's taste and first track."""
    world_row = day.first + row
    offset, user = ground.offsets[world_row], ground.ids[world_row]
    interests = ground.offsets[world_row + 1] - offset
    which, near = start(day.seed, user, number, interests, ground.neighbours[world_row])
    interest = np.int64(ground.interests[offset + which])
    return interest, np.int64(ground.nearest[interest, near])


@unmanaged
def play(
    ground: Ground,
    arms: Program,
    tables: Tables,
    day: Day,
    people: People,
    parked: Parked,
    memory: Memory,
    out: Out,
    rows: IntArray,
    begin: Int,
) -> Int:
    """Plays users until the day is over for them, or their session waits for an answer.

    Args:
        ground: the world.
        arms: who recommends.
        tables: from what.
        day: what is given.
        people: what is changed.
        parked: sessions that wait; those of `rows` are gone on with.
        memory: room for tracks, at least for the longest session behind those kept.
        out: what is written.
        rows: int64, users to be played, by their row in the unit.
        begin: the first place in `rows`.

    Returns:
        the place in `rows` at which it stopped for want of room, for tracks or sessions or, when
        STUCK says so, to park; len(rows) when all are played.
    """
    s = out.fields
    for place in range(begin, len(rows)):
        row = rows[place]
        while True:
            base = out.filled[HEARD] if day.keeps else 0
            room = len(memory.tracks) - base > day.last_step
            if not room or out.filled[ENDED] == out.sessions.shape[1]:
                return place
            answer = FRESH
            if parked.waits[row]:
                answer = parked.answers[row]
                _unpark(parked, row, memory, base, s)
            else:
                time = _next(day, people, row)
                if time < 0:
                    break
                _begin(ground, day, people, row, time, memory, base, out)
            if not listen(ground, arms, tables, day, people, row, memory, base, answer, out):
                if parked.filled[0] + s[STEP] >= len(parked.memory.tracks):
                    out.filled[STUCK] = 1
                    return place
                park(parked, row, memory, base, s)
                break
            finish(ground, day, people, row, memory, base, out, s, SESSION_COLUMNS)
            out.filled[HEARD] += s[STEP] + 1
    return len(rows)


@inlined_unmanaged
def _next(day: Day, people: People, row: Int) -> Int:
    """When the user's next session starts, or -1."""
    if day.per_day >= 0.0:
        time = people.next_visit[row]
        return time if time < day.end else -1
    place = people.visited[row]
    if place == day.visits[row + 1]:
        return -1
    time = max(day.times[place], people.busy_until[row])
    if time >= day.run_end:
        people.visited[row] = day.visits[row + 1]
        return -1
    people.visited[row] = place + 1
    return time


@inlined_unmanaged
def _begin(
    ground: Ground,
    day: Day,
    people: People,
    row: Int,
    time: Int,
    memory: Memory,
    base: Int,
    out: Out,
) -> None:
    """Puts a session about to start into `fields`, and its first track into the memory."""
    number = people.sessions[row]
    people.sessions[row] = number + 1
    if day.per_day >= 0.0:
        interest, track = session_start(ground, day, row, number)
    else:
        place = people.visited[row] - 1
        interest, track = np.int64(day.interests[place]), np.int64(day.firsts[place])
        if ground.far and place + 1 < len(day.times):
            # The next session's taste is fetched while this one is played: its row of the matrix
            # is seldom in a cache, and a session would begin with waiting for it.
            prefetch(ground.vectors, day.interests[place + 1])
    fill(ground, out.fields, day.first, row, number, time, interest, track, memory, base)
    code = day.codes[row]
    if code >= 0:
        out.plays[code, track] += 1


@inlined_unmanaged
def fill(
    ground: Ground,
    s: IntArray,
    first: Int,
    row: Int,
    number: Int,
    time: Int,
    interest: Int,
    track: Int,
    memory: Memory,
    base: Int,
) -> None:
    """Puts a session that starts into its fields, and its first track into the memory."""
    heard_ms = play_ms(_FULL, int(ground.tracks[track, 1]))
    s[ROW], s[NUMBER], s[START], s[NOW] = row, number, time + heard_ms, time + heard_ms
    s[LATENCY], s[MISSES], s[ERRORS], s[FALLBACKS] = 0, 0, 0, 0
    keep_totals(s, first_track(heard_ms))
    s[STEP], s[BUDGET], s[INTEREST] = 0, ground.budget[first + row], interest
    memory.tracks[base], memory.times[base] = track, _FULL
    memory.artists[base], memory.discounts[base] = ground.tracks[track, 0], 1.0


@inlined_unmanaged
def finish(
    ground: Ground,
    day: Day | Days,
    people: People,
    row: Int,
    memory: Memory,
    base: Int,
    out: Out,
    s: IntArray,
    columns: Int,
) -> None:
    """Writes down the session of some fields, and what it leaves of its user."""
    n, plays = out.filled[ENDED], s[STEP] + 1
    s[TRACKS], s[CUT], s[EVENTS] = plays, s[BUDGET] > 0, base
    for column in range(columns):
        out.sessions[column, n] = s[column]
    out.filled[ENDED] = n + 1
    people.busy_until[row] = s[NOW]
    if day.looks_back:
        _remember(people, row, memory, base, plays)
    if day.per_day >= 0.0:
        people.next_visit[row] = next_visit(
            day.seed,
            ground.ids[day.first + row],
            people.sessions[row],
            s[NOW],
            day.per_day,
            day.hours,
        )


@inlined_unmanaged
def _remember(people: People, row: Int, memory: Memory, base: Int, plays: Int) -> None:
    new = min(plays, _HISTORY)
    for i in range(_HISTORY - new):
        people.tracks[row, i] = people.tracks[row, i + new]
        people.times[row, i] = people.times[row, i + new]
    for i in range(new):
        people.tracks[row, _HISTORY - new + i] = memory.tracks[base + plays - new + i]
        people.times[row, _HISTORY - new + i] = memory.times[base + plays - new + i]


@unmanaged
def park(parked: Parked, row: Int, memory: Memory, base: Int, s: IntArray) -> None:
    """Sets a session aside until it is answered."""
    parked.waits[row] = 1
    for field in range(FIELDS):
        parked.fields[row, field] = s[field]
    parked.places[row] = parked.filled[0]
    parked.filled[0] += s[STEP] + 1
    copy_tracks(memory, base, parked.memory, parked.places[row], s[STEP] + 1)


@unmanaged
def _unpark(parked: Parked, row: Int, memory: Memory, base: Int, s: IntArray) -> None:
    parked.waits[row] = 0
    for field in range(FIELDS):
        s[field] = parked.fields[row, field]
    copy_tracks(parked.before, parked.places[row], memory, base, s[STEP] + 1)


@unmanaged
def copy_tracks(source: Memory, begin: Int, target: Memory, place: Int, n: Int) -> None:
    """Copies tracks from one memory to another, or within one."""
    for i in range(n):
        target.tracks[place + i] = source.tracks[begin + i]
        target.artists[place + i] = source.artists[begin + i]
        target.discounts[place + i] = source.discounts[begin + i]
        target.times[place + i] = source.times[begin + i]
        target.stamps[place + i] = source.stamps[begin + i]
        target.took[place + i] = source.took[begin + i]
