"""What happens to a user at an event: a visit, the end of a track, an answer, the end of a session.

Requests that nobody else's can change, those to tables without a queue, are not waited for: such a
session is played to its end at once, and the user's next ones of the days whose arms are known.
"""

from __future__ import annotations

from typing import Final

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.recommenders.base import OK
from abbotify.simulation.compiled.arrays import (
    DAY,
    ENDED,
    EVENTS,
    LATENCY,
    NOW,
    STEP,
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
from abbotify.simulation.compiled.session import note
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
from abbotify.simulation.compiled.shared_session import (
    begin,
    end,
    hear_track,
    pick_from_tables,
    prepare,
    request,
)
from abbotify.simulation.compiled.track_blocks import SMALLEST, move_up

_OK: Final = OK
_DAY: Final = MS_PER_DAY


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


@inlined_unmanaged
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
            if not begin(ground, days, routes, people, shared, memory, out, row, s):
                return FULL
            if routes.queue[s[ARM]] >= 0:
                push(shared.heap, s[NOW], row)
                return DONE
        if s[PHASE] == TRACK_END:
            request(arms, days, ground, shared, memory, row, s)
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
                    prepare(days, people, shared, memory, out, row, s)
                    return ASK
            if out.filled[ENDED] == out.sessions.shape[1]:
                return FULL
            end(ground, days, people, shared, memory, out, row, s)
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
            prepare(days, people, shared, memory, out, row, s)
            return ASK
        else:
            track, outcome = pick_from_tables(
                ground, arms, tables, days, people, shared, memory, out, row, s
            )
        if s[LATE] or outcome != _OK:
            note(s, outcome)
        hear_track(ground, days, memory, out, row, s, track)
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
