"""The heap of events: whatever the order of what is put in, the order of what comes out."""

from __future__ import annotations

import heapq

from hypothesis import given
from hypothesis import strategies as st

from abbotify.simulation.compiled.event_heap import due, empty_heap, pop, push


@given(st.lists(st.none() | st.integers(0, 5) | st.integers(0, 2**50), max_size=60))
def test_events_come_by_time_and_row(steps: list[int | None]) -> None:
    """A number is the time of another user's event; None takes the first event out."""
    heap, expected = empty_heap(len(steps)), list[tuple[int, int]]()
    for row, time in enumerate(steps):
        if time is not None:
            push(heap, time, row)
            heapq.heappush(expected, (time, row))
        elif expected:
            first = heapq.heappop(expected)
            assert due(heap, first[0])
            assert not due(heap, first[0] - 1)
            assert pop(heap) == first[1]
        assert heap.size[0] == len(expected)
    assert [pop(heap) for _ in expected] == [row for _, row in sorted(expected)]
    assert not due(heap, 0)
