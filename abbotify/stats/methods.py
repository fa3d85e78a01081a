"""What a row of effects says, method by method: each interval under the name of what made it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from abbotify.stats.effects import BOOTSTRAP, MEAN, RATIO, Effect

WELCH: Final = "welch"
FIELLER: Final = "fieller"
NAIVE: Final = "naive_relative"
SESSIONS: Final = "sessions_as_independent"

_NAMES: Final = {
    MEAN: (WELCH, FIELLER),
    RATIO: ("delta", "delta_fieller"),
    BOOTSTRAP: (BOOTSTRAP, f"{BOOTSTRAP}_relative"),
}


class MethodEstimate(NamedTuple):
    """One method's word.

    Attributes:
        method: its name.
        relative: it speaks of per cent of the control, else of the metric's units.
        estimate: None where undefined, as the ends.
        lower: lower end of the interval.
        upper: upper end.
    """

    method: str
    relative: bool
    estimate: float | None
    lower: float | None
    upper: float | None

    @property
    def excludes_zero(self) -> bool | None:
        """Whether the interval does; None without one."""
        if self.lower is None or self.upper is None:
            return None
        return self.lower > 0 or self.upper < 0


def methods_of(estimand: str) -> tuple[str, str]:
    """The names of the methods of an estimand's difference and of its lift."""
    return _NAMES.get(estimand, (estimand, f"{estimand}_fieller"))


def told(row: Effect) -> Iterator[MethodEstimate]:
    """The difference, the lift, and of means the naive lift."""
    absolute, relative = methods_of(row.estimand)
    yield MethodEstimate(absolute, False, row.effect, row.lower, row.upper)
    yield MethodEstimate(
        relative, True, row.relative_effect, row.relative_lower, row.relative_upper
    )
    if row.estimand == MEAN:
        yield MethodEstimate(NAIVE, True, row.relative_effect, row.naive_lower, row.naive_upper)
