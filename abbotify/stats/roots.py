"""Where a monotone function takes a value: bisection down to neighbouring doubles."""

from __future__ import annotations

from collections.abc import Callable


def crossing(
    function: Callable[[float], float], target: float, lower: float, upper: float
) -> float:
    """The x in [lower, upper] at which a non-decreasing function reaches target.

    Halved until no double lies between the ends, about 60 calls, so that an inverse is as exact
    as the function itself. `scipy.optimize.brentq` takes a tenth of the calls and, imported, half
    a second.

    Args:
        function: Non-decreasing on [lower, upper].
        target: Wanted value; beyond the function's range an end is returned.
        lower: Finite.
        upper: Finite, not below lower.
    """
    while True:
        middle = lower + (upper - lower) / 2
        if not lower < middle < upper:
            return upper
        if function(middle) < target:
            lower = middle
        else:
            upper = middle


def reached(function: Callable[[float], float], target: float, start: float) -> float | None:
    """The positive x at which a non-decreasing function reaches target, None where it does not.

    Args:
        function: Non-decreasing on the positive numbers.
        target: Wanted value.
        start: Where to look first, positive; doubled until beyond the target.
    """
    upper = start
    while not function(upper) >= target:
        upper *= 2
        if upper > 1e150 * start:
            return None
    return crossing(function, target, 0.0, upper)
