"""Pieces of several sources, the next one read by a thread while one is worked on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")

_MOST: Final = 2  # pieces that wait to be taken, so that memory does not grow with the sources


class Ahead(Generic[T]):
    """Reads ahead in the sources, which are begun in the order given and may be read by turns.

    Everything is read in one thread, so sources may share what they count in. A piece that is
    taken sends for the next one of its source, and for the first one of the source after it.
    What reading raises is raised where the piece would have been.
    """

    def __init__(self, sources: Sequence[Callable[[], Iterator[T]]]) -> None:
        self._sources = sources
        self._opened: dict[int, Iterator[T]] = {}
        self._coming: dict[int, Future[T | None]] = {}
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._thread.shutdown(cancel_futures=True)

    def read(self, place: int) -> Iterator[T]:
        """The pieces of one source."""
        while (piece := self._take(place)) is not None:
            self._send_for(place)
            if place + 1 < len(self._sources) and place + 1 not in self._opened:
                self._send_for(place + 1)
            yield piece

    def _take(self, place: int) -> T | None:
        if place not in self._coming:
            self._coming[place] = self._thread.submit(self._next, place)
        return self._coming.pop(place).result()

    def _next(self, place: int) -> T | None:
        if place not in self._opened:
            self._opened[place] = self._sources[place]()
        return next(self._opened[place], None)

    def _send_for(self, place: int) -> None:
        waiting = sum(not _at_end(piece) for piece in self._coming.values())
        if waiting < _MOST and place not in self._coming:
            self._coming[place] = self._thread.submit(self._next, place)


def _at_end(piece: Future[T | None]) -> bool:
    return piece.done() and piece.exception() is None and piece.result() is None
