"""The user model's kernels against numbers worked out by hand and numpy's own Philox."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from abbotify.simulation.listener.session import bored, hundredths, listen, play_ms, start
from abbotify.vectors import padded

Words = Callable[[int, int, int, int, int], list[int]]
SEEDS = [0, 31337, 2**63 - 1]


@pytest.mark.parametrize(
    ("score", "bias", "sharpness", "discount", "expected"),
    [
        (5.0, 5.0, 1.0, 1.0, 50),
        (5.0 + math.log(3.0), 5.0, 1.0, 1.0, 75),
        (5.0 - math.log(3.0), 5.0, 1.0, 1.0, 25),
        (5.0 + math.log(3.0) / 2, 5.0, 2.0, 1.0, 75),  # twice as sharp
        (5.0 + math.log(3.0), 5.0, -1.0, 1.0, 25),
        (7.0, 5.0, 1.0, 0.8, 70),  # sigmoid(2) = .8807970779..., times .8 = .7046
        (7.0, 5.0, 1.0, 0.8 * 0.8, 56),  # .5637
        (7.0, 5.0, 1.0, 0.8 * 0.8 * 0.8, 45),  # .4510
        (9.0, 5.0, 1.0, 1.0, 98),  # sigmoid(4) = .98201
        (1.0, 5.0, 1.0, 1.0, 2),  # .01799
        (10.5, 5.0, 1.0, 1.0, 100),  # sigmoid(5.5) = .99593
        (10.0, 5.0, 1.0, 1.0, 99),  # sigmoid(5) = .99331
        (-1.0, 5.0, 1.0, 1.0, 0),  # .00247
    ],
)
def test_listened_time(
    score: float, bias: float, sharpness: float, discount: float, expected: int
) -> None:
    assert hundredths(score, bias, sharpness, discount) == expected


@pytest.mark.parametrize(
    ("discount", "expected"),
    [(0.25, 13), (0.75, 38), (0.05, 3), (0.01, 1), (0.03, 2), (0.11, 6), (0.99, 50)],
)
def test_exact_half_ways_are_rounded_up(discount: float, expected: int) -> None:
    # sigmoid(0) is .5 exactly, so 100 * .5 * discount ends in .5; Python's round would make
    # 12 of 12.5 and 2 of 2.5.
    assert 100.0 * (0.5 * discount) == expected - 0.5
    assert hundredths(3.0, 3.0, 1.0, discount) == expected


def test_half_ways_of_the_sigmoid_itself() -> None:
    found = 0
    for odd in range(1, 200, 2):  # p = odd / 200 is a half-way of hundredths
        near = math.log(odd / (200 - odd))
        for score in (near, math.nextafter(near, 9.0), math.nextafter(near, -9.0)):
            exact = 100.0 * (1.0 / (1.0 + math.exp(-score)))
            if exact == odd / 2:
                found += 1
                assert hundredths(score, 0.0, 1.0, 1.0) == (odd + 1) // 2
    assert found > 50


def test_a_repeated_track_is_not_listened_to() -> None:
    assert hundredths(1e6, 5.0, 1.0, 0.0) == 0
    assert hundredths(5.0, 5.0, 1.0, 0.0) == 0


@pytest.mark.parametrize(
    ("score", "bias", "sharpness", "expected"),
    [
        (1e308, 5.0, 1.0, 100),
        (-1e308, 5.0, 1.0, 0),
        (1e308, -1e308, 1.0, 100),  # the difference overflows
        (-1e308, 1e308, 1.0, 0),
        (1e308, 5.0, 1e308, 100),
        (1e308, 5.0, -1e308, 0),
        (1e308, -1e308, 0.0, 0),  # inf * 0 is not a number
        (math.inf, math.inf, 1.0, 0),
        (math.nan, 5.0, 1.0, 0),
        (700.0, 0.0, 1.0, 100),
        (710.0, 0.0, 1.0, 100),
        (-700.0, 0.0, 1.0, 0),
        (-710.0, 0.0, 1.0, 0),  # exp(710) overflows
        (1e308, 1e308, 1e308, 50),
    ],
)
def test_extreme_traits(score: float, bias: float, sharpness: float, expected: int) -> None:
    assert hundredths(score, bias, sharpness, 1.0) == expected


def test_boredom_is_strict_and_never_follows_a_whole_track() -> None:
    largest = 1.0 - 2.0**-53
    assert not bored(100, largest)
    assert bored(99, largest)
    assert not bored(0, 0.0)
    assert bored(0, 2.0**-53)
    for h in range(1, 100):
        assert not bored(h, h / 100)
        assert bored(h, math.nextafter(h / 100, 1.0))
        assert not bored(h, math.nextafter(h / 100, 0.0))


@pytest.mark.parametrize(
    ("time", "track_ms", "expected"),
    [
        (100, 180_000, 180_000),
        (0, 180_000, 0),
        (33, 180_000, 59_400),
        (1, 49, 0),  # .49 ms
        (1, 50, 1),  # half a millisecond, up
        (99, 1, 1),
        (57, 123_457, 70_370),  # 70 370.49
        (50, 2_000_000_001, 1_000_000_001),
    ],
)
def test_playing_time(time: int, track_ms: int, expected: int) -> None:
    assert play_ms(time, track_ms) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_session_starts_are_the_high_words_of_products(seed: int, words: Words) -> None:
    for user, session, interests, neighbours in [(0, 0, 3, 10), (7, 2, 1, 1), (2**40, 999, 5, 7)]:
        drawn = words(seed, 0, user, 0, session)
        expected = (drawn[0] * interests >> 64, drawn[1] * neighbours >> 64)
        assert start(seed, user, session, interests, neighbours) == expected


@pytest.mark.parametrize("seed", SEEDS)
def test_a_track_is_heard_and_may_bore(seed: int, words: Words) -> None:
    vectors = padded(np.array([[2.0, 1.0], [1.0, 2.0], [-1.0, 0.5]]))  # 1 and 0 score 4
    seen = set()
    for user in range(20):
        for track, score in [(1, 4.0), (0, 5.0), (2, -1.5)]:
            step, session = user + 1, 3 * user
            time = math.floor(100 / (1 + math.exp(-(score - 4.5) * 0.5)) * 0.8 + 0.5)
            draw = (words(seed, step, user, 1, session)[0] >> 11) * 2.0**-53
            heard = listen(vectors, 0, track, 4.5, 0.5, 0.8, seed, user, session, step)
            assert heard == 2 * time + (draw > time / 100)
            seen.add(heard & 1)
    assert seen == {0, 1}
