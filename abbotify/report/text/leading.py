"""Which form of an effect leads: per cent of the control, or the difference itself."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeAlias

from abbotify.report.text.numbers import Rounded, estimate
from abbotify.stats import Effect, SegmentEffect

Numbers: TypeAlias = tuple[float | None, float | None, float | None]
"""An estimate and the ends of its interval."""

LIMIT: Final = 500.0
"""Per cent of the control beyond which a ratio says little.

An estimate that far out means a control near zero beside the effect. An end that far out means a
control near zero beside its own noise: Fieller's upper end grows without bound as g, the squared
ratio of the critical value's standard errors to the control's mean, goes to 1.
"""

NEAR_ZERO: Final = "control near zero: the difference is more informative than a ratio"


Relative = Effect | SegmentEffect
"""A row that has a relative effect with its interval."""


def bounded(row: Relative) -> bool:
    """Whether there is a relative interval."""
    return row.relative_lower is not None and row.relative_upper is not None


def near_zero(row: Relative) -> bool:
    """Whether the control is too near to zero for the effect to be shown in per cent of it."""
    every = (row.relative_effect, row.relative_lower, row.relative_upper)
    return any(each is not None and abs(each) > LIMIT for each in every)


def leads(row: Relative) -> bool:
    """Whether the relative effect leads: it has an interval, and the control is not near 0.

    Elsewhere the difference leads, in the metric's own unit.
    """
    return bounded(row) and not near_zero(row)


def relative(row: Relative) -> Numbers:
    """The relative effect and its interval as shown: nothing where the control is near zero."""
    if near_zero(row):
        return None, None, None
    return row.relative_effect, row.relative_lower, row.relative_upper


def noted(row: Relative, note: str) -> str:
    """What is noted of a row, and why its relative effect is not shown."""
    return "; ".join(filter(None, [note, NEAR_ZERO if near_zero(row) else ""]))


def differences(rows: Iterable[Effect]) -> bool:
    """Whether the difference leads in any of the rows."""
    return any(not leads(row) and row.lower is not None for row in rows)


def numbers_of(effect: Effect | None, *, relative: bool) -> Numbers:
    """An effect and its interval, per cent of the control or in the metric's unit."""
    if effect is None:
        return None, None, None
    if relative:
        return effect.relative_effect, effect.relative_lower, effect.relative_upper
    return effect.effect, effect.lower, effect.upper


def leading_numbers(effect: Effect) -> Numbers:
    """The effect and its interval in the form that leads."""
    return numbers_of(effect, relative=leads(effect))


def shown_effect(effect: Effect, places: int | None = None) -> Rounded:
    """The relative effect where it leads, else the difference, rounded."""
    return estimate(*leading_numbers(effect), unit="%" if leads(effect) else "", places=places)
