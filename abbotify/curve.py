"""What a training leaves to look at: one line for each pass over its data."""

from __future__ import annotations

from dataclasses import dataclass


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
