"""Queues as linked lists: who is next, when waits expire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from abbotify.scenario.recommenders import Service
from abbotify.simulation.compiled.waiting_lists import (
    LAST,
    NEVER,
    NONE,
    Queues,
    empty_queues,
    expiring_round,
    first_expiry,
    join,
    leave,
)

USERS = 12


def waiting(queues: Queues, queue: int) -> list[int]:
    """The users of a queue, forwards; backwards they are the same."""
    rows, row = list[int](), int(queues.first[queue])
    while row != NONE:
        rows.append(row)
        row = int(queues.following[row])
    back, row = list[int](), int(queues.last[queue])
    while row != NONE:
        back.append(row)
        row = int(queues.preceding[row])
    assert back[::-1] == rows
    return rows


@given(st.lists(st.tuples(st.integers(0, USERS - 1), st.integers(0, 1), st.booleans())))
def test_users_wait_by_arrival_and_row(steps: list[tuple[int, int, bool]]) -> None:
    """A step: a user comes, or goes from where the user waits; time goes on or does not."""
    queues, now = empty_queues([Service(), Service()], USERS), 0
    expected: list[list[tuple[int, int]]] = [[], []]
    for row, queue, later in steps:
        now += later
        place = next((q for q in (0, 1) if row in waiting(queues, q)), None)
        if place is None:
            join(queues, queue, row, now, 0)
            expected[queue].append((now, row))
        else:
            leave(queues, place, row)
            expected[place] = [entry for entry in expected[place] if entry[1] != row]
        for q in (0, 1):
            assert waiting(queues, q) == [row for _, row in sorted(expected[q])]


def test_the_first_wait_that_expires() -> None:
    queues = empty_queues([Service(), Service(timeout_ms=5), Service(timeout_ms=90)], USERS)
    assert first_expiry(queues) == NEVER
    join(queues, 0, 0, 1, 0)  # waits for ever
    assert first_expiry(queues) == NEVER
    join(queues, 2, 1, 2, 0)
    assert first_expiry(queues) == 92
    join(queues, 1, 2, 86, 3)
    assert first_expiry(queues) == 91
    leave(queues, 1, 2)
    assert first_expiry(queues) == 92


def test_waits_expire_in_the_last_rounds_of_their_millisecond() -> None:
    queues = empty_queues([Service(timeout_ms=5)], USERS)
    join(queues, 0, 3, 10, LAST + 4)  # came when waits had expired already
    assert expiring_round(queues, 14) == NEVER
    assert expiring_round(queues, 15) == LAST + 4
    join(queues, 0, 7, 10, 2)
    assert expiring_round(queues, 15) == LAST
    join(queues, 0, 1, 11, 0)
    leave(queues, 0, 7)
    assert expiring_round(queues, 15) == LAST + 4
