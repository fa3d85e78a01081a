"""Sorted runs of rows merged into one sorted stream, with a few rows of each in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np

from abbotify.eventlog.schema import Columns, Events

R = TypeVar("R", bound=Columns)


@dataclass(frozen=True)
class Run(Generic[R]):
    """Rows sorted by a key, read a few at a time, not before their lowest key is reached.

    Attributes:
        lowest: no row's key is smaller.
        read: the rows, a few at a time.
        mark: what tells the run's rows from those of others.
    """

    lowest: int
    read: Callable[[], Iterable[R]]
    mark: bool = False


@dataclass
class _Open(Generic[R]):
    rows: R | None
    rest: Iterator[R]
    mark: bool
    done: bool = False

    def advance(self) -> None:
        more = next(self.rest, None)
        if more is None:
            self.done = True
        else:
            self.rows = more if self.rows is None else self.rows.concat([self.rows, more])

    def frontier(self, key: str) -> int:
        # What is still to come is not below the last row read, which `split` therefore keeps
        # until the run is done.
        assert self.rows is not None
        return int(getattr(self.rows, key)[-1])

    def split(self, key: str, bound: int | None) -> R:
        assert self.rows is not None
        keys = getattr(self.rows, key)
        cut = len(keys) if bound is None else int(np.searchsorted(keys, bound))
        head, tail = self.rows.take(slice(cut)), self.rows.take(slice(cut, None))
        self.rows = tail if len(tail) else None
        return head


def sort_rows(events: Events, columns: Sequence[str]) -> Events:
    """The rows in ascending order of the columns, the first one counting most."""
    return events.take(np.lexsort([getattr(events, name) for name in reversed(columns)]))


def merged(runs: Iterable[Run[Events]], columns: Sequence[str]) -> Iterator[Events]:
    """The rows of all runs in ascending order of the columns.

    Args:
        runs: each sorted by the columns, with equal names of arms.
        columns: integer columns of `Events`; the first is the key.

    Yields:
        some rows at a time; all rows with one value of the key come together.
    """
    for parts in heads(runs, columns[0]):
        yield sort_rows(Events.concat([rows for rows, _ in parts]), columns)


def heads(runs: Iterable[Run[R]], key: str) -> Iterator[list[tuple[R, bool]]]:
    """The rows of all runs by ascending key, those of one run in their order.

    Args:
        runs: each sorted by the key.
        key: an integer column.

    Yields:
        some rows of each run, and its mark; all rows with one value of the key come together.
    """
    waiting = sorted(runs, key=lambda run: run.lowest)[::-1]
    opened = list[_Open[R]]()
    while waiting or opened:
        # Every row below the bound has been read; None when all rows have.
        bounds = [run.frontier(key) for run in opened if not run.done]
        bound = min([*bounds, *(run.lowest for run in waiting[-1:])], default=None)
        parts = [(head, run.mark) for run in opened if len(head := run.split(key, bound))]
        if parts:
            yield parts
        if bound is not None:
            for run in opened:
                if not run.done and run.frontier(key) <= bound:
                    run.advance()
            while waiting and waiting[-1].lowest <= bound:
                opened.append(_opened(waiting.pop()))
        opened = [run for run in opened if run.rows is not None]


def _opened(run: Run[R]) -> _Open[R]:
    first = _Open(None, iter(run.read()), run.mark)
    first.advance()
    return first


def gathered(pieces: Iterable[Events], rows: int) -> Iterator[Events]:
    """Consecutive pieces joined until they hold at least so many rows."""
    held: list[Events] = []
    count = 0
    for piece in pieces:
        held.append(piece)
        count += len(piece)
        if count >= rows:
            yield Events.concat(held)
            held, count = [], 0
    if held:
        yield Events.concat(held)


T = TypeVar("T")


def read_ahead(pieces: Iterator[T]) -> Iterator[T]:
    """The pieces, each read in another thread while the one before it is used.

    What reading raises is raised where the piece would have been.
    """
    with ThreadPoolExecutor(1) as thread:
        coming = thread.submit(next, pieces, None)
        while (piece := coming.result()) is not None:
            coming = thread.submit(next, pieces, None)
            yield piece
