"""Sums of centred values and of their products, compiled: no arrays in between.

Bit for bit numpy's own sums of those arrays, which are pairwise: halves are added until 128 values
are left, and those in eight lanes. 500 000 products: .44 ms, numpy 5.1 ms, most of it for memory.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from abbotify.jit import inlined_unmanaged, unmanaged

Floats = npt.NDArray[np.float64]

_LANES = 8
_BLOCK = 128


@unmanaged
def products(x: Floats, x_mean: float, y: Floats, y_mean: float, start: int, n: int) -> float:
    """The sum of (x - x_mean) (y - y_mean) over n values from `start`; as numpy's of the array."""
    if n < _LANES:
        total = -0.0  # what adds to nothing, not even to the sign of a zero
        for i in range(start, start + n):
            total += (x[i] - x_mean) * (y[i] - y_mean)
        return total
    if n <= _BLOCK:
        return _few_products(x, x_mean, y, y_mean, start, n)
    half = n // 2 - n // 2 % _LANES
    first = products(x, x_mean, y, y_mean, start, half)
    return first + products(x, x_mean, y, y_mean, start + half, n - half)


@inlined_unmanaged
def _few_products(x: Floats, u: float, y: Floats, v: float, start: int, n: int) -> float:
    a = (x[start] - u) * (y[start] - v)
    b = (x[start + 1] - u) * (y[start + 1] - v)
    c = (x[start + 2] - u) * (y[start + 2] - v)
    d = (x[start + 3] - u) * (y[start + 3] - v)
    e = (x[start + 4] - u) * (y[start + 4] - v)
    f = (x[start + 5] - u) * (y[start + 5] - v)
    g = (x[start + 6] - u) * (y[start + 6] - v)
    h = (x[start + 7] - u) * (y[start + 7] - v)
    end = start + n - n % _LANES
    for i in range(start + _LANES, end, _LANES):
        a += (x[i] - u) * (y[i] - v)
        b += (x[i + 1] - u) * (y[i + 1] - v)
        c += (x[i + 2] - u) * (y[i + 2] - v)
        d += (x[i + 3] - u) * (y[i + 3] - v)
        e += (x[i + 4] - u) * (y[i + 4] - v)
        f += (x[i + 5] - u) * (y[i + 5] - v)
        g += (x[i + 6] - u) * (y[i + 6] - v)
        h += (x[i + 7] - u) * (y[i + 7] - v)
    total = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(end, start + n):
        total += (x[i] - u) * (y[i] - v)
    return total
