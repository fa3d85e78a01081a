"""Queues before services as linked lists of users: who waits, who is served, whose wait expires.

A user waits for one answer at a time, so a list goes through users' rows. Requests come in the
order of time: a new one belongs at the end, or among those of its millisecond.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from abbotify.jit import unmanaged
from abbotify.scenario.recommenders import Service
from abbotify.simulation.compiled.arrays import Int, IntArray

# compiled into kernels
NONE: Final = -1
LAST: Final = 2**40  # rounds of a millisecond from here on are those of waits that expire
NEVER: Final = 2**62


class Queues(NamedTuple):
    """Services and those who wait for them.

    Attributes:
        free: int64 (queues), servers without work.
        released: int64 (queues), servers that have become free in this round.
        timeout: int64 (queues), ms; -1 for none.
        patience: int64 (queues), ms; -1 for none.
        first: int64 (queues), the row of the user who is served next, or -1.
        last: int64 (queues), the row of the last one, or -1.
        following: int64 (users), who comes behind a user who waits, or -1.
        preceding: int64 (users), who comes before, or -1.
        arrival: int64 (users), when a user has joined, ms.
        expiry: int64 (users), the round in which the wait expires, in its last millisecond.
    """

    free: IntArray
    released: IntArray
    timeout: IntArray
    patience: IntArray
    first: IntArray
    last: IntArray
    following: IntArray
    preceding: IntArray
    arrival: IntArray
    expiry: IntArray


def empty_queues(services: Sequence[Service], users: int) -> Queues:
    """Queues that nobody has joined yet."""

    def limits(values: Sequence[int | None]) -> IntArray:
        return np.array([NONE if value is None else value for value in values], np.int64)

    nobody = np.full(len(services), NONE, np.int64)
    return Queues(
        free=np.array([service.replicas for service in services], np.int64),
        released=np.zeros(len(services), np.int64),
        timeout=limits([service.timeout_ms for service in services]),
        patience=limits([service.patience_ms for service in services]),
        first=nobody,
        last=nobody.copy(),
        following=np.full(users, NONE, np.int64),
        preceding=np.full(users, NONE, np.int64),
        arrival=np.zeros(users, np.int64),
        expiry=np.zeros(users, np.int64),
    )


@unmanaged
def join(queues: Queues, queue: Int, row: Int, now: Int, turn: Int) -> None:
    """Adds a user: behind all who came earlier, in this millisecond by row.

    Args:
        queues: all of them.
        queue: which.
        row: the user's.
        now: ms.
        turn: the round of this millisecond.
    """
    queues.arrival[row], queues.expiry[row] = now, max(turn, LAST)
    before, after = queues.last[queue], NONE
    while before >= 0 and queues.arrival[before] == now and before > row:
        before, after = queues.preceding[before], before
    queues.preceding[row], queues.following[row] = before, after
    if before < 0:
        queues.first[queue] = row
    else:
        queues.following[before] = row
    if after < 0:
        queues.last[queue] = row
    else:
        queues.preceding[after] = row


@unmanaged
def leave(queues: Queues, queue: Int, row: Int) -> None:
    """Takes a user out."""
    before, after = queues.preceding[row], queues.following[row]
    if before < 0:
        queues.first[queue] = after
    else:
        queues.following[before] = after
    if after < 0:
        queues.last[queue] = before
    else:
        queues.preceding[after] = before


@unmanaged
def first_expiry(queues: Queues) -> Int:
    """When a wait expires next, ms; 2**62 when none does."""
    time = NEVER
    for queue in range(len(queues.first)):
        if queues.first[queue] >= 0 and queues.timeout[queue] >= 0:
            time = min(time, queues.arrival[queues.first[queue]] + queues.timeout[queue])
    return time


@unmanaged
def expiring_round(queues: Queues, now: Int) -> Int:
    """The first round of this millisecond in which a wait expires; 2**62 when none does."""
    turn = NEVER
    for queue in range(len(queues.first)):
        row = queues.first[queue] if queues.timeout[queue] >= 0 else NONE
        while row >= 0 and queues.arrival[row] + queues.timeout[queue] == now:
            turn = min(turn, queues.expiry[row])
            row = queues.following[row]
    return turn
