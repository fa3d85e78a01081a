"""How a long piece of work tells what it is doing."""

from __future__ import annotations

from dataclasses import dataclass
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


@dataclass(frozen=True)
class Epoch:
    """One pass of a training.

    Attributes:
        number: counted from 1.
        loss: what the training minimises (for `neural` the mean squared error), over what was
            trained on, as it was met in the pass.
        validation: the same over what was held out, after the pass; None without.
        learning_rate: during the pass; 0 where there is none.
    """

    number: int
    loss: float
    validation: float | None = None
    learning_rate: float = 0.0
