"""What counts as a hit, and how much is tried."""

from __future__ import annotations

from benchmarks.estimators.effort import FULL, SMALL, covers, hits


def test_what_is_undefined_is_neither_found_nor_wrong() -> None:
    assert hits([0.01, None, 0.05, 0.2]) == 1
    assert covers(None, None, 3.0)
    assert covers(1.0, 3.0, 3.0)
    assert not covers(1.0, 2.9, 3.0)


def test_a_small_calibration_is_a_part_of_the_full_one() -> None:
    assert FULL.of(2000) == 2000
    assert 1 < SMALL.of(2000) < 2000
    assert SMALL.of(1) == 1
