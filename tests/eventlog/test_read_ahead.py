"""Reading ahead changes nothing about what is read, nor where it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from abbotify.eventlog.merge import Ahead

SIZES = (3, 0, 1, 4)


def pieces(source: int, read: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    for number in range(SIZES[source]):
        read.append((source, number))
        yield source, number


@pytest.mark.parametrize(
    "turns", [[0, 1, 2, 3] * 6, [0] * 5 + [1, 2, 2, 3, 3, 3, 3, 3, 1], [3, 0] * 6]
)
def test_sources_are_read_by_turns(turns: list[int]) -> None:
    read: list[tuple[int, int]] = []
    expected = [pieces(source, []) for source in range(len(SIZES))]
    with Ahead([partial(pieces, source, read) for source in range(len(SIZES))]) as ahead:
        sources = [ahead.read(source) for source in range(len(SIZES))]
        for taken, source in enumerate(turns):
            assert next(sources[source], None) == next(expected[source], None)
            assert len(read) <= taken + 3  # no more than two wait to be taken


def test_all_is_read_in_one_thread_beside_ours() -> None:
    threads = set()

    def source() -> Iterator[int]:
        for number in range(3):
            threads.add(threading.get_ident())
            yield number

    with Ahead([source, source]) as ahead:
        assert [*ahead.read(0), *ahead.read(1)] == [0, 1, 2, 0, 1, 2]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_error_comes_where_the_piece_would_have_been() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("row 7")

    with Ahead([lambda: iter([5]), broken]) as ahead:
        assert list(ahead.read(0)) == [5]
        later = ahead.read(1)
        assert next(later) == 1
        with pytest.raises(ValueError, match="row 7"):
            next(later)
