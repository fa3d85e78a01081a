"""Users who hang together: sessions of one user, and friends who see each other's treatment."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

import numpy as np

from abbotify import rng
from abbotify.jit import kernel
from abbotify.stats import Contrast, Estimate, Moments, difference, mean, ratio_of_sums, welch
from abbotify.studies.validation.characteristics import Characteristic, average, rate
from benchmarks.estimators.effort import ALPHA, Effort, covers, hits
from benchmarks.estimators.generated_users import SEED, STREAM, Floats, cell
from benchmarks.estimators.theory import clustered

CORRELATION: Final = 0.65 / (46 / 6 - 1)
DIRECT: Final = 0.31
SPILL: Final = 0.49
_real, _bounded, _philox = rng.real, rng.bounded, rng.philox


def sessions(effort: Effort) -> Iterator[Characteristic]:
    """One t-test over sessions, one over users."""
    users, replications = 500, effort.of(5000)
    sums = np.zeros((replications, 2, 6))
    _sessions(sums, SEED, cell("sessions"), users, CORRELATION)
    wrong = {"welch over sessions": 0, "delta": 0}
    for arms in sums:
        rows = [_moments(int(arm[1]), arm[:1], arm[5:6]) for arm in arms]
        wrong["welch over sessions"] += hits([welch(rows[0], rows[1], ALPHA).p_value])
        ratios = [ratio_of_sums(_moments(users, arm[:2], arm[2:5])) for arm in arms]
        wrong["delta"] += hits([difference(ratios[0], ratios[1], ALPHA).p_value])
    setting = f"1 to 11 sessions a user, design effect 1.65, {users} users an arm"
    for name, count in wrong.items():
        expected = ALPHA if name == "delta" else clustered(1.65)
        yield rate(name, setting, "false_positive_rate", count, replications, expected, True)


def interference(effort: Effort) -> Iterator[Characteristic]:
    """The same groups of friends, randomised user by user and group by group."""
    groups, replications = 400, effort.of(5000)
    users = np.zeros((replications, 2, 3))
    whole = np.zeros((replications, 2, 6))
    _friends(users, whole, SEED, cell("friends"), groups)
    results = {
        "users randomised": [
            difference(_of_users(arms[0]), _of_users(arms[1]), ALPHA) for arms in users
        ],
        "groups randomised": [
            difference(_of_groups(arms[0]), _of_groups(arms[1]), ALPHA) for arms in whole
        ],
    }
    setting = f"{groups} groups of 2 to 10 friends, direct .31, in all .80"
    for name, found in results.items():
        by_group = name == "groups randomised"
        expected = DIRECT + SPILL if by_group else DIRECT
        yield average(name, setting, "estimate", _effects(found), expected, True)
        held = sum(covers(one.lower, one.upper, DIRECT + SPILL) for one in found)
        target = 1 - ALPHA if by_group else None
        quantity = "coverage of the total effect"
        yield rate(name, setting, quantity, held, replications, target, by_group)


def _effects(found: list[Contrast]) -> list[float]:
    return [one.effect for one in found if one.effect is not None]


def _of_users(sums: Floats) -> Estimate:
    return mean(_moments(int(sums[0]), sums[1:2], sums[2:3]))


def _of_groups(sums: Floats) -> Estimate:
    return ratio_of_sums(_moments(int(sums[0]), sums[1:3], sums[3:6]))


def _moments(n: int, sums: Floats, products: Floats) -> Moments:
    """From plain sums, of values near 0 as here: (a a) or (a a, a b, b b)."""
    means = sums / n
    k = len(sums)
    matrix = np.empty((k, k))
    matrix[np.triu_indices(k)] = products
    matrix[np.tril_indices(k)] = matrix.T[np.tril_indices(k)]
    return Moments(n, means, matrix - n * np.outer(means, means))


@kernel
def _sessions(out: Floats, seed: int, number: int, users: int, correlation: float) -> None:
    for replication in range(out.shape[0]):
        for arm in range(2):
            sums = out[replication, arm]
            for user in range(users):
                first = _philox(seed, STREAM, number, user, 2 * arm, replication)
                radius = math.sqrt(-2.0 * math.log(1.0 - _real(first[0])))
                person = radius * math.cos(2.0 * math.pi * _real(first[1]))
                count = 1 + _bounded(first[2], 11)
                total = 0.0
                for session in range(count):
                    word = _philox(
                        seed, STREAM, number, user, 2 * arm + 1, replication * 11 + session
                    )
                    radius = math.sqrt(-2.0 * math.log(1.0 - _real(word[0])))
                    noise = radius * math.cos(2.0 * math.pi * _real(word[1]))
                    value = math.sqrt(correlation) * person + math.sqrt(1 - correlation) * noise
                    total += value
                    sums[5] += value * value
                sums[0] += total
                sums[1] += count
                sums[2] += total * total
                sums[3] += total * count
                sums[4] += count * count


@kernel
def _friends(users: Floats, whole: Floats, seed: int, number: int, groups: int) -> None:
    noise = np.empty(10)
    treated = np.empty(10)
    for replication in range(users.shape[0]):
        for group in range(groups):
            size = 2 + _bounded(_philox(seed, STREAM, number, group, 0, replication)[0], 9)
            count = 0.0
            for friend in range(size):
                words = _philox(seed, STREAM, number, group, 1 + friend, replication)
                radius = math.sqrt(-2.0 * math.log(1.0 - _real(words[0])))
                noise[friend] = radius * math.cos(2.0 * math.pi * _real(words[1]))
                treated[friend] = 1.0 if _real(words[2]) < 0.5 else 0.0
                count += treated[friend]
            arm = group % 2
            total = 0.0
            for friend in range(size):
                share = (count - treated[friend]) / (size - 1)
                value = noise[friend] + DIRECT * treated[friend] + SPILL * share
                sums = users[replication, int(treated[friend])]
                sums[0] += 1
                sums[1] += value
                sums[2] += value * value
                total += noise[friend] + (DIRECT + SPILL) * arm
            sums = whole[replication, arm]
            sums[0] += 1
            sums[1] += total
            sums[2] += size
            sums[3] += total * total
            sums[4] += total * size
            sums[5] += size * size
