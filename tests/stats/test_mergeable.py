"""Records of sums: merged field by field, whatever the fields are."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from abbotify.stats import Moments
from abbotify.stats.moments import Mergeable, merged


@dataclass(frozen=True)
class Record(Mergeable):
    name: str
    count: int
    days: dict[int, int] = field(default_factory=dict)
    values: list[float] = field(default_factory=list)
    moments: tuple[Moments, ...] = ()


def test_each_field_by_its_type() -> None:
    table = np.arange(8.0)
    first = Record("a", 2, {1: 5}, [0.5], (Moments.of(table[:3]),))
    second = Record("a", 3, {1: 1, 2: 7}, [1.5], (Moments.of(table[3:]),))
    both = first.merge(second)
    assert (both.name, both.count, both.days, both.values) == ("a", 5, {1: 6, 2: 7}, [0.5, 1.5])
    assert both.moments[0].mean == pytest.approx(Moments.of(table).mean)
    assert (both.moments[0].n, first.count) == (8, 2)


def test_arrays_add_up_and_leave_their_parts_alone() -> None:
    parts = np.array([1, 2]), np.array([3, 4])
    assert merged(*parts).tolist() == [4, 6]
    assert [part.tolist() for part in parts] == [[1, 2], [3, 4]]


@pytest.mark.parametrize("others", [("a", "b"), ((1,), (1, 2)), (("a",), ("b",))])
def test_other_things_do_not_merge(others: tuple[object, object]) -> None:
    with pytest.raises(ValueError, match="do not merge"):
        merged(*others)
