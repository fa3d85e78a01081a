"""How long a request takes, in whole simulated milliseconds."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

from abbotify.jit import kernel
from abbotify.rng import Purpose, Stream, bounded, philox, real
from abbotify.scenario.base import Exponential, Latency, Lognormal, Uniform

_USERS: Final = Stream.USERS
_LATENCY: Final = Purpose.LATENCY
_LONGEST: Final = 86_400_000.0  # a day; the tail beyond it is cut, so that times stay integers


@kernel
def exponential(seed: int, user: int, session: int, step: int, mean: float) -> int:
    """An exponential number of ms, rounded half up."""
    u = real(philox(seed, _USERS, step, user, _LATENCY, session)[0])
    return math.floor(min(-mean * math.log(1.0 - u), _LONGEST) + 0.5)


@kernel
def lognormal(seed: int, user: int, session: int, step: int, median: float, sigma: float) -> int:
    """A lognormal number of ms, rounded half up (Box and Muller 1958 for the normal)."""
    words = philox(seed, _USERS, step, user, _LATENCY, session)
    radius = math.sqrt(-2.0 * math.log(1.0 - real(words[0])))
    normal = radius * math.cos(2.0 * math.pi * real(words[1]))
    return math.floor(min(median * math.exp(sigma * normal), _LONGEST) + 0.5)


@kernel
def uniform_ms(seed: int, user: int, session: int, step: int, low: int, high: int) -> int:
    """A uniform whole number of ms between two bounds, both included."""
    word = philox(seed, _USERS, step, user, _LATENCY, session)[0]
    return low + bounded(word, high - low + 1)


Draw = Callable[[int, int, int, int], int]  # (seed, user, session, step) -> ms


def latency(spec: Latency) -> int | Draw:
    """A fixed number of ms, or a function that draws one for (seed, user, session, step)."""
    match spec:
        case int():
            return spec
        case Exponential():
            mean = float(spec.mean)
            return lambda seed, user, session, step: exponential(seed, user, session, step, mean)
        case Uniform():
            low, high = spec.low, spec.high
            return lambda seed, user, session, step: uniform_ms(
                seed, user, session, step, low, high
            )
        case Lognormal():
            median, sigma = float(spec.median), float(spec.sigma)
            return lambda seed, user, session, step: lognormal(
                seed, user, session, step, median, sigma
            )
