"""Words of numpy's own Philox."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

Words = Callable[[int, int, int, int, int], list[int]]


@pytest.fixture
def words() -> Words:
    """The four words of a block (seed), (step, user, purpose, session) of the stream of users."""

    def draw(seed: int, step: int, user: int, purpose: int, session: int) -> list[int]:
        counter = sum(word << 64 * i for i, word in enumerate((step, user, purpose, session)))
        before = (counter - 1) % 2**256  # numpy's generator counts up before it draws
        parts = [before >> 64 * i & (2**64 - 1) for i in range(4)]
        generator = np.random.Philox(
            key=np.array([seed, 0], np.uint64), counter=np.array(parts, np.uint64)
        )
        return [int(word) for word in generator.random_raw(4)]

    return draw
