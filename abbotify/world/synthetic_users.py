"""Users by keyed numbers: who somebody is depends on the id alone."""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from abbotify import rng
from abbotify.rng import Purpose, Stream
from abbotify.scenario import Scenario
from abbotify.scenario.scenario import Listener
from abbotify.scenario.world import (
    Between,
    BetweenOrInverse,
    Interests,
    LastfmUsers,
    SyntheticUsers,
    Trait,
)
from abbotify.world.base import IntArray, Lists, Users
from abbotify.world.weighted_sampling import Pool, draw_interests

Floats = npt.NDArray[np.float64]

# What a user's draws are for: attempt numbers of the purpose.
_TRAITS: Final = 1
_COUNT: Final = 2

_CHUNK: Final = 1 << 18  # users drawn at a time: 30 MB


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
        part = _draw_part(spec, scenario, ids[rows], pool._replace(segment=pool.segment[rows]))
        bias[rows], sharpness[rows] = part.bias, part.sharpness
        offsets[rows.start + 1 : rows.stop + 1] = part.lists.offsets[1:] + offsets[start]
        tracks.append(part.lists.tracks)
    lists = Lists(offsets, np.concatenate(tracks) if tracks else np.empty(0, np.int32))
    return users_of(scenario.listener, ids, lists, bias, sharpness)


class _Part(NamedTuple):
    lists: Lists
    bias: Floats
    sharpness: Floats


def _draw_part(
    spec: SyntheticUsers | LastfmUsers, scenario: Scenario, ids: IntArray, pool: Pool
) -> _Part:
    seed = scenario.seeds.world
    wanted = _how_many(spec.interests, seed, ids)
    u = rng.uniforms(seed, Stream.POPULATION, rng.attempt(Purpose.USER, _TRAITS), ids, 4)
    return _Part(
        draw_interests(seed, ids, wanted, pool),
        bias=_trait(spec.bias, "bias", u[:, 0], u[:, 1], scenario),
        sharpness=_trait(spec.sharpness, "sharpness", u[:, 2], u[:, 3], scenario),
    )


def users_of(
    listener: Listener, ids: IntArray, interests: Lists, bias: Floats, sharpness: Floats
) -> Users:
    """Users who have all other traits from the scenario's listener."""
    return Users(
        ids=ids,
        interests=interests,
        bias=bias,
        sharpness=sharpness,
        budget=np.full(len(ids), listener.session_budget, np.int64),
        neighbours=np.full(len(ids), listener.interest_neighbours, np.int64),
        gamma=np.full(len(ids), listener.artist_discount_gamma),
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
