"""One step of each row-wise optimizer against its formula."""

from __future__ import annotations

import numpy as np
import pytest

from abbotify.recommenders.neural.optimizers import (
    ADAGRAD_ROWS,
    ADAM,
    LAZY_ADAM,
    Settings,
    gradient_of,
    initial_state,
    paces_of,
    step,
)

ROWS, DIMS, RATE = 5, 16, 0.1
NO_PACES = np.empty((0, 2), np.float32)


def test_a_gradient_is_zero_when_a_batch_first_touches_its_row() -> None:
    state = initial_state(np.ones((ROWS, DIMS), np.float32), ADAGRAD_ROWS, 3)
    state.gradient[:] = 7.0
    gradient_of(state, 4)[0] += 1.0
    assert gradient_of(state, 4).tolist() == [1.0] + [0.0] * (DIMS - 1)
    assert state.touched[: state.used[0]].tolist() == [4]


@pytest.mark.parametrize("optimizer", [ADAGRAD_ROWS, LAZY_ADAM])
def test_a_first_step_moves_the_touched_row_alone(optimizer: int) -> None:
    table = np.ones((ROWS, DIMS), np.float32)
    state = initial_state(table, optimizer, 3)
    slope = np.arange(1, DIMS + 1, dtype=np.float32)
    gradient_of(state, 2)[:] = slope
    step(table, state, Settings(optimizer, 3, RATE, 0.0, True), 1, NO_PACES)
    # Adagrad divides by the root of the row's mean square; Adam's first step has the length RATE.
    by = np.sqrt(np.mean(slope**2)) if optimizer == ADAGRAD_ROWS else slope
    expected = np.ones((ROWS, DIMS))
    expected[2] -= RATE * slope / by
    np.testing.assert_allclose(table, expected, rtol=1e-5)
    assert state.used[0] == 0
    assert state.slot.tolist() == [-1] * ROWS


def test_dense_adams_corrections_go_on_over_passes() -> None:
    settings = Settings(ADAM, 3, RATE, 0.0, True)
    expected = [(RATE / (1 - 0.9**n), 1 / np.sqrt(1 - 0.999**n)) for n in (5, 6)]
    np.testing.assert_allclose(paces_of(settings, 4, 2), expected, rtol=1e-6)
    assert len(paces_of(settings._replace(optimizer=LAZY_ADAM), 4, 2)) == 0
