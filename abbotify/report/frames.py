"""The rows of a result as pandas frames, one kind a frame, with the types that rows declare."""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from abbotify.report.result import Check, Result
from abbotify.report.result_rows import DecisionRow, Look
from abbotify.report.text import labels
from abbotify.report.true_effects import TruthRow
from abbotify.stats import Effect, GuardrailResult, SegmentEffect

if TYPE_CHECKING:
    from pandas import DataFrame

# Types of numbers that hold missing values; all else are Python objects.
_TYPES: Final = MappingProxyType({int: "Int64", float: "float64", bool: "boolean"})

_ARM: Final = MappingProxyType(
    {
        "arm": "object",
        "label": "object",
        "control": "boolean",
        "recommender": "object",
        "weight": "float64",
        "assigned": "Int64",
        "exposed": "Int64",
        "session_count": "Int64",
        "track_count": "Int64",
    }
)


@dataclass(frozen=True)
class Frames:
    """A result's rows as data frames.

    Attributes:
        result: whose rows they are.
    """

    result: Result

    def effects(self) -> DataFrame:
        """The columns of effects.csv, and the metric's name in reports as `label`."""
        frame = _rows(Effect, self.result.effects)
        frame["label"] = [labels.metric(name).label for name in frame["metric"]]
        return frame

    def arms(self) -> DataFrame:
        """A row for each arm in file order: counts, then each metric's mean over users."""
        rows = [
            {
                **dict.fromkeys(_ARM),
                "arm": arm.name,
                "label": arm.label,
                "control": arm.control,
                "recommender": arm.recommender,
                "weight": arm.weight,
                "assigned": arm.assigned,
                "exposed": arm.users,
                "session_count": arm.sessions,
                "track_count": arm.tracks,
                **{name: moments.mean for name, moments in (arm.metrics or {}).items()},
            }
            for arm in self.result.arms
        ]
        metrics = {name: "float64" for row in rows for name in row if name not in _ARM}
        return _frame(rows, {**_ARM, **metrics})

    def guardrails(self) -> DataFrame:
        """A row for each treatment and guardrail."""
        return _rows(GuardrailResult, self.result.guardrails)

    def segments(self) -> DataFrame:
        """A row for each treatment, metric and segment."""
        segments = self.result.segments
        return _rows(SegmentEffect, segments.rows if segments else ())

    def looks(self) -> DataFrame:
        """A row for each treatment and day: the effect so far."""
        rows = [
            {"arm": arm.name, **vars(look)} for arm in self.result.arms for look in arm.looks or ()
        ]
        return _frame(rows, {"arm": "object", **_types(Look)})

    def checks(self) -> DataFrame:
        """A row for each check; `details` and `arms` hold Python objects."""
        return _rows(Check, self.result.checks)

    def decisions(self) -> DataFrame:
        """A row for each treatment, in file order; `reasons` holds tuples of sentences."""
        return _rows(DecisionRow, self.result.decisions)

    def truth(self) -> DataFrame:
        """A row for each method's estimate of an effect beside the true one; empty for a log."""
        return _rows(TruthRow, self.result.truth)


def _rows(kind: type, rows: Iterable[Any]) -> DataFrame:
    return _frame([vars(row) for row in rows], _types(kind))


def _types(kind: Any) -> dict[str, str]:
    hints = typing.get_type_hints(kind)
    types = {}
    for field in dataclasses.fields(kind):
        hint = hints[field.name]
        known = [_TYPES[part] for part in (hint, *typing.get_args(hint)) if part in _TYPES]
        types[field.name] = known[0] if known else "object"
    return types


def _frame(rows: list[dict[str, Any]], types: Mapping[str, str]) -> DataFrame:
    import pandas as pd

    columns = {
        name: pd.Series([row.get(name) for row in rows], dtype=kind) for name, kind in types.items()
    }
    return pd.DataFrame(columns)
