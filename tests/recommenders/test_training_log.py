"""What a training sees of a log."""

from __future__ import annotations

import numpy as np
import pytest

from abbotify.errors import UserError
from abbotify.recommenders.training_log import TrainingLog


def log_of(time: list[float]) -> TrainingLog:
    whole = np.arange(len(time))
    return TrainingLog(whole, whole, whole, whole, whole, np.array(time), 10, 10)


def test_hundredths_are_whole() -> None:
    assert log_of([h / 100 for h in range(101)]).hundredths.tolist() == list(range(101))


def test_listening_leaves_out_what_was_not_listened_to() -> None:
    assert log_of([0.0, 0.01, 1.0]).listening().tolist() == [False, True, True]


def test_nothing_listened_to_is_refused() -> None:
    with pytest.raises(UserError, match="nothing to learn from: no time listened in 2 plays"):
        log_of([0.0, 0.0]).listening()
