"""What happens to a user at an event: a visit, the end of a track, an answer, the end of a session.

Requests that nobody else's can change, those to tables without a queue, are not waited for: such a
session is played to its end at once, and the user's next ones of the days whose arms are known.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.recommenders.base import OK
from abbotify.rng import Purpose, Stream, uniform
from abbotify.simulation.compiled.arrays import (
    BUDGET,
    DAY,
    ENDED,
    EVENTS,
    FRESH,
    INTEREST,
    LATENCY,
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
from abbotify.simulation.compiled.event_heap import push
from abbotify.simulation.compiled.lowering import Program, Tables
from abbotify.simulation.compiled.pick import History, Query, last_plays
from abbotify.simulation.compiled.session import Who, answered, count, hear, latency_ms, note
from abbotify.simulation.compiled.shared_arrays import (
    ANSWER,
    ANSWERED,
    ARM,
    ASK,
    AWAY,
    DONE,
    END_SESSION,
    FALL_BACK,
    FULL,
    JOINING,
    LATE,
    OVER,
    PHASE,
    PLAYS,
    QUESTION,
    RECOMMEND,
    RESULT,
    SERVED,
    SESSION_END,
    SIZE,
    TIME,
    TRACK,
    TRACK_END,
    VISIT,
    WAITING,
    Routes,
    Shared,
)
from abbotify.simulation.compiled.totals import add_track, keep_totals, totals_of
from abbotify.simulation.compiled.track_blocks import SMALLEST, give_back, move_up, take
from abbotify.simulation.compiled.users import fill, finish, session_start
from abbotify.simulation.listener.session import bored, play_ms

_OK: Final = OK
_DAY: Final = MS_PER_DAY
_USERS: Final = Stream.USERS
_BOREDOM: Final = Purpose.BOREDOM
_NO_INDEX: Final = 2**40  # longer than any session: sessions take turns, so none has the index


@unmanaged
def plan_visit(days: Days, people: People, row: Int, s: IntArray) -> bool:
    """Makes a user's next visit what happens next; False when there is none."""
    s[PHASE] = AWAY
    place = 0
    if days.per_day >= 0.0:
        time = people.next_visit[row]
        if time >= days.last:
            return False
    else:
        place = people.visited[row]
        if place == days.visits[row + 1]:
            return False
        time = days.times[place]
    begin = max(time, people.busy_until[row])
    if begin >= days.run_end:
        if days.per_day < 0.0:
            people.visited[row] = days.visits[row + 1]
        return False
    if days.per_day < 0.0:
        people.visited[row] = place + 1
    s[PHASE], s[NOW], s[DAY] = VISIT, begin, time // _DAY
    return True


@unmanaged
def go_on(
    ground: Ground,
    arms: Program,
    tables: Tables,
    days: Days,
    routes: Routes,
    people: People,
    shared: Shared,
    memory: Memory,
    out: Out,
    row: Int,
) -> Int:
    """Goes on with a user until the next event.

    Returns:
        DONE; FULL when there is no room for a session or its tracks, or ASK when Python has to
        answer first: after both it is called again.
    """
    s, clock = shared.fields[row], shared.clock
    while True:
        if s[PHASE] == VISIT:
            if not _begin(ground, days, routes, people, shared, memory, out, row, s):
                return FULL
            if routes.queue[s[ARM]] >= 0:
                push(shared.heap, s[NOW], row)
                return DONE
        if s[PHASE] == TRACK_END:
            _request(arms, days, ground, shared, memory, row, s)
            if routes.queue[s[ARM]] >= 0:
                s[PHASE] = WAITING
                shared.joining[clock[JOINING]] = row
                clock[JOINING] += 1
                return DONE
            s[LATENCY] += memory.took[s[EVENTS] + s[STEP]]
            s[NOW] += memory.took[s[EVENTS] + s[STEP]]
            s[PHASE] = SERVED
            if routes.asks[s[ARM]]:
                push(shared.heap, s[NOW], row)
                return DONE
        if s[PHASE] == ANSWER:
            shared.queues.released[routes.queue[s[ARM]]] += 1
            s[PHASE] = SERVED
        if s[OVER]:
            if s[PHASE] != SESSION_END:
                s[PHASE] = SESSION_END
                if routes.listens[s[ARM]]:
                    clock[QUESTION] = END_SESSION
                    _prepare(days, people, shared, memory, out, row, s)
                    return ASK
            if out.filled[ENDED] == out.sessions.shape[1]:
                return FULL
            _end(ground, days, people, shared, memory, out, row, s)
            if not plan_visit(days, people, row, s):
                return DONE
            if s[NOW] > clock[TIME] and not _free(days, routes, row, s):
                push(shared.heap, s[NOW], row)
                return DONE
            continue
        if s[STEP] + 1 == SMALLEST << s[SIZE]:
            start = move_up(shared.blocks, memory, s[EVENTS], s[SIZE])
            if start < 0:
                return FULL
            s[EVENTS] = start
            s[SIZE] += 1
        if s[PHASE] == ANSWERED:
            track, outcome = clock[TRACK], clock[RESULT]
        elif routes.asks[s[ARM]]:
            s[PHASE] = ANSWERED
            clock[QUESTION] = FALL_BACK if s[LATE] else RECOMMEND
            _prepare(days, people, shared, memory, out, row, s)
            return ASK
        else:
            track, outcome = _pick(ground, arms, tables, days, people, shared, memory, out, row, s)
        if s[LATE] or outcome != _OK:
            note(s, outcome)
        _hear(ground, days, memory, out, row, s, track)
        if routes.queue[s[ARM]] >= 0:
            push(shared.heap, s[NOW], row)
            return DONE


@inlined_unmanaged
def _free(days: Days, routes: Routes, row: Int, s: IntArray) -> bool:
    """Whether a visit can be played before its time: its arm is known, and needs nobody."""
    day = s[DAY] - days.first_day
    if s[DAY] * _DAY >= days.end:
        return False
    arm = routes.arms[day, days.serving[day, row]]
    return routes.queue[arm] < 0 and not routes.asks[arm]


@inlined_unmanaged
def _begin(
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
def _request(
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
def _prepare(
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
def _pick(
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
def _hear(
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
def _end(
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
