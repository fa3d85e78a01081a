"""Arrays as memory views, whose items are Python numbers.

A kernel takes six of Python's numbers in 0.4 us, six of numpy's in 0.6.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def views(*arrays: Any) -> list[Any]:
    """A memory view of each array."""
    return [np.ascontiguousarray(values).data for values in arrays]
