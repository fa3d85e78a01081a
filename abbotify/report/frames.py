"""The rows of a result as pandas frames, one kind a frame, with the types that rows declare."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal, get_args, get_type_hints

from abbotify.report.result import Arm, Result
from abbotify.report.result_rows import Look
from abbotify.report.text import labels
from abbotify.stats import SegmentEffect

if TYPE_CHECKING:
    from pandas import DataFrame

Kind = Literal[
    "arms", "effects", "guardrails", "segments", "looks", "pairs", "checks", "decisions", "truth"
]

# The scalars of an arm: of its counts, some have the names of metrics.
_ARM: Final = MappingProxyType(
    {
        "name": "arm",
        **{name: name for name in ("label", "control", "recommender", "weight", "assigned")},
        "users": "exposed",
        "sessions": "session_count",
        "tracks": "track_count",
    }
)
# Types of numbers that hold missing values; all else are Python objects.
_TYPES: Final = MappingProxyType({int: "Int64", float: "float64", bool: "boolean"})


def frame(result: Result, kind: Kind) -> DataFrame:
    """The rows of a kind, a column for each field; without rows the columns are there as well.

    `effects` have the columns of effects.csv and the metric's name in reports as `label`; `looks`
    name their `arm`; `arms` have counts and the mean of each metric over users.
    """
    if kind == "arms":
        return _arms(result)
    if kind == "segments":
        return _frame(result.segments.rows if result.segments else (), SegmentEffect)
    if kind == "looks":
        arms = [arm.name for arm in result.arms for _ in arm.looks or ()]
        looks = _frame([look for arm in result.arms for look in arm.looks or ()], Look)
        looks.insert(0, "arm", arms)
        return looks
    (row, _) = get_args(get_type_hints(Result)[kind])
    made = _frame(getattr(result, kind), row)
    if kind == "effects":
        made["label"] = [labels.metric(name).label for name in made["metric"]]
    return made


def _arms(result: Result) -> DataFrame:
    made = _frame(result.arms, Arm)[list(_ARM)].rename(columns=_ARM)
    for name in dict.fromkeys(name for arm in result.arms for name in arm.metrics or {}):
        moments = [(arm.metrics or {}).get(name) for arm in result.arms]
        made[name] = [None if each is None else each.mean for each in moments]
        made[name] = made[name].astype("float64")
    return made


def _frame(rows: Sequence[Any], kind: Any) -> DataFrame:
    import pandas as pd

    types = _types(kind)
    return pd.DataFrame(
        {
            name: pd.Series([getattr(row, name) for row in rows], dtype=kind)
            for name, kind in types.items()
        }
    )


def _types(row: Any) -> dict[str, str]:
    hints = get_type_hints(row)
    types = {}
    for field in dataclasses.fields(row):
        hint = hints[field.name]
        known = [_TYPES[part] for part in (hint, *get_args(hint)) if part in _TYPES]
        types[field.name] = known[0] if known else "object"
    return types
