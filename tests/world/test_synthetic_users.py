from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from abbotify.errors import ScenarioError
from abbotify.scenario import Scenario
from abbotify.scenario.world import SyntheticUsers
from abbotify.world import synthetic_users
from abbotify.world.base import Users
from abbotify.world.synthetic_users import Pool, draw_interests, draw_users, pool_of

MakeScenario = Callable[..., Scenario]


def drawn(scenario: Scenario, ids: np.ndarray, weights: np.ndarray) -> Users:
    spec = scenario.world.users
    assert isinstance(spec, SyntheticUsers)
    return draw_users(spec, scenario, ids, pool_of(weights, len(ids)))


def test_a_user_does_not_depend_on_the_others(make_scenario: MakeScenario) -> None:
    scenario = make_scenario({"users": {"interests": {"one_and_binomial": [5, 0.5]}}})
    weights = 1.0 / np.arange(1, 101)
    whole = drawn(scenario, np.arange(200), weights)
    part = drawn(scenario, np.arange(150, 170), weights)
    assert (part.bias == whole.bias[150:170]).all()
    assert (part.sharpness == whole.sharpness[150:170]).all()
    low, high = whole.interests.offsets[[150, 170]]
    assert (part.interests.tracks == whole.interests.tracks[low:high]).all()


@pytest.mark.parametrize("size", [1, 7, 200, 1000])
def test_how_many_are_drawn_at_a_time_leaves_no_trace(
    make_scenario: MakeScenario, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    scenario = make_scenario({"users": {"interests": {"one_and_binomial": [5, 0.5]}}})
    weights = 1.0 / np.arange(1, 101)
    whole = drawn(scenario, np.arange(200), weights)
    monkeypatch.setattr(synthetic_users, "_CHUNK", size)
    found = drawn(scenario, np.arange(200), weights)
    assert (found.interests.offsets == whole.interests.offsets).all()
    assert (found.interests.tracks == whole.interests.tracks).all()
    assert found.interests.tracks.dtype == np.int32
    assert (found.bias == whole.bias).all()
    assert (found.sharpness == whole.sharpness).all()


def test_interests_are_where_a_plain_search_finds_them() -> None:
    """One segment, for which draws start from a guide, and the same one given twice."""
    random = np.random.default_rng(4)
    weights = random.pareto(0.5, 3000) * (random.random(3000) < 0.8)  # a few hold nearly all
    users = np.arange(4000)
    one = pool_of(weights, len(users))
    two = Pool(
        segment=users % 2,
        offsets=np.array([0, len(one.tracks), 2 * len(one.tracks)]),
        tracks=np.tile(one.tracks, 2),
        cumulative=np.tile(one.cumulative, 2),
    )
    wanted = np.full(len(users), 4)
    found = [draw_interests(1, users, wanted, pool).tracks for pool in (one, two)]
    assert found[0].tolist() == found[1].tolist()


def test_pairs_of_interests_are_drawn_by_weight_among_the_rest() -> None:
    # P(a, then b) = w_a * w_b / (1 - w_a): sampling one after the other without replacement.
    weights = np.array([0.5, 0.0, 0.25, 0.15, 0.1])
    users = 40_000
    lists = draw_interests(1, np.arange(users), np.full(users, 2), pool_of(weights, users))
    pairs = lists.tracks.reshape(users, 2)
    first, second = np.nonzero((weights[:, None] * weights > 0) & ~np.eye(5, dtype=bool))
    expected = users * weights[first] * weights[second] / (1 - weights[first])
    observed = [((pairs == pair).all(axis=1)).sum() for pair in zip(first, second, strict=True)]
    assert sum(observed) == users
    assert stats.chisquare(observed, expected).pvalue > 0.001


def test_interests_that_hardly_anybody_likes_keep_their_weights() -> None:
    # After track 0 nearly every redraw is track 0 again: the rest is drawn the exact way.
    users = 20_000
    weights = np.array([1.0, 1e-9, 3e-9])
    lists = draw_interests(1, np.arange(users), np.full(users, 3), pool_of(weights, users))
    rows = lists.tracks.reshape(users, 3)
    assert (np.sort(rows, axis=1) == [0, 1, 2]).all()
    assert (rows[:, 0] == 0).all()
    share = (rows[:, 1] == 2).mean()
    assert share == pytest.approx(0.75, abs=4 * np.sqrt(0.75 * 0.25 / users))


def test_nobody_has_more_interests_than_there_are_tracks() -> None:
    lists = draw_interests(1, np.arange(3), np.array([1, 2, 9]), pool_of(np.array([1.0, 2.0]), 3))
    assert np.diff(lists.offsets).tolist() == [1, 2, 2]


def test_traits_as_in_the_original(make_scenario: MakeScenario) -> None:
    users = drawn(make_scenario({}), np.arange(20_000), np.ones(50))
    assert stats.kstest(users.bias, stats.uniform(0, 10).cdf).pvalue > 0.001
    inverted = users.sharpness < 1
    assert inverted.mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(20_000))
    base = np.where(inverted, 1 / users.sharpness, users.sharpness)
    assert stats.kstest(base, stats.uniform(1, 1).cdf).pvalue > 0.001
    assert abs(np.corrcoef(users.bias, users.sharpness)[0, 1]) < 0.03
    assert (np.diff(users.interests.offsets) == 3).all()
    assert set(users.budget.tolist()) == {5}
    assert set(users.neighbours.tolist()) == {10}
    assert set(users.gamma.tolist()) == {0.8}


def test_traits_as_in_the_later_version(make_scenario: MakeScenario) -> None:
    spec = {
        "interests": {"one_and_binomial": [5, 0.5]},
        "bias": {"uniform": [0.1, 0.6]},
        "sharpness": 4,
    }
    users = drawn(make_scenario({"users": spec}), np.arange(20_000), np.ones(50))
    sizes = np.bincount(np.diff(users.interests.offsets), minlength=7)[1:]
    expected = 20_000 * stats.binom.pmf(np.arange(6), 5, 0.5)
    assert stats.chisquare(sizes, expected).pvalue > 0.001
    assert 0.1 <= users.bias.min() < users.bias.max() <= 0.6
    assert set(users.sharpness.tolist()) == {4.0}


def test_the_scenario_sets_what_the_source_does_not(make_scenario: MakeScenario) -> None:
    listener = {"session_budget": 2, "artist_discount_gamma": 0.5, "interest_neighbours": 4}
    users = drawn(make_scenario({}, listener=listener), np.arange(2), np.ones(9))
    assert (users.budget.tolist(), users.gamma.tolist()) == ([2, 2], [0.5, 0.5])
    assert users.neighbours.tolist() == [4, 4]


@pytest.mark.parametrize(
    ("traits", "key"),
    [
        ({"bias": {"uniform": [2, 1]}}, "world.users.bias: the bounds must be in order"),
        ({"sharpness": {"uniform_or_inverse": [0, 1]}}, "world.users.sharpness: bounds to be"),
    ],
)
def test_bounds_that_make_no_sense(
    make_scenario: MakeScenario, traits: dict[str, object], key: str
) -> None:
    with pytest.raises(ScenarioError, match=key):
        drawn(make_scenario({"users": traits}), np.arange(2), np.ones(9))
