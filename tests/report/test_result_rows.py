"""Rows with something to work out: a training's best pass."""

from __future__ import annotations

import pytest

from abbotify.progress import Epoch
from abbotify.report.result_rows import Training


@pytest.mark.parametrize(
    ("losses", "best"),
    [((), None), ((None, None), None), ((0.5, 0.2, 0.2), 2), ((None, 0.4, 0.3), 3)],
)
def test_the_best_pass_is_the_first_with_the_least_validation_loss(
    losses: tuple[float | None, ...], best: int | None
) -> None:
    curve = tuple(Epoch(number, 1.0, loss) for number, loss in enumerate(losses, 1))
    epoch = Training(1, 10, curve, "sha256:aa").best
    assert (None if epoch is None else epoch.number) == best
