"""Experiments drawn from stored outcomes: the kernel against a plain loop, and what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from abbotify.stats import Moments
from abbotify.studies.validation.outcomes import Group
from abbotify.studies.validation.sampler import EFFECT, NOTHING, Sampler
from tests.conftest import printed_both_ways
from tests.studies.validation.worlds import drawn, outcomes

SEED = 2**64 - 3


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    return Sampler(outcomes(), (3.0, 1.0), 150, SEED)


def test_sums_are_those_of_a_plain_loop_bit_by_bit(sampler: Sampler) -> None:
    sums = sampler.sums(range(4, 6))
    left, right = sampler._products
    values = sampler.outcomes.values
    for at, replication in enumerate((4, 5)):
        expected = np.zeros((2, 2, len(left)))
        for row, arm in drawn(sampler.outcomes.users, 150, SEED, replication, 0.75):
            for world, under in ((NOTHING, 0), (EFFECT, arm)):
                for product, (i, j) in enumerate(zip(left, right, strict=True)):
                    expected[world, arm, product] += values[under, row, i] * values[under, row, j]
        np.testing.assert_array_equal(sums[at], expected)


def test_interpreted_kernels_give_the_same_bits() -> None:
    code = """
from tests.studies.validation.worlds import outcomes
from abbotify.studies.validation.sampler import Sampler
sampler = Sampler(outcomes(60), (1.0, 1.0), 30, 7)
print(sampler.sums(range(2)).tobytes().hex(), sampler.batches(range(2), 4).tobytes().hex())
"""
    compiled, interpreted = printed_both_ways(code)
    assert compiled == interpreted


def test_batches_are_the_same_users_in_their_order(sampler: Sampler) -> None:
    batches = sampler.batches(range(4, 6), 7)
    left, right = sampler._products
    values = sampler.outcomes.values[NOTHING]
    for at, replication in enumerate((4, 5)):
        who = drawn(sampler.outcomes.users, 150, SEED, replication, 0.75)
        expected, sizes = np.zeros((7, 2, len(left))), np.zeros(7, int)
        for position, (row, arm) in enumerate(who):
            batch = position * 7 // 150
            sizes[batch] += 1
            expected[batch, arm] += values[row, left] * values[row, right]
        np.testing.assert_array_equal(batches[at], expected)
        assert set(sizes) == {21, 22}
    whole = sampler.sums(range(4, 6))[:, NOTHING]
    np.testing.assert_allclose(batches.sum(axis=1), whole, rtol=1e-9, atol=1e-9)


def test_moments_are_those_of_the_rows_drawn(sampler: Sampler) -> None:
    sums = sampler.sums(range(1))[0]
    who = drawn(sampler.outcomes.users, 150, SEED, 0, 0.75)
    for group in sampler.outcomes.groups:
        for world in (NOTHING, EFFECT):
            for arm in (0, 1):
                under = arm * world
                rows = np.array([row for row, code in who if code == arm])
                counts = sampler.outcomes.defined(group, under)[rows]
                got = sampler.moments(group, world, arm, sums[world, arm])
                assert got.n == counts.sum()
                if group.variables == 0:
                    continue
                columns = sampler.outcomes.values[under][rows[counts]][:, group.columns]
                expected = Moments.of(columns + sampler.outcomes.centres[under, group.columns])
                assert got.mean == pytest.approx(expected.mean, rel=1e-12)
                assert got.comoments == pytest.approx(expected.comoments, rel=1e-9, abs=1e-9)


def test_a_replication_is_the_same_in_any_batch(sampler: Sampler) -> None:
    whole = sampler.sums(range(5))
    parts = [sampler.sums(range(2)), sampler.sums(range(2, 5))]
    np.testing.assert_array_equal(whole, np.concatenate(parts))


def test_both_worlds_have_the_same_control(sampler: Sampler) -> None:
    sums = sampler.sums(range(3))
    np.testing.assert_array_equal(sums[:, NOTHING, 0], sums[:, EFFECT, 0])
    assert (sums[:, NOTHING, 1] != sums[:, EFFECT, 1]).any()


def test_arms_have_their_shares_of_all_users() -> None:
    counts = Sampler(outcomes(), (3.0, 1.0), 40_000, 1).sums(range(1))[0, NOTHING, :, -1]
    sampled = Sampler(outcomes(), (3.0, 1.0), 40_000, 1)
    exposed = sampled.outcomes.values[0, :, -1].mean()
    expected = 40_000 * exposed * np.array([0.75, 0.25])
    assert np.abs(counts - expected).max() < 4 * np.sqrt(40_000 * 0.75 * 0.25)


def test_equal_values_far_from_their_mean_have_no_variance(sampler: Sampler) -> None:
    """Of users who happen to be alike: (x - c)^2 summed and (sum)^2 / n differ by rounding."""
    group = Group("time", "mean", 0, 1)
    lonely = Sampler(sampler.outcomes, (1.0, 1.0), 150, 1)
    value, n, total, squares = 0.1, 7, 0.0, 0.0
    for _ in range(n):
        total, squares = total + value, squares + value * value
    assert squares - total * total / n != 0
    lonely.__dict__["_places"] = {group: np.array([[0, 1], [1, 2]])}
    found = lonely.moments(group, NOTHING, 0, np.array([n, total, squares]))
    assert found.comoments[0, 0] == 0.0
