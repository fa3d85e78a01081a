"""The compiled loop of users who meet: one clock for all, milliseconds in rounds.

The order is that of the event-driven engine. A round has its users by row, then those who join a
queue, then the servers that have become free; what takes no time is done in the next round. When
nothing else is due in a millisecond, waits expire, and rounds of what follows from that come after.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.jit import inlined, inlined_unmanaged, kernel, unmanaged
from abbotify.simulation.compiled.arrays import (
    BUDGET,
    EVENTS,
    LATENCY,
    NOW,
    STEP,
    TIMEOUTS,
    Days,
    Ground,
    Int,
    IntArray,
    Memory,
    Out,
    People,
)
from abbotify.simulation.compiled.callback import Address, call
from abbotify.simulation.compiled.event_heap import due, pop, push
from abbotify.simulation.compiled.lowering import Program, Tables
from abbotify.simulation.compiled.shared_arrays import (
    ANSWER,
    ARM,
    DONE,
    FAILED,
    FULL,
    JOINING,
    LATE,
    OVER,
    PHASE,
    PLACE,
    ROUND,
    SERVED,
    TIME,
    USERS,
    Routes,
    Shared,
)
from abbotify.simulation.compiled.user_events import go_on, plan_visit
from abbotify.simulation.compiled.users import session_start
from abbotify.simulation.compiled.waiting_lists import (
    LAST,
    NEVER,
    NONE,
    expiring_round,
    first_expiry,
    join,
    leave,
)

_DAY: Final = MS_PER_DAY


@unmanaged
def plan_first_visits(days: Days, people: People, shared: Shared) -> None:
    """Puts the first visit of each user into the heap."""
    for row in range(len(people.sessions)):
        if plan_visit(days, people, row, shared.fields[row]):
            push(shared.heap, shared.fields[row, NOW], row)


@kernel
def foreseen(
    ground: Ground, days: Days, people: People, rows: IntArray, day: Int
) -> tuple[IntArray, IntArray]:
    """(rows of users in the world, first tracks) of sessions that will begin on a day.

    Not all: of several visits of a user who returns after gaps only the first is foreseen. Nor do
    all come: an earlier session may delay one past the end of the run.
    """
    count = 0
    for row in rows:
        count += _visits_on(days, people, row, day)
    users, tracks = np.empty(count, np.int64), np.empty(count, np.int64)
    count = 0
    for row in rows:
        for number in range(_visits_on(days, people, row, day)):
            session = people.sessions[row] + number
            users[count] = days.first + row
            tracks[count] = session_start(ground, days, row, session)[1]
            count += 1
    return users, tracks


@inlined
def _visits_on(days: Days, people: People, row: Int, day: Int) -> Int:
    begin, end = day * _DAY, (day + 1) * _DAY
    if days.per_day >= 0.0:
        return 1 if people.next_visit[row] < end else 0
    count = 0
    for place in range(days.visits[row], days.visits[row + 1]):
        count += begin <= days.times[place] < end
    return count


@unmanaged
def play(
    ground: Ground,
    arms: Program,
    tables: Tables,
    days: Days,
    routes: Routes,
    people: People,
    shared: Shared,
    memory: Memory,
    out: Out,
    ask: Address,
) -> Int:
    """Plays users who meet until `days.until`.

    Args:
        ground: the world.
        arms: who recommends.
        tables: from what.
        days: what is given.
        routes: who answers.
        people: what is changed.
        shared: users, and their sessions under way.
        memory: room for tracks.
        out: what is written.
        ask: is called with the row of a user for whom Python has to answer.

    Returns:
        DONE; FULL when there is no room for a session or its tracks, or FAILED when `ask` did. It
        goes on when it is called again.
    """
    clock, heap, queues = shared.clock, shared.heap, shared.queues
    while True:
        while clock[PLACE] < clock[USERS]:
            row = shared.rows[clock[PLACE]]
            message = go_on(ground, arms, tables, days, routes, people, shared, memory, out, row)
            if message == FULL:
                return FULL
            if message == DONE:
                clock[PLACE] += 1
            elif call(ask, row) != 0:
                return FAILED
        _dispatch(routes, shared, memory)
        if clock[ROUND] >= LAST:
            _expire(shared, memory)
        expiry = first_expiry(queues)
        if due(heap, clock[TIME]):
            clock[ROUND] += 1
        elif expiry == clock[TIME]:
            clock[ROUND] = expiring_round(queues, clock[TIME])
        else:
            time = min(heap.times[0] if heap.size[0] > 0 else NEVER, expiry)
            clock[PLACE], clock[USERS] = 0, 0
            if time >= days.until:
                return DONE
            clock[TIME], clock[ROUND] = time, 0
        clock[PLACE], clock[USERS] = 0, 0
        while due(heap, clock[TIME]):
            shared.rows[clock[USERS]] = pop(heap)
            clock[USERS] += 1


@inlined_unmanaged
def _dispatch(routes: Routes, shared: Shared, memory: Memory) -> None:
    """Those who arrive in this round join their queues, then servers become free."""
    clock, queues = shared.clock, shared.queues
    for place in range(clock[JOINING]):
        row = shared.joining[place]
        queue = routes.queue[shared.fields[row, ARM]]
        if queues.free[queue] > 0:
            queues.free[queue] -= 1
            queues.arrival[row] = clock[TIME]
            _serve(shared, memory, queue, row)
        else:
            join(queues, queue, row, clock[TIME], clock[ROUND])
    clock[JOINING] = 0
    for queue in range(len(queues.free)):
        for _ in range(queues.released[queue]):
            row = queues.first[queue]
            if row == NONE:
                queues.free[queue] += 1
            else:
                leave(queues, queue, row)
                _serve(shared, memory, queue, row)
        queues.released[queue] = 0


@unmanaged
def _serve(shared: Shared, memory: Memory, queue: Int, row: Int) -> None:
    """A server takes a user's request, whose answer comes when it is done."""
    s = shared.fields[row]
    busy = memory.took[s[EVENTS] + s[STEP]]
    _waited(shared, memory, queue, row, busy)
    s[PHASE], s[NOW] = ANSWER, shared.clock[TIME] + busy
    push(shared.heap, s[NOW], row)


@unmanaged
def _expire(shared: Shared, memory: Memory) -> None:
    """Those whose waits expire in this round leave, and go on in the next."""
    clock, queues = shared.clock, shared.queues
    for queue in range(len(queues.first)):
        row = queues.first[queue] if queues.timeout[queue] >= 0 else NONE
        while row >= 0 and queues.arrival[row] + queues.timeout[queue] == clock[TIME]:
            following = queues.following[row]
            if queues.expiry[row] == clock[ROUND]:
                leave(queues, queue, row)
                _waited(shared, memory, queue, row, 0)
                s = shared.fields[row]
                s[PHASE], s[NOW], s[LATE] = SERVED, clock[TIME], 1
                s[TIMEOUTS] += 1
                push(shared.heap, s[NOW], row)
            row = following


@inlined_unmanaged
def _waited(shared: Shared, memory: Memory, queue: Int, row: Int, busy: Int) -> None:
    """Writes down how long a request takes, and what the wait costs."""
    s = shared.fields[row]
    wait = shared.clock[TIME] - shared.queues.arrival[row]
    memory.took[s[EVENTS] + s[STEP]] = wait + busy
    s[LATENCY] += wait + busy
    patience = shared.queues.patience[queue]
    if 0 <= patience < wait and not s[OVER]:
        s[BUDGET] -= 1
