"""Inverses by bisection: exact to neighbouring doubles."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from abbotify.stats.roots import crossing, reached


@given(st.floats(0.1, 1e6))
def test_the_least_double_whose_square_reaches_the_target(target: float) -> None:
    root = crossing(lambda x: x * x, target, 0.0, 2e6)
    below = math.nextafter(root, 0)
    assert root * root >= target > below * below
    assert reached(lambda x: x * x, target, 0.01) == root


def test_beyond_the_range_an_end_or_nothing() -> None:
    assert crossing(lambda x: x, -1.0, 0.0, 1.0) <= 5e-324
    assert crossing(lambda x: x, 3.0, 0.0, 1.0) == 1.0
    assert reached(math.tanh, 1.5, 1.0) is None
