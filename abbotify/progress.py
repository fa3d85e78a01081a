"""How a long piece of work tells what it is doing."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of progress."""

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        """Takes it in.

        Args:
            what: is being done.
            done: how much of it.
            total: of how much; 0 where that is unknown.
            note: a remark, such as a loss.
        """
        ...


def silent(what: str, done: int, total: int, note: str = "") -> None:
    """Tells nobody."""
