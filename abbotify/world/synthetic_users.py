"""Users by keyed numbers: who somebody is depends on the id alone.

Interests are drawn without repeats, by weight, for any number of users at once.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.jit import kernel
from abbotify.rng import Purpose, Stream, Word
from abbotify.scenario import Scenario
from abbotify.scenario.world import (
    Between,
    BetweenOrInverse,
    Interests,
    LastfmUsers,
    SyntheticUsers,
    Trait,
)
from abbotify.world.base import IntArray, Lists, Users

Floats = npt.NDArray[np.float64]

# What a user's draws are for: attempt numbers of the purpose.
_TRAITS: Final = 1
_COUNT: Final = 2

_CHUNK: Final = 1 << 18  # users drawn at a time: 30 MB

_POPULATION: Final = Stream.POPULATION  # kernels see module constants, not classes
_USER: Final = Purpose.USER
_INTERESTS: Final = 1  # the last word of the counter, which is 0 for all other draws of users
_BUCKETS: Final = 1 << 16
_ATTEMPTS: Final = 32  # redraws of an interest the user already has, before the exact way


class Pool(NamedTuple):
    """What interests are drawn from: segments of tracks with weights.

    Attributes:
        segment: int64 (users), each user's segment; one segment may serve everybody.
        offsets: int64 (segments + 1), where a segment starts.
        tracks: int32 (offsets[-1]), distinct within a segment.
        cumulative: float64 (offsets[-1]), sums of positive weights from a segment's start.
    """

    segment: IntArray
    offsets: IntArray
    tracks: npt.NDArray[np.int32]
    cumulative: Floats


def draw_users(
    spec: SyntheticUsers | LastfmUsers,
    scenario: Scenario,
    ids: IntArray,
    pool: Pool,
) -> Users:
    """The users of the given ids: interests from the pool, traits as specified.

    A user has at most as many interests as the pool has tracks for them. Nothing depends on the
    other users, so any part of a population can be drawn apart from the rest.

    Args:
        spec: how many interests, bias and sharpness.
        scenario: its seed of the world, and its listener for all other traits.
        ids: int64 (users), ascending.
        pool: with a segment for each user.

    Raises:
        ScenarioError: bounds that are not in order or cannot be inverted.
    """
    bias, sharpness = np.empty(len(ids)), np.empty(len(ids))
    offsets, tracks = np.zeros(len(ids) + 1, np.int64), []
    for start in range(0, len(ids), _CHUNK):
        rows = slice(start, min(start + _CHUNK, len(ids)))
        lists, bias[rows], sharpness[rows] = _draw_part(
            spec, scenario, ids[rows], pool._replace(segment=pool.segment[rows])
        )
        offsets[rows.start + 1 : rows.stop + 1] = lists.offsets[1:] + offsets[start]
        tracks.append(lists.tracks)
    listener = scenario.listener
    return Users(
        ids=ids,
        interests=Lists(offsets, np.concatenate(tracks) if tracks else np.empty(0, np.int32)),
        bias=bias,
        sharpness=sharpness,
        budget=np.full(len(ids), listener.session_budget, np.int64),
        neighbours=np.full(len(ids), listener.interest_neighbours, np.int64),
        gamma=np.full(len(ids), listener.artist_discount_gamma),
    )


def _draw_part(
    spec: SyntheticUsers | LastfmUsers, scenario: Scenario, ids: IntArray, pool: Pool
) -> tuple[Lists, Floats, Floats]:
    """The interests, biases and sharpnesses of some users."""
    seed = scenario.seeds.world
    wanted = _how_many(spec.interests, seed, ids)
    u = rng.uniforms(seed, Stream.POPULATION, rng.attempt(Purpose.USER, _TRAITS), ids, 4)
    return (
        draw_interests(seed, ids, wanted, pool),
        _trait(spec.bias, "bias", u[:, 0], u[:, 1], scenario),
        _trait(spec.sharpness, "sharpness", u[:, 2], u[:, 3], scenario),
    )


def _how_many(interests: Interests, seed: int, ids: IntArray) -> IntArray:
    if isinstance(interests, int):
        return np.full(len(ids), interests, np.int64)
    n, p = interests.one_and_binomial
    draws = rng.uniforms(seed, Stream.POPULATION, rng.attempt(Purpose.USER, _COUNT), ids, n)
    return 1 + (draws < p).sum(axis=1).astype(np.int64)


def _trait(trait: Trait, name: str, u: Floats, v: Floats, scenario: Scenario) -> Floats:
    """Values of a trait from two uniform numbers a user: where between the bounds, and which way.

    A user's sharpness is inverted when `v` is below one half.
    """
    if isinstance(trait, int | float):
        return np.full(len(u), float(trait))
    low, high = trait.uniform if isinstance(trait, Between) else trait.uniform_or_inverse
    if low > high:
        what = f"the bounds must be in order, got {low:g} and {high:g}"
        raise scenario.error(what, ("world", "users", name))
    values = low + (high - low) * u
    if isinstance(trait, BetweenOrInverse):
        if low <= 0:
            what = f"bounds to be inverted must be above 0, got {low:g}"
            raise scenario.error(what, ("world", "users", name))
        values = np.where(v < 0.5, 1.0 / values, values)
    return values


def pool_of(weights: Floats, users: int) -> Pool:
    """One segment for everybody: the tracks whose weight is above 0."""
    tracks = np.flatnonzero(weights > 0).astype(np.int32)
    offsets = np.array([0, len(tracks)], np.int64)
    return Pool(np.zeros(users, np.int64), offsets, tracks, np.cumsum(weights[tracks]))


def draw_interests(seed: int, ids: IntArray, wanted: IntArray, pool: Pool) -> Lists:
    """Distinct interests for each user, one after the other by weight among the rest.

    A user gets at most as many as the user's segment has tracks.

    Args:
        seed: of the world.
        ids: int64 (users).
        wanted: int64 (users), how many.
        pool: with a segment for each user.
    """
    available = np.diff(pool.offsets)[pool.segment]
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum(np.minimum(wanted, available), out=offsets[1:])
    tracks = np.empty(int(offsets[-1]), np.int32)
    _fill(np.uint64(seed), ids, *pool, _guide(pool), offsets, tracks)
    return Lists(offsets, tracks)


def _guide(pool: Pool) -> IntArray:
    """Where in a pool of one segment to look for a draw: 70 ns, where a search takes 180.

    Returns:
        int64 (buckets + 1), the place of each bucket's lowest draw; empty for several segments.
    """
    if len(pool.offsets) != 2 or not len(pool.cumulative):
        return np.empty(0, np.int64)
    # Powers of two, so that a draw's bucket is exact.
    lowest = np.arange(_BUCKETS + 1) / _BUCKETS
    return np.searchsorted(pool.cumulative, lowest * pool.cumulative[-1], side="right")


@kernel
def _fill(
    seed: Word,
    ids: IntArray,
    segment: IntArray,
    pool_offsets: IntArray,
    pool_tracks: npt.NDArray[np.int32],
    cumulative: Floats,
    guide: IntArray,
    offsets: IntArray,
    out: npt.NDArray[np.int32],
) -> None:
    places = np.empty(len(out), np.int64)  # of a user at a time; the pages not used are not there
    for row in range(len(ids)):
        low, high = pool_offsets[segment[row]], pool_offsets[segment[row] + 1]
        first = offsets[row]
        for i in range(offsets[row + 1] - first):
            places[i] = _draw_new(seed, ids[row], i, cumulative[low:high], guide, places[:i])
            out[first + i] = pool_tracks[low + places[i]]


@kernel
def _draw_new(
    seed: Word, user: int, i: int, cumulative: Floats, guide: IntArray, chosen: IntArray
) -> int:
    """The place of the user's i-th interest, by weight among those not chosen yet."""
    u = 0.0
    for number in range(_ATTEMPTS):
        purpose = _USER | number << 32
        u = rng.uniform(seed, _POPULATION, i, user, purpose, _INTERESTS)
        place = _place(u, cumulative, guide)
        if not _holds(chosen, place):
            return place
    # Nearly all the weight is taken: one pass over the rest. The distribution is the same.
    purpose = _USER | _ATTEMPTS << 32
    u = rng.uniform(seed, _POPULATION, i, user, purpose, _INTERESTS)
    return _among_the_rest(u, cumulative, chosen)


@kernel
def _place(u: float, cumulative: Floats, guide: IntArray) -> int:
    """The first place whose sum is above `u` of the whole."""
    target, low, high = u * cumulative[-1], 0, len(cumulative)
    if len(guide) > 0:
        bucket = int(u * _BUCKETS)
        low, high = guide[bucket], guide[bucket + 1]
    while low < high:
        middle = (low + high) // 2
        if cumulative[middle] <= target:
            low = middle + 1
        else:
            high = middle
    return min(low, len(cumulative) - 1)


@kernel
def _among_the_rest(u: float, cumulative: Floats, chosen: IntArray) -> int:
    rest = 0.0
    for place in range(len(cumulative)):
        if not _holds(chosen, place):
            rest += _weight(cumulative, place)
    target, last = u * rest, -1
    for place in range(len(cumulative)):
        if not _holds(chosen, place):
            last = place
            target -= _weight(cumulative, place)
            if target < 0.0:
                break
    return last


@kernel
def _weight(cumulative: Floats, place: int) -> float:
    if place == 0:
        return cumulative[0]
    return cumulative[place] - cumulative[place - 1]


@kernel
def _holds(chosen: IntArray, place: int) -> bool:
    present = False
    for other in chosen:
        present = present or other == place
    return present
