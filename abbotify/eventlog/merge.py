"""Sorted runs of rows merged into one sorted stream, with a few rows of each in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from abbotify.events import Events


class Run(NamedTuple):
    """Rows sorted by a key, read a few at a time, not before their lowest key is reached."""

    lowest: int
    read: Callable[[], Iterable[Events]]


@dataclass
class _Open:
    rows: Events | None
    rest: Iterator[Events]
    done: bool = False

    def advance(self) -> None:
        more = next(self.rest, None)
        if more is None:
            self.done = True
        else:
            self.rows = more if self.rows is None else Events.concat([self.rows, more])

    def frontier(self, key: str) -> int:
        # What is still to come is not below the last row read, which `split` therefore keeps
        # until the run is done.
        assert self.rows is not None
        return int(getattr(self.rows, key)[-1])

    def split(self, key: str, bound: int | None) -> Events:
        assert self.rows is not None
        keys = getattr(self.rows, key)
        cut = len(keys) if bound is None else int(np.searchsorted(keys, bound))
        head, tail = self.rows.take(slice(cut)), self.rows.take(slice(cut, None))
        self.rows = tail if len(tail) else None
        return head


def sort_rows(events: Events, columns: Sequence[str]) -> Events:
    """The rows in ascending order of the columns, the first one counting most."""
    return events.take(np.lexsort([getattr(events, name) for name in reversed(columns)]))


def merged(runs: Iterable[Run], columns: Sequence[str]) -> Iterator[Events]:
    """The rows of all runs in ascending order of the columns.

    Args:
        runs: each sorted by the columns, with equal names of arms.
        columns: integer columns of `Events`; the first is the key.

    Yields:
        some rows at a time; all rows with one value of the key come together.
    """
    key, opened = columns[0], list[_Open]()
    waiting = sorted(runs, key=lambda run: run.lowest, reverse=True)
    while waiting or opened:
        bound = _bound(key, waiting, opened)
        heads = [head for run in opened if len(head := run.split(key, bound))]
        if heads:
            yield sort_rows(Events.concat(heads), columns)
        _advance(key, bound, waiting, opened)
        opened = [run for run in opened if not (run.done and run.rows is None)]


def _bound(key: str, waiting: list[Run], opened: list[_Open]) -> int | None:
    # Every row below the bound has been read; None when all rows have.
    bounds = [run.frontier(key) for run in opened if not run.done]
    bounds += [run.lowest for run in waiting[-1:]]
    return min(bounds, default=None)


def _advance(key: str, bound: int | None, waiting: list[Run], opened: list[_Open]) -> None:
    if bound is None:
        return
    for run in opened:
        if not run.done and run.frontier(key) <= bound:
            run.advance()
    while waiting and waiting[-1].lowest <= bound:
        run = _Open(None, iter(waiting.pop().read()))
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
