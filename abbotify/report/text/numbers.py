"""Numbers as people read them: rounded to what is known, the same under every locale.

An estimate is rounded to two significant digits of its uncertainty (the half-width of its
interval), and its interval to the same place, so a table never shows digits that are noise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_low

MISSING = "\N{EN DASH}"
MINUS = "\N{MINUS SIGN}"

_EXTRA_DECIMALS = 4
_EXACT = 15  # decimal digits that a double holds
_NOISE = 1e-12  # an interval that narrow beside its ends is rounding, not uncertainty
_NAMED = 8  # days
_LONG = 10
"""Numbers with so many digits before or zeros behind the point are written as 1.2e−12."""


def decimals(half_width: float) -> int:
    """Decimals that show two significant digits of an uncertainty; negative: tens, hundreds.

    0.31 gives 2, 0.0996 gives 2 (it rounds to 0.10), 12.3 gives 0, 1234 gives -2.
    """
    if half_width <= 0 or not math.isfinite(half_width):
        return 2
    exponent = int(f"{half_width:.1e}".partition("e")[2])
    return 1 - exponent


def number(value: float | None, places: int, sign: bool = False) -> str:
    """A number with thousands separators and a true minus sign; `sign` shows a plus too."""
    if value is None:
        return MISSING
    text = _digits(abs(value), places)
    if not any(digit in text for digit in "123456789"):
        return text
    return (MINUS if value < 0 else "+" if sign else "") + text


def _digits(value: float, places: int) -> str:
    """The digits of a number that is not negative, with a power of ten where there are too many."""
    value = round(value, places)
    exponent = math.floor(math.log10(value)) if value else 0
    shown = exponent + places  # digits behind the first one
    if not value or not _long(exponent, places):
        return f"{value:,.{max(places, 0) if value else min(max(places, 0), _LONG)}f}"
    digits, _, power = f"{value:.{max(min(shown, _EXACT), 0)}e}".partition("e")
    return f"{digits}e{power.lstrip('+0') if power[0] == '+' else MINUS + power.lstrip('-0')}"


def _long(exponent: int, places: int) -> bool:
    """Whether a number has too many digits to be written out."""
    insignificant = exponent >= _LONG and places < 0
    return exponent <= -_LONG or insignificant or exponent + places > _EXACT


def count(value: int | None) -> str:
    """A whole number with thousands separators; beyond what a double counts, three digits of it."""
    if value is None:
        return MISSING
    return number(value, 0 if value < 10**_EXACT else 3 - len(str(value)))


def plural(number: int, noun: str) -> str:
    """A number of things: 1 user, 1,200 users."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def days(numbers: Sequence[int]) -> str:
    """Ascending days of a run: `3 to 6` where they follow one another, else the first few."""
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers[:_NAMED])) + (", …" if len(numbers) > _NAMED else "")


def percent(value: float | None, places: int = 1, sign: bool = False) -> str:
    """A share (0.25) as a percentage (25.0%)."""
    return MISSING if value is None else number(100 * value, places, sign) + "%"


@dataclass(frozen=True)
class Rounded:
    """An estimate and the ends of its interval as texts, all rounded to one place."""

    value: str
    lower: str
    upper: str
    places: int

    @property
    def interval(self) -> str:
        """The interval as `[a, b]`; a dash when there is none."""
        return MISSING if self.lower == MISSING else f"[{self.lower}, {self.upper}]"

    @property
    def second_line(self) -> str:
        """The interval beneath its estimate; empty without."""
        return "" if self.interval == MISSING else self.interval


def estimate(
    value: float | None,
    lower: float | None,
    upper: float | None,
    *,
    unit: str = "",
    sign: bool = True,
    places: int | None = None,
) -> Rounded:
    """An estimate rounded by its interval.

    An end that is not zero is never shown as zero (within reason): whether an interval excludes
    zero must be readable from it.

    Args:
        value: the estimate, None when undefined.
        lower: lower end, None when there is no (bounded) interval.
        upper: upper end, likewise.
        unit: put behind every number, such as `%`; the numbers are in it already.
        sign: show a plus on positive numbers.
        places: decimals, where those of a whole column are known (`aligned`).
    """
    places = _places(value, lower, upper) if places is None else places
    texts = [_text(each, places, sign, unit) for each in (value, lower, upper)]
    return Rounded(texts[0], texts[1], texts[2], places)


def _text(value: float | None, places: int, sign: bool, unit: str) -> str:
    return MISSING if value is None else number(value, places, sign) + unit


def _places(value: float | None, lower: float | None, upper: float | None) -> int:
    if lower is None or upper is None or upper - lower <= _NOISE * max(abs(lower), abs(upper)):
        return 2 if not value else max(decimals(abs(value)), 0)
    places = decimals((upper - lower) / 2)
    ends = [end for end in (lower, upper) if end]
    for extra in range(_EXTRA_DECIMALS + 1):
        if all(round(end, places + extra) for end in ends):
            return places + extra
    return places


def aligned(column: Sequence[tuple[float | None, float | None, float | None]]) -> list[int | None]:
    """Decimals for each (value, lower, upper) of a column: the same for all of them.

    They are those of the middle row by its own interval, one more where an end would be shown as
    zero otherwise. A row whose interval would still be hidden keeps its own.
    """
    known = [row for row in column if row[1] is not None and row[2] is not None]
    if not known:
        return [None] * len(column)
    usual = median_low([_places(*row) for row in known])
    hidden = [_hidden(row, usual) for row in known]
    if any(hidden) and not any(_hidden(row, usual + 1) for row in known):
        usual += 1
    return [_places(*row) if _hidden(row, usual) else usual for row in column]


def _hidden(row: tuple[float | None, float | None, float | None], places: int) -> bool:
    """Whether so many decimals show an end as zero, or hide that the ends differ."""
    lower, upper = row[1], row[2]
    if lower is None or upper is None:
        return row[0] is not None and row[0] != 0 and not round(row[0], places)
    apart = upper - lower > _NOISE * max(abs(lower), abs(upper))
    zero = any(end and not round(end, places) for end in (lower, upper))
    return zero or (apart and round(lower, places) == round(upper, places))


def p_value(p: float | None, alpha: float | None = None) -> str:
    """A p-value to three decimals, `< 0.001` below that (or alpha, where that is less).

    With `alpha`, decimals are added while rounding would put p on the other side of it: 0.0499
    stays 0.0499 beside alpha = 0.05.
    """
    if p is None:
        return MISSING
    least = 0.001 if alpha is None else min(0.001, alpha)
    if p < least:
        return f"< {least:g}"
    for places in range(3, 7):
        if alpha is None or (round(p, places) < alpha) == (p < alpha):
            return f"{p:.{places}f}"
    return repr(p)


def p_equals(p: float | None, alpha: float | None = None) -> str:
    """A p-value inside a sentence: `p = 0.032`, `p < 0.001`."""
    text = p_value(p, alpha)
    return f"p {text}" if text.startswith("<") else f"p = {text}"


def level(alpha: float) -> str:
    """The level of an interval, `95%` for alpha = 0.05."""
    texts = (f"{100 * (1 - alpha):.{digits}g}" for digits in range(4, 18))
    return next((text for text in texts if text != "100"), "100") + "%"
