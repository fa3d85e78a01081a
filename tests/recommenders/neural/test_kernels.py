"""A pass against a plain loop, finite differences and torch's own optimizers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from abbotify.recommenders.neural.kernels import Pairs, mean_squared_error, shuffle
from abbotify.recommenders.neural.optimizers import ADAGRAD_ROWS, ADAM, LAZY_ADAM
from tests.conftest import printed_both_ways
from tests.recommenders.neural.passes import OPTIMIZERS, TRACKS, N, Tables, made, passes


def loss_of(pairs: Pairs, tables: Tables, chosen: Any, with_users: bool = True) -> float:
    start, user, track = tables
    query = start[pairs.start[chosen]] + (user[pairs.row[chosen]] if with_users else 0.0)
    errors = (query * track[pairs.track[chosen]]).sum(axis=1) - pairs.time[chosen]
    return float((errors**2).mean())


def gradients(pairs: Pairs, tables: Tables, chosen: Any, with_users: bool) -> Tables:
    """Of the mean squared error of a batch, pair by pair."""
    start, user, track = tables
    out = [np.zeros_like(table) for table in tables]
    for pair in chosen:
        s, u, t = pairs.start[pair], pairs.row[pair], pairs.track[pair]
        query = start[s] + (user[u] if with_users else 0.0)
        pull = 2.0 * (query @ track[t] - pairs.time[pair]) / len(chosen)
        out[0][s] += pull * track[t]
        out[1][u] += pull * track[t] if with_users else 0.0
        out[2][t] += pull * query
    return out


class Plain:
    """The three optimizers written from their papers, in float64."""

    def __init__(self, optimizer: int, tables: Tables, rate: float, decay: float) -> None:
        self.optimizer, self.rate, self.decay, self.steps = optimizer, rate, decay, 0
        self.first = [np.zeros_like(table) for table in tables]
        self.second = [np.zeros_like(table) for table in tables]
        self.rows = [np.zeros(len(table)) for table in tables]

    def step(self, tables: Tables, gradient: Tables, touched: Tables) -> None:
        self.steps += 1
        for i, table in enumerate(tables):
            rows = np.arange(len(table)) if self.optimizer == ADAM else np.unique(touched[i])
            g = gradient[i][rows] + self.decay * table[rows]
            if self.optimizer == ADAGRAD_ROWS:
                self.rows[i][rows] += (g**2).mean(axis=1)
                table[rows] -= self.rate * g / (np.sqrt(self.rows[i][rows]) + 1e-10)[:, None]
                continue
            m = self.first[i][rows] = 0.9 * self.first[i][rows] + 0.1 * g
            v = self.second[i][rows] = 0.999 * self.second[i][rows] + 0.001 * g**2
            one, two = 1 - 0.9**self.steps, 1 - 0.999**self.steps
            if self.optimizer == ADAM:
                table[rows] -= self.rate * (m / one) / (np.sqrt(v / two) + 1e-8)
            else:  # torch's SparseAdam leaves its epsilon outside of the correction
                table[rows] -= self.rate * np.sqrt(two) / one * m / (np.sqrt(v) + 1e-8)


@pytest.mark.parametrize("with_users", [True, False])
@pytest.mark.parametrize("decay", [0.0, 0.01])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_pass_is_the_plain_loop(optimizer: int, decay: float, with_users: bool) -> None:
    pairs, parameters = made()
    tables = [table.astype(np.float64) for table in parameters]
    plain, expected = Plain(optimizer, tables, 0.05, decay), []
    for _ in range(3):
        squares = 0.0
        for begin in range(0, N, 20):
            chosen = np.arange(begin, min(N, begin + 20))
            squares += loss_of(pairs, tables, chosen, with_users) * len(chosen)
            gradient = gradients(pairs, tables, chosen, with_users)
            touched = [pairs.start[chosen], pairs.row[chosen], pairs.track[chosen]]
            if not with_users:
                kept = tables[1].copy()
            plain.step(tables, gradient, touched)
            if not with_users:
                tables[1][:] = kept
        expected.append(squares / N)
    losses = passes(pairs, parameters, optimizer, decay=decay, with_users=with_users)
    np.testing.assert_allclose(losses, expected, rtol=2e-5)
    for ours, theirs in zip(parameters, tables, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=2e-4, atol=2e-5)


def test_the_gradient_is_that_of_the_loss() -> None:
    """The step of a huge batch against finite differences of the loss."""
    pairs, parameters = made()
    tables = [table.astype(np.float64) for table in parameters]
    everything = np.arange(N)
    analytic = gradients(pairs, tables, everything, True)
    before = [table.copy() for table in parameters]
    passes(pairs, parameters, ADAGRAD_ROWS, batch=N, rate=1e-3, count=1)
    for i, table in enumerate(tables):
        for row in range(len(table)):
            for d in (0, 7):
                there = table[row, d]
                table[row, d] = there + 1e-6
                above = loss_of(pairs, tables, everything)
                table[row, d] = there - 1e-6
                below = loss_of(pairs, tables, everything)
                table[row, d] = there
                slope = (above - below) / 2e-6
                assert analytic[i][row, d] == pytest.approx(slope, rel=1e-5, abs=1e-9)
        length = np.sqrt((analytic[i] ** 2).mean(axis=1, keepdims=True))
        moved = np.divide(-1e-3 * analytic[i], length, out=np.zeros_like(table), where=length > 0)
        np.testing.assert_allclose(parameters[i] - before[i], moved, rtol=1e-3, atol=1e-7)


def test_rows_nobody_touched_stay_unless_adam_is_dense() -> None:
    for optimizer in OPTIMIZERS:
        pairs, parameters = made()
        before = parameters.track[TRACKS - 2 :].copy()
        passes(pairs, parameters, optimizer, decay=0.01)
        assert np.array_equal(before, parameters.track[TRACKS - 2 :]) == (optimizer != ADAM)


@pytest.mark.extras
@pytest.mark.parametrize(("optimizer", "name"), [(ADAM, "Adam"), (LAZY_ADAM, "SparseAdam")])
def test_adam_is_torchs(optimizer: int, name: str) -> None:
    torch = pytest.importorskip("torch")
    pairs, parameters = made()
    tables = [
        torch.nn.Embedding.from_pretrained(
            torch.tensor(table), freeze=False, sparse=optimizer == LAZY_ADAM
        )
        for table in parameters
    ]
    adam = getattr(torch.optim, name)([table.weight for table in tables], lr=0.05)
    columns = [torch.tensor(column) for column in pairs]
    for _ in range(3):
        for begin in range(0, N, 20):
            row, start, track, time = (column[begin : begin + 20] for column in columns)
            adam.zero_grad()
            guess = ((tables[0](start) + tables[1](row)) * tables[2](track)).sum(dim=1)
            torch.nn.functional.mse_loss(guess, time).backward()
            adam.step()
    passes(pairs, parameters, optimizer)
    for ours, theirs in zip(parameters, tables, strict=True):
        np.testing.assert_allclose(ours, theirs.weight.detach().numpy(), rtol=2e-4, atol=2e-5)


def test_the_error_over_chosen_pairs() -> None:
    pairs, parameters = made()
    chosen = np.array([3, 5, 5, 80])
    for with_users in (True, False):
        expected = loss_of(pairs, list(parameters), chosen, with_users)
        got = mean_squared_error(pairs, chosen, parameters, with_users)
        assert got == pytest.approx(expected, rel=1e-5)


def test_a_shuffle_is_a_keyed_permutation_with_no_favourite_place() -> None:
    first, again, other = (np.arange(1000) for _ in range(3))
    shuffle(first, 7, 22, 1)
    shuffle(again, 7, 22, 1)
    shuffle(other, 7, 22, 2)
    assert first.tolist() == again.tolist() != other.tolist()
    assert sorted(first.tolist()) == list(range(1000))
    counts = np.zeros((4, 4))
    for number in range(6000):
        order = np.arange(4)
        shuffle(order, 7, 22, number)
        counts[np.arange(4), order] += 1
    # Each cell is Binomial(6000, 1/4): standard deviation 33.5; five of them.
    assert abs(counts - 1500).max() < 168


PROGRAM = """
from tests.recommenders.neural.passes import OPTIMIZERS, made, passes

for optimizer in OPTIMIZERS:
    pairs, parameters = made()
    print(*map(float.hex, map(float, passes(pairs, parameters, optimizer, decay=0.001))))
    for table in parameters:
        print(table.tobytes().hex())
"""


def test_without_a_compiler_the_bits_are_the_same() -> None:
    compiled, interpreted = printed_both_ways(PROGRAM)
    assert compiled == interpreted != ""
