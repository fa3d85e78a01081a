"""Generated users: their sums are those of the users drawn one by one, their law is as stated."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from abbotify import rng
from abbotify.stats import Moments
from abbotify.stats.normal import Shape
from benchmarks.estimators.generated_users import (
    DENOMINATOR,
    METRIC,
    NUMERATOR,
    SEED,
    STREAM,
    VALUE,
    Law,
    cell,
    draw,
    growing,
    scaled,
    shifted,
)

Floats = NDArray[np.float64]
LAW = Law(0.8, 0.6)


def users(name: str, replication: int, first: int, count: int) -> Floats:
    """Value, before, numerator, denominator of users drawn one by one, shape (count, 4)."""
    rows = list[list[float]]()
    for user in range(first, first + count):
        words = rng.philox(
            np.uint64(SEED),
            np.uint64(STREAM),
            np.uint64(cell(name)),
            np.uint64(user),
            np.uint64(0),
            np.uint64(replication),
        )
        u, v, w = ((int(word) >> 11) * 2.0**-53 for word in words[:3])
        radius = math.sqrt(-2 * math.log(1 - u))
        one, two = radius * math.cos(2 * math.pi * v), radius * math.sin(2 * math.pi * v)
        value, before = math.exp(0.8 * one), math.exp(0.8 * (0.6 * one + 0.8 * two))
        sessions = float(stats.geom.ppf(w, 0.5)) if w > 0 else 1.0
        rows.append([value, before, sessions * value, sessions])
    return np.array(rows)


def same(one: Moments, other: Moments) -> bool:
    close = np.allclose(one.comoments, other.comoments, rtol=1e-9, atol=1e-9)
    return one.n == other.n and np.allclose(one.mean, other.mean, rtol=1e-12) and close


def test_sums_are_those_of_the_users() -> None:
    table = draw("test", LAW, (30, 20), 3)
    for number in range(3):
        for arm, first in ((0, 0), (1, 30)):
            rows = users("test", number, first, table.sizes[arm])
            assert same(table.moments(number, arm, range(4)), Moments.of(rows))
            assert same(table.moments(number, arm), Moments.of(rows[:, VALUE]))
            part = rows[:, [NUMERATOR, DENOMINATOR]]
            assert same(table.moments(number, arm, (NUMERATOR, DENOMINATOR)), Moments.of(part))
            shape, wanted = table.shape(number, arm), Shape.of(rows[:, VALUE])
            assert shape.skewness == pytest.approx(wanted.skewness, rel=1e-9)
            assert shape.variance == pytest.approx(wanted.variance, rel=1e-9)


def test_looks_hold_all_users_so_far() -> None:
    table = growing("looks", LAW, [(5, 4), (3, 2)], 2)
    assert table.sizes == (5, 4, 8, 6)
    for number in range(2):
        control = [users("looks", number, 0, 5), users("looks", number, 9, 3)]
        treatment = [users("looks", number, 5, 4), users("looks", number, 12, 2)]
        for arm, rows in enumerate((control, treatment)):
            assert same(table.moments(number, arm, range(4)), Moments.of(rows[0]))
            whole = Moments.of(np.concatenate(rows))
            assert same(table.moments(number, 2 + arm, range(4)), whole)


def test_fewer_replications_are_the_first_ones() -> None:
    few, many = (draw("test", LAW, (10, 10), count) for count in (2, 5))
    assert np.array_equal(few.comoments, many.comoments[:2])
    assert not np.array_equal(few.mean, draw("other", LAW, (10, 10), 2).mean)


@pytest.mark.parametrize("s", [0.5, 1.0])
def test_users_have_their_law(s: float) -> None:
    law = Law(s)
    wanted = stats.lognorm(s)
    assert law.mean == pytest.approx(wanted.mean(), rel=1e-12)
    assert law.variance == pytest.approx(wanted.var(), rel=1e-12)
    assert law.skewness == pytest.approx(float(wanted.stats("s")), rel=1e-12)
    table = draw(f"law {s}", law, (1000, 1000), 200)
    means = table.mean.mean(axis=(0, 1))
    spread = np.sqrt(np.diagonal(table.comoments.mean(axis=(0, 1))) / 999 / 400_000)
    assert (np.abs(means - [law.mean, law.mean, 2 * law.mean, 2]) < 4 * spread).all()
    whole = table.comoments.mean(axis=(0, 1)) / 999
    correlation = whole[0, 1] / math.sqrt(whole[0, 0] * whole[1, 1])
    assert correlation == pytest.approx(law.value_correlation, abs=0.03)


def test_effects_are_those_of_users() -> None:
    rows = users("effect", 0, 0, 40)
    moments = Moments.of(rows[:, :2])
    assert same(scaled(moments, 1.5, 1.0), Moments.of(rows[:, :2] * [1.5, 1.0]))
    assert same(shifted(moments, 2.0, 0.0), Moments.of(rows[:, :2] + [2.0, 0.0]))


def test_an_experiment_has_the_effect_in_its_treatments_alone() -> None:
    table = draw("arms", LAW, (30, 20), 2)
    control, treatment = table.arms(1, factor=1.5, shift=0.25)
    rows = [users("arms", 1, 0, 30), users("arms", 1, 30, 20)]
    assert same(control.adjusted[METRIC], Moments.of(rows[0][:, :2]))
    assert same(treatment.adjusted[METRIC], Moments.of(rows[1][:, :2] * [1.5, 1.0] + [0.25, 0.0]))
    assert same(treatment.means[METRIC], Moments.of(rows[1][:, :1] * 1.5 + 0.25))
    assert same(control.ratios[METRIC], Moments.of(rows[0][:, 2:]))
    assert same(treatment.ratios[METRIC], Moments.of(rows[1][:, 2:] * [1.5, 1.0]))
