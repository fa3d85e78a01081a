"""One table of users for all peers: skewed, arms of unequal size, with a time before."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from abbotify.stats import Moments

Floats = NDArray[np.float64]

SIZES = (7_000, 3_000)


def generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=np.array(key, dtype=np.uint64)))


class Users(NamedTuple):
    """Shape (n,) each.

    Attributes:
        arm: 0 is the control.
        time: Minutes listened, a sum over sessions.
        sessions: Started; some users have none.
        time_before: Minutes in as many days before.
        sessions_before: In as many days before.
        liked: 1 when the user liked a track, else 0.
    """

    arm: NDArray[np.int64]
    time: Floats
    sessions: Floats
    time_before: Floats
    sessions_before: Floats
    liked: Floats

    def of(self, arm: int, *names: str) -> tuple[Floats, ...]:
        """Columns of one arm's users."""
        return tuple(getattr(self, name)[self.arm == arm] for name in names)

    def moments(self, *names: str) -> tuple[Moments, ...]:
        """Per arm, the control first."""
        return Moments.by_arm([getattr(self, name) for name in names], self.arm, 2)

    def table(self) -> pa.Table:
        """As tea-tasting takes it."""
        return pa.table(self._asdict())


def made(sizes: tuple[int, int], lift: float, key: int) -> Users:
    """Users of both arms; the treatment multiplies the time of a session by 1 + lift."""
    n, g = sum(sizes), generator(71, key)
    arm = np.repeat(np.arange(2), sizes)[g.permutation(n)]
    person = g.standard_normal(n)
    sessions, before = g.poisson(np.exp(0.4 * person + 0.8), (2, n)).astype(float)
    noise, noise_before = g.standard_normal((2, n))
    mean_time = np.exp(0.5 * person + 0.6 * noise) * (1 + lift * arm) * 20
    return Users(
        arm,
        sessions * mean_time,
        sessions,
        before * np.exp(0.5 * person + 0.6 * noise_before) * 20,
        before,
        (g.random(n) < 0.3 + 0.02 * arm).astype(float),
    )
