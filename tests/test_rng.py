"""Draws are numpy's Philox, bit for bit, and a function of nothing but key and counter."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from abbotify import rng
from abbotify.recommenders.base import Request
from tests.conftest import printed_both_ways

TOP = 2**64 - 1
WORD = st.one_of(st.sampled_from([0, 1, 2**32, 2**63 - 1, 2**63, TOP]), st.integers(0, TOP))
WORDS = st.tuples(WORD, WORD, WORD, WORD, WORD, WORD)

# Known answers of the Random123 library (kat_vectors, philox4x64-10), Salmon et al. 2011.
RANDOM123: dict[tuple[int, ...], tuple[int, ...]] = {
    (0,) * 6: (
        0x16554D9ECA36314C,
        0xDB20FE9D672D0FDC,
        0xD7E772CEE186176B,
        0x7E68B68AEC7BA23B,
    ),
    (TOP,) * 6: (
        0x87B092C3013FE90B,
        0x438C3C67BE8D0224,
        0x9CC7D7C69CD777B6,
        0xA09CAEBF594F0BA0,
    ),
}


def numpy_philox(seed: int, stream: int, counter: tuple[int, ...]) -> np.random.Philox:
    """Numpy's generator placed so that its next block is the one of the given counter."""
    # numpy adds 1 to its counter before each block.
    number = sum(word << (64 * i) for i, word in enumerate(counter))
    before = (number - 1) % 2**256
    words = np.array([before >> (64 * i) & TOP for i in range(4)], np.uint64)
    return np.random.Philox(key=np.array([seed, stream], np.uint64), counter=words)


def unsigned(words: tuple[int, ...]) -> tuple[Any, Any, Any, Any, Any, Any]:
    # A compiled kernel takes Python's integers as signed.
    seed, stream, step, user, purpose, session = (np.uint64(word) for word in words)
    return seed, stream, step, user, purpose, session


