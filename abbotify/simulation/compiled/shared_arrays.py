"""The arrays of users who meet: days of a unit, who serves whom, sessions under way, the clock."""

from __future__ import annotations

from typing import Final, NamedTuple

from abbotify.simulation.compiled.arrays import FIELDS, IntArray
from abbotify.simulation.compiled.event_heap import EventHeap
from abbotify.simulation.compiled.track_blocks import Blocks
from abbotify.simulation.compiled.waiting_lists import Queues
from abbotify.simulation.listener.session import FULL as FULL_TIME

# All numbers here are compiled into kernels.

# Fields of a session under way beside those of `arrays`: the arm's number, the size of its block of
# tracks, what happens next, whether its last track has been heard, whether its last request has
# left the queue at its timeout.
ARM, SIZE, PHASE, OVER, LATE = range(FIELDS, FIELDS + 5)
SHARED_FIELDS: Final = FIELDS + 5

# What happens next to a user: nothing any more, a visit, the end of a track, a wait in a queue, the
# answer of a server; or the user is gone on with: served, answered by Python, at the session's end.
AWAY, VISIT, TRACK_END, WAITING, ANSWER, SERVED, ANSWERED, SESSION_END = range(8)

# Numbers in `Shared.clock`: the time in ms, the round of it, the place among the users of the
# round and how many they are, how many join a queue in it; what is asked and what was answered, and
# how many plays of the user's history there are.
TIME, ROUND, PLACE, USERS, JOINING, QUESTION, TRACK, RESULT, PLAYS = range(9)
CLOCK: Final = 9
TIMES: Final = FULL_TIME + 1  # a play of the history is one number: TIMES * track + hundredths

# What Python is asked to do, in `clock[QUESTION]`.
RECOMMEND, FALL_BACK, END_SESSION = range(3)

# What a kernel says: that all is done, that there is no room, that Python has to answer, or failed.
DONE, FULL, ASK, FAILED = range(4)


class Routes(NamedTuple):
    """Who answers.

    Attributes:
        arms: int64 (days, places), the number of the arm that serves a place on a day.
        queue: int64 (arms), before its service, or -1.
        asks: bool (arms), whether Python answers its requests.
        listens: bool (arms), whether it is told when a session is over.
    """

    arms: IntArray
    queue: IntArray
    asks: IntArray
    listens: IntArray


class Shared(NamedTuple):
    """Users and their sessions under way.

    Attributes:
        clock: int64 (CLOCK).
        heap: the next event of each user.
        rows: int64 (users), the users of this round.
        joining: int64 (users), those who join a queue in it.
        queues: who waits.
        fields: int64 (users, SHARED_FIELDS), of each user's session.
        cursors: int64 (users, 2), see `History`.
        blocks: where the sessions' tracks are.
    """

    clock: IntArray
    heap: EventHeap
    rows: IntArray
    joining: IntArray
    queues: Queues
    fields: IntArray
    cursors: IntArray
    blocks: Blocks
