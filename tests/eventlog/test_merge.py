"""Reading ahead changes nothing about what is read, nor where it fails."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from abbotify.eventlog.merge import read_ahead


def test_one_piece_is_read_beside_the_one_that_is_used() -> None:
    read: list[int] = []

    def pieces() -> Iterator[int]:
        for number in range(5):
            read.append(number)
            yield number

    for taken, number in enumerate(read_ahead(pieces())):
        assert number == taken
        assert len(read) <= taken + 2
    assert read == [0, 1, 2, 3, 4]


def test_all_is_read_in_one_thread_beside_ours() -> None:
    threads = set()

    def source() -> Iterator[int]:
        for number in range(3):
            threads.add(threading.get_ident())
            yield number

    assert list(read_ahead(source())) == [0, 1, 2]
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_an_error_comes_where_the_piece_would_have_been() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("row 7")

    pieces = read_ahead(broken())
    assert next(pieces) == 1
    with pytest.raises(ValueError, match="row 7"):
        next(pieces)