def block(words: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(int(word) for word in rng.philox(*unsigned(words)))


@pytest.mark.parametrize("words", list(RANDOM123))
def test_known_answers_of_random123(words: tuple[int, ...]) -> None:
    assert block(words) == RANDOM123[words]


@given(WORDS)
def test_words_are_those_of_numpy(words: tuple[int, ...]) -> None:
    expected = numpy_philox(words[0], words[1], words[2:]).random_raw(4)
    assert block(words) == tuple(int(word) for word in expected)
    signed = rng.philox(*(word if word < 2**63 else word - 2**64 for word in words))
    assert tuple(int(word) for word in signed) == block(words)


@given(WORDS)
def test_a_real_number_is_the_one_numpy_makes(words: tuple[int, ...]) -> None:
    generator = np.random.Generator(numpy_philox(words[0], words[1], words[2:]))
    reals = [rng.real(np.uint64(word)) for word in rng.philox(*unsigned(words))]
    assert reals == generator.random(4).tolist()
    assert rng.uniform(*unsigned(words)) == reals[0]


def test_reals_fill_the_half_open_unit_interval() -> None:
    assert rng.real(np.uint64(0)) == 0.0
    assert rng.real(np.uint64(TOP)) == 1.0 - 2.0**-53


@given(WORDS, st.integers(1, 2**62))
def test_a_bounded_choice_is_the_high_word_of_the_product(words: tuple[int, ...], n: int) -> None:
    word = block(words)[0]
    assert rng.bounded(np.uint64(word), n) == (word * n) >> 64
    assert rng.choice(*unsigned(words), n) == (word * n) >> 64


@given(WORD, WORD)
def test_the_high_word_of_a_product(a: int, b: int) -> None:
    assert int(rng.mul_high(np.uint64(a), np.uint64(b))) == (a * b) >> 64


def test_choices_are_uniform() -> None:
    counts = np.bincount([rng.choice(5, 0, 0, user, 2, 0, 7) for user in range(7000)])
    chi_squared = float(((counts - 1000.0) ** 2 / 1000.0).sum())
    assert chi_squared < 22.5  # the 0.999 quantile of 6 degrees of freedom


def purposes() -> list[int]:
    return [value for name, value in vars(rng.Purpose).items() if name.isupper()]


def test_purposes_and_streams_are_distinct_and_leave_room_for_attempts() -> None:
    streams = [value for name, value in vars(rng.Stream).items() if name.isupper()]
    assert len(set(purposes())) == len(purposes())
    assert len(set(streams)) == len(streams)
    assert all(0 <= purpose < 2**32 for purpose in purposes())


def test_attempts_of_different_purposes_never_meet() -> None:
    numbers = [0, 1, 2, 3, 1000, 2**31 - 1]
    keys = [rng.attempt(purpose, number) for purpose in purposes() for number in numbers]
    assert len(set(keys)) == len(keys)
    assert all(rng.attempt(purpose, 0) == purpose for purpose in purposes())
    assert all(0 <= key < 2**63 for key in keys)


def test_each_word_of_key_and_counter_changes_the_block() -> None:
    base = (1, 2, 3, 4, 5, 6)
    blocks = {block(base)}
    for place in range(6):
        blocks.add(block((*base[:place], 99, *base[place + 1 :])))
    assert len(blocks) == 7


@pytest.mark.parametrize("columns", [0, 1, 2, 3, 4, 5, 9])
def test_a_row_depends_on_its_own_number_alone(columns: int) -> None:
    for fill in (rng.uniforms, rng.normals):
        whole = fill(2**63 + 5, 1, 16, 12, columns)
        assert whole.shape == (12, columns)
        parts = [fill(2**63 + 5, 1, 16, count, columns, first=at) for at, count in ((0, 5), (5, 7))]
        assert np.array_equal(np.concatenate(parts), whole)


def test_rows_may_have_any_numbers() -> None:
    whole = rng.uniforms(3, 2, 19, 50, 6)
    assert np.array_equal(rng.uniforms(3, 2, 19, np.array([40, 7]), 6), whole[[40, 7]])


def test_a_row_starts_the_same_whatever_its_length() -> None:
    long = rng.uniforms(3, 1, 16, 4, 11)
    for columns in range(11):
        assert np.array_equal(rng.uniforms(3, 1, 16, 4, columns), long[:, :columns])


def test_uniforms_are_numpys_reals_of_the_documented_counter() -> None:
    out = rng.uniforms(7, 2, 19, 3, 6, first=40)
    for row in range(3):
        for number in range(2):
            generator = np.random.Generator(numpy_philox(7, 2, (number, 40 + row, 19, 0)))
            expected = generator.random(4)[: 6 - 4 * number]
            assert out[row, 4 * number : 4 * number + 4].tolist() == expected.tolist()


@pytest.mark.parametrize("columns", [1, 4, 5])
def test_normals_are_box_mullers_pairs(columns: int) -> None:
    got = rng.normals(11, 2, 19, 50, columns)
    pairs = rng.uniforms(11, 2, 19, 50, columns + columns % 2)
    for row in range(50):
        for column in range(columns):
            u, v = pairs[row, column - column % 2], pairs[row, column - column % 2 + 1]
            wave = math.sin if column % 2 else math.cos
            expected = math.sqrt(-2 * math.log(1 - u)) * wave(2 * math.pi * v)
            assert got[row, column] == pytest.approx(expected, rel=1e-14, abs=1e-300)


def test_normals_have_the_moments_of_the_normal_distribution() -> None:
    x = rng.normals(1, 2, 19, 20_000, 5).ravel()
    n = len(x)
    assert np.isfinite(x).all()
    # Five standard errors of each sample moment.
    assert abs(x.mean()) < 5 / math.sqrt(n)
    assert abs((x**2).mean() - 1) < 5 * math.sqrt(2 / n)
    assert abs((x**3).mean()) < 5 * math.sqrt(15 / n)
    assert abs((x**4).mean() - 3) < 5 * math.sqrt(96 / n)
    columns = x.reshape(-1, 5)
    for left, right in pairwise(range(5)):
        assert abs(np.corrcoef(columns[:, left], columns[:, right])[0, 1]) < 5 / math.sqrt(n / 5)


PROBE = """
import numpy as np
from abbotify import rng
top = 2**64 - 1
for numbers in ((0,) * 6, (top,) * 6, (2**63, 1, 2, 3, 4 | 5 << 32, 6)):
    words = [np.uint64(number) for number in numbers]
    block = rng.philox(*words)
    print([int(word) for word in block], [float(rng.real(np.uint64(word))).hex() for word in block])
    print(int(rng.choice(*words, 1000)), float(rng.uniform(*words)).hex())
print([x.hex() for x in rng.uniforms(top, 1, 16, 3, 5, first=2).ravel().tolist()])
print([x.hex() for x in rng.normals(2**63, 1, 16, 3, 5).ravel().tolist()])
"""


@pytest.mark.parametrize("seed", [0, 2**63 - 1, 2**63, TOP])
def test_a_request_draws_with_any_seed(seed: int) -> None:
    request = Request(9, 0, 2, 3, 1, 1, 0.5, [1], [], rng.seed_word(seed))
    purpose = rng.Purpose.RECOMMEND
    for attempt in (0, 1, 2**31 - 1):
        words = unsigned((seed, rng.Stream.USERS, 3, 9, purpose | attempt << 32, 2))
        assert request.uniform(attempt) == rng.uniform(*words)
        assert request.choice(1000, attempt) == rng.choice(*words, 1000)


def test_interpreted_and_compiled_draws_are_the_same_bits() -> None:
    compiled, interpreted = printed_both_ways(PROBE)
    assert compiled == interpreted != ""
