"""Sorted runs of rows merged into one sorted stream, with a few rows of each in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np

from abbotify.eventlog.schema import Events


class Rows(Protocol):
    """Rows as columns: events, or sessions."""

    def __len__(self) -> int: ...

    def take(self, rows: slice) -> Self:
        """Some of the rows."""

    @staticmethod
    def concat(parts: Sequence[Any]) -> Any:
        """The rows of several parts one after the other."""


R = TypeVar("R", bound=Rows)


@dataclass(frozen=True)
class Run(Generic[R]):
    """Rows sorted by a key, read a few at a time, not before their lowest key is reached.

    Attributes:
        lowest: no row's key is smaller.
        read: the rows, a few at a time.
        mark: what the rows are told from those of other runs by.
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
    for found in heads(runs, columns[0]):
        yield sort_rows(Events.concat([rows for rows, _ in found]), columns)


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
        bound = _bound(key, waiting, opened)
        found = [(head, run.mark) for run in opened if len(head := run.split(key, bound))]
        if found:
            yield found
        _advance(key, bound, waiting, opened)
        opened = [run for run in opened if not (run.done and run.rows is None)]


def _bound(key: str, waiting: list[Run[R]], opened: list[_Open[R]]) -> int | None:
    # Every row below the bound has been read; None when all rows have.
    bounds = [run.frontier(key) for run in opened if not run.done]
    bounds += [run.lowest for run in waiting[-1:]]
    return min(bounds, default=None)


def _advance(key: str, bound: int | None, waiting: list[Run[R]], opened: list[_Open[R]]) -> None:
    if bound is None:
        return
    for run in opened:
        if not run.done and run.frontier(key) <= bound:
            run.advance()
    while waiting and waiting[-1].lowest <= bound:
        next_run = waiting.pop()
        run = _Open(None, iter(next_run.read()), next_run.mark)
        run.advance()
        if run.rows is not None:
            opened.append(run)


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
