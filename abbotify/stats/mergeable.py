"""Records of sums that merge field by field: a shard's are made apart and added up in order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self


class Mergeable:
    """A dataclass of sums over units; those of two sets of units make those of both."""

    def merge(self, other: Self) -> Self:
        """The sums over both sets of units, this one's first.

        The order of merging shows in the last bits of moments: merge in shard order.

        Raises:
            ValueError: they are about different things, such as other arms or columns.
        """
        names = [field.name for field in fields(self)]  # type: ignore[arg-type]
        return type(self)(
            **{name: merged(getattr(self, name), getattr(other, name)) for name in names}
        )


def merged(one: Any, other: Any) -> Any:
    """Two values of a record as one: numbers and arrays add, lists join, what merges merges.

    Mappings merge by key, tuples item by item; a text stays as it is.

    Raises:
        ValueError: texts differ, or tuples in length.
    """
    if isinstance(one, str):
        if one != other:
            raise ValueError(f"sums of {one!r} and {other!r} do not merge")
        return one
    if hasattr(one, "merge"):
        return one.merge(other)
    if isinstance(one, Mapping):
        both = {key: merged(value, other[key]) for key, value in one.items() if key in other}
        return {**one, **other, **both}
    if isinstance(one, tuple):
        if len(one) != len(other):
            raise ValueError(f"sums of {len(one)} and {len(other)} parts do not merge")
        return tuple(merged(*pair) for pair in zip(one, other, strict=True))
    return one + other
