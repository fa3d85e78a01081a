"""A bandit learns: its counts, its regret, and the same in every run."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.bandit.linucb import LinUCB
from abbotify.recommenders.bandit.thompson import Thompson
from abbotify.recommenders.shipped.bandit import Policy
from abbotify.world.base import World
from tests.conftest import printed_both_ways
from tests.recommenders.bandit.listening import heard_in_full, listen, request_of


def test_thompson_keeps_counts(made: Any, world: World) -> None:
    it = made(prior=(2.0, 3.0), size=60)
    times = listen(it, world, 100, heard_in_full)
    gained, lost = it.policy.successes - 2.0, it.policy.failures - 3.0
    assert gained.sum() == pytest.approx(sum(times))
    np.testing.assert_allclose((gained + lost).sum(), 400)
    counts = np.round(gained + lost)
    tracks = np.arange(60)
    fractions = np.where(tracks == 33, 0.9, tracks % 3 / 10)
    np.testing.assert_allclose(gained, counts * fractions, atol=1e-9)


@pytest.mark.parametrize("policy", ["thompson", "linucb"])
def test_regret_is_sublinear(policy: str, made: Any, world: World) -> None:
    """For LinUCB the planted effect is one its features tell: the previous track's genre."""
    genre = world.catalogue.genre

    def alike(world: World, track: int, previous: int) -> float:
        return 0.8 if genre[track] == genre[previous] else 0.2

    fraction, best = (heard_in_full, 0.9) if policy == "thompson" else (alike, 0.8)
    times = np.array(listen(made(policy=policy, skip_heard=False), world, 1500, fraction))
    regret = best - times
    by_chance = np.mean([best - fraction(world, t, p) for t in range(60) for p in range(60)])
    quarters = regret.reshape(4, -1).mean(axis=1)
    assert quarters[3] < 0.05 * by_chance
    assert quarters[3] < 0.5 * quarters[0]
    assert regret.mean() < 0.5 * by_chance


def test_thompson_converges_to_the_best_track(made: Any, world: World) -> None:
    it = made(size=60)
    listen(it, world, 1500, heard_in_full)
    means = it.policy.successes / (it.policy.successes + it.policy.failures)
    assert means.argmax() == 33
    played = np.round(it.policy.successes + it.policy.failures - 2.0)
    assert played[33] > 1400  # of 1500 sessions, in each of which it can be played once


@pytest.mark.parametrize("policy", ["thompson", "linucb"])
@pytest.mark.parametrize("candidates", ["top_pop", "artist"])
def test_equal_runs_are_equal(policy: str, candidates: str, made: Any, world: World) -> None:
    runs = []
    for _ in range(2):
        it = made(policy=policy, candidates=candidates)
        listen(it, world, 100, heard_in_full)
        runs.append([it.recommend(request_of(world, 0, 900, [(t, 1.0)])) for t in range(60)])
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 1


PROGRAM = """
from abbotify.recommenders.shipped.bandit import Bandit
from abbotify.testing import small_world
from tests.recommenders.bandit.listening import heard_in_full, listen

world = small_world()
for keys in ({"prior": (0.5, 2.5)}, {"policy": "linucb"}):
    it = Bandit(recommender="bandit", size=20, **keys).built(world, None, ())
    listen(it, world, 5, heard_in_full)
    for values in vars(it.policy).values():
        print(values.tobytes().hex() if hasattr(values, "tobytes") else "")
"""


def test_interpreted_kernels_learn_the_same() -> None:
    compiled, interpreted = printed_both_ways(PROGRAM)
    assert compiled == interpreted != ""


def test_each_policy_learns_from_what_it_chose(world: World, ask: Any) -> None:
    policies: list[Policy] = [Thompson(60, (1.0, 1.0)), LinUCB(world.catalogue, 1.0)]
    for policy in policies:
        before = copy.deepcopy(policy)
        track, told = policy.choose(np.array([4, 9], np.int32), ask())
        assert track in (4, 9)
        policy.learn(told, 0.5)
        arrays = [name for name, value in vars(policy).items() if isinstance(value, np.ndarray)]
        same = [np.array_equal(getattr(policy, name), getattr(before, name)) for name in arrays]
        assert not all(same)
