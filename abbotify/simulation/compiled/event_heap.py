"""Events in the order of time and of users' rows: a heap with four children, two of them a line.

A user has one event at a time, so there is room for all from the start.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from abbotify.jit import inlined_unmanaged, unmanaged
from abbotify.simulation.compiled.arrays import Int, IntArray


class EventHeap(NamedTuple):
    """The next event of each user who has one.

    Attributes:
        times: int64 (users), ms.
        rows: int64 (users), beside `times`.
        size: int64 (1), how many there are.
    """

    times: IntArray
    rows: IntArray
    size: IntArray


def empty_heap(users: int) -> EventHeap:
    """Room for an event of each user."""
    return EventHeap(np.empty(users, np.int64), np.empty(users, np.int64), np.zeros(1, np.int64))


@unmanaged
def push(heap: EventHeap, time: Int, row: Int) -> None:
    """Adds a user's event."""
    times, rows, place = heap.times, heap.rows, heap.size[0]
    heap.size[0] = place + 1
    while place > 0:
        parent = (place - 1) // 4
        if times[parent] < time or (times[parent] == time and rows[parent] < row):
            break
        times[place], rows[place] = times[parent], rows[parent]
        place = parent
    times[place], rows[place] = time, row


@inlined_unmanaged
def due(heap: EventHeap, time: Int) -> bool:
    """Whether there is an event of a time, which is the first."""
    return heap.size[0] > 0 and heap.times[0] == time


@unmanaged
def pop(heap: EventHeap) -> Int:
    """Takes the first event out; its user's row."""
    times, rows = heap.times, heap.rows
    first, size = rows[0], heap.size[0] - 1
    heap.size[0] = size
    time, row, place = times[size], rows[size], 0
    while True:
        least = child = 4 * place + 1
        if child >= size:
            break
        for other in range(child + 1, min(child + 4, size)):
            if times[other] < times[least] or (
                times[other] == times[least] and rows[other] < rows[least]
            ):
                least = other
        if time < times[least] or (time == times[least] and row < rows[least]):
            break
        times[place], rows[place] = times[least], rows[least]
        place = least
    times[place], rows[place] = time, row
    return first
