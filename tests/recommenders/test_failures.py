"""Of each kind of failure the first is kept, and how many there were."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from abbotify.recommenders.base import NO_TRACK_ID, WrongAnswer
from abbotify.recommenders.failures import (
    FURTHER,
    Failure,
    FailureBook,
    described,
    line_in,
    merged,
    message,
)

FIRST = Failure("a", "mine", "ValueError, mine.py:3", "ValueError: x", (), 0, 5, 1, 2)


def raised() -> ValueError:
    try:
        raise ValueError("two\nlines")
    except ValueError as error:
        return error


def test_a_book_keeps_the_first_by_user_session_and_step(ask: Any) -> None:
    book, error = FailureBook(), WrongAnswer(NO_TRACK_ID, "returned 'x'")
    for user in (7, 4, 9):
        book.note("a", "mine", ask(user=user), error)
    (failure,) = book.taken()
    assert (failure.user, failure.count, failure.kind) == (4, 3, NO_TRACK_ID)
    assert book.taken() == ()


def test_a_kind_names_the_authors_line(ask: Any) -> None:
    book, error = FailureBook(), raised()
    book.note("a", "mine", ask(), error)
    (failure,) = book.taken()
    line = line_in(error, Path(__file__))
    assert failure.kind == f"ValueError, {Path(__file__).name}:{line}"
    assert failure.traceback[-1] == '  raise ValueError("two\\nlines")'


def test_merged_adds_counts_and_keeps_the_earliest() -> None:
    later = replace(FIRST, day=1, user=0, count=4)
    assert merged([later, FIRST]) == (replace(FIRST, count=5),)
    other_shard = replace(FIRST, shard=1, user=0)
    assert merged([other_shard, FIRST]) == (replace(FIRST, count=2),)


def test_merged_counts_what_it_has_no_room_for() -> None:
    kinds = [replace(FIRST, kind=f"kind {n}", step=n, count=n) for n in (1, 2, 3, 4)]
    kept = merged(kinds, most=2)
    assert [(f.kind, f.count) for f in kept] == [("kind 1", 1), ("kind 2", 2), (FURTHER, 7)]


def test_an_exception_is_one_line() -> None:
    error = raised()
    assert message(error) == "ValueError: two lines"
    assert described(error).startswith(f"ValueError: two lines ({Path(__file__).name}:")
    assert described(WrongAnswer(NO_TRACK_ID, "returned 1.5")) == "returned 1.5"
