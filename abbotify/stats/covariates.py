"""What may explain a metric: values from before a user's first exposure, defined for everybody."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from abbotify.stats.moments import Floats


def with_indicator(values: ArrayLike) -> Floats:
    """A covariate that is undefined (NaN) for some users, as two that are not.

    What stands for the undefined value is arbitrary, since the indicator's slope takes it up: with
    0 or with the mean of the others every adjusted estimate is the same. 0 needs no second pass.

    Args:
        values: Shape (n,).

    Returns:
        Shape (n, 2): the value, or 0 where it is undefined, and 1 where it is, else 0.
    """
    column = np.asarray(values, dtype=np.float64)
    missing = np.isnan(column)
    return np.stack([np.where(missing, 0.0, column), missing.astype(np.float64)]).T


def refuse_later(name: str, stamped: ArrayLike, exposed: ArrayLike) -> None:
    """Refuse a covariate with a value that is not from before the user's first exposure.

    The treatment moves such a value, and adjusting for it takes part of the effect away, or all.

    Args:
        name: The covariate's, for the message.
        stamped: Shape (n,), when the last event behind each user's value was, ms; NaN without.
        exposed: Shape (n,), the user's first exposure, ms; NaN for a user never exposed.

    Raises:
        ValueError: On a value stamped at the first exposure or later.
    """
    last, first = (np.asarray(times, dtype=np.float64) for times in (stamped, exposed))
    late = np.flatnonzero(last >= first)
    if len(late):
        raise ValueError(
            f"covariate {name} has {len(late)} of {len(last)} values that are not from before "
            f"the user's first exposure, the first of them stamped {last[late[0]]:.0f} ms with "
            f"exposure at {first[late[0]]:.0f} ms: the treatment may have moved them"
        )
