"""When users come: visits drawn a day at a time, or gaps after the last session.

The profile of a day is piecewise linear between the hours. A visit's time is drawn by rejection,
a gap by thinning (Lewis and Shedler, Simulation of nonhomogeneous Poisson processes by thinning,
1979); the attempt number is part of the counter.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from abbotify.eventlog.schema import MS_PER_DAY
from abbotify.jit import inlined, kernel
from abbotify.rng import Purpose, Stream, bounded, philox, real

IntArray = npt.NDArray[np.int64]
Profile = npt.NDArray[np.float64]

_USERS: Final = Stream.USERS
_VISITS: Final = Purpose.VISITS
_VISIT_TIME: Final = Purpose.VISIT_TIME
_GAP: Final = Purpose.GAP
_DAY: Final = MS_PER_DAY
_HOUR: Final = 3_600_000
_NEVER: Final = 2**60  # beyond any run
_FEW: Final = 16  # visits a day that are sorted by insertion
_PIECE: Final = 8.0  # exp(-8) is far from underflow; a larger mean is drawn in pieces

# Relative intensity at each full hour: trough at 2 h, peaks at 9 h and 18-19 h.
_EVENING: Final = (
    0.40, 0.25, 0.18, 0.20, 0.26, 0.38, 0.55, 0.75, 0.90, 0.96, 0.86, 0.78,
    0.75, 0.74, 0.76, 0.81, 0.88, 0.96, 1.00, 1.00, 0.92, 0.82, 0.68, 0.54,
)  # fmt: skip


def profile(name: str) -> Profile:
    """The intensity of a profile at each full hour.

    Args:
        name: `flat` or `evening`.

    Returns:
        float64 (24), largest value 1.
    """
    return np.array(_EVENING) if name == "evening" else np.ones(24)


@kernel
def intensity(hours: Profile, ms: int) -> float:
    """The relative intensity at a time of the day, linear between the hours."""
    hour = ms // _HOUR
    share = (ms - hour * _HOUR) / _HOUR
    return hours[hour] + (hours[(hour + 1) % 24] - hours[hour]) * share


@kernel
def visits(seed: int, user: int, day: int, mean: float) -> int:
    """How often a user comes on a day: Poisson, by inversion, in pieces of mean at most 8."""
    pieces = max(1, math.ceil(mean / _PIECE))
    floor, count = math.exp(-mean / pieces), 0
    for piece in range(pieces):
        u = real(philox(seed, _USERS, day, user, _VISITS | piece << 32, 0)[0])
        n, probability = 0, floor
        below = probability
        while u >= below and n < 200:
            n += 1
            probability *= mean / pieces / n
            below += probability
        count += n
    return count


@kernel
def visit_time(seed: int, user: int, day: int, number: int, hours: Profile) -> int:
    """When in the day a visit is, in ms from its midnight."""
    attempt = 0
    while True:
        words = philox(seed, _USERS, day, user, _VISIT_TIME | attempt << 32, number)
        ms = bounded(words[0], _DAY)
        if real(words[1]) < intensity(hours, ms):
            return ms
        attempt += 1


@kernel
def next_visit(
    seed: int, user: int, session: int, after: int, per_day: float, hours: Profile
) -> int:
    """When a user's session is due: an exponential gap, thinned by the profile, after the last.

    Args:
        seed: of the dynamics, as a signed word.
        user: the user's id.
        session: the number of the session that is due.
        after: when the last session ended, in ms from the start of the run.
        per_day: visits a day, averaged over the profile.
        hours: the profile.

    Returns:
        ms from the start of the run; 2**60 for later than any run.
    """
    total = 0.0  # a loop: numpy adds in another order interpreted than compiled
    for height in hours:
        total += height
    rate = per_day / _DAY / (total / len(hours))  # at the peak
    if rate <= 0.0:  # so small that it underflows
        return _NEVER
    time, attempt = float(after), 0
    while True:
        words = philox(seed, _USERS, 0, user, _GAP | attempt << 32, session)
        time += -math.log(1.0 - real(words[0])) / rate
        if time > _NEVER:
            return _NEVER
        ms = math.floor(time + 0.5)
        if real(words[1]) < intensity(hours, ms % _DAY):
            return ms
        attempt += 1


@kernel
def _count_visits(seed: int, users: IntArray, day: int, mean: float, counts: IntArray) -> None:
    for i in range(len(users)):
        counts[i] = visits(seed, users[i], day, mean)


@inlined
def _sort_few(times: IntArray, first: int, end: int) -> None:
    # By insertion: for the usual one to five visits, numpy's sort took longer than drawing them.
    for i in range(first + 1, end):
        time, place = times[i], i
        while place > first and times[place - 1] > time:
            times[place] = times[place - 1]
            place -= 1
        times[place] = time


@kernel
def _fill_times(
    seed: int, users: IntArray, day: int, hours: Profile, offsets: IntArray, times: IntArray
) -> None:
    for i in range(len(users)):
        first, end = offsets[i], offsets[i + 1]
        for j in range(first, end):
            times[j] = day * _DAY + visit_time(seed, users[i], day, j - first, hours)
        if end - first > _FEW:
            times[first:end].sort()
        else:
            _sort_few(times, first, end)


@kernel
def _first_visits(
    seed: int, users: IntArray, per_day: float, hours: Profile, times: IntArray
) -> None:
    for i in range(len(users)):
        times[i] = next_visit(seed, users[i], 0, 0, per_day, hours)


def visits_of_day(
    seed: int, users: IntArray, day: int, mean: float, hours: Profile
) -> tuple[IntArray, IntArray]:
    """All visits of some users on one day.

    Args:
        seed: of the dynamics, as a signed word.
        users: int64 (n,) ids.
        day: counted from 0.
        mean: expected visits of each user.
        hours: the profile.

    Returns:
        (offsets int64 (n + 1), times int64 in ms from the start of the run): user i's are
        `times[offsets[i]:offsets[i + 1]]`, ascending.
    """
    counts = np.zeros(len(users), np.int64)
    _count_visits(seed, users, day, mean, counts)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    times = np.empty(offsets[-1], np.int64)
    _fill_times(seed, users, day, hours, offsets, times)
    return offsets, times


def first_visits(seed: int, users: IntArray, per_day: float, hours: Profile) -> IntArray:
    """When each user's first session is due under `visits_per_day`, in ms: int64 (n,)."""
    times = np.empty(len(users), np.int64)
    _first_visits(seed, users, per_day, hours, times)
    return times
